/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "rules_load.h"

#define FILE_MAX_LEN ((1u << 20) + 1)	/* one more than the core takes: it says what is wrong */

struct seen {
	dev_t dev;
	ino_t ino;
};
struct loader {
	const struct hf_rules_source *src;
	struct hf_ruleset *rs;
	struct hf_rule_error *err;
	struct seen *seen;
	unsigned nseen, seen_cap;
	unsigned nfiles, nbad;
	char *buf;
};

/* An error of the file system. Returns rc. */
static int refuse(struct loader *l, const char *path, int rc, const char *why)
{
	*l->err = (struct hf_rule_error){ 0 };
	snprintf(l->err->text, sizeof(l->err->text), "%s: %s", path, why ? why : strerror(-rc));
	snprintf(l->err->file, sizeof(l->err->file), "%s", path);
	return rc;
}

/* Reports and goes on if the caller wants to hear of all errors. */
static int report(struct loader *l, int rc)
{
	if (rc == -ENOMEM || !l->src->error)
		return rc;
	l->src->error(l->src->ctx, l->err);
	l->nbad++;
	return 0;
}

static void warn(struct loader *l, const char *path, const char *what)
{
	char text[600];

	if (!l->src->warn)
		return;
	snprintf(text, sizeof(text), "%s: %s", path, what);
	l->src->warn(l->src->ctx, text);
}

/* 1: seen before; 0: new, remembered; -ENOMEM */
static int remember(struct loader *l, const struct stat *st)
{
	for (unsigned i = 0; i < l->nseen; i++)
		if (l->seen[i].dev == st->st_dev && l->seen[i].ino == st->st_ino)
			return 1;
	if (l->nseen == l->seen_cap) {
		unsigned cap = l->seen_cap ? 2 * l->seen_cap : 256;
		struct seen *p = reallocarray(l->seen, cap, sizeof(*p));

		if (!p)
			return -ENOMEM;
		l->seen = p;
		l->seen_cap = cap;
	}
	l->seen[l->nseen++] = (struct seen){ st->st_dev, st->st_ino };
	return 0;
}

static void check_mode(struct loader *l, const char *path, const struct stat *st)
{
	if (S_ISDIR(st->st_mode) && st->st_mode & S_ISVTX)
		return;
	if (st->st_mode & S_IWOTH || (st->st_mode & S_IWGRP && st->st_gid != 0))
		warn(l, path, "others than its owner may write to it; chmod go-w");
}

static int read_text(struct loader *l, int fd, struct hf_str *ret)
{
	size_t n = 0;

	while (n < FILE_MAX_LEN) {
		ssize_t r = read(fd, l->buf + n, FILE_MAX_LEN - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		n += (size_t)r;
	}
	*ret = (struct hf_str){ l->buf, n };
	return 0;
}

static int read_file(struct loader *l, const char *path, int fd)
{
	struct hf_str text;
	int rc;

	if (++l->nfiles > HF_RULES_FILES_MAX)
		return refuse(l, path, -E2BIG, "too many rule files");
	rc = read_text(l, fd, &text);
	if (rc < 0)
		return report(l, refuse(l, path, rc, NULL));
	rc = hf_ruleset_add(l->rs, text, path, l->err);
	return rc < 0 ? report(l, rc) : 0;
}

static int read_values(struct loader *l, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), rc;
	struct hf_str text;

	if (fd < 0)
		return report(l, refuse(l, path, -errno, NULL));
	rc = read_text(l, fd, &text);
	close(fd);
	if (rc < 0)
		return report(l, refuse(l, path, rc, NULL));
	rc = hf_ruleset_values(l->rs, text, path, l->err);
	return rc < 0 ? report(l, rc) : 0;
}

static bool rule_name(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && (strcmp(dot, ".yml") == 0 || strcmp(dot, ".yaml") == 0 || strcmp(dot, ".json") == 0);
}

static int keep_entry(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);	/* the same order in every locale */
}

static int load_path(struct loader *l, int at, const char *name, const char *path, unsigned depth);

static int load_tree(struct loader *l, int fd, const char *path, unsigned depth)
{
	struct dirent **list = NULL;
	int n, rc = 0;

	if (depth >= HF_RULES_DEPTH_MAX)
		return report(l, refuse(l, path, -ELOOP, "folders are nested too deeply"));
	n = scandirat(fd, ".", &list, keep_entry, by_name);
	if (n < 0)
		return report(l, refuse(l, path, -errno, NULL));
	for (int i = 0; i < n; i++) {
		size_t len = strlen(path);
		char *child = NULL;

		if (rc == 0 &&
		    asprintf(&child, "%s%s%s", path, len && path[len - 1] == '/' ? "" : "/", list[i]->d_name) < 0)
			rc = -ENOMEM;
		if (rc == 0)
			rc = load_path(l, fd, list[i]->d_name, child, depth + 1);
		free(child);
		free(list[i]);
	}
	free(list);
	return rc;
}

