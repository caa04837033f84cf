/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Somebody who changes one byte of memory again and again while a system call reads it: another thread ("thread"); the threads of another
 * process which shares the memory, the call being made by a child made with CLONE_VM ("vm"); another process through a shared mapping
 * ("shm").
 */
#ifndef KT_SWAP_H
#define KT_SWAP_H
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct swap {
	volatile char *at;
	char good, evil;
};

/* Pauses of no fixed length, so that no moment is left out. */
static inline void swap_pause(uint32_t *rng, uint32_t most)
{
	*rng = *rng * 1664525u + 1013904223u;
	for (volatile uint32_t i = (*rng >> 8) % most; i; i--)
		;
}

static void *swap_run(void *arg)
{
	struct swap *s = arg;
	uint32_t rng = 1;

	for (;;) {
		*s->at = s->evil;
		swap_pause(&rng, 20000);
		*s->at = s->good;
		swap_pause(&rng, 20000);
	}
	return arg;
}

static inline int swap_start(struct swap *s, const char *how)
{
	pthread_t t;
	pid_t p;

	if (strcmp(how, "shm"))
		return pthread_create(&t, NULL, swap_run, s);
	p = fork();
	if (p == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		swap_run(s);
	}
	return p < 0;
}

static inline void *swap_room(void)
{
	void *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		exit(3);
	return p;
}

/* fn in this process, or in a child that shares all memory with it; its result */
static inline int swap_call(const char *how, int (*fn)(void *), void *arg)
{
	static char stack[256 * 1024] __attribute__((aligned(64)));
	int st;
	pid_t p;

	if (strcmp(how, "vm"))
		return fn(arg);
	p = clone(fn, stack + sizeof(stack), CLONE_VM | SIGCHLD, arg);
	if (p < 0 || waitpid(p, &st, 0) != p)
		return -1;
	return WIFEXITED(st) ? WEXITSTATUS(st) : -1;
}
#endif
