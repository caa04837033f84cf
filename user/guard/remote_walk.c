/* SPDX-License-Identifier: Apache-2.0 */
/* The walk by hand, component by component, as fs/namei.c does it: for symlinks where the target's root is not ours, and for procfs. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "remote_int.h"

#define LINKS_MAX  40			/* the kernel's MAXSYMLINKS */
#define STEPS_MAX  4096			/* a path has 2048 at most; links full of "./" and "../x" would cost us more than the kernel */
#define WALK_BYTES ((LINKS_MAX + 2) * (HF_RPATH_MAX + 1))

struct walk {
	struct hf_rbase *b;
	const struct hf_creds *creds;	/* NULL: no directory is refused */
	unsigned flags;
	int cur;
	bool cur_is_dir;		/* known to be one */
	unsigned links, steps;
	size_t pos;			/* buf[pos..] is what is left, NUL-terminated; links are put in front */
	char buf[WALK_BYTES];
};

static int walk_prepend(struct walk *w, const char *text, size_t len)
{
	if (len == 0)
		return -ENOENT;
	if (len > w->pos)
		return -ELOOP;	/* can't be: LINKS_MAX texts fit */
	w->pos -= len;
	memcpy(w->buf + w->pos, text, len);
	return 0;
}

static void walk_go(struct walk *w, int fd)
{
	if (w->cur != w->b->start && w->cur != w->b->root)
		hf_rpath_close(w->cur);
	w->cur = fd;
	w->cur_is_dir = false;
}

/* ENOTDIR as the kernel has it for "." and "..". */
static int walk_check_dir(struct walk *w)
{
	struct stat st;

	if (!w->cur_is_dir) {
		if (fstat(w->cur, &st))
			return -errno;
		if (!S_ISDIR(st.st_mode))
			return -ENOTDIR;
		w->cur_is_dir = true;
	}
	return 0;
}

/* Procfs: 1 jumped (w->cur moved), 0 an ordinary link whose text is in link, -errno. fd is the link itself. */
static int walk_proc_link(struct walk *w, int fd, const struct stat *st, const char *comp, char *link, ssize_t *ret_len)
{
	struct stat self, thread;
	int to;

	/* the inode numbers of these two are the same in all procfs mounts, whatever the name they are bound to */
	if (lstat("/proc/self", &self) || lstat("/proc/thread-self", &thread))
		return -EACCES;
	if (st->st_ino == self.st_ino || st->st_ino == thread.st_ino) {
		*ret_len = hf_rpath_self(w->b->tid, w->cur, st->st_ino == thread.st_ino, link, HF_RPATH_MAX);
		return *ret_len < 0 ? (int)*ret_len : 0;
	}
	to = hf_rpath_openat2(w->cur, comp, O_PATH, RESOLVE_NO_MAGICLINKS);
	if (to != -ELOOP) {
		hf_rpath_close(to);
		return 0;
	}
	if (w->b->in_root)
		return -EXDEV;
	to = hf_rpath_opath(w->cur, comp, 0);
	if (to < 0)
		return to;
	walk_go(w, to);
	return 1;
}

/* Follows the symlink fd, found as comp in w->cur. */
static int walk_link(struct walk *w, int fd, const struct stat *st, const char *comp)
{
	char link[HF_RPATH_MAX];
	struct statfs fs;
	ssize_t n = -1;
	int r;

	if (++w->links > LINKS_MAX)
		return -ELOOP;
	if (fstatfs(fd, &fs))
		return -errno;
	if (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SECURITYFS_MAGIC) {
		r = walk_proc_link(w, fd, st, comp, link, &n);
		if (r)
			return r < 0 ? r : 0;
	}
	if (n < 0)
		n = readlinkat(fd, "", link, sizeof(link));
	if (n < 0)
		return -errno;
	if ((size_t)n >= sizeof(link))
		return -ENAMETOOLONG;
	r = walk_prepend(w, link, (size_t)n);
	if (r == 0 && link[0] == '/') {
		r = hf_rpath_root(w->b);
		if (r == 0)
			walk_go(w, w->b->root);
	}
	return r;
}

