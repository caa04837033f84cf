/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include "cli.h"
#include "engine/ctl.h"
#include "find.h"

static const char usage[] =
	"Usage: holdfast sessions [--json]\n"
	"Lists the watched sessions that are running.\n"
	"\n"
	"  --json   one object a line: id, name, state (running, paused, held, ended-draining or no-answer),\n"
	"           command, user, since, actions, holds, journal\n"
	"\n"
	"Example: sudo holdfast sessions\n";

struct listing {
	bool json;
	unsigned n;
};

static void table_row(struct listing *l, const char *line)
{
	cJSON *o = hf_cli_json(line);
	char id[40], name[128], state[32], user[64], since[40], command[512], journal[1024];

	if (l->n == 0)
		printf("%-16s  %-14s  %-14s  %-10s  %-20s  %8s  %5s\n", "ID", "NAME", "STATE", "USER", "SINCE", "ACTIONS", "HOLDS");
	if (!cJSON_GetObjectItemCaseSensitive(o, "since"))
		snprintf(since, sizeof(since), "%llu s ago", (unsigned long long)hf_cli_number(o, "age_ms") / 1000);
	else
		hf_cli_text(o, "since", "?", since, sizeof(since));
	printf("%-16s  %-14s  %-14s  %-10s  %-20s  %8llu  %5llu\n", hf_cli_text(o, "id", "?", id, sizeof(id)),
	       hf_cli_text(o, "name", "?", name, sizeof(name)), hf_cli_text(o, "state", "?", state, sizeof(state)),
	       hf_cli_text(o, "user", "?", user, sizeof(user)), since, (unsigned long long)hf_cli_number(o, "actions"),
	       (unsigned long long)hf_cli_number(o, "holds"));
	printf("  %s\n", hf_cli_text(o, "command", "(command unknown)", command, sizeof(command)));
	if (hf_cli_text(o, "journal", "", journal, sizeof(journal))[0])
		printf("  journal %s\n", journal);
	cJSON_Delete(o);
}

static int on_line(void *ctx, const char *line)
{
	struct listing *l = ctx;

	if (l->json)
		puts(line);
	else
		table_row(l, line);
	l->n++;
	return 0;
}

static int each(void *ctx, uint64_t session, const char *path)
{
	struct listing *l = ctx;
	char err[256], buf[512];
	struct hf_jsonw w;

	if (hf_ctl_call(path, "{\"cmd\":\"status\"}", HF_CLI_TIMEOUT_MS, on_line, l, err, sizeof(err)) >= 0)
		return 0;
	/* A session that can't be asked is there all the same, and may need a kill. */
	hf_jsonw_init(&w, buf, sizeof(buf) - 1);
	hf_jsonw_obj(&w, NULL);
	hf_jsonw_hex64(&w, "id", session);
	hf_jsonw_strz(&w, "state", "no-answer");
	hf_jsonw_strz(&w, "error", err);
	hf_jsonw_end_obj(&w);
	buf[w.n] = 0;
	on_line(l, buf);
	return 0;
}

int hf_cmd_sessions(int argc, char **argv)
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
			return hf_cli_end("sessions", 0);
		}
		l.json = true;
	}
	if (optind != argc)
		return hf_cli_usage("sessions", "takes no argument");
	if (hf_cli_need_root(argc, argv))
		return 1;
	r = hf_ctl_each(each, &l);
	if (r < 0)
		return hf_cli_fail("sessions", "cannot look into " HF_CTL_DIR ": %s", strerror(-r));
	if (!l.n && !l.json)
		puts("no session is running");
	return hf_cli_end("sessions", 0);
}
