/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The condition grammar, loosest binding first:
 *   or    := and ("or" and)*
 *   and   := not ("and" not)*
 *   not   := "not" not | "(" or ")" | ("1" | "any" | "all") "of" ("them" | pattern) | identifier
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include "sigma_int.h"

#define DEPTH_MAX 64

struct cond {
	const struct hf_sigma_ctx *c;
	unsigned line;
	const char *p;		/* after tok */
	char tok[128];		/* "" at the end */
	const struct hf_named *det;
	unsigned ndet;
	unsigned depth;
};

static bool word_char(char ch)
{
	return isalnum((unsigned char)ch) || (ch && strchr("_-.*?", ch));
}

static int next(struct cond *k)
{
	size_t n = 0;

	k->p += strspn(k->p, " \t\r\n");
	if (*k->p == '(' || *k->p == ')')
		n = 1;
	else
		while (word_char(k->p[n]))
			n++;
	if (n == 0 && *k->p == '|')
		return hf_sigma_fail(k->c, k->line,
				     "condition: aggregations after '|' are Sigma 1; write a correlation");
	if (n == 0 && *k->p)
		return hf_sigma_fail(k->c, k->line,
				     "condition: unexpected character '%c'; known: identifiers, and, or, not, "
				     "1 of, all of, them, parentheses",
				     *k->p);
	if (n >= sizeof(k->tok))
		return hf_sigma_fail(k->c, k->line, "condition: a name is longer than %zu characters",
				     sizeof(k->tok) - 1);
	memcpy(k->tok, k->p, n);
	k->tok[n] = 0;
	k->p += n;
	return 0;
}

static bool is(const struct cond *k, const char *word)
{
	return strcasecmp(k->tok, word) == 0;
}

static bool keyword(const char *tok)
{
	return strcasecmp(tok, "and") == 0 || strcasecmp(tok, "or") == 0 || strcasecmp(tok, "not") == 0 ||
	       strcasecmp(tok, "of") == 0 || strcmp(tok, ")") == 0;
}

/* Bounded by the rule's author, not by an agent: recursion on '*' is good enough. */
static bool name_fits(const char *pat, const char *name)
{
	while (*pat && *pat != '*') {
		if (!*name || (*pat != '?' && *pat != *name))
			return false;
		pat++;
		name++;
	}
	if (!*pat)
		return !*name;
	while (*pat == '*')
		pat++;
	for (;; name++) {
		if (name_fits(pat, name))
			return true;
		if (!*name)
			return false;
	}
}

static int parse_of(struct cond *k, bool all, struct hf_node **ret)
{
	struct hf_vec kids = { 0 };
	bool them;
	int rc;

	rc = next(k);
	if (rc < 0)
		return rc;
	them = is(k, "them");
	if (!k->tok[0] || keyword(k->tok) || strcmp(k->tok, "(") == 0)
		return hf_sigma_fail(k->c, k->line, "condition: '%s of' needs 'them' or a name such as selection_*",
				     all ? "all" : "1");
	if (strlen(k->tok) - strcspn(k->tok, "*") > 32)
		return hf_sigma_fail(k->c, k->line, "condition: the text after the first '*' of a pattern is too long");
	for (unsigned i = 0; rc == 0 && i < k->ndet; i++) {
		if (k->det[i].name[0] == '_' && (them || k->tok[0] != '_'))
			continue;
		if (them || name_fits(k->tok, k->det[i].name))
			rc = hf_vec_push(&kids, k->det[i].node);
	}
	if (rc == 0 && kids.n == 0)
		rc = hf_sigma_fail(k->c, k->line, "condition: no detection is named like '%s'", k->tok);
	if (rc == 0 && !(*ret = hf_node_new(k->c->arena, all ? HF_N_AND : HF_N_OR, &kids)))
		rc = -ENOMEM;
	hf_vec_clear(&kids);
	return rc < 0 ? rc : next(k);
}

static int unknown(const struct cond *k)
{
	char known[200] = "";
	size_t n = 0;

	for (unsigned i = 0; i < k->ndet; i++) {
		int w = snprintf(known + n, sizeof(known) - n, "%s%s", n ? ", " : "", k->det[i].name);

		if (w < 0 || (size_t)w >= sizeof(known) - n) {
			known[n] = 0;
			break;
		}
		n += (size_t)w;
	}
	return hf_sigma_fail(k->c, k->line, "condition: unknown identifier '%s'; known: %s", k->tok, known);
}

