// SPDX-License-Identifier: Apache-2.0
/* Lines of a journal that are no actions. */
#include <stdlib.h>
#include <cjson/cJSON.h>
#include "show_priv.h"

static struct hf_str text_of(const struct show_reading *x, const void *obj, const char *key)
{
	struct hf_str t = hf_line_str(x->r, obj, key);

	return t.p ? t : HF_STR("");
}

static void member(const struct show_reading *x, struct sb *b, const char *before, const char *key, const char *after)
{
	struct hf_str t = text_of(x, NULL, key);

	if (!t.n)
		return;
	hf_sb_fmt(b, "%s", before);
	hf_sb_esc(b, t, x->s->o.text_max);
	hf_sb_fmt(b, "%s", after);
}

void hf_show_on_session(const struct show_reading *x)
{
	struct hf_show *s = x->s;
	const cJSON *rules = cJSON_GetObjectItemCaseSensitive(x->l->json, "rules"), *g;
	struct hf_str ws = hf_line_str(x->r, NULL, "workspace");
	struct sb b = { .n = 0 };
	char joined[4096];
	bool cut = false, first = true;

	free(s->workspace);
	s->workspace = ws.p ? strndup(ws.p, ws.n) : NULL;
	member(x, &b, "session ", "session", "");
	member(x, &b, " (", "name", ")");
	member(x, &b, " of ", "user", "");
	member(x, &b, " on ", "host", "");
	member(x, &b, ", Linux ", "kernel", "");
	hf_sb_fmt(&b, ", %s", x->l->wall);
	hf_show_put(s, &b);
	b.n = 0;
	hf_argv_join(hf_line_argv(x->r, NULL, "command"), true, joined, sizeof(joined), &cut);
	hf_sb_fmt(&b, "command ");
	hf_sb_esc(&b, hf_str_of(joined), s->o.text_max);
	member(x, &b, "  in ", "cwd", "");
	hf_show_put(s, &b);
	b.n = 0;
	hf_sb_fmt(&b, "%llu rules; guards:", (unsigned long long)(rules ? hf_line_u64(x->r, rules, "count", 0) : 0));
	cJSON_ArrayForEach(g, cJSON_GetObjectItemCaseSensitive(x->l->json, "guards")) {
		hf_sb_fmt(&b, first ? " " : ", ");
		hf_sb_esc(&b, hf_str_of(g->string), 60);
		hf_sb_fmt(&b, " ");
		hf_sb_esc(&b, hf_str_of(cJSON_GetStringValue(g)), 80);
		first = false;
	}
	hf_show_put(s, &b);
}

static struct show_proc *acting(const struct show_reading *x)
{
	uint32_t pid = (uint32_t)hf_line_u64(x->r, NULL, "pid", 0);

	return hf_show_proc_find(&x->s->procs, pid, hf_line_u64(x->r, NULL, "start_ns", 0));
}

static void who_of(const struct show_proc *p, struct sb *who)
{
	if (!p)
		return;
	hf_show_name(who, p->image);
	hf_sb_fmt(who, "[%u]", p->tgid);
}

/* An important line: in the tree a mark at its process, in the timeline at once. */
static void important(const struct show_reading *x, struct show_proc *p, const char *mark, const char *text)
{
	struct sb b, who = { .n = 0 };

	if (x->s->o.view == HF_SHOW_TREE && p) {
		hf_show_proc_mark(p, text);
		return;
	}
	hf_show_flush(x->s);
	who_of(p, &who);
	hf_show_start_line(x->s, &b, x->l->boot_ns, mark, who.p);
	hf_sb_fmt(&b, "%s", text);
	hf_show_put(x->s, &b);
}

static void story(const struct show_reading *x)
{
	const cJSON *e;

	if (x->s->o.view == HF_SHOW_TREE)
		return;
	cJSON_ArrayForEach(e, cJSON_GetObjectItemCaseSensitive(x->l->json, "story")) {
		struct sb b, who = { .n = 0 };

		who_of(hf_show_proc_find(&x->s->procs, (uint32_t)hf_line_u64(x->r, e, "pid", 0), 0), &who);
		hf_show_start_line(x->s, &b, hf_line_u64(x->r, e, "b", 0), "|", who.p);
		hf_sb_fmt(&b, "  earlier: ");
		hf_sb_esc(&b, text_of(x, e, "summary"), x->s->o.text_max);
		hf_show_put(x->s, &b);
	}
}

void hf_show_on_finding(const struct show_reading *x)
{
	struct hf_str verdict = text_of(x, NULL, "verdict"), rule = text_of(x, NULL, "rule");
	struct show_proc *p = acting(x);
	struct sb b = { .n = 0 };

	if (hf_str_eq(verdict, HF_STR("note")) && !x->s->o.all && x->s->o.view == HF_SHOW_TIMELINE) {
		struct hf_line l = { .boot_ns = x->l->boot_ns, .action = { .time_ns = x->l->boot_ns, .tgid = p ? p->tgid : 0 } };
		struct show_group *g = hf_show_entry(x->s, hf_show_hash(3, rule.p, rule.n), l.boot_ns, &l.action, p ? p->image : NULL);

		g->count++;
		if (g->text)
			return;
		hf_sb_fmt(&b, "noted: ");
		member(x, &b, "", "title", "");
		member(x, &b, " [rule ", "rule", "]");
		member(x, &b, ", at first: ", "summary", "");
		g->text = strdup(b.p);
		return;
	}
	hf_sb_fmt(&b, "FINDING");
	member(x, &b, " (", "verdict", ")");
	if (rule.n) {
		member(x, &b, " ", "title", "");
		member(x, &b, " [rule ", "rule", "]");
	} else {
		member(x, &b, " ", "why", "");
		member(x, &b, " (", "detail", ")");
	}
	member(x, &b, ": ", "summary", "");
	important(x, p, "!!", b.p);
	story(x);
}

