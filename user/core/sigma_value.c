/* SPDX-License-Identifier: Apache-2.0 */
/* One value of a rule, under its modifiers, to the patterns that any of which must match. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <pcre2.h>
#include <stdlib.h>
#include "sigma_int.h"

#define DASHES_MAX 4	/* windash before an encoding: five spellings of each */

static bool has(const struct hf_mods *m, enum hf_mod mod)
{
	return m->set & (1u << mod);
}

static void free_code(void *p)
{
	pcre2_code_free(p);
}

static int compile_regex(const struct hf_sigma_ctx *c, const struct hf_ynode *y, const struct hf_mods *m,
			 struct hf_pat *p)
{
	/* Bytes, never UTF mode: there an invalid byte put into a command line would end every match that spans it. */
	uint32_t opt = PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C | (has(m, HF_M_I) ? PCRE2_CASELESS : 0) |
		       (has(m, HF_M_M) ? PCRE2_MULTILINE : 0) | (has(m, HF_M_S) ? PCRE2_DOTALL : 0);
	PCRE2_UCHAR text[120];
	PCRE2_SIZE at = 0;
	pcre2_code *code;
	int err = 0;

	code = pcre2_compile((PCRE2_SPTR)y->s.p, y->s.n, opt, &err, &at, NULL);
	if (!code && err == PCRE2_ERROR_HEAP_FAILED)
		return -ENOMEM;
	if (!code) {
		pcre2_get_error_message(err, text, sizeof(text));
		return hf_sigma_fail(c, y->line, "regular expression: %s, at character %zu", (const char *)text,
				     at + 1);
	}
	if (hf_arena_own(c->arena, free_code, code) < 0) {
		pcre2_code_free(code);
		return -ENOMEM;
	}
	/* Where memory can't be made executable the interpreter runs instead. */
	(void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
	p->op = HF_P_RE;
	p->re = code;
	p->re_text = y->s;
	return 0;
}

static int compile_cidr(const struct hf_sigma_ctx *c, const struct hf_ynode *y, struct hf_pat *p)
{
	char ip[INET6_ADDRSTRLEN + 1];
	const char *slash = strchr(y->s.p, '/');
	size_t n = slash ? (size_t)(slash - y->s.p) : y->s.n;
	unsigned long bits, max;
	char *end = NULL;

	if (n < sizeof(ip)) {
		memcpy(ip, y->s.p, n);
		ip[n] = 0;
		if (inet_pton(AF_INET, ip, p->ip) == 1)
			p->family = AF_INET;
		else if (inet_pton(AF_INET6, ip, p->ip) == 1)
			p->family = AF_INET6;
	}
	max = p->family == AF_INET ? 32 : 128;
	bits = slash && slash[1] >= '0' && slash[1] <= '9' ? strtoul(slash + 1, &end, 10) : max;
	if (!p->family || (slash && (!end || *end)) || bits > max)
		return hf_sigma_fail(c, y->line, "'%s' is no network; write it as 10.0.0.0/8 or 2001:db8::/32", y->s.p);
	p->op = HF_P_CIDR;
	p->bits = (uint8_t)bits;
	return 0;
}

static int compile_number(const struct hf_sigma_ctx *c, const struct hf_ynode *y, const struct hf_mods *m,
			  struct hf_pat *p)
{
	char *end = NULL;

