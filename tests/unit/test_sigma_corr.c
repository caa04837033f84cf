/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma_fixture.h"

#define STEP(name, cat, more) "title: " name "\nname: " name "\nlogsource: {product: linux, category: " cat "}\n" \
	"detection: {s: {Image: a}, condition: s}\n" more
#define STEPS STEP("read", "file_access", "") "---\n" STEP("connect", "network_connection", "") "---\n"
#define CORR(body) STEPS "title: C\nid: c-1\nlevel: high\ncorrelation:\n" body	/* body begins in line 15 */
#define COUNT(type, span, more) CORR("  type: " type "\n  rules: [read]\n  timespan: " span "\n" more)
#define TYPES "event_count, value_count, temporal, temporal_ordered, value_sum, value_avg, value_min, value_max, value_percentile"

static void test_ordered(void **state)
{
	struct hf_ruleset *rs = load(CORR("  type: temporal_ordered\n  rules: [read, connect]\n  timespan: 10m\n"
					  "  group-by: [Lineage, User]\n"));
	const struct hf_rule *r = hf_ruleset_get(rs, 2);
	const struct hf_correlation *k = hf_rule_correlation(r);
	struct hf_event e = { .categories = ~0u };
	bool limited = true;

	assert_true(hf_rule_is_correlation(r));
	assert_false(hf_rule_match(r, &e, &limited));
	assert_false(limited);
	assert_int_equal(k->nsteps, 2);
	assert_ptr_equal(k->step[0], hf_ruleset_get(rs, 0));
	assert_ptr_equal(k->step[1], hf_ruleset_get(rs, 1));
	assert_int_equal(k->timespan_ns, 600ull * 1000000000);
	assert_int_equal(k->ngroup, 2);
	assert_int_equal(k->group[0].key, HF_GROUP_LINEAGE);
	assert_int_equal(k->group[1].key, HF_GROUP_FIELD);
	assert_int_equal(k->group[1].f.field, HF_F_USER);
	assert_false(k->generate);
	assert_int_equal(k->type, HF_CORR_ORDERED);
	assert_int_equal(hf_rule_categories(r), 1u << HF_CAT_NETWORK_CONNECTION);
	assert_int_equal(hf_rule_verdict(r), HF_HOLD);
	assert_true(hf_rule_is_step_only(hf_ruleset_get(rs, 0)));
	assert_false(hf_rule_is_step_only(r));
	hf_ruleset_free(&rs);
}

static void test_forms(void **state)
{
	static const struct {
		const char *timespan;
		uint64_t s;
	} t[] = { { "30s", 30 }, { "1m", 60 }, { "2h", 7200 }, { "1d", 86400 }, { "366d", 366 * 86400 } };
	struct hf_ruleset *rs;
	char text[1024];

	for (unsigned i = 0; i < 5; i++) {
		snprintf(text, sizeof(text), CORR("  type: temporal\n  rules:\n    - read\n    - connect\n  timespan: %s\n"
						  "  condition: {gte: 2}\n"), t[i].timespan);
		rs = load(text);
		assert_int_equal(hf_rule_correlation(hf_ruleset_get(rs, 2))->timespan_ns, t[i].s * 1000000000);
		assert_int_equal(hf_rule_correlation(hf_ruleset_get(rs, 2))->type, HF_CORR_TEMPORAL);
		assert_int_equal(hf_rule_categories(hf_ruleset_get(rs, 2)), 1u << HF_CAT_NETWORK_CONNECTION | 1u << HF_CAT_FILE_ACCESS);
		hf_ruleset_free(&rs);
	}
	/* by id, defined later, generate in either place */
	rs = load("title: C\ncorrelation: {type: temporal_ordered, rules: [i-1, i-2], timespan: 1s, generate: true}\n---\n"
		  "id: i-1\n" STEP("read", "file_access", "") "---\nid: i-2\n" STEP("connect", "network_connection", ""));
	assert_true(hf_rule_correlation(hf_ruleset_get(rs, 0))->generate);
	assert_false(hf_rule_is_step_only(hf_ruleset_get(rs, 1)));
	hf_ruleset_free(&rs);
	rs = load("title: C\ngenerate: true\ncorrelation: {type: temporal_ordered, rules: [read, connect], timespan: 1s}\n---\n"
		  STEP("read", "file_access", "") "---\n" STEP("connect", "network_connection", ""));
	assert_false(hf_rule_is_step_only(hf_ruleset_get(rs, 1)));
	hf_ruleset_free(&rs);
}

