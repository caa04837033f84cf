// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include "show_priv.h"

void hf_show_group_clear(struct show_group *g)
{
	free(g->who);
	free(g->text);
	free(g->dir);
	for (unsigned i = 0; i < SHOW_FILES_SHOWN; i++)
		free(g->name[i]);
	free(g->files.slot);
	free(g->pids.slot);
	*g = (struct show_group){ 0 };
}

static bool quiet_failure(const struct hf_action *a)
{
	return a->ret == -ENOENT || a->ret == -ENOTDIR;
}

bool hf_show_group_class(const struct hf_action *a, const char **verb, const char **tail)
{
	static const char *const did[HF_KINDS] = {
		[HF_UNLINK] = "removed", [HF_RMDIR] = "removed", [HF_RENAME] = "renamed", [HF_LINK] = "linked", [HF_SYMLINK] = "linked",
		[HF_MKDIR] = "made", [HF_MKNOD] = "made", [HF_CHMOD] = "changed the mode of", [HF_CHOWN] = "changed the owner of",
		[HF_TRUNCATE] = "truncated", [HF_SETXATTR] = "set attributes of",
	};
	static const char *const tried[HF_KINDS] = {
		[HF_UNLINK] = "failed to remove", [HF_RMDIR] = "failed to remove", [HF_RENAME] = "failed to rename", [HF_LINK] = "failed to link",
		[HF_SYMLINK] = "failed to link", [HF_MKDIR] = "failed to make", [HF_MKNOD] = "failed to make",
		[HF_CHMOD] = "failed to change the mode of", [HF_CHOWN] = "failed to change the owner of",
		[HF_TRUNCATE] = "failed to truncate", [HF_SETXATTR] = "failed to set attributes of",
	};
	static const char *const kind_tail[HF_KINDS] = {
		[HF_RMDIR] = " (directories)", [HF_MKDIR] = " (directories)", [HF_SYMLINK] = " (symbolic)", [HF_MKNOD] = " (special files)",
	};

	*tail = "";
	if (a->kind == HF_OPEN) {
		if (a->ret < 0) {
			*verb = quiet_failure(a) ? "looked for" : "failed to open";
			*tail = quiet_failure(a) ? " (not there)" : hf_action_writes(a) ? " (write)" : " (read)";
		} else {
			*verb = "opened";
			*tail = hf_action_writes(a) ? " (write)" : " (read)";
		}
		return true;
	}
	if ((unsigned)a->kind >= HF_KINDS || !did[a->kind])
		return false;
	*verb = a->ret < 0 ? tried[a->kind] : did[a->kind];
	if (kind_tail[a->kind])
		*tail = kind_tail[a->kind];
	return true;
}

bool hf_show_group_system(struct hf_str path)
{
	return (path.n > 5 && memcmp(path.p, "/usr/", 5) == 0) || (path.n > 4 && memcmp(path.p, "/lib", 4) == 0) ||
	       hf_str_eq(path, HF_STR("/etc/ld.so.cache")) || hf_str_eq(path, HF_STR("/etc/locale.alias"));
}

bool hf_show_wait_keep(struct show_wait *w, const struct hf_line *l)
{
	struct hf_str *const part[] = { &w->l.action.path, &w->l.action.path2, &w->l.image };
	const struct hf_str from[] = { l->action.path, l->action.path2, l->image };
	char *p;

	p = w->mem = malloc(l->action.path.n + l->action.path2.n + l->image.n + 1);
	if (!p)
		return false;
	w->l = *l;
	w->l.json = NULL;
	w->l.action.argv = w->l.action.cwd = w->l.action.given = w->l.action.interp = (struct hf_str){ 0 };
	w->l.action.syscall = NULL;
	for (unsigned i = 0; i < 3; i++) {
		if (!from[i].p)
			continue;
		memcpy(p, from[i].p, from[i].n);
		*part[i] = (struct hf_str){ p, from[i].n };
		p += from[i].n;
	}
	return true;
}

void hf_show_wait_drop(struct show_wait *w)
{
	free(w->mem);
	w->mem = NULL;
}

/* Files group by the workspace, or by the first two directories of their path. */
struct hf_str hf_show_group_dir(struct hf_str path, struct hf_str workspace)
{
	unsigned slashes = 0;
	size_t last = 0;

	if (workspace.n > 1 && path.n > workspace.n && memcmp(path.p, workspace.p, workspace.n) == 0 && path.p[workspace.n] == '/')
		return workspace;
	for (size_t i = 0; i < path.n && slashes < 3; i++) {
		if (path.p[i] == '/') {
			last = i;
			slashes++;
		}
	}
	return (struct hf_str){ path.p, last };
}

/* Length of the directory part of path, without its last slash; "/x" has 0. */
static size_t dir_len(const char *p, size_t n)
{
	while (n && p[n - 1] != '/')
		n--;
	return n ? n - 1 : 0;
}

static void narrow(char *dir, struct hf_str path)
{
	size_t n = 0, have = strlen(dir), pdir = dir_len(path.p, path.n);

	while (n < have && n < pdir && dir[n] == path.p[n])
		n++;
	/* a whole component of both? */
	if (!((n == have || dir[n] == '/') && (n == pdir || path.p[n] == '/')))
		while (n && dir[n] != '/')
			n--;
	dir[n] = 0;
}

void hf_show_group_file(struct show_group *g, struct hf_str path, struct hf_str from, size_t text_max)
{
	size_t known = g->files.n;
	struct sb b = { .n = 0 };

	g->count++;
	if (!path.p)
		path = HF_STR("(unknown)");
	if (!hf_show_set_add(&g->files, hf_show_hash(0, path.p, path.n)))
		return;
	if (known < SHOW_FILES_SHOWN) {
		if (from.p) {
			hf_sb_esc(&b, from, text_max);
			hf_sb_fmt(&b, " to ");
		}
		hf_sb_esc(&b, path, text_max);
		g->name[known] = strdup(b.p);
	}
	if (!g->dir)
		g->dir = strndup(path.p, dir_len(path.p, path.n));
	else
		narrow(g->dir, path);
}

static void times(struct sb *b, uint64_t n)
{
	if (n < 2)
		return;
	hf_sb_fmt(b, " ");
	hf_sb_count(b, n);
	hf_sb_fmt(b, " times");
}

void hf_show_group_line(const struct show_group *g, struct sb *b)
{
	uint64_t files = g->files.n;

	if (!g->verb) {
		hf_sb_fmt(b, "%s", g->text ? g->text : "?");
		if (g->count > 1) {
			hf_sb_fmt(b, " (");
			hf_sb_count(b, g->count);
			hf_sb_fmt(b, " times)");
		}
		return;
	}
	hf_sb_fmt(b, "%s ", g->verb);
	if (files <= 1) {
		hf_sb_fmt(b, "%s", g->name[0] ? g->name[0] : "?");
		times(b, g->count);
	} else if (files <= SHOW_FILES_SHOWN) {
		for (unsigned i = 0; i < files; i++)
			hf_sb_fmt(b, "%s%s", i ? ", " : "", g->name[i] ? g->name[i] : "?");
		times(b, g->count > files ? g->count : 0);
	} else {
		hf_sb_count(b, files);
		hf_sb_fmt(b, " files below ");
		if (g->dir && *g->dir)
			hf_sb_esc(b, hf_str_of(g->dir), 400);
		else
			hf_sb_fmt(b, "/");
		times(b, g->count > files ? g->count : 0);
	}
	hf_sb_fmt(b, "%s", g->tail);
}