	p->op = has(m, HF_M_LT) ? HF_P_LT : has(m, HF_M_LTE) ? HF_P_LTE : has(m, HF_M_GT) ? HF_P_GT : HF_P_GTE;
	if (y->s.n && y->s.n < 32 && strspn(y->s.p, "0123456789.-") == y->s.n)
		p->num = strtod(y->s.p, &end);
	if (!end || *end)
		return hf_sigma_fail(c, y->line, "'%s' is no number; lt, lte, gt and gte compare with one", y->s.p);
	return 0;
}

static enum hf_pat_op placement(const struct hf_mods *m, bool keyword)
{
	if (has(m, HF_M_CONTAINS))
		return HF_P_CONTAINS;
	if (has(m, HF_M_STARTSWITH))
		return HF_P_PREFIX;
	if (has(m, HF_M_ENDSWITH))
		return HF_P_SUFFIX;
	return keyword ? HF_P_CONTAINS : HF_P_EXACT;
}

/* --- texts --- */

/* The texts of one value while its modifiers are applied: one may become several. */
struct texts {
	unsigned n, cap;
	struct hf_toks *t;
};

static int texts_make(struct hf_arena *a, unsigned cap, struct texts *ret)
{
	ret->n = 0;
	ret->cap = cap;
	ret->t = hf_arena_alloc(a, cap * sizeof(*ret->t));
	return ret->t ? 0 : -ENOMEM;
}

/* A '-' or '/' that begins an option: after the start or a non-word character, before a word character. */
static void mark_dashes(const struct hf_toks *t)
{
	for (unsigned i = 0; i < t->n; i++) {
		bool word_before = i && t->t[i - 1] < 0x80 && (t->t[i - 1] == '_' || isalnum(t->t[i - 1]));
		bool word_after = i + 1 < t->n && t->t[i + 1] < 0x80 && (t->t[i + 1] == '_' || isalnum(t->t[i + 1]));

		if ((t->t[i] == '-' || t->t[i] == '/') && !word_before && word_after)
			t->t[i] = HF_T_DASH;
	}
}

static int spell_dashes_of(struct hf_arena *a, const struct hf_toks *t, unsigned ndashes, struct texts *out)
{
	static const char dash[5][4] = { "-", "/", "\xe2\x80\x93", "\xe2\x80\x94", "\xe2\x80\x95" };
	unsigned total = 1;

	for (unsigned i = 0; i < ndashes; i++)
		total *= 5;
	for (unsigned v = 0; v < total; v++) {
		struct hf_toks *o = &out->t[out->n++];
		unsigned left = v;

		o->n = 0;
		o->t = hf_arena_alloc(a, (t->n + 2u * ndashes) * sizeof(*o->t));
		if (!o->t)
			return -ENOMEM;
		for (unsigned i = 0; i < t->n; i++) {
			if (t->t[i] != HF_T_DASH) {
				o->t[o->n++] = t->t[i];
				continue;
			}
			for (const char *d = dash[left % 5]; *d; d++)
				o->t[o->n++] = (unsigned char)*d;
			left /= 5;
		}
	}
	return 0;
}

/* Before an encoding every spelling must be written out; without one HF_T_DASH is matched as it is. */
static int spell_dashes(const struct hf_sigma_ctx *c, unsigned line, struct texts *in)
{
	struct texts out;
	unsigned n = 0;

	for (unsigned i = 0; i < in->t[0].n; i++)
		n += in->t[0].t[i] == HF_T_DASH;
	if (n == 0)
		return 0;
	if (n > DASHES_MAX)
		return hf_sigma_fail(c, line, "windash before an encoding takes up to %d dashes in a value",
				     DASHES_MAX);
	if (texts_make(c->arena, 625, &out) < 0 || spell_dashes_of(c->arena, &in->t[0], n, &out) < 0)
		return -ENOMEM;
	*in = out;
	return 0;
}

static int encode_utf16(struct hf_arena *a, enum hf_mod mod, struct hf_toks *t)
{
	struct hf_toks o = { hf_arena_alloc(a, (2u * t->n + 2u) * sizeof(*o.t)), 0 };
	bool be = mod == HF_M_UTF16BE;

	if (!o.t)
		return -ENOMEM;
	if (mod == HF_M_UTF16) {
		o.t[o.n++] = 0xff;
		o.t[o.n++] = 0xfe;
	}
	for (unsigned i = 0; i < t->n;) {
		unsigned ch = t->t[i], len = ch < 0x80 ? 1 : ch < 0xe0 ? 2 : ch < 0xf0 ? 3 : 4;
		uint16_t unit[2];
		unsigned nunit = 1;

		/* libyaml has checked that the text is UTF-8; base64 before gives ASCII */
		if (i + len > t->n)
			return -EINVAL;
		ch = len == 1 ? ch : ch & (0x7fu >> len);
		for (unsigned k = 1; k < len; k++)
			ch = ch << 6 | (t->t[i + k] & 0x3f);
		i += len;
		unit[0] = (uint16_t)ch;
		if (ch > 0xffff) {
			unit[0] = (uint16_t)(0xd800 + ((ch - 0x10000) >> 10));
			unit[1] = (uint16_t)(0xdc00 + ((ch - 0x10000) & 0x3ff));
			nunit = 2;
		}
		for (unsigned k = 0; k < nunit; k++) {
			o.t[o.n++] = be ? unit[k] >> 8 : unit[k] & 0xff;
			o.t[o.n++] = be ? unit[k] & 0xff : unit[k] >> 8;
		}
	}
	*t = o;
	return 0;
}

/* Base64 of `lead` unknown bytes and then the text, without the characters that depend on what stands around it. */
static int encode_base64(struct hf_arena *a, const struct hf_toks *t, unsigned lead, bool trim, struct hf_toks *ret)
{
	static const char abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static const uint8_t skip_front[3] = { 0, 2, 3 }, skip_back[3] = { 0, 3, 2 };
	unsigned total = lead + t->n, groups = (total + 2) / 3, n = 0;
	uint16_t *o = hf_arena_alloc(a, (groups * 4u + 1u) * sizeof(*o));

	if (!o)
		return -ENOMEM;
	for (unsigned g = 0; g < groups; g++) {
		uint32_t v = 0;

		for (unsigned k = 0; k < 3; k++) {
			unsigned at = g * 3 + k;

			v = v << 8 | (at < lead || at >= total ? 0 : t->t[at - lead]);
		}
		for (unsigned k = 0; k < 4; k++)
			o[n++] = g * 3 + k > total ? '=' : (unsigned char)abc[v >> (18 - 6 * k) & 63];
	}
	*ret = (struct hf_toks){ o, n };
	if (trim) {
		unsigned cut = skip_front[lead] + skip_back[total % 3];

		ret->n = n > cut ? n - cut : 0;
		ret->t += skip_front[lead];
	}
	return 0;
}

static int apply_encoding(const struct hf_sigma_ctx *c, unsigned line, enum hf_mod mod, struct texts *in)
{
	unsigned each = mod == HF_M_BASE64OFFSET ? 3 : 1;
	struct texts out;
	int rc;

	for (unsigned i = 0; i < in->t[0].n; i++)
		if (in->t[0].t[i] == HF_T_STAR || in->t[0].t[i] == HF_T_ONE)
			return hf_sigma_fail(c, line,
					     "an encoded value can't hold wildcards; escape them as \\* and \\?");
	rc = spell_dashes(c, line, in);
	if (rc < 0)
		return rc;
	if (in->n * each > 4096)
		return hf_sigma_fail(c, line, "too many encodings of one value");
	if (texts_make(c->arena, in->n * each, &out) < 0)
		return -ENOMEM;
	for (unsigned i = 0; i < in->n; i++) {
		for (unsigned k = 0; k < each; k++) {
			struct hf_toks *o = &out.t[out.n];

			*o = in->t[i];
			rc = mod == HF_M_BASE64 || mod == HF_M_BASE64OFFSET
				 ? encode_base64(c->arena, &in->t[i], k, each == 3, o)
				 : encode_utf16(c->arena, mod, o);
			if (rc == -EINVAL)
				return hf_sigma_fail(c, line, "utf16 takes text that is valid UTF-8");
			if (rc < 0)
				return rc;
			out.n += o->n > 0 || each == 1;	/* too short to leave a character that is sure: no pattern */
		}
	}
	if (out.n == 0)
		return hf_sigma_fail(c, line, "too short for base64offset; give two bytes or more");
	*in = out;
	return 0;
}

/* contains, startswith, endswith: wildcards around the text. */
static int place_text(struct hf_arena *a, enum hf_pat_op place, struct hf_toks *t)
{
	struct hf_toks o = { hf_arena_alloc(a, (t->n + 2u) * sizeof(*o.t)), 0 };

	if (!o.t)
		return -ENOMEM;
	if (place == HF_P_CONTAINS || place == HF_P_SUFFIX)
		o.t[o.n++] = HF_T_STAR;
	for (unsigned i = 0; i < t->n; i++)
		o.t[o.n++] = t->t[i];
	if (place == HF_P_CONTAINS || place == HF_P_PREFIX)
		o.t[o.n++] = HF_T_STAR;
	*t = o;
	return 0;
}

/* The texts to begin with: the value, or what its placeholders make of it. */
static int begin_texts(const struct hf_sigma_ctx *c, const struct hf_ynode *y, const struct hf_mods *m, struct texts *ret)
{
	struct hf_vec each = { 0 };
	int rc = has(m, HF_M_EXPAND) ? hf_expand(c, y->line, y->s, &each) : hf_vec_push(&each, (void *)&y->s);

	if (rc == 0)
		rc = texts_make(c->arena, each.n, ret);
	for (unsigned i = 0; rc == 0 && i < each.n; i++)
		rc = hf_toks_parse(c->arena, *(const struct hf_str *)each.p[i], &ret->t[ret->n++]);
	hf_vec_clear(&each);
	return rc;
}

static int compile_text(const struct hf_sigma_ctx *c, const struct hf_ynode *y, const struct hf_mods *m, bool keyword,
			struct hf_alt *ret)
{
	struct texts t = { 0 };
	int rc = begin_texts(c, y, m, &t);

	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < m->ntrans; i++) {
		if (m->trans[i] == HF_M_WINDASH) {
			for (unsigned k = 0; k < t.n; k++)
				mark_dashes(&t.t[k]);
			continue;
		}
		rc = apply_encoding(c, y->line, m->trans[i], &t);
		if (rc < 0)
			return rc;
	}
	ret->pat = hf_arena_alloc(c->arena, t.n * sizeof(*ret->pat));
	if (!ret->pat)
		return -ENOMEM;
	for (ret->n = 0; ret->n < t.n; ret->n++)
		if (place_text(c->arena, placement(m, keyword), &t.t[ret->n]) < 0 ||
		    hf_pat_text(c->arena, &t.t[ret->n], has(m, HF_M_CASED), &ret->pat[ret->n]) < 0)
			return -ENOMEM;
	return 0;
}

