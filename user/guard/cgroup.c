// SPDX-License-Identifier: Apache-2.0
/*
 * A session's cgroup. An engine holds a shared flock(2) on its group's directory: hf_cgroup_sweep() of another engine
 * takes an exclusive one before it removes anything, so that a group that is still empty because it was made just now
 * is safe.
 */
#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PARENT	    "holdfast"
#define DEPTH_MAX   32	 /* of groups below a session's: written to cgroup.max.depth, and what removal follows */
#define GROUPS_MAX  "4096"
#define SESSION_LEN 16

static void unescape_octal(char *s)
{
	char *o = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' && s[3] >= '0' &&
		    s[3] <= '7') {
			*o++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*o++ = *s++;
		}
	}
	*o = '\0';
}

/* "36 35 0:30 ROOT POINT opts [tags] - cgroup2 src opts": point and root into place, or false. */
static bool parse_mount(char *line, char **ret_root, char **ret_point)
{
	char *sep = strstr(line, " - "), *save = NULL, *f, *root = NULL, *point = NULL;

	if (!sep || strncmp(sep + 3, "cgroup2 ", 8) != 0)
		return false;
	*sep = '\0';
	f = strtok_r(line, " ", &save);
	for (int i = 0; f && i < 5; i++, f = strtok_r(NULL, " ", &save)) {
		if (i == 3)
			root = f;
		if (i == 4)
			point = f;
	}
	if (!root || !point)
		return false;
	unescape_octal(root);
	unescape_octal(point);
	*ret_root = root;
	*ret_point = point;
	return true;
}

/* The first cgroup2 mount, or rather one of the whole hierarchy. root: its path in the hierarchy, as
 * /proc/PID/cgroup has it. */
static int find_root(char *point_out, size_t point_cap, char *root_out, size_t root_cap)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, *root, *point;
	size_t cap = 0;
	int r = -ENOENT;
	bool whole = false;

	if (!f)
		return -errno;
	while (!whole && getline(&line, &cap, f) > 0) {
		if (!parse_mount(line, &root, &point))
			continue;
		if (strlen(point) >= point_cap || (root_out && strlen(root) >= root_cap)) {
			r = r == 0 ? 0 : -ENAMETOOLONG;
			continue;
		}
		whole = strcmp(root, "/") == 0;
		if (r == 0 && !whole)
			continue;
		strcpy(point_out, point);
		if (root_out)
			strcpy(root_out, root);
		r = 0;
	}
	free(line);
	fclose(f);
	return r;
}

int hf_cgroup_root(char *out, size_t cap)
{
	return find_root(out, cap, NULL, 0);
}

/* No stdio, no allocation: the guardian calls these. */
static int write_file(int dir_fd, const char *name, const char *text)
{
	size_t n = strlen(text);
	int r = 0, fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (write(fd, text, n) != (ssize_t)n)
		r = errno ? -errno : -EIO;
	close(fd);
	return r;
}

static ssize_t read_fd(int fd, char *out, size_t cap)
{
	ssize_t n = pread(fd, out, cap - 1, 0);

	if (n < 0)
		return -errno;
	out[n] = '\0';
	return n;
}

static int event_value(const char *text, const char *key)
{
	const char *p = strstr(text, key);

	return p && (p[strlen(key)] == '0' || p[strlen(key)] == '1') ? p[strlen(key)] - '0' : -EBADMSG;
}

int hf_cgroup_events_read(int events_fd, int *ret_populated, int *ret_frozen)
{
	char b[256];
	ssize_t n = read_fd(events_fd, b, sizeof(b));
	int pop, frz;

	if (n < 0)
		return (int)n;
	pop = event_value(b, "populated ");
	frz = event_value(b, "frozen ");
	if (pop < 0)
		return pop;
	*ret_populated = pop;
	*ret_frozen = frz < 0 ? 0 : frz;
	return 0;
}

