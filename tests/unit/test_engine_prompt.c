/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The prompt on a pseudo terminal. The child is the engine (session leader, in a background group) and has a child of its own
 * in the foreground group, the agent; this process is the terminal and the person.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include "engine/prompt.h"

enum cmd { TAKE, DRAW, INPUT, RELEASE, STATE, MAY_TAKE, STEAL, GONE, CLOSE };
struct reply {
	int r;
	pid_t fg, engine, agent;
	struct termios t;
	unsigned took_ms;
};

struct rig {
	int master, cmd, res;
	pid_t pid;
	char seen[1 << 20];		/* all that reached the terminal */
	size_t nseen;
};

static unsigned ms_since(const struct timespec *a)
{
	struct timespec b;

	clock_gettime(CLOCK_MONOTONIC, &b);
	return (unsigned)((b.tv_sec - a->tv_sec) * 1000 + (b.tv_nsec - a->tv_nsec) / 1000000);
}

static bool nobody(void *ctx, pid_t pgrp)
{
	return false;
}

static bool is_ctx(void *ctx, pid_t pgrp)
{
	return pgrp == *(pid_t *)ctx;
}

static int draw(struct hf_prompt *p, int arg)
{
	struct hf_action a = { .kind = HF_UNLINK, .tgid = 42, .path = HF_STR("/srv/data.db") };
	char id[16];
	struct hf_prompt_view v = { .session_name = "codex", .hold_id = id, .action = &a, .deadline_ns = UINT64_MAX };

	snprintf(id, sizeof(id), "7f3a-%d", arg);
	return hf_prompt_draw(p, &v);
}

static void steal(pid_t agent)
{
	struct termios t;
	int fd = open("/dev/tty", O_RDWR);

	tcgetattr(fd, &t);
	t.c_lflag |= ISIG | ECHO;
	t.c_cc[VKILL] = 7;
	tcsetattr(fd, TCSANOW, &t);
	tcsetpgrp(fd, agent);
	close(fd);
}

static int one(struct hf_prompt **p, const int c[2], pid_t agent)
{
	struct pollfd pfd = { .fd = *p ? hf_prompt_fd(*p) : -1, .events = POLLIN };
	pid_t me = getpgrp();

	switch (c[0]) {
	case TAKE:
		return hf_prompt_take(*p);
	case DRAW:
		return draw(*p, c[1]);
	case INPUT:
		return poll(&pfd, 1, c[1]) > 0 ? (int)hf_prompt_input(*p) : -ETIMEDOUT;
	case RELEASE:
		return hf_prompt_release(*p);
	case MAY_TAKE:
		return hf_prompt_may_take(*p, c[1] == 0 ? agent : c[1] == 1 ? me : -1, c[1] == 2 ? is_ctx : nobody, &agent);
	case STEAL:
		steal(agent);
		return 0;
	case GONE:
		return hf_prompt_gone(*p);
	case CLOSE:
		hf_prompt_close(p);
		return 0;
	}
	return 0;
}

