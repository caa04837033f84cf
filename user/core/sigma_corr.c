/* SPDX-License-Identifier: Apache-2.0 */
/* Correlation documents, without their references: those are resolved once all files are there (sigma_corr_link.c). */
#include "sigma_int.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define N(a)           (sizeof(a) / sizeof((a)[0]))
#define TIMESPAN_MAX_S (366ull * 86400)
#define COUNT_MAX      10000 /* actions: each that could still count is remembered */
#define VALUES_MAX     1000  /* different values: each is looked for when it comes again */
#define METRIC_KEEP    1024  /* numbers a sum, a percentile is taken of */

static const char types[HF_CORR_TYPES][20] = {
    [HF_CORR_ORDERED] = "temporal_ordered",
    [HF_CORR_TEMPORAL] = "temporal",
    [HF_CORR_EVENT_COUNT] = "event_count",
    [HF_CORR_VALUE_COUNT] = "value_count",
    [HF_CORR_VALUE_SUM] = "value_sum",
    [HF_CORR_VALUE_AVG] = "value_avg",
    [HF_CORR_VALUE_MIN] = "value_min",
    [HF_CORR_VALUE_MAX] = "value_max",
    [HF_CORR_VALUE_PERCENTILE] = "value_percentile",
};
#define TYPES_KNOWN                                                                                                    \
	"event_count, value_count, temporal, temporal_ordered, value_sum, value_avg, value_min, value_max, "           \
	"value_percentile"

