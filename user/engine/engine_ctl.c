/* SPDX-License-Identifier: Apache-2.0 */
/* What the control socket may ask of the engine. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "engine/engine.h"

/*
 * The agent must not approve itself: a request is refused when its process, or one of its ancestors, is in any watched
 * session. Its cgroup tells for sessions of other engines, task storage for ours; a helper started outside by cron or
 * systemd is not caught by this (it needs to be root to reach the socket at all).
 */
static bool from_session(struct hf_engine *e, const struct hf_ctl_peer *peer)
{
	pid_t pid = peer->pid;
	uint64_t s;

	if (peer->pidfd >= 0 && hf_bpf_task_session(e->bpf, peer->pidfd, &s) == 0)
		return true;
	for (int i = 0; i < 64 && pid > 1; i++) {
		struct hf_remote_ids ids;

		if (hf_cgroup_session_of(pid, &s) == 1)
			return true;
		if (hf_remote_ids(pid, &ids) < 0)
			return i == 0;	/* it is gone already: nobody can vouch for it */
		pid = (pid_t)ids.ppid;
	}
	return !hf_ctl_peer_alive(peer);	/* dead by now: what was looked up may have been another's */
}

static const char *state_name(const struct hf_engine *e)
{
	if (e->paused_by_operator)
		return "paused";
	if (hf_holds_waiting(e->holds))
		return "held";
	return e->cmd_exited ? "ended-draining" : "running";
}

static void line_status(struct hf_engine *e, struct hf_ctl *c)
{
	const struct hf_traj_stats *st = hf_traj_stats(e->traj);
	char buf[8192], labels[512], cmd[1024], since[32];
	time_t t = (time_t)((hf_wall_ns() - (hf_now_ns() - e->started_ns)) / 1000000000);
	struct tm tm;
	struct hf_jsonw w;
	size_t n = 0;

	gmtime_r(&t, &tm);
	strftime(since, sizeof(since), "%Y-%m-%dT%H:%M:%SZ", &tm);
	cmd[0] = '\0';
	for (char *const *a = e->o->argv; *a && n < sizeof(cmd) - 1; a++)
		n += (size_t)snprintf(cmd + n, sizeof(cmd) - n, "%s%s", n ? " " : "", *a);
	hf_traj_labels_format(e->traj, hf_traj_labels(e->traj), labels, sizeof(labels));
	hf_jsonw_init(&w, buf, sizeof(buf));
	hf_jsonw_obj(&w, NULL);
	hf_jsonw_strz(&w, "id", e->id);
	hf_jsonw_strz(&w, "name", e->name);
	hf_jsonw_strz(&w, "state", state_name(e));
	hf_jsonw_strz(&w, "command", cmd);
	hf_jsonw_strz(&w, "user", e->run->user.name);
	hf_jsonw_i64(&w, "pid", e->cmd_pid);
	hf_jsonw_i64(&w, "engine_pid", getpid());
	hf_jsonw_strz(&w, "since", since);
	hf_jsonw_u64(&w, "actions", st->actions);
	hf_jsonw_u64(&w, "findings", st->findings);
	hf_jsonw_u64(&w, "holds", hf_holds_waiting(e->holds));
	hf_jsonw_u64(&w, "denied", e->c.denied);
	hf_jsonw_u64(&w, "raced", e->c.raced);
	hf_jsonw_strz(&w, "labels", labels);
	hf_jsonw_strz(&w, "journal", e->journal_path);
	hf_jsonw_end_obj(&w);
	if (!w.full)
		hf_ctl_line(c, (struct hf_str){ w.p, w.n });
}

static void line_hold(struct hf_engine *e, struct hf_ctl *c, const struct hf_question *q)
{
	const struct hf_rule *r = q->j.nfindings ? q->j.finding[0].rule : NULL;
	const struct hf_proc *p = hf_traj_proc(e->traj, q->a.tgid, q->a.start_ns);
	uint64_t now = hf_now_ns();
	char id[32], what[400];
	struct hf_jsonw w;

	hf_hold_id(e, q->hold, id, sizeof(id));
	hf_action_summary(&q->a, what, sizeof(what));
	hf_jsonw_init(&w, e->line, 65536);
	hf_jsonw_obj(&w, NULL);
	hf_jsonw_strz(&w, "id", id);
	hf_jsonw_strz(&w, "session", e->id);
	hf_jsonw_strz(&w, "session_name", e->name);
	hf_jsonw_raw(&w, "action", hf_str_of(q->hold->action_json));
	hf_jsonw_strz(&w, "summary", what);
	hf_jsonw_strz(&w, "rule", r ? hf_rule_id(r) : "");
	hf_jsonw_strz(&w, "title", r ? hf_rule_title(r) : "");
	hf_jsonw_strz(&w, "level", r ? hf_rule_level(r) : "");
	hf_jsonw_strz(&w, "reason", r ? hf_rule_title(r) : "");
	hf_jsonw_arr(&w, "story");
	for (unsigned i = 0; r && i < q->j.finding[0].nstory; i++) {
		const struct hf_past *s = &q->j.finding[0].story[i];

		hf_jsonw_obj(&w, NULL);
		hf_jsonw_u64(&w, "ago_ms", (now - s->time_ns) / 1000000);
		hf_jsonw_u64(&w, "pid", s->tgid);
		hf_jsonw_strz(&w, "summary", s->summary);
		hf_jsonw_end_obj(&w);
	}
	hf_jsonw_end_arr(&w);
	hf_jsonw_u64(&w, "pid", q->a.tgid);
	hf_jsonw_str(&w, "image", p ? p->image : (struct hf_str){ "", 0 });
	hf_jsonw_str(&w, "argv", p ? p->cmdline : (struct hf_str){ "", 0 });
	hf_jsonw_u64(&w, "age_ms", (now - q->hold->asked_ns) / 1000000);
	hf_jsonw_u64(&w, "expires_in_ms", q->hold->deadline_ns > now ? (q->hold->deadline_ns - now) / 1000000 : 0);
	hf_jsonw_strz(&w, "on_timeout", e->o->timeout_allows ? "allow" : "deny");
	hf_jsonw_end_obj(&w);
	if (!w.full)
		hf_ctl_line(c, (struct hf_str){ w.p, w.n });
}

