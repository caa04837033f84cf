/* SPDX-License-Identifier: Apache-2.0 */
/* A session's cgroup v2, wherever cgroup2 is mounted: <root>/holdfast/<session>. */
#ifndef HF_GUARD_CGROUP_H
#define HF_GUARD_CGROUP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct hf_cgroup { int dir_fd; char path[4096]; bool split; };
/* Mount point of cgroup2 from /proc/self/mountinfo. -ENOENT none. */
int hf_cgroup_root(char *out, size_t cap);
int hf_cgroup_create(uint64_t session, struct hf_cgroup *ret);	/* makes the parent "holdfast" too */
int hf_cgroup_add(const struct hf_cgroup *c, pid_t pid);	/* 0 = self */
/*
 * Before the first hf_cgroup_add(): makes the two threaded groups "all" and "one" below. All members are in "all" from then on, and only it
 * is frozen; a single thread can be taken out of the ice with hf_cgroup_thread_out(). For kernels where freezing interrupts a thread's
 * question (no WAIT_KILLABLE_RECV): it has to run again to ask again.
 */
int hf_cgroup_split(struct hf_cgroup *c);
int hf_cgroup_thread_out(const struct hf_cgroup *c, pid_t tid, bool out);	/* -ESRCH: it is gone */
int hf_cgroup_freeze(const struct hf_cgroup *c, bool on);	/* only asks; see hf_bpf_session_frozen */
int hf_cgroup_kill(const struct hf_cgroup *c);			/* cgroup.kill (5.14), else freeze-signal-thaw loop */
int hf_cgroup_populated(const struct hf_cgroup *c);		/* 1, 0, -errno */
/* for EPOLLPRI: changes of populated/frozen; caller closes */
int hf_cgroup_events_fd(const struct hf_cgroup *c);
/* rmdir, also sub-groups an agent made; closes dir_fd. -EBUSY: still populated, c stays */
int hf_cgroup_remove(struct hf_cgroup *c);
/* Is the process in any holdfast session's cgroup? Its session id: 1, 0 no, -errno. */
int hf_cgroup_session_of(pid_t pid, uint64_t *ret_session);
/* Reads and re-arms hf_cgroup_events_fd(): call it after each POLLPRI, else poll returns at once again. 0 or
 * -errno. frozen is about the whole group and never 1 while one of its tasks waits in a seccomp question
 * (WAIT_KILLABLE_RECV). */
int hf_cgroup_events_read(int events_fd, int *ret_populated, int *ret_frozen);
/* Removes groups that dead engines left, if they are empty; a living engine's is locked (flock on the directory,
 * kept by dir_fd and its copies in the guardian). Number removed or -errno. */
int hf_cgroup_sweep(void);
#endif
