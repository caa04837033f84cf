// SPDX-License-Identifier: Apache-2.0
/* holdfast replay: what would these rules have said? */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include "cli/cli.h"
#include "engine/replay_run.h"

static const char usage[] =
	"Usage: holdfast replay -r RULES [-r RULES]... [--json] JOURNAL...\n"
	"Judges the actions of journals by rules, with the same code as `holdfast run`, and prints the findings.\n"
	"Nothing is run, nothing is stopped; no privileges are needed but to read the files. - is standard input.\n"
	"\n"
	"  -r, --rules PATH             rule file or tree\n"
	"      --verdict LEVEL=VERDICT  default verdict of a rule level, e.g. medium=hold\n"
	"      --json                   one JSON object a finding\n"
	"\n"
	"Totals go to standard error. Exit status: 0; 1 a journal has wrong lines (they are named and left out);\n"
	"2 bad usage, or rules or journals cannot be read.\n"
	"\n"
	"Example: holdfast replay -r rules/ -r my-rule.yml session.jsonl\n";

static const struct option longopts[] = {
	{ "rules", required_argument, NULL, 'r' }, { "verdict", required_argument, NULL, 'v' }, { "json", no_argument, NULL, 'j' },
	{ "values", required_argument, NULL, 'V' }, { "help", no_argument, NULL, 'h' }, { 0 },
};

int hf_cmd_replay(int argc, char **argv)
{
	struct hf_replay_run o = { .out = stdout, .err = stderr };
	const char **rules = calloc((size_t)argc + 1, sizeof(*rules)), **verdicts = calloc((size_t)argc + 1, sizeof(*verdicts));
	int c, status = 2;

	optind = 1;
	while (rules && verdicts && (c = hf_cli_getopt_short(argc, argv, ":hr:", longopts)) != -1) {
		if (c == 'r') {
			rules[o.nrules++] = optarg;
		} else if (c == 'v') {
			verdicts[o.nverdicts++] = optarg;
		} else if (c == 'j') {
			o.json = true;
		} else if (c == 'V') {
			o.values = optarg;
		} else {
			if (c == 'h')
				fputs(usage, stdout);
			status = c == 'h' ? 0 : 2;
			goto out;
		}
	}
	if (!o.nrules || optind >= argc) {
		hf_cli_usage("replay", "%s", o.nrules ? "needs a journal" : "needs rules: -r RULES");
		goto out;
	}
	o.rules = rules;
	o.verdicts = verdicts;
	o.journals = (const char *const *)argv + optind;
	o.njournals = (unsigned)(argc - optind);
	status = hf_replay_run(&o);
	if (fflush(stdout))
		status = 2;
out:
	free(rules);
	free(verdicts);
	return status;
}
