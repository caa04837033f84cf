/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A journal as a person reads it: a timeline or a process tree, also of 100,000 actions. Pure: parsed lines go in, text comes
 * out through a callback; everything an agent supplied is escaped.
 *
 * Timeline: runs of similar actions within a window are one line ("opened 1,214 files below /usr/include (read)"). Execs,
 * connections, refused and unusual actions, findings, holds, decisions and gaps always have a line; the same thing again within the
 * window is counted on it. Outcome records of actions already shown (HF_ACT_CONFIRM) show only when they failed.
 * Tree: each process with its commands, counts and marks; siblings with equal subtrees without any mark are one line.
 */
#ifndef HF_SHOW_H
#define HF_SHOW_H
#include "journal.h"

enum hf_show_view { HF_SHOW_TIMELINE, HF_SHOW_TREE };
struct hf_show_options {
	enum hf_show_view view;
	bool all;		/* every action and every process on a line of its own */
	bool wall;		/* clock time (UTC) instead of time since the first line */
	uint32_t pid;		/* timeline of one process only; findings, holds, decisions and gaps stay; 0: all */
	unsigned text_max;	/* bytes of one command or path shown; 0: 160 */
	uint64_t window_ns;	/* of grouping; 0: 1 s */
};
struct hf_show;
typedef void (*hf_show_out)(void *ctx, struct hf_str text);	/* whole lines, with '\n' */
struct hf_show *hf_show_new(const struct hf_show_options *o, hf_show_out out, void *ctx);	/* NULL: out of memory */
void hf_show_free(struct hf_show **s);
/* The next line as hf_journal_read() gave it (r is its reader). 0, or -ENOMEM. */
int hf_show_line(struct hf_show *s, struct hf_journal_reader *r, const struct hf_line *l);
/* Something about the journal itself that must be seen where it stands: "line 12: prev does not match ...". */
void hf_show_remark(struct hf_show *s, const char *text);
/* Writes out what is still collected; the tree. */
void hf_show_end(struct hf_show *s);
#endif
