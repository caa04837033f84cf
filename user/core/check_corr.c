/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Correlations over the steps of an example: slower than the trajectory's and written apart from it, by the letter of
 * the specification, so that the two check each other.
 */
#include "check_int.h"
#include <errno.h>
#include <stdlib.h>

struct hf_hits { /* which steps of the example a rule matches */
	const struct hf_rule *rule;
	bool at[HF_CHECK_STEPS_MAX];
};

static struct hf_str first(const struct hf_check_step *s, enum hf_field f)
{
	return s->e.f[f] ? s->e.f[f]->s[0] : (struct hf_str){NULL, 0};
}

/* Is a's process that of b, or an ancestor of it as far as the example says? */
static bool in_lineage(const struct hf_check_example *x, unsigned a, unsigned b)
{
	struct hf_str want = first(&x->step[a], HF_F_PROCESS_ID), pid = first(&x->step[b], HF_F_PROCESS_ID);
	struct hf_str parent = first(&x->step[b], HF_F_PARENT_PROCESS_ID);

	for (unsigned depth = 0; depth <= x->n; depth++) {
		if (hf_str_eq(pid, want))
			return true;
		if (!parent.p)
			return false;
		pid = parent;
		parent = (struct hf_str){NULL, 0};
		for (unsigned i = 0; i < x->n && !parent.p; i++)
			if (hf_str_eq(first(&x->step[i], HF_F_PROCESS_ID), pid))
				parent = first(&x->step[i], HF_F_PARENT_PROCESS_ID);
	}
	return false;
}

/* Do a, as step sa of the correlation, and the later b, as its step sb, belong together? */
static bool grouped(const struct hf_check_example *x, const struct hf_correlation *k, unsigned a, unsigned sa,
		    unsigned b, unsigned sb)
{
	if (x->step[b].time_ns - x->step[a].time_ns > k->timespan_ns)
		return false;
	for (unsigned i = 0; i < k->ngroup; i++) {
		const struct hf_corr_field pid = {.field = HF_F_PROCESS_ID};
		const struct hf_corr_field *f = k->group[i].key == HF_GROUP_PROCESS ? &pid : &k->group[i].f;
		struct hf_str va, vb;

		if (k->group[i].key == HF_GROUP_SESSION)
			continue;
		if (k->group[i].key == HF_GROUP_LINEAGE) {
			if (!in_lineage(x, a, b))
				return false;
			continue;
		}
		va = first(&x->step[a], hf_corr_field_of(f, sa));
		vb = first(&x->step[b], hf_corr_field_of(f, sb));
		if (!hf_str_eq(va, vb) || (k->group[i].key == HF_GROUP_FIELD && !va.p))
			return false;
	}
	return true;
}

/* The last step is done by `end`: did others, in order, do those before? The earliest that fits is always right,
 * because all are compared with `end` alone. */
static bool ordered(const struct hf_check_example *x, const struct hf_correlation *k, struct hf_hits *const hit[16],
		    unsigned end)
{
	unsigned last = k->nsteps - 1, s = 0;

	for (unsigned i = 0; i < end && s < last; i++)
		s += hit[s]->at[i] && grouped(x, k, i, s, end, last);
	return s == last && hit[last]->at[end];
}

static bool any_order(const struct hf_check_example *x, const struct hf_correlation *k, struct hf_hits *const hit[16],
		      unsigned end)
{
	for (unsigned pivot = 0; pivot < k->nsteps; pivot++) {
		unsigned done = 0;

		for (unsigned s = 0; hit[pivot]->at[end] && s < k->nsteps; s++) {
			bool seen = false;

			for (unsigned i = 0; i <= end && !seen; i++)
				seen = hit[s]->at[i] && grouped(x, k, i, s, end, pivot);
			done += seen;
		}
		if (done && hf_correlation_holds(k, done))
			return true;
	}
	return false;
}

/* --- counting --- */

static bool number_of(struct hf_str s, double *ret)
{
	char z[32], *end = NULL;

	if (s.n == 0 || s.n >= sizeof(z))
		return false;
	memcpy(z, s.p, s.n);
	z[s.n] = 0;
	*ret = strtod(z, &end);
	return *end == 0;
}

static bool same_value(const struct hf_check_example *x, const struct hf_correlation *k, unsigned a, unsigned sa,
		       unsigned b, unsigned sb)
{
	for (unsigned i = 0; i < k->nvalue; i++) {
		const struct hf_value *va = x->step[a].e.f[hf_corr_field_of(&k->value[i], sa)];
		const struct hf_value *vb = x->step[b].e.f[hf_corr_field_of(&k->value[i], sb)];

		if (va->n != vb->n)
			return false;
		for (unsigned j = 0; j < va->n; j++)
			if (!hf_str_eq(va->s[j], vb->s[j]))
				return false;
	}
	return true;
}

struct counted {
	unsigned i, step;
	double num;
};

