// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <cjson/cJSON.h>
#include "show_priv.h"

#define HOLDS_KNOWN 64u
#define INDEX 2048u		/* slots, a power of two, well above SHOW_ENTRIES */

struct hf_show {
	struct hf_show_options o;
	hf_show_out out;
	void *ctx;
	struct show_procs procs;
	char *workspace;
	int64_t base_ns;		/* boot time shown as 0; negative when clock time is shown */
	uint64_t window_start, order;
	bool started;
	struct show_group entry[SHOW_ENTRIES];
	unsigned n;
	uint16_t index[INDEX];		/* entry + 1 by key */
	struct { char id[32]; struct show_proc *p; } hold[HOLDS_KNOWN];
	unsigned nhold;
};

struct hf_show *hf_show_new(const struct hf_show_options *o, hf_show_out out, void *ctx)
{
	struct hf_show *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->o = *o;
	s->o.text_max = o->text_max ? o->text_max : 160;
	if (s->o.text_max > 3000)
		s->o.text_max = 3000;
	s->o.window_ns = o->window_ns ? o->window_ns : 1000000000u;
	s->out = out;
	s->ctx = ctx;
	if (hf_show_procs_init(&s->procs) < 0) {
		free(s);
		return NULL;
	}
	return s;
}

void hf_show_free(struct hf_show **s)
{
	if (!*s)
		return;
	for (unsigned i = 0; i < (*s)->n; i++)
		hf_show_group_clear(&(*s)->entry[i]);
	hf_show_procs_free(&(*s)->procs);
	free((*s)->workspace);
	free(*s);
	*s = NULL;
}

static void put(struct hf_show *s, struct sb *b)
{
	if (b->n > sizeof(b->p) - 2)
		b->n = sizeof(b->p) - 2;
	b->p[b->n++] = '\n';
	s->out(s->ctx, (struct hf_str){ b->p, b->n });
}

/* The first columns of a timeline line. */
static void start_line(const struct hf_show *s, struct sb *b, uint64_t ns, const char *mark, const char *who)
{
	int64_t since = (int64_t)(ns - (uint64_t)s->base_ns);
	uint64_t ms = since > 0 ? (uint64_t)since / 1000000 : 0;

	b->n = 0;
	if (s->o.wall)
		hf_sb_fmt(b, "%02u:%02u:%02u.%03u", (unsigned)(ms / 3600000 % 24), (unsigned)(ms / 60000 % 60), (unsigned)(ms / 1000 % 60),
		       (unsigned)(ms % 1000));
	else
		hf_sb_fmt(b, "%8llu.%03u", (unsigned long long)(ms / 1000), (unsigned)(ms % 1000));
	hf_sb_fmt(b, " %-2s %-18s ", mark, who);
}

