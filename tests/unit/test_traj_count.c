/* SPDX-License-Identifier: Apache-2.0 */
#include "traj_fixture.h"

#define STEP(id, cat, sel) "title: " id "\nid: " id "\nname: " id "\nlogsource: {product: linux, category: " cat "}\n" \
	"detection: {s: {" sel "}, condition: s}\nlevel: low\n---\n"
#define READS STEP("reads", "file_access", "TargetFilename|startswith: /r") STEP("connect", "network_connection", "Initiated: 'true'")
#define COUNT(id, type, steps, group, span, cond) "title: " id "\nid: " id "\nlevel: high\n" \
	"correlation: {type: " type ", rules: [" steps "], group-by: [" group "], timespan: " span ", condition: {" cond "}}\n---\n"

static void setup(struct world *w, const char *rules, const struct hf_traj_limits *lim)
{
	world_open(w, rules, lim);
	first(w, 10);
	forks(w, 10, 11);
	forks(w, 10, 12);
	forks(w, 11, 21);
}

static bool reads(struct world *w, uint32_t tgid, unsigned file, const char *id)
{
	char path[32];

	snprintf(path, sizeof(path), "/r%u", file);
	return found(opens(w, tgid, path, O_RDONLY), id);
}

static void actions_are_counted_within_the_window(void **state)
{
	struct world w;

	setup(&w, READS COUNT("n", "event_count", "reads", "Session", "60s", "gte: 3"), NULL);
	assert_false(reads(&w, 11, 1, "n"));
	w.now_ns += 30 * S_NS;
	assert_false(reads(&w, 12, 1, "n"));
	w.now_ns += 29 * S_NS;
	assert_true(reads(&w, 10, 1, "n"));
	assert_int_equal(w.j.finding[0].nstory, 2);
	assert_string_equal(w.j.finding[0].story[0].summary, "open /r1 (read)");
	assert_int_equal(w.j.finding[0].story[0].tgid, 11);
	assert_int_equal(w.j.finding[0].story[1].tgid, 12);
	assert_true(reads(&w, 10, 1, "n"));		/* and each time again */
	w.now_ns += 58 * S_NS;
	assert_true(reads(&w, 10, 1, "n"));		/* the two of a minute ago */
	w.now_ns += 59 * S_NS;
	assert_false(reads(&w, 10, 1, "n"));
	assert_false(found(&w.j, "reads"));		/* a step alone is no finding */
	world_close(&w);
}

static void judging_counts_nothing(void **state)
{
	struct world w;
	struct hf_action a;

	setup(&w, READS COUNT("n", "event_count", "reads", "Session", "60s", "gte: 2"), NULL);
	a = open_of(&w, 11, "/r", O_RDONLY);
	for (unsigned i = 0; i < 5; i++) {
		hf_judge(w.t, &a, &w.j);
		assert_false(found(&w.j, "n"));
	}
	a.flags = HF_ACT_ASKED | HF_ACT_DENIED;
	go(&w, &a);
	assert_false(reads(&w, 11, 1, "n"));		/* nor does what was denied */
	assert_true(reads(&w, 11, 1, "n"));
	world_close(&w);
}

static void every_comparison_holds(void **state)
{
	static const struct {
		const char *cond;
		bool at[5];
	} t[] = {
		{ "gt: 3", { 0, 0, 0, 1, 1 } }, { "gte: 3", { 0, 0, 1, 1, 1 } }, { "lt: 3", { 1, 1, 0, 0, 0 } },
		{ "lte: 3", { 1, 1, 1, 0, 0 } }, { "eq: 3", { 0, 0, 1, 0, 0 } }, { "neq: 3", { 1, 1, 0, 1, 1 } },
		{ "gt: 1, lt: 4", { 0, 1, 1, 0, 0 } },
	};
	char rules[1024];
	struct world w;

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		snprintf(rules, sizeof(rules), READS COUNT("n", "event_count", "reads, connect", "Session", "60s", "%s"), t[i].cond);
		setup(&w, rules, NULL);
		for (unsigned k = 0; k < 5; k++) {
			bool got = k % 2 ? found(connects(&w, 11), "n") : reads(&w, 11, k, "n");

			if (got != t[i].at[k])
				fail_msg("%s, action %u: %d", t[i].cond, k + 1, got);
		}
		world_close(&w);
	}
}

static void groups_count_apart(void **state)
{
	struct world w;

	setup(&w, READS COUNT("p", "event_count", "reads", "Process", "60s", "gte: 3") COUNT("l", "event_count", "reads", "Lineage", "60s", "gte: 3")
	      COUNT("f", "event_count", "reads", "TargetFilename", "60s", "gte: 2"), NULL);
	assert_false(reads(&w, 11, 1, "f"));
	reads(&w, 11, 2, "");
	assert_false(found(&w.j, "p") || found(&w.j, "l") || found(&w.j, "f"));
	reads(&w, 12, 3, "");
	assert_false(found(&w.j, "p") || found(&w.j, "l"));
	reads(&w, 21, 3, "");				/* child of 11: the third of its line */
	assert_false(found(&w.j, "p"));
	assert_true(found(&w.j, "l") && found(&w.j, "f"));
	reads(&w, 11, 4, "");
	assert_true(found(&w.j, "p") && found(&w.j, "l"));
	assert_false(found(&w.j, "f"));
	reads(&w, 12, 5, "");
	assert_false(found(&w.j, "p") || found(&w.j, "l"));
	world_close(&w);
}

