/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Correlations that count: how many actions (different values, what sum ...) within timespan, the one being judged
 * included. Each group keeps the actions that could still matter, as many as the condition can tell apart; sums and the
 * like put their oldest together beyond that, which then count until the younger of them leaves the window. Groups
 * that no longer fit count for every group of their rule, as elsewhere.
 */
#include <errno.h>
#include <sha256.h>
#include <stdlib.h>

#include "traj_impl.h"

#define SAMPLES_MAX (1u << 20)

struct value {
	uint64_t key;
	double num;
};
struct gather {
	const struct hf_traj *t;
	const struct hf_correlation *c;
	uint64_t now_ns;
	unsigned n, max;
};

int hf_count_init(struct hf_traj *t)
{
	struct hf_groups *gs = &t->groups;
	uint64_t need = 0;

	gs->sample_free = HF_NIL;
	for (unsigned i = 0; i < t->ncorr; i++)
		if (t->corr[i].c->type >= HF_CORR_EVENT_COUNT)
			need += 2u * (t->corr[i].c->keep + 1); /* the rest and one full group of each */
	if (need == 0)
		return 0;
	need = need < t->lim.samples ? t->lim.samples : need;
	gs->sample_cap = need < SAMPLES_MAX ? (uint32_t)need : SAMPLES_MAX;
	gs->sample = calloc(gs->sample_cap, sizeof(*gs->sample));
	t->scratch->sample = calloc(gs->sample_cap, sizeof(*t->scratch->sample));
	t->scratch->value = calloc(gs->sample_cap + 1, sizeof(*t->scratch->value));
	return gs->sample && t->scratch->sample && t->scratch->value ? 0 : -ENOMEM;
}

void hf_count_free(struct hf_traj *t)
{
	free(t->groups.sample);
	if (!t->scratch)
		return;
	free(t->scratch->sample);
	free(t->scratch->value);
}

/* --- the value of an action --- */

static bool number_of(const struct hf_value *v, double *ret)
{
	char z[32], *end = NULL;

	if (!v || v->n == 0 || v->s[0].n == 0 || v->s[0].n >= sizeof(z))
		return false;
	memcpy(z, v->s[0].p, v->s[0].n);
	z[v->s[0].n] = '\0';
	if (strspn(z, "0123456789.-") != v->s[0].n)
		return false;
	*ret = strtod(z, &end);
	return *end == '\0';
}

/* False: the action lacks the field, or it is no number, and does not count. */
static bool value_of(const struct hf_correlation *c, uint32_t steps, const struct hf_event *e, struct value *ret)
{
	bool compared = c->type == HF_CORR_VALUE_COUNT || (c->type == HF_CORR_VALUE_PERCENTILE && c->percentile < 0);
	unsigned step = (unsigned)__builtin_ctz(steps);
	uint8_t digest[SHA256_DIGEST_LENGTH];
	SHA256_CTX sha;

	*ret = (struct value){0};
	if (c->nvalue == 0)
		return true;
	if (!compared)
		return number_of(e->f[hf_corr_field_of(&c->value[0], step)], &ret->num);
	SHA256Init(&sha);
	for (unsigned i = 0; i < c->nvalue; i++) {
		const struct hf_value *v = e->f[hf_corr_field_of(&c->value[i], step)];

		if (!v || v->n == 0)
			return false;
		for (unsigned k = 0; k < v->n; k++) {
			uint64_t n = v->s[k].n;

			SHA256Update(&sha, (const uint8_t *)&n, sizeof(n));
			SHA256Update(&sha, (const uint8_t *)v->s[k].p, v->s[k].n);
		}
	}
	SHA256Final(digest, &sha);
	memcpy(&ret->key, digest, sizeof(ret->key));
	return true;
}

/* --- judging --- */

static void gather_group(void *ctx, const struct hf_group *g)
{
	struct gather *q = ctx;
	const struct hf_groups *gs = &q->t->groups;

	for (uint32_t i = g->newest; i != HF_NIL && q->n < q->max; i = gs->sample[i].older)
		if (hf_within(gs->sample[i].time_ns, q->now_ns, q->c->timespan_ns))
			q->t->scratch->sample[q->n++] = i;
}

