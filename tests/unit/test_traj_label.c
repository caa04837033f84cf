/* SPDX-License-Identifier: Apache-2.0 */
#include "traj_fixture.h"

static const char rules[] =
	"title: secret\nid: secret\nlogsource: {product: linux, category: file_access}\n"
	"detection: {s: {TargetFilename|endswith: /id_rsa}, condition: s}\n"
	"holdfast: {verdict: note, label: {add: [secret-read], to: session}}\n"
	"---\ntitle: taint\nid: taint\nlogsource: {product: linux, category: file_access}\n"
	"detection: {s: {TargetFilename: /in}, condition: s}\n"
	"holdfast: {verdict: note, label: {add: [untrusted-input], to: process}}\n"
	"---\ntitle: dl\nid: dl\nlogsource: {product: linux, category: file_event}\n"
	"detection: {s: {Image|endswith: /curl, OpenFlags: write}, condition: s}\n"
	"holdfast: {verdict: note, label: {add: [downloaded], to: file}}\n"
	"---\ntitle: run\nid: run\nlogsource: {product: linux, category: process_creation}\n"
	"detection: {s: {FileLabels: downloaded}, condition: s}\nlevel: high\n"
	"---\ntitle: exfil\nid: exfil\nlogsource: {product: linux, category: network_connection}\n"
	"detection: {s: {Labels: secret-read}, condition: s}\nlevel: high\n"
	"---\ntitle: tainted\nid: tainted\nlogsource: {product: linux, category: network_connection}\n"
	"detection: {s: {Labels: untrusted-input}, condition: s}\nlevel: high\n"
	"---\ntitle: ptaint\nid: ptaint\nlogsource: {product: linux, category: network_connection}\n"
	"detection: {s: {ParentLabels: untrusted-input}, condition: s}\nlevel: high\n"
	"---\ntitle: seen\nid: seen\nlogsource: {product: linux, category: file_access}\n"
	"detection: {s: {FileLabels: downloaded}, condition: s}\nlevel: high\n"
	"---\ntitle: moved\nid: moved\nlogsource: {product: linux, category: file_rename}\n"
	"detection: {s: {FileLabels: downloaded}, condition: s}\nlevel: high\n";

static void setup(struct world *w)
{
	world_open(w, rules, NULL);
	first(w, 10);
	forks(w, 10, 11);
	execs(w, 11, "/usr/bin/curl", HF_STR("curl\0"));
}

static void session_labels_reach_everyone(void **state)
{
	struct world w;
	char out[64];

	setup(&w);
	assert_false(found(connects(&w, 11), "exfil"));
	assert_true(found(opens(&w, 10, "/home/u/.ssh/id_rsa", O_RDONLY), "secret"));
	assert_true(found(connects(&w, 11), "exfil"));
	hf_traj_labels_format(w.t, hf_traj_labels(w.t), out, sizeof(out));
	assert_string_equal(out, "secret-read");
	assert_string_equal(hf_traj_label_name(w.t, 0), "secret-read");
	assert_null(hf_traj_label_name(w.t, 3));
	hf_traj_labels_format(w.t, UINT64_MAX, out, sizeof(out));
	assert_string_equal(out, "secret-read untrusted-input downloaded");
	hf_traj_labels_format(w.t, UINT64_MAX, out, 14);
	assert_string_equal(out, "secret-read");
	world_close(&w);
}

static void denied_and_failed_actions_label_nothing(void **state)
{
	struct world w;
	struct hf_action a;

	setup(&w);
	a = open_of(&w, 10, "/home/u/.ssh/id_rsa", O_RDONLY);
	a.flags = HF_ACT_ASKED | HF_ACT_DENIED;
	assert_true(found(go(&w, &a), "secret"));
	assert_int_equal(hf_traj_labels(w.t), 0);
	assert_int_equal(hf_traj_stats(w.t)->denied, 1);
	a.flags = HF_ACT_OUTCOME;
	a.ret = -EACCES;
	go(&w, &a);
	assert_int_equal(hf_traj_labels(w.t), 0);
	a.ret = 3;
	go(&w, &a);
	assert_int_not_equal(hf_traj_labels(w.t), 0);
	world_close(&w);
}

static void process_labels_go_down_at_fork_only(void **state)
{
	struct world w;

	setup(&w);
	forks(&w, 10, 12);
	opens(&w, 10, "/in", O_RDONLY);
	assert_true(found(connects(&w, 10), "tainted"));
	assert_false(found(connects(&w, 12), "tainted"));	/* forked before */
	assert_true(found(connects(&w, 12), "ptaint"));
	forks(&w, 10, 13);
	assert_true(found(connects(&w, 13), "tainted"));
	forks(&w, 12, 14);
	assert_false(found(connects(&w, 14), "tainted"));
	assert_false(found(connects(&w, 14), "ptaint"));
	assert_true(found(connects(&w, 99), "tainted"));	/* nobody knows whose child: it could be 13's */
	world_close(&w);
}

static struct hf_action exec_file(struct world *w, const char *path, uint64_t ino)
{
	struct hf_action a = exec_of(w, 10, path, HF_STR("x\0"));

	a.dev = ino ? 8 : 0;
	a.ino = ino;
	a.flags = HF_ACT_ASKED | HF_ACT_DENIED;		/* only judged: the world stays as it is */
	return a;
}

static bool runs_downloaded(struct world *w, const char *path, uint64_t ino)
{
	struct hf_action a = exec_file(w, path, ino);

	return found(go(w, &a), "run");
}

