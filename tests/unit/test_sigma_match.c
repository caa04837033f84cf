/* SPDX-License-Identifier: Apache-2.0 */
#include <time.h>
#include "sigma_fixture.h"

#define YES(rule, text) do { if (!line_matches(rule, text)) fail_msg("should match: %s on %s", rule, text); } while (0)
#define NO(rule, text) do { if (line_matches(rule, text)) fail_msg("should not match: %s on %s", rule, text); } while (0)

static void test_plain_and_wildcards(void **state)
{
	YES("CommandLine: 'cat /etc/shadow'", "cat /etc/shadow");
	YES("CommandLine: 'CAT /etc/SHADOW'", "cat /etc/shadow");
	NO("CommandLine: 'cat /etc/shadow'", "cat /etc/shadow ");
	NO("CommandLine: 'cat'", "cat /etc/shadow");
	YES("CommandLine: 'cat *'", "cat /etc/shadow");
	YES("CommandLine: '*shadow'", "cat /etc/shadow");
	YES("CommandLine: '*etc*'", "cat /etc/shadow");
	NO("CommandLine: '*etd*'", "cat /etc/shadow");
	YES("CommandLine: 'c*t /etc/*ow'", "cat /etc/shadow");
	YES("CommandLine: 'c?t'", "cat");
	NO("CommandLine: 'c?t'", "ct");
	NO("CommandLine: 'c?t'", "caat");
	YES("CommandLine: 'c?t'", "c\xc3\xa4t");		/* one character, two bytes */
	YES("CommandLine: 'c?t'", "c\xfft");			/* a stray byte counts as one */
	NO("CommandLine: 'c?t'", "c\xc3t\xc3");
	YES("CommandLine: '*'", "");
	YES("CommandLine: '*'", "x");
	NO("CommandLine: '*'", NULL);
	YES("CommandLine: 'a*b*c'", "aXbYbZc");
	NO("CommandLine: 'a*b*c'", "aXbYbZ");
	YES("CommandLine: '*a?c*'", "xxabcxx");
	YES("CommandLine: 'a**b'", "ab");
}

static void test_escapes(void **state)
{
	YES("CommandLine: 'a\\*b'", "a*b");
	NO("CommandLine: 'a\\*b'", "aXb");
	YES("CommandLine: 'a\\?b'", "a?b");
	NO("CommandLine: 'a\\?b'", "aXb");
	YES("CommandLine: 'a\\b'", "a\\b");			/* before anything else a plain backslash */
	YES("CommandLine: 'a\\\\b'", "a\\b");			/* two are one */
	NO("CommandLine: 'a\\\\b'", "a\\\\b");
	YES("CommandLine: 'a\\\\*'", "a\\xyz");			/* a backslash, then a wildcard */
	YES("CommandLine: 'a\\\\\\*'", "a\\*");			/* a backslash, then a star */
	NO("CommandLine: 'a\\\\\\*'", "a\\b");
	YES("CommandLine: 'a\\'", "a\\");
}

static void test_place(void **state)
{
	YES("CommandLine|contains: '/etc/'", "cat /ETC/shadow");
	NO("CommandLine|contains: '/etc/'", "cat /etc");
	YES("CommandLine|startswith: 'cat'", "cat /etc");
	NO("CommandLine|startswith: 'cat'", "a cat");
	YES("CommandLine|endswith: '.pem'", "x.PEM");
	NO("CommandLine|endswith: '.pem'", "x.pem2");
	YES("CommandLine|contains: 'a*c'", "xx abbbc xx");
	YES("CommandLine|contains: ''", "x");
	YES("CommandLine|contains|cased: 'AbC'", "xAbCx");
	NO("CommandLine|contains|cased: 'AbC'", "xabcx");
	YES("CommandLine|cased: 'AbC*'", "AbCd");
	NO("CommandLine|cased: 'AbC*'", "abcd");
	YES("CommandLine|contains: [one, two]", "xtwo");
	NO("CommandLine|contains: [one, two]", "three");
	YES("CommandLine|contains|all: [one, two]", "two one");
	NO("CommandLine|contains|all: [one, two]", "two");
	/* the search hops from rare byte to rare byte: every place, either case, the edges */
	YES("CommandLine|contains: 'zq'", "qqqqzzzZQ");
	YES("CommandLine|contains: 'ez'", "eeeeeEz");
	YES("CommandLine|contains: 'ez'", "zzzzzeZ");
	NO("CommandLine|contains: 'ez'", "zzzzze");
	NO("CommandLine|contains: 'ez'", "z");
	YES("CommandLine|contains: 'aXa'", "aaaaxaxA");
	NO("CommandLine|contains: 'abcdef'", "abcde");
}

