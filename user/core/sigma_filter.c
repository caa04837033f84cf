/* SPDX-License-Identifier: Apache-2.0 */
/* Filter documents: conditions added to rules that stay as their authors wrote them. */
#include "sigma_int.h"
#include <errno.h>

static bool is_any(const struct hf_ynode *y)
{
	if (y->type == HF_Y_LIST)
		return y->n == 0;
	return y->type == HF_Y_SCALAR && (strcasecmp(y->s.p, "any") == 0 || strcasecmp(y->s.p, "all") == 0);
}

static int compile_refs(const struct hf_sigma_ctx *c, const struct hf_ynode *filter)
{
	const struct hf_ynode *y = hf_ynode_get(filter, "rules");

	if (!y)
		return hf_sigma_fail(c, filter->line, "filter needs 'rules': a list of rule names or ids, or any");
	c->rule->refs = NULL;
	if (is_any(y))
		return 0;
	if (y->type == HF_Y_MAP || (y->type == HF_Y_SCALAR && y->s.n == 0))
		return hf_sigma_fail(c, y->line, "filter.rules must be a list of rule names or ids, or any");
	for (unsigned i = 0; y->type == HF_Y_LIST && i < y->n; i++)
		if (y->val[i]->type != HF_Y_SCALAR || y->val[i]->s.n == 0)
			return hf_sigma_fail(c, y->val[i]->line, "filter.rules must be names or ids of rules");
	c->rule->refs = y;
	return 0;
}

int hf_filter_compile(const struct hf_sigma_ctx *c, const struct hf_ynode *doc, const struct hf_ynode *filter)
{
	const struct hf_ynode *cond = hf_ynode_get(filter, "condition");
	struct hf_named *det;
	unsigned ndet = 0;
	int rc;

	c->rule->is_filter = true;
	if (filter->type != HF_Y_MAP || hf_ynode_get(doc, "detection") || hf_ynode_get(doc, "correlation"))
		return hf_sigma_fail(c, filter->line,
				     "a filter document has 'filter', a map, and neither detection nor "
				     "correlation; part documents with '---'");
	if (!cond || cond->type != HF_Y_SCALAR)
		return hf_sigma_fail(c, filter->line, "filter needs one condition, such as 'condition: not selection'");
	rc = hf_logsource_compile(c, doc);
	if (rc == 0)
		rc = compile_refs(c, filter);
	if (rc < 0)
		return rc;
	det = hf_arena_alloc(c->arena, filter->n * sizeof(*det));
	if (!det)
		return -ENOMEM;
	for (unsigned i = 0; rc == 0 && i < filter->n; i++) {
		const char *name = filter->key[i]->s.p;

		if (strcmp(name, "condition") == 0 || strcmp(name, "rules") == 0)
			continue;
		det[ndet].name = name;
		rc = hf_detect_compile(c, filter->val[i], name, &det[ndet++].node);
	}
	return rc < 0 ? rc : hf_cond_compile(c, cond, det, ndet, &c->rule->cond);
}

static int narrow(const struct hf_sigma_ctx *c, struct hf_rule *r)
{
	void *both[] = {r->cond, c->rule->cond};
	const struct hf_vec kids = {both, 2, 2};
	struct hf_node *n;

	if (r->is_correlation || r->na || (r->categories & ~c->rule->categories))
		return 0;
	n = hf_node_new(c->arena, HF_N_AND, &kids);
	if (!n)
		return -ENOMEM;
	r->cond = n;
	c->rule->narrows++;
	return 0;
}

static int narrow_named(const struct hf_sigma_ctx *c, const struct hf_ynode *ref)
{
	struct hf_rule *r = hf_ruleset_find(c->rs, ref->s.p);

	if (!r || (!r->id && !r->name))
		return hf_sigma_fail(c, ref->line, "filter.rules: no loaded rule has the name or id '%s'", ref->s.p);
	if (r->is_correlation)
		return hf_sigma_fail(c, ref->line, "filter.rules: '%s' is a correlation; name its detections",
				     ref->s.p);
	return narrow(c, r);
}

int hf_filter_apply(const struct hf_sigma_ctx *c)
{
	const struct hf_ynode *refs = c->rule->refs;
	int rc = 0;

	if (c->rule->na)
		return 0;
	if (!refs)
		for (unsigned i = 0; rc == 0 && i < c->rs->rules.n; i++)
			rc = narrow(c, c->rs->rules.p[i]);
	else if (refs->type == HF_Y_SCALAR)
		rc = narrow_named(c, refs);
	else
		for (unsigned i = 0; rc == 0 && i < refs->n; i++)
			rc = narrow_named(c, refs->val[i]);
	if (rc == 0 && c->rule->narrows == 0)
		rc = hf_sigma_na(c, "none of its rules applies here with this logsource");
	return rc;
}
