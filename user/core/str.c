/* SPDX-License-Identifier: Apache-2.0 */
#include "str.h"

#include <errno.h>
#include <stdio.h>

/* Decodes one code point of n bytes at p: its length, or 0 when the bytes are not well-formed UTF-8 (RFC 3629:
 * no overlong forms, no surrogates, nothing above U+10FFFF). */
static size_t utf8_decode(const unsigned char *p, size_t n, uint32_t *ret_cp)
{
	uint32_t cp, min;
	size_t len;

	if (p[0] < 0x80) {
		*ret_cp = p[0];
		return 1;
	}
	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		len = 2, cp = p[0] & 0x1f, min = 0x80;
	} else if (p[0] >= 0xe0 && p[0] <= 0xef) {
		len = 3, cp = p[0] & 0x0f, min = 0x800;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		len = 4, cp = p[0] & 0x07, min = 0x10000;
	} else {
		return 0;
	}
	if (len > n)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (p[i] & 0x3f);
	}
	if (cp < min || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return 0;
	*ret_cp = cp;
	return len;
}

/* Code points that move the cursor, reorder or hide text: what a person reads must be what is there. Zero-width and tag
 * characters are here because two different paths must not look the same in a question. */
static bool cp_is_unsafe(uint32_t cp)
{
	static const struct { uint32_t lo, hi; } ranges[] = {
		{ 0x00, 0x1f }, { 0x7f, 0x9f }, { 0xad, 0xad }, { 0x34f, 0x34f }, { 0x61c, 0x61c }, { 0x115f, 0x1160 },
		{ 0x17b4, 0x17b5 }, { 0x180b, 0x180f }, { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
		{ 0x3164, 0x3164 }, { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb },
		{ 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (cp >= ranges[i].lo && cp <= ranges[i].hi)
			return true;
	return false;
}

/* The escaped form of what stands at s.p: its length in *ret_used input bytes and tok[] (at most 12 bytes). */
static size_t escape_one(struct hf_str s, char tok[16], size_t *ret_used)
{
	const unsigned char *p = (const unsigned char *)s.p;
	uint32_t cp;
	size_t used = utf8_decode(p, s.n, &cp);

	if (used == 0 || (used == 1 && cp_is_unsafe(cp))) {
		*ret_used = 1;
		return (size_t)snprintf(tok, 16, "\\x%02x", p[0]);
	}
	*ret_used = used;
	if (cp_is_unsafe(cp))
		return (size_t)snprintf(tok, 16, "\\u{%04x}", (unsigned)cp);
	memcpy(tok, p, used);
	return used;
}

size_t hf_str_escape(struct hf_str s, char *out, size_t cap)
{
	bool cut = false;

	return hf_str_escape_part(s, out, cap, &cut);
}

size_t hf_str_escape_part(struct hf_str s, char *out, size_t cap, bool *ret_cut)
{
	size_t n = 0, safe = 0;

	if (cap == 0) {
		*ret_cut |= s.p && s.n > 0;
		return 0;
	}
	if (!s.p)
		s.n = 0;
	while (s.n > 0) {
		char tok[16] = { s.p[0] };
		size_t used = 1, len = 1;

		if ((unsigned char)s.p[0] - 0x20u >= 0x5f)	/* nearly all is printable ASCII */
			len = escape_one(s, tok, &used);

		if (n + len > cap - 1) {
			/* Back to the last whole token that leaves room for the dots. */
			n = safe;
			for (unsigned i = 0; i < 3 && n < cap - 1; i++)
				out[n++] = '.';
			*ret_cut = true;
			break;
		}
		if (len == 1)
			out[n] = tok[0];
		else
			memcpy(out + n, tok, len);
		n += len;
		if (n + 3 <= cap - 1)
			safe = n;
		s.p += used;
		s.n -= used;
	}
	out[n] = '\0';
	return n;
}

struct joiner {
	char *out;
	size_t cap, n;
	bool cut;
};

static void joiner_put(struct joiner *j, const char *p, size_t n)
{
	size_t room = j->cap - 1 - j->n;

	if (n > room) {
		n = room;
		j->cut = true;
	}
	if (n > 0)
		memcpy(j->out + j->n, p, n);
	j->n += n;
}

static bool word_needs_quotes(const char *p, size_t n)
{
	if (n == 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (memchr(" \t\n\r\v\f'\"", p[i], 8))
			return true;
	return false;
}

static void joiner_put_quoted(struct joiner *j, const char *p, size_t n)
{
	joiner_put(j, "'", 1);
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\'')
			joiner_put(j, "'\\''", 4);
		else
			joiner_put(j, p + i, 1);
	}
	joiner_put(j, "'", 1);
}

size_t hf_argv_join(struct hf_str argv, bool quote, char *out, size_t cap, bool *truncated)
{
	struct joiner j = { out, cap, 0, false };
	const char *p = argv.p, *end = argv.p ? argv.p + argv.n : NULL;

	if (cap == 0) {
		if (truncated)
			*truncated = argv.p && argv.n > 0;
		return 0;
	}
	for (bool first = true; p < end && !j.cut; first = false) {
		const char *nul = memchr(p, '\0', (size_t)(end - p));
		size_t n = (size_t)((nul ? nul : end) - p);

		if (!first)
			joiner_put(&j, " ", 1);
		if (quote && word_needs_quotes(p, n))
			joiner_put_quoted(&j, p, n);
		else
			joiner_put(&j, p, n);
		p = nul ? nul + 1 : end;
	}
	out[j.n] = '\0';
	if (truncated)
		*truncated = j.cut;
	return j.n;
}

int hf_path_from_leaves(struct hf_str leaves, char *out, size_t cap)
{
	size_t end = leaves.n, n = 0;

	if (cap < 2)
		return -ENAMETOOLONG;
	if (leaves.n > 0 && (!leaves.p || leaves.p[leaves.n - 1] != '\0'))
		return -EINVAL;
	while (end > 0) {
		size_t start = end - 1;		/* at this component's NUL */

		while (start > 0 && leaves.p[start - 1] != '\0')
			start--;
		size_t len = end - 1 - start;

		if (len == 0 || memchr(leaves.p + start, '/', len))
			return -EINVAL;
		if (len + 1 > cap - 1 - n)
			return -ENAMETOOLONG;
		out[n++] = '/';
		memcpy(out + n, leaves.p + start, len);
		n += len;
		end = start;
	}
	if (n == 0)
		out[n++] = '/';
	out[n] = '\0';
	return (int)n;
}

static bool is_dots(const char *p, size_t n)
{
	return (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.');
}

int hf_path_to_leaves(struct hf_str path, char *out, size_t cap)
{
	size_t end = path.n, n = 0;

	if (!path.p || path.n == 0 || path.p[0] != '/' || memchr(path.p, '\0', path.n))
		return -EINVAL;
	if (path.n == 1)
		return 0;
	while (end > 0) {
		size_t start = end;

		while (path.p[start - 1] != '/')
			start--;
		size_t len = end - start;

		if (len == 0 || is_dots(path.p + start, len))
			return -EINVAL;
		if (n > cap || len + 1 > cap - n)
			return -ENAMETOOLONG;
		memcpy(out + n, path.p + start, len);
		n += len;
		out[n++] = '\0';
		end = start - 1;
	}
	return (int)n;
}

/* Appends the components of s to out[0..*n), which holds "" or "/a/b". */
static int join_part(struct hf_str s, char *out, size_t cap, size_t *n)
{
	for (size_t i = 0; i < s.n;) {
		size_t start = i;

		while (i < s.n && s.p[i] != '/')
			i++;
		size_t len = i - start;

		i++;
		if (len == 0 || (len == 1 && s.p[start] == '.'))
			continue;
		if (is_dots(s.p + start, len)) {
			while (*n > 0 && out[--*n] != '/')
				;
			continue;
		}
		if (len + 1 > cap - 1 - *n)
			return -ENAMETOOLONG;
		out[(*n)++] = '/';
		memcpy(out + *n, s.p + start, len);
		*n += len;
	}
	return 0;
}

int hf_path_join(struct hf_str base, struct hf_str rel, char *out, size_t cap)
{
	size_t n = 0;
	int r = 0;

	if (cap < 2)
		return -ENAMETOOLONG;
	if (!rel.p)
		rel.n = 0;
	if (rel.n > 0 && memchr(rel.p, '\0', rel.n))
		return -EINVAL;
	if (rel.n == 0 || rel.p[0] != '/') {
		if (!base.p || base.n == 0 || base.p[0] != '/' || memchr(base.p, '\0', base.n))
			return -EINVAL;
		r = join_part(base, out, cap, &n);
	}
	if (r == 0)
		r = join_part(rel, out, cap, &n);
	if (r < 0)
		return r;
	if (n == 0)
		out[n++] = '/';
	out[n] = '\0';
	return (int)n;
}