static void different_values_are_counted(void **state)
{
	struct world w;

	setup(&w, READS COUNT("v", "value_count", "reads", "Session", "60s", "field: TargetFilename, gte: 3")
	      COUNT("two", "value_count", "reads", "Session", "60s", "field: [TargetFilename, ProcessId], gte: 3")
	      COUNT("absent", "value_count", "reads", "Session", "60s", "field: DestinationIp, gte: 1"), NULL);
	for (unsigned i = 0; i < 5; i++)
		assert_false(reads(&w, 11, 1, "v"));
	assert_false(found(&w.j, "two"));
	reads(&w, 12, 1, "");
	reads(&w, 21, 1, "");
	assert_false(found(&w.j, "v"));
	assert_true(found(&w.j, "two"));
	assert_false(reads(&w, 11, 2, "v"));
	w.now_ns += 40 * S_NS;
	assert_false(reads(&w, 11, 1, "v"));		/* seen again: it counts from now on */
	w.now_ns += 30 * S_NS;
	assert_false(reads(&w, 11, 3, "v"));		/* 2 is too old */
	assert_true(reads(&w, 11, 2, "v"));
	assert_false(found(&w.j, "absent"));		/* no action has one */
	world_close(&w);
}

static const struct hf_judgement *connects_port(struct world *w, uint16_t port)
{
	struct hf_action a = connect_of(w, 11, 7);

	a.addr.port = port;
	return go(w, &a);
}

static void numbers_are_taken_together(void **state)
{
#define M(id, type, cond) COUNT(id, type, "connect", "Session", "60s", "field: DestinationPort, " cond)
	static const uint16_t port[] = { 100, 300, 200, 900, 50 };
	static const struct {
		const char *id;
		bool at[5];
	} t[] = {
		{ "sum", { 0, 0, 1, 1, 1 } },		/* 100 400 600 1500 1550 */
		{ "avg", { 0, 0, 0, 1, 1 } },		/* 100 200 200 375 310 */
		{ "min", { 0, 0, 0, 0, 1 } }, { "max", { 0, 0, 0, 1, 1 } },
		{ "median", { 0, 0, 1, 1, 1 } },	/* 100 100 200 200 200 */
		{ "p90", { 0, 0, 0, 1, 1 } },
		{ "rare", { 0, 0, 0, 1, 1 } },		/* each a quarter, then a fifth */
		{ "word", { 0, 0, 0, 0, 0 } },
	};
	struct world w;

	setup(&w, READS M("sum", "value_sum", "gt: 500") M("avg", "value_avg", "gte: 250.5") M("min", "value_min", "lte: 50")
	      M("max", "value_max", "gt: 300") M("median", "value_percentile", "percentile: 50, gte: 200")
	      M("p90", "value_percentile", "percentile: 90, gt: 300") M("rare", "value_percentile", "lte: 25")
	      COUNT("word", "value_sum", "connect", "Session", "60s", "field: Protocol, gte: 0"), NULL);
	for (unsigned k = 0; k < 5; k++) {
		connects_port(&w, port[k]);
		for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++)
			if (found(&w.j, t[i].id) != t[i].at[k])
				fail_msg("%s, action %u", t[i].id, k + 1);
	}
	world_close(&w);
}

static void aliases_name_the_same_thing(void **state)
{
	struct world w;
	struct hf_action a;

	setup(&w, STEP("make", "file_event", "Action: rename") STEP("use", "file_access", "Action: open")
	      "title: t\nid: t\ncorrelation: {type: temporal, rules: [make, use], group-by: [f], timespan: 60s,\n"
	      "  aliases: {f: {make: SourceFilename, use: TargetFilename}}}\n---\n"
	      "title: o\nid: o\ncorrelation: {type: temporal_ordered, rules: [make, use], group-by: [f], timespan: 60s,\n"
	      "  aliases: {f: {make: SourceFilename, use: TargetFilename}}}\n---\n"
	      "title: c\nid: c\ncorrelation: {type: event_count, rules: [make, use], group-by: [f], timespan: 60s, condition: {gte: 3},\n"
	      "  aliases: {f: {make: SourceFilename, use: TargetFilename}}}\n", NULL);
	a = act(&w, HF_RENAME, 11);
	a.path = HF_STR("/new");
	a.path2 = HF_STR("/old");
	go(&w, &a);
	opens(&w, 12, "/new", O_RDONLY);
	assert_false(found(&w.j, "t") || found(&w.j, "o") || found(&w.j, "c"));
	opens(&w, 12, "/old", O_RDONLY);
	assert_true(found(&w.j, "t") && found(&w.j, "o"));
	assert_false(found(&w.j, "c"));
	opens(&w, 12, "/old", O_RDONLY);
	assert_true(found(&w.j, "c"));
	a = act(&w, HF_RENAME, 11);
	a.path = HF_STR("/x");
	a.path2 = HF_STR("/new");
	go(&w, &a);
	assert_true(found(&w.j, "t"));
	assert_false(found(&w.j, "o"));
	world_close(&w);
}

