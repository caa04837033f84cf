/* SPDX-License-Identifier: Apache-2.0 */
/* The BPF programs: loading, membership, records, tickets. Needs CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN (cgroup hooks). */
#ifndef HF_GUARD_BPF_H
#define HF_GUARD_BPF_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bpf/wire.h"

struct hf_bpf;
struct hf_bpf_options {
	size_t ring_bytes;	/* power of two, default 4 MiB */
	bool stop_opens;
	/* do as on 5.15 (for tests): a socket hook's session by thread id, probe reads instead of loads */
	bool by_tid;
};
/* Opens, loads and attaches the observers. -errno; why[] names the program or map and what failed. */
int hf_bpf_open(const struct hf_bpf_options *o, struct hf_bpf **ret, char *why, size_t why_cap);
void hf_bpf_close(struct hf_bpf **b);

/* Starts session id (random, non-zero) with flags HF_SESSION_*. */
int hf_bpf_session_add(struct hf_bpf *b, uint64_t session, uint32_t flags);
/* Forgets a session nobody is left in. Records of stragglers are dropped from then on. */
int hf_bpf_session_remove(struct hf_bpf *b, uint64_t session);
int hf_bpf_session_state(struct hf_bpf *b, uint64_t session, struct hf_session_state *ret);
/* Makes the process behind pidfd (single-threaded, before it runs anything) a member; its children inherit it. */
int hf_bpf_task_add(struct hf_bpf *b, int pidfd, uint64_t session);
/* The session of the process behind pidfd: 0 with *ret_session, -ENOENT not watched. */
int hf_bpf_task_session(struct hf_bpf *b, int pidfd, uint64_t *ret_session);
/*
 * Attaches the socket hooks to a session's cgroup. Bit set of hooks attached: connect4, connect6, sendmsg4,
 * sendmsg6, connect_unix (5.15 to 6.6 lack the last; sendto and sendmsg on a UNIX datagram socket have no hook of
 * ours). -errno when one of the first four fails.
 */
#define HF_HOOK_CONNECT4	(1u << 0)
#define HF_HOOK_CONNECT6	(1u << 1)
#define HF_HOOK_SENDMSG4	(1u << 2)
#define HF_HOOK_SENDMSG6	(1u << 3)
#define HF_HOOK_CONNECT_UNIX	(1u << 4)
int hf_bpf_attach_cgroup(struct hf_bpf *b, int cgroup_fd, uint32_t *ret_hooks);

/* Tickets. Overwrites an older one of the same tid. */
int hf_bpf_ticket_put(struct hf_bpf *b, uint32_t tid, const struct hf_ticket *t);
/* The ticket entry for a UNIX socket; name as hf_decode_sockaddr() gives it. */
void hf_bpf_ticket_unix(const struct hf_bpf *b, const char *name, size_t len, struct hf_ticket_addr *ret);
void hf_bpf_ticket_drop(struct hf_bpf *b, uint32_t tid);
/* Hash of argv or of a leaf-first path, keyed with this instance's secret; the kernel side computes the same. */
uint64_t hf_bpf_hash(const struct hf_bpf *b, const void *data, size_t len);

/* Names that stop an open at its exit. name <= HF_NAME_KEY bytes, flags HF_INTEREST_*. Added flags are or-ed. */
int hf_bpf_interest_add(struct hf_bpf *b, const char *name, uint32_t flags);

/*
 * Hands every record present now to cb, in the ring's order, which may differ from that of seq by a few numbers
 * when several CPUs emit at once: a gap is real only when it is still there at the next drain (and lost[] grew).
 * Records that arrive meanwhile are left for the next call, so a flood can't hold the caller here. A negative
 * result of cb ends it (that record is consumed) and is returned. Never blocks. Number of records, or -errno.
 */
typedef int (*hf_bpf_record_fn)(void *ctx, const void *rec, size_t len);
int hf_bpf_drain(struct hf_bpf *b, hf_bpf_record_fn cb, void *ctx);
/*
 * Did the last drain hand over all that had been emitted when it began? False where a record was still being written. *ret_lost:
 * records of all sessions lost so far.
 */
bool hf_bpf_drained(const struct hf_bpf *b, uint64_t *ret_lost);
int hf_bpf_ring_fd(const struct hf_bpf *b);	/* for epoll: readable when the kernel thought it worth waking us */

/*
 * Processes stopped at an open (HF_REC_STOPPED) whose record was lost because the ring was full: nobody else will
 * let them go on. Hands over and forgets at most cap of them; returns how many. Ask when lost[HF_REC_OPEN] has
 * grown.
 */
/* Before SIGCONT: a process that BPF stopped at the exit of an open may go on. Also to be called when one has ended. */
void hf_bpf_resume(struct hf_bpf *b, uint32_t tgid);
int hf_bpf_stranded(struct hf_bpf *b, uint32_t *ret_tgid, uint64_t *ret_session, size_t cap);

/* Are all live threads of the session frozen (task_struct.frozen), but for the tids in except[]? Those sit in a guard's
 * question and run nothing. 1 yes, 0 no (first that runs in *ret_tid), -errno. Source: kernel/cgroup/freezer.c. */
int hf_bpf_session_frozen(struct hf_bpf *b, uint64_t session, const uint32_t *except, size_t nexcept,
		uint32_t *ret_tid);
#endif
