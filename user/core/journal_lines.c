// SPDX-License-Identifier: Apache-2.0
/* Builders of whole lines other than actions. */
#include <errno.h>
#include "journal_priv.h"

#define TAGS_MAX 16

static void opt_strz(struct hf_jsonw *w, const char *key, const char *z)
{
	if (z)
		hf_jsonw_strz(w, key, z);
}

static void opt_str(struct hf_jsonw *w, const char *key, struct hf_str s)
{
	if (s.p)
		hf_jsonw_str(w, key, s);
}

static void opt_words(struct hf_jsonw *w, const char *key, struct hf_str argv)
{
	if (argv.p)
		hf_journal_words(w, key, argv);
}

static void begin(const struct hf_chain *c, struct hf_jsonw *w, struct hf_stamp at, const char *type)
{
	hf_chain_begin(c, w, type, at.wall_ns, at.boot_ns);
}

static void put_rule(struct hf_jsonw *w, const struct hf_rule *r)
{
	hf_jsonw_strz(w, "rule", r ? hf_rule_id(r) : NULL);
	if (!r)
		return;
	hf_jsonw_strz(w, "title", hf_rule_title(r));
	opt_strz(w, "level", hf_rule_level(r));
}

static void put_past(struct hf_jsonw *w, const struct hf_past *p)
{
	hf_jsonw_obj(w, NULL);
	hf_jsonw_u64(w, "n", p->n);
	hf_jsonw_u64(w, "b", p->time_ns);
	hf_jsonw_strz(w, "action", hf_kind_name(p->kind));
	hf_jsonw_u64(w, "pid", p->tgid);
	hf_jsonw_strz(w, "verdict", hf_verdict_name(p->verdict));
	hf_jsonw_str(w, "summary", (struct hf_str){ p->summary, strnlen(p->summary, sizeof(p->summary)) });
	hf_jsonw_end_obj(w);
}

void hf_journal_finding(struct hf_jsonw *w, const struct hf_finding *f)
{
	put_rule(w, f->rule);
	if (f->rule && hf_rule_tag(f->rule, 0)) {
		hf_jsonw_arr(w, "tags");
		for (unsigned i = 0; i < TAGS_MAX && hf_rule_tag(f->rule, i); i++)
			hf_jsonw_strz(w, NULL, hf_rule_tag(f->rule, i));
		hf_jsonw_end_arr(w);
	}
	hf_jsonw_strz(w, "verdict", hf_verdict_name(f->verdict));
	opt_strz(w, "why", f->why);
	if (f->rule && hf_rule_guidance(f->rule)[0])
		hf_jsonw_strz(w, "guidance", hf_rule_guidance(f->rule));
	if (!f->nstory)
		return;
	hf_jsonw_arr(w, "story");
	for (unsigned i = 0; i < f->nstory && i < HF_STORY_MAX; i++)
		put_past(w, &f->story[i]);
	hf_jsonw_end_arr(w);
}

static void put_summary(struct hf_jsonw *w, const struct hf_action *a)
{
	char text[1024];

	hf_action_summary(a, text, sizeof(text));
	hf_jsonw_strz(w, "summary", text);
}

static void put_whom(struct hf_jsonw *w, const struct hf_action *a)
{
	if (!a)
		return;
	hf_jsonw_u64(w, "pid", a->tgid);
	if (a->start_ns)
		hf_jsonw_u64(w, "start_ns", a->start_ns);
	if (a->seq)
		hf_jsonw_u64(w, "seq", a->seq);
	put_summary(w, a);
}

int hf_journal_line_finding(struct hf_chain *c, struct hf_jsonw *w, struct hf_stamp at, const struct hf_finding *f, const struct hf_action *a)
{
	begin(c, w, at, "finding");
	hf_journal_finding(w, f);
	put_whom(w, a);
	return hf_chain_end(c, w);
}

int hf_journal_line_mark(struct hf_chain *c, struct hf_jsonw *w, struct hf_stamp at, const char *what, const struct hf_action *a, const char *detail)
{
	begin(c, w, at, "finding");
	put_rule(w, NULL);
	hf_jsonw_strz(w, "why", what);
	opt_strz(w, "detail", detail);
	put_whom(w, a);
	return hf_chain_end(c, w);
}