static void test_values(void **state)
{
	YES("CommandLine: 443", "443");
	NO("CommandLine: 443", "4430");
	YES("CommandLine: true", "true");
	YES("CommandLine: ''", "");
	NO("CommandLine: ''", NULL);
	NO("CommandLine: ''", "x");
	YES("CommandLine: null", NULL);
	YES("CommandLine: ~", NULL);
	YES("CommandLine:", NULL);
	NO("CommandLine: null", "");
	NO("CommandLine: null", "null");
	YES("CommandLine: 'null'", "null");
	YES("CommandLine: [null, '']", NULL);
	YES("CommandLine: [null, '']", "");
	NO("CommandLine: [null, '']", "x");
	YES("CommandLine|exists: true", "");
	NO("CommandLine|exists: true", NULL);
	YES("CommandLine|exists: false", NULL);
	NO("CommandLine|exists: 'false'", "x");
	YES("CommandLine|lt: 10", "9");
	NO("CommandLine|lt: 10", "10");
	YES("CommandLine|lte: 10", "10");
	YES("CommandLine|gt: -3", "0");
	NO("CommandLine|gt: 1023", "1023");
	YES("CommandLine|gte: 1024", "1024.5");
	NO("CommandLine|gte: 1024", "1e9");
	NO("CommandLine|gte: 0", "");
	NO("CommandLine|gte: 0", "-");
	NO("CommandLine|gte: 0", "x");
	YES("CommandLine|neq: abc", "abd");
	NO("CommandLine|neq: abc", "ABC");
	NO("CommandLine|neq: [abc, abd]", "abd");
	YES("CommandLine|contains|neq: x", "abc");
	YES("CommandLine|neq: abc", NULL);
}

static void test_regex(void **state)
{
	YES("CommandLine|re: '-D'", "nc -D");
	NO("CommandLine|re: '-D'", "nc -d");
	YES("CommandLine|re|i: '-D'", "nc -d");
	YES("CommandLine|re: '^nc\\s+-[a-z]{1,3}$'", "nc  -le");
	NO("CommandLine|re: '^b$'", "a\nb\nc");
	YES("CommandLine|re|m: '^b$'", "a\nb\nc");
	NO("CommandLine|re: 'a.b'", "a\nb");
	YES("CommandLine|re|s: 'a.b'", "a\nb");
	YES("CommandLine|re: [x, y]", "y");
	NO("CommandLine|re|all: [x, y]", "y");
	YES("CommandLine|re: 'a.b'", "a\xff" "b");		/* an invalid byte ends nothing */
	NO("CommandLine|re: 'x'", NULL);
	YES("CommandLine|re|neq: 'x'", "y");
	NO("CommandLine|re: '(.){200,}'", "short");
}

static void test_cidr(void **state)
{
	YES("CommandLine|cidr: 10.0.0.0/8", "10.255.3.4");
	NO("CommandLine|cidr: 10.0.0.0/8", "11.0.0.1");
	YES("CommandLine|cidr: [10.0.0.0/8, 192.168.0.0/16]", "192.168.9.9");
	YES("CommandLine|cidr: 172.16.0.0/12", "172.31.255.255");
	NO("CommandLine|cidr: 172.16.0.0/12", "172.32.0.0");
	YES("CommandLine|cidr: 0.0.0.0/0", "8.8.8.8");
	NO("CommandLine|cidr: 0.0.0.0/0", "::1");
	YES("CommandLine|cidr: 1.2.3.4", "1.2.3.4");
	NO("CommandLine|cidr: 1.2.3.4", "1.2.3.5");
	YES("CommandLine|cidr: '2001:db8::/32'", "2001:db8:ffff::1");
	NO("CommandLine|cidr: '2001:db8::/32'", "2001:db9::1");
	YES("CommandLine|cidr: 'fe80::/10'", "febf::1");
	YES("CommandLine|cidr: '::1/128'", "::1");
	YES("CommandLine|cidr: 127.0.0.0/8", "::ffff:127.0.0.1");
	NO("CommandLine|cidr: 10.0.0.0/8", "not an address");
	NO("CommandLine|cidr: 10.0.0.0/8", "10.0.0.1 and a text much longer than any address can be");
}

