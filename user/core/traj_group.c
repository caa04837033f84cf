/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the correlations of a trajectory remember: groups (the values of group-by), in each the progress of every step or
 * the actions that count, and the chains of earlier actions that findings are explained with. All of it bounded.
 */
#include <errno.h>
#include <sha256.h>
#include <stdlib.h>

#include "traj_impl.h"

#define TICK_NS 10000000u	/* a process's start may be known in ticks first and exactly later: see hf_traj_proc() */

void hf_group_clear(struct hf_group *g)
{
	memset(g, 0, sizeof(*g));
	for (unsigned i = 0; i < 16; i++)
		g->step[i].node = HF_NIL;
	g->newest = g->oldest = HF_NIL;
}

static void learn_correlation(struct hf_traj *t, unsigned index)
{
	const struct hf_rule *r = hf_ruleset_get(t->rs, index);
	const struct hf_correlation *c = hf_rule_correlation(r);
	struct hf_corr *k = &t->corr[t->ncorr];

	if (!c || c->nsteps == 0 || c->nsteps > 16)
		return;
	k->rule = r;
	k->c = c;
	for (unsigned i = 0; i < c->ngroup; i++) {
		k->by_proc |= c->group[i].key == HF_GROUP_PROCESS;
		k->by_lineage |= c->group[i].key == HF_GROUP_LINEAGE;
		k->by_field |= c->group[i].key == HF_GROUP_FIELD;
	}
	k->needs_event = k->by_field || c->nvalue > 0;
	k->step_only = hf_rule_is_step_only(r);
	hf_group_clear(&k->rest);
	t->ncorr++;
}

int hf_corr_init(struct hf_traj *t)
{
	struct hf_groups *gs = &t->groups;
	unsigned n = 0;

	for (unsigned i = 0; i < t->nrules; i++)
		n += hf_rule_is_correlation(hf_ruleset_get(t->rs, i));
	gs->cap = t->lim.groups;
	gs->node_cap = 2 * t->lim.groups + 64;
	gs->mask = hf_traj_pow2(gs->cap) - 1;
	gs->free = gs->first = gs->last = gs->node_free = HF_NIL;
	t->corr = calloc(n + 1, sizeof(*t->corr));
	gs->ent = calloc(gs->cap, sizeof(*gs->ent));
	gs->node = calloc(gs->node_cap, sizeof(*gs->node));
	gs->bucket = malloc(((size_t)gs->mask + 1) * sizeof(*gs->bucket));
	if (!t->corr || !gs->ent || !gs->node || !gs->bucket)
		return -ENOMEM;
	memset(gs->bucket, 0xff, ((size_t)gs->mask + 1) * sizeof(*gs->bucket));
	/* steps before the correlations they belong to: the judge goes through them once, in this order */
	for (unsigned depth = 1, left = n; left > 0 && depth < HF_RULE_DEPTH_END; depth++) {
		for (unsigned i = 0; i < t->nrules; i++) {
			if (hf_rule_depth(hf_ruleset_get(t->rs, i)) == depth) {
				learn_correlation(t, i);
				left--;
			}
		}
	}
	return hf_count_init(t);
}

void hf_corr_free(struct hf_traj *t)
{
	free(t->corr);
	free(t->groups.ent);
	free(t->groups.node);
	free(t->groups.bucket);
	hf_count_free(t);
}

/* --- chains of earlier actions, shared and counted --- */

void hf_link_put(struct hf_groups *gs, uint32_t i)
{
	while (i != HF_NIL && --gs->node[i].refs == 0) {
		uint32_t prev = gs->node[i].prev;

		gs->node[i].prev = gs->node_free;
		gs->node_free = i;
		i = prev;
	}
}

uint32_t hf_link_get(struct hf_groups *gs, uint32_t i)
{
	if (i != HF_NIL)
		gs->node[i].refs++;
	return i;
}

