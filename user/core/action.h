/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One action: what a process of a session does or is about to do, in the form that the judge, the
 * journal and replay share. Strings are borrowed and live as long as the caller's buffers; the
 * trajectory copies what it keeps.
 */
#ifndef HF_ACTION_H
#define HF_ACTION_H
#include <stdint.h>
#include "str.h"

enum hf_kind {
	HF_FORK, HF_EXEC, HF_EXIT,
	HF_OPEN,		/* open_flags say read, write, create, truncate */
	HF_UNLINK, HF_RMDIR, HF_RENAME, HF_LINK, HF_SYMLINK, HF_MKDIR, HF_MKNOD,
	HF_CHMOD, HF_CHOWN, HF_TRUNCATE, HF_SETXATTR,
	HF_CONNECT, HF_SEND, HF_BIND, HF_LISTEN, HF_ACCEPT,
	HF_SETUID,		/* setuid family, setgid family, capset */
	HF_SIGNAL, HF_PTRACE, HF_VM_WRITE, HF_MEMFD, HF_MOUNT, HF_MODULE, HF_BPF,
	HF_OTHER,		/* a noted system call without a kind of its own: foreign ABI, io_uring_setup */
	HF_KINDS
};
/* "exec", "open", ...: the `action` of JSON and journal. Never NULL. */
const char *hf_kind_name(enum hf_kind k);
/* The reverse; -EINVAL when unknown. */
int hf_kind_parse(const char *name, enum hf_kind *ret);

/* hf_action.flags */
#define HF_ACT_ASKED		(1u << 0)	/* a guard asks before the effect: ret is not known yet */
#define HF_ACT_OUTCOME		(1u << 1)	/* ret is known */
#define HF_ACT_TRUNC_PATH	(1u << 2)
#define HF_ACT_TRUNC_ARGV	(1u << 3)
#define HF_ACT_UNRESOLVED	(1u << 4)	/* path as given, not the kernel's */
#define HF_ACT_SCRIPT		(1u << 5)	/* exec: path is the script, interp its interpreter */
#define HF_ACT_STOPPED		(1u << 6)	/* the caller sits in SIGSTOP at this call's exit */
#define HF_ACT_DENIED		(1u << 7)	/* refused by a guard: no effect took place */
#define HF_ACT_RACED		(1u << 8)	/* the kernel found something else than what was judged */
#define HF_ACT_CONFIRM		(1u << 9)	/* outcome of an action already asked for and committed */

struct hf_addr {
	uint16_t family;	/* AF_INET, AF_INET6 (v4-mapped already turned into AF_INET), AF_UNIX, others; 0 none */
	uint16_t port;		/* host order */
	uint16_t proto;		/* IPPROTO_TCP, ...; 0 unknown or UNIX */
	uint16_t sun_len;	/* UNIX: bytes of sun */
	uint8_t ip[16];		/* network order; IPv4 in the first 4 */
	char sun[108];		/* UNIX: abstract names begin with NUL */
};
/* "203.0.113.7:443", "[2001:db8::1]:53", "unix:/run/x.sock", "unix:@name", "family 16". Escaped, NUL-terminated. */
size_t hf_addr_format(const struct hf_addr *a, char *out, size_t cap);
size_t hf_addr_ip(const struct hf_addr *a, char *out, size_t cap);	/* the IP alone; "" for others */

struct hf_action {
	uint64_t session;
	uint64_t seq;		/* record number in the session; asked-for actions: 0 until committed */
	uint64_t time_ns;	/* CLOCK_BOOTTIME */
	enum hf_kind kind;
	uint32_t flags;		/* HF_ACT_* */
	uint32_t tgid, tid;
	uint64_t start_ns;	/* with tgid: the process, never mistaken for a reused pid */
	uint32_t uid;
	int32_t ret;		/* system call result or -errno; exit: wait status */
	uint32_t nr;		/* x86-64 system call number, 0xffffffff none */
	uint32_t open_flags;
	uint32_t mode;		/* chown: the new owner; setuid family: the id asked for; UINT32_MAX: as it is */
	struct hf_str path;	/* resolved object; exec: the file (the script itself for #!) */
	struct hf_str path2;	/* rename, link: the OLD name (path is the new one); symlink: its target text */
	struct hf_str given;	/* exec: as the caller wrote it */
	struct hf_str argv;	/* exec: NUL-separated */
	struct hf_str cwd;	/* exec */
	struct hf_str interp;	/* exec of a script: the interpreter's path */
	uint64_t dev, ino;	/* of path when it exists; dev in MKDEV form; 0/0 unknown */
	struct hf_addr addr;
	uint32_t target_tgid;	/* signal, ptrace, vm_write; 0 none */
	int32_t signo;
	uint32_t child_tgid, child_tid;	/* fork */
	uint64_t child_start_ns;
	const char *syscall;	/* static name, "unlinkat"; NULL unknown */
};
/* open_flags: does it read / write (O_WRONLY, O_RDWR, O_CREAT, O_TRUNC)? */
bool hf_action_writes(const struct hf_action *a);
/* One line for people, escaped: "connect 203.0.113.7:443 (tcp)", "open /etc/shadow (read)". */
size_t hf_action_summary(const struct hf_action *a, char *out, size_t cap);
/* x86-64 system call number to its name ("openat"), NULL when not one we name. */
const char *hf_syscall_name(uint32_t nr);
#endif
