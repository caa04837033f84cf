// SPDX-License-Identifier: Apache-2.0
/*
 * Which files do the globs name? Directories are walked breadth first, so that a bound cuts off what is deep (caches,
 * dependencies) and not what is near (~/.ssh). Rules match resolved paths, so no symbolic link is followed. Files are
 * never opened but with O_PATH. Nothing here waits on a file system that another process serves.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "fanotify.h"
#include "mounts.h"

#define ROOTS_MAX 256
#define QUEUE_BYTES_MAX (8u << 20)

struct root {
	char *path;    /* resolved, no slash at the end but for "/" */
	bool deep;     /* below it too, not only its own entries */
	bool complete; /* everything below was looked at */
	bool base;     /* home or workspace: globs that begin with '*' depend on it */
};
struct dir {
	char *path;
	unsigned depth;
};
struct walk {
	struct hf_fan *fan;
	struct hf_fan_glob *globs;
	size_t nglobs;
	struct hf_mounts *mounts;
	struct root roots[ROOTS_MAX];
	size_t nroots;
	struct dir *queue;
	size_t head, tail, queue_cap, queue_bytes;
	struct hf_fan_bounds left;
	struct timespec end;
	bool cut;	 /* a bound was hit in the root at hand */
	struct glob_state {
		bool unmarked;	  /* a match could not be marked */
		const char *root; /* its own literal root's path, or NULL */
		bool usable;	  /* names something: literals() */
		const char *tail; /* what a path must end in: behind the last wildcard */
		size_t tail_len;
	} *state;		  /* per glob */
};

static unsigned char fold(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

bool hf_fan_glob_match(const char *glob, const char *path)
{
	const char *star = NULL, *from = NULL;

	/* One star to go back to is enough: a later one takes over whatever the earlier could. */
	while (*path) {
		if (*glob == '*') {
			star = ++glob;
			from = path;
		} else if (*glob == '?' || (*glob && fold(*glob) == fold(*path))) {
			glob++;
			path++;
		} else if (star) {
			glob = star;
			path = ++from;
		} else {
			return false;
		}
	}
	while (*glob == '*')
		glob++;
	return *glob == '\0';
}

/* Letters and digits that a name must have: "*" and "*?/" have none, and naming every file is no protection. */
static size_t literals(const char *glob)
{
	size_t n = 0;

	for (; *glob; glob++)
		n += *glob != '*' && *glob != '?' && *glob != '/' && *glob != '.';
	return n;
}

static bool out_of_time(struct walk *w)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec > w->end.tv_sec || (t.tv_sec == w->end.tv_sec && t.tv_nsec >= w->end.tv_nsec);
}

/* Deeper wins over the same path asked for flat. */
static int add_root(struct walk *w, const char *path, bool deep, struct root **ret)
{
	struct root *r;

	for (r = w->roots; r < w->roots + w->nroots && strcmp(r->path, path) != 0; r++)
		;
	if (r == w->roots + ROOTS_MAX)
		return -E2BIG;
	if (r == w->roots + w->nroots) {
		r->path = strdup(path);
		if (!r->path)
			return -ENOMEM;
		w->nroots++;
	}
	r->deep |= deep;
	*ret = r;
	return 0;
}

/* "/home/x*y/z" starts at "/home". -ELOOP: there is a link on the way, no resolved path begins so. */
static int literal_root(const char *glob, char out[PATH_MAX], bool *ret_deep)
{
	size_t n = strcspn(glob, "*?");
	char prefix[PATH_MAX];

	*ret_deep = strchr(glob, '*') || strchr(glob + n, '/');
	while (n > 1 && glob[n - 1] != '/')
		n--;
	while (n > 1 && glob[n - 1] == '/')
		n--;
	if (n >= sizeof(prefix))
		return -ENAMETOOLONG;
	memcpy(prefix, glob, n);
	prefix[n] = '\0';
	if (!realpath(prefix, out))
		return -errno;
	return strcmp(prefix, out) == 0 ? 0 : -ELOOP;
}

