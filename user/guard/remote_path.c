/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths as the kernel will resolve them for another thread. The common case (no symlink on the way) is one openat2();
 * anything else is walked component by component. O_PATH only: nothing is opened for reading, so no permission event, FIFO or device
 * driver can make us wait.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "remote_int.h"


struct fid {				/* a place in the mount tree */
	uint64_t dev, ino, mnt;
};

int hf_rpath_close(int fd)
{
	if (fd >= 0)
		close(fd);
	return -1;
}

int hf_rpath_openat2(int dirfd, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = resolve };
	int fd = (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

int hf_rpath_opath(int dirfd, const char *path, int flags)
{
	int fd = openat(dirfd, path, O_PATH | O_CLOEXEC | flags);

	return fd < 0 ? -errno : fd;
}

int hf_rpath_open_proc(pid_t tid, const char *what)
{
	char p[64];
	int fd;

	snprintf(p, sizeof(p), "/proc/%d/%s", (int)tid, what);
	fd = hf_rpath_opath(AT_FDCWD, p, 0);
	if (fd != -ENOENT)
		return fd;
	snprintf(p, sizeof(p), "/proc/%d", (int)tid);
	return access(p, F_OK) ? -ESRCH : -ENOENT;
}

int hf_rpath_root(struct hf_rbase *b)
{
	if (b->root < 0)
		b->root = hf_rpath_open_proc(b->tid, "root");
	/* ENOENT: the thread exits and has given its fs up */
	return b->root < 0 ? (b->root == -ENOENT ? -ESRCH : b->root) : 0;
}

static int open_start(struct hf_rbase *b, int dirfd, bool absolute)
{
	char what[32];
	int r;

	b->start = b->root = -1;
	if (absolute && !b->in_root) {
		r = hf_rpath_root(b);
		b->start = b->root;
		return r;
	}
	if (dirfd == AT_FDCWD) {
		b->start = hf_rpath_open_proc(b->tid, "cwd");
		r = b->start == -ENOENT ? -ESRCH : b->start;
	} else {
		snprintf(what, sizeof(what), "fd/%d", dirfd);
		b->start = dirfd < 0 ? -ENOENT : hf_rpath_open_proc(b->tid, what);
		r = b->start == -ENOENT ? -EBADF : b->start;
	}
	if (r >= 0 && b->in_root)
		b->root = b->start;
	return r < 0 ? r : 0;
}

static void close_base(struct hf_rbase *b)
{
	if (b->root != b->start)
		hf_rpath_close(b->root);
	hf_rpath_close(b->start);
}

/* path "" is dirfd itself */
static int get_fid(int dirfd, const char *path, struct fid *ret)
{
	struct statx x;

	if (statx(dirfd, path, path[0] ? 0 : AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &x))
		return -errno;
	*ret = (struct fid){ (uint64_t)x.stx_dev_major << 32 | x.stx_dev_minor, x.stx_ino, x.stx_mnt_id };
	return 0;
}

static bool same_fid(const struct fid *a, const struct fid *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->mnt == b->mnt;
}

bool hf_rpath_same(int a, int b)
{
	struct fid x, y;

	return get_fid(a, "", &x) == 0 && get_fid(b, "", &y) == 0 && same_fid(&x, &y);
}

/* Is the target's root ours, in the same mount namespace (a mount id belongs to one)? */
static bool root_is_ours(struct hf_rbase *b)
{
	struct fid ours, theirs;
	char p[64];

	if (b->same == 0) {
		snprintf(p, sizeof(p), "/proc/%d/root", (int)b->tid);
		b->same = get_fid(AT_FDCWD, "/", &ours) == 0 &&
			  (b->root >= 0 ? get_fid(b->root, "", &theirs) : get_fid(AT_FDCWD, p, &theirs)) == 0 &&
			  same_fid(&ours, &theirs) ? 1 : -1;
	}
	return b->same > 0;
}

/* A file really called "x (deleted)" and still there? */
static bool suffix_is_name(const char *name, const struct stat *st)
{
	struct stat other;

	return st->st_nlink > 0 && lstat(name, &other) == 0 && other.st_dev == st->st_dev && other.st_ino == st->st_ino;
}

ssize_t hf_rpath_name(int fd, const struct stat *st, char *out, size_t cap)
{
	static const char suffix[] = " (deleted)";
	const size_t sl = sizeof(suffix) - 1;
	char p[32];
	ssize_t n;

	snprintf(p, sizeof(p), "/proc/self/fd/%d", fd);
	n = readlink(p, out, cap);
	if (n < 0)
		return -errno;
	if ((size_t)n >= cap)
		return -ENAMETOOLONG;
	out[n] = '\0';
	if ((size_t)n > sl && strcmp(out + n - sl, suffix) == 0 && !suffix_is_name(out, st)) {
		n -= (ssize_t)sl;
		out[n] = '\0';
	}
	return n;
}

/* Does the path go up anywhere? */
static bool has_dotdot(const char *path)
{
	for (const char *p = path; (p = strstr(p, "..")); p += 2)
		if ((p == path || p[-1] == '/') && (p[2] == '/' || !p[2]))
			return true;
	return false;
}

/* Splits at the last component. *ret_last points into path; false: there is none ("/", "", ".", ".."). */
static bool split_last(const char *path, size_t *ret_dir_len, const char **ret_last, size_t *ret_last_len)
{
	size_t end = strlen(path), i;

	while (end > 0 && path[end - 1] == '/')
		end--;
	for (i = end; i > 0 && path[i - 1] != '/';)
		i--;
	if (end == i || (end - i == 1 && path[i] == '.') || (end - i == 2 && path[i] == '.' && path[i + 1] == '.'))
		return false;
	*ret_dir_len = i;
	*ret_last = path + i;
	*ret_last_len = end - i;
	return true;
}

/* What was found: an object, or a missing name in directory dir (closed by the caller). */
int hf_rpath_finish(struct hf_rpath *ret, int fd, int dir, const char *last, size_t last_len, char *out, size_t cap)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd >= 0 ? fd : dir, &st)) {
		n = -errno;
		hf_rpath_close(fd);
		return (int)n;
	}
	n = hf_rpath_name(fd >= 0 ? fd : dir, &st, out, cap);
	if (n >= 0 && fd < 0) {
		bool slash = n > 0 && out[n - 1] == '/';

		if ((size_t)n + last_len + 2 > cap) {
			n = -ENAMETOOLONG;
		} else {
			if (!slash)
				out[n++] = '/';
			memcpy(out + n, last, last_len);
			out[n + (ssize_t)last_len] = '\0';
		}
	}
	if (n < 0) {
		hf_rpath_close(fd);
		return n == -ENAMETOOLONG ? -EOVERFLOW : (int)n;	/* not the target's error, ours */
	}
	ret->fd = fd;
	ret->exists = fd >= 0;
	if (fd >= 0)
		ret->st = st;
	return 0;
}

