// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "guard/fanotify.h"

static char top[64];

static void path_of(char out[256], const char *rel)
{
	snprintf(out, 256, "%s/%s", top, rel);
}

static void put(const char *rel)
{
	char p[256];
	int fd;

	path_of(p, rel);
	for (char *s = p + strlen(top) + 1; (s = strchr(s, '/')); *s++ = '/') {
		*s = '\0';
		if (mkdir(p, 0755) < 0)
			assert_int_equal(errno, EEXIST);
	}
	fd = open(p, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "secret\n", 7), 7);
	close(fd);
}

static int setup(void **state)
{
	char p[256];

	strcpy(top, "/tmp/hf-fan-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	put("home/.ssh/id_rsa");
	put("home/.ssh/ID_Upper");
	put("home/.ssh/known_hosts");
	put("home/.aws/credentials");
	put("home/a/b/c/d/.ssh/id_deep");
	put("ws/.env");
	put("ws/src/server.pem");
	put("ws/src/main.c");
	put("etc/shadow");
	put("etc/x/shadow");
	path_of(p, "home/link_to_key.pem");
	assert_int_equal(symlink(".ssh/id_rsa", p), 0);
	path_of(p, "linkdir");
	assert_int_equal(symlink("home", p), 0);
	path_of(p, "ws/loop");
	assert_int_equal(symlink("..", p), 0);
	path_of(p, "ws/fifo.pem");
	assert_int_equal(mkfifo(p, 0644), 0);
	return 0;
}

static int teardown(void **state)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("rm", "rm", "-rf", "--", top, NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
	return 0;
}

static void glob_table(void **state)
{
	static const struct {
		const char *glob, *path;
		bool want;
	} t[] = {
		{ "/etc/shadow", "/etc/shadow", true }, { "/etc/shadow", "/etc/SHADOW", true },
		{ "/etc/shadow", "/etc/shadow-", false }, { "/etc/shadow", "/etc/shado", false },
		{ "*/.ssh/id_*", "/root/.ssh/id_rsa", true }, { "*/.ssh/id_*", "/home/a/b/.ssh/id_x/y", true },
		{ "*/.ssh/id_*", "/root/.ssh/known_hosts", false }, { "*.pem", "/a/b.PEM", true },
		{ "*.pem", "/a/b.pem.bak", false }, { "*", "", true }, { "*", "/x", true }, { "**", "/x", true },
		{ "/h?me/*", "/home/x", true }, { "/h?me/*", "/hme/x", false }, { "?", "", false },
		{ "", "", true }, { "", "/", false }, { "*a*b*c", "/xaxbxc", true }, { "*a*b*c", "/xaxcxb", false },
		{ "*aab", "/aaaab", true }, { "a*", "", false },
	};
	char many[2001], path[4001];

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (hf_fan_glob_match(t[i].glob, t[i].path) != t[i].want)
			fail_msg("row %zu: %s %s", i, t[i].glob, t[i].path);
	/* No exponential time: stars and a path made to go back for. */
	for (int i = 0; i < 2000; i += 2) {
		many[i] = '*';
		many[i + 1] = 'a';
	}
	many[2000] = '\0';
	memset(path, 'a', 4000);
	path[3999] = 'b';
	path[4000] = '\0';
	assert_false(hf_fan_glob_match(many, path));
}

static bool marked(struct hf_fan *f, const char *rel)
{
	char p[256];
	struct stat st;

	path_of(p, rel);
	assert_int_equal(stat(p, &st), 0);
	return hf_fan_marked(f, st.st_dev, st.st_ino);
}

static int protect(struct hf_fan *f, const char *glob, bool *complete)
{
	char home[256], ws[256];

	path_of(home, "home");
	path_of(ws, "ws");
	return hf_fan_protect(f, glob, home, ws, complete);
}

static void enumerates(void **state)
{
	struct hf_fan *f = NULL;
	bool complete = false;
	char g[256];

	assert_int_equal(hf_fan_open(&f), 0);
	assert_false(hf_fan_marked(f, 1, 1));
	assert_int_equal(protect(f, "*/.ssh/id_*", &complete), 3);
	assert_true(complete);
	assert_true(marked(f, "home/.ssh/id_rsa"));
	assert_true(marked(f, "home/.ssh/ID_Upper"));
	assert_true(marked(f, "home/a/b/c/d/.ssh/id_deep"));
	assert_false(marked(f, "home/.ssh/known_hosts"));
	assert_int_equal(protect(f, "*/.ssh/id_*", &complete), 0); /* again: nothing new */
	assert_true(complete);
	assert_int_equal(protect(f, "*.pem", &complete), 1); /* no FIFO, no link */
	assert_true(marked(f, "ws/src/server.pem"));
	path_of(g, "etc/shadow");
	assert_int_equal(protect(f, g, &complete), 1);
	assert_false(marked(f, "etc/x/shadow"));
	path_of(g, "etc/*shadow");
	assert_int_equal(protect(f, g, &complete), 1);
	assert_true(marked(f, "etc/x/shadow"));
	path_of(g, "home/.aws/cred?ntials");
	assert_int_equal(protect(f, g, &complete), 1);
	assert_true(complete);
	assert_int_equal(hf_fan_count(f), 7);
	/* Nobody's resolved path goes through a link. */
	path_of(g, "linkdir/.ssh/known_hosts");
	assert_int_equal(protect(f, g, &complete), 0);
	assert_true(complete);
	path_of(g, "nowhere/x");
	assert_int_equal(protect(f, g, &complete), 0);
	assert_true(complete);
	hf_fan_close(&f);
	assert_null(f);
	hf_fan_close(&f);
}

static void not_enumerable(void **state)
{
	static const char *const globs[] = { "*", "*/*", "", "relative",
						   "/proc/*/environ", "/sys/kernel/*", "/*/*", "*.*" };
	struct hf_fan *f = NULL;

	assert_int_equal(hf_fan_open(&f), 0);
	for (size_t i = 0; i < sizeof(globs) / sizeof(globs[0]); i++) {
		bool complete = true;

		assert_int_equal(protect(f, globs[i], &complete), 0);
		if (complete)
			fail_msg("%s", globs[i]);
	}
	hf_fan_close(&f);
}

static void bounds_are_told(void **state)
{
	struct hf_fan *f = NULL;
	char home[256], ws[256], etc[256];

	path_of(home, "home");
	path_of(ws, "ws");
	path_of(etc, "etc/shadow");
	assert_int_equal(hf_fan_open(&f), 0);
	struct hf_fan_glob g[2] = { { .glob = "*/.ssh/id_*" }, { .glob = etc } };
	struct hf_fan_bounds b = { .entries = 200000, .depth = 2, .ms = 1000 };
	assert_int_equal(hf_fan_protect_all(f, g, 2, home, ws, &b), 0);
	assert_false(g[0].complete);
	assert_int_equal(g[0].found, 2);
	assert_true(g[1].complete); /* another root: not its fault */
	assert_int_equal(g[1].found, 1);
	b = (struct hf_fan_bounds){ .entries = 3, .depth = 32, .ms = 1000 };
	assert_int_equal(hf_fan_protect_all(f, g, 1, home, ws, &b), 0);
	assert_false(g[0].complete);
	b = (struct hf_fan_bounds){ .entries = 64, .depth = 32, .ms = 0 };
	assert_int_equal(hf_fan_protect_all(f, g, 1, home, ws, &b), 0);
	assert_false(g[0].complete);
	assert_int_equal(hf_fan_protect_all(f, g, 1, NULL, NULL, NULL), 0);
	assert_int_equal(g[0].found, 0);
	hf_fan_close(&f);
}

/* Each possible end of a marked file's open. */
static int answer_one(struct hf_fan *f, pid_t expect, bool allow)
{
	struct hf_fan_event e[4];
	struct pollfd p = { .fd = hf_fan_fd(f), .events = POLLIN };
	struct stat st;
	int n;

	assert_int_equal(poll(&p, 1, 2000), 1);
	n = hf_fan_read(f, e, 4);
	assert_int_equal(n, 1);
	assert_int_equal(e[0].pid, expect);
	assert_true(e[0].mask & FAN_OPEN_PERM);
	assert_int_equal(fstat(e[0].fd, &st), 0);
	assert_true(hf_fan_marked(f, st.st_dev, st.st_ino));
	if (e[0].pidfd >= 0)
		assert_int_equal(syscall(SYS_pidfd_send_signal, e[0].pidfd, 0, NULL, 0), 0);
	assert_int_equal(hf_fan_answer(f, &e[0], allow), 0);
	assert_int_equal(fcntl(e[0].fd, F_GETFD), -1);
	return e[0].pidfd;
}

static pid_t opener(const char *rel, int flags)
{
	pid_t pid = fork();

	if (pid == 0) {
		char p[256];
		int fd;

		path_of(p, rel);
		fd = open(p, flags);
		_exit(fd >= 0 ? 0 : errno);
	}
	assert_true(pid > 0);
	return pid;
}

static int wait_exit(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void asks_and_obeys(void **state)
{
	struct hf_fan *f = NULL;
	struct hf_fan_event e[2];
	bool complete;
	pid_t pid;

	assert_int_equal(hf_fan_open(&f), 0);
	assert_int_equal(hf_fan_read(f, e, 2), 0);
	assert_int_equal(hf_fan_read(f, e, 0), 0);
	assert_int_equal(protect(f, "*/.ssh/id_rsa", &complete), 1);
	pid = opener("home/.ssh/id_rsa", O_RDONLY);
	answer_one(f, pid, false);
	assert_int_equal(wait_exit(pid), EPERM);
	pid = opener("home/.ssh/id_rsa", O_RDONLY);
	if (answer_one(f, pid, true) < 0)
		print_message("no pidfd in events\n");
	assert_int_equal(wait_exit(pid), 0);
	pid = opener("home/link_to_key.pem", O_RDONLY); /* through a link: the file itself is marked */
	answer_one(f, pid, false);
	assert_int_equal(wait_exit(pid), EPERM);
	pid = opener("home/.ssh/id_rsa", O_RDWR);
	answer_one(f, pid, false);
	assert_int_equal(wait_exit(pid), EPERM);
	pid = opener("home/.ssh/known_hosts", O_RDONLY); /* not marked: not asked */
	assert_int_equal(wait_exit(pid), 0);
	/* Renamed or linked elsewhere it stays the same file. */
	char a[256], b[256];
	path_of(a, "home/.ssh/id_rsa");
	path_of(b, "ws/innocent");
	assert_int_equal(link(a, b), 0);
	pid = opener("ws/innocent", O_RDONLY);
	answer_one(f, pid, false);
	assert_int_equal(wait_exit(pid), EPERM);
	unlink(b);
	hf_fan_close(&f);
}

/* Many ask at once: none is lost in reading, each gets its own answer. */
static void many_at_once(void **state)
{
	struct hf_fan *f = NULL;
	struct hf_fan_event e[7];
	bool complete;
	pid_t pid[40];
	int answered = 0, denied = 0;

	assert_int_equal(hf_fan_open(&f), 0);
	assert_int_equal(protect(f, "*/.aws/credentials", &complete), 1);
	for (int i = 0; i < 40; i++)
		pid[i] = opener("home/.aws/credentials", O_RDONLY);
	while (answered < 40) {
		struct pollfd p = { .fd = hf_fan_fd(f), .events = POLLIN };
		int n;

		assert_int_equal(poll(&p, 1, 2000), 1);
		n = hf_fan_read(f, e, 7);
		assert_true(n >= 0 && n <= 7);
		for (int i = 0; i < n; i++, answered++)
			assert_int_equal(hf_fan_answer(f, &e[i], e[i].pid % 2 == 0), 0);
	}
	for (int i = 0; i < 40; i++) {
		int want = pid[i] % 2 == 0 ? 0 : EPERM;

		assert_int_equal(wait_exit(pid[i]), want);
		denied += want != 0;
	}
	assert_true(denied > 0);
	hf_fan_close(&f);
}

/* A mark is the inode's: under another name it still knows the one it was found by. */
static void other_name(void **state)
{
	struct hf_fan *f = NULL;
	bool complete;
	struct stat st;
	char old[256], new[256];

	path_of(old, "home/.aws/credentials");
	path_of(new, "home/other-name");
	assert_int_equal(hf_fan_open(&f), 0);
	assert_null(hf_fan_name(f, 1, 1));
	assert_int_equal(protect(f, "*/.aws/credentials", &complete), 1);
	assert_int_equal(link(old, new), 0);
	assert_int_equal(stat(new, &st), 0);
	assert_non_null(hf_fan_name(f, st.st_dev, st.st_ino));
	assert_non_null(strstr(hf_fan_name(f, st.st_dev, st.st_ino), "/home/.aws/credentials"));
	assert_null(hf_fan_name(f, st.st_dev, st.st_ino + 1));
	assert_int_equal(unlink(new), 0);
	hf_fan_close(&f);
}

static void dead_asker(void **state)
{
	struct hf_fan *f = NULL;
	struct hf_fan_event e;
	struct pollfd p = { .events = POLLIN };
	bool complete;
	pid_t pid;

	assert_int_equal(hf_fan_open(&f), 0);
	p.fd = hf_fan_fd(f);
	assert_int_equal(protect(f, "*/.aws/credentials", &complete), 1);
	pid = opener("home/.aws/credentials", O_RDONLY);
	assert_int_equal(poll(&p, 1, 2000), 1);
	assert_int_equal(hf_fan_read(f, &e, 1), 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(hf_fan_answer(f, &e, true), 0);
	/* killed before it was read */
	pid = opener("home/.aws/credentials", O_RDONLY);
	assert_int_equal(poll(&p, 1, 2000), 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (hf_fan_read(f, &e, 1) == 1)
		assert_int_equal(hf_fan_answer(f, &e, false), 0);
	/* and it goes on afterwards */
	pid = opener("home/.aws/credentials", O_RDONLY);
	answer_one(f, pid, false);
	assert_int_equal(wait_exit(pid), EPERM);
	hf_fan_close(&f);
}

static void refuses_to_mark(void **state)
{
	struct hf_fan *f = NULL;
	int fd = open("/dev/null", O_PATH | O_CLOEXEC), dir = open(top, O_PATH | O_CLOEXEC), proc;

	assert_int_equal(hf_fan_open(&f), 0);
	assert_int_equal(hf_fan_mark_fd(f, fd), -EINVAL);
	assert_int_equal(hf_fan_mark_fd(f, dir), -EINVAL);
	assert_int_equal(hf_fan_mark_fd(f, -1), -EBADF);
	proc = open("/proc/self/environ", O_PATH | O_CLOEXEC);
	assert_true(hf_fan_mark_fd(f, proc) < 0); /* the kernel takes no such marks on proc */
	assert_int_equal(hf_fan_count(f), 0);
	close(fd);
	close(dir);
	close(proc);
	hf_fan_close(&f);
}

/* More marks than the table starts with. */
static void many_marks(void **state)
{
	struct hf_fan *f = NULL;
	char rel[64];
	bool complete;

	assert_int_equal(hf_fan_open(&f), 0);
	for (int i = 0; i < 700; i++) {
		snprintf(rel, sizeof(rel), "ws/keys/k%d.key", i);
		put(rel);
	}
	assert_int_equal(protect(f, "*/keys/*.key", &complete), 700);
	assert_true(complete);
	for (int i = 0; i < 700; i++) {
		snprintf(rel, sizeof(rel), "ws/keys/k%d.key", i);
		assert_true(marked(f, rel));
	}
	hf_fan_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(glob_table),	cmocka_unit_test(enumerates),	  cmocka_unit_test(not_enumerable),
		cmocka_unit_test(bounds_are_told), cmocka_unit_test(asks_and_obeys), cmocka_unit_test(many_at_once),
		cmocka_unit_test(other_name),
		cmocka_unit_test(dead_asker),	cmocka_unit_test(refuses_to_mark), cmocka_unit_test(many_marks),
	};

	if (geteuid() != 0) {
		printf("skipped: needs root\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, setup, teardown);
}
