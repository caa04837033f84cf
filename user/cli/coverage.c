/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "coverage.h"
#include "guard/doctor.h"
#include "jsonw.h"
#include "sigma.h"

#define NVERDICTS (HF_KILL + 1)

/* The rows of doctor's table that stop an action of each category. */
static const char hook[HF_CATEGORIES][10] = {
	[HF_CAT_PROCESS_CREATION] = "exec", [HF_CAT_FILE_ACCESS] = "read", [HF_CAT_FILE_EVENT] = "write",
	[HF_CAT_FILE_DELETE] = "change", [HF_CAT_FILE_RENAME] = "change", [HF_CAT_FILE_CHANGE] = "change",
	[HF_CAT_NETWORK_CONNECTION] = "connect", [HF_CAT_SYSCALL] = "change",
};
struct reason {
	const char *text;
	unsigned rules;
};
struct coverage {
	bool json, tried;
	unsigned applicable, steps, weaker, nreasons;
	unsigned by_hook[HF_CATEGORIES][NVERDICTS];	/* effective */
	const char *gives[HF_CATEGORIES];
	bool none[HF_CATEGORIES], no_sequence;
	struct reason *reason;
};

static void try_host(struct coverage *c)
{
	struct hf_check checks[HF_CHECKS];
	struct hf_guarantee g;

	c->tried = geteuid() == 0;
	if (!c->tried)
		return;
	hf_doctor_run(checks);
	for (unsigned i = 0; hf_doctor_guarantee(checks, i, &g); i++) {
		c->no_sequence |= strcmp(g.id, "sequence") == 0 && g.none;
		for (unsigned k = 0; k < HF_CATEGORIES; k++) {
			if (strcmp(hook[k], g.id) != 0)
				continue;
			c->gives[k] = g.gives;
			c->none[k] = g.none;
		}
	}
}

/* What the rule does to an action of this category here. Without a guard that stops it, it is reported. */
static enum hf_verdict effective(const struct coverage *c, const struct hf_rule *r, unsigned cat)
{
	enum hf_verdict v = hf_rule_verdict(r);

	if (hf_rule_is_correlation(r) && c->no_sequence)
		return HF_ALLOW;
	return v >= HF_HOLD && c->none[cat] ? HF_NOTE : v;
}

static void out_escaped(const char *text)
{
	char safe[2048];

	hf_str_escape(hf_str_of(text), safe, sizeof(safe));
	fputs(safe, stdout);
}

static void end_line(struct hf_jsonw *w)
{
	hf_jsonw_end_obj(w);
	if (!w->full)
		printf("%.*s\n", (int)w->n, w->p);
	else
		fprintf(stderr, "holdfast check: a line of JSON did not fit and was left out\n");
}

static void json_rule(const struct coverage *c, const struct hf_rule *r, const char *why)
{
	char buf[16384];
	struct hf_jsonw w;

	hf_jsonw_init(&w, buf, sizeof(buf));
	hf_jsonw_obj(&w, NULL);
	hf_jsonw_strz(&w, "type", "rule");
	hf_jsonw_strz(&w, "id", hf_rule_id(r));
	hf_jsonw_strz(&w, "file", hf_rule_file(r));
	hf_jsonw_bool(&w, "applicable", !why);
	hf_jsonw_strz(&w, "reason", why);
	hf_jsonw_bool(&w, "step_only", hf_rule_is_step_only(r));
	hf_jsonw_strz(&w, "verdict", hf_verdict_name(hf_rule_verdict(r)));
	hf_jsonw_arr(&w, "hooks");
	for (unsigned k = 0; !why && k < HF_CATEGORIES; k++) {
		if (!(hf_rule_categories(r) >> k & 1))
			continue;
		hf_jsonw_obj(&w, NULL);
		hf_jsonw_strz(&w, "category", hf_category_name((enum hf_category)k));
		hf_jsonw_strz(&w, "hook", hook[k]);
		hf_jsonw_strz(&w, "effective", hf_verdict_name(effective(c, r, k)));
		hf_jsonw_end_obj(&w);
	}
	hf_jsonw_end_arr(&w);
	end_line(&w);
}

