/* SPDX-License-Identifier: Apache-2.0 */
/* The pages of the question. Layout: a title bar, the body (a window over its lines), a rule, the keys. */
#include "prompt_text.h"
#include <errno.h>
#include <locale.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#define ROWS_MAX 400
#define COLS_MAX 1000
#define TREE_TOP 3		/* of a long ancestry: so many from the agent down, */
#define TREE_BOTTOM 7		/* and so many up from the acting process */
#define ARGV_LINES 6
#define ESC_MAX (256u << 10)

static const char *const keys0[] = { "[a] allow once", "[s] allow for this session", "[d] deny",
				     "[k] deny and stop the agent", "[t] trajectory" };
static const char *const keys1[] = { "[q] back", "[a] allow once", "[s] allow for this session", "[d] deny",
				     "[k] deny and stop the agent" };
static const char *const short0[] = { "[a] once", "[s] session", "[d] deny", "[k] stop", "[t] more" };
static const char *const short1[] = { "[q] back", "[a] once", "[s] session", "[d] deny", "[k] stop" };
static const char *const tiny[] = { "[d]", "[a]", "[s]", "[k]", "[t]" };
#define NKEYS 5

static void fold_escaped(struct hf_page *p, enum hf_style st, unsigned indent, struct hf_str raw, unsigned max_lines)
{
	char buf[4096];
	size_t n = hf_str_escape(raw, buf, sizeof(buf));

	hf_page_fold(p, st, indent, (struct hf_str){ buf, n }, max_lines);
}

static void labelled(struct hf_page *p, const char *label, struct hf_str raw)
{
	char buf[4096 + 16];
	size_t n = (size_t)snprintf(buf, 16, "%-8s", label);

	if (!raw.n)
		return;
	n += hf_str_escape(raw, buf + n, 4096);
	hf_page_fold(p, HF_S_NONE, 2, (struct hf_str){ buf, n }, 3);
}

/* argv quoted and escaped on the heap, since it may be 32 KiB of anything; NULL when there is no memory. */
static char *argv_text(struct hf_str argv, size_t cap, size_t *ret_n, bool *ret_cut)
{
	char *joined = malloc(cap), *esc = malloc(4 * cap);
	size_t n;

	if (joined && esc) {
		n = hf_argv_join(argv, true, joined, cap, ret_cut);
		*ret_n = hf_str_escape((struct hf_str){ joined, n }, esc, 4 * cap);
	} else {
		free(esc);
		esc = NULL;
	}
	free(joined);
	return esc;
}

static void age(uint64_t now_ns, uint64_t then_ns, char *out, size_t cap)
{
	uint64_t s = now_ns > then_ns ? (now_ns - then_ns) / 1000000000u : 0;

	if (s < 120)
		snprintf(out, cap, "%u s ago", (unsigned)s);
	else if (s < 7200)
		snprintf(out, cap, "%u min ago", (unsigned)(s / 60));
	else
		snprintf(out, cap, "%llu h ago", (unsigned long long)(s / 3600));
}

static void left(const struct hf_prompt_view *v, char *out, size_t cap)
{
	uint64_t s = v->deadline_ns > v->now_ns ? (v->deadline_ns - v->now_ns + 999999999u) / 1000000000u : 0;
	const char *what = v->on_timeout && strcmp(v->on_timeout, "allow") == 0 ? "allows" : "denies";

	if (v->deadline_ns == UINT64_MAX)
		snprintf(out, cap, "waits for you");
	else if (s >= 6000)
		snprintf(out, cap, "%s in %llu min", what, (unsigned long long)(s / 60));
	else
		snprintf(out, cap, "%s in %u:%02u", what, (unsigned)(s / 60), (unsigned)(s % 60));
}

