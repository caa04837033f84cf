/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Journal lines: one JSON object a line, each carrying the SHA-256 of the line before it ("prev", hex; 64 zeros in the
 * first), computed over that line's bytes without its newline. Formatting and checking only: files are the shell's.
 * SHA-256 is libmd's (Debian's base has it; design.md's list of what the core links is widened by it for this reason).
 *
 * Each line: {"n":17,"t":"2026-11-24T08:23:49.123456Z","b":BOOTTIME_NS,"type":"action",...,"prev":"..."}; prev is last.
 * Types: session, action, exit, finding, hold, decision, gap, note, end.
 */
#ifndef HF_JOURNAL_H
#define HF_JOURNAL_H
#include <stdio.h>
#include "action.h"
#include "jsonw.h"
#include "traj.h"

struct hf_chain {		/* state of one journal being written */
	uint64_t n;		/* lines written */
	char prev[65];		/* hex hash of the last line */
};
void hf_chain_init(struct hf_chain *c);
/* Starts a line of this type in w (opens the object, writes n, t, b, type). wall_ns: CLOCK_REALTIME. */
void hf_chain_begin(const struct hf_chain *c, struct hf_jsonw *w, const char *type, uint64_t wall_ns, uint64_t boot_ns);
/* Adds prev, closes the object, appends '\n', advances the chain. -ENOSPC when the line did not fit w (the chain is unchanged). */
int hf_chain_end(struct hf_chain *c, struct hf_jsonw *w);

/* Members of an action, between begin and end; also used for `holds --json` and the control socket. */
void hf_journal_action(struct hf_jsonw *w, const struct hf_action *a, const struct hf_proc *p);
void hf_journal_finding(struct hf_jsonw *w, const struct hf_finding *f);
/* Reads an action line (type action or exit) back; strings point into an arena the reader owns. -EINVAL with a reason. */
struct hf_journal_reader;
struct hf_journal_reader *hf_journal_reader_new(void);
void hf_journal_reader_free(struct hf_journal_reader **r);
enum hf_line_type { HF_LINE_SESSION, HF_LINE_ACTION, HF_LINE_FINDING, HF_LINE_HOLD, HF_LINE_DECISION, HF_LINE_GAP, HF_LINE_NOTE, HF_LINE_END };
struct hf_line {
	enum hf_line_type type;
	uint64_t n, boot_ns;
	char wall[40];
	struct hf_action action;	/* HF_LINE_ACTION */
	const void *json;		/* cJSON object of the whole line; valid until the next read */
};
/* line without its '\n'. Checks number, prev hash and form against what came before: 0, or -EINVAL with why[] saying what is
 * wrong ("line 12: prev does not match line 11: line 11 or 12 was changed"). After an error the reader stays usable. */
int hf_journal_read(struct hf_journal_reader *r, struct hf_str line, struct hf_line *ret, char *why, size_t why_cap);
#endif
