/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The only contract between the BPF programs and user space: record layouts, map values and the
 * numbers both sides must agree on. Included by bpf/ (after vmlinux.h) and by user/.
 *
 * Every record starts with struct hf_rec. Strings follow as "chunks": a u16 length table in the
 * record's own struct, then the bytes one after the other in table order, no padding, no NUL at the
 * end unless said so.
 *
 * A path taken from the kernel's dentries travels "leaf first": each component followed by one NUL,
 * from the last component up to the root ("/etc/passwd" is "passwd\0etc\0", "/" is empty). It
 * crosses mounts and ends at the root of the mount namespace, not at the process's chroot: a path
 * that a chroot could shorten would not be a fact. hf_path_from_leaves() in user/core turns it round.
 */
#ifndef HF_WIRE_H
#define HF_WIRE_H

#ifndef __VMLINUX_H__
#include <stdint.h>
typedef uint8_t __hf_u8;
typedef uint16_t __hf_u16;
typedef uint32_t __hf_u32;
typedef int32_t __hf_s32;
typedef int64_t __hf_s64;
typedef uint64_t __hf_u64;
#else
typedef __u8 __hf_u8;
typedef __u16 __hf_u16;
typedef __u32 __hf_u32;
typedef __s32 __hf_s32;
typedef __s64 __hf_s64;
typedef __u64 __hf_u64;
#endif

#define HF_ARGV_MAX	32768u	/* bytes of argv kept; the rest is marked HF_REC_TRUNC_ARGV */
#define HF_PATH_MAX	4096u	/* bytes of one path kept; the rest is marked HF_REC_TRUNC_PATH */
#define HF_NAME_KEY	32u	/* bytes of a name in the interest map, zero-padded */
#define HF_TICKET_ADDRS	8u	/* addresses one sendmmsg ticket can carry */
#define HF_SUN_MAX	108u	/* sizeof(sockaddr_un.sun_path) */

enum hf_rec_type {
	HF_REC_NONE = 0,
	HF_REC_FORK,		/* struct hf_rec_fork */
	HF_REC_EXEC,		/* struct hf_rec_exec: the new image, before its first instruction */
	HF_REC_EXIT,		/* struct hf_rec_exit: a thread group is gone */
	HF_REC_OPEN,		/* struct hf_rec_path: open family at syscall exit */
	HF_REC_PATH,		/* struct hf_rec_path: other system calls on paths, at syscall exit */
	HF_REC_SOCK,		/* struct hf_rec_sock: connect, sendto, sendmsg, bind, listen, accept */
	HF_REC_SYS,		/* struct hf_rec_sys: setuid family, ptrace, kill, mount, memfd, ... */
	HF_REC_RACED,		/* struct hf_rec_raced: what happens is not what was judged */
	HF_REC_FOREIGN,		/* struct hf_rec_sys: i386/x32 call or io_uring_setup (refused ENOSYS) */
	HF_REC_TYPES
};

/* hf_rec.flags */
#define HF_REC_TRUNC_PATH	(1u << 0)
#define HF_REC_TRUNC_ARGV	(1u << 1)
#define HF_REC_TRUNC_CWD	(1u << 2)
#define HF_REC_UNRESOLVED	(1u << 3)	/* path is as given by the caller, not from dentries */
#define HF_REC_STOPPED		(1u << 4)	/* SIGSTOP sent: waits for the engine before it goes on */
#define HF_REC_KILLED		(1u << 5)	/* SIGKILL sent from the kernel */
#define HF_REC_SCRIPT		(1u << 6)	/* exec through an interpreter (#! or binfmt_misc) */
#define HF_REC_RELATIVE		(1u << 7)	/* unresolved path is relative; base is chunk 1 */

struct hf_rec {
	__hf_u16 type;		/* enum hf_rec_type */
	__hf_u16 flags;		/* HF_REC_* */
	__hf_u32 len;		/* whole record in bytes, this header included */
	__hf_u64 session;
	__hf_u64 seq;		/* per session, from 1, no holes unless records were lost */
	__hf_u64 time_ns;	/* CLOCK_BOOTTIME */
	__hf_u64 start_ns;	/* thread group leader's start_boottime: pid + this is unique */
	__hf_u32 tgid;
	__hf_u32 tid;
	__hf_u32 uid;
	__hf_s32 ret;		/* system call result; exec 0; exit: wait status (code << 8 | signal) */
};