static void title(struct hf_page *p)
{
	const struct hf_prompt_view *v = p->v;
	char l[512], r[96], name[128], id[64], more[32] = "";
	unsigned room, wr;

	hf_str_escape(hf_str_of(v->session_name ? v->session_name : "?"), name, sizeof(name));
	if (v->waiting)
		snprintf(more, sizeof(more), "  +%u more", v->waiting);
	hf_str_escape(hf_str_of(v->hold_id ? v->hold_id : "?"), id, sizeof(id));
	snprintf(l, sizeof(l), p->cols < 60 ? " hold %s%s  %s" : " HOLDFAST  hold %s%s  session %s", id, more, name);
	left(v, r, sizeof(r));
	hf_page_goto(p, 1);
	wr = (unsigned)strlen(r) + 2;
	room = p->cols > wr + 10 ? p->cols - wr : p->cols;
	hf_page_cut(p, HF_S_BAR, hf_str_of(l), room);
	hf_page_style(p, HF_S_BAR);
	for (; p->at < room && !p->s->plain; p->at++)
		hf_page_raw(p, " ");
	if (room < p->cols) {
		hf_page_cut(p, HF_S_BAR, HF_STR(" "), 1);
		hf_page_cut(p, HF_S_BAR, hf_str_of(r), wr);
		hf_page_cut(p, HF_S_BAR, HF_STR(" "), 1);
	}
	hf_page_style(p, HF_S_NONE);
}

static unsigned key_rows(const char *const *key, unsigned cols)
{
	unsigned rows = 1, at = 1;

	for (unsigned i = 0; i < NKEYS; i++) {
		unsigned w = (unsigned)strlen(key[i]);

		if (at > 1 && at + w > cols) {
			rows++;
			at = 1;
		}
		at += w + 2;
	}
	return rows;
}

static void keys(struct hf_page *p, const char *const *key, unsigned row, unsigned last_row)
{
	hf_page_goto(p, row);
	for (unsigned i = 0; i < NKEYS; i++) {
		unsigned w = (unsigned)strlen(key[i]);

		if (p->at && p->at + 2 + w > p->cols) {
			if (row == last_row && !p->s->plain)
				break;
			hf_page_goto(p, ++row);
		}
		hf_page_indent(p, p->at ? 2 : 1);
		hf_page_cut(p, HF_S_STRONG, (struct hf_str){ key[i], 3 }, 3);
		hf_page_cut(p, HF_S_NONE, (struct hf_str){ key[i] + 3, w - 3 }, w - 3);
	}
}

static void rule_line(struct hf_page *p, unsigned row)
{
	const char *dash = p->s->utf8 ? "\xe2\x94\x80" : "-";
	char text[96];
	unsigned last = p->first + p->height < p->line ? p->first + p->height : p->line;

	hf_page_goto(p, row);
	if (p->line > p->height) {
		snprintf(text, sizeof(text), " lines %u to %u of %u: arrows, PgUp, PgDn ", p->first + 1, last, p->line);
		hf_page_cut(p, HF_S_STRONG, hf_str_of(text), p->cols);
	}
	for (; p->at < p->cols; p->at++)
		hf_page_raw(p, dash);
}

/* What is known to be missing from what the person reads. */
static void warnings(struct hf_page *p, const struct hf_action *a)
{
	if (a->flags & HF_ACT_TRUNC_PATH)
		hf_page_fmt(p, HF_S_ALARM, 2, "the path is longer than what was captured: its end is not known");
	if (a->flags & HF_ACT_TRUNC_ARGV)
		hf_page_fmt(p, HF_S_ALARM, 2, "the arguments are longer than what was captured: their end is not known");
	if (a->flags & HF_ACT_UNRESOLVED)
		hf_page_fmt(p, HF_S_ALARM, 2, "the path is as the process wrote it: it could not be resolved");
	if (a->flags & HF_ACT_RACED)
		hf_page_fmt(p, HF_S_ALARM, 2, "the kernel found something else than what was judged before");
}

