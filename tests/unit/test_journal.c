// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include "journal.h"

static struct hf_ruleset *rules;
static const struct hf_rule *rule;

static int load_rule(void **state)
{
	struct hf_rule_error err;

	rules = hf_ruleset_new();
	if (!rules || hf_ruleset_add(rules, HF_STR("title: A title\nid: rule-1\nlevel: high\ntags: [attack.t1552]\n"
		"logsource: {product: linux, category: file_access}\ndetection: {s: {TargetFilename: /x}, condition: s}\n"
		"holdfast: {guidance: Ask first.}\n"), "t.yml", &err) < 0 || hf_ruleset_finish(rules, &err) < 0)
		return -1;
	rule = hf_ruleset_get(rules, 0);
	return 0;
}

static int drop_rule(void **state)
{
	hf_ruleset_free(&rules);
	return 0;
}

static const struct hf_stamp at = { 1763972629123456789u, 55000000000u };
static char line_buf[HF_LINE_MAX];

static struct hf_action plain_action(void)
{
	return (struct hf_action){
		.kind = HF_OPEN, .flags = HF_ACT_OUTCOME, .seq = 4, .time_ns = 54999999999u, .tgid = 100, .tid = 100, .start_ns = 777,
		.uid = 1000, .ret = 3, .nr = 257, .open_flags = 02000000, .path = HF_STR("/usr/include/stdio.h"), .dev = 0x800001, .ino = 1234,
		.syscall = "openat",
	};
}

static void same_str(struct hf_str a, struct hf_str b)
{
	assert_int_equal(!a.p, !b.p);
	assert_true(hf_str_eq(a, b));
}

static void same_action(const struct hf_action *a, const struct hf_action *b)
{
	assert_int_equal(a->session, b->session);
	assert_int_equal(a->seq, b->seq);
	assert_int_equal(a->time_ns, b->time_ns);
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->tgid, b->tgid);
	assert_int_equal(a->tid, b->tid);
	assert_int_equal(a->start_ns, b->start_ns);
	assert_int_equal(a->uid, b->uid);
	assert_int_equal(a->ret, b->ret);
	assert_int_equal(a->nr, b->nr);
	assert_int_equal(a->open_flags, b->open_flags);
	assert_int_equal(a->mode, b->mode);
	same_str(a->path, b->path);
	same_str(a->path2, b->path2);
	same_str(a->given, b->given);
	same_str(a->argv, b->argv);
	same_str(a->cwd, b->cwd);
	same_str(a->interp, b->interp);
	assert_int_equal(a->dev, b->dev);
	assert_int_equal(a->ino, b->ino);
	assert_memory_equal(&a->addr, &b->addr, sizeof(a->addr));
	assert_int_equal(a->target_tgid, b->target_tgid);
	assert_int_equal(a->signo, b->signo);
	assert_int_equal(a->child_tgid, b->child_tgid);
	assert_int_equal(a->child_tid, b->child_tid);
	assert_int_equal(a->child_start_ns, b->child_start_ns);
	assert_int_equal(!a->syscall, !b->syscall);
	if (a->syscall)
		assert_string_equal(a->syscall, b->syscall);
}

/* One action line of a fresh journal, read back into *ret by r. */
static void there_and_back(const struct hf_action *a, struct hf_journal_reader *r, struct hf_line *ret, size_t cap)
{
	struct hf_chain c;
	struct hf_jsonw w;
	char why[256] = "";

	hf_chain_init(&c);
	hf_jsonw_init(&w, line_buf, cap);
	assert_int_equal(hf_journal_line_action(&c, &w, at, a, NULL), 0);
	assert_int_equal(line_buf[w.n - 1], '\n');
	if (hf_journal_read(r, (struct hf_str){ line_buf, w.n - 1 }, ret, why, sizeof(why)))
		fail_msg("%s", why);
	assert_string_equal(hf_journal_reader_hash(r), c.prev);
}

