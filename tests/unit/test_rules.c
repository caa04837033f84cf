/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shipped rules on whole stories: ordinary work must ask nothing, risky work must be stopped at the action that
 * matters. A story is a few lines, each "PID VERB ARGUMENTS": fork CHILD; exec PATH ARGV...; script PATH INTERPRETER
 * ARGV...; read, write, append, trunc, mkdir, rm PATH; link NEW OLD; mv NEW OLD; chmod MODE PATH; conn IP PORT [udp];
 * unix PATH; kill TARGET SIGNAL; wait SECONDS. In ARGV, '~' stands for a blank inside a word. The agent is process 10,
 * in /home/u/proj.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <sys/stat.h>
#include "check.h"
#include "traj_fixture.h"

#define RULES_MAX (1u << 20)

struct story {
	const char *name, *text;
	const char *agent;	/* its image; NULL: /usr/bin/node */
	const char *rule;	/* risky: part of the title of the rule that stops the last line */
	enum hf_verdict want;	/* risky: verdict of the last line */
};

static void load_dir(struct hf_ruleset *rs, const char *path)
{
	static char text[RULES_MAX];
	struct hf_rule_error err;
	struct dirent *e;
	DIR *d = opendir(path);

	assert_non_null(d);
	while ((e = readdir(d))) {
		char p[4096];
		struct stat st;
		size_t n = strlen(e->d_name);

		snprintf(p, sizeof(p), "%s/%s", path, e->d_name);
		if (e->d_name[0] == '.' || stat(p, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode)) {
			load_dir(rs, p);
		} else if (n > 4 && strcmp(e->d_name + n - 4, ".yml") == 0) {
			FILE *f = fopen(p, "r");

			assert_non_null(f);
			n = fread(text, 1, sizeof(text), f);
			fclose(f);
			assert_true(n < sizeof(text));
			if (hf_ruleset_add(rs, (struct hf_str){ text, n }, p, &err) < 0)
				fail_msg("%s", err.text);
		}
	}
	closedir(d);
}

static struct hf_ruleset *load(void)
{
	struct hf_ruleset *rs = hf_ruleset_new();
	struct hf_rule_error err;

	assert_non_null(rs);
	load_dir(rs, HF_SOURCE_DIR "/rules");
	if (hf_ruleset_finish(rs, &err) < 0)
		fail_msg("%s", err.text);
	return rs;
}

static int setup(void **state)
{
	*state = load();
	return 0;
}

static int teardown(void **state)
{
	struct hf_ruleset *rs = *state;

	hf_ruleset_free(&rs);
	return 0;
}

/* --- the little language --- */

static char *word(char **s)
{
	char *w;

	while (**s == ' ' || **s == '\t')
		(*s)++;
	w = *s;
	while (**s && **s != ' ')
		(*s)++;
	if (**s)
		*(*s)++ = '\0';
	return w;
}

/* The rest of the line as argv, in place. */
static struct hf_str words(char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		s[i] = s[i] == ' ' ? '\0' : s[i] == '~' ? ' ' : s[i];
	return (struct hf_str){ s, n + 1 };
}

static void fill_addr(struct hf_action *a, char *s)
{
	const char *ip = word(&s), *port = word(&s), *proto = word(&s);
	bool v6 = strchr(ip, ':') != NULL;

	a->addr.family = v6 ? AF_INET6 : AF_INET;
	a->addr.port = (uint16_t)atoi(port);
	a->addr.proto = strcmp(proto, "udp") == 0 ? IPPROTO_UDP : IPPROTO_TCP;
	assert_int_equal(inet_pton(a->addr.family, ip, a->addr.ip), 1);
}

static void fill_open(struct hf_action *a, const char *verb, char *s)
{
	a->path = hf_str_of(word(&s));
	if (strcmp(verb, "read") == 0)
		return;
	a->open_flags = O_WRONLY | O_CREAT;
	if (strcmp(verb, "append") == 0)
		a->open_flags |= O_APPEND;
	if (strcmp(verb, "trunc") == 0)
		a->open_flags |= O_TRUNC;
}

