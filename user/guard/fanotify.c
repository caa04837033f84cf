// SPDX-License-Identifier: Apache-2.0
/* The group: marks, questions, answers. Which files are marked is found in fanotify_walk.c. */
#include "fanotify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef FAN_REPORT_PIDFD
#define FAN_REPORT_PIDFD 0x00000080
#endif
#ifndef FAN_EVENT_INFO_TYPE_PIDFD
#define FAN_EVENT_INFO_TYPE_PIDFD 4
#endif
#define EVENTS_MAX 64
#define PIDFD_INFO_LEN 8 /* struct fanotify_event_info_pidfd: header of 4, descriptor of 4 */

struct file_id {
	uint64_t dev, ino;
	char *name; /* what it was called when it was marked */
};
struct hf_fan {
	int fd;
	bool pidfds;
	struct file_id *set; /* open addressing, a power of two, ino 0 is free */
	size_t cap;
	unsigned count;
};

int hf_fan_open(struct hf_fan **ret)
{
	/* Without UNLIMITED_QUEUE a full queue makes the kernel let the asker through. Each entry is a task that
	 * waits, so their number bounds it. */
	const unsigned flags = FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE |
			       FAN_UNLIMITED_MARKS;
	struct hf_fan *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->fd = fanotify_init(flags | FAN_REPORT_PIDFD, O_RDONLY | O_LARGEFILE | O_CLOEXEC);
	f->pidfds = f->fd >= 0;
	if (f->fd < 0 && errno == EINVAL)
		f->fd = fanotify_init(flags, O_RDONLY | O_LARGEFILE | O_CLOEXEC);
	if (f->fd < 0) {
		int r = -errno;

		free(f);
		return r;
	}
	*ret = f;
	return 0;
}

void hf_fan_close(struct hf_fan **f)
{
	if (!f || !*f)
		return;
	close((*f)->fd);
	for (size_t i = 0; i < (*f)->cap; i++)
		free((*f)->set[i].name);
	free((*f)->set);
	free(*f);
	*f = NULL;
}

int hf_fan_fd(const struct hf_fan *f)
{
	return f->fd;
}

unsigned hf_fan_count(const struct hf_fan *f)
{
	return f->count;
}

static size_t slot(const struct file_id *set, size_t cap, uint64_t dev, uint64_t ino)
{
	size_t i = (size_t)((ino * 0x9e3779b97f4a7c15ull) ^ (dev * 0xc2b2ae3d27d4eb4full)) & (cap - 1);

	while (set[i].ino && (set[i].ino != ino || set[i].dev != dev))
		i = (i + 1) & (cap - 1);
	return i;
}

bool hf_fan_marked(const struct hf_fan *f, uint64_t dev, uint64_t ino)
{
	return f->cap && ino && f->set[slot(f->set, f->cap, dev, ino)].ino;
}

const char *hf_fan_name(const struct hf_fan *f, uint64_t dev, uint64_t ino)
{
	return f->cap && ino ? f->set[slot(f->set, f->cap, dev, ino)].name : NULL;
}

static int grow(struct hf_fan *f)
{
	size_t cap = f->cap ? f->cap * 2 : 256;
	struct file_id *set = calloc(cap, sizeof(*set));

	if (!set)
		return -ENOMEM;
	for (size_t i = 0; i < f->cap; i++)
		if (f->set[i].ino)
			set[slot(set, cap, f->set[i].dev, f->set[i].ino)] = f->set[i];
	free(f->set);
	f->set = set;
	f->cap = cap;
	return 0;
}

int hf_fan_mark_fd(struct hf_fan *f, int fd)
{
	char name[64], path[4096], *copy;
	struct stat st;
	ssize_t n;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_ino == 0)
		return -EINVAL;
	if (hf_fan_marked(f, st.st_dev, st.st_ino))
		return 0;
	if ((size_t)f->count * 2 >= f->cap) {
		r = grow(f);
		if (r < 0)
			return r;
	}
	/* fanotify_mark() takes no O_PATH descriptor, but a path through it; opening the file would ask ourselves. */
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	n = readlink(name, path, sizeof(path) - 1);
	if (n < 0)
		return -errno;
	path[n] = '\0';
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	if (fanotify_mark(f->fd, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, name) < 0) {
		r = -errno;
		free(copy);
		return r;
	}
	f->set[slot(f->set, f->cap, st.st_dev, st.st_ino)] = (struct file_id){ st.st_dev, st.st_ino, copy };
	f->count++;
	return 0;
}

/* The pidfd of an event of len bytes, -1 when there is none. */
static int event_pidfd(const char *ev, size_t len, size_t off)
{
	int pidfd = -1;

	while (off + sizeof(struct fanotify_event_info_header) <= len) {
		struct fanotify_event_info_header h;

		memcpy(&h, ev + off, sizeof(h));
		if (h.len < sizeof(h) || off + h.len > len)
			break;
		if (h.info_type == FAN_EVENT_INFO_TYPE_PIDFD && h.len >= PIDFD_INFO_LEN)
			memcpy(&pidfd, ev + off + sizeof(h), sizeof(pidfd));
		off += h.len;
	}
	return pidfd >= 0 ? pidfd : -1; /* FAN_NOPIDFD, FAN_EPIDFD */
}

int hf_fan_read(struct hf_fan *f, struct hf_fan_event *ret, unsigned cap)
{
	/* Room for so many events and not one more: what has been read must be handed on, or its asker waits for
	 * ever. */
	const size_t each = sizeof(struct fanotify_event_metadata) + (f->pidfds ? PIDFD_INFO_LEN : 0);
	char buf[EVENTS_MAX * (sizeof(struct fanotify_event_metadata) + PIDFD_INFO_LEN)];
	ssize_t len;
	size_t off = 0;
	unsigned n = 0;

	if (cap > EVENTS_MAX)
		cap = EVENTS_MAX;
	if (cap == 0)
		return 0;
	len = read(f->fd, buf, cap * each);
	if (len < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	while (off + sizeof(struct fanotify_event_metadata) <= (size_t)len) {
		struct fanotify_event_metadata m;

		memcpy(&m, buf + off, sizeof(m));
		if (m.event_len < sizeof(m) || off + m.event_len > (size_t)len || m.vers != FANOTIFY_METADATA_VERSION)
			return n ? (int)n : -EPROTO;
		if (m.fd >= 0 && n < cap)
			ret[n++] = (struct hf_fan_event){
				.fd = m.fd,
				.pidfd = event_pidfd(buf + off, m.event_len, m.metadata_len),
				.pid = m.pid,
				.mask = m.mask,
			};
		off += m.event_len;
	}
	return (int)n;
}

int hf_fan_answer(struct hf_fan *f, const struct hf_fan_event *e, bool allow)
{
	struct fanotify_response resp = { .fd = e->fd, .response = allow ? FAN_ALLOW : FAN_DENY };
	int r = 0;

	if (write(f->fd, &resp, sizeof(resp)) != (ssize_t)sizeof(resp))
		r = errno == ENOENT ? 0 : -errno; /* ENOENT: the asker was killed meanwhile */
	close(e->fd);
	if (e->pidfd >= 0)
		close(e->pidfd);
	return r;
}
