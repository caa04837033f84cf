/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trajectory of one session: process tree, labels, recent actions, progress of ordered correlations. Everything
 * is bounded; what no longer fits is counted in struct hf_traj_stats and shown.
 *
 * Data flow: hf_judge() reads (trajectory, rules, action) and changes nothing; hf_traj_commit() then adds the action
 * with the judgement it got. A denied action is committed with HF_ACT_DENIED: it is remembered but adds no labels and
 * no correlation steps. An asked-for action (HF_ACT_ASKED) is committed when it is allowed, before its effect; the
 * record of its outcome arrives later with HF_ACT_CONFIRM and only completes it. An asked-for exec changes the
 * process's image only when it is confirmed: else an exec made to fail would lend its name to the caller. Labels and
 * steps, though, are added when the action is allowed and stay when it then fails: known too much rather than too
 * little. An action that no guard asked for and that failed (HF_ACT_OUTCOME, ret < 0) adds none.
 *
 * hf_judge() works in a scratch area that the trajectory owns, so that it need not allocate: it is pure in its
 * result, but one trajectory is used by one thread at a time.
 *
 * What is forgotten never makes the judge blind: groups of correlations that no longer fit count for every group of
 * their rule, and a process of unknown parentage carries every process label given so far and continues any lineage. Only file labels are
 * really lost (oldest first, counted).
 */
#ifndef HF_TRAJ_H
#define HF_TRAJ_H
#include "action.h"
#include "sigma.h"

struct hf_proc {
	uint32_t tgid, ppid;
	uint64_t start_ns;
	struct hf_proc *parent;		/* NULL: the session's first process, or its parent is forgotten */
	uint32_t uid;
	bool alive;
	bool recovered;			/* learnt from /proc or from its first action: its fork record was missing */
	unsigned depth;			/* 0: the session's first */
	unsigned nexec;
	uint64_t exe_dev, exe_ino;
	/* Owned by the trajectory; the latest exec's, or inherited. image is what the kernel runs: for a script the
	 * interpreter, which interp then names too. cwd is that of the exec: a later chdir is not followed. */
	struct hf_str image, argv, cwd, interp;
	struct hf_str cmdline;		/* argv joined */
	uint64_t labels;		/* bit set, see hf_traj_label_name */
	int exit_status;		/* when !alive */
};

/* A remembered action: enough to show and to explain a finding. */
struct hf_past {
	uint64_t n;			/* its number in the trajectory, from 1 */
	uint64_t time_ns;
	enum hf_kind kind;
	uint32_t flags, tgid, tid;
	uint64_t start_ns;
	int32_t ret;
	enum hf_verdict verdict;
	char summary[256];		/* hf_action_summary(), cut */
};

#define HF_FINDINGS_MAX 16
#define HF_STORY_MAX 16
struct hf_finding {
	const struct hf_rule *rule;	/* NULL: no rule's, see why ("raced-argument") */
	enum hf_verdict verdict;
	const char *why;		/* static: "matched", "truncated", "match limit", "raced-argument", ... */
	unsigned nstory;		/* earlier actions that made the match, oldest first (correlations) */
	struct hf_past story[HF_STORY_MAX];
};
struct hf_judgement {
	enum hf_verdict verdict;	/* strongest of findings; HF_ALLOW when none */
	unsigned nfindings;		/* strongest first; more than fit: dropped counts them */
	unsigned dropped;
	struct hf_finding finding[HF_FINDINGS_MAX];
	/* private to judge/commit: which rules matched whose match has consequences (labels, steps); indices into the
	 * set */
	unsigned nmatched;
	uint32_t matched[64];
};

struct hf_traj_limits {
	unsigned procs;		/* default 8192 processes remembered, the dead oldest first out */
	unsigned past;		/* default 4096 remembered actions */
	unsigned files;		/* default 65536 labelled files */
	unsigned groups;	/* default 4096 open correlation states */
	unsigned samples;	/* default 16384 actions that counting correlations remember; more if the rules need it */
};
struct hf_traj_stats {
	uint64_t actions, by_kind[HF_KINDS], findings, denied, raced;
	uint64_t forgotten_procs, forgotten_files, forgotten_groups, recovered_procs;
	uint64_t forgotten_labels;	/* labels of rules beyond 64 different ones: a fault of the rule set */
	uint64_t forgotten_stories;	/* earlier actions of a correlation that could not be kept for show */
	uint64_t cut_windows;		/* a counting correlation's oldest numbers put together, or left out */
	uint64_t forgotten_dests;	/* destinations beyond 4096: they count as first seen again */
	uint64_t cut_argv;		/* argvs of processes kept shorter than seen: 16 MiB for all of them were used up */
	uint64_t cut_matches;		/* matches with consequences beyond what one judgement can carry */
};

