/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files a rule can hold on: globs for the guards. A guard that watches too much costs time, one that watches too
 * little lets an action through; so where several values must all match only the most telling one is passed, and where
 * the rule can match without naming a file "*" is.
 */
#include <errno.h>
#include "sigma_int.h"

#define GLOB_MAX 4096

struct emit {
	int (*cb)(void *ctx, const struct hf_rule *r, const char *glob, bool exact);
	void *ctx;
	const struct hf_rule *rule;
};

/* How telling a pattern is: bytes that must be there; 0 says nothing, -1 it does not name a file. */
static int pat_score(const struct hf_pat *p)
{
	int n = 0;

	if (p->op > HF_P_GLOB)
		return p->op == HF_P_NULL || p->op == HF_P_NOT_EXISTS ? -1 : 0;
	for (unsigned i = 0; i < p->orig.n; i++) {
		if (p->orig.t[i] == HF_T_DASH)
			return 0;
		n += p->orig.t[i] <= 0xff;
	}
	return n;
}

static int alt_score(const struct hf_alt *a)
{
	int low = 1 << 30;

	for (unsigned i = 0; i < a->n; i++) {
		int s = pat_score(&a->pat[i]);

		if (s < low)
			low = s;
	}
	return low;
}

static const struct hf_alt *best_alt(const struct hf_item *item)
{
	const struct hf_alt *best = &item->alt[0];

	for (unsigned i = 1; i < item->n; i++)
		if (alt_score(&item->alt[i]) > alt_score(best))
			best = &item->alt[i];
	return best;
}

static int item_score(const struct hf_item *item)
{
	int low = 1 << 30;

	if (item->keyword || item->neq || item->field != HF_F_TARGET_FILENAME)
		return -1;
	if (item->all)
		return alt_score(best_alt(item));
	for (unsigned i = 0; i < item->n; i++) {
		int s = alt_score(&item->alt[i]);

		if (s < low)
			low = s;
	}
	return low;
}

static int node_score(const struct hf_node *n)
{
	int best = -1;

	if (n->op == HF_N_ITEM)
		return item_score(n->item);
	if (n->op == HF_N_NOT)
		return -1;
	for (unsigned i = 0; i < n->n; i++) {
		int s = node_score(n->kid[i]);

		if (i == 0 || (n->op == HF_N_AND ? s > best : s < best))
			best = s;
	}
	return best;
}

static int emit_pat(const struct emit *e, const struct hf_pat *p)
{
	char glob[GLOB_MAX];
	unsigned n = 0;

	/* a literal * or ? would read as a wildcard: that only widens the glob, but it is no longer exact */
	bool exact = true;

	if (pat_score(p) <= 0)
		return e->cb(e->ctx, e->rule, "*", false);
	if (p->orig.n >= sizeof(glob))
		return -ENAMETOOLONG;
	for (unsigned i = 0; i < p->orig.n; i++) {
		uint16_t t = p->orig.t[i];

		exact &= t != '*' && t != '?';
		if (t == HF_T_STAR && n && glob[n - 1] == '*')
			continue;
		glob[n++] = t == HF_T_STAR ? '*' : t == HF_T_ONE ? '?' : (char)t;
	}
	glob[n] = 0;
	if (glob[0] == '?')
		return e->cb(e->ctx, e->rule, "*", false);
	if (glob[0] != '/' && glob[0] != '*')
		return 0;	/* TargetFilename is absolute: this value can't match */
	return e->cb(e->ctx, e->rule, glob, exact);
}

static int emit_item(const struct emit *e, const struct hf_item *item)
{
	const struct hf_alt *only = item->all ? best_alt(item) : NULL;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < item->n; i++)
		for (unsigned k = 0; rc == 0 && (!only || only == &item->alt[i]) && k < item->alt[i].n; k++)
			rc = emit_pat(e, &item->alt[i].pat[k]);
	return rc;
}

static int emit_node(const struct emit *e, const struct hf_node *n)
{
	const struct hf_node *best = NULL;
	int rc = 0;

	if (n->op == HF_N_ITEM)
		return emit_item(e, n->item);
	for (unsigned i = 0; rc == 0 && i < n->n; i++) {
		if (n->op == HF_N_OR)
			rc = emit_node(e, n->kid[i]);
		else if (!best || node_score(n->kid[i]) > node_score(best))
			best = n->kid[i];
	}
	return best ? emit_node(e, best) : rc;
}

static int emit_detection(const struct emit *e, const struct hf_rule *det)
{
	if (det->na || !(det->categories & (1u << HF_CAT_FILE_ACCESS)))
		return 0;
	if (node_score(det->cond) < 0)
		return e->cb(e->ctx, e->rule, "*", false);
	return emit_node(e, det->cond);
}

/* r itself or, of a correlation, what can complete it. Not deeper than HF_CORR_DEPTH_MAX. */
static int emit_rule(const struct emit *e, const struct hf_rule *r)
{
	int rc = 0;

	if (!r->is_correlation)
		return emit_detection(e, r);
	for (unsigned k = 0; rc == 0 && k < r->corr.nsteps; k++)
		if (r->corr.type != HF_CORR_ORDERED || k + 1 == r->corr.nsteps)
			rc = emit_rule(e, r->corr.step[k]);
	return rc;
}

int hf_ruleset_read_globs(const struct hf_ruleset *rs,
			  int (*cb)(void *ctx, const struct hf_rule *r, const char *glob, bool exact), void *ctx)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < rs->rules.n; i++) {
		const struct hf_rule *r = rs->rules.p[i];
		struct emit e = { cb, ctx, r };

		if (r->na || r->step_only || hf_rule_verdict(r) < HF_HOLD)
			continue;
		rc = emit_rule(&e, r);
	}
	return rc;
}