static int by_time(const void *pa, const void *pb)
{
	const struct show_group *a = *(const struct show_group *const *)pa, *b = *(const struct show_group *const *)pb;

	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

static void flush(struct hf_show *s)
{
	struct show_group *sorted[SHOW_ENTRIES];

	for (unsigned i = 0; i < s->n; i++)
		sorted[i] = &s->entry[i];
	qsort(sorted, s->n, sizeof(sorted[0]), by_time);
	for (unsigned i = 0; i < s->n; i++) {
		struct show_group *g = sorted[i];
		struct sb who = { .n = 0 }, b;

		hf_sb_fmt(&who, "%s", g->who ? g->who : "?");
		if (g->pids.n > 1)
			hf_sb_fmt(&who, " x%zu", g->pids.n);
		else
			hf_sb_fmt(&who, "[%u]", g->tgid);
		start_line(s, &b, g->time_ns, "", who.p);
		hf_show_group_line(g, &b);
		put(s, &b);
		hf_show_group_clear(g);
	}
	s->n = 0;
	memset(s->index, 0, sizeof(s->index));
}

/* The window's entry with this key, made when new. */
static struct show_group *entry(struct hf_show *s, uint64_t key, uint64_t now_ns, const struct hf_action *a, const char *image)
{
	struct show_group *g = NULL;
	struct sb name = { .n = 0 };
	unsigned i;

	if (s->n && (s->n == SHOW_ENTRIES || now_ns - s->window_start > s->o.window_ns))
		flush(s);
	for (i = (unsigned)key & (INDEX - 1); s->index[i]; i = (i + 1) & (INDEX - 1)) {
		g = &s->entry[s->index[i] - 1];
		if (g->key == key)
			break;
		g = NULL;
	}
	if (!g) {
		if (!s->n)
			s->window_start = now_ns;
		g = &s->entry[s->n++];
		s->index[i] = (uint16_t)s->n;
		hf_show_name(&name, image);
		*g = (struct show_group){ .key = key, .time_ns = a->time_ns ? a->time_ns : now_ns, .order = s->order++, .tgid = a->tgid,
					  .who = strdup(name.p) };
	}
	hf_show_set_add(&g->pids, (uint64_t)a->tgid << 32 ^ a->start_ns);
	return g;
}

static void single(struct hf_show *s, const struct hf_line *l, const char *image, const char *text)
{
	const struct hf_action *a = &l->action;
	uint64_t key = hf_show_hash(hf_show_hash(1, text, strlen(text)), image ? image : "", image ? strlen(image) : 0);
	struct show_group *g = entry(s, key, l->boot_ns, a, image);

	g->count++;
	if (!g->text)
		g->text = strdup(text);
}

static void failure(struct sb *b, int ret)
{
	if (ret < 0)
		hf_sb_fmt(b, ": failed, %s", strerror(-(ret > -4096 ? ret : -EINVAL)));
}

static void summary(const struct hf_show *s, struct sb *b, const struct hf_action *a)
{
	char text[4096];

	hf_action_summary(a, text, s->o.text_max + 64 < sizeof(text) ? s->o.text_max + 64 : sizeof(text));
	hf_sb_fmt(b, "%s", text);
}

static void command(const struct hf_show *s, struct sb *b, const struct hf_action *a)
{
	char joined[4096];
	bool cut = false;
	size_t n = hf_argv_join(a->argv, true, joined, sizeof(joined), &cut);

	hf_sb_fmt(b, "runs ");
	hf_sb_esc(b, a->path, s->o.text_max);
	if (a->flags & HF_ACT_SCRIPT) {
		hf_sb_fmt(b, " (by ");
		hf_sb_esc(b, a->interp, s->o.text_max);
		hf_sb_fmt(b, ")");
	}
	hf_sb_fmt(b, ": ");
	hf_sb_esc(b, (struct hf_str){ joined, n }, s->o.text_max);
	if (a->flags & HF_ACT_TRUNC_ARGV)
		hf_sb_fmt(b, " (argv cut)");
}

static void ending(struct sb *b, int status)
{
	if (status & 0x7f)
		hf_sb_fmt(b, "killed by signal %d", status & 0x7f);
	else
		hf_sb_fmt(b, "ended with status %d", status >> 8 & 0xff);
}

/* The text of an action that has its own line; false: a group's, or nothing to show. */
static bool own_line(const struct hf_show *s, const struct hf_action *a, const struct show_proc *p, struct sb *b)
{
	const char *verb, *tail;

	if (a->flags & HF_ACT_DENIED) {
		hf_sb_fmt(b, "REFUSED ");
		summary(s, b, a);
		return true;
	}
	if (a->flags & HF_ACT_CONFIRM) {
		/* allowed before; a connect that goes on in the background did not fail */
		if (a->ret >= 0 || a->ret == -EINPROGRESS || a->ret < -511)
			return false;
		summary(s, b, a);
		failure(b, a->ret);
		return true;
	}
	switch (a->kind) {
	case HF_FORK:
		return false;
	case HF_EXIT:
		if (a->ret == 0 && p && p->parent)
			return false;
		ending(b, a->ret);
		return true;
	case HF_EXEC:
		command(s, b, a);
		failure(b, a->ret);
		return true;
	default:
		if (hf_show_group_class(a, &verb, &tail))
			return false;
		summary(s, b, a);
		if (a->ret != -EINPROGRESS)
			failure(b, a->ret);
		return true;
	}
}

static void everything(struct hf_show *s, const struct hf_line *l, const char *image)
{
	const struct hf_action *a = &l->action;
	struct sb who = { .n = 0 }, b;

	hf_show_name(&who, image);
	hf_sb_fmt(&who, "[%u]", a->tgid);
	start_line(s, &b, a->time_ns ? a->time_ns : l->boot_ns, "", who.p);
	if (a->kind == HF_EXEC)
		command(s, &b, a);
	else if (a->kind == HF_EXIT)
		ending(&b, a->ret);
	else
		summary(s, &b, a);
	if (a->kind == HF_FORK)
		hf_sb_fmt(&b, " %u", a->child_tid);
	if (a->kind != HF_EXIT && (a->flags & HF_ACT_OUTCOME))
		failure(&b, a->ret);
	if (a->flags & HF_ACT_DENIED)
		hf_sb_fmt(&b, " [REFUSED]");
	if (a->flags & HF_ACT_CONFIRM)
		hf_sb_fmt(&b, " [outcome]");
	put(s, &b);
}

static void on_action(struct hf_show *s, const struct hf_line *l)
{
	const struct hf_action *a = &l->action;
	struct show_proc *p = hf_show_proc_follow(&s->procs, l, s->o.text_max);
	const char *image = p ? p->image : NULL, *verb, *tail;
	struct hf_str ws = hf_str_of(s->workspace), dir, from;
	struct sb b = { .n = 0 };
	struct show_group *g;
	uint64_t key;

	if (s->o.view == HF_SHOW_TREE) {
		bool peer = a->kind == HF_CONNECT || a->kind == HF_SEND || a->kind == HF_BIND || a->kind == HF_LISTEN || a->kind == HF_ACCEPT;

		if (p && !(a->flags & HF_ACT_CONFIRM) && (peer || (a->flags & HF_ACT_DENIED)) && own_line(s, a, p, &b))
			(a->flags & HF_ACT_DENIED ? hf_show_proc_mark : hf_show_proc_peer)(p, b.p);
		return;
	}
	if (s->o.pid && a->tgid != s->o.pid)
		return;
	if (s->o.all) {
		everything(s, l, image);
		return;
	}
	if (own_line(s, a, p, &b)) {
		single(s, l, image, b.p);
		return;
	}
	if ((a->flags & HF_ACT_CONFIRM) || a->kind == HF_FORK || a->kind == HF_EXIT || !hf_show_group_class(a, &verb, &tail))
		return;
	dir = hf_show_group_dir(a->path, ws);
	key = hf_show_hash(hf_show_hash(2, verb, strlen(verb)), tail, strlen(tail));
	key = hf_show_hash(hf_show_hash(key, dir.p, dir.n), image ? image : "", image ? strlen(image) : 0);
	g = entry(s, key, l->boot_ns, a, image);
	g->verb = verb;
	g->tail = tail;
	from = a->kind == HF_RENAME || a->kind == HF_LINK || a->kind == HF_SYMLINK ? a->path2 : (struct hf_str){ 0 };
	hf_show_group_file(g, a->path, from, s->o.text_max);
}

/* --- the other lines -------------------------------------------------------------------------- */

struct reading { struct hf_show *s; struct hf_journal_reader *r; const struct hf_line *l; };

static struct hf_str text_of(const struct reading *x, const void *obj, const char *key)
{
	struct hf_str t = hf_line_str(x->r, obj, key);

	return t.p ? t : HF_STR("");
}

static void member(const struct reading *x, struct sb *b, const char *before, const char *key, const char *after)
{
	struct hf_str t = text_of(x, NULL, key);

	if (!t.n)
		return;
	hf_sb_fmt(b, "%s", before);
	hf_sb_esc(b, t, x->s->o.text_max);
	hf_sb_fmt(b, "%s", after);
}

static void on_session(const struct reading *x)
{
	struct hf_show *s = x->s;
	const cJSON *rules = cJSON_GetObjectItemCaseSensitive(x->l->json, "rules"), *g;
	struct hf_str ws = hf_line_str(x->r, NULL, "workspace");
	struct sb b = { .n = 0 };
	char joined[4096];
	bool cut = false, first = true;

	free(s->workspace);
	s->workspace = ws.p ? strndup(ws.p, ws.n) : NULL;
	member(x, &b, "session ", "session", "");
	member(x, &b, " (", "name", ")");
	member(x, &b, " of ", "user", "");
	member(x, &b, " on ", "host", "");
	member(x, &b, ", Linux ", "kernel", "");
	hf_sb_fmt(&b, ", %s", x->l->wall);
	put(s, &b);
	b.n = 0;
	hf_argv_join(hf_line_argv(x->r, NULL, "command"), true, joined, sizeof(joined), &cut);
	hf_sb_fmt(&b, "command ");
	hf_sb_esc(&b, hf_str_of(joined), s->o.text_max);
	member(x, &b, "  in ", "cwd", "");
	put(s, &b);
	b.n = 0;
	hf_sb_fmt(&b, "%llu rules; guards:", (unsigned long long)(rules ? hf_line_u64(x->r, rules, "count", 0) : 0));
	cJSON_ArrayForEach(g, cJSON_GetObjectItemCaseSensitive(x->l->json, "guards")) {
		hf_sb_fmt(&b, first ? " " : ", ");
		hf_sb_esc(&b, hf_str_of(g->string), 60);
		hf_sb_fmt(&b, " ");
		hf_sb_esc(&b, hf_str_of(cJSON_GetStringValue(g)), 80);
		first = false;
	}
	put(s, &b);
}

static struct show_proc *acting(const struct reading *x)
{
	uint32_t pid = (uint32_t)hf_line_u64(x->r, NULL, "pid", 0);

	return hf_show_proc_find(&x->s->procs, pid, hf_line_u64(x->r, NULL, "start_ns", 0));
}

static void who_of(const struct show_proc *p, struct sb *who)
{
	if (!p)
		return;
	hf_show_name(who, p->image);
	hf_sb_fmt(who, "[%u]", p->tgid);
}

/* An important line: in the tree a mark at its process, in the timeline at once. */
static void important(const struct reading *x, struct show_proc *p, const char *mark, const char *text)
{
	struct sb b, who = { .n = 0 };

	if (x->s->o.view == HF_SHOW_TREE && p) {
		hf_show_proc_mark(p, text);
		return;
	}
	flush(x->s);
	who_of(p, &who);
	start_line(x->s, &b, x->l->boot_ns, mark, who.p);
	hf_sb_fmt(&b, "%s", text);
	put(x->s, &b);
}

static void story(const struct reading *x)
{
	const cJSON *e;

	if (x->s->o.view == HF_SHOW_TREE)
		return;
	cJSON_ArrayForEach(e, cJSON_GetObjectItemCaseSensitive(x->l->json, "story")) {
		struct sb b, who = { .n = 0 };

		who_of(hf_show_proc_find(&x->s->procs, (uint32_t)hf_line_u64(x->r, e, "pid", 0), 0), &who);
		start_line(x->s, &b, hf_line_u64(x->r, e, "b", 0), "|", who.p);
		hf_sb_fmt(&b, "  earlier: ");
		hf_sb_esc(&b, text_of(x, e, "summary"), x->s->o.text_max);
		put(x->s, &b);
	}
}

static void on_finding(const struct reading *x)
{
	struct hf_str verdict = text_of(x, NULL, "verdict"), rule = text_of(x, NULL, "rule");
	struct show_proc *p = acting(x);
	struct sb b = { .n = 0 };

	if (hf_str_eq(verdict, HF_STR("note")) && !x->s->o.all && x->s->o.view == HF_SHOW_TIMELINE) {
		struct hf_line l = { .boot_ns = x->l->boot_ns, .action = { .time_ns = x->l->boot_ns, .tgid = p ? p->tgid : 0 } };
		struct show_group *g = entry(x->s, hf_show_hash(3, rule.p, rule.n), l.boot_ns, &l.action, p ? p->image : NULL);

		g->count++;
		if (g->text)
			return;
		hf_sb_fmt(&b, "noted: ");
		member(x, &b, "", "title", "");
		member(x, &b, " [rule ", "rule", "]");
		member(x, &b, ", at first: ", "summary", "");
		g->text = strdup(b.p);
		return;
	}
	hf_sb_fmt(&b, "FINDING");
	member(x, &b, " (", "verdict", ")");
	if (rule.n) {
		member(x, &b, " ", "title", "");
		member(x, &b, " [rule ", "rule", "]");
	} else {
		member(x, &b, " ", "why", "");
		member(x, &b, " (", "detail", ")");
	}
	member(x, &b, ": ", "summary", "");
	important(x, p, "!!", b.p);
	story(x);
}

static void on_hold(const struct reading *x)
{
	struct hf_show *s = x->s;
	struct show_proc *p = hf_show_proc_find(&s->procs, x->l->action.tgid, x->l->action.start_ns);
	struct hf_str id = text_of(x, NULL, "id");
	struct sb b = { .n = 0 };
	unsigned i = s->nhold++ % HOLDS_KNOWN;

	hf_sb_fmt(&b, "HELD");
	member(x, &b, " ", "id", "");
	member(x, &b, ": ", "summary", "");
	member(x, &b, " [rule ", "rule", "]");
	hf_sb_fmt(&b, ", waits ");
	hf_sb_secs(&b, hf_line_u64(x->r, NULL, "expires_in_ms", 0) * 1000000);
	s->hold[i].p = p;
	s->hold[i].id[0] = 0;
	if (id.n < sizeof(s->hold[i].id))
		memcpy(s->hold[i].id, id.p, id.n + 1);
	important(x, p, "==", b.p);
}

static void on_decision(const struct reading *x)
{
	struct hf_str allow = text_of(x, NULL, "decision"), via = text_of(x, NULL, "via");
	const uint64_t none = UINT64_MAX;
	uint64_t uid = hf_line_u64(x->r, NULL, "uid", none);
	struct hf_str id = text_of(x, NULL, "hold");
	struct show_proc *p = NULL;
	struct sb b = { .n = 0 };

	for (unsigned i = 0; i < HOLDS_KNOWN && !p; i++)
		if (id.n && hf_str_eq(id, hf_str_of(x->s->hold[i].id)))
			p = x->s->hold[i].p;
	hf_sb_fmt(&b, hf_str_eq(allow, HF_STR("allow")) ? "ALLOWED" : "DENIED");
	member(x, &b, " ", "hold", "");
	member(x, &b, " (", "scope", ")");
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(x->l->json, "stop")))
		hf_sb_fmt(&b, " and stopped");
	hf_sb_fmt(&b, " by ");
	if (uid != none)
		hf_sb_fmt(&b, "uid %llu via ", (unsigned long long)uid);
	hf_sb_esc(&b, via, 40);
	hf_sb_fmt(&b, " after ");
	hf_sb_secs(&b, hf_line_u64(x->r, NULL, "after_ms", 0) * 1000000);
	important(x, p, "==", b.p);
}

