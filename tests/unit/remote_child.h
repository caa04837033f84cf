/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child for the tests of remote*.c: it does what it is told (resolve a path by the kernel itself: the oracle), or runs a function
 * under a seccomp filter whose notifications the test answers.
 */
#ifndef REMOTE_CHILD_H
#define REMOTE_CHILD_H
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
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
#include <unistd.h>
#include <setjmp.h>
#include <cmocka.h>

static void (*child_before)(void *);	/* run in a notified child before it gets its filter */
static int child_out = -1;	/* in a notified child: the other end of its ctl, closed by an exec */

struct child {
	pid_t pid;
	int ctl;	/* socket to the oracle, or pipe from the function */
	int listener;
};

/* --- the oracle ------------------------------------------------------------------------------ */

struct ask {
	int dirfd, flags;
	char path[4096];
};
struct told {
	int fd, err;
	pid_t tid;
};

static inline void oracle_serve(int ctl)
{
	struct ask a;

	while (read(ctl, &a, sizeof(a)) == (ssize_t)sizeof(a)) {
		struct told t = { .tid = (pid_t)syscall(SYS_gettid) };

		t.fd = openat(a.dirfd, a.path, a.flags | O_PATH | O_CLOEXEC);
		t.err = t.fd < 0 ? errno : 0;
		if (write(ctl, &t, sizeof(t)) != (ssize_t)sizeof(t))
			break;
		if (read(ctl, &a, 1) != 1)
			break;
		if (t.fd >= 0)
			close(t.fd);
	}
	_exit(0);
}

/* setup runs in the child first; it may fork once more through nothing: the pid is the child's. */
static inline struct child oracle_start(void (*setup)(void *), void *arg)
{
	struct child c = { .listener = -1 };
	int sv[2];
	char ready;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	c.pid = fork();
	assert_true(c.pid >= 0);
	if (c.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(sv[0]);
		if (setup)
			setup(arg);
		if (write(sv[1], "r", 1) != 1)
			_exit(1);
		oracle_serve(sv[1]);
	}
	close(sv[1]);
	c.ctl = sv[0];
	assert_int_equal(read(c.ctl, &ready, 1), 1);
	return c;
}

static inline void child_end(struct child *c)
{
	close(c->ctl);
	if (c->listener >= 0)
		close(c->listener);
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
}

/* --- notifications --------------------------------------------------------------------------- */

static inline int install_filter(const int *nrs, unsigned n)
{
	struct sock_filter f[64];
	struct sock_fprog prog = { .filter = f };
	unsigned k = 0;

	f[k++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (unsigned i = 0; i < n; i++) {
		f[k++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nrs[i], 0, 1);
		f[k++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	}
	f[k++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	prog.len = (unsigned short)k;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
}

static inline struct child notified_start(void (*fn)(void *), void *arg, const int *nrs, unsigned n)
{
	struct child c;
	int p[2], fd, pidfd;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	c.pid = fork();
	assert_true(c.pid >= 0);
	if (c.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (child_before)
			child_before(arg);
		fd = install_filter(nrs, n);
		if (write(p[1], &fd, sizeof(fd)) != (ssize_t)sizeof(fd))
			_exit(1);
		child_out = p[1];
		fn(arg);
		_exit(0);
	}
	close(p[1]);
	c.ctl = p[0];
	assert_int_equal(read(c.ctl, &fd, sizeof(fd)), sizeof(fd));
	assert_true(fd >= 0);
	pidfd = (int)syscall(SYS_pidfd_open, c.pid, 0);
	assert_true(pidfd >= 0);
	c.listener = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	assert_true(c.listener >= 0);
	close(pidfd);
	return c;
}

static inline void notified_next(struct child *c, struct seccomp_notif *n)
{
	struct pollfd p = { .fd = c->listener, .events = POLLIN };

	assert_int_equal(poll(&p, 1, 4000), 1);
	memset(n, 0, sizeof(*n));
	assert_int_equal(ioctl(c->listener, SECCOMP_IOCTL_NOTIF_RECV, n), 0);
}

/* err 0: let the kernel do it */
static inline void notified_answer(struct child *c, const struct seccomp_notif *n, int err)
{
	struct seccomp_notif_resp r = { .id = n->id, .error = -err, .flags = err ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE };

	assert_int_equal(ioctl(c->listener, SECCOMP_IOCTL_NOTIF_SEND, &r), 0);
}

/* --- files ------------------------------------------------------------------------------------ */

static inline void put_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static inline void remove_tree(const char *dir)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("rm", "rm", "-rf", "--one-file-system", dir, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}
#endif
