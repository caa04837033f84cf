// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "guard/cgroup.h"

static void sleep_ms(long ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static uint64_t random_id(void)
{
	uint64_t id;

	assert_int_equal(getrandom(&id, sizeof(id), 0), sizeof(id));
	return id;
}

static pid_t spawn_in(const struct hf_cgroup *c)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);	/* a failed test must leave nobody behind who holds ctest's pipe */
		if (c && hf_cgroup_add(c, 0) < 0)
			_exit(1);
		close_range(3, ~0u, 0); /* as exec does: a copy of dir_fd keeps the lock */
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	for (int i = 0; c && i < 500 && hf_cgroup_populated(c) != 1; i++)
		sleep_ms(1);
	return pid;
}

static void wait_empty(const struct hf_cgroup *c)
{
	for (int i = 0; i < 1000 && hf_cgroup_populated(c) != 0; i++)
		sleep_ms(1);
	assert_int_equal(hf_cgroup_populated(c), 0);
}

static int need_cgroup2(void **state)
{
	char root[4096];

	if (geteuid() != 0 || hf_cgroup_root(root, sizeof(root)) < 0) {
		print_message("skipped: needs root and cgroup2\n");
		return -1;
	}
	return 0;
}

static void root_is_cgroup2(void **state)
{
	char root[4096], path[4200], small[4];

	assert_int_equal(hf_cgroup_root(root, sizeof(root)), 0);
	snprintf(path, sizeof(path), "%s/cgroup.procs", root);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(hf_cgroup_root(small, sizeof(small)), -ENAMETOOLONG);
}