static int parse_name(struct cond *k, struct hf_node **ret)
{
	const char *save = k->p;
	char word[sizeof(k->tok)];
	int rc;

	memcpy(word, k->tok, sizeof(word));
	rc = next(k);
	if (rc < 0)
		return rc;
	if (is(k, "of")) {
		if (strcmp(word, "1") == 0 || strcasecmp(word, "any") == 0)
			return parse_of(k, false, ret);
		if (strcasecmp(word, "all") == 0)
			return parse_of(k, true, ret);
		return hf_sigma_fail(k->c, k->line, "condition: '%s of' is not known; write '1 of' or 'all of'", word);
	}
	for (unsigned i = 0; i < k->ndet; i++) {
		if (strcmp(k->det[i].name, word) == 0) {
			*ret = k->det[i].node;
			return 0;
		}
	}
	memcpy(k->tok, word, sizeof(word));
	k->p = save;
	return unknown(k);
}

static int parse_or(struct cond *k, struct hf_node **ret);

static int parse_not(struct cond *k, struct hf_node **ret)
{
	struct hf_node *kid = NULL, *n;
	int rc;

	if (!k->tok[0])
		return hf_sigma_fail(k->c, k->line, "condition: ends where a name is expected");
	if (is(k, "not")) {
		if (++k->depth > DEPTH_MAX)
			return hf_sigma_fail(k->c, k->line, "condition: nested deeper than %d levels", DEPTH_MAX);
		rc = next(k);
		if (rc == 0)
			rc = parse_not(k, &kid);
		k->depth--;
		if (rc < 0)
			return rc;
		n = hf_node_new(k->c->arena, HF_N_NOT, NULL);
		if (!n || !(n->kid = hf_arena_alloc(k->c->arena, sizeof(*n->kid))))
			return -ENOMEM;
		n->n = 1;
		n->kid[0] = kid;
		*ret = n;
		return 0;
	}
	if (strcmp(k->tok, "(") == 0) {
		if (++k->depth > DEPTH_MAX)
			return hf_sigma_fail(k->c, k->line, "condition: nested deeper than %d levels", DEPTH_MAX);
		rc = next(k);
		if (rc == 0)
			rc = parse_or(k, ret);
		k->depth--;
		if (rc < 0)
			return rc;
		if (strcmp(k->tok, ")") != 0)
			return hf_sigma_fail(k->c, k->line, "condition: ')' is missing before '%s'",
					     k->tok[0] ? k->tok : "the end");
		return next(k);
	}
	if (keyword(k->tok))
		return hf_sigma_fail(k->c, k->line, "condition: '%s' stands where a name is expected", k->tok);
	return parse_name(k, ret);
}

/* A row of operands with the same operator between. */
static int parse_row(struct cond *k, const char *word, enum hf_node_op op, struct hf_node **ret)
{
	struct hf_vec kids = { 0 };
	int rc;

	for (;;) {
		struct hf_node *kid = NULL;

		rc = op == HF_N_OR ? parse_row(k, "and", HF_N_AND, &kid) : parse_not(k, &kid);
		if (rc == 0)
			rc = hf_vec_push(&kids, kid);
		if (rc < 0 || !is(k, word))
			break;
		rc = next(k);
		if (rc < 0)
			break;
	}
	if (rc == 0 && !(*ret = hf_node_new(k->c->arena, op, &kids)))
		rc = -ENOMEM;
	hf_vec_clear(&kids);
	return rc;
}

static int parse_or(struct cond *k, struct hf_node **ret)
{
	return parse_row(k, "or", HF_N_OR, ret);
}

static int compile_one(const struct hf_sigma_ctx *c, const struct hf_ynode *y, const struct hf_named *det,
		       unsigned ndet, struct hf_node **ret)
{
	struct cond k = { .c = c, .line = y->line, .det = det, .ndet = ndet };
	int rc;

	if (y->type != HF_Y_SCALAR || hf_ynode_is_null(y))
		return hf_sigma_fail(c, y->line, "condition must be a text or a list of texts, such as "
				     "'selection and not filter'");
	k.p = y->s.p;
	rc = next(&k);
	if (rc == 0)
		rc = parse_or(&k, ret);
	if (rc == 0 && k.tok[0])
		rc = hf_sigma_fail(c, y->line, "condition: 'and' or 'or' is missing before '%s'", k.tok);
	return rc;
}

int hf_cond_compile(const struct hf_sigma_ctx *c, const struct hf_ynode *y, const struct hf_named *det, unsigned ndet,
		    struct hf_node **ret)
{
	struct hf_vec kids = { 0 };
	int rc = 0;

	if (y->type != HF_Y_LIST)
		return compile_one(c, y, det, ndet, ret);
	if (y->n == 0)
		return hf_sigma_fail(c, y->line, "condition is an empty list");
	for (unsigned i = 0; rc == 0 && i < y->n; i++) {
		struct hf_node *kid = NULL;

		rc = compile_one(c, y->val[i], det, ndet, &kid);
		if (rc == 0)
			rc = hf_vec_push(&kids, kid);
	}
	if (rc == 0 && !(*ret = hf_node_new(c->arena, HF_N_OR, &kids)))
		rc = -ENOMEM;
	hf_vec_clear(&kids);
	return rc;
}
