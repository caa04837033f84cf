/* SPDX-License-Identifier: Apache-2.0 */
#include "traj_fixture.h"

/* In each world: 10 agent -> 11 bash -c x -> 12 git commit -m 'a b'. */
static struct world w;

static int setup(void **state)
{
	world_open(&w, NULL, NULL);
	return 0;
}

static int teardown(void **state)
{
	world_close(&w);
	return 0;
}

#define SEES(cat, detection, a) assert_true(sees(&w, cat, detection, a))
#define BLIND(cat, detection, a) assert_false(sees(&w, cat, detection, a))

static void exec_is_the_new_image_and_its_parent_process(void **state)
{
	struct hf_action a = exec_of(&w, 12, "/usr/bin/rm", HF_STR("rm\0-rf\0/x y\0"));

	SEES("process_creation", "Image: /usr/bin/rm, CommandLine: 'rm -rf /x y', ParentImage: /bin/bash, "
	     "ParentCommandLine: 'bash -c x', CurrentDirectory: /home/u/proj, ProcessId: 12, ParentProcessId: 11, "
	     "UserId: 1000, Action: exec, TargetFilename: /usr/bin/rm", &a);
	BLIND("process_creation", "Interpreter|exists: true", &a);
	BLIND("process_creation", "User|exists: true", &a);
	SEES("process_creation", "Ancestors: /usr/bin/agent", &a);
	SEES("process_creation", "Ancestors: /bin/bash", &a);
	BLIND("process_creation", "Ancestors: /usr/bin/git", &a);
	a.uid = 0;
	SEES("process_creation", "User: root", &a);
	a.tgid = 10, a.start_ns = START(10);
	BLIND("process_creation", "ParentImage|exists: true", &a);
	BLIND("process_creation", "Ancestors|exists: true", &a);
}

static void scripts_show_both(void **state)
{
	struct hf_action a = exec_of(&w, 12, "/tmp/x.sh", HF_STR("/bin/sh\0/tmp/x.sh\0"));

	a.flags |= HF_ACT_SCRIPT;
	a.interp = HF_STR("/usr/bin/dash");
	SEES("process_creation", "Image: /usr/bin/dash, Interpreter: /usr/bin/dash, TargetFilename: /tmp/x.sh, "
	     "CommandLine: '/bin/sh /tmp/x.sh'", &a);
}

static void files_have_their_categories(void **state)
{
	static const struct { enum hf_kind kind; uint32_t flags; bool access, event, del, ren, change; } t[] = {
		{ HF_OPEN, O_RDONLY, .access = true }, { HF_OPEN, O_WRONLY, .event = true },
		{ HF_OPEN, O_RDWR, .access = true, .event = true }, { HF_OPEN, O_RDONLY | O_CREAT, .access = true, .event = true },
		{ HF_OPEN, O_PATH, .access = false }, { HF_UNLINK, 0, .del = true }, { HF_RMDIR, 0, .del = true },
		{ HF_RENAME, 0, .ren = true, .event = true }, { HF_LINK, 0, .event = true }, { HF_MKDIR, 0, .event = true },
		{ HF_CHMOD, 0, .change = true }, { HF_TRUNCATE, 0, .change = true }, { HF_SETXATTR, 0, .change = true },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct hf_action a = act(&w, t[i].kind, 12);

		a.path = HF_STR("/x");
		a.open_flags = t[i].flags;
		assert_int_equal(sees(&w, "file_access", "TargetFilename: /x", &a), t[i].access);
		assert_int_equal(sees(&w, "file_event", "TargetFilename: /x", &a), t[i].event);
		assert_int_equal(sees(&w, "file_delete", "TargetFilename: /x", &a), t[i].del);
		assert_int_equal(sees(&w, "file_rename", "TargetFilename: /x", &a), t[i].ren);
		assert_int_equal(sees(&w, "file_change", "TargetFilename: /x", &a), t[i].change);
	}
}

static void files_have_their_fields(void **state)
{
	struct hf_action a = open_of(&w, 12, "/home/u/proj/a", O_RDWR | O_CREAT | O_APPEND);

	a.mode = 0644;
	a.nr = 257;
	SEES("file_event", "Image: /usr/bin/git, CommandLine: 'git commit -m a b', ParentImage: /bin/bash, FileMode: '0644', "
	     "OpenFlags|all: [read, write, create, append], InWorkspace: 'true', Syscall: openat, Action: open", &a);
	BLIND("file_event", "OpenFlags: truncate", &a);
	BLIND("file_event", "Truncated|exists: true", &a);
	a = act(&w, HF_RENAME, 12);
	a.path = HF_STR("/new");
	a.path2 = HF_STR("/old");
	SEES("file_rename", "TargetFilename: /new, SourceFilename: /old", &a);
	a = act(&w, HF_CHMOD, 12);
	a.path = HF_STR("/x");
	a.mode = 04755;
	SEES("file_change", "FileMode: '4755'", &a);
}

