/* SPDX-License-Identifier: Apache-2.0 */
#include "traj_fixture.h"

static bool is(struct hf_str s, const char *z)
{
	return hf_str_eq(s, hf_str_of(z));
}

static void follows_fork_exec_exit(void **state)
{
	struct world w;
	struct hf_proc *p;

	world_open(&w, NULL, NULL);
	first(&w, 10);
	forks(&w, 10, 11);
	p = hf_traj_proc(w.t, 11, START(11));
	assert_non_null(p);
	assert_ptr_equal(p->parent, hf_traj_proc(w.t, 10, 0));
	assert_int_equal(p->ppid, 10);
	assert_int_equal(p->depth, 1);
	assert_true(p->alive);
	assert_false(p->recovered);
	assert_true(is(p->image, "/usr/bin/agent"));
	assert_true(is(p->cmdline, "agent --go"));
	execs(&w, 11, "/usr/bin/git", HF_STR("git\0commit\0-m\0a b\0"));
	assert_true(is(p->image, "/usr/bin/git"));
	assert_true(is(p->cmdline, "git commit -m a b"));
	assert_int_equal(p->argv.n, 18);
	assert_int_equal(p->nexec, 1);
	assert_true(is(p->parent->image, "/usr/bin/agent"));
	exits(&w, 11, 3 << 8);
	assert_false(p->alive);
	assert_int_equal(p->exit_status, 3 << 8);
	assert_null(hf_traj_proc(w.t, 11, 0));
	assert_ptr_equal(hf_traj_proc(w.t, 11, START(11)), p);
	assert_int_equal(hf_traj_stats(w.t)->recovered_procs, 0);
	world_close(&w);
}

static void threads_are_no_processes(void **state)
{
	struct world w;
	struct hf_action a;

	world_open(&w, NULL, NULL);
	first(&w, 10);
	a = act(&w, HF_FORK, 10);
	a.child_tgid = 10;
	a.child_tid = 15;
	a.child_start_ns = START(15);
	go(&w, &a);
	assert_null(hf_traj_proc(w.t, 15, 0));
	world_close(&w);
}

static void start_times_in_ticks_and_in_ns_meet(void **state)
{
	struct world w;
	struct hf_proc *p;

	world_open(&w, NULL, NULL);
	p = hf_traj_recover(w.t, 10, 5000000000u, 1, 0, HF_STR("/a"), HF_STR("a\0"), HF_STR("/"));	/* as /proc has it */
	assert_ptr_equal(hf_traj_proc(w.t, 10, 5003456789u), p);
	assert_null(hf_traj_proc(w.t, 10, 5010000001u));
	assert_null(hf_traj_proc(w.t, 10, 4999999999u));
	struct hf_action a = { .kind = HF_OPEN, .tgid = 10, .start_ns = 5003456789u, .path = HF_STR("/x") };

	hf_traj_commit(w.t, &a, NULL);
	assert_int_equal(p->start_ns, 5003456789u);			/* now known exactly */
	assert_ptr_equal(hf_traj_proc(w.t, 10, 5000000000u), p);
	assert_null(hf_traj_proc(w.t, 10, 5003456788u));		/* exact against exact: another process */
	assert_int_equal(hf_traj_stats(w.t)->recovered_procs, 0);
	world_close(&w);
}

static void a_reused_pid_is_another_process(void **state)
{
	struct world w;
	struct hf_action a;
	struct hf_proc *old, *new;

	world_open(&w, NULL, NULL);
	first(&w, 10);
	forks(&w, 10, 11);
	old = hf_traj_proc(w.t, 11, 0);
	a = act(&w, HF_FORK, 10);
	a.child_tgid = a.child_tid = 11;
	a.child_start_ns = START(11) + 77 * S_NS;
	go(&w, &a);
	new = hf_traj_proc(w.t, 11, a.child_start_ns);
	assert_non_null(new);
	assert_ptr_not_equal(old, new);
	assert_false(old->alive);
	assert_ptr_equal(hf_traj_proc(w.t, 11, 0), new);
	world_close(&w);
}

static void scripts_run_their_interpreter(void **state)
{
	struct world w;
	struct hf_action a;
	struct hf_proc *p;

	world_open(&w, NULL, NULL);
	first(&w, 10);
	a = exec_of(&w, 10, "/home/u/x.sh", HF_STR("/bin/sh\0/home/u/x.sh\0"));
	a.flags |= HF_ACT_SCRIPT;
	a.interp = HF_STR("/usr/bin/dash");
	go(&w, &a);
	p = hf_traj_proc(w.t, 10, 0);
	assert_true(is(p->image, "/usr/bin/dash"));
	assert_true(is(p->interp, "/usr/bin/dash"));
	world_close(&w);
}

