// SPDX-License-Identifier: Apache-2.0
/* The doctor: cgroup, fanotify, and the guardian, which needs both. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "doctor_int.h"
#include "fanotify.h"
#include "guardian.h"

#define WAIT_MS 2000

static void sleep_ms(long ms)
{
	struct timespec t = {.tv_nsec = ms * 1000000};

	nanosleep(&t, NULL);
}

/* Counts as long as it may run: that it stands still is seen, not read from a file. */
static int child_counts(void *ctx)
{
	volatile unsigned *n = ctx;

	for (int i = 0; i < 10000; i++) {
		++*n;
		sleep_ms(1);
	}
	return 0;
}

static bool stands_still(volatile unsigned *n)
{
	unsigned before = *n;

	sleep_ms(20);
	return *n == before;
}

static int wait_frozen(const struct hf_cgroup *g, int want)
{
	int64_t end = hf_doctor_now_ms() + WAIT_MS;
	int fd = hf_cgroup_events_fd(g), pop = 0, frz = -1, r = fd < 0 ? fd : 0;

	while (r == 0 && frz != want && hf_doctor_now_ms() < end) {
		struct pollfd p = {.fd = fd, .events = POLLPRI};

		r = hf_cgroup_events_read(fd, &pop, &frz);
		if (r == 0 && frz != want)
			(void)poll(&p, 1, 50);
	}
	if (fd >= 0)
		close(fd);
	return r < 0 ? r : frz == want ? 0 : -ETIMEDOUT;
}

static void check_freeze(struct hf_check *c, const struct hf_cgroup *g, volatile unsigned *n)
{
	int r = hf_cgroup_freeze(g, true);
	bool still;

	if (r == 0)
		r = wait_frozen(g, 1);
	still = r == 0 && stands_still(n);
	if (r == 0)
		r = hf_cgroup_freeze(g, false);
	if (r == 0)
		r = wait_frozen(g, 0);
	if (r < 0)
		hf_check_set(&c[HF_CHECK_FREEZE], false, "%s", strerror(-r));
	else
		hf_check_set(&c[HF_CHECK_FREEZE], still && !stands_still(n), "a child %s and %s",
			     still ? "stood still" : "ran on", still ? "went on afterwards" : "was not stopped");
}

static void check_group(struct hf_check *c, struct hf_cgroup *g, volatile unsigned *n)
{
	struct hf_dchild child;
	int r = hf_dchild_start(&child, child_counts, (void *)n), status;
	uint64_t found = 0;

	if (r < 0) {
		hf_check_set(&c[HF_CHECK_CGROUP], false, "no child: %s", strerror(-r));
		return;
	}
	r = hf_cgroup_add(g, child.pid);
	if (r == 0 && hf_cgroup_session_of(child.pid, &found) != 1)
		r = -ENOENT;
	hf_check_set(&c[HF_CHECK_CGROUP], r == 0, "%.120s%s%s", g->path, r < 0 ? ": " : "", r < 0 ? strerror(-r) : "");
	if (r == 0) {
		hf_dchild_go(&child);
		for (int64_t end = hf_doctor_now_ms() + WAIT_MS; *n == 0 && hf_doctor_now_ms() < end;)
			sleep_ms(1);
		check_freeze(c, g, n);
		r = hf_cgroup_kill(g);
		status = hf_dchild_end(&child, r == 0 ? WAIT_MS : 0);
		r = r < 0 ? r : status >= 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? 0 : -EIO;
		hf_check_set(&c[HF_CHECK_KILL], r == 0, "%s", r == 0 ? "a child died of it" : strerror(-r));
	} else {
		(void)hf_dchild_end(&child, 0);
	}
}

void hf_doctor_cgroup(struct hf_check *c)
{
	volatile unsigned *n = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct hf_cgroup g;
	int r = hf_cgroup_create(hf_doctor_random(), &g);

	if (r < 0 || n == MAP_FAILED) {
		hf_check_set(&c[HF_CHECK_CGROUP], false, "%s", r == -ENOENT ? "cgroup2 is not mounted" : strerror(-r));
	} else {
		check_group(c, &g, n);
		r = hf_cgroup_remove(&g);
		if (r < 0)
			hf_check_set(&c[HF_CHECK_CGROUP], false, "%.120s can't be removed: %s", g.path, strerror(-r));
	}
	if (n != MAP_FAILED)
		munmap((void *)n, 4096);
}

/* --- fanotify ------------------------------------------------------------------------------------ */

static int child_opens(void *ctx)
{
	int fd = open(ctx, O_RDONLY | O_CLOEXEC);

	return fd >= 0 ? 0 : errno;
}

/* One open by a child, answered. Its wait status or -errno. */
static int open_answered(struct hf_fan *f, const char *path, bool allow, bool *ret_pidfd)
{
	struct pollfd p = {.fd = hf_fan_fd(f), .events = POLLIN};
	struct hf_fan_event e[4];
	struct hf_dchild child;
	int r = hf_dchild_start(&child, child_opens, (void *)path), n, asked = 0;

	if (r < 0)
		return r;
	hf_dchild_go(&child);
	for (int64_t end = hf_doctor_now_ms() + WAIT_MS; !asked && hf_doctor_now_ms() < end;) {
		(void)poll(&p, 1, 100);
		n = hf_fan_read(f, e, 4);
		for (int i = 0; i < n; i++) {
			asked += e[i].pid == child.pid;
			*ret_pidfd = e[i].pidfd >= 0;
			(void)hf_fan_answer(f, &e[i], allow);
		}
		if (n < 0)
			break;
	}
	r = hf_dchild_end(&child, WAIT_MS);
	return asked == 1 || r < 0 ? r : -ENOMSG;
}