static int find_roots(struct walk *w, const char *home, const char *workspace)
{
	const char *const base[2] = { home, workspace };
	char path[PATH_MAX];
	bool deep, starred = false;
	struct root *root;
	int r;

	for (size_t i = 0; i < w->nglobs; i++) {
		struct hf_fan_glob *g = &w->globs[i];

		g->found = 0;
		g->complete = literals(g->glob) > 0;
		if (!g->complete)
			continue;
		w->state[i].usable = true;
		w->state[i].tail = strrchr(g->glob, '*') ? strrchr(g->glob, '*') + 1 : g->glob;
		w->state[i].tail_len = strlen(w->state[i].tail);
		if (g->glob[0] != '/') {
			starred |= g->glob[0] == '*';
			g->complete = g->glob[0] == '*';
			continue;
		}
		r = literal_root(g->glob, path, &deep);
		if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP)
			continue; /* nothing there can match */
		if (r == 0)
			r = hf_mounts_served(w->mounts, path) ? -EXDEV : add_root(w, path, deep, &root);
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			g->complete = false;
		else
			w->state[i].root = root->path;
	}
	for (int i = 0; starred && i < 2; i++) {
		if (!base[i] || !*base[i] || !realpath(base[i], path))
			continue;
		r = hf_mounts_served(w->mounts, path) ? -EXDEV : add_root(w, path, true, &root);
		if (r == -ENOMEM)
			return r;
		if (r == 0)
			root->base = true;
		for (size_t k = 0; r < 0 && k < w->nglobs; k++)
			w->state[k].unmarked |= w->globs[k].glob[0] == '*';
	}
	return 0;
}

static int push(struct walk *w, const char *path, unsigned depth)
{
	size_t n = strlen(path) + 1;

	if (depth > w->left.depth || w->queue_bytes + n > QUEUE_BYTES_MAX) {
		w->cut = true;
		return 0;
	}
	if (w->tail == w->queue_cap) {
		size_t cap = w->queue_cap ? w->queue_cap * 2 : 256;
		struct dir *q = reallocarray(w->queue, cap, sizeof(*q));

		if (!q)
			return -ENOMEM;
		w->queue = q;
		w->queue_cap = cap;
	}
	w->queue[w->tail].path = strdup(path);
	if (!w->queue[w->tail].path)
		return -ENOMEM;
	w->queue[w->tail++].depth = depth;
	w->queue_bytes += n;
	return 0;
}

/* Nearly every file differs in its end already; the walk's time is spent here. */
static bool matches(const struct walk *w, size_t i, const char *path, size_t len)
{
	const struct glob_state *s = &w->state[i];

	if (!s->usable || len < s->tail_len)
		return false;
	for (size_t k = 1; k <= s->tail_len; k++)
		if (s->tail[s->tail_len - k] != '?' && fold(s->tail[s->tail_len - k]) != fold(path[len - k]))
			return false;
	return hf_fan_glob_match(w->globs[i].glob, path);
}

static void try_file(struct walk *w, int dir_fd, const char *name, const char *path, size_t len)
{
	int fd = -1, r = 0;

	for (size_t i = 0; i < w->nglobs; i++) {
		if (!matches(w, i, path, len))
			continue;
		if (fd < 0) {
			fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
			if (fd < 0)
				return; /* gone meanwhile */
			r = hf_fan_mark_fd(w->fan, fd);
		}
		if (r == 0)
			w->globs[i].found++;
		else if (r != -EINVAL)
			w->state[i].unmarked = true;
	}
	if (fd >= 0)
		close(fd);
}

/* Has another root been walked to its end here already? */
static bool already_walked(const struct walk *w, size_t root, const char *path)
{
	for (size_t i = 0; i < root; i++)
		if (w->roots[i].deep && w->roots[i].complete && strcmp(w->roots[i].path, path) == 0)
			return true;
	return false;
}

/* Kernel file systems hold no file to protect this way; one served by a process may never answer, and what is behind it
 * stays unknown. */
static int descend(struct walk *w, size_t root, const char *path, unsigned depth)
{
	enum hf_mount_kind kind;

	if (!w->roots[root].deep || already_walked(w, root, path))
		return 0;
	kind = hf_mounts_kind(w->mounts, path);
	if (kind == HF_MOUNT_SERVED)
		w->cut = true;
	return kind == HF_MOUNT_SERVED || kind == HF_MOUNT_PSEUDO ? 0 : push(w, path, depth);
}

static bool spend(struct walk *w)
{
	if (w->left.entries == 0 || ((w->left.entries & 63) == 0 && out_of_time(w))) {
		w->left.entries = 0;
		w->cut = true;
		return false;
	}
	w->left.entries--;
	return true;
}

