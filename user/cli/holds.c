/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include "cli.h"
#include "engine/ctl.h"
#include "find.h"

static const char usage[] =
	"Usage: holdfast holds [--json]\n"
	"Lists the actions that wait for a decision, in all sessions.\n"
	"\n"
	"  --json   one object a line: id, session, action (an object), summary, rule, title, level, reason,\n"
	"           expires_in_ms, on_timeout, pid, argv\n"
	"\n"
	"Decide with 'holdfast approve ID' or 'holdfast deny ID'.\n"
	"\n"
	"Example: sudo holdfast holds --json\n";

struct listing {
	bool json;
	unsigned n, failed;
};

static void story(const cJSON *o)
{
	const cJSON *s;

	cJSON_ArrayForEach(s, cJSON_GetObjectItemCaseSensitive(o, "story")) {
		char text[600];

		printf("    %6llu s ago  %s\n", (unsigned long long)hf_cli_number(s, "ago_ms") / 1000,
		       hf_cli_text(s, "summary", "?", text, sizeof(text)));
	}
}

static void print_hold(const char *line)
{
	cJSON *o = hf_cli_json(line);
	char id[40], summary[1024], name[128], rule[256], title[256], level[32], reason[1024], argv[1024], then[16];
	unsigned long long left = hf_cli_number(o, "expires_in_ms") / 1000;

	hf_cli_text(o, "session_name", hf_cli_text(o, "name", "?", summary, sizeof(summary)), name, sizeof(name));
	hf_cli_text(o, "on_timeout", "deny", then, sizeof(then));
	printf("%s  %s\n", hf_cli_text(o, "id", "?", id, sizeof(id)), hf_cli_text(o, "summary", "?", summary, sizeof(summary)));
	if (!hf_cli_text(o, "argv", "", argv, sizeof(argv))[0])
		hf_cli_text(o, "command_line", "(arguments unknown)", argv, sizeof(argv));
	printf("    by process %llu of session %s: %s\n", (unsigned long long)hf_cli_number(o, "pid"), name, argv);
	hf_cli_text(o, "title", "", title, sizeof(title));
	printf("    %s (level %s) [rule %s]\n", title, hf_cli_text(o, "level", "?", level, sizeof(level)),
	       hf_cli_text(o, "rule", "?", rule, sizeof(rule)));
	if (strcmp(hf_cli_text(o, "reason", "", reason, sizeof(reason)), title) != 0 && reason[0])
		printf("    %s\n", reason);
	story(o);
	printf("    %s in %llu:%02llu\n", strcmp(then, "allow") == 0 ? "allows" : "denies", left / 60, left % 60);
	cJSON_Delete(o);
}

static int on_line(void *ctx, const char *line)
{
	struct listing *l = ctx;

	l->n++;
	if (l->json)
		puts(line);
	else
		print_hold(line);
	return 0;
}

static int each(void *ctx, uint64_t session, const char *path)
{
	struct listing *l = ctx;
	char err[256];

	if (hf_ctl_call(path, "{\"cmd\":\"holds\"}", HF_CLI_TIMEOUT_MS, on_line, l, err, sizeof(err)) < 0) {
		hf_cli_fail("holds", "session %016llx: %s", (unsigned long long)session, err);
		l->failed++;
	}
	return 0;
}

int hf_cmd_holds(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	struct listing l = { 0 };
	int o, r;

	optind = 1;
	while ((o = hf_cli_getopt(argc, argv, options)) != -1) {
		if (o == '?')
			return 2;
		if (o == 'h') {
			fputs(usage, stdout);
			return hf_cli_end("holds", 0);
		}
		l.json = true;
	}
	if (optind != argc)
		return hf_cli_usage("holds", "takes no argument");
	if (hf_cli_need_root(argc, argv))
		return 1;
	r = hf_ctl_each(each, &l);
	if (r < 0)
		return hf_cli_fail("holds", "cannot look into " HF_CTL_DIR ": %s", strerror(-r));
	if (!l.n && !l.failed && !l.json)
		puts("nothing waits for a decision");
	return hf_cli_end("holds", l.failed ? 1 : 0);
}
