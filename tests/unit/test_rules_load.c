/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>
#include "sigma_fixture.h"
/* It belongs to the engine, which needs the guards; by itself it needs the core only. */
#include "user/engine/rules_load.c"

static char top[64];

static const char *path(const char *name)
{
	static char p[4][256];
	static unsigned i;

	i = (i + 1) % 4;
	snprintf(p[i], sizeof(p[i]), "%s/%s", top, name);
	return p[i];
}

static void put(const char *name, const char *text, mode_t mode)
{
	int fd = open(path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static const char *rule(const char *id)
{
	static char text[256];

	snprintf(text, sizeof(text), "id: %s\ntitle: T\nlevel: low\nlogsource: {}\ndetection: {s: {Image: a}, condition: s}\n", id);
	return text;
}

static int setup(void **state)
{
	strcpy(top, "/tmp/hf-rules-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	mkdir(path("sub"), 0755);
	mkdir(path("sub/deeper"), 0755);
	mkdir(path(".git"), 0755);
	put("b.yml", rule("b"), 0644);
	put("a.yaml", rule("a"), 0644);
	put("sub/c.yml", rule("c"), 0644);
	put("sub/deeper/d.json", "{\"id\": \"d\", \"title\": \"T\", \"logsource\": {}, \"detection\": {\"s\": {\"Image\": \"a\"}, \"condition\": \"s\"}}", 0644);
	put("README.md", "no rule: [", 0644);
	put(".hidden.yml", "no rule: [", 0644);
	put(".git/x.yml", "no rule: [", 0644);
	assert_int_equal(mkfifo(path("pipe.yml"), 0644), 0);
	assert_int_equal(symlink("..", path("sub/loop")), 0);
	assert_int_equal(symlink("b.yml", path("link.yml")), 0);
	return 0;
}

static int rm(const char *p, const struct stat *st, int type, struct FTW *f)
{
	return remove(p);
}

static int teardown(void **state)
{
	return nftw(top, rm, 16, FTW_DEPTH | FTW_PHYS);
}

struct said {
	char text[2048];
	unsigned warnings, errors;
};

static void on_warn(void *ctx, const char *text)
{
	struct said *s = ctx;

	s->warnings++;
	snprintf(s->text, sizeof(s->text), "%s", text);
}

static void on_err(void *ctx, const struct hf_rule_error *err)
{
	((struct said *)ctx)->errors++;
}

static void test_tree(void **state)
{
	const char *const paths[] = { top, path("sub/c.yml"), path("b.yml") };
	const char *const verdicts[] = { "low=hold" };
	struct hf_ruleset *rs = NULL;
	struct hf_rule_error err;
	char ids[16] = "";

	assert_int_equal(hf_rules_load(paths, 3, verdicts, 1, &rs, &err), 0);
	for (unsigned i = 0; i < hf_ruleset_count(rs); i++)
		strncat(ids, hf_rule_id(hf_ruleset_get(rs, i)), 3);
	assert_string_equal(ids, "abcd");	/* sorted, each once, links and loops notwithstanding */
	assert_string_equal(hf_rule_file(hf_ruleset_get(rs, 2)), path("sub/c.yml"));
	assert_int_equal(hf_rule_verdict(hf_ruleset_get(rs, 0)), HF_HOLD);
	assert_int_equal(strlen(hf_ruleset_hash(rs)), 64);
	hf_ruleset_free(&rs);
}

static void test_errors(void **state)
{
	const char *missing = path("none.yml"), *fifo = path("pipe.yml"), *bad = path("bad.yml");
	const char *const verdict[] = { "low" }, *const level[] = { "lo=hold" };
	struct hf_ruleset *rs = (void *)0x1;
	struct hf_rule_error err;
	char want[512];

	assert_int_equal(hf_rules_load(&missing, 1, NULL, 0, &rs, &err), -ENOENT);
	snprintf(want, sizeof(want), "%s: No such file or directory", missing);
	assert_string_equal(err.text, want);
	assert_int_equal(hf_rules_load(&fifo, 1, NULL, 0, &rs, &err), -EINVAL);
	snprintf(want, sizeof(want), "%s: neither a file nor a folder", fifo);
	assert_string_equal(err.text, want);
	put("bad.yml", "title: T\n", 0644);
	assert_int_equal(hf_rules_load(&bad, 1, NULL, 0, &rs, &err), -EINVAL);
	snprintf(want, sizeof(want), "%s:1: a rule needs a logsource, such as {product: linux, category: process_creation}", bad);
	assert_string_equal(err.text, want);
	assert_int_equal(unlink(bad), 0);
	assert_int_equal(hf_rules_load(NULL, 0, verdict, 1, &rs, &err), -EINVAL);
	assert_string_equal(err.text, "'low' must be LEVEL=VERDICT, such as medium=hold; levels: informational, low, medium, high, critical; "
			    "verdicts: allow, note, hold, deny, kill");
	assert_int_equal(hf_rules_load(NULL, 0, level, 1, &rs, &err), -EINVAL);
	assert_ptr_equal(rs, (void *)0x1);
}

static void test_all_errors_and_warnings(void **state)
{
	const char *const paths[] = { top };
	struct said s = { 0 };
	struct hf_rules_source src = { .paths = paths, .npaths = 1, .warn = on_warn, .error = on_err, .ctx = &s };
	struct hf_ruleset *rs = NULL;
	struct hf_rule_error err;
	char want[512];

	put("bad.yml", "title: T\n", 0644);
	put("worse.yml", "x: [", 0644);
	assert_int_equal(hf_rules_read(&src, &rs, &err), -EINVAL);
	assert_int_equal(s.errors, 2);
	assert_int_equal(s.warnings, 0);
	unlink(path("bad.yml"));
	unlink(path("worse.yml"));
	put("open.yml", rule("open"), 0666);
	assert_int_equal(hf_rules_read(&src, &rs, &err), 0);
	assert_int_equal(s.warnings, 1);
	snprintf(want, sizeof(want), "%s: others than its owner may write to it; chmod go-w", path("open.yml"));
	assert_string_equal(s.text, want);
	unlink(path("open.yml"));
	hf_ruleset_free(&rs);
	mkdir(path("empty"), 0755);
	src.paths = (const char *const[]){ path("empty") };
	assert_int_equal(hf_rules_read(&src, &rs, &err), 0);
	assert_int_equal(hf_ruleset_count(rs), 0);
	assert_int_equal(s.warnings, 2);
	hf_ruleset_free(&rs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tree, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_errors_and_warnings, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
