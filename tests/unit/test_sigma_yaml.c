/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <time.h>
#include "sigma_fixture.h"
#include "sigma_int.h"

struct parsed {
	struct hf_arena arena;
	struct hf_vec docs;
	struct hf_rule_error err;
	int rc;
};

static void parse(struct parsed *p, const char *text, size_t n)
{
	struct hf_sigma_ctx c = { .name = "t.yml", .arena = &p->arena, .err = &p->err };

	memset(p, 0, sizeof(*p));
	c.arena = &p->arena;
	p->rc = hf_yaml_parse(&c, (struct hf_str){ text, n }, &p->docs);
}

static void done(struct parsed *p)
{
	hf_vec_clear(&p->docs);
	hf_arena_clear(&p->arena);
}

static void expect(const char *text, const char *error)
{
	struct parsed p;

	parse(&p, text, strlen(text));
	if (p.rc != -EINVAL || strcmp(p.err.text, error) != 0)
		fail_msg("%s\n    expected: %s\n    got:      %d %s", text, error, p.rc, p.err.text);
	done(&p);
}

static void test_tree(void **state)
{
	static const char text[] = "a: x\nb:\n  - 'null'\n  - null\n  - ~\n  -\n  - !!str null\nc: &k {d: [1, 2]}\ne: *k\n---\n---\nz: |\n  two\n  lines\n";
	const struct hf_ynode *root, *b, *c;
	struct parsed p;

	parse(&p, text, strlen(text));
	assert_int_equal(p.rc, 0);
	assert_int_equal(p.docs.n, 2);		/* the empty one between is none */
	root = p.docs.p[0];
	assert_int_equal(root->type, HF_Y_MAP);
	assert_string_equal(hf_ynode_get(root, "a")->s.p, "x");
	assert_int_equal(hf_ynode_get(root, "a")->line, 1);
	assert_null(hf_ynode_get(root, "x"));
	b = hf_ynode_get(root, "b");
	assert_int_equal(b->n, 5);
	assert_int_equal(b->val[3]->line, 6);
	assert_false(hf_ynode_is_null(b->val[0]));
	assert_true(hf_ynode_is_null(b->val[1]));
	assert_true(hf_ynode_is_null(b->val[2]));
	assert_true(hf_ynode_is_null(b->val[3]));
	assert_false(hf_ynode_is_null(b->val[4]));
	c = hf_ynode_get(root, "c");
	assert_ptr_equal(c, hf_ynode_get(root, "e"));
	assert_string_equal(hf_ynode_get(c, "d")->val[1]->s.p, "2");
	assert_string_equal(hf_ynode_get(p.docs.p[1], "z")->s.p, "two\nlines\n");
	assert_int_equal(((struct hf_ynode *)p.docs.p[1])->line, 12);
	done(&p);
}

static void test_syntax_errors(void **state)
{
	expect("a: [1\n", "t.yml:2: not valid YAML: while parsing a flow sequence, did not find expected ',' or ']'; check "
			  "indentation, quotes and colons");
	expect("a: b: c\n", "t.yml:1: not valid YAML: mapping values are not allowed in this context; check indentation, quotes and colons");
	expect("a: 'x\n", "t.yml:2: not valid YAML: while scanning a quoted scalar, found unexpected end of stream; check "
			  "indentation, quotes and colons");
	expect("a: \xff\n", "t.yml: not valid YAML: invalid leading UTF-8 octet at byte 3; save the file as UTF-8 text");
	expect("a: 1\nb: 2\na: 3\n", "t.yml:3: key 'a' is given twice, first in line 1; keep one");
	expect("? [a]\n: b\n", "t.yml:1: a key must be a plain name");
	expect("a: *b\n", "t.yml:1: alias '*b' has no anchor '&b' before it");
	expect("a: &b [*b]\n", "t.yml:1: alias '*b' stands inside its own anchor; write the values out");
	expect("a: &b 1\n---\nc: *b\n", "t.yml:3: alias '*b' has no anchor '&b' before it");
	expect("a: &b {x: 1}\nc:\n  <<: *b\n", "t.yml:3: merge keys ('<<') are not supported; write the keys out");
	expect("a: \"x\\0y\"\n", "t.yml:1: a value holds a NUL byte");
}

static void test_bounds(void **state)
{
	char text[20000], *big;
	size_t n = 0;
	struct parsed p;

	memset(text, '[', 1000);
	memset(text + 1000, ']', 1000);
	text[2000] = 0;
	expect(text, "t.yml:1: nested deeper than 24 levels");
	for (unsigned i = 0; i < 1025; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "k%u: 1\n", i);
	expect(text, "t.yml:1: more than 1024 keys in one map");
	n = 0;
	for (unsigned i = 0; i < 65; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "- &a%u 1\n", i);
	expect(text, "t.yml:65: more than 64 anchors; write the values out");
	big = malloc((1 << 20) + 1);
	assert_non_null(big);
	memset(big, 'a', (1 << 20) + 1);
	parse(&p, big, (1 << 20) + 1);
	assert_int_equal(p.rc, -EINVAL);
	assert_string_equal(p.err.text, "t.yml: larger than 1048576 bytes; split the file");
	done(&p);
	free(big);
	n = 0;
	for (unsigned i = 0; i < 1025; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "--- a\n");
	expect(text, "t.yml:1025: more than 1024 documents in one file; split it");
}

/* Ten aliases of ten aliases of …: small to read, huge to walk */
static void test_alias_bomb(void **state)
{
	char text[4096];
	clock_t start = clock();
	size_t n = (size_t)snprintf(text, sizeof(text), "a0: &a0 x\n");

	for (unsigned i = 1; i < 12; i++) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "a%u: &a%u [", i, i);
		for (unsigned k = 0; k < 10; k++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s*a%u", k ? ", " : "", i - 1);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "]\n");
	}
	expect(text, "t.yml:6: more than 50000 values, aliases counted at each use; split the file");
	assert_true(clock() - start < CLOCKS_PER_SEC);
}

/* Whatever is cut off or changed in a rule: an error or a rule, never a crash (run with sanitizers). */
static void test_mangled(void **state)
{
	static const char good[] = "title: T\nid: x\nlogsource: {product: linux, category: file_access}\ndetection:\n"
		"  s:\n    - TargetFilename|contains|all: ['a*', 'b\\*']\n      Image|re|i: '^(x|y)+$'\n    - 'key'\n"
		"  f: {CommandLine|windash|base64offset|contains: ' -e', DestinationIp|cidr: 10.0.0.0/8}\n"
		"  condition: 1 of s* and not (f or all of them)\n"
		"holdfast: {verdict: hold, label: {add: [a], to: file}, examples: {match: [{Image: x}], pass: []}}\n";
	static const char junk[] = "{}[]:'\"|*&!%-\n \t\\#?\x80";
	struct hf_rule_error err;
	char text[sizeof(good)];
	unsigned loaded = 0;

	for (size_t i = 0; i < sizeof(good); i++) {
		memcpy(text, good, i);
		text[i] = 0;
		loaded += load_error(text, &err)[0] == 0;
	}
	assert_true(loaded > 0);
	for (size_t i = 0; i < sizeof(good) - 1; i++) {
		for (size_t k = 0; k < sizeof(junk) - 1; k++) {
			memcpy(text, good, sizeof(good));
			text[i] = junk[k];
			(void)load_error(text, &err);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree), cmocka_unit_test(test_syntax_errors), cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_alias_bomb), cmocka_unit_test(test_mangled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