static void engine_side(int cmd, int res)
{
	struct hf_prompt *p = NULL;
	int c[2], tty;
	pid_t agent = fork();

	if (agent == 0) {
		pause();
		_exit(0);
	}
	signal(SIGTTOU, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	setpgid(agent, agent);
	tcsetpgrp(0, agent);
	signal(SIGTTOU, SIG_DFL);	/* from here on only the prompt's own care keeps us from being stopped */
	tty = open("/dev/tty", O_RDWR);
	if (hf_prompt_open(&p) < 0 || tty < 0)
		_exit(3);
	while (read(cmd, c, sizeof(c)) == sizeof(c)) {
		struct reply r = { .engine = getpgrp(), .agent = agent };
		struct timespec t0;

		clock_gettime(CLOCK_MONOTONIC, &t0);
		r.r = one(&p, c, agent);
		r.took_ms = ms_since(&t0);
		r.fg = tcgetpgrp(tty);
		tcgetattr(tty, &r.t);
		if (write(res, &r, sizeof(r)) != sizeof(r))
			break;
	}
	hf_prompt_close(&p);
	kill(agent, SIGKILL);
	waitpid(agent, NULL, 0);
	_exit(0);
}

/* Reads what the terminal gets, for ms milliseconds of silence. */
static void look(struct rig *g, int ms)
{
	struct pollfd p = { .fd = g->master, .events = POLLIN };

	while (g->nseen < sizeof(g->seen) - 1 && poll(&p, 1, ms) > 0) {
		ssize_t n = read(g->master, g->seen + g->nseen, sizeof(g->seen) - 1 - g->nseen);

		if (n <= 0)
			break;
		g->nseen += (size_t)n;
	}
	g->seen[g->nseen] = 0;
}

static struct reply ask(struct rig *g, enum cmd c, int arg)
{
	int m[2] = { (int)c, arg };
	struct pollfd p = { .fd = g->res, .events = POLLIN };
	struct reply r;

	assert_int_equal(write(g->cmd, m, sizeof(m)), sizeof(m));
	assert_int_equal(poll(&p, 1, 4000), 1);
	assert_int_equal(read(g->res, &r, sizeof(r)), sizeof(r));
	return r;
}

static void type(struct rig *g, const char *keys)
{
	assert_int_equal(write(g->master, keys, strlen(keys)), strlen(keys));
}

static int start(void **state)
{
	struct winsize ws = { .ws_row = 24, .ws_col = 80 };
	struct rig *g = calloc(1, sizeof(*g));
	int c[2], r[2];

	assert_non_null(g);
	assert_int_equal(pipe(c), 0);
	assert_int_equal(pipe(r), 0);
	setenv("TERM", "xterm-256color", 1);
	unsetenv("NO_COLOR");
	setenv("LC_ALL", "C.UTF-8", 1);
	g->pid = forkpty(&g->master, NULL, NULL, &ws);
	assert_true(g->pid >= 0);
	if (g->pid == 0) {
		close(c[1]);
		close(r[0]);
		if (*state && strcmp(*state, "dumb") == 0)
			setenv("TERM", "dumb", 1);
		engine_side(c[0], r[1]);
	}
	close(c[0]);
	close(r[1]);
	g->cmd = c[1];
	g->res = r[0];
	fcntl(g->master, F_SETFD, FD_CLOEXEC);
	ask(g, STATE, 0);
	*state = g;
	return 0;
}

static int stop(void **state)
{
	struct rig *g = *state;
	int status;

	close(g->cmd);
	look(g, 50);
	close(g->res);
	if (g->master >= 0)
		close(g->master);
	assert_int_equal(waitpid(g->pid, &status, 0), g->pid);
	assert_int_equal(status, 0);
	free(g);
	return 0;
}

static int start_dumb(void **state)
{
	*state = "dumb";
	return start(state);
}

static bool saw(const struct rig *g, const char *what)
{
	return memmem(g->seen, g->nseen, what, strlen(what)) != NULL;
}

static void same_termios(const struct termios *a, const struct termios *b)
{
	assert_int_equal(a->c_iflag, b->c_iflag);
	assert_int_equal(a->c_oflag, b->c_oflag);
	assert_int_equal(a->c_cflag, b->c_cflag);
	assert_int_equal(a->c_lflag, b->c_lflag);
	assert_memory_equal(a->c_cc, b->c_cc, sizeof(a->c_cc));
}

static void asleep(int ms)
{
	poll(NULL, 0, ms);
}

static void takes_and_gives_back(void **state)
{
	struct rig *g = *state;
	struct reply before = ask(g, STATE, 0), r;

	assert_int_equal(before.fg, before.agent);
	assert_true(before.t.c_lflag & ICANON);
	r = ask(g, TAKE, 0);
	assert_int_equal(r.r, 0);
	assert_int_equal(r.fg, r.engine);
	assert_false(r.t.c_lflag & (ICANON | ECHO | ISIG));
	assert_int_equal(ask(g, TAKE, 0).r, -EBUSY);
	assert_int_equal(ask(g, DRAW, 2).r, 0);
	look(g, 50);
	assert_true(saw(g, "\033[?1049h"));
	assert_true(saw(g, "unlink /srv/data.db"));
	assert_true(saw(g, "7f3a-2"));
	assert_false(saw(g, "\033[?1049l"));
	r = ask(g, RELEASE, 0);
	assert_int_equal(r.r, before.agent);
	assert_int_equal(r.fg, before.agent);
	same_termios(&r.t, &before.t);
	look(g, 50);
	assert_true(saw(g, "\033[?1049l"));
	assert_true(saw(g, "\033[?25h"));
	assert_true(saw(g, "\033[?7h"));
	assert_int_equal(ask(g, RELEASE, 0).r, -EINVAL);
	/* and once more */
	assert_int_equal(ask(g, TAKE, 0).r, 0);
	ask(g, CLOSE, 0);
	r = ask(g, STATE, 0);
	assert_int_equal(r.fg, before.agent);
	same_termios(&r.t, &before.t);
}

static void keys_before_the_question_count_for_nothing(void **state)
{
	struct rig *g = *state;

	type(g, "aaa\r");
	ask(g, TAKE, 0);
	type(g, "a");
	ask(g, DRAW, 1);
	type(g, "a");
	asleep(20);
	assert_int_equal(ask(g, INPUT, 0).r, HF_ANSWER_NONE);
	asleep(450);
	assert_int_equal(ask(g, INPUT, 0).r, -ETIMEDOUT);
	type(g, "a");
	assert_int_equal(ask(g, INPUT, 1000).r, HF_ANSWER_ALLOW_ONCE);
	/* The next hold on the same screen starts anew: a double press must not answer it. */
	ask(g, DRAW, 2);
	type(g, "a");
	assert_int_equal(ask(g, INPUT, 1000).r, HF_ANSWER_NONE);
	asleep(450);
	assert_int_equal(ask(g, DRAW, 2).r, 0);
	type(g, "s");
	assert_int_equal(ask(g, INPUT, 1000).r, HF_ANSWER_ALLOW_SESSION);
	look(g, 20);
}

static void answers(void **state)
{
	static const struct {
		const char *keys;
		enum hf_prompt_answer want;
	} t[] = {
		{ "a", HF_ANSWER_ALLOW_ONCE }, { "s", HF_ANSWER_ALLOW_SESSION }, { "d", HF_ANSWER_DENY },
		{ "k", HF_ANSWER_DENY_STOP }, { "\003", HF_ANSWER_DENY }, { "\032", HF_ANSWER_NONE },
		{ "x", HF_ANSWER_NONE }, { "\r", HF_ANSWER_NONE }, { "A", HF_ANSWER_NONE }, { "y", HF_ANSWER_NONE },
		{ "aa", HF_ANSWER_NONE }, { "xs", HF_ANSWER_NONE }, { "ad", HF_ANSWER_DENY }, { "ka", HF_ANSWER_DENY_STOP },
		{ "\033[200~a\033[201~", HF_ANSWER_NONE }, { "\033[M aas", HF_ANSWER_ALLOW_SESSION },
		{ "\033a", HF_ANSWER_NONE }, { "\033[97u", HF_ANSWER_ALLOW_ONCE }, { "\033[A", HF_ANSWER_NONE },
	};
	struct rig *g = *state;

	ask(g, TAKE, 0);
	ask(g, DRAW, 1);
	asleep(450);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		int r;

		type(g, t[i].keys);
		asleep(5);	/* all of it is there: what comes in one read is what is tested */
		r = ask(g, INPUT, 1000).r;
		if (r != (int)t[i].want)
			fail_msg("case %zu: %d", i, r);
	}
	type(g, "t");
	assert_int_equal(ask(g, INPUT, 1000).r, HF_ANSWER_NONE);
	ask(g, DRAW, 1);
	look(g, 20);
	assert_true(saw(g, "TRAJECTORY"));
}

