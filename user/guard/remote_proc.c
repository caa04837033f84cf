/* SPDX-License-Identifier: Apache-2.0 */
/* What another thread's memory and its /proc files say. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "remote_int.h"

#define PAGE 4096u
#define STR_FIRST 256u		/* of a string, with the first call */
#define IOV_BATCH 64		/* pages asked for in one call */
#define NS_LEVELS 33		/* MAX_PID_NS_LEVEL + 1 */
#define BCACHEFS_MAGIC 0xca451a4e
#define XFS_MAGIC 0x58465342

ssize_t hf_remote_read(pid_t tid, uint64_t addr, void *out, size_t cap)
{
	size_t done = 0;

	while (done < cap) {
		struct iovec remote[IOV_BATCH], local = { (char *)out + done, 0 };
		uint64_t at = addr + done;
		size_t left = cap - done;
		unsigned k = 0;
		ssize_t n;

		/* a page each: what can be read in front of a hole is still returned */
		for (; left > 0 && k < IOV_BATCH; k++) {
			size_t len = PAGE - (at & (PAGE - 1));

			len = len < left ? len : left;
			remote[k] = (struct iovec){ (void *)(uintptr_t)at, len };
			at += len;
			left -= len;
			local.iov_len += len;
		}
		n = process_vm_readv(tid, &local, 1, remote, k, 0);
		if (n < 0)
			return done ? (ssize_t)done : -errno;
		done += (size_t)n;
		if ((size_t)n < local.iov_len)
			break;
	}
	return (ssize_t)done;
}

ssize_t hf_remote_read_str(pid_t tid, uint64_t addr, char *out, size_t cap)
{
	size_t first = PAGE - (addr & (PAGE - 1));
	ssize_t n, more;
	char *nul;

	/* most are short and end in the page they begin in: no second page is looked up, or brought in, for those */
	first = first < STR_FIRST ? first : STR_FIRST;
	first = first < cap ? first : cap;
	n = hf_remote_read(tid, addr, out, first);
	if (n < 0)
		return n;
	nul = memchr(out, 0, (size_t)n);
	if (!nul && (size_t)n == first && n < (ssize_t)cap) {
		more = hf_remote_read(tid, addr + first, out + n, cap - first);
		if (more > 0) {
			nul = memchr(out + n, 0, (size_t)more);
			n += more;
		}
	}
	if (nul)
		return nul - out;
	return (size_t)n < cap ? -EFAULT : -ENAMETOOLONG;
}

ssize_t hf_remote_slurp(const char *path, char *out, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, out, cap - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n >= 0)
		out[n] = '\0';
	return n;
}

/* The numbers behind "\nKey:" of a status file; how many. */
static unsigned status_numbers(const char *text, const char *key, unsigned long *out, unsigned cap)
{
	const char *p = strstr(text, key);
	unsigned n = 0;

	if (!p)
		return 0;
	p += strlen(key);
	while (n < cap) {
		char *end;

		while (*p == ' ' || *p == '\t')
			p++;
		if (!isdigit((unsigned char)*p))
			break;
		out[n++] = strtoul(p, &end, 10);
		p = end;
	}
	return n;
}

/* /proc's files of a thread that is gone: no such directory, or ESRCH in read(). */
static int gone(ssize_t r)
{
	return r == -ENOENT || r == 0 ? -ESRCH : (int)r;
}

/* Field 22 of stat: clock ticks of the boot clock. */
static int start_time(const char *path, uint64_t *ret_ns)
{
	char buf[1024], *p;
	ssize_t n = hf_remote_slurp(path, buf, sizeof(buf));
	long hz = sysconf(_SC_CLK_TCK);

	if (n <= 0)
		return gone(n);
	p = strrchr(buf, ')');	/* the name may hold anything */
	for (int field = 2; p && field < 22; field++) {
		p = strchr(p + 1, ' ');
	}
	if (!p || hz <= 0)
		return -EPROTO;
	*ret_ns = strtoull(p, NULL, 10) * (1000000000ull / (uint64_t)hz);
	return 0;
}

int hf_remote_ids(pid_t tid, struct hf_remote_ids *ret)
{
	struct hf_remote_ids ids = { 0 };
	char path[64], buf[4096];
	unsigned long v;
	ssize_t n;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	n = hf_remote_slurp(path, buf, sizeof(buf));
	if (n <= 0)
		return gone(n);
	/* a newline in the Name: line is escaped by the kernel, so no thread name can forge a line */
	if (status_numbers(buf, "\nTgid:", &v, 1) != 1)
		return -EPROTO;
	ids.tgid = (uint32_t)v;
	if (status_numbers(buf, "\nPPid:", &v, 1) == 1)
		ids.ppid = (uint32_t)v;
	if (status_numbers(buf, "\nUid:", &v, 1) == 1)
		ids.uid = (uint32_t)v;
	snprintf(path, sizeof(path), "/proc/%u/stat", ids.tgid);
	r = start_time(path, &ids.start_ns);
	if (r)
		return r;
	*ret = ids;
	return 0;
}

/* In our user namespace? Capabilities in another one say nothing about our files. */
static bool same_userns(pid_t tid)
{
	char p[64], theirs[64], ours[64];
	ssize_t a, b;

	snprintf(p, sizeof(p), "/proc/%d/ns/user", (int)tid);
	a = readlink(p, theirs, sizeof(theirs));
	b = readlink("/proc/self/ns/user", ours, sizeof(ours));
	return a > 0 && a == b && memcmp(theirs, ours, (size_t)a) == 0;
}

