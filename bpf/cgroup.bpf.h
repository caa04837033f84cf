/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Socket hooks of a session's cgroup. They see the kernel's own copy of the address, so what passes here is what
 * was judged.
 *
 * The hook that runs is that of the cgroup the socket was made in, not the caller's: a socket handed to an
 * unwatched process comes here as well. It is no member and passes; it isn't the agent that connects. Preemptible:
 * no scratch.
 */
#ifndef HF_CGROUP_H
#define HF_CGROUP_H
#include "holdfast.bpf.h"

static __always_inline struct hf_task *hf_member(__u32 tid)
{
	/* a constant at load: the branch not taken is never verified, so its helpers may be unknown there */
	if (hf_members)
		return bpf_map_lookup_elem(&members, &tid);
	return bpf_task_storage_get(&tasks, bpf_get_current_task_btf(), 0, 0);
}

static __always_inline bool hf_v4_mapped(const __u32 *a)
{
	return a[0] == 0 && a[1] == 0 && a[2] == bpf_htonl(0xffff);
}

/* 1 equal. An IPv4 address and its v4-mapped form are the same destination. */
static __always_inline bool hf_addr_eq(const struct hf_ticket_addr *t, const struct hf_ticket_addr *a)
{
	__u32 x[4], y[4];
	__u16 fx = t->family, fy = a->family;

	__builtin_memcpy(x, t->addr, 16);
	__builtin_memcpy(y, a->addr, 16);
	if (fx == HF_AF_INET6 && hf_v4_mapped(x)) {
		fx = HF_AF_INET;
		x[0] = x[3];
	}
	if (fy == HF_AF_INET6 && hf_v4_mapped(y)) {
		fy = HF_AF_INET;
		y[0] = y[3];
	}
	if (fx != fy || t->port != a->port || (t->proto && t->proto != a->proto) || x[0] != y[0])
		return false;
	return fx != HF_AF_INET6 || (x[1] == y[1] && x[2] == y[2] && x[3] == y[3]);
}

struct hf_sun {
	__u8 path[112] __attribute__((aligned(8)));
	__u32 len;
};

static __always_inline void hf_raced_addr(__u64 session, __u32 what, const struct hf_ticket_addr *a,
		const struct hf_sun *sun)
{
	struct hf_session_state *st = bpf_map_lookup_elem(&sessions, &session);
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u64 id = bpf_get_current_pid_tgid();
	struct hf_rec_raced r;

	if (!st)
		return;
	__builtin_memset(&r, 0, sizeof(r));
	r.h.type = HF_REC_RACED;
	r.h.len = sizeof(r);
	r.h.session = session;
	r.h.seq = __sync_fetch_and_add(&st->seq, 1) + 1;
	r.h.time_ns = bpf_ktime_get_boot_ns();
	r.h.start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	r.h.tgid = id >> 32;
	r.h.tid = (__u32)id;
	r.h.uid = (__u32)bpf_get_current_uid_gid();
	r.h.ret = -1;	/* EPERM */
	r.what = what;
	r.old_tid = (__u32)id;
	r.addr.family = a->family;
	r.addr.port = a->port;
	r.addr.proto = a->proto;
	__builtin_memcpy(r.addr.addr, a->addr, 16);
	if (sun) {
		r.addr.path_len = sun->len;
		__builtin_memcpy(r.addr.path, sun->path, HF_SUN_MAX);
	}
	if (bpf_ringbuf_output(&ring, &r, sizeof(r), BPF_RB_FORCE_WAKEUP))
		__sync_fetch_and_add(&st->lost[HF_REC_RACED], 1);
}

/* 1 pass, 0 refuse with EPERM. */
static __always_inline int hf_check_addr(const struct hf_ticket_addr *a)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid(), what = HF_RACED_ADDR_NO_TICKET;
	struct hf_task *t = hf_member(tid);
	struct hf_ticket *k;
	__u32 i;

	if (!t || !(t->flags & HF_SESSION_ENFORCE))
		return 1;
	k = bpf_map_lookup_elem(&tickets, &tid);
	if (k && (k->flags & HF_TICKET_ADDR)) {
		what = HF_RACED_ADDR;
		for (i = 0; i < HF_TICKET_ADDRS; i++) {
			if (i >= k->naddr)
				break;
			if (hf_addr_eq(&k->addr[i], a))
				return 1;
		}
	}
	hf_raced_addr(t->session, what, a, NULL);
	return 0;
}

extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym __weak;

