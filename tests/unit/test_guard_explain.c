// SPDX-License-Identifier: Apache-2.0
/* A process whose standard error is each kind of thing; an alarm ends the test if anything blocks. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "guard/explain.h"

#define TEXT "holdfast: denied: a reason [rule x] guidance\n"

struct proc {
	pid_t pid;
	int pidfd;
};

/* A child that has fd as its standard error and does nothing. fd -1: closed. */
static struct proc start(int fd)
{
	struct proc p;
	int ready[2];
	char c;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	p.pid = fork();
	if (p.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		alarm(0);
		if (fd >= 0)
			dup2(fd, 2);
		else
			close(2);
		dup2(ready[1], 3);
		close_range(4, ~0u, 0);
		if (write(3, "r", 1) != 1)
			_exit(1);
		close(3);
		for (;;)
			pause();
	}
	assert_true(p.pid > 0);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	p.pidfd = (int)syscall(SYS_pidfd_open, p.pid, 0);
	assert_true(p.pidfd >= 0);
	return p;
}

static void stop(struct proc *p)
{
	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
	close(p->pidfd);
}

static int explain(int fd)
{
	struct proc p = start(fd);
	int r = hf_explain(p.pidfd, HF_STR(TEXT));

	stop(&p);
	return r;
}

static void expect_text(int fd)
{
	char b[256] = { 0 };

	assert_int_equal(read(fd, b, sizeof(b) - 1), sizeof(TEXT) - 1);
	assert_string_equal(b, TEXT);
}

static void to_a_pipe(void **state)
{
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_int_equal(explain(p[1]), 0);
	expect_text(p[0]);
	assert_false(fcntl(p[1], F_GETFL) & O_NONBLOCK); /* the process's own description is as before */
	close(p[0]);
	close(p[1]);
}

static void to_a_full_pipe(void **state)
{
	int p[2], n = 0;
	char page[4096] = { 0 };

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_int_equal(fcntl(p[1], F_SETFL, O_NONBLOCK), 0);
	while (write(p[1], page, sizeof(page)) > 0)
		n++;
	assert_int_equal(fcntl(p[1], F_SETFL, 0), 0);
	assert_int_equal(explain(p[1]), -EAGAIN);
	assert_false(fcntl(p[1], F_GETFL) & O_NONBLOCK);
	for (int i = 0; i < n; i++)
		assert_int_equal(read(p[0], page, sizeof(page)), sizeof(page));
	assert_int_equal(fcntl(p[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(read(p[0], page, 1), -1); /* nothing of the line went in */
	close(p[0]);
	close(p[1]);
}

static void to_a_pipe_nobody_reads(void **state)
{
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	struct proc c = start(p[1]);
	close(p[0]);
	assert_int_equal(hf_explain(c.pidfd, HF_STR(TEXT)), -EPIPE); /* no SIGPIPE for us */
	stop(&c);
	close(p[1]);
}

static void to_a_terminal(void **state)
{
	struct termios t;
	int m, s, r = 0;

	assert_int_equal(openpty(&m, &s, NULL, NULL, NULL), 0);
	tcgetattr(s, &t);
	cfmakeraw(&t);
	tcsetattr(s, TCSANOW, &t);
	assert_int_equal(explain(s), 0);
	expect_text(m);
	assert_int_equal(tcflow(s, TCOOFF), 0); /* Ctrl-S */
	assert_int_equal(explain(s), -EAGAIN);
	assert_int_equal(tcflow(s, TCOON), 0);
	/* nobody reads the terminal */
	for (int i = 0; i < 5000 && r == 0; i++) {
		struct proc p = start(s);
		for (int k = 0; k < 200 && r == 0; k++)
			r = hf_explain(p.pidfd, HF_STR(TEXT));
		stop(&p);
	}
	assert_int_equal(r, -EAGAIN);
	assert_false(fcntl(s, F_GETFL) & O_NONBLOCK);
	/* the other side of a terminal is no place for it: opening it anew would make a new terminal */
	assert_int_equal(explain(m), -EOPNOTSUPP);
	close(m);
	close(s);
}

static void to_sockets(void **state)
{
	char page[4096] = { 0 };
	int s[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
	assert_int_equal(explain(s[1]), 0);
	expect_text(s[0]);
	while (send(s[1], page, sizeof(page), MSG_DONTWAIT) > 0)
		;
	assert_int_equal(explain(s[1]), -EAGAIN);
	struct proc p = start(s[1]);
	assert_int_equal(shutdown(s[1], SHUT_WR), 0);
	assert_int_equal(hf_explain(p.pidfd, HF_STR(TEXT)), -EPIPE);
	stop(&p);
	close(s[0]);
	close(s[1]);
}

static void to_a_file(const char *dir)
{
	char path[PATH_MAX], b[512] = { 0 };
	int fd, r;

	snprintf(path, sizeof(path), "%s/hf-explain-XXXXXX", dir);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "before\n", 7), 7);
	r = explain(fd);
	if (r == 0) {
		assert_int_equal(write(fd, "after\n", 6), 6); /* the shared position has moved on */
		assert_true(pread(fd, b, sizeof(b) - 1, 0) > 0);
		assert_string_equal(b, "before\n" TEXT "after\n");
	} else {
		print_message("%s: %s\n", dir, strerror(-r));
		assert_int_equal(r, -EOPNOTSUPP);
	}
	close(fd);
	unlink(path);
}

static void to_files(void **state)
{
	to_a_file("/tmp");
	to_a_file("/dev/shm");
}

static void not_more_than_the_process_may(void **state)
{
	char path[] = "/tmp/hf-explain-XXXXXX";
	int p[2], fd = mkstemp(path), ro = open(path, O_RDONLY | O_CLOEXEC), op = open(path, O_PATH | O_CLOEXEC);
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC), dir = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct stat st;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_int_equal(explain(p[0]), -EBADF); /* the read end: opened anew it would be writable */
	assert_int_equal(explain(ro), -EBADF);
	assert_int_equal(explain(op), -EBADF);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(explain(dir), -EBADF);
	assert_int_equal(explain(null), 0);
	assert_int_equal(explain(full), -EOPNOTSUPP); /* some device */
	assert_int_equal(explain(-1), -EBADF);
	unlink(path);
	for (int *i = (int[]){ fd, ro, op, null, dir, full, p[0], p[1], -1 }; *i >= 0; i++)
		close(*i);
}

static void bad_arguments(void **state)
{
	static char big[PIPE_BUF + 1];
	struct proc p = start(1);

	assert_int_equal(hf_explain(p.pidfd, (struct hf_str){ big, sizeof(big) }), -EMSGSIZE);
	assert_int_equal(hf_explain(p.pidfd, (struct hf_str){ NULL, 0 }), 0);
	assert_int_equal(hf_explain(-1, HF_STR(TEXT)), -EBADF);
	kill(p.pid, SIGKILL);
	waitpid(p.pid, NULL, 0);
	assert_int_equal(hf_explain(p.pidfd, HF_STR(TEXT)), -ESRCH);
	close(p.pidfd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(to_a_pipe),	 cmocka_unit_test(to_a_full_pipe),
		cmocka_unit_test(to_a_pipe_nobody_reads),
		cmocka_unit_test(to_a_terminal), cmocka_unit_test(to_sockets),	   cmocka_unit_test(to_files),
		cmocka_unit_test(not_more_than_the_process_may), cmocka_unit_test(bad_arguments),
	};

	if (geteuid() != 0) {
		printf("skipped: needs root\n");
		return 0;
	}
	signal(SIGTTOU, SIG_DFL);
	alarm(20);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
