/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subcommands against engines of our own, in a mount and cgroup namespace of our own: `kill all` must not reach the
 * sessions of the machine that runs the tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "engine/ctl.h"
#include "guard/cgroup.h"

#define CODEX 0x7f3a000000000001ull
#define CLAUDE 0x7f3a800000000002ull
#define STUCK 0x51c0000000000003ull
#define LEFT 0x0123456789abcdefull

struct engine {
	uint64_t session;
	const char *name;
	unsigned holds[4];
};
static char out[65536];

static void hold_line(const struct engine *e, struct hf_ctl *c, unsigned n)
{
	char buf[2048], id[40];
	struct hf_jsonw w;

	hf_ctl_hold_id(e->session, n, id, sizeof(id));
	hf_jsonw_init(&w, buf, sizeof(buf));
	hf_jsonw_obj(&w, NULL);
	hf_jsonw_strz(&w, "id", id);
	hf_jsonw_hex64(&w, "session", e->session);
	hf_jsonw_strz(&w, "session_name", e->name);
	hf_jsonw_strz(&w, "summary", "connect 203.0.113.7:443 (tcp)");
	hf_jsonw_strz(&w, "rule", "secret-then-connect");
	hf_jsonw_strz(&w, "title", "Key read, then connection");
	hf_jsonw_strz(&w, "level", "high");
	hf_jsonw_u64(&w, "expires_in_ms", 112000);
	hf_jsonw_u64(&w, "pid", 1251);
	hf_jsonw_str(&w, "argv", HF_STR("curl \033[31m\xff"));
	hf_jsonw_end_obj(&w);
	hf_ctl_line(c, (struct hf_str){ buf, w.n });
}

static int answer(void *ctx, struct hf_ctl *c, const struct hf_ctl_peer *peer, const struct hf_control *req, char *err, size_t cap)
{
	const struct engine *e = ctx;
	char buf[512];

	if (!hf_control_is_for(req, e->session))
		return -ESRCH;
	if (req->cmd == HF_CTL_HOLDS) {
		for (unsigned i = 0; e->holds[i]; i++)
			hold_line(e, c, e->holds[i]);
		return 0;
	}
	if (req->cmd == HF_CTL_APPROVE || req->cmd == HF_CTL_DENY) {
		hold_line(e, c, req->hold);
		return 0;
	}
	snprintf(buf, sizeof(buf), "{\"id\":\"%016llx\",\"name\":\"%s\",\"state\":\"running\",\"command\":\"%s --yolo\","
		 "\"user\":\"u\",\"since\":\"2026-11-24T08:23:49Z\",\"actions\":12,\"holds\":1,\"journal\":\"/var/j\"}",
		 (unsigned long long)e->session, e->name, e->name);
	hf_ctl_line(c, hf_str_of(buf));
	return 0;
}

static pid_t engine(const struct engine *e)
{
	int ready[2];
	char ok = 0;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct hf_ctl *c = NULL;
		struct pollfd p = { .events = POLLIN };

		alarm(60);
		if (hf_ctl_open(e->session, answer, (void *)e, &c) < 0 || write(ready[1], "+", 1) != 1)
			_exit(1);
		p.fd = hf_ctl_fd(c);
		while (poll(&p, 1, -1) >= 0)
			hf_ctl_step(c);
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &ok, 1), 1);
	close(ready[0]);
	return pid;
}

static int nothing(void *ctx, uint64_t session, const char *path)
{
	return 0;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	hf_ctl_each(nothing, NULL);	/* removes its socket */
}

/* A process in the group of a session; the group is made like the engine makes it. */
static pid_t member(uint64_t session)
{
	struct hf_cgroup c;
	pid_t pid;

	assert_int_equal(hf_cgroup_create(session, &c), 0);
	pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	assert_int_equal(hf_cgroup_add(&c, pid), 0);
	close(c.dir_fd);
	return pid;
}

static bool died_of_sigkill(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* Runs the program; both streams into out. The exit status. */
static int run(const char *args)
{
	char cmd[512];
	size_t n;
	FILE *f;

	snprintf(cmd, sizeof(cmd), HF_PROGRAM " %s 2>&1", args);
	f = popen(cmd, "r");
	assert_non_null(f);
	n = fread(out, 1, sizeof(out) - 1, f);
	out[n] = 0;
	return WEXITSTATUS(pclose(f));
}

#define SAYS(args, status, text) do { \
	int st_ = run(args); \
	if (st_ != (status) || !strstr(out, text)) \
		fail_msg("%s: status %d, said:\n%s", args, st_, out); \
} while (0)