/* Without room the chain stays as it was: the match counts all the same, only the story has a gap. */
uint32_t hf_link_new(struct hf_traj *t, const struct hf_past *past, uint32_t prev)
{
	struct hf_groups *gs = &t->groups;
	uint32_t i = gs->node_free;

	if (i != HF_NIL) {
		gs->node_free = gs->node[i].prev;
	} else if (gs->node_high < gs->node_cap) {
		i = gs->node_high++;
	} else {
		t->stats.forgotten_stories++;
		return hf_link_get(gs, prev);
	}
	gs->node[i].past = *past;
	gs->node[i].refs = 1;
	gs->node[i].prev = hf_link_get(gs, prev);
	return i;
}

/* Takes over the reference to node. */
void hf_step_set(struct hf_groups *gs, struct hf_step_state *s, uint64_t start_ns, uint64_t last_ns, uint32_t node)
{
	hf_link_put(gs, s->node);
	*s = (struct hf_step_state){ true, start_ns, last_ns, node };
}

/* --- groups --- */

struct hf_group_id hf_group_id(const struct hf_traj *t, unsigned corr, unsigned step, const struct hf_event *e)
{
	const struct hf_corr *k = &t->corr[corr];
	uint8_t digest[SHA256_DIGEST_LENGTH];
	struct hf_group_id key = { .corr = corr };
	SHA256_CTX c;

	if (!k->by_field)
		return key;
	SHA256Init(&c);
	for (unsigned i = 0; i < k->c->ngroup; i++) {
		const struct hf_value *v;
		uint64_t n;

		if (k->c->group[i].key != HF_GROUP_FIELD)
			continue;
		/* Actions that lack the field share a group, as SQL's GROUP BY has it. */
		v = e ? e->f[hf_corr_field_of(&k->c->group[i].f, step)] : NULL;
		n = v ? v->n : 0;
		SHA256Update(&c, (const uint8_t *)&n, sizeof(n));
		for (unsigned j = 0; v && j < v->n; j++) {
			n = v->s[j].n;
			SHA256Update(&c, (const uint8_t *)&n, sizeof(n));
			SHA256Update(&c, (const uint8_t *)v->s[j].p, v->s[j].n);
		}
	}
	SHA256Final(digest, &c);
	memcpy(key.fields, digest, sizeof(key.fields));
	return key;
}

void hf_group_id_proc(struct hf_group_id *k, const struct hf_proc *p, const struct hf_action *a)
{
	k->tgid = p ? p->tgid : a->tgid;
	k->start_tick = (p ? p->start_ns : a->start_ns) / TICK_NS;
}

static uint32_t *bucket_of(const struct hf_groups *gs, const struct hf_group_id *k)
{
	uint64_t f;

	memcpy(&f, k->fields, sizeof(f));
	return &gs->bucket[hf_mix64(f ^ hf_mix64(k->start_tick ^ hf_mix64((uint64_t)k->tgid << 32 | k->corr))) & gs->mask];
}

struct hf_group *hf_group_find(const struct hf_groups *gs, const struct hf_group_id *k)
{
	for (uint32_t i = *bucket_of(gs, k); i != HF_NIL; i = gs->ent[i].hnext) {
		struct hf_group *g = &gs->ent[i];

		if (g->corr == k->corr && g->tgid == k->tgid && g->start_tick == k->start_tick &&
		    memcmp(g->fields, k->fields, sizeof(g->fields)) == 0)
			return g;
	}
	return NULL;
}

static void list_unlink(struct hf_groups *gs, struct hf_group *g)
{
	if (g->lprev != HF_NIL)
		gs->ent[g->lprev].lnext = g->lnext;
	else
		gs->first = g->lnext;
	if (g->lnext != HF_NIL)
		gs->ent[g->lnext].lprev = g->lprev;
	else
		gs->last = g->lprev;
}

static void list_append(struct hf_groups *gs, struct hf_group *g)
{
	uint32_t self = (uint32_t)(g - gs->ent);

	g->lprev = gs->last;
	g->lnext = HF_NIL;
	if (gs->last != HF_NIL)
		gs->ent[gs->last].lnext = self;
	else
		gs->first = self;
	gs->last = self;
}

bool hf_within(uint64_t start_ns, uint64_t now_ns, uint64_t span_ns)
{
	/* Guards and records stamp their times apart: a step a moment "later" than its successor is no step too late. */
	return now_ns <= start_ns || now_ns - start_ns <= span_ns;
}

