/* SPDX-License-Identifier: Apache-2.0 */
#include "traj_fixture.h"

#define STEP(id, cat, sel) "title: " id "\nid: " id "\nname: " id "\nlogsource: {product: linux, category: " cat "}\n" \
	"detection: {s: {" sel "}, condition: s}\nlevel: low\n---\n"
#define CORR(id, type, steps, group, span) "title: " id "\nid: " id "\nlevel: high\n" \
	"correlation: {type: " type ", rules: [" steps "], group-by: [" group "], timespan: " span "}\n"
#define A_B_C STEP("a", "file_access", "TargetFilename: /a") STEP("b", "file_access", "TargetFilename: /b") \
	STEP("c", "network_connection", "Initiated: 'true'")

static void setup(struct world *w, const char *rules, const struct hf_traj_limits *lim)
{
	world_open(w, rules, lim);
	first(w, 10);
	forks(w, 10, 11);
	forks(w, 10, 12);
	forks(w, 11, 21);
}

static const struct hf_finding *finding(const struct hf_judgement *j, const char *id)
{
	for (unsigned i = 0; i < j->nfindings; i++)
		if (j->finding[i].rule && strcmp(hf_rule_id(j->finding[i].rule), id) == 0)
			return &j->finding[i];
	return NULL;
}

static void steps_in_order_complete_it(void **state)
{
	struct world w;
	const struct hf_finding *f;

	setup(&w, A_B_C CORR("abc", "temporal_ordered", "a, b, c", "Session", "60s"), NULL);
	assert_null(finding(connects(&w, 11), "abc"));
	opens(&w, 11, "/b", O_RDONLY);
	opens(&w, 12, "/a", O_RDONLY);
	assert_null(finding(connects(&w, 11), "abc"));		/* b before a */
	opens(&w, 21, "/b", O_RDONLY);
	f = finding(connects(&w, 10), "abc");
	assert_non_null(f);
	assert_int_equal(f->verdict, HF_HOLD);
	assert_string_equal(f->why, "matched");
	assert_int_equal(w.j.verdict, HF_HOLD);
	assert_int_equal(f->nstory, 2);
	assert_string_equal(f->story[0].summary, "open /a (read)");
	assert_int_equal(f->story[0].tgid, 12);
	assert_string_equal(f->story[1].summary, "open /b (read)");
	assert_non_null(finding(connects(&w, 10), "abc"));	/* and each time again */
	assert_null(finding(&w.j, "a"));			/* steps alone are no findings */
	world_close(&w);
}

static void judging_changes_nothing(void **state)
{
	struct world w;
	struct hf_action a;
	struct hf_judgement *again = malloc(sizeof(*again));

	setup(&w, A_B_C CORR("ac", "temporal_ordered", "a, c", "Session", "60s"), NULL);
	a = open_of(&w, 11, "/a", O_RDONLY);
	hf_judge(w.t, &a, &w.j);
	hf_judge(w.t, &a, &w.j);
	assert_null(finding(connects(&w, 11), "ac"));
	go(&w, &a);
	a = connect_of(&w, 11, 7);
	hf_judge(w.t, &a, &w.j);
	hf_judge(w.t, &a, again);
	assert_int_equal(again->verdict, HF_HOLD);
	assert_int_equal(again->nfindings, w.j.nfindings);
	assert_memory_equal(&again->finding[0].story[0], &w.j.finding[0].story[0], sizeof(struct hf_past));
	free(again);
	world_close(&w);
}

static void the_window_counts_from_the_first_step(void **state)
{
	struct world w;

	setup(&w, A_B_C CORR("abc", "temporal_ordered", "a, b, c", "Session", "60s"), NULL);
	opens(&w, 11, "/a", O_RDONLY);
	w.now_ns += 50 * S_NS;
	opens(&w, 11, "/b", O_RDONLY);
	w.now_ns += 9 * S_NS;
	assert_non_null(finding(connects(&w, 11), "abc"));
	w.now_ns += 2 * S_NS;
	assert_null(finding(connects(&w, 11), "abc"));
	opens(&w, 11, "/b", O_RDONLY);				/* a is too old to build on */
	assert_null(finding(connects(&w, 11), "abc"));
	world_close(&w);
}

static void the_newest_beginning_is_kept(void **state)
{
	struct world w;
	const struct hf_finding *f;

	setup(&w, A_B_C CORR("abc", "temporal_ordered", "a, b, c", "Session", "60s"), NULL);
	opens(&w, 11, "/a", O_RDONLY);
	opens(&w, 11, "/b", O_RDONLY);
	w.now_ns += 40 * S_NS;
	opens(&w, 12, "/a", O_RDONLY);
	w.now_ns += 10 * S_NS;
	f = finding(connects(&w, 11), "abc");			/* the old chain holds: the new a has no b yet */
	assert_non_null(f);
	assert_int_equal(f->story[0].tgid, 11);
	opens(&w, 11, "/b", O_RDONLY);
	w.now_ns += 45 * S_NS;
	f = finding(connects(&w, 11), "abc");
	assert_non_null(f);
	assert_int_equal(f->story[0].tgid, 12);
	world_close(&w);
}