static bool takes_part(const struct hf_check_example *x, const struct hf_correlation *k, struct counted *c)
{
	bool number = k->type >= HF_CORR_VALUE_SUM && (k->type != HF_CORR_VALUE_PERCENTILE || k->percentile >= 0);

	for (unsigned v = 0; v < k->nvalue; v++)
		if (!x->step[c->i].e.f[hf_corr_field_of(&k->value[v], c->step)])
			return false;
	return !number || number_of(first(&x->step[c->i], hf_corr_field_of(&k->value[0], c->step)), &c->num);
}

static int by_number(const void *a, const void *b)
{
	const struct counted *x = a, *y = b;

	return (x->num > y->num) - (x->num < y->num);
}

/* The last of them is the one being judged. */
static double outcome(const struct hf_check_example *x, const struct hf_correlation *k, struct counted *c, unsigned n)
{
	double sum = 0, different = 0, same = 0;
	unsigned rank;

	for (unsigned i = 0; i < n; i++) {
		bool again = false;

		for (unsigned j = 0; j < i && !again; j++)
			again = same_value(x, k, c[i].i, c[i].step, c[j].i, c[j].step);
		different += !again;
		same += same_value(x, k, c[i].i, c[i].step, c[n - 1].i, c[n - 1].step);
		sum += c[i].num;
	}
	switch (k->type) {
	case HF_CORR_EVENT_COUNT:
		return n;
	case HF_CORR_VALUE_COUNT:
		return different;
	case HF_CORR_VALUE_SUM:
		return sum;
	case HF_CORR_VALUE_AVG:
		return sum / n;
	default:
		break;
	}
	if (k->type == HF_CORR_VALUE_PERCENTILE && k->percentile < 0)
		return 100.0 * same / n;
	qsort(c, n, sizeof(*c), by_number);
	if (k->type == HF_CORR_VALUE_MIN || k->type == HF_CORR_VALUE_MAX)
		return c[k->type == HF_CORR_VALUE_MIN ? 0 : n - 1].num;
	rank = (n * (unsigned)k->percentile + 99) / 100;
	return c[rank ? rank - 1 : 0].num;
}

static bool counted(const struct hf_check_example *x, const struct hf_correlation *k, struct hf_hits *const hit[16],
		    unsigned end)
{
	struct counted c[HF_CHECK_STEPS_MAX], self = {.i = end};
	unsigned n = 0;

	while (self.step < k->nsteps && !hit[self.step]->at[end])
		self.step++;
	if (self.step == k->nsteps || !takes_part(x, k, &self))
		return false;
	for (unsigned i = 0; i < end; i++) {
		struct counted one = {.i = i};

		while (one.step < k->nsteps && !hit[one.step]->at[i])
			one.step++;
		if (one.step < k->nsteps && takes_part(x, k, &one) && grouped(x, k, i, one.step, end, self.step))
			c[n++] = one;
	}
	c[n++] = self;
	return hf_correlation_holds(k, outcome(x, k, c, n));
}

/* --- all rules --- */

static void match_steps(const struct hf_check_example *x, struct hf_hits *h, struct hf_hits *const hit[16])
{
	const struct hf_correlation *k = &h->rule->corr;
	bool limited;

	for (unsigned i = 0; i < x->n; i++)
		h->at[i] = !h->rule->is_correlation      ? hf_rule_match(h->rule, &x->step[i].e, &limited)
			   : k->type == HF_CORR_ORDERED  ? ordered(x, k, hit, i)
			   : k->type == HF_CORR_TEMPORAL ? any_order(x, k, hit, i)
							 : counted(x, k, hit, i);
}

/* Each rule once, however often correlations name it; not deeper than HF_CORR_DEPTH_MAX. */
static int hits_of(const struct hf_check_example *x, struct hf_vec *known, const struct hf_rule *r,
		   struct hf_hits **ret)
{
	struct hf_hits *hit[16] = {NULL}, *h;
	int rc = 0;

	for (unsigned i = 0; i < known->n; i++) {
		h = known->p[i];
		if (h->rule == r) {
			*ret = h;
			return 0;
		}
	}
	for (unsigned i = 0; rc == 0 && i < r->corr.nsteps; i++)
		rc = hits_of(x, known, r->corr.step[i], &hit[i]);
	if (rc < 0)
		return rc;
	h = calloc(1, sizeof(*h));
	if (!h || hf_vec_push(known, h) < 0) {
		free(h);
		return -ENOMEM;
	}
	h->rule = r;
	match_steps(x, h, hit);
	*ret = h;
	return 0;
}

int hf_check_correlation(const struct hf_check_example *x, bool *ret)
{
	struct hf_vec known = {0};
	struct hf_hits *h = NULL;
	int rc = hits_of(x, &known, x->rule, &h);
	bool any = false;

	for (unsigned i = 0; rc == 0 && i < x->n; i++)
		any |= h->at[i];
	for (unsigned i = 0; i < known.n; i++)
		free(known.p[i]);
	hf_vec_clear(&known);
	if (rc == 0)
		*ret = any;
	return rc;
}
