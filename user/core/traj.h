/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trajectory of one session: process tree, labels, recent actions, progress of ordered correlations.
 * Everything is bounded; what no longer fits is counted in struct hf_traj_limits and shown.
 *
 * Data flow: hf_judge() reads (trajectory, rules, action) and changes nothing; hf_traj_commit() then adds the action
 * with the judgement it got. A denied action is committed with HF_ACT_DENIED: it is remembered but adds no labels and no
 * correlation steps. An asked-for action (HF_ACT_ASKED) is committed when it is allowed, before its effect; the record of
 * its outcome arrives later with HF_ACT_CONFIRM and only completes it.
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
	struct hf_str image, argv, cwd, interp;	/* owned by the trajectory; the latest exec's, or inherited */
	struct hf_str cmdline;		/* argv joined */
	uint64_t labels;		/* bit set, see hf_traj_label_name */
	int exit_status;		/* when !alive */
};

/* A remembered action: enough to show and to explain a finding. */
struct hf_past {
	uint64_t n;			/* its number in the trajectory, from 1 */
	uint64_t time_ns;
	enum hf_kind kind;
	uint32_t flags, tgid;
	uint64_t start_ns;
	int32_t ret;
	enum hf_verdict verdict;
	char summary[256];		/* hf_action_summary(), cut */
};

#define HF_FINDINGS_MAX 16
#define HF_STORY_MAX 16
struct hf_finding {
	const struct hf_rule *rule;
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
	/* private to judge/commit: which detection rules matched (indices into the set) */
	unsigned nmatched;
	uint32_t matched[64];
};

struct hf_traj_limits {
	unsigned procs;		/* default 8192 processes remembered, the dead oldest first out */
	unsigned past;		/* default 4096 remembered actions */
	unsigned files;		/* default 65536 labelled files */
	unsigned groups;	/* default 4096 open correlation states */
};
struct hf_traj_stats {
	uint64_t actions, by_kind[HF_KINDS], findings, denied, raced;
	uint64_t forgotten_procs, forgotten_files, forgotten_groups, recovered_procs;
};

struct hf_traj;
/* workspace: the session's directory (copied). limits NULL: defaults. rs must outlive the trajectory. NULL: out of memory. */
struct hf_traj *hf_traj_new(uint64_t session, const struct hf_ruleset *rs, struct hf_str workspace, const struct hf_traj_limits *limits);
void hf_traj_free(struct hf_traj **t);
/* The process of an action, or NULL. start_ns 0: the living one with this tgid. */
struct hf_proc *hf_traj_proc(struct hf_traj *t, uint32_t tgid, uint64_t start_ns);
/* Adds a process whose fork was not seen (first process; recovered after loss). Strings are copied. NULL: out of memory. */
struct hf_proc *hf_traj_recover(struct hf_traj *t, uint32_t tgid, uint64_t start_ns, uint32_t ppid, uint32_t uid,
				struct hf_str image, struct hf_str argv, struct hf_str cwd);
/* Pure: what do the rules say of this action now? *ret is fully overwritten. */
void hf_judge(const struct hf_traj *t, const struct hf_action *a, struct hf_judgement *ret);
/* Adds the action (see above). j is what hf_judge() returned for it, or NULL (nothing matched). Returns its number, 0 for
 * HF_ACT_CONFIRM. Never fails: what does not fit is counted. */
uint64_t hf_traj_commit(struct hf_traj *t, const struct hf_action *a, const struct hf_judgement *j);
/* Adds a finding that no rule made (raced-argument, self-approval): counted and shown. */
void hf_traj_mark(struct hf_traj *t, const struct hf_action *a, const char *what);
const struct hf_traj_stats *hf_traj_stats(const struct hf_traj *t);
/* i = 0 is the newest; NULL past the end. */
const struct hf_past *hf_traj_past(const struct hf_traj *t, unsigned i);
/* Calls cb for each remembered process, parents before children, siblings by start time. */
void hf_traj_each_proc(const struct hf_traj *t, void (*cb)(void *ctx, const struct hf_proc *p), void *ctx);
/* Name of label bit 0..63, NULL when unused; and the session's own bits. */
const char *hf_traj_label_name(const struct hf_traj *t, unsigned bit);
uint64_t hf_traj_labels(const struct hf_traj *t);
/* "secret-read untrusted-input" for a bit set; NUL-terminated. */
size_t hf_traj_labels_format(const struct hf_traj *t, uint64_t bits, char *out, size_t cap);
#endif
