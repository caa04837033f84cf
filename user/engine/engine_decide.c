/* SPDX-License-Identifier: Apache-2.0 */
/* From a verdict to an answer: allow, deny, hold, kill; and what becomes of a hold. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "engine/engine.h"

/* --- answering --------------------------------------------------------------------------------- */

void hf_engine_explain(struct hf_engine *e, const struct hf_action *a, const struct hf_judgement *j, const char *verb)
{
	const struct hf_rule *r = j->nfindings ? j->finding[0].rule : NULL;
	char what[400], line[1600];
	int pidfd;

	if (!e->o->explain)
		return;
	hf_action_summary(a, what, sizeof(what));
	if (r)
		snprintf(line, sizeof(line), "holdfast: %s: %s: %s [rule %s] %s\n", verb, what, hf_rule_title(r), hf_rule_id(r),
			 hf_rule_guidance(r));
	else
		snprintf(line, sizeof(line), "holdfast: %s: %s\n", verb, what);
	pidfd = pidfd_open((pid_t)a->tgid, 0);
	if (pidfd < 0 || hf_explain(pidfd, hf_str_of(line)) < 0)
		e->c.explain_dropped++;
	if (pidfd >= 0)
		close(pidfd);
}

static void answer_deny(struct hf_engine *e, struct hf_question *q, const char *verb)
{
	q->a.flags |= HF_ACT_DENIED;
	e->c.denied++;
	hf_traj_commit(e->traj, &q->a, &q->j);
	hf_engine_log_action(e, &q->a);
	hf_engine_explain(e, &q->a, &q->j, q->guard == HF_GUARD_STOP ? "killed" : verb);
	switch (q->guard) {
	case HF_GUARD_SECCOMP:
		q->phase = HF_Q_ASKED;
		hf_inflight_put(e, q);		/* the record of its EPERM is this answer's, not an action of its own */
		hf_notif_error(e->listener, q->n.id, EPERM);
		break;
	case HF_GUARD_FANOTIFY:
		hf_fan_answer(e->fan, &q->fan, false);
		break;
	case HF_GUARD_STOP:	/* the descriptor is open already: the process must not go on to use it */
		kill((pid_t)q->a.tgid, SIGKILL);
		hf_bpf_resume(e->bpf, q->a.tgid);
		break;
	}
	hf_question_free(e, q);
}

/* A stop is the whole process's: while another open of one of its threads waits, it stays. */
void hf_engine_resume(struct hf_engine *e, uint32_t tgid, const struct hf_question *but)
{
	if (hf_engine_stop_pending(e, tgid, but))
		return;
	hf_bpf_resume(e->bpf, tgid);
	kill((pid_t)tgid, SIGCONT);
	/* after it: a front that finds CMD stopped and not by us stops itself as well */
	if ((pid_t)tgid == e->cmd_pid)
		atomic_store(&e->run->shared->cmd_stopped_by_us, 0);
}

/* Lets it go on. keep: the slot stays until the outcome, so that a restarted call finds its decision. */
static void answer_allow(struct hf_engine *e, struct hf_question *q, bool keep)
{
	if (q->guard == HF_GUARD_SECCOMP && hf_engine_ticket(e, q) < 0) {
		hf_engine_note(e, "ticket-failed", "no ticket could be left: the call is refused");
		answer_deny(e, q, "denied");
		return;
	}
	q->phase = keep ? HF_Q_CONTINUED : HF_Q_ASKED;
	q->since_ns = hf_now_ns();
	switch (q->guard) {
	case HF_GUARD_SECCOMP:
		hf_inflight_put(e, q);
		if (hf_notif_continue(e->listener, q->n.id) == -ENOENT && !(keep && q->hold)) {
			hf_inflight_drop(e, q->a.tid);	/* died or interrupted: it asks again if it lives */
			hf_bpf_ticket_drop(e->bpf, q->a.tid);
		}
		break;
	case HF_GUARD_FANOTIFY: {
		struct hf_question key = { .phase = HF_Q_ASKED, .a = { .tid = q->a.tgid | HF_INFLIGHT_FAN, .tgid = q->a.tgid,
								       .start_ns = q->a.start_ns, .kind = HF_OPEN,
								       .nr = q->a.nr,
								       .path = q->a.given.n ? q->a.given : q->a.path } };

		hf_inflight_put(e, &key);
		hf_fan_answer(e->fan, &q->fan, true);
		break;
	}
	case HF_GUARD_STOP:
		hf_engine_resume(e, q->a.tgid, q);
		break;
	}
	/* Written down while the caller runs already: nothing else is judged before, as there is one thread. */
	hf_traj_commit(e->traj, &q->a, &q->j);
	hf_engine_log_action(e, &q->a);
	if (!keep || q->guard != HF_GUARD_SECCOMP)
		hf_question_free(e, q);
}