/* depth 0: named by a person; below that, what is neither a folder nor a rule file is passed over. */
static int load_fd(struct loader *l, int fd, const char *name, const char *path, unsigned depth)
{
	struct stat st;
	int rc;

	if (fstat(fd, &st) < 0)
		return report(l, refuse(l, path, -errno, NULL));
	if (!S_ISDIR(st.st_mode) && depth && (!rule_name(name) || !S_ISREG(st.st_mode)))
		return 0;
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return report(l, refuse(l, path, -EINVAL, "neither a file nor a folder"));
	rc = remember(l, &st);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	check_mode(l, path, &st);
	return S_ISDIR(st.st_mode) ? load_tree(l, fd, path, depth) : read_file(l, path, fd);
}

static int load_path(struct loader *l, int at, const char *name, const char *path, unsigned depth)
{
	struct stat st;
	int fd, rc;

	/* O_NONBLOCK: opening a FIFO must not wait */
	fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		int e = errno;

		/* an unreadable folder may hold rules: only what surely holds none is passed over */
		if (depth && !rule_name(name) && (fstatat(at, name, &st, 0) < 0 || !S_ISDIR(st.st_mode)))
			return 0;
		return report(l, refuse(l, path, -e, NULL));
	}
	rc = load_fd(l, fd, name, path, depth);
	close(fd);
	return rc;
}

static int set_verdicts(struct loader *l)
{
	for (unsigned i = 0; i < l->src->nverdicts; i++) {
		const char *s = l->src->verdicts[i], *eq = strchr(s, '=');
		enum hf_verdict v;
		char level[32];

		snprintf(level, sizeof(level), "%.*s", eq ? (int)(eq - s) : 0, s);
		if (!eq || hf_verdict_parse(eq + 1, &v) < 0 || hf_ruleset_level_verdict(l->rs, level, v) < 0) {
			*l->err = (struct hf_rule_error){ 0 };
			snprintf(l->err->text, sizeof(l->err->text),
				 "'%s' must be LEVEL=VERDICT, such as medium=hold; levels: "
				 "informational, low, medium, high, critical; verdicts: allow, note, hold, deny, kill",
				 s);
			return -EINVAL;
		}
	}
	return 0;
}

static void warn_filters(struct loader *l)
{
	for (unsigned i = 0; i < hf_ruleset_filters(l->rs); i++) {
		const struct hf_rule *f = hf_ruleset_filter(l->rs, i);
		char text[400];

		if (!hf_rule_not_applicable(f))
			continue;
		snprintf(text, sizeof(text), "filter '%.80s' narrows nothing: %s", hf_rule_id(f), hf_rule_not_applicable(f));
		warn(l, hf_rule_file(f), text);
	}
}

static int load_all(struct loader *l)
{
	int rc = set_verdicts(l);

	if (rc == 0 && l->src->values)
		rc = read_values(l, l->src->values);
	for (unsigned i = 0; rc == 0 && i < l->src->npaths; i++) {
		unsigned before = l->nfiles, bad = l->nbad;

		rc = load_path(l, AT_FDCWD, l->src->paths[i], l->src->paths[i], 0);
		if (rc == 0 && before == l->nfiles && bad == l->nbad)
			warn(l, l->src->paths[i],
			     "no rule file that is not loaded already; rules end in .yml, .yaml or .json");
	}
	if (rc == 0 && (l->nbad == 0 || l->src->partial)) {
		rc = hf_ruleset_finish(l->rs, l->err);
		if (rc < 0)
			(void)report(l, rc);
		else
			warn_filters(l);
	}
	return rc < 0 ? rc : l->nbad && !l->src->partial ? -EINVAL : 0;
}

int hf_rules_read(const struct hf_rules_source *src, struct hf_ruleset **ret, struct hf_rule_error *ret_err)
{
	struct loader l = { .src = src, .err = ret_err, .rs = hf_ruleset_new(), .buf = malloc(FILE_MAX_LEN) };
	int rc;

	*ret_err = (struct hf_rule_error){ 0 };
	rc = l.rs && l.buf ? load_all(&l) : -ENOMEM;
	free(l.seen);
	free(l.buf);
	if (rc < 0)
		hf_ruleset_free(&l.rs);
	else
		*ret = l.rs;
	return rc;
}

int hf_rules_load(const char *const *paths, unsigned npaths, const char *const *verdicts, unsigned nverdicts,
		  struct hf_ruleset **ret, struct hf_rule_error *ret_err)
{
	const struct hf_rules_source src = {
	    .paths = paths, .npaths = npaths, .verdicts = verdicts, .nverdicts = nverdicts};

	return hf_rules_read(&src, ret, ret_err);
}
