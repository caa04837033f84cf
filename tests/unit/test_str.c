/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "str.h"

static void escapes_what_a_terminal_would_obey(void **state)
{
	static const struct { struct hf_str in; const char *out; } t[] = {
		{ HF_STR("plain /etc/passwd"), "plain /etc/passwd" },
		{ HF_STR("\x1b[2J\n\t\r"), "\\x1b[2J\\x0a\\x09\\x0d" },
		{ HF_STR("a\0b"), "a\\x00b" },
		{ HF_STR("\x7f"), "\\x7f" },
		{ HF_STR("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"), "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ HF_STR("\xc2\x9b""2J"), "\\u{009b}2J" },		/* C1 CSI */
		{ HF_STR("\xff\xc3"), "\\xff\\xc3" },
		{ HF_STR("\xc0\xaf"), "\\xc0\\xaf" },			/* overlong '/' */
		{ HF_STR("\xe0\x80\xaf"), "\\xe0\\x80\\xaf" },
		{ HF_STR("\xed\xa0\x80"), "\\xed\\xa0\\x80" },		/* surrogate */
		{ HF_STR("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80" },	/* above U+10FFFF */
		{ HF_STR("\xe2\x80\xae""gpj.exe"), "\\u{202e}gpj.exe" },
		{ HF_STR("a\xe2\x80\xa8""b"), "a\\u{2028}b" },
		{ HF_STR("a\xe2\x81\xa6"), "a\\u{2066}" },
		{ HF_STR("id\xe2\x80\x8b_rsa"), "id\\u{200b}_rsa" },
		{ HF_STR("\xf3\xa0\x81\x81"), "\\u{e0041}" },
		{ { NULL, 0 }, "" },
	};
	char out[128];

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		size_t n = hf_str_escape(t[i].in, out, sizeof(out));

		assert_string_equal(out, t[i].out);
		assert_int_equal(n, strlen(t[i].out));
	}
}

static void escape_cuts_on_whole_tokens(void **state)
{
	char out[32];
	bool cut = false;

	for (size_t cap = 0; cap <= 20; cap++) {
		memset(out, 'X', sizeof(out));
		size_t n = hf_str_escape(HF_STR("ab\x1b\xc3\xbcxyz\x01q"), out, cap);

		assert_true(cap == 0 ? n == 0 : n < cap);
		assert_int_equal(out[cap], 'X');
		if (cap)
			assert_int_equal(out[n], '\0');
	}
	assert_int_equal(hf_str_escape(HF_STR("ab\x1b""cd"), out, 9), 8);	/* exactly fits */
	assert_string_equal(out, "ab\\x1bcd");
	hf_str_escape(HF_STR("ab\x1b""cd"), out, 8);
	assert_string_equal(out, "ab...");
	hf_str_escape(HF_STR("abcdef"), out, 3);
	assert_string_equal(out, "..");
	hf_str_escape_part(HF_STR("abc"), out, 4, &cut);
	assert_false(cut);
	hf_str_escape_part(HF_STR("abcd"), out, 4, &cut);
	assert_true(cut);
}

static void joins_argv(void **state)
{
	char out[64];
	bool cut;

	assert_int_equal(hf_argv_join(HF_STR("git\0commit\0-m\0a b\0"), false, out, sizeof(out), &cut), 17);
	assert_string_equal(out, "git commit -m a b");
	assert_false(cut);
	hf_argv_join(HF_STR("git\0-m\0a b\0\0it's\0"), true, out, sizeof(out), &cut);
	assert_string_equal(out, "git -m 'a b' '' 'it'\\''s'");
	hf_argv_join(HF_STR("x\0\0y\0"), false, out, sizeof(out), &cut);
	assert_string_equal(out, "x  y");
	hf_argv_join(HF_STR("x\0last"), false, out, sizeof(out), &cut);
	assert_string_equal(out, "x last");
	assert_int_equal(hf_argv_join(HF_STR("abc\0def\0"), false, out, 8, &cut), 7);
	assert_string_equal(out, "abc def");
	assert_false(cut);
	assert_int_equal(hf_argv_join(HF_STR("abc\0def\0"), false, out, 7, &cut), 6);
	assert_string_equal(out, "abc de");
	assert_true(cut);
	assert_int_equal(hf_argv_join((struct hf_str){ NULL, 0 }, false, out, sizeof(out), NULL), 0);
	assert_string_equal(out, "");
}

static void turns_leaf_first_paths_round(void **state)
{
	char out[32];

	assert_int_equal(hf_path_from_leaves(HF_STR("passwd\0etc\0"), out, sizeof(out)), 11);
	assert_string_equal(out, "/etc/passwd");
	assert_int_equal(hf_path_from_leaves((struct hf_str){ NULL, 0 }, out, sizeof(out)), 1);
	assert_string_equal(out, "/");
	assert_int_equal(hf_path_from_leaves(HF_STR("passwd\0etc\0"), out, 12), 11);
	assert_int_equal(hf_path_from_leaves(HF_STR("passwd\0etc\0"), out, 11), -ENAMETOOLONG);
	assert_int_equal(hf_path_from_leaves(HF_STR("passwd\0etc"), out, sizeof(out)), -EINVAL);
	assert_int_equal(hf_path_from_leaves(HF_STR("a\0\0b\0"), out, sizeof(out)), -EINVAL);
	assert_int_equal(hf_path_from_leaves(HF_STR("\0"), out, sizeof(out)), -EINVAL);
	assert_int_equal(hf_path_from_leaves(HF_STR("a/b\0"), out, sizeof(out)), -EINVAL);
}

static void turns_paths_to_leaves(void **state)
{
	char out[32];

	assert_int_equal(hf_path_to_leaves(HF_STR("/etc/passwd"), out, 11), 11);
	assert_memory_equal(out, "passwd\0etc\0", 11);
	assert_int_equal(hf_path_to_leaves(HF_STR("/etc/passwd"), out, 10), -ENAMETOOLONG);
	assert_int_equal(hf_path_to_leaves(HF_STR("/"), out, sizeof(out)), 0);
	static const char *const bad[] = { "", "etc", "/etc/", "//etc", "/a//b", "/a/./b", "/a/..", NULL };

	for (int i = 0; bad[i]; i++)
		assert_int_equal(hf_path_to_leaves(hf_str_of(bad[i]), out, sizeof(out)), -EINVAL);
	assert_int_equal(hf_path_to_leaves(HF_STR("/a\0b"), out, sizeof(out)), -EINVAL);
}

static void joins_paths(void **state)
{
	static const struct { const char *base, *rel, *out; } t[] = {
		{ "/home/u", "x/y", "/home/u/x/y" }, { "/home/u", "../../../etc/./shadow", "/etc/shadow" },
		{ "/a//b/", "", "/a/b" }, { "/", "..", "/" }, { "rel", "/abs//x/..", "/abs" }, { "/a", "b/", "/a/b" },
		{ "/a", ".../..b", "/a/.../..b" }, { "/", "", "/" },
	};
	char out[32];

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		int n = hf_path_join(hf_str_of(t[i].base), hf_str_of(t[i].rel), out, sizeof(out));

		assert_int_equal(n, strlen(t[i].out));
		assert_string_equal(out, t[i].out);
	}
	assert_int_equal(hf_path_join(HF_STR("rel"), HF_STR("x"), out, sizeof(out)), -EINVAL);
	assert_int_equal(hf_path_join(HF_STR("/a"), HF_STR("x\0y"), out, sizeof(out)), -EINVAL);
	assert_int_equal(hf_path_join(HF_STR("/abc"), HF_STR("def"), out, 9), 8);
	assert_int_equal(hf_path_join(HF_STR("/abc"), HF_STR("def"), out, 8), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes_what_a_terminal_would_obey),
		cmocka_unit_test(escape_cuts_on_whole_tokens),
		cmocka_unit_test(joins_argv),
		cmocka_unit_test(turns_leaf_first_paths_round),
		cmocka_unit_test(turns_paths_to_leaves),
		cmocka_unit_test(joins_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