static int compile_type(const struct hf_sigma_ctx *c, const struct hf_ynode *y)
{
	const char *type = NULL;
	int rc = hf_text_get(c, y, "type", 64, &type);

	if (rc < 0)
		return rc;
	if (!type)
		return hf_sigma_fail(c, y->line, "correlation needs a type; known: %s", TYPES_KNOWN);
	for (unsigned i = 0; i < HF_CORR_TYPES; i++) {
		if (strcmp(types[i], type) == 0) {
			c->rule->corr.type = (enum hf_corr_type)i;
			return 0;
		}
	}
	return hf_sigma_fail(c, hf_ynode_get(y, "type")->line, "unknown correlation type '%s'; known: %s", type,
			     TYPES_KNOWN);
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

/* A field name, or an alias whose fields are known only with the steps. */
static int corr_field(const struct hf_sigma_ctx *c, const struct hf_ynode *y, const char *what,
		      struct hf_corr_field *ret, const char **ret_alias)
{
	*ret = (struct hf_corr_field){.field = HF_FIELDS};
	if (c->rule->aliases && hf_ynode_get(c->rule->aliases, y->s.p))
		*ret_alias = y->s.p;
	else if (hf_field_parse(y->s.p, &ret->field) < 0)
		return hf_sigma_na(c, "%s: field '%s' is not known", what, y->s.p);
	return 0;
}

static int add_group(const struct hf_sigma_ctx *c, const struct hf_ynode *y)
{
	struct hf_correlation *k = &c->rule->corr;
	unsigned i = k->ngroup;

	if (y->type != HF_Y_SCALAR || y->s.n == 0)
		return hf_sigma_fail(c, y->line, "group-by must be a list of Session, Process, Lineage or field names");
	if (i == N(k->group))
		return hf_sigma_fail(c, y->line, "group-by has more than %zu names", N(k->group));
	k->ngroup++;
	k->group[i].key = strcmp(y->s.p, "Session") == 0   ? HF_GROUP_SESSION
			  : strcmp(y->s.p, "Process") == 0 ? HF_GROUP_PROCESS
			  : strcmp(y->s.p, "Lineage") == 0 ? HF_GROUP_LINEAGE
							   : HF_GROUP_FIELD;
	if (k->group[i].key != HF_GROUP_FIELD)
		return 0;
	return corr_field(c, y, "group-by", &k->group[i].f, &c->rule->group_alias[i]);
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
	const size_t min = c->rule->corr.type <= HF_CORR_TEMPORAL ? 2 : 1, max = N(c->rule->corr.step);

	if (!refs || refs->type != HF_Y_LIST || refs->n < min || refs->n > max)
		return hf_sigma_fail(c, refs ? refs->line : y->line,
				     "correlation.rules must be a list of %zu to %zu rule names or ids", min, max);
	for (unsigned i = 0; i < refs->n; i++)
		if (refs->val[i]->type != HF_Y_SCALAR || refs->val[i]->s.n == 0)
			return hf_sigma_fail(c, refs->val[i]->line, "correlation.rules must be names or ids of rules");
	c->rule->refs = refs;
	return 0;
}

static int compile_aliases(const struct hf_sigma_ctx *c, const struct hf_ynode *y)
{
	const struct hf_ynode *a = hf_ynode_get(y, "aliases");

	if (!a || hf_ynode_is_null(a))
		return 0;
	for (unsigned i = 0; a->type == HF_Y_MAP && i < a->n; i++)
		for (unsigned k = 0; a->val[i]->type != HF_Y_MAP || k < a->val[i]->n; k++)
			if (a->val[i]->type != HF_Y_MAP || a->val[i]->val[k]->type != HF_Y_SCALAR)
				return hf_sigma_fail(c, a->key[i]->line,
						     "alias '%s' must be a map of rule names to fields",
						     a->key[i]->s.p);
	if (a->type != HF_Y_MAP)
		return hf_sigma_fail(c, a->line,
				     "aliases must be a map such as {ip: {rule_a: SourceIp, rule_b: DestinationIp}}");
	c->rule->aliases = a;
	return 0;
}

/* --- condition --- */

static int add_value_field(const struct hf_sigma_ctx *c, const struct hf_ynode *y)
{
	struct hf_correlation *k = &c->rule->corr;
	unsigned max = k->type == HF_CORR_VALUE_COUNT || k->type == HF_CORR_VALUE_PERCENTILE ? N(k->value) : 1;

	if (y->type != HF_Y_SCALAR || y->s.n == 0)
		return hf_sigma_fail(c, y->line, "condition.field must be a field name or a list of such");
	if (k->nvalue == max)
		return hf_sigma_fail(c, y->line, "condition.field of %s takes up to %u names", types[k->type], max);
	k->nvalue++;
	return corr_field(c, y, "condition.field", &k->value[k->nvalue - 1], &c->rule->value_alias[k->nvalue - 1]);
}

static int number(const struct hf_ynode *y, double *ret)
{
	char *end = NULL;

	if (y->type != HF_Y_SCALAR || y->s.n == 0 || y->s.n > 24 || strspn(y->s.p, "0123456789.-") != y->s.n)
		return -EINVAL;
	*ret = strtod(y->s.p, &end);
	return *end ? -EINVAL : 0;
}

static int condition_key(const struct hf_sigma_ctx *c, const struct hf_ynode *key, const struct hf_ynode *val)
{
	static const char ops[][4] = {"lt", "lte", "gt", "gte", "eq", "neq"};
	struct hf_correlation *k = &c->rule->corr;
	unsigned op = 0;
	int rc = 0;

	if (strcmp(key->s.p, "field") == 0 && k->type >= HF_CORR_VALUE_COUNT) {
		for (unsigned i = 0; rc == 0 && val->type == HF_Y_LIST && i < val->n; i++)
			rc = add_value_field(c, val->val[i]);
		return val->type == HF_Y_LIST ? rc : add_value_field(c, val);
	}
	if (strcmp(key->s.p, "percentile") == 0 && k->type == HF_CORR_VALUE_PERCENTILE) {
		double p;

		if (number(val, &p) < 0 || p < 0 || p > 100 || p != (int)p)
			return hf_sigma_fail(c, val->line, "condition.percentile must be a whole number from 0 to 100");
		k->percentile = (int)p;
		return 0;
	}
	while (op < N(ops) && strcmp(ops[op], key->s.p) != 0)
		op++;
	if (op == N(ops))
		return hf_sigma_fail(c, key->line,
				     "correlation.condition: '%s' does not belong to %s; known: lt, lte, gt, gte, "
				     "eq, neq%s%s",
				     key->s.p, types[k->type], k->type >= HF_CORR_VALUE_COUNT ? ", field" : "",
				     k->type == HF_CORR_VALUE_PERCENTILE ? ", percentile" : "");
	k->cond[k->ncond].op = (enum hf_corr_op)op;
	if (number(val, &k->cond[k->ncond].v) < 0)
		return hf_sigma_fail(c, val->line, "correlation.condition.%s must be a number", key->s.p);
	k->ncond++;
	return 0;
}

/* Counts are whole and small: what could still make a difference is remembered for each group. */
static int check_count(const struct hf_sigma_ctx *c, unsigned line)
{
	struct hf_correlation *k = &c->rule->corr;
	const int limit = k->type == HF_CORR_VALUE_COUNT ? VALUES_MAX : COUNT_MAX;
	double max = 0;

	for (unsigned i = 0; i < k->ncond; i++) {
		double v = k->cond[i].v;

		if (v < 0 || v > limit || v != (unsigned)v)
			return hf_sigma_fail(c, line, "correlation.condition of %s takes whole numbers up to %d",
					     types[k->type], limit);
		max = v > max ? v : max;
	}
	k->keep = (unsigned)max + 1;
	return 0;
}

/* Sigma counts the different rules seen. In order, all of them must be. */
static int check_temporal(const struct hf_sigma_ctx *c, const struct hf_ynode *y)
{
	struct hf_correlation *k = &c->rule->corr;
	unsigned n = c->rule->refs->n;

	if (k->type == HF_CORR_TEMPORAL && k->ncond == 0) {
		k->cond[k->ncond++].v = n;
		k->cond[0].op = HF_CORR_GTE;
	}
	if (k->type == HF_CORR_TEMPORAL)
		return check_count(c, y ? y->line : 0);
	if (k->ncond > 1 ||
	    (k->ncond == 1 && ((k->cond[0].op != HF_CORR_GTE && k->cond[0].op != HF_CORR_EQ) || k->cond[0].v != n)))
		return hf_sigma_fail(c, y->line,
				     "correlation.condition of temporal_ordered can only be {gte: %u}, all of its "
				     "rules",
				     n);
	k->ncond = 0;
	return 0;
}

static int compile_condition(const struct hf_sigma_ctx *c, const struct hf_ynode *corr)
{
	const struct hf_ynode *y = hf_ynode_get(corr, "condition");
	struct hf_correlation *k = &c->rule->corr;
	int rc = 0;

	k->percentile = -1;
	if (y && y->type != HF_Y_MAP)
		return hf_sigma_fail(c, y->line, "correlation.condition must be a map such as {gte: 10}");
	for (unsigned i = 0; rc == 0 && y && i < y->n; i++)
		rc = condition_key(c, y->key[i], y->val[i]);
	if (rc < 0)
		return rc;
	if (k->type <= HF_CORR_TEMPORAL)
		return check_temporal(c, y);
	if (!y || k->ncond == 0)
		return hf_sigma_fail(c, y ? y->line : corr->line, "%s needs a condition such as {gte: 10}",
				     types[k->type]);
	if (k->type >= HF_CORR_VALUE_COUNT && k->nvalue == 0)
		return hf_sigma_fail(c, y->line, "%s needs 'field' in its condition", types[k->type]);
	if (k->percentile >= 0 && k->nvalue != 1)
		return hf_sigma_fail(c, y->line, "condition.percentile is taken of one field");
	if (k->type <= HF_CORR_VALUE_COUNT)
		return check_count(c, y->line);
	k->keep = METRIC_KEEP;
	return 0;
}

static int check_keys(const struct hf_sigma_ctx *c, const struct hf_ynode *corr)
{
	static const char known[][12] = {"type", "rules", "group-by", "timespan", "condition", "generate", "aliases"};

	for (unsigned i = 0; i < corr->n; i++) {
		bool ok = false;

		for (unsigned k = 0; k < N(known); k++)
			ok |= strcmp(known[k], corr->key[i]->s.p) == 0;
		if (!ok)
			return hf_sigma_fail(c, corr->key[i]->line,
					     "correlation: '%s' is not supported; known: type, rules, "
					     "group-by, timespan, condition, generate, aliases",
					     corr->key[i]->s.p);
	}
	return 0;
}

int hf_corr_compile(const struct hf_sigma_ctx *c, const struct hf_ynode *doc, const struct hf_ynode *corr)
{
	static int (*const part[])(const struct hf_sigma_ctx *, const struct hf_ynode *) = {
	    check_keys, compile_type, compile_refs, compile_timespan, compile_aliases, compile_group, compile_condition,
	};
	const struct hf_ynode *gen = hf_ynode_get(corr, "generate");
	int rc = 0;

	c->rule->is_correlation = true;
	if (corr->type != HF_Y_MAP)
		return hf_sigma_fail(c, corr->line, "correlation must be a map with type, rules and timespan");
	if (hf_ynode_get(doc, "detection"))
		return hf_sigma_fail(c, doc->line,
				     "a document is a detection or a correlation, not both; part them with '---'");
	for (unsigned i = 0; rc == 0 && i < N(part); i++)
		rc = part[i](c, corr);
	if (!gen)
		gen = hf_ynode_get(doc, "generate");
	if (rc == 0 && gen && hf_ynode_bool(gen, &c->rule->corr.generate) < 0)
		rc = hf_sigma_fail(c, gen->line, "generate must be true or false");
	return rc;
}

bool hf_correlation_holds(const struct hf_correlation *c, double v)
{
	for (unsigned i = 0; i < c->ncond; i++) {
		double w = c->cond[i].v;
		bool ok = false;

		switch (c->cond[i].op) {
		case HF_CORR_LT:
			ok = v < w;
			break;
		case HF_CORR_LTE:
			ok = v <= w;
			break;
		case HF_CORR_GT:
			ok = v > w;
			break;
		case HF_CORR_GTE:
			ok = v >= w;
			break;
		case HF_CORR_EQ:
			ok = v == w;
			break;
		case HF_CORR_NEQ:
			ok = v != w;
			break;
		}
		if (!ok)
			return false;
	}
	return true;
}

enum hf_field hf_corr_field_of(const struct hf_corr_field *f, unsigned step)
{
	return f->by_step ? (enum hf_field)f->by_step[step] : f->field;
}
