// SPDX-License-Identifier: Apache-2.0
#include "guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
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

struct watch {
	const struct hf_cgroup *c;
	const struct hf_guardian_turns *turns;
	unsigned limit_ms;
	int engine, ctl; /* pidfd, socket */
	pid_t engine_pid;
};

/* Stopped or traced: it does not run because somebody wants it so. "PID (NAME) S ...": the name may hold anything. */
static bool engine_stopped(pid_t pid)
{
	char path[32] = "/proc/", digits[16], text[512], *p = path + 6, *paren;
	int n = 0, fd;
	ssize_t len;

	for (; pid > 0; pid /= 10)
		digits[n++] = (char)('0' + pid % 10);
	while (n > 0)
		*p++ = digits[--n];
	memcpy(p, "/stat", 6);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	paren = strrchr(text, ')');
	return paren && paren[1] && (paren[2] == 'T' || paren[2] == 't');
}

/* One look. Counted in looks and not by a clock: a machine that slept has not been stuck. */
static void look(const struct watch *w, unsigned step_ms, uint64_t *last, unsigned *same_ms)
{
	uint64_t now = __atomic_load_n(&w->turns->n, __ATOMIC_RELAXED);

	if (now != *last || !(now & 1) || engine_stopped(w->engine_pid)) {
		*last = now;
		*same_ms = 0;
		return;
	}
	*same_ms += step_ms;
	if (*same_ms < w->limit_ms)
		return;
	kill_session(w->c);
	*same_ms = 0;
}

static _Noreturn void guardian_main(const struct watch *w)
{
	struct pollfd p[2] = { { .fd = w->engine, .events = POLLIN }, { .fd = w->ctl, .events = POLLIN } };
	unsigned step_ms = w->limit_ms / 8 ? w->limit_ms / 8 : 1, same_ms = 0;
	uint64_t last = 0;
	char b;
	int n;

	(void)setpgid(0, 0);
	ignore_signals();
	(void)prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
	(void)prctl(PR_SET_NAME, "holdfast-guard", 0, 0, 0);
	drop_stdio();
	avoid_oom_killer();
	for (;;) {
		n = poll(p, 2, w->turns && w->limit_ms ? (int)step_ms : -1);
		if (n < 0)
			continue;
		/* Goodbye first: an engine that said it and has ended is no dead engine. */
		if (p[1].revents) {
			ssize_t len = recv(w->ctl, &b, 1, MSG_DONTWAIT);

			if (len == 1 && b == GOODBYE)
				_exit(0);
			if (len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR))
				p[1].fd = -1; /* closed without a word: its death follows, or it just lost it */
		}
		if (p[0].revents)
			break;
		if (n == 0)
			look(w, step_ms, &last, &same_ms);
	}
	kill_session(w->c);
	_exit(1);
}

static int start(struct watch *w, pid_t *ret_pid, int *ret_pidfd, int *ret_ctl_fd)
{
	int sv[2], pidfd, r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		close(sv[0]);
		w->ctl = sv[1];
		guardian_main(w);
	}
	r = pid < 0 ? -errno : 0;
	close(sv[1]);
	if (r == 0) {
		pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		if (pidfd >= 0) {
			*ret_pid = pid;
			*ret_pidfd = pidfd;
			*ret_ctl_fd = sv[0];
			return 0;
		}
		r = -errno;
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
	close(sv[0]);
	return r;
}

int hf_guardian_start_watching(const struct hf_cgroup *c, const struct hf_guardian_turns *t, unsigned limit_ms,
			       pid_t *ret_pid, int *ret_pidfd, int *ret_ctl_fd)
{
	struct watch w = { .c = c, .turns = t, .limit_ms = limit_ms, .engine_pid = getpid() };
	int r;

	/* Opened before the fork it stands for this very process, however soon it dies. */
	w.engine = (int)syscall(SYS_pidfd_open, w.engine_pid, 0);
	if (w.engine < 0)
		return -errno;
	r = start(&w, ret_pid, ret_pidfd, ret_ctl_fd);
	close(w.engine);
	return r;
}

int hf_guardian_start(const struct hf_cgroup *c, pid_t *ret_pid, int *ret_pidfd, int *ret_ctl_fd)
{
	return hf_guardian_start_watching(c, NULL, 0, ret_pid, ret_pidfd, ret_ctl_fd);
}

int hf_guardian_turns_new(struct hf_guardian_turns **ret)
{
	void *p = mmap(NULL, sizeof(struct hf_guardian_turns), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	*ret = p;
	return 0;
}

void hf_guardian_turns_free(struct hf_guardian_turns **t)
{
	if (t && *t)
		munmap(*t, sizeof(**t));
	if (t)
		*t = NULL;
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
