/* SPDX-License-Identifier: Apache-2.0 */
#include "traj_impl.h"

#include <errno.h>
#include <stdlib.h>

#define CONFIRM_LOOKBACK 1024u	/* actions between one that was asked for and its outcome */
#define LIMIT_MAX (1u << 22)

uint32_t hf_traj_pow2(uint32_t n)
{
	uint32_t p = 16;

	while (p < n && p < 1u << 31)
		p *= 2;
	return p;
}

static unsigned limit(unsigned given, unsigned otherwise)
{
	if (given == 0)
		return otherwise;
	return given < LIMIT_MAX ? given : LIMIT_MAX;
}

/* A bit for each rule that is a step of a correlation, in the scratch. */
static void mark_steps(struct hf_traj *t)
{
	for (unsigned i = 0; i < t->ncorr; i++) {
		for (unsigned k = 0; k < t->corr[i].c->nsteps; k++) {
			unsigned r = hf_rule_index(t->corr[i].c->step[k]);

			t->scratch->matched[r / 64] |= UINT64_C(1) << (r % 64);
		}
	}
}

static int detections_init(struct hf_traj *t)
{
	t->det = calloc(t->nrules + 1, sizeof(*t->det));
	t->det_of = calloc(t->nrules + 1, sizeof(*t->det_of));
	if (!t->det || !t->det_of)
		return -ENOMEM;
	mark_steps(t);
	for (unsigned i = 0; i < t->nrules; i++) {
		const struct hf_rule *r = hf_ruleset_get(t->rs, i);
		bool step = t->scratch->matched[i / 64] >> (i % 64) & 1;
		enum hf_label_scope to;

		t->det_of[i] = HF_NIL;
		if (hf_rule_is_correlation(r) || hf_rule_not_applicable(r))
			continue;
		t->det_of[i] = t->ndet;
		t->det[t->ndet++] = (struct hf_det){
			.rule = r, .index = i, .categories = hf_rule_categories(r),
			.step_only = hf_rule_is_step_only(r), .hold_truncated = hf_rule_on_truncated_hold(r),
			.has_consequences = hf_rule_label(r, 0, &to) || step,
		};
	}
	return 0;
}

static int fill(struct hf_traj *t, struct hf_str workspace)
{
	char *w = malloc(workspace.n + 1);

	t->workspace.p = w;
	t->scratch = calloc(1, sizeof(*t->scratch));
	t->past = calloc(t->lim.past, sizeof(*t->past));
	if (!w || !t->scratch || !t->past)
		return -ENOMEM;
	if (workspace.n > 0)
		memcpy(w, workspace.p, workspace.n);
	t->workspace.n = workspace.n;
	while (t->workspace.n > 1 && w[t->workspace.n - 1] == '/')
		t->workspace.n--;
	t->scratch->matched = calloc(t->nrules / 64 + 1, sizeof(t->scratch->matched[0]));
	t->scratch->candidates = calloc(t->nrules / 64 + 1, sizeof(t->scratch->candidates[0]));
	if (!t->scratch->matched || !t->scratch->candidates)
		return -ENOMEM;
	if (hf_procs_init(t) < 0 || hf_labels_init(t) < 0 || hf_corr_init(t) < 0 || hf_dests_init(t) < 0)
		return -ENOMEM;
	return detections_init(t);
}

struct hf_traj *hf_traj_new(uint64_t session, const struct hf_ruleset *rs, struct hf_str workspace,
			    const struct hf_traj_limits *limits)
{
	static const struct hf_traj_limits none;
	struct hf_traj *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	if (!limits)
		limits = &none;
	if (!workspace.p)
		workspace.n = 0;
	t->session = session;
	t->rs = rs;
	t->nrules = hf_ruleset_count(rs);
	t->uses = hf_ruleset_fields(rs);
	t->lim.procs = limit(limits->procs, 8192);
	t->lim.past = limit(limits->past, 4096);
	t->lim.files = limit(limits->files, 65536);
	t->lim.groups = limit(limits->groups, 4096);
	t->lim.samples = limit(limits->samples, 16384);
	if (fill(t, workspace) < 0)
		hf_traj_free(&t);
	return t;
}