static void round_trip(const struct hf_action *a)
{
	struct hf_journal_reader *r = hf_journal_reader_new();
	struct hf_line l;

	there_and_back(a, r, &l, sizeof(line_buf));
	same_action(a, &l.action);
	assert_false(l.cut);
	hf_journal_reader_free(&r);
	assert_null(r);
}

static void test_round_trip(void **state)
{
	struct hf_action a = plain_action();

	round_trip(&a);
	a = (struct hf_action){ .kind = HF_EXEC, .flags = UINT32_MAX, .seq = UINT64_MAX, .time_ns = UINT64_MAX - 1, .tgid = UINT32_MAX, .tid = 1,
		.start_ns = (1ull << 53) + 1, .uid = UINT32_MAX - 1, .ret = INT32_MIN, .nr = UINT32_MAX, .open_flags = UINT32_MAX, .mode = UINT32_MAX,
		.path = HF_STR("/tmp/\xff\x80 \x1b[31m\n"), .path2 = HF_STR(""), .given = HF_STR("./x"), .argv = HF_STR("sh\0-c\0\0caf\xc3\xa9\xe9\0"),
		.cwd = HF_STR("/"), .interp = HF_STR("/bin/sh"), .dev = UINT64_MAX, .ino = (1ull << 53) + 1, .target_tgid = 9, .signo = -3,
		.child_tgid = 5, .child_tid = 6, .child_start_ns = UINT64_MAX };
	round_trip(&a);
	a.argv = HF_STR("cut\0in the mid");
	round_trip(&a);
	a.argv = HF_STR("");
	round_trip(&a);
	a.argv = HF_STR("\0");
	round_trip(&a);
	a.nr = 0x40000000 + 59;
	a.syscall = "a_name_of_its_own";
	round_trip(&a);
	for (unsigned k = 0; k < HF_KINDS; k++) {
		a.kind = (enum hf_kind)k;
		round_trip(&a);
	}
}

static void test_addresses(void **state)
{
	struct hf_action a = plain_action();

	a.kind = HF_CONNECT;
	a.addr = (struct hf_addr){ .family = AF_INET, .port = 443, .proto = IPPROTO_TCP, .ip = { 203, 0, 113, 7 } };
	round_trip(&a);
	a.addr = (struct hf_addr){ .family = AF_INET6, .port = 65535, .proto = IPPROTO_UDP, .ip = { 0x20, 1, 0xd, 0xb8, [15] = 1 } };
	round_trip(&a);
	a.addr = (struct hf_addr){ .family = AF_INET, .proto = 132 };
	round_trip(&a);
	a.addr = (struct hf_addr){ .family = AF_UNIX };
	round_trip(&a);
	a.addr = (struct hf_addr){ .family = AF_UNIX, .sun_len = 10, .sun = "/run/x.soc" };
	round_trip(&a);
	a.addr = (struct hf_addr){ .family = AF_UNIX, .sun_len = 8, .sun = "@fake\0\xff" };
	round_trip(&a);
	a.addr = (struct hf_addr){ .family = AF_UNIX, .sun_len = 1 };
	round_trip(&a);
	a.addr.sun_len = 108;
	memset(a.addr.sun, 0x80, sizeof(a.addr.sun));
	round_trip(&a);
	a.addr.sun[0] = 0;
	round_trip(&a);
	a.addr = (struct hf_addr){ .family = 16, .port = 3 };
	round_trip(&a);
}

/* The largest action there is, of bytes that all escape to six, fits a whole line. */
static void test_largest_fits(void **state)
{
	static char argv[32768], path[8200];
	struct hf_str p = { path, sizeof(path) }, q = { path, 4104 };
	struct hf_proc proc = { .image = p };
	struct hf_action a = plain_action();
	struct hf_chain c;
	struct hf_jsonw w;

	memset(argv, 0xff, sizeof(argv));
	memset(path, 1, sizeof(path));
	a.path = a.path2 = p;
	a.given = a.cwd = a.interp = q;
	a.argv = (struct hf_str){ argv, sizeof(argv) };
	a.addr = (struct hf_addr){ .family = AF_UNIX, .sun_len = 108 };
	round_trip(&a);
	hf_chain_init(&c);
	hf_jsonw_init(&w, line_buf, 440 * 1024);
	assert_int_equal(hf_journal_line_action(&c, &w, at, &a, &proc), 0);
	memset(argv, 0, sizeof(argv));
	round_trip(&a);
}