static void one_action_is_not_two_steps(void **state)
{
	struct world w;

	setup(&w, STEP("x", "file_access", "TargetFilename|startswith: /a")
	      STEP("y", "file_access", "TargetFilename|endswith: a")
	      CORR("xy", "temporal_ordered", "x, y", "Session", "60s") "---\n"
	      CORR("xyx", "temporal_ordered", "x, y, x", "Session", "60s"), NULL);
	assert_null(finding(opens(&w, 11, "/aa", O_RDONLY), "xy"));
	assert_non_null(finding(opens(&w, 11, "/aa", O_RDONLY), "xy"));
	assert_null(finding(&w.j, "xyx"));
	assert_non_null(finding(opens(&w, 11, "/aa", O_RDONLY), "xyx"));
	world_close(&w);
}

static void groups_keep_apart(void **state)
{
	struct world w;
	struct hf_action a;

	setup(&w, A_B_C CORR("s", "temporal_ordered", "a, c", "Session", "60s") "---\n"
	      CORR("p", "temporal_ordered", "a, c", "Process", "60s") "---\n"
	      CORR("l", "temporal_ordered", "a, c", "Lineage", "60s") "---\n"
	      CORR("f", "temporal_ordered", "a, c", "ProcessId", "60s"), NULL);
	opens(&w, 11, "/a", O_RDONLY);
	connects(&w, 11);
	assert_non_null(finding(&w.j, "s"));
	assert_non_null(finding(&w.j, "p"));
	assert_non_null(finding(&w.j, "l"));
	assert_non_null(finding(&w.j, "f"));
	connects(&w, 21);					/* child of 11 */
	assert_non_null(finding(&w.j, "s"));
	assert_null(finding(&w.j, "p"));
	assert_non_null(finding(&w.j, "l"));
	assert_null(finding(&w.j, "f"));
	connects(&w, 12);					/* its sibling */
	assert_non_null(finding(&w.j, "s"));
	assert_null(finding(&w.j, "l"));
	connects(&w, 10);					/* its parent */
	assert_null(finding(&w.j, "l"));

	forks(&w, 11, 31);					/* the process's pid again, another start */
	exits(&w, 11, 0);
	a = act(&w, HF_FORK, 10);
	a.child_tgid = a.child_tid = 11;
	a.child_start_ns = START(11) + 5 * S_NS;
	go(&w, &a);
	a = connect_of(&w, 11, 7);
	a.start_ns = START(11) + 5 * S_NS;
	go(&w, &a);
	assert_null(finding(&w.j, "p"));
	assert_null(finding(&w.j, "l"));
	world_close(&w);
}

static void lineage_joins_steps_of_many(void **state)
{
	struct world w;

	setup(&w, A_B_C CORR("l", "temporal_ordered", "a, b, c", "Lineage", "60s"), NULL);
	opens(&w, 10, "/a", O_RDONLY);
	opens(&w, 11, "/b", O_RDONLY);
	assert_null(finding(connects(&w, 12), "l"));
	assert_non_null(finding(connects(&w, 21), "l"));
	assert_int_equal(w.j.finding[0].nstory, 2);
	world_close(&w);
}

static void any_order_needs_all(void **state)
{
	struct world w;
	const struct hf_finding *f;

	setup(&w, A_B_C CORR("t", "temporal", "a, b, c", "Session", "60s"), NULL);
	assert_null(finding(connects(&w, 11), "t"));
	assert_null(finding(opens(&w, 11, "/b", O_RDONLY), "t"));
	f = finding(opens(&w, 11, "/a", O_RDONLY), "t");
	assert_non_null(f);
	assert_int_equal(f->nstory, 2);
	assert_true(f->story[0].n < f->story[1].n);
	w.now_ns += 61 * S_NS;
	assert_null(finding(opens(&w, 11, "/a", O_RDONLY), "t"));
	world_close(&w);
}

static void denied_steps_do_not_count(void **state)
{
	struct world w;
	struct hf_action a;

	setup(&w, A_B_C CORR("ac", "temporal_ordered", "a, c", "Session", "60s"), NULL);
	a = open_of(&w, 11, "/a", O_RDONLY);
	a.flags = HF_ACT_ASKED | HF_ACT_DENIED;
	go(&w, &a);
	assert_null(finding(connects(&w, 11), "ac"));
	a.flags = HF_ACT_OUTCOME;
	a.ret = -ENOENT;
	go(&w, &a);
	assert_null(finding(connects(&w, 11), "ac"));
	world_close(&w);
}

