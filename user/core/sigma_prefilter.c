/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which rules can match an event at all? For each rule literals are chosen of which one must stand in a field if the
 * rule is to match; one pass over the fields' texts then leaves the few rules worth a closer look. A rule without such
 * literals (only negations, numbers, some regular expressions) is always looked at. A missing literal decides for sure:
 * text patterns are never undecided.
 */
#include "sigma_ac.h"
#include "sigma_int.h"
#include <errno.h>
#include <stdlib.h>

#define LIT_MAX    12u   /* bytes of a literal that are looked for: more make the automaton larger, hardly choosier */
#define LITS_MAX   2048u /* of one rule; beyond, it is always looked at */
#define RE_LIT_MIN 3u

struct hf_prefilter {
	struct hf_ac *ac[HF_FIELDS];
	uint64_t *always;
	unsigned words;
};
struct lit {
	const char *p;
	unsigned n;
	enum hf_field field;
	enum hf_ac_place place;
};
struct choice { /* one of these must be there; n == 0: nothing is known */
	unsigned n, cap, score;
	bool none;
	struct lit *lit;
};

static void choice_none(struct choice *c)
{
	c->none = true;
	c->score = 0;
}

/* How choosy a literal is: its length, less where programs' names stand, for they are shared by many rules. */
static int choice_add(struct choice *c, const struct lit *l)
{
	unsigned score = 4 * l->n + (l->place != HF_AC_ANYWHERE);

	if (l->field == HF_F_IMAGE || l->field == HF_F_PARENT_IMAGE || l->field == HF_F_USER || l->field == HF_F_ACTION)
		score = score / 3 + 1;
	if (c->n == LITS_MAX) {
		choice_none(c);
		return 0;
	}
	if (c->n == c->cap) {
		unsigned cap = c->cap ? 2 * c->cap : 16;
		struct lit *p = reallocarray(c->lit, cap, sizeof(*p));

		if (!p)
			return -ENOMEM;
		c->lit = p;
		c->cap = cap;
	}
	if (c->n == 0 || score < c->score)
		c->score = score;
	c->lit[c->n++] = *l;
	return 0;
}

/* --- literals of patterns --- */

/* The longest run of bytes of a glob. */
static struct lit of_glob(struct hf_arena *a, const struct hf_pat *p)
{
	unsigned best = 0, best_n = 0, run = 0;
	struct lit l = {0};
	char *s;

	for (unsigned i = 0; i < p->tok.n; i++) {
		run = p->tok.t[i] < 256 ? run + 1 : 0;
		if (run > best_n) {
			best_n = run;
			best = i + 1 - run;
		}
	}
	s = best_n ? hf_arena_alloc(a, best_n) : NULL;
	for (unsigned i = 0; s && i < best_n; i++)
		s[i] = (char)p->tok.t[best + i];
	l.p = s;
	l.n = s ? best_n : 0;
	return l;
}

static size_t skip_class(const char *s, size_t n, size_t i)
{
	i += i + 1 < n && s[i + 1] == '^' ? 2 : 1;
	if (i < n && s[i] == ']')
		i++;
	while (i < n && s[i] != ']')
		i += s[i] == '\\' ? 2 : s[i] == '[' && i + 1 < n && s[i + 1] == ':' ? strcspn(s + i, "]") + 1 : 1;
	return i + 1;
}

static size_t skip_group(const char *s, size_t n, size_t i)
{
	unsigned depth = 0;

	while (i < n) {
		if (s[i] == '[') {
			i = skip_class(s, n, i);
			continue;
		}
		depth += s[i] == '(';
		depth -= s[i] == ')';
		i += s[i] == '\\' ? 2 : 1;
		if (depth == 0)
			break;
	}
	return i;
}

/* May what stands before be absent (?, *, {0...)? *ret_i goes past the quantifier, *ret_any says whether there was one.
 */
static bool optional(const char *s, size_t n, size_t *i, bool *ret_any)
{
	bool may = false;

	*ret_any = false;
	while (*i < n && strchr("?*+{", s[*i])) {
		may |= s[*i] == '?' || s[*i] == '*' || (s[*i] == '{' && *i + 1 < n && strchr("0,", s[*i + 1]));
		*ret_any = true;
		*i += s[*i] == '{' ? strcspn(s + *i, "}") + 1 : 1;
	}
	return may;
}