/* A correlation must not take a hold away from a rule that has one of its own. */
static void test_own_verdict_stays(void **state)
{
	struct hf_ruleset *rs = load(STEP("read", "file_access", "holdfast: {verdict: hold}\n") "---\n"
				     STEP("connect", "network_connection", "holdfast: {verdict: allow}\n") "---\n"
				     "title: C\ncorrelation: {type: temporal_ordered, rules: [read, connect], timespan: 1s}\n");

	assert_false(hf_rule_is_step_only(hf_ruleset_get(rs, 0)));
	assert_true(hf_rule_is_step_only(hf_ruleset_get(rs, 1)));
	hf_ruleset_free(&rs);
}

static void test_not_applicable_step(void **state)
{
	struct hf_ruleset *rs = load(STEP("read", "webserver", "") "---\n" STEP("connect", "network_connection", "") "---\n"
				     "title: C\ncorrelation: {type: temporal_ordered, rules: [read, connect], timespan: 1s}\n");

	assert_memory_equal(hf_rule_not_applicable(hf_ruleset_get(rs, 2)), "its step 'read' is not applicable: logsource", 44);
	hf_ruleset_free(&rs);
	rs = load(CORR("  type: temporal_ordered\n  rules: [read, connect]\n  timespan: 10m\n  group-by: [ComputerName]\n"));
	assert_string_equal(hf_rule_not_applicable(hf_ruleset_get(rs, 2)), "group-by: field 'ComputerName' is not known");
	hf_ruleset_free(&rs);
}

static int count(void *ctx, const struct hf_rule *r, const char *glob, bool exact)
{
	unsigned *n = ctx;

	assert_string_equal(hf_rule_id(r), "c-2");
	assert_string_equal(glob, "/f");
	(*n)++;
	return 0;
}

static void test_globs(void **state)
{
	unsigned n = 0;
	struct hf_ruleset *rs = load("title: read\nname: read\nlevel: high\nlogsource: {category: file_access}\n"
				     "detection: {s: {TargetFilename: /f}, condition: s}\n---\n"
				     STEP("connect", "network_connection", "") "---\n"
				     "title: C\nid: c-1\nlevel: high\ncorrelation: {type: temporal_ordered, rules: [read, connect], timespan: 1s}\n---\n"
				     "title: D\nid: c-2\nlevel: high\ncorrelation: {type: temporal_ordered, rules: [connect, read], timespan: 1s}\n---\n"
				     "title: E\nid: c-3\nlevel: low\ncorrelation: {type: temporal_ordered, rules: [connect, read], timespan: 1s}\n");

	assert_int_equal(hf_ruleset_read_globs(rs, count, &n), 0);
	assert_int_equal(n, 1);		/* only where the read is what a person is asked about */
	hf_ruleset_free(&rs);
}

