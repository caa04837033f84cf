/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a rule match an event? Three answers: no, yes, and undecided (a regular expression met its limit). An agent
 * shapes the text, so undecided must neither hide a match nor, inside a `not`, excuse one.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <arpa/inet.h>
#include <ctype.h>
#include <pcre2.h>
#include <stdlib.h>
#include "sigma_int.h"

#define FIELDREF_WORK_MAX (8u << 20)	/* comparisons of a byte */

enum tri { NO, YES, UNDECIDED };

static unsigned char fold(unsigned char ch)
{
	return ch >= 'A' && ch <= 'Z' ? ch | 0x20 : ch;
}

static bool same(const char *text, const char *lit, size_t n, bool cased)
{
	if (n == 0)
		return true;
	if (cased)
		return memcmp(text, lit, n) == 0;
	for (size_t i = 0; i < n; i++)
		if (fold((unsigned char)text[i]) != (unsigned char)lit[i])
			return false;
	return true;
}

/* The first place of the literal's rarest byte, in either case, from p on. */
static const char *hop(const char *p, const char *end, unsigned char lo, const char **next_lo, const char **next_up)
{
	if (!*next_lo || *next_lo < p) {
		*next_lo = memchr(p, lo, (size_t)(end - p));
		if (!*next_lo)
			*next_lo = end;
	}
	if (*next_up && *next_up < p) {
		*next_up = memchr(p, toupper(lo), (size_t)(end - p));
		if (!*next_up)
			*next_up = end;
	}
	return *next_up && *next_up < *next_lo ? *next_up : *next_lo;
}

static bool find(const char *text, size_t text_len, const char *lit, size_t n, unsigned rare, bool cased)
{
	const char *p, *end, *lo = NULL, *up = NULL;
	unsigned char ch;

	if (n > text_len)
		return false;
	if (n == 0)
		return true;
	ch = (unsigned char)lit[rare];
	p = text + rare;
	end = text + text_len - n + rare + 1;	/* past the last place where the rare byte can stand */
	if (!cased && ch >= 'a' && ch <= 'z')
		up = text;			/* before p when rare > 0; else looked up below */
	if (up && rare == 0) {
		up = memchr(p, toupper(ch), (size_t)(end - p));
		if (!up)
			up = end;
	}
	while ((p = hop(p, end, ch, &lo, &up)) < end) {
		if (same(p - rare, lit, n, cased))
			return true;
		p++;
	}
	return false;
}

/* Bytes of one character at s[0]: a valid UTF-8 lead takes what continues it, anything else is one byte. */
static size_t char_len(const char *s, size_t n)
{
	unsigned char ch = (unsigned char)s[0];
	size_t want = ch < 0xc2 ? 1 : ch < 0xe0 ? 2 : ch < 0xf0 ? 3 : ch < 0xf5 ? 4 : 1, i = 1;

	while (i < want && i < n && ((unsigned char)s[i] & 0xc0) == 0x80)
		i++;
	return i == want ? want : 1;
}

static size_t dash_len(const char *s, size_t n)
{
	if (s[0] == '-' || s[0] == '/')
		return 1;
	if (n >= 3 && memcmp(s, "\xe2\x80", 2) == 0 && (unsigned char)s[2] >= 0x93 && (unsigned char)s[2] <= 0x95)
		return 3;
	return 0;
}

/* On a mismatch only the latest '*' need take more: what came before it matched as early as it could. */
static bool glob(const struct hf_toks *t, struct hf_str s, bool cased)
{
	size_t i = 0, star_i = 0;
	unsigned k = 0, star_k = 0;
	bool star = false;

	for (;;) {
		size_t step = 0;

		if (k < t->n && t->t[k] == HF_T_STAR) {
			star = true;
			star_k = ++k;
			star_i = i;
			if (k == t->n)
				return true;
			continue;
		}
		if (k == t->n && i == s.n)
			return true;
		if (k < t->n && i < s.n) {
			unsigned char ch = (unsigned char)s.p[i];

			if (t->t[k] == HF_T_ONE)
				step = char_len(s.p + i, s.n - i);
			else if (t->t[k] == HF_T_DASH)
				step = dash_len(s.p + i, s.n - i);
			else
				step = t->t[k] == (cased ? ch : fold(ch));
		}
		if (step) {
			i += step;
			k++;
			continue;
		}
		if (!star || star_i >= s.n)
			return false;
		i = ++star_i;
		k = star_k;
	}
}