static void life_of_a_group(void **state)
{
	uint64_t id = random_id(), found = 0;
	struct hf_cgroup c, again = { .dir_fd = 77 };
	pid_t pid;
	char end[32];

	assert_int_equal(hf_cgroup_create(id, &c), 0);
	snprintf(end, sizeof(end), "/holdfast/%016" PRIx64, id);
	assert_string_equal(c.path + strlen(c.path) - strlen(end), end);
	assert_int_equal(hf_cgroup_create(id, &again), -EEXIST);
	assert_int_equal(again.dir_fd, 77);
	assert_int_equal(hf_cgroup_populated(&c), 0);
	pid = spawn_in(&c);
	assert_int_equal(hf_cgroup_populated(&c), 1);
	assert_int_equal(hf_cgroup_session_of(pid, &found), 1);
	assert_true(found == id);
	assert_int_equal(hf_cgroup_session_of(getpid(), &found), 0);
	assert_int_equal(hf_cgroup_session_of(0x7ffffff0, &found), -ESRCH);
	assert_int_equal(hf_cgroup_remove(&c), -EBUSY);
	assert_true(c.dir_fd >= 0);
	assert_int_equal(hf_cgroup_kill(&c), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(hf_cgroup_remove(&c), 0);
	assert_int_equal(c.dir_fd, -1);
	assert_int_equal(access(c.path, F_OK), -1);
	assert_int_equal(hf_cgroup_remove(&c), 0);
}

static void freeze_and_events(void **state)
{
	struct hf_cgroup c;
	struct pollfd p = { .events = POLLPRI };
	int pop = -1, frz = -1;
	pid_t pid;

	assert_int_equal(hf_cgroup_create(random_id(), &c), 0);
	p.fd = hf_cgroup_events_fd(&c);
	assert_true(p.fd >= 0);
	assert_int_equal(poll(&p, 1, 0), 0); /* armed: no false wake-up */
	pid = spawn_in(&c);
	assert_int_equal(poll(&p, 1, 1000), 1);
	assert_true(p.revents & POLLPRI);
	assert_int_equal(hf_cgroup_events_read(p.fd, &pop, &frz), 0);
	assert_int_equal(pop, 1);
	assert_int_equal(frz, 0);
	assert_int_equal(hf_cgroup_freeze(&c, true), 0);
	for (int i = 0; i < 20 && frz != 1; i++) {
		assert_int_equal(poll(&p, 1, 1000), 1);
		assert_int_equal(hf_cgroup_events_read(p.fd, &pop, &frz), 0);
	}
	assert_int_equal(frz, 1);
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(hf_cgroup_kill(&c), 0); /* a frozen one dies too */
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	wait_empty(&c);
	close(p.fd);
	assert_int_equal(hf_cgroup_remove(&c), 0);
}

static void groups_below(void **state)
{
	struct hf_cgroup c, sub = { 0 };
	char path[4200];
	uint64_t id = random_id(), found = 0;
	pid_t pid;
	int made = 0;

	assert_int_equal(hf_cgroup_create(id, &c), 0);
	for (int i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "%s/a%d", c.path, i);
		assert_int_equal(mkdir(path, 0755), 0);
		snprintf(path, sizeof(path), "%s/a%d/holdfast", c.path, i);
		assert_int_equal(mkdir(path, 0755), 0);
		snprintf(path, sizeof(path), "%s/a%d/holdfast/0123456789abcdef", c.path, i);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	sub.dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(sub.dir_fd >= 0);
	pid = spawn_in(&sub);
	/* The name from the root down counts, not what an agent called its own groups. */
	assert_int_equal(hf_cgroup_session_of(pid, &found), 1);
	assert_true(found == id);
	assert_int_equal(hf_cgroup_populated(&c), 1);
	assert_int_equal(hf_cgroup_kill(&c), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(sub.dir_fd);
	/* As deep as the kernel lets it. */
	snprintf(path, sizeof(path), "%s", c.path);
	for (int i = 0; i < 100 && strlen(path) < 4000; i++) {
		strcat(path, "/d");
		if (mkdir(path, 0755) < 0)
			break;
		made++;
	}
	assert_int_equal(made, 32);
	assert_int_equal(hf_cgroup_remove(&c), 0);
	assert_int_equal(access(c.path, F_OK), -1);
}

static void many_forking(void **state)
{
	struct hf_cgroup c;
	pid_t pid;

	assert_int_equal(hf_cgroup_create(random_id(), &c), 0);
	pid = fork();
	if (pid == 0) {
		if (hf_cgroup_add(&c, 0) < 0)
			_exit(1);
		for (int i = 0; i < 5; i++)
			(void)!fork(); /* 32 of them */
		setsid();
		for (;;)
			pause();
	}
	sleep_ms(30);
	assert_int_equal(hf_cgroup_kill(&c), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	wait_empty(&c);
	assert_int_equal(hf_cgroup_remove(&c), 0);
	for (int i = 0; i < 500 && waitpid(-1, NULL, WNOHANG) >= 0; i++) /* the orphans are ours: see main() */
		sleep_ms(1);
}

static void sweep(void **state)
{
	struct hf_cgroup mine, stale, busy;
	pid_t pid;

	assert_int_equal(hf_cgroup_create(random_id(), &mine), 0);
	assert_int_equal(hf_cgroup_create(random_id(), &stale), 0);
	assert_int_equal(hf_cgroup_create(random_id(), &busy), 0);
	pid = spawn_in(&busy);
	close(stale.dir_fd); /* as if its engine had died */
	close(busy.dir_fd);
	assert_true(hf_cgroup_sweep() >= 1);
	assert_int_equal(access(stale.path, F_OK), -1);
	assert_int_equal(access(mine.path, F_OK), 0);
	assert_int_equal(access(busy.path, F_OK), 0);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(hf_cgroup_sweep() >= 1);
	assert_int_equal(access(busy.path, F_OK), -1);
	assert_int_equal(access(mine.path, F_OK), 0);
	assert_int_equal(hf_cgroup_remove(&mine), 0);
}

/* Sweeps of other engines while groups are being made: none is taken from under its maker. */
static void sweep_races_create(void **state)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			(void)hf_cgroup_sweep();
	assert_true(pid > 0);
	for (int i = 0; i < 200; i++) {
		struct hf_cgroup c;

		assert_int_equal(hf_cgroup_create(random_id(), &c), 0);
		assert_int_equal(hf_cgroup_populated(&c), 0);
		assert_int_equal(access(c.path, F_OK), 0);
		assert_int_equal(hf_cgroup_remove(&c), 0);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_is_cgroup2), cmocka_unit_test(life_of_a_group),
		cmocka_unit_test(freeze_and_events),
		cmocka_unit_test(groups_below),	   cmocka_unit_test(many_forking),    cmocka_unit_test(sweep),
		cmocka_unit_test(sweep_races_create),
	};

	if (need_cgroup2(NULL) < 0)
		return 0;
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
