/* SPDX-License-Identifier: Apache-2.0 */
/* One YAML document to one rule. */
#include <errno.h>
#include <stdio.h>
#include "sigma_int.h"

int hf_text_get(const struct hf_sigma_ctx *c, const struct hf_ynode *map, const char *key, size_t max, const char **ret)
{
	const struct hf_ynode *y = hf_ynode_get(map, key);

	if (!y)
		return 0;
	if (y->type != HF_Y_SCALAR || hf_ynode_is_null(y) || y->s.n == 0)
		return hf_sigma_fail(c, y->line, "%s must be a text", key);
	if (y->s.n > max)
		return hf_sigma_fail(c, y->line, "%s is longer than %zu bytes", key, max);
	*ret = y->s.p;
	return 0;
}

static int compile_level(const struct hf_sigma_ctx *c, const struct hf_ynode *doc)
{
	const char *level = "medium";
	int rc = hf_text_get(c, doc, "level", 32, &level);

	if (rc < 0)
		return rc;
	if (hf_level_parse(level, &c->rule->level) < 0)
		return hf_sigma_fail(c, hf_ynode_get(doc, "level")->line,
				     "unknown level '%s'; known: informational, low, medium, high, critical", level);
	return 0;
}

static int compile_tags(const struct hf_sigma_ctx *c, const struct hf_ynode *doc)
{
	const struct hf_ynode *y = hf_ynode_get(doc, "tags");
	struct hf_rule *r = c->rule;

	if (!y || hf_ynode_is_null(y))
		return 0;
	if (y->type != HF_Y_LIST)
		return hf_sigma_fail(c, y->line, "tags must be a list of texts");
	r->tag = hf_arena_alloc(c->arena, y->n * sizeof(*r->tag));
	if (!r->tag)
		return -ENOMEM;
	for (unsigned i = 0; i < y->n; i++) {
		if (y->val[i]->type != HF_Y_SCALAR)
			return hf_sigma_fail(c, y->val[i]->line, "tags must be a list of texts");
		r->tag[r->ntags++] = y->val[i]->s.p;
	}
	return 0;
}

static int compile_attributes(const struct hf_sigma_ctx *c, const struct hf_ynode *doc)
{
	struct hf_rule *r = c->rule;
	int rc;

	rc = hf_text_get(c, doc, "title", 256, &r->title);
	if (rc == 0 && !r->title)
		rc = hf_sigma_fail(c, doc->line, "a rule needs a title");
	if (rc == 0)
		rc = hf_text_get(c, doc, "id", 128, &r->id);
	if (rc == 0)
		rc = hf_text_get(c, doc, "name", 128, &r->name);
	if (rc == 0)
		rc = compile_level(c, doc);
	if (rc == 0)
		rc = compile_tags(c, doc);
	return rc;
}

int hf_logsource_compile(const struct hf_sigma_ctx *c, const struct hf_ynode *doc)
{
	const struct hf_ynode *y = hf_ynode_get(doc, "logsource");
	const char *product = NULL, *category = NULL, *service = NULL;
	enum hf_category cat;
	char known[256];
	int rc;

	if (!y || y->type != HF_Y_MAP)
		return hf_sigma_fail(c, y ? y->line : doc->line,
				     "a rule needs a logsource, such as {product: linux, category: process_creation}");
	rc = hf_text_get(c, y, "product", 64, &product);
	if (rc == 0)
		rc = hf_text_get(c, y, "category", 64, &category);
	if (rc == 0)
		rc = hf_text_get(c, y, "service", 64, &service);
	if (rc < 0)
		return rc;
	if (product && strcmp(product, "linux") != 0)
		return hf_sigma_na(c, "logsource product '%s' is not linux", product);
	if (service)
		return hf_sigma_na(c, "logsource service '%s' is a log file; Holdfast has the kernel's events",
				   service);
	if (!category) {
		c->rule->categories = (1u << HF_CATEGORIES) - 1;
		return 0;
	}
	if (hf_category_parse(category, &cat) < 0) {
		hf_categories_known(known, sizeof(known));
		return hf_sigma_na(c, "logsource category '%s' has no events here; known: %s", category, known);
	}
	c->rule->categories = 1u << cat;
	return 0;
}

static int compile_detection(const struct hf_sigma_ctx *c, const struct hf_ynode *doc)
{
	const struct hf_ynode *y = hf_ynode_get(doc, "detection"), *cond;
	struct hf_named *det;
	unsigned ndet = 0;
	int rc = hf_logsource_compile(c, doc);

	if (rc < 0)
		return rc;
	if (!y || y->type != HF_Y_MAP)
		return hf_sigma_fail(c, y ? y->line : doc->line,
				     "a rule needs a detection: a map of names, and a condition");
	cond = hf_ynode_get(y, "condition");
	if (!cond)
		return hf_sigma_fail(c, y->line, "detection needs a condition, such as 'condition: selection'");
	det = hf_arena_alloc(c->arena, y->n * sizeof(*det));
	if (!det)
		return -ENOMEM;
	for (unsigned i = 0; i < y->n; i++) {
		const char *name = y->key[i]->s.p;

		if (y->val[i] == cond && strcmp(name, "condition") == 0)
			continue;
		if (strcmp(name, "timeframe") == 0)
			return hf_sigma_fail(c, y->key[i]->line,
					     "timeframe is Sigma 1; write a correlation with a timespan");
		det[ndet].name = name;
		rc = hf_detect_compile(c, y->val[i], name, &det[ndet++].node);
		if (rc < 0)
			return rc;
	}
	return hf_cond_compile(c, cond, det, ndet, &c->rule->cond);
}

int hf_rule_compile(struct hf_sigma_ctx *c, const struct hf_ynode *doc, struct hf_rule **ret)
{
	const struct hf_ynode *corr = hf_ynode_get(doc, "correlation"), *own = hf_ynode_get(doc, "holdfast");
	const struct hf_ynode *filter = hf_ynode_get(doc, "filter");
	struct hf_rule *r;
	int rc;

	if (doc->type != HF_Y_MAP)
		return hf_sigma_fail(c, doc->line, "a rule must be a map with title, logsource and detection");
	if (hf_ynode_get(doc, "action"))
		return hf_sigma_fail(c, hf_ynode_get(doc, "action")->line,
				     "rule collections (action: global) are Sigma 1; write each rule out");
	r = hf_arena_alloc(c->arena, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->line = doc->line;
	r->file = c->name;
	r->guidance = "";
	r->set = c->rs;
	c->rule = r;
	rc = compile_attributes(c, doc);
	if (rc == 0 && filter)
		rc = hf_filter_compile(c, doc, filter);
	else if (rc == 0 && corr)
		rc = hf_corr_compile(c, doc, corr);
	else if (rc == 0)
		rc = compile_detection(c, doc);
	if (rc == 0 && own)
		rc = hf_holdfast_compile(c, own);
	if (rc == 0)
		*ret = r;
	return rc;
}
