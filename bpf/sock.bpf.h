/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sockets: addresses at system call exit, and the cgroup hooks which compare with the ticket what the kernel is
 * about to use.
 */
#ifndef HF_SOCK_H
#define HF_SOCK_H
#include "walk.bpf.h"

#define HF_MSGS 8	/* messages of one sendmmsg that get a record */

/* The struct sock behind a descriptor, NULL when it is no socket. */
static __always_inline const struct sock *hf_fd_sock(__u64 fd)
{
	const struct file *f = hf_fd_file(fd);
	const struct inode *ino;
	const struct socket *s;

	if (!f)
		return NULL;
	ino = BPF_CORE_READ(f, f_inode);
	if ((BPF_CORE_READ(ino, i_mode) & HF_S_IFMT) != HF_S_IFSOCK ||
	    BPF_CORE_READ(ino, i_sb, s_magic) != HF_SOCKFS_MAGIC)
		return NULL;
	s = BPF_CORE_READ(f, private_data);
	return BPF_CORE_READ(s, sk);
}

/* A sockaddr in user memory. Whatever can't be read stays zero. */
__noinline int hf_user_addr(__u32 cpu, __u64 ptr, __u32 len)
{
	struct hf_scratch *sc = hf_scratch_of(cpu);
	struct hf_rec_sock *r;
	struct hf_wire_addr *a;
	__u16 port = 0, family = 0;

	if (!sc || len < 2)
		return 0;
	r = (struct hf_rec_sock *)sc->data;
	a = &r->addr;
	if (bpf_probe_read_user(&family, sizeof(family), (const void *)ptr))
		return 0;
	a->family = family;
	if (family == HF_AF_UNIX) {
		len -= 2;
		HF_OPAQUE(len);
		if (len > HF_SUN_MAX)
			len = HF_SUN_MAX;
		HF_OPAQUE(len);
		if (len && !bpf_probe_read_user(a->path, len, (const void *)(ptr + 2)))
			a->path_len = len;
		return 1;
	}
	if (len < 8 || bpf_probe_read_user(&port, sizeof(port), (const void *)(ptr + 2)))
		return 1;
	a->port = bpf_ntohs(port);
	if (family == HF_AF_INET6 && len >= 24)
		bpf_probe_read_user(a->addr, 16, (const void *)(ptr + 8));
	else if (family == HF_AF_INET || family == HF_AF_UNSPEC)
		bpf_probe_read_user(a->addr, 4, (const void *)(ptr + 4));
	return 1;
}

/* The address a UNIX socket is bound to. */
static __always_inline void hf_sk_unix(const struct sock *sk, struct hf_wire_addr *a)
{
	const struct unix_sock *u = (const struct unix_sock *)sk;
	const struct unix_address *ua = BPF_CORE_READ(u, addr);
	__u32 len;

	if (!ua)
		return;
	len = BPF_CORE_READ(ua, len);
	if (len <= 2)
		return;
	len -= 2;
	HF_OPAQUE(len);
	if (len > HF_SUN_MAX)
		len = HF_SUN_MAX;
	if (!bpf_probe_read_kernel(a->path, len, (const void *)((__u64)ua + bpf_core_field_offset(ua->name) + 2)))
		a->path_len = len;
}

static __always_inline void hf_sk_addr(const struct sock *sk, struct hf_wire_addr *a, bool peer)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	a->family = family;
	if (family == HF_AF_UNIX) {
		if (!peer)
			hf_sk_unix(sk, a);
		return;
	}
	a->port = peer ? bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport)) : BPF_CORE_READ(sk, __sk_common.skc_num);
	if (family == HF_AF_INET) {
		__u32 ip = peer ? BPF_CORE_READ(sk, __sk_common.skc_daddr) : BPF_CORE_READ(sk,
				__sk_common.skc_rcv_saddr);

		__builtin_memcpy(a->addr, &ip, 4);
	} else if (family == HF_AF_INET6) {
		struct in6_addr ip = {};

		if (peer)
			BPF_CORE_READ_INTO(&ip, sk, __sk_common.skc_v6_daddr);
		else
			BPF_CORE_READ_INTO(&ip, sk, __sk_common.skc_v6_rcv_saddr);
		__builtin_memcpy(a->addr, &ip, 16);
	}
}

