/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include "notif.h"

#define NR_FCHMODAT2	  452
#define NR_SETXATTRAT	  463
#define NR_REMOVEXATTRAT  466
#define NR_MOUNT_SETATTR  442
#define NR_PIDFD_GETFD	  438
#define NR_OPEN_TREE_ATTR 467

#define CALL(f, k, d1, p1, d2, p2, fl, mo)                                                                          \
	{                                                                                                           \
		.form = HF_NF_##f, .kind = HF_##k, .dirfd = d1, .path = p1, .dirfd2 = d2, .path2 = p2, .flags = fl, \
		.mode = mo                                                                                          \
	}

/* Columns: form, kind, dirfd, path, dirfd2, path2, flags, mode. For descriptors and sockets "dirfd" is the descriptor; for signals
 * "path" is the pid and "mode" the signal; for sockets "path" is the address or message. */
static const struct hf_notif_call calls[] = {
	[SYS_open] = CALL(OPEN, OPEN, -1, 0, -1, -1, 1, 2),
	[SYS_creat] = CALL(OPEN, OPEN, -1, 0, -1, -1, -1, 1),
	[SYS_openat] = CALL(OPEN, OPEN, 0, 1, -1, -1, 2, 3),
	[SYS_openat2] = CALL(OPEN_HOW, OPEN, 0, 1, -1, -1, 2, 3),
	[SYS_open_by_handle_at] = CALL(OPEN_HANDLE, OPEN, 0, -1, -1, -1, 2, -1),
	[SYS_execve] = CALL(EXEC, EXEC, -1, 0, -1, 1, -1, -1),
	[SYS_execveat] = CALL(EXEC, EXEC, 0, 1, -1, 2, 4, -1),
	[SYS_unlink] = CALL(ENTRY, UNLINK, -1, 0, -1, -1, -1, -1),
	[SYS_rmdir] = CALL(ENTRY, RMDIR, -1, 0, -1, -1, -1, -1),
	[SYS_unlinkat] = CALL(UNLINKAT, UNLINK, 0, 1, -1, -1, 2, -1),
	[SYS_mkdir] = CALL(ENTRY, MKDIR, -1, 0, -1, -1, -1, 1),
	[SYS_mkdirat] = CALL(ENTRY, MKDIR, 0, 1, -1, -1, -1, 2),
	[SYS_mknod] = CALL(ENTRY, MKNOD, -1, 0, -1, -1, -1, 1),
	[SYS_mknodat] = CALL(ENTRY, MKNOD, 0, 1, -1, -1, -1, 2),
	[SYS_rename] = CALL(RENAME, RENAME, -1, 1, -1, 0, -1, -1),
	[SYS_renameat] = CALL(RENAME, RENAME, 2, 3, 0, 1, -1, -1),
	[SYS_renameat2] = CALL(RENAME, RENAME, 2, 3, 0, 1, 4, -1),
	[SYS_link] = CALL(LINK, LINK, -1, 1, -1, 0, -1, -1),
	[SYS_linkat] = CALL(LINK, LINK, 2, 3, 0, 1, 4, -1),
	[SYS_symlink] = CALL(SYMLINK, SYMLINK, -1, 1, -1, 0, -1, -1),
	[SYS_symlinkat] = CALL(SYMLINK, SYMLINK, 1, 2, -1, 0, -1, -1),
	[SYS_chmod] = CALL(FOLLOW, CHMOD, -1, 0, -1, -1, -1, 1),
	[SYS_fchmod] = CALL(FD, CHMOD, 0, -1, -1, -1, -1, 1),
	[SYS_fchmodat] = CALL(FOLLOW, CHMOD, 0, 1, -1, -1, -1, 2),
	[NR_FCHMODAT2] = CALL(AT, CHMOD, 0, 1, -1, -1, 3, 2),
	[SYS_chown] = CALL(FOLLOW, CHOWN, -1, 0, -1, -1, -1, 1),
	[SYS_lchown] = CALL(NOFOLLOW, CHOWN, -1, 0, -1, -1, -1, 1),
	[SYS_fchown] = CALL(FD, CHOWN, 0, -1, -1, -1, -1, 1),
	[SYS_fchownat] = CALL(AT, CHOWN, 0, 1, -1, -1, 4, 2),
	[SYS_truncate] = CALL(FOLLOW, TRUNCATE, -1, 0, -1, -1, -1, -1),
	[SYS_ftruncate] = CALL(FD, TRUNCATE, 0, -1, -1, -1, -1, -1),
	[SYS_setxattr] = CALL(FOLLOW, SETXATTR, -1, 0, -1, -1, -1, -1),
	[SYS_lsetxattr] = CALL(NOFOLLOW, SETXATTR, -1, 0, -1, -1, -1, -1),
	[SYS_fsetxattr] = CALL(FD, SETXATTR, 0, -1, -1, -1, -1, -1),
	[SYS_removexattr] = CALL(FOLLOW, SETXATTR, -1, 0, -1, -1, -1, -1),
	[SYS_lremovexattr] = CALL(NOFOLLOW, SETXATTR, -1, 0, -1, -1, -1, -1),
	[SYS_fremovexattr] = CALL(FD, SETXATTR, 0, -1, -1, -1, -1, -1),
	[NR_SETXATTRAT] = CALL(AT, SETXATTR, 0, 1, -1, -1, 2, -1),
	[NR_REMOVEXATTRAT] = CALL(AT, SETXATTR, 0, 1, -1, -1, 2, -1),
	[SYS_connect] = CALL(CONNECT, CONNECT, 0, 1, -1, -1, -1, -1),
	[SYS_sendto] = CALL(SENDTO, SEND, 0, 4, -1, -1, 3, -1),
	[SYS_sendmsg] = CALL(SENDMSG, SEND, 0, 1, -1, -1, 2, -1),
	[SYS_sendmmsg] = CALL(SENDMMSG, SEND, 0, 1, -1, -1, 3, -1),
	[SYS_kill] = CALL(KILL, SIGNAL, -1, 0, -1, -1, -1, 1),
	[SYS_tkill] = CALL(TKILL, SIGNAL, -1, 0, -1, -1, -1, 1),
	[SYS_tgkill] = CALL(TKILL, SIGNAL, -1, 1, -1, -1, -1, 2),
	[SYS_rt_sigqueueinfo] = CALL(KILL, SIGNAL, -1, 0, -1, -1, -1, 1),
	[SYS_rt_tgsigqueueinfo] = CALL(TKILL, SIGNAL, -1, 1, -1, -1, -1, 2),
	[SYS_pidfd_send_signal] = CALL(PIDFD_SIGNAL, SIGNAL, 0, -1, -1, -1, 3, 1),
	[SYS_ptrace] = CALL(PTRACE, PTRACE, -1, 1, -1, -1, -1, 0),
	[NR_PIDFD_GETFD] = CALL(PIDFD, PTRACE, 0, -1, -1, -1, -1, 1),
	[SYS_process_vm_writev] = CALL(VM, VM_WRITE, -1, 0, -1, -1, -1, -1),
	[SYS_process_vm_readv] = CALL(VM, VM_WRITE, -1, 0, -1, -1, -1, -1),
	[SYS_mount] = CALL(MOUNT, MOUNT, -1, 1, -1, 0, 3, -1),
	[SYS_umount2] = CALL(FOLLOW, MOUNT, -1, 0, -1, -1, -1, 1),
	[SYS_pivot_root] = CALL(FOLLOW, MOUNT, -1, 0, -1, -1, -1, -1),
	[SYS_chroot] = CALL(FOLLOW, MOUNT, -1, 0, -1, -1, -1, -1),
	[SYS_setns] = CALL(FD, MOUNT, 0, -1, -1, -1, -1, 1),
	[SYS_unshare] = CALL(PLAIN, MOUNT, -1, -1, -1, -1, -1, 0),
	[SYS_move_mount] = CALL(MOVE_MOUNT, MOUNT, 2, 3, 0, 1, 4, -1),
	[SYS_open_tree] = CALL(AT, MOUNT, 0, 1, -1, -1, 2, -1),
	[NR_OPEN_TREE_ATTR] = CALL(AT, MOUNT, 0, 1, -1, -1, 2, -1),
	[SYS_fspick] = CALL(AT, MOUNT, 0, 1, -1, -1, 2, -1),
	[SYS_fsopen] = CALL(NAME, MOUNT, -1, 0, -1, -1, -1, 1),
	[SYS_fsmount] = CALL(PLAIN, MOUNT, -1, -1, -1, -1, -1, 1),
	[SYS_fsconfig] = CALL(PLAIN, MOUNT, -1, -1, -1, -1, -1, 1),
	[NR_MOUNT_SETATTR] = CALL(AT, MOUNT, 0, 1, -1, -1, 2, -1),
	[SYS_setuid] = CALL(ID, SETUID, -1, -1, -1, -1, -1, 0),
	[SYS_setgid] = CALL(ID, SETUID, -1, -1, -1, -1, -1, 0),
	[SYS_setreuid] = CALL(ID, SETUID, -1, -1, -1, -1, -1, 1),
	[SYS_setregid] = CALL(ID, SETUID, -1, -1, -1, -1, -1, 1),
	[SYS_setresuid] = CALL(ID, SETUID, -1, -1, -1, -1, -1, 1),
	[SYS_setresgid] = CALL(ID, SETUID, -1, -1, -1, -1, -1, 1),
	[SYS_setfsuid] = CALL(ID, SETUID, -1, -1, -1, -1, -1, 0),
	[SYS_setfsgid] = CALL(ID, SETUID, -1, -1, -1, -1, -1, 0),
	[SYS_setgroups] = CALL(PLAIN, SETUID, -1, -1, -1, -1, -1, -1),
	[SYS_capset] = CALL(PLAIN, SETUID, -1, -1, -1, -1, -1, -1),
	[SYS_memfd_create] = CALL(NAME, MEMFD, -1, 0, -1, -1, -1, 1),
	[SYS_init_module] = CALL(PLAIN, MODULE, -1, -1, -1, -1, -1, -1),
	[SYS_finit_module] = CALL(FD, MODULE, 0, -1, -1, -1, -1, 2),
	[SYS_delete_module] = CALL(NAME, MODULE, -1, 0, -1, -1, -1, 1),
	[SYS_kexec_load] = CALL(PLAIN, MODULE, -1, -1, -1, -1, -1, 3),
	[SYS_kexec_file_load] = CALL(FD, MODULE, 0, -1, -1, -1, -1, 4),
	[SYS_bpf] = CALL(PLAIN, BPF, -1, -1, -1, -1, -1, 0),
	[SYS_perf_event_open] = CALL(VM, OTHER, -1, 1, -1, -1, -1, 4),
	[SYS_reboot] = CALL(PLAIN, OTHER, -1, -1, -1, -1, -1, 2),
	[SYS_acct] = CALL(FOLLOW, OTHER, -1, 0, -1, -1, -1, -1),
	[SYS_swapon] = CALL(FOLLOW, OTHER, -1, 0, -1, -1, -1, 1),
	[SYS_swapoff] = CALL(FOLLOW, OTHER, -1, 0, -1, -1, -1, -1),
};

