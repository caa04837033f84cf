/* SPDX-License-Identifier: Apache-2.0 */
/* Which hold stands on the terminal, and what the person answered. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "engine/engine.h"

#define REDRAW_NS (1000ull * 1000 * 1000)
#define ANNOUNCE_NS (500ull * 1000 * 1000)		/* a shell is just handing the terminal over */
#define REDRAW_SHARED_NS (200ull * 1000 * 1000)	/* with --pause process others write into what stands there */

static bool pgrp_in_session(void *ctx, pid_t pgrp)
{
	const struct hf_engine *e = ctx;
	uint64_t s;

	return hf_cgroup_session_of(pgrp, &s) == 1 && s == e->session;
}

static void prompt_draw(struct hf_engine *e)
{
	const struct hf_question *q = e->shown;
	char id[32];
	struct hf_prompt_view v = {
		.session_name = e->name, .hold_id = id, .action = &q->a, .proc = hf_traj_proc(e->traj, q->a.tgid, q->a.start_ns),
		.judgement = &q->j, .traj = e->traj, .now_ns = hf_now_ns(), .deadline_ns = q->hold->deadline_ns,
		.waiting = hf_holds_waiting(e->holds) - 1, .on_timeout = e->o->timeout_allows ? "allow" : "deny",
	};

	hf_hold_id(e, q->hold, id, sizeof(id));
	hf_prompt_draw(e->prompt, &v);
	e->drawn_ns = v.now_ns;
}

static void prompt_release(struct hf_engine *e)
{
	pid_t fg = hf_prompt_release(e->prompt);

	e->shown = NULL;
	if (fg > 0)
		kill(-fg, SIGWINCH);	/* full-screen programs draw themselves anew */
}

/* The hold on the screen is over: the next one is shown by hf_engine_prompt_step(). */
void hf_engine_prompt_drop(struct hf_engine *e, const struct hf_question *q)
{
	if (e->prompt && e->shown == q)
		prompt_release(e);
}

void hf_engine_prompt_step(struct hf_engine *e)
{
	uint64_t redraw_ns = e->o->pause_session ? REDRAW_NS : REDRAW_SHARED_NS;
	struct hf_hold *h;

	if (!e->prompt || e->o->ask == HF_ASK_SOCKET)
		return;
	if (e->shown) {
		if (hf_now_ns() - e->drawn_ns >= redraw_ns)
			prompt_draw(e);
		return;
	}
	h = hf_holds_at(e->holds, 0);
	if (!h)
		return;
	/* A background job or a stopped one must not take the shell's terminal; the socket can answer meanwhile. */
	if (!hf_prompt_may_take(e->prompt, getpgid(e->run->front_pid), pgrp_in_session, e)) {
		if (hf_now_ns() - h->asked_ns >= ANNOUNCE_NS)
			hf_engine_announce(e, &e->q[h->guard_cookie]);
		return;
	}
	if (hf_prompt_take(e->prompt) < 0)
		return;
	e->shown = &e->q[h->guard_cookie];
	prompt_draw(e);
}

void hf_engine_prompt_input(struct hf_engine *e)
{
	enum hf_prompt_answer ans = hf_prompt_input(e->prompt);
	struct hf_question *q = e->shown;
	bool allow = ans == HF_ANSWER_ALLOW_ONCE || ans == HF_ANSWER_ALLOW_SESSION;

	if (!q)
		return;
	if (hf_prompt_gone(e->prompt)) {	/* hung up: what waits is asked by the socket only */
		prompt_release(e);
		hf_prompt_close(&e->prompt);
		hf_engine_note(e, "terminal-gone", "the terminal hung up: decide by 'holdfast holds'");
		return;
	}
	if (ans == HF_ANSWER_NONE) {
		prompt_draw(e);
		return;
	}
	hf_engine_decide(e, q, allow ? HF_DEC_ALLOW : HF_DEC_DENY, ans == HF_ANSWER_ALLOW_SESSION ? HF_SCOPE_SESSION : HF_SCOPE_ONCE,
			 "tty", getuid(), e->run->front_pid);
	if (ans == HF_ANSWER_DENY_STOP)
		hf_engine_kill(e, "stopped by the person who decided");
}
