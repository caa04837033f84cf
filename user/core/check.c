/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include "check_int.h"

static int fill_field(const struct hf_check_example *x, struct hf_check_step *s, const struct hf_ynode *key, const struct hf_ynode *val)
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

static int fill_step(const struct hf_check_example *x, struct hf_check_step *s, const struct hf_ynode *map, uint32_t categories)
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

/* Of all that may stand in an example of r. */
static void add_categories(const struct hf_rule *r, uint32_t *categories)
{
	*categories |= r->categories;
	for (unsigned i = 0; i < r->corr.nsteps; i++)
		add_categories(r->corr.step[i], categories);
}

static int fill(struct hf_check_example *x, const struct hf_ynode *y)
{
	uint32_t categories = x->rule->categories;
	bool list = y->type == HF_Y_LIST;

	x->n = list ? y->n : 1;
	if (x->n == 0 || x->n > HF_CHECK_STEPS_MAX)
		return hf_sigma_fail(x->c, y->line, "example: a correlation takes 1 to %d steps", HF_CHECK_STEPS_MAX);
	x->step = calloc(x->n, sizeof(*x->step));
	if (!x->step)
		return -ENOMEM;
	add_categories(x->rule, &categories);
	for (unsigned i = 0; i < x->n; i++) {
		int rc;

		x->step[i].time_ns = i ? x->step[i - 1].time_ns : 0;
		rc = fill_step(x, &x->step[i], list ? y->val[i] : y, categories);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int run_example(const struct hf_sigma_ctx *c, const struct hf_rule *r, const struct hf_ynode *y, bool want)
{
	struct hf_check_example x = { .c = c, .rule = r };
	bool got = false, limited = false;
	int rc;

	rc = fill(&x, y);
	if (rc == 0) {
		if (r->is_correlation)
			rc = hf_check_correlation(&x, &got);
		else
			got = hf_rule_match(r, &x.step[0].e, &limited);
		if (rc == 0 && got != want)
			rc = hf_sigma_fail(c, y->line,
					   "example under '%s' %s rule '%s'; correct the example or the rule",
					   want ? "match" : "pass", want ? "does not match" : "matches", hf_rule_id(r));
		else if (rc == 0 && limited)
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