static void test_errors(void **state)
{
	static const struct {
		const char *body, *error;
	} t[] = {
		{ CORR("  rules: [read, connect]\n"), "15: correlation needs a type; known: " TYPES },
		{ CORR("  type: event_cuont\n"), "15: unknown correlation type 'event_cuont'; known: " TYPES },
		{ CORR("  type: event_count\n"), "15: correlation.rules must be a list of 1 to 16 rule names or ids" },
		{ COUNT("event_count", "1s", ""), "15: event_count needs a condition such as {gte: 10}" },
		{ COUNT("event_count", "1s", "  condition: 3\n"), "18: correlation.condition must be a map such as {gte: 10}" },
		{ COUNT("event_count", "1s", "  condition: {}\n"), "18: event_count needs a condition such as {gte: 10}" },
		{ COUNT("event_count", "1s", "  condition: {gte: x}\n"), "18: correlation.condition.gte must be a number" },
		{ COUNT("event_count", "1s", "  condition: {gte: 1.5}\n"), "18: correlation.condition of event_count takes whole numbers up to 10000" },
		{ COUNT("event_count", "1s", "  condition: {gte: 10001}\n"),
		  "18: correlation.condition of event_count takes whole numbers up to 10000" },
		{ COUNT("value_count", "1s", "  condition: {field: User, gt: 1001}\n"),
		  "18: correlation.condition of value_count takes whole numbers up to 1000" },
		{ COUNT("event_count", "1s", "  condition: {gte: 1, field: User}\n"),
		  "18: correlation.condition: 'field' does not belong to event_count; known: lt, lte, gt, gte, eq, neq" },
		{ COUNT("value_count", "1s", "  condition: {gte: 1}\n"), "18: value_count needs 'field' in its condition" },
		{ COUNT("value_sum", "1s", "  condition: {gte: 1, field: [UserId, ProcessId]}\n"),
		  "18: condition.field of value_sum takes up to 1 names" },
		{ COUNT("value_percentile", "1s", "  condition: {gte: 1, field: UserId, percentile: 101}\n"),
		  "18: condition.percentile must be a whole number from 0 to 100" },
		{ COUNT("value_percentile", "1s", "  condition: {gte: 1, field: [UserId, ProcessId], percentile: 50}\n"),
		  "18: condition.percentile is taken of one field" },
		{ COUNT("event_count", "1s", "  condition: {gte: 1}\n  aliases: [x]\n"),
		  "19: aliases must be a map such as {ip: {rule_a: SourceIp, rule_b: DestinationIp}}" },
		{ COUNT("event_count", "1s", "  condition: {gte: 1}\n  aliases: {x: y}\n"), "19: alias 'x' must be a map of rule names to fields" },
		{ COUNT("event_count", "1s", "  condition: {gte: 1}\n  aliases: {x: {connect: User}}\n"),
		  "19: alias 'x': 'connect' is none of correlation.rules" },
		{ CORR("  type: temporal\n  rules: [read, connect]\n  timespan: 1s\n  aliases: {x: {connect: User}}\n  group-by: [x]\n"),
		  "18: alias 'x' names no field for the rule 'read'" },
		{ CORR("  type: temporal\n"), "15: correlation.rules must be a list of 2 to 16 rule names or ids" },
		{ CORR("  type: temporal\n  rules: [read]\n"), "16: correlation.rules must be a list of 2 to 16 rule names or ids" },
		{ CORR("  type: temporal\n  rules: [read, [x]]\n"), "16: correlation.rules must be names or ids of rules" },
		{ CORR("  type: temporal\n  rules: [read, connect]\n"), "15: correlation needs a timespan, such as 10m" },
		{ CORR("  type: temporal\n  rules: [read, connect]\n  timespan: 10\n"),
		  "17: timespan '10' must be a number with s, m, h or d, up to 366d, such as 10m" },
		{ CORR("  type: temporal\n  rules: [read, connect]\n  timespan: 0s\n"),
		  "17: timespan '0s' must be a number with s, m, h or d, up to 366d, such as 10m" },
		{ CORR("  type: temporal\n  rules: [read, connect]\n  timespan: 1h30m\n"),
		  "17: timespan '1h30m' must be a number with s, m, h or d, up to 366d, such as 10m" },
		{ CORR("  type: temporal\n  rules: [read, connect]\n  timespan: 99999999999999999999d\n"),
		  "17: timespan '99999999999999999999d' must be a number with s, m, h or d, up to 366d, such as 10m" },
		{ CORR("  type: temporal\n  rules: [read, connect]\n  timespan: 1s\n  group-by: {a: b}\n"),
		  "18: group-by must be a list of Session, Process, Lineage or field names" },
		{ CORR("  type: temporal_ordered\n  rules: [read, connect]\n  timespan: 1s\n  condition: {gte: 1}\n"),
		  "18: correlation.condition of temporal_ordered can only be {gte: 2}, all of its rules" },
		{ CORR("  type: temporal\n  rules: [read, connect]\n  timespan: 1s\n  generate: 3\n"), "18: generate must be true or false" },
		{ CORR("  type: temporal\n  alias: {}\n"), "16: correlation: 'alias' is not supported; known: type, rules, group-by, timespan, "
		  "condition, generate, aliases" },
		{ CORR("  type: temporal\n  rules: [read, conect]\n  timespan: 1s\n"),
		  "16: correlation.rules: no loaded rule has the name or id 'conect'" },
		{ CORR("  type: temporal\n  rules: [read, c-1]\n  timespan: 1s\n"), "16: correlation.rules: 'c-1' is this correlation itself" },
		{ CORR("  type: temporal\n  rules: [read, connect]\n  timespan: 1s\n---\ntitle: D\n"
		       "correlation: {type: temporal, rules: [read, c-1], timespan: 1s}\n"),
		  "" },
		{ CORR("  type: temporal\n  rules: [read, d]\n  timespan: 1s\n---\ntitle: D\nid: d\n"
		       "correlation: {type: temporal, rules: [read, c-1], timespan: 1s}\n"),
		  "21: correlation.rules: 'c-1' refers back to this correlation" },
		{ STEPS "title: C\ncorrelation: x\n", "12: correlation must be a map with type, rules and timespan" },
		{ STEPS "title: C\ncorrelation: {}\ndetection: {}\n",
		  "11: a document is a detection or a correlation, not both; part them with '---'" },
		{ CORR("  type: temporal\n  rules: [read, connect]\n  timespan: 1s\nholdfast: {examples: {match: [{Image: a}]}}\n"),
		  "18: an example of a correlation is a list of maps of fields and values" },
	};
	struct hf_rule_error err;
	char want[512];

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		snprintf(want, sizeof(want), "%s%s", t[i].error[0] ? "t.yml:" : "", t[i].error);
		if (strcmp(load_error(t[i].body, &err), want) != 0)
			fail_msg("%s\n    expected: %s\n    got:      %s", t[i].body, want, err.text);
	}
}