int hf_creds_of(pid_t tid, struct hf_creds *ret)
{
	char path[64], buf[4096], *caps;
	unsigned long v[4];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	n = hf_remote_slurp(path, buf, sizeof(buf));
	if (n <= 0)
		return gone(n);
	caps = strstr(buf, "\nCapEff:");
	*ret = (struct hf_creds){ .all = true };
	if (!caps || status_numbers(buf, "\nUid:", v, 4) != 4)
		return 0;	/* so many groups that the rest didn't fit */
	ret->uid = v[3];
	if (status_numbers(buf, "\nGid:", v, 4) != 4)
		return 0;
	ret->gid = v[3];
	ret->ngroups = status_numbers(buf, "\nGroups:", ret->groups, sizeof(ret->groups) / sizeof(ret->groups[0]));
	ret->all = ret->ngroups == sizeof(ret->groups) / sizeof(ret->groups[0]) ||
		   (strtoull(caps + 8, NULL, 16) & (1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH) && same_userns(tid));
	return 0;
}

bool hf_creds_may_search(const struct hf_creds *c, int dir)
{
	mode_t bit = S_IXOTH;
	struct stat st;
	char p[64];

	if (c->all || fstat(dir, &st))
		return true;
	if (st.st_gid == c->gid)
		bit = S_IXGRP;
	for (unsigned i = 0; i < c->ngroups; i++)
		if (st.st_gid == c->groups[i])
			bit = S_IXGRP;
	if (st.st_uid == c->uid)
		bit = S_IXUSR;
	if (st.st_mode & bit)
		return true;
	snprintf(p, sizeof(p), "/proc/self/fd/%d", dir);
	return getxattr(p, "system.posix_acl_access", NULL, 0) >= 0;
}

/* Is <parent>/<number> of some procfs mount our thread? The innermost namespace and the number in it name a thread uniquely. */
static bool is_target(int parent, unsigned long number, const char *ns, unsigned long innermost)
{
	char path[64], buf[4096];
	unsigned long v[NS_LEVELS];
	ssize_t n;
	unsigned k;
	int fd;

	snprintf(path, sizeof(path), "%lu/ns/pid", number);
	n = readlinkat(parent, path, buf, sizeof(buf) - 1);
	if (n <= 0)
		return false;
	buf[n] = '\0';
	if (strcmp(buf, ns) != 0)
		return false;
	snprintf(path, sizeof(path), "%lu/status", number);
	fd = openat(parent, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n <= 0)
		return false;
	buf[n] = '\0';
	k = status_numbers(buf, "\nNStgid:", v, NS_LEVELS);
	return k > 0 && v[k - 1] == innermost;
}

int hf_rpath_self(pid_t tid, int parent, bool thread, char *out, size_t cap)
{
	unsigned long tg[NS_LEVELS], th[NS_LEVELS];
	char path[64], buf[4096], ns[64];
	unsigned k, i;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	n = hf_remote_slurp(path, buf, sizeof(buf));
	if (n <= 0)
		return gone(n);
	k = status_numbers(buf, "\nNStgid:", tg, NS_LEVELS);
	if (k == 0 || status_numbers(buf, "\nNSpid:", th, NS_LEVELS) != k)
		return -EACCES;
	i = 0;
	if (k > 1) {
		/* which of its numbers counts depends on the namespace that this procfs was mounted for */
		snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)tid);
		n = readlink(path, ns, sizeof(ns) - 1);
		if (n <= 0)
			return -EACCES;
		ns[n] = '\0';
		while (i < k && !is_target(parent, tg[i], ns, tg[k - 1]))
			i++;
		if (i == k)
			return -EACCES;
	}
	if (thread)
		return snprintf(out, cap, "%lu/task/%lu", tg[i], th[i]);
	return snprintf(out, cap, "%lu", tg[i]);
}

static int fdinfo_ino(int fd, uint64_t *ret)
{
	char path[64], buf[1024];
	unsigned long v;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	n = hf_remote_slurp(path, buf, sizeof(buf));
	if (n <= 0)
		return n < 0 ? (int)n : -EPROTO;
	if (status_numbers(buf, "\nino:", &v, 1) != 1)
		return -EPROTO;
	*ret = v;
	return 0;
}

int hf_remote_identity(int fd, uint64_t *ret_dev, uint64_t *ret_ino, bool *ret_no_dev)
{
	struct statfs fs;
	struct stat st;
	uint64_t ino;
	bool no_dev = false;
	int r;

	if (fstat(fd, &st) || fstatfs(fd, &fs))
		return -errno;
	ino = st.st_ino;
	switch ((uint32_t)fs.f_type) {
	case EXT4_SUPER_MAGIC:
	case XFS_MAGIC:
	case TMPFS_MAGIC:	/* stat(2) shows i_ino and s_dev as they are */
		break;
	case BTRFS_SUPER_MAGIC:
	case OVERLAYFS_SUPER_MAGIC:
	case BCACHEFS_MAGIC:	/* st_dev is an anonymous one per subvolume or layer */
		no_dev = true;
		/* fall through */
	default:
		r = fdinfo_ino(fd, &ino);
		if (r)
			return r;
	}
	*ret_dev = hf_remote_mkdev(st.st_dev);
	*ret_ino = ino;
	*ret_no_dev = no_dev;
	return 0;
}
