/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's journal lines: what goes in them is user/core/journal.c's, when they go out is decided here. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include "engine/engine.h"

static struct hf_stamp stamp(void)
{
	return (struct hf_stamp){ .wall_ns = hf_wall_ns(), .boot_ns = hf_now_ns() };
}

void hf_hold_id(const struct hf_engine *e, const struct hf_hold *h, char *out, size_t cap)
{
	hf_ctl_hold_id(e->session, h->id, out, cap);
}

void hf_engine_log_session(struct hf_engine *e)
{
	struct hf_stamp at = stamp();
	struct hf_jsonw *w = hf_jfile_line(e->jfile, at);
	const struct hf_run *r = e->run;
	char argv[8192], host[256] = "", hooks[64], files[64];
	struct utsname u = { 0 };
	size_t n = 0;

	if (!w)
		return;
	uname(&u);
	gethostname(host, sizeof(host) - 1);
	for (char *const *a = e->o->argv; *a && n + strlen(*a) + 1 < sizeof(argv); a++) {
		memcpy(argv + n, *a, strlen(*a) + 1);
		n += strlen(*a) + 1;
	}
	snprintf(hooks, sizeof(hooks), "%d socket hooks", __builtin_popcount(e->hooks));
	snprintf(files, sizeof(files), "%u files", e->fan ? hf_fan_count(e->fan) : 0);
	const struct hf_journal_guard g[] = {
		{ "seccomp", r->caps.wait_killable ? "on, killable wait" : "on" },
		{ "fanotify", e->fan ? files : "off" },
		{ "cgroup", hooks },
		{ "bpf", "tp_btf" },
		{ "lsm", "off (base path)" },
		{ "freeze", "cgroup.freeze" },
	};
	const struct hf_journal_session s = {
		.session = e->session, .name = e->name, .user = r->user.name, .host = host, .kernel = u.release, .version = HF_VERSION,
		.workspace = hf_str_of(r->cwd), .cwd = hf_str_of(r->cwd), .command = { argv, n }, .uid = r->user.uid,
		.rules_hash = hf_ruleset_hash(r->rules), .rules = hf_ruleset_count(r->rules), .guard = g,
		.nguard = sizeof(g) / sizeof(g[0]),
	};
	hf_jfile_put(e->jfile, hf_journal_line_session(hf_jfile_chain(e->jfile), w, at, &s), true);
}

void hf_engine_log_process(struct hf_engine *e, const struct hf_proc *p)
{
	struct hf_stamp at = stamp();
	struct hf_jsonw *w = hf_jfile_line(e->jfile, at);

	if (w)
		hf_jfile_put(e->jfile, hf_journal_line_process(hf_jfile_chain(e->jfile), w, at, p), false);
}

void hf_engine_log_action(struct hf_engine *e, const struct hf_action *a)
{
	struct hf_stamp at = stamp();
	struct hf_jsonw *w = hf_jfile_line(e->jfile, at);
	const struct hf_proc *p = hf_traj_proc(e->traj, a->tgid, a->start_ns);

	if (w)
		hf_jfile_put(e->jfile, hf_journal_line_action(hf_jfile_chain(e->jfile), w, at, a, p), false);
}

void hf_engine_log_findings(struct hf_engine *e, const struct hf_action *a, const struct hf_judgement *j)
{
	for (unsigned i = 0; i < j->nfindings; i++) {
		struct hf_stamp at = stamp();
		struct hf_jsonw *w = hf_jfile_line(e->jfile, at);

		if (w)
			hf_jfile_put(e->jfile, hf_journal_line_finding(hf_jfile_chain(e->jfile), w, at, &j->finding[i], a),
				     j->finding[i].verdict >= HF_HOLD);
	}
}

void hf_engine_log_mark(struct hf_engine *e, const char *what, const struct hf_action *a, const char *detail)
{
	struct hf_stamp at = stamp();
	struct hf_jsonw *w = hf_jfile_line(e->jfile, at);

	hf_traj_mark(e->traj, a, what);
	if (w)
		hf_jfile_put(e->jfile, hf_journal_line_mark(hf_jfile_chain(e->jfile), w, at, what, a, detail), true);
}

