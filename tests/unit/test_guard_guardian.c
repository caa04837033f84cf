// SPDX-License-Identifier: Apache-2.0
/* Engines that end well, and engines that are killed while they hold something. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "guard/guardian.h"
#include "guard/seccomp.h"

#define TRIES 20

/* What the processes of one try tell each other. */
struct shared {
	volatile int ready, opened, guardian, agent;
};
static struct shared *sh;
static char secret[] = "/tmp/hf-secret-XXXXXX";

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

static bool gone(pid_t pid)
{
	char name[64], state = 0;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
	f = fopen(name, "re");
	if (!f)
		return true;
	if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 'X';
	fclose(f);
	return state == 'Z' || state == 'X';
}

static void says_goodbye(void **state)
{
	struct hf_cgroup c;
	int pidfd, ctl, status;
	pid_t pid;

	assert_int_equal(hf_cgroup_create(random_id(), &c), 0);
	assert_int_equal(hf_guardian_start(&c, &pid, &pidfd, &ctl), 0);
	sleep_ms(20);
	kill(pid, SIGTERM); /* and the terminal's signals do nothing to it */
	kill(pid, SIGINT);
	kill(pid, SIGHUP);
	kill(pid, SIGTSTP);
	assert_int_equal(poll(&(struct pollfd){ .fd = pidfd, .events = POLLIN }, 1, 30), 0);
	assert_int_equal(getpgid(pid), pid);
	assert_int_equal(hf_guardian_release(&ctl), 0);
	assert_int_equal(ctl, -1);
	assert_int_equal(hf_guardian_release(&ctl), 0);
	assert_int_equal(poll(&(struct pollfd){ .fd = pidfd, .events = POLLIN }, 1, 2000), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(pidfd);
	assert_int_equal(hf_cgroup_remove(&c), 0);
}

/* The control descriptor closed by accident is no goodbye, and costs no processor time. */
static void closed_without_goodbye(void **state)
{
	struct hf_cgroup c;
	int pidfd, ctl;
	pid_t pid;

	assert_int_equal(hf_cgroup_create(random_id(), &c), 0);
	assert_int_equal(hf_guardian_start(&c, &pid, &pidfd, &ctl), 0);
	close(ctl);
	assert_int_equal(poll(&(struct pollfd){ .fd = pidfd, .events = POLLIN }, 1, 100), 0);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	/* release towards a dead guardian: no SIGPIPE */
	assert_int_equal(hf_guardian_start(&c, &pid, &pidfd, &ctl), 0);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(hf_guardian_release(&ctl) < 0);
	assert_int_equal(hf_cgroup_remove(&c), 0);
}

static _Noreturn void agent_main(const struct hf_cgroup *c)
{
	int fd;

	if (hf_cgroup_add(c, 0) < 0)
		_exit(1);
	sh->agent = getpid();
	fd = open(secret, O_RDONLY);
	if (fd >= 0)
		sh->opened = 1;
	for (;;)
		pause();
}

/* Holds the agent's open and waits to be killed. late: the guardian is started after the question was received. */
static _Noreturn void engine_main(const struct hf_cgroup *c, bool received)
{
	int fan = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY | O_CLOEXEC), pidfd, ctl;
	struct fanotify_event_metadata m[8];
	pid_t pid, agent;

	if (fan < 0 || fanotify_mark(fan, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, secret) < 0)
		_exit(2);
	if (hf_guardian_start(c, &pid, &pidfd, &ctl) < 0)
		_exit(3);
	sh->guardian = pid;
	agent = fork();
	if (agent == 0)
		agent_main(c);
	if (received && read(fan, m, sizeof(m)) <= 0)
		_exit(4);
	if (!received && poll(&(struct pollfd){ .fd = fan, .events = POLLIN }, 1, 2000) != 1)
		_exit(5);
	sh->ready = 1;
	for (;;)
		pause();
}

