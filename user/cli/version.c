/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include <stdio.h>

static const char usage[] =
	"Usage: holdfast version [--json]\n"
	"Says which version this is.\n"
	"\n"
	"Example: holdfast version --json\n";

int hf_cmd_version(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	bool json = false;
	int o;

	optind = 1;
	while ((o = hf_cli_getopt(argc, argv, options)) != -1) {
		if (o == '?')
			return 2;
		if (o == 'h') {
			fputs(usage, stdout);
			return hf_cli_end("version", 0);
		}
		json = true;
	}
	if (optind != argc)
		return hf_cli_usage("version", "takes no argument");
	printf(json ? "{\"version\":\"%s\"}\n" : "holdfast %s\n", HF_VERSION);
	return hf_cli_end("version", 0);
}
