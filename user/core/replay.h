/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A journal judged again: its action lines go through the same hf_judge() and hf_traj_commit() as the live engine's. Processes the
 * engine had to learn (note lines of kind "process") and findings that no rule made (raced-argument, ...) are put in as well.
 * What the journal has lost is lost here too: see lost in the totals.
 */
#ifndef HF_REPLAY_H
#define HF_REPLAY_H
#include "journal.h"
#include "traj.h"

struct hf_replay_totals {
	uint64_t actions, findings, by_verdict[HF_KILL + 1];	/* findings by verdict */
	uint64_t marks;			/* findings in the journal that no rule made */
	uint64_t lost;			/* records the journal says were lost */
	uint64_t cut;			/* actions the journal's writer had to cut */
	uint64_t dropped;		/* findings beyond HF_FINDINGS_MAX of one action */
	uint64_t sessions;
};
/* One finding of the action in line l; f is valid during the call. Anything but 0 ends hf_replay_line() with it. */
typedef int (*hf_replay_fn)(void *ctx, const struct hf_line *l, const struct hf_finding *f);
struct hf_replay;
/* rs and limits (NULL: defaults) must outlive it. NULL: out of memory. */
struct hf_replay *hf_replay_new(const struct hf_ruleset *rs, const struct hf_traj_limits *limits, hf_replay_fn fn, void *ctx);
void hf_replay_free(struct hf_replay **r);
/* The next line. A session line starts a new trajectory. 0, -ENOMEM, or what fn returned. */
int hf_replay_line(struct hf_replay *r, struct hf_journal_reader *reader, const struct hf_line *l);
const struct hf_replay_totals *hf_replay_totals(const struct hf_replay *r);
struct hf_traj *hf_replay_traj(struct hf_replay *r);	/* of the latest session; NULL before the first line */
#endif