static void test_small_buffer_cuts_and_says_so(void **state)
{
	static char argv[32768];
	struct hf_action a = plain_action();
	struct hf_journal_reader *r;
	struct hf_line l;
	static const size_t caps[] = { 98304, 8192, 4096, 2048 };

	memset(argv, 0xff, sizeof(argv));
	a.kind = HF_EXEC;
	a.argv = (struct hf_str){ argv, sizeof(argv) };
	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
		r = hf_journal_reader_new();
		there_and_back(&a, r, &l, caps[i]);
		assert_true(l.cut);
		assert_true(l.action.flags & HF_ACT_TRUNC_ARGV);
		assert_false(l.action.flags & HF_ACT_TRUNC_PATH);
		assert_true(l.action.argv.n > 0 && l.action.argv.n < sizeof(argv));
		same_str(l.action.path, a.path);
		hf_journal_reader_free(&r);
	}
	r = hf_journal_reader_new();
	a.argv = (struct hf_str){ 0 };
	a.path = (struct hf_str){ argv, 4096 };
	there_and_back(&a, r, &l, 4096);
	assert_true(l.cut && (l.action.flags & HF_ACT_TRUNC_PATH));
	hf_journal_reader_free(&r);
}

static void test_too_small_leaves_the_chain(void **state)
{
	struct hf_action a = plain_action();
	struct hf_chain c, before;
	struct hf_jsonw w;
	char exact[4096];
	size_t whole;

	hf_chain_init(&c);
	before = c;
	hf_jsonw_init(&w, exact, sizeof(exact));
	assert_int_equal(hf_journal_line_action(&c, &w, at, &a, NULL), 0);
	whole = w.n;
	for (size_t cap = 0; cap < whole; cap++) {
		c = before;
		memset(exact, '#', sizeof(exact));
		hf_jsonw_init(&w, exact, cap);
		if (hf_journal_line_action(&c, &w, at, &a, NULL) == 0) {	/* cut to fit: still a whole line */
			assert_int_equal(exact[w.n - 1], '\n');
			assert_int_equal(c.n, 1);
		} else {
			assert_memory_equal(&c, &before, sizeof(c));
		}
		for (size_t i = cap; i < sizeof(exact); i++)
			assert_int_equal(exact[i], '#');
	}
}

/* --- whole journals --------------------------------------------------------------------------- */

struct book { char text[65536]; size_t n; size_t start[32]; unsigned lines; char last[65]; };

static void add(struct book *b, struct hf_jsonw *w, int rc)
{
	assert_int_equal(rc, 0);
	b->start[b->lines++] = b->n;
	b->n += w->n;
	b->start[b->lines] = b->n;
	hf_jsonw_init(w, b->text + b->n, sizeof(b->text) - b->n);
}