static void fill(struct hf_action *a, const char *verb, char *s)
{
	static const struct { const char *verb; enum hf_kind kind; } verbs[] = {
		{ "fork", HF_FORK }, { "exec", HF_EXEC }, { "script", HF_EXEC }, { "read", HF_OPEN },
		{ "write", HF_OPEN }, { "append", HF_OPEN }, { "trunc", HF_OPEN }, { "mkdir", HF_MKDIR },
		{ "rm", HF_UNLINK }, { "link", HF_SYMLINK }, { "mv", HF_RENAME }, { "chmod", HF_CHMOD },
		{ "conn", HF_CONNECT }, { "unix", HF_CONNECT }, { "kill", HF_SIGNAL },
	};
	size_t i = 0;

	while (i < sizeof(verbs) / sizeof(verbs[0]) && strcmp(verbs[i].verb, verb) != 0)
		i++;
	if (i == sizeof(verbs) / sizeof(verbs[0]))
		fail_msg("no verb '%s'", verb);
	a->kind = verbs[i].kind;
	a->flags = HF_ACT_OUTCOME;
	switch (a->kind) {
	case HF_FORK:
		a->child_tgid = a->child_tid = (uint32_t)atoi(word(&s));
		a->child_start_ns = START(a->child_tgid);
		break;
	case HF_EXEC:
		a->path = hf_str_of(word(&s));
		if (strcmp(verb, "script") == 0) {
			a->flags |= HF_ACT_SCRIPT;
			a->interp = hf_str_of(word(&s));
		}
		a->argv = words(s);
		a->cwd = HF_STR("/home/u/proj");
		break;
	case HF_OPEN:
		fill_open(a, verb, s);
		break;
	case HF_CHMOD:
		a->mode = (uint32_t)strtoul(word(&s), NULL, 8);
		a->path = hf_str_of(word(&s));
		break;
	case HF_CONNECT:
		if (strcmp(verb, "conn") == 0) {
			fill_addr(a, s);
		} else {
			a->addr.family = AF_UNIX;
			a->addr.sun_len = (uint16_t)strlen(s);
			memcpy(a->addr.sun, s, a->addr.sun_len);
		}
		break;
	case HF_SIGNAL:
		a->target_tgid = (uint32_t)atoi(word(&s));
		a->signo = atoi(word(&s));
		break;
	default:
		a->path = hf_str_of(word(&s));
		a->path2 = hf_str_of(word(&s));
	}
}

/* Runs one line. Returns whether it was an action. */
static bool line_run(struct world *w, char *line)
{
	struct hf_action a;
	uint32_t pid;
	const char *verb;
	char *s = line;

	pid = (uint32_t)atoi(word(&s));
	verb = word(&s);
	if (strcmp(verb, "wait") == 0) {
		w->now_ns += (uint64_t)atoi(word(&s)) * S_NS;
		return false;
	}
	a = act(w, HF_OTHER, pid);
	fill(&a, verb, s);
	go(w, &a);
	return true;
}

static void blame(const struct story *st, const char *line, const struct hf_judgement *j)
{
	fail_msg("%s: \"%s\": %s by \"%s\"", st->name, line, hf_verdict_name(j->verdict),
		 j->nfindings && j->finding[0].rule ? hf_rule_title(j->finding[0].rule) : "no rule");
}

static void story_run(struct hf_ruleset *rs, const struct story *st, bool risky)
{
	const char *agent = st->agent ? st->agent : "/usr/bin/node";
	char text[8192], shown[1024], *line, *next;
	struct world w = { .rs = rs, .now_ns = 100 * S_NS };

	w.t = hf_traj_new(0xabc, rs, HF_STR("/home/u/proj"), NULL);
	assert_non_null(w.t);
	assert_non_null(hf_traj_recover(w.t, 10, START(10), 1, 1000, hf_str_of(agent), HF_STR("agent\0--go\0"),
					HF_STR("/home/u/proj")));
	assert_true(strlen(st->text) < sizeof(text));
	strcpy(text, st->text);
	for (line = text; *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		snprintf(shown, sizeof(shown), "%s", line);
		if (!line_run(&w, line))
			continue;
		if (*next || !risky) {
			if (w.j.verdict >= HF_HOLD)
				blame(st, shown, &w.j);
			continue;
		}
		if (w.j.verdict != st->want || !w.j.nfindings || !w.j.finding[0].rule ||
		    !strstr(hf_rule_title(w.j.finding[0].rule), st->rule))
			blame(st, shown, &w.j);
	}
	hf_traj_free(&w.t);
}

