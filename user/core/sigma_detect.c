/* SPDX-License-Identifier: Apache-2.0 */
/* A detection identifier's content: a map (all of it), a list of maps or texts (any of them), a text (a keyword). */
#include <errno.h>
#include <stdio.h>
#include "sigma_int.h"

#define BIT(m) (1u << (m))
#define PLACE (BIT(HF_M_CONTAINS) | BIT(HF_M_STARTSWITH) | BIT(HF_M_ENDSWITH))
#define RE_FLAGS (BIT(HF_M_I) | BIT(HF_M_M) | BIT(HF_M_S))
#define COMPARE (BIT(HF_M_LT) | BIT(HF_M_LTE) | BIT(HF_M_GT) | BIT(HF_M_GTE))
#define ENCODE (BIT(HF_M_BASE64) | BIT(HF_M_BASE64OFFSET) | BIT(HF_M_UTF16LE) | BIT(HF_M_UTF16BE) | BIT(HF_M_UTF16))
#define ANYWHERE (BIT(HF_M_ALL) | BIT(HF_M_NEQ))

struct hf_node *hf_node_new(struct hf_arena *a, enum hf_node_op op, const struct hf_vec *kids)
{
	struct hf_node *n;

	if (kids && kids->n == 1 && op != HF_N_NOT)
		return kids->p[0];
	n = hf_arena_alloc(a, sizeof(*n));
	if (!n)
		return NULL;
	n->op = op;
	if (kids) {
		n->n = kids->n;
		n->kid = (struct hf_node **)hf_vec_save(kids, a);
		if (!n->kid)
			return NULL;
	}
	return n;
}

static bool one_bit(uint32_t v)
{
	return (v & (v - 1)) == 0;
}

/* Which modifiers make no sense together. */
static int check_mods(const struct hf_sigma_ctx *c, const struct hf_ynode *key, uint32_t set)
{
	const char *why = NULL;

	if (set & RE_FLAGS && !(set & BIT(HF_M_RE)))
		why = "i, m and s belong to re";
	else if (!one_bit(set & PLACE))
		why = "only one of contains, startswith and endswith may stand there";
	else if (set & BIT(HF_M_RE) &&
		 set & ~(BIT(HF_M_RE) | RE_FLAGS | ANYWHERE | BIT(HF_M_CASED) | BIT(HF_M_CONTAINS)))
		why = "re goes with i, m, s, all and neq only; anchor the expression with ^ and $";
	else if (set & BIT(HF_M_CIDR) && set & ~(BIT(HF_M_CIDR) | ANYWHERE))
		why = "cidr goes with all and neq only";
	else if (set & BIT(HF_M_EXISTS) && set != BIT(HF_M_EXISTS))
		why = "exists stands alone";
	else if (set & COMPARE && (!one_bit(set & COMPARE) || set & ~(COMPARE | ANYWHERE)))
		why = "lt, lte, gt and gte stand alone";
	else if (set & BIT(HF_M_FIELDREF) && set & ~(BIT(HF_M_FIELDREF) | PLACE | ANYWHERE | BIT(HF_M_CASED)))
		why = "fieldref goes with contains, startswith, endswith, cased, all and neq only";
	else if (set & BIT(HF_M_EXPAND) && set & ENCODE)
		why = "expand can't be encoded";
	return why ? hf_sigma_fail(c, key->line, "modifiers of '%s': %s", key->s.p, why) : 0;
}

static int parse_mods(const struct hf_sigma_ctx *c, const struct hf_ynode *key, const char *p, struct hf_mods *ret)
{
	*ret = (struct hf_mods){ 0 };
	while (*p == '|') {
		size_t n = strcspn(++p, "|");
		char known[400];
		enum hf_mod m;
		int rc;

		if (hf_mod_parse(p, n, &m) < 0) {
			hf_mods_known(known, sizeof(known));
			return hf_sigma_fail(c, key->line, "unknown modifier '%.*s'; known: %s", (int)(n > 40 ? 40 : n),
					     p, known);
		}
		if (m == HF_M_TIME) {
			rc = hf_sigma_na(c, "modifier '%.*s' needs a date, and no field here is one", (int)n, p);
			if (rc < 0)
				return rc;
		} else if (ret->set & BIT(m)) {
			return hf_sigma_fail(c, key->line, "modifier '%.*s' is given twice", (int)n, p);
		} else if (m == HF_M_WINDASH || BIT(m) & ENCODE) {
			if (ret->ntrans == HF_MODS_MAX)
				return hf_sigma_fail(c, key->line, "more than %d encodings", HF_MODS_MAX);
			ret->trans[ret->ntrans++] = m;
		}
		ret->set |= m == HF_M_TIME ? 0 : BIT(m);
		p += n;
	}
	return check_mods(c, key, ret->set);
}