void hf_engine_kill(struct hf_engine *e, const char *why)
{
	if (e->killed)
		return;
	e->killed = true;
	snprintf(e->killed_why, sizeof(e->killed_why), "%s", why);
	hf_engine_note(e, "kill", "%s", why);
	hf_cgroup_kill(&e->cg);
	/* every question of the session is moot: its task dies in the kernel */
	for (unsigned i = 0; i < HF_QUESTIONS; i++)
		if (e->q[i].phase == HF_Q_HELD || e->q[i].phase == HF_Q_FREEZING)
			hf_engine_decide(e, &e->q[i], HF_DEC_NONE, HF_SCOPE_ONCE, "killed", 0, 0);
}

/* --- freezing ---------------------------------------------------------------------------------- */

bool hf_question_is_ticketed(const struct hf_question *q)
{
	if (q->guard != HF_GUARD_SECCOMP)
		return true;	/* fanotify and stopped opens: the kernel's own object was judged */
	if (q->a.kind == HF_EXEC)
		return true;
	return (q->a.kind == HF_CONNECT || q->a.kind == HF_SEND) &&
	       (q->a.addr.family == AF_INET || q->a.addr.family == AF_INET6);
}

static void freeze(struct hf_engine *e)
{
	if (e->session_frozen_by_us)
		return;
	if (hf_cgroup_freeze(&e->cg, true) < 0)
		hf_engine_note(e, "freeze-failed", "the session could not be frozen");
	e->session_frozen_by_us = true;
}

static void maybe_thaw(struct hf_engine *e)
{
	uint64_t now = hf_now_ns();

	if (!e->session_frozen_by_us || e->paused_by_operator)
		return;
	for (unsigned i = 0; i < HF_QUESTIONS; i++) {
		const struct hf_question *q = &e->q[i];

		if (q->phase == HF_Q_FREEZING || (q->phase == HF_Q_HELD && e->o->pause_session))
			return;
		if (q->phase == HF_Q_CONTINUED && !hf_question_is_ticketed(q) && !q->hold->orphan && now < q->since_ns + HF_OUTCOME_WAIT_NS)
			return;
	}
	for (unsigned i = 0; i < HF_QUESTIONS; i++)
		if (e->q[i].phase != HF_Q_FREE && e->q[i].out) {	/* back to the others, to be frozen with them the next time */
			(void)hf_cgroup_thread_out(&e->cg, (pid_t)e->q[i].a.tid, false);
			e->q[i].out = false;
		}
	e->session_frozen_by_us = false;
	hf_cgroup_freeze(&e->cg, false);
}

void hf_engine_pause(struct hf_engine *e, bool on)
{
	e->paused_by_operator = on;
	if (on)
		freeze(e);
	else
		maybe_thaw(e);
	hf_engine_note(e, on ? "pause" : "resume", "by the operator");
}

/* Threads that sit in a guard's question run nothing; all others must be frozen. */
static bool others_frozen(struct hf_engine *e)
{
	uint32_t except[HF_QUESTIONS], tid;
	size_t n = 0;

	for (unsigned i = 0; i < HF_QUESTIONS; i++)
		if (e->q[i].phase != HF_Q_FREE && e->q[i].phase != HF_Q_CONTINUED && e->q[i].guard != HF_GUARD_STOP)
			except[n++] = e->q[i].a.tid;
	return hf_bpf_session_frozen(e->bpf, e->session, except, n, &tid) == 1;
}

/* All others are frozen now: what the arguments say now is what the kernel will read. */
static void recheck(struct hf_engine *e, struct hf_question *q)
{
	struct hf_question *again = hf_question_take(e);
	bool silent = false, same;

	if (!again) {
		answer_deny(e, q, "denied");
		return;
	}
	same = hf_remote_action(&q->n, e->session, &again->r, &again->a, &silent) == 0 && !silent &&
	       hf_question_same(q, again) && hf_notif_valid(e->listener, q->n.id);
	hf_question_free(e, again);
	if (same) {
		answer_allow(e, q, true);
		return;
	}
	if (!hf_notif_valid(e->listener, q->n.id)) {	/* interrupted meanwhile: it asks again */
		q->phase = HF_Q_CONTINUED;
		q->hold->orphan = true;
		return;
	}
	e->c.raced++;
	q->a.flags |= HF_ACT_RACED;
	hf_engine_log_mark(e, "raced-argument", &q->a, "the arguments changed after they were judged: refused");
	answer_deny(e, q, "denied (its arguments changed after they were judged)");
}