/* The name a connect is about to use, cut as unix_mkname() does. */
static __always_inline bool hf_read_sun(struct bpf_sock_addr *ctx, struct hf_sun *sun)
{
	struct bpf_sock_addr_kern *k = bpf_cast_to_kern_ctx(ctx);
	const void *name = (const void *)((__u64)k->uaddr + 2);
	__u32 len = k->uaddrlen;
	long n;

	__builtin_memset(sun, 0, sizeof(*sun));
	if (len <= 2)
		return true;
	len -= 2;
	HF_OPAQUE(len);
	if (len > HF_SUN_MAX || bpf_probe_read_kernel(sun->path, 1, name))
		return false;
	if (sun->path[0]) {
		n = bpf_probe_read_kernel_str(sun->path, len + 1, name);
		sun->len = n - 1;
		return n > 0;
	}
	sun->len = len;
	HF_OPAQUE(len);
	return len > 0 && len <= HF_SUN_MAX && !bpf_probe_read_kernel(sun->path, len, name);
}

static __always_inline __u64 hf_hash_sun(const struct hf_sun *sun)
{
	const __u64 *w = (const __u64 *)sun->path;
	struct hf_sip s;
	__u64 m = 0;
	__u32 i;

	hf_sip_init(&s, hf_key0, hf_key1);
	for (i = 0; i < sizeof(sun->path) / 8; i++) {
		m = w[i];	/* zero behind the end */
		if ((i + 1) * 8 > sun->len)
			break;
		hf_sip_word(&s, m);
		m = 0;
	}
	return hf_sip_final(&s, m, sun->len);
}

/* 1 equal, 0 another one, -1 the ticket names no UNIX socket. */
static __always_inline int hf_unix_in_ticket(const struct hf_ticket *k, const struct hf_sun *sun)
{
	__u64 want = hf_hash_sun(sun), have;
	int found = -1;
	__u32 i;

	for (i = 0; i < HF_TICKET_ADDRS; i++) {
		if (i >= k->naddr)
			break;
		if (k->addr[i].family != HF_AF_UNIX)
			continue;
		__builtin_memcpy(&have, k->addr[i].addr, 8);
		if (have == want && k->addr[i].port == sun->len)
			return 1;
		found = 0;
	}
	return found;
}

/* Loaded as BPF_CGROUP_UNIX_CONNECT where the kernel knows it; libbpf 1.1 has no section name for it. */
SEC("cgroup/connect4")
int hf_connect_unix(struct bpf_sock_addr *ctx)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid(), what = HF_RACED_ADDR_NO_TICKET;
	struct hf_task *t = hf_member(tid);
	struct hf_ticket_addr a = { .family = HF_AF_UNIX };
	struct hf_ticket *k;
	struct hf_sun sun;
	int found = -1;

	if (!t || !(t->flags & HF_SESSION_ENFORCE))
		return 1;
	if (!hf_read_sun(ctx, &sun))
		return 0;
	k = bpf_map_lookup_elem(&tickets, &tid);
	if (k && (k->flags & HF_TICKET_ADDR)) {
		found = hf_unix_in_ticket(k, &sun);
		what = HF_RACED_ADDR;
	}
	if (found == 1 || (found < 0 && !(t->flags & HF_SESSION_ENFORCE_UNIX)))
		return 1;
	hf_raced_addr(t->session, what, &a, &sun);
	return 0;
}

static __always_inline int hf_check_v4(struct bpf_sock_addr *ctx)
{
	struct hf_ticket_addr a = {};
	__u32 ip = ctx->user_ip4;

	/* not ctx->user_family: udp_sendmsg() takes AF_UNSPEC for AF_INET, and the hook is the IPv4 one either way */
	a.family = HF_AF_INET;
	a.port = bpf_ntohs(ctx->user_port);
	a.proto = ctx->protocol;
	__builtin_memcpy(a.addr, &ip, 4);
	return hf_check_addr(&a);
}

static __always_inline int hf_check_v6(struct bpf_sock_addr *ctx)
{
	struct hf_ticket_addr a = {};
	__u32 ip[4];

	a.family = HF_AF_INET6;
	a.port = bpf_ntohs(ctx->user_port);
	a.proto = ctx->protocol;
	ip[0] = ctx->user_ip6[0];
	ip[1] = ctx->user_ip6[1];
	ip[2] = ctx->user_ip6[2];
	ip[3] = ctx->user_ip6[3];
	__builtin_memcpy(a.addr, ip, 16);
	return hf_check_addr(&a);
}

SEC("cgroup/connect4")
int hf_connect4(struct bpf_sock_addr *ctx)
{
	return hf_check_v4(ctx);
}

SEC("cgroup/connect6")
int hf_connect6(struct bpf_sock_addr *ctx)
{
	return hf_check_v6(ctx);
}

SEC("cgroup/sendmsg4")
int hf_sendmsg4(struct bpf_sock_addr *ctx)
{
	return hf_check_v4(ctx);
}

SEC("cgroup/sendmsg6")
int hf_sendmsg6(struct bpf_sock_addr *ctx)
{
	return hf_check_v6(ctx);
}

#endif