static int by_key(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int by_number(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double count_different(const struct gather *q, const struct value *v)
{
	struct hf_scratch *s = q->t->scratch;
	unsigned n = q->n + 1, different = 1;

	for (unsigned i = 0; i < q->n; i++)
		s->value[i].key = q->t->groups.sample[s->sample[i]].key;
	s->value[q->n].key = v->key;
	qsort(s->value, n, sizeof(s->value[0]), by_key);
	for (unsigned i = 1; i < n; i++)
		different += s->value[i].key != s->value[i - 1].key;
	return different;
}

/* The smallest number that at least so many percent of all do not exceed. */
static double percentile(const struct gather *q, const struct value *v)
{
	struct hf_scratch *s = q->t->scratch;
	unsigned n = q->n + 1, rank;

	for (unsigned i = 0; i < q->n; i++)
		s->value[i].num = q->t->groups.sample[s->sample[i]].sum;
	s->value[q->n].num = v->num;
	qsort(s->value, n, sizeof(s->value[0]), by_number);
	rank = (unsigned)(((uint64_t)n * (unsigned)q->c->percentile + 99) / 100);
	return s->value[rank ? rank - 1 : 0].num;
}

static double share(const struct gather *q, const struct value *v)
{
	unsigned same = 1;

	for (unsigned i = 0; i < q->n; i++)
		same += q->t->groups.sample[q->t->scratch->sample[i]].key == v->key;
	return 100.0 * same / (q->n + 1);
}

static double metric(const struct gather *q, const struct value *v)
{
	double sum = v->num, min = v->num, max = v->num;
	unsigned n = 1;

	for (unsigned i = 0; i < q->n; i++) {
		const struct hf_sample *s = &q->t->groups.sample[q->t->scratch->sample[i]];

		sum += s->sum;
		min = s->min < min ? s->min : min;
		max = s->max > max ? s->max : max;
		n += s->weight;
	}
	return q->c->type == HF_CORR_VALUE_SUM   ? sum
	       : q->c->type == HF_CORR_VALUE_AVG ? sum / n
	       : q->c->type == HF_CORR_VALUE_MIN ? min
						 : max;
}

static double outcome(const struct gather *q, const struct value *v)
{
	switch (q->c->type) {
	case HF_CORR_EVENT_COUNT:
		return q->n + 1;
	case HF_CORR_VALUE_COUNT:
		return count_different(q, v);
	case HF_CORR_VALUE_PERCENTILE:
		return q->c->percentile < 0 ? share(q, v) : percentile(q, v);
	default:
		return metric(q, v);
	}
}

/* The newest of them that are still remembered, oldest first. */
static void tell_story(const struct gather *q, struct hf_finding *f)
{
	const struct hf_traj *t = q->t;

	f->nstory = 0;
	for (unsigned i = 0; i < q->n; i++) {
		uint64_t n = t->groups.sample[t->scratch->sample[i]].n;
		const struct hf_past *past = &t->past[(n - 1) % t->lim.past];
		unsigned at = f->nstory;

		if (past->n != n)
			continue;
		while (at > 0 && f->story[at - 1].n > n)
			at--;
		if (f->nstory == HF_STORY_MAX && at == 0)
			continue;
		if (f->nstory == HF_STORY_MAX) {
			at--;
			memmove(&f->story[0], &f->story[1], at * sizeof(f->story[0]));
		} else {
			memmove(&f->story[at + 1], &f->story[at], (f->nstory - at) * sizeof(f->story[0]));
			f->nstory++;
		}
		f->story[at] = *past;
	}
}

bool hf_count_complete(const struct hf_traj *t, unsigned corr, uint32_t steps, const struct hf_event *e,
		       const struct hf_proc *p, const struct hf_action *a, struct hf_finding *ret)
{
	const struct hf_correlation *c = t->corr[corr].c;
	struct gather q = {.t = t, .c = c, .now_ns = a->time_ns, .max = t->groups.sample_cap};
	struct hf_group_id key;
	struct value v;

	if (steps == 0 || !value_of(c, steps, e, &v))
		return false;
	if (c->type == HF_CORR_EVENT_COUNT)
		q.max = c->keep; /* beyond that one more makes no difference */
	key = hf_group_id(t, corr, (unsigned)__builtin_ctz(steps), e);
	hf_group_visit(t, &key, p, a, gather_group, &q);
	if (!hf_correlation_holds(c, outcome(&q, &v)))
		return false;
	tell_story(&q, ret);
	return true;
}

/* --- remembering --- */

static void take_out(struct hf_groups *gs, struct hf_group *g, uint32_t i)
{
	struct hf_sample *s = &gs->sample[i];

	if (s->newer != HF_NIL)
		gs->sample[s->newer].older = s->older;
	else
		g->newest = s->older;
	if (s->older != HF_NIL)
		gs->sample[s->older].newer = s->newer;
	else
		g->oldest = s->newer;
	g->nsamples--;
}

static void put_newest(struct hf_groups *gs, struct hf_group *g, uint32_t i)
{
	struct hf_sample *s = &gs->sample[i];

	s->newer = HF_NIL;
	s->older = g->newest;
	if (g->newest != HF_NIL)
		gs->sample[g->newest].newer = i;
	else
		g->oldest = i;
	g->newest = i;
	g->nsamples++;
}

static void forget(struct hf_groups *gs, struct hf_group *g, uint32_t i)
{
	take_out(gs, g, i);
	gs->sample[i].older = gs->sample_free;
	gs->sample_free = i;
}

static void forget_oldest(struct hf_traj *t, const struct hf_correlation *c, struct hf_group *g)
{
	struct hf_groups *gs = &t->groups;
	struct hf_sample *old = &gs->sample[g->oldest], *next;

	if (old->newer != HF_NIL && c->type >= HF_CORR_VALUE_SUM && c->type <= HF_CORR_VALUE_MAX) {
		next = &gs->sample[old->newer];
		next->sum += old->sum;
		next->min = old->min < next->min ? old->min : next->min;
		next->max = old->max > next->max ? old->max : next->max;
		next->weight += old->weight;
	}
	forget(gs, g, g->oldest);
}

static void trim(struct hf_traj *t, const struct hf_correlation *c, struct hf_group *g)
{
	struct hf_groups *gs = &t->groups;

	while (g->oldest != HF_NIL && !hf_within(gs->sample[g->oldest].time_ns, t->now_ns, c->timespan_ns))
		forget(gs, g, g->oldest);
	while (g->nsamples > c->keep) {
		t->stats.cut_windows += c->type >= HF_CORR_VALUE_SUM;
		forget_oldest(t, c, g);
	}
}

bool hf_count_pour(struct hf_traj *t, struct hf_corr *k, struct hf_group *g)
{
	struct hf_groups *gs = &t->groups;
	struct hf_group *rest = &k->rest, all;
	bool any = false;

	hf_group_clear(&all);
	trim(t, k->c, g);
	trim(t, k->c, rest);
	any = g->nsamples > 0;
	for (uint32_t i = g->oldest; k->c->type == HF_CORR_VALUE_COUNT && i != HF_NIL; i = gs->sample[i].newer) {
		for (uint32_t r = rest->newest, next; r != HF_NIL; r = next) {
			next = gs->sample[r].older;
			if (gs->sample[r].key == gs->sample[i].key) {
				if (gs->sample[r].time_ns > gs->sample[i].time_ns)
					gs->sample[i].time_ns = gs->sample[r].time_ns;
				forget(gs, rest, r);
			}
		}
	}
	while (g->nsamples > 0 || rest->nsamples > 0) {
		struct hf_group *from = rest->nsamples == 0                                                ? g
					: g->nsamples == 0                                                 ? rest
					: gs->sample[g->oldest].time_ns < gs->sample[rest->oldest].time_ns ? g
													   : rest;
		uint32_t i = from->oldest;

		take_out(gs, from, i);
		put_newest(gs, &all, i);
	}
	rest->newest = all.newest;
	rest->oldest = all.oldest;
	rest->nsamples = all.nsamples;
	trim(t, k->c, rest);
	return any;
}

/* Room at the expense of others, the longest untouched first; HF_NIL: none. */
static uint32_t make_room(struct hf_traj *t, const struct hf_group *g)
{
	struct hf_groups *gs = &t->groups;
	struct hf_corr *most = &t->corr[0];

	for (uint32_t i = gs->first, next; i != HF_NIL && gs->sample_free == HF_NIL; i = next) {
		next = gs->ent[i].lnext;
		if (&gs->ent[i] != g && gs->ent[i].nsamples > 0)
			hf_group_drop(t, &gs->ent[i]);
	}
	for (unsigned i = 0; i < t->ncorr; i++)
		if (t->corr[i].rest.nsamples > most->rest.nsamples)
			most = &t->corr[i];
	if (gs->sample_free == HF_NIL && most->rest.nsamples > 0) {
		t->stats.cut_windows++;
		forget_oldest(t, most->c, &most->rest);
	}
	return gs->sample_free;
}

static uint32_t sample_new(struct hf_traj *t, const struct hf_group *g)
{
	struct hf_groups *gs = &t->groups;
	uint32_t i = gs->sample_free;

	if (i == HF_NIL && gs->sample_high < gs->sample_cap)
		return gs->sample_high++;
	if (i == HF_NIL)
		i = make_room(t, g);
	if (i != HF_NIL)
		gs->sample_free = gs->sample[i].older;
	return i;
}

/* The same value again: only the latest time matters. */
static uint32_t known_value(const struct hf_groups *gs, const struct hf_group *g, uint64_t key)
{
	uint32_t i = g->newest;

	while (i != HF_NIL && gs->sample[i].key != key)
		i = gs->sample[i].older;
	return i;
}

void hf_count_advance(struct hf_traj *t, unsigned corr, uint32_t steps, const struct hf_event *e,
		      const struct hf_proc *p, const struct hf_action *a, const struct hf_past *past)
{
	const struct hf_corr *k = &t->corr[corr];
	struct hf_groups *gs = &t->groups;
	struct hf_group_id key;
	struct hf_group *g;
	struct value v;
	uint32_t i;

	if (!value_of(k->c, steps, e, &v))
		return;
	key = hf_group_id(t, corr, (unsigned)__builtin_ctz(steps), e);
	if (k->by_proc || k->by_lineage)
		hf_group_id_proc(&key, p, a);
	g = hf_group_make(t, &key);
	i = k->c->type == HF_CORR_VALUE_COUNT ? known_value(gs, g, v.key) : HF_NIL;
	if (i != HF_NIL)
		take_out(gs, g, i);
	else
		i = sample_new(t, g);
	if (i == HF_NIL) {
		t->stats.cut_windows++;
		return;
	}
	gs->sample[i] = (struct hf_sample){
	    .time_ns = a->time_ns, .n = past->n, .key = v.key, .sum = v.num, .min = v.num, .max = v.num, .weight = 1};
	put_newest(gs, g, i);
	trim(t, k->c, g);
}
