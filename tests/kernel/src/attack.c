// SPDX-License-Identifier: Apache-2.0
/*
 * A hostile agent's ways around a guarded file: attack WAY PATH [ARG...]. Prints "got TEXT" when it has the contents, else the
 * error; what each way is, is said at its function.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int get(const char *path)
{
	char b[128];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, b, sizeof(b) - 1);

	if (n < 0) {
		printf("failed %s\n", strerror(errno));
		return 1;
	}
	b[n] = '\0';
	printf("got %s\n", b);
	return 0;
}

static int plain(char **v) { return get(v[0]); }

/* A name that no rule knows. */
static int by_link(char **v) { return link(v[0], v[1]) ? perror("link"), get(v[1]) : get(v[1]); }
static int by_rename(char **v) { return rename(v[0], v[1]) ? perror("rename"), get(v[1]) : get(v[1]); }

static int by_opath(char **v)
{
	char b[64];

	snprintf(b, sizeof(b), "/proc/self/fd/%d", open(v[0], O_PATH));
	return get(b);
}

/* v[0] read after v[1] was bound to v[2], in namespaces of its own. */
static int by_bind(char **v)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount(v[1], v[2], NULL, MS_BIND, NULL))
		perror("bind");
	return get(v[0]);
}

/* A child in another cgroup, out of reach of freezing, killing and the socket hooks. */
static int by_clone3(char **v)
{
	struct clone_args a = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD };
	long p;

	a.cgroup = (unsigned)open(v[0], O_RDONLY | O_DIRECTORY);
	p = syscall(SYS_clone3, &a, sizeof(a));
	if (p == 0)
		_exit(0);
	printf(p > 0 ? "escaped\n" : "failed %s\n", strerror(errno));
	return p > 0 ? 0 : 1;
}

/* --- undoing a stop ----------------------------------------------------------------------------- */

static int by_timer(char **v)
{
	struct sigevent se = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGCONT };
	struct itimerspec it = { { 0, 20000 }, { 0, 20000 } };
	timer_t t;

	if (timer_create(CLOCK_MONOTONIC, &se, &t) || timer_settime(t, 0, &it, NULL))
		return 2;
	return get(v[0]);
}

static int by_tracer(char **v)
{
	pid_t k = fork();
	int s = 0;

	if (k == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGUSR1);
		exit(get(v[0]));
	}
	while (waitpid(k, &s, 0) > 0 && WIFSTOPPED(s))
		ptrace(PTRACE_CONT, k, 0, 0);	/* no signal is passed on */
	return WIFEXITED(s) ? WEXITSTATUS(s) : 3;
}

static int by_kill_of(pid_t who, char **v)
{
	struct timespec tick = { .tv_nsec = 20000 };
	pid_t k = fork();
	int s = 0;

	signal(SIGCONT, SIG_IGN);
	if (k == 0) {
		usleep(20000);
		exit(get(v[0]));
	}
	for (int i = 0; i < 20000 && waitpid(k, &s, WNOHANG) != k; i++) {
		kill(who ? who : k, SIGCONT);
		nanosleep(&tick, NULL);
	}
	return WIFEXITED(s) ? WEXITSTATUS(s) : 3;
}

static int by_kill(char **v) { return by_kill_of(0, v); }
static int by_killpg(char **v) { return by_kill_of(-getpgrp(), v); }

static const struct way {
	const char *name;
	int (*fn)(char **v), nargs;
} ways[] = {
	{ "plain", plain, 1 }, { "link", by_link, 2 }, { "rename", by_rename, 2 }, { "opath", by_opath, 1 },
	{ "bind", by_bind, 3 }, { "clone3", by_clone3, 1 }, { "timer", by_timer, 1 }, { "tracer", by_tracer, 1 },
	{ "kill", by_kill, 1 }, { "killpg", by_killpg, 1 },
};

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	for (size_t i = 0; argc > 1 && i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strcmp(argv[1], ways[i].name) == 0 && argc - 2 >= ways[i].nargs)
			return ways[i].fn(argv + 2);
	return 64;
}
