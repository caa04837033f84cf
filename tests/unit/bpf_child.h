/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of the BPF part: runs a function in a watched child and keeps every record of its session. */
#ifndef HF_TEST_BPF_CHILD_H
#define HF_TEST_BPF_CHILD_H
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "guard/bpf.h"

#define MAX_RECS 4096
struct recs {
	uint64_t session;
	const struct hf_rec *rec[MAX_RECS];
	size_t n;
	uint32_t pid;
	int status;
};
static struct hf_bpf *B;
/* Called once the child is a member and still waits: the place for tickets. */
static void (*child_prepare)(const struct recs *r);

static inline int keep(void *ctx, const void *rec, size_t len)
{
	struct recs *r = ctx;
	const struct hf_rec *h = rec;
	void *copy;

	if (len < sizeof(*h) || h->len != len)
		return -EBADMSG;
	if (h->session != r->session)
		return 0;
	if (r->n == MAX_RECS)
		return -ENOSPC;
	copy = malloc(len);
	if (!copy)
		return -ENOMEM;
	r->rec[r->n++] = memcpy(copy, rec, len);
	return 0;
}

static inline void drain(struct recs *r)
{
	assert_true(hf_bpf_drain(B, keep, r) >= 0);
}

static inline void recs_free(struct recs *r)
{
	for (size_t i = 0; i < r->n; i++)
		free((void *)(uintptr_t)r->rec[i]);
	hf_bpf_session_remove(B, r->session);
	r->n = 0;
}

/* The child waits until it is a member, then runs fn and exits with its result. */
static inline void child_start(struct recs *r, uint32_t flags, int (*fn)(void *), void *arg)
{
	int go[2], pidfd;
	pid_t pid;
	char c;

	memset(r, 0, sizeof(*r));
	assert_int_equal(getrandom(&r->session, sizeof(r->session), 0), sizeof(r->session));
	r->session |= 1;
	assert_int_equal(hf_bpf_session_add(B, r->session, flags), 0);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(go[1]);
		alarm(10);
		_exit(read(go[0], &c, 1) == 0 ? fn(arg) : 99);
	}
	close(go[0]);
	r->pid = (uint32_t)pid;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	assert_true(pidfd >= 0);
	assert_int_equal(hf_bpf_task_add(B, pidfd, r->session), 0);
	close(pidfd);
	if (child_prepare)
		child_prepare(r);
	close(go[1]);
}

static inline void child_wait(struct recs *r)
{
	assert_int_equal(waitpid((pid_t)r->pid, &r->status, 0), r->pid);
	drain(r);
}

static inline int run(struct recs *r, uint32_t flags, int (*fn)(void *), void *arg)
{
	child_start(r, flags, fn, arg);
	child_wait(r);
	return WIFEXITED(r->status) ? WEXITSTATUS(r->status) : 128 + WTERMSIG(r->status);
}

static inline const void *find(const struct recs *r, uint16_t type, unsigned int nth)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->rec[i]->type == type && nth-- == 0)
			return r->rec[i];
	return NULL;
}

static inline unsigned int count(const struct recs *r, uint16_t type)
{
	unsigned int n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->rec[i]->type == type;
	return n;
}

static inline void chunk(char *out, size_t cap, const char *p, size_t len, bool leaves)
{
	struct hf_str s = { p, len };
	int n = 0;

	if (leaves) {
		n = hf_path_from_leaves(s, out, cap);
		assert_true(n >= 0);
		return;
	}
	assert_true(len < cap);
	memcpy(out, p, len);
	out[len] = '\0';
}

/* Chunk i of a path record as text; A_BASE and B_BASE, and A unless UNRESOLVED, travel leaf first. */
static inline const char *path_chunk(const struct hf_rec_path *p, unsigned int i, char *out, size_t cap)
{
	const char *at = (const char *)(p + 1);

	for (unsigned int k = 0; k < i; k++)
		at += p->chunk_len[k];
	chunk(out, cap, at, p->chunk_len[i],
	      i == HF_PATH_A_BASE || i == HF_PATH_B_BASE || (i == HF_PATH_A && !(p->h.flags & HF_REC_UNRESOLVED)));
	return out;
}

static inline const char *exec_chunk(const struct hf_rec_exec *p, unsigned int i, char *out, size_t cap)
{
	const char *at = (const char *)(p + 1);

	for (unsigned int k = 0; k < i; k++)
		at += p->chunk_len[k];
	chunk(out, cap, at, p->chunk_len[i], i == HF_EXEC_FILE || i == HF_EXEC_CWD);
	return out;
}

/* The path record of a system call. */
static inline const struct hf_rec_path *find_nr(const struct recs *r, uint32_t nr)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct hf_rec_path *p = (const void *)r->rec[i];

		if ((p->h.type == HF_REC_PATH || p->h.type == HF_REC_OPEN) && p->nr == nr)
			return p;
	}
	return NULL;
}

static inline int group_setup(void **state)
{
	char why[1024] = "";
	/* *state set: the variant for kernels whose socket hooks have no task storage */
	struct hf_bpf_options o = { .ring_bytes = 1u << 20, .stop_opens = true, .by_tid = *state != NULL };
	int err = hf_bpf_open(&o, &B, why, sizeof(why));

	if (!err)
		return 0;
	print_message("can't load BPF here: %s\n", why);
	B = NULL;
	/*
	 * not allowed to is a reason to skip; a program that the verifier refuses (EACCES, EINVAL, E2BIG) is a
	 * failure
	 */
	return err == -EPERM || geteuid() != 0 ? 0 : -1;
}

static inline int group_teardown(void **state)
{
	hf_bpf_close(&B);
	return 0;
}

/* Without BPF there is nothing to test. */
#define NEED_BPF() do { if (!B) skip(); } while (0)
#endif
