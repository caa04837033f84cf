/* SPDX-License-Identifier: Apache-2.0 */
/* `holdfast check` as people call it: coverage, filters, values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64], out[65536];

static void put(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int check(const char *args)
{
	char cmd[512];
	size_t n;
	FILE *p;

	snprintf(cmd, sizeof(cmd), "cd %s && %s check %s 2>&1", dir, HF_PROGRAM, args);
	p = popen(cmd, "r");
	assert_non_null(p);
	n = fread(out, 1, sizeof(out) - 1, p);
	out[n] = 0;
	return WEXITSTATUS(pclose(p));
}

static void says(const char *text)
{
	if (!strstr(out, text))
		fail_msg("'%s' is not said:\n%s", text, out);
}

#define RULE(id, source) "title: " id "\nid: " id "\nlevel: high\nlogsource: {" source "}\ndetection: {s: {Image|expand: '/bin/%tool%'}, condition: s}\n"

static int setup(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/hf-check-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	put("a.yml", RULE("a", "product: linux, category: process_creation"));
	put("b.yml", RULE("b", "product: windows"));
	put("v", "tool: [nc, ncat]\n");
	return 0;
}

static int teardown(void **state)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	return system(cmd);
}

static void coverage_tells_what_applies_and_why_not(void **state)
{
	put("c.yml", "title: c\n");
	assert_int_equal(check("a.yml b.yml c.yml"), 2);
	assert_int_equal(check("--coverage a.yml b.yml c.yml"), 0);
	says("2 rules: 0 apply (0 of them only as steps of correlations), 2 do not; 1 files with errors");
	says("     1  logsource product 'windows' is not linux");
	says("     1  placeholder '%tool%' has no values");
	says("c.yml:1: a rule needs a logsource");
	assert_int_equal(check("--coverage --json --values v a.yml b.yml"), 0);
	says("\"type\":\"rule\",\"id\":\"a\",\"file\":\"a.yml\",\"applicable\":true,\"reason\":null");
	says("{\"category\":\"process_creation\",\"hook\":\"exec\",\"effective\":\"");
	says("\"type\":\"rule\",\"id\":\"b\",\"file\":\"b.yml\",\"applicable\":false,\"reason\":\"logsource product 'windows' is not linux\"");
	says("\"type\":\"total\",\"rules\":2,\"applicable\":1,\"step_only\":0,\"not_applicable\":1,\"files_with_errors\":0");
}

static void values_and_filters_are_loaded(void **state)
{
	put("f.yml", "title: F\nid: f\nlogsource: {product: linux}\nfilter: {rules: [a], s: {User: adm}, condition: not s}\n");
	put("g.yml", "title: G\nid: g\nlogsource: {product: linux}\nfilter: {rules: [a], s: {Hash: x}, condition: not s}\n");
	assert_int_equal(check("--values v a.yml f.yml g.yml"), 0);
	says("1 rules (0 not applicable)");
	says("filter f: narrows 1 rules\n");
	says("filter g: narrows 0 rules; not applicable: field 'Hash' is not known\n");
	says("warning: g.yml: filter 'g' narrows nothing: field 'Hash' is not known");
	assert_int_equal(check("a.yml f.yml"), 0);
	says("placeholder '%tool%' has no values");
	assert_int_equal(check("--values nothere a.yml"), 2);
	says("nothere: No such file");
	put("w", "tool: {a: b}\n");
	assert_int_equal(check("--values w a.yml"), 2);
	says("w:1: values of 'tool' must be a text or a list of texts");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(coverage_tells_what_applies_and_why_not),
		cmocka_unit_test(values_and_filters_are_loaded),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