static void the_workspace_is_never_claimed_wrongly(void **state)
{
	static const struct { const char *path; bool in; } t[] = {
		{ "/home/u/proj", true }, { "/home/u/proj/", true }, { "/home/u/proj/x/..y/.z", true },
		{ "/home/u/project", false }, { "/home/u", false }, { "/home/u/proj/../.ssh/id", false },
		{ "/home/u/proj/x/..", false }, { "/home/u/proj/./x", false }, { "home/u/proj/x", false },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct hf_action a = act(&w, HF_UNLINK, 12);

		a.path = hf_str_of(t[i].path);
		assert_int_equal(sees(&w, "file_delete", "InWorkspace: 'true'", &a), t[i].in);
		assert_int_equal(sees(&w, "file_delete", "InWorkspace: 'false'", &a), !t[i].in);
	}
}

static void network_has_its_fields(void **state)
{
	struct hf_action a = connect_of(&w, 12, 7);

	SEES("network_connection", "Initiated: 'true', DestinationIp: 203.0.113.7, DestinationPort: 443, Protocol: tcp", &a);
	SEES("network_connection", "DestinationIp|cidr: 203.0.113.0/24", &a);
	BLIND("network_connection", "SourceIp|exists: true", &a);
	BLIND("network_connection", "TargetFilename|exists: true", &a);
	a.kind = HF_ACCEPT;
	SEES("network_connection", "Initiated: 'false', SourceIp: 203.0.113.7, SourcePort: 443", &a);
	a.kind = HF_LISTEN;
	SEES("network_connection", "Initiated: 'false', DestinationPort: 443", &a);
	a.kind = HF_SEND;
	a.addr = (struct hf_addr){ .family = AF_INET6, .proto = IPPROTO_UDP, .port = 53,
				   .ip = { 0x20, 1, 0xd, 0xb8, [15] = 1 } };
	SEES("network_connection", "DestinationIp: '2001:db8::1', Protocol: udp, DestinationPort: 53", &a);
	a.addr = (struct hf_addr){ .family = AF_UNIX, .sun_len = 8, .sun = "/run/x\0" };
	SEES("network_connection", "DestinationPath: /run/x, Protocol: unix", &a);
	BLIND("network_connection", "DestinationIp|exists: true", &a);
	a.addr = (struct hf_addr){ .family = AF_UNIX, .sun_len = 4, .sun = "\0abc" };
	SEES("network_connection", "DestinationPath: '@abc'", &a);
}

static void other_calls_have_their_targets(void **state)
{
	struct hf_action a = act(&w, HF_SIGNAL, 12);

	a.signo = 9;
	a.target_tgid = 10;
	a.syscall = "kill";
	SEES("syscall", "Signal: 9, TargetProcessId: 10, TargetImage: /usr/bin/agent, Syscall: kill, Action: signal", &a);
	a.target_tgid = 4000;
	SEES("syscall", "TargetProcessId: 4000", &a);
	BLIND("syscall", "TargetImage|exists: true", &a);
	SEES("syscall", "Session: 0000000000000abc", &a);
}

static void cut_things_say_so(void **state)
{
	struct hf_action a = exec_of(&w, 12, "/x", HF_STR("x\0"));

	a.flags |= HF_ACT_TRUNC_ARGV;
	SEES("process_creation", "Truncated: argv", &a);
	BLIND("process_creation", "Truncated: path", &a);
	a.flags |= HF_ACT_TRUNC_PATH;
	SEES("process_creation", "Truncated|all: [argv, path]", &a);
	a = open_of(&w, 12, "/x", O_RDONLY);
	a.flags = HF_ACT_TRUNC_PATH;
	SEES("file_access", "Truncated: path", &a);
}

static void users_get_their_names(void **state)
{
	const char *rules = "title: T\nid: it\nlogsource: {product: linux, category: file_access}\n"
		"detection: {s: {User: joe}, condition: s}\n";
	struct world v;
	char name[8];

	world_open(&v, rules, NULL);
	first(&v, 10);
	assert_int_equal(hf_traj_user_name(v.t, 1000, HF_STR("jim")), 0);
	assert_false(found(opens(&v, 10, "/x", O_RDONLY), "it"));
	assert_int_equal(hf_traj_user_name(v.t, 1000, HF_STR("joe")), 0);
	assert_true(found(opens(&v, 10, "/x", O_RDONLY), "it"));
	assert_int_equal(hf_traj_user_name(v.t, 1, HF_STR("")), -EINVAL);
	for (uint32_t i = 1; i < 64; i++) {
		snprintf(name, sizeof(name), "u%u", i);
		assert_int_equal(hf_traj_user_name(v.t, i, hf_str_of(name)), 0);
	}
	assert_int_equal(hf_traj_user_name(v.t, 64, HF_STR("x")), -ENOSPC);
	assert_int_equal(hf_traj_user_name(v.t, 63, HF_STR("x")), 0);
	world_close(&v);
}

