/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the BPF programs share: maps, settings, the scratch a record is built in, its header and the way out.
 *
 * Loops. Nothing here relies on bpf_loop() (5.17): long loops are cut into global functions, which the verifier
 * checks once and by themselves, called from a short outer loop. State goes from one to the next in the scratch.
 *
 * Scratch. The tracepoint programs run in process context with preemption off (include/trace/bpf_probe.h,
 * also for the faultable system call tracepoints of 6.13), so one scratch a CPU is theirs alone. The cgroup hooks
 * may be preempted: they never touch it.
 */
#ifndef HF_BPF_H
#define HF_BPF_H

#ifdef HF_VMLINUX_MIN
#include "vmlinux_min.h"
#else
#include "vmlinux.h"
#endif
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>
#include "wire.h"
#include "nr.h"
#include "siphash.h"

#define HF_AF_UNSPEC	0
#define HF_AF_UNIX	1
#define HF_AF_INET	2
#define HF_AF_INET6	10
#define HF_SIGKILL	9
#define HF_SIGSTOP	19
#define HF_AT_FDCWD	(-100)
#define HF_S_IFMT	0170000
#define HF_S_IFSOCK	0140000
#define HF_SOCKFS_MAGIC	0x534F434B

/*
 * clang must not see through x here: it would merge a test for zero and one for a limit into one of x - 1, and the
 * verifier up to 6.1 at least then knows no bound of x.
 */
#define HF_OPAQUE(x) asm volatile("" : "+r"(x))

#define HF_DATA_MASK	0xffffu
#define HF_DATA_SLACK	8192u

struct hf_scratch {
	__u64 args[8];		/* 6 used; 8 so that an index can be masked */
	__u64 session;
	__s64 ret;
	__u32 sflags;
	__u32 nr;
	/* walk */
	__u64 dentry;
	__u64 mnt;		/* struct mount * */
	__u64 root;		/* mnt->mnt.mnt_root */
	__u32 off;
	__u32 end;
	__u32 cut;
	__u32 depth;
	__u32 comp_off[4];	/* first three components: leaf, parent, grandparent */
	__u32 comp_len[4];
	/* hash */
	struct hf_sip sip;
	__u32 sip_off;
	__u32 sip_len;
	__u64 hash;
	__u8 data[HF_DATA_MASK + 1 + HF_DATA_SLACK];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);		/* one a possible CPU, set before load */
	__type(key, __u32);
	__type(value, struct hf_scratch);
} scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);	/* set before load */
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct hf_task);
} tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u64);
	__type(value, struct hf_session_state);
} sessions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct hf_ticket);
} tickets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, char[HF_NAME_KEY]);
	__type(value, __u32);
} interest SEC(".maps");

/* tid to session, only where the socket hooks cannot use task storage (before about 6.16); see hf_members. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct hf_task);
} members SEC(".maps");

/* Processes stopped by us whose record found no room in the ring: nobody else would ever let them go on. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u64);
} stranded SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct hf_halt);
} halted SEC(".maps");

const volatile __u64 hf_key0;
const volatile __u64 hf_key1;
const volatile __u64 hf_wake_at;	/* bytes in the ring from which on the reader is woken */
const volatile __u32 hf_ncpu;
const volatile bool hf_stop_opens;
const volatile bool hf_members;		/* keep the members map */
/* the kernel has bpf_rdonly_cast() (6.2): plain loads where probe reads cost 50 ns each */
const volatile bool hf_cast;

/* One bit for each length of a name in the interest map, so that most opens look nothing up. */
__u64 hf_len_leaf, hf_len_ext, hf_len_parent;
/* 1 from a wake-up until the reader begins to drain: one wake-up is enough. */
__u32 hf_woken;
/* 1 while the halted map may hold somebody, so that all other calls look nothing up. */
__u32 hf_halted_any;
/* Records of any session that found no room, where the reader sees it without a system call. */
__u64 hf_lost;
/* The session the task iterator asks about. */
__u64 hf_iter_session;

extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;

/*
 * A kernel pointer that may be loaded through; a bad one reads as zero. Only under "if (hf_cast)": where it is
 * false the verifier never sees the call.
 */
#define HF_CAST(type, ptr) ((const type *)bpf_rdonly_cast((const void *)(ptr), bpf_core_type_id_kernel(type)))
/* Two words from anywhere in kernel memory. */
#define HF_WORDS(ptr) HF_CAST(struct timespec64, ptr)

static __always_inline struct hf_scratch *hf_scratch_of(__u32 cpu)
{
	return bpf_map_lookup_elem(&scratch, &cpu);
}

/* Sends the record at sc->data (type, flags, ret and everything after the header are set) and counts what is lost. */
__noinline int hf_emit(__u32 cpu, __u32 len)
{
	struct hf_scratch *sc = hf_scratch_of(cpu);
	struct task_struct *task = bpf_get_current_task_btf();
	struct hf_session_state *st;
	struct hf_rec *h;
	__u64 id, key, wake = BPF_RB_NO_WAKEUP;
	__u32 type, tgid;

	if (!sc)
		return 0;
	key = sc->session;
	st = bpf_map_lookup_elem(&sessions, &key);
	if (!st)
		return 0;
	h = (struct hf_rec *)sc->data;
	id = bpf_get_current_pid_tgid();
	tgid = id >> 32;
	h->len = len;
	h->session = key;
	h->seq = __sync_fetch_and_add(&st->seq, 1) + 1;
	h->time_ns = bpf_ktime_get_boot_ns();
	h->start_ns = task->group_leader->start_boottime;
	h->tgid = tgid;
	h->tid = (__u32)id;
	h->uid = task->cred->uid.val;
	type = h->type;
	if ((h->flags & (HF_REC_STOPPED | HF_REC_KILLED)) || type == HF_REC_RACED) {
		wake = BPF_RB_FORCE_WAKEUP;
	} else if (!hf_woken && bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > hf_wake_at) {
		hf_woken = 1;
		wake = BPF_RB_FORCE_WAKEUP;
	}
	len &= HF_DATA_MASK;
	if (!bpf_ringbuf_output(&ring, sc->data, len, wake))
		return 1;
	__sync_fetch_and_add(&hf_lost, 1);
	if (type < HF_REC_TYPES)
		__sync_fetch_and_add(&st->lost[type], 1);
	if (h->flags & HF_REC_STOPPED)
		bpf_map_update_elem(&stranded, &tgid, &key, BPF_ANY);
	return 0;
}

#endif
