/* SPDX-License-Identifier: Apache-2.0 */
/* The loop, from READY to the last descendant's end. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "engine/engine.h"

#define LOSS_CHECK_NS (500ull * 1000 * 1000)

/* The front wants to know how it ended; whoever still runs stays watched. */
static void front_bye(struct hf_engine *e)
{
	char text[1000], killed[160] = "";

	if (e->front_gone)
		return;
	if (e->killed)
		snprintf(killed, sizeof(killed), "session killed: %s; ", e->killed_why);
	if (e->ending)
		snprintf(text, sizeof(text), "%s%llu held, %llu denied; journal %.600s, last hash %s", killed,
			 (unsigned long long)e->c.held, (unsigned long long)e->c.denied, e->journal_path, hf_jfile_hash(e->jfile));
	else
		snprintf(text, sizeof(text), "%s left processes running: they stay watched; journal goes on in %.600s (holdfast sessions)",
			 e->name, e->journal_path);
	hf_msg_send(e->front, HF_MSG_SAY, 0, 0, text);
	if (e->ending && hf_jfile_error(e->jfile))
		hf_msg_send(e->front, HF_MSG_ERROR, 0, 0, "the journal is incomplete: it could not be written (disk full?)");
	hf_msg_send(e->front, HF_MSG_BYE, 0, 0, NULL);
	e->front_gone = true;
}

static void finish(struct hf_engine *e)
{
	if (e->ending)
		return;
	e->ending = true;
	hf_engine_drain(e);
	hf_engine_loss(e);
	hf_engine_account(e);
	hf_engine_log_end(e);
	hf_jfile_flush(e->jfile);
}

static void on_front(struct hf_engine *e)
{
	struct hf_msg m;
	int r = hf_msg_recv(e->front, &m);

	if (r < 0) {
		epoll_ctl(e->ep, EPOLL_CTL_DEL, e->front, NULL);
		if (!e->front_gone && !e->cmd_exited) {
			/* kill -9 of what the caller takes for CMD: without Holdfast that would have been CMD's end */
			hf_engine_note(e, "front-died", "the process that started the session is gone: the command is ended");
			kill(e->cmd_pid, SIGKILL);
			e->cmd_exited = true;
			e->cmd_status = SIGKILL;
		}
		e->front_gone = true;
		return;
	}
	if (m.type != HF_MSG_EXITED)
		return;
	e->cmd_exited = true;
	e->cmd_status = m.a;
	hf_engine_drain(e);
	if (e->o->kill_descendants)
		hf_cgroup_kill(&e->cg);
	/* A process that was killed or is just exiting leaves the cgroup a moment later. */
	for (int i = 0; i < 100 && hf_cgroup_populated(&e->cg) == 1; i++) {
		struct timespec ms = { .tv_nsec = 500 * 1000 };

		if (!e->o->kill_descendants && !e->killed && i >= 4)
			break;
		nanosleep(&ms, NULL);
	}
	if (hf_cgroup_populated(&e->cg) != 1)
		finish(e);
	front_bye(e);
}

static void on_guardian(struct hf_engine *e)
{
	close(e->guardian_fd);
	close(e->guardian_ctl);
	waitpid(e->guardian, NULL, 0);
	hf_engine_note(e, "guardian-died", "the guardian was ended from outside: started anew");
	e->guardian_fd = e->guardian_ctl = -1;
	if (hf_guardian_start_watching(&e->cg, e->turns, HF_TURN_LIMIT_MS, &e->guardian, &e->guardian_fd, &e->guardian_ctl) == 0) {
		struct epoll_event ev = { .events = EPOLLIN, .data.fd = e->guardian_fd };

		epoll_ctl(e->ep, EPOLL_CTL_ADD, e->guardian_fd, &ev);
		return;
	}
	hf_engine_kill(e, "no guardian could be started");
}

static void on_signal(struct hf_engine *e)
{
	struct signalfd_siginfo si;

	while (read(e->sig_fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo == SIGTERM)
			hf_engine_kill(e, "the engine was asked to end (SIGTERM)");
		else if (si.ssi_signo == SIGWINCH)
			e->drawn_ns = 0;
	}
}