/* A text that each match of a regular expression holds; NULL where it is not plain to see. s is NUL-terminated. */
static const char *of_regex(struct hf_arena *a, struct hf_str re, unsigned *ret_n)
{
	const char *s = re.p;
	char *best = hf_arena_alloc(a, re.n + 1), *run = hf_arena_alloc(a, re.n + 1);
	unsigned n = 0;
	size_t i = 0;

	*ret_n = 0;
	/* verbs, quotes, comments and the x option change what follows */
	if (!best || !run || strstr(s, "(*") || strstr(s, "\\Q") || strstr(s, "(?#") || strstr(s, "(?^"))
		return NULL;
	while (i < re.n) {
		bool lone = false, many = false;
		char ch = s[i];

		if (ch == '|' || ch == ')' || (ch == '(' && s[i + 1] == '?' && !strchr(":=!<i", s[i + 2])))
			return NULL;
		if (ch == '(' && s[i + 1] == '?' && s[i + 2] == 'i' && s[i + 3] != ')')
			return NULL;
		if (ch == '(') {
			i = skip_group(s, re.n, i);
		} else if (ch == '[') {
			i = skip_class(s, re.n, i);
		} else if (ch == '\\') {
			ch = s[i + 1];
			lone = ch && !strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", ch);
			if (!lone && strchr("xocpPgkNuULE0123456789", ch))
				return NULL;
			i += 2;
		} else {
			lone = !strchr(".^$?*+{", ch);
			i++;
		}
		if (optional(s, re.n, &i, &many))
			lone = false;
		if (lone)
			run[n++] = (char)hf_ac_fold((uint8_t)ch);
		if (n > *ret_n) {
			memcpy(best, run, n);
			*ret_n = n;
		}
		if (!lone || many)
			n = 0;
	}
	return *ret_n >= RE_LIT_MIN ? best : NULL;
}

/* A window of at most LIT_MAX bytes of a literal: where it is bound, else around its rarest byte. */
static int add_literal(struct choice *c, struct hf_arena *a, const struct hf_pat *p, enum hf_field field)
{
	struct lit l = {p->lit, p->n, field, HF_AC_ANYWHERE};
	unsigned from = 0;
	char *low;

	if (p->op == HF_P_PREFIX)
		l.place = HF_AC_START;
	else if (p->op == HF_P_SUFFIX || p->op == HF_P_EXACT)
		l.place = HF_AC_END;
	else if (p->op == HF_P_GLOB)
		l = of_glob(a, p);
	else if (p->op == HF_P_RE)
		l.p = p->re_text.p ? of_regex(a, p->re_text, &l.n) : NULL;
	else if (p->op != HF_P_CONTAINS)
		l.n = 0;
	l.field = field;
	if (!l.p || l.n == 0) {
		choice_none(c);
		return 0;
	}
	if (l.n > LIT_MAX && l.place == HF_AC_END)
		from = l.n - LIT_MAX;
	else if (l.n > LIT_MAX && p->op == HF_P_CONTAINS && p->rare > LIT_MAX / 2)
		from = p->rare - LIT_MAX / 2 < l.n - LIT_MAX ? p->rare - LIT_MAX / 2 : l.n - LIT_MAX;
	l.n = l.n > LIT_MAX ? LIT_MAX : l.n;
	low = hf_arena_alloc(a, l.n);
	if (!low)
		return -ENOMEM;
	for (unsigned i = 0; i < l.n; i++)
		low[i] = (char)hf_ac_fold((uint8_t)l.p[from + i]);
	l.p = low;
	return choice_add(c, &l);
}

/* --- literals of conditions --- */

static int add_alt(struct choice *c, struct hf_arena *a, const struct hf_alt *alt, enum hf_field field)
{
	int rc = 0;

	if (alt->n == 0)
		choice_none(c);
	for (unsigned i = 0; rc == 0 && !c->none && i < alt->n; i++)
		rc = add_literal(c, a, &alt->pat[i], field);
	return rc;
}

static void keep_better(struct choice *best, struct choice *c)
{
	struct choice worse = *c;

	if (!c->none && c->n && (best->n == 0 || best->none || c->score > best->score)) {
		worse = *best;
		*best = *c;
	}
	free(worse.lit);
}