static void test_counts(void **state)
{
	struct hf_ruleset *rs = load(COUNT("value_count", "1m", "  condition: {field: [Image, User], gt: 3, lte: 7}\n  group-by: [Process]\n"));
	const struct hf_correlation *k = hf_rule_correlation(hf_ruleset_get(rs, 2));

	assert_int_equal(k->type, HF_CORR_VALUE_COUNT);
	assert_int_equal(k->nsteps, 1);
	assert_int_equal(k->nvalue, 2);
	assert_int_equal(hf_corr_field_of(&k->value[1], 0), HF_F_USER);
	assert_int_equal(k->keep, 8);
	assert_int_equal(k->percentile, -1);
	assert_false(hf_correlation_holds(k, 3));
	assert_true(hf_correlation_holds(k, 4));
	assert_true(hf_correlation_holds(k, 7));
	assert_false(hf_correlation_holds(k, 8));
	hf_ruleset_free(&rs);
	rs = load(COUNT("value_avg", "1m", "  condition: {field: UserId, neq: 1.5}\n"));
	k = hf_rule_correlation(hf_ruleset_get(rs, 2));
	assert_false(hf_correlation_holds(k, 1.5));
	assert_true(hf_correlation_holds(k, 1.4));
	hf_ruleset_free(&rs);
	rs = load(COUNT("value_max", "1m", "  condition: {field: BytesSent, gt: 5}\n"));
	assert_string_equal(hf_rule_not_applicable(hf_ruleset_get(rs, 2)), "condition.field: field 'BytesSent' is not known");
	hf_ruleset_free(&rs);
}

static void test_aliases(void **state)
{
	struct hf_ruleset *rs = load(CORR("  type: temporal\n  rules: [read, connect]\n  timespan: 1s\n  group-by: [User, what]\n"
					  "  aliases: {what: {connect: DestinationPath, read: TargetFilename}}\n"));
	const struct hf_correlation *k = hf_rule_correlation(hf_ruleset_get(rs, 2));

	assert_int_equal(hf_corr_field_of(&k->group[0].f, 0), HF_F_USER);
	assert_int_equal(hf_corr_field_of(&k->group[1].f, 0), HF_F_TARGET_FILENAME);
	assert_int_equal(hf_corr_field_of(&k->group[1].f, 1), HF_F_DESTINATION_PATH);
	hf_ruleset_free(&rs);
	rs = load(CORR("  type: temporal\n  rules: [read, connect]\n  timespan: 1s\n  group-by: [what]\n"
		       "  aliases: {what: {connect: DestinationPort, read: source.port}}\n"));
	assert_string_equal(hf_rule_not_applicable(hf_ruleset_get(rs, 2)), "alias 'what': field 'source.port' is not known");
	hf_ruleset_free(&rs);
}

static void test_nested(void **state)
{
	struct hf_ruleset *rs = load("title: outer\nid: outer\ncorrelation: {type: temporal_ordered, rules: [connect, many], timespan: 1m}\n---\n"
				     "title: many\nname: many\ncorrelation: {type: event_count, rules: [read], timespan: 1m, condition: {gte: 3}}\n---\n"
				     STEPS);
	struct hf_rule_error err;
	char *text;
	FILE *f;
	size_t n;

	assert_int_equal(hf_rule_depth(hf_ruleset_get(rs, 0)), 2);
	assert_int_equal(hf_rule_depth(hf_ruleset_get(rs, 1)), 1);
	assert_int_equal(hf_rule_depth(hf_ruleset_get(rs, 2)), 0);
	assert_true(hf_rule_is_step_only(hf_ruleset_get(rs, 1)));
	assert_int_equal(hf_rule_categories(hf_ruleset_get(rs, 0)), 1u << HF_CAT_FILE_ACCESS);
	hf_ruleset_free(&rs);
	for (unsigned refs = 1; refs <= 4; refs += 3) {	/* too deep; too many, as each level names the one below four times */
		f = open_memstream(&text, &n);
		fprintf(f, STEPS);
		for (unsigned i = 0; i < 20; i++) {
			fprintf(f, "title: n%u\nid: n%u\ncorrelation:\n  type: event_count\n  timespan: 1s\n  condition: {gte: 1}\n  rules: [", i, i);
			for (unsigned k = 0; k < refs; k++)
				fprintf(f, i ? "%sn%u" : "%sread", k ? ", " : "", i - 1);
			fprintf(f, "]\n---\n");
		}
		fclose(f);
		assert_non_null(strstr(load_error(text, &err), refs == 1 ? "go deeper than 16" : "more than 4096 rules"));
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ordered), cmocka_unit_test(test_forms), cmocka_unit_test(test_own_verdict_stays),
		cmocka_unit_test(test_not_applicable_step), cmocka_unit_test(test_globs), cmocka_unit_test(test_errors),
		cmocka_unit_test(test_counts), cmocka_unit_test(test_aliases), cmocka_unit_test(test_nested),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
