/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Draws pages into a small terminal of our own, which accepts nothing but what the renderer is meant to send: absolute
 * positions, line clearing, SGR and printable text. So one byte of an agent's that gets through fails the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <locale.h>
#include <unistd.h>
#include <wchar.h>
/* Rules and trajectory are opaque: the renderer is compiled against fakes of their accessors. */
#define hf_rule_title fake_title
#define hf_rule_id fake_id
#define hf_rule_level fake_level
#define hf_rule_guidance fake_guidance
#define hf_rule_tag fake_tag
#define hf_verdict_name fake_verdict_name
#define hf_traj_stats fake_stats
#define hf_traj_past fake_past
#define hf_traj_labels fake_labels
#define hf_traj_labels_format fake_labels_format
#include "../../user/engine/prompt_render.c"

#define HOSTILE "\033[2J\033]0;owned\007\r\n\x9b" "31m\xe2\x80\xae" "txt.exe\xcc\x81\xcc\x81\xe2\x80\x8b\xff\t"

static struct hf_past past[5000];
static unsigned npast;
static const char *title_text = "Private key read, then connection", *guidance_text = "Ask for a deploy key of the agent's own instead.";

const char *fake_title(const struct hf_rule *r) { return title_text; }
const char *fake_id(const struct hf_rule *r) { return "4f1c-secret-then-connect"; }
const char *fake_level(const struct hf_rule *r) { return "high"; }
const char *fake_guidance(const struct hf_rule *r) { return guidance_text; }
const char *fake_tag(const struct hf_rule *r, unsigned i) { return i == 0 ? "attack.exfiltration" : i == 1 ? "attack.t1041" : NULL; }
const char *fake_verdict_name(enum hf_verdict v) { return v == HF_HOLD ? "hold" : "deny"; }
const struct hf_past *fake_past(const struct hf_traj *t, unsigned i) { return i < npast ? &past[i] : NULL; }
uint64_t fake_labels(const struct hf_traj *t) { return 1; }
size_t fake_labels_format(const struct hf_traj *t, uint64_t bits, char *out, size_t cap)
{
	return (size_t)snprintf(out, cap, "secret-read");
}
const struct hf_traj_stats *fake_stats(const struct hf_traj *t)
{
	static struct hf_traj_stats s = { .actions = 5000, .denied = 2 };

	return &s;
}

struct term {
	unsigned rows, cols, row, col;
	wchar_t cell[64][260];
	char line[64][1200];		/* each row as UTF-8, trailing blanks cut */
	bool colour, eight_bit;
};

static const char *sequence(struct term *t, const char *p, const char *end)
{
	unsigned par[8] = { 0 }, n = 0;

	assert_true(p < end && *p == '[');
	for (p++; p < end && (*p == ';' || (*p >= '0' && *p <= '9')); p++) {
		if (*p == ';')
			n++;
		else
			par[n] = par[n] * 10 + (unsigned)(*p - '0');
		assert_true(n < 8);
	}
	assert_true(p < end);
	switch (*p) {
	case 'H':
		assert_in_range(par[0], 1, t->rows);
		assert_int_equal(par[1], 1);
		t->row = par[0] - 1;
		t->col = 0;
		break;
	case 'K':
		assert_int_equal(par[0], 2);
		wmemset(t->cell[t->row], L' ', 260);
		break;
	case 'm':
		for (unsigned i = 0; i <= n; i++)
			t->colour |= par[i] >= 30;
		break;
	default:
		fail_msg("sequence ending in %c", *p);
	}
	return p + 1;
}

