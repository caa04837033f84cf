// SPDX-License-Identifier: Apache-2.0
#include "mounts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

struct mount {
	char *point;
	uint64_t dev;
	enum hf_mount_kind kind;
	bool local;
};
struct hf_mounts {
	struct mount *m;
	size_t n, cap;
};

static bool listed(const char *const *list, const char *type)
{
	for (; *list; list++)
		if (strcmp(*list, type) == 0)
			return true;
	return false;
}

static enum hf_mount_kind kind_of(const char *type)
{
	static const char *const pseudo[] = { "proc",	   "sysfs",	  "cgroup",    "cgroup2",     "devpts",
					      "debugfs",   "tracefs",	  "securityfs", "bpf",	      "mqueue",
					      "hugetlbfs", "pstore",	  "configfs",  "fusectl",     "binfmt_misc",
					      "efivarfs",  "rpc_pipefs",  "nsfs",      "selinuxfs",   "nfsd",
					      "devtmpfs",  "resctrl",	  "functionfs", NULL };

	if (listed(pseudo, type))
		return HF_MOUNT_PSEUDO;
	if (strcmp(type, "fuse") == 0 || strncmp(type, "fuse.", 5) == 0 || strcmp(type, "autofs") == 0)
		return HF_MOUNT_SERVED;
	return HF_MOUNT_PLAIN;
}

static void unescape(char *s)
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

static int add_line(struct hf_mounts *m, char *line)
{
	static const char *const local[] = { "ext2", "ext3", "ext4",  "xfs",	 "btrfs", "f2fs",
					     "tmpfs", "ramfs", "overlay", "bcachefs", "zfs",  NULL };
	char *sep = strstr(line, " - "), *save = NULL, *point = NULL, type[64];
	unsigned maj, min;

	if (!sep || sscanf(sep + 3, "%63s", type) != 1 || sscanf(line, "%*u %*u %u:%u", &maj, &min) != 2)
		return 0;
	*sep = '\0';
	point = strtok_r(line, " ", &save);
	for (int i = 0; point && i < 4; i++)
		point = strtok_r(NULL, " ", &save);
	if (!point)
		return 0;
	unescape(point);
	if (m->n == m->cap) {
		size_t cap = m->cap ? m->cap * 2 : 64;
		struct mount *p = reallocarray(m->m, cap, sizeof(*p));

		if (!p)
			return -ENOMEM;
		m->m = p;
		m->cap = cap;
	}
	m->m[m->n] = (struct mount){ .point = strdup(point), .dev = makedev(maj, min), .kind = kind_of(type),
				     .local = listed(local, type) };
	if (!m->m[m->n].point)
		return -ENOMEM;
	m->n++;
	return 0;
}

int hf_mounts_read(struct hf_mounts **ret)
{
	struct hf_mounts *m = calloc(1, sizeof(*m));
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t cap = 0;
	int r = f && m ? 0 : f ? -ENOMEM : -errno;

	while (r == 0 && getline(&line, &cap, f) > 0)
		r = add_line(m, line);
	free(line);
	if (f)
		fclose(f);
	if (r < 0)
		hf_mounts_free(&m);
	else
		*ret = m;
	return r;
}

void hf_mounts_free(struct hf_mounts **m)
{
	if (!m || !*m)
		return;
	for (size_t i = 0; i < (*m)->n; i++)
		free((*m)->m[i].point);
	free((*m)->m);
	free(*m);
	*m = NULL;
}

/* The last one mounted there is the one on top. */
enum hf_mount_kind hf_mounts_kind(const struct hf_mounts *m, const char *path)
{
	for (size_t i = m->n; i-- > 0;)
		if (strcmp(m->m[i].point, path) == 0)
			return m->m[i].kind;
	return HF_MOUNT_NONE;
}

bool hf_mounts_served(const struct hf_mounts *m, const char *path)
{
	size_t best = 0;
	enum hf_mount_kind kind = HF_MOUNT_PLAIN;

	for (size_t i = 0; i < m->n; i++) {
		size_t n = strlen(m->m[i].point);

		if (n == 1 || (strncmp(path, m->m[i].point, n) == 0 && (path[n] == '/' || path[n] == '\0')))
			if (n >= best) {
				best = n;
				kind = m->m[i].kind;
			}
	}
	return kind == HF_MOUNT_PSEUDO || kind == HF_MOUNT_SERVED;
}

bool hf_mounts_local(const struct hf_mounts *m, uint64_t dev)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->m[i].dev == dev)
			return m->m[i].local;
	return false;
}