void hf_traj_free(struct hf_traj **pt)
{
	struct hf_traj *t = *pt;

	*pt = NULL;
	if (!t)
		return;
	hf_procs_free(t);
	hf_labels_free(t);
	hf_corr_free(t);
	hf_dests_free(t);
	if (t->scratch) {
		free(t->scratch->matched);
		free(t->scratch->candidates);
	}
	free(t->scratch);
	free(t->past);
	free(t->det);
	free(t->det_of);
	free((char *)t->workspace.p);
	free(t);
}

int hf_traj_user_name(struct hf_traj *t, uint32_t uid, struct hf_str name)
{
	unsigned i;

	if (!name.p || name.n == 0 || name.n >= sizeof(t->user[0].name))
		return -EINVAL;
	for (i = 0; i < t->nusers && t->user[i].uid != uid; i++)
		;
	if (i == HF_USERS_MAX)
		return -ENOSPC;
	t->user[i].uid = uid;
	memcpy(t->user[i].name, name.p, name.n);
	t->user[i].len = (uint8_t)name.n;
	t->nusers += i == t->nusers;
	return 0;
}

void hf_traj_set_tty(struct hf_traj *t, bool on)
{
	t->tty = on;
	t->tty_known = true;
}

/* Did it fail for good? A connect goes on in the kernel after these. */
static bool failed(const struct hf_action *a)
{
	if (!(a->flags & HF_ACT_OUTCOME) || a->ret >= 0 || a->kind == HF_EXIT)
		return false;
	if (a->kind == HF_CONNECT && (a->ret == -EINPROGRESS || a->ret == -EALREADY || a->ret == -EINTR))
		return false;
	return true;
}

static struct hf_past *past_add(struct hf_traj *t, const struct hf_action *a, enum hf_verdict v)
{
	struct hf_past *q = &t->past[t->n % t->lim.past];

	q->n = ++t->n;
	q->time_ns = a->time_ns;
	q->kind = a->kind;
	q->flags = a->flags;
	q->tgid = a->tgid;
	q->tid = a->tid;
	q->start_ns = a->start_ns;
	q->ret = a->ret;
	q->verdict = v;
	hf_action_summary(a, q->summary, sizeof(q->summary));
	return q;
}

/* The action that this is the outcome of: exec gives its caller the leader's thread id, so tid is no help there. */
static struct hf_past *asked_before(struct hf_traj *t, const struct hf_action *a)
{
	for (uint64_t n = t->n; n > 0 && t->n - n < t->lim.past && t->n - n < CONFIRM_LOOKBACK; n--) {
		struct hf_past *q = &t->past[(n - 1) % t->lim.past];

		if (q->tgid == a->tgid && q->kind == a->kind && (q->tid == a->tid || a->kind == HF_EXEC) &&
		    (q->flags & HF_ACT_ASKED) && !(q->flags & HF_ACT_OUTCOME))
			return q;
	}
	return NULL;
}

static void take_effect(struct hf_traj *t, struct hf_proc *p, const struct hf_action *a)
{
	hf_labels_follow(t, a);
	if (a->kind == HF_FORK)
		hf_procs_fork(t, p, a);
	else if (a->kind == HF_EXEC && p && (a->flags & HF_ACT_OUTCOME))
		hf_procs_exec(t, p, a);
	else if (a->kind == HF_EXIT && p)
		hf_procs_exit(t, p, a->ret);
}

