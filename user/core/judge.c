/* SPDX-License-Identifier: Apache-2.0 */
/* What do the rules say of this action, given what happened before? The live engine and replay both ask here. */
#include "traj_impl.h"

#define FILE_CATEGORIES (1u << HF_CAT_FILE_ACCESS | 1u << HF_CAT_FILE_EVENT | 1u << HF_CAT_FILE_DELETE | \
			 1u << HF_CAT_FILE_RENAME | 1u << HF_CAT_FILE_CHANGE)

/* A place among the findings, strongest first, equals in the order they came; NULL: weaker than all that fit. */
static struct hf_finding *place(struct hf_judgement *j, enum hf_verdict v)
{
	unsigned at = j->nfindings;

	while (at > 0 && j->finding[at - 1].verdict < v)
		at--;
	if (j->nfindings == HF_FINDINGS_MAX) {
		j->dropped++;
		if (at == HF_FINDINGS_MAX)
			return NULL;
		j->nfindings--;
	}
	memmove(&j->finding[at + 1], &j->finding[at], (j->nfindings - at) * sizeof(j->finding[0]));
	j->nfindings++;
	if (at == 0)
		j->verdict = v;
	return &j->finding[at];
}

static void add(struct hf_judgement *j, const struct hf_rule *r, enum hf_verdict v, const char *why)
{
	struct hf_finding *f = place(j, v);

	if (!f)
		return;
	f->rule = r;
	f->verdict = v;
	f->why = why;
	f->nstory = 0;
}

/* Was just what this rule decides by cut off? Then that it did not match says nothing. */
static bool undecided(const struct hf_det *d, const struct hf_event *e, const struct hf_action *a)
{
	uint32_t watched = d->categories & e->categories;

	if (!d->hold_truncated || !e->truncated)
		return false;
	if ((a->flags & HF_ACT_TRUNC_PATH) && (watched & FILE_CATEGORIES))
		return true;
	return (watched & 1u << HF_CAT_PROCESS_CREATION) != 0;
}

static void note_match(const struct hf_traj *t, const struct hf_det *d, struct hf_judgement *j)
{
	t->scratch->matched[d->index / 64] |= UINT64_C(1) << (d->index % 64);
	if (!d->has_consequences)
		return;
	if (j->nmatched < sizeof(j->matched) / sizeof(j->matched[0]))
		j->matched[j->nmatched] = d->index;
	j->nmatched++;		/* beyond the array: the count alone, for hf_traj_commit() to tell */
}

static void judge_detection(const struct hf_traj *t, const struct hf_det *d, bool candidate, const struct hf_action *a,
			    const struct hf_event *e, struct hf_judgement *j)
{
	bool match, limited = false;
	enum hf_verdict v;

	if (!(d->categories & e->categories))
		return;
	match = candidate && hf_rule_match(d->rule, e, &limited);
	if (!match && !undecided(d, e, a))
		return;
	note_match(t, d, j);
	if (d->step_only)
		return;
	v = hf_rule_verdict(d->rule);
	if (match)
		add(j, d->rule, v, limited ? "match limit" : "matched");
	else
		add(j, d->rule, v > HF_HOLD ? v : HF_HOLD, "truncated");
}

/* In the order of the rules. What was cut off may hide any literal: then all are looked at. */
static void judge_detections(const struct hf_traj *t, const struct hf_action *a, const struct hf_event *e,
			     struct hf_judgement *j)
{
	uint64_t *bits = t->scratch->candidates;

	hf_ruleset_candidates(t->rs, e, bits);
	for (unsigned i = 0; e->truncated && i < t->ndet; i++)
		judge_detection(t, &t->det[i], bits[t->det[i].index / 64] >> (t->det[i].index % 64) & 1, a, e, j);
	for (unsigned w = 0; !e->truncated && w <= t->nrules / 64; w++) {
		for (uint64_t left = bits[w]; left; left &= left - 1) {
			uint32_t d = t->det_of[w * 64 + (unsigned)__builtin_ctzll(left)];

			if (d != HF_NIL)
				judge_detection(t, &t->det[d], true, a, e, j);
		}
	}
}

static void judge_correlations(const struct hf_traj *t, const struct hf_action *a, const struct hf_event *e,
			       const struct hf_proc *p, struct hf_judgement *j)
{
	for (unsigned i = 0; i < t->ncorr; i++) {
		const struct hf_corr *c = &t->corr[i];
		uint32_t steps = hf_corr_steps(c, t->scratch->matched);
		const struct hf_det self = { .rule = c->rule, .index = hf_rule_index(c->rule), .has_consequences = true };
		struct hf_finding done, *f;

		if (steps == 0 || !hf_corr_complete(t, i, steps, e, p, a, &done))
			continue;
		done.rule = c->rule;
		done.verdict = hf_rule_verdict(c->rule);
		done.why = "matched";
		note_match(t, &self, j);
		if (c->step_only)
			continue;
		f = place(j, done.verdict);
		if (f)
			*f = done;
	}
}

void hf_judge(const struct hf_traj *t, const struct hf_action *a, struct hf_judgement *ret)
{
	const struct hf_proc_ent *pe = hf_procs_find(t, a->tgid, a->start_ns);
	const struct hf_proc *p = pe ? &pe->p : NULL;
	const struct hf_event *e;

	ret->verdict = HF_ALLOW;
	ret->nfindings = ret->dropped = ret->nmatched = 0;
	if (a->flags & HF_ACT_RACED)
		add(ret, NULL, HF_DENY, "raced-argument");
	e = hf_event_build(t, a, p);
	if (e->categories == 0)
		return;
	memset(t->scratch->matched, 0, (t->nrules / 64 + 1) * sizeof(t->scratch->matched[0]));
	judge_detections(t, a, e, ret);
	judge_correlations(t, a, e, p, ret);
}
