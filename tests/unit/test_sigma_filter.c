/* SPDX-License-Identifier: Apache-2.0 */
/* Filters and placeholders: what narrows rules or fills them in from outside. */
#include "sigma_fixture.h"

#define RULE(id, cat) "title: " id "\nid: " id "\nlogsource: {product: linux, category: " cat "}\n" \
	"detection: {s: {Image|endswith: /curl}, condition: s}\n---\n"
#define FILTER(source, body) "title: F\nid: f-1\nlogsource: {" source "}\nfilter:\n" body
#define EXEC "product: linux, category: process_creation"

static bool hit(const struct hf_ruleset *rs, unsigned rule, const char *user)
{
	struct hf_value image = { { HF_STR("/bin/curl") }, 1 }, u = { { hf_str_of(user) }, 1 };
	struct hf_event e = { .categories = ~0u };
	bool limited;

	e.f[HF_F_IMAGE] = &image;
	e.f[HF_F_USER] = &u;
	return hf_rule_match(hf_ruleset_get(rs, rule), &e, &limited);
}

static void filters_narrow_what_they_name(void **state)
{
	struct hf_ruleset *rs = load(FILTER(EXEC, "  rules: [r-1, r-2]\n  adm: {User|startswith: adm_}\n  condition: not adm\n") "---\n"
				     RULE("r-1", "process_creation") RULE("r-2", "network_connection") RULE("r-3", "process_creation"));

	assert_int_equal(hf_ruleset_count(rs), 3);
	assert_int_equal(hf_ruleset_filters(rs), 1);
	assert_null(hf_ruleset_filter(rs, 1));
	assert_int_equal(hf_filter_narrows(hf_ruleset_filter(rs, 0)), 1);
	assert_string_equal(hf_rule_id(hf_ruleset_filter(rs, 0)), "f-1");
	assert_false(hit(rs, 0, "adm_x"));
	assert_true(hit(rs, 0, "joe"));
	assert_true(hit(rs, 1, "adm_x"));	/* another log source */
	assert_true(hit(rs, 2, "adm_x"));	/* not named */
	hf_ruleset_free(&rs);
}

static void filters_may_name_any(void **state)
{
	static const char *const any[] = { "any", "ANY", "all", "[]" };
	char text[2048];

	for (unsigned i = 0; i < 4; i++) {
		snprintf(text, sizeof(text), RULE("r-1", "process_creation") RULE("r-2", "file_event") FILTER("product: linux",
			 "  rules: %s\n  sel: {User: joe}\n  condition: sel\n"), any[i]);
		struct hf_ruleset *rs = load(text);

		assert_int_equal(hf_filter_narrows(hf_ruleset_filter(rs, 0)), 2);
		assert_true(hit(rs, 0, "joe") && hit(rs, 1, "joe"));
		assert_false(hit(rs, 0, "jane") || hit(rs, 1, "jane"));
		hf_ruleset_free(&rs);
	}
}

static void what_does_not_apply_narrows_nothing(void **state)
{
	static const struct {
		const char *filter, *why;
	} t[] = {
		{ FILTER("product: windows", "  rules: any\n  s: {User: joe}\n  condition: not s\n"), "logsource product 'windows' is not linux" },
		{ FILTER(EXEC, "  rules: any\n  s: {Hash: x}\n  condition: not s\n"), "field 'Hash' is not known" },
		{ FILTER("category: file_event", "  rules: [r-1]\n  s: {User: joe}\n  condition: not s\n"),
		  "none of its rules applies here with this logsource" },
	};
	char text[2048];

	for (unsigned i = 0; i < 3; i++) {
		snprintf(text, sizeof(text), RULE("r-1", "process_creation") "%s", t[i].filter);
		struct hf_ruleset *rs = load(text);

		assert_string_equal(hf_rule_not_applicable(hf_ruleset_filter(rs, 0)), t[i].why);
		assert_int_equal(hf_filter_narrows(hf_ruleset_filter(rs, 0)), 0);
		assert_true(hit(rs, 0, "joe"));
		hf_ruleset_free(&rs);
	}
}

static void wrong_filters_are_refused(void **state)
{
	static const struct {
		const char *text, *error;
	} t[] = {
		{ FILTER(EXEC, "  s: {User: a}\n  condition: s\n"), "t.yml:5: filter needs 'rules': a list of rule names or ids, or any" },
		{ FILTER(EXEC, "  rules: {}\n  condition: s\n"), "t.yml:5: filter.rules must be a list of rule names or ids, or any" },
		{ FILTER(EXEC, "  rules: [[a]]\n  condition: s\n"), "t.yml:5: filter.rules must be names or ids of rules" },
		{ FILTER(EXEC, "  rules: any\n"), "t.yml:5: filter needs one condition, such as 'condition: not selection'" },
		{ FILTER(EXEC, "  rules: any\n  condition: x\n"), "t.yml:6: condition: unknown identifier 'x'; known: " },
		{ FILTER(EXEC, "  rules: [nobody]\n  s: {User: a}\n  condition: s\n"),
		  "t.yml:5: filter.rules: no loaded rule has the name or id 'nobody'" },
		{ "title: F\nlogsource: {}\nfilter: {}\ndetection: {}\n", "t.yml:3: a filter document has 'filter', a map, and neither "
		  "detection nor correlation; part documents with '---'" },
		{ "title: F\nfilter: {rules: any, condition: s}\n", "t.yml:1: a rule needs a logsource, such as {product: linux, category: "
		  "process_creation}" },
	};
	struct hf_rule_error err;

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (strcmp(load_error(t[i].text, &err), t[i].error) != 0)
			fail_msg("%s\n    expected: %s\n    got:      %s", t[i].text, t[i].error, err.text);
}

