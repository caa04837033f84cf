/* SPDX-License-Identifier: Apache-2.0 */
#include "traj_fixture.h"

#define RULE(id, cat, sel, rest) "title: " id "\nid: " id "\nlogsource: {product: linux, category: " cat "}\n" \
	"detection: {s: {" sel "}, condition: s}\n" rest "---\n"

static void the_strongest_verdict_wins(void **state)
{
	struct world w;

	world_open(&w, RULE("n", "file_access", "TargetFilename: /x", "level: low\n")
		   RULE("d", "file_access", "TargetFilename|startswith: /", "level: critical\n")
		   RULE("h", "file_access", "TargetFilename|endswith: x", "level: high\n")
		   RULE("other", "file_delete", "TargetFilename: /x", "level: critical\n"), NULL);
	first(&w, 10);
	opens(&w, 10, "/x", O_RDONLY);
	assert_int_equal(w.j.verdict, HF_DENY);
	assert_int_equal(w.j.nfindings, 3);
	assert_string_equal(hf_rule_id(w.j.finding[0].rule), "d");
	assert_string_equal(hf_rule_id(w.j.finding[1].rule), "h");
	assert_string_equal(hf_rule_id(w.j.finding[2].rule), "n");
	assert_int_equal(w.j.finding[2].nstory, 0);
	opens(&w, 10, "x", O_RDONLY);
	assert_int_equal(w.j.verdict, HF_HOLD);
	opens(&w, 10, "y", O_RDONLY);
	assert_int_equal(w.j.verdict, HF_ALLOW);
	assert_int_equal(w.j.nfindings, 0);
	assert_int_equal(hf_traj_stats(w.t)->findings, 4);
	assert_int_equal(hf_traj_past(w.t, 2)->verdict, HF_DENY);
	world_close(&w);
}

static void many_findings_keep_the_strongest(void **state)
{
	char text[8192] = "";
	struct world w;

	for (int i = 0; i < 20; i++) {
		char r[256];

		snprintf(r, sizeof(r), RULE("r%d", "file_access", "TargetFilename: /x", "level: %s\n"), i, i,
			 i % 4 == 3 ? "critical" : i % 2 ? "high" : "low");
		strcat(text, r);
	}
	world_open(&w, text, NULL);
	first(&w, 10);
	opens(&w, 10, "/x", O_RDONLY);
	assert_int_equal(w.j.nfindings, HF_FINDINGS_MAX);
	assert_int_equal(w.j.dropped, 4);
	assert_int_equal(w.j.verdict, HF_DENY);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(w.j.finding[i].verdict, HF_DENY);
	for (unsigned i = 5; i < 10; i++)
		assert_int_equal(w.j.finding[i].verdict, HF_HOLD);
	assert_string_equal(hf_rule_id(w.j.finding[0].rule), "r3");
	assert_int_equal(hf_traj_stats(w.t)->findings, 20);
	world_close(&w);
}