/* curl writes path: asked for before it exists, then confirmed with its inode. */
static void download(struct world *w, const char *path, uint64_t ino, uint32_t flags)
{
	struct hf_action a = open_of(w, 11, path, O_WRONLY | O_CREAT | flags);

	a.flags = HF_ACT_ASKED;
	assert_true(found(go(w, &a), "dl"));
	assert_true(runs_downloaded(w, path, 0));	/* already by its name */
	a.flags = HF_ACT_CONFIRM | HF_ACT_OUTCOME;
	a.ret = 5;
	a.dev = 8;
	a.ino = ino;
	a.nr = 257;
	hf_traj_commit(w->t, &a, NULL);
}

static void renames(struct world *w, const char *from, const char *to, uint32_t nr, bool asked)
{
	struct hf_action a = act(w, HF_RENAME, 10);

	a.path = hf_str_of(to);
	a.path2 = hf_str_of(from);
	a.nr = nr;
	a.flags = asked ? HF_ACT_ASKED : HF_ACT_OUTCOME;
	go(w, &a);
	if (asked) {
		a.flags = HF_ACT_CONFIRM | HF_ACT_OUTCOME;
		hf_traj_commit(w->t, &a, NULL);
	}
}

static void files_keep_labels_by_inode_and_name(void **state)
{
	struct world w;
	struct hf_action a;

	setup(&w);
	download(&w, "/tmp/x", 500, 0);
	assert_true(runs_downloaded(&w, "/tmp/x", 500));
	assert_true(runs_downloaded(&w, "/other/name", 500));	/* a hard link nobody saw, a bind mount */
	assert_false(runs_downloaded(&w, "/other/name", 501));
	assert_false(runs_downloaded(&w, "/tmp/y", 0));
	renames(&w, "/tmp/x", "/tmp/y", 82, true);
	assert_true(found(&w.j, "moved"));
	assert_true(runs_downloaded(&w, "/tmp/y", 0));
	assert_false(runs_downloaded(&w, "/tmp/x", 0));
	renames(&w, "/tmp/y", "/tmp/z", 316, false);		/* might be an exchange */
	assert_true(runs_downloaded(&w, "/tmp/y", 0));
	assert_true(runs_downloaded(&w, "/tmp/z", 0));
	a = act(&w, HF_LINK, 10);
	a.path = HF_STR("/tmp/l");
	a.path2 = HF_STR("/tmp/z");
	go(&w, &a);
	assert_true(runs_downloaded(&w, "/tmp/l", 0));
	world_close(&w);
}

static void a_rename_that_failed_moves_nothing_away(void **state)
{
	struct world w;
	struct hf_action a;

	setup(&w);
	download(&w, "/tmp/x", 500, 0);
	a = act(&w, HF_RENAME, 10);
	a.path = HF_STR("/tmp/y");
	a.path2 = HF_STR("/tmp/x");
	a.nr = 82;
	a.flags = HF_ACT_ASKED;
	go(&w, &a);
	a.flags = HF_ACT_CONFIRM | HF_ACT_OUTCOME;
	a.ret = -EXDEV;
	hf_traj_commit(w.t, &a, NULL);
	assert_true(runs_downloaded(&w, "/tmp/x", 0));
	world_close(&w);
}

static void a_new_inode_starts_clean(void **state)
{
	struct world w;
	struct hf_action a;

	setup(&w);
	download(&w, "/tmp/x", 500, 0);
	a = act(&w, HF_UNLINK, 10);
	a.path = HF_STR("/tmp/x");
	a.flags = HF_ACT_OUTCOME;
	go(&w, &a);
	assert_false(runs_downloaded(&w, "/tmp/x", 0));
	assert_true(runs_downloaded(&w, "/tmp/other-link", 500));	/* the name went, other names may be left */

	a = open_of(&w, 10, "/home/u/proj/new", O_WRONLY | O_CREAT | O_EXCL);
	a.flags = HF_ACT_OUTCOME;
	a.ret = 3;
	a.dev = 8;
	a.ino = 500;
	a.nr = 437;			/* openat2: its flags were in memory */
	go(&w, &a);
	assert_true(runs_downloaded(&w, "/home/u/proj/new", 500));
	a.nr = 257;
	a.open_flags &= ~(uint32_t)O_EXCL;
	go(&w, &a);
	assert_true(runs_downloaded(&w, "/home/u/proj/new", 500));
	a.open_flags |= O_EXCL;
	go(&w, &a);
	assert_false(runs_downloaded(&w, "/home/u/proj/new", 500));
	world_close(&w);
}

static void the_oldest_file_goes_first(void **state)
{
	const struct hf_traj_limits lim = { .files = 16 };
	struct world w;
	char path[32];

	world_open(&w, rules, &lim);
	first(&w, 10);
	forks(&w, 10, 11);
	execs(&w, 11, "/usr/bin/curl", HF_STR("curl\0"));
	for (int i = 0; i < 20; i++) {
		snprintf(path, sizeof(path), "/tmp/f%d", i);
		opens(&w, 11, path, O_WRONLY);
		opens(&w, 11, "/tmp/f0", O_WRONLY);	/* f0 is used all the time */
	}
	assert_true(runs_downloaded(&w, "/tmp/f0", 0));
	assert_false(runs_downloaded(&w, "/tmp/f1", 0));
	assert_true(runs_downloaded(&w, "/tmp/f19", 0));
	assert_int_equal(hf_traj_stats(w.t)->forgotten_files, 4);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(session_labels_reach_everyone),
		cmocka_unit_test(denied_and_failed_actions_label_nothing),
		cmocka_unit_test(process_labels_go_down_at_fork_only),
		cmocka_unit_test(files_keep_labels_by_inode_and_name),
		cmocka_unit_test(a_rename_that_failed_moves_nothing_away),
		cmocka_unit_test(a_new_inode_starts_clean),
		cmocka_unit_test(the_oldest_file_goes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