/* --- placeholders --- */

static struct hf_ruleset *with_values(const char *values, const char *line, struct hf_rule_error *err)
{
	struct hf_ruleset *rs = hf_ruleset_new();
	char text[2048];

	snprintf(text, sizeof(text), "title: T\nlogsource: {category: process_creation}\ndetection: {s: {%s}, condition: s}\n", line);
	if (hf_ruleset_values(rs, hf_str_of(values), "v.yml", err) < 0 || hf_ruleset_add(rs, hf_str_of(text), "t.yml", err) < 0 ||
	    hf_ruleset_finish(rs, err) < 0)
		hf_ruleset_free(&rs);
	return rs;
}

static void placeholders_stand_for_their_values(void **state)
{
	static const struct {
		const char *line, *cmd;
		bool match;
	} t[] = {
		{ "CommandLine|expand: 'run %tool%'", "run ab", true }, { "CommandLine|expand: 'run %tool%'", "run xyz", true },
		{ "CommandLine|expand: 'run %tool%'", "run abc", false }, { "CommandLine|expand: 'run %tool%'", "run %tool%", false },
		{ "CommandLine|expand|contains: '%tool% %one%'", "do ab 7 times", true },
		{ "CommandLine|expand|contains: '%tool% %one%'", "do x123 7 times", true },
		{ "CommandLine|expand|contains: '%tool% %one%'", "do ab 8 times", false },
		{ "CommandLine|expand: '100\\% %one%'", "100% 7", true }, { "CommandLine|expand: '%one%%one%'", "77", true },
		{ "CommandLine|expand: '5% of 10%%'", "5% of 10%%", false },
		{ "CommandLine|expand: '%% %one%'", "%% 7", true }, { "CommandLine|expand: '%star%'", "a*b", true },
		{ "CommandLine|expand: '%star%'", "aXb", false }, { "CommandLine: '%one%'", "%one%", true },
	};
	struct hf_rule_error err;

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct hf_ruleset *rs = with_values("tool: [ab, 'x*']\none: 7\nstar: 'a\\*b'\n", t[i].line, &err);

		if (!rs)
			fail_msg("%s: %s", t[i].line, err.text);
		if (!hf_rule_not_applicable(hf_ruleset_get(rs, 0)) && matches(rs, "CommandLine", t[i].cmd, NULL) != t[i].match)
			fail_msg("%s, %s", t[i].line, t[i].cmd);
		hf_ruleset_free(&rs);
	}
}

static void wrong_values_are_refused(void **state)
{
	static const struct {
		const char *values, *line, *error;
	} t[] = {
		{ "[a]", "User|expand: a", "v.yml:1: values must be a map of names to lists of texts" },
		{ "a: {b: c}", "User|expand: a", "v.yml:1: values of 'a' must be a text or a list of texts" },
		{ "a: [b, [c]]", "User|expand: a", "v.yml:1: values of 'a' must be a text or a list of texts" },
		{ "a: []", "User|expand: a", "v.yml:1: 'a' has no values; remove it or give one" },
		{ "a: b\n---\na: c\n", "User|expand: a", "v.yml: values are one document, given once, before the rules" },
		{ "a: [1,2,3,4,5,6,7,8]", "User|expand: '%a%%a%%a%%a%%a%'", "t.yml:3: placeholders stand for more than 4096 texts" },
	};
	struct hf_rule_error err;
	struct hf_ruleset *rs;

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		rs = with_values(t[i].values, t[i].line, &err);
		if (rs || strcmp(err.text, t[i].error) != 0)
			fail_msg("%s\n    expected: %s\n    got:      %s", t[i].values, t[i].error, err.text);
	}
	rs = with_values("a: b", "User|expand: '%A%'", &err);
	assert_string_equal(hf_rule_not_applicable(hf_ruleset_get(rs, 0)), "placeholder '%A%' has no values");
	hf_ruleset_free(&rs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filters_narrow_what_they_name),
		cmocka_unit_test(filters_may_name_any),
		cmocka_unit_test(what_does_not_apply_narrows_nothing),
		cmocka_unit_test(wrong_filters_are_refused),
		cmocka_unit_test(placeholders_stand_for_their_values),
		cmocka_unit_test(wrong_values_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
