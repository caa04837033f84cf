// SPDX-License-Identifier: Apache-2.0
#include "decode.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "bpf/nr.h"

#define NO_NR		0xffffffffu
#define AT_REMOVEDIR_	0x200
#define SIN6_MIN	24	/* SIN6_LEN_RFC2133: sockaddr_in6 without its scope id is enough for the kernel */

static bool v4_mapped(const uint8_t *a)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(a, prefix, sizeof(prefix)) == 0;
}

static void set_ip6(struct hf_addr *a, const uint8_t *ip)
{
	if (v4_mapped(ip)) {
		a->family = AF_INET;
		memcpy(a->ip, ip + 12, 4);
	} else {
		a->family = AF_INET6;
		memcpy(a->ip, ip, 16);
	}
}

/* A pathname ends at its first NUL (unix_mkname()); an abstract name has no end but its length. */
static void set_sun(struct hf_addr *a, const char *p, size_t n)
{
	a->family = AF_UNIX;
	if (n && p[0] != '\0')
		n = strnlen(p, n);
	a->sun_len = (uint16_t)n;
	memcpy(a->sun, p, n);
}

int hf_decode_sockaddr(const void *sa, size_t len, struct hf_addr *ret)
{
	struct hf_addr a = { 0 };
	struct sockaddr_in6 in6 = { 0 };
	struct sockaddr_in in;

	if (len < sizeof(a.family))
		return -EINVAL;
	memcpy(&a.family, sa, sizeof(a.family));
	switch (a.family) {
	case AF_UNSPEC:
		if (len < sizeof(in))
			break;	/* connect() takes it as "disconnect" */
		/* fall through */
	case AF_INET:
		if (len < sizeof(in))
			return -EINVAL;
		memcpy(&in, sa, sizeof(in));
		a.family = AF_INET;
		a.port = ntohs(in.sin_port);
		memcpy(a.ip, &in.sin_addr, 4);
		break;
	case AF_INET6:
		if (len < SIN6_MIN)
			return -EINVAL;
		memcpy(&in6, sa, len < sizeof(in6) ? len : sizeof(in6));
		a.port = ntohs(in6.sin6_port);
		set_ip6(&a, in6.sin6_addr.s6_addr);
		break;
	case AF_UNIX:
		len -= sizeof(a.family);
		set_sun(&a, (const char *)sa + sizeof(a.family), len < sizeof(a.sun) ? len : sizeof(a.sun));
		break;
	}
	*ret = a;
	return 0;
}

int hf_decode_wire_addr(const struct hf_wire_addr *w, struct hf_addr *ret)
{
	struct hf_addr a = { .family = w->family, .port = w->port, .proto = w->proto };

	if (w->path_len > sizeof(w->path))
		return -EINVAL;
	if (w->family == AF_INET)
		memcpy(a.ip, w->addr, 4);
	else if (w->family == AF_INET6)
		set_ip6(&a, w->addr);
	else if (w->family == AF_UNIX)
		set_sun(&a, (const char *)w->path, w->path_len);
	*ret = a;
	return 0;
}

static bool one_component(struct hf_str s)
{
	return s.n > 1 && memchr(s.p, '\0', s.n) == s.p + s.n - 1;
}

/* Leaf-first bytes to a path in out. */
static int leaves_path(struct hf_str s, char *out, size_t cap, struct hf_str *ret)
{
	int n = hf_path_from_leaves(s, out, cap);

	if (n == -EINVAL && one_component(s) && s.n < cap) {
		/* a memfd's name is free text, slashes included, and must not make its record unreadable */
		out[0] = '/';
		memcpy(out + 1, s.p, s.n);
		n = (int)s.n;
	}
	if (n < 0)
		return -EINVAL;
	*ret = (struct hf_str){ out, (size_t)n };
	return 0;
}

/* A path as given, with its base when it is relative: joined by its text only. tmp holds the base meanwhile. */
static int given_path(struct hf_str given, struct hf_str base, char *out, size_t cap, char *tmp, size_t tmp_cap,
		      struct hf_str *ret)
{
	struct hf_str b = HF_STR("/");
	int n;

	if (given.n == 0 && base.n == 0) {
		*ret = (struct hf_str){ NULL, 0 };	/* could not be read */
		return 0;
	}
	if ((given.n == 0 || given.p[0] != '/') && leaves_path(base, tmp, tmp_cap, &b))
		return -EINVAL;
	n = hf_path_join(b, given, out, cap);
	if (n < 0)
		return -EINVAL;
	*ret = (struct hf_str){ out, (size_t)n };
	return 0;
}

