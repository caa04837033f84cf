// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include "core/replay.h"
#include "engine/journal_open.h"
#include "engine/replay_run.h"
#include "engine/rules_load.h"

struct running {
	const struct hf_replay_run *o;
	const char *journal;
	struct hf_replay *replay;
	unsigned wrong;
	char buf[65536];		/* one finding as JSON: a story of 16 summaries of 256 bytes, all escaped, is below 30 KiB */
};

static void as_json(struct running *x, const struct hf_line *l, const struct hf_finding *f, const char *summary)
{
	struct hf_jsonw w;

	hf_jsonw_init(&w, x->buf, sizeof(x->buf));
	hf_jsonw_obj(&w, NULL);
	if (x->o->njournals > 1)
		hf_jsonw_strz(&w, "journal", x->journal);
	hf_jsonw_u64(&w, "line", l->n);
	hf_jsonw_u64(&w, "b", l->boot_ns);
	hf_journal_finding(&w, f);
	hf_jsonw_u64(&w, "pid", l->action.tgid);
	hf_jsonw_strz(&w, "summary", summary);
	hf_jsonw_end_obj(&w);
	if (w.full) {			/* a rule's own texts can be long: never half a line */
		hf_jsonw_init(&w, x->buf, sizeof(x->buf));
		hf_jsonw_obj(&w, NULL);
		hf_jsonw_u64(&w, "line", l->n);
		hf_jsonw_strz(&w, "rule", f->rule ? hf_rule_id(f->rule) : NULL);
		hf_jsonw_strz(&w, "verdict", hf_verdict_name(f->verdict));
		hf_jsonw_bool(&w, "cut", true);
		hf_jsonw_end_obj(&w);
	}
	fwrite(w.p, 1, w.n, x->o->out);
	fputc('\n', x->o->out);
}

static void as_text(struct running *x, const struct hf_line *l, const struct hf_finding *f, const char *summary)
{
	char title[512];
	FILE *out = x->o->out;

	hf_str_escape(hf_str_of(f->rule ? hf_rule_title(f->rule) : ""), title, sizeof(title));
	if (x->o->njournals > 1)
		fprintf(out, "%s: ", x->journal);
	fprintf(out, "line %llu: %s %s", (unsigned long long)l->n, hf_verdict_name(f->verdict), title);
	hf_str_escape(hf_str_of(f->rule ? hf_rule_id(f->rule) : "none"), title, sizeof(title));
	fprintf(out, " [rule %s]", title);
	if (f->why && strcmp(f->why, "matched") != 0)
		fprintf(out, " (%s)", f->why);
	fprintf(out, ": pid %u, %s\n", l->action.tgid, summary);
	for (unsigned i = 0; i < f->nstory; i++) {
		hf_str_escape((struct hf_str){ f->story[i].summary, strnlen(f->story[i].summary, sizeof(f->story[i].summary)) }, title, sizeof(title));
		fprintf(out, "    earlier, pid %u: %s\n", f->story[i].tgid, title);
	}
}

static int on_finding(void *ctx, const struct hf_line *l, const struct hf_finding *f)
{
	struct running *x = ctx;
	char summary[1024];

	hf_action_summary(&l->action, summary, sizeof(summary));
	(x->o->json ? as_json : as_text)(x, l, f, summary);
	return ferror(x->o->out) ? -EPIPE : 0;
}

static int on_line(void *ctx, struct hf_journal_reader *r, struct hf_str line, int rc, const struct hf_line *l, const char *why)
{
	struct running *x = ctx;

	if (rc == 0)
		return hf_replay_line(x->replay, r, l);
	x->wrong++;
	fprintf(x->o->err, "holdfast replay: %s: %s\n", x->journal, why);
	return 0;
}

static void totals(const struct running *x)
{
	const struct hf_replay_totals *t = hf_replay_totals(x->replay);

	fprintf(x->o->err, "%s: %llu actions, %llu findings", x->journal, (unsigned long long)t->actions, (unsigned long long)t->findings);
	for (unsigned v = HF_NOTE; v <= HF_KILL; v++)
		if (t->by_verdict[v])
			fprintf(x->o->err, ", %llu %s", (unsigned long long)t->by_verdict[v], hf_verdict_name((enum hf_verdict)v));
	if (t->lost || t->cut || t->dropped)
		fprintf(x->o->err, "; the journal lacks %llu lost records, %llu actions were cut, %llu findings did not fit",
			(unsigned long long)t->lost, (unsigned long long)t->cut, (unsigned long long)t->dropped);
	fputc('\n', x->o->err);
}

static int one(struct running *x, const struct hf_ruleset *rs)
{
	struct hf_jopen_result res = { 0 };
	char why[1024] = "";
	int rc;

	x->replay = hf_replay_new(rs, NULL, on_finding, x);
	if (!x->replay) {
		fputs("holdfast replay: out of memory\n", x->o->err);
		return -ENOMEM;
	}
	rc = hf_jopen_each(x->journal, on_line, x, &res, why, sizeof(why));
	if (rc < 0)
		fprintf(x->o->err, "holdfast replay: %s\n", why[0] ? why : strerror(-rc));
	else
		totals(x);
	if (rc == 0 && res.cut) {
		x->wrong++;
		fprintf(x->o->err, "holdfast replay: %s: the last line is not whole\n", x->journal);
	}
	hf_replay_free(&x->replay);
	return rc;
}

int hf_replay_run(const struct hf_replay_run *o)
{
	struct hf_ruleset *rs = NULL;
	struct hf_rule_error err = { 0 };
	const struct hf_rules_source src = { .paths = o->rules, .npaths = o->nrules, .verdicts = o->verdicts,
					     .nverdicts = o->nverdicts, .values = o->values };
	struct running *x;
	int rc, status = 0;

	rc = hf_rules_read(&src, &rs, &err);
	if (rc < 0) {
		fprintf(o->err, "holdfast replay: %s\n", err.text[0] ? err.text : strerror(-rc));
		return 2;
	}
	x = calloc(1, sizeof(*x));
	if (!x) {
		hf_ruleset_free(&rs);
		return 2;
	}
	x->o = o;
	for (unsigned i = 0; i < o->njournals; i++) {
		x->journal = o->journals[i];
		if (one(x, rs) < 0)
			status = 2;
	}
	if (!status && x->wrong)
		status = 1;
	free(x);
	hf_ruleset_free(&rs);
	return status;
}