static void make_book(struct book *b, bool with_end)
{
	const struct hf_journal_guard guards[] = { { "seccomp", "on" }, { "fanotify", "off: EPERM" } };
	const struct hf_journal_total totals[] = { { "actions", 2 }, { "findings", 1 } };
	struct hf_action a = plain_action();
	struct hf_finding f = { .rule = rule, .verdict = HF_HOLD, .why = "matched", .nstory = 1,
				.story = { { .n = 1, .time_ns = 9, .kind = HF_OPEN, .tgid = 100, .summary = "open /etc/shadow (read)" } } };
	struct hf_proc p = { .tgid = 100, .ppid = 1, .start_ns = 777, .uid = 1000, .image = HF_STR("/bin/sh"), .argv = HF_STR("sh\0"), .cwd = HF_STR("/w") };
	struct hf_chain c;
	struct hf_jsonw w;

	memset(b, 0, sizeof(*b));
	hf_chain_init(&c);
	hf_jsonw_init(&w, b->text, sizeof(b->text));
	add(b, &w, hf_journal_line_session(&c, &w, at, &(struct hf_journal_session){ .session = 0x7f3a000000000001u, .name = "demo",
		.user = "ann", .host = "h", .kernel = "6.1", .version = "0.1.0", .workspace = HF_STR("/w"), .cwd = HF_STR("/w"),
		.command = HF_STR("sh\0-c\0x\0"), .uid = 1000, .rules_hash = "abc", .rules = 15, .guard = guards, .nguard = 2 }));
	add(b, &w, hf_journal_line_process(&c, &w, at, &p));
	add(b, &w, hf_journal_line_action(&c, &w, at, &a, &p));
	add(b, &w, hf_journal_line_finding(&c, &w, at, &f, &a));
	add(b, &w, hf_journal_line_hold(&c, &w, at, &(struct hf_journal_hold){ .id = "7f3a-1", .guard = "seccomp", .expires_in_ms = 120000,
		.finding = &f, .action = &a, .proc = &p }));
	add(b, &w, hf_journal_line_decision(&c, &w, at, &(struct hf_journal_decision){ .hold = "7f3a-1", .allow = true, .scope = "once",
		.via = "tty", .uid = 0, .pid = 4, .after_ms = 4200, .rule = "rule-1" }));
	add(b, &w, hf_journal_line_gap(&c, &w, at, "open", 31));
	add(b, &w, hf_journal_line_mark(&c, &w, at, "raced-argument", &a, NULL));
	a.kind = HF_EXIT;
	add(b, &w, hf_journal_line_action(&c, &w, at, &a, &p));
	add(b, &w, hf_journal_line_note(&c, &w, at, "foreign", HF_STR("i386 call")));
	if (with_end)
		add(b, &w, hf_journal_line_end(&c, &w, at, &(struct hf_journal_end){ .exit_status = 130, .duration_ms = 12, .total = totals, .ntotal = 2 }));
	memcpy(b->last, c.prev, sizeof(b->last));
}

/* First wrong line (physical number), 0 none; every line is read. */
static unsigned first_wrong(const char *text, size_t n, bool *ret_ended, char *ret_hash, char *ret_why)
{
	struct hf_journal_reader *r = hf_journal_reader_new();
	unsigned wrong = 0, at_line = 0;
	char why[256];
	struct hf_line l;

	while (n) {
		const char *nl = memchr(text, '\n', n);
		size_t len = nl ? (size_t)(nl - text) : n;

		at_line++;
		if (hf_journal_read(r, (struct hf_str){ text, len }, &l, why, sizeof(why)) && !wrong) {
			wrong = at_line;
			if (ret_why)
				strcpy(ret_why, why);
		}
		text += nl ? len + 1 : len;
		n -= nl ? len + 1 : len;
	}
	if (ret_ended)
		*ret_ended = hf_journal_reader_ended(r);
	if (ret_hash)
		strcpy(ret_hash, hf_journal_reader_hash(r));
	hf_journal_reader_free(&r);
	return wrong;
}