static void play(struct term *t, const char *p, size_t n)
{
	const char *end = p + n;

	for (unsigned r = 0; r < 64; r++)
		wmemset(t->cell[r], L' ', 260);
	while (p < end) {
		mbstate_t st = { 0 };
		wchar_t wc;
		size_t k;
		int w;

		if (*p == '\033') {
			p = sequence(t, p + 1, end);
			continue;
		}
		k = mbrtowc(&wc, p, (size_t)(end - p), &st);
		assert_in_range(k, 1, 4);
		assert_true(wc >= 0x20 && !(wc >= 0x7f && wc < 0xa0));
		t->eight_bit |= wc >= 0x80;
		w = wcwidth(wc);
		assert_true(w == 1 || w == 2);
		if (t->col + (unsigned)w > t->cols)
			fail_msg("row %u is wider than %u columns", t->row, t->cols);
		t->cell[t->row][t->col] = wc;
		if (w == 2)
			t->cell[t->row][t->col + 1] = 0;
		t->col += (unsigned)w;
		p += k;
	}
	for (unsigned r = 0; r < t->rows; r++) {
		char *o = t->line[r];
		size_t len = 0;

		for (unsigned c = 0; c < t->cols; c++)
			if (t->cell[r][c]) {
				int m = wctomb(o + len, t->cell[r][c]);

				len += m > 0 ? (size_t)m : 0;
			}
		while (len && o[len - 1] == ' ')
			len--;
		o[len] = 0;
	}
}

static struct hf_proc agent = { .tgid = 1234, .argv = { "codex\0--yolo\0", 13 }, .image = { "/usr/bin/codex", 14 } };
static struct hf_proc shell = { .tgid = 1240, .parent = &agent, .depth = 1, .argv = { "bash\0-c\0curl -T key\0", 20 } };
static struct hf_proc curl = { .tgid = 1251, .parent = &shell, .depth = 2, .uid = 1000, .argv = { "curl\0-T\0key\0", 12 },
			       .cwd = { "/home/u/project", 15 } };

struct scene {
	struct hf_action a;
	struct hf_judgement j;
	struct hf_prompt_view v;
	struct hf_prompt_screen s;
	char *out;
	size_t n;
	struct term t;
};

static struct scene *scene(unsigned rows, unsigned cols)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->out = malloc(256 << 10);
	assert_non_null(s->out);
	s->a = (struct hf_action){ .kind = HF_CONNECT, .tgid = 1251, .uid = 1000,
				   .addr = { .family = AF_INET, .port = 443, .proto = IPPROTO_TCP, .ip = { 203, 0, 113, 7 } } };
	s->j = (struct hf_judgement){ .verdict = HF_HOLD, .nfindings = 1 };
	s->j.finding[0] = (struct hf_finding){ .rule = (void *)1, .verdict = HF_HOLD, .why = "matched", .nstory = 1 };
	s->j.finding[0].story[0] = (struct hf_past){ .time_ns = 96000000000ull, .kind = HF_OPEN, .tgid = 1250,
						     .summary = "open /home/u/.ssh/id_ed25519 (read)" };
	s->v = (struct hf_prompt_view){ .session_name = "codex", .hold_id = "7f3a-2", .action = &s->a, .proc = &curl,
					.judgement = &s->j, .traj = (void *)1, .now_ns = 100000000000ull,
					.deadline_ns = 212000000000ull, .on_timeout = "deny" };
	s->s = (struct hf_prompt_screen){ .rows = rows, .cols = cols, .utf8 = true };
	s->t.rows = rows < 4 ? 4 : rows;
	s->t.cols = cols < 12 ? 12 : cols;
	npast = 0;
	return s;
}

static void render(struct scene *s)
{
	s->n = hf_prompt_render(&s->v, &s->s, s->out, 256 << 10);
	assert_true(s->n > 0 && s->n < 256 << 10);
	play(&s->t, s->out, s->n);
}

static void done(struct scene *s)
{
	free(s->out);
	free(s);
}

static int row_of(const struct scene *s, const char *text)
{
	for (unsigned r = 0; r < s->t.rows; r++)
		if (strstr(s->t.line[r], text))
			return (int)r;
	return -1;
}

