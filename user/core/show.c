// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "show_priv.h"

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
	for (unsigned i = 0; i < SHOW_WAITS; i++)
		hf_show_wait_drop(&(*s)->wait[i]);
	hf_show_procs_free(&(*s)->procs);
	free((*s)->workspace);
	free(*s);
	*s = NULL;
}

void hf_show_put(struct hf_show *s, struct sb *b)
{
	if (b->n > sizeof(b->p) - 2)
		b->n = sizeof(b->p) - 2;
	b->p[b->n++] = '\n';
	s->out(s->ctx, (struct hf_str){ b->p, b->n });
}

/* The first columns of a timeline line. */
void hf_show_start_line(const struct hf_show *s, struct sb *b, uint64_t ns, const char *mark, const char *who)
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

void hf_show_flush(struct hf_show *s)
{
	struct show_group *sorted[SHOW_ENTRIES];

	for (unsigned i = 0; i < s->n; i++)
		sorted[i] = &s->entry[i];
	qsort(sorted, s->n, sizeof(sorted[0]), by_time);
	for (unsigned i = 0; i < s->n; i++) {
		struct show_group *g = sorted[i];
		struct sb who = { .n = 0 }, b;

		hf_sb_fmt(&who, "%s", g->mixed ? "processes" : g->who ? g->who : "?");
		if (g->pids.n > 1)
			hf_sb_fmt(&who, " x%zu", g->pids.n);
		else
			hf_sb_fmt(&who, "[%u]", g->tgid);
		hf_show_start_line(s, &b, g->time_ns, "", who.p);
		hf_show_group_line(g, &b);
		hf_show_put(s, &b);
		hf_show_group_clear(g);
	}
	s->n = 0;
	memset(s->index, 0, sizeof(s->index));
}

/* The window's entry with this key, made when new. */
struct show_group *hf_show_entry(struct hf_show *s, uint64_t key, uint64_t now_ns, const struct hf_action *a, const char *image)
{
	struct show_group *g = NULL;
	struct sb name = { .n = 0 };
	unsigned i;

