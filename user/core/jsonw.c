// SPDX-License-Identifier: Apache-2.0
#include "jsonw.h"

#define EXACT_MAX (UINT64_C(1) << 53)

static const char hex_digit[] = "0123456789abcdef";

static void put(struct hf_jsonw *w, const char *s, size_t n)
{
	if (w->full || w->cap - w->n < n) {
		w->full = true;
		return;
	}
	memcpy(w->p + w->n, s, n);
	w->n += n;
}

static void put1(struct hf_jsonw *w, char c)
{
	if (w->full || w->cap == w->n) {
		w->full = true;
		return;
	}
	w->p[w->n++] = c;
}

static void put_u16_escape(struct hf_jsonw *w, unsigned v)
{
	char e[6] = { '\\', 'u', hex_digit[v >> 12 & 15], hex_digit[v >> 8 & 15], hex_digit[v >> 4 & 15], hex_digit[v & 15] };

	put(w, e, sizeof(e));
}

/* Length of the valid UTF-8 sequence at s (n >= 1 bytes left), its code point in *cp; 0: not valid. */
static unsigned utf8_len(const unsigned char *s, size_t n, unsigned *cp)
{
	unsigned c = s[0];

	if (c < 0xc2 || c > 0xf4 || n < 2 || (s[1] & 0xc0) != 0x80)
		return 0;
	if (c < 0xe0) {
		*cp = (c & 0x1f) << 6 | (s[1] & 0x3f);
		return 2;
	}
	if (n < 3 || (s[2] & 0xc0) != 0x80)
		return 0;
	if (c < 0xf0) {
		*cp = (c & 0xf) << 12 | (unsigned)(s[1] & 0x3f) << 6 | (s[2] & 0x3f);
		return *cp < 0x800 || (*cp >= 0xd800 && *cp <= 0xdfff) ? 0 : 3;
	}
	if (n < 4 || (s[3] & 0xc0) != 0x80)
		return 0;
	*cp = (c & 7) << 18 | (unsigned)(s[1] & 0x3f) << 12 | (unsigned)(s[2] & 0x3f) << 6 | (s[3] & 0x3f);
	return *cp < 0x10000 || *cp > 0x10ffff ? 0 : 4;
}

/* Characters that could move or reorder what a terminal or a log viewer shows. All below U+10000. */
static bool unsafe_cp(unsigned cp)
{
	return cp < 0xa0 || cp == 0x61c || cp == 0x200e || cp == 0x200f || (cp >= 0x2028 && cp <= 0x202e) ||
	       (cp >= 0x2066 && cp <= 0x2069) || cp == 0xfeff;
}

static bool plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void put_escaped(struct hf_jsonw *w, struct hf_str str)
{
	const unsigned char *s = (const unsigned char *)str.p;
	size_t i = 0;

	while (i < str.n && !w->full) {
		size_t run = i;
		unsigned cp, len;

		while (run < str.n && plain(s[run]))
			run++;
		if (run > i) {
			put(w, str.p + i, run - i);
			i = run;
			continue;
		}
		if (s[i] == '"' || s[i] == '\\') {
			put1(w, '\\');
			put1(w, str.p[i++]);
		} else if (s[i] == '\n') {
			put(w, "\\n", 2);
			i++;
		} else if (s[i] < 0x80) {
			put_u16_escape(w, s[i++]);
		} else if ((len = utf8_len(s + i, str.n - i, &cp)) == 0) {
			put_u16_escape(w, 0xdc00 | s[i++]);
		} else if (unsafe_cp(cp)) {
			put_u16_escape(w, cp);
			i += len;
		} else {
			put(w, str.p + i, len);
			i += len;
		}
	}
}

static void member(struct hf_jsonw *w, const char *key)
{
	if (w->comma)
		put1(w, ',');
	w->comma = true;
	if (!key)
		return;
	put1(w, '"');
	put(w, key, strlen(key));
	put(w, "\":", 2);
}

void hf_jsonw_init(struct hf_jsonw *w, char *buf, size_t cap)
{
	*w = (struct hf_jsonw){ .p = buf, .cap = cap };
}

void hf_jsonw_obj(struct hf_jsonw *w, const char *key)
{
	member(w, key);
	put1(w, '{');
	w->comma = false;
}

void hf_jsonw_end_obj(struct hf_jsonw *w)
{
	put1(w, '}');
	w->comma = true;
}

