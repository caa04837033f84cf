/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Progress of correlations. For each group (the values of group-by) and each step i: the chain of actions that did
 * steps 0..i, with the latest possible beginning. An ordered correlation is complete when its last step happens while
 * step n-2 has a chain that began within timespan. Of two chains the one that began later is always the better one to
 * keep: whatever the older one could still complete, the younger one completes too.
 *
 * Lineage: a step is filed under the process that did it, and looked for at the acting process and all its ancestors.
 */
#include <errno.h>
#include <sha256.h>
#include <stdlib.h>

#include "traj_impl.h"

#define TICK_NS 10000000u	/* a process's start may be known in ticks first and exactly later: see hf_traj_proc() */

struct group_key {
	uint32_t corr, tgid;
	uint64_t start_tick;
	uint8_t fields[16];
};

static void group_clear(struct hf_group *g)
{
	memset(g, 0, sizeof(*g));
	for (unsigned i = 0; i < 16; i++)
		g->step[i].node = HF_NIL;
}

static void learn_correlation(struct hf_traj *t, unsigned index)
{
	const struct hf_rule *r = hf_ruleset_get(t->rs, index);
	const struct hf_correlation *c = hf_rule_correlation(r);
	struct hf_corr *k = &t->corr[t->ncorr];

	if (!c || c->nsteps < 2 || c->nsteps > 16)
		return;
	k->rule = r;
	k->c = c;
	for (unsigned i = 0; i < c->ngroup; i++) {
		k->by_proc |= c->group[i].key == HF_GROUP_PROCESS;
		k->by_lineage |= c->group[i].key == HF_GROUP_LINEAGE;
		k->by_field |= c->group[i].key == HF_GROUP_FIELD;
	}
	group_clear(&k->rest);
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
	for (unsigned i = 0; i < t->nrules; i++)
		if (hf_rule_is_correlation(hf_ruleset_get(t->rs, i)))
			learn_correlation(t, i);
	return 0;
}

void hf_corr_free(struct hf_traj *t)
{
	free(t->corr);
	free(t->groups.ent);
	free(t->groups.node);
	free(t->groups.bucket);
}

uint32_t hf_corr_steps(const struct hf_corr *c, const uint64_t *matched)
{
	uint32_t steps = 0;

	for (unsigned i = 0; i < c->c->nsteps; i++) {
		unsigned r = hf_rule_index(c->c->step[i]);

		if (matched[r / 64] >> (r % 64) & 1)
			steps |= 1u << i;
	}
	return steps;
}

/* --- chains of earlier actions, shared and counted --- */

static void node_put(struct hf_groups *gs, uint32_t i)
{
	while (i != HF_NIL && --gs->node[i].refs == 0) {
		uint32_t prev = gs->node[i].prev;

		gs->node[i].prev = gs->node_free;
		gs->node_free = i;
		i = prev;
	}
}

static uint32_t node_get(struct hf_groups *gs, uint32_t i)
{
	if (i != HF_NIL)
		gs->node[i].refs++;
	return i;
}

/* Without room the chain stays as it was: the match counts all the same, only the story has a gap. */
static uint32_t node_new(struct hf_traj *t, const struct hf_past *past, uint32_t prev)
{
	struct hf_groups *gs = &t->groups;
	uint32_t i = gs->node_free;

	if (i != HF_NIL) {
		gs->node_free = gs->node[i].prev;
	} else if (gs->node_high < gs->node_cap) {
		i = gs->node_high++;
	} else {
		t->stats.forgotten_stories++;
		return node_get(gs, prev);
	}
	gs->node[i].past = *past;
	gs->node[i].refs = 1;
	gs->node[i].prev = node_get(gs, prev);
	return i;
}

/* Takes over the reference to node. */
static void step_set(struct hf_groups *gs, struct hf_step_state *s, uint64_t start_ns, uint64_t last_ns, uint32_t node)
{
	node_put(gs, s->node);
	*s = (struct hf_step_state){ true, start_ns, last_ns, node };
}

