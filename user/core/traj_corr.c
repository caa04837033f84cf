/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Progress of correlations. For each group (the values of group-by) and each step i: the chain of actions that did
 * steps 0..i, with the latest possible beginning. An ordered correlation is complete when its last step happens while
 * step n-2 has a chain that began within timespan. Of two chains the one that began later is always the better one to
 * keep: whatever the older one could still complete, the younger one completes too.
 *
 * Lineage: a step is filed under the process that did it, and looked for at the acting process and all its ancestors.
 */
#include "traj_impl.h"

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

struct search {
	unsigned step;
	const struct hf_step_state *best;
};

static void keep_newer(void *ctx, const struct hf_group *g)
{
	struct search *s = ctx;
	const struct hf_step_state *st = &g->step[s->step];

	if (st->done && (!s->best || st->start_ns > s->best->start_ns))
		s->best = st;
}

/* The best chain up to this step that an action of p may build on; NULL: none. */
static const struct hf_step_state *look(const struct hf_traj *t, const struct hf_group_id *key, unsigned step,
					const struct hf_proc *p, const struct hf_action *a)
{
	struct search s = { step, NULL };

	hf_group_visit(t, key, p, a, keep_newer, &s);
	return s.best;
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

/* The steps of this action that belong to the same group as its step `pivot`, and those done before there. */
static bool complete_any_order(const struct hf_traj *t, unsigned corr, unsigned pivot, uint32_t steps,
			       const struct hf_event *e, const struct hf_proc *p, const struct hf_action *a,
			       struct hf_finding *ret)
{
	const struct hf_correlation *c = t->corr[corr].c;
	struct hf_group_id key = hf_group_id(t, corr, pivot, e), other;
	const struct hf_step_state *s[16] = { NULL };
	unsigned done = 0;

	for (unsigned i = 0; i < c->nsteps; i++) {
		other = hf_group_id(t, corr, i, e);
		if ((steps >> i & 1) && memcmp(other.fields, key.fields, sizeof(key.fields)) == 0) {
			done++;
			continue;
		}
		s[i] = look(t, &key, i, p, a);
		if (s[i] && !hf_within(s[i]->last_ns, a->time_ns, c->timespan_ns))
			s[i] = NULL;
		done += s[i] != NULL;
	}
	if (!hf_correlation_holds(c, done))
		return false;
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
	struct hf_group_id key;

	if (c->type >= HF_CORR_EVENT_COUNT)
		return hf_count_complete(t, corr, steps, e, p, a, ret);
	for (unsigned i = 0; c->type == HF_CORR_TEMPORAL && i < c->nsteps; i++)
		if ((steps >> i & 1) && complete_any_order(t, corr, i, steps, e, p, a, ret))
			return true;
	if (c->type == HF_CORR_TEMPORAL || !(steps >> (c->nsteps - 1) & 1))
		return false;
	key = hf_group_id(t, corr, c->nsteps - 1, e);
	s = look(t, &key, c->nsteps - 2, p, a);
	if (!s || !hf_within(s->start_ns, a->time_ns, c->timespan_ns))
		return false;
	story_of(&t->groups, s->node, ret);
	return true;
}

void hf_corr_advance(struct hf_traj *t, unsigned corr, uint32_t steps, const struct hf_event *e,
		     const struct hf_proc *p, const struct hf_action *a, const struct hf_past *past)
{
	const struct hf_corr *k = &t->corr[corr];
	const struct hf_correlation *c = k->c;
	bool any_order = c->type == HF_CORR_TEMPORAL;
	struct hf_groups *gs = &t->groups;

	if (c->type >= HF_CORR_EVENT_COUNT) {
		hf_count_advance(t, corr, steps, e, p, a, past);
		return;
	}
	/* Downwards: step i must build on what was there before this action, never on this action itself. */
	for (unsigned i = any_order ? c->nsteps : c->nsteps - 1; i-- > 0;) {
		struct hf_group_id key;
		const struct hf_step_state *before = NULL;
		uint64_t start_ns = a->time_ns;
		uint32_t prev = HF_NIL, node;
		struct hf_group *g;

		if (!(steps >> i & 1))
			continue;
		key = hf_group_id(t, corr, i, e);
		if (i > 0 && !any_order) {
			before = look(t, &key, i - 1, p, a);
			if (!before || !hf_within(before->start_ns, a->time_ns, c->timespan_ns))
				continue;
			start_ns = before->start_ns;
			prev = before->node;
		}
		node = hf_link_new(t, past, prev);	/* holds prev: making a group may forget the one it came from */
		if (k->by_proc || k->by_lineage)
			hf_group_id_proc(&key, p, a);
		g = hf_group_make(t, &key);
		if (!g->step[i].done || g->step[i].start_ns <= start_ns)
			hf_step_set(gs, &g->step[i], start_ns, a->time_ns, node);
		else
			hf_link_put(gs, node);
	}
}

/* How far g got and is not yet too old: steps done, 0 for none. */
static unsigned progress(const struct hf_traj *t, const struct hf_corr *k, const struct hf_group *g,
			 uint64_t *ret_start)
{
	unsigned done = 0;

	for (unsigned i = k->c->nsteps; i-- > 0;) {
		const struct hf_step_state *s = &g->step[i];

		if (!s->done || !hf_within(s->start_ns, t->now_ns, k->c->timespan_ns))
			continue;
		if (k->c->type == HF_CORR_ORDERED) {
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
