/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include "check.h"
#include "sigma_int.h"

struct step {			/* one map of an example */
	struct hf_event e;
	struct hf_value v[HF_FIELDS];
	uint64_t time_ns;
};
struct example {
	const struct hf_sigma_ctx *c;
	const struct hf_rule *rule;
	unsigned n;
	struct step *step;
};

static int fill_field(const struct example *x, struct step *s, const struct hf_ynode *key, const struct hf_ynode *val)
{
	bool list = val->type == HF_Y_LIST;
	enum hf_field f;
	unsigned n = list ? val->n : 1;

	if (hf_field_parse(key->s.p, &f) < 0)
		return hf_sigma_fail(x->c, key->line, "example: unknown field '%s'", key->s.p);
	if (n > HF_EVENT_LIST_MAX)
		return hf_sigma_fail(x->c, key->line, "example: '%s' has more than %d values", key->s.p,
				     HF_EVENT_LIST_MAX);
	for (unsigned i = 0; i < n; i++) {
		const struct hf_ynode *y = list ? val->val[i] : val;

		if (y->type != HF_Y_SCALAR)
			return hf_sigma_fail(x->c, y->line, "example: a value of '%s' is no text", key->s.p);
		if (hf_ynode_is_null(y))
			continue;
		s->v[f].s[s->v[f].n++] = y->s;
	}
	if (s->v[f].n)
		s->e.f[f] = &s->v[f];
	return 0;
}