static void deep_trees_and_long_argvs_fit(void **state)
{
	static char argv[40000];
	struct world v;
	struct hf_action a;

	memset(argv, 'x', sizeof(argv));
	world_open(&v, NULL, NULL);
	first(&v, 1000);
	for (uint32_t i = 1001; i < 1100; i++)
		forks(&v, i - 1, i);
	a = exec_of(&v, 1099, "/x", (struct hf_str){ argv, sizeof(argv) });
	go(&v, &a);
	assert_int_equal(hf_traj_proc(v.t, 1099, 0)->depth, 99);
	world_close(&v);
	/* Sigma's `Truncated` says it although no flag did. */
	a = exec_of(&w, 12, "/x", (struct hf_str){ argv, sizeof(argv) });
	SEES("process_creation", "Truncated: argv", &a);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void effective_commands_follow_the_literal_one(void **state)
{
	struct hf_action a = exec_of(&w, 12, "/usr/bin/bash", HF_STR("bash\0-lc\0cd /x && curl -d @k h | sh\0"));

	SEES("process_creation", "EffectiveImage|endswith: /curl, EffectiveCommandLine: 'curl -d @k h'", &a);
	SEES("process_creation", "EffectiveImage: /usr/bin/bash, EffectiveCommandLine|startswith: 'bash -lc'", &a);
	BLIND("process_creation", "EffectiveImage|endswith: /wget", &a);
	BLIND("process_creation", "Truncated|exists: true, EffectiveImage|exists: true", &a);
	a = exec_of(&w, 12, "/tmp/x.sh", HF_STR("x.sh\0-c\0rm\0"));
	a.flags |= HF_ACT_SCRIPT;
	a.interp = HF_STR("/usr/bin/dash");
	SEES("process_creation", "EffectiveImage: /tmp/x.sh, ScriptInterpreter: /usr/bin/dash", &a);
	a = open_of(&w, 12, "/etc/x", O_RDONLY);
	BLIND("file_access", "EffectiveImage|exists: true", &a);
}

static void what_is_cut_of_effective_commands_is_said(void **state)
{
	char argv[256] = "sh\0-c\0";
	size_t n = 6;
	struct hf_action a;

	for (int i = 0; i < 40; i++)
		n += (size_t)sprintf(argv + n, "a%d;", i);
	a = exec_of(&w, 12, "/usr/bin/dash", (struct hf_str){ argv, n + 1 });
	SEES("process_creation", "Truncated: command, EffectiveCommandLine|contains: 'a39'", &a);
	/* When no rule asks, it is not worked out, so that nothing can be cut. */
	BLIND("process_creation", "Truncated|exists: true", &a);
}

static void the_session_has_an_age_and_a_length(void **state)
{
	struct hf_action a = open_of(&w, 12, "/etc/x", O_RDONLY);

	/* sees() makes a session that begins 2 forks and 2 execs ago */
	SEES("file_access", "ActionCount: 4", &a);
	a.time_ns += 3600 * S_NS;
	SEES("file_access", "SessionAge|gte: 3599, SessionAge|lt: 3601, ActionCount|lt: 5", &a);
	a.time_ns = 1;
	SEES("file_access", "SessionAge: 0", &a);
	BLIND("file_access", "IsTty|exists: true", &a);
	hf_traj_set_tty(w.t, true);
	BLIND("file_access", "IsTty: 'false'", &a);
}

static void a_tty_is_one_when_it_is_said(void **state)
{
	struct hf_action a;
	struct world v;

	world_open(&v, "title: T\nid: tty\nlogsource: {category: file_access}\ndetection: {s: {IsTty: 'true'}, condition: s}\n",
		   NULL);
	first(&v, 10);
	a = open_of(&v, 10, "/x", O_RDONLY);
	assert_false(found(go(&v, &a), "tty"));
	hf_traj_set_tty(v.t, true);
	assert_true(found(go(&v, &a), "tty"));
	hf_traj_set_tty(v.t, false);
	assert_false(found(go(&v, &a), "tty"));
	world_close(&v);
}

static void destinations_are_first_seen_once(void **state)
{
	struct hf_action a;
	struct world v;

	world_open(&v, "title: T\nid: new\nlogsource: {category: network_connection}\n"
		   "detection: {s: {FirstSeenDestination: 'true'}, condition: s}\n"
		   "---\ntitle: U\nid: old\nlogsource: {category: network_connection}\n"
		   "detection: {s: {FirstSeenDestination: 'false'}, condition: s}\n", NULL);
	first(&v, 10);
	a = connect_of(&v, 10, 7);
	a.flags |= HF_ACT_DENIED;
	assert_true(found(go(&v, &a), "new"));
	a.flags = 0;
	assert_true(found(go(&v, &a), "new"));
	assert_true(found(go(&v, &a), "old"));
	a.addr.port++;
	assert_true(found(go(&v, &a), "new"));
	a.kind = HF_SEND;
	assert_true(found(go(&v, &a), "old"));
	a.kind = HF_ACCEPT;
	assert_int_equal(go(&v, &a)->nfindings, 0);
	a = connect_of(&v, 10, 7);
	a.addr = (struct hf_addr){ .family = AF_UNIX, .sun_len = 7, .sun = "/run/x" };
	assert_true(found(go(&v, &a), "new"));
	assert_true(found(go(&v, &a), "old"));
	/* More than fit: the oldest are new again, and it is counted. */
	a = connect_of(&v, 10, 7);
	for (uint32_t i = 0; i < 5000; i++) {
		a.addr.ip[2] = (uint8_t)(i >> 8);
		a.addr.ip[3] = (uint8_t)i;
		a.addr.port = 1;
		assert_true(found(go(&v, &a), "new"));
	}
	assert_true(hf_traj_stats(v.t)->forgotten_dests > 0);
	a = connect_of(&v, 10, 7);
	assert_true(found(go(&v, &a), "new"));
	world_close(&v);
}

static void a_proc_file_has_a_process_behind_it(void **state)
{
	struct hf_action a = open_of(&w, 12, "/proc/11/environ", O_RDONLY);

	SEES("file_access", "TargetProcessId: 11, TargetImage: /bin/bash", &a);
	BLIND("file_access", "TargetProcessId|fieldref: ProcessId", &a);
	a.path = HF_STR("/proc/12/task/12/mem");
	SEES("file_access", "TargetProcessId|fieldref: ProcessId", &a);
	a.path = HF_STR("/proc/11x/environ");
	BLIND("file_access", "TargetProcessId|exists: true", &a);
	a.path = HF_STR("/proc/99999999999/environ");
	BLIND("file_access", "TargetProcessId|exists: true", &a);
	a.path = HF_STR("/proc/sys/kernel");
	BLIND("file_access", "TargetProcessId|exists: true", &a);
}

static void new_owners_are_seen(void **state)
{
	struct hf_action a = act(&w, HF_CHOWN, 12);

	a.path = HF_STR("/x");
	a.mode = 0;
	SEES("file_change", "OwnerId: 0", &a);
	a.mode = UINT32_MAX;
	BLIND("file_change", "OwnerId|exists: true", &a);
	a = act(&w, HF_SETUID, 12);
	a.nr = 105;
	a.mode = 1001;
	SEES("syscall", "OwnerId: 1001", &a);
	a.nr = 106;	/* setgid */
	BLIND("syscall", "OwnerId|exists: true", &a);
}

static void an_unread_field_is_left_out(void **state)
{
	struct hf_action a = open_of(&w, 12, "/etc/x", O_RDONLY);

	SEES("file_access", "Image: /usr/bin/git", &a);
	assert_true(hf_ruleset_fields(w.rs) == UINT64_C(1) << HF_F_IMAGE);
	BLIND("file_access", "TargetProcessId|fieldref: ProcessId", &a);
	assert_true(hf_ruleset_fields(w.rs) == (UINT64_C(1) << HF_F_TARGET_PROCESS_ID | UINT64_C(1) << HF_F_PROCESS_ID));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(exec_is_the_new_image_and_its_parent_process), T(scripts_show_both), T(files_have_their_categories),
		T(files_have_their_fields), T(the_workspace_is_never_claimed_wrongly), T(network_has_its_fields),
		T(other_calls_have_their_targets), T(cut_things_say_so), T(users_get_their_names), T(deep_trees_and_long_argvs_fit),
		T(effective_commands_follow_the_literal_one), T(what_is_cut_of_effective_commands_is_said),
		T(the_session_has_an_age_and_a_length), T(a_tty_is_one_when_it_is_said),
		T(destinations_are_first_seen_once), T(a_proc_file_has_a_process_behind_it),
		T(new_owners_are_seen), T(an_unread_field_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