void hf_show_on_hold(const struct show_reading *x)
{
	struct hf_show *s = x->s;
	struct show_proc *p = hf_show_proc_find(&s->procs, x->l->action.tgid, x->l->action.start_ns);
	struct hf_str id = text_of(x, NULL, "id");
	struct sb b = { .n = 0 };
	unsigned i = s->nhold++ % SHOW_HOLDS;

	hf_sb_fmt(&b, "HELD");
	member(x, &b, " ", "id", "");
	member(x, &b, ": ", "summary", "");
	member(x, &b, " [rule ", "rule", "]");
	hf_sb_fmt(&b, ", waits ");
	hf_sb_secs(&b, hf_line_u64(x->r, NULL, "expires_in_ms", 0) * 1000000);
	s->hold[i].p = p;
	s->hold[i].id[0] = 0;
	if (id.n < sizeof(s->hold[i].id))
		memcpy(s->hold[i].id, id.p, id.n + 1);
	important(x, p, "==", b.p);
}

void hf_show_on_decision(const struct show_reading *x)
{
	struct hf_str allow = text_of(x, NULL, "decision"), via = text_of(x, NULL, "via");
	const uint64_t none = UINT64_MAX;
	uint64_t uid = hf_line_u64(x->r, NULL, "uid", none);
	struct hf_str id = text_of(x, NULL, "hold");
	struct show_proc *p = NULL;
	struct sb b = { .n = 0 };

	for (unsigned i = 0; i < SHOW_HOLDS && !p; i++)
		if (id.n && hf_str_eq(id, hf_str_of(x->s->hold[i].id)))
			p = x->s->hold[i].p;
	hf_sb_fmt(&b, hf_str_eq(allow, HF_STR("allow")) ? "ALLOWED" : "DENIED");
	member(x, &b, " ", "hold", "");
	member(x, &b, " (", "scope", ")");
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(x->l->json, "stop")))
		hf_sb_fmt(&b, " and stopped");
	hf_sb_fmt(&b, " by ");
	if (uid != none)
		hf_sb_fmt(&b, "uid %llu via ", (unsigned long long)uid);
	hf_sb_esc(&b, via, 40);
	hf_sb_fmt(&b, " after ");
	hf_sb_secs(&b, hf_line_u64(x->r, NULL, "after_ms", 0) * 1000000);
	important(x, p, "==", b.p);
}

void hf_show_on_note(const struct show_reading *x)
{
	struct hf_str kind = text_of(x, NULL, "kind");
	struct sb b = { .n = 0 };

	if (hf_str_eq(kind, HF_STR("process"))) {
		struct show_procs *t = &x->s->procs;
		uint32_t pid = (uint32_t)hf_line_u64(x->r, NULL, "pid", 0), ppid = (uint32_t)hf_line_u64(x->r, NULL, "ppid", 0);
		uint64_t start = hf_line_u64(x->r, NULL, "start_ns", 0);
		struct show_proc *p = hf_show_proc_find(t, pid, start);

		if (!p)
			p = hf_show_proc_add(t, pid, start, ppid ? hf_show_proc_find(t, ppid, 0) : NULL);
		if (p && !p->cmd)
			hf_show_proc_cmd(p, text_of(x, NULL, "image"), hf_line_argv(x->r, NULL, "argv"), x->s->o.text_max);
		return;
	}
	hf_sb_fmt(&b, "note ");
	hf_sb_esc(&b, kind, 40);
	member(x, &b, ": ", "text", "");
	important(x, NULL, "--", b.p);
}

void hf_show_on_end(const struct show_reading *x)
{
	const cJSON *e;
	struct sb b = { .n = 0 };

	hf_sb_fmt(&b, "end: exit status %llu after ", (unsigned long long)hf_line_u64(x->r, NULL, "exit_status", 0));
	hf_sb_secs(&b, hf_line_u64(x->r, NULL, "duration_ms", 0) * 1000000);
	cJSON_ArrayForEach(e, cJSON_GetObjectItemCaseSensitive(x->l->json, "totals")) {
		hf_sb_fmt(&b, ", ");
		hf_sb_esc(&b, hf_str_of(e->string), 40);
		hf_sb_fmt(&b, " ");
		hf_sb_count(&b, hf_line_u64(x->r, x->l->json ? cJSON_GetObjectItemCaseSensitive(x->l->json, "totals") : NULL, e->string, 0));
	}
	hf_show_end(x->s);
	important(x, NULL, "--", b.p);
}

void hf_show_on_gap(const struct show_reading *x)
{
	struct sb b = { .n = 0 };

	hf_sb_fmt(&b, "LOST ");
	hf_sb_count(&b, hf_line_u64(x->r, NULL, "count", 0));
	member(x, &b, " records: ", "what", "");
	important(x, NULL, "??", b.p);
}