static uint32_t act_flags(uint16_t f)
{
	uint32_t a = HF_ACT_OUTCOME;

	if (f & HF_REC_TRUNC_PATH)
		a |= HF_ACT_TRUNC_PATH;
	if (f & HF_REC_TRUNC_ARGV)
		a |= HF_ACT_TRUNC_ARGV;
	if (f & HF_REC_UNRESOLVED)
		a |= HF_ACT_UNRESOLVED;
	if (f & HF_REC_STOPPED)
		a |= HF_ACT_STOPPED;
	if (f & HF_REC_KILLED)
		a |= HF_ACT_RACED | HF_ACT_DENIED;
	return a;
}

static void common(const struct hf_rec *h, struct hf_action *a)
{
	memset(a, 0, sizeof(*a));
	a->session = h->session;
	a->seq = h->seq;
	a->time_ns = h->time_ns;
	a->flags = act_flags(h->flags);
	a->tgid = h->tgid;
	a->tid = h->tid;
	a->start_ns = h->start_ns;
	a->uid = h->uid;
	a->ret = h->ret;
	a->nr = NO_NR;
}

static void set_nr(struct hf_action *a, uint32_t nr)
{
	a->nr = nr;
	a->syscall = hf_syscall_name(nr);
}

static int decode_fork(const void *rec, size_t len, struct hf_action *a)
{
	struct hf_rec_fork r;

	if (len != sizeof(r))
		return -EINVAL;
	memcpy(&r, rec, sizeof(r));
	common(&r.h, a);
	a->kind = HF_FORK;
	a->child_tgid = r.child_tgid;
	a->child_tid = r.child_tid;
	a->child_start_ns = r.child_start_ns;
	return 0;
}

static int decode_exit(const void *rec, size_t len, struct hf_action *a)
{
	struct hf_rec_exit r;

	if (len != sizeof(r))
		return -EINVAL;
	memcpy(&r, rec, sizeof(r));
	common(&r.h, a);
	a->kind = HF_EXIT;
	return 0;
}

/* The file the kernel runs is the interpreter; the script is known by what the caller wrote. */
static int script_path(struct hf_decode_buf *b, struct hf_action *a, struct hf_str cwd_leaves)
{
	if (a->path.n > sizeof(b->interp))
		return -EINVAL;
	memcpy(b->interp, a->path.p, a->path.n);
	a->interp = (struct hf_str){ b->interp, a->path.n };
	a->flags |= HF_ACT_SCRIPT | HF_ACT_UNRESOLVED;
	a->dev = a->ino = 0;
	return given_path(a->given, cwd_leaves, b->path, sizeof(b->path), b->path2, sizeof(b->path2), &a->path);
}

static int decode_exec(const void *rec, size_t len, struct hf_decode_buf *b, struct hf_action *a)
{
	struct hf_str c[HF_EXEC_CHUNKS];
	struct hf_rec_exec r;
	size_t at = sizeof(r);

	if (len < sizeof(r))
		return -EINVAL;
	memcpy(&r, rec, sizeof(r));
	for (unsigned int i = 0; i < HF_EXEC_CHUNKS; i++) {
		if (r.chunk_len[i] > len - at || r.chunk_len[i] > (i == HF_EXEC_ARGV ? HF_ARGV_MAX : HF_PATH_MAX))
			return -EINVAL;
		c[i] = (struct hf_str){ (const char *)rec + at, r.chunk_len[i] };
		at += r.chunk_len[i];
	}
	if (at != len)
		return -EINVAL;
	common(&r.h, a);
	a->kind = HF_EXEC;
	set_nr(a, HF_NR_execve);
	a->dev = r.dev;
	a->ino = r.ino;
	a->argv = c[HF_EXEC_ARGV];
	a->given = c[HF_EXEC_GIVEN];
	if (leaves_path(c[HF_EXEC_CWD], b->cwd, sizeof(b->cwd), &a->cwd) ||
	    leaves_path(c[HF_EXEC_FILE], b->path, sizeof(b->path), &a->path))
		return -EINVAL;
	if (!(r.h.flags & HF_REC_SCRIPT))
		return 0;
	if ((r.h.flags & HF_REC_TRUNC_CWD) && (a->given.n == 0 || a->given.p[0] != '/'))
		a->flags |= HF_ACT_TRUNC_PATH;
	return script_path(b, a, c[HF_EXEC_CWD]);
}

