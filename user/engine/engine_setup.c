/* SPDX-License-Identifier: Apache-2.0 */
/* Guards up, command started, everything down again. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "engine/engine.h"

static int setup_memory(struct hf_engine *e)
{
	/* mmap, not malloc: slots that are never used cost no memory, and nothing is allocated later */
	e->q = mmap(NULL, HF_QUESTIONS * sizeof(*e->q), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (e->q == MAP_FAILED)
		return -ENOMEM;
	e->inflight = calloc(HF_INFLIGHT, sizeof(*e->inflight));
	e->known = calloc(1, sizeof(*e->known));
	e->dec = malloc(sizeof(*e->dec));
	e->line = malloc(65536);
	e->holds = hf_holds_new();
	return e->inflight && e->known && e->dec && e->line && e->holds ? hf_guardian_turns_new(&e->turns) : -ENOMEM;
}

/* Neither the OOM killer nor the terminal should reach the engine before the agent. */
static void setup_self(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	static const int ign[] = { SIGTTOU, SIGTTIN, SIGTSTP, SIGPIPE, SIGHUP, SIGINT, SIGQUIT };

	if (fd >= 0) {
		(void)!write(fd, "-900", 4);
		close(fd);
	}
	setpgid(0, 0);
	for (size_t i = 0; i < sizeof(ign) / sizeof(ign[0]); i++)
		signal(ign[i], SIG_IGN);
	/* A pipe that CMD's stdout is must see its end when CMD closes it, not when the engine does. */
	for (int i = 0; i <= 2 && null >= 0; i++)
		dup2(null, i);
	prctl(PR_SET_DUMPABLE, 0);	/* no ptrace, no /proc/PID/mem for the agent's user */
}

static int interest_one(struct hf_engine *e, const char *name, size_t n, uint32_t flags)
{
	char key[HF_NAME_KEY + 1];

	if (n == 0 || n > HF_NAME_KEY)
		return -EINVAL;
	memcpy(key, name, n);
	key[n] = '\0';
	return hf_bpf_interest_add(e->bpf, key, flags);
}

/*
 * The names by which BPF knows an open worth stopping for: a whole last component without wildcards, else its extension, else a
 * directory component of that kind. A glob with none of these cannot be stopped on this path and is reported.
 */
static bool interest_glob(struct hf_engine *e, const char *glob)
{
	const char *leaf = strrchr(glob, '/'), *dot, *end;

	leaf = leaf ? leaf + 1 : glob;
	if (*leaf && !strpbrk(leaf, "*?"))
		return interest_one(e, leaf, strlen(leaf), HF_INTEREST_LEAF) == 0;
	for (end = leaf > glob ? leaf - 1 : glob; end > glob;) {
		const char *start = end;

		while (start > glob && start[-1] != '/')
			start--;
		if (end > start && !memchr(start, '*', (size_t)(end - start)) && !memchr(start, '?', (size_t)(end - start)))
			return interest_one(e, start, (size_t)(end - start), HF_INTEREST_PARENT) == 0;
		if (start == glob)
			break;
		end = start - 1;
	}
	dot = strrchr(leaf, '.');
	if (dot && dot[1] && !strpbrk(dot, "*?"))
		return interest_one(e, dot, strlen(dot), HF_INTEREST_EXT) == 0;
	return false;
}

#define GLOBS_MAX 2048
struct globs {
	struct hf_engine *e;
	struct hf_fan_glob g[GLOBS_MAX];
	size_t n;
};

/* Also where all files of today get a mark: one that is made later, or lies elsewhere, has none. */
static int glob_one(void *ctx, const struct hf_rule *r, const char *glob, bool exact)
{
	struct globs *gs = ctx;

	if (exact && gs->n < GLOBS_MAX) {
		gs->g[gs->n].glob = strdup(glob);
		if (!gs->g[gs->n].glob)
			return -ENOMEM;
		gs->n++;
	}
	if (!exact || !interest_glob(gs->e, glob))
		hf_engine_note(gs->e, "weakened", "rule %s: reads of '%s' that are not marked by fanotify are only seen, not held, on this host",
			       hf_rule_id(r), exact ? glob : "(not a glob)");
	return 0;
}

/* Marks for the files that are there, names for those to come. A start must not take seconds: the walk is bounded, and what it
 * did not reach is stopped at the exit of its open instead. */
static int setup_protect(struct hf_engine *e)
{
	const struct hf_fan_bounds bounds = { .entries = 200000, .depth = 16, .ms = 300 };
	struct globs *gs = calloc(1, sizeof(*gs));
	unsigned partly = 0;
	int r;

	if (!gs)
		return -ENOMEM;
	gs->e = e;
	r = hf_ruleset_read_globs(e->run->rules, glob_one, gs);
	if (r == 0 && e->fan && gs->n)
		r = hf_fan_protect_all(e->fan, gs->g, gs->n, e->run->user.home, e->run->cwd, &bounds);
	for (size_t i = 0; i < gs->n; i++) {
		partly += !gs->g[i].complete;
		free((char *)gs->g[i].glob);
	}
	if (e->fan)
		hf_engine_note(e, "protected", "%u files marked for %zu patterns; %u patterns could not be searched for everywhere",
			       hf_fan_count(e->fan), gs->n, partly);
	free(gs);
	return r;
}

