/* SPDX-License-Identifier: Apache-2.0 */
/* Helpers of the trajectory's tests: rules from text, and a small world of processes that do things. */
#ifndef HF_TRAJ_FIXTURE_H
#define HF_TRAJ_FIXTURE_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "traj.h"

#define S_NS 1000000000ull
#define START(tgid) ((tgid) * 1000000007ull)	/* a start time in ns of a made-up process */
#define UNUSED __attribute__((unused))

struct world {
	struct hf_ruleset *rs;
	struct hf_traj *t;
	uint64_t now_ns;
	struct hf_judgement j;		/* of the last action */
};

UNUSED static void world_open(struct world *w, const char *rules, const struct hf_traj_limits *lim)
{
	struct hf_rule_error err;

	memset(w, 0, sizeof(*w));
	w->rs = hf_ruleset_new();
	assert_non_null(w->rs);
	if ((rules && hf_ruleset_add(w->rs, hf_str_of(rules), "t.yml", &err) < 0) || hf_ruleset_finish(w->rs, &err) < 0)
		fail_msg("%s", err.text);
	w->t = hf_traj_new(0xabc, w->rs, HF_STR("/home/u/proj"), lim);
	assert_non_null(w->t);
	w->now_ns = 100 * S_NS;
}

UNUSED static void world_close(struct world *w)
{
	hf_traj_free(&w->t);
	assert_null(w->t);
	hf_ruleset_free(&w->rs);
}

UNUSED static struct hf_action act(struct world *w, enum hf_kind kind, uint32_t tgid)
{
	w->now_ns += S_NS / 1000;
	return (struct hf_action){ .session = 0xabc, .time_ns = w->now_ns, .kind = kind, .tgid = tgid, .tid = tgid,
				   .start_ns = START(tgid), .uid = 1000, .nr = UINT32_MAX };
}

/* Judges, then commits as it stands. */
UNUSED static const struct hf_judgement *go(struct world *w, const struct hf_action *a)
{
	hf_judge(w->t, a, &w->j);
	hf_traj_commit(w->t, a, &w->j);
	return &w->j;
}

UNUSED static void first(struct world *w, uint32_t tgid)
{
	assert_non_null(hf_traj_recover(w->t, tgid, START(tgid), 1, 1000, HF_STR("/usr/bin/agent"), HF_STR("agent\0--go\0"),
					HF_STR("/home/u/proj")));
}

UNUSED static void forks(struct world *w, uint32_t tgid, uint32_t child)
{
	struct hf_action a = act(w, HF_FORK, tgid);

	a.child_tgid = a.child_tid = child;
	a.child_start_ns = START(child);
	go(w, &a);
}

UNUSED static void exits(struct world *w, uint32_t tgid, int status)
{
	struct hf_action a = act(w, HF_EXIT, tgid);

	a.ret = status;
	go(w, &a);
}

UNUSED static struct hf_action exec_of(struct world *w, uint32_t tgid, const char *path, struct hf_str argv)
{
	struct hf_action a = act(w, HF_EXEC, tgid);

	a.path = hf_str_of(path);
	a.argv = argv;
	a.cwd = HF_STR("/home/u/proj");
	a.flags = HF_ACT_OUTCOME;
	return a;
}

UNUSED static void execs(struct world *w, uint32_t tgid, const char *path, struct hf_str argv)
{
	struct hf_action a = exec_of(w, tgid, path, argv);

	go(w, &a);
}

UNUSED static struct hf_action open_of(struct world *w, uint32_t tgid, const char *path, uint32_t flags)
{
	struct hf_action a = act(w, HF_OPEN, tgid);

	a.path = hf_str_of(path);
	a.open_flags = flags;
	return a;
}

UNUSED static const struct hf_judgement *opens(struct world *w, uint32_t tgid, const char *path, uint32_t flags)
{
	struct hf_action a = open_of(w, tgid, path, flags);

	return go(w, &a);
}

UNUSED static struct hf_action connect_of(struct world *w, uint32_t tgid, uint8_t last_byte)
{
	struct hf_action a = act(w, HF_CONNECT, tgid);

	a.addr = (struct hf_addr){ .family = AF_INET, .port = 443, .proto = IPPROTO_TCP, .ip = { 203, 0, 113, last_byte } };
	return a;
}

UNUSED static const struct hf_judgement *connects(struct world *w, uint32_t tgid)
{
	struct hf_action a = connect_of(w, tgid, 7);

	return go(w, &a);
}

UNUSED static bool found(const struct hf_judgement *j, const char *rule_id)
{
	for (unsigned i = 0; i < j->nfindings; i++)
		if (j->finding[i].rule && strcmp(hf_rule_id(j->finding[i].rule), rule_id) == 0)
			return true;
	return false;
}

/* Does this rule condition match this action now? Loads a rule of its own: for tests of fields. */
UNUSED static bool sees(struct world *w, const char *category, const char *detection, const struct hf_action *a)
{
	char text[2048];
	struct hf_rule_error err;
	bool r;

	hf_traj_free(&w->t);
	hf_ruleset_free(&w->rs);
	w->rs = hf_ruleset_new();
	snprintf(text, sizeof(text), "title: T\nid: it\nlogsource: {product: linux, category: %s}\n"
		 "detection: {s: {%s}, condition: s}\n",
		 category, detection);
	if (hf_ruleset_add(w->rs, hf_str_of(text), "t.yml", &err) < 0 || hf_ruleset_finish(w->rs, &err) < 0)
		fail_msg("%s\n%s", err.text, text);
	w->t = hf_traj_new(0xabc, w->rs, HF_STR("/home/u/proj"), NULL);
	first(w, 10);
	forks(w, 10, 11);
	execs(w, 11, "/bin/bash", HF_STR("bash\0-c\0x\0"));
	forks(w, 11, 12);
	execs(w, 12, "/usr/bin/git", HF_STR("git\0commit\0-m\0a b\0"));
	hf_judge(w->t, a, &w->j);
	r = found(&w->j, "it");
	return r;
}
#endif