static int of_item(struct hf_arena *a, const struct hf_item *item, struct choice *ret)
{
	int rc = 0;

	if (item->keyword || item->neq) {
		choice_none(ret);
		return 0;
	}
	for (unsigned i = 0; rc == 0 && !item->all && !ret->none && i < item->n; i++)
		rc = add_alt(ret, a, &item->alt[i], item->field);
	for (unsigned i = 0; rc == 0 && item->all && i < item->n; i++) {
		struct choice one = {0};

		rc = add_alt(&one, a, &item->alt[i], item->field);
		keep_better(ret, &one);
	}
	return rc;
}

static int merge(struct choice *to, struct choice *from)
{
	int rc = 0;

	if (from->none || from->n == 0)
		choice_none(to);
	for (unsigned i = 0; rc == 0 && !to->none && i < from->n; i++)
		rc = choice_add(to, &from->lit[i]);
	free(from->lit);
	return rc;
}

static int of_node(struct hf_arena *a, const struct hf_node *n, struct choice *ret)
{
	int rc = 0;

	if (n->op == HF_N_ITEM)
		return of_item(a, n->item, ret);
	if (n->op == HF_N_NOT)
		choice_none(ret);
	for (unsigned i = 0; rc == 0 && n->op != HF_N_NOT && !(n->op == HF_N_OR && ret->none) && i < n->n; i++) {
		struct choice one = {0};

		rc = of_node(a, n->kid[i], &one);
		if (rc < 0)
			free(one.lit);
		else if (n->op == HF_N_AND)
			keep_better(ret, &one);
		else
			rc = merge(ret, &one);
	}
	return rc;
}

/* --- the set --- */

static int add_rule(struct hf_prefilter *f, struct hf_arena *a, const struct hf_rule *r)
{
	struct choice c = {0};
	int rc = of_node(a, r->cond, &c);

	if (rc == 0 && (c.none || c.n == 0))
		f->always[r->index / 64] |= UINT64_C(1) << (r->index % 64);
	for (unsigned i = 0; rc == 0 && !c.none && i < c.n; i++) {
		struct hf_ac **ac = &f->ac[c.lit[i].field];

		if (!*ac)
			*ac = hf_ac_new();
		rc = *ac ? hf_ac_add(*ac, c.lit[i].p, c.lit[i].n, c.lit[i].place, r->index) : -ENOMEM;
	}
	free(c.lit);
	return rc;
}

int hf_prefilter_make(const struct hf_vec *rules, struct hf_prefilter **ret)
{
	struct hf_prefilter *f = calloc(1, sizeof(*f));
	struct hf_arena a = {0}; /* literals, until they are in the automata */
	int rc = 0;

	if (!f)
		return -ENOMEM;
	f->words = rules->n / 64 + 1;
	f->always = calloc(f->words, sizeof(*f->always));
	if (!f->always)
		rc = -ENOMEM;
	for (unsigned i = 0; rc == 0 && i < rules->n; i++) {
		const struct hf_rule *r = rules->p[i];

		if (!r->is_correlation && !r->na)
			rc = add_rule(f, &a, r);
	}
	for (unsigned i = 0; rc == 0 && i < HF_FIELDS; i++)
		if (f->ac[i])
			rc = hf_ac_finish(f->ac[i]);
	hf_arena_clear(&a);
	if (rc < 0)
		hf_prefilter_free(&f);
	else
		*ret = f;
	return rc;
}

void hf_prefilter_free(struct hf_prefilter **pf)
{
	struct hf_prefilter *f = *pf;

	*pf = NULL;
	if (!f)
		return;
	for (unsigned i = 0; i < HF_FIELDS; i++)
		hf_ac_free(&f->ac[i]);
	free(f->always);
	free(f);
}

void hf_ruleset_candidates(const struct hf_ruleset *rs, const struct hf_event *e, uint64_t *bits)
{
	const struct hf_prefilter *f = rs->prefilter;

	memcpy(bits, f->always, f->words * sizeof(*bits));
	for (unsigned i = 0; i < HF_FIELDS; i++)
		for (unsigned k = 0; f->ac[i] && e->f[i] && k < e->f[i]->n && k < HF_EVENT_LIST_MAX; k++)
			hf_ac_run(f->ac[i], e->f[i]->s[k], bits);
}