static void usage_and_help(void **state)
{
	static const char *const cmds[] = { "sessions", "holds", "approve", "deny", "pause", "resume", "kill", "version" };
	char a[64];

	for (size_t i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++) {
		snprintf(a, sizeof(a), "%s --help", cmds[i]);
		SAYS(a, 0, "\nExample: ");
		snprintf(a, sizeof(a), "help %s", cmds[i]);
		SAYS(a, 0, "\nExample: ");
		snprintf(a, sizeof(a), "%s --nonsense", cmds[i]);
		SAYS(a, 2, ": unknown option '--nonsense'; see 'holdfast ");
		SAYS("--help", 0, cmds[i]);
	}
	SAYS("", 2, "Usage: holdfast COMMAND");
	SAYS("aprove 1", 2, "holdfast: unknown command 'aprove'; did you mean 'approve'?\n");
	SAYS("sess", 2, "did you mean 'sessions'?");
	SAYS("frobnicate", 2, "holdfast: unknown command 'frobnicate'; see 'holdfast --help'\n");
	SAYS("$(printf 'x\\033[2J')", 2, "unknown command 'x\\x1b[2J'");
	SAYS("help nonsense", 2, "unknown command 'nonsense'");
	SAYS("approve", 2, "holdfast approve: needs the id of a hold; see 'holdfast approve --help'\n");
	SAYS("approve 1 2", 2, "takes one id");
	SAYS("approve --scope always 1", 2, "--scope is once or session, not 'always'");
	SAYS("deny 7f3a-x", 2, "is not the id of a hold");
	SAYS("kill", 2, "needs a session, or all");
	SAYS("version --json", 0, "{\"version\":\"" HF_VERSION "\"}\n");
}

static void listings(void **state)
{
	static const struct engine codex = { CODEX, "codex", { 1, 2 } }, claude = { CLAUDE, "claude", { 2 } };
	pid_t a, b;

	SAYS("sessions", 0, "no session is running");
	SAYS("holds", 0, "nothing waits for a decision");
	run("holds --json");
	assert_string_equal(out, "");
	a = engine(&codex);
	b = engine(&claude);
	SAYS("sessions", 0, "7f3a000000000001  codex           running         u           2026-11-24T08:23:49Z        12      1\n"
	     "  codex --yolo\n  journal /var/j\n");
	SAYS("sessions --json", 0, "{\"id\":\"7f3a800000000002\",\"name\":\"claude\"");
	SAYS("holds", 0, "7f3a0-1  connect 203.0.113.7:443 (tcp)\n    by process 1251 of session codex: curl \\x1b[31m\\xff\n"
	     "    Key read, then connection (level high) [rule secret-then-connect]\n    denies in 1:52\n");
	SAYS("holds --json", 0, "{\"id\":\"7f3a8-2\",\"session\":\"7f3a800000000002\"");
	assert_null(strchr(out, '\033'));
	end(a);
	end(b);
	SAYS("sessions", 0, "no session is running");	/* dead engines' sockets are taken away */
	assert_int_equal(access(HF_CTL_DIR "/7f3a000000000001.sock", F_OK), -1);
}

static void decisions(void **state)
{
	static const struct engine codex = { CODEX, "codex", { 1, 2 } }, claude = { CLAUDE, "claude", { 2 } };
	pid_t a = engine(&codex), b = engine(&claude);

	SAYS("approve 1", 0, "approved 7f3a0-1 (once) in session codex: connect 203.0.113.7:443 (tcp)\n");
	SAYS("approve 7f3a8-2 --scope session", 0, "approved 7f3a8-2 (for this session) in session claude: connect");
	SAYS("deny 7f3a0-2 --stop", 0, "denied 7f3a0-2 in session codex, which is stopped: connect");
	SAYS("deny --json 7f3a000000000001-2", 0, "{\"id\":\"7f3a0-2\"");
	SAYS("approve 2", 1, "holdfast approve: 2 means several holds: 7f3a0-2, 7f3a8-2; name one\n");
	SAYS("approve 7f3a-2", 1, "means several holds");
	SAYS("approve 7f3a8-1", 1, "no hold 7f3a8-1 is waiting");
	SAYS("approve 3", 1, "no hold 3 is waiting");
	end(a);
	end(b);
}

