/* SPDX-License-Identifier: Apache-2.0 */
/* What correlations refer to: their steps, which may be correlations themselves, and the fields of their aliases. */
#include "sigma_int.h"
#include <errno.h>

static int find_rule(const struct hf_sigma_ctx *c, const struct hf_ynode *ref, struct hf_rule **ret)
{
	struct hf_rule *r = hf_ruleset_find(c->rs, ref->s.p);

	/* a rule with neither id nor name is kept by its title, which is no reference in Sigma */
	if (!r || (!r->id && !r->name))
		return hf_sigma_fail(c, ref->line, "correlation.rules: no loaded rule has the name or id '%s'",
				     ref->s.p);
	*ret = r;
	return 0;
}

static const struct hf_ynode *alias_of_step(const struct hf_ynode *map, const struct hf_rule *step)
{
	const struct hf_ynode *y = step->name ? hf_ynode_get(map, step->name) : NULL;

	return y || !step->id ? y : hf_ynode_get(map, step->id);
}

static int link_alias(const struct hf_sigma_ctx *c, const char *alias, struct hf_corr_field *f)
{
	const struct hf_ynode *map = hf_ynode_get(c->rule->aliases, alias);
	struct hf_correlation *k = &c->rule->corr;
	uint8_t *by_step = hf_arena_alloc(c->arena, k->nsteps);

	if (!by_step)
		return -ENOMEM;
	for (unsigned i = 0; i < k->nsteps; i++) {
		const struct hf_ynode *y = alias_of_step(map, k->step[i]);
		enum hf_field field = HF_FIELDS;

		if (!y)
			return hf_sigma_fail(c, map->line, "alias '%s' names no field for the rule '%s'", alias,
					     k->step[i]->name ? k->step[i]->name : hf_rule_id(k->step[i]));
		if (hf_field_parse(y->s.p, &field) < 0) {
			int rc = hf_sigma_na(c, "alias '%s': field '%s' is not known", alias, y->s.p);

			if (rc < 0)
				return rc;
			field = HF_F_TRUNCATED; /* never looked at: the rule does not apply */
		}
		by_step[i] = (uint8_t)field;
	}
	f->by_step = by_step;
	return 0;
}

/* A misspelt rule name in an alias would leave a step without its field. */
static int check_aliases(const struct hf_sigma_ctx *c)
{
	const struct hf_ynode *a = c->rule->aliases;

	for (unsigned i = 0; a && i < a->n; i++) {
		for (unsigned k = 0; k < a->val[i]->n; k++) {
			const struct hf_rule *r = hf_ruleset_find(c->rs, a->val[i]->key[k]->s.p);
			bool step = false;

			for (unsigned s = 0; s < c->rule->corr.nsteps; s++)
				step |= c->rule->corr.step[s] == r;
			if (!step)
				return hf_sigma_fail(c, a->val[i]->key[k]->line,
						     "alias '%s': '%s' is none of correlation.rules", a->key[i]->s.p,
						     a->val[i]->key[k]->s.p);
		}
	}
	return 0;
}

static int link_aliases(const struct hf_sigma_ctx *c)
{
	struct hf_correlation *k = &c->rule->corr;
	int rc = check_aliases(c);

	for (unsigned i = 0; rc == 0 && i < k->ngroup; i++)
		if (c->rule->group_alias[i])
			rc = link_alias(c, c->rule->group_alias[i], &k->group[i].f);
	for (unsigned i = 0; rc == 0 && i < k->nvalue; i++)
		if (c->rule->value_alias[i])
			rc = link_alias(c, c->rule->value_alias[i], &k->value[i]);
	return rc;
}

static int link_step(const struct hf_sigma_ctx *c, unsigned i)
{
	struct hf_rule *r = c->rule, *step = NULL;
	const struct hf_ynode *ref = r->refs->val[i];
	struct hf_sigma_ctx inner = *c;
	int rc = find_rule(c, ref, &step);

	if (rc < 0)
		return rc;
	if (step == r)
		return hf_sigma_fail(c, ref->line, "correlation.rules: '%s' is this correlation itself", ref->s.p);
	if (step->linking)
		return hf_sigma_fail(c, ref->line, "correlation.rules: '%s' refers back to this correlation", ref->s.p);
	inner.rule = step;
	inner.name = step->file;
	if (step->is_correlation)
		rc = hf_corr_resolve(&inner);
	if (rc < 0)
		return rc;
	if (step->depth + 1 > r->depth)
		r->depth = step->depth + 1;
	if (r->depth > HF_CORR_DEPTH_MAX)
		return hf_sigma_fail(c, ref->line, "correlations of correlations go deeper than %d", HF_CORR_DEPTH_MAX);
	r->weight += step->is_correlation ? step->weight : 1;
	if (r->weight > HF_CORR_WEIGHT_MAX)
		return hf_sigma_fail(c, ref->line,
				     "correlation.rules: more than %d rules, those of correlations counted at "
				     "each use",
				     HF_CORR_WEIGHT_MAX);
	r->corr.step[i] = step;
	r->corr.nsteps = i + 1;
	r->categories = r->corr.type == HF_CORR_ORDERED ? step->categories : r->categories | step->categories;
	return step->na ? hf_sigma_na(c, "its step '%s' is not applicable: %s", ref->s.p, step->na) : 0;
}

int hf_corr_resolve(const struct hf_sigma_ctx *c)
{
	struct hf_rule *r = c->rule;
	int rc = 0;

	if (r->linked)
		return 0;
	if (c->rs->link_depth == HF_CORR_DEPTH_MAX)
		return hf_sigma_fail(c, r->line, "correlations of correlations go deeper than %d", HF_CORR_DEPTH_MAX);
	c->rs->link_depth++;
	r->linking = true;
	r->weight = 1;
	for (unsigned i = 0; rc == 0 && i < r->refs->n; i++)
		rc = link_step(c, i);
	r->linking = false;
	c->rs->link_depth--;
	if (rc == 0)
		rc = link_aliases(c);
	r->linked = rc == 0;
	return rc;
}
