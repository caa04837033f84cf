/* SPDX-License-Identifier: Apache-2.0 */
/* Helpers of the sigma tests: rules from text, events from pairs of field and value. */
#ifndef HF_SIGMA_FIXTURE_H
#define HF_SIGMA_FIXTURE_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "sigma.h"

__attribute__((unused)) static struct hf_ruleset *load(const char *text)
{
	struct hf_ruleset *rs = hf_ruleset_new();
	struct hf_rule_error err;

	assert_non_null(rs);
	if (hf_ruleset_add(rs, hf_str_of(text), "t.yml", &err) < 0 || hf_ruleset_finish(rs, &err) < 0)
		fail_msg("%s\n%s", err.text, text);
	return rs;
}

/* The error of loading text, or "" */
__attribute__((unused)) static const char *load_error(const char *text, struct hf_rule_error *err)
{
	struct hf_ruleset *rs = hf_ruleset_new();

	assert_non_null(rs);
	if (hf_ruleset_add(rs, hf_str_of(text), "t.yml", err) == 0 && hf_ruleset_finish(rs, err) == 0)
		err->text[0] = 0;
	hf_ruleset_free(&rs);
	assert_null(rs);
	return err->text;
}

/* A rule of these detection lines (indented by two spaces) */
__attribute__((unused)) static struct hf_ruleset *load_detection(const char *lines)
{
	char text[8192];

	snprintf(text, sizeof(text), "title: T\nlogsource: {product: linux, category: process_creation}\ndetection:\n%s\n", lines);
	return load(text);
}

struct event {
	struct hf_event e;
	struct hf_value v[HF_FIELDS];
};
/* "Field", "value", ..., NULL; a field given again becomes a list */
__attribute__((unused)) static void event_fill(struct event *ev, uint32_t categories, va_list ap)
{
	const char *name;

	memset(ev, 0, sizeof(*ev));
	ev->e.categories = categories;
	while ((name = va_arg(ap, const char *))) {
		const char *value = va_arg(ap, const char *);
		enum hf_field f;

		if (hf_field_parse(name, &f) < 0)
			fail_msg("no field %s", name);
		ev->v[f].s[ev->v[f].n++] = hf_str_of(value);
		ev->e.f[f] = &ev->v[f];
	}
}

__attribute__((unused)) static bool matches(const struct hf_ruleset *rs, ...)
{
	static struct event ev;
	bool limited, yes;
	va_list ap;

	va_start(ap, rs);
	event_fill(&ev, 1u << HF_CAT_PROCESS_CREATION, ap);
	va_end(ap);
	yes = hf_rule_match(hf_ruleset_get(rs, 0), &ev.e, &limited);
	assert_false(limited);
	return yes;
}

/* CommandLine against one field line: "CommandLine|contains: x" */
__attribute__((unused)) static bool line_matches(const char *field_line, const char *command_line)
{
	char lines[4096];
	struct hf_ruleset *rs;
	bool yes;

	snprintf(lines, sizeof(lines), "  sel:\n    %s\n  condition: sel", field_line);
	rs = load_detection(lines);
	if (hf_rule_not_applicable(hf_ruleset_get(rs, 0)))
		fail_msg("%s: %s", field_line, hf_rule_not_applicable(hf_ruleset_get(rs, 0)));
	yes = command_line ? matches(rs, "CommandLine", command_line, NULL) : matches(rs, NULL);
	hf_ruleset_free(&rs);
	return yes;
}
#endif