int hf_value_compile(const struct hf_sigma_ctx *c, const struct hf_ynode *y, const struct hf_mods *m, bool keyword,
		     struct hf_alt *ret)
{
	struct hf_pat *p;
	bool yes;

	if (y->type != HF_Y_SCALAR)
		return hf_sigma_fail(c, y->line, "a value must be a text, a number or null, not a %s",
				     y->type == HF_Y_MAP ? "map" : "list");
	if (y->s.n > 65536)
		return hf_sigma_fail(c, y->line, "a value is longer than 65536 bytes");
	if (!(m->set & ~((1u << HF_M_NEQ) | (1u << HF_M_ALL) | (1u << HF_M_CASED))) && !hf_ynode_is_null(y))
		return compile_text(c, y, m, keyword, ret);
	if (hf_ynode_is_null(y) && (keyword || m->set & ~(1u << HF_M_NEQ)))
		return hf_sigma_fail(c, y->line, "null stands for an absent field and takes no modifier but neq; "
				     "quote it if the text is meant");
	p = hf_arena_alloc(c->arena, sizeof(*p));
	if (!p)
		return -ENOMEM;
	*ret = (struct hf_alt){ 1, p };
	p->cased = has(m, HF_M_CASED);
	if (hf_ynode_is_null(y)) {
		p->op = HF_P_NULL;
		return 0;
	}
	if (has(m, HF_M_EXISTS)) {
		if (hf_ynode_bool(y, &yes) < 0)
			return hf_sigma_fail(c, y->line, "exists takes true or false, not '%s'", y->s.p);
		p->op = yes ? HF_P_EXISTS : HF_P_NOT_EXISTS;
		return 0;
	}
	if (has(m, HF_M_RE))
		return compile_regex(c, y, m, p);
	if (has(m, HF_M_CIDR))
		return compile_cidr(c, y, p);
	if (m->set & (1u << HF_M_LT | 1u << HF_M_LTE | 1u << HF_M_GT | 1u << HF_M_GTE))
		return compile_number(c, y, m, p);
	if (has(m, HF_M_FIELDREF)) {
		p->op = HF_P_FIELDREF;
		p->place = placement(m, false);
		return hf_field_parse(y->s.p, &p->field) == 0 ? 0 : hf_sigma_na(c, "field '%s' is not known", y->s.p);
	}
	return compile_text(c, y, m, keyword, ret);
}