static bool in_network(const struct hf_pat *p, struct hf_str s)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	char z[INET6_ADDRSTRLEN + 1];
	uint8_t ip[16] = { 0 }, *at = ip;
	unsigned whole = p->bits / 8, rest = p->bits % 8;

	if (s.n >= sizeof(z))
		return false;
	memcpy(z, s.p, s.n);
	z[s.n] = 0;
	if (inet_pton(AF_INET, z, ip) == 1) {
		if (p->family != AF_INET)
			return false;
	} else if (inet_pton(AF_INET6, z, ip) != 1) {
		return false;
	} else if (p->family == AF_INET) {
		if (memcmp(ip, mapped, sizeof(mapped)) != 0)
			return false;
		at = ip + 12;
	}
	if (memcmp(at, p->ip, whole) != 0)
		return false;
	return rest == 0 || (at[whole] ^ p->ip[whole]) >> (8 - rest) == 0;
}

static bool compare_number(const struct hf_pat *p, struct hf_str s)
{
	char z[32], *end = NULL;
	double v;

	if (s.n == 0 || s.n >= sizeof(z))
		return false;
	memcpy(z, s.p, s.n);
	z[s.n] = 0;
	if (strspn(z, "0123456789.-") != s.n)
		return false;
	v = strtod(z, &end);
	if (*end)
		return false;
	return p->op == HF_P_LT    ? v < p->num
	       : p->op == HF_P_LTE ? v <= p->num
	       : p->op == HF_P_GT  ? v > p->num
				   : v >= p->num;
}

static enum tri regex(const struct hf_ruleset *rs, const struct hf_pat *p, struct hf_str s)
{
	int rc = pcre2_match(p->re, (PCRE2_SPTR)(s.p ? s.p : ""), s.n, 0, 0, rs->match_data, rs->match_ctx);

	/* 0: it matched, and the groups don't fit the one pair of offsets that is kept */
	return rc >= 0 ? YES : rc == PCRE2_ERROR_NOMATCH ? NO : UNDECIDED;
}

/* Two values of the event. Neither is folded beforehand. */
static bool compare_texts(struct hf_str a, struct hf_str b, enum hf_pat_op place, bool cased)
{
	size_t from = place == HF_P_SUFFIX ? a.n - b.n : 0;
	size_t to = place == HF_P_CONTAINS ? a.n - b.n : from;

	if (a.n < b.n || (place == HF_P_EXACT && a.n != b.n))
		return false;
	for (; from <= to; from++) {
		size_t i = 0;

		while (i < b.n && (cased ? a.p[from + i] == b.p[i] :
				   fold((unsigned char)a.p[from + i]) == fold((unsigned char)b.p[i])))
			i++;
		if (i == b.n)
			return true;
	}
	return false;
}

static enum tri match_fieldref(const struct hf_pat *p, struct hf_str s, const struct hf_event *e)
{
	const struct hf_value *v = e->f[p->field];
	enum tri found = NO;

	for (unsigned i = 0; v && i < v->n; i++) {
		/* both come from an agent: two long ones of the same letter would keep the engine busy for a second */
		if (p->place == HF_P_CONTAINS && s.n > v->s[i].n && (s.n - v->s[i].n) * v->s[i].n > FIELDREF_WORK_MAX)
			found = UNDECIDED;
		else if (compare_texts(s, v->s[i], p->place, p->cased))
			return YES;
	}
	return found;
}