static void what_is_forgotten_counts_for_all(void **state)
{
	const struct hf_traj_limits lim = { .groups = 16 };
	struct world w;

	setup(&w, A_B_C CORR("p", "temporal_ordered", "a, c", "Process", "60s"), &lim);
	opens(&w, 11, "/a", O_RDONLY);
	for (uint32_t i = 100; i < 116; i++) {
		forks(&w, 10, i);
		opens(&w, i, "/a", O_RDONLY);
	}
	assert_int_equal(hf_traj_stats(w.t)->forgotten_groups, 1);
	assert_non_null(finding(connects(&w, 11), "p"));
	assert_non_null(finding(connects(&w, 12), "p"));	/* nobody knows any more who it was */
	assert_int_equal(w.j.finding[0].story[0].tgid, 11);
	w.now_ns += 61 * S_NS;
	assert_null(finding(connects(&w, 12), "p"));
	for (uint32_t i = 200; i < 216; i++) {
		forks(&w, 10, i);
		opens(&w, i, "/a", O_RDONLY);
	}
	assert_int_equal(hf_traj_stats(w.t)->forgotten_groups, 1);	/* the old ones had expired: nothing lost */
	world_close(&w);
}

static void a_lineage_outlives_its_forgotten_links(void **state)
{
	const struct hf_traj_limits lim = { .procs = 8 };
	struct world w;

	setup(&w, A_B_C CORR("l", "temporal_ordered", "a, c", "Lineage", "60s"), &lim);
	opens(&w, 11, "/a", O_RDONLY);
	exits(&w, 11, 0);
	for (uint32_t i = 100; i < 110; i++)
		forks(&w, 10, i);
	assert_null(hf_traj_proc(w.t, 11, START(11)));
	assert_non_null(finding(connects(&w, 21), "l"));
	world_close(&w);
}

static void an_unknown_line_continues_any(void **state)
{
	struct world w;

	setup(&w, A_B_C CORR("l", "temporal_ordered", "a, c", "Lineage", "60s"), NULL);
	opens(&w, 11, "/a", O_RDONLY);
	assert_null(finding(connects(&w, 12), "l"));
	assert_non_null(finding(connects(&w, 77), "l"));	/* its fork was lost: it could be 11's child */
	forks(&w, 77, 78);
	assert_non_null(finding(connects(&w, 78), "l"));
	forks(&w, 12, 77);					/* now it is known whose */
	assert_null(finding(connects(&w, 78), "l"));
	world_close(&w);
}

static void stories_without_room_still_match(void **state)
{
	const struct hf_traj_limits lim = { .groups = 1 };
	struct world w;

	setup(&w, A_B_C CORR("l", "temporal_ordered", "a, b, c", "Process", "60s"), &lim);
	for (uint32_t i = 0; i < 300; i++) {
		opens(&w, 10 + i % 3, "/a", O_RDONLY);
		opens(&w, 10 + i % 3, "/b", O_RDONLY);
		assert_non_null(finding(connects(&w, 10 + i % 3), "l"));
		assert_true(w.j.finding[0].nstory <= 2);
	}
	world_close(&w);
}

static void open_stories_are_told(void **state)
{
	struct hf_story s[4];
	struct world w;

	setup(&w, A_B_C CORR("p", "temporal_ordered", "a, b, c", "Process", "60s") "---\n"
	      CORR("s", "temporal_ordered", "a, b, c", "Session", "30s"), NULL);
	assert_int_equal(hf_traj_stories(w.t, s, 4), 0);
	opens(&w, 11, "/a", O_RDONLY);
	uint64_t start = w.now_ns;

	opens(&w, 12, "/b", O_RDONLY);
	assert_int_equal(hf_traj_stories(w.t, s, 4), 2);
	assert_string_equal(hf_rule_id(s[0].rule), "s");
	assert_int_equal(s[0].steps_done, 2);
	assert_int_equal(s[0].started_ns, start);
	assert_int_equal(s[0].expires_ns, start + 30 * S_NS);
	assert_int_equal(s[0].tgid, 0);
	assert_string_equal(hf_rule_id(s[1].rule), "p");
	assert_int_equal(s[1].steps_done, 1);
	assert_int_equal(s[1].tgid, 11);
	assert_int_equal(hf_traj_stories(w.t, s, 1), 2);
	assert_int_equal(hf_traj_stories(w.t, NULL, 0), 2);
	w.now_ns += 31 * S_NS;
	opens(&w, 12, "/else", O_RDONLY);
	assert_int_equal(hf_traj_stories(w.t, s, 4), 1);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_in_order_complete_it),
		cmocka_unit_test(judging_changes_nothing),
		cmocka_unit_test(the_window_counts_from_the_first_step),
		cmocka_unit_test(the_newest_beginning_is_kept),
		cmocka_unit_test(one_action_is_not_two_steps),
		cmocka_unit_test(groups_keep_apart),
		cmocka_unit_test(lineage_joins_steps_of_many),
		cmocka_unit_test(any_order_needs_all),
		cmocka_unit_test(denied_steps_do_not_count),
		cmocka_unit_test(what_is_forgotten_counts_for_all),
		cmocka_unit_test(a_lineage_outlives_its_forgotten_links),
		cmocka_unit_test(an_unknown_line_continues_any),
		cmocka_unit_test(stories_without_room_still_match),
		cmocka_unit_test(open_stories_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