/* --- ordinary work asks nothing --- */

#include "rules_ordinary.h"

static void ordinary_work_asks_nothing(void **state)
{
	for (size_t i = 0; i < sizeof(ordinary) / sizeof(ordinary[0]); i++)
		story_run(*state, &ordinary[i], false);
}

/* --- risky work is stopped at its last line, and not before --- */

#include "rules_risky.h"

static void risky_work_is_stopped(void **state)
{
	for (size_t i = 0; i < sizeof(risky) / sizeof(risky[0]); i++)
		story_run(*state, &risky[i], true);
}

/* --- each rule can be acted on --- */

static bool is_uuid(const char *s)
{
	for (int i = 0; i < 36; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
			return false;
	return s[36] == '\0' && s[14] == '4';
}

static void rules_are_complete(void **state)
{
	const struct hf_ruleset *rs = *state;
	unsigned n = hf_ruleset_count(rs), stops = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct hf_rule *r = hf_ruleset_get(rs, i);
		const char *why = hf_rule_not_applicable(r);

		if (why)
			fail_msg("%s: not applicable: %s", hf_rule_title(r), why);
		if (!is_uuid(hf_rule_id(r)))
			fail_msg("%s: its id is no random UUID", hf_rule_title(r));
		if (!hf_rule_tag(r, 0) || strncmp(hf_rule_tag(r, 0), "attack.", 7) != 0)
			fail_msg("%s: no ATT&CK tag", hf_rule_title(r));
		if (hf_rule_is_step_only(r) || hf_rule_verdict(r) < HF_HOLD)
			continue;
		stops++;
		if (strlen(hf_rule_guidance(r)) < 20)
			fail_msg("%s: says nothing to the agent", hf_rule_title(r));
	}
	assert_true(stops >= 18);
}

static void one_failed(void *ctx, const struct hf_rule *r, const struct hf_rule_error *err)
{
	print_error("%s: %s\n", hf_rule_title(r), err->text);
}

static void examples_do_what_they_stand_for(void **state)
{
	const struct hf_ruleset *rs = *state;
	unsigned failed = 0;

	for (unsigned i = 0; i < hf_ruleset_count(rs); i++) {
		const struct hf_rule *r = hf_ruleset_get(rs, i);
		struct hf_check c = { 0 };

		assert_int_equal(hf_check_rule(r, one_failed, NULL, &c), 0);
		failed += c.failed;
		if (c.match < 2 || c.pass < 2)
			fail_msg("%s: fewer than two examples of a kind", hf_rule_title(r));
	}
	assert_int_equal(failed, 0);
}

/* Each pattern a guard has to watch on reading costs opens: none may be "everything". */
static int one_glob(void *ctx, const struct hf_rule *r, const char *glob, bool exact)
{
	unsigned *n = ctx;

	(*n)++;
	if (!exact || strlen(glob) < 6)
		fail_msg("%s: its read pattern '%s' would watch everything", hf_rule_title(r), glob);
	return 0;
}

static void reads_to_hold_are_few_and_named(void **state)
{
	unsigned n = 0;

	assert_int_equal(hf_ruleset_read_globs(*state, one_glob, &n), 0);
	assert_in_range(n, 10, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_are_complete),
		cmocka_unit_test(examples_do_what_they_stand_for),
		cmocka_unit_test(ordinary_work_asks_nothing),
		cmocka_unit_test(risky_work_is_stopped),
		cmocka_unit_test(reads_to_hold_are_few_and_named),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
