/* SPDX-License-Identifier: Apache-2.0 */
#include "action.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

const char *hf_kind_name(enum hf_kind k)
{
	static const char *const names[HF_KINDS] = {
		[HF_FORK] = "fork", [HF_EXEC] = "exec", [HF_EXIT] = "exit", [HF_OPEN] = "open",
		[HF_UNLINK] = "unlink", [HF_RMDIR] = "rmdir", [HF_RENAME] = "rename", [HF_LINK] = "link",
		[HF_SYMLINK] = "symlink", [HF_MKDIR] = "mkdir", [HF_MKNOD] = "mknod", [HF_CHMOD] = "chmod",
		[HF_CHOWN] = "chown", [HF_TRUNCATE] = "truncate", [HF_SETXATTR] = "setxattr",
		[HF_CONNECT] = "connect", [HF_SEND] = "send", [HF_BIND] = "bind", [HF_LISTEN] = "listen",
		[HF_ACCEPT] = "accept", [HF_SETUID] = "setuid", [HF_SIGNAL] = "signal", [HF_PTRACE] = "ptrace",
		[HF_VM_WRITE] = "vm_write", [HF_MEMFD] = "memfd", [HF_MOUNT] = "mount", [HF_MODULE] = "module",
		[HF_BPF] = "bpf", [HF_OTHER] = "other",
	};

	return (unsigned)k < HF_KINDS && names[k] ? names[k] : "unknown";
}

int hf_kind_parse(const char *name, enum hf_kind *ret)
{
	for (int k = 0; name && k < HF_KINDS; k++) {
		if (strcmp(name, hf_kind_name((enum hf_kind)k)) == 0) {
			*ret = (enum hf_kind)k;
			return 0;
		}
	}
	return -EINVAL;
}

bool hf_action_writes(const struct hf_action *a)
{
	/* With O_PATH the kernel drops every flag that could write (build_open_flags() in fs/open.c). */
	if (a->open_flags & O_PATH)
		return false;
	return (a->open_flags & O_ACCMODE) != O_RDONLY || (a->open_flags & (O_CREAT | O_TRUNC));
}

/* A line being built: never past cap, always terminated, nothing more once something was cut. */
struct line {
	char *out;
	size_t cap, n;
	bool cut;
};

static void line_esc(struct line *l, struct hf_str s)
{
	if (l->cut)
		return;
	l->n += hf_str_escape_part(s, l->out + l->n, l->cap - l->n, &l->cut);
}

static void line_putz(struct line *l, const char *z)
{
	line_esc(l, hf_str_of(z));
}