static void on_note(const struct reading *x)
{
	struct hf_str kind = text_of(x, NULL, "kind");
	struct sb b = { .n = 0 };

	if (hf_str_eq(kind, HF_STR("process"))) {
		struct show_procs *t = &x->s->procs;
		uint32_t pid = (uint32_t)hf_line_u64(x->r, NULL, "pid", 0), ppid = (uint32_t)hf_line_u64(x->r, NULL, "ppid", 0);
		uint64_t start = hf_line_u64(x->r, NULL, "start_ns", 0);
		struct show_proc *p = hf_show_proc_find(t, pid, start);

		if (!p)
			p = hf_show_proc_add(t, pid, start, ppid ? hf_show_proc_find(t, ppid, 0) : NULL);
		if (p && !p->cmd)
			hf_show_proc_cmd(p, text_of(x, NULL, "image"), hf_line_argv(x->r, NULL, "argv"), x->s->o.text_max);
		return;
	}
	hf_sb_fmt(&b, "note ");
	hf_sb_esc(&b, kind, 40);
	member(x, &b, ": ", "text", "");
	important(x, NULL, "--", b.p);
}

static void on_end(const struct reading *x)
{
	const cJSON *e;
	struct sb b = { .n = 0 };

	hf_sb_fmt(&b, "end: exit status %llu after ", (unsigned long long)hf_line_u64(x->r, NULL, "exit_status", 0));
	hf_sb_secs(&b, hf_line_u64(x->r, NULL, "duration_ms", 0) * 1000000);
	cJSON_ArrayForEach(e, cJSON_GetObjectItemCaseSensitive(x->l->json, "totals")) {
		hf_sb_fmt(&b, ", ");
		hf_sb_esc(&b, hf_str_of(e->string), 40);
		hf_sb_fmt(&b, " ");
		hf_sb_count(&b, hf_line_u64(x->r, x->l->json ? cJSON_GetObjectItemCaseSensitive(x->l->json, "totals") : NULL, e->string, 0));
	}
	if (x->s->o.view == HF_SHOW_TREE)
		hf_show_end(x->s);
	important(x, NULL, "--", b.p);
}