/* --- groups --- */

static struct group_key key_of(const struct hf_traj *t, unsigned corr, const struct hf_event *e)
{
	const struct hf_corr *k = &t->corr[corr];
	uint8_t digest[SHA256_DIGEST_LENGTH];
	struct group_key key = { .corr = corr };
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
		v = e ? e->f[k->c->group[i].field] : NULL;
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

static void key_set_proc(struct group_key *k, const struct hf_proc *p, const struct hf_action *a)
{
	k->tgid = p ? p->tgid : a->tgid;
	k->start_tick = (p ? p->start_ns : a->start_ns) / TICK_NS;
}

static uint32_t *bucket_of(const struct hf_groups *gs, const struct group_key *k)
{
	uint64_t f;

	memcpy(&f, k->fields, sizeof(f));
	return &gs->bucket[hf_mix64(f ^ hf_mix64(k->start_tick ^ hf_mix64((uint64_t)k->tgid << 32 | k->corr))) & gs->mask];
}

static struct hf_group *find(const struct hf_groups *gs, const struct group_key *k)
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

static bool within(uint64_t start_ns, uint64_t now_ns, uint64_t span_ns)
{
	/* Guards and records stamp their times apart: a step a moment "later" than its successor is no step too late. */
	return now_ns <= start_ns || now_ns - start_ns <= span_ns;
}

/* Forgets g. What could still matter is poured into its correlation's rest, which counts for every group. */
static void group_drop(struct hf_traj *t, struct hf_group *g)
{
	struct hf_groups *gs = &t->groups;
	struct hf_corr *k = &t->corr[g->corr];
	struct group_key key = { g->corr, g->tgid, g->start_tick, { 0 } };
	uint32_t self = (uint32_t)(g - gs->ent), *at;
	bool lost = false;

	memcpy(key.fields, g->fields, sizeof(key.fields));
	at = bucket_of(gs, &key);
	while (*at != self)
		at = &gs->ent[*at].hnext;
	*at = g->hnext;
	list_unlink(gs, g);
	for (unsigned i = 0; i < k->c->nsteps; i++) {
		struct hf_step_state *s = &g->step[i], *r = &k->rest.step[i];

		if (s->done && within(s->start_ns, t->now_ns, k->c->timespan_ns)) {
			lost = true;
			if (!r->done || r->start_ns < s->start_ns)
				step_set(gs, r, s->start_ns, s->last_ns, node_get(gs, s->node));
		}
		node_put(gs, s->node);
	}
	t->stats.forgotten_groups += lost;
	g->hnext = gs->free;
	gs->free = self;
	gs->n--;
}

static struct hf_group *group_make(struct hf_traj *t, const struct group_key *k)
{
	struct hf_groups *gs = &t->groups;
	struct hf_group *g = find(gs, k);
	uint32_t i, *b;