static void an_exec_asked_for_changes_nothing_until_confirmed(void **state)
{
	struct world w;
	struct hf_action a;
	struct hf_proc *p;

	world_open(&w, NULL, NULL);
	first(&w, 10);
	p = hf_traj_proc(w.t, 10, 0);
	a = exec_of(&w, 10, "/usr/bin/git", HF_STR("git\0"));
	a.flags = HF_ACT_ASKED;
	go(&w, &a);
	assert_true(is(p->image, "/usr/bin/agent"));
	a.flags = HF_ACT_CONFIRM | HF_ACT_OUTCOME;
	a.ret = -ENOENT;
	assert_int_equal(hf_traj_commit(w.t, &a, NULL), 0);
	assert_true(is(p->image, "/usr/bin/agent"));
	assert_int_equal(hf_traj_past(w.t, 0)->ret, -ENOENT);
	assert_true(hf_traj_past(w.t, 0)->flags & HF_ACT_OUTCOME);

	a.flags = HF_ACT_ASKED;
	a.ret = 0;
	go(&w, &a);
	a.flags = HF_ACT_CONFIRM | HF_ACT_OUTCOME;
	a.ino = 99;
	hf_traj_commit(w.t, &a, NULL);
	assert_true(is(p->image, "/usr/bin/git"));
	assert_int_equal(p->exe_ino, 99);
	assert_int_equal(hf_traj_stats(w.t)->by_kind[HF_EXEC], 2);
	world_close(&w);
}

static void unknown_processes_are_learnt(void **state)
{
	struct world w;
	struct hf_proc *p;

	world_open(&w, NULL, NULL);
	first(&w, 10);
	opens(&w, 77, "/etc/hosts", O_RDONLY);
	p = hf_traj_proc(w.t, 77, START(77));
	assert_non_null(p);
	assert_true(p->recovered);
	assert_null(p->parent);
	assert_int_equal(hf_traj_stats(w.t)->recovered_procs, 1);
	forks(&w, 10, 77);		/* the fork's record comes late */
	assert_ptr_equal(p->parent, hf_traj_proc(w.t, 10, 0));
	assert_true(is(p->image, "/usr/bin/agent"));
	assert_ptr_equal(hf_traj_recover(w.t, 77, START(77), 10, 0, HF_STR("/bin/cat"), HF_STR("cat\0"), HF_STR("/")), p);
	assert_true(is(p->image, "/bin/cat"));
	p = hf_traj_recover(w.t, 78, START(78), 10, 0, HF_STR("/bin/ls"), HF_STR("ls\0"), HF_STR("/"));
	assert_ptr_equal(p->parent, hf_traj_proc(w.t, 10, 0));
	world_close(&w);
}

static void a_replay_cannot_make_a_ring_of_parents(void **state)
{
	struct world w;
	unsigned up = 0;

	world_open(&w, NULL, NULL);
	first(&w, 10);
	opens(&w, 20, "/x", O_RDONLY);		/* recovered, no parent */
	forks(&w, 20, 21);
	forks(&w, 21, 20);			/* claims to have forked its own parent */
	forks(&w, 20, 20);
	for (const struct hf_proc *p = hf_traj_proc(w.t, 21, 0); p; p = p->parent)
		assert_true(++up < 10);
	world_close(&w);
}

struct seen { uint32_t tgid[64]; unsigned n; };

static void see(void *ctx, const struct hf_proc *p)
{
	struct seen *s = ctx;

	assert_true(s->n < 64);
	s->tgid[s->n++] = p->tgid;
}

static void tree_is_told_parents_first(void **state)
{
	static const uint32_t want[] = { 10, 11, 14, 15, 12, 13, 77 };
	struct world w;
	struct seen s = { .n = 0 };

	world_open(&w, NULL, NULL);
	hf_traj_each_proc(w.t, see, &s);
	assert_int_equal(s.n, 0);
	first(&w, 10);
	forks(&w, 10, 12);
	forks(&w, 10, 11);
	forks(&w, 12, 13);
	forks(&w, 11, 15);
	forks(&w, 11, 14);
	opens(&w, 77, "/x", O_RDONLY);
	hf_traj_each_proc(w.t, see, &s);
	assert_int_equal(s.n, 7);
	assert_memory_equal(s.tgid, want, sizeof(want));
	world_close(&w);
}