/*
 * Where freezing interrupts the question it becomes invalid, and the frozen caller cannot ask again. So its thread alone is taken out
 * once all is frozen: it makes its call again and raises a new notification (hf_engine's ask_again()).
 */
static bool asks_again_alone(struct hf_engine *e, struct hf_question *q)
{
	if (!e->cg.split)
		return false;
	if (!q->out)
		q->out = hf_cgroup_thread_out(&e->cg, (pid_t)q->a.tid, true) == 0;
	return !hf_notif_valid(e->listener, q->n.id);
}

static void step_freezing(struct hf_engine *e, struct hf_question *q)
{
	freeze(e);
	if (others_frozen(e) && !asks_again_alone(e, q)) {
		recheck(e, q);
		return;
	}
	if (hf_now_ns() - q->since_ns < HF_FREEZE_WAIT_NS)
		return;
	/* Something runs in the kernel that does not stop (a task in uninterruptible sleep): not safe, so not allowed. */
	hf_engine_note(e, "freeze-timeout", "tid %u: the session could not be frozen for the check: refused", q->a.tid);
	answer_deny(e, q, "denied (the session could not be frozen for the check)");
}

/* --- judging ----------------------------------------------------------------------------------- */

/* One binding for all the findings that ask: approving A must not cover B that matches as well next time. */
static void make_binding(struct hf_engine *e, struct hf_question *q)
{
	const struct hf_proc *p = hf_engine_proc(e, &q->a);

	memset(&q->binding, 0, sizeof(q->binding));
	for (unsigned i = 0; i < q->j.nfindings; i++) {
		struct hf_binding b;

		if (q->j.finding[i].verdict < HF_HOLD)
			continue;
		hf_binding_make(q->j.finding[i].rule, p, &q->a, &b);
		for (size_t k = 0; k < sizeof(b.h); k++)
			q->binding.h[k] ^= b.h[k];
	}
}

void hf_engine_announce(struct hf_engine *e, struct hf_question *q)
{
	char id[32], what[300], line[700];

	if (q->announced)
		return;
	q->announced = true;
	hf_hold_id(e, q->hold, id, sizeof(id));
	hf_action_summary(&q->a, what, sizeof(what));
	snprintf(line, sizeof(line), "holdfast: hold %s waits for a decision: %s  (holdfast approve %s | holdfast deny %s)\n", id,
		 what, id, id);
	if (!e->front_gone)
		hf_explain(e->front_pidfd, hf_str_of(line));
}

/* A slot in the table and a line in the journal: also for a hold that a policy answers at once. */
static bool hold_add(struct hf_engine *e, struct hf_question *q)
{
	struct hf_jsonw w;

	q->hold = hf_holds_add(e->holds, hf_now_ns(), e->o->timeout_ns);
	if (!q->hold) {
		e->c.holds_full++;
		hf_engine_note(e, "holds-full", "%u actions wait already: this one is refused", HF_HOLDS_MAX);
		return false;
	}
	q->hold->binding = q->binding;
	q->hold->tgid = q->a.tgid;
	q->hold->tid = q->a.tid;
	q->hold->start_ns = q->a.start_ns;
	q->hold->guard = q->guard;
	q->hold->guard_cookie = (uint64_t)(q - e->q);
	hf_jsonw_init(&w, q->hold->action_json, sizeof(q->hold->action_json));
	hf_jsonw_obj(&w, NULL);
	hf_journal_action(&w, &q->a, NULL);
	hf_jsonw_end_obj(&w);
	if (w.full)		/* too long for the table; the journal has it whole */
		snprintf(q->hold->action_json, sizeof(q->hold->action_json), "{\"cut\":true}");
	e->c.held++;
	hf_engine_log_hold(e, q);
	return true;
}

static void hold(struct hf_engine *e, struct hf_question *q)
{
	enum hf_decision d = e->o->on_hold == HF_ON_HOLD_ALLOW ? HF_DEC_ALLOW : HF_DEC_DENY;

	if (!hold_add(e, q)) {
		answer_deny(e, q, "denied (too many actions wait for a decision)");
		return;
	}
	q->phase = HF_Q_HELD;
	q->since_ns = q->hold->asked_ns;
	if (e->o->on_hold != HF_ON_HOLD_ASK) {
		hf_engine_decide(e, q, d, HF_SCOPE_ONCE, "policy", 0, 0);
		return;
	}
	if (e->o->pause_session)
		freeze(e);
	q->announced = false;
	if (!e->prompt || e->o->ask == HF_ASK_SOCKET)
		hf_engine_announce(e, q);
}