/* Returns false when the argv did not fit into max_lines. */
static void argv_lines(struct hf_page *p, struct hf_str argv, unsigned max_lines)
{
	size_t n = 0, cap = max_lines ? 8192 : 64u << 10;
	bool cut = false;
	char *text = argv_text(argv, cap, &n, &cut);

	if (!text) {
		hf_page_fmt(p, HF_S_ALARM, 2, "no memory to show the arguments");
		return;
	}
	cut |= hf_page_fold(p, HF_S_NONE, 4, (struct hf_str){ text, n }, max_lines);
	if (cut)
		hf_page_fmt(p, HF_S_ALARM, 4, max_lines ? "(%zu bytes of arguments; [t] shows more)" :
			    "(%zu bytes of arguments; what follows does not fit here)", argv.n);
	free(text);
}

static void what(struct hf_page *p, unsigned argv_max)
{
	const struct hf_action *a = p->v->action;
	char buf[8300];
	size_t n = hf_action_summary(a, buf, sizeof(buf));

	hf_page_fmt(p, HF_S_HEAD, 0, "WHAT");
	if (a->kind == HF_EXEC) {
		n = (size_t)snprintf(buf, 16, "exec ");
		n += hf_str_escape(a->path, buf + n, sizeof(buf) - n);
	}
	if (hf_page_fold(p, HF_S_STRONG, 2, (struct hf_str){ buf, n }, argv_max ? 5 : 0))
		hf_page_fmt(p, HF_S_ALARM, 2, "(%zu bytes; [t] shows all of it)", n);
	if (a->kind == HF_EXEC) {
		if (a->argv.n)
			argv_lines(p, a->argv, argv_max);
		labelled(p, "script of", a->interp);
		if (!hf_str_eq(a->given, a->path))
			labelled(p, "written", a->given);
		labelled(p, "in", a->cwd);
	}
	warnings(p, a);
}

static void who_line(struct hf_page *p, const struct hf_proc *pr, unsigned depth, bool last)
{
	const char *arm = depth == 0 ? "" : p->s->utf8 ? "\xe2\x94\x94 " : "` ";
	char pid[32];
	size_t n = 0;
	bool cut = false;
	char *text;

	if (!hf_page_line(p))
		return;
	text = argv_text(pr->argv.n ? pr->argv : pr->image, 2048, &n, &cut);
	snprintf(pid, sizeof(pid), "%u  ", pr->tgid);
	hf_page_indent(p, 2 + 2 * depth);
	hf_page_cut(p, HF_S_FAINT, hf_str_of(arm), 2);
	hf_page_cut(p, HF_S_FAINT, hf_str_of(pid), 16);
	hf_page_cut(p, last ? HF_S_STRONG : HF_S_NONE,
		    text && n ? (struct hf_str){ text, n } : HF_STR("(arguments unknown)"), p->cols);
	free(text);
}

static void who(struct hf_page *p)
{
	const struct hf_proc *chain[TREE_TOP + TREE_BOTTOM], *pr;
	const struct hf_action *a = p->v->action;
	unsigned n = 0, skipped;

	for (pr = p->v->proc; pr && n < 10000; pr = pr->parent)
		n++;
	hf_page_fmt(p, HF_S_HEAD, 0, "WHO   from the agent down to process %u, user %u", a->tgid, a->uid);
	if (!n) {
		hf_page_fmt(p, HF_S_ALARM, 2, "process %u is not known to the trajectory", a->tgid);
		return;
	}
	skipped = n > TREE_TOP + TREE_BOTTOM ? n - TREE_TOP - TREE_BOTTOM : 0;
	pr = p->v->proc;
	for (unsigned i = n, k = n - skipped; i-- > 0 && pr; pr = pr->parent)
		if (!skipped || i < TREE_TOP || i >= n - TREE_BOTTOM)
			chain[--k] = pr;
	for (unsigned i = 0; i < n - skipped; i++) {
		if (skipped && i == TREE_TOP)
			hf_page_fmt(p, HF_S_FAINT, 2 + 2 * i, "(%u more between)", skipped);
		who_line(p, chain[i], i, i + 1 == n - skipped);
	}
	if (p->v->proc->cwd.n)
		labelled(p, "in", p->v->proc->cwd);
	if (p->v->proc->recovered)
		hf_page_fmt(p, HF_S_ALARM, 2, "its start was not seen: what it did before may be missing here");
}