static int walk_dir(struct walk *w, size_t root, const struct dir *at)
{
	int r = 0, fd = open(at->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	size_t base = strcmp(at->path, "/") == 0 ? 0 : strlen(at->path);
	struct dirent *e;
	char path[PATH_MAX];

	if (!d) {
		if (fd >= 0)
			close(fd);
		if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
			w->cut = true;
		return 0;
	}
	memcpy(path, at->path, base); /* push() keeps it below PATH_MAX */
	path[base++] = '/';
	while (r == 0 && (e = readdir(d))) {
		size_t len = strlen(e->d_name);
		bool is_dir = e->d_type == DT_DIR;
		struct stat st;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (!spend(w))
			break;
		if (base + len >= sizeof(path)) {
			w->cut = true;
			continue;
		}
		memcpy(path + base, e->d_name, len + 1);
		if (e->d_type == DT_UNKNOWN && fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			is_dir = S_ISDIR(st.st_mode);
		if (is_dir)
			r = descend(w, root, path, at->depth + 1);
		else if (e->d_type == DT_REG || e->d_type == DT_UNKNOWN)
			try_file(w, fd, e->d_name, path, base + len);
	}
	closedir(d);
	return r;
}

static int walk_root(struct walk *w, size_t root)
{
	int r;

	w->cut = false;
	w->head = w->tail = 0;
	w->queue_bytes = 0;
	r = push(w, w->roots[root].path, 0);
	while (r == 0 && w->head < w->tail) {
		struct dir at = w->queue[w->head++];

		r = walk_dir(w, root, &at);
		w->queue_bytes -= strlen(at.path) + 1;
		free(at.path);
	}
	for (; w->head < w->tail; w->head++)
		free(w->queue[w->head].path);
	/* Out of entries before it began: its first directory was not read either. */
	w->roots[root].complete = r == 0 && !w->cut;
	return r;
}

/* The narrow ones first: they are cheap, and what a wide one would be cut off from may lie there. */
static int by_length(const void *a, const void *b)
{
	const struct root *x = a, *y = b;
	size_t n = strlen(x->path), m = strlen(y->path);

	if (x->deep != y->deep)
		return x->deep ? 1 : -1;
	return n < m ? 1 : n > m ? -1 : strcmp(x->path, y->path);
}

int hf_fan_protect_all(struct hf_fan *f, struct hf_fan_glob *globs, size_t n, const char *home, const char *workspace,
		       const struct hf_fan_bounds *bounds)
{
	struct walk w = { .fan = f, .globs = globs, .nglobs = n };
	int r;

	w.left = bounds ? *bounds : (struct hf_fan_bounds){ .entries = 200000, .depth = 32, .ms = 1000 };
	clock_gettime(CLOCK_MONOTONIC, &w.end);
	w.end.tv_sec += w.left.ms / 1000;
	w.end.tv_nsec += (long)(w.left.ms % 1000) * 1000000;
	if (w.end.tv_nsec >= 1000000000) {
		w.end.tv_sec++;
		w.end.tv_nsec -= 1000000000;
	}
	w.state = calloc(n ? n : 1, sizeof(*w.state));
	r = w.state ? hf_mounts_read(&w.mounts) : -ENOMEM;
	if (r == 0)
		r = find_roots(&w, home, workspace);
	if (w.nroots)
		qsort(w.roots, w.nroots, sizeof(w.roots[0]), by_length);
	for (size_t i = 0; r == 0 && i < w.nroots; i++)
		r = walk_root(&w, i);
	for (size_t g = 0; g < n; g++) {
		for (size_t i = 0; w.state && i < w.nroots; i++)
			if (!w.roots[i].complete &&
			    (w.state[g].root == w.roots[i].path || (w.roots[i].base && globs[g].glob[0] == '*')))
				globs[g].complete = false;
		if (r < 0 || w.state[g].unmarked)
			globs[g].complete = false;
	}
	for (size_t i = 0; i < w.nroots; i++)
		free(w.roots[i].path);
	free(w.queue);
	free(w.state);
	hf_mounts_free(&w.mounts);
	return r;
}

int hf_fan_protect(struct hf_fan *f, const char *glob, const char *home, const char *workspace, bool *ret_complete)
{
	struct hf_fan_glob g = { .glob = glob };
	unsigned before = hf_fan_count(f);
	int r = hf_fan_protect_all(f, &g, 1, home, workspace, NULL);

	if (r < 0)
		return r;
	*ret_complete = g.complete;
	return (int)(hf_fan_count(f) - before);
}