static enum tri match_text(const struct hf_rule *r, const struct hf_pat *p, struct hf_str s, const struct hf_event *e)
{
	switch (p->op) {
	case HF_P_EXACT:
		return s.n == p->n && same(s.p, p->lit, p->n, p->cased);
	case HF_P_PREFIX:
		return s.n >= p->n && same(s.p, p->lit, p->n, p->cased);
	case HF_P_SUFFIX:
		return s.n >= p->n && same(s.p + (s.n - p->n), p->lit, p->n, p->cased);
	case HF_P_CONTAINS:
		return find(s.p, s.n, p->lit, p->n, p->rare, p->cased);
	case HF_P_GLOB:
		return glob(&p->tok, s, p->cased);
	case HF_P_RE:
		return regex(r->set, p, s);
	case HF_P_CIDR:
		return in_network(p, s);
	case HF_P_LT:
	case HF_P_LTE:
	case HF_P_GT:
	case HF_P_GTE:
		return compare_number(p, s);
	case HF_P_FIELDREF:
		return match_fieldref(p, s, e);
	case HF_P_EXISTS:
		return YES;
	case HF_P_NULL:
	case HF_P_NOT_EXISTS:
		break;
	}
	return NO;
}

static enum tri match_field(const struct hf_rule *r, const struct hf_pat *p, const struct hf_value *v,
			    const struct hf_event *e)
{
	enum tri found = NO;

	if (!v || v->n == 0)
		return p->op == HF_P_NULL || p->op == HF_P_NOT_EXISTS;
	for (unsigned i = 0; i < v->n && i < HF_EVENT_LIST_MAX; i++) {
		enum tri t = match_text(r, p, v->s[i], e);

		if (t == YES)
			return YES;
		if (t == UNDECIDED)
			found = UNDECIDED;
	}
	return found;
}

/* One value of the rule: any of its patterns, in the field or, for a keyword, in any field. */
static enum tri match_alt(const struct hf_rule *r, const struct hf_item *item, const struct hf_alt *a,
			  const struct hf_event *e)
{
	unsigned from = item->keyword ? 0 : item->field, to = item->keyword ? HF_FIELDS - 1 : item->field;
	enum tri found = NO;

	for (unsigned i = 0; i < a->n; i++) {
		for (unsigned f = from; f <= to; f++) {
			enum tri t = match_field(r, &a->pat[i], e->f[f], e);

			if (t == YES)
				return YES;
			if (t == UNDECIDED)
				found = UNDECIDED;
		}
	}
	return found;
}

static enum tri negate(enum tri t)
{
	return t == UNDECIDED ? UNDECIDED : t == YES ? NO : YES;
}

static enum tri match_item(const struct hf_rule *r, const struct hf_item *item, const struct hf_event *e)
{
	enum tri stop = item->all ? NO : YES, result = negate(stop);

	for (unsigned i = 0; i < item->n; i++) {
		enum tri t = match_alt(r, item, &item->alt[i], e);

		if (t == stop) {
			result = stop;
			break;
		}
		if (t == UNDECIDED)
			result = UNDECIDED;
	}
	return item->neq ? negate(result) : result;
}

static enum tri match_node(const struct hf_rule *r, const struct hf_node *n, const struct hf_event *e)
{
	enum tri stop, result;

	if (n->op == HF_N_ITEM)
		return match_item(r, n->item, e);
	if (n->op == HF_N_NOT)
		return negate(match_node(r, n->kid[0], e));
	stop = n->op == HF_N_AND ? NO : YES;
	result = negate(stop);
	for (unsigned i = 0; i < n->n; i++) {
		enum tri t = match_node(r, n->kid[i], e);

		if (t == stop)
			return stop;
		if (t == UNDECIDED)
			result = UNDECIDED;
	}
	return result;
}

bool hf_rule_match(const struct hf_rule *r, const struct hf_event *e, bool *ret_limited)
{
	enum tri t;

	*ret_limited = false;
	if (r->is_correlation || r->na || !(r->categories & e->categories))
		return false;
	t = match_node(r, r->cond, e);
	*ret_limited = t == UNDECIDED;
	return t != NO;
}
