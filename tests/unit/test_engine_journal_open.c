// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include "engine/journal_open.h"

static char dir[64];

static int setup(void **state)
{
	strcpy(dir, "/tmp/hf-jopen-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static void put_file(const char *name, const char *text, size_t n)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
}

static void test_find(void **state)
{
	char out[512], why[512], want[512];

	put_file("20261124-082349-demo-7f3a52c1d90b4e68.jsonl", "", 0);
	put_file("20261124-082350-demo-7f3b52c1d90b4e68.jsonl", "", 0);
	put_file("20261124-082350-my-own-name-0123456789abcdef.jsonl", "", 0);
	put_file("20261124-082350-other-ffff.jsonl", "", 0);
	snprintf(want, sizeof(want), "%s/20261124-082349-demo-7f3a52c1d90b4e68.jsonl", dir);
	assert_int_equal(hf_jopen_find("7f3a", dir, out, sizeof(out), why, sizeof(why)), 0);
	assert_string_equal(out, want);
	assert_int_equal(hf_jopen_find("7F3A52c1d90b4e68", dir, out, sizeof(out), why, sizeof(why)), 0);
	assert_string_equal(out, want);
	snprintf(want, sizeof(want), "%s/20261124-082350-my-own-name-0123456789abcdef.jsonl", dir);
	assert_int_equal(hf_jopen_find("my-own-name", dir, out, sizeof(out), why, sizeof(why)), 0);
	assert_string_equal(out, want);
	assert_int_equal(hf_jopen_find("demo", dir, out, sizeof(out), why, sizeof(why)), -ENOTUNIQ);
	assert_non_null(strstr(why, "7f3b52c1d90b4e68.jsonl"));
	assert_int_equal(hf_jopen_find("name", dir, out, sizeof(out), why, sizeof(why)), -ENOENT);
	assert_int_equal(hf_jopen_find("7f3", dir, out, sizeof(out), why, sizeof(why)), -ENOENT);	/* too short to be an id */
	assert_int_equal(hf_jopen_find("\x1b[m", dir, out, sizeof(out), why, sizeof(why)), -ENOENT);
	assert_null(strchr(why, '\x1b'));
	assert_int_equal(hf_jopen_find("./x", dir, out, sizeof(out), why, sizeof(why)), 0);
	assert_string_equal(out, "./x");
	assert_int_equal(hf_jopen_find("demo", "/tmp/hf-jopen-nowhere", out, sizeof(out), why, sizeof(why)), -ENOENT);
}

struct seen { unsigned right, wrong, stop_at; };

static int on_line(void *ctx, struct hf_journal_reader *r, struct hf_str line, int rc, const struct hf_line *l, const char *why)
{
	struct seen *s = ctx;

	if (rc)
		s->wrong++;
	else
		s->right++;
	assert_int_equal(!rc, !!l);
	return s->right == s->stop_at ? 7 : 0;
}

/* Lines across read boundaries, a very long one, one that is cut. */
static void test_each(void **state)
{
	const struct hf_stamp at = { 1, 1 };
	const unsigned count = 3000;
	size_t cap = 8u << 20, n = 0;
	char *all = malloc(cap), *text = malloc(400000), path[256], why[512];
	struct hf_jopen_result res;
	struct seen s = { 0 };
	struct hf_chain c;
	struct hf_jsonw w;

	hf_chain_init(&c);
	for (unsigned i = 0; i < count; i++) {
		size_t len = i == 1234 ? 400000 : i % 700;

		memset(text, 'x', len);
		hf_jsonw_init(&w, all + n, cap - n);
		assert_int_equal(hf_journal_line_note(&c, &w, at, "k", (struct hf_str){ text, len }), 0);
		n += w.n;
	}
	put_file("j", all, n);
	put_file("cut", all, n - 1);
	put_file("empty", "", 0);
	snprintf(path, sizeof(path), "%s/j", dir);
	assert_int_equal(hf_jopen_each(path, on_line, &s, &res, why, sizeof(why)), 0);
	assert_int_equal(s.right, count);
	assert_int_equal(s.wrong, 0);
	assert_int_equal(res.lines, count);
	assert_false(res.cut);
	assert_false(res.ended);
	assert_string_equal(res.hash, c.prev);
	s = (struct seen){ .stop_at = 10 };
	assert_int_equal(hf_jopen_each(path, on_line, &s, &res, why, sizeof(why)), 7);
	assert_int_equal(s.right, 10);
	snprintf(path, sizeof(path), "%s/cut", dir);
	s = (struct seen){ 0 };
	assert_int_equal(hf_jopen_each(path, on_line, &s, &res, why, sizeof(why)), 0);
	assert_int_equal(s.right, count - 1);
	assert_true(res.cut);
	snprintf(path, sizeof(path), "%s/empty", dir);
	assert_int_equal(hf_jopen_each(path, on_line, &s, &res, why, sizeof(why)), 0);
	assert_int_equal(res.lines, 0);
	assert_false(res.cut);
	free(all);
	free(text);
}

static void test_each_fails(void **state)
{
	struct hf_jopen_result res;
	struct seen s = { 0 };
	char why[512] = "", path[256];
	size_t n = 5u << 20;
	char *long_line = malloc(n);

	assert_int_equal(hf_jopen_each("/tmp/hf-jopen-none", on_line, &s, &res, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, "cannot open /tmp/hf-jopen-none: No such file"));
	assert_int_equal(hf_jopen_each("/tmp", on_line, &s, &res, why, sizeof(why)), -EISDIR);
	memset(long_line, 'x', n);
	put_file("long", long_line, n);
	snprintf(path, sizeof(path), "%s/long", dir);
	assert_int_equal(hf_jopen_each(path, on_line, &s, &res, why, sizeof(why)), -EFBIG);
	assert_int_equal(s.right + s.wrong, 0);
	free(long_line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_find, setup, teardown), cmocka_unit_test_setup_teardown(test_each, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each_fails, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