static void on_gap(const struct reading *x)
{
	struct sb b = { .n = 0 };

	hf_sb_fmt(&b, "LOST ");
	hf_sb_count(&b, hf_line_u64(x->r, NULL, "count", 0));
	member(x, &b, " records: ", "what", "");
	important(x, NULL, "??", b.p);
}

int hf_show_line(struct hf_show *s, struct hf_journal_reader *r, const struct hf_line *l)
{
	const struct reading x = { s, r, l };

	if (!s->started) {
		struct hf_str t = hf_str_of(l->wall);
		unsigned h, m, sec, us;

		s->started = true;
		s->base_ns = (int64_t)l->boot_ns;
		if (s->o.wall && t.n > 11 && sscanf(t.p + 11, "%2u:%2u:%2u.%6u", &h, &m, &sec, &us) == 4)
			s->base_ns -= (int64_t)(((uint64_t)h * 3600 + m * 60 + sec) * 1000000000u + (uint64_t)us * 1000);
	}
	switch (l->type) {
	case HF_LINE_SESSION: on_session(&x); break;
	case HF_LINE_ACTION: on_action(s, l); break;
	case HF_LINE_FINDING: on_finding(&x); break;
	case HF_LINE_HOLD: on_hold(&x); break;
	case HF_LINE_DECISION: on_decision(&x); break;
	case HF_LINE_GAP: on_gap(&x); break;
	case HF_LINE_NOTE: on_note(&x); break;
	case HF_LINE_END: on_end(&x); break;
	}
	return 0;
}

void hf_show_remark(struct hf_show *s, const char *text)
{
	struct sb b = { .n = 0 };

	flush(s);
	hf_sb_fmt(&b, "?? ");
	hf_sb_esc(&b, hf_str_of(text), sizeof(b.p) - 16);
	put(s, &b);
}

void hf_show_end(struct hf_show *s)
{
	flush(s);
	if (s->o.view != HF_SHOW_TREE)
		return;
	hf_show_tree(&s->procs, s->o.all, s->out, s->ctx);
	hf_show_procs_free(&s->procs);
	hf_show_procs_init(&s->procs);
}