static __always_inline void hf_sock_begin(struct hf_scratch *sc, struct hf_rec_sock *r, __u64 fd)
{
	__builtin_memset((void *)r + sizeof(r->h), 0, sizeof(*r) - sizeof(r->h));
	r->h.type = HF_REC_SOCK;
	r->h.flags = 0;
	r->h.ret = sc->ret;
	r->nr = sc->nr;
	r->fd = fd;
}

static __always_inline void hf_sock_proto(const struct sock *sk, struct hf_wire_addr *a)
{
	if (sk && BPF_CORE_READ(sk, __sk_common.skc_family) != HF_AF_UNIX)
		a->proto = BPF_CORE_READ(sk, sk_protocol);
}

/* One struct msghdr in user memory; a record only when it names a destination. */
__noinline int hf_do_msg(__u32 cpu, __u64 msg)
{
	struct hf_scratch *sc = hf_scratch_of(cpu);
	struct hf_rec_sock *r;
	__u64 name = 0;
	__u32 len = 0;

	if (!sc)
		return 0;
	if (bpf_probe_read_user(&name, 8, (const void *)msg) || bpf_probe_read_user(&len, 4, (const void *)(msg + 8)))
		return 0;
	if (!name || !len)
		return 0;
	r = (struct hf_rec_sock *)sc->data;
	hf_sock_begin(sc, r, sc->args[0]);
	hf_user_addr(cpu, name, len);
	hf_sock_proto(hf_fd_sock((__u32)sc->args[0]), &r->addr);
	return hf_emit(cpu, sizeof(*r));
}

static __always_inline int hf_do_mmsg(__u32 cpu, struct hf_scratch *sc)
{
	__s64 n = sc->ret > 0 ? sc->ret : 1;	/* failed: the first one was refused */
	int i;

	for (i = 0; i < HF_MSGS; i++) {
		if (i >= n)
			break;
		hf_do_msg(cpu, sc->args[1] + (__u64)i * 64);	/* sizeof(struct mmsghdr) */
	}
	return 0;
}

__noinline int hf_do_sock(__u32 cpu)
{
	struct hf_scratch *sc = hf_scratch_of(cpu);
	struct hf_rec_sock *r;
	const struct sock *sk;

	if (!sc)
		return 0;
	if (sc->nr == HF_NR_sendmsg)
		return hf_do_msg(cpu, sc->args[1]);
	if (sc->nr == HF_NR_sendmmsg)
		return hf_do_mmsg(cpu, sc);
	if (sc->nr == HF_NR_sendto && (!sc->args[4] || !(__u32)sc->args[5]))
		return 0;
	r = (struct hf_rec_sock *)sc->data;
	hf_sock_begin(sc, r, sc->args[0]);
	if (sc->nr == HF_NR_accept || sc->nr == HF_NR_accept4) {
		sk = hf_fd_sock(sc->ret >= 0 ? sc->ret : (__u32)sc->args[0]);
		if (sk && sc->ret >= 0)
			hf_sk_addr(sk, &r->addr, true);
	} else {
		sk = hf_fd_sock((__u32)sc->args[0]);
		if (sc->nr == HF_NR_listen) {
			if (sk)
				hf_sk_addr(sk, &r->addr, false);
		} else if (sc->nr == HF_NR_sendto) {
			hf_user_addr(cpu, sc->args[4], sc->args[5]);
		} else {
			hf_user_addr(cpu, sc->args[1], sc->args[2]);
		}
	}
	hf_sock_proto(sk, &r->addr);
	return hf_emit(cpu, sizeof(*r));
}

#endif
