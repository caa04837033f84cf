/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by remote*.c only. */
#ifndef HF_REMOTE_INT_H
#define HF_REMOTE_INT_H
#include <sys/stat.h>
#include "remote.h"

/* hf_rpath_resolve() flags */
#define HF_RP_FOLLOW	(1u << 0)	/* follow the last component */
#define HF_RP_ENTRY	(1u << 1)	/* the path names a directory entry: slashes at its end don't make it followed */
#define HF_RP_EMPTY	(1u << 2)	/* AT_EMPTY_PATH: "" is dirfd itself */
#define HF_RP_IN_ROOT	(1u << 3)	/* openat2's RESOLVE_IN_ROOT: dirfd is the root */
#define HF_RP_THERE	(1u << 4)	/* a missing last component is -ENOENT */

struct hf_rpath {
	int fd;			/* O_PATH; -1: missing, or not resolved */
	bool exists;
	bool unresolved;	/* out is the lexical join: we could not look (EACCES on FUSE, ...) or the name is too long */
	bool truncated;
	struct stat st;		/* when it exists */
};
struct hf_creds {		/* what decides whether a thread may search a directory */
	unsigned long uid, gid;	/* the fs ones */
	unsigned long groups[64];
	unsigned ngroups;
	bool all;		/* CAP_DAC_OVERRIDE or CAP_DAC_READ_SEARCH over our files, or not known: no directory is refused */
};
int hf_creds_of(pid_t tid, struct hf_creds *ret);
/* By owner, group and mode. Where an ACL says more than these: true. */
bool hf_creds_may_search(const struct hf_creds *c, int dir);

/* As hf_remote_resolve(), with more to ask and to tell. 0, or -errno as certain as hf_remote_action() says (also -EBADF), or
 * -ESRCH. Caller calls hf_rpath_done(). */
int hf_rpath_resolve(pid_t tid, int dirfd, const char *path, unsigned flags, char *out, size_t cap, struct hf_rpath *ret);
void hf_rpath_done(struct hf_rpath *p);
/* Name of an O_PATH descriptor as d_path gives it, without the " (deleted)" of an unlinked one. Length or -errno. */
ssize_t hf_rpath_name(int fd, const struct stat *st, char *out, size_t cap);
/* Opens /proc/<tid>/<what> O_PATH, followed. -ENOENT, -ESRCH told apart. */
int hf_rpath_open_proc(pid_t tid, const char *what);
/* self and thread-self of a procfs mount, as the target would read them. Length or -errno. */
int hf_rpath_self(pid_t tid, int parent, bool thread, char *out, size_t cap);

/* --- between remote_path.c and remote_walk.c ---------------------------------------------------- */

#define HF_RPATH_MAX 4096
struct hf_rbase {			/* where a resolution starts */
	pid_t tid;
	int start;			/* directory a relative path starts from; == root for an absolute one */
	int root;			/* negative: not opened yet */
	bool in_root;			/* openat2 RESOLVE_IN_ROOT: start is the root */
	int same;			/* is the root ours: 1 yes, -1 no, 0 not asked */
};
int hf_rpath_close(int fd);		/* -1 */
int hf_rpath_openat2(int dirfd, const char *path, uint64_t flags, uint64_t resolve);	/* descriptor or -errno */
int hf_rpath_opath(int dirfd, const char *path, int flags);
int hf_rpath_root(struct hf_rbase *b);	/* opens b->root */
bool hf_rpath_same(int a, int b);	/* the same place in the mount tree? */
/* Takes what was found: the object fd (owned from here on), or -1 and the missing name last in directory dir. */
int hf_rpath_finish(struct hf_rpath *ret, int fd, int dir, const char *last, size_t last_len, char *out, size_t cap);
/* The walk by hand. creds not NULL: -EACCES where the target may not search a directory. */
int hf_rpath_walk(struct hf_rbase *b, const char *path, unsigned flags, const struct hf_creds *creds, char *out, size_t cap,
		  struct hf_rpath *ret);

/* Reads a small file whole (procfs). Length, NUL-terminated, or -errno. */
ssize_t hf_remote_slurp(const char *path, char *out, size_t cap);

struct hf_q {			/* one question being worked on */
	const struct seccomp_notif *n;
	const struct hf_notif_call *call;
	struct hf_remote *r;
	struct hf_action *a;
	pid_t tid;
	bool silent;
};
static inline uint64_t hf_q_arg(const struct hf_q *q, int i)
{
	return i < 0 ? 0 : q->n->data.args[i];
}
static inline int hf_q_dirfd(const struct hf_q *q, int i)
{
	return i < 0 ? AT_FDCWD : (int)q->n->data.args[i];
}
/* Takes what resolving found into the action's path, dev, ino and flags. */
void hf_q_take_path(struct hf_q *q, const struct hf_rpath *p);

int hf_remote_exec(struct hf_q *q);
int hf_remote_socket(struct hf_q *q);

#include <sys/sysmacros.h>
static inline uint64_t hf_remote_mkdev(dev_t d)
{
	return (uint64_t)major(d) << 20 | minor(d);
}
#endif
