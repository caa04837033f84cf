// SPDX-License-Identifier: Apache-2.0
/* The process tree. Without recursion: an agent decides how deep it is. */
#include <stdlib.h>
#include "show_priv.h"

#define DRAWN_DEPTH 48u		/* deeper ones are drawn there, with their depth as a number */
#define NAMES_BELOW 4u

static uint64_t mix(uint64_t h)
{
	h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
	return h ^ h >> 29;
}

/* Children come before their parents in this list, so one pass is enough. */
static void weigh(const struct show_procs *t)
{
	for (struct show_proc *p = t->youngest; p; p = p->older) {
		uint64_t own[4] = { p->reads, p->writes, p->others, p->sockets };
		uint64_t h = hf_show_hash(p->ncmd, p->image ? p->image : "", p->image ? strlen(p->image) : 0);

		p->marked = p->mark != NULL;
		for (const struct show_text *x = p->peer; x; x = x->next)
			h = hf_show_hash(h, x->text, strlen(x->text));
		h = mix(h + (p->ended ? (uint64_t)(uint32_t)p->status : UINT64_MAX));
		for (const struct show_proc *c = p->child; c; c = c->sibling) {
			h += mix(c->sig);
			p->marked |= c->marked;
			for (unsigned i = 0; i < 4; i++)
				own[i] += c->sum[i];
		}
		p->sig = h;
		memcpy(p->sum, own, sizeof(own));
		p->fold = 1;
		p->hidden = false;
	}
}

/* Among the children (or roots) from first on, those with equal subtrees become the first of them. */
static void fold(struct show_proc *first)
{
	struct show_proc **slot;
	size_t n = 0, cap = 16;

	for (const struct show_proc *c = first; c; c = c->sibling)
		n++;
	if (n < 3)
		return;
	while (cap < n * 2)
		cap *= 2;
	slot = calloc(cap, sizeof(struct show_proc *));
	if (!slot)
		return;		/* drawn one by one then */
	for (struct show_proc *c = first; c; c = c->sibling) {
		size_t i = (size_t)c->sig & (cap - 1);

		if (c->marked)
			continue;
		while (slot[i] && slot[i]->sig != c->sig)
			i = (i + 1) & (cap - 1);
		if (!slot[i]) {
			slot[i] = c;
			continue;
		}
		slot[i]->fold++;
		for (unsigned k = 0; k < 4; k++)
			slot[i]->sum[k] += c->sum[k];
		c->hidden = true;
	}
	free(slot);
}

static struct show_proc *seen(struct show_proc *p)
{
	while (p && p->hidden)
		p = p->sibling;
	return p;
}

static void counts(struct sb *b, const uint64_t c[4])
{
	static const char *const name[4] = { "read", "wrote", "changed", "sockets" };
	bool any = false;

	for (unsigned i = 0; i < 4; i++) {
		if (!c[i])
			continue;
		hf_sb_fmt(b, "%s%s ", any ? ", " : "  {", name[i]);
		hf_sb_count(b, c[i]);
		any = true;
	}
	if (any)
		hf_sb_fmt(b, "}");
}

static void prefix(struct sb *b, struct show_proc *p, unsigned depth, bool text_below)
{
	struct show_proc *up[DRAWN_DEPTH];
	unsigned n = 0;

	for (struct show_proc *q = p; q->parent && n < DRAWN_DEPTH; q = q->parent)
		up[n++] = q;
	while (n-- > 0) {
		bool more = seen(up[n]->sibling) != NULL, own = n == 0 && !text_below;

		hf_sb_fmt(b, "%s", own ? (more ? "|- " : "`- ") : (more ? "|  " : "   "));
	}
	if (depth > DRAWN_DEPTH && !text_below)
		hf_sb_fmt(b, "(depth %u) ", depth);
}

static void emit(struct sb *b, hf_show_out out, void *ctx)
{
	if (b->n > sizeof(b->p) - 2)
		b->n = sizeof(b->p) - 2;
	b->p[b->n++] = '\n';
	out(ctx, (struct hf_str){ b->p, b->n });
	b->n = 0;
}

static void below_names(struct sb *b, const struct show_proc *p)
{
	unsigned n = 0;

	for (const struct show_proc *c = p->child; c; c = c->sibling) {
		const struct show_proc *d = p->child;

		while (n < NAMES_BELOW && d != c && !(d->image && c->image && strcmp(d->image, c->image) == 0))
			d = d->sibling;
		if (n < NAMES_BELOW && d != c)
			continue;	/* named already */
		if (n == NAMES_BELOW) {
			hf_sb_fmt(b, ", ...");
			return;
		}
		hf_sb_fmt(b, "%s", n++ ? ", " : ", each with ");
		hf_show_name(b, c->image);
	}
}

static void draw(struct show_proc *p, unsigned depth, bool folded, hf_show_out out, void *ctx)
{
	const uint64_t own[4] = { p->reads, p->writes, p->others, p->sockets };
	struct sb b = { .n = 0 };

	prefix(&b, p, depth, false);
	hf_show_name(&b, p->image);
	if (folded) {
		hf_sb_fmt(&b, " x ");
		hf_sb_count(&b, p->fold);
		below_names(&b, p);
	} else {
		hf_sb_fmt(&b, "[%u]", p->tgid);
	}
	if (p->cmd)
		hf_sb_fmt(&b, "  %s%s", folded ? "first: " : "", p->cmd->text);
	else
		hf_sb_fmt(&b, "  (no exec of its own)");
	if (p->ended && (p->status & 0x7f))
		hf_sb_fmt(&b, "  killed by signal %d", p->status & 0x7f);
	else if (p->ended && p->status)
		hf_sb_fmt(&b, "  status %d", p->status >> 8 & 0xff);
	else if (!p->ended)
		hf_sb_fmt(&b, "  (not ended)");
	counts(&b, folded ? p->sum : own);
	emit(&b, out, ctx);
	for (const struct show_text *x = p->cmd ? p->cmd->next : NULL; x; x = x->next) {
		prefix(&b, p, depth, true);
		hf_sb_fmt(&b, "   then %s", x->text);
		emit(&b, out, ctx);
	}
	for (const struct show_text *x = p->peer; x; x = x->next) {
		prefix(&b, p, depth, true);
		hf_sb_fmt(&b, "   %s", x->text);
		emit(&b, out, ctx);
	}
	for (const struct show_text *x = p->mark; x; x = x->next) {
		prefix(&b, p, depth, true);
		hf_sb_fmt(&b, "   ! %s", x->text);
		emit(&b, out, ctx);
	}
}

void hf_show_tree(const struct show_procs *t, bool all, hf_show_out out, void *ctx)
{
	struct show_proc *p;
	unsigned depth = 0;

	weigh(t);
	if (!all) {
		fold(t->root);
		for (p = t->youngest; p; p = p->older)
			fold(p->child);
	}
	p = seen(t->root);
	while (p) {
		bool folded = !all && p->fold > 1;
		struct show_proc *next = folded ? NULL : seen(p->child);

		draw(p, depth, folded, out, ctx);
		if (next) {
			depth++;
		} else {
			while (p && !(next = seen(p->sibling))) {
				p = p->parent;
				depth -= depth > 0;
			}
		}
		p = next;
	}
	if (t->dropped) {
		struct sb b = { .n = 0 };

		hf_sb_fmt(&b, "... and ");
		hf_sb_count(&b, t->dropped);
		hf_sb_fmt(&b, " more processes or their actions (only %u processes are drawn)", SHOW_PROCS_MAX);
		emit(&b, out, ctx);
	}
}
