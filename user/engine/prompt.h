/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The question on the terminal. Event-driven: the engine's loop calls it, nothing here blocks. The rendering is a pure
 * function of the view, so that it can be tested without a terminal.
 */
#ifndef HF_PROMPT_H
#define HF_PROMPT_H
#include <sys/types.h>
#include "core/hold.h"
#include "core/traj.h"

struct hf_prompt_view {
	const char *session_name;
	const char *hold_id;			/* as `holds` shows it */
	const struct hf_action *action;
	const struct hf_proc *proc;		/* who; its parents up to the agent; NULL: unknown */
	const struct hf_judgement *judgement;
	const struct hf_traj *traj;		/* for the trajectory page */
	uint64_t now_ns, deadline_ns;		/* CLOCK_BOOTTIME */
	unsigned waiting;			/* further holds behind this one */
	const char *on_timeout;			/* "deny" or "allow" */
};

enum hf_prompt_answer { HF_ANSWER_NONE, HF_ANSWER_ALLOW_ONCE, HF_ANSWER_ALLOW_SESSION, HF_ANSWER_DENY, HF_ANSWER_DENY_STOP };

struct hf_prompt;
/* Opens /dev/tty (non-blocking, close-on-exec). -ENXIO: no controlling terminal. */
int hf_prompt_open(struct hf_prompt **ret);
void hf_prompt_close(struct hf_prompt **p);		/* restores the terminal if it is taken */
int hf_prompt_fd(const struct hf_prompt *p);		/* an epoll descriptor: readable when hf_prompt_input() has work, never while the terminal is not taken */
/* May we take it now? Only when the terminal's foreground process group belongs to our job: front_pgrp, or a process group
 * whose processes are in the session (in_session(ctx, pgrp)). A background job must not steal the shell's terminal. */
bool hf_prompt_may_take(const struct hf_prompt *p, pid_t front_pgrp, bool (*in_session)(void *ctx, pid_t pgrp), void *ctx);
/* Takes the terminal: saves termios and foreground group, makes the caller's group the foreground one (SIGTTOU is blocked by
 * us), raw mode, alternate screen (asks the terminal by DECRQM whether the agent already uses it; then it is not left at the end),
 * drains typed-ahead input so that a key pressed before the question was visible answers nothing. -EBUSY already taken. */
int hf_prompt_take(struct hf_prompt *p);
/* Draws the view; call again each second for the time left, and after SIGWINCH. Never blocks. A view with another hold_id than
 * the last one starts anew: what is typed in its first 400 ms counts for nothing. */
int hf_prompt_draw(struct hf_prompt *p, const struct hf_prompt_view *v);
/* Reads what was typed. Approvals count only as a key of their own: pasted text answers nothing. Ctrl-C denies. */
enum hf_prompt_answer hf_prompt_input(struct hf_prompt *p);
/* The terminal hung up: nothing comes from it any more; the socket still answers. */
bool hf_prompt_gone(const struct hf_prompt *p);
/* Gives everything back: screen, modes, foreground group; returns that group (for SIGWINCH to it after the thaw) or -errno. */
pid_t hf_prompt_release(struct hf_prompt *p);

/* Are there bytes that the terminal did not take yet (a slow line, Ctrl-S)? hf_prompt_fd() tells when it goes on. */
bool hf_prompt_pending(const struct hf_prompt *p);

/* Pure: the page as terminal bytes. Every line is placed absolutely and cut or folded to the width, so that nothing an agent
 * named can draw outside its own line. Length (<= cap). */
struct hf_prompt_screen {
	unsigned page;			/* 0 the question, 1 the trajectory */
	unsigned scroll;		/* first line of the body; clamped */
	unsigned rows, cols;
	bool colour;
	bool utf8;			/* false: ASCII only, other characters as \u{NNNN} */
	bool plain;			/* TERM=dumb: no escape sequences, all lines */
	unsigned ret_lines, ret_height;	/* out: lines of the body, and how many of them are visible */
};
size_t hf_prompt_render(const struct hf_prompt_view *v, struct hf_prompt_screen *s, char *out, size_t cap);
#endif
