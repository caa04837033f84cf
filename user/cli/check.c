/* SPDX-License-Identifier: Apache-2.0 */
/* holdfast check: do these rules load, what would they do here, and do their examples hold? */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "check.h"
#include "cli.h"
#include "coverage.h"
#include "engine/rules_load.h"
#include "jsonw.h"

#define VERDICTS_MAX 16

enum { EXIT_OK, EXIT_EXAMPLE, EXIT_INPUT };

static const char usage[] =
	"Usage: holdfast check [--json] [--level-verdict LEVEL=VERDICT]... [--values FILE] [--coverage] RULES...\n"
	"\n"
	"Loads Sigma rules (files, or trees of *.yml, *.yaml and *.json), runs their examples and shows what each\n"
	"rule would do. Errors are given as FILE:LINE: what is wrong; what helps.\n"
	"\n"
	"      --json                          one JSON object a line for each rule or error\n"
	"      --level-verdict LEVEL=VERDICT   default verdict of a rule level, e.g. medium=hold\n"
	"      --coverage                      instead: how many of the rules apply, on which hooks, with which verdict on\n"
	"                                      this host (as root), and why the rest do not; files with errors count too\n"
	"      --values FILE                   YAML map: values of the placeholders (%name%) of |expand\n"
	"  -h, --help                          show this\n"
	"\n"
	"Exit status: 0 all is well, 1 an example failed, 2 bad rules or bad usage.\n"
	"\n"
	"Example: holdfast check rules/ my-rule.yml\n";

struct check {
	bool json;
	unsigned nerrors, nfailed, nexamples;
};

static void out_escaped(FILE *f, const char *text)
{
	char safe[2048];

	hf_str_escape(hf_str_of(text), safe, sizeof(safe));
	fputs(safe, f);
}

static void end_json(struct hf_jsonw *w)
{
	hf_jsonw_end_obj(w);
	if (!w->full)
		printf("%.*s\n", (int)w->n, w->p);
	else
		fprintf(stderr, "holdfast check: a line of JSON did not fit and was left out\n");
}

static void show_error(struct check *c, const struct hf_rule_error *err)
{
	char buf[8192];
	struct hf_jsonw w;

	if (!c->json) {
		out_escaped(stderr, err->text);
		fputc('\n', stderr);
		return;
	}
	hf_jsonw_init(&w, buf, sizeof(buf));
	hf_jsonw_obj(&w, NULL);
	hf_jsonw_strz(&w, "error", err->text);
	hf_jsonw_strz(&w, "file", err->file);
	hf_jsonw_u64(&w, "line", err->line);
	end_json(&w);
}

static void on_error(void *ctx, const struct hf_rule_error *err)
{
	struct check *c = ctx;

	c->nerrors++;
	show_error(c, err);
}

static void on_warning(void *ctx, const char *text)
{
	fputs("warning: ", stderr);
	out_escaped(stderr, text);
	fputc('\n', stderr);
}

static void on_failed(void *ctx, const struct hf_rule *r, const struct hf_rule_error *err)
{
	show_error(ctx, err);
}

static void show_json(const struct hf_rule *r, const struct hf_check *k)
{
	char buf[16384];
	struct hf_jsonw w;

	hf_jsonw_init(&w, buf, sizeof(buf));
	hf_jsonw_obj(&w, NULL);
	hf_jsonw_strz(&w, "id", hf_rule_id(r));
	hf_jsonw_strz(&w, "title", hf_rule_title(r));
	hf_jsonw_strz(&w, "level", hf_rule_level(r));
	hf_jsonw_strz(&w, "verdict", hf_verdict_name(hf_rule_verdict(r)));
	hf_jsonw_arr(&w, "categories");
	for (unsigned i = 0; i < HF_CATEGORIES; i++)
		if (hf_rule_categories(r) & (1u << i))
			hf_jsonw_strz(&w, NULL, hf_category_name((enum hf_category)i));
	hf_jsonw_end_arr(&w);
	hf_jsonw_bool(&w, "correlation", hf_rule_is_correlation(r));
	hf_jsonw_bool(&w, "step_only", hf_rule_is_step_only(r));
	hf_jsonw_bool(&w, "applicable", !hf_rule_not_applicable(r));
	hf_jsonw_strz(&w, "reason", hf_rule_not_applicable(r));
	hf_jsonw_u64(&w, "match", k->match);
	hf_jsonw_u64(&w, "pass", k->pass);
	hf_jsonw_u64(&w, "failed", k->failed);
	hf_jsonw_strz(&w, "file", hf_rule_file(r));
	hf_jsonw_u64(&w, "line", hf_rule_line(r));
	end_json(&w);
}

