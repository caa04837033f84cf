/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Journal lines: one JSON object a line, each carrying the SHA-256 of the line before it ("prev", hex; 64 zeros in the
 * first), computed over that line's bytes without its newline. Formatting and checking only: files are the shell's.
 * SHA-256 is libmd's (Debian's base has it; design.md's list of what the core links is widened by it for this reason).
 *
 * Each line: {"n":17,"t":"2026-11-24T08:23:49.123456Z","b":BOOTTIME_NS,"type":"action",...,"prev":"..."}; prev is last.
 * Types: session, action (of kind exit too), finding, hold, decision, gap, note, end. Numbers beyond 2^53 are decimal
 * strings, session ids 16 hex digits, bytes that are not UTF-8 \udc80..\udcff (see jsonw.h). Members that say nothing (0,
 * absent, unknown) are left out. The end line also has "sum", the SHA-256 of its own bytes before `,"sum":`, because no
 * later line covers it.
 *
 * The chain finds what was changed, removed, added or put in another order by somebody who cannot recompute it. Whoever can
 * rewrite the whole file can: against him only the last hash helps, kept elsewhere (`run` prints it, `verify --hash` takes it).
 */
#ifndef HF_JOURNAL_H
#define HF_JOURNAL_H
#include "action.h"
#include "jsonw.h"
#include "traj.h"

/* Room for any line: an action with argv, five paths and an image, all of bytes that escape to six, is below 440 KiB. In a smaller
 * writer hf_journal_action() cuts instead. */
#define HF_LINE_MAX (512u * 1024)

struct hf_chain {		/* state of one journal being written */
	uint64_t n;		/* lines written */
	char prev[65];		/* hex hash of the last line */
};
struct hf_stamp {
	uint64_t wall_ns;	/* CLOCK_REALTIME */
	uint64_t boot_ns;	/* CLOCK_BOOTTIME */
};
void hf_chain_init(struct hf_chain *c);
/* Starts a line of this type in w (opens the object, writes n, t, b, type). wall_ns: CLOCK_REALTIME. */
void hf_chain_begin(const struct hf_chain *c, struct hf_jsonw *w, const char *type, uint64_t wall_ns, uint64_t boot_ns);
/* Adds prev, closes the object, appends '\n', advances the chain. -ENOSPC when the line did not fit w (the chain is unchanged). */
int hf_chain_end(struct hf_chain *c, struct hf_jsonw *w);

/*
 * Members of an action, between begin and end; also used for `holds --json` and the control socket. p: who does it, may be NULL.
 * Always closes what it opens. What does not fit w (keeping HF_ACTION_RESERVE bytes, or a quarter of a small one, for the members
 * that follow) is cut, longest parts first, and then says so: "cut":true and trunc_path/trunc_argv in flags, so that replay
 * judges it as truncated. Allocates nothing.
 *
 * action, seq, time_ns, pid, tid (when not pid), start_ns, uid, ppid, image (p's, not for exec), flags (names), ret, syscall, nr,
 * open_flags, mode, path, path2, given, argv (array), argv_cut (its last word has no end), cwd, interp, dev, ino, addr: {text, family,
 * ip, port, proto, path | abstract}, target_pid, signo, child: {pid, tid, start_ns}. The session is the journal's own and is not
 * repeated.
 */
#define HF_ACTION_RESERVE 1024
void hf_journal_action(struct hf_jsonw *w, const struct hf_action *a, const struct hf_proc *p);
/* rule (null: Holdfast's own), title, level, tags, verdict, why, guidance, story: [{n, b, action, pid, verdict, summary}]. */
void hf_journal_finding(struct hf_jsonw *w, const struct hf_finding *f);

/*
 * Whole lines: each starts with hf_jsonw_init()'s empty w and ends with hf_chain_end(). 0, or -ENOSPC with the chain unchanged.
 */
int hf_journal_line_action(struct hf_chain *c, struct hf_jsonw *w, struct hf_stamp at, const struct hf_action *a, const struct hf_proc *p);
/* Finding of an action: members of the finding plus pid, start_ns, seq and summary of the action. */
int hf_journal_line_finding(struct hf_chain *c, struct hf_jsonw *w, struct hf_stamp at, const struct hf_finding *f, const struct hf_action *a);
/* A finding that no rule made (hf_traj_mark): what is "raced-argument", "self-approval"; detail is free text or NULL. */
int hf_journal_line_mark(struct hf_chain *c, struct hf_jsonw *w, struct hf_stamp at, const char *what, const struct hf_action *a, const char *detail);

struct hf_journal_guard { const char *name, *state; };
struct hf_journal_session {
	uint64_t session;
	const char *name, *user, *host, *kernel, *version;	/* NULL: left out */
	struct hf_str workspace, cwd;
	struct hf_str command;		/* argv, NUL after each word */
	uint32_t uid;
	const char *rules_hash;
	unsigned rules;			/* their number */
	const struct hf_journal_guard *guard;
	unsigned nguard;
};
int hf_journal_line_session(struct hf_chain *c, struct hf_jsonw *w, struct hf_stamp at, const struct hf_journal_session *s);