static void test_encodings(void **state)
{
	/* echo -n text | base64, by coreutils */
	YES("CommandLine|base64|contains: 'curl http'", "echo Y3VybCBodHRw | base64 -d");
	YES("CommandLine|base64: 'ab'", "YWI=");
	YES("CommandLine|base64: 'a'", "YQ==");
	YES("CommandLine|base64offset|contains: '/bin/bash'", "L2Jpbi9iYXNo");				/* alone */
	YES("CommandLine|base64offset|contains: '/bin/bash'", "eC9iaW4vYmFzaHk=");			/* x/bin/bashy */
	YES("CommandLine|base64offset|contains: '/bin/bash'", "eHkvYmluL2Jhc2ggLWk=");			/* xy/bin/bash -i */
	YES("CommandLine|base64offset|contains: '/bin/bash'", "eHl6L2Jpbi9iYXNo");			/* xyz/bin/bash */
	NO("CommandLine|base64offset|contains: '/bin/bash'", "eHl6L2Jpbi96c2g=");			/* xyz/bin/zsh */
	/* printf 'ping' | iconv -t UTF-16LE | base64 */
	YES("CommandLine|wide|base64: 'ping'", "cABpAG4AZwA=");
	YES("CommandLine|utf16le|base64offset|contains: 'ping'", "xxcABpAG4AZwyy");
	YES("CommandLine|utf16be|base64: 'ping'", "AHAAaQBuAGc=");
	YES("CommandLine|utf16|base64: 'p'", "//5wAA==");
	YES("CommandLine|wide|base64: '\xc3\xa4\xf0\x9f\x98\x80'", "5AA92ADe");				/* ä, U+1F600 */
	/* windash: every spelling of the dash that begins an option, none of the others */
	YES("CommandLine|windash|contains: ' -enc'", "x /enc y");
	YES("CommandLine|windash|contains: ' -enc'", "x \xe2\x80\x93" "enc y");
	YES("CommandLine|windash|contains: ' -enc'", "x \xe2\x80\x95" "enc y");
	NO("CommandLine|windash|contains: ' -enc'", "x +enc y");
	NO("CommandLine|windash|contains: 'a-b'", "a/b");
	YES("CommandLine|windash|base64: ' -e'", "IC9l");						/* " /e" */
	YES("CommandLine|windash|base64: ' -e'", "IC1l");						/* " -e" */
}

static void test_keywords(void **state)
{
	struct hf_ruleset *rs = load_detection("  words:\n    - 'evil'\n    - 'b?d'\n  condition: words");

	assert_true(matches(rs, "User", "the EVIL one", NULL));
	assert_true(matches(rs, "ParentImage", "/x/bad/y", NULL));
	assert_false(matches(rs, "User", "good", NULL));
	assert_false(matches(rs, NULL));
	hf_ruleset_free(&rs);
	rs = load_detection("  words:\n    '|all': [one, two]\n  condition: words");
	assert_true(matches(rs, "User", "one", "Image", "two", NULL));
	assert_false(matches(rs, "User", "one", NULL));
	hf_ruleset_free(&rs);
	rs = load_detection("  words: single\n  condition: words");
	assert_true(matches(rs, "User", "a single word", NULL));
	hf_ruleset_free(&rs);
	rs = load_detection("  words:\n    - lone\n    - Image|endswith: /sh\n      User: root\n  condition: words");
	assert_true(matches(rs, "CommandLine", "lone", NULL));
	assert_true(matches(rs, "Image", "/bin/sh", "User", "root", NULL));
	assert_false(matches(rs, "Image", "/bin/sh", "User", "bob", NULL));
	hf_ruleset_free(&rs);
}

static void test_fieldref(void **state)
{
	struct hf_ruleset *rs = load_detection("  s:\n    Image|fieldref: ParentImage\n  condition: s");

	assert_true(matches(rs, "Image", "/bin/SH", "ParentImage", "/bin/sh", NULL));
	assert_false(matches(rs, "Image", "/bin/sh", "ParentImage", "/bin/bash", NULL));
	assert_false(matches(rs, "Image", "/bin/sh", NULL));
	hf_ruleset_free(&rs);
	rs = load_detection("  s:\n    CommandLine|fieldref|contains|cased: User\n  condition: s");
	assert_true(matches(rs, "CommandLine", "su bob -", "User", "bob", NULL));
	assert_false(matches(rs, "CommandLine", "su Bob -", "User", "bob", NULL));
	hf_ruleset_free(&rs);
	rs = load_detection("  s:\n    CommandLine|fieldref|endswith: User\n  condition: s");
	assert_true(matches(rs, "CommandLine", "su bob", "User", "bob", NULL));
	assert_false(matches(rs, "CommandLine", "b", "User", "bob", NULL));
	hf_ruleset_free(&rs);
}

static void test_lists_in_events(void **state)
{
	struct hf_ruleset *rs = load_detection("  s:\n    Labels|contains: secret-read\n  condition: s");

	assert_true(matches(rs, "Labels", "x", "Labels", "secret-read", NULL));
	assert_false(matches(rs, "Labels", "x", NULL));
	hf_ruleset_free(&rs);
	rs = load_detection("  s:\n    Ancestors|endswith|all: [/sh, /node]\n  condition: s");
	assert_true(matches(rs, "Ancestors", "/bin/sh", "Ancestors", "/usr/bin/node", NULL));
	assert_false(matches(rs, "Ancestors", "/bin/sh", NULL));
	hf_ruleset_free(&rs);
	rs = load_detection("  s:\n    Labels|neq: clean\n  condition: s");
	assert_false(matches(rs, "Labels", "clean", "Labels", "x", NULL));	/* none may be it */
	hf_ruleset_free(&rs);
}