int hf_cgroup_events_fd(const struct hf_cgroup *c)
{
	int pop, frz, r, fd = openat(c->dir_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	/* kernfs reports changes since the last read: without one here the first wake-up would be a false one. */
	r = hf_cgroup_events_read(fd, &pop, &frz);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

int hf_cgroup_populated(const struct hf_cgroup *c)
{
	int pop, frz, r, fd = openat(c->dir_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	r = hf_cgroup_events_read(fd, &pop, &frz);
	close(fd);
	return r < 0 ? r : pop;
}

/* -EAGAIN: a sweep took it away between mkdir and flock. */
static int open_locked(const char *path, int *ret_fd)
{
	struct stat a, b;
	int r, fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? -EAGAIN : -errno;
	r = flock(fd, LOCK_SH | LOCK_NB) < 0 ? -errno : 0;
	if (r == -EWOULDBLOCK)
		r = -EAGAIN;
	if (r == 0 && (fstat(fd, &a) < 0 || stat(path, &b) < 0 || a.st_ino != b.st_ino))
		r = -EAGAIN;
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

int hf_cgroup_create(uint64_t session, struct hf_cgroup *ret)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	char root[sizeof(ret->path) - 64], path[sizeof(ret->path)], depth[16];
	int r = hf_cgroup_root(root, sizeof(root)), fd = -1;

	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/" PARENT, root);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return -errno;
	snprintf(path, sizeof(path), "%s/" PARENT "/%016" PRIx64, root, session);
	for (int i = 0; i < 100; i++) {
		if (mkdir(path, 0755) < 0) {
			r = -errno;
			if (r == -ENOENT) { /* the sweep removed an empty parent */
				snprintf(path, sizeof(path), "%s/" PARENT, root);
				(void)mkdir(path, 0755);
				snprintf(path, sizeof(path), "%s/" PARENT "/%016" PRIx64, root, session);
				continue;
			}
			return r;
		}
		r = open_locked(path, &fd);
		if (r != -EAGAIN)
			break;
		(void)rmdir(path);
		(void)nanosleep(&pause, NULL);
	}
	if (r < 0) {
		(void)rmdir(path);
		return r;
	}
	/* Groups below are kernel memory that an agent with root could make without end. */
	snprintf(depth, sizeof(depth), "%d", DEPTH_MAX);
	(void)write_file(fd, "cgroup.max.depth", depth);
	(void)write_file(fd, "cgroup.max.descendants", GROUPS_MAX);
	ret->dir_fd = fd;
	ret->split = false;
	strcpy(ret->path, path);
	return 0;
}

int hf_cgroup_add(const struct hf_cgroup *c, pid_t pid)
{
	char b[24];
	int r;

	snprintf(b, sizeof(b), "%d", (int)pid);
	r = write_file(c->dir_fd, "cgroup.procs", b);
	return r < 0 || !c->split ? r : write_file(c->dir_fd, "all/cgroup.procs", b);
}

int hf_cgroup_split(struct hf_cgroup *c)
{
	int r = 0;

	if (mkdirat(c->dir_fd, "all", 0755) < 0 || mkdirat(c->dir_fd, "one", 0755) < 0)
		return -errno;
	r = write_file(c->dir_fd, "all/cgroup.type", "threaded");
	if (r == 0)
		r = write_file(c->dir_fd, "one/cgroup.type", "threaded");
	c->split = r == 0;
	return r;
}

int hf_cgroup_thread_out(const struct hf_cgroup *c, pid_t tid, bool out)
{
	char b[24];

	snprintf(b, sizeof(b), "%d", (int)tid);
	return write_file(c->dir_fd, out ? "one/cgroup.threads" : "all/cgroup.threads", b);
}

int hf_cgroup_freeze(const struct hf_cgroup *c, bool on)
{
	return write_file(c->dir_fd, c->split ? "all/cgroup.freeze" : "cgroup.freeze", on ? "1" : "0");
}

typedef int (*group_fn)(int dir_fd, void *ctx);

/* Calls fn for each group below dir_fd, deepest first, and removes it if asked to. The first error. */
static int each_below(int dir_fd, unsigned depth, group_fn fn, bool remove)
{
	int first = 0, r, fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	while ((e = readdir(d))) {
		int sub;

		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		sub = openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub < 0)
			continue;
		r = depth >= DEPTH_MAX + 1 ? -ELOOP : each_below(sub, depth + 1, fn, remove);
		if (fn)
			(void)fn(sub, NULL);
		close(sub);
		if (remove && r == 0 && unlinkat(fd, e->d_name, AT_REMOVEDIR) < 0 && errno != ENOENT)
			r = -errno;
		if (r < 0 && first == 0)
			first = r;
	}
	closedir(d);
	return first;
}

static int signal_group(int dir_fd, void *ctx)
{
	int fd = openat(dir_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	int pid;

	if (!f) {
		if (fd >= 0)
			close(fd);
		return -errno;
	}
	/* Frozen: none of them can have ended, and its number be another's, since it was read. */
	while (fscanf(f, "%d", &pid) == 1)
		if (pid > 0 && pid != getpid())
			(void)kill(pid, SIGKILL);
	fclose(f);
	return 0;
}

int hf_cgroup_kill(const struct hf_cgroup *c)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	int r = write_file(c->dir_fd, "cgroup.kill", "1");

	if (r != -ENOENT && r != -EOPNOTSUPP)
		return r;
	/* Before 5.14. Bounded: who must be sure that nothing is left asks hf_cgroup_populated() and calls again. */
	for (int i = 0; i < 50 && hf_cgroup_populated(c) == 1; i++) {
		(void)hf_cgroup_freeze(c, true);
		(void)nanosleep(&pause, NULL);
		(void)each_below(c->dir_fd, 0, signal_group, false);
		(void)signal_group(c->dir_fd, NULL);
		(void)hf_cgroup_freeze(c, false);
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

/* The last process may still be on its way out: its group says populated 0 before rmdir agrees. */
static int remove_tree(int dir_fd, const char *path)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	int r = 0;

	for (int i = 0; i < 40; i++) {
		r = each_below(dir_fd, 0, NULL, true);
		if (r == 0)
			r = rmdir(path) < 0 && errno != ENOENT ? -errno : 0;
		if (r != -EBUSY)
			break;
		struct hf_cgroup c = { .dir_fd = dir_fd };
		if (hf_cgroup_populated(&c) == 1)
			break;
		(void)nanosleep(&pause, NULL);
	}
	return r;
}

int hf_cgroup_remove(struct hf_cgroup *c)
{
	int r;

	if (c->dir_fd < 0)
		return 0;
	r = remove_tree(c->dir_fd, c->path);
	if (r < 0)
		return r;
	close(c->dir_fd);
	c->dir_fd = -1;
	return 0;
}

static bool parse_session(const char *s, uint64_t *ret)
{
	uint64_t v = 0;

	for (int i = 0; i < SESSION_LEN; i++) {
		char ch = s[i];

		if (ch >= '0' && ch <= '9')
			v = v << 4 | (uint64_t)(ch - '0');
		else if (ch >= 'a' && ch <= 'f')
			v = v << 4 | (uint64_t)(ch - 'a' + 10);
		else
			return false;
	}
	*ret = v;
	return true;
}

int hf_cgroup_session_of(pid_t pid, uint64_t *ret_session)
{
	char point[4096], root[4096], name[64], *line = NULL;
	const char *prefix;
	size_t cap = 0;
	int r = find_root(point, sizeof(point), root, sizeof(root));
	FILE *f;

	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "/proc/%d/cgroup", (int)pid);
	f = fopen(name, "re");
	if (!f)
		return errno == ENOENT ? -ESRCH : -errno;
	prefix = strcmp(root, "/") == 0 ? "" : root;
	r = 0;
	while (getline(&line, &cap, f) > 0) {
		size_t n = strlen(prefix);
		const char *p = line + 3;

		/* From the beginning of the path: "holdfast" further down is a name that anybody may have given. */
		if (strncmp(line, "0::", 3) != 0 || strncmp(p, prefix, n) != 0 ||
		    strncmp(p + n, "/" PARENT "/", sizeof(PARENT) + 1) != 0)
			continue;
		p += n + sizeof(PARENT) + 1;
		if (strnlen(p, SESSION_LEN + 1) > SESSION_LEN && strchr("/\n ", p[SESSION_LEN]) &&
		    parse_session(p, ret_session))
			r = 1;
	}
	if (ferror(f))
		r = -ESRCH;
	free(line);
	fclose(f);
	return r;
}

int hf_cgroup_sweep(void)
{
	char root[4096 - 64], path[4096];
	int r = hf_cgroup_root(root, sizeof(root)), n = 0;
	struct dirent *e;
	uint64_t id;
	DIR *d;

	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/" PARENT, root);
	d = opendir(path);
	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(d))) {
		struct hf_cgroup c = { .dir_fd = -1 };

		if (strlen(e->d_name) != SESSION_LEN || !parse_session(e->d_name, &id))
			continue;
		snprintf(c.path, sizeof(c.path), "%s/" PARENT "/%.16s", root, e->d_name);
		c.dir_fd = open(c.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (c.dir_fd < 0)
			continue;
		if (flock(c.dir_fd, LOCK_EX | LOCK_NB) == 0 && hf_cgroup_populated(&c) == 0 &&
		    hf_cgroup_remove(&c) == 0)
			n++;
		if (c.dir_fd >= 0)
			close(c.dir_fd);
	}
	closedir(d);
	return n;
}