int hf_journal_line_session(struct hf_chain *c, struct hf_jsonw *w, struct hf_stamp at, const struct hf_journal_session *s)
{
	begin(c, w, at, "session");
	hf_jsonw_hex64(w, "session", s->session);
	opt_strz(w, "name", s->name);
	opt_words(w, "command", s->command);
	opt_str(w, "cwd", s->cwd);
	opt_str(w, "workspace", s->workspace);
	hf_jsonw_u64(w, "uid", s->uid);
	opt_strz(w, "user", s->user);
	opt_strz(w, "host", s->host);
	opt_strz(w, "kernel", s->kernel);
	opt_strz(w, "version", s->version);
	hf_jsonw_obj(w, "rules");
	opt_strz(w, "hash", s->rules_hash);
	hf_jsonw_u64(w, "count", s->rules);
	hf_jsonw_end_obj(w);
	hf_jsonw_obj(w, "guards");
	for (unsigned i = 0; i < s->nguard; i++)
		hf_jsonw_strz(w, s->guard[i].name, s->guard[i].state);
	hf_jsonw_end_obj(w);
	return hf_chain_end(c, w);
}

int hf_journal_line_hold(struct hf_chain *c, struct hf_jsonw *w, struct hf_stamp at, const struct hf_journal_hold *h)
{
	begin(c, w, at, "hold");
	hf_jsonw_strz(w, "id", h->id);
	opt_strz(w, "guard", h->guard);
	put_rule(w, h->finding ? h->finding->rule : NULL);
	if (h->finding)
		opt_strz(w, "reason", h->finding->why);
	hf_jsonw_u64(w, "expires_in_ms", h->expires_in_ms);
	if (h->action) {
		put_summary(w, h->action);
		hf_jsonw_obj(w, "action");
		hf_journal_action(w, h->action, h->proc);
		hf_jsonw_end_obj(w);
	}
	return hf_chain_end(c, w);
}

int hf_journal_line_decision(struct hf_chain *c, struct hf_jsonw *w, struct hf_stamp at, const struct hf_journal_decision *d)
{
	begin(c, w, at, "decision");
	hf_jsonw_strz(w, "hold", d->hold);
	hf_jsonw_strz(w, "decision", d->allow ? "allow" : "deny");
	opt_strz(w, "scope", d->scope);
	if (d->stop)
		hf_jsonw_bool(w, "stop", true);
	hf_jsonw_strz(w, "via", d->via);
	if (d->uid >= 0)
		hf_jsonw_i64(w, "uid", d->uid);
	if (d->pid >= 0)
		hf_jsonw_i64(w, "pid", d->pid);
	hf_jsonw_u64(w, "after_ms", d->after_ms);
	opt_strz(w, "rule", d->rule);
	opt_strz(w, "summary", d->summary);
	return hf_chain_end(c, w);
}

int hf_journal_line_gap(struct hf_chain *c, struct hf_jsonw *w, struct hf_stamp at, const char *what, uint64_t count)
{
	begin(c, w, at, "gap");
	hf_jsonw_strz(w, "what", what);
	hf_jsonw_u64(w, "count", count);
	return hf_chain_end(c, w);
}

int hf_journal_line_note(struct hf_chain *c, struct hf_jsonw *w, struct hf_stamp at, const char *kind, struct hf_str text)
{
	begin(c, w, at, "note");
	hf_jsonw_strz(w, "kind", kind);
	hf_jsonw_str(w, "text", text);
	return hf_chain_end(c, w);
}

int hf_journal_line_process(struct hf_chain *c, struct hf_jsonw *w, struct hf_stamp at, const struct hf_proc *p)
{
	begin(c, w, at, "note");
	hf_jsonw_strz(w, "kind", "process");
	hf_jsonw_u64(w, "pid", p->tgid);
	hf_jsonw_u64(w, "start_ns", p->start_ns);
	hf_jsonw_u64(w, "ppid", p->ppid);
	hf_jsonw_u64(w, "uid", p->uid);
	opt_str(w, "image", p->image);
	opt_words(w, "argv", p->argv);
	opt_str(w, "cwd", p->cwd);
	return hf_chain_end(c, w);
}

int hf_journal_line_end(struct hf_chain *c, struct hf_jsonw *w, struct hf_stamp at, const struct hf_journal_end *e)
{
	char sum[65];

	begin(c, w, at, "end");
	hf_jsonw_i64(w, "exit_status", e->exit_status);
	hf_jsonw_u64(w, "duration_ms", e->duration_ms);
	hf_jsonw_obj(w, "totals");
	for (unsigned i = 0; i < e->ntotal; i++)
		hf_jsonw_u64(w, e->total[i].name, e->total[i].count);
	hf_jsonw_end_obj(w);
	if (w->full)
		return -ENOSPC;
	hf_journal_sha256(w->p, w->n, sum);
	hf_jsonw_strz(w, "sum", sum);
	return hf_chain_end(c, w);
}