/* Forgets g. What could still matter is poured into its correlation's rest, which counts for every group. */
void hf_group_drop(struct hf_traj *t, struct hf_group *g)
{
	struct hf_groups *gs = &t->groups;
	struct hf_corr *k = &t->corr[g->corr];
	struct hf_group_id key = { g->corr, g->tgid, g->start_tick, { 0 } };
	uint32_t self = (uint32_t)(g - gs->ent), *at;
	bool lost = false;

	memcpy(key.fields, g->fields, sizeof(key.fields));
	at = bucket_of(gs, &key);
	while (*at != self)
		at = &gs->ent[*at].hnext;
	*at = g->hnext;
	list_unlink(gs, g);
	if (k->c->type >= HF_CORR_EVENT_COUNT)
		lost = hf_count_pour(t, k, g);
	for (unsigned i = 0; i < k->c->nsteps; i++) {
		struct hf_step_state *s = &g->step[i], *r = &k->rest.step[i];

		if (s->done && hf_within(s->start_ns, t->now_ns, k->c->timespan_ns)) {
			lost = true;
			if (!r->done || r->start_ns < s->start_ns)
				hf_step_set(gs, r, s->start_ns, s->last_ns, hf_link_get(gs, s->node));
		}
		hf_link_put(gs, s->node);
	}
	t->stats.forgotten_groups += lost;
	g->hnext = gs->free;
	gs->free = self;
	gs->n--;
}

struct hf_group *hf_group_make(struct hf_traj *t, const struct hf_group_id *k)
{
	struct hf_groups *gs = &t->groups;
	struct hf_group *g = hf_group_find(gs, k);
	uint32_t i, *b;

	if (g) {
		list_unlink(gs, g);
		list_append(gs, g);
		return g;
	}
	if (gs->n == gs->cap)
		hf_group_drop(t, &gs->ent[gs->first]);
	i = gs->free;
	if (i != HF_NIL)
		gs->free = gs->ent[i].hnext;
	else
		i = gs->high++;
	g = &gs->ent[i];
	b = bucket_of(gs, k);
	hf_group_clear(g);
	g->corr = k->corr;
	g->tgid = k->tgid;
	g->start_tick = k->start_tick;
	memcpy(g->fields, k->fields, sizeof(g->fields));
	g->hnext = *b;
	*b = i;
	list_append(gs, g);
	gs->n++;
	return g;
}


void hf_corr_forget_proc(struct hf_traj *t, const struct hf_proc *p)
{
	struct hf_groups *gs = &t->groups;

	for (uint32_t i = gs->first, next; i != HF_NIL; i = next) {
		const struct hf_group *g = &gs->ent[i];

		next = g->lnext;
		if (t->corr[g->corr].by_lineage && g->tgid == p->tgid && g->start_tick == p->start_ns / TICK_NS)
			hf_group_drop(t, &gs->ent[i]);
	}
}

void hf_group_visit(const struct hf_traj *t, const struct hf_group_id *key, const struct hf_proc *p,
		    const struct hf_action *a, void (*cb)(void *ctx, const struct hf_group *g), void *ctx)
{
	const struct hf_groups *gs = &t->groups;
	const struct hf_corr *k = &t->corr[key->corr];
	bool up = k->by_lineage && !k->by_proc;		/* of both, Process is the narrower one */
	const struct hf_proc *top = p;
	struct hf_group_id own = *key;
	const struct hf_group *g;

	cb(ctx, &k->rest);
	while (up && top && top->parent)
		top = top->parent;
	if (up && (!top || ((const struct hf_proc_ent *)top)->unknown_line)) {
		/* its ancestors are not known: anyone could be one */
		for (uint32_t i = gs->first; i != HF_NIL; i = gs->ent[i].lnext)
			if (gs->ent[i].corr == key->corr &&
			    memcmp(gs->ent[i].fields, key->fields, sizeof(key->fields)) == 0)
				cb(ctx, &gs->ent[i]);
		return;
	}
	do {
		if (k->by_proc || k->by_lineage)
			hf_group_id_proc(&own, p, a);
		g = hf_group_find(gs, &own);
		if (g)
			cb(ctx, g);
		p = up && p ? p->parent : NULL;
	} while (p);
}
