// SPDX-License-Identifier: Apache-2.0
#include "guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GOODBYE	    'q'
#define KILL_FOR_MS 5000
#define KILL_STEP_MS 10

/*
 * From here to guardian_main() all runs in a fork of a program that may have threads: async-signal-safe calls only, no
 * allocation, no stdio.
 */
static void ignore_signals(void)
{
	struct sigaction sa = { .sa_handler = SIG_IGN };
	sigset_t all;

	for (int s = 1; s < SIGRTMAX; s++)
		if (s != SIGKILL && s != SIGSTOP && s != SIGSEGV && s != SIGBUS && s != SIGILL && s != SIGFPE &&
		    s != SIGABRT)
			(void)sigaction(s, &sa, NULL);
	/* Nothing is left to be handled in the engine's way, and nothing may interrupt a wait. */
	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGABRT);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
}

/* A pipeline must not wait for our copies of the engine's input and output. Only the guards' descriptors are kept. */
static void drop_stdio(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; fd >= 0 && i < 3; i++)
		(void)dup2(fd, i);
	if (fd > 2)
		close(fd);
}

static void avoid_oom_killer(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "-1000", 5) < 0) {
		/* no CAP_SYS_RESOURCE: it stays as likely a victim as the engine is */
	}
	close(fd);
}

/* hf_cgroup_kill() needs nothing but openat() and write() where cgroup.kill exists. */
static void kill_session(const struct hf_cgroup *c)
{
	const struct timespec step = { .tv_nsec = KILL_STEP_MS * 1000000L };

	for (int ms = 0; ms < KILL_FOR_MS; ms += KILL_STEP_MS) {
		(void)hf_cgroup_kill(c);
		if (hf_cgroup_populated(c) == 0)
			return;
		(void)nanosleep(&step, NULL);
	}
	/* What is left hangs in the kernel with SIGKILL pending: it will not see user mode again. */
}

static _Noreturn void guardian_main(const struct hf_cgroup *c, int engine, int ctl)
{
	struct pollfd p[2] = { { .fd = engine, .events = POLLIN }, { .fd = ctl, .events = POLLIN } };
	char b;

	(void)setpgid(0, 0);
	ignore_signals();
	(void)prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
	(void)prctl(PR_SET_NAME, "holdfast-guard", 0, 0, 0);
	drop_stdio();
	avoid_oom_killer();
	for (;;) {
		if (poll(p, 2, -1) < 0)
			continue;
		/* Goodbye first: an engine that said it and has ended is no dead engine. */
		if (p[1].revents) {
			ssize_t n = recv(ctl, &b, 1, MSG_DONTWAIT);

			if (n == 1 && b == GOODBYE)
				_exit(0);
			if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
				p[1].fd = -1; /* closed without a word: its death follows, or it just lost it */
		}
		if (p[0].revents)
			break;
	}
	kill_session(c);
	_exit(1);
}

int hf_guardian_start(const struct hf_cgroup *c, pid_t *ret_pid, int *ret_pidfd, int *ret_ctl_fd)
{
	int sv[2] = { -1, -1 }, engine = -1, pidfd, r;
	pid_t pid;

	/* Opened before the fork it stands for this very process, however soon it dies. */
	engine = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (engine < 0)
		return -errno;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0) {
		r = -errno;
		close(engine);
		return r;
	}
	pid = fork();
	if (pid == 0) {
		close(sv[0]);
		guardian_main(c, engine, sv[1]);
	}
	r = pid < 0 ? -errno : 0;
	close(engine);
	close(sv[1]);
	if (r < 0) {
		close(sv[0]);
		return r;
	}
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		r = -errno;
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		close(sv[0]);
		return r;
	}
	*ret_pid = pid;
	*ret_pidfd = pidfd;
	*ret_ctl_fd = sv[0];
	return 0;
}

int hf_guardian_release(int *ctl_fd)
{
	const char b = GOODBYE;
	int r = 0;

	if (*ctl_fd < 0)
		return 0;
	if (send(*ctl_fd, &b, 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1)
		r = -errno;
	close(*ctl_fd);
	*ctl_fd = -1;
	return r;
}