static void past_line(struct hf_page *p, const struct hf_past *t, bool with_pid)
{
	char when[32], esc[600], buf[800];
	const char *mark = t->flags & HF_ACT_DENIED ? "  [denied]" : t->flags & HF_ACT_RACED ? "  [raced]" : "";

	age(p->v->now_ns, t->time_ns, when, sizeof(when));
	hf_str_escape(hf_str_of(t->summary), esc, sizeof(esc));
	if (with_pid)
		snprintf(buf, sizeof(buf), "%11s  %7u  %s%s", when, t->tgid, esc, mark);
	else
		snprintf(buf, sizeof(buf), "%11s  %s%s", when, esc, mark);
	if (!with_pid)
		hf_page_fold(p, HF_S_NONE, 4, hf_str_of(buf), 3);
	else if (hf_page_line(p))
		hf_page_cut(p, t->verdict >= HF_HOLD ? HF_S_STRONG : HF_S_NONE, hf_str_of(buf), p->cols);
}

static void guidance(struct hf_page *p, struct hf_str text)
{
	char buf[4096 + 32];
	size_t n = (size_t)snprintf(buf, 32, "its advice to the agent: ");

	n += hf_str_escape(text, buf + n, 4096);
	hf_page_fold(p, HF_S_NONE, 4, (struct hf_str){ buf, n }, 6);
}

static void finding(struct hf_page *p, const struct hf_finding *f)
{
	char id[256], level[32], tags[512] = "";
	size_t n = 0;
	const char *tag;

	if (!f->rule) {
		hf_page_fmt(p, HF_S_STRONG, 2, "%s", f->why ? f->why : "?");
		return;
	}
	fold_escaped(p, HF_S_STRONG, 2, hf_str_of(hf_rule_title(f->rule)), 3);
	hf_str_escape(hf_str_of(hf_rule_id(f->rule)), id, sizeof(id));
	hf_str_escape(hf_str_of(hf_rule_level(f->rule)), level, sizeof(level));
	for (unsigned i = 0; (tag = hf_rule_tag(f->rule, i)) && n + 80 < sizeof(tags); i++) {
		n += (size_t)snprintf(tags + n, 4, "%s", i ? ", " : "  ");
		n += hf_str_escape(hf_str_of(tag), tags + n, 64);
	}
	hf_page_fmt(p, HF_S_NONE, 4, "%s, level %s%s", hf_verdict_name(f->verdict), level, tags);
	hf_page_fmt(p, HF_S_NONE, 4, "rule %s", id);
	if (f->why && strcmp(f->why, "matched") != 0)
		hf_page_fmt(p, HF_S_ALARM, 4, "%s", f->why);
	for (unsigned i = 0; i < f->nstory && i < HF_STORY_MAX; i++)
		past_line(p, &f->story[i], false);
	if (hf_rule_guidance(f->rule) && hf_rule_guidance(f->rule)[0])
		guidance(p, hf_str_of(hf_rule_guidance(f->rule)));
}

static void labels(struct hf_page *p, const char *whose, uint64_t bits)
{
	char names[512], esc[600];

	if (!bits)
		return;
	hf_traj_labels_format(p->v->traj, bits, names, sizeof(names));
	hf_str_escape(hf_str_of(names), esc, sizeof(esc));
	hf_page_fmt(p, HF_S_NONE, 2, "labels of the %s: %s", whose, esc);
}