static int fill_step(const struct example *x, struct step *s, const struct hf_ynode *map, uint32_t categories)
{
	s->e.categories = categories;
	if (map->type != HF_Y_MAP)
		return hf_sigma_fail(x->c, map->line, "example: each step is a map of fields and values");
	for (unsigned i = 0; i < map->n; i++) {
		const struct hf_ynode *key = map->key[i], *val = map->val[i];
		enum hf_category cat;
		uint64_t ns;
		int rc = 0;

		if (strcmp(key->s.p, "category") == 0) {
			if (val->type != HF_Y_SCALAR || hf_category_parse(val->s.p, &cat) < 0)
				return hf_sigma_fail(x->c, val->line, "example: unknown category '%s'",
						     val->type == HF_Y_SCALAR ? val->s.p : "");
			s->e.categories = 1u << cat;
		} else if (strcmp(key->s.p, "after") == 0) {
			if (val->type != HF_Y_SCALAR || hf_timespan_parse(val->s.p, &ns) < 0)
				return hf_sigma_fail(x->c, val->line, "example: after must be a time such as 5s");
			s->time_ns += ns;
		} else {
			rc = fill_field(x, s, key, val);
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int fill(struct example *x, const struct hf_ynode *y)
{
	uint32_t categories = x->rule->categories;
	bool list = y->type == HF_Y_LIST;

	x->n = list ? y->n : 1;
	if (x->n == 0 || x->n > HF_CHECK_STEPS_MAX)
		return hf_sigma_fail(x->c, y->line, "example: a correlation takes 1 to %d steps", HF_CHECK_STEPS_MAX);
	x->step = calloc(x->n, sizeof(*x->step));
	if (!x->step)
		return -ENOMEM;
	for (unsigned i = 0; i < x->rule->corr.nsteps; i++)
		categories |= x->rule->corr.step[i]->categories;
	for (unsigned i = 0; i < x->n; i++) {
		int rc;

		x->step[i].time_ns = i ? x->step[i - 1].time_ns : 0;
		rc = fill_step(x, &x->step[i], list ? y->val[i] : y, categories);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* --- correlations over the steps of an example --- */

static struct hf_str first(const struct step *s, enum hf_field f)
{
	return s->e.f[f] ? s->e.f[f]->s[0] : (struct hf_str){ NULL, 0 };
}

/* Is a's process that of b, or an ancestor of it as far as the example says? */
static bool in_lineage(const struct example *x, unsigned a, unsigned b)
{
	struct hf_str want = first(&x->step[a], HF_F_PROCESS_ID), pid = first(&x->step[b], HF_F_PROCESS_ID);
	struct hf_str parent = first(&x->step[b], HF_F_PARENT_PROCESS_ID);

	for (unsigned depth = 0; depth <= x->n; depth++) {
		if (hf_str_eq(pid, want))
			return true;
		if (!parent.p)
			return false;
		pid = parent;
		parent = (struct hf_str){ NULL, 0 };
		for (unsigned i = 0; i < x->n && !parent.p; i++)
			if (hf_str_eq(first(&x->step[i], HF_F_PROCESS_ID), pid))
				parent = first(&x->step[i], HF_F_PARENT_PROCESS_ID);
	}
	return false;
}

/* Do steps a and, later, b belong together? */
static bool grouped(const struct example *x, unsigned a, unsigned b)
{
	const struct hf_correlation *k = &x->rule->corr;

	if (x->step[b].time_ns - x->step[a].time_ns > k->timespan_ns)
		return false;
	for (unsigned i = 0; i < k->ngroup; i++) {
		enum hf_field f = k->group[i].key == HF_GROUP_PROCESS ? HF_F_PROCESS_ID : k->group[i].field;

		if (k->group[i].key == HF_GROUP_SESSION)
			continue;
		if (k->group[i].key == HF_GROUP_LINEAGE) {
			if (!in_lineage(x, a, b))
				return false;
		} else if (!hf_str_eq(first(&x->step[a], f), first(&x->step[b], f)) ||
			   (k->group[i].key == HF_GROUP_FIELD && !first(&x->step[a], f).p)) {
			return false;
		}
	}
	return true;
}

/* The last step is done by `end`: did others, in order, do those before? The earliest that fits is always right,
 * because all are compared with `end` alone. */
static bool ordered(const struct example *x, const bool (*hit)[16], unsigned end)
{
	unsigned last = x->rule->corr.nsteps - 1, k = 0;

	for (unsigned i = 0; i < end && k < last; i++)
		k += hit[i][k] && grouped(x, i, end);
	return k == last && hit[end][last];
}

static bool any_order(const struct example *x, const bool (*hit)[16], unsigned end)
{
	bool last = false;

	for (unsigned k = 0; k < x->rule->corr.nsteps; k++) {
		bool seen = false;

		last |= hit[end][k];
		for (unsigned i = 0; i <= end && !seen; i++)
			seen = hit[i][k] && grouped(x, i, end);
		if (!seen)
			return false;
	}
	return last;
}

static bool correlation_matches(const struct example *x)
{
	const struct hf_correlation *k = &x->rule->corr;
	bool hit[HF_CHECK_STEPS_MAX][16] = { 0 };

	for (unsigned i = 0; i < x->n; i++) {
		for (unsigned s = 0; s < k->nsteps; s++) {
			bool limited;

			hit[i][s] = hf_rule_match(k->step[s], &x->step[i].e, &limited);
		}
		if (k->any_order ? any_order(x, hit, i) : ordered(x, hit, i))
			return true;
	}
	return false;
}

static int run_example(const struct hf_sigma_ctx *c, const struct hf_rule *r, const struct hf_ynode *y, bool want)
{
	struct example x = { .c = c, .rule = r };
	bool got, limited = false;
	int rc;

	rc = fill(&x, y);
	if (rc == 0) {
		got = r->is_correlation ? correlation_matches(&x) : hf_rule_match(r, &x.step[0].e, &limited);
		if (got != want)
			rc = hf_sigma_fail(c, y->line,
					   "example under '%s' %s rule '%s'; correct the example or the rule",
					   want ? "match" : "pass", want ? "does not match" : "matches", hf_rule_id(r));
		else if (limited)
			rc = hf_sigma_fail(c, y->line,
					   "example matches rule '%s' only because a regular expression ran into its "
					   "limit; write a simpler one",
					   hf_rule_id(r));
	}
	free(x.step);
	return rc;
}

int hf_check_rule(const struct hf_rule *r, hf_check_fn fn, void *ctx, struct hf_check *ret)
{
	const struct hf_ynode *match = hf_ynode_get(r->examples, "match"), *pass = hf_ynode_get(r->examples, "pass");
	struct hf_check n = { match ? match->n : 0, pass ? pass->n : 0, 0 };
	struct hf_rule_error err;
	struct hf_sigma_ctx c = { .name = r->file, .rs = r->set, .err = &err };

	for (unsigned i = 0; !r->na && i < n.match + n.pass; i++) {
		bool want = i < n.match;
		int rc = run_example(&c, r, want ? match->val[i] : pass->val[i - n.match], want);

		if (rc == -ENOMEM)
			return rc;
		if (rc < 0) {
			n.failed++;
			fn(ctx, r, &err);
		}
	}
	*ret = n;
	return 0;
}
