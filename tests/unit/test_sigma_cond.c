/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma_fixture.h"

#define DETECTIONS "  sel_a: {CommandLine|contains: a}\n  sel_b: {CommandLine|contains: b}\n  filter: {CommandLine|contains: f}\n" \
	"  _hidden: {CommandLine|contains: h}\n"

static bool eval(const char *cond, const char *text)
{
	char lines[1024];
	struct hf_ruleset *rs;
	bool yes;

	snprintf(lines, sizeof(lines), DETECTIONS "  condition: %s", cond);
	rs = load_detection(lines);
	yes = matches(rs, "CommandLine", text, NULL);
	hf_ruleset_free(&rs);
	return yes;
}

/* Each text holds the letters of the detections that match; each condition against all of them. */
static void test_truth(void **state)
{
	static const char *const text[] = { "-", "a", "b", "f", "ab", "af", "bf", "abf", "h" };
	static const struct {
		const char *cond, *want;
	} t[] = {
		{ "sel_a",				"010011010" },
		{ "sel_a and sel_b",			"000010010" },
		{ "sel_a or sel_b",			"011011110" },
		{ "not sel_a",				"101100101" },
		{ "not not sel_a",			"010011010" },
		{ "sel_a and not filter",		"010010000" },
		{ "sel_a or sel_b and filter",		"010011110" },	/* and binds tighter */
		{ "(sel_a or sel_b) and filter",	"000001110" },
		{ "not sel_a and sel_b",		"001000100" },	/* not binds tightest */
		{ "not (sel_a and sel_b)",		"111101101" },
		{ "1 of sel_*",				"011011110" },
		{ "any of sel_*",			"011011110" },
		{ "all of sel_*",			"000010010" },
		{ "1 of them",				"011111110" },	/* without _hidden */
		{ "all of them",			"000000010" },
		{ "1 of _*",				"000000001" },
		{ "1 of *",				"011111110" },
		{ "1 of *_a",				"010011010" },
		{ "all of sel_* and not 1 of filter*",	"000010000" },
		{ "not 1 of sel_*",			"100100001" },
		{ "_hidden",				"000000001" },
		{ "((((sel_a))))",			"010011010" },
		{ "sel_a AND NOT filter",		"010010000" },
		{ "sel_a  and\n    (sel_b)",		"000010010" },
		{ "[sel_a and filter, sel_b and filter]", "000001110" },	/* alternatives */
	};

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		for (unsigned k = 0; k < sizeof(text) / sizeof(text[0]); k++)
			if (eval(t[i].cond, text[k]) != (t[i].want[k] == '1'))
				fail_msg("'%s' on '%s' is not %c", t[i].cond, text[k], t[i].want[k]);
}

static void test_errors(void **state)
{
	static const struct {
		const char *cond, *error;
	} t[] = {
		{ "selection", "unknown identifier 'selection'; known: sel_a, sel_b, filter, _hidden" },
		{ "sel_a and", "ends where a name is expected" },
		{ "and sel_a", "'and' stands where a name is expected" },
		{ "sel_a not sel_b", "'and' or 'or' is missing before 'not'" },
		{ "sel_a sel_b", "'and' or 'or' is missing before 'sel_b'" },
		{ "(sel_a", "')' is missing before 'the end'" },
		{ "sel_a)", "'and' or 'or' is missing before ')'" },
		{ "'()'", "')' stands where a name is expected" },
		{ "1 of", "'1 of' needs 'them' or a name such as selection_*" },
		{ "all of and", "'all of' needs 'them' or a name such as selection_*" },
		{ "2 of sel_*", "'2 of' is not known; write '1 of' or 'all of'" },
		{ "1 of x*", "no detection is named like 'x*'" },
		{ "all", "unknown identifier 'all'; known: sel_a, sel_b, filter, _hidden" },
		{ "sel_a | count() > 5", "aggregations after '|' are Sigma 1; write a correlation" },
		{ "sel_a && sel_b", "unexpected character '&'; known: identifiers, and, or, not, 1 of, all of, them, parentheses" },
	};
	struct hf_rule_error err;
	char text[1024], want[512];

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		snprintf(text, sizeof(text), "title: T\nlogsource: {product: linux}\ndetection:\n" DETECTIONS "  condition: %s\n", t[i].cond);
		snprintf(want, sizeof(want), "t.yml:8: condition: %s", t[i].error);
		if (strcmp(load_error(text, &err), want) != 0)
			fail_msg("%s\n    expected: %s\n    got:      %s", t[i].cond, want, err.text);
	}
}

static void test_depth(void **state)
{
	struct hf_rule_error err;
	char text[4096], deep[1024] = "";

	for (unsigned open = 0; open < 2; open++) {
		deep[0] = 0;
		for (unsigned i = 0; i < 70; i++)
			strcat(deep, open ? "(" : "not ");
		snprintf(text, sizeof(text), "title: T\nlogsource: {product: linux}\ndetection:\n" DETECTIONS "  condition: %s sel_a\n", deep);
		assert_string_equal(load_error(text, &err), "t.yml:8: condition: nested deeper than 64 levels");
	}
	snprintf(text, sizeof(text), "title: T\nlogsource: {product: linux}\ndetection:\n" DETECTIONS "  condition: {a: b}\n");
	assert_string_equal(load_error(text, &err),
			    "t.yml:8: condition must be a text or a list of texts, such as 'selection and not filter'");
	snprintf(text, sizeof(text), "title: T\nlogsource: {product: linux}\ndetection:\n" DETECTIONS "  condition: []\n");
	assert_string_equal(load_error(text, &err), "t.yml:8: condition is an empty list");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truth), cmocka_unit_test(test_errors), cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
