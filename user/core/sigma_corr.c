/* SPDX-License-Identifier: Apache-2.0 */
/* Correlation documents: temporal_ordered and temporal. References are resolved once all files are there. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "sigma_int.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define TIMESPAN_MAX_S (366ull * 86400)

static int compile_type(const struct hf_sigma_ctx *c, const struct hf_ynode *y)
{
	const char *type = NULL;
	int rc = hf_text_get(c, y, "type", 64, &type);

	if (rc < 0)
		return rc;
	if (!type)
		return hf_sigma_fail(c, y->line, "correlation needs a type: temporal_ordered or temporal");
	if (strcmp(type, "temporal") == 0)
		c->rule->corr.any_order = true;
	else if (strcmp(type, "temporal_ordered") != 0)
		return hf_sigma_fail(c, hf_ynode_get(y, "type")->line,
				     "correlation type '%s' is not supported; known: temporal_ordered, temporal", type);
	return 0;
}

int hf_timespan_parse(const char *s, uint64_t *ret_ns)
{
	unsigned long long n = 0, unit;
	char *end = NULL;

	if (*s >= '0' && *s <= '9')
		n = strtoull(s, &end, 10);
	unit = !end ? 0 : *end == 's' ? 1 : *end == 'm' ? 60 : *end == 'h' ? 3600 : *end == 'd' ? 86400 : 0;
	if (!unit || end[1] || n == 0 || n > TIMESPAN_MAX_S / unit)
		return -EINVAL;
	*ret_ns = n * unit * 1000000000ull;
	return 0;
}

static int compile_timespan(const struct hf_sigma_ctx *c, const struct hf_ynode *y)
{
	const char *s = NULL;
	int rc = hf_text_get(c, y, "timespan", 32, &s);

	if (rc < 0)
		return rc;
	if (!s)
		return hf_sigma_fail(c, y->line, "correlation needs a timespan, such as 10m");
	if (hf_timespan_parse(s, &c->rule->corr.timespan_ns) < 0)
		return hf_sigma_fail(c, hf_ynode_get(y, "timespan")->line,
				     "timespan '%s' must be a number with s, m, h or d, up to 366d, such as 10m", s);
	return 0;
}

static int add_group(const struct hf_sigma_ctx *c, const struct hf_ynode *y)
{
	struct hf_correlation *k = &c->rule->corr;
	enum hf_group_key key = HF_GROUP_FIELD;
	enum hf_field field = HF_FIELDS;

	if (y->type != HF_Y_SCALAR || y->s.n == 0)
		return hf_sigma_fail(c, y->line, "group-by must be a list of Session, Process, Lineage or field names");
	if (k->ngroup == N(k->group))
		return hf_sigma_fail(c, y->line, "group-by has more than %zu names", N(k->group));
	if (strcmp(y->s.p, "Session") == 0)
		key = HF_GROUP_SESSION;
	else if (strcmp(y->s.p, "Process") == 0)
		key = HF_GROUP_PROCESS;
	else if (strcmp(y->s.p, "Lineage") == 0)
		key = HF_GROUP_LINEAGE;
	else if (hf_field_parse(y->s.p, &field) < 0)
		return hf_sigma_na(c, "group-by: field '%s' is not known", y->s.p);
	k->group[k->ngroup].key = key;
	k->group[k->ngroup++].field = field;
	return 0;
}

static int compile_group(const struct hf_sigma_ctx *c, const struct hf_ynode *y)
{
	const struct hf_ynode *g = hf_ynode_get(y, "group-by");
	int rc = 0;

	if (!g || hf_ynode_is_null(g))
		return 0;
	if (g->type != HF_Y_LIST)
		return add_group(c, g);
	for (unsigned i = 0; rc == 0 && i < g->n; i++)
		rc = add_group(c, g->val[i]);
	return rc;
}

static int compile_refs(const struct hf_sigma_ctx *c, const struct hf_ynode *y)
{
	const struct hf_ynode *refs = hf_ynode_get(y, "rules");
	const size_t max = N(c->rule->corr.step);

	if (!refs || refs->type != HF_Y_LIST || refs->n < 2 || refs->n > max)
		return hf_sigma_fail(c, refs ? refs->line : y->line,
				     "correlation.rules must be a list of 2 to %zu rule names or ids", max);
	for (unsigned i = 0; i < refs->n; i++)
		if (refs->val[i]->type != HF_Y_SCALAR || refs->val[i]->s.n == 0)
			return hf_sigma_fail(c, refs->val[i]->line, "correlation.rules must be names or ids of rules");
	c->rule->refs = refs;
	return 0;
}

/* Sigma counts the different rules seen. All of them is what these types mean by themselves; fewer is not supported. */
static int check_condition(const struct hf_sigma_ctx *c, const struct hf_ynode *y)
{
	const struct hf_ynode *k = hf_ynode_get(y, "condition");
	char want[16];

	if (!k)
		return 0;
	snprintf(want, sizeof(want), "%u", c->rule->refs->n);
	if (k->type == HF_Y_MAP && k->n == 1 && k->val[0]->type == HF_Y_SCALAR && strcmp(k->val[0]->s.p, want) == 0 &&
	    (strcmp(k->key[0]->s.p, "gte") == 0 || strcmp(k->key[0]->s.p, "eq") == 0))
		return 0;
	return hf_sigma_fail(c, k->line,
			     "correlation.condition of a temporal type can only be {gte: %s}, all of its rules", want);
}