static void test_book_is_right(void **state)
{
	struct hf_journal_reader *r = hf_journal_reader_new();
	struct book *b = malloc(sizeof(*b));
	char hash[65], why[256];
	struct hf_line l;
	bool ended;

	make_book(b, true);
	assert_int_equal(first_wrong(b->text, b->n, &ended, hash, NULL), 0);
	assert_true(ended);
	assert_string_equal(hash, b->last);
	assert_int_equal(hf_journal_read(r, (struct hf_str){ b->text, b->start[1] - 1 }, &l, why, sizeof(why)), 0);
	assert_int_equal(l.type, HF_LINE_SESSION);
	assert_string_equal(l.wall, "2025-11-24T08:23:49.123456Z");
	assert_int_equal(hf_journal_reader_session(r), 0x7f3a000000000001u);
	same_str(hf_line_argv(r, NULL, "command"), HF_STR("sh\0-c\0x\0"));
	for (unsigned i = 1; i < b->lines; i++) {
		struct hf_str line = { b->text + b->start[i], b->start[i + 1] - b->start[i] - 1 };

		assert_int_equal(hf_journal_read(r, line, &l, why, sizeof(why)), 0);
		assert_int_equal(l.n, i + 1);
		if (l.type == HF_LINE_HOLD) {
			assert_int_equal(l.action.ino, 1234);
			assert_int_equal(l.action.session, 0x7f3a000000000001u);
			same_str(l.image, HF_STR("/bin/sh"));
			assert_int_equal(hf_line_u64(r, NULL, "expires_in_ms", 0), 120000);
		}
	}
	hf_journal_reader_free(&r);
	make_book(b, false);
	assert_int_equal(first_wrong(b->text, b->n, &ended, NULL, NULL), 0);
	assert_false(ended);
	free(b);
}

/* Every byte of a finished journal counts: whichever is changed, the first wrong line is that one or the next. */
static void test_every_byte_counts(void **state)
{
	struct book *b = malloc(sizeof(*b));
	char *t;

	make_book(b, true);
	t = malloc(b->n);
	for (unsigned i = 0, k = 0; k < b->n; k++) {
		unsigned wrong;

		if (k >= b->start[i + 1])
			i++;
		memcpy(t, b->text, b->n);
		t[k] ^= k & 1 ? 1 : 4;
		wrong = first_wrong(t, b->n, NULL, NULL, NULL);
		if (k != b->n - 1 && (wrong != i + 1 && wrong != i + 2))
			fail_msg("byte %u of line %u changed: first wrong line is %u", k, i + 1, wrong);
	}
	free(t);
	free(b);
}

static void test_tamper(void **state)
{
	enum { DELETE, SWAP, DUPLICATE, TRUNCATE_MID, RENUMBER, INSERT_COPY_AT_END };
	static const struct { int how; unsigned line, wrong; const char *why; } t[] = {
		{ DELETE, 1, 1, "number 2, after number 0" }, { DELETE, 4, 4, "number 5, after number 3" }, { DELETE, 10, 10, "number 11" },
		{ SWAP, 3, 3, "number 4, after number 2" }, { SWAP, 10, 10, "number 11" }, { DUPLICATE, 5, 6, "number 5, after number 5" },
		{ TRUNCATE_MID, 6, 6, "not" }, { INSERT_COPY_AT_END, 2, 12, "number 2, after number 11" },
		{ RENUMBER, 4, 4, "prev does not match line 3" },
	};
	struct book *b = malloc(sizeof(*b));
	char *s = malloc(2 * sizeof(b->text)), why[256];

	make_book(b, true);
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const char *l = b->text + b->start[t[i].line - 1], *next = b->text + b->start[t[i].line];
		size_t n = 0, len = (size_t)(next - l);
		unsigned wrong;
#define COPY(from, to) do { memcpy(s + n, from, (size_t)((to) - (from))); n += (size_t)((to) - (from)); } while (0)
		COPY(b->text, l);
		if (t[i].how == SWAP) {
			const char *after = b->text + b->start[t[i].line + 1];

			COPY(next, after);
			COPY(l, next);
			next = after;
		} else if (t[i].how == DUPLICATE) {
			COPY(l, next);
			COPY(l, next);
		} else if (t[i].how == TRUNCATE_MID) {
			COPY(l, l + len / 2);
			s[n++] = '\n';
		} else if (t[i].how == INSERT_COPY_AT_END) {
			COPY(l, next);
		} else if (t[i].how == RENUMBER) {	/* a removed line, the numbers made right again */
			char *num;

			COPY(next, b->text + b->start[t[i].line + 1]);
			num = strstr(s + n - (b->start[t[i].line + 1] - b->start[t[i].line]), "\"n\":5");
			num[4] = '4';
			next = b->text + b->start[t[i].line + 1];
		}
		COPY(next, b->text + b->n);
		if (t[i].how == INSERT_COPY_AT_END)
			COPY(l, b->text + b->start[t[i].line]);
		wrong = first_wrong(s, n, NULL, NULL, why);
		if (wrong != t[i].wrong || !strstr(why, t[i].why))
			fail_msg("case %u: first wrong line %u (%s), want %u (%s)", i, wrong, why, t[i].wrong, t[i].why);
	}
	free(s);
	free(b);
}