static void confirm(struct hf_traj *t, struct hf_proc *p, const struct hf_action *a)
{
	struct hf_action done = *a;
	struct hf_past *q = asked_before(t, a);

	done.flags |= HF_ACT_OUTCOME;
	if (q) {
		q->ret = a->ret;
		q->flags |= HF_ACT_OUTCOME | (a->flags & HF_ACT_RACED);
	}
	t->stats.raced += (a->flags & HF_ACT_RACED) != 0;
	if (!failed(&done))
		take_effect(t, p, &done);
}

static void learn_from(struct hf_traj *t, struct hf_proc *p, const struct hf_action *a, const struct hf_judgement *j,
		       const struct hf_past *past)
{
	unsigned room = sizeof(j->matched) / sizeof(j->matched[0]);
	unsigned n = j->nmatched < room ? j->nmatched : room;
	uint64_t *matched = t->scratch->matched;
	const struct hf_event *e = NULL;

	if (n == 0)
		return;
	t->stats.cut_matches += j->nmatched - n;
	memset(matched, 0, (t->nrules / 64 + 1) * sizeof(matched[0]));
	for (unsigned i = 0; i < n; i++)
		if (j->matched[i] < t->nrules)
			matched[j->matched[i] / 64] |= UINT64_C(1) << (j->matched[i] % 64);
	for (unsigned i = 0; i < t->ncorr; i++) {
		uint32_t steps = hf_corr_steps(&t->corr[i], matched);

		if (steps == 0)
			continue;
		if (t->corr[i].needs_event && !e)
			e = hf_event_build(t, a, p);
		hf_corr_advance(t, i, steps, e, p, a, past);
	}
	for (unsigned i = 0; i < n; i++)
		hf_labels_apply(t, p, a, j->matched[i]);
}

uint64_t hf_traj_commit(struct hf_traj *t, const struct hf_action *a, const struct hf_judgement *j)
{
	struct hf_proc *p;
	struct hf_past *past;

	hf_procs_trim(t);		/* first: p must outlive it */
	p = hf_procs_ensure(t, a);
	if (a->time_ns > t->now_ns)
		t->now_ns = a->time_ns;
	if (t->first_ns == 0)
		t->first_ns = a->time_ns;
	if (a->flags & HF_ACT_CONFIRM) {
		confirm(t, p, a);
		return 0;
	}
	past = past_add(t, a, j ? j->verdict : HF_ALLOW);
	t->stats.actions++;
	if ((unsigned)a->kind < HF_KINDS)
		t->stats.by_kind[a->kind]++;
	t->stats.findings += j ? j->nfindings + j->dropped : 0;
	t->stats.raced += (a->flags & HF_ACT_RACED) != 0;
	if (a->flags & HF_ACT_DENIED) {
		t->stats.denied++;
		return past->n;
	}
	if (failed(a))
		return past->n;
	if (j)
		learn_from(t, p, a, j, past);
	hf_dests_add(t, a);
	take_effect(t, p, a);
	return past->n;
}

void hf_traj_mark(struct hf_traj *t, const struct hf_action *a, const char *what)
{
	struct hf_past *q = past_add(t, a, HF_DENY);
	size_t n = hf_str_escape(hf_str_of(what), q->summary, sizeof(q->summary) / 2);

	q->flags &= ~HF_ACT_ASKED;	/* no outcome will come for this one */
	if (n + 3 < sizeof(q->summary)) {
		memcpy(q->summary + n, ": ", 3);
		hf_action_summary(a, q->summary + n + 2, sizeof(q->summary) - n - 2);
	}
	if (a->time_ns > t->now_ns)
		t->now_ns = a->time_ns;
	t->stats.findings++;
	t->stats.raced += strcmp(what, "raced-argument") == 0;
}

const struct hf_traj_stats *hf_traj_stats(const struct hf_traj *t)
{
	return &t->stats;
}

const struct hf_past *hf_traj_past(const struct hf_traj *t, unsigned i)
{
	if (i >= t->n || i >= t->lim.past)
		return NULL;
	return &t->past[(t->n - 1 - i) % t->lim.past];
}