static int path_kind(const struct hf_rec_path *r, enum hf_kind *ret)
{
	switch (r->nr) {
	case HF_NR_unlinkat:
		*ret = r->args[0] & AT_REMOVEDIR_ ? HF_RMDIR : HF_UNLINK;
		return 0;
	case HF_NR_unlink:
		*ret = HF_UNLINK;
		return 0;
	case HF_NR_rmdir:
		*ret = HF_RMDIR;
		return 0;
	case HF_NR_rename: case HF_NR_renameat: case HF_NR_renameat2:
		*ret = HF_RENAME;
		return 0;
	case HF_NR_link: case HF_NR_linkat:
		*ret = HF_LINK;
		return 0;
	case HF_NR_symlink: case HF_NR_symlinkat:
		*ret = HF_SYMLINK;
		return 0;
	case HF_NR_mkdir: case HF_NR_mkdirat:
		*ret = HF_MKDIR;
		return 0;
	case HF_NR_mknod: case HF_NR_mknodat:
		*ret = HF_MKNOD;
		return 0;
	case HF_NR_chmod: case HF_NR_fchmod: case HF_NR_fchmodat: case HF_NR_fchmodat2:
		*ret = HF_CHMOD;
		return 0;
	case HF_NR_chown: case HF_NR_fchown: case HF_NR_lchown: case HF_NR_fchownat:
		*ret = HF_CHOWN;
		return 0;
	case HF_NR_truncate: case HF_NR_ftruncate:
		*ret = HF_TRUNCATE;
		return 0;
	case HF_NR_setxattr: case HF_NR_lsetxattr: case HF_NR_fsetxattr: case HF_NR_setxattrat:
	case HF_NR_removexattr: case HF_NR_lremovexattr: case HF_NR_fremovexattr: case HF_NR_removexattrat:
		*ret = HF_SETXATTR;
		return 0;
	}
	return -EINVAL;
}

static bool has_mode(enum hf_kind k)
{
	return k == HF_OPEN || k == HF_CHMOD || k == HF_MKDIR || k == HF_MKNOD;
}

/* Path records of two names: path is the new one, path2 the old one, or a symbolic link's text. */
static int two_paths(const struct hf_str *c, struct hf_decode_buf *b, struct hf_action *a)
{
	if (given_path(c[HF_PATH_B], c[HF_PATH_B_BASE], b->path, sizeof(b->path), b->cwd, sizeof(b->cwd), &a->path))
		return -EINVAL;
	if (a->kind == HF_SYMLINK) {
		a->path2 = c[HF_PATH_A];
		return 0;
	}
	return given_path(c[HF_PATH_A], c[HF_PATH_A_BASE], b->path2, sizeof(b->path2), b->cwd, sizeof(b->cwd),
			&a->path2);
}

static int decode_path(const void *rec, size_t len, struct hf_decode_buf *b, struct hf_action *a)
{
	struct hf_str c[HF_PATH_CHUNKS];
	struct hf_rec_path r;
	size_t at = sizeof(r);

	if (len < sizeof(r))
		return -EINVAL;
	memcpy(&r, rec, sizeof(r));
	for (unsigned int i = 0; i < HF_PATH_CHUNKS; i++) {
		if (r.chunk_len[i] > len - at || r.chunk_len[i] > HF_PATH_MAX)
			return -EINVAL;
		c[i] = (struct hf_str){ (const char *)rec + at, r.chunk_len[i] };
		at += r.chunk_len[i];
	}
	if (at != len)
		return -EINVAL;
	common(&r.h, a);
	a->kind = HF_OPEN;
	if (r.h.type == HF_REC_PATH && path_kind(&r, &a->kind))
		return -EINVAL;
	set_nr(a, r.nr);
	if (a->kind == HF_OPEN) {
		a->open_flags = (uint32_t)r.args[0];
		a->mode = (uint32_t)r.args[1];
	} else if (has_mode(a->kind) || a->kind == HF_CHOWN) {	/* chown: the new owner, as the guards give it */
		a->mode = (uint32_t)r.args[0];
	}
	a->dev = r.dev;
	a->ino = r.ino;
	if (r.h.flags & HF_REC_TRUNC_CWD)
		a->flags |= HF_ACT_TRUNC_PATH;
	if (!(r.h.flags & HF_REC_UNRESOLVED))
		return leaves_path(c[HF_PATH_A], b->path, sizeof(b->path), &a->path);
	if (a->kind == HF_RENAME || a->kind == HF_LINK || a->kind == HF_SYMLINK)
		return two_paths(c, b, a);
	return given_path(c[HF_PATH_A], c[HF_PATH_A_BASE], b->path, sizeof(b->path), b->cwd, sizeof(b->cwd), &a->path);
}

static int sock_kind(uint32_t nr, enum hf_kind *ret)
{
	switch (nr) {
	case HF_NR_connect:
		*ret = HF_CONNECT;
		return 0;
	case HF_NR_sendto: case HF_NR_sendmsg: case HF_NR_sendmmsg:
		*ret = HF_SEND;
		return 0;
	case HF_NR_bind:
		*ret = HF_BIND;
		return 0;
	case HF_NR_listen:
		*ret = HF_LISTEN;
		return 0;
	case HF_NR_accept: case HF_NR_accept4:
		*ret = HF_ACCEPT;
		return 0;
	}
	return -EINVAL;
}

