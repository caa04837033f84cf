/* SPDX-License-Identifier: Apache-2.0 */
/* approve and deny: the same way to the hold, different words. */
#include <stdio.h>
#include <string.h>
#include "cli.h"
#include "engine/ctl.h"
#include "find.h"

static const char usage_approve[] =
	"Usage: holdfast approve [--scope once|session] [--json] ID\n"
	"Lets a held action happen. ID is what 'holdfast holds' shows, like 7f3a-2; its number alone is enough\n"
	"when only one session has such a hold.\n"
	"\n"
	"  --scope once      exactly this action (default)\n"
	"  --scope session   and the same again in this session: same rule, program, arguments and object\n"
	"  --json            the engine's answer, one object\n"
	"\n"
	"Example: sudo holdfast approve 7f3a-2 --scope session\n";

static const char usage_deny[] =
	"Usage: holdfast deny [--stop] [--json] ID\n"
	"Refuses a held action: its system call fails with EPERM. ID is what 'holdfast holds' shows, like 7f3a-2;\n"
	"its number alone is enough when only one session has such a hold.\n"
	"\n"
	"  --stop   and ends the whole session\n"
	"  --json   the engine's answer, one object\n"
	"\n"
	"Example: sudo holdfast deny 7f3a-2 --stop\n";

struct decision {
	const char *cmd, *scope, *id;
	bool stop, json;
	unsigned lines;
};

static int on_line(void *ctx, const char *line)
{
	struct decision *d = ctx;
	char id[40], summary[1024], name[128], other[128];
	cJSON *o;

	if (d->lines++)
		return 0;
	if (d->json) {
		puts(line);
		return 0;
	}
	o = hf_cli_json(line);
	hf_cli_text(o, "session_name", hf_cli_text(o, "name", "?", other, sizeof(other)), name, sizeof(name));
	hf_cli_text(o, "id", d->id, id, sizeof(id));
	hf_cli_text(o, "summary", "?", summary, sizeof(summary));
	if (strcmp(d->cmd, "approve") == 0)
		printf("approved %s (%s) in session %s: %s\n", id,
		       strcmp(d->scope, "session") == 0 ? "for this session" : "once", name, summary);
	else
		printf("denied %s in session %s%s: %s\n", id, name, d->stop ? ", which is stopped" : "", summary);
	cJSON_Delete(o);
	return 0;
}

static int decide(struct decision *d)
{
	struct hf_cli_target t = { 0 };
	char full[32], req[256], err[256];
	int r = hf_cli_find_hold(d->cmd, d->id, &t, full);

	if (r)
		return r;
	if (strcmp(d->cmd, "approve") == 0)
		snprintf(req, sizeof(req), "{\"cmd\":\"approve\",\"id\":\"%s\",\"scope\":\"%s\"}", full, d->scope);
	else
		snprintf(req, sizeof(req), "{\"cmd\":\"deny\",\"id\":\"%s\",\"stop\":%s}", full, d->stop ? "true" : "false");
	r = hf_ctl_call(t.socket, req, HF_CLI_TIMEOUT_MS, on_line, d, err, sizeof(err));
	if (r < 0)
		return hf_cli_fail(d->cmd, "%s", err);
	if (!d->lines && !d->json)
		printf("%s %s\n", strcmp(d->cmd, "approve") == 0 ? "approved" : "denied", d->id);
	return hf_cli_end(d->cmd, 0);
}

int hf_cmd_approve(int argc, char **argv)
{
	static const struct option options[] = {
		{ "scope", required_argument, NULL, 's' }, { "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	struct decision d = { .cmd = "approve", .scope = "once" };
	int o;

	optind = 1;
	while ((o = hf_cli_getopt(argc, argv, options)) != -1) {
		if (o == '?')
			return 2;
		if (o == 'h') {
			fputs(usage_approve, stdout);
			return hf_cli_end("approve", 0);
		}
		if (o == 'j')
			d.json = true;
		else
			d.scope = optarg;
	}
	if (strcmp(d.scope, "once") != 0 && strcmp(d.scope, "session") != 0)
		return hf_cli_usage("approve", "--scope is once or session, not '%s'", d.scope);
	if (optind + 1 != argc)
		return hf_cli_usage("approve", "%s", optind == argc ? "needs the id of a hold" : "takes one id");
	if (hf_cli_need_root(argc, argv))
		return 1;
	d.id = argv[optind];
	return decide(&d);
}

int hf_cmd_deny(int argc, char **argv)
{
	static const struct option options[] = {
		{ "stop", no_argument, NULL, 's' }, { "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	struct decision d = { .cmd = "deny", .scope = "once" };
	int o;

	optind = 1;
	while ((o = hf_cli_getopt(argc, argv, options)) != -1) {
		if (o == '?')
			return 2;
		if (o == 'h') {
			fputs(usage_deny, stdout);
			return hf_cli_end("deny", 0);
		}
		if (o == 'j')
			d.json = true;
		else
			d.stop = true;
	}
	if (optind + 1 != argc)
		return hf_cli_usage("deny", "%s", optind == argc ? "needs the id of a hold" : "takes one id");
	if (hf_cli_need_root(argc, argv))
		return 1;
	d.id = argv[optind];
	return decide(&d);
}
