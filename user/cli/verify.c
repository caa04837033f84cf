// SPDX-License-Identifier: Apache-2.0
/* holdfast verify: is a journal what was written? */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include "cli/cli.h"
#include "engine/journal_open.h"

static const char usage[] =
	"Usage: holdfast verify [--complete] [--hash HASH] SESSION|JOURNAL\n"
	"Checks the chain of hashes of a journal: finds a line that was changed, removed, added, moved or cut off,\n"
	"and says which is the first. Prints OK, the number of lines and the last hash.\n"
	"\n"
	"      --complete     a journal without its end line is an error too (else a warning: the session still\n"
	"                     runs, or the end was cut off between two lines)\n"
	"      --hash HASH    the last line's hash must be this one, as `holdfast run` printed it\n"
	"\n"
	"Whoever can write the file can also make up a whole new one whose hashes fit. Only a last hash kept\n"
	"elsewhere tells that: keep the one `holdfast run` prints, and give it to --hash.\n"
	"\n"
	"Exit status: 0 right; 1 wrong; 2 bad usage, or the journal cannot be read.\n"
	"\n"
	"Example: sudo holdfast verify --complete /var/lib/holdfast/20261124-082349-demo-7f3a52c1d90b4e68.jsonl\n";

struct checking { uint64_t line; char why[400]; };

static int on_line(void *ctx, struct hf_journal_reader *r, struct hf_str line, int rc, const struct hf_line *l, const char *why)
{
	struct checking *c = ctx;

	if (!rc)
		return 0;
	c->line = hf_journal_reader_lines(r);
	snprintf(c->why, sizeof(c->why), "%s", why);
	return 1;
}

static int report(const struct checking *c, const struct hf_jopen_result *res, bool complete, const char *hash)
{
	if (c->line) {
		printf("WRONG: %s\n", c->why);
		return 1;
	}
	if (res->cut) {
		printf("WRONG: line %llu: has no end: cut off, or being written just now\n", (unsigned long long)res->lines + 1);
		return 1;
	}
	if (!res->lines) {
		puts("WRONG: the journal is empty");
		return 1;
	}
	if (hash && strcasecmp(hash, res->hash) != 0) {
		printf("WRONG: line %llu: the last hash is %s: lines after it were removed, or the journal is another one\n",
		       (unsigned long long)res->lines, res->hash);
		return 1;
	}
	if (!res->ended && complete) {
		printf("WRONG: line %llu: the journal has no end: still running, or cut off there\n", (unsigned long long)res->lines);
		return 1;
	}
	if (!res->ended)
		fputs("holdfast verify: warning: the journal has no end: still running, or cut off\n", stderr);
	printf("OK: %llu lines, last hash %s\n", (unsigned long long)res->lines, res->hash);
	return 0;
}

int hf_cmd_verify(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "complete", no_argument, NULL, 'c' }, { "hash", required_argument, NULL, 'H' }, { "help", no_argument, NULL, 'h' }, { 0 },
	};
	struct hf_jopen_result res = { 0 };
	struct checking c = { 0 };
	const char *hash = NULL;
	char path[4096], why[1024];
	bool complete = false;
	int opt;

	optind = 1;
	while ((opt = hf_cli_getopt(argc, argv, longopts)) != -1) {
		if (opt == 'h') {
			fputs(usage, stdout);
			return 0;
		}
		if (opt == 'c')
			complete = true;
		else if (opt == 'H' && strspn(optarg, "0123456789abcdefABCDEF") == 64 && !optarg[64])
			hash = optarg;
		else {
			if (opt == 'H')
				hf_cli_usage("verify", "--hash takes 64 hex digits");
			return 2;
		}
	}
	if (optind != argc - 1)
		return hf_cli_usage("verify", "%s", optind == argc ? "needs a session or a journal" : "takes one session or journal");
	if (hf_jopen_find(argv[optind], NULL, path, sizeof(path), why, sizeof(why)) < 0 ||
	    hf_jopen_each(path, on_line, &c, &res, why, sizeof(why)) < 0) {
		fprintf(stderr, "holdfast verify: %s\n", why);
		return 2;
	}
	opt = report(&c, &res, complete, hash);
	return fflush(stdout) ? 2 : opt;
}