/* What the action is besides: the stronger judgement counts. */
static bool judge_as(struct hf_engine *e, struct hf_question *q, const struct hf_action *as)
{
	hf_judge(e->traj, as, &e->scratch_j);
	if (e->scratch_j.verdict <= q->j.verdict)
		return false;
	q->j = e->scratch_j;
	return true;
}

/*
 * Rules know files by their paths. A link, a bind mount or a rename gives a file a path that no rule knows, so giving it one
 * is judged as access to the file as well; and a file with a mark is judged by the path it was marked under, too.
 */
static void judge_other_names(struct hf_engine *e, struct hf_question *q)
{
	const struct hf_action *a = &q->a;
	struct hf_action as = *a;

	if (q->marked) {
		as.path = hf_str_of(q->marked);
		if (judge_as(e, q, &as)) {
			q->a.given = q->a.path;
			q->a.path = as.path;
		}
		return;
	}
	if (a->kind == HF_MOUNT && a->nr == SYS_mount && a->mode & MS_BIND)
		as.path = a->path2;
	else if (a->kind == HF_LINK)
		as.path = a->path2;
	else if (a->kind != HF_MOUNT || (a->nr != SYS_open_tree))
		return;
	as.kind = HF_OPEN;
	as.path2 = (struct hf_str){ NULL, 0 };
	as.dev = as.ino = as.mode = 0;
	as.open_flags = O_RDWR;
	judge_as(e, q, &as);
}

/* One sendmmsg(2) can go to several addresses: the strongest of the judgements counts, and its address is the one shown. */
static void judge_addresses(struct hf_engine *e, struct hf_question *q)
{
	struct hf_addr strongest = q->a.addr;

	for (unsigned i = 1; i < q->r.naddrs; i++) {
		q->a.addr = q->r.addrs[i];
		hf_judge(e->traj, &q->a, &e->scratch_j);
		if (e->scratch_j.verdict > q->j.verdict) {
			q->j = e->scratch_j;
			strongest = q->a.addr;
		}
	}
	q->a.addr = strongest;
}

void hf_engine_judge(struct hf_engine *e, struct hf_question *q)
{
	enum hf_verdict v;

	hf_judge(e->traj, &q->a, &q->j);
	if (q->guard == HF_GUARD_SECCOMP && (q->a.kind == HF_CONNECT || q->a.kind == HF_SEND))
		judge_addresses(e, q);
	judge_other_names(e, q);
	v = q->j.verdict;
	if (q->j.nfindings)
		hf_engine_log_findings(e, &q->a, &q->j);
	if (v == HF_HOLD) {
		enum hf_decision d;

		make_binding(e, q);
		d = hf_holds_known(e->holds, &q->binding);
		if (d != HF_DEC_NONE) {
			hf_engine_log_decision(e, q, d, HF_SCOPE_SESSION, "session", 0, 0);
			v = d == HF_DEC_ALLOW ? HF_NOTE : HF_DENY;
		}
	}
	if (q->guard == HF_GUARD_SECCOMP && q->r.addrs_truncated && v < HF_DENY &&
	    (q->a.kind == HF_CONNECT || q->a.kind == HF_SEND)) {
		hf_engine_note(e, "too-many-addresses", "tid %u: one call with more than %d destinations: refused", q->a.tid, 8);
		v = HF_DENY;
	}
	switch (v) {
	case HF_ALLOW:
	case HF_NOTE:
		answer_allow(e, q, false);
		break;
	case HF_HOLD:
		hold(e, q);
		break;
	case HF_DENY:
		answer_deny(e, q, "denied");
		break;
	case HF_KILL:
		hf_engine_explain(e, &q->a, &q->j, "session killed");
		hf_engine_kill(e, q->j.nfindings ? hf_rule_title(q->j.finding[0].rule) : "rule");
		answer_deny(e, q, "denied");
		break;
	}
}

/* --- decisions --------------------------------------------------------------------------------- */