void hf_doctor_fanotify(struct hf_check *c)
{
	struct hf_fan *f = NULL;
	char path[64];
	bool pidfd = false;
	int fd = hf_doctor_file(path, sizeof(path)), r = fd < 0 ? fd : hf_fan_open(&f), deny, allow;

	if (r == 0)
		r = hf_fan_mark_fd(f, fd);
	if (fd >= 0)
		close(fd);
	if (r < 0) {
		hf_check_set(&c[HF_CHECK_FANOTIFY], false, "%s", strerror(-r));
	} else {
		deny = open_answered(f, path, false, &pidfd);
		allow = open_answered(f, path, true, &pidfd);
		if (hf_dchild_exited(deny, EPERM) && hf_dchild_exited(allow, 0))
			hf_check_set(&c[HF_CHECK_FANOTIFY], true, "a child's open was denied, another allowed%s",
				     pidfd ? "" : " (no pidfd in events)");
		else
			hf_check_set(&c[HF_CHECK_FANOTIFY], false,
				     "no question came, or its answer had no effect (%#x, %#x)", (unsigned)deny,
				     (unsigned)allow);
	}
	hf_fan_close(&f);
	if (fd >= 0)
		unlink(path);
}

/* --- guardian ------------------------------------------------------------------------------------ */

struct stage {
	const struct hf_cgroup *g;
	const char *path;
	volatile int *held, *opened;
};

static _Noreturn void held_agent(const struct stage *s)
{
	if (hf_cgroup_add(s->g, 0) < 0)
		_exit(1);
	if (open(s->path, O_RDONLY | O_CLOEXEC) >= 0)
		*s->opened = 1;
	for (;;)
		pause();
}

/* Plays the engine: holds an open, and waits to be killed. */
static int child_engine(void *ctx)
{
	const struct stage *s = ctx;
	struct pollfd p = {.events = POLLIN};
	struct hf_fan *f = NULL;
	int fd = open(s->path, O_PATH | O_CLOEXEC), pidfd, ctl;
	pid_t pid;

	if (fd < 0 || hf_fan_open(&f) < 0 || hf_fan_mark_fd(f, fd) < 0 ||
	    hf_guardian_start(s->g, &pid, &pidfd, &ctl) < 0)
		return 1;
	if (fork() == 0)
		held_agent(s);
	p.fd = hf_fan_fd(f);
	if (poll(&p, 1, WAIT_MS) != 1)
		return 2;
	*s->held = 1;
	for (;;)
		pause();
}

static void check_guardian(struct hf_check *c, struct stage *s)
{
	struct hf_dchild engine;
	int r = hf_dchild_start(&engine, child_engine, s);

	if (r < 0) {
		hf_check_set(&c[HF_CHECK_GUARDIAN], false, "no child: %s", strerror(-r));
		return;
	}
	hf_dchild_go(&engine);
	for (int64_t end = hf_doctor_now_ms() + WAIT_MS; !*s->held && hf_doctor_now_ms() < end;)
		sleep_ms(1);
	(void)hf_dchild_end(&engine, 0); /* SIGKILL */
	for (int64_t end = hf_doctor_now_ms() + WAIT_MS; hf_cgroup_populated(s->g) != 0 && hf_doctor_now_ms() < end;)
		sleep_ms(1);
	(void)hf_cgroup_kill(s->g);
	if (!*s->held)
		hf_check_set(&c[HF_CHECK_GUARDIAN], false, "no question came");
	else
		hf_check_set(&c[HF_CHECK_GUARDIAN], !*s->opened, "an engine was killed, the held open %s",
			     *s->opened ? "WENT ON" : "failed");
}

void hf_doctor_guardian(struct hf_check *c)
{
	volatile int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int old = 0, fd, r;
	struct hf_cgroup g;
	char path[64];

	if (!c[HF_CHECK_KILL].ok || !c[HF_CHECK_FANOTIFY].ok || shared == MAP_FAILED)
		goto out;
	r = hf_cgroup_create(hf_doctor_random(), &g);
	if (r < 0)
		goto out;
	fd = hf_doctor_file(path, sizeof(path));
	if (fd >= 0) {
		close(fd);
		/* What the killed engine leaves behind is ours to reap. */
		(void)prctl(PR_GET_CHILD_SUBREAPER, &old, 0, 0, 0);
		(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
		check_guardian(c, &(struct stage){&g, path, &shared[0], &shared[1]});
		for (int64_t end = hf_doctor_now_ms() + WAIT_MS;
		     hf_doctor_now_ms() < end && waitpid(-1, NULL, WNOHANG) >= 0;)
			sleep_ms(1);
		(void)prctl(PR_SET_CHILD_SUBREAPER, old, 0, 0, 0);
		unlink(path);
	}
	(void)hf_cgroup_remove(&g);
out:
	if (shared != MAP_FAILED)
		munmap((void *)shared, 4096);
}