static void killed_with_fanotify(void **state)
{
	long worst = 0;

	for (int i = 0; i < TRIES; i++) {
		struct timespec a, b;
		struct hf_cgroup c;
		pid_t engine;
		int status, k;

		memset(sh, 0, sizeof(*sh));
		assert_int_equal(hf_cgroup_create(random_id(), &c), 0);
		engine = fork();
		if (engine == 0)
			engine_main(&c, i % 2);
		for (k = 0; k < 2000 && !sh->ready; k++)
			sleep_ms(1);
		assert_int_equal(sh->ready, 1);
		clock_gettime(CLOCK_MONOTONIC, &a);
		kill(engine, SIGKILL);
		assert_int_equal(waitpid(engine, &status, 0), engine);
		assert_true(WIFSIGNALED(status));
		for (k = 0; k < 3000 && (hf_cgroup_populated(&c) || !gone(sh->guardian)); k++)
			sleep_ms(1);
		clock_gettime(CLOCK_MONOTONIC, &b);
		if ((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 > worst)
			worst = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
		assert_int_equal(hf_cgroup_populated(&c), 0);
		assert_true(gone(sh->agent));
		assert_int_equal(sh->opened, 0);
		assert_int_equal(hf_cgroup_remove(&c), 0);
	}
	print_message("session dead and guardian gone after at most %ld ms\n", worst);
}

/* The same without a guardian: what it is for. If this fails, the kernel no longer allows and the test above shows
 * nothing. */
static void without_guardian_it_slips(void **state)
{
	int fan = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY | O_CLOEXEC), k;
	pid_t pid;

	memset(sh, 0, sizeof(*sh));
	assert_true(fan >= 0);
	assert_int_equal(fanotify_mark(fan, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, secret), 0);
	pid = fork();
	if (pid == 0) {
		close(fan);
		if (open(secret, O_RDONLY) >= 0)
			sh->opened = 1;
		_exit(0);
	}
	assert_int_equal(poll(&(struct pollfd){ .fd = fan, .events = POLLIN }, 1, 2000), 1);
	close(fan);
	for (k = 0; k < 1000 && !sh->opened; k++)
		sleep_ms(1);
	waitpid(pid, NULL, 0);
	assert_int_equal(sh->opened, 1);
}

static int child_unlinks(void *ctx)
{
	if (hf_cgroup_add(ctx, 0) < 0)
		return 1;
	sh->agent = getpid();
	if (unlink(secret) == 0)
		sh->opened = 1;
	return 0;
}

static _Noreturn void seccomp_engine(const struct hf_cgroup *c, const struct hf_filter *f)
{
	struct hf_notif_child child;
	struct seccomp_notif n;
	int pidfd, ctl;
	pid_t pid;

	if (hf_notif_child_start(f, false, child_unlinks, (void *)c, &child) < 0)
		_exit(2);
	if (hf_guardian_start(c, &pid, &pidfd, &ctl) < 0)
		_exit(3);
	sh->guardian = pid;
	/* the child's own write to cgroup.procs is asked first */
	for (int i = 0; i < 2000; i++) {
		if (hf_notif_recv(child.listener, &n) == 0) {
			if (n.data.nr == SYS_unlink || n.data.nr == SYS_unlinkat)
				sh->ready = 1;
			else
				(void)hf_notif_continue(child.listener, n.id);
		}
		sleep_ms(1);
	}
	_exit(4);
}

static void killed_with_seccomp(void **state)
{
	struct hf_filter f = { 0 };

	assert_int_equal(hf_filter_build(NULL, &f), 0);
	for (int i = 0; i < 5; i++) {
		struct hf_cgroup c;
		pid_t engine;
		int k;

		memset(sh, 0, sizeof(*sh));
		assert_int_equal(hf_cgroup_create(random_id(), &c), 0);
		engine = fork();
		if (engine == 0)
			seccomp_engine(&c, &f);
		for (k = 0; k < 2000 && !sh->ready; k++)
			sleep_ms(1);
		assert_int_equal(sh->ready, 1);
		kill(engine, SIGKILL);
		assert_int_equal(waitpid(engine, NULL, 0), engine);
		for (k = 0; k < 3000 && (hf_cgroup_populated(&c) || !gone(sh->guardian)); k++)
			sleep_ms(1);
		assert_int_equal(hf_cgroup_populated(&c), 0);
		assert_int_equal(sh->opened, 0);
		assert_int_equal(access(secret, F_OK), 0);
		assert_int_equal(hf_cgroup_remove(&c), 0);
	}
	hf_filter_free(&f);
}

static _Noreturn void forking_agent(const struct hf_cgroup *c)
{
	if (hf_cgroup_add(c, 0) < 0)
		_exit(1);
	sh->ready = 1;
	/* runs away: each generation forks and dies, bounded in time in case nothing stops it */
	for (int i = 0; i < 200000; i++) {
		pid_t p = fork();

		if (p > 0)
			_exit(0);
		if (p == 0)
			setsid();
	}
	_exit(0);
}

static void runaway_session(void **state)
{
	struct hf_cgroup c;
	pid_t engine;
	int k;

	memset(sh, 0, sizeof(*sh));
	assert_int_equal(hf_cgroup_create(random_id(), &c), 0);
	engine = fork();
	if (engine == 0) {
		int pidfd, ctl;
		pid_t pid;

		if (hf_guardian_start(&c, &pid, &pidfd, &ctl) < 0)
			_exit(3);
		sh->guardian = pid;
		if (fork() == 0)
			forking_agent(&c);
		for (;;)
			pause();
	}
	for (k = 0; k < 1000 && !sh->ready; k++)
		sleep_ms(1);
	sleep_ms(30);
	assert_int_equal(hf_cgroup_populated(&c), 1);
	kill(engine, SIGKILL);
	assert_int_equal(waitpid(engine, NULL, 0), engine);
	for (k = 0; k < 3000 && (hf_cgroup_populated(&c) || !gone(sh->guardian)); k++)
		sleep_ms(1);
	assert_int_equal(hf_cgroup_populated(&c), 0);
	assert_int_equal(hf_cgroup_remove(&c), 0);
}