struct hf_rec_fork {
	struct hf_rec h;	/* the parent */
	__hf_u64 child_start_ns;
	__hf_u32 child_tgid;
	__hf_u32 child_tid;	/* == child_tgid for a new process, else a thread */
};

struct hf_rec_exit {
	struct hf_rec h;
};

enum { HF_EXEC_FILE, HF_EXEC_GIVEN, HF_EXEC_INTERP, HF_EXEC_CWD, HF_EXEC_ARGV, HF_EXEC_CHUNKS };
struct hf_rec_exec {
	struct hf_rec h;
	__hf_u64 dev;		/* of the file the kernel runs (the interpreter for a script), MKDEV form */
	__hf_u64 ino;
	__hf_u64 argv_len;	/* whole length in memory, also when truncated */
	__hf_u32 old_tid;	/* thread that called execve (de_thread gives it the leader's id) */
	__hf_u32 argc;
	/* FILE leaf first; GIVEN and INTERP as the kernel's bprm->filename / ->interp; CWD leaf first;
	 * ARGV NUL-separated */
	__hf_u32 chunk_len[HF_EXEC_CHUNKS];
	__hf_u32 pad;
};

/*
 * HF_REC_OPEN and HF_REC_PATH. nr is the x86-64 system call number.
 * OPEN, ret >= 0: chunk 0 is the opened file's path, leaf first, with dev/ino/file_mode.
 * OPEN failed, and PATH: chunk 0 is the first path as given (UNRESOLVED); chunk 1 is the leaf-first
 * path of the directory a relative one starts from (RELATIVE set), chunk 2 the second path as given
 * (rename, link, symlink), chunk 3 its base directory when relative.
 */
enum { HF_PATH_A, HF_PATH_A_BASE, HF_PATH_B, HF_PATH_B_BASE, HF_PATH_CHUNKS };
struct hf_rec_path {
	struct hf_rec h;
	__hf_u64 dev;
	__hf_u64 ino;
	/* open: flags, mode; mkdir, chmod: mode; mknod: mode, dev; chown: uid, gid; truncate: length;
	 * unlinkat, renameat2, linkat: flags; others 0 */
	__hf_u64 args[4];
	__hf_u32 nr;
	__hf_u32 file_mode;	/* S_IFMT and permission bits of the opened file */
	__hf_u16 chunk_len[HF_PATH_CHUNKS];
};

struct hf_wire_addr {
	__hf_u16 family;	/* AF_*; 0 = none */
	__hf_u16 port;		/* host order */
	__hf_u16 proto;		/* IPPROTO_*, 0 for UNIX */
	__hf_u16 path_len;	/* UNIX: bytes in path; abstract names begin with NUL */
	__hf_u8 addr[16];	/* IPv4 in the first 4 bytes */
	__hf_u8 path[HF_SUN_MAX];
	__hf_u32 pad;
};

struct hf_rec_sock {
	struct hf_rec h;
	__hf_u32 nr;
	__hf_u32 fd;
	struct hf_wire_addr addr;	/* connect/send: peer; bind: own; accept: peer; listen: own */
};

struct hf_rec_sys {
	struct hf_rec h;
	__hf_u64 args[6];
	__hf_u32 nr;		/* as in the caller's ABI; x32 keeps its bit 30 */
	__hf_u32 abi;		/* 0 native, 1 i386, 2 x32 */
	__hf_u32 target_tgid;	/* kill, ptrace, process_vm_writev: the other process; 0 none */
	__hf_u32 pad;
};

enum hf_raced_what {
	HF_RACED_EXEC_FILE = 1,
	HF_RACED_EXEC_ARGV,
	HF_RACED_EXEC_NO_TICKET,
	HF_RACED_ADDR,
	HF_RACED_ADDR_NO_TICKET,
};
struct hf_rec_raced {
	struct hf_rec h;
	__hf_u32 what;		/* enum hf_raced_what */
	__hf_u32 old_tid;
	struct hf_wire_addr addr;	/* what was tried, for HF_RACED_ADDR* */
};

/* --- map values ------------------------------------------------------------------------------- */

/* task storage: membership, inherited at fork */
struct hf_task {
	__hf_u64 session;
	__hf_u32 flags;		/* HF_SESSION_*, a copy of the session's: saves a look-up for each event */
	__hf_u32 exited;	/* on the group leader: its EXIT record has been sent */
	__hf_u64 halted_ns;	/* of the stop in which this thread has made one more call already */
};