	if (g) {
		list_unlink(gs, g);
		list_append(gs, g);
		return g;
	}
	if (gs->n == gs->cap)
		group_drop(t, &gs->ent[gs->first]);
	i = gs->free;
	if (i != HF_NIL)
		gs->free = gs->ent[i].hnext;
	else
		i = gs->high++;
	g = &gs->ent[i];
	b = bucket_of(gs, k);
	group_clear(g);
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

static void keep_newer(const struct hf_group *g, unsigned step, const struct hf_step_state **best)
{
	if (g && g->step[step].done && (!*best || g->step[step].start_ns > (*best)->start_ns))
		*best = &g->step[step];
}

/* For a process whose ancestors are not known: anyone could be one. */
static void keep_newest_of_all(const struct hf_traj *t, const struct group_key *key, unsigned step,
			       const struct hf_step_state **best)
{
	const struct hf_groups *gs = &t->groups;

	for (uint32_t i = gs->first; i != HF_NIL; i = gs->ent[i].lnext)
		if (gs->ent[i].corr == key->corr && memcmp(gs->ent[i].fields, key->fields, sizeof(key->fields)) == 0)
			keep_newer(&gs->ent[i], step, best);
}

/* The best chain up to this step that an action of p may build on; NULL: none. */
static const struct hf_step_state *look(const struct hf_traj *t, const struct group_key *key, unsigned step,
					const struct hf_proc *p, const struct hf_action *a)
{
	const struct hf_corr *k = &t->corr[key->corr];
	const struct hf_step_state *best = NULL;
	const struct hf_proc *top = p;
	struct group_key own = *key;

	keep_newer(&k->rest, step, &best);
	if (k->by_proc || k->by_lineage)
		key_set_proc(&own, p, a);
	keep_newer(find(&t->groups, &own), step, &best);
	/* Process and Lineage together: Process is the narrower one. */
	for (const struct hf_proc *q = p ? p->parent : NULL; k->by_lineage && !k->by_proc && q; q = q->parent) {
		key_set_proc(&own, q, a);
		keep_newer(find(&t->groups, &own), step, &best);
		top = q;
	}
	if (k->by_lineage && !k->by_proc && (!top || ((const struct hf_proc_ent *)top)->unknown_line))
		keep_newest_of_all(t, key, step, &best);
	return best;
}

static void story_of(const struct hf_groups *gs, uint32_t node, struct hf_finding *f)
{
	unsigned n = 0;

	for (uint32_t i = node; i != HF_NIL && n < HF_STORY_MAX; i = gs->node[i].prev)
		n++;
	f->nstory = n;
	for (uint32_t i = node; n > 0; i = gs->node[i].prev)
		f->story[--n] = gs->node[i].past;
}

static void story_add_by_time(const struct hf_groups *gs, uint32_t node, struct hf_finding *f)
{
	unsigned at = f->nstory;

	if (node == HF_NIL || f->nstory == HF_STORY_MAX)
		return;
	while (at > 0 && f->story[at - 1].n > gs->node[node].past.n)
		at--;
	if (at > 0 && f->story[at - 1].n == gs->node[node].past.n)
		return;		/* one action that was two steps */
	memmove(&f->story[at + 1], &f->story[at], (f->nstory - at) * sizeof(f->story[0]));
	f->story[at] = gs->node[node].past;
	f->nstory++;
}

static bool complete_any_order(const struct hf_traj *t, const struct group_key *key, uint32_t steps,
			       const struct hf_proc *p, const struct hf_action *a, struct hf_finding *ret)
{
	const struct hf_correlation *c = t->corr[key->corr].c;
	const struct hf_step_state *s[16] = { NULL };

	for (unsigned i = 0; i < c->nsteps; i++) {
		if (steps >> i & 1)
			continue;
		s[i] = look(t, key, i, p, a);
		if (!s[i] || !within(s[i]->last_ns, a->time_ns, c->timespan_ns))
			return false;
	}
	ret->nstory = 0;
	for (unsigned i = 0; i < c->nsteps; i++)
		if (s[i])
			story_add_by_time(&t->groups, s[i]->node, ret);
	return true;
}

bool hf_corr_complete(const struct hf_traj *t, unsigned corr, uint32_t steps, const struct hf_event *e,
		      const struct hf_proc *p, const struct hf_action *a, struct hf_finding *ret)
{
	const struct hf_correlation *c = t->corr[corr].c;
	const struct hf_step_state *s;
	struct group_key key;

	if (steps == 0 || (!c->any_order && !(steps >> (c->nsteps - 1) & 1)))
		return false;
	key = key_of(t, corr, e);
	if (c->any_order)
		return complete_any_order(t, &key, steps, p, a, ret);
	s = look(t, &key, c->nsteps - 2, p, a);
	if (!s || !within(s->start_ns, a->time_ns, c->timespan_ns))
		return false;
	story_of(&t->groups, s->node, ret);
	return true;
}

void hf_corr_advance(struct hf_traj *t, unsigned corr, uint32_t steps, const struct hf_event *e,
		     const struct hf_proc *p, const struct hf_action *a, const struct hf_past *past)
{
	const struct hf_corr *k = &t->corr[corr];
	const struct hf_correlation *c = k->c;
	struct group_key key = key_of(t, corr, e), own = key;
	struct hf_groups *gs = &t->groups;

	if (k->by_proc || k->by_lineage)
		key_set_proc(&own, p, a);
	/* Downwards: step i must build on what was there before this action, never on this action itself. */
	for (unsigned i = c->any_order ? c->nsteps : c->nsteps - 1; i-- > 0;) {
		const struct hf_step_state *before = NULL;
		uint64_t start_ns = a->time_ns;
		uint32_t prev = HF_NIL, node;
		struct hf_group *g;

		if (!(steps >> i & 1))
			continue;
		if (i > 0 && !c->any_order) {
			before = look(t, &key, i - 1, p, a);
			if (!before || !within(before->start_ns, a->time_ns, c->timespan_ns))
				continue;
			start_ns = before->start_ns;
			prev = before->node;
		}
		node = node_new(t, past, prev);		/* holds prev: making a group may forget the one it came from */
		g = group_make(t, &own);
		if (!g->step[i].done || g->step[i].start_ns <= start_ns)
			step_set(gs, &g->step[i], start_ns, a->time_ns, node);
		else
			node_put(gs, node);
	}
}

void hf_corr_forget_proc(struct hf_traj *t, const struct hf_proc *p)
{
	struct hf_groups *gs = &t->groups;

	for (uint32_t i = gs->first, next; i != HF_NIL; i = next) {
		const struct hf_group *g = &gs->ent[i];

		next = g->lnext;
		if (t->corr[g->corr].by_lineage && g->tgid == p->tgid && g->start_tick == p->start_ns / TICK_NS)
			group_drop(t, &gs->ent[i]);
	}
}

/* How far g got and is not yet too old: steps done, 0 for none. */
static unsigned progress(const struct hf_traj *t, const struct hf_corr *k, const struct hf_group *g,
			 uint64_t *ret_start)
{
	unsigned done = 0;

	for (unsigned i = k->c->nsteps; i-- > 0;) {
		const struct hf_step_state *s = &g->step[i];

		if (!s->done || !within(s->start_ns, t->now_ns, k->c->timespan_ns))
			continue;
		if (!k->c->any_order) {
			*ret_start = s->start_ns;
			return i + 1;
		}
		if (done++ == 0 || s->start_ns < *ret_start)
			*ret_start = s->start_ns;
	}
	return done;
}

static void tell(const struct hf_traj *t, const struct hf_corr *k, const struct hf_group *g, struct hf_story *out,
		 unsigned cap, unsigned *n)
{
	uint64_t start_ns = 0;
	unsigned done = progress(t, k, g, &start_ns);

	if (done == 0)
		return;
	if (*n < cap)
		out[*n] = (struct hf_story){ k->rule, done, start_ns, start_ns + k->c->timespan_ns, g->tgid };
	(*n)++;
}

unsigned hf_traj_stories(const struct hf_traj *t, struct hf_story *out, unsigned cap)
{
	const struct hf_groups *gs = &t->groups;
	unsigned n = 0;

	for (unsigned pass = 0; pass < 2; pass++) {
		for (uint32_t i = gs->last; i != HF_NIL; i = gs->ent[i].lprev) {
			const struct hf_corr *k = &t->corr[gs->ent[i].corr];
			bool apart = k->by_proc || k->by_lineage || k->by_field;

			if (apart == (pass == 1))
				tell(t, k, &gs->ent[i], out, cap, &n);
		}
	}
	for (unsigned i = 0; i < t->ncorr; i++)
		tell(t, &t->corr[i], &t->corr[i].rest, out, cap, &n);
	return n;
}
