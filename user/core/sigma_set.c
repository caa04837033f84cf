/* SPDX-License-Identifier: Apache-2.0 */
/* The set of rules: loading a file's text, freezing, attributes. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <errno.h>
#include <pcre2.h>
#include <sha256.h>
#include <stdio.h>
#include <stdlib.h>
#include "sigma_int.h"

/* What one regular expression may cost on one text; beyond it the rule counts as undecided. */
#define RE_MATCH_LIMIT	200000u
#define RE_DEPTH_LIMIT	2000u
#define RE_HEAP_KIB	1024u
#define RE_STACK_MAX	(1u << 20)

int hf_sigma_fail(const struct hf_sigma_ctx *c, unsigned line, const char *fmt, ...)
{
	struct hf_rule_error *e = c->err;
	int n = line ? snprintf(e->text, sizeof(e->text), "%s:%u: ", c->name, line) :
		       snprintf(e->text, sizeof(e->text), "%s: ", c->name);
	va_list ap;

	if (n < 0 || (size_t)n >= sizeof(e->text))
		n = 0;
	va_start(ap, fmt);
	(void)vsnprintf(e->text + n, sizeof(e->text) - (size_t)n, fmt, ap);
	va_end(ap);
	/* parts of it are the file's: no line breaks or terminal controls in a message */
	for (char *p = e->text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	snprintf(e->file, sizeof(e->file), "%s", c->name);
	e->line = line;
	return -EINVAL;
}

int hf_sigma_na(const struct hf_sigma_ctx *c, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (c->rule->na)
		return 0;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->rule->na = hf_arena_strndup(c->arena, text, strlen(text));
	return c->rule->na ? 0 : -ENOMEM;
}

struct hf_ruleset *hf_ruleset_new(void)
{
	struct hf_ruleset *rs = calloc(1, sizeof(*rs));
	SHA256_CTX *sha = malloc(sizeof(*sha));

	if (!rs || !sha) {
		free(rs);
		free(sha);
		return NULL;
	}
	SHA256Init(sha);
	rs->sha = sha;
	rs->level[0] = HF_ALLOW;	/* informational: loaded and matched, too common to be worth a line */
	rs->level[1] = HF_NOTE;
	rs->level[2] = HF_NOTE;
	rs->level[3] = HF_HOLD;
	rs->level[4] = HF_DENY;
	return rs;
}

void hf_ruleset_free(struct hf_ruleset **rs)
{
	struct hf_ruleset *s = *rs;

	*rs = NULL;
	if (!s)
		return;
	hf_vec_clear(&s->rules);
	hf_vec_clear(&s->filters);
	hf_arena_clear(&s->arena);
	hf_prefilter_free(&s->prefilter);
	pcre2_match_data_free(s->match_data);
	pcre2_match_context_free(s->match_ctx);
	pcre2_jit_stack_free(s->jit_stack);
	free(s->sha);
	free(s);
}

int hf_set_regex_room(struct hf_ruleset *rs)
{
	rs->match_data = pcre2_match_data_create(1, NULL);
	rs->match_ctx = pcre2_match_context_create(NULL);
	if (!rs->match_data || !rs->match_ctx)
		return -ENOMEM;
	pcre2_set_match_limit(rs->match_ctx, RE_MATCH_LIMIT);
	pcre2_set_depth_limit(rs->match_ctx, RE_DEPTH_LIMIT);
	pcre2_set_heap_limit(rs->match_ctx, RE_HEAP_KIB);
	/* NULL where PCRE2 has no JIT: the interpreter needs none */
	rs->jit_stack = pcre2_jit_stack_create(32768, RE_STACK_MAX, NULL);
	pcre2_jit_stack_assign(rs->match_ctx, NULL, rs->jit_stack);
	return 0;
}

static int compile_docs(struct hf_sigma_ctx *c, const struct hf_vec *docs, struct hf_vec *rules, struct hf_vec *filters)
{
	for (unsigned i = 0; i < docs->n; i++) {
		struct hf_rule *r = NULL;
		int rc = hf_rule_compile(c, docs->p[i], &r);

		if (rc == 0)
			rc = hf_vec_push(r->is_filter ? filters : rules, r);
		if (rc < 0)
			return rc;
	}
	if (docs->n == 0)
		return hf_sigma_fail(c, 0, "holds no rule");
	return 0;
}

static int append_vec(struct hf_vec *to, const struct hf_vec *from)
{
	unsigned before = to->n;

	for (unsigned i = 0; i < from->n; i++) {
		if (hf_vec_push(to, from->p[i]) < 0) {
			to->n = before;
			return -ENOMEM;
		}
	}
	return 0;
}

/* Takes the new rules over, all or none. */
static int append(struct hf_ruleset *rs, struct hf_arena *arena, const struct hf_vec *rules, const struct hf_vec *filters,
		  struct hf_str text)
{
	unsigned before = rs->rules.n;

	if (append_vec(&rs->rules, rules) < 0)
		return -ENOMEM;
	if (append_vec(&rs->filters, filters) < 0) {
		rs->rules.n = before;
		return -ENOMEM;
	}
	for (unsigned i = before; i < rs->rules.n; i++)
		((struct hf_rule *)rs->rules.p[i])->index = i;
	hf_arena_merge(&rs->arena, arena);
	SHA256Update(rs->sha, (const uint8_t *)text.p, text.n);
	return 0;
}

int hf_ruleset_add(struct hf_ruleset *rs, struct hf_str text, const char *name, struct hf_rule_error *ret_err)
{
	struct hf_arena arena = { 0 };
	struct hf_vec docs = { 0 }, rules = { 0 }, filters = { 0 };
	struct hf_sigma_ctx c = { .arena = &arena, .rs = rs, .err = ret_err };
	int rc;

	*ret_err = (struct hf_rule_error){ 0 };
	c.name = hf_arena_strndup(&arena, name, strlen(name));
	rc = !c.name ? -ENOMEM : rs->finished ? hf_sigma_fail(&c, 0, "the set of rules is closed") : 0;
	if (rc == 0 && !rs->match_data)
		rc = hf_set_regex_room(rs);
	if (rc == 0)
		rc = hf_yaml_parse(&c, text, &docs);
	if (rc == 0)
		rc = compile_docs(&c, &docs, &rules, &filters);
	if (rc == 0)
		rc = append(rs, &arena, &rules, &filters, text);
	hf_vec_clear(&docs);
	hf_vec_clear(&rules);
	hf_vec_clear(&filters);
	hf_arena_clear(&arena);
	return rc;
}

/* --- freezing --- */

static int by_key(const void *a, const void *b)
{
	const struct hf_rule_key *x = a, *y = b;
	int d = strcmp(x->s, y->s);

	return d ? d : (x->r->index > y->r->index) - (x->r->index < y->r->index);
}

/* A name or id must lead to one rule: decisions bind to it, correlations refer to it. */
static int index_names(struct hf_sigma_ctx *c)
{
	const struct hf_vec *rules = &c->rs->rules;
	struct hf_rule_key *k = calloc(rules->n * 2u + 1u, sizeof(*k));
	unsigned n = 0;

	if (!k)
		return -ENOMEM;
	for (unsigned i = 0; i < rules->n; i++) {
		struct hf_rule *r = rules->p[i];
		const char *id = hf_rule_id(r);

		k[n++] = (struct hf_rule_key){ id, r };
		if (r->name && strcmp(r->name, id) != 0)
			k[n++] = (struct hf_rule_key){ r->name, r };
	}
	qsort(k, n, sizeof(*k), by_key);
	c->rs->key = k;
	c->rs->nkeys = n;
	for (unsigned i = 1; i < n; i++) {
		if (strcmp(k[i].s, k[i - 1].s) != 0)
			continue;
		c->name = k[i].r->file;
		return hf_sigma_fail(c, k[i].r->line, "'%s' already names the rule at %s:%u; give each rule its own id",
				     k[i].s, k[i - 1].r->file, k[i - 1].r->line);
	}
	return 0;
}

struct hf_rule *hf_ruleset_find(const struct hf_ruleset *rs, const char *name)
{
	unsigned lo = 0, hi = rs->nkeys;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;
		int d = strcmp(rs->key[mid].s, name);

		if (d == 0)
			return rs->key[mid].r;
		if (d < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static void mark_steps(const struct hf_vec *rules)
{
	for (int generate = 0; generate < 2; generate++) {
		for (unsigned i = 0; i < rules->n; i++) {
			const struct hf_rule *r = rules->p[i];

			for (unsigned k = 0; r->corr.generate == generate && k < r->corr.nsteps; k++) {
				struct hf_rule *step = rules->p[r->corr.step[k]->index];

				step->step_only = !generate && !(step->has_verdict && step->verdict > HF_ALLOW);
			}
		}
	}
}

int hf_ruleset_finish(struct hf_ruleset *rs, struct hf_rule_error *ret_err)
{
	struct hf_sigma_ctx c = { .arena = &rs->arena, .rs = rs, .err = ret_err };
	uint8_t digest[SHA256_DIGEST_LENGTH];
	int rc;

	*ret_err = (struct hf_rule_error){ 0 };
	if (rs->finished)
		return 0;
	rc = index_names(&c);
	for (unsigned i = 0; rc == 0 && i < rs->rules.n; i++) {
		c.rule = rs->rules.p[i];
		c.name = c.rule->file;
		if (c.rule->is_correlation)
			rc = hf_corr_resolve(&c);
	}
	for (unsigned i = 0; rc == 0 && i < rs->filters.n; i++) {
		c.rule = rs->filters.p[i];
		c.name = c.rule->file;
		rc = hf_filter_apply(&c);
	}
	free(rs->key);
	rs->key = NULL;
	if (rc == 0)
		rc = hf_prefilter_make(&rs->rules, &rs->prefilter);
	if (rc < 0)
		return rc;
	mark_steps(&rs->rules);
	SHA256Final(digest, rs->sha);
	for (unsigned i = 0; i < sizeof(digest); i++)
		snprintf(rs->hash + 2 * i, 3, "%02x", digest[i]);
	rs->finished = true;
	return 0;
}

/* --- attributes --- */

unsigned hf_ruleset_count(const struct hf_ruleset *rs)
{
	return rs->rules.n;
}

const struct hf_rule *hf_ruleset_get(const struct hf_ruleset *rs, unsigned i)
{
	return i < rs->rules.n ? rs->rules.p[i] : NULL;
}

int hf_ruleset_level_verdict(struct hf_ruleset *rs, const char *level, enum hf_verdict v)
{
	unsigned i;

	if (hf_level_parse(level, &i) < 0)
		return -EINVAL;
	rs->level[i] = v;
	return 0;
}

const char *hf_ruleset_hash(const struct hf_ruleset *rs)
{
	return rs->hash;
}

const char *hf_rule_id(const struct hf_rule *r)
{
	return r->id ? r->id : r->name ? r->name : r->title;
}

const char *hf_rule_name(const struct hf_rule *r)
{
	return r->name;
}

const char *hf_rule_title(const struct hf_rule *r)
{
	return r->title;
}

const char *hf_rule_level(const struct hf_rule *r)
{
	return hf_level_name(r->level);
}

const char *hf_rule_guidance(const struct hf_rule *r)
{
	return r->guidance;
}

const char *hf_rule_file(const struct hf_rule *r)
{
	return r->file;
}

unsigned hf_rule_line(const struct hf_rule *r)
{
	return r->line;
}

const char *hf_rule_tag(const struct hf_rule *r, unsigned i)
{
	return i < r->ntags ? r->tag[i] : NULL;
}

enum hf_verdict hf_rule_verdict(const struct hf_rule *r)
{
	return r->has_verdict ? r->verdict : r->set->level[r->level];
}

bool hf_rule_on_truncated_hold(const struct hf_rule *r)
{
	return r->on_truncated_hold;
}

bool hf_rule_scope_process(const struct hf_rule *r)
{
	return r->scope_process;
}

uint32_t hf_rule_categories(const struct hf_rule *r)
{
	return r->categories;
}

const char *hf_rule_not_applicable(const struct hf_rule *r)
{
	return r->na;
}

unsigned hf_rule_index(const struct hf_rule *r)
{
	return r->index;
}

const char *hf_rule_label(const struct hf_rule *r, unsigned i, enum hf_label_scope *ret_to)
{
	if (i >= r->nlabels)
		return NULL;
	*ret_to = r->label[i].to;
	return r->label[i].name;
}

bool hf_rule_is_correlation(const struct hf_rule *r)
{
	return r->is_correlation;
}

const struct hf_correlation *hf_rule_correlation(const struct hf_rule *r)
{
	return r->is_correlation ? &r->corr : NULL;
}

bool hf_rule_is_step_only(const struct hf_rule *r)
{
	return r->step_only;
}

unsigned hf_rule_depth(const struct hf_rule *r)
{
	return r->depth;
}

unsigned hf_ruleset_filters(const struct hf_ruleset *rs)
{
	return rs->filters.n;
}

const struct hf_rule *hf_ruleset_filter(const struct hf_ruleset *rs, unsigned i)
{
	return i < rs->filters.n ? rs->filters.p[i] : NULL;
}

unsigned hf_filter_narrows(const struct hf_rule *filter)
{
	return filter->narrows;
}
