/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The question on the terminal. It shares the terminal with an agent that may be hostile and, with --pause process, may still
 * run: so every draw checks that the terminal is still ours, and nothing typed before the question was visible counts.
 */
#include "prompt.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include "prompt_keys.h"

#define GUARD_MS 400		/* after the first draw of a question, keys answer nothing */
#define QUIET_MS 100		/* an escape sequence arrives in one go; later bytes are keys again */
#define PASTE_MS 2000		/* a paste whose end does not come is given up */
#define RELEASE_MS 100		/* at most so long is waited for the terminal to take the restoring bytes */
#define OUT_CAP (256u << 10)

/* Asks for alternate screen, autowrap and cursor before they are changed, then: alternate screen; no origin mode, margins,
 * insert mode or line-drawing set of the agent's, which would move or garble what we draw; no autowrap; no cursor. */
#define ENTER_ASK "\033[?1049$p\033[?47$p\033[?7$p\033[?25$p"
#define ENTER_DRAW "\033[?1049h\033[?69l\033[?6l\033[4l\033(B\017\033[?7l\033[?25l\033[0m\033[2J"
/*
 * tmux and screen do not answer ?1049$p. They restore the cursor when the alternate screen is left, so: say where the cursor is,
 * put it on a mark, enter, move, leave, say where it is now. On the mark: the agent had not entered. The agent's page is lost
 * by this, but it is drawn over anyway, and drawn anew by the agent afterwards.
 */
#define ENTER_PROBE "\033[6n\033[%u;%uH\033[?1049h\033[H\033[?1049l\033[6n"
#define CANCEL "\030"		/* CAN: ends an escape sequence that was written in part */

struct hf_prompt {
	int fd;
	int ep;				/* holds fd while the terminal is taken: else each key for the agent would wake the engine */
	bool taken, gone, plain, colour, utf8, mux;
	unsigned mark_row, mark_col;	/* of ENTER_PROBE */
	struct termios saved, ours;
	pid_t saved_pgrp;
	sigset_t saved_mask;
	struct hf_keys keys;
	unsigned page, scroll, lines, height;
	char shown[64];			/* hold id on the screen; "" none */
	uint64_t guard_until_ms;	/* UINT64_MAX: nothing is visible yet */
	uint64_t last_byte_ms;
	char *out;
	size_t out_len, out_off, frame_at;
	bool frame_queued;		/* from frame_at on: a page; not begun, it may be replaced by a newer one */
	bool enter_again, wrote;
	uint32_t events;
	char drawn_plain[80];		/* what TERM=dumb has on paper: it is printed once */
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static bool is_utf8_locale(void)
{
	const char *l = getenv("LC_ALL");

	if (!l || !*l)
		l = getenv("LC_CTYPE");
	if (!l || !*l)
		l = getenv("LANG");
	return l && (strcasestr(l, "utf-8") || strcasestr(l, "utf8"));
}

int hf_prompt_open(struct hf_prompt **ret)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");
	struct hf_prompt *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->ep = -1;
	p->out = malloc(OUT_CAP);
	/* A description of our own: O_NONBLOCK on an inherited one would reach the agent. */
	p->fd = open("/dev/tty", O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (p->fd >= 0)
		p->ep = epoll_create1(EPOLL_CLOEXEC);
	if (p->fd < 0 || p->ep < 0 || !p->out) {
		r = p->fd < 0 || p->ep < 0 ? -errno : -ENOMEM;
		hf_prompt_close(&p);
		return r;
	}
	p->plain = !term || !*term || strcmp(term, "dumb") == 0;
	p->colour = !p->plain && !(no && *no);
	p->utf8 = is_utf8_locale();
	p->mux = term && (strncmp(term, "tmux", 4) == 0 || strncmp(term, "screen", 6) == 0);
	*ret = p;
	return 0;
}

void hf_prompt_close(struct hf_prompt **pp)
{
	struct hf_prompt *p = *pp;

	if (!p)
		return;
	hf_prompt_release(p);
	if (p->fd >= 0)
		close(p->fd);
	if (p->ep >= 0)
		close(p->ep);
	free(p->out);
	free(p);
	*pp = NULL;
}

int hf_prompt_fd(const struct hf_prompt *p)
{
	return p->ep;
}

bool hf_prompt_may_take(const struct hf_prompt *p, pid_t front_pgrp, bool (*in_session)(void *ctx, pid_t pgrp), void *ctx)
{
	pid_t fg = tcgetpgrp(p->fd);

	return fg > 0 && (fg == front_pgrp || (in_session && in_session(ctx, fg)));
}

/* While the terminal's foreground group is not ours, ioctls and writes would stop us with SIGTTOU, reads with SIGTTIN. */
static void block_tty_signals(sigset_t *old)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGTTOU);
	sigaddset(&s, SIGTTIN);
	pthread_sigmask(SIG_BLOCK, &s, old);
}