void hf_engine_log_hold(struct hf_engine *e, const struct hf_question *q)
{
	static const char *const guard[] = { "seccomp", "fanotify", "stop" };
	struct hf_stamp at = stamp();
	struct hf_jsonw *w = hf_jfile_line(e->jfile, at);
	char id[32];
	const struct hf_journal_hold h = {
		.id = id, .guard = guard[q->guard], .expires_in_ms = (q->hold->deadline_ns - q->hold->asked_ns) / 1000000,
		.finding = q->j.nfindings ? &q->j.finding[0] : NULL, .action = &q->a,
		.proc = hf_traj_proc(e->traj, q->a.tgid, q->a.start_ns),
	};

	hf_hold_id(e, q->hold, id, sizeof(id));
	if (w)
		hf_jfile_put(e->jfile, hf_journal_line_hold(hf_jfile_chain(e->jfile), w, at, &h), true);
}

void hf_engine_log_decision(struct hf_engine *e, const struct hf_question *q, enum hf_decision d, enum hf_scope s, const char *via, uid_t uid,
			    pid_t pid)
{
	struct hf_stamp at = stamp();
	struct hf_jsonw *w = hf_jfile_line(e->jfile, at);
	bool person = !strcmp(via, "tty") || !strcmp(via, "socket");
	char id[32] = "", what[400];
	const struct hf_journal_decision j = {
		.hold = id, .allow = d == HF_DEC_ALLOW, .scope = s == HF_SCOPE_SESSION ? "session" : "once", .via = via,
		.uid = person ? (int64_t)uid : -1, .pid = person ? pid : -1,
		.after_ms = q->hold ? (at.boot_ns - q->hold->asked_ns) / 1000000 : 0,
		.rule = q->j.nfindings && q->j.finding[0].rule ? hf_rule_id(q->j.finding[0].rule) : NULL, .summary = what,
	};

	if (q->hold)
		hf_hold_id(e, q->hold, id, sizeof(id));
	hf_action_summary(&q->a, what, sizeof(what));
	if (w)
		hf_jfile_put(e->jfile, hf_journal_line_decision(hf_jfile_chain(e->jfile), w, at, &j), true);
}

void hf_engine_log_gap(struct hf_engine *e, const char *what, uint64_t count)
{
	struct hf_stamp at = stamp();
	struct hf_jsonw *w = hf_jfile_line(e->jfile, at);

	e->c.lost += count;
	if (w)
		hf_jfile_put(e->jfile, hf_journal_line_gap(hf_jfile_chain(e->jfile), w, at, what, count), true);
}

void hf_engine_note(struct hf_engine *e, const char *kind, const char *fmt, ...)
{
	struct hf_stamp at = stamp();
	struct hf_jsonw *w = hf_jfile_line(e->jfile, at);
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (w)
		hf_jfile_put(e->jfile, hf_journal_line_note(hf_jfile_chain(e->jfile), w, at, kind, hf_str_of(text)), true);
}

void hf_engine_log_end(struct hf_engine *e)
{
	const struct hf_traj_stats *st = hf_traj_stats(e->traj);
	struct hf_stamp at = stamp();
	struct hf_jsonw *w;
	const struct hf_journal_total t[] = {
		{ "actions", st->actions }, { "execs", st->by_kind[HF_EXEC] }, { "opens", st->by_kind[HF_OPEN] },
		{ "connects", st->by_kind[HF_CONNECT] + st->by_kind[HF_SEND] }, { "findings", st->findings },
		{ "questions", e->c.questions }, { "held", e->c.held }, { "denied", e->c.denied },
		{ "allowed_by_person", e->c.allowed_by_person }, { "raced", e->c.raced }, { "foreign", e->c.foreign }, { "not_compared", e->c.inflight_full },
		{ "lost", e->c.lost }, { "malformed", e->c.malformed }, { "unreadable", e->c.unreadable },
		{ "explain_dropped", e->c.explain_dropped }, { "recovered_procs", st->recovered_procs },
		{ "forgotten_procs", st->forgotten_procs }, { "forgotten_files", st->forgotten_files },
		{ "forgotten_groups", st->forgotten_groups }, { "cut_windows", st->cut_windows },
	};
	const struct hf_journal_end j = {
		.exit_status = WIFEXITED(e->cmd_status) ? WEXITSTATUS(e->cmd_status) : 128 + WTERMSIG(e->cmd_status),
		.duration_ms = (at.boot_ns - e->started_ns) / 1000000, .total = t, .ntotal = sizeof(t) / sizeof(t[0]),
	};

	w = hf_jfile_line(e->jfile, at);
	if (w)
		hf_jfile_put(e->jfile, hf_journal_line_end(hf_jfile_chain(e->jfile), w, at, &j), true);
}