static void the_question(void **state)
{
	struct scene *s = scene(30, 100);

	render(s);
	assert_memory_equal(s->t.line[0], " HOLDFAST  hold 7f3a-2  session codex   ", 40);
	assert_int_equal(strlen(s->t.line[0]), 99);
	assert_string_equal(s->t.line[0] + 99 - 16, "  denies in 1:52");
	assert_int_equal(row_of(s, "WHAT"), 1);
	assert_string_equal(s->t.line[2], "  connect 203.0.113.7:443 (tcp)");
	assert_true(row_of(s, "1234  codex --yolo") < row_of(s, "1240  bash -c 'curl -T key'"));
	assert_true(row_of(s, "1240  bash -c") < row_of(s, "1251  curl -T key"));
	assert_true(row_of(s, "Private key read, then connection") > row_of(s, "WHY"));
	assert_true(row_of(s, "4 s ago  open /home/u/.ssh/id_ed25519 (read)") > 0);
	assert_true(row_of(s, "hold, level high  attack.exfiltration, attack.t1041") > 0);
	assert_true(row_of(s, "rule 4f1c-secret-then-connect") > 0);
	assert_true(row_of(s, "labels of the session: secret-read") > 0);
	assert_true(row_of(s, "Ask for a deploy key") > 0);
	assert_string_equal(s->t.line[29], " [a] allow once  [s] allow for this session  [d] deny  "
			    "[k] deny and stop the agent  [t] trajectory");
	assert_false(s->t.colour);
	done(s);
}

static void eighty_columns(void **state)
{
	struct scene *s = scene(24, 80);

	s->s.colour = true;
	s->v.waiting = 3;
	render(s);
	assert_true(s->t.colour);
	assert_non_null(strstr(s->t.line[0], "hold 7f3a-2  +3 more  session codex"));
	assert_non_null(strstr(s->t.line[22], "[a] allow once  [s] allow for this session  [d] deny"));
	assert_non_null(strstr(s->t.line[23], "[t] trajectory"));
	done(s);
}

/* Whatever the size, the keys, the hold's id and the action's first line are there and nothing leaves the screen. */
static void every_size(void **state)
{
	for (unsigned rows = 1; rows <= 60; rows += rows < 12 ? 1 : 12) {
		for (unsigned cols = 1; cols <= 250; cols += cols < 50 ? 3 : 40) {
			for (unsigned page = 0; page < 2; page++) {
				struct scene *s = scene(rows, cols);

				s->s.page = page;
				s->s.utf8 = cols & 1;
				render(s);
				if (cols >= 40 && rows >= 6) {
					assert_true(row_of(s, "7f3a-2") == 0);
					assert_true(row_of(s, "connect 203.0.113.7:443") > 0);
					assert_true(row_of(s, "[a]") > 0 && row_of(s, "[d]") > 0);
				}
				done(s);
			}
		}
	}
}

