/* SPDX-License-Identifier: Apache-2.0 */
/* Text of the prompt's pages: widths, cutting and folding, styles, and the window of visible body lines. */
#ifndef HF_PROMPT_TEXT_H
#define HF_PROMPT_TEXT_H
#include "prompt.h"

enum hf_style { HF_S_NONE, HF_S_HEAD, HF_S_STRONG, HF_S_FAINT, HF_S_ALARM, HF_S_BAR, HF_S_STYLES };

struct hf_page {
	const struct hf_prompt_view *v;
	struct hf_prompt_screen *s;
	char *out;
	size_t cap, n;
	bool full;
	unsigned rows, cols;		/* of the screen, clamped to what can be laid out */
	unsigned top, height, first;	/* the body's window */
	unsigned line;			/* body lines so far */
	unsigned at;			/* columns used of the current line */
};
void hf_page_raw(struct hf_page *p, const char *z);		/* all or nothing */
void hf_page_goto(struct hf_page *p, unsigned row);		/* from 1; clears the line */
void hf_page_style(struct hf_page *p, enum hf_style st);
/* One body line in the making: false when it is outside the window (nothing is written, but it counts). */
bool hf_page_line(struct hf_page *p);
void hf_page_indent(struct hf_page *p, unsigned n);
/* text is escaped already (hf_str_escape); what the terminal could still misplace is shown as \u{NNNN}. */
unsigned hf_page_width(const struct hf_page *p, struct hf_str text);
void hf_page_cut(struct hf_page *p, enum hf_style st, struct hf_str text, unsigned max);	/* at most max columns, cut with an ellipsis */
/* Body lines: text folded into lines with this indent; at most max_lines (0: any number). True when it did not fit. */
bool hf_page_fold(struct hf_page *p, enum hf_style st, unsigned indent, struct hf_str text, unsigned max_lines);
void hf_page_fmt(struct hf_page *p, enum hf_style st, unsigned indent, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
#endif