const struct hf_notif_call *hf_notif_call(uint32_t nr)
{
	if (nr >= sizeof(calls) / sizeof(calls[0]) || calls[nr].form == HF_NF_NONE)
		return NULL;
	return &calls[nr];
}

static bool raw4(const void *sa, int proto, struct hf_notif_raw *ret)
{
	struct sockaddr_in in;

	memcpy(&in, sa, sizeof(in));
	ret->family = AF_INET;
	ret->port = ntohs(in.sin_port);
	ret->proto = (uint16_t)proto;
	memcpy(ret->addr, &in.sin_addr, 4);
	return true;
}

static bool raw6(const void *sa, size_t len, int proto, bool send, struct hf_notif_raw *ret)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	struct sockaddr_in6 in6 = { 0 };

	memcpy(&in6, sa, len < sizeof(in6) ? len : sizeof(in6));
	ret->port = ntohs(in6.sin6_port);
	ret->proto = (uint16_t)proto;
	if (send && proto != IPPROTO_TCP && memcmp(&in6.sin6_addr, mapped, sizeof(mapped)) == 0) {
		ret->family = AF_INET;
		memcpy(ret->addr, in6.sin6_addr.s6_addr + 12, 4);
		return true;
	}
	ret->family = AF_INET6;
	memcpy(ret->addr, &in6.sin6_addr, 16);
	return true;
}

