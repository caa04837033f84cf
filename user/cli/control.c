/* SPDX-License-Identifier: Apache-2.0 */
/* pause, resume and kill. Kill needs no engine: the session's cgroup is enough. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "cli.h"
#include "engine/ctl.h"
#include "find.h"
#include "guard/cgroup.h"

static const char usage_pause[] =
	"Usage: holdfast pause [--json] SESSION|all\n"
	"Freezes a session: none of its processes runs until 'holdfast resume'. SESSION is an id, the beginning of\n"
	"one, or a name ('holdfast sessions').\n"
	"\n"
	"Example: sudo holdfast pause codex\n";
static const char usage_resume[] =
	"Usage: holdfast resume [--json] SESSION|all\n"
	"Lets a paused session go on. Actions that wait for a decision still wait.\n"
	"\n"
	"Example: sudo holdfast resume 7f3a\n";
static const char usage_kill[] =
	"Usage: holdfast kill [--json] SESSION|all\n"
	"Ends a session with all its processes at once. Works also when its engine is stuck or gone. SESSION is an\n"
	"id, the beginning of one, or a name ('holdfast sessions').\n"
	"\n"
	"Example: sudo holdfast kill all\n";

struct control {
	const char *cmd, *done;
	bool json;
	unsigned failed;
};

static int on_line(void *ctx, const char *line)
{
	const struct control *k = ctx;

	if (k->json)
		puts(line);
	return 0;
}

/* Waits at most 2 s for the last process: what sleeps uninterruptibly dies only when it wakes. */
static int wait_empty(const struct hf_cgroup *c)
{
	const struct timespec rest = { 0, 20000000 };

	for (int i = 0; i < 100; i++) {
		int r = hf_cgroup_populated(c);

		if (r <= 0)
			return r == -ENOENT || r == -ENODEV ? 0 : r;
		nanosleep(&rest, NULL);
	}
	return -EBUSY;
}

/* Past the engine: writes the cgroup's own kill switch. */
static int kill_cgroup(uint64_t session, char *err, size_t cap)
{
	struct hf_cgroup c = { .dir_fd = -1 };
	char root[3000];
	int r = hf_cgroup_root(root, sizeof(root));

	if (r < 0) {
		snprintf(err, cap, "no cgroup2 is mounted: %s", strerror(-r));
		return r;
	}
	snprintf(c.path, sizeof(c.path), "%s/holdfast/%016llx", root, (unsigned long long)session);
	c.dir_fd = open(c.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (c.dir_fd < 0) {
		r = -errno;
		snprintf(err, cap, "%.300s: %s", c.path, strerror(-r));
		return r;
	}
	r = hf_cgroup_kill(&c);
	if (r == 0)
		r = wait_empty(&c);
	if (r < 0)
		snprintf(err, cap, "%.300s: %s", c.path, r == -EBUSY ? "processes are still ending" : strerror(-r));
	close(c.dir_fd);
	return r;
}

static void say_json(const struct hf_cli_target *t, const char *how)
{
	char buf[512];
	struct hf_jsonw w;

	hf_jsonw_init(&w, buf, sizeof(buf));
	hf_jsonw_obj(&w, NULL);
	hf_jsonw_hex64(&w, "id", t->session);
	hf_jsonw_strz(&w, "state", "killed");
	hf_jsonw_strz(&w, "by", how);
	hf_jsonw_end_obj(&w);
	printf("%.*s\n", (int)w.n, buf);
}

static void one(struct control *k, const struct hf_cli_target *t)
{
	char req[128], err[256] = "its engine is gone", err2[512];
	const char *name = t->name[0] ? t->name : "(name unknown)";
	int r = -ENOENT;

	snprintf(req, sizeof(req), "{\"cmd\":\"%s\",\"id\":\"%016llx\"}", k->cmd, (unsigned long long)t->session);
	/* One that did not tell its name in time gets a short second chance. */
	if (t->socket[0])
		r = hf_ctl_call(t->socket, req, t->silent ? 500 : HF_CLI_TIMEOUT_MS, on_line, k, err, sizeof(err));
	if (r >= 0) {
		if (!k->json)
			printf("%s %016llx %s\n", k->done, (unsigned long long)t->session, name);
		return;
	}
	/* -EPERM is an answer (a watched process asks); anything else means that the engine can't do it. */
	if (strcmp(k->cmd, "kill") != 0 || r == -EPERM) {
		hf_cli_fail(k->cmd, "%016llx %s: %s", (unsigned long long)t->session, name, err);
		k->failed++;
		return;
	}
	if (kill_cgroup(t->session, err2, sizeof(err2)) < 0) {
		hf_cli_fail(k->cmd, "%016llx %s: %s; then %s", (unsigned long long)t->session, name, err, err2);
		k->failed++;
	} else if (k->json) {
		say_json(t, "cgroup");
	} else {
		printf("killed %016llx %s by its cgroup (%s)\n", (unsigned long long)t->session, name, err);
	}
}

static int control(int argc, char **argv, const char *done, const char *usage)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	struct control k = { .cmd = argv[0], .done = done };
	struct hf_cli_targets ts = { 0 };
	int o;

	optind = 1;
	while ((o = hf_cli_getopt(argc, argv, options)) != -1) {
		if (o == '?')
			return 2;
		if (o == 'h') {
			fputs(usage, stdout);
			return hf_cli_end(k.cmd, 0);
		}
		k.json = true;
	}
	if (optind + 1 != argc)
		return hf_cli_usage(k.cmd, "%s", optind == argc ? "needs a session, or all" : "takes one session, or all");
	if (hf_cli_need_root(argc, argv))
		return 1;
	if (hf_cli_find_sessions(k.cmd, argv[optind], strcmp(k.cmd, "kill") == 0, &ts))
		return 1;
	for (unsigned i = 0; i < ts.n; i++)
		one(&k, &ts.t[i]);
	if (ts.dropped)
		return hf_cli_fail(k.cmd, "%u more sessions were left out; run it again", ts.dropped);
	if (!ts.n && !k.json)
		puts("no session is running");
	return hf_cli_end(k.cmd, k.failed ? 1 : 0);
}

int hf_cmd_pause(int argc, char **argv)
{
	return control(argc, argv, "paused", usage_pause);
}

int hf_cmd_resume(int argc, char **argv)
{
	return control(argc, argv, "resumed", usage_resume);
}

int hf_cmd_kill(int argc, char **argv)
{
	return control(argc, argv, "killed", usage_kill);
}
