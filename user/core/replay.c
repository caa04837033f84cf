// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include "replay.h"

struct hf_replay {
	const struct hf_ruleset *rs;
	const struct hf_traj_limits *limits;
	hf_replay_fn fn;
	void *ctx;
	struct hf_traj *traj;
	struct hf_replay_totals totals;
	struct hf_judgement j;
};

struct hf_replay *hf_replay_new(const struct hf_ruleset *rs, const struct hf_traj_limits *limits, hf_replay_fn fn, void *ctx)
{
	struct hf_replay *r = calloc(1, sizeof(*r));

	if (r) {
		r->rs = rs;
		r->limits = limits;
		r->fn = fn;
		r->ctx = ctx;
	}
	return r;
}

void hf_replay_free(struct hf_replay **r)
{
	if (!*r)
		return;
	hf_traj_free(&(*r)->traj);
	free(*r);
	*r = NULL;
}

const struct hf_replay_totals *hf_replay_totals(const struct hf_replay *r)
{
	return &r->totals;
}

struct hf_traj *hf_replay_traj(struct hf_replay *r)
{
	return r->traj;
}

static int start(struct hf_replay *r, uint64_t session, struct hf_str workspace)
{
	struct hf_traj *t = hf_traj_new(session, r->rs, workspace, r->limits);

	if (!t)
		return -ENOMEM;
	hf_traj_free(&r->traj);
	r->traj = t;
	r->totals.sessions++;
	return 0;
}

static int on_action(struct hf_replay *r, const struct hf_line *l)
{
	const struct hf_action *a = &l->action;
	int rc = 0;

	r->totals.actions++;
	r->totals.cut += l->cut;
	if (a->flags & HF_ACT_CONFIRM) {	/* it was judged before its effect; this completes it */
		hf_traj_commit(r->traj, a, NULL);
		return 0;
	}
	hf_judge(r->traj, a, &r->j);
	r->totals.findings += r->j.nfindings;
	r->totals.dropped += r->j.dropped;
	for (unsigned i = 0; i < r->j.nfindings && rc == 0; i++) {
		r->totals.by_verdict[r->j.finding[i].verdict]++;
		rc = r->fn(r->ctx, l, &r->j.finding[i]);
	}
	hf_traj_commit(r->traj, a, &r->j);
	return rc;
}

static int on_process(struct hf_replay *r, struct hf_journal_reader *reader)
{
	uint32_t pid = (uint32_t)hf_line_u64(reader, NULL, "pid", 0), ppid = (uint32_t)hf_line_u64(reader, NULL, "ppid", 0);
	uint64_t start_ns = hf_line_u64(reader, NULL, "start_ns", 0);

	if (!pid || hf_traj_proc(r->traj, pid, start_ns))
		return 0;
	return hf_traj_recover(r->traj, pid, start_ns, ppid, (uint32_t)hf_line_u64(reader, NULL, "uid", 0), hf_line_str(reader, NULL, "image"),
			       hf_line_argv(reader, NULL, "argv"), hf_line_str(reader, NULL, "cwd")) ? 0 : -ENOMEM;
}

/* A finding without a rule: the engine marked the trajectory with it. */
static void on_finding(struct hf_replay *r, struct hf_journal_reader *reader, const struct hf_line *l)
{
	struct hf_str why = hf_line_str(reader, NULL, "why");
	struct hf_action a = { .session = hf_journal_reader_session(reader), .time_ns = l->boot_ns, .kind = HF_OTHER, .nr = UINT32_MAX };

	if (hf_line_str(reader, NULL, "rule").p || !why.p)
		return;
	a.tgid = a.tid = (uint32_t)hf_line_u64(reader, NULL, "pid", 0);
	a.start_ns = hf_line_u64(reader, NULL, "start_ns", 0);
	r->totals.marks++;
	hf_traj_mark(r->traj, &a, why.p);
}

int hf_replay_line(struct hf_replay *r, struct hf_journal_reader *reader, const struct hf_line *l)
{
	int rc;

	if (l->type == HF_LINE_SESSION)
		return start(r, hf_journal_reader_session(reader), hf_line_str(reader, NULL, "workspace"));
	if (!r->traj) {		/* a journal whose first lines are missing */
		rc = start(r, 0, HF_STR("/"));
		if (rc < 0)
			return rc;
	}
	switch (l->type) {
	case HF_LINE_ACTION:
		return on_action(r, l);
	case HF_LINE_FINDING:
		on_finding(r, reader, l);
		return 0;
	case HF_LINE_GAP:
		r->totals.lost += hf_line_u64(reader, NULL, "count", 0);
		return 0;
	case HF_LINE_NOTE:
		return hf_str_eq(hf_line_str(reader, NULL, "kind"), HF_STR("process")) ? on_process(r, reader) : 0;
	default:
		return 0;
	}
}
