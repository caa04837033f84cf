/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn KIND FILE...: the ways to a process, each reads FILE in the end.
 *   vfork, posix_spawn, clone3, thread (opens in a thread), daemon (double fork, setsid)   /bin/cat FILE
 *   threadexec   a thread that is not the leader calls execve (the kernel gives it the leader's id)
 *   threadsexec N   the same with N more threads that go on running
 *   reuse PID FILE  as an unwatched parent: forks until a child has this pid; that child reads FILE. Exit status 3: not reached.
 */
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char *cat[3] = { (char *)"/bin/cat" };
extern char **environ;

static void *exec_thread(void *arg)
{
	execv(cat[0], cat);
	_exit(97);
	return arg;
}

static void *open_thread(void *arg)
{
	int fd = open(arg, O_RDONLY);

	return (void *)(long)(fd < 0);
}

static void *spin(void *arg)
{
	for (;;)
		usleep(1000);
	return arg;
}

static int join(pid_t p)
{
	int st;

	return p > 0 && waitpid(p, &st, 0) == p && WIFEXITED(st) ? WEXITSTATUS(st) : 1;
}

static int reuse(pid_t want, char *file)
{
	for (int i = 0; i < 200000; i++) {
		FILE *f = fopen("/proc/sys/kernel/ns_last_pid", "w");
		pid_t p;

		if (!f)
			return 4;
		fprintf(f, "%d", (int)want - 1);
		fclose(f);
		p = fork();
		if (p == 0) {
			if (getpid() == want)
				execv(cat[0], (char *[]){ cat[0], file, NULL });
			_exit(3);
		}
		if (p == want)
			return join(p);
		if (join(p) != 3)
			return 5;
	}
	return 3;
}

int main(int argc, char **argv)
{
	const char *k = argv[1];
	pthread_t t;
	void *r;
	pid_t p;

	if (argc < 3)
		return 2;
	cat[1] = argv[2];
	if (!strcmp(k, "vfork")) {
		p = vfork();
		if (p == 0) {
			execv(cat[0], cat);
			_exit(97);
		}
		return join(p);
	}
	if (!strcmp(k, "posix_spawn"))
		return posix_spawn(&p, cat[0], NULL, NULL, cat, environ) ? 1 : join(p);
	if (!strcmp(k, "clone3")) {
		struct clone_args a = { .exit_signal = SIGCHLD };

		p = (pid_t)syscall(SYS_clone3, &a, sizeof(a));
		if (p == 0) {
			execv(cat[0], cat);
			_exit(97);
		}
		return join(p);
	}
	if (!strcmp(k, "thread"))
		return pthread_create(&t, NULL, open_thread, argv[2]) || pthread_join(t, &r) || r;
	if (!strcmp(k, "threadexec") || !strcmp(k, "threadsexec")) {
		for (int i = 0; argc > 3 && i < atoi(argv[3]); i++)
			pthread_create(&t, NULL, spin, NULL);
		pthread_create(&t, NULL, exec_thread, NULL);
		pause();
	}
	if (!strcmp(k, "daemon")) {
		if (fork())
			return 0;
		setsid();
		if (fork())
			_exit(0);
		usleep(argc > 3 ? (useconds_t)atoi(argv[3]) * 1000 : 0);
		execv(cat[0], cat);
		_exit(97);
	}
	if (!strcmp(k, "reuse") && argc > 3)
		return reuse(atoi(argv[2]), argv[3]);
	return 2;
}