static void why(struct hf_page *p)
{
	const struct hf_judgement *j = p->v->judgement;
	unsigned n = j ? j->nfindings : 0;

	hf_page_fmt(p, HF_S_HEAD, 0, "WHY");
	for (unsigned i = 0; i < n && i < HF_FINDINGS_MAX; i++)
		finding(p, &j->finding[i]);
	if (!n)
		hf_page_fmt(p, HF_S_NONE, 2, "no rule is named");
	if (j && j->dropped)
		hf_page_fmt(p, HF_S_NONE, 2, "%u more findings do not fit here", j->dropped);
	if (p->v->traj) {
		labels(p, "session", hf_traj_labels(p->v->traj));
		if (p->v->proc)
			labels(p, "process", p->v->proc->labels);
	}
}

static void trajectory(struct hf_page *p)
{
	const struct hf_traj *t = p->v->traj;
	const struct hf_past *a;

	what(p, 0);
	if (!t) {
		hf_page_fmt(p, HF_S_HEAD, 0, "TRAJECTORY   not at hand");
		return;
	}
	hf_page_fmt(p, HF_S_HEAD, 0, "TRAJECTORY   newest first; %llu actions, %llu denied",
		    (unsigned long long)hf_traj_stats(t)->actions, (unsigned long long)hf_traj_stats(t)->denied);
	for (unsigned i = 0; (a = hf_traj_past(t, i)); i++) {
		if (!p->s->plain && (p->line < p->first || p->line - p->first >= p->height))
			p->line++;	/* thousands may be out of sight: they only count */
		else
			past_line(p, a, true);
	}
}

static void body(struct hf_page *p)
{
	p->line = 0;
	if (p->s->page == 1) {
		trajectory(p);
		return;
	}
	what(p, ARGV_LINES);
	who(p);
	why(p);
}

static void layout(struct hf_page *p)
{
	const char *const *key = p->s->page == 1 ? keys1 : keys0;
	unsigned krows = key_rows(key, p->cols), rule = p->rows >= 8, row;

	if (krows > 2 || p->rows < 10) {
		key = p->s->page == 1 ? short1 : short0;
		krows = key_rows(key, p->cols);
	}
	if (krows + 2 > p->rows) {
		key = tiny;
		krows = key_rows(key, p->cols);
	}
	if (krows + 2 > p->rows)
		krows = p->rows - 2;	/* the last keys are not named, but work */
	p->top = 2;
	p->height = p->rows - 1 - krows - rule;
	title(p);
	/* First only counted, so that the last page is full whatever scroll says. */
	p->first = UINT32_MAX;
	if (!p->s->plain) {
		body(p);
		p->first = p->line > p->height ? p->line - p->height : 0;
		if (p->s->scroll < p->first)
			p->first = p->s->scroll;
	}
	body(p);
	p->s->ret_lines = p->line;
	p->s->ret_height = p->height;
	for (row = p->line - p->first; row < p->height && !p->s->plain; row++)
		hf_page_goto(p, p->top + row);
	if (rule)
		rule_line(p, p->rows - krows);
	keys(p, key, p->rows - krows + 1, p->rows);
}

size_t hf_prompt_render(const struct hf_prompt_view *v, struct hf_prompt_screen *s, char *out, size_t cap)
{
	struct hf_page p = { .v = v, .s = s, .out = out, .cap = cap };
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0), old = (locale_t)0;

	/* wcwidth() knows widths only in a UTF-8 locale; the program's own stays as it is. */
	if (utf8)
		old = uselocale(utf8);
	p.rows = s->rows < 4 ? 4 : s->rows > ROWS_MAX ? ROWS_MAX : s->rows;
	p.cols = s->cols < 12 ? 12 : s->cols > COLS_MAX ? COLS_MAX : s->cols;
	layout(&p);
	if (s->plain)
		hf_page_raw(&p, "\n");
	if (utf8) {
		uselocale(old);
		freelocale(utf8);
	}
	return p.n;
}