	if (s->n && (s->n == SHOW_ENTRIES || now_ns - s->window_start > s->o.window_ns))
		hf_show_flush(s);
	for (i = (unsigned)key & (SHOW_INDEX - 1); s->index[i]; i = (i + 1) & (SHOW_INDEX - 1)) {
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
	struct show_group *g = hf_show_entry(s, key, l->boot_ns, a, image);

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
	hf_show_start_line(s, &b, a->time_ns ? a->time_ns : l->boot_ns, "", who.p);
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
	hf_show_put(s, &b);
}

static void in_tree(struct hf_show *s, const struct hf_action *a, struct show_proc *p)
{
	bool peer = a->kind == HF_CONNECT || a->kind == HF_SEND || a->kind == HF_BIND || a->kind == HF_LISTEN || a->kind == HF_ACCEPT;
	struct sb b = { .n = 0 };

	if (p && !(a->flags & HF_ACT_CONFIRM) && (peer || (a->flags & HF_ACT_DENIED)) && own_line(s, a, p, &b))
		(a->flags & HF_ACT_DENIED ? hf_show_proc_mark : hf_show_proc_peer)(p, b.p);
}

static void grouped(struct hf_show *s, const struct hf_line *l, const struct show_proc *p, const char *verb, const char *tail)
{
	const struct hf_action *a = &l->action;
	const char *image = p && p->image ? p->image : "";
	bool system = a->kind == HF_OPEN && !hf_action_writes(a) && hf_show_group_system(a->path);
	bool two = a->kind == HF_RENAME || a->kind == HF_LINK || a->kind == HF_SYMLINK;
	struct hf_str dir = hf_show_group_dir(a->path, hf_str_of(s->workspace));
	uint64_t key = hf_show_hash(hf_show_hash(2, verb, strlen(verb)), tail, strlen(tail));
	struct show_group *g;

	key = hf_show_hash(hf_show_hash(key, dir.p, dir.n), image, system ? 0 : strlen(image));
	g = hf_show_entry(s, key, l->boot_ns, a, p ? p->image : NULL);
	g->mixed = system && g->pids.n > 1;
	g->verb = verb;
	g->tail = tail;
	hf_show_group_file(g, a->path, two ? a->path2 : (struct hf_str){ 0 }, s->o.text_max);
}

static void act(struct hf_show *s, const struct hf_line *l)
{
	const struct hf_action *a = &l->action;
	struct show_proc *p = hf_show_proc_follow(&s->procs, l, s->o.text_max);
	const char *image = p ? p->image : NULL, *verb, *tail;
	struct sb b = { .n = 0 };

	if (s->o.view == HF_SHOW_TREE) {
		in_tree(s, a, p);
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
	grouped(s, l, p, verb, tail);
}

static void release(struct hf_show *s, struct show_wait *w)
{
	if (w->mem)
		act(s, &w->l);
	hf_show_wait_drop(w);
}

static void on_action(struct hf_show *s, const struct hf_line *l)
{
	const uint32_t how = l->action.flags & (HF_ACT_ASKED | HF_ACT_OUTCOME | HF_ACT_DENIED | HF_ACT_CONFIRM);
	struct show_wait *w = &s->wait[l->action.tid % SHOW_WAITS];
	const char *verb, *tail;
	struct hf_line plain;

	if ((s->o.all && s->o.view == HF_SHOW_TIMELINE) || !hf_show_group_class(&l->action, &verb, &tail)) {
		act(s, l);
		return;
	}
	if (how == HF_ACT_ASKED) {
		release(s, w);	/* its outcome never came */
		if (!hf_show_wait_keep(w, l))
			act(s, l);
		return;
	}
	if (!(how & HF_ACT_CONFIRM) || !w->mem || w->l.action.tid != l->action.tid || w->l.action.kind != l->action.kind) {
		act(s, l);
		return;
	}
	hf_show_wait_drop(w);
	plain = *l;
	plain.action.flags &= ~(uint32_t)HF_ACT_CONFIRM;
	act(s, &plain);
}

int hf_show_line(struct hf_show *s, struct hf_journal_reader *r, const struct hf_line *l)
{
	const struct show_reading x = { s, r, l };

	if (!s->started) {
		struct hf_str t = hf_str_of(l->wall);
		unsigned h, m, sec, us;

		s->started = true;
		s->base_ns = (int64_t)l->boot_ns;
		if (s->o.wall && t.n > 11 && sscanf(t.p + 11, "%2u:%2u:%2u.%6u", &h, &m, &sec, &us) == 4)
			s->base_ns -= (int64_t)(((uint64_t)h * 3600 + m * 60 + sec) * 1000000000u + (uint64_t)us * 1000);
	}
	switch (l->type) {
	case HF_LINE_SESSION: hf_show_on_session(&x); break;
	case HF_LINE_ACTION: on_action(s, l); break;
	case HF_LINE_FINDING: hf_show_on_finding(&x); break;
	case HF_LINE_HOLD: hf_show_on_hold(&x); break;
	case HF_LINE_DECISION: hf_show_on_decision(&x); break;
	case HF_LINE_GAP: hf_show_on_gap(&x); break;
	case HF_LINE_NOTE: hf_show_on_note(&x); break;
	case HF_LINE_END: hf_show_on_end(&x); break;
	}
	return 0;
}

void hf_show_remark(struct hf_show *s, const char *text)
{
	struct sb b = { .n = 0 };

	hf_show_flush(s);
	hf_sb_fmt(&b, "?? ");
	hf_sb_esc(&b, hf_str_of(text), sizeof(b.p) - 16);
	hf_show_put(s, &b);
}

void hf_show_end(struct hf_show *s)
{
	for (unsigned i = 0; i < SHOW_WAITS; i++)
		release(s, &s->wait[i]);
	hf_show_flush(s);
	if (s->o.view != HF_SHOW_TREE)
		return;
	hf_show_tree(&s->procs, s->o.all, s->out, s->ctx);
	hf_show_procs_free(&s->procs);
	hf_show_procs_init(&s->procs);
}