static void add_reason(struct coverage *c, const char *why)
{
	unsigned i = 0;

	while (i < c->nreasons && strcmp(c->reason[i].text, why) != 0)
		i++;
	if (i == c->nreasons)
		c->reason[c->nreasons++].text = why;
	c->reason[i].rules++;
}

static void count_rule(struct coverage *c, const struct hf_rule *r)
{
	const char *why = hf_rule_not_applicable(r);
	bool weaker = false;

	if (c->json)
		json_rule(c, r, why);
	if (why) {
		add_reason(c, why);
		return;
	}
	c->applicable++;
	if (hf_rule_is_step_only(r)) {
		c->steps++;
		return;
	}
	for (unsigned k = 0; k < HF_CATEGORIES; k++) {
		if (!(hf_rule_categories(r) >> k & 1))
			continue;
		c->by_hook[k][effective(c, r, k)]++;
		weaker |= effective(c, r, k) < hf_rule_verdict(r);
	}
	c->weaker += weaker;
}

static int by_rules(const void *a, const void *b)
{
	const struct reason *x = a, *y = b;

	return x->rules == y->rules ? strcmp(x->text, y->text) : x->rules < y->rules ? 1 : -1;
}

static void show_table(const struct coverage *c, unsigned count, unsigned nbad)
{
	printf("%-20s %-8s %6s %6s %6s %6s %6s  %s\n", "CATEGORY", "HOOK", "allow", "note", "hold", "deny", "kill",
	       c->tried ? "ON THIS HOST" : "");
	for (unsigned k = 0; k < HF_CATEGORIES; k++) {
		printf("%-20s %-8s", hf_category_name((enum hf_category)k), hook[k]);
		for (unsigned v = 0; v < NVERDICTS; v++)
			printf(" %6u", c->by_hook[k][v]);
		printf("  %s\n", c->gives[k] ? c->gives[k] : "");
	}
	printf("\n%u rules: %u apply (%u of them only as steps of correlations), %u do not; %u files with errors\n", count,
	       c->applicable, c->steps, count - c->applicable, nbad);
	if (c->weaker)
		printf("%u rules ask for more than this host can give: see holdfast doctor\n", c->weaker);
	if (!c->tried)
		printf("Verdicts are those of a host where every guard works; as root this host is tried.\n");
	if (c->nreasons)
		printf("\n%6s  %s\n", "RULES", "WHY THEY DO NOT APPLY");
	for (unsigned i = 0; i < c->nreasons; i++) {
		printf("%6u  ", c->reason[i].rules);
		out_escaped(c->reason[i].text);
		putchar('\n');
	}
}

static void json_total(const struct coverage *c, unsigned count, unsigned nbad)
{
	char buf[1024];
	struct hf_jsonw w;

	hf_jsonw_init(&w, buf, sizeof(buf));
	hf_jsonw_obj(&w, NULL);
	hf_jsonw_strz(&w, "type", "total");
	hf_jsonw_u64(&w, "rules", count);
	hf_jsonw_u64(&w, "applicable", c->applicable);
	hf_jsonw_u64(&w, "step_only", c->steps);
	hf_jsonw_u64(&w, "not_applicable", count - c->applicable);
	hf_jsonw_u64(&w, "files_with_errors", nbad);
	hf_jsonw_u64(&w, "weaker_here", c->weaker);
	hf_jsonw_bool(&w, "host_tried", c->tried);
	end_line(&w);
}

int hf_coverage_show(const struct hf_ruleset *rs, unsigned nbad, bool json)
{
	unsigned count = hf_ruleset_count(rs);
	struct coverage c = { .json = json };

	c.reason = calloc(count + 1, sizeof(*c.reason));
	if (!c.reason) {
		fprintf(stderr, "holdfast check: out of memory\n");
		return -ENOMEM;
	}
	try_host(&c);
	for (unsigned i = 0; i < count; i++)
		count_rule(&c, hf_ruleset_get(rs, i));
	qsort(c.reason, c.nreasons, sizeof(*c.reason), by_rules);
	if (json)
		json_total(&c, count, nbad);
	else
		show_table(&c, count, nbad);
	free(c.reason);
	return 0;
}