static bool may_open(void *ctx, uint64_t dev, uint64_t ino)
{
	struct hf_engine *e = ctx;

	/* the action's dev is MKDEV(), the mark's what stat(2) says: taken for one another an exec of a protected file would
	 * make the engine ask itself, and wait */
	return !e->fan || !hf_fan_marked(e->fan, makedev(dev >> 20, dev & 0xfffff), ino);
}

static int setup_guards(struct hf_engine *e, char *err, size_t err_cap)
{
	char why[512] = "";
	int r;

	r = hf_bpf_open(&(struct hf_bpf_options){ .stop_opens = true }, &e->bpf, why, sizeof(why));
	if (r < 0) {
		snprintf(err, err_cap, "BPF programs: %s: %s (holdfast doctor says more)", why, strerror(-r));
		return r;
	}
	hf_cgroup_sweep();
	r = hf_cgroup_create(e->session, &e->cg);
	if (r < 0) {
		snprintf(err, err_cap, "cgroup v2: %s (is it mounted?)", strerror(-r));
		return r;
	}
	r = e->run->caps.wait_killable ? 0 : hf_cgroup_split(&e->cg);
	if (r < 0) {
		snprintf(err, err_cap, "threaded groups below the session's cgroup: %s", strerror(-r));
		return r;
	}
	r = hf_bpf_attach_cgroup(e->bpf, e->cg.dir_fd, &e->hooks);
	if (r < 0) {
		snprintf(err, err_cap, "socket hooks of the session's cgroup: %s", strerror(-r));
		return r;
	}
	r = hf_bpf_session_add(e->bpf, e->session, HF_SESSION_ENFORCE | HF_SESSION_STOP_OPENS |
						   (e->hooks & HF_HOOK_CONNECT_UNIX ? HF_SESSION_ENFORCE_UNIX : 0));
	if (r < 0) {
		snprintf(err, err_cap, "session map: %s", strerror(-r));
		return r;
	}
	e->events_fd = hf_cgroup_events_fd(&e->cg);
	return 0;
}

static int setup_journal(struct hf_engine *e, char *err, size_t err_cap)
{
	char why[512] = "";
	struct hf_jfile_options jo = { .path = e->o->journal, .name = e->name, .session = e->session, .wall_ns = hf_wall_ns() };
	int r = hf_jfile_open(&jo, &e->jfile, why, sizeof(why));

	if (r < 0) {
		snprintf(err, err_cap, "journal: %s", why);
		return r;
	}
	snprintf(e->journal_path, sizeof(e->journal_path), "%s", hf_jfile_path(e->jfile));
	return 0;
}

static int epoll_add(struct hf_engine *e, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };

	return fd < 0 || epoll_ctl(e->ep, EPOLL_CTL_ADD, fd, &ev) == 0 ? 0 : -errno;
}

static int setup_loop(struct hf_engine *e)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGTERM);
	sigaddset(&s, SIGWINCH);
	sigprocmask(SIG_BLOCK, &s, NULL);
	e->sig_fd = signalfd(-1, &s, SFD_CLOEXEC | SFD_NONBLOCK);
	e->ep = epoll_create1(EPOLL_CLOEXEC);
	if (e->ep < 0 || e->sig_fd < 0)
		return -errno;
	if (epoll_add(e, e->front, EPOLLIN) || epoll_add(e, e->sig_fd, EPOLLIN) || epoll_add(e, hf_bpf_ring_fd(e->bpf), EPOLLIN) ||
	    epoll_add(e, e->events_fd, EPOLLPRI))
		return -EIO;
	if (e->fan && epoll_add(e, hf_fan_fd(e->fan), EPOLLIN))
		return -EIO;
	if (e->prompt && epoll_add(e, hf_prompt_fd(e->prompt), EPOLLIN))
		return -EIO;
	return 0;
}

static void setup_name(struct hf_engine *e)
{
	const char *base = strrchr(e->o->argv[0], '/');
	size_t n = 0;

	base = e->o->name ? e->o->name : base ? base + 1 : e->o->argv[0];
	for (; *base && n < sizeof(e->name) - 1; base++)
		e->name[n++] = *base > ' ' && *base < 127 && *base != '/' ? *base : '_';
	e->name[n] = '\0';
	snprintf(e->id, sizeof(e->id), "%016llx", (unsigned long long)e->session);
}

