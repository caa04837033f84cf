/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "sigma_fixture.h"

struct fails {
	unsigned n;
	char text[4096];
};

static void on_fail(void *ctx, const struct hf_rule *r, const struct hf_rule_error *err)
{
	struct fails *f = ctx;
	size_t n = strlen(f->text);

	f->n++;
	snprintf(f->text + n, sizeof(f->text) - n, "%s\n", err->text);
}

/* Examples of the last rule in text: how many fail, and what is said */
static void expect(const char *text, unsigned match, unsigned pass, const char *said)
{
	struct hf_ruleset *rs = load(text);
	struct fails f = { 0 };
	struct hf_check k;

	assert_int_equal(hf_check_rule(hf_ruleset_get(rs, hf_ruleset_count(rs) - 1), on_fail, &f, &k), 0);
	if (strcmp(f.text, said) != 0)
		fail_msg("%s\n    expected: %s\n    got:      %s", text, said, f.text);
	assert_int_equal(k.match, match);
	assert_int_equal(k.pass, pass);
	assert_int_equal(k.failed, f.n);
	hf_ruleset_free(&rs);
}

#define RULE "title: T\nlogsource: {product: linux, category: file_access}\ndetection:\n  s: {TargetFilename|endswith: /id_rsa}\n" \
	"  f: {Image: /usr/bin/ssh}\n  condition: s and not f\nholdfast:\n  examples:\n"

static void test_detection(void **state)
{
	expect("title: T\nlogsource: {}\ndetection: {s: {Image: a}, condition: s}\n", 0, 0, "");
	expect(RULE "    match:\n      - {TargetFilename: /h/id_rsa}\n      - {TargetFilename: [/x, /h/id_rsa], Image: cat}\n"
	       "    pass:\n      - {TargetFilename: /h/id_rsa, Image: /usr/bin/ssh}\n      - {TargetFilename: null}\n"
	       "      - {TargetFilename: /h/id_rsa, category: file_event}\n", 2, 3, "");
	expect(RULE "    match:\n      - {TargetFilename: /h/id_dsa}\n      - {TargetFilename: /id_rsa}\n", 2, 0,
	       "t.yml:10: example under 'match' does not match rule 'T'; correct the example or the rule\n");
	expect(RULE "    pass:\n      - {TargetFilename: /h/id_dsa}\n      - {TargetFilename: /id_rsa}\n", 0, 2,
	       "t.yml:11: example under 'pass' matches rule 'T'; correct the example or the rule\n");
	expect(RULE "    pass:\n      - {TargetFilenam: /h/id_dsa}\n", 0, 1, "t.yml:10: example: unknown field 'TargetFilenam'\n");
	expect(RULE "    pass:\n      - {category: fileaccess}\n", 0, 1, "t.yml:10: example: unknown category 'fileaccess'\n");
	expect(RULE "    pass:\n      - {after: soon}\n", 0, 1, "t.yml:10: example: after must be a time such as 5s\n");
	expect(RULE "    pass:\n      - {Image: {a: b}}\n", 0, 1, "t.yml:10: example: a value of 'Image' is no text\n");
}

static void test_not_applicable_is_not_run(void **state)
{
	expect("title: T\nlogsource: {category: webserver}\ndetection: {s: {Image: a}, condition: s}\n"
	       "holdfast: {examples: {match: [{Image: b}]}}\n", 1, 0, "");
}

static void test_limit_is_no_match(void **state)
{
	char text[2048], a[512];

	memset(a, 'a', sizeof(a) - 1);
	a[sizeof(a) - 1] = 0;
	snprintf(text, sizeof(text), "title: T\nlogsource: {}\ndetection: {s: {Image|re: '^(a|aa)+[xy]'}, condition: s}\n"
		 "holdfast:\n  examples:\n    match: [{Image: %s}]\n", a);
	expect(text, 1, 0, "t.yml:6: example matches rule 'T' only because a regular expression ran into its limit; write a simpler one\n");
}