/* The agent's alternate screen was on, its cursor hidden: they stay so. */
static void the_agents_screen_is_left_as_it_was(void **state)
{
	struct rig *g = *state;

	ask(g, TAKE, 0);
	look(g, 50);
	assert_true(saw(g, "\033[?1049$p"));
	type(g, "\033[?1049;1$y\033[?47;1$y\033[?7;1$y\033[?25;2$y");
	assert_int_equal(ask(g, INPUT, 1000).r, HF_ANSWER_NONE);
	ask(g, DRAW, 1);
	ask(g, RELEASE, 0);
	look(g, 50);
	assert_false(saw(g, "\033[?1049l"));
	assert_false(saw(g, "\033[?25h"));
	assert_true(saw(g, "\033[?7h"));
}

/* What is typed for the agent wakes the engine never, not even when the agent does not read it for long. */
static void keys_for_the_agent_are_not_ours(void **state)
{
	struct rig *g = *state;

	type(g, "ls\r");
	assert_int_equal(ask(g, INPUT, 100).r, -ETIMEDOUT);
	ask(g, TAKE, 0);
	ask(g, DRAW, 1);
	ask(g, RELEASE, 0);
	type(g, "ls\r");
	assert_int_equal(ask(g, INPUT, 100).r, -ETIMEDOUT);
}