static void test_cut_and_resealed_end(void **state)
{
	struct book *b = malloc(sizeof(*b));
	bool ended;
	char hash[65], *p;

	make_book(b, true);
	/* cut after a whole line: right as far as it goes, but without an end and with another last hash */
	assert_int_equal(first_wrong(b->text, b->start[10], &ended, hash, NULL), 0);
	assert_false(ended);
	assert_string_not_equal(hash, b->last);
	/* cut inside the last line */
	assert_int_equal(first_wrong(b->text, b->n - 20, &ended, NULL, NULL), 11);
	/* the end line edited: its own sum tells */
	p = strstr(b->text + b->start[10], "\"exit_status\":130");
	assert_non_null(p);
	memcpy(p, "\"exit_status\":000", 17);
	assert_int_equal(first_wrong(b->text, b->n, &ended, hash, NULL), 11);
	/* an end turned into something else */
	make_book(b, true);
	p = strstr(b->text + b->start[10], "\"end\"");
	memcpy(p, "\"gap\"", 5);
	assert_int_equal(first_wrong(b->text, b->n, &ended, hash, NULL), 0);
	assert_false(ended);
	assert_string_not_equal(hash, b->last);
	free(b);
}

static void test_hostile_lines(void **state)
{
	static const char *const t[] = {
		"", "{}", "null", "[1]", "{\"n\":1", "\"prev\"", "{\"n\":1,\"type\":\"action\",\"prev\":\"", "{\"n\":-1,\"type\":\"end\"}", "\x01",
		"{\"n\":1e300,\"type\":\"action\",\"pid\":1e300,\"prev\":\"0000000000000000000000000000000000000000000000000000000000000000\"}",
		"{\"n\":1,\"type\":\"what\",\"prev\":\"0000000000000000000000000000000000000000000000000000000000000000\"}",
		"{\"n\":1,\"type\":\"action\",\"prev\":\"0000000000000000000000000000000000000000000000000000000000000000\"}",
		"{\"n\":1,\"type\":\"action\",\"action\":\"open\",\"pid\":4294967296,\"prev\":\"0000000000000000000000000000000000000000000000000000000000000000\"}",
		"{\"n\":1,\"type\":\"action\",\"action\":\"open\",\"flags\":[\"bit99\"],\"prev\":\"0000000000000000000000000000000000000000000000000000000000000000\"}",
		"{\"n\":1,\"type\":\"action\",\"action\":\"open\",\"flags\":[{}],\"prev\":\"0000000000000000000000000000000000000000000000000000000000000000\"}",
		"{\"n\":1,\"type\":\"action\",\"action\":\"connect\",\"addr\":{\"family\":\"inet\",\"ip\":\"1.2.3\"},\"prev\":\"0000000000000000000000000000000000000000000000000000000000000000\"}",
		"{\"n\":1,\"type\":\"action\",\"action\":\"connect\",\"addr\":[],\"prev\":\"0000000000000000000000000000000000000000000000000000000000000000\"}",
		"{\"n\":1,\"type\":\"session\",\"session\":\"xyz\",\"prev\":\"0000000000000000000000000000000000000000000000000000000000000000\"}",
		"{\"n\":1,\"type\":\"end\",\"prev\":\"0000000000000000000000000000000000000000000000000000000000000000\"}",
	};
	struct hf_journal_reader *r = hf_journal_reader_new();
	struct hf_action a = plain_action();
	char why[64];
	struct hf_line l;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char *copy = malloc(strlen(t[i]) + 1);

		memcpy(copy, t[i], strlen(t[i]) + 1);
		if (hf_journal_read(r, (struct hf_str){ copy, strlen(copy) }, &l, why, sizeof(why)) != -EINVAL)
			fail_msg("taken as right: %s", t[i]);
		free(copy);
		hf_journal_reader_free(&r);
		r = hf_journal_reader_new();
	}
	there_and_back(&a, r, &l, sizeof(line_buf));
	hf_journal_reader_free(&r);
	r = hf_journal_reader_new();
	assert_int_equal(hf_journal_read(r, HF_STR("{\"n\":1,\"t\":\"\\u001b[31m\",\"type\":\"gap\",\"prev\":\""
		"0000000000000000000000000000000000000000000000000000000000000000\"}"), &l, why, sizeof(why)), 0);
	assert_string_equal(l.wall, "");	/* shown as it is, so it holds nothing but a time */
	hf_journal_reader_free(&r);
}