static void decide_allow(struct hf_engine *e, struct hf_question *q)
{
	if (q->guard == HF_GUARD_SECCOMP && !hf_notif_valid(e->listener, q->n.id) && (hf_question_is_ticketed(q) || !e->cg.split)) {
		q->phase = HF_Q_CONTINUED;	/* the restarted call finds the decision */
		q->since_ns = hf_now_ns();
		q->hold->orphan = true;
		maybe_thaw(e);
		return;
	}
	if (!hf_question_is_ticketed(q)) {
		q->phase = HF_Q_FREEZING;
		q->since_ns = hf_now_ns();
		step_freezing(e, q);
		maybe_thaw(e);
		return;
	}
	/* An interruptible call (connect) must not be continued into a frozen session: it would come back as a new question. */
	q->phase = HF_Q_CONTINUED;
	maybe_thaw(e);
	q->phase = HF_Q_HELD;
	answer_allow(e, q, q->guard == HF_GUARD_SECCOMP);
}

void hf_engine_decide(struct hf_engine *e, struct hf_question *q, enum hf_decision d, enum hf_scope s, const char *via, uid_t uid,
		      pid_t pid)
{
	hf_engine_prompt_drop(e, q);
	hf_engine_log_decision(e, q, d, s, via, uid, pid);
	if (q->hold && d != HF_DEC_NONE)
		hf_holds_decide(e->holds, q->hold->id, d, s);
	if (d == HF_DEC_ALLOW) {
		e->c.allowed_by_person += !strcmp(via, "tty") || !strcmp(via, "socket");
		decide_allow(e, q);
		return;
	}
	if (d == HF_DEC_DENY) {
		if (q->guard == HF_GUARD_SECCOMP && !hf_notif_valid(e->listener, q->n.id)) {
			q->phase = HF_Q_CONTINUED;
			q->since_ns = hf_now_ns();
			q->hold->orphan = true;
		} else {
			answer_deny(e, q, "denied");
		}
	} else {
		if (q->guard == HF_GUARD_FANOTIFY)
			hf_fan_answer(e->fan, &q->fan, false);
		if (q->guard == HF_GUARD_STOP)
			hf_bpf_resume(e->bpf, q->a.tgid);
		hf_question_free(e, q);
	}
	maybe_thaw(e);
}

void hf_engine_outcome(struct hf_engine *e, struct hf_question *q)
{
	hf_question_free(e, q);
	maybe_thaw(e);
}

static bool is_gone(const struct hf_question *q)
{
	struct hf_remote_ids ids;

	return hf_remote_ids((pid_t)q->a.tid, &ids) < 0 || ids.tgid != q->a.tgid;
}

void hf_engine_step_holds(struct hf_engine *e)
{
	uint64_t now = hf_now_ns();
	struct hf_hold *h;

	while ((h = hf_holds_first_expired(e->holds, now))) {
		struct hf_question *q = &e->q[h->guard_cookie];

		hf_engine_decide(e, q, e->o->timeout_allows ? HF_DEC_ALLOW : HF_DEC_DENY, HF_SCOPE_ONCE, "timeout", 0, 0);
	}
	now = hf_now_ns();	/* what was just decided is younger than the first look at the clock */
	for (unsigned i = 0; i < HF_QUESTIONS; i++) {
		struct hf_question *q = &e->q[i];

		if (q->phase == HF_Q_FREEZING)
			step_freezing(e, q);
		else if (q->phase == HF_Q_HELD && is_gone(q))
			hf_engine_decide(e, q, HF_DEC_NONE, HF_SCOPE_ONCE, "gone", 0, 0);
		else if (q->phase == HF_Q_HELD && q->guard == HF_GUARD_SECCOMP && !hf_notif_valid(e->listener, q->n.id))
			q->hold->orphan = true;
		else if (q->phase == HF_Q_CONTINUED && (is_gone(q) || now > q->since_ns + HF_OUTCOME_KEEP_NS))
			hf_question_free(e, q);
	}
	maybe_thaw(e);
}

unsigned hf_engine_wait_ms(struct hf_engine *e)
{
	uint64_t now = hf_now_ns(), next = hf_holds_next_deadline(e->holds);
	unsigned ms = 100;

	for (unsigned i = 0; i < HF_QUESTIONS; i++) {
		if (e->q[i].phase == HF_Q_FREEZING)
			return 1;
		if (e->q[i].phase == HF_Q_CONTINUED && e->session_frozen_by_us)
			ms = 2;
	}
	if (next != UINT64_MAX && next <= now)
		return 0;
	if (next != UINT64_MAX && (next - now) / 1000000 < ms)
		ms = (unsigned)((next - now) / 1000000) + 1;
	return ms;
}
