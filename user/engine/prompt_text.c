/* SPDX-License-Identifier: Apache-2.0 */
#include "prompt_text.h"
#include <stdarg.h>
#include <stdio.h>
#include <wchar.h>

void hf_page_raw(struct hf_page *p, const char *z)
{
	size_t n = strlen(z);

	/* Never half an escape sequence: the terminal would take the next page's bytes for its end. */
	if (p->full || n > p->cap - p->n) {
		p->full = true;
		return;
	}
	memcpy(p->out + p->n, z, n);
	p->n += n;
}

void hf_page_style(struct hf_page *p, enum hf_style st)
{
	static const char *const sgr[2][HF_S_STYLES] = {
		{ "\033[0m", "\033[0;1m", "\033[0;1m", "\033[0m", "\033[0;1m", "\033[0;7m" },
		{ "\033[0m", "\033[0;1;36m", "\033[0;1m", "\033[0;2m", "\033[0;1;31m", "\033[0;1;37;41m" },
	};

	if (!p->s->plain)
		hf_page_raw(p, sgr[p->s->colour][st]);
}

void hf_page_goto(struct hf_page *p, unsigned row)
{
	char seq[32];

	p->at = 0;
	if (p->s->plain) {
		if (p->n)
			hf_page_raw(p, "\n");
		return;
	}
	snprintf(seq, sizeof(seq), "\033[0m\033[%u;1H\033[2K", row);
	hf_page_raw(p, seq);
}

bool hf_page_line(struct hf_page *p)
{
	unsigned i = p->line++;

	if (p->s->plain) {
		hf_page_goto(p, 0);
		return true;
	}
	if (i < p->first || i - p->first >= p->height)
		return false;
	hf_page_goto(p, p->top + i - p->first);
	return true;
}

static size_t decode(struct hf_str s, uint32_t *ret_cp)
{
	const unsigned char *u = (const unsigned char *)s.p;
	size_t n = u[0] < 0x80 ? 1 : u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : 2;
	uint32_t cp = n == 1 ? u[0] : u[0] & (0xff >> (n + 1));

	if (n > s.n || (u[0] >= 0x80 && u[0] < 0xc2))
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (u[i] & 0x3f);
	}
	*ret_cp = cp;
	return n;
}

/* What stands for the next character: its bytes in tok, its columns, the input used. Combining marks have width 0 and could
 * pile up over the lines above; terminals disagree about them and about the unassigned: both are spelt out. */
static unsigned next_token(const struct hf_page *p, struct hf_str s, char tok[16], size_t *ret_used)
{
	uint32_t cp;
	size_t n = decode(s, &cp);
	int w;

	if (n == 0) {
		*ret_used = 1;
		return (unsigned)snprintf(tok, 16, "\\x%02x", (unsigned char)s.p[0]);
	}
	*ret_used = n;
	if (cp >= 0x20 && cp < 0x7f) {
		tok[0] = (char)cp;
		tok[1] = 0;
		return 1;
	}
	w = p->s->utf8 && cp >= 0xa0 ? wcwidth((wchar_t)cp) : -1;
	if (w <= 0)
		return (unsigned)snprintf(tok, 16, cp < 0x80 ? "\\x%02x" : "\\u{%04x}", (unsigned)cp);
	memcpy(tok, s.p, n);
	tok[n] = 0;
	return (unsigned)w;
}

static struct hf_str skip(struct hf_str s, size_t n)
{
	return (struct hf_str){ s.p + n, s.n - n };
}

unsigned hf_page_width(const struct hf_page *p, struct hf_str text)
{
	unsigned w = 0;
	char tok[16];
	size_t used;

	for (; text.n && w < 100000; text = skip(text, used))
		w += next_token(p, text, tok, &used);
	return w;
}

/* Writes what fits into max columns, returns the bytes used. */
static size_t put(struct hf_page *p, struct hf_str text, unsigned max)
{
	size_t used, done = 0;
	unsigned w = 0;
	char tok[16];

	for (; text.n; text = skip(text, used), done += used) {
		unsigned k = next_token(p, text, tok, &used);

		if (w + k > max)
			break;
		hf_page_raw(p, tok);
		w += k;
	}
	p->at += w;
	return done;
}

void hf_page_cut(struct hf_page *p, enum hf_style st, struct hf_str text, unsigned max)
{
	unsigned left = p->cols > p->at ? p->cols - p->at : 0;
	const char *dots = p->s->utf8 ? "\xe2\x80\xa6" : "...";
	unsigned ndots = p->s->utf8 ? 1 : 3;

	if (max > left)
		max = left;
	hf_page_style(p, st);
	if (hf_page_width(p, text) <= max) {
		put(p, text, max);
	} else if (max >= ndots) {
		put(p, text, max - ndots);
		hf_page_raw(p, dots);
		p->at += ndots;
	}
	hf_page_style(p, HF_S_NONE);
}

void hf_page_indent(struct hf_page *p, unsigned n)
{
	for (; n && p->at < p->cols; n--, p->at++)
		hf_page_raw(p, " ");
}

/* Bytes of text that make the next line of width columns: broken after the last blank when there is one in its second half. */
static size_t fold_at(const struct hf_page *p, struct hf_str text, unsigned width)
{
	size_t used, n = 0, blank = 0;
	unsigned w = 0;
	char tok[16];

	for (struct hf_str s = text; s.n; s = skip(s, used)) {
		unsigned k = next_token(p, s, tok, &used);

		if (w + k > width)
			return n == 0 ? used : blank ? blank : n;
		w += k;
		n += used;
		if (s.p[0] == ' ' && w > width / 2)
			blank = n;
	}
	return n;
}

bool hf_page_fold(struct hf_page *p, enum hf_style st, unsigned indent, struct hf_str text, unsigned max_lines)
{
	unsigned width, n = 0;

	if (indent + 12 > p->cols)	/* room for the longest token, \u{10ffff} */
		indent = p->cols > 16 ? p->cols - 16 : 0;
	width = p->cols - indent;
	do {
		size_t len = p->s->plain ? text.n : fold_at(p, text, width);

		if (max_lines && n == max_lines)
			return true;
		if (hf_page_line(p)) {
			hf_page_indent(p, indent);
			hf_page_style(p, st);
			put(p, (struct hf_str){ text.p, len }, p->s->plain ? UINT32_MAX : width);
			hf_page_style(p, HF_S_NONE);
		}
		text = skip(text, len);
		n++;
	} while (text.n);
	return false;
}

void hf_page_fmt(struct hf_page *p, enum hf_style st, unsigned indent, const char *fmt, ...)
{
	char buf[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	hf_page_fold(p, st, indent, hf_str_of(buf), 0);
}