static void hostile_text_stays_in_its_line(void **state)
{
	static char big[10 << 10], path[4096];
	struct hf_proc evil = { .tgid = 1251, .parent = &agent, .depth = 1 };
	static const unsigned sizes[][2] = { { 24, 80 }, { 8, 30 }, { 50, 200 }, { 4, 12 } };

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = HOSTILE[i % (sizeof(HOSTILE))];	/* its NUL too: many arguments */
	for (size_t i = 0; i < sizeof(path); i++)
		path[i] = i % 40 ? HOSTILE[i % (sizeof(HOSTILE) - 1)] : '/';
	evil.argv = (struct hf_str){ big, sizeof(big) };
	evil.cwd = (struct hf_str){ path, sizeof(path) };
	title_text = guidance_text = HOSTILE "title";
	for (unsigned i = 0; i < 4 * 2 * 2 * 3; i++) {
		struct scene *s = scene(sizes[i % 4][0], sizes[i % 4][1]);

		s->s.page = i / 4 % 2;
		s->s.utf8 = i / 8 % 2;
		s->a.kind = i / 16 == 0 ? HF_EXEC : i / 16 == 1 ? HF_RENAME : HF_CONNECT;
		s->a.path = s->a.path2 = s->a.given = s->a.cwd = s->a.interp = (struct hf_str){ path, sizeof(path) };
		s->a.given.n = 4000;
		s->a.argv = (struct hf_str){ big, sizeof(big) };
		if (s->a.kind == HF_CONNECT) {
			s->a.addr = (struct hf_addr){ .family = AF_UNIX, .sun_len = 100 };
			memcpy(s->a.addr.sun, big, 100);
		}
		s->v.proc = &evil;
		s->v.session_name = s->v.hold_id = HOSTILE;
		snprintf(past[0].summary, sizeof(past[0].summary), "%s", HOSTILE);
		s->j.finding[0].story[0] = past[0];
		npast = 1;
		for (s->s.scroll = 0; s->s.scroll < 400; s->s.scroll += 37)
			render(s);
		assert_true(s->s.utf8 || !s->t.eight_bit);
		done(s);
	}
	title_text = "Private key read, then connection";
	guidance_text = "";
}

/* A name made to look like the frame stays indented inside the body. */
static void the_frame_cannot_be_faked(void **state)
{
	struct scene *s = scene(24, 80);
	const char *fake = "/tmp/x                                                                          "
			   "[d] allow  [a] deny                                                             WHY";

	s->a.kind = HF_UNLINK;
	s->a.path = hf_str_of(fake);
	render(s);
	for (unsigned r = 1; r < 21; r++)
		if (strstr(s->t.line[r], "[d] allow"))
			assert_memory_equal(s->t.line[r], "  ", 2);
	assert_non_null(strstr(s->t.line[22], "[a] allow once"));
	done(s);
}

static void wide_characters_are_measured(void **state)
{
	struct scene *s = scene(24, 40);
	char path[400] = "/";

	for (int i = 0; i < 60; i++)
		strcat(path, "\xe6\xbc\xa2\xe5");	/* a wide one, then a lone lead byte */
	s->a.kind = HF_UNLINK;
	s->a.path = hf_str_of(path);
	render(s);
	assert_true(row_of(s, "\xe6\xbc\xa2\\xe5") > 0);
	s->s.utf8 = false;
	s->t.eight_bit = false;
	render(s);
	assert_true(row_of(s, "\\u{6f22}\\xe5") > 0);
	assert_false(s->t.eight_bit);
	done(s);
}

static void what_is_missing_is_said(void **state)
{
	struct scene *s = scene(40, 100);
	static char argv[32768];

	s->a = (struct hf_action){ .kind = HF_EXEC, .tgid = 99, .flags = HF_ACT_TRUNC_ARGV | HF_ACT_TRUNC_PATH | HF_ACT_UNRESOLVED,
				   .path = HF_STR("/bin/sh"), .given = HF_STR("sh"), .argv = { argv, sizeof(argv) } };
	memset(argv, 'x', sizeof(argv));
	s->v.proc = NULL;
	render(s);
	assert_true(row_of(s, "arguments are longer than what was captured") > 0);
	assert_true(row_of(s, "path is longer than what was captured") > 0);
	assert_true(row_of(s, "could not be resolved") > 0);
	assert_true(row_of(s, "(32768 bytes of arguments; [t] shows more)") > 0);
	assert_true(row_of(s, "process 99 is not known") > 0);
	assert_true(row_of(s, "written sh") > 0);
	s->v.judgement = NULL;
	s->v.traj = NULL;
	render(s);
	assert_true(row_of(s, "no rule is named") > 0);
	done(s);
}

