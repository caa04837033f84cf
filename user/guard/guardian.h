/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guardian: a tiny process that keeps duplicates of the guards' descriptors (seccomp listener, fanotify group,
 * BPF links) open, so that nothing is released when the engine dies: fanotify would otherwise ALLOW what it holds
 * (fs/notify/fanotify/fanotify_user.c, fanotify_release()). On the engine's death it kills the session's cgroup first
 * and closes after that.
 */
#ifndef HF_GUARD_GUARDIAN_H
#define HF_GUARD_GUARDIAN_H
#include "cgroup.h"
/* Forks it; it inherits all the caller's descriptors. Returns its pid and a pidfd. Ends by itself when the engine
 * says goodbye (hf_guardian_release). Ignores terminal signals, own process group. */
int hf_guardian_start(const struct hf_cgroup *c, pid_t *ret_pid, int *ret_pidfd, int *ret_ctl_fd);
int hf_guardian_release(int *ctl_fd);
#endif