/* Escapes leave nothing a terminal could act on, in any line. */
static void test_lines_are_terminal_safe(void **state)
{
	struct book *b = malloc(sizeof(*b));

	make_book(b, true);
	for (size_t i = 0; i < b->n; i++)
		assert_true(b->text[i] == '\n' || ((unsigned char)b->text[i] >= 0x20 && b->text[i] != 0x7f));
	free(b);
}

static void test_time(void **state)
{
	struct hf_chain c;
	struct hf_jsonw w;

	hf_chain_init(&c);
	for (uint64_t day = 0; day < 60000; day += 1) {
		time_t s = (time_t)(day * 86400 + day % 86400);
		char want[64], *got;
		struct tm tm;

		gmtime_r(&s, &tm);
		strftime(want, sizeof(want), "\"t\":\"%Y-%m-%dT%H:%M:%S.000007Z\"", &tm);
		hf_jsonw_init(&w, line_buf, 512);
		hf_chain_begin(&c, &w, "note", (uint64_t)s * 1000000000u + 7999, 1);
		line_buf[w.n] = 0;
		got = strstr(line_buf, "\"t\":");
		assert_memory_equal(got, want, strlen(want));
	}
}

/* Not a test of speed (the machine is shared): says what a line costs, and fails only when it is absurd. */
static void test_cost(void **state)
{
	struct hf_action a = plain_action();
	struct timespec t0, t1;
	struct hf_chain c;
	struct hf_jsonw w;
	double best[2] = { 1e9, 1e9 };

	for (unsigned round = 0; round < 10; round++) {
		for (unsigned hash = 0; hash < 2; hash++) {
			double ns;

			hf_chain_init(&c);
			clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t0);
			for (unsigned i = 0; i < 2000; i++) {
				hf_jsonw_init(&w, line_buf, sizeof(line_buf));
				if (hash) {
					hf_journal_line_action(&c, &w, at, &a, NULL);
				} else {
					hf_chain_begin(&c, &w, "action", at.wall_ns, at.boot_ns);
					hf_journal_action(&w, &a, NULL);
				}
			}
			clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t1);
			ns = ((double)(t1.tv_sec - t0.tv_sec) * 1e9 + (double)(t1.tv_nsec - t0.tv_nsec)) / 2000;
			if (ns < best[hash])
				best[hash] = ns;
		}
	}
	print_message("action line: %.0f ns without the hash, %.0f ns with it, %zu bytes\n", best[0], best[1], w.n);
	assert_true(best[0] < 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_addresses), cmocka_unit_test(test_largest_fits),
		cmocka_unit_test(test_small_buffer_cuts_and_says_so), cmocka_unit_test(test_too_small_leaves_the_chain),
		cmocka_unit_test(test_book_is_right), cmocka_unit_test(test_every_byte_counts), cmocka_unit_test(test_tamper),
		cmocka_unit_test(test_cut_and_resealed_end), cmocka_unit_test(test_hostile_lines), cmocka_unit_test(test_lines_are_terminal_safe),
		cmocka_unit_test(test_time), cmocka_unit_test(test_cost),
	};

	return cmocka_run_group_tests(tests, load_rule, drop_rule);
}