static void correlations_are_steps_of_others(void **state)
{
	struct world w;

	setup(&w, "title: outer2\nid: outer2\ncorrelation: {type: event_count, rules: [outer], timespan: 1h, condition: {gte: 2}, generate: true}\n---\n"
	      "title: outer\nid: outer\nlevel: high\ncorrelation: {type: temporal_ordered, rules: [many, connect], timespan: 60s}\n---\n"
	      COUNT("many", "event_count", "reads", "Process", "10s", "gte: 3") READS, NULL);
	for (unsigned i = 0; i < 4; i++)
		reads(&w, 11 + i % 2, i, "");
	assert_false(found(connects(&w, 10), "outer"));
	reads(&w, 11, 9, "");
	assert_false(found(&w.j, "many"));		/* a step alone is no finding, a correlation neither */
	assert_true(found(connects(&w, 10), "outer"));
	assert_false(found(&w.j, "outer2"));
	assert_int_equal(w.j.finding[0].nstory, 1);
	assert_true(found(connects(&w, 10), "outer2"));
	w.now_ns += 61 * S_NS;
	assert_false(found(connects(&w, 10), "outer"));
	world_close(&w);
}

static void temporal_may_want_fewer_than_all(void **state)
{
	struct world w;

	setup(&w, STEP("a", "file_access", "TargetFilename: /a") STEP("b", "file_access", "TargetFilename: /b")
	      STEP("c", "file_access", "TargetFilename: /c")
	      COUNT("two", "temporal", "a, b, c", "Session", "60s", "gte: 2") COUNT("one", "temporal", "a, b, c", "Session", "60s", "eq: 1"), NULL);
	opens(&w, 11, "/a", O_RDONLY);
	assert_false(found(&w.j, "two"));
	assert_true(found(&w.j, "one"));
	opens(&w, 11, "/a", O_RDONLY);
	assert_false(found(&w.j, "two"));
	opens(&w, 11, "/c", O_RDONLY);
	assert_true(found(&w.j, "two"));
	assert_false(found(&w.j, "one"));
	world_close(&w);
}

/* An agent that makes groups without end must not make its own count be forgotten. */
static void what_is_forgotten_counts_for_all(void **state)
{
	const struct hf_traj_limits lim = { .groups = 16, .samples = 16 };
	struct world w;

	setup(&w, READS COUNT("p", "event_count", "reads", "Process", "60s", "gte: 4")
	      COUNT("v", "value_count", "reads", "Process", "60s", "field: TargetFilename, gte: 4"), &lim);
	for (unsigned i = 0; i < 3; i++)
		assert_false(reads(&w, 11, i, "p"));
	assert_false(found(&w.j, "v"));
	for (uint32_t i = 100; i < 500; i++) {
		forks(&w, 10, i);
		reads(&w, i, i, "");
	}
	assert_true(hf_traj_stats(w.t)->forgotten_groups > 0);
	reads(&w, 11, 7, "");
	assert_true(found(&w.j, "p") && found(&w.j, "v"));
	w.now_ns += 61 * S_NS;
	reads(&w, 11, 8, "");
	assert_false(found(&w.j, "p") || found(&w.j, "v"));
	world_close(&w);
}

static void many_numbers_keep_their_sum(void **state)
{
	const struct hf_traj_limits lim = { .past = 16 };
	struct world w;

	setup(&w, READS M("sum", "value_sum", "gte: 3001") M("max", "value_max", "gt: 1") M("min", "value_min", "lt: 1"), &lim);
	connects_port(&w, 2);
	for (unsigned i = 1; i < 2999; i++) {
		connects_port(&w, 1);
		assert_false(found(&w.j, "sum"));
		assert_true(found(&w.j, "max"));
	}
	connects_port(&w, 1);
	assert_true(found(&w.j, "sum"));
	assert_int_equal(w.j.finding[0].nstory <= HF_STORY_MAX, 1);
	assert_true(hf_traj_stats(w.t)->cut_windows > 0);
	connects_port(&w, 0);
	assert_true(found(&w.j, "min"));
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(actions_are_counted_within_the_window),
		cmocka_unit_test(judging_counts_nothing),
		cmocka_unit_test(every_comparison_holds),
		cmocka_unit_test(groups_count_apart),
		cmocka_unit_test(different_values_are_counted),
		cmocka_unit_test(numbers_are_taken_together),
		cmocka_unit_test(aliases_name_the_same_thing),
		cmocka_unit_test(correlations_are_steps_of_others),
		cmocka_unit_test(temporal_may_want_fewer_than_all),
		cmocka_unit_test(what_is_forgotten_counts_for_all),
		cmocka_unit_test(many_numbers_keep_their_sum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
