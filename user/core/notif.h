/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the arguments of a system call that a guard asks about make an action: one table, x86-64 numbers.
 * Pure: nothing here reads a process; user/guard/remote*.c fills in what the pointers point to.
 */
#ifndef HF_NOTIF_H
#define HF_NOTIF_H
#include "action.h"

enum hf_notif_form {
	HF_NF_NONE,		/* no such entry */
	HF_NF_OPEN,		/* open, openat, creat */
	HF_NF_OPEN_HOW,		/* openat2: flags in struct open_how */
	HF_NF_OPEN_HANDLE,	/* open_by_handle_at: the name can't be known beforehand */
	HF_NF_EXEC,
	HF_NF_ENTRY,		/* the path names a directory entry: its last component is never followed */
	HF_NF_UNLINKAT,		/* ENTRY; AT_REMOVEDIR makes it an rmdir */
	HF_NF_FOLLOW,		/* the last component is followed */
	HF_NF_NOFOLLOW,		/* it is not (lchown) */
	HF_NF_AT,		/* AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH in the flags argument decide */
	HF_NF_FD,		/* the object is the descriptor's */
	HF_NF_RENAME,		/* two entries: old, new */
	HF_NF_LINK,		/* old (AT_SYMLINK_FOLLOW, AT_EMPTY_PATH), new entry */
	HF_NF_SYMLINK,		/* path2 is a text, path an entry */
	HF_NF_MOUNT,		/* path2 is the source: resolved for bind and move, else a text */
	HF_NF_MOVE_MOUNT,
	HF_NF_CONNECT, HF_NF_SENDTO, HF_NF_SENDMSG, HF_NF_SENDMMSG,
	HF_NF_KILL,		/* pid (process, 0, -1, process group) */
	HF_NF_TKILL,		/* thread id */
	HF_NF_PIDFD_SIGNAL,
	HF_NF_PIDFD,		/* pidfd_getfd: the target behind a pidfd */
	HF_NF_PTRACE, HF_NF_VM,
	HF_NF_ID,		/* setuid family: the id in `mode` */
	HF_NF_NAME,		/* path is a text: memfd_create, delete_module */
	HF_NF_PLAIN,		/* the mode argument alone */
};

struct hf_notif_call {
	uint8_t form;		/* enum hf_notif_form */
	uint8_t kind;		/* enum hf_kind */
	/* argument numbers, -1: none (a path without a dirfd starts from the working directory) */
	int8_t dirfd, path, dirfd2, path2, flags, mode;
};
/* NULL: not a call that makes an action. Static. */
const struct hf_notif_call *hf_notif_call(uint32_t nr);

struct hf_notif_raw { uint16_t family, port, proto; uint8_t addr[16]; };	/* port in host order */
/*
 * A destination as the cgroup socket hooks will see it, which is not always what the caller wrote: UDP takes AF_UNSPEC for AF_INET
 * (net/ipv4/udp.c, udp_sendmsg), and an IPv6 UDP socket sends to a v4-mapped address through the IPv4 hook
 * (net/ipv6/udp.c, udpv6_sendmsg); connect(2) to one stays in the IPv6 hook. domain and proto are the socket's (0 unknown);
 * send: sendto/sendmsg, else connect. True: *ret is filled; false: no hook looks at this one (*ret has family 0).
 */
bool hf_notif_raw(const void *sa, size_t len, int domain, int proto, bool send, struct hf_notif_raw *ret);

/* The first line of a script as fs/binfmt_script.c, load_script() takes it. buf: the file's first 256 bytes, zero-filled; changed in
 * place (NULs are put behind the words). 0 with *ret_name and *ret_arg (NULL: none) pointing into buf; -ENOEXEC: not a script. */
#define HF_BINPRM_BUF 256
int hf_notif_script(char buf[HF_BINPRM_BUF], const char **ret_name, const char **ret_arg);
#endif
