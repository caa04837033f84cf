/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading what a held system call was asked to do: the target's memory once, its paths as the kernel will resolve them.
 * The caller checks hf_notif_valid() before and after: a pid can be reused in between.
 */
#ifndef HF_GUARD_REMOTE_H
#define HF_GUARD_REMOTE_H
#include <fcntl.h>
#include <sys/types.h>
#include <linux/seccomp.h>
#include "action.h"
#include "notif.h"

struct hf_remote_ids { uint32_t tgid, ppid, uid; uint64_t start_ns; };	/* known_ids leaves ppid 0 */

struct hf_remote {		/* reused for each question; holds the strings of the action built from it */
	/* Set by the caller once, all may be NULL/0:
	 * may_open: may the file's first bytes be read (st_dev in MKDEV form, st_ino)? A file with a permission mark of our own would
	 * make us wait for our own answer.
	 * known_ids: tgid, start time and uid of a thread if the engine knows them from records; false: they are read from /proc. */
	bool (*may_open)(void *ctx, uint64_t dev, uint64_t ino);
	bool (*known_ids)(void *ctx, pid_t tid, struct hf_remote_ids *ret);
	void *ctx;
	/* Filled for each question. */
	char path[8192], path2[8192], given[4100], interp[4100], cwd[4100];
	char argv[32768 + 1];
	size_t argv_total;	/* whole length, also when cut */
	char exec_leaves[4100]; int exec_leaves_len;	/* the file the kernel will run (interpreter of a script), for the ticket */
	uint64_t exec_dev, exec_ino; bool exec_no_dev, exec_any_interp;
	bool exec_unread;	/* any_interp for want of knowledge: the file could not be read (may_open, a lease, FUSE) */
	/* argv as the new image will have it (scripts: rewritten as fs/binfmt_script.c does) */
	char final_argv[32768 + 1]; size_t final_argv_len, final_argv_total;
	struct hf_addr addrs[8]; unsigned naddrs; uint16_t raw_family[8]; bool addrs_truncated;
	char sun_raw[108]; unsigned sun_raw_len;	/* connect to a UNIX socket: the name as given, for the ticket */
	struct hf_notif_raw raw[8];	/* as the cgroup hook will see them; family 0: no hook looks at this one */
};
/* Builds the action that notification n asks for. tgid/start_ns/uid come from /proc (task's own). 0; -ESRCH target is gone;
 * -EFAULT the arguments can't be read (the call would fail with EFAULT too); -errno the errno the call would fail with as far as
 * it is certain (ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG): the caller answers CONTINUE and the kernel says it itself.
 * EACCES where the target may not search a directory on the way to what is missing. Answering with the error instead of CONTINUE is
 * safe against races, and is what these are exact for.
 * *ret_silent: nothing to judge (sendmsg without address, kill inside the session's own thread group ...).
 * exec: argv is what the new image will have (final_argv), given is bprm->filename ("/dev/fd/N" for a descriptor).
 * HF_ACT_UNRESOLVED: we could not look (FUSE closed to root, a name longer than PATH_MAX, ...): path is a lexical join. Nothing is
 * known of what it leads to.
 * send: EACH of r->addrs[0..naddrs) has to be judged; ret->addr is the first one only. addrs_truncated: there are more.
 * signal to several: target_tgid 0, path "own process group", "process group N" or "every process", mode the group's number here.
 * signal, ptrace: target_tgid 0 with HF_ACT_UNRESOLVED: a process we can't name. */
int hf_remote_action(const struct seccomp_notif *n, uint64_t session, struct hf_remote *r, struct hf_action *ret, bool *ret_silent);
/* Resolves a path as process tid would: its root, cwd or dirfd, symlinks, /proc/self and magic links from the target's point of view.
 * Never opens for reading (O_PATH only: no permission event, no FIFO, no device). out: absolute in the mount namespace. Missing last
 * component is fine (*ret_exists false). *ret_fd (may be NULL): O_PATH descriptor, caller closes; -1 when missing. */
int hf_remote_resolve(pid_t tid, int dirfd, const char *path, bool follow_last, char *out, size_t cap, bool *ret_exists, int *ret_fd);
/* Copies at most cap bytes from the target, one read per page so that a hole at the end does no harm. Length, or -errno. */
ssize_t hf_remote_read(pid_t tid, uint64_t addr, void *out, size_t cap);
/* NUL-terminated string; -ENAMETOOLONG when none within cap. */
ssize_t hf_remote_read_str(pid_t tid, uint64_t addr, char *out, size_t cap);
/* tgid, ppid, start time (clock as BPF's start_boottime, ns, to 10 ms), uid of a thread from /proc. */
int hf_remote_ids(pid_t tid, struct hf_remote_ids *ret);
/* kernel identity of an O_PATH fd for tickets: i_ino from fdinfo, dev in MKDEV form; *ret_no_dev where st_dev is not s_dev. */
int hf_remote_identity(int fd, uint64_t *ret_dev, uint64_t *ret_ino, bool *ret_no_dev);
#endif