static void what_was_cut_is_held_where_it_decides(void **state)
{
	struct world w;
	struct hf_action a;

	world_open(&w, RULE("f", "file_access", "TargetFilename|endswith: /id_rsa",
			    "holdfast: {verdict: note, on_truncated: hold}\n")
		   RULE("fd", "file_access", "TargetFilename|endswith: /id_dsa", "holdfast: {verdict: deny, on_truncated: hold}\n")
		   RULE("p", "process_creation", "CommandLine|contains: evil", "holdfast: {verdict: note, on_truncated: hold}\n")
		   RULE("q", "process_creation", "CommandLine|contains: evil", "level: high\n")
		   RULE("n", "network_connection", "DestinationPort: 1", "holdfast: {verdict: note, on_truncated: hold}\n"), NULL);
	first(&w, 10);
	a = open_of(&w, 10, "/very/long", O_RDONLY);
	go(&w, &a);
	assert_int_equal(w.j.nfindings, 0);
	a.flags = HF_ACT_TRUNC_PATH;
	go(&w, &a);
	assert_int_equal(w.j.nfindings, 2);
	assert_string_equal(hf_rule_id(w.j.finding[0].rule), "fd");
	assert_int_equal(w.j.finding[0].verdict, HF_DENY);
	assert_string_equal(hf_rule_id(w.j.finding[1].rule), "f");
	assert_int_equal(w.j.finding[1].verdict, HF_HOLD);
	assert_string_equal(w.j.finding[1].why, "truncated");
	a = exec_of(&w, 10, "/bin/x", HF_STR("x\0"));
	a.flags |= HF_ACT_TRUNC_ARGV;
	go(&w, &a);
	assert_int_equal(w.j.nfindings, 1);
	assert_string_equal(hf_rule_id(w.j.finding[0].rule), "p");
	a.argv = HF_STR("x\0evil\0");
	go(&w, &a);			/* it matches: no need for doubt */
	assert_int_equal(w.j.nfindings, 2);
	assert_string_equal(w.j.finding[0].why, "matched");
	assert_int_equal(w.j.finding[1].verdict, HF_NOTE);
	/* A cut working directory or argv says nothing of a file's name. */
	a = open_of(&w, 10, "/very/long", O_RDONLY);
	a.flags = HF_ACT_TRUNC_ARGV;
	go(&w, &a);
	assert_int_equal(w.j.nfindings, 0);
	a = connect_of(&w, 10, 1);
	a.flags = HF_ACT_TRUNC_PATH;
	go(&w, &a);
	assert_int_equal(w.j.nfindings, 0);
	world_close(&w);
}

static void a_raced_argument_is_a_finding_of_its_own(void **state)
{
	struct world w;
	struct hf_action a;

	world_open(&w, NULL, NULL);
	first(&w, 10);
	a = connect_of(&w, 10, 1);
	a.flags = HF_ACT_OUTCOME | HF_ACT_RACED;
	a.ret = -EPERM;
	go(&w, &a);
	assert_int_equal(w.j.verdict, HF_DENY);
	assert_int_equal(w.j.nfindings, 1);
	assert_null(w.j.finding[0].rule);
	assert_string_equal(w.j.finding[0].why, "raced-argument");
	assert_int_equal(hf_traj_stats(w.t)->raced, 1);
	world_close(&w);
}

static void an_expression_out_of_bounds_is_a_match(void **state)
{
	static char line[30000];
	struct world w;
	struct hf_action a;

	world_open(&w, RULE("re", "process_creation", "CommandLine|re: '(x+x+)+y'", "level: high\n"), NULL);
	first(&w, 10);
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = 'y';		/* a 'y' is there, but never where it would do */
	line[sizeof(line) - 2] = ' ';
	a = exec_of(&w, 10, "/bin/x", (struct hf_str){ line, sizeof(line) });
	go(&w, &a);
	assert_int_equal(w.j.nfindings, 1);
	assert_string_equal(w.j.finding[0].why, "match limit");
	assert_int_equal(w.j.verdict, HF_HOLD);
	world_close(&w);
}

static void unknown_and_odd_actions_are_judged(void **state)
{
	struct world w;
	struct hf_action a;

	world_open(&w, RULE("any", "network_connection", "Initiated: 'true'", "level: high\n"), NULL);
	a = connect_of(&w, 4242, 1);
	hf_judge(w.t, &a, &w.j);		/* nobody knows this process */
	assert_int_equal(w.j.verdict, HF_HOLD);
	for (int k = 0; k <= HF_KINDS; k++) {
		a = act(&w, (enum hf_kind)k, 4242);
		a.flags = UINT32_MAX & ~(uint32_t)HF_ACT_RACED;
		hf_judge(w.t, &a, &w.j);
		hf_traj_commit(w.t, &a, &w.j);
		a.flags = 0;
		go(&w, &a);
	}
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_strongest_verdict_wins),
		cmocka_unit_test(many_findings_keep_the_strongest),
		cmocka_unit_test(what_was_cut_is_held_where_it_decides),
		cmocka_unit_test(a_raced_argument_is_a_finding_of_its_own),
		cmocka_unit_test(an_expression_out_of_bounds_is_a_match),
		cmocka_unit_test(unknown_and_odd_actions_are_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
