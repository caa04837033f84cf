/* SPDX-License-Identifier: Apache-2.0 */
#include "traj_fixture.h"

static void actions_are_numbered_and_remembered(void **state)
{
	const struct hf_traj_limits lim = { .past = 4 };
	struct world w;
	struct hf_action a;

	world_open(&w, NULL, &lim);
	assert_null(hf_traj_past(w.t, 0));
	first(&w, 10);
	for (unsigned i = 1; i <= 6; i++) {
		a = open_of(&w, 10, "/x", O_RDONLY);
		assert_int_equal(hf_traj_commit(w.t, &a, NULL), i);
	}
	assert_int_equal(hf_traj_past(w.t, 0)->n, 6);
	assert_int_equal(hf_traj_past(w.t, 3)->n, 3);
	assert_null(hf_traj_past(w.t, 4));
	assert_string_equal(hf_traj_past(w.t, 0)->summary, "open /x (read)");
	assert_int_equal(hf_traj_stats(w.t)->actions, 6);
	assert_int_equal(hf_traj_stats(w.t)->by_kind[HF_OPEN], 6);
	world_close(&w);
}

static void an_outcome_completes_its_own_action(void **state)
{
	struct world w;
	struct hf_action a, b;

	world_open(&w, NULL, NULL);
	first(&w, 10);
	a = open_of(&w, 10, "/a", O_WRONLY);
	a.flags = HF_ACT_ASKED;
	b = a;
	b.path = HF_STR("/b");
	b.tid = 12;
	hf_traj_commit(w.t, &a, NULL);
	hf_traj_commit(w.t, &b, NULL);
	a.flags = HF_ACT_CONFIRM | HF_ACT_OUTCOME;
	a.ret = 7;
	assert_int_equal(hf_traj_commit(w.t, &a, NULL), 0);
	assert_int_equal(hf_traj_past(w.t, 1)->ret, 7);
	assert_true(hf_traj_past(w.t, 1)->flags & HF_ACT_OUTCOME);
	assert_false(hf_traj_past(w.t, 0)->flags & HF_ACT_OUTCOME);
	a.ret = 8;			/* a second outcome has no action left */
	hf_traj_commit(w.t, &a, NULL);
	assert_int_equal(hf_traj_past(w.t, 1)->ret, 7);
	assert_int_equal(hf_traj_stats(w.t)->actions, 2);
	world_close(&w);
}

static void marks_are_counted_and_shown(void **state)
{
	struct world w;
	struct hf_action a;

	world_open(&w, NULL, NULL);
	first(&w, 10);
	a = connect_of(&w, 10, 7);
	hf_traj_mark(w.t, &a, "raced-argument");
	hf_traj_mark(w.t, &a, "self-approval");
	assert_string_equal(hf_traj_past(w.t, 1)->summary, "raced-argument: connect 203.0.113.7:443 (tcp)");
	assert_string_equal(hf_traj_past(w.t, 0)->summary, "self-approval: connect 203.0.113.7:443 (tcp)");
	assert_int_equal(hf_traj_past(w.t, 0)->verdict, HF_DENY);
	assert_int_equal(hf_traj_stats(w.t)->raced, 1);
	assert_int_equal(hf_traj_stats(w.t)->findings, 2);
	world_close(&w);
}

static void a_connect_in_progress_is_no_failure(void **state)
{
	const char *rules = "title: T\nid: it\nlogsource: {product: linux, category: network_connection}\n"
		"detection: {s: {DestinationPort: 443}, condition: s}\nholdfast: {verdict: note, label: {add: [l], to: session}}\n";
	struct world w;
	struct hf_action a;

	world_open(&w, rules, NULL);
	first(&w, 10);
	a = connect_of(&w, 10, 7);
	a.flags = HF_ACT_OUTCOME;
	a.ret = -ECONNREFUSED;
	go(&w, &a);
	assert_int_equal(hf_traj_labels(w.t), 0);
	a.ret = -EINPROGRESS;
	go(&w, &a);
	assert_int_equal(hf_traj_labels(w.t), 1);
	world_close(&w);
}

