// SPDX-License-Identifier: Apache-2.0
/*
 * The line is for a process that may be hostile, and its standard error may be anything: a full pipe, a stopped
 * terminal, a file on a file system that the agent serves itself. None of these may stop the engine, so the kind is
 * found out without asking a file system, and what can't be written at once is left.
 */
#include "explain.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "mounts.h"

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8
#endif
#define LINE_MAX_LEN PIPE_BUF /* a pipe takes so much wholly or not at all */
#define MAJOR_TTY 4
#define MAJOR_PTS_FIRST 136
#define MAJOR_PTS_LAST 143

/* SIGPIPE when the reader is gone, SIGTTOU when the terminal has tostop set: neither may end or stop the engine. */
struct sigs {
	sigset_t block, old;
	bool had_pipe;
};
static void sigs_hold(struct sigs *s)
{
	sigset_t pending;

	sigemptyset(&s->block);
	sigaddset(&s->block, SIGPIPE);
	sigaddset(&s->block, SIGTTOU);
	sigprocmask(SIG_BLOCK, &s->block, &s->old);
	sigpending(&pending);
	s->had_pipe = sigismember(&pending, SIGPIPE);
}

static void sigs_release(struct sigs *s)
{
	const struct timespec now = { 0 };
	sigset_t pipe;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	if (!s->had_pipe)
		while (sigtimedwait(&pipe, NULL, &now) < 0 && errno == EINTR)
			;
	sigprocmask(SIG_SETMASK, &s->old, NULL);
}

static int wrote(ssize_t n, size_t want)
{
	if (n < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	return (size_t)n == want ? 0 : -EAGAIN;
}

/* A description of our own, so that O_NONBLOCK is not set on the process's. */
static int write_reopened(int fd, struct hf_str line)
{
	char name[64];
	int own, r;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	own = open(name, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (own < 0)
		return errno == ENXIO ? -EPIPE : -errno; /* nobody reads */
	r = wrote(write(own, line.p, line.n), line.n);
	close(own);
	return r;
}

/* Pipes live on a file system of their own; a FIFO's node may lie on one that waits for a process. */
static bool is_local(uint64_t dev)
{
	struct hf_mounts *m = NULL;
	bool local;

	if (hf_mounts_read(&m) < 0)
		return false;
	local = hf_mounts_local(m, dev);
	hf_mounts_free(&m);
	return local;
}

static bool is_anonymous_pipe(uint64_t dev)
{
	struct stat st;
	int p[2];
	bool same;

	if (pipe2(p, O_CLOEXEC) < 0)
		return false;
	same = fstat(p[0], &st) == 0 && st.st_dev == dev;
	close(p[0]);
	close(p[1]);
	return same;
}

static int write_file(int fd, uint64_t dev, struct hf_str line)
{
	struct iovec v = { .iov_base = (void *)line.p, .iov_len = line.n };
	ssize_t n = pwritev2(fd, &v, 1, -1, RWF_NOWAIT);

	/* Several file systems can't say beforehand whether a write waits. On local ones it goes to the page cache. */
	if (n < 0 && (errno == EOPNOTSUPP || errno == EAGAIN || errno == EINVAL) && is_local(dev))
		n = write(fd, line.p, line.n);
	return wrote(n, line.n);
}

static int write_tty(int fd, const struct statx *st, struct hf_str line)
{
	unsigned maj = st->stx_rdev_major;

	/* Opening any other device may do something; /dev/tty would be ours, and /dev/ptmx a new one. */
	if (maj == 1 && st->stx_rdev_minor == 3) /* /dev/null */
		return 0;
	if (maj != MAJOR_TTY && (maj < MAJOR_PTS_FIRST || maj > MAJOR_PTS_LAST))
		return -EOPNOTSUPP;
	return write_reopened(fd, line);
}

static int write_by_kind(int fd, struct hf_str line)
{
	struct statx st;
	uint64_t dev;
	int flags = fcntl(fd, F_GETFL);

	/* Opening anew with our rights must give no more than the process had. */
	if (flags < 0 || (flags & O_PATH) || (flags & O_ACCMODE) == O_RDONLY)
		return -EBADF;
	/* What is known already, no question to a server. */
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st) < 0)
		return -errno;
	dev = makedev(st.stx_dev_major, st.stx_dev_minor);
	switch (st.stx_mode & S_IFMT) {
	case S_IFSOCK:
		return wrote(send(fd, line.p, line.n, MSG_DONTWAIT | MSG_NOSIGNAL), line.n);
	case S_IFIFO:
		return is_anonymous_pipe(dev) || is_local(dev) ? write_reopened(fd, line) : -EOPNOTSUPP;
	case S_IFCHR:
		return write_tty(fd, &st, line);
	case S_IFREG:
		return write_file(fd, dev, line);
	default:
		return -EOPNOTSUPP;
	}
}

int hf_explain(int pidfd, struct hf_str line)
{
	struct sigs s;
	int r, fd;

	if (line.n == 0)
		return 0;
	if (line.n > LINE_MAX_LEN)
		return -EMSGSIZE;
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, STDERR_FILENO, 0);
	if (fd < 0)
		return -errno;
	sigs_hold(&s);
	r = write_by_kind(fd, line);
	sigs_release(&s);
	close(fd);
	return r;
}
