/* SPDX-License-Identifier: Apache-2.0 */
/* Where a connect, sendto, sendmsg or sendmmsg is about to go. */
#include <errno.h>
#include <linux/kcmp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include "decode.h"
#include "remote_int.h"

#define SOCKADDR_MAX	sizeof(struct sockaddr_storage)	/* longer is EINVAL (connect, sendto) or cut (sendmsg) */
#define MSGS_MAX	1024u				/* UIO_MAXIOV: sendmmsg takes no more */
#define MSGS_AT_ONCE	64u
#ifndef PIDFD_THREAD
#define PIDFD_THREAD	O_EXCL
#endif

struct umsg {			/* the kernel's struct user_mmsghdr; what a sendmsg takes is its first 56 bytes */
	uint64_t name;
	int32_t namelen;
	uint8_t rest[52];
};

struct sock {			/* the caller's socket; 0: not known */
	bool asked;
	int domain, proto;
};

/* A descriptor of the caller's own table. The leader's table can be another one (clone without CLONE_FILES). */
static int get_fd(pid_t tid, int fd)
{
	struct hf_remote_ids ids;
	int pidfd = (int)syscall(SYS_pidfd_open, tid, 0), r;

	if (pidfd < 0 && (errno == EINVAL || errno == ENOENT)) {	/* no thread group leader */
		pidfd = (int)syscall(SYS_pidfd_open, tid, PIDFD_THREAD);
		if (pidfd < 0) {	/* before 6.9: the leader's will do if both share one table */
			if (hf_remote_ids(tid, &ids) ||
			    syscall(SYS_kcmp, tid, ids.tgid, KCMP_FILES, 0, 0) != 0)
				return -EOPNOTSUPP;
			pidfd = (int)syscall(SYS_pidfd_open, ids.tgid, 0);
		}
	}
	if (pidfd < 0)
		return -errno;
	r = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	if (r < 0)
		r = -errno;
	close(pidfd);
	return r;
}

static void ask_socket(struct hf_q *q, struct sock *s)
{
	socklen_t len = sizeof(int);
	int fd;

	if (s->asked)
		return;
	s->asked = true;
	fd = get_fd(q->tid, hf_q_dirfd(q, q->call->dirfd));
	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &s->proto, &len))
		s->proto = 0;
	len = sizeof(int);
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &s->domain, &len))
		s->domain = 0;
	close(fd);
}

/* A UNIX socket's name as a path in the file system: into the action for the first, into the address where it fits. */
static int unix_path(struct hf_q *q, struct hf_addr *a)
{
	char name[sizeof(a->sun) + 1], out[sizeof(q->r->path)];
	bool first = q->r->naddrs == 0;
	struct hf_rpath p;
	size_t len;
	int r;

	if (a->sun_len == 0 || a->sun[0] == '\0')
		return 0;
	memcpy(name, a->sun, a->sun_len);
	name[a->sun_len] = '\0';	/* unix_mkname(): the end of the address ends the name */
	r = hf_rpath_resolve(q->tid, AT_FDCWD, name, HF_RP_FOLLOW | HF_RP_THERE, first ? q->r->path : out, sizeof(out), &p);
	if (r)
		return r;
	if (first)
		hf_q_take_path(q, &p);
	else if (p.unresolved)
		q->a->flags |= HF_ACT_UNRESOLVED;
	hf_rpath_done(&p);
	len = strlen(first ? q->r->path : out);
	if (len <= sizeof(a->sun)) {
		memcpy(a->sun, first ? q->r->path : out, len);
		a->sun_len = (uint16_t)len;
	}
	return 0;
}

static bool same_addr(const struct hf_addr *a, const struct hf_addr *b)
{
	return a->family == b->family && a->port == b->port && a->proto == b->proto && a->sun_len == b->sun_len &&
	       memcmp(a->ip, b->ip, sizeof(a->ip)) == 0 && memcmp(a->sun, b->sun, a->sun_len) == 0;
}

