// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include "show.h"

static struct hf_ruleset *rules;
static const struct hf_rule *rule;

static int load_rule(void **state)
{
	struct hf_rule_error err;

	rules = hf_ruleset_new();
	if (!rules || hf_ruleset_add(rules, HF_STR("title: A key was read\nid: rule-1\nlevel: high\ntags: [attack.t1552]\n"
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

struct world {			/* a journal being written, read and shown at once */
	struct hf_chain chain;
	struct hf_jsonw w;
	struct hf_journal_reader *r;
	struct hf_show *s;
	uint64_t ms;
	char *out;
	size_t n, cap;
	char buf[HF_LINE_MAX];
};

static void collect(void *ctx, struct hf_str t)
{
	struct world *x = ctx;

	assert_true(t.n > 0 && t.p[t.n - 1] == '\n');
	for (size_t i = 0; i + 1 < t.n; i++)
		assert_true((unsigned char)t.p[i] >= 0x20 && t.p[i] != 0x7f);	/* one line, nothing for a terminal to act on */
	if (x->n + t.n + 1 > x->cap) {
		x->cap = (x->n + t.n + 1) * 2;
		x->out = realloc(x->out, x->cap);
	}
	memcpy(x->out + x->n, t.p, t.n);
	x->n += t.n;
	x->out[x->n] = 0;
}

static struct hf_stamp now(const struct world *x)
{
	return (struct hf_stamp){ 1763972629123456789u + x->ms * 1000000, 90000000000u + x->ms * 1000000 };
}

static struct world *open_world(const struct hf_show_options *o)
{
	struct world *x = calloc(1, sizeof(*x));

	hf_chain_init(&x->chain);
	x->r = hf_journal_reader_new();
	x->s = hf_show_new(o, collect, x);
	x->out = strdup("");
	assert_non_null(x->s);
	hf_jsonw_init(&x->w, x->buf, sizeof(x->buf));
	return x;
}

static void shown(struct world *x, int built)
{
	struct hf_line l;
	char why[256];

	assert_int_equal(built, 0);
	if (hf_journal_read(x->r, (struct hf_str){ x->buf, x->w.n - 1 }, &l, why, sizeof(why)))
		fail_msg("%s", why);
	assert_int_equal(hf_show_line(x->s, x->r, &l), 0);
	hf_jsonw_init(&x->w, x->buf, sizeof(x->buf));
}

static void close_world(struct world **x)
{
	hf_show_free(&(*x)->s);
	assert_null((*x)->s);
	hf_journal_reader_free(&(*x)->r);
	free((*x)->out);
	free(*x);
	*x = NULL;
}

static void act(struct world *x, struct hf_action a)
{
	a.time_ns = now(x).boot_ns;
	a.nr = UINT32_MAX;
	a.tid = a.tgid;
	a.start_ns = a.tgid;
	a.flags |= HF_ACT_OUTCOME;
	shown(x, hf_journal_line_action(&x->chain, &x->w, now(x), &a, NULL));
}

static void opened(struct world *x, uint32_t pid, const char *path, uint32_t flags, int ret)
{
	act(x, (struct hf_action){ .kind = HF_OPEN, .tgid = pid, .path = hf_str_of(path), .open_flags = flags, .ret = ret });
}

static void forked(struct world *x, uint32_t pid, uint32_t child)
{
	act(x, (struct hf_action){ .kind = HF_FORK, .tgid = pid, .child_tgid = child, .child_tid = child, .child_start_ns = child });
}

static void executed(struct world *x, uint32_t pid, const char *path, struct hf_str argv)
{
	act(x, (struct hf_action){ .kind = HF_EXEC, .tgid = pid, .path = hf_str_of(path), .argv = argv });
}

static void ended(struct world *x, uint32_t pid, int status)
{
	act(x, (struct hf_action){ .kind = HF_EXIT, .tgid = pid, .ret = status });
}

static void begin(struct world *x)
{
	const struct hf_journal_guard g = { "seccomp", "on" };
	struct hf_proc p = { .tgid = 100, .start_ns = 100, .ppid = 1, .image = HF_STR("/bin/sh"), .argv = HF_STR("sh\0-c\0make\0") };

	shown(x, hf_journal_line_session(&x->chain, &x->w, now(x), &(struct hf_journal_session){ .session = 0x7f3a, .name = "demo",
		.workspace = HF_STR("/home/ann/w"), .cwd = HF_STR("/home/ann/w"), .command = HF_STR("sh\0-c\0make\0"), .rules = 15, .guard = &g, .nguard = 1 }));
	shown(x, hf_journal_line_process(&x->chain, &x->w, now(x), &p));
}

static void story_of_a_hold(struct world *x)
{
	struct hf_action a = { .kind = HF_CONNECT, .tgid = 101, .tid = 101, .start_ns = 101, .nr = UINT32_MAX, .flags = HF_ACT_ASKED,
			       .addr = { .family = AF_INET, .port = 443, .proto = IPPROTO_TCP, .ip = { 203, 0, 113, 7 } } };
	struct hf_finding f = { .rule = rule, .verdict = HF_HOLD, .why = "matched", .nstory = 1,
				.story = { { .n = 1, .time_ns = 90000000000u, .kind = HF_OPEN, .tgid = 101, .summary = "open /home/ann/.ssh/id_rsa (read)" } } };

	shown(x, hf_journal_line_finding(&x->chain, &x->w, now(x), &f, &a));
	shown(x, hf_journal_line_hold(&x->chain, &x->w, now(x), &(struct hf_journal_hold){ .id = "7f3a-1", .expires_in_ms = 120000, .finding = &f, .action = &a }));
	x->ms += 4200;
	shown(x, hf_journal_line_decision(&x->chain, &x->w, now(x), &(struct hf_journal_decision){ .hold = "7f3a-1", .allow = false, .scope = "once",
		.via = "tty", .uid = 0, .pid = 1, .after_ms = 4200 }));
	a.flags |= HF_ACT_DENIED;
	a.time_ns = now(x).boot_ns;
	shown(x, hf_journal_line_action(&x->chain, &x->w, now(x), &a, NULL));
}

static void has(const struct world *x, const char *want)
{
	if (!strstr(x->out, want))
		fail_msg("no \"%s\" in:\n%s", want, x->out);
}

static void has_not(const struct world *x, const char *what)
{
	if (strstr(x->out, what))
		fail_msg("\"%s\" in:\n%s", what, x->out);
}

static unsigned lines(const struct world *x)
{
	unsigned n = 0;

	for (size_t i = 0; i < x->n; i++)
		n += x->out[i] == '\n';
	return n;
}

static void some_work(struct world *x)
{
	char path[64];

	begin(x);
	forked(x, 100, 101);
	executed(x, 101, "/usr/bin/cc", HF_STR("cc\0-c\0a b.c\0"));
	for (unsigned i = 0; i < 1214; i++) {
		snprintf(path, sizeof(path), "/usr/include/%s/h%u.h", i & 1 ? "sys" : "bits", i);
		opened(x, 101, path, O_RDONLY, 3);
		snprintf(path, sizeof(path), "/usr/local/lib/h%u.h", i % 700);
		opened(x, 101, path, O_RDONLY, -ENOENT);
	}
	opened(x, 101, "/home/ann/w/a.o", O_WRONLY | O_CREAT, 3);
	opened(x, 101, "/home/ann/w/a.o", O_WRONLY | O_CREAT, 3);
	opened(x, 101, "/home/ann/w/a.d", O_WRONLY | O_CREAT, 3);
	act(x, (struct hf_action){ .kind = HF_RENAME, .tgid = 101, .path = HF_STR("/home/ann/w/new"), .path2 = HF_STR("/home/ann/w/old") });
	x->ms += 100;
	story_of_a_hold(x);
	shown(x, hf_journal_line_gap(&x->chain, &x->w, now(x), "open", 1031));
	shown(x, hf_journal_line_note(&x->chain, &x->w, now(x), "foreign", HF_STR("i386 \x1b[31m call")));
	ended(x, 101, 1 << 8);
	ended(x, 100, 9);
	shown(x, hf_journal_line_end(&x->chain, &x->w, now(x), &(struct hf_journal_end){ .exit_status = 137, .duration_ms = 4300,
		.total = &(struct hf_journal_total){ "actions", 2400 }, .ntotal = 1 }));
	hf_show_end(x->s);
}

static void test_timeline(void **state)
{
	struct world *x = open_world(&(struct hf_show_options){ 0 });

	some_work(x);
	has(x, "session 0000000000007f3a (demo)");
	has(x, "command sh -c make  in /home/ann/w");
	has(x, "15 rules; guards: seccomp on");
	has(x, "cc[101]            runs /usr/bin/cc: cc -c 'a b.c'");
	has(x, "opened 1,214 files below /usr/include (read)\n");
	has(x, "looked for 700 files below /usr/local/lib 1,214 times (not there)\n");
	has(x, "opened /home/ann/w/a.o, /home/ann/w/a.d 3 times (write)\n");
	has(x, "renamed /home/ann/w/old to /home/ann/w/new\n");
	has(x, "!! cc[101]            FINDING (hold) A key was read [rule rule-1]: connect 203.0.113.7:443");
	has(x, "earlier: open /home/ann/.ssh/id_rsa (read)");
	has(x, "HELD 7f3a-1: connect 203.0.113.7:443 (tcp) [rule rule-1], waits 2 min 0 s");
	has(x, "4.300 == cc[101]            DENIED 7f3a-1 (once) by uid 0 via tty after 4.2 s");
	has(x, "REFUSED connect 203.0.113.7:443");
	has(x, "LOST 1,031 records: open");
	has(x, "note foreign: i386 \\x1b[31m call");
	has(x, "ended with status 1");
	has(x, "killed by signal 9");
	has(x, "end: exit status 137 after 4.3 s, actions 2,400");
	assert_true(lines(x) < 25);
	close_world(&x);
}

static void test_options(void **state)
{
	struct world *x = open_world(&(struct hf_show_options){ .all = true });

	some_work(x);
	has(x, "open /usr/include/bits/h0.h (read)");
	has_not(x, "files below");
	assert_true(lines(x) > 2430);
	close_world(&x);
	x = open_world(&(struct hf_show_options){ .wall = true });
	some_work(x);
	has(x, "\n08:23:49.123    cc[101]            runs /usr/bin/cc");
	has(x, "\n08:23:53.423 ==");
	close_world(&x);
	x = open_world(&(struct hf_show_options){ .pid = 100 });
	some_work(x);
	has_not(x, "runs /usr/bin/cc");
	has(x, "FINDING");
	has(x, "LOST");
	close_world(&x);
	x = open_world(&(struct hf_show_options){ .text_max = 20 });
	some_work(x);
	has(x, "cc -c 'a b.c'");
	has_not(x, "/home/ann/w/old to /home/ann/w/new/");
	close_world(&x);
	x = open_world(&(struct hf_show_options){ 0 });
	some_work(x);
	hf_show_remark(x->s, "line 3: \x1b changed");
	has(x, "?? line 3: \\x1b changed");
	close_world(&x);
}

static void test_window_keeps_order(void **state)
{
	struct world *x = open_world(&(struct hf_show_options){ 0 });
	const char *a, *b, *c;

	begin(x);
	opened(x, 100, "/etc/first", O_RDONLY, 3);
	x->ms += 10;
	executed(x, 100, "/bin/second", HF_STR("second\0"));
	x->ms += 2000;
	opened(x, 100, "/etc/third", O_RDONLY, 3);
	hf_show_end(x->s);
	a = strstr(x->out, "/etc/first");
	b = strstr(x->out, "/bin/second");
	c = strstr(x->out, "/etc/third");
	assert_true(a && b && c && a < b && b < c);
	close_world(&x);
}

/* The same thing again and again is one line a window, never a line lost. */
static void test_repeats_are_counted(void **state)
{
	struct world *x = open_world(&(struct hf_show_options){ 0 });

	begin(x);
	for (unsigned i = 0; i < 300; i++) {
		forked(x, 100, 200 + i);
		executed(x, 200 + i, "/bin/true", HF_STR("true\0"));
		ended(x, 200 + i, 0);
	}
	hf_show_end(x->s);
	has(x, "true x300          runs /bin/true: true (300 times)");
	close_world(&x);
}

static void asked(struct world *x, enum hf_kind kind, uint32_t pid, const char *path, uint32_t more, int ret)
{
	struct hf_action a = { .kind = kind, .flags = more ? more : HF_ACT_ASKED, .time_ns = now(x).boot_ns, .tgid = pid, .tid = pid, .nr = UINT32_MAX,
			       .start_ns = pid, .path = hf_str_of(path), .ret = ret };

	shown(x, hf_journal_line_action(&x->chain, &x->w, now(x), &a, NULL));
}

/* What a guard asked for shows with its outcome, once; without one when none comes. */
static void test_outcomes(void **state)
{
	const uint32_t outcome = HF_ACT_CONFIRM | HF_ACT_OUTCOME;

	for (unsigned tree = 0; tree < 2; tree++) {
		struct world *x = open_world(&(struct hf_show_options){ .view = tree ? HF_SHOW_TREE : HF_SHOW_TIMELINE });

		begin(x);
		asked(x, HF_UNLINK, 100, "/tmp/refused-by-kernel", 0, 0);
		asked(x, HF_UNLINK, 100, "/tmp/refused-by-kernel", outcome, -EACCES);
		asked(x, HF_UNLINK, 100, "/tmp/gone", 0, 0);
		asked(x, HF_UNLINK, 100, "/tmp/gone", outcome, 0);
		asked(x, HF_MKDIR, 100, "/tmp/unknown", 0, 0);
		asked(x, HF_CHMOD, 100, "/tmp/last", 0, 0);
		act(x, (struct hf_action){ .kind = HF_CONNECT, .tgid = 100, .addr = { .family = AF_INET, .port = 1 }, .flags = HF_ACT_CONFIRM, .ret = -EINPROGRESS });
		act(x, (struct hf_action){ .kind = HF_CONNECT, .tgid = 100, .addr = { .family = AF_INET, .port = 2 }, .flags = HF_ACT_CONFIRM, .ret = -ECONNREFUSED });
		asked(x, HF_UNLINK, 100, "/tmp/kept", HF_ACT_OUTCOME, -EPERM);
		act(x, (struct hf_action){ .kind = HF_SIGNAL, .tgid = 100, .target_tgid = 1, .signo = 9, .ret = -EPERM });
		hf_show_end(x->s);
		if (tree) {
			has(x, "{changed 3}");
		} else {
			has(x, "failed to remove /tmp/refused-by-kernel, /tmp/kept\n");
			has(x, "removed /tmp/gone\n");
			has(x, "made /tmp/unknown (directories)\n");
			has(x, "changed the mode of /tmp/last\n");
			has(x, "0.0.0.0:2");
			has(x, "failed, Connection refused");
			has(x, "failed, Operation not permitted");
			has_not(x, "0.0.0.0:1");
		}
		close_world(&x);
	}
}

/* A start time from /proc is in clock ticks: the same process all the same. */
static void test_start_time_in_ticks(void **state)
{
	struct world *x = open_world(&(struct hf_show_options){ .view = HF_SHOW_TREE });
	struct hf_action a = { .kind = HF_EXEC, .flags = HF_ACT_ASKED, .tgid = 500, .tid = 500, .start_ns = 70000000, .nr = UINT32_MAX,
			       .path = HF_STR("/bin/ls"), .argv = HF_STR("ls\0") };

	begin(x);
	act(x, (struct hf_action){ .kind = HF_FORK, .tgid = 100, .child_tgid = 500, .child_tid = 500, .child_start_ns = 71234567 });
	shown(x, hf_journal_line_action(&x->chain, &x->w, now(x), &a, NULL));
	a.kind = HF_EXIT;
	a.start_ns = 71234567;
	shown(x, hf_journal_line_action(&x->chain, &x->w, now(x), &a, NULL));
	hf_show_end(x->s);
	has(x, "`- ls[500]  ls\n");
	has_not(x, "no exec");
	close_world(&x);
}

static void test_system_files_of_many(void **state)
{
	struct world *x = open_world(&(struct hf_show_options){ 0 });

	begin(x);
	for (uint32_t pid = 200; pid < 230; pid++) {
		forked(x, 100, pid);
		executed(x, pid, pid & 1 ? "/bin/a" : "/bin/b", HF_STR("x\0"));
		opened(x, pid, "/usr/lib/libc.so.6", O_RDONLY, 3);
		opened(x, pid, "/home/ann/.netrc", O_RDONLY, 3);
		opened(x, pid, "/usr/lib/own", O_WRONLY, 3);
	}
	hf_show_end(x->s);
	has(x, "processes x30      opened /usr/lib/libc.so.6 30 times (read)");
	has(x, "a x15              opened /home/ann/.netrc 15 times (read)");
	has(x, "b x15              opened /usr/lib/own 15 times (write)");
	close_world(&x);
}

static void test_tree(void **state)
{
	struct world *x = open_world(&(struct hf_show_options){ .view = HF_SHOW_TREE });

	some_work(x);
	has(x, "\nsh[100]  sh -c make  killed by signal 9\n");
	has(x, "\n`- cc[101]  cc -c 'a b.c'  status 1  {read 1,214, wrote 3, changed 1}\n");
	has(x, "\n      ! FINDING (hold) A key was read");
	has(x, "\n      ! HELD 7f3a-1");
	has(x, "\n      ! DENIED 7f3a-1");
	has(x, "\n      ! REFUSED connect");
	has(x, "LOST 1,031");
	assert_true(strstr(x->out, "end: exit status") > strstr(x->out, "cc[101]"));
	close_world(&x);
}

/* Builds as they are: 300 times cc with cc1 and as below, one of them doing something of its own. */
static void build(struct world *x)
{
	begin(x);
	for (unsigned i = 0; i < 300; i++) {
		uint32_t cc = 1000 + i * 3;

		forked(x, 100, cc);
		executed(x, cc, "/usr/bin/cc", HF_STR("cc\0-c\0x.c\0"));
		forked(x, cc, cc + 1);
		executed(x, cc + 1, "/usr/lib/cc1", HF_STR("cc1\0x.c\0"));
		opened(x, cc + 1, "/usr/include/stdio.h", O_RDONLY, 3);
		ended(x, cc + 1, 0);
		forked(x, cc, cc + 2);
		executed(x, cc + 2, "/usr/bin/as", HF_STR("as\0"));
		if (i == 77)
			act(x, (struct hf_action){ .kind = HF_CONNECT, .tgid = cc + 2, .addr = { .family = AF_INET, .port = 99, .ip = { 192, 0, 2, 1 } } });
		ended(x, cc + 2, 0);
		ended(x, cc, 0);
	}
	ended(x, 100, 0);
	hf_show_end(x->s);
}

static void test_tree_folds(void **state)
{
	struct world *x = open_world(&(struct hf_show_options){ .view = HF_SHOW_TREE });

	build(x);
	has(x, "cc x 299, each with cc1, as  first: cc -c x.c  {read 299}");
	has(x, "connect 192.0.2.1:99");
	assert_true(lines(x) < 12);
	close_world(&x);
	x = open_world(&(struct hf_show_options){ .view = HF_SHOW_TREE, .all = true });
	build(x);
	assert_true(lines(x) > 900);
	has_not(x, " x 299");
	close_world(&x);
}

static void test_deep_and_wide(void **state)
{
	struct world *x = open_world(&(struct hf_show_options){ .view = HF_SHOW_TREE });

	begin(x);
	for (uint32_t i = 0; i < 20000; i++)
		forked(x, i ? 1000 + i - 1 : 100, 1000 + i);
	for (uint32_t i = 0; i < 20000; i++)
		forked(x, 100, 50000 + i);
	hf_show_end(x->s);
	has(x, "(depth 20000)");
	has(x, "sh x 20,000");
	close_world(&x);
}

static void test_hundred_thousand(void **state)
{
	struct world *x = open_world(&(struct hf_show_options){ 0 });
	char path[80];

	begin(x);
	for (unsigned i = 0; i < 100000; i++) {
		snprintf(path, sizeof(path), "/usr/share/doc/p%u/f%u", i % 900, i);
		opened(x, 100, path, O_RDONLY, 3);
		x->ms += i % 20 == 0;
	}
	hf_show_end(x->s);
	assert_true(lines(x) < 20);
	close_world(&x);
}

/* A group's directory is the longest one common to all its files, by whole components. */
static void test_common_directory(void **state)
{
	static const struct { const char *a, *b, *c, *d, *want; } t[] = {
		{ "/usr/lib/a/1", "/usr/lib/a/2", "/usr/lib/a/3", "/usr/lib/a/4", "below /usr/lib/a (read)" },
		{ "/usr/lib/ab/1", "/usr/lib/abc/2", "/usr/lib/a/3", "/usr/lib/4", "below /usr/lib (read)" },
		{ "/usr/lib/a/b/c/1", "/usr/lib/a/b/2", "/usr/lib/a/b/d/3", "/usr/lib/a/b/c/4", "below /usr/lib/a/b (read)" },
		{ "/a", "/b", "/c", "/d", "below / (read)" },
		{ "/etc/a", "/etc/b", "/etc/c", "/etc/d", "below /etc (read)" },
		{ "rel", "rel2", "rel3", "rel4", "below / (read)" },
	};

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct world *x = open_world(&(struct hf_show_options){ 0 });

		begin(x);
		opened(x, 100, t[i].a, O_RDONLY, 3);
		opened(x, 100, t[i].b, O_RDONLY, 3);
		opened(x, 100, t[i].c, O_RDONLY, 3);
		opened(x, 100, t[i].d, O_RDONLY, 3);
		hf_show_end(x->s);
		has(x, t[i].want);
		close_world(&x);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timeline), cmocka_unit_test(test_options), cmocka_unit_test(test_window_keeps_order),
		cmocka_unit_test(test_repeats_are_counted), cmocka_unit_test(test_outcomes), cmocka_unit_test(test_start_time_in_ticks),
		cmocka_unit_test(test_system_files_of_many), cmocka_unit_test(test_tree),
		cmocka_unit_test(test_tree_folds), cmocka_unit_test(test_deep_and_wide), cmocka_unit_test(test_hundred_thousand),
		cmocka_unit_test(test_common_directory),
	};

	return cmocka_run_group_tests(tests, load_rule, drop_rule);
}
