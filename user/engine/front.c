/* SPDX-License-Identifier: Apache-2.0 */
/* The front: parent of CMD, in its process group, with its exit status. See run.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "engine/run.h"

int hf_msg_send(int fd, uint32_t type, int32_t a, uint64_t b, const char *text)
{
	struct hf_msg m = { .type = type, .a = a, .b = b };
	ssize_t n;

	if (text)
		snprintf(m.text, sizeof(m.text), "%s", text);
	do
		n = send(fd, &m, sizeof(m), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(m) ? 0 : -EPIPE;
}

int hf_msg_recv(int fd, struct hf_msg *ret)
{
	ssize_t n;

	do
		n = recv(fd, ret, sizeof(*ret), 0);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(*ret))
		return -EPIPE;
	ret->text[sizeof(ret->text) - 1] = '\0';
	return 0;
}

static volatile sig_atomic_t front_child;

/*
 * What the terminal sends goes to the whole foreground group: CMD has it already. What a process sends to the front alone
 * (kill PID, timeout(1), a supervisor) is meant for CMD. SIGTSTP, too, only reaches CMD: the front stops when CMD has, so
 * that CMD can put the terminal in order first, or go on if it ignores the signal.
 */
static void front_forward(int sig, siginfo_t *si, void *uc)
{
	int saved = errno;

	if (si->si_code <= 0 && front_child > 0 && si->si_pid != front_child)
		kill((pid_t)front_child, sig);
	errno = saved;
}

