// SPDX-License-Identifier: Apache-2.0
/* holdfast show: a journal for people. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/cli.h"
#include "core/show.h"
#include "engine/journal_open.h"

static const char usage[] =
	"Usage: holdfast show [OPTION]... SESSION|JOURNAL\n"
	"Shows what a session did. SESSION is its id (or the first four digits and more) or its name; JOURNAL is\n"
	"a file, - is standard input. A running session shows what its journal holds by now.\n"
	"\n"
	"      --timeline     in order of time; runs of similar actions are one line (default)\n"
	"      --tree         as a tree of processes; equal parts are drawn once\n"
	"      --json         the journal's own lines\n"
	"  -a, --all          every action and every process on its own line\n"
	"  -w, --wall         clock time (UTC) instead of time since the start\n"
	"  -p, --pid PID      only this process (findings, holds, decisions and gaps stay)\n"
	"  -t, --text BYTES   length of the commands and paths shown (default 160)\n"
	"      --window MS    time within which similar actions become one line (default 1000)\n"
	"\n"
	"Exit status: 0; 1 the journal has wrong lines (they are named; see `holdfast verify`); 2 cannot be read.\n"
	"\n"
	"Example: sudo holdfast show --tree demo\n"
	"         holdfast show --json session.jsonl | jq 'select(.type == \"finding\")'\n";

struct showing {
	bool json;
	struct hf_show *show;
	unsigned wrong;
};

static void out(void *ctx, struct hf_str text)
{
	fwrite(text.p, 1, text.n, stdout);
}

static int on_line(void *ctx, struct hf_journal_reader *r, struct hf_str line, int rc, const struct hf_line *l, const char *why)
{
	struct showing *s = ctx;

	if (rc) {
		s->wrong++;
		if (s->show)
			hf_show_remark(s->show, why);
		else
			fprintf(stderr, "holdfast: %s\n", why);
	} else if (s->json) {
		fwrite(line.p, 1, line.n, stdout);
		putchar('\n');
	} else if (hf_show_line(s->show, r, l) < 0) {
		return -ENOMEM;
	}
	return ferror(stdout) ? -EPIPE : 0;
}

static int number(const char *text, uint64_t max, uint64_t *ret)
{
	char *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno || *end || *text < '0' || *text > '9' || v > max)
		return -EINVAL;
	*ret = v;
	return 0;
}

enum { OPT_TIMELINE = 256, OPT_TREE, OPT_JSON, OPT_WINDOW };
static const struct option longopts[] = {
	{ "timeline", no_argument, NULL, OPT_TIMELINE }, { "tree", no_argument, NULL, OPT_TREE }, { "json", no_argument, NULL, OPT_JSON },
	{ "all", no_argument, NULL, 'a' }, { "wall", no_argument, NULL, 'w' }, { "pid", required_argument, NULL, 'p' },
	{ "text", required_argument, NULL, 't' }, { "window", required_argument, NULL, OPT_WINDOW }, { "help", no_argument, NULL, 'h' },
	{ 0 },
};

/* 0 go on, 1 help was shown, -EINVAL. */
static int options(int argc, char **argv, struct hf_show_options *o, bool *json)
{
	uint64_t v;
	int c;

	while ((c = hf_cli_getopt_short(argc, argv, ":hawp:t:", longopts)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return 1;
		}
		if (c == OPT_TIMELINE || c == OPT_TREE) {
			o->view = c == OPT_TREE ? HF_SHOW_TREE : HF_SHOW_TIMELINE;
		} else if (c == OPT_JSON) {
			*json = true;
		} else if (c == 'a') {
			o->all = true;
		} else if (c == 'w') {
			o->wall = true;
		} else if (c == 'p' && number(optarg, UINT32_MAX, &v) == 0) {
			o->pid = (uint32_t)v;
		} else if (c == 't' && number(optarg, 3000, &v) == 0 && v) {
			o->text_max = (unsigned)v;
		} else if (c == OPT_WINDOW && number(optarg, 86400000, &v) == 0) {
			o->window_ns = v ? v * 1000000 : 1;
		} else {
			if (c != '?')
				hf_cli_usage("show", "not a fitting number: %s", optarg);
			return -EINVAL;
		}
	}
	return 0;
}

int hf_cmd_show(int argc, char **argv)
{
	struct hf_show_options o = { 0 };
	struct hf_jopen_result res = { 0 };
	struct showing s = { 0 };
	char path[4096], why[1024];
	int rc;

	optind = 1;
	rc = options(argc, argv, &o, &s.json);

	if (rc > 0)
		return 0;
	if (rc < 0)
		return 2;
	if (optind != argc - 1)
		return hf_cli_usage("show", "%s", optind == argc ? "needs a session or a journal" : "takes one session or journal");
	if (hf_jopen_find(argv[optind], NULL, path, sizeof(path), why, sizeof(why)) < 0) {
		fprintf(stderr, "holdfast show: %s\n", why);
		return 2;
	}
	if (!s.json && !(s.show = hf_show_new(&o, out, NULL))) {
		fputs("holdfast show: out of memory\n", stderr);
		return 2;
	}
	rc = hf_jopen_each(path, on_line, &s, &res, why, sizeof(why));
	if (s.show) {
		hf_show_end(s.show);
		if (rc == 0 && res.cut)
			hf_show_remark(s.show, "the last line is not whole: still being written, or cut off");
		else if (rc == 0 && !res.ended)
			hf_show_remark(s.show, "no end yet: still running, or cut off");
	}
	hf_show_free(&s.show);
	if (fflush(stdout) || ferror(stdout))
		return 2;
	if (rc < 0) {
		fprintf(stderr, "holdfast show: %s\n", rc == -ENOMEM ? "out of memory" : why);
		return 2;
	}
	return s.wrong ? 1 : 0;
}