static void only_our_own_foreground_is_taken(void **state)
{
	struct rig *g = *state;

	assert_int_equal(ask(g, MAY_TAKE, 0).r, 1);	/* front_pgrp is in front */
	assert_int_equal(ask(g, MAY_TAKE, 1).r, 0);	/* another group is */
	assert_int_equal(ask(g, MAY_TAKE, 2).r, 1);	/* a group of the session is */
	assert_int_equal(ask(g, MAY_TAKE, 3).r, 0);
}

static void a_terminal_that_takes_nothing_blocks_nothing(void **state)
{
	struct rig *g = *state;

	ask(g, TAKE, 0);
	for (int i = 1; i < 200; i++)
		assert_true(ask(g, DRAW, i).took_ms < 100);
	assert_true(ask(g, RELEASE, 0).took_ms < 400);
	ask(g, TAKE, 0);
	look(g, 50);
	ask(g, DRAW, 500);
	look(g, 50);
	ask(g, DRAW, 500);
	look(g, 50);
	assert_true(saw(g, "7f3a-500"));
}

/* --pause process: a program that still runs takes the terminal while the question stands. */
static void a_stolen_terminal_is_taken_back(void **state)
{
	struct rig *g = *state;
	struct reply r;

	ask(g, TAKE, 0);
	ask(g, DRAW, 1);
	asleep(450);
	r = ask(g, STEAL, 0);
	assert_int_equal(r.fg, r.agent);
	r = ask(g, DRAW, 1);
	assert_int_equal(r.fg, r.engine);
	assert_false(r.t.c_lflag & (ICANON | ECHO | ISIG));
	type(g, "a");		/* typed for the thief, maybe */
	assert_int_equal(ask(g, INPUT, 1000).r, HF_ANSWER_NONE);
	r = ask(g, RELEASE, 0);
	assert_int_equal(r.fg, r.agent);
	assert_int_equal(r.t.c_cc[VKILL], 7);
	assert_true(r.t.c_lflag & ECHO);
}

static void a_hang_up_is_noticed(void **state)
{
	struct rig *g = *state;

	ask(g, TAKE, 0);
	ask(g, DRAW, 1);
	assert_int_equal(ask(g, GONE, 0).r, 0);
	close(g->master);
	g->master = -1;
	asleep(20);
	assert_int_equal(ask(g, INPUT, 1000).r, HF_ANSWER_NONE);
	assert_int_equal(ask(g, GONE, 0).r, 1);
	assert_int_equal(ask(g, INPUT, 100).r, -ETIMEDOUT);	/* no spinning on it */
	ask(g, CLOSE, 0);
}

static void dumb(void **state)
{
	struct rig *g = *state;

	ask(g, TAKE, 0);
	ask(g, DRAW, 1);
	ask(g, DRAW, 1);
	look(g, 50);
	assert_null(memchr(g->seen, '\033', g->nseen));
	assert_true(saw(g, "unlink /srv/data.db"));
	assert_null(strstr(strstr(g->seen, "WHAT") + 1, "WHAT"));	/* printed once */
	asleep(450);
	type(g, "d");
	assert_int_equal(ask(g, INPUT, 1000).r, HF_ANSWER_DENY);
	ask(g, RELEASE, 0);
	look(g, 50);
	assert_null(memchr(g->seen, '\033', g->nseen));
}

static void no_terminal(void **state)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct hf_prompt *p = NULL;

		setsid();
		_exit(hf_prompt_open(&p) == -ENXIO && !p ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, start, stop)
		T(takes_and_gives_back), T(keys_before_the_question_count_for_nothing), T(answers),
		T(the_agents_screen_is_left_as_it_was), T(keys_for_the_agent_are_not_ours), T(only_our_own_foreground_is_taken),
		T(a_terminal_that_takes_nothing_blocks_nothing), T(a_stolen_terminal_is_taken_back),
		T(a_hang_up_is_noticed), cmocka_unit_test_setup_teardown(dumb, start_dumb, stop),
		cmocka_unit_test(no_terminal),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