/* One openat2() when no symlink is on the way; -EAGAIN: take the slow way. */
static int resolve_fast(struct hf_rbase *b, const char *path, unsigned flags, char *out, size_t cap, struct hf_rpath *ret)
{
	bool absolute = path[0] == '/' || b->in_root;
	uint64_t resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | (absolute ? RESOLVE_IN_ROOT : 0);
	char work[HF_RPATH_MAX + 1];
	const char *last;
	size_t dir_len, last_len, len = strlen(path);
	int fd, r;

	memcpy(work, path, len + 1);
	if (flags & HF_RP_ENTRY)
		while (len > 1 && work[len - 1] == '/')
			work[--len] = '\0';
	/* a relative ".." may meet the target's root, which only an absolute resolution knows about */
	if (!absolute && has_dotdot(work) && !root_is_ours(b))
		return -EAGAIN;
	fd = hf_rpath_openat2(b->start, work, O_PATH | (flags & HF_RP_FOLLOW ? 0 : O_NOFOLLOW), resolve);
	if (fd >= 0)
		return hf_rpath_finish(ret, fd, -1, NULL, 0, out, cap);
	if (fd == -ENOTDIR)
		return -ENOTDIR;	/* certain: no symlink came before it */
	if (fd != -ENOENT)
		return -EAGAIN;
	if (!split_last(work, &dir_len, &last, &last_len))
		return -ENOENT;
	if (dir_len == 0)
		return hf_rpath_finish(ret, -1, b->start, last, last_len, out, cap);
	last = path + dir_len;
	work[dir_len] = '\0';
	fd = hf_rpath_openat2(b->start, work, O_PATH | O_DIRECTORY, resolve);
	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? fd : -EAGAIN;
	r = hf_rpath_finish(ret, -1, fd, last, last_len, out, cap);
	close(fd);
	return r;
}

/* Is number a component of path? */
static bool has_component(const char *path, long number)
{
	char c[32];
	size_t n = (size_t)snprintf(c, sizeof(c), "/%ld", number);

	for (; (path = strstr(path, c)); path++)
		if (path[n] == '/' || !path[n])
			return true;
	return false;
}

/*
 * Symlinks on the way, but a root that is ours: the kernel may follow them for us. Not magic links, and not where /proc/self took
 * part, which is us here: then our own number is in the result's name (".." out of it leads to the same place for everyone).
 * -EAGAIN: take the slow way.
 */