/*
 * hash map "halted": key u32 tgid. A process stopped at the exit of an open. Signals of many sources (a timer, an orphaned process
 * group, a tracer) can undo a stop unasked: a call made in spite of it is the process's last.
 */
struct hf_halt {
	__hf_u64 since_ns;
	__hf_u32 tid;		/* who opened */
	__hf_u32 pad;
};

/* hash map "sessions": key u64 session id */
#define HF_SESSION_ENFORCE	(1u << 0)	/* exec and connect need a ticket (a wrapped session) */
#define HF_SESSION_STOP_OPENS	(1u << 1)	/* SIGSTOP at exit of an open that hits the interest map */
/* connect to a UNIX socket needs a ticket too (where the kernel has the hook: 6.7) */
#define HF_SESSION_ENFORCE_UNIX	(1u << 2)
struct hf_session_state {
	__hf_u64 seq;				/* last number given out */
	__hf_u64 lost[HF_REC_TYPES];		/* failed reservations by record type */
	__hf_u64 fork_untracked;		/* a child for which no task storage could be made */
	__hf_u32 flags;
	__hf_u32 pad;
};

/* hash map "tickets": key u32 tid; written before CONTINUE, removed at that call's exit */
#define HF_TICKET_EXEC		(1u << 0)
#define HF_TICKET_ADDR		(1u << 1)
#define HF_TICKET_NO_DEV	(1u << 2)	/* st_dev is not s_dev here (overlayfs, btrfs): compare ino and path */
#define HF_TICKET_ANY_INTERP	(1u << 3)	/* binfmt_misc may choose an interpreter nobody can foresee */
#define HF_TICKET_NO_PATH	(1u << 4)	/* path too deep to compare: compare dev and ino only */
/*
 * AF_UNIX: addr[0..7] is the hf_siphash of the name (a pathname without its NUL; an abstract one whole), port its
 * length. Compared when the session has HF_SESSION_ENFORCE_UNIX, or when the ticket holds such an entry.
 */
struct hf_ticket_addr {
	__hf_u16 family;	/* AF_INET or AF_INET6 as the kernel hook will see it; AF_UNIX */
	__hf_u16 port;		/* host order */
	__hf_u16 proto;		/* IPPROTO_TCP/UDP/...; 0 = any */
	__hf_u16 pad;
	__hf_u8 addr[16];
};
struct hf_ticket {
	__hf_u64 exe_dev;	/* MKDEV(major, minor) = major << 20 | minor */
	__hf_u64 exe_ino;
	__hf_u64 exe_path_hash;	/* hf_siphash of the leaf-first path of the file the kernel will run */
	__hf_u64 argv_hash;	/* hf_siphash of the first HF_ARGV_MAX bytes of the new image's argv */
	__hf_u64 argv_len;	/* whole argv length */
	__hf_u32 flags;		/* HF_TICKET_* */
	__hf_u32 naddr;
	struct hf_ticket_addr addr[HF_TICKET_ADDRS];
};

/* hash map "interest": key char[HF_NAME_KEY]; which opened names stop the caller at syscall exit */
#define HF_INTEREST_LEAF	(1u << 0)	/* the file's own name */
#define HF_INTEREST_EXT		(1u << 1)	/* from its last dot, e.g. ".pem" */
#define HF_INTEREST_PARENT	(1u << 2)	/* name of the directory it is in, or of that one's */

_Static_assert(sizeof(struct hf_rec) == 56, "wire");
_Static_assert(sizeof(struct hf_rec_fork) == 72, "wire");
_Static_assert(sizeof(struct hf_rec_exec) == 112, "wire");
_Static_assert(sizeof(struct hf_rec_path) == 120, "wire");
_Static_assert(sizeof(struct hf_wire_addr) == 136, "wire");
_Static_assert(sizeof(struct hf_rec_sock) == 200, "wire");
_Static_assert(sizeof(struct hf_rec_sys) == 120, "wire");
_Static_assert(sizeof(struct hf_rec_raced) == 200, "wire");
_Static_assert(sizeof(struct hf_ticket) == 240, "wire");
_Static_assert(sizeof(struct hf_halt) == 16, "wire");
_Static_assert(sizeof(struct hf_task) == 24, "wire");

#endif