static void line_decision(struct hf_engine *e, struct hf_ctl *c, const struct hf_question *q, bool allow, const struct hf_control *req)
{
	const struct hf_rule *r = q->j.nfindings ? q->j.finding[0].rule : NULL;
	char id[32], what[400], buf[4096];
	struct hf_jsonw w;

	hf_hold_id(e, q->hold, id, sizeof(id));
	hf_action_summary(&q->a, what, sizeof(what));
	hf_jsonw_init(&w, buf, sizeof(buf));
	hf_jsonw_obj(&w, NULL);
	hf_jsonw_strz(&w, "id", id);
	hf_jsonw_strz(&w, "session", e->id);
	hf_jsonw_strz(&w, "session_name", e->name);
	hf_jsonw_strz(&w, "decision", allow ? "allow" : "deny");
	hf_jsonw_strz(&w, "scope", allow && req->scope == HF_SCOPE_SESSION ? "session" : "once");
	hf_jsonw_bool(&w, "stop", !allow && req->stop);
	hf_jsonw_strz(&w, "rule", r ? hf_rule_id(r) : "");
	hf_jsonw_strz(&w, "summary", what);
	hf_jsonw_end_obj(&w);
	if (!w.full)
		hf_ctl_line(c, (struct hf_str){ w.p, w.n });
}

static int control_decide(struct hf_engine *e, struct hf_ctl *c, const struct hf_ctl_peer *peer, const struct hf_control *req, char *err,
			  size_t err_cap)
{
	struct hf_hold *h = hf_holds_find(e->holds, req->hold);
	struct hf_question *q = h ? &e->q[h->guard_cookie] : NULL;
	bool allow = req->cmd == HF_CTL_APPROVE;

	if (!q || q->phase != HF_Q_HELD) {
		snprintf(err, err_cap, "no hold %s waits in session %s", req->id, e->name);
		return -ENOENT;
	}
	line_decision(e, c, q, allow, req);
	hf_engine_decide(e, q, allow ? HF_DEC_ALLOW : HF_DEC_DENY, allow ? req->scope : HF_SCOPE_ONCE, "socket", peer->uid, peer->pid);
	if (!allow && req->stop)
		hf_engine_kill(e, "stopped by the person who decided");
	return 0;
}

int hf_engine_control(void *ctx, struct hf_ctl *c, const struct hf_ctl_peer *peer, const struct hf_control *req, char *err, size_t err_cap)
{
	struct hf_engine *e = ctx;

	if (from_session(e, peer)) {
		struct hf_action a = { .session = e->session, .time_ns = hf_now_ns(), .kind = HF_OTHER, .tgid = (uint32_t)peer->pid,
				       .tid = (uint32_t)peer->pid, .flags = HF_ACT_DENIED, .nr = 0xffffffff };

		hf_engine_log_mark(e, "self-approval", &a, "a process of a watched session used the control socket: refused");
		snprintf(err, err_cap, "self-approval: this process is in a watched session");
		return -EPERM;
	}
	if (!hf_control_is_for(req, e->session)) {
		snprintf(err, err_cap, "%s is not of session %s", req->id, e->id);
		return -ENOENT;
	}
	hf_jfile_flush(e->jfile);	/* whoever asks may read the journal next */
	switch (req->cmd) {
	case HF_CTL_STATUS:
		line_status(e, c);
		return 0;
	case HF_CTL_HOLDS:
		for (unsigned i = 0; i < HF_HOLDS_MAX; i++) {
			struct hf_hold *h = hf_holds_at(e->holds, i);

			if (!h)
				break;
			line_hold(e, c, &e->q[h->guard_cookie]);
		}
		return 0;
	case HF_CTL_APPROVE:
	case HF_CTL_DENY:
		return control_decide(e, c, peer, req, err, err_cap);
	case HF_CTL_PAUSE:
	case HF_CTL_RESUME:
		hf_engine_pause(e, req->cmd == HF_CTL_PAUSE);
		line_status(e, c);
		return 0;
	case HF_CTL_KILL:
		hf_engine_kill(e, "by the operator");
		line_status(e, c);
		return 0;
	}
	return -EINVAL;
}