static void test_category(void **state)
{
	struct hf_ruleset *rs = load_detection("  s:\n    Image: a\n  condition: s");
	struct hf_value v = { .s = { HF_STR("a") }, .n = 1 };
	struct hf_event e = { .categories = 1u << HF_CAT_FILE_EVENT, .f = { [HF_F_IMAGE] = &v } };
	bool limited;

	assert_false(hf_rule_match(hf_ruleset_get(rs, 0), &e, &limited));
	e.categories |= 1u << HF_CAT_PROCESS_CREATION;
	assert_true(hf_rule_match(hf_ruleset_get(rs, 0), &e, &limited));
	hf_ruleset_free(&rs);
}

/* A runaway expression is cut off and, in either polarity, never lets the action pass. */
static void test_limit(void **state)
{
	static const char *const cond[] = { "s", "not s", "s and img", "img and not s" };
	char text[4096], lines[512];
	struct hf_value v = { .n = 1 }, img = { .s = { HF_STR("/x") }, .n = 1 };
	struct hf_event e = { .categories = 1u << HF_CAT_PROCESS_CREATION };
	clock_t start = clock();
	bool limited;

	memset(text, 'a', sizeof(text));
	v.s[0] = (struct hf_str){ text, sizeof(text) };
	e.f[HF_F_COMMAND_LINE] = &v;
	e.f[HF_F_IMAGE] = &img;
	for (unsigned i = 0; i < 4; i++) {
		struct hf_ruleset *rs;

		snprintf(lines, sizeof(lines), "  s:\n    CommandLine|re: '^(a|aa)+[xy]'\n  img:\n    Image: /x\n  condition: %s", cond[i]);
		rs = load_detection(lines);
		assert_true(hf_rule_match(hf_ruleset_get(rs, 0), &e, &limited));
		assert_true(limited);
		hf_ruleset_free(&rs);
	}
	/* where the rest decides there is nothing undecided */
	struct hf_ruleset *rs = load_detection("  s:\n    CommandLine|re: '^(a|aa)+[xy]'\n  img:\n    Image: /y\n  condition: s and img");
	assert_false(hf_rule_match(hf_ruleset_get(rs, 0), &e, &limited));
	assert_false(limited);
	hf_ruleset_free(&rs);
	assert_true(clock() - start < 2 * CLOCKS_PER_SEC);
}

static void test_long_fieldref_is_bounded(void **state)
{
	struct hf_ruleset *rs = load_detection("  s:\n    CommandLine|fieldref|contains: ParentCommandLine\n  condition: s");
	static char a[65536], b[32768];
	struct hf_value va = { .s = { { a, sizeof(a) } }, .n = 1 }, vb = { .s = { { b, sizeof(b) } }, .n = 1 };
	struct hf_event e = { .categories = 1, .f = { [HF_F_COMMAND_LINE] = &va, [HF_F_PARENT_COMMAND_LINE] = &vb } };
	bool limited;

	memset(a, 'a', sizeof(a));
	memset(b, 'a', sizeof(b));
	b[sizeof(b) - 1] = 'b';
	assert_true(hf_rule_match(hf_ruleset_get(rs, 0), &e, &limited));
	assert_true(limited);
	hf_ruleset_free(&rs);
}

/* NUL and long regular text: 32 KiB of ordinary bytes must not meet the limit of a simple expression. */
static void test_long_text(void **state)
{
	struct hf_ruleset *rs = load_detection("  s:\n    CommandLine|re: '(.){200,}'\n  condition: s");
	static char a[32768];
	struct hf_value va = { .s = { { a, sizeof(a) } }, .n = 1 };
	struct hf_event e = { .categories = 1, .f = { [HF_F_COMMAND_LINE] = &va } };
	bool limited;

	memset(a, 'x', sizeof(a));
	a[5] = 0;
	assert_true(hf_rule_match(hf_ruleset_get(rs, 0), &e, &limited));
	assert_false(limited);
	hf_ruleset_free(&rs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_and_wildcards), cmocka_unit_test(test_escapes), cmocka_unit_test(test_place),
		cmocka_unit_test(test_values), cmocka_unit_test(test_regex), cmocka_unit_test(test_cidr),
		cmocka_unit_test(test_encodings), cmocka_unit_test(test_keywords), cmocka_unit_test(test_fieldref),
		cmocka_unit_test(test_lists_in_events), cmocka_unit_test(test_category), cmocka_unit_test(test_limit),
		cmocka_unit_test(test_long_fieldref_is_bounded), cmocka_unit_test(test_long_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