int hf_engine_setup(struct hf_engine *e, char *err, size_t err_cap)
{
	int r;

	setup_self();
	while (e->session == 0)
		if (getrandom(&e->session, sizeof(e->session), 0) != sizeof(e->session))
			return -EIO;
	setup_name(e);
	e->started_ns = hf_now_ns();
	r = setup_memory(e);
	if (r < 0)
		return r;
	r = setup_journal(e, err, err_cap);
	if (r < 0)
		return r;
	r = setup_guards(e, err, err_cap);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < HF_QUESTIONS; i++) {	/* touches one page each: the hooks sit at the end of the slot */
		e->q[i].r.may_open = may_open;
		e->q[i].r.known_ids = hf_engine_known_ids;
		e->q[i].r.ctx = e;
	}
	e->traj = hf_traj_new(e->session, e->run->rules, hf_str_of(e->run->cwd), NULL);
	if (!e->traj)
		return -ENOMEM;
	if (e->run->user.name[0])
		hf_traj_user_name(e->traj, e->run->user.uid, hf_str_of(e->run->user.name));
	r = hf_fan_open(&e->fan);
	if (r < 0)
		e->fan = NULL;
	hf_engine_log_session(e);
	if (!e->fan)
		hf_engine_note(e, "missing-guard", "fanotify: %s: protected files are stopped at the exit of their open only", strerror(-r));
	r = setup_protect(e);
	if (r < 0)
		return r;
	if (e->o->ask != HF_ASK_SOCKET && e->o->on_hold == HF_ON_HOLD_ASK && hf_prompt_open(&e->prompt) < 0)
		e->prompt = NULL;
	if (!e->prompt && e->o->ask == HF_ASK_TTY) {
		snprintf(err, err_cap, "--ask tty: there is no terminal");
		return -ENXIO;
	}
	r = setup_loop(e);
	if (r < 0)
		snprintf(err, err_cap, "event loop: %s", strerror(-r));
	return r;
}

static int start_expect(struct hf_engine *e, uint32_t type, struct hf_msg *m)
{
	int r = hf_msg_recv(e->front, m);

	return r < 0 ? r : m->type == type ? 0 : -EPROTO;
}

static int start_member(struct hf_engine *e, char *err, size_t err_cap)
{
	int r;

	e->cmd_pidfd = pidfd_open(e->cmd_pid, 0);
	if (e->cmd_pidfd < 0) {
		r = -errno;
		snprintf(err, err_cap, "pidfd of the command: %s", strerror(-r));
		return r;
	}
	r = hf_cgroup_add(&e->cg, e->cmd_pid);
	if (r < 0) {
		snprintf(err, err_cap, "moving the command into %s: %s", e->cg.path, strerror(-r));
		return r;
	}
	r = hf_bpf_task_add(e->bpf, e->cmd_pidfd, e->session);
	if (r < 0)
		snprintf(err, err_cap, "task storage of the command: %s", strerror(-r));
	return r;
}

int hf_engine_start_cmd(struct hf_engine *e, char *err, size_t err_cap)
{
	struct hf_msg m;
	int r;

	if (hf_msg_send(e->front, HF_MSG_READY, 0, e->session, NULL) < 0 || start_expect(e, HF_MSG_CHILD, &m) < 0)
		return -EPIPE;
	e->cmd_pid = m.a;
	r = start_member(e, err, err_cap);
	if (r < 0)
		return r;
	e->front_pidfd = pidfd_open(e->run->front_pid, 0);
	if (hf_msg_send(e->front, HF_MSG_GO, 0, 0, NULL) < 0 || start_expect(e, HF_MSG_LISTENER, &m) < 0)
		return -EPIPE;
	e->listener = pidfd_getfd(e->cmd_pidfd, m.a, 0);
	if (e->listener < 0) {
		r = -errno;
		snprintf(err, err_cap, "taking the seccomp listener: %s", strerror(-r));
		return r;
	}
	if (e->run->caps.sync_wakeup)
		e->sync_wakeup = hf_notif_set_sync(e->listener) == 0;
	r = hf_guardian_start_watching(&e->cg, e->turns, HF_TURN_LIMIT_MS, &e->guardian, &e->guardian_fd, &e->guardian_ctl);
	if (r < 0) {
		snprintf(err, err_cap, "guardian: %s", strerror(-r));
		return r;
	}
	/* After the guardian's fork: a copy of its own would keep the socket listening when the engine is dead. */
	r = hf_ctl_open(e->session, hf_engine_control, e, &e->ctl);
	if (r < 0) {
		snprintf(err, err_cap, "control socket in %s: %s", HF_CTL_DIR, strerror(-r));
		return r;
	}
	if (epoll_add(e, hf_ctl_fd(e->ctl), EPOLLIN) || epoll_add(e, e->listener, EPOLLIN) || epoll_add(e, e->guardian_fd, EPOLLIN))
		return -EIO;
	return hf_msg_send(e->front, HF_MSG_GO, 0, 0, NULL);
}

void hf_engine_teardown(struct hf_engine *e)
{
	hf_prompt_close(&e->prompt);
	hf_ctl_close(&e->ctl);
	if (e->jfile)
		hf_jfile_close(&e->jfile);
	hf_fan_close(&e->fan);
	if (e->listener >= 0)
		close(e->listener);
	hf_bpf_close(&e->bpf);
	if (e->cg.dir_fd >= 0)
		hf_cgroup_remove(&e->cg);
	if (e->guardian_ctl >= 0)
		hf_guardian_release(&e->guardian_ctl);
	hf_guardian_turns_free(&e->turns);
	hf_traj_free(&e->traj);
	hf_holds_free(&e->holds);
}