struct hf_journal_hold {
	const char *id;			/* as `holds` shows it */
	const char *guard;		/* which guard asks: "seccomp", "fanotify", "stop" */
	uint64_t expires_in_ms;
	const struct hf_finding *finding;	/* the one that holds; NULL: none of a rule's */
	const struct hf_action *action;
	const struct hf_proc *proc;
};
/* id, guard, rule, title, reason, summary, expires_in_ms, action: {members of the action}. */
int hf_journal_line_hold(struct hf_chain *c, struct hf_jsonw *w, struct hf_stamp at, const struct hf_journal_hold *h);

struct hf_journal_decision {
	const char *hold;		/* its id */
	bool allow, stop;		/* stop: deny and end the session */
	const char *scope;		/* "once", "session" */
	const char *via;		/* "tty", "socket", "timeout", "policy" */
	int64_t uid, pid;		/* who; -1 left out (nobody, or not known) */
	uint64_t after_ms;		/* since it was held */
	const char *rule, *summary;	/* may be NULL */
};
int hf_journal_line_decision(struct hf_chain *c, struct hf_jsonw *w, struct hf_stamp at, const struct hf_journal_decision *d);

/* what was lost ("open", "exec", a record type; "journal": lines that did not fit), and how many. */
int hf_journal_line_gap(struct hf_chain *c, struct hf_jsonw *w, struct hf_stamp at, const char *what, uint64_t count);
int hf_journal_line_note(struct hf_chain *c, struct hf_jsonw *w, struct hf_stamp at, const char *kind, struct hf_str text);
/* A note of kind "process": one the trajectory learnt without its fork (hf_traj_recover), the session's first included.
 * Without these lines a replay knows less than the engine did. */
int hf_journal_line_process(struct hf_chain *c, struct hf_jsonw *w, struct hf_stamp at, const struct hf_proc *p);

struct hf_journal_total { const char *name; uint64_t count; };
struct hf_journal_end {
	int exit_status;		/* what `run` returns: the command's own, 128+N after a signal */
	uint64_t duration_ms;
	const struct hf_journal_total *total;
	unsigned ntotal;
};
int hf_journal_line_end(struct hf_chain *c, struct hf_jsonw *w, struct hf_stamp at, const struct hf_journal_end *e);

/* --- reading ---------------------------------------------------------------------------------- */

struct hf_journal_reader;
struct hf_journal_reader *hf_journal_reader_new(void);		/* NULL: out of memory */
void hf_journal_reader_free(struct hf_journal_reader **r);
enum hf_line_type { HF_LINE_SESSION, HF_LINE_ACTION, HF_LINE_FINDING, HF_LINE_HOLD, HF_LINE_DECISION, HF_LINE_GAP, HF_LINE_NOTE, HF_LINE_END };
const char *hf_line_type_name(enum hf_line_type t);
struct hf_line {
	enum hf_line_type type;
	uint64_t n, boot_ns;
	char wall[40];
	struct hf_action action;	/* HF_LINE_ACTION and HF_LINE_HOLD; session: from the journal's session line */
	struct hf_str image;		/* the acting process's, when the line has it */
	uint32_t ppid;
	bool cut;			/* the writer had to cut the action */
	const void *json;		/* cJSON object of the whole line; valid until the next read */
};
/* line without its '\n'. Checks number, prev hash and form against what came before: 0, or -EINVAL with why[] saying what is
 * wrong ("line 12: prev does not match line 11: line 11 or 12 was changed"); -ENOMEM. After an error the reader stays usable: it
 * goes on from the line it was given. Strings of *ret live in the reader until its next read. */
int hf_journal_read(struct hf_journal_reader *r, struct hf_str line, struct hf_line *ret, char *why, size_t why_cap);
uint64_t hf_journal_reader_lines(const struct hf_journal_reader *r);	/* read so far */
const char *hf_journal_reader_hash(const struct hf_journal_reader *r);	/* hex hash of the last line */
bool hf_journal_reader_ended(const struct hf_journal_reader *r);	/* the last line was an end line */
uint64_t hf_journal_reader_session(const struct hf_journal_reader *r);	/* id of the session line; 0 none */
/* Members of object obj (a cJSON, NULL: the line's): decoded bytes, .p NULL when it is no string. Valid until the next read. */
struct hf_str hf_line_str(struct hf_journal_reader *r, const void *obj, const char *key);
/* A number, or one written as a string; def when absent, negative or no number. */
uint64_t hf_line_u64(struct hf_journal_reader *r, const void *obj, const char *key, uint64_t def);
/* An array of strings as one argv: NUL after each. .p NULL when it is no array. */
struct hf_str hf_line_argv(struct hf_journal_reader *r, const void *obj, const char *key);
#endif