void hf_jsonw_arr(struct hf_jsonw *w, const char *key)
{
	member(w, key);
	put1(w, '[');
	w->comma = false;
}

void hf_jsonw_end_arr(struct hf_jsonw *w)
{
	put1(w, ']');
	w->comma = true;
}

void hf_jsonw_str(struct hf_jsonw *w, const char *key, struct hf_str s)
{
	member(w, key);
	put1(w, '"');
	put_escaped(w, s);
	put1(w, '"');
}

void hf_jsonw_strz(struct hf_jsonw *w, const char *key, const char *z)
{
	if (z) {
		hf_jsonw_str(w, key, hf_str_of(z));
	} else {
		member(w, key);
		put(w, "null", 4);
	}
}

static void put_number(struct hf_jsonw *w, const char *key, uint64_t v, bool negative)
{
	char d[24];
	size_t i = sizeof(d);
	bool quote = v > EXACT_MAX;

	if (quote)
		d[--i] = '"';
	do
		d[--i] = (char)('0' + v % 10);
	while (v /= 10);
	if (negative)
		d[--i] = '-';
	if (quote)
		d[--i] = '"';
	member(w, key);
	put(w, d + i, sizeof(d) - i);
}

void hf_jsonw_u64(struct hf_jsonw *w, const char *key, uint64_t v)
{
	put_number(w, key, v, false);
}

void hf_jsonw_i64(struct hf_jsonw *w, const char *key, int64_t v)
{
	put_number(w, key, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0);
}

void hf_jsonw_hex64(struct hf_jsonw *w, const char *key, uint64_t v)
{
	char d[16];

	for (unsigned i = 0; i < sizeof(d); i++)
		d[i] = hex_digit[v >> (60 - 4 * i) & 15];
	hf_jsonw_str(w, key, (struct hf_str){ d, sizeof(d) });
}

void hf_jsonw_bool(struct hf_jsonw *w, const char *key, bool v)
{
	member(w, key);
	put(w, v ? "true" : "false", v ? 4 : 5);
}

void hf_jsonw_raw(struct hf_jsonw *w, const char *key, struct hf_str json)
{
	member(w, key);
	put(w, json.p, json.n);
}

/* --- reading back ----------------------------------------------------------------------------- */

/* The code unit of "\uXXXX" at s, or -1. */
static int escape_unit(const char *s, size_t n)
{
	int v = 0;

	if (n < 6 || s[0] != '\\' || s[1] != 'u')
		return -1;
	for (unsigned i = 2; i < 6; i++) {
		char c = s[i];
		int d = c >= '0' && c <= '9' ? c - '0' :
			c >= 'a' && c <= 'f' ? c - 'a' + 10 :
			c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;

		if (d < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

size_t hf_json_prepare(char *s, size_t n)
{
	size_t in = 0, out = 0;

	while (in < n) {
		size_t keep;
		int u;

		if (s[in] != '\\') {
			s[out++] = s[in++];
			continue;
		}
		u = escape_unit(s + in, n - in);
		if (u == 0 || (u >= 0xdc80 && u <= 0xdcff)) {
			unsigned cp = u ? (unsigned)u : 0xdc00;

			s[out++] = (char)0xed;
			s[out++] = (char)(0x80 | (cp >> 6 & 0x3f));
			s[out++] = (char)(0x80 | (cp & 0x3f));
			in += 6;
			continue;
		}
		keep = u < 0 ? 2 : u >= 0xd800 && u <= 0xdbff ? 12 : 6;	/* a real pair stays together */
		if (keep > n - in)
			keep = n - in;
		memmove(s + out, s + in, keep);
		in += keep;
		out += keep;
	}
	return out;
}

size_t hf_json_unescape_bytes(char *s, size_t n)
{
	size_t in = 0, out = 0;

	while (in < n) {
		unsigned char a = (unsigned char)s[in];

		if (a == 0xed && n - in >= 3) {
			unsigned cp = 0xd000u | ((unsigned char)s[in + 1] & 0x3fu) << 6 | ((unsigned char)s[in + 2] & 0x3fu);

			if (((unsigned char)s[in + 1] & 0xc0) == 0x80 && ((unsigned char)s[in + 2] & 0xc0) == 0x80 &&
			    (cp == 0xdc00 || (cp >= 0xdc80 && cp <= 0xdcff))) {
				s[out++] = (char)(cp & 0xff);
				in += 3;
				continue;
			}
		}
		s[out++] = s[in++];
	}
	return out;
}
