/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guardian: a tiny process that keeps duplicates of the guards' descriptors (seccomp listener, fanotify group,
 * BPF links) open, so that nothing is released when the engine dies: fanotify would otherwise ALLOW what it holds
 * (fs/notify/fanotify/fanotify_user.c, fanotify_release()). On the engine's death it kills the session's cgroup first
 * and closes after that.
 */
#ifndef HF_GUARD_GUARDIAN_H
#define HF_GUARD_GUARDIAN_H
#include <stdbool.h>
#include <stdint.h>
#include "cgroup.h"
/* Forks it; it inherits all the caller's descriptors. Returns its pid and a pidfd. Ends by itself when the engine
 * says goodbye (hf_guardian_release). Ignores terminal signals, own process group. */
int hf_guardian_start(const struct hf_cgroup *c, pid_t *ret_pid, int *ret_pidfd, int *ret_ctl_fd);
int hf_guardian_release(int *ctl_fd);

/*
 * An engine can be made to wait without end inside the kernel: an argument of a held call may lie in a mapped file of
 * a FUSE file system that the agent itself serves, and process_vm_readv() then waits for its answer (tried: state D,
 * killable only). So the engine counts its turns in memory shared with the guardian, without a system call, and a
 * guardian which sees the same unfinished turn for limit_ms kills the session: with the server gone the engine's wait
 * ends.
 */
struct hf_guardian_turns { uint64_t n; };	/* odd: at work; even: waiting for events */
int hf_guardian_turns_new(struct hf_guardian_turns **ret);
void hf_guardian_turns_free(struct hf_guardian_turns **t);
static inline void hf_guardian_turn(struct hf_guardian_turns *t, bool at_work)
{
	__atomic_store_n(&t->n, ((t->n + 2) & ~1ull) | at_work, __ATOMIC_RELAXED);
}
/* hf_guardian_start() with them. limit_ms: longer than any honest turn (a journal's fsync on a slow disk); 0: no
 * limit. An engine that is stopped (SIGSTOP, a debugger) is not stuck. */
int hf_guardian_start_watching(const struct hf_cgroup *c, const struct hf_guardian_turns *t, unsigned limit_ms,
			       pid_t *ret_pid, int *ret_pidfd, int *ret_ctl_fd);
#endif