static int walk_up(struct walk *w)
{
	int r = hf_rpath_root(w->b), fd;

	if (r == 0)
		r = walk_check_dir(w);
	if (r)
		return r;
	if (hf_rpath_same(w->cur, w->b->root))
		return 0;
	fd = hf_rpath_opath(w->cur, "..", O_DIRECTORY);
	if (fd < 0)
		return fd;
	walk_go(w, fd);
	w->cur_is_dir = true;
	return 0;
}

/* One component. 1: done, *ret is filled; 0: go on. more: others follow; slash: at least one slash follows. */
static int walk_step(struct walk *w, const char *comp, bool more, bool slash, char *out, size_t cap, struct hf_rpath *ret)
{
	struct stat st;
	int fd, r;

	if (++w->steps > STEPS_MAX)
		return -EOVERFLOW;	/* unresolved */
	if (w->creds) {
		int e = walk_check_dir(w);

		if (e == 0 && !hf_creds_may_search(w->creds, w->cur))
			e = -EACCES;
		if (e)
			return e;
	}
	if (strcmp(comp, ".") == 0)
		return walk_check_dir(w);
	if (strcmp(comp, "..") == 0)
		return walk_up(w);
	fd = hf_rpath_opath(w->cur, comp, O_NOFOLLOW);
	if (fd == -ENOENT && !more) {
		r = hf_rpath_finish(ret, -1, w->cur, comp, strlen(comp), out, cap);
		return r ? r : 1;
	}
	if (fd < 0)
		return fd;
	if (fstat(fd, &st)) {
		r = -errno;
		close(fd);
		return r;
	}
	if (S_ISLNK(st.st_mode) && (more || (w->flags & HF_RP_FOLLOW) || (slash && !(w->flags & HF_RP_ENTRY)))) {
		r = walk_link(w, fd, &st, comp);
		close(fd);
		return r;
	}
	walk_go(w, fd);
	return 0;
}

static int walk_run(struct walk *w, char *out, size_t cap, struct hf_rpath *ret)
{
	bool want_dir = false;
	int r;

	for (;;) {
		char comp[HF_RPATH_MAX + 1];
		size_t n, skip = strspn(w->buf + w->pos, "/");

		want_dir = skip > 0;
		w->pos += skip;
		n = strcspn(w->buf + w->pos, "/");
		if (n == 0)
			break;
		if (n > HF_RPATH_MAX)
			return -ENAMETOOLONG;
		memcpy(comp, w->buf + w->pos, n);
		comp[n] = '\0';
		w->pos += n;
		skip = strspn(w->buf + w->pos, "/");
		r = walk_step(w, comp, w->buf[w->pos + skip] != '\0', skip > 0, out, cap, ret);
		if (r)
			return r < 0 ? r : 0;
	}
	if (want_dir && !(w->flags & HF_RP_ENTRY)) {
		r = walk_check_dir(w);
		if (r)
			return r;
	}
	r = fcntl(w->cur, F_DUPFD_CLOEXEC, 0);
	return r < 0 ? -errno : hf_rpath_finish(ret, r, -1, NULL, 0, out, cap);
}

int hf_rpath_walk(struct hf_rbase *b, const char *path, unsigned flags, const struct hf_creds *creds, char *out, size_t cap,
		  struct hf_rpath *ret)
{
	struct walk w;	/* not zeroed: 170 KiB, of which little is touched */
	size_t len = strlen(path);
	int r;

	w.b = b;
	w.creds = creds;
	w.flags = flags;
	w.links = w.steps = 0;
	w.cur_is_dir = false;
	w.pos = sizeof(w.buf) - 1;
	w.buf[w.pos] = '\0';
	w.cur = b->start;
	r = walk_prepend(&w, path, len);
	if (r == 0)
		r = walk_run(&w, out, cap, ret);
	walk_go(&w, -1);
	return r;
}