/* Adds one destination. send: not a connect. A destination that means none (AF_UNSPEC on connect, netlink) adds nothing. */
static int add_addr(struct hf_q *q, struct sock *s, const void *sa, size_t len, bool send)
{
	struct hf_remote *r = q->r;
	struct hf_addr a = { 0 };
	struct hf_notif_raw raw;
	sa_family_t family;
	int e;

	if (len < sizeof(family))
		return 0;	/* every protocol says EINVAL, or sends to its peer */
	memcpy(&family, sa, sizeof(family));
	if (family == AF_NETLINK || (family == AF_UNSPEC && !send))
		return 0;	/* a question to the kernel; an end of a connection */
	if (family == AF_INET || family == AF_INET6 || family == AF_UNSPEC)
		ask_socket(q, s);
	if (family == AF_UNSPEC && s->domain == AF_INET6)
		return 0;	/* udpv6_sendmsg(): to the connected peer */
	e = hf_decode_sockaddr(sa, len, &a);
	if (e == -EINVAL)
		return 0;	/* too short for its family: EINVAL, says the kernel */
	if (e)
		return e;
	a.proto = a.family == AF_UNIX ? 0 : (uint16_t)s->proto;
	hf_notif_raw(sa, len, s->domain, s->proto, send, &raw);
	if (a.family == AF_UNIX) {
		memcpy(r->sun_raw, a.sun, a.sun_len);
		r->sun_raw_len = send ? 0 : a.sun_len;
		e = unix_path(q, &a);
		if (e)
			return send && r->naddrs ? 0 : e;
	}
	for (unsigned i = 0; i < r->naddrs; i++)
		if (same_addr(&r->addrs[i], &a) && memcmp(&r->raw[i], &raw, sizeof(raw)) == 0)
			return 0;
	if (r->naddrs == sizeof(r->addrs) / sizeof(r->addrs[0])) {
		r->addrs_truncated = true;
		return 0;
	}
	r->raw[r->naddrs] = raw;
	r->raw_family[r->naddrs] = family;
	r->addrs[r->naddrs++] = a;
	return 0;
}

/* Reads an address of the caller and adds it. strict: a wrong length is an error (connect, sendto), else cut (sendmsg). */
static int read_addr(struct hf_q *q, struct sock *s, uint64_t addr, int32_t len, bool strict, bool send)
{
	char sa[SOCKADDR_MAX];
	ssize_t n;

	if (len < 0 || (strict && len > (int32_t)SOCKADDR_MAX))
		return -EINVAL;
	if (len > (int32_t)SOCKADDR_MAX)
		len = (int32_t)SOCKADDR_MAX;
	if (addr == 0 || len == 0)
		return 0;
	n = hf_remote_read(q->tid, addr, sa, (size_t)len);
	if (n < len)
		return n < 0 ? (int)n : -EFAULT;
	return add_addr(q, s, sa, (size_t)n, send);
}

static int read_msg(struct hf_q *q, struct sock *s)
{
	struct umsg m;
	ssize_t n = hf_remote_read(q->tid, hf_q_arg(q, q->call->path), &m, 56);

	if (n < 56)
		return n < 0 ? (int)n : -EFAULT;
	return read_addr(q, s, m.name, m.name ? m.namelen : 0, false, true);
}

static int read_mmsg(struct hf_q *q, struct sock *s)
{
	unsigned left = (unsigned)hf_q_arg(q, 2), done = 0;
	uint64_t at = hf_q_arg(q, q->call->path);
	struct umsg m[MSGS_AT_ONCE];

	left = left < MSGS_MAX ? left : MSGS_MAX;
	while (left > 0) {
		unsigned k = left < MSGS_AT_ONCE ? left : MSGS_AT_ONCE, got;
		ssize_t n = hf_remote_read(q->tid, at, m, k * sizeof(m[0]));

		if (n < 0)
			return done ? 0 : (int)n;
		/* the kernel stops at the first message that fails, after it sent those before */
		got = (unsigned)((size_t)n / sizeof(m[0]));
		for (unsigned i = 0; i < got; i++, done++) {
			int r = read_addr(q, s, m[i].name, m[i].name ? m[i].namelen : 0, false, true);

			if (r)
				return done ? 0 : r;
		}
		if (got < k)
			return done ? 0 : -EFAULT;
		at += (uint64_t)n;
		left -= k;
	}
	return 0;
}

int hf_remote_socket(struct hf_q *q)
{
	const struct hf_notif_call *c = q->call;
	struct sock s = { 0 };
	int r;

	switch (c->form) {
	case HF_NF_CONNECT:
		r = read_addr(q, &s, hf_q_arg(q, c->path), (int32_t)hf_q_arg(q, 2), true, false);
		break;
	case HF_NF_SENDTO:
		r = hf_q_arg(q, c->path) ?
			read_addr(q, &s, hf_q_arg(q, c->path), (int32_t)hf_q_arg(q, 5), true, true) : 0;
		break;
	case HF_NF_SENDMSG:
		r = read_msg(q, &s);
		break;
	default:
		r = read_mmsg(q, &s);
	}
	if (r)
		return r;
	if (q->r->naddrs == 0)
		q->silent = true;
	else
		q->a->addr = q->r->addrs[0];
	return 0;
}