static void watch(struct hf_prompt *p, uint32_t events)
{
	struct epoll_event ev = { .events = events };

	if (events == p->events)
		return;
	epoll_ctl(p->ep, !events ? EPOLL_CTL_DEL : p->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, p->fd, &ev);
	p->events = events;
}

static void flush_out(struct hf_prompt *p)
{
	while (p->out_off < p->out_len) {
		ssize_t n = write(p->fd, p->out + p->out_off, p->out_len - p->out_off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		p->out_off += (size_t)n;
		p->wrote = true;
	}
	if (p->frame_queued)
		p->enter_again = false;
	p->frame_queued = false;
	p->out_len = p->out_off = 0;
}

static void flush_and_watch(struct hf_prompt *p)
{
	flush_out(p);
	if (p->taken && !p->gone)
		watch(p, p->out_len ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

bool hf_prompt_gone(const struct hf_prompt *p)
{
	return p->gone;
}

bool hf_prompt_pending(const struct hf_prompt *p)
{
	return p->out_len > 0;
}

static void append(struct hf_prompt *p, const char *z)
{
	size_t n = strlen(z);

	if (n > OUT_CAP - p->out_len)
		return;		/* only when the terminal took nothing for long: the next draw starts anew */
	memcpy(p->out + p->out_len, z, n);
	p->out_len += n;
}

static int raw_mode(struct hf_prompt *p)
{
	struct termios t = p->saved;

	cfmakeraw(&t);
	t.c_cflag = p->saved.c_cflag;
	t.c_cc[VMIN] = 1;	/* with O_NONBLOCK: EAGAIN when there is nothing, 0 only after a hang-up */
	t.c_cc[VTIME] = 0;
	if (p->plain)
		t.c_oflag = p->saved.c_oflag | OPOST | ONLCR;
	/* TCSANOW: draining could wait for ever for a terminal stopped by Ctrl-S. */
	if (tcsetattr(p->fd, TCSANOW, &t) < 0)
		return -errno;
	if (tcgetattr(p->fd, &p->ours) < 0)
		return -errno;
	tcflow(p->fd, TCOON);
	tcflush(p->fd, TCIFLUSH);
	return 0;
}

static void size_of(const struct hf_prompt *p, struct hf_prompt_screen *s)
{
	struct winsize ws;

	if (ioctl(p->fd, TIOCGWINSZ, &ws) < 0 || !ws.ws_row || !ws.ws_col)
		ws = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	s->rows = ws.ws_row;
	s->cols = ws.ws_col;
}

static void enter_screen(struct hf_prompt *p)
{
	struct hf_prompt_screen s;
	char probe[64];

	append(p, CANCEL ENTER_ASK);
	if (p->mux) {
		size_of(p, &s);
		/* any place but the corner, where nobody would expect a saved cursor */
		p->mark_row = 2 + (unsigned)(now_ms() % (s.rows > 2 ? s.rows - 1 : 1));
		p->mark_col = 2 + (unsigned)(now_ms() / 64 % (s.cols > 2 ? s.cols - 1 : 1));
		snprintf(probe, sizeof(probe), ENTER_PROBE, p->mark_row, p->mark_col);
		append(p, probe);
	}
	append(p, ENTER_DRAW);
}

int hf_prompt_take(struct hf_prompt *p)
{
	struct termios saved;
	pid_t fg;
	int r;

	if (p->taken)
		return -EBUSY;
	fg = tcgetpgrp(p->fd);
	if (fg < 0 || tcgetattr(p->fd, &saved) < 0)
		return -errno;
	block_tty_signals(&p->saved_mask);
	p->saved = saved;
	p->saved_pgrp = fg;
	if (fg != getpgrp() && tcsetpgrp(p->fd, getpgrp()) < 0) {
		r = -errno;
		goto fail;
	}
	r = raw_mode(p);
	if (r < 0) {
		tcsetattr(p->fd, TCSANOW, &saved);
		tcsetpgrp(p->fd, fg);
		goto fail;
	}
	p->taken = true;
	memset(&p->keys, 0, sizeof(p->keys));
	p->shown[0] = p->drawn_plain[0] = 0;
	p->guard_until_ms = UINT64_MAX;
	p->out_len = p->out_off = 0;
	p->frame_queued = p->enter_again = p->wrote = p->gone = false;
	if (!p->plain)
		enter_screen(p);
	flush_and_watch(p);
	return 0;
fail:
	pthread_sigmask(SIG_SETMASK, &p->saved_mask, NULL);
	return r;
}

/* Someone else changed the terminal under us (a program of a session that is not paused): what it set is what we give back
 * later; then it is ours again, and what was typed meanwhile was meant for something else. */
static void retake(struct hf_prompt *p)
{
	struct termios t;
	pid_t fg = tcgetpgrp(p->fd);
	bool lost = false;

	if (fg > 0 && fg != getpgrp()) {
		if (tcsetpgrp(p->fd, getpgrp()) == 0)
			p->saved_pgrp = fg;
		lost = true;
	}
	if (tcgetattr(p->fd, &t) == 0 && (t.c_lflag != p->ours.c_lflag || t.c_iflag != p->ours.c_iflag ||
					  t.c_oflag != p->ours.c_oflag)) {
		p->saved = t;
		lost = true;
	}
	if (!lost)
		return;
	raw_mode(p);
	p->guard_until_ms = UINT64_MAX;
	p->enter_again = true;
}

static void new_question(struct hf_prompt *p, const char *id)
{
	bool first = !p->shown[0];

	snprintf(p->shown, sizeof(p->shown), "%s", id);
	p->page = p->scroll = 0;
	p->guard_until_ms = UINT64_MAX;
	if (!first)	/* hf_prompt_take() has just done it, and the terminal's answers are on their way */
		tcflush(p->fd, TCIFLUSH);
}

int hf_prompt_draw(struct hf_prompt *p, const struct hf_prompt_view *v)
{
	struct hf_prompt_screen s = { .page = p->page, .colour = p->colour, .utf8 = p->utf8, .plain = p->plain };
	const char *id = v->hold_id && *v->hold_id ? v->hold_id : "?";
	char mark[sizeof(p->drawn_plain)];

	if (!p->taken)
		return -EINVAL;
	retake(p);
	if (strcmp(p->shown, id) != 0)
		new_question(p, id);
	flush_and_watch(p);
	if (p->frame_queued) {
		if (p->out_off > p->frame_at)
			return 0;	/* half of it is on its way: another would land inside a sequence */
		p->out_len = p->frame_at;
		p->frame_queued = false;
	}
	s.page = p->page;
	s.scroll = p->scroll;
	size_of(p, &s);
	snprintf(mark, sizeof(mark), "%s/%u", id, p->page);
	if (p->plain && strcmp(mark, p->drawn_plain) == 0)
		return 0;
	p->frame_at = p->out_len;
	p->frame_queued = true;
	if (p->enter_again && !p->plain)
		append(p, ENTER_DRAW);
	p->out_len += hf_prompt_render(v, &s, p->out + p->out_len, OUT_CAP - p->out_len);
	memcpy(p->drawn_plain, mark, sizeof(mark));
	p->lines = s.ret_lines;
	p->height = s.ret_height;
	if (p->scroll > (p->lines > p->height ? p->lines - p->height : 0))
		p->scroll = p->lines > p->height ? p->lines - p->height : 0;
	flush_and_watch(p);
	if (p->guard_until_ms == UINT64_MAX && !p->out_len)
		p->guard_until_ms = now_ms() + GUARD_MS;
	return 0;
}

static void scroll_by(struct hf_prompt *p, long by)
{
	long max = p->lines > p->height ? (long)(p->lines - p->height) : 0, at = (long)p->scroll + by;

	p->scroll = (unsigned)(at < 0 ? 0 : at > max ? max : at);
}

static enum hf_prompt_answer act(struct hf_prompt *p, int key)
{
	long page = p->height > 1 ? (long)p->height - 1 : 1;

	switch (key) {
	case 'a':
		return HF_ANSWER_ALLOW_ONCE;
	case 's':
		return HF_ANSWER_ALLOW_SESSION;
	case 'd': case HF_KEY_CTRL_C:
		return HF_ANSWER_DENY;
	case 'k':
		return HF_ANSWER_DENY_STOP;
	case 't': case 'q':
		p->page = key == 't' ? !p->page : 0;
		p->scroll = 0;
		break;
	case HF_KEY_UP:
		scroll_by(p, -1);
		break;
	case HF_KEY_DOWN:
		scroll_by(p, 1);
		break;
	case HF_KEY_PGUP:
		scroll_by(p, -page);
		break;
	case HF_KEY_PGDN: case ' ':
		scroll_by(p, page);
		break;
	case HF_KEY_HOME:
		p->scroll = 0;
		break;
	case HF_KEY_END:
		scroll_by(p, (long)p->lines);
		break;
	}
	return HF_ANSWER_NONE;
}

enum hf_prompt_answer hf_prompt_input(struct hf_prompt *p)
{
	enum hf_prompt_answer answer = HF_ANSWER_NONE, one;
	unsigned char buf[256];
	unsigned nkeys = 0, reads = 0;
	uint64_t now = now_ms();
	ssize_t n = -1;

	if (!p->taken)
		return HF_ANSWER_NONE;
	if (now - p->last_byte_ms > QUIET_MS)
		hf_keys_quiet(&p->keys);
	if (now - p->last_byte_ms > PASTE_MS)
		p->keys.paste = false;
	flush_and_watch(p);
	while (reads++ < 16 && (n = read(p->fd, buf, sizeof(buf))) > 0) {
		p->last_byte_ms = now;
		for (ssize_t i = 0; i < n; i++) {
			int key = hf_keys_feed(&p->keys, buf[i]);

			if (key == HF_KEY_NONE || p->guard_until_ms > now)
				continue;
			nkeys++;
			one = act(p, key);
			/* Of several answers the safer one counts; see below for approvals. */
			if (one > answer)
				answer = one;
		}
	}
	if (n == 0 || (n < 0 && errno == EIO && tcgetpgrp(p->fd) < 0))
		p->gone = true;
	if (p->gone)
		watch(p, 0);	/* it would stay readable for ever */
	/* A person's key comes alone. Several at once are pasted or were typed ahead of the screen: they approve nothing. */
	if (nkeys > 1 && (answer == HF_ANSWER_ALLOW_ONCE || answer == HF_ANSWER_ALLOW_SESSION))
		return HF_ANSWER_NONE;
	return answer;
}

static void leave_screen(struct hf_prompt *p)
{
	bool was_alt = p->keys.alt_screen == 2 || p->keys.alt_screen_old == 2;
	bool probed = p->mux && !p->keys.alt_screen && p->keys.ncpr == 2;
	char back[32] = "";
	uint64_t until = now_ms() + RELEASE_MS;

	p->out_len = p->out_off = 0;
	if (!p->wrote)
		return;		/* the terminal took nothing, so there is nothing to undo */
	if (probed && (p->keys.cpr[1].row != p->mark_row || p->keys.cpr[1].col != p->mark_col))
		was_alt = true;
	else if (p->mux && p->keys.ncpr)
		snprintf(back, sizeof(back), "\033[%u;%uH", p->keys.cpr[0].row, p->keys.cpr[0].col);
	append(p, CANCEL "\033[0m\033[2J\033[H");
	if (p->keys.wrap != 3)
		append(p, "\033[?7h");
	if (p->keys.cursor != 3)
		append(p, "\033[?25h");
	if (!was_alt)
		append(p, "\033[?1049l");
	append(p, back);
	for (;;) {
		struct pollfd pfd = { .fd = p->fd, .events = POLLOUT };
		uint64_t now = now_ms();

		flush_out(p);
		if (!p->out_len || now >= until || poll(&pfd, 1, (int)(until - now)) <= 0)
			break;
	}
	p->out_len = p->out_off = 0;
}

pid_t hf_prompt_release(struct hf_prompt *p)
{
	pid_t fg = p->saved_pgrp;
	int r = 0;

	if (!p->taken)
		return -EINVAL;
	p->taken = false;
	watch(p, 0);
	if (!p->plain)
		leave_screen(p);
	tcflush(p->fd, TCIFLUSH);	/* a second press of the answer's key is not for the agent */
	if (tcsetattr(p->fd, TCSANOW, &p->saved) < 0)
		r = -errno;
	if (fg != getpgrp() && tcsetpgrp(p->fd, fg) < 0)
		r = -errno;
	pthread_sigmask(SIG_SETMASK, &p->saved_mask, NULL);
	return r < 0 ? r : fg;
}
