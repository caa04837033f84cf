/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sigma strings: text with the wildcards * and ?. A backslash takes the meaning from a following *, ? or \ and is a
 * plain backslash before anything else (Sigma rules specification, "Escaping"). Compiled to the cheapest comparison
 * that fits.
 */
#include <ctype.h>
#include <errno.h>
#include "sigma_int.h"

int hf_toks_parse(struct hf_arena *a, struct hf_str s, struct hf_toks *ret)
{
	uint16_t *t = hf_arena_alloc(a, s.n * sizeof(*t));
	unsigned n = 0;

	if (!t)
		return -ENOMEM;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char ch = (unsigned char)s.p[i];

		if (ch == '\\' && i + 1 < s.n && strchr("*?\\", s.p[i + 1]))
			t[n++] = (unsigned char)s.p[++i];
		else if (ch == '*')
			t[n++] = HF_T_STAR;
		else if (ch == '?')
			t[n++] = HF_T_ONE;
		else
			t[n++] = ch;
	}
	*ret = (struct hf_toks){ t, n };
	return 0;
}

/* How common a byte is in command lines and paths, roughly: the search looks for the least common one of a literal. */
static unsigned commonness(unsigned char ch, bool cased)
{
	static const char common[] = "eationrsl/ -.cdupmhfgbyvk_";
	const char *p = ch ? strchr(common, ch) : NULL;
	unsigned r = p ? 40 - (unsigned)(p - common) : isdigit(ch) ? 10 : 2;

	return isalpha(ch) && !cased ? r * 2 : r;	/* both cases must be looked for */
}

static int set_literal(struct hf_arena *a, const uint16_t *t, unsigned n, bool cased, struct hf_pat *p)
{
	char *lit = hf_arena_alloc(a, n + 1u);

	if (!lit)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		lit[i] = (char)(cased || t[i] >= 0x80 ? t[i] : tolower(t[i]));
		if (commonness((unsigned char)lit[i], cased) < commonness((unsigned char)lit[p->rare], cased))
			p->rare = i;
	}
	p->lit = lit;
	p->n = n;
	return 0;
}

static int set_glob(struct hf_arena *a, const struct hf_toks *t, bool cased, struct hf_pat *p)
{
	p->tok.t = hf_arena_alloc(a, t->n * sizeof(*t->t));
	if (!p->tok.t)
		return -ENOMEM;
	for (unsigned i = 0; i < t->n; i++) {
		if (t->t[i] == HF_T_STAR && p->tok.n && p->tok.t[p->tok.n - 1] == HF_T_STAR)
			continue;
		p->tok.t[p->tok.n++] = cased || t->t[i] >= 0x80 ? t->t[i] : (uint16_t)tolower(t->t[i]);
	}
	p->op = HF_P_GLOB;
	return 0;
}

int hf_pat_text(struct hf_arena *a, const struct hf_toks *t, bool cased, struct hf_pat *ret)
{
	unsigned from = 0, to = t->n;
	struct hf_pat p = { .cased = cased, .orig = *t };
	int rc;

	while (from < to && t->t[from] == HF_T_STAR)
		from++;
	while (to > from && t->t[to - 1] == HF_T_STAR)
		to--;
	p.op = from && to < t->n ? HF_P_CONTAINS : from ? HF_P_SUFFIX : to < t->n ? HF_P_PREFIX : HF_P_EXACT;
	if (from && from == to)
		p.op = HF_P_CONTAINS;		/* nothing but stars: anything that is present */
	rc = 1;
	for (unsigned i = from; i < to; i++)
		if (t->t[i] > 0xff)
			rc = 0;
	rc = rc ? set_literal(a, t->t + from, to - from, cased, &p) : set_glob(a, t, cased, &p);
	if (rc == 0)
		*ret = p;
	return rc;
}