static void sessions_do_not_touch_each_other(void **state)
{
	struct world w;
	struct hf_traj *other;
	struct hf_action a;

	world_open(&w, NULL, NULL);
	other = hf_traj_new(2, w.rs, HF_STR("/"), NULL);
	first(&w, 10);
	a = open_of(&w, 10, "/x", O_RDONLY);
	hf_traj_commit(w.t, &a, NULL);
	assert_null(hf_traj_proc(other, 10, 0));
	assert_null(hf_traj_past(other, 0));
	hf_traj_free(&other);
	hf_traj_free(&other);		/* NULL is fine */
	world_close(&w);
}

static uint32_t rnd(uint32_t *s)
{
	*s = *s * 1664525u + 1013904223u;
	return *s >> 8;
}

static void count(void *ctx, const struct hf_proc *p)
{
	unsigned up = 0;

	for (const struct hf_proc *q = p; q; q = q->parent)
		assert_true(++up < 100);
	++*(unsigned *)ctx;
}

/* Anything in any order, with tables far too small: nothing breaks, every process is told once. */
static void nonsense_stays_in_bounds(void **state)
{
	static const char rules[] =
		"title: a\nid: a\nname: a\nlogsource: {product: linux, category: file_access}\n"
		"detection: {s: {TargetFilename: /1}, condition: s}\nholdfast: {label: {add: [la], to: process}}\n"
		"---\ntitle: b\nid: b\nname: b\nlogsource: {product: linux, category: file_event}\n"
		"detection: {s: {TargetFilename|contains: /}, condition: s}\nholdfast: {label: {add: [lb], to: file}}\n"
		"---\ntitle: c\nid: c\nlevel: high\ncorrelation: {type: temporal_ordered, rules: [a, b, a, b], "
		"group-by: [Lineage], timespan: 1s}\n"
		"---\ntitle: d\nid: d\nlevel: high\ncorrelation: {type: temporal, rules: [a, b], "
		"group-by: [Process, TargetFilename], timespan: 1s}\n";
	static const char *const paths[] = { "/1", "/2", "/3", "", "/4/5" };
	const struct hf_traj_limits lim = { .procs = 6, .past = 3, .files = 4, .groups = 3 };
	struct world w;
	uint32_t s = 12345;

	world_open(&w, rules, &lim);
	for (unsigned i = 0; i < 20000; i++) {
		struct hf_action a = act(&w, (enum hf_kind)(rnd(&s) % HF_KINDS), 10 + rnd(&s) % 12);
		unsigned seen = 0;

		a.start_ns = rnd(&s) % 8 ? START(a.tgid) : (rnd(&s) % 3) * S_NS / 200;
		a.flags = rnd(&s) & 0x3ff;
		a.ret = (int32_t)(rnd(&s) % 3) - 1;
		a.path = hf_str_of(paths[rnd(&s) % 5]);
		a.path2 = hf_str_of(paths[rnd(&s) % 5]);
		a.argv = HF_STR("x\0y");
		a.open_flags = rnd(&s) & 0xfff;
		a.ino = rnd(&s) % 4;
		a.nr = rnd(&s) % 3 ? 257 : 82;
		a.child_tgid = a.child_tid = 10 + rnd(&s) % 12;
		a.child_start_ns = START(a.child_tgid);
		go(&w, &a);
		assert_true(w.j.nfindings <= HF_FINDINGS_MAX);
		hf_traj_each_proc(w.t, count, &seen);
		assert_true(seen <= 6);
	}
	assert_true(hf_traj_stats(w.t)->forgotten_procs > 0);
	assert_true(hf_traj_stats(w.t)->forgotten_files > 0);
	assert_true(hf_traj_stats(w.t)->forgotten_groups > 0);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(actions_are_numbered_and_remembered),
		cmocka_unit_test(an_outcome_completes_its_own_action),
		cmocka_unit_test(marks_are_counted_and_shown),
		cmocka_unit_test(a_connect_in_progress_is_no_failure),
		cmocka_unit_test(sessions_do_not_touch_each_other),
		cmocka_unit_test(nonsense_stays_in_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