/* CMD went on or ended while the front, its parent, stands still: somebody other than the shell did that. */
static void wake_front(struct hf_engine *e)
{
	char path[64], line[512], *state = NULL;
	FILE *f;

	if (e->front_gone || !atomic_load(&e->run->shared->front_stopped))
		return;
	snprintf(path, sizeof(path), "/proc/%d/stat", e->cmd_pid);
	f = fopen(path, "re");
	if (f && fgets(line, sizeof(line), f))
		state = strrchr(line, ')');
	if (f)
		fclose(f);
	if (!state || (state[2] != 'T' && state[2] != 't'))
		kill(e->run->front_pid, SIGCONT);
}

/* The front asks whose a stop of CMD is: all records up to now have been looked at when it gets its answer. */
static void drain(struct hf_engine *e)
{
	uint32_t asked = atomic_load(&e->run->shared->stop_asked);

	hf_engine_drain(e);
	atomic_store(&e->run->shared->stop_answered, asked);
}

static void dispatch(struct hf_engine *e, int fd, uint32_t events)
{
	if (fd == e->listener && (events & EPOLLHUP))
		epoll_ctl(e->ep, EPOLL_CTL_DEL, fd, NULL);	/* nobody has the filter any more; what is left in the cgroup came otherwise */
	else if (fd == e->listener)
		hf_engine_on_notif(e);
	else if (e->fan && fd == hf_fan_fd(e->fan))
		hf_engine_on_fan(e);
	else if (fd == hf_ctl_fd(e->ctl))
		hf_ctl_step(e->ctl);
	else if (e->prompt && fd == hf_prompt_fd(e->prompt))
		hf_engine_prompt_input(e);
	else if (fd == e->front)
		on_front(e);
	else if (fd == e->guardian_fd)
		on_guardian(e);
	else if (fd == e->sig_fd)
		on_signal(e);
	else if (fd == e->events_fd)
		hf_cgroup_events_read(fd, &(int){ 0 }, &(int){ 0 });
	/* the ring and cgroup.events only wake the loop: both are looked at below */
}

static void loop(struct hf_engine *e)
{
	while (!(e->ending && e->front_gone)) {
		struct epoll_event ev[16];
		uint64_t now;
		int n;

		hf_guardian_turn(e->turns, false);
		n = epoll_wait(e->ep, ev, 16, (int)hf_engine_wait_ms(e));
		hf_guardian_turn(e->turns, true);
		for (int i = 0; i < n; i++)
			dispatch(e, ev[i].data.fd, ev[i].events);
		drain(e);
		hf_engine_step_holds(e);
		hf_engine_prompt_step(e);
		now = hf_now_ns();
		if (now - e->last_state_ns >= LOSS_CHECK_NS) {
			e->last_state_ns = now;
			hf_engine_loss(e);
			hf_jfile_flush(e->jfile);
			wake_front(e);
		}
		if (e->cmd_exited && !e->ending && hf_cgroup_populated(&e->cg) != 1) {
			finish(e);
			front_bye(e);
		}
	}
}

_Noreturn void hf_engine_main(struct hf_run *r)
{
	struct hf_engine *e = calloc(1, sizeof(*e));
	char err[900] = "";
	int rc;

	if (!e)
		_exit(125);
	e->run = r;
	e->o = r->o;
	e->front = r->sock[1];
	e->listener = e->guardian_fd = e->guardian_ctl = e->cmd_pidfd = e->front_pidfd = e->events_fd = e->cg.dir_fd = -1;
	rc = hf_engine_setup(e, err, sizeof(err));
	if (rc == 0)
		rc = hf_engine_start_cmd(e, err, sizeof(err));
	if (rc < 0) {
		if (e->cg.dir_fd >= 0)
			hf_cgroup_kill(&e->cg);
		if (rc != -EPIPE)
			hf_msg_send(e->front, HF_MSG_ERROR, -rc, 0, err[0] ? err : strerror(-rc));
		hf_engine_teardown(e);
		_exit(125);
	}
	loop(e);
	hf_engine_teardown(e);
	_exit(0);
}