bool hf_notif_raw(const void *sa, size_t len, int domain, int proto, bool send, struct hf_notif_raw *ret)
{
	sa_family_t family;

	*ret = (struct hf_notif_raw){ 0 };
	if (len < sizeof(family))
		return false;
	memcpy(&family, sa, sizeof(family));
	if (proto == IPPROTO_MPTCP)	/* its subflows connect as TCP */
		proto = 0;
	/* the kernel takes an IPv6 address without its scope id (SIN6_LEN_RFC2133) */
	if (family == AF_INET6 && len >= offsetof(struct sockaddr_in6, sin6_scope_id))
		return raw6(sa, len, proto, send, ret);
	if (len < sizeof(struct sockaddr_in))
		return false;
	if (family == AF_INET || (family == AF_UNSPEC && send && domain != AF_INET6))
		return raw4(sa, proto, ret);
	return false;
}

static bool spacetab(char c)
{
	return c == ' ' || c == '\t';
}

/* First byte that is no blank in [p, last], the end included; NULL: all are. */
static char *skip_blanks(char *p, const char *last)
{
	for (; p <= last; p++)
		if (!spacetab(*p))
			return p;
	return NULL;
}

static char *find_end(char *p, const char *last)
{
	for (; p <= last; p++)
		if (spacetab(*p) || !*p)
			return p;
	return NULL;
}

int hf_notif_script(char buf[HF_BINPRM_BUF], const char **ret_name, const char **ret_arg)
{
	char *last = buf + HF_BINPRM_BUF - 1, *name, *sep, *arg = NULL;
	char *nul = memchr(buf, 0, HF_BINPRM_BUF);
	/* the kernel looks for the newline up to the first NUL only */
	char *end = memchr(buf, '\n', nul ? (size_t)(nul - buf) : HF_BINPRM_BUF);

	if (buf[0] != '#' || buf[1] != '!')
		return -ENOEXEC;
	if (!end) {
		name = skip_blanks(buf + 2, last);
		/* no blank or NUL behind the name: it may be cut, and a cut name must not be run */
		if (!name || !find_end(name, last))
			return -ENOEXEC;
		end = last;
	}
	while (spacetab(end[-1]))
		end--;
	name = skip_blanks(buf + 2, end);
	if (!name || name == end)
		return -ENOEXEC;
	sep = find_end(name, end);
	if (sep && *sep)
		arg = skip_blanks(sep, end);
	*end = '\0';
	if (arg)
		*sep = '\0';
	*ret_name = name;
	*ret_arg = arg;
	return 0;
}
