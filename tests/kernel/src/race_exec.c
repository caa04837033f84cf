/* SPDX-License-Identifier: Apache-2.0 */
/*
 * race_exec TRIES GOOD EVIL MODE HOW [MS]: so many times a child calls execve with an argument (MODE argv: touch GOOD or EVIL) or a file name
 * (MODE file) in which the one byte where GOOD and EVIL differ is changed again and again (see swap.h), or (HOW exchange) while another
 * process exchanges the files GOOD and EVIL. Ends early after MS milliseconds. Prints how many children ended in which way. Whether EVIL ever
 * ran is for the caller to see (it leaves a mark).
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>
#include "swap.h"

static char *buf;
static struct swap *s;
static int by_argv;
static const char *how;

static int run_it(void *arg)
{
	char *argv_a[] = { (char *)"/bin/touch", buf, NULL }, *argv_f[] = { (char *)"x", NULL };

	if (by_argv)
		execv("/bin/touch", argv_a);
	else
		execv(buf, argv_f);
	_exit(errno == EPERM ? 98 : 99);
}

static pid_t start(void)
{
	static char stack[256 * 1024] __attribute__((aligned(64)));
	pid_t p;

	if (!strcmp(how, "vm"))		/* our thread changes what this child hands over */
		return clone(run_it, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL);
	p = fork();
	if (p)
		return p;
	if (!strcmp(how, "thread") && swap_start(s, how))
		_exit(97);
	usleep(200);
	run_it(NULL);
	return -1;
}

static void exchanger(const char *good, const char *evil)
{
	if (fork())
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		syscall(SYS_renameat2, AT_FDCWD, good, AT_FDCWD, evil, 2 /* RENAME_EXCHANGE */);
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
	int ok = 0, killed = 0, refused = 0, other = 0, tries, st, i;
	const char *good, *evil;
	size_t at = 0;
	long until;

	if (argc < 6)
		return 2;
	until = now_ms() + (argc > 6 ? atoi(argv[6]) : 60000);
	tries = atoi(argv[1]);
	good = argv[2];
	evil = argv[3];
	by_argv = !strcmp(argv[4], "argv");
	how = argv[5];
	/* a thread of the child swaps the child's own copy; a process or a thread of ours needs it shared */
	buf = strcmp(how, "thread") ? swap_room() : malloc(8192);
	s = (struct swap *)(buf + 4096);
	strcpy(buf, good);
	while (good[at] == evil[at])
		at++;
	*s = (struct swap){ .at = buf + at, .good = good[at], .evil = evil[at] };
	if (!strcmp(how, "exchange"))
		exchanger(good, evil);
	else if (strcmp(how, "thread") && swap_start(s, how))
		return 3;
	for (i = 0; i < tries && now_ms() < until; i++) {
		pid_t p = start();

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
	printf("tries=%d ok=%d killed=%d refused=%d other=%d\n", i, ok, killed, refused, other);
	return 0;
}
