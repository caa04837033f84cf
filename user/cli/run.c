/* SPDX-License-Identifier: Apache-2.0 */
/* holdfast run: options to struct hf_run_options. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/capable.h"
#include "cli/cli.h"
#include "engine/rules_load.h"
#include "engine/run.h"
#include "guard/cgroup.h"

#define SYSTEM_RULES "/etc/holdfast/rules"

static const char usage[] =
	"Usage: holdfast run [OPTION]... [--] CMD [ARG]...\n"
	"Runs CMD watched: what the rules call risky is held before it takes effect until a person decides.\n"
	"\n"
	"  -n, --name NAME          name of the session (default: CMD's base name)\n"
	"  -u, --user USER          run CMD as USER (default: the invoking user under sudo)\n"
	"  -r, --rules PATH         rule file or tree, may be repeated (default: " SYSTEM_RULES ",\n"
	"                           else " HF_RULES_DIR ")\n"
	"      --ask tty|socket     where to ask (default: the terminal if there is one)\n"
	"      --on-hold ask|deny|allow\n"
	"                           what to do with a hold (default: ask)\n"
	"      --timeout TIME       how long a hold waits, e.g. 90s, 5m (default: 120s)\n"
	"      --on-timeout deny|allow   (default: deny)\n"
	"      --pause session|process   what stands still while a hold waits (default: session)\n"
	"      --journal FILE       (default: /var/lib/holdfast/DATE-NAME-ID.jsonl)\n"
	"      --no-explain         do not say on the process's stderr why it was denied\n"
	"      --allow-setuid       run CMD without no_new_privs: set-uid programs work\n"
	"      --kill-descendants   end what still runs when CMD ends (default: it stays watched)\n"
	"      --verdict LEVEL=VERDICT   default verdict of a rule level, e.g. medium=hold\n"
	"      --values FILE        YAML map: values of the placeholders (%name%) of |expand\n"
	"  -q, --quiet              no closing line\n"
	"\n"
	"Exit status: CMD's own, 128+N after signal N; 125 Holdfast failed, 126 CMD cannot be run, 127 CMD not\n"
	"found, 2 bad usage.\n"
	"\n"
	"Example: sudo holdfast run -n codex -- codex exec 'fix the failing test'\n";

enum { OPT_ASK = 256, OPT_ON_HOLD, OPT_TIMEOUT, OPT_ON_TIMEOUT, OPT_PAUSE, OPT_JOURNAL, OPT_NO_EXPLAIN, OPT_ALLOW_SETUID, OPT_KILL,
       OPT_VERDICT, OPT_VALUES };

static const struct option longopts[] = {
	{ "name", required_argument, NULL, 'n' },
	{ "user", required_argument, NULL, 'u' },
	{ "rules", required_argument, NULL, 'r' },
	{ "ask", required_argument, NULL, OPT_ASK },
	{ "on-hold", required_argument, NULL, OPT_ON_HOLD },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "on-timeout", required_argument, NULL, OPT_ON_TIMEOUT },
	{ "pause", required_argument, NULL, OPT_PAUSE },
	{ "journal", required_argument, NULL, OPT_JOURNAL },
	{ "no-explain", no_argument, NULL, OPT_NO_EXPLAIN },
	{ "allow-setuid", no_argument, NULL, OPT_ALLOW_SETUID },
	{ "kill-descendants", no_argument, NULL, OPT_KILL },
	{ "verdict", required_argument, NULL, OPT_VERDICT },
	{ "values", required_argument, NULL, OPT_VALUES },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

#define RULES_MAX 64
#define VERDICTS_MAX 16
struct parsed {
	struct hf_run_options o;
	const char *rules[RULES_MAX];
	const char *verdict[VERDICTS_MAX];
	unsigned nverdict;
	const char *values;
};

/* Which of the words; -1 when none, and the message names them. */
static int one_of(const char *opt, const char *arg, const char *const *words, int n)
{
	char list[128] = "";
	size_t len = 0;

	for (int i = 0; i < n; i++)
		if (!strcmp(arg, words[i]))
			return i;
	for (int i = 0; i < n && len < sizeof(list); i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", i == 0 ? "" : i == n - 1 ? " or " : ", ", words[i]);
	hf_cli_usage("run", "--%s %s: must be %s", opt, arg, list);
	return -1;
}

static int parse_time(const char *arg, uint64_t *ret_ns)
{
	char *end;
	unsigned long v;
	uint64_t unit = 1000000000ull;

	errno = 0;
	v = strtoul(arg, &end, 10);
	if (!strcmp(end, "ms"))
		unit = 1000000ull;
	else if (!strcmp(end, "m"))
		unit *= 60;
	else if (!strcmp(end, "h"))
		unit *= 3600;
	else if (*end && strcmp(end, "s"))
		v = 0;
	if (errno || end == arg || *arg == '-' || v == 0 || v > 604800000ul || v * unit > 604800ull * 1000000000ull) {
		hf_cli_usage("run", "--timeout %s: must be a time such as 90s, 5m or 500ms, at most 7 days", arg);
		return -EINVAL;
	}
	*ret_ns = v * unit;
	return 0;
}

static int parse_choice(struct parsed *p, int c, const char *arg)
{
	static const char *const ask[] = { "tty", "socket" };
	static const char *const on_hold[] = { "ask", "deny", "allow" };
	static const char *const on_timeout[] = { "deny", "allow" };
	static const char *const pause_what[] = { "session", "process" };
	int i;

	switch (c) {
	case OPT_ASK:
		i = one_of("ask", arg, ask, 2);
		p->o.ask = i == 0 ? HF_ASK_TTY : HF_ASK_SOCKET;
		break;
	case OPT_ON_HOLD:
		i = one_of("on-hold", arg, on_hold, 3);
		p->o.on_hold = i < 0 ? HF_ON_HOLD_ASK : (enum hf_on_hold)i;
		break;
	case OPT_ON_TIMEOUT:
		i = one_of("on-timeout", arg, on_timeout, 2);
		p->o.timeout_allows = i == 1;
		break;
	default:
		i = one_of("pause", arg, pause_what, 2);
		p->o.pause_session = i == 0;
		break;
	}
	return i < 0 ? -EINVAL : 0;
}

static int parse_list(const char *opt, const char **list, unsigned *n, unsigned max, const char *arg)
{
	if (*n == max) {
		hf_cli_usage("run", "more than %u %s", max, opt);
		return -EINVAL;
	}
	list[(*n)++] = arg;
	return 0;
}

static int parse_one(struct parsed *p, int c, const char *arg)
{
	switch (c) {
	case 'n':
		p->o.name = arg;
		return 0;
	case 'u':
		p->o.user = arg;
		return 0;
	case 'r':
		return parse_list("-r", p->rules, &p->o.nrules, RULES_MAX, arg);
	case OPT_VERDICT:
		return parse_list("--verdict", p->verdict, &p->nverdict, VERDICTS_MAX, arg);
	case 'q':
		p->o.quiet = true;
		return 0;
	case OPT_TIMEOUT:
		return parse_time(arg, &p->o.timeout_ns);
	case OPT_JOURNAL:
		p->o.journal = arg;
		return 0;
	case OPT_VALUES:
		p->values = arg;
		return 0;
	case OPT_NO_EXPLAIN:
		p->o.explain = false;
		return 0;
	case OPT_ALLOW_SETUID:
		p->o.allow_setuid = true;
		return 0;
	case OPT_KILL:
		p->o.kill_descendants = true;
		return 0;
	case OPT_ASK:
	case OPT_ON_HOLD:
	case OPT_ON_TIMEOUT:
	case OPT_PAUSE:
		return parse_choice(p, c, arg);
	default:
		return -EINVAL;		/* hf_cli_getopt_short() has said what */
	}
}

static int default_rules(struct parsed *p)
{
	static const char *const places[] = { SYSTEM_RULES, HF_RULES_DIR };

	for (size_t i = 0; i < 2; i++)
		if (access(places[i], R_OK) == 0) {
			p->rules[p->o.nrules++] = places[i];
			return 0;
		}
	hf_cli_fail("run", "no rules: neither %s nor %s is there; name some with -r", places[0], places[1]);
	return -ENOENT;
}

static void warn(void *ctx, const char *text)
{
	fprintf(stderr, "holdfast: warning: %s\n", text);
}

static int load_rules(struct parsed *p, struct hf_ruleset **ret)
{
	struct hf_rule_error re = { 0 };
	const struct hf_rules_source src = { .paths = p->o.rules, .npaths = p->o.nrules, .verdicts = p->verdict,
					     .nverdicts = p->nverdict, .values = p->values, .warn = warn };
	int r = hf_rules_read(&src, ret, &re);

	if (r < 0)
		hf_cli_fail("run", "%s", re.text[0] ? re.text : strerror(-r));
	else if (hf_ruleset_count(*ret) == 0)
		fprintf(stderr, "holdfast: warning: no rule was loaded: nothing will be held\n");
	return r;
}

/* A thread has one seccomp listener at most, and what a session's process starts is that session's to hold. */
static bool run_is_nested(void)
{
	uint64_t s;

	if (hf_cgroup_session_of(getpid(), &s) != 1)
		return false;
	fprintf(stderr, "holdfast run: this is inside session %016" PRIx64 " already: a session cannot hold another one\n", s);
	return true;
}

int hf_cmd_run(int argc, char **argv)
{
	struct parsed p = { .o = { .timeout_ns = 120ull * 1000000000, .pause_session = true, .explain = true } };
	struct hf_ruleset *rs = NULL;
	int c, rc;

	p.o.rules = p.rules;
	optind = 1;
	while ((c = hf_cli_getopt_short(argc, argv, "+:hn:u:r:q", longopts)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return hf_cli_end("run", 0);
		}
		if (parse_one(&p, c, optarg) < 0)
			return 2;
	}
	if (optind >= argc)
		return hf_cli_usage("run", "no command given, such as: holdfast run -- bash");
	p.o.argv = argv + optind;
	if (p.o.nrules == 0 && default_rules(&p) < 0)
		return 2;
	rc = load_rules(&p, &rs);
	if (rc < 0)
		return rc == -ENOMEM ? 125 : 2;
	rc = run_is_nested() || hf_cli_capable("run") < 0 ? 125 : hf_run(&p.o, rs);
	hf_ruleset_free(&rs);
	return rc;
}