int hf_corr_compile(const struct hf_sigma_ctx *c, const struct hf_ynode *doc, const struct hf_ynode *corr)
{
	static const char known[][12] = { "type", "rules", "group-by", "timespan", "condition", "generate" };
	const struct hf_ynode *gen = hf_ynode_get(corr, "generate");
	int rc;

	c->rule->is_correlation = true;
	if (corr->type != HF_Y_MAP)
		return hf_sigma_fail(c, corr->line, "correlation must be a map with type, rules and timespan");
	if (hf_ynode_get(doc, "detection"))
		return hf_sigma_fail(c, doc->line,
				     "a document is a detection or a correlation, not both; part them with '---'");
	for (unsigned i = 0; i < corr->n; i++) {
		bool ok = false;

		for (unsigned k = 0; k < N(known); k++)
			ok |= strcmp(known[k], corr->key[i]->s.p) == 0;
		if (!ok)
			return hf_sigma_fail(c, corr->key[i]->line,
					     "correlation: '%s' is not supported; known: type, rules, "
					     "group-by, timespan, condition, generate",
					     corr->key[i]->s.p);
	}
	rc = compile_type(c, corr);
	if (rc == 0)
		rc = compile_refs(c, corr);
	if (rc == 0)
		rc = compile_timespan(c, corr);
	if (rc == 0)
		rc = compile_group(c, corr);
	if (rc == 0)
		rc = check_condition(c, corr);
	if (!gen)
		gen = hf_ynode_get(doc, "generate");
	if (rc == 0 && gen && hf_ynode_bool(gen, &c->rule->corr.generate) < 0)
		rc = hf_sigma_fail(c, gen->line, "generate must be true or false");
	return rc;
}

static int find_rule(const struct hf_sigma_ctx *c, const struct hf_ynode *ref, struct hf_rule **ret)
{
	const struct hf_vec *rules = &c->rs->rules;

	for (unsigned i = 0; i < rules->n; i++) {
		struct hf_rule *r = rules->p[i];

		if ((r->id && strcmp(r->id, ref->s.p) == 0) || (r->name && strcmp(r->name, ref->s.p) == 0)) {
			*ret = r;
			return 0;
		}
	}
	return hf_sigma_fail(c, ref->line, "correlation.rules: no loaded rule has the name or id '%s'", ref->s.p);
}

/* c->rule is a correlation of c->rs. Marks its steps; called for all before step_only is read. */
int hf_corr_resolve(const struct hf_sigma_ctx *c)
{
	struct hf_rule *r = c->rule;

	for (unsigned i = 0; i < r->refs->n; i++) {
		const struct hf_ynode *ref = r->refs->val[i];
		struct hf_rule *step = NULL;
		int rc = find_rule(c, ref, &step);

		if (rc < 0)
			return rc;
		if (step == r)
			return hf_sigma_fail(c, ref->line, "correlation.rules: '%s' is this correlation itself",
					     ref->s.p);
		if (step->is_correlation)
			return hf_sigma_fail(c, ref->line,
					     "correlation.rules: '%s' is a correlation; only detections can be steps",
					     ref->s.p);
		r->corr.step[i] = step;
		r->corr.nsteps = i + 1;
		if (r->corr.any_order)
			r->categories |= step->categories;
		else
			r->categories = step->categories;
		if (step->na) {
			rc = hf_sigma_na(c, "its step '%s' is not applicable: %s", ref->s.p, step->na);
			if (rc < 0)
				return rc;
		}
	}
	return 0;
}