static int resolve_ours(struct hf_rbase *b, const char *path, unsigned flags, char *out, size_t cap, struct hf_rpath *ret)
{
	char work[HF_RPATH_MAX + 1];
	size_t len = strlen(path);
	struct statfs fs;
	int fd, r;

	if (b->in_root || !root_is_ours(b))
		return -EAGAIN;
	memcpy(work, path, len + 1);
	if (flags & HF_RP_ENTRY)
		while (len > 1 && work[len - 1] == '/')
			work[--len] = '\0';
	fd = hf_rpath_openat2(b->start, work, O_PATH | (flags & HF_RP_FOLLOW ? 0 : O_NOFOLLOW), RESOLVE_NO_MAGICLINKS);
	if (fd < 0)
		return -EAGAIN;
	if (fstatfs(fd, &fs) || fs.f_type == PROC_SUPER_MAGIC) {
		close(fd);
		return -EAGAIN;
	}
	r = hf_rpath_finish(ret, fd, -1, NULL, 0, out, cap);
	if (r == 0 && has_component(out, getpid())) {
		ret->fd = hf_rpath_close(ret->fd);
		ret->exists = false;
		return -EAGAIN;
	}
	return r;
}

/* No way to look: the name as far as text goes. */
static int unresolved(struct hf_rbase *b, const char *path, int err, char *out, size_t cap, struct hf_rpath *ret)
{
	char dir[HF_RPATH_MAX + 1] = "/";
	struct stat st;
	int r;

	if (path[0] != '/' && b->start >= 0 && fstat(b->start, &st) == 0 && hf_rpath_name(b->start, &st, dir, sizeof(dir)) < 0)
		strcpy(dir, "/");
	r = hf_path_join(hf_str_of(dir), hf_str_of(path), out, cap);
	if (r < 0)
		snprintf(out, cap, "%s", path);
	ret->unresolved = true;
	ret->truncated = err == -EOVERFLOW || r < 0;
	return 0;
}

static bool certain(int err)
{
	return err == -ENOENT || err == -ENOTDIR || err == -ELOOP || err == -ENAMETOOLONG || err == -EBADF || err == -ESRCH;
}

/*
 * Our eyes are root's: what isn't there for us may be nobody's business for the target, which has to hear EACCES as it would from
 * the kernel, or failing calls would tell it what exists in directories that are closed to it.
 */
static int as_target_sees(struct hf_rbase *b, const char *path, unsigned flags, int err, char *out, size_t cap)
{
	struct hf_rpath p = { .fd = -1 };
	struct hf_creds c;

	if ((err != -ENOENT && err != -ENOTDIR && err != -ELOOP) || b->start < 0)
		return err;
	if (hf_creds_of(b->tid, &c) || c.all)
		return err;
	if (hf_rpath_walk(b, path, flags, &c, out, cap, &p) == -EACCES)
		err = -EACCES;
	hf_rpath_done(&p);
	return err;
}

static int resolve(struct hf_rbase *b, const char *path, unsigned flags, char *out, size_t cap, struct hf_rpath *ret)
{
	int r;

	if (!path[0]) {
		int fd = fcntl(b->start, F_DUPFD_CLOEXEC, 0);

		return fd < 0 ? -errno : hf_rpath_finish(ret, fd, -1, NULL, 0, out, cap);
	}
	r = resolve_fast(b, path, flags, out, cap, ret);
	if (r == -EAGAIN)
		r = resolve_ours(b, path, flags, out, cap, ret);
	if (r == -EAGAIN)
		r = hf_rpath_walk(b, path, flags, NULL, out, cap, ret);
	if (r == 0 && !ret->exists && flags & HF_RP_THERE)
		r = -ENOENT;
	return r;
}

int hf_rpath_resolve(pid_t tid, int dirfd, const char *path, unsigned flags, char *out, size_t cap, struct hf_rpath *ret)
{
	struct hf_rbase b = { .tid = tid, .in_root = flags & HF_RP_IN_ROOT };
	struct hf_rpath p = { .fd = -1 };
	int r;

	if (strlen(path) >= HF_RPATH_MAX)
		return -ENAMETOOLONG;
	if (!path[0] && !(flags & HF_RP_EMPTY))
		return -ENOENT;
	r = open_start(&b, dirfd, path[0] == '/');
	if (r == 0)
		r = resolve(&b, path, flags, out, cap, &p);
	if (r < 0 && certain(r))
		r = as_target_sees(&b, path, flags, r, out, cap);
	else if (r < 0)
		r = unresolved(&b, path, r, out, cap, &p);
	close_base(&b);
	if (r == 0)
		*ret = p;
	return r;
}

void hf_rpath_done(struct hf_rpath *p)
{
	p->fd = hf_rpath_close(p->fd);
}

int hf_remote_resolve(pid_t tid, int dirfd, const char *path, bool follow_last, char *out, size_t cap, bool *ret_exists, int *ret_fd)
{
	struct hf_rpath p;
	int r = hf_rpath_resolve(tid, dirfd, path, (follow_last ? HF_RP_FOLLOW : 0) | HF_RP_EMPTY, out, cap, &p);

	if (r)
		return r;
	if (p.unresolved)
		return p.truncated ? -EOVERFLOW : -EACCES;
	*ret_exists = p.exists;
	if (ret_fd)
		*ret_fd = p.fd;
	else
		hf_rpath_done(&p);
	return 0;
}