static int decode_sock(const void *rec, size_t len, struct hf_action *a)
{
	struct hf_rec_sock r;

	if (len != sizeof(r))
		return -EINVAL;
	memcpy(&r, rec, sizeof(r));
	common(&r.h, a);
	if (sock_kind(r.nr, &a->kind))
		return -EINVAL;
	set_nr(a, r.nr);
	if (r.addr.family == AF_UNSPEC && r.addr.port && a->kind == HF_SEND)
		r.addr.family = AF_INET;	/* as udp_sendmsg() takes it */
	return hf_decode_wire_addr(&r.addr, &a->addr);
}

static enum hf_kind sys_kind(uint32_t nr)
{
	switch (nr) {
	case HF_NR_setuid: case HF_NR_setgid: case HF_NR_setreuid: case HF_NR_setregid: case HF_NR_setgroups:
	case HF_NR_setresuid: case HF_NR_setresgid: case HF_NR_setfsuid: case HF_NR_setfsgid: case HF_NR_capset:
		return HF_SETUID;
	case HF_NR_kill: case HF_NR_tkill: case HF_NR_tgkill: case HF_NR_rt_sigqueueinfo:
	case HF_NR_rt_tgsigqueueinfo: case HF_NR_pidfd_send_signal:
		return HF_SIGNAL;
	case HF_NR_ptrace: case HF_NR_pidfd_getfd:
		return HF_PTRACE;
	case HF_NR_process_vm_writev:
		return HF_VM_WRITE;
	case HF_NR_memfd_create: case HF_NR_memfd_secret:
		return HF_MEMFD;
	case HF_NR_mount: case HF_NR_umount2: case HF_NR_pivot_root: case HF_NR_chroot: case HF_NR_open_tree:
	case HF_NR_open_tree_attr: case HF_NR_move_mount: case HF_NR_fsopen: case HF_NR_fsconfig: case HF_NR_fsmount:
	case HF_NR_fspick: case HF_NR_mount_setattr:
		return HF_MOUNT;
	case HF_NR_init_module: case HF_NR_finit_module: case HF_NR_delete_module: case HF_NR_kexec_load:
	case HF_NR_kexec_file_load:
		return HF_MODULE;
	case HF_NR_bpf:
		return HF_BPF;
	}
	return HF_OTHER;
}

static int32_t signal_of(const struct hf_rec_sys *r)
{
	if (r->nr == HF_NR_tgkill || r->nr == HF_NR_rt_tgsigqueueinfo)
		return (int32_t)r->args[2];
	return (int32_t)r->args[1];
}

static int decode_sys(const void *rec, size_t len, struct hf_action *a)
{
	struct hf_rec_sys r;

	if (len != sizeof(r))
		return -EINVAL;
	memcpy(&r, rec, sizeof(r));
	common(&r.h, a);
	a->kind = HF_OTHER;
	if (r.abi == 1) {
		a->syscall = "i386 call";
	} else if (r.abi == 2) {
		a->syscall = "x32 call";
	} else {
		set_nr(a, r.nr);
		a->kind = sys_kind(r.nr);
		a->target_tgid = r.target_tgid;
		if (a->kind == HF_SIGNAL)
			a->signo = signal_of(&r);
	}
	return 0;
}

int hf_decode(const void *rec, size_t len, struct hf_decode_buf *buf, struct hf_action *ret)
{
	struct hf_action a;
	struct hf_rec h;
	int err;

	if (len < sizeof(h))
		return -EINVAL;
	memcpy(&h, rec, sizeof(h));
	if (h.len != len)
		return -EINVAL;
	switch (h.type) {
	case HF_REC_FORK:
		err = decode_fork(rec, len, &a);
		break;
	case HF_REC_EXIT:
		err = decode_exit(rec, len, &a);
		break;
	case HF_REC_EXEC:
		err = decode_exec(rec, len, buf, &a);
		break;
	case HF_REC_OPEN:
	case HF_REC_PATH:
		err = decode_path(rec, len, buf, &a);
		break;
	case HF_REC_SOCK:
		err = decode_sock(rec, len, &a);
		break;
	case HF_REC_SYS:
	case HF_REC_FOREIGN:
		err = decode_sys(rec, len, &a);
		break;
	case HF_REC_RACED:
		return len == sizeof(struct hf_rec_raced) ? -ENOMSG : -EINVAL;
	default:
		return -EINVAL;
	}
	if (!err)
		*ret = a;
	return err;
}