static void long_trajectory_scrolls(void **state)
{
	struct scene *s = scene(24, 80);

	npast = 5000;
	for (unsigned i = 0; i < npast; i++) {
		past[i] = (struct hf_past){ .time_ns = 90000000000ull - i * 1000000ull, .tgid = i, .flags = i == 0 ? HF_ACT_DENIED : 0 };
		snprintf(past[i].summary, sizeof(past[i].summary), "open /x/%u (read)", i);
	}
	s->s.page = 1;
	render(s);
	assert_true(row_of(s, "newest first; 5000 actions, 2 denied") > 0);
	assert_true(row_of(s, "10 s ago        0  open /x/0 (read)  [denied]") > 0);
	assert_true(s->s.ret_lines > 5000);
	s->s.scroll = 1000000;
	render(s);
	assert_true(row_of(s, "open /x/4999 (read)") > 0);
	assert_true(row_of(s, "of 5003") > 0 || s->s.ret_lines != 5003);
	assert_true(row_of(s, "[q] back") > 0);
	done(s);
}

static void deep_trees_keep_both_ends(void **state)
{
	static struct hf_proc p[200];
	struct scene *s = scene(40, 100);

	for (unsigned i = 0; i < 200; i++)
		p[i] = (struct hf_proc){ .tgid = 5000 + i, .parent = i ? &p[i - 1] : NULL, .depth = i, .image = HF_STR("/bin/sh") };
	s->v.proc = &p[199];
	render(s);
	assert_true(row_of(s, "5000  /bin/sh") > 0);
	assert_true(row_of(s, "5199  /bin/sh") > 0);
	assert_true(row_of(s, "(190 more between)") > 0);
	done(s);
}

static void dumb_terminals_get_plain_text(void **state)
{
	struct scene *s = scene(24, 80);

	s->s.plain = true;
	s->s.utf8 = false;
	s->a.kind = HF_UNLINK;
	s->a.path = HF_STR("/tmp/" HOSTILE);
	s->n = hf_prompt_render(&s->v, &s->s, s->out, 256 << 10);
	for (size_t i = 0; i < s->n; i++)
		assert_true(s->out[i] == '\n' || (s->out[i] >= ' ' && s->out[i] < 127));
	s->out[s->n] = 0;
	assert_non_null(strstr(s->out, "\n  unlink /tmp/\\x1b[2J"));
	assert_non_null(strstr(s->out, "[k] deny and stop the agent"));
	done(s);
}

/* A buffer that is too small never ends inside a sequence. */
static void small_buffers(void **state)
{
	struct scene *s = scene(24, 80);

	s->s.colour = true;
	render(s);
	for (size_t cap = 0, whole = s->n; cap < whole; cap += 3) {
		size_t n = hf_prompt_render(&s->v, &s->s, s->out, cap);

		assert_true(n <= cap);
		play(&s->t, s->out, n);
	}
	done(s);
}

static void time_left(void **state)
{
	struct scene *s = scene(24, 80);

	s->v.on_timeout = "allow";
	s->v.deadline_ns = s->v.now_ns + 1;
	render(s);
	assert_non_null(strstr(s->t.line[0], "allows in 0:01"));
	s->v.deadline_ns = s->v.now_ns - 1;
	render(s);
	assert_non_null(strstr(s->t.line[0], "allows in 0:00"));
	s->v.deadline_ns = UINT64_MAX;
	render(s);
	assert_non_null(strstr(s->t.line[0], "waits for you"));
	done(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_question),
		cmocka_unit_test(eighty_columns),
		cmocka_unit_test(every_size),
		cmocka_unit_test(hostile_text_stays_in_its_line),
		cmocka_unit_test(the_frame_cannot_be_faked),
		cmocka_unit_test(wide_characters_are_measured),
		cmocka_unit_test(what_is_missing_is_said),
		cmocka_unit_test(long_trajectory_scrolls),
		cmocka_unit_test(deep_trees_keep_both_ends),
		cmocka_unit_test(dumb_terminals_get_plain_text),
		cmocka_unit_test(small_buffers),
		cmocka_unit_test(time_left),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