#define CORR(type, group) "title: read\nname: read\nlogsource: {category: file_access}\ndetection: {s: {TargetFilename: /k}, condition: s}\n---\n" \
	"title: pack\nname: pack\nlogsource: {category: process_creation}\ndetection: {s: {Image: /tar}, condition: s}\n---\n" \
	"title: send\nname: send\nlogsource: {category: network_connection}\ndetection: {s: {DestinationPort: 443}, condition: s}\n---\n" \
	"title: C\ncorrelation: {type: " type ", rules: [read, pack, send], timespan: 60s, group-by: [" group "]}\n" \
	"holdfast:\n  examples:\n"
#define READ(more) "{TargetFilename: /k" more "}"
#define PACK(more) "{Image: /tar" more "}"
#define SEND(more) "{DestinationPort: 443" more "}"
#define SAID(what) "t.yml:21: example under " what " rule 'C'; correct the example or the rule\n"

static void one(const char *head, const char *steps, bool match)
{
	char text[4096];

	/* the other way round it must fail: so each line is tried in both directions */
	snprintf(text, sizeof(text), "%s    %s:\n      - [%s]\n", head, match ? "match" : "pass", steps);
	expect(text, match, !match, "");
	snprintf(text, sizeof(text), "%s    %s:\n      - [%s]\n", head, match ? "pass" : "match", steps);
	expect(text, !match, match, match ? SAID("'pass' matches") : SAID("'match' does not match"));
}

static void test_correlations(void **state)
{
	static const char session[] = CORR("temporal_ordered", "Session"), any[] = CORR("temporal", "Session");
	static const char process[] = CORR("temporal_ordered", "Process"), lineage[] = CORR("temporal_ordered", "Lineage");
	static const char user[] = CORR("temporal_ordered", "User");

	one(session, READ("") ", " PACK("") ", " SEND(""), true);
	one(session, READ("") ", " SEND(""), false);
	one(session, PACK("") ", " READ("") ", " SEND(""), false);
	one(session, SEND("") ", " READ("") ", " PACK("") ", " READ("") ", " SEND(""), true);
	one(session, READ("") ", " PACK(", after: 30s") ", " SEND(", after: 30s"), true);
	one(session, READ("") ", " PACK(", after: 30s") ", " SEND(", after: 31s"), false);
	one(session, READ("") ", " READ(", after: 40s") ", " PACK("") ", " SEND(", after: 1m"), true);	/* the later start counts */
	one(session, READ("") ", " PACK("") ", {DestinationPort: 443, category: file_event}", false);
	one(any, SEND("") ", " PACK("") ", " READ(""), true);
	one(any, SEND("") ", " PACK(""), false);
	one(any, SEND("") ", " PACK("") ", " READ(", after: 61s"), false);
	one(process, READ(", ProcessId: 1") ", " PACK(", ProcessId: 1") ", " SEND(", ProcessId: 1"), true);
	one(process, READ(", ProcessId: 1") ", " PACK(", ProcessId: 2") ", " SEND(", ProcessId: 1"), false);
	one(lineage, READ(", ProcessId: 1") ", " PACK(", ProcessId: 2, ParentProcessId: 1") ", " SEND(", ProcessId: 3, ParentProcessId: 2"), true);
	one(lineage, READ(", ProcessId: 1") ", " PACK(", ProcessId: 2, ParentProcessId: 1") ", " SEND(", ProcessId: 3, ParentProcessId: 1"), false);
	one(lineage, READ(", ProcessId: 1, ParentProcessId: 2") ", " PACK(", ProcessId: 2, ParentProcessId: 1") ", " SEND(", ProcessId: 9, ParentProcessId: 2"), true);
	one(user, READ(", User: a") ", " PACK(", User: a") ", " SEND(", User: a"), true);
	one(user, READ(", User: a") ", " PACK(", User: b") ", " SEND(", User: a"), false);
	one(user, READ("") ", " PACK("") ", " SEND(""), false);		/* nothing to group by */
}

#define COUNTS(corr) "title: read\nname: read\nlogsource: {category: file_access}\ndetection: {s: {TargetFilename|startswith: /k}, condition: s}\n---\n" \
	"title: pack\nname: pack\nlogsource: {category: process_creation}\ndetection: {s: {Image: /tar}, condition: s}\n---\n" \
	"title: send\nname: send\nlogsource: {category: network_connection}\ndetection: {s: {Initiated: 'true'}, condition: s}\n---\n" \
	"title: C\ncorrelation: {timespan: 60s, " corr "}\n" \
	"holdfast:\n  examples:\n"