static int compile_values(const struct hf_sigma_ctx *c, const struct hf_ynode *y, const struct hf_mods *m,
			  struct hf_item *item)
{
	bool list = y->type == HF_Y_LIST;
	int rc = 0;

	item->n = list ? y->n : 1;
	if (item->n == 0)
		return hf_sigma_fail(c, y->line,
				     "an empty list of values can never match; give one or remove the line");
	item->alt = hf_arena_alloc(c->arena, item->n * sizeof(*item->alt));
	if (!item->alt)
		return -ENOMEM;
	for (unsigned i = 0; rc == 0 && i < item->n; i++)
		rc = hf_value_compile(c, list ? y->val[i] : y, m, item->keyword, &item->alt[i]);
	return rc;
}

static int new_item(const struct hf_sigma_ctx *c, const struct hf_ynode *y, const struct hf_mods *m, bool keyword,
		    enum hf_field field, struct hf_node **ret)
{
	struct hf_node *n = hf_node_new(c->arena, HF_N_ITEM, NULL);
	int rc;

	if (!n)
		return -ENOMEM;
	n->item = hf_arena_alloc(c->arena, sizeof(*n->item));
	if (!n->item)
		return -ENOMEM;
	n->item->keyword = keyword;
	n->item->field = field;
	n->item->all = m->set & BIT(HF_M_ALL);
	n->item->neq = m->set & BIT(HF_M_NEQ);
	rc = compile_values(c, y, m, n->item);
	if (rc == 0)
		*ret = n;
	return rc;
}

static int compile_pair(const struct hf_sigma_ctx *c, const struct hf_ynode *key, const struct hf_ynode *val,
			struct hf_node **ret)
{
	size_t n = strcspn(key->s.p, "|");
	enum hf_field field = HF_F_IMAGE;
	struct hf_mods m;
	char name[64];
	int rc;

	rc = parse_mods(c, key, key->s.p + n, &m);
	if (rc < 0)
		return rc;
	if (n == 0 && (key->s.n == 0 || m.set & (BIT(HF_M_EXISTS) | BIT(HF_M_FIELDREF) | BIT(HF_M_CIDR) | COMPARE)))
		return hf_sigma_fail(c, key->line, "'%s' names no field to look at", key->s.p);
	if (n) {
		snprintf(name, sizeof(name), "%.*s", (int)(n < sizeof(name) ? n : sizeof(name) - 1), key->s.p);
		rc = hf_field_parse(name, &field) < 0 ? hf_sigma_na(c, "field '%s' is not known", name) : 0;
		if (rc < 0)
			return rc;
	}
	return new_item(c, val, &m, n == 0, field, ret);
}

static int compile_map(const struct hf_sigma_ctx *c, const struct hf_ynode *y, struct hf_node **ret)
{
	struct hf_vec kids = { 0 };
	int rc = 0;

	if (y->n == 0)
		return hf_sigma_fail(c, y->line, "an empty map matches nothing; give a field or remove it");
	for (unsigned i = 0; rc == 0 && i < y->n; i++) {
		struct hf_node *kid = NULL;

		rc = compile_pair(c, y->key[i], y->val[i], &kid);
		if (rc == 0)
			rc = hf_vec_push(&kids, kid);
	}
	if (rc == 0 && !(*ret = hf_node_new(c->arena, HF_N_AND, &kids)))
		rc = -ENOMEM;
	hf_vec_clear(&kids);
	return rc;
}

static int compile_list(const struct hf_sigma_ctx *c, const struct hf_ynode *y, struct hf_node **ret)
{
	const struct hf_mods none = { 0 };
	struct hf_vec kids = { 0 };
	int rc = 0;

	if (y->n == 0)
		return hf_sigma_fail(c, y->line, "an empty list matches nothing; give a value or remove it");
	for (unsigned i = 0; rc == 0 && i < y->n; i++) {
		struct hf_node *kid = NULL;

		if (y->val[i]->type == HF_Y_MAP)
			rc = compile_map(c, y->val[i], &kid);
		else
			rc = new_item(c, y->val[i], &none, true, HF_F_IMAGE, &kid);
		if (rc == 0)
			rc = hf_vec_push(&kids, kid);
	}
	if (rc == 0 && !(*ret = hf_node_new(c->arena, HF_N_OR, &kids)))
		rc = -ENOMEM;
	hf_vec_clear(&kids);
	return rc;
}

int hf_detect_compile(const struct hf_sigma_ctx *c, const struct hf_ynode *y, const char *ident, struct hf_node **ret)
{
	const struct hf_mods none = { 0 };

	if (y->type == HF_Y_MAP)
		return compile_map(c, y, ret);
	if (y->type == HF_Y_LIST)
		return compile_list(c, y, ret);
	if (hf_ynode_is_null(y))
		return hf_sigma_fail(c, y->line, "detection '%s' is empty; give fields or keywords", ident);
	return new_item(c, y, &none, true, HF_F_IMAGE, ret);
}
