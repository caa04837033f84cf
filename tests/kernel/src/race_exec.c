/* SPDX-License-Identifier: Apache-2.0 */
/*
 * race_exec TRIES GOOD EVIL MODE: forks TRIES children; each calls execve with an argument (MODE argv) or a file name (MODE file) that a
 * second thread keeps swapping between GOOD and EVIL. Prints how many children ended in which way. Whether EVIL ever ran is for
 * the caller to see (it leaves a mark).
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char buf[4096] __attribute__((aligned(64)));
static const char *good, *evil;

static void *swapper(void *arg)
{
	size_t ng = strlen(good) + 1, ne = strlen(evil) + 1;

	for (;;) {
		memcpy(buf, evil, ne);
		for (volatile int i = 0; i < 200; i++)
			;
		memcpy(buf, good, ng);
		for (volatile int i = 0; i < 200; i++)
			;
	}
	return arg;
}

static void child(int by_argv)
{
	char *argv_a[] = { (char *)"/bin/touch", buf, NULL }, *argv_f[] = { (char *)"x", NULL };
	pthread_t t;

	strcpy(buf, good);
	if (pthread_create(&t, NULL, swapper, NULL))
		_exit(99);
	usleep(200);
	if (by_argv)
		execv("/bin/touch", argv_a);
	else
		execv(buf, argv_f);
	_exit(98);
}

int main(int argc, char **argv)
{
	int ok = 0, killed = 0, refused = 0, other = 0, tries, st;

	if (argc != 5)
		return 2;
	tries = atoi(argv[1]);
	good = argv[2];
	evil = argv[3];
	for (int i = 0; i < tries; i++) {
		pid_t p = fork();

		if (p == 0)
			child(!strcmp(argv[4], "argv"));
		if (p < 0 || waitpid(p, &st, 0) != p)
			return 3;
		if (WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL)
			killed++;
		else if (WIFEXITED(st) && WEXITSTATUS(st) == 98)
			refused++;
		else if (WIFEXITED(st) && WEXITSTATUS(st) == 0)
			ok++;
		else
			other++;
	}
	printf("ok=%d killed=%d refused=%d other=%d\n", ok, killed, refused, other);
	return 0;
}
