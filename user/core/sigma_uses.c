/* SPDX-License-Identifier: Apache-2.0 */
/* Which fields the rules of a set read: what nobody reads need not be worked out. */
#include "sigma_int.h"

_Static_assert(HF_FIELDS <= 64, "a bit for each field");

static uint64_t item_fields(const struct hf_item *it)
{
	uint64_t f = it->keyword ? UINT64_MAX : UINT64_C(1) << it->field;

	for (unsigned i = 0; i < it->n; i++)
		for (unsigned k = 0; k < it->alt[i].n; k++)
			if (it->alt[i].pat[k].op == HF_P_FIELDREF)
				f |= UINT64_C(1) << it->alt[i].pat[k].field;
	return f;
}

/* Trees are as deep as YAML and conditions may nest, which is bounded at load. */
static uint64_t node_fields(const struct hf_node *n)
{
	uint64_t f = n->op == HF_N_ITEM ? item_fields(n->item) : 0;

	for (unsigned i = 0; n->op != HF_N_ITEM && i < n->n; i++)
		f |= node_fields(n->kid[i]);
	return f;
}

static uint64_t corr_fields(const struct hf_corr_field *f, unsigned nsteps)
{
	uint64_t r = 0;

	for (unsigned i = 0; i < nsteps; i++)
		r |= UINT64_C(1) << hf_corr_field_of(f, i);
	return r;
}

static uint64_t correlation_fields(const struct hf_correlation *c)
{
	uint64_t f = 0;

	for (unsigned i = 0; i < c->ngroup; i++)
		if (c->group[i].key == HF_GROUP_FIELD)
			f |= corr_fields(&c->group[i].f, c->nsteps);
	for (unsigned i = 0; i < c->nvalue; i++)
		f |= corr_fields(&c->value[i], c->nsteps);
	return f;
}

uint64_t hf_ruleset_fields(const struct hf_ruleset *rs)
{
	uint64_t f = 0;

	for (unsigned i = 0; i < rs->rules.n; i++) {
		const struct hf_rule *r = rs->rules.p[i];

		if (r->na)
			continue;
		if (r->cond)
			f |= node_fields(r->cond);
		if (r->is_correlation)
			f |= correlation_fields(&r->corr);
	}
	return f;
}