#define NO(n) "{Initiated: 'true', DestinationPort: " n "}"

static void test_counts(void **state)
{
	static const char three[] = COUNTS("type: event_count, rules: [read, pack], condition: {gte: 3}");
	static const char files[] = COUNTS("type: value_count, rules: [read], condition: {field: TargetFilename, gte: 2}, group-by: [Process]");
	static const char sum[] = COUNTS("type: value_sum, rules: [send], condition: {field: DestinationPort, gt: 10}");
	static const char avg[] = COUNTS("type: value_avg, rules: [send], condition: {field: DestinationPort, eq: 2.5}");
	static const char min[] = COUNTS("type: value_min, rules: [send], condition: {field: DestinationPort, lt: 2}");
	static const char max[] = COUNTS("type: value_max, rules: [send], condition: {field: DestinationPort, gt: 8}");
	static const char median[] = COUNTS("type: value_percentile, rules: [send], condition: {field: DestinationPort, percentile: 50, eq: 5}");
	static const char rare[] = COUNTS("type: value_percentile, rules: [send], condition: {field: DestinationPort, lte: 25}");
	static const char alias[] = COUNTS("type: temporal, rules: [read, send], group-by: [p], "
					   "aliases: {p: {read: TargetFilename, send: DestinationPath}}");

	one(three, READ("") ", " PACK("") ", " READ(""), true);
	one(three, READ("") ", " PACK("") ", " SEND(""), false);
	one(three, READ("") ", " PACK("") ", " READ(", after: 61s"), false);
	one(files, READ("") ", {TargetFilename: /k2}", true);
	one(files, READ("") ", " READ(""), false);
	one(files, READ(", ProcessId: 1") ", {TargetFilename: /k2, ProcessId: 2}", false);
	one(sum, NO("5") ", " NO("6"), true);
	one(sum, NO("5") ", " NO("5"), false);
	one(sum, NO("5") ", " NO("x") ", " NO("5"), false);
	one(avg, NO("2") ", " NO("3"), true);
	one(avg, NO("2") ", " NO("4"), false);
	one(min, NO("2") ", " NO("1"), true);
	one(min, NO("2"), false);
	one(max, NO("2") ", " NO("9"), true);
	one(max, NO("8"), false);
	one(median, NO("1") ", " NO("9") ", " NO("5"), true);
	one(median, NO("1") ", " NO("9") ", " NO("9"), false);
	one(rare, NO("1") ", " NO("1") ", " NO("1") ", " NO("2"), true);
	one(rare, NO("1") ", " NO("1") ", " NO("2"), false);
	one(alias, READ("") ", {Initiated: 'true', DestinationPath: /k}", true);
	one(alias, READ("") ", {Initiated: 'true', DestinationPath: /l}", false);
}

static void test_correlations_of_correlations(void **state)
{
	expect("title: many\nname: many\ncorrelation: {type: event_count, timespan: 5s, rules: [read], condition: {gte: 2}}\n---\n"
	       "title: read\nname: read\nlogsource: {category: file_access}\ndetection: {s: {TargetFilename: /k}, condition: s}\n---\n"
	       "title: send\nname: send\nlogsource: {category: network_connection}\ndetection: {s: {Initiated: 'true'}, condition: s}\n---\n"
	       "title: C\ncorrelation: {type: temporal_ordered, timespan: 60s, rules: [many, send]}\n"
	       "holdfast:\n  examples:\n    match:\n      - [" READ("") ", " READ("") ", {Initiated: 'true', after: 50s}]\n"
	       "    pass:\n      - [" READ("") ", " READ(", after: 6s") ", {Initiated: 'true'}]\n      - [" READ("") ", " READ("") "]\n",
	       1, 2, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_detection), cmocka_unit_test(test_not_applicable_is_not_run),
		cmocka_unit_test(test_limit_is_no_match), cmocka_unit_test(test_correlations),
		cmocka_unit_test(test_counts), cmocka_unit_test(test_correlations_of_correlations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