static void front_signals(void)
{
	static const int sigs[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGTSTP };
	struct sigaction sa = { .sa_sigaction = front_forward, .sa_flags = SA_SIGINFO | SA_RESTART };

	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++) {
		struct sigaction old;

		/* nohup(1) and background jobs of plain shells: ignored stays ignored, for CMD too */
		if (sigaction(sigs[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(sigs[i], &sa, NULL);
	}
}

static void front_say(const char *fmt, const char *a)
{
	fprintf(stderr, "holdfast: ");
	fprintf(stderr, fmt, a);
	fputc('\n', stderr);
}

/* Waits for one message of this type; an ERROR is printed. 0 or the exit status to end with. */
static int front_expect(struct hf_run *r, uint32_t type, struct hf_msg *m)
{
	for (;;) {
		if (hf_msg_recv(r->sock[0], m) < 0) {
			front_say("%s", "the engine ended unexpectedly: nothing was run");
			return 125;
		}
		if (m->type == HF_MSG_SAY) {
			front_say("%s", m->text);
			continue;
		}
		if (m->type == HF_MSG_ERROR) {
			front_say("%s", m->text);
			return 125;
		}
		if (m->type == type)
			return 0;
	}
}

static bool child_is_stopped(pid_t pid)
{
	siginfo_t si = { 0 };

	return waitid(P_PID, (id_t)pid, &si, WSTOPPED | WNOHANG | WNOWAIT) == 0 && si.si_pid == pid;
}

static bool engine_lives(pid_t engine)
{
	siginfo_t si = { 0 };

	return engine > 0 && waitid(P_PID, (id_t)engine, &si, WEXITED | WNOHANG | WNOWAIT) == 0 && si.si_pid == 0;
}

/* CMD stopped. If Holdfast stopped it (a held open on the base path), that is none of the shell's business; else stop as CMD
 * did, so that the shell sees its job stopped, and wake CMD when we are continued. */
static void front_stopped(struct hf_run *r, pid_t child, pid_t engine, int sig)
{
	const struct timespec tick = { .tv_nsec = 5 * 1000 * 1000 };
	uint32_t asked;

	if (sig == SIGSTOP) {
		asked = atomic_fetch_add(&r->shared->stop_asked, 1) + 1;
		while (engine_lives(engine) && (atomic_load(&r->shared->stop_answered) != asked ||
						atomic_load(&r->shared->cmd_stopped_by_us))) {
			if (!child_is_stopped(child))
				return;
			nanosleep(&tick, NULL);
		}
		if (!child_is_stopped(child))	/* continued between the two looks */
			return;
	}
	atomic_store(&r->shared->front_stopped, 1);
	raise(SIGSTOP);
	atomic_store(&r->shared->front_stopped, 0);
	kill(child, SIGCONT);
}

/* Until CMD ends. Its wait status; *ret_engine_died when the engine went first. */
static int front_wait(struct hf_run *r, pid_t child, pid_t engine, bool *ret_engine_died)
{
	for (;;) {
		int st;
		siginfo_t si = { 0 };

		/* Peek at any child first: a stop must be reaped only after front_stopped() looked at it. */
		if (waitid(P_ALL, 0, &si, WEXITED | WSTOPPED | WNOWAIT) < 0) {
			if (errno == EINTR)
				continue;
			return 0;
		}
		if (si.si_pid == child && (si.si_code == CLD_STOPPED || si.si_code == CLD_TRAPPED)) {
			front_stopped(r, child, engine, si.si_status);
			waitid(P_PID, (id_t)child, &si, WSTOPPED | WNOHANG);
			continue;
		}
		if (waitpid(si.si_pid, &st, WNOHANG | WUNTRACED) <= 0)
			continue;
		if (si.si_pid == engine && !WIFSTOPPED(st)) {
			*ret_engine_died = true;
			engine = -1;
			continue;	/* the guardian kills the session now: CMD ends next */
		}
		if (si.si_pid == child && !WIFSTOPPED(st))
			return st;
	}
}

static int front_fork(struct hf_run *r, int go[2], int say[2], int err[2], pid_t *ret)
{
	pid_t p;

	if (pipe2(go, O_CLOEXEC) < 0 || pipe2(say, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
		return -errno;
	p = fork();
	if (p < 0)
		return -errno;
	if (p == 0) {
		close(go[1]);
		close(say[0]);
		close(err[0]);
		close(r->sock[0]);
		hf_child(r, go[0], say[1], err[1]);
	}
	front_child = p;
	close(go[0]);
	close(say[1]);
	close(err[1]);
	*ret = p;
	return 0;
}

/* The start-up conversation from CHILD on. 0, or the exit status to end with. */
static int front_start(struct hf_run *r, pid_t child, int go, int say, int err)
{
	struct hf_msg m;
	int rc;

	if (hf_msg_send(r->sock[0], HF_MSG_CHILD, child, 0, NULL) < 0)
		return 125;
	rc = front_expect(r, HF_MSG_GO, &m);
	if (rc)
		return rc;
	if (write(go, "g", 1) != 1 || read(say, &m, sizeof(m)) != (ssize_t)sizeof(m)) {
		if (read(err, &m, sizeof(m)) == (ssize_t)sizeof(m))
			fprintf(stderr, "holdfast: %s: %s\n", m.text, strerror(m.a));
		else
			front_say("%s", "the command's process ended before it could start");
		return 125;
	}
	if (hf_msg_send(r->sock[0], HF_MSG_LISTENER, m.a, 0, NULL) < 0)
		return 125;
	rc = front_expect(r, HF_MSG_GO, &m);
	if (rc)
		return rc;
	return write(go, "g", 1) == 1 ? 0 : 125;
}

static int front_end(struct hf_run *r, int st, bool engine_died)
{
	struct hf_msg m;
	int status = WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);

	if (!engine_died && hf_msg_send(r->sock[0], HF_MSG_EXITED, st, 0, NULL) == 0) {
		while (hf_msg_recv(r->sock[0], &m) == 0) {
			if (m.type == HF_MSG_SAY && !r->o->quiet)
				front_say("%s", m.text);
			if (m.type == HF_MSG_ERROR) {
				front_say("%s", m.text);
				status = 125;
			}
			if (m.type == HF_MSG_BYE)
				return status;
		}
	}
	front_say("%s", "the engine died: the session was killed with it");
	return 125;
}

int hf_front(struct hf_run *r, pid_t engine)
{
	int go[2], say[2], err[2], rc, st;
	bool engine_died = false;
	struct hf_msg m;
	pid_t child = -1;

	rc = front_expect(r, HF_MSG_READY, &m);
	if (rc)
		return rc;
	rc = front_fork(r, go, say, err, &child);
	if (rc < 0) {
		front_say("cannot fork: %s", strerror(-rc));
		return 125;
	}
	front_signals();
	rc = front_start(r, child, go[1], say[0], err[0]);
	if (rc) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		return rc;
	}
	close(go[1]);
	close(say[0]);
	st = front_wait(r, child, engine, &engine_died);
	if (read(err[0], &m, sizeof(m)) == (ssize_t)sizeof(m)) {
		if (m.type == HF_MSG_ERROR)
			fprintf(stderr, "holdfast: %s: %s\n", m.text, strerror(m.a));
		else
			fprintf(stderr, "holdfast: %s: %s\n", r->o->argv[0], strerror(m.a));
	}
	return front_end(r, st, engine_died);
}