static void the_dead_make_room(void **state)
{
	const struct hf_traj_limits lim = { .procs = 8 };
	struct world w;
	struct hf_proc *kid;
	struct seen s = { .n = 0 };

	world_open(&w, NULL, &lim);
	first(&w, 10);
	forks(&w, 10, 20);
	forks(&w, 20, 21);
	exits(&w, 20, 0);			/* dead, with a living child */
	for (uint32_t i = 30; i < 1000; i++) {
		forks(&w, 10, i);
		assert_non_null(hf_traj_proc(w.t, i, 0));
		exits(&w, i, 0);
	}
	kid = hf_traj_proc(w.t, 21, 0);
	assert_int_equal(kid->parent->tgid, 20);	/* leaves go first */
	assert_int_equal(hf_traj_stats(w.t)->forgotten_procs, 970 - 5);
	for (uint32_t i = 1000; i < 1010; i++)
		forks(&w, 10, i);		/* living ones press */
	assert_int_equal(kid->parent->tgid, 10);	/* one link shorter, still in line */
	assert_int_equal(hf_traj_proc(w.t, 10, 0)->tgid, 10);
	hf_traj_each_proc(w.t, see, &s);
	assert_int_equal(s.n, 8);
	assert_null(hf_traj_recover(w.t, 5000, START(5000), 10, 0, HF_STR("/x"), HF_STR("x\0"), HF_STR("/")));
	assert_int_equal(connects(&w, 5000)->verdict, HF_ALLOW);	/* unknown and unlearnable: judged all the same */
	world_close(&w);
}

static void long_argvs_stay_in_their_budget(void **state)
{
	const struct hf_traj_limits lim = { .procs = 2000 };
	static char big[32768];
	struct world w;

	memset(big, 'x', sizeof(big));
	world_open(&w, NULL, &lim);
	first(&w, 10);
	for (uint32_t i = 100; i < 600; i++) {
		forks(&w, 10, i);
		execs(&w, i, "/bin/x", (struct hf_str){ big, sizeof(big) });
	}
	assert_int_equal(hf_traj_proc(w.t, 100, 0)->argv.n, sizeof(big));
	assert_int_equal(hf_traj_proc(w.t, 599, 0)->argv.n, 512);
	assert_true(hf_traj_stats(w.t)->cut_argv > 0);
	for (uint32_t i = 100; i < 600; i++)
		exits(&w, i, 0);
	assert_int_equal(hf_traj_proc(w.t, 100, START(100))->argv.n, 512);
	forks(&w, 10, 700);
	execs(&w, 700, "/bin/x", (struct hf_str){ big, sizeof(big) });
	assert_int_equal(hf_traj_proc(w.t, 700, 0)->argv.n, sizeof(big));
	world_close(&w);
}

static void long_paths_stay_in_their_budget(void **state)
{
	static char path[4096];
	struct world w;
	struct hf_action a;

	memset(path, 'p', sizeof(path));
	path[0] = '/';
	world_open(&w, NULL, NULL);
	first(&w, 10);
	for (uint32_t i = 100; i < 4100; i++) {
		forks(&w, 10, i);
		a = exec_of(&w, i, "", HF_STR("x\0"));
		a.path = a.cwd = (struct hf_str){ path, sizeof(path) };
		go(&w, &a);
		exits(&w, i, 0);
	}
	assert_true(hf_traj_stats(w.t)->forgotten_procs > 800);	/* 20 MiB are about 2500 of these */
	assert_true(hf_traj_stats(w.t)->forgotten_procs < 3000);
	assert_non_null(hf_traj_proc(w.t, 4099, START(4099)));
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_fork_exec_exit),
		cmocka_unit_test(threads_are_no_processes),
		cmocka_unit_test(start_times_in_ticks_and_in_ns_meet),
		cmocka_unit_test(a_reused_pid_is_another_process),
		cmocka_unit_test(scripts_run_their_interpreter),
		cmocka_unit_test(an_exec_asked_for_changes_nothing_until_confirmed),
		cmocka_unit_test(unknown_processes_are_learnt),
		cmocka_unit_test(a_replay_cannot_make_a_ring_of_parents),
		cmocka_unit_test(tree_is_told_parents_first),
		cmocka_unit_test(the_dead_make_room),
		cmocka_unit_test(long_paths_stay_in_their_budget),
		cmocka_unit_test(long_argvs_stay_in_their_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
