/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/str.h"

static const struct hf_cmd commands[] = {
	{ "run", "run a command watched", hf_cmd_run },
	{ "sessions", "list the watched sessions that are running", hf_cmd_sessions },
	{ "holds", "list the actions that wait for a decision", hf_cmd_holds },
	{ "approve", "let a held action happen", hf_cmd_approve },
	{ "deny", "refuse a held action", hf_cmd_deny },
	{ "pause", "freeze a session", hf_cmd_pause },
	{ "resume", "let a paused session go on", hf_cmd_resume },
	{ "kill", "end a session with all its processes", hf_cmd_kill },
	{ "show", "draw a session's or a journal's timeline and process tree", hf_cmd_show },
	{ "verify", "find out whether a journal was changed", hf_cmd_verify },
	{ "replay", "judge a journal's actions by these rules", hf_cmd_replay },
	{ "check", "load rules, run their examples, show what each would do", hf_cmd_check },
	{ "doctor", "try what this host can do and say what is guaranteed", hf_cmd_doctor },
	{ "version", "say which version this is", hf_cmd_version },
};
#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct hf_cmd *find(const char *name)
{
	for (size_t i = 0; i < NCOMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Edits (insert, remove, change, swap neighbours) from a to b; both are short. */
static unsigned distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned d[16][16];

	if (n > 15 || m > 15)
		return 99;
	for (unsigned i = 0; i <= n; i++) {
		for (unsigned j = 0; j <= m; j++) {
			if (!i || !j) {
				d[i][j] = i + j;
				continue;
			}
			d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[n][m];
}

static const char *near_miss(const char *name)
{
	unsigned best = 3;
	const char *found = NULL;

	for (size_t i = 0; i < NCOMMANDS; i++) {
		unsigned k = distance(name, commands[i].name);

		if (strlen(name) >= 3 && strncmp(commands[i].name, name, strlen(name)) == 0)
			k = 0;		/* "sess": an abbreviation */
		if (k < best && k < strlen(name)) {
			best = k;
			found = commands[i].name;
		}
	}
	return found;
}

static void help(FILE *f)
{
	fputs("Usage: holdfast COMMAND [ARG]...\n"
	      "Watches AI agents from the kernel and holds their risky actions until a person decides.\n"
	      "\n", f);
	for (size_t i = 0; i < NCOMMANDS; i++)
		fprintf(f, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\n"
	      "'holdfast help COMMAND' or 'holdfast COMMAND --help' says more about one.\n"
	      "\n"
	      "Example: sudo holdfast run -n codex -- codex exec 'fix the failing test'\n", f);
}

static int unknown(const char *name)
{
	const char *near = near_miss(name);
	char safe[64];

	hf_str_escape(hf_str_of(name), safe, sizeof(safe));
	if (near)
		fprintf(stderr, "holdfast: unknown command '%s'; did you mean '%s'?\n", safe, near);
	else
		fprintf(stderr, "holdfast: unknown command '%s'; see 'holdfast --help'\n", safe);
	return 2;
}

static int help_about(int argc, char **argv)
{
	char help_arg[] = "--help";
	const struct hf_cmd *c;

	if (argc == 0) {
		help(stdout);
		return hf_cli_end("help", 0);
	}
	if (argc > 1) {
		fputs("holdfast: help takes one command; see 'holdfast --help'\n", stderr);
		return 2;
	}
	c = find(argv[0]);
	if (!c)
		return unknown(argv[0]);
	return c->fn(2, (char *[]){ argv[0], help_arg, NULL });
}

int main(int argc, char **argv)
{
	const struct hf_cmd *c;

	if (argc < 2) {
		help(stderr);
		return 2;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return help_about(0, NULL);
	if (strcmp(argv[1], "help") == 0)
		return help_about(argc - 2, argv + 2);
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
		return hf_cmd_version(1, argv + 1);
	if (argv[1][0] == '-') {
		char safe[64];

		hf_str_escape(hf_str_of(argv[1]), safe, sizeof(safe));
		fprintf(stderr, "holdfast: unknown option '%s'; see 'holdfast --help'\n", safe);
		return 2;
	}
	c = find(argv[1]);
	return c ? c->fn(argc - 1, argv + 1) : unknown(argv[1]);
}