struct hf_traj;
/* workspace: the session's directory (copied). limits NULL: defaults. rs must outlive the trajectory. NULL: out of
 * memory. */
struct hf_traj *hf_traj_new(uint64_t session, const struct hf_ruleset *rs, struct hf_str workspace,
			    const struct hf_traj_limits *limits);
void hf_traj_free(struct hf_traj **t);
/* Was the session started on a terminal? For the field IsTty; absent until this is said. */
void hf_traj_set_tty(struct hf_traj *t, bool on);
/* The process of an action, or NULL. start_ns 0: the living one with this tgid. BPF gives start times in ns, /proc in
 * ticks of 10 ms: a value that is a whole number of ticks stands for any time in its tick (fs/proc/array.c,
 * start_time). */
struct hf_proc *hf_traj_proc(struct hf_traj *t, uint32_t tgid, uint64_t start_ns);
/* Adds a process whose fork was not seen (first process; recovered after loss), or brings a known one up to date
 * (absent strings change nothing). Strings are copied. It inherits its living parent's labels; with no parent known
 * (and it is not the first) it carries every process label given so far. NULL: the table is full of living processes. */
struct hf_proc *hf_traj_recover(struct hf_traj *t, uint32_t tgid, uint64_t start_ns, uint32_t ppid, uint32_t uid,
				struct hf_str image, struct hf_str argv, struct hf_str cwd);
/* The name of a user, for the field User (root is known). -EINVAL empty or longer than 63 bytes, -ENOSPC more than
 * 64. */
int hf_traj_user_name(struct hf_traj *t, uint32_t uid, struct hf_str name);
/* Pure: what do the rules say of this action now? *ret is overwritten (of finding[], the nfindings first). ret and
 * HF_ACT_OUTCOME play no part: whether a failed attempt matters is the caller's to say. HF_ACT_RACED: a finding of
 * its own with HF_DENY. Allocates nothing. About 80 KiB: keep a judgement off small stacks. */
void hf_judge(const struct hf_traj *t, const struct hf_action *a, struct hf_judgement *ret);
/* Adds the action (see above). j is what hf_judge() returned for it, or NULL (nothing matched). Returns its number, 0
 * for HF_ACT_CONFIRM. Never fails: what does not fit is counted. */
uint64_t hf_traj_commit(struct hf_traj *t, const struct hf_action *a, const struct hf_judgement *j);
/* Adds a finding that no rule made (raced-argument, self-approval): counted and shown. */
void hf_traj_mark(struct hf_traj *t, const struct hf_action *a, const char *what);
const struct hf_traj_stats *hf_traj_stats(const struct hf_traj *t);
/* i = 0 is the newest; NULL past the end. */
const struct hf_past *hf_traj_past(const struct hf_traj *t, unsigned i);
/* Calls cb for each remembered process, parents before children, siblings by start time. */
void hf_traj_each_proc(const struct hf_traj *t, void (*cb)(void *ctx, const struct hf_proc *p), void *ctx);
/* Temporal correlations with at least one step done and not yet expired at the newest action's time. Returns how many
 * there are, at most cap in out: first those that no process or field keeps apart, then the newest. */
struct hf_story {
	const struct hf_rule *rule;
	unsigned steps_done;		/* step[steps_done] of the correlation is awaited; any order: how many, step 0 */
	uint64_t started_ns, expires_ns;	/* CLOCK_BOOTTIME */
	uint32_t tgid;			/* group-by Process or Lineage: whose; else 0 */
};
unsigned hf_traj_stories(const struct hf_traj *t, struct hf_story *out, unsigned cap);
/* Name of label bit 0..63, NULL when unused; and the session's own bits. */
const char *hf_traj_label_name(const struct hf_traj *t, unsigned bit);
uint64_t hf_traj_labels(const struct hf_traj *t);
/* "secret-read untrusted-input" for a bit set; NUL-terminated. */
size_t hf_traj_labels_format(const struct hf_traj *t, uint64_t bits, char *out, size_t cap);
#endif