/* An engine that waits in the kernel for a process of its own session. how: 0 stuck at work, 1 waiting for events,
 * 2 stopped. */
static _Noreturn void stuck_engine(const struct hf_cgroup *c, struct hf_guardian_turns *t, int how)
{
	int pidfd, ctl, p[2];
	pid_t pid;
	char b;

	/* the pipe after the guardian, which would keep a copy of it */
	if (hf_guardian_start_watching(c, t, 160, &pid, &pidfd, &ctl) < 0 || pipe2(p, O_CLOEXEC) < 0)
		_exit(2);
	sh->guardian = pid;
	sh->agent = fork();
	if (sh->agent == 0) {
		if (hf_cgroup_add(c, 0) < 0)
			_exit(1);
		sh->ready = 1;
		for (;;)
			pause();
	}
	close(p[1]); /* only the agent has the write end now */
	hf_guardian_turn(t, how != 1);
	if (how == 2)
		raise(SIGSTOP);
	if (read(p[0], &b, 1) == 0)
		sh->opened = 1; /* came free */
	hf_guardian_turn(t, false);
	(void)hf_guardian_release(&ctl);
	_exit(0);
}

static void stuck(void **state)
{
	for (int how = 0; how < 3; how++) {
		struct hf_guardian_turns *t = NULL;
		struct hf_cgroup c;
		pid_t engine;
		int k;

		memset(sh, 0, sizeof(*sh));
		assert_int_equal(hf_guardian_turns_new(&t), 0);
		assert_int_equal(hf_cgroup_create(random_id(), &c), 0);
		engine = fork();
		if (engine == 0)
			stuck_engine(&c, t, how);
		for (k = 0; k < 1000 && !sh->ready; k++)
			sleep_ms(1);
		assert_int_equal(sh->ready, 1);
		for (k = 0; k < 500 && hf_cgroup_populated(&c); k++)
			sleep_ms(1);
		assert_int_equal(hf_cgroup_populated(&c), how == 0 ? 0 : 1);
		if (how == 0)
			assert_int_equal(waitpid(engine, NULL, 0), engine);
		assert_int_equal(sh->opened, how == 0);
		if (how) {
			kill(engine, SIGKILL);
			assert_int_equal(waitpid(engine, NULL, 0), engine);
		}
		for (k = 0; k < 3000 && (hf_cgroup_populated(&c) || !gone(sh->guardian)); k++)
			sleep_ms(1);
		assert_int_equal(hf_cgroup_populated(&c), 0);
		assert_true(gone(sh->guardian));
		assert_int_equal(hf_cgroup_remove(&c), 0);
		hf_guardian_turns_free(&t);
		assert_null(t);
	}
}

/* Turns that end are no stuck ones, however many. */
static void busy_is_not_stuck(void **state)
{
	struct hf_guardian_turns *t = NULL;
	struct hf_cgroup c;
	pid_t pid, agent;
	int pidfd, ctl;

	assert_int_equal(hf_guardian_turns_new(&t), 0);
	assert_int_equal(hf_cgroup_create(random_id(), &c), 0);
	assert_int_equal(hf_guardian_start_watching(&c, t, 80, &pid, &pidfd, &ctl), 0);
	agent = fork();
	if (agent == 0) {
		if (hf_cgroup_add(&c, 0) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	for (int i = 0; i < 40; i++) {
		hf_guardian_turn(t, true);
		assert_true(t->n & 1);
		sleep_ms(8);
		if (i % 2)
			hf_guardian_turn(t, false);
	}
	assert_int_equal(waitpid(agent, NULL, WNOHANG), 0);
	assert_int_equal(hf_guardian_release(&ctl), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(pidfd);
	assert_int_equal(hf_cgroup_kill(&c), 0);
	assert_int_equal(waitpid(agent, NULL, 0), agent);
	assert_int_equal(hf_cgroup_remove(&c), 0);
	hf_guardian_turns_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_goodbye),		cmocka_unit_test(closed_without_goodbye),
		cmocka_unit_test(without_guardian_it_slips), cmocka_unit_test(killed_with_fanotify),
		cmocka_unit_test(killed_with_seccomp),	cmocka_unit_test(runaway_session),
		cmocka_unit_test(stuck),		cmocka_unit_test(busy_is_not_stuck),
	};
	char root[4096];
	int r, fd;

	if (geteuid() != 0 || hf_cgroup_root(root, sizeof(root)) < 0) {
		printf("skipped: needs root and cgroup2\n");
		return 0;
	}
	fd = mkstemp(secret);
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fd < 0 || sh == MAP_FAILED)
		return 1;
	close(fd);
	/* what the killed engines leave is ours to reap */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(secret);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return r;
}