static void show_row(const struct hf_rule *r, const struct hf_check *k)
{
	const uint32_t all = (1u << HF_CATEGORIES) - 1;
	char categories[256] = "", examples[32] = "-";
	size_t n = 0;

	for (unsigned i = 0; i < HF_CATEGORIES && hf_rule_categories(r) != all; i++)
		if (hf_rule_categories(r) & (1u << i))
			n += (size_t)snprintf(categories + n, sizeof(categories) - n, "%s%s", n ? "," : "",
					      hf_category_name((enum hf_category)i));
	if (hf_rule_categories(r) == all)
		snprintf(categories, sizeof(categories), "all");
	if (k->match + k->pass)
		snprintf(examples, sizeof(examples), "%u/%u", k->match + k->pass - k->failed, k->match + k->pass);
	printf("%-7s %-13s %-20s %-8s ", hf_rule_not_applicable(r) ? "-" : hf_rule_is_step_only(r) ? "step" :
	       hf_verdict_name(hf_rule_verdict(r)), hf_rule_level(r), n || *categories ? categories : "-", examples);
	out_escaped(stdout, hf_rule_id(r));
	if (strcmp(hf_rule_id(r), hf_rule_title(r)) != 0) {
		fputs("  ", stdout);
		out_escaped(stdout, hf_rule_title(r));
	}
	if (hf_rule_not_applicable(r)) {
		fputs("\n        not applicable: ", stdout);
		out_escaped(stdout, hf_rule_not_applicable(r));
	}
	putchar('\n');
}

static void show_filters(const struct check *c, const struct hf_ruleset *rs)
{
	for (unsigned i = 0; i < hf_ruleset_filters(rs); i++) {
		const struct hf_rule *f = hf_ruleset_filter(rs, i);
		char buf[8192];
		struct hf_jsonw w;

		if (c->json) {
			hf_jsonw_init(&w, buf, sizeof(buf));
			hf_jsonw_obj(&w, NULL);
			hf_jsonw_strz(&w, "filter", hf_rule_id(f));
			hf_jsonw_strz(&w, "title", hf_rule_title(f));
			hf_jsonw_u64(&w, "narrows", hf_filter_narrows(f));
			hf_jsonw_strz(&w, "reason", hf_rule_not_applicable(f));
			end_json(&w);
			continue;
		}
		fputs("filter ", stdout);
		out_escaped(stdout, hf_rule_id(f));
		printf(": narrows %u rules", hf_filter_narrows(f));
		if (hf_rule_not_applicable(f)) {
			fputs("; not applicable: ", stdout);
			out_escaped(stdout, hf_rule_not_applicable(f));
		}
		putchar('\n');
	}
}

static int run_checks(struct check *c, const struct hf_ruleset *rs)
{
	unsigned count = hf_ruleset_count(rs), na = 0;

	if (!c->json && count)
		printf("%-7s %-13s %-20s %-8s %s\n", "VERDICT", "LEVEL", "CATEGORIES", "EXAMPLES", "RULE");
	for (unsigned i = 0; i < count; i++) {
		const struct hf_rule *r = hf_ruleset_get(rs, i);
		struct hf_check k;

		fflush(stdout);
		if (hf_check_rule(r, on_failed, c, &k) < 0) {
			fprintf(stderr, "holdfast check: out of memory\n");
			return EXIT_INPUT;
		}
		na += hf_rule_not_applicable(r) != NULL;
		c->nexamples += k.match + k.pass;
		c->nfailed += k.failed;
		if (c->json)
			show_json(r, &k);
		else
			show_row(r, &k);
	}
	show_filters(c, rs);
	if (!c->json)
		printf("%u rules (%u not applicable), %u examples, %u failed\n", count, na, c->nexamples, c->nfailed);
	return c->nfailed ? EXIT_EXAMPLE : EXIT_OK;
}

int hf_cmd_check(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' }, { "level-verdict", required_argument, NULL, 'l' },
		{ "verdict", required_argument, NULL, 'l' },	/* as run has it */
		{ "coverage", no_argument, NULL, 'c' },
		{ "values", required_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	const char *verdicts[VERDICTS_MAX];
	struct check c = { 0 };
	struct hf_rules_source src = { .warn = on_warning, .error = on_error, .ctx = &c, .verdicts = verdicts };
	struct hf_ruleset *rs = NULL;
	struct hf_rule_error err;
	int o, rc;

	optind = 1;
	while ((o = hf_cli_getopt(argc, argv, options)) != -1) {
		if (o == 'h') {
			fputs(usage, stdout);
			return hf_cli_end("check", EXIT_OK);
		}
		if (o == '?')
			return EXIT_INPUT;
		if (o == 'j')
			c.json = true;
		else if (o == 'c')
			src.partial = true;
		else if (o == 'v')
			src.values = optarg;
		else if (src.nverdicts == VERDICTS_MAX)
			return hf_cli_usage("check", "more than %d --level-verdict", VERDICTS_MAX);
		else
			verdicts[src.nverdicts++] = optarg;
	}
	if (optind == argc)
		return hf_cli_usage("check", "no rules named; give files or trees, such as rules/");
	src.paths = (const char *const *)argv + optind;
	src.npaths = (unsigned)(argc - optind);
	rc = hf_rules_read(&src, &rs, &err);
	if (rc < 0) {
		if (rc == -ENOMEM || c.nerrors == 0)
			fprintf(stderr, "holdfast check: %s\n", err.text[0] ? err.text : strerror(-rc));
		return EXIT_INPUT;
	}
	if (src.partial)
		rc = hf_coverage_show(rs, c.nerrors, c.json) < 0 ? EXIT_INPUT : EXIT_OK;
	else
		rc = run_checks(&c, rs);
	hf_ruleset_free(&rs);
	return hf_cli_end("check", rc) == rc ? rc : EXIT_INPUT;
}