__attribute__((format(printf, 2, 3)))
static void line_fmt(struct line *l, const char *fmt, ...)
{
	char tmp[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(tmp, sizeof(tmp), fmt, ap);
	va_end(ap);
	line_putz(l, tmp);
}

size_t hf_addr_ip(const struct hf_addr *a, char *out, size_t cap)
{
	char tmp[INET6_ADDRSTRLEN];
	struct line l = { out, cap, 0, false };

	if (cap == 0)
		return 0;
	out[0] = '\0';
	if (a->family != AF_INET && a->family != AF_INET6)
		return 0;
	if (!inet_ntop(a->family, a->ip, tmp, sizeof(tmp)))
		return 0;
	line_putz(&l, tmp);
	return l.n;
}

static void line_addr(struct line *l, const struct hf_addr *a)
{
	char ip[INET6_ADDRSTRLEN];
	size_t len = a->sun_len < sizeof(a->sun) ? a->sun_len : sizeof(a->sun);

	switch (a->family) {
	case 0:
		line_putz(l, "no address");
		return;
	case AF_INET:
		hf_addr_ip(a, ip, sizeof(ip));
		line_fmt(l, "%s:%u", ip, a->port);
		return;
	case AF_INET6:
		hf_addr_ip(a, ip, sizeof(ip));
		line_fmt(l, "[%s]:%u", ip, a->port);
		return;
	case AF_UNIX:
		if (len == 0) {
			line_putz(l, "unix:(unnamed)");
		} else if (a->sun[0] == '\0') {
			line_putz(l, "unix:@");
			line_esc(l, (struct hf_str){ a->sun + 1, len - 1 });
		} else {
			line_putz(l, "unix:");
			line_esc(l, (struct hf_str){ a->sun, strnlen(a->sun, len) });
		}
		return;
	default:
		line_fmt(l, "family %u", a->family);
	}
}

size_t hf_addr_format(const struct hf_addr *a, char *out, size_t cap)
{
	struct line l = { out, cap, 0, false };

	if (cap == 0)
		return 0;
	out[0] = '\0';
	line_addr(&l, a);
	return l.n;
}

static const char *proto_name(const struct hf_addr *a)
{
	switch (a->proto) {
	case IPPROTO_TCP:	return " (tcp)";
	case IPPROTO_UDP:	return " (udp)";
	case IPPROTO_ICMP:	return " (icmp)";
	case IPPROTO_ICMPV6:	return " (icmpv6)";
	case IPPROTO_SCTP:	return " (sctp)";
	case IPPROTO_RAW:	return " (raw)";
	default:		return "";
	}
}

static void line_word(struct line *l, struct hf_str w)
{
	bool quote = w.n == 0;

	for (size_t i = 0; i < w.n && !quote; i++)
		quote = memchr(" \t\n\r\v\f'\"", w.p[i], 8) != NULL;
	if (!quote) {
		line_esc(l, w);
		return;
	}
	line_putz(l, "'");
	while (w.n > 0) {
		const char *q = memchr(w.p, '\'', w.n);
		size_t n = q ? (size_t)(q - w.p) : w.n;

		line_esc(l, (struct hf_str){ w.p, n });
		if (q)
			line_putz(l, "'\\''");
		n += q ? 1 : 0;
		w.p += n;
		w.n -= n;
	}
	line_putz(l, "'");
}

static struct hf_str base_name(struct hf_str s)
{
	const char *slash = s.n ? memrchr(s.p, '/', s.n) : NULL;

	return slash ? (struct hf_str){ slash + 1, s.n - (size_t)(slash + 1 - s.p) } : s;
}

/* The file that runs, then the words after argv[0]; argv[0] itself only where it says something else than the file. */
static void line_exec(struct line *l, const struct hf_action *a)
{
	const char *p = a->argv.p, *end = a->argv.p ? a->argv.p + a->argv.n : NULL;

	line_putz(l, "exec ");
	line_esc(l, a->path.n ? a->path : a->given);
	for (bool first = true; p < end && !l->cut; first = false) {
		const char *nul = memchr(p, '\0', (size_t)(end - p));
		struct hf_str w = { p, (size_t)((nul ? nul : end) - p) };

		p = nul ? nul + 1 : end;
		if (first && ((a->flags & HF_ACT_SCRIPT) || hf_str_eq(base_name(w), base_name(a->path))))
			continue;
		line_putz(l, first ? " [" : " ");
		line_word(l, w);
		if (first)
			line_putz(l, "]");
	}
}

static void line_open(struct line *l, const struct hf_action *a)
{
	static const char *const access[] = { "read", "write", "read, write", "read, write" };
	struct line body = *l;
	char how[64];

	if (a->open_flags & O_PATH)
		snprintf(how, sizeof(how), " (path only)");
	else
		snprintf(how, sizeof(how), " (%s%s%s)", access[a->open_flags & O_ACCMODE],
			 (a->open_flags & O_CREAT) ? ", create" : "", (a->open_flags & O_TRUNC) ? ", truncate" : "");
	/* A long path must not push out what is done to it. */
	if (body.cap > body.n + strlen(how) + 16)
		body.cap -= strlen(how);
	line_putz(&body, "open ");
	line_esc(&body, a->path);
	l->n = body.n;
	line_putz(l, how);
}

static void line_pair(struct line *l, const char *verb, struct hf_str from, struct hf_str to)
{
	struct line first = *l;

	/* Half the room each, so that a long first name does not hide the second. */
	first.cap -= (first.cap - first.n) / 2;
	line_fmt(&first, "%s ", verb);
	line_esc(&first, from);
	l->n = first.n;
	line_putz(l, " -> ");
	line_esc(l, to);
}

static void line_proc_target(struct line *l, const struct hf_action *a)
{
	if (a->kind == HF_SIGNAL)
		line_fmt(l, "signal %d to process %u", a->signo, a->target_tgid);
	else
		line_fmt(l, "%s process %u", a->kind == HF_PTRACE ? "ptrace" : "write memory of", a->target_tgid);
}

static void line_net(struct line *l, const struct hf_action *a)
{
	line_fmt(l, "%s ", a->kind == HF_SEND ? "send to" : a->kind == HF_ACCEPT ? "accept from" :
		 hf_kind_name(a->kind));
	line_addr(l, &a->addr);
	line_putz(l, proto_name(&a->addr));
}

static void line_other(struct line *l, const struct hf_action *a)
{
	line_putz(l, a->syscall ? a->syscall : hf_kind_name(a->kind));
	if (a->path.n) {
		line_putz(l, " ");
		line_esc(l, a->path);
	}
}

size_t hf_action_summary(const struct hf_action *a, char *out, size_t cap)
{
	struct line l = { out, cap, 0, false };

	if (cap == 0)
		return 0;
	out[0] = '\0';
	switch (a->kind) {
	case HF_FORK:
		line_fmt(&l, "%s %u", a->child_tid == a->child_tgid ? "fork" : "new thread", a->child_tid);
		break;
	case HF_EXEC:
		line_exec(&l, a);
		break;
	case HF_EXIT:
		if (a->ret & 0x7f)
			line_fmt(&l, "exit on signal %d", a->ret & 0x7f);
		else
			line_fmt(&l, "exit %d", (a->ret >> 8) & 0xff);
		break;
	case HF_OPEN:
		line_open(&l, a);
		break;
	case HF_RENAME: case HF_LINK:
		line_pair(&l, hf_kind_name(a->kind), a->path2, a->path);
		break;
	case HF_SYMLINK:
		line_pair(&l, "symlink", a->path, a->path2);
		break;
	case HF_CHMOD:
		line_fmt(&l, "chmod %04o ", a->mode & 07777);
		line_esc(&l, a->path);
		break;
	case HF_UNLINK: case HF_RMDIR: case HF_MKDIR: case HF_MKNOD: case HF_CHOWN: case HF_TRUNCATE: case HF_SETXATTR:
		line_fmt(&l, "%s ", hf_kind_name(a->kind));
		line_esc(&l, a->path);
		break;
	case HF_CONNECT: case HF_SEND: case HF_BIND: case HF_LISTEN: case HF_ACCEPT:
		line_net(&l, a);
		break;
	case HF_SIGNAL: case HF_PTRACE: case HF_VM_WRITE:
		line_proc_target(&l, a);
		break;
	default:
		line_other(&l, a);
	}
	return l.n;
}

const char *hf_syscall_name(uint32_t nr)
{
	static const char *const names[] = {
		[0] = "read", [1] = "write", [2] = "open", [3] = "close", [9] = "mmap", [10] = "mprotect",
		[16] = "ioctl", [41] = "socket", [42] = "connect", [43] = "accept", [44] = "sendto",
		[45] = "recvfrom", [46] = "sendmsg", [47] = "recvmsg", [49] = "bind", [50] = "listen",
		[56] = "clone", [57] = "fork", [58] = "vfork", [59] = "execve", [60] = "exit", [62] = "kill",
		[72] = "fcntl", [76] = "truncate", [77] = "ftruncate", [78] = "getdents", [80] = "chdir",
		[81] = "fchdir", [82] = "rename", [83] = "mkdir", [84] = "rmdir", [85] = "creat", [86] = "link",
		[87] = "unlink", [88] = "symlink", [89] = "readlink", [90] = "chmod", [91] = "fchmod",
		[92] = "chown", [93] = "fchown", [94] = "lchown", [101] = "ptrace", [103] = "syslog",
		[105] = "setuid", [106] = "setgid", [109] = "setpgid", [112] = "setsid", [113] = "setreuid",
		[114] = "setregid", [116] = "setgroups", [117] = "setresuid", [119] = "setresgid",
		[122] = "setfsuid", [123] = "setfsgid", [126] = "capset", [129] = "rt_sigqueueinfo", [132] = "utime",
		[133] = "mknod", [134] = "uselib", [135] = "personality", [155] = "pivot_root", [157] = "prctl",
		[159] = "adjtimex", [161] = "chroot", [162] = "sync", [163] = "acct", [164] = "settimeofday",
		[165] = "mount", [166] = "umount2", [167] = "swapon", [168] = "swapoff", [169] = "reboot",
		[170] = "sethostname", [171] = "setdomainname", [172] = "iopl", [173] = "ioperm",
		[175] = "init_module", [176] = "delete_module", [179] = "quotactl", [188] = "setxattr",
		[189] = "lsetxattr", [190] = "fsetxattr", [197] = "removexattr", [198] = "lremovexattr",
		[199] = "fremovexattr", [200] = "tkill", [206] = "io_setup", [209] = "io_submit",
		[227] = "clock_settime", [234] = "tgkill", [246] = "kexec_load", [248] = "add_key",
		[249] = "request_key", [250] = "keyctl", [257] = "openat", [258] = "mkdirat", [259] = "mknodat",
		[260] = "fchownat", [263] = "unlinkat", [264] = "renameat", [265] = "linkat", [266] = "symlinkat",
		[268] = "fchmodat", [272] = "unshare", [275] = "splice", [280] = "utimensat", [285] = "fallocate",
		[288] = "accept4", [292] = "dup3", [297] = "rt_tgsigqueueinfo", [298] = "perf_event_open",
		[300] = "fanotify_init", [301] = "fanotify_mark", [303] = "name_to_handle_at",
		[304] = "open_by_handle_at", [305] = "clock_adjtime", [307] = "sendmmsg", [308] = "setns",
		[310] = "process_vm_readv", [311] = "process_vm_writev", [312] = "kcmp", [313] = "finit_module",
		[316] = "renameat2", [317] = "seccomp", [319] = "memfd_create", [320] = "kexec_file_load",
		[321] = "bpf", [322] = "execveat", [323] = "userfaultfd", [326] = "copy_file_range",
		[424] = "pidfd_send_signal", [425] = "io_uring_setup", [426] = "io_uring_enter",
		[427] = "io_uring_register", [428] = "open_tree", [429] = "move_mount", [430] = "fsopen",
		[431] = "fsconfig", [432] = "fsmount", [433] = "fspick", [434] = "pidfd_open", [435] = "clone3",
		[437] = "openat2", [438] = "pidfd_getfd", [440] = "process_madvise", [442] = "mount_setattr",
		[443] = "quotactl_fd", [444] = "landlock_create_ruleset", [446] = "landlock_restrict_self",
		[447] = "memfd_secret", [452] = "fchmodat2", [463] = "setxattrat", [466] = "removexattrat",
	};

	return nr < sizeof(names) / sizeof(names[0]) ? names[nr] : NULL;
}