static void control(void **state)
{
	static const struct engine codex = { CODEX, "codex", { 0 } }, claude = { CLAUDE, "claude", { 0 } };
	pid_t a = engine(&codex), b = engine(&claude);

	SAYS("pause codex", 0, "paused 7f3a000000000001 codex\n");
	SAYS("resume 7f3a8", 0, "resumed 7f3a800000000002 claude\n");
	SAYS("pause 7f3a", 1, "'7f3a' means 2 sessions: 7f3a000000000001, 7f3a800000000002; name one by its id\n");
	SAYS("pause nosuch", 1, "no session 'nosuch'");
	SAYS("resume all", 0, "resumed 7f3a000000000001 codex\nresumed 7f3a800000000002 claude\n");
	SAYS("kill claude --json", 0, "{\"id\":\"7f3a800000000002\"");
	end(a);
	end(b);
}

static void kill_without_an_engine(void **state)
{
	static const struct engine stuck = { STUCK, "stuck", { 0 } };
	pid_t e = engine(&stuck), in_stuck = member(STUCK), in_left = member(LEFT), outside = fork();

	if (outside == 0) {
		pause();
		_exit(0);
	}
	kill(e, SIGSTOP);
	SAYS("kill 0123456789abcdef", 0, "killed 0123456789abcdef (name unknown) by its cgroup (its engine is gone)\n");
	assert_true(died_of_sigkill(in_left));
	assert_int_equal(waitpid(in_stuck, NULL, WNOHANG), 0);
	SAYS("kill all", 0, "killed 51c0000000000003 (name unknown) by its cgroup (the engine does not answer within 500 ms)\n");
	assert_true(died_of_sigkill(in_stuck));
	assert_int_equal(waitpid(outside, NULL, WNOHANG), 0);
	end(outside);
	end(e);
	SAYS("pause 0123", 1, "no session '0123'");	/* nothing to pause in a group without an engine */
}

static void only_root(void **state)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(9);
		if (freopen("/dev/null", "w", stdout) && run("kill all") == 1 &&
		    strcmp(out, "holdfast kill: only root may control sessions; try: sudo holdfast kill all\n") == 0)
			_exit(0);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int in_namespaces(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usage_and_help), cmocka_unit_test(listings), cmocka_unit_test(decisions),
		cmocka_unit_test(control), cmocka_unit_test(kill_without_an_engine), cmocka_unit_test(only_root),
	};
	char root[4096];

	if (hf_cgroup_root(root, sizeof(root)) < 0 || unshare(CLONE_NEWNS | CLONE_NEWCGROUP) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount("none", "/run", "tmpfs", 0, "mode=755") < 0 ||
	    umount2(root, MNT_DETACH) < 0 || mount("none", root, "cgroup2", 0, NULL) < 0) {
		printf("skipped: no namespaces of our own: %s\n", strerror(errno));
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

static void remove_groups(const char *top)
{
	static const uint64_t ids[] = { STUCK, LEFT };
	char path[4400];

	for (unsigned i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/holdfast/%016llx", top, (unsigned long long)ids[i]);
		rmdir(path);
	}
	snprintf(path, sizeof(path), "%s/holdfast", top);
	rmdir(path);
	rmdir(top);
}

int main(void)
{
	char root[4000], top[4096], procs[4200], self[32];
	int fd, status = 1;
	pid_t pid;

	alarm(60);
	if (geteuid() != 0 || hf_cgroup_root(root, sizeof(root)) < 0) {
		printf("skipped: needs root and cgroup2\n");
		return 0;
	}
	snprintf(top, sizeof(top), "%s/hf-cli-test-%d", root, getpid());
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", top);
	if (mkdir(top, 0755) < 0) {
		printf("skipped: %s: %s\n", top, strerror(errno));
		return 0;
	}
	pid = fork();
	if (pid == 0) {
		snprintf(self, sizeof(self), "%d", getpid());
		fd = open(procs, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, self, strlen(self)) < 0)
			exit(1);
		close(fd);
		exit(in_namespaces());
	}
	waitpid(pid, &status, 0);
	remove_groups(top);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
