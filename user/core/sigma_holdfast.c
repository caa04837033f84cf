/* SPDX-License-Identifier: Apache-2.0 */
/* The `holdfast:` block of a rule. Unknown keys are errors: a misspelt verdict must not silently fall back to a weaker
 * one. */
#include <errno.h>
#include <stdio.h>
#include "sigma_int.h"

#define GUIDANCE_MAX 1024
#define LABEL_MAX 32

static int check_keys(const struct hf_sigma_ctx *c, const struct hf_ynode *map, const char *what, const char *known)
{
	for (unsigned i = 0; i < map->n; i++) {
		const char *k = map->key[i]->s.p, *at = known;
		size_t n = strlen(k);
		bool ok = false;

		while (at && !ok) {
			ok = strncmp(at, k, n) == 0 && (at[n] == ',' || at[n] == 0) && n;
			at = strchr(at, ' ');
			at = at ? at + 1 : NULL;
		}
		if (!ok)
			return hf_sigma_fail(c, map->key[i]->line, "%s: unknown key '%s'; known: %s", what, k, known);
	}
	return 0;
}

static int one_of(const struct hf_sigma_ctx *c, const struct hf_ynode *map, const char *what, const char *key,
		  const char *yes, const char *no, bool *ret)
{
	const char *s = NULL;
	int rc = hf_text_get(c, map, key, 32, &s);

	if (rc < 0 || !s)
		return rc;
	if (strcmp(s, yes) != 0 && strcmp(s, no) != 0)
		return hf_sigma_fail(c, hf_ynode_get(map, key)->line, "%s: unknown %s '%s'; known: %s, %s", what, key,
				     s, yes, no);
	*ret = strcmp(s, yes) == 0;
	return 0;
}

static int add_label(const struct hf_sigma_ctx *c, const struct hf_ynode *y, enum hf_label_scope to)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	struct hf_rule *r = c->rule;

	if (y->type != HF_Y_SCALAR || y->s.n == 0 || y->s.n > LABEL_MAX || strspn(y->s.p, set) != y->s.n)
		return hf_sigma_fail(c, y->line,
				     "holdfast.label: a label is 1 to %d of a-z, 0-9 and '-', such as secret-read",
				     LABEL_MAX);
	if (r->nlabels == HF_RULE_LABELS_MAX)
		return hf_sigma_fail(c, y->line, "holdfast.label: more than %d labels", HF_RULE_LABELS_MAX);
	r->label[r->nlabels].name = y->s.p;
	r->label[r->nlabels++].to = to;
	return 0;
}

static int compile_label(const struct hf_sigma_ctx *c, const struct hf_ynode *y)
{
	static const char scopes[][8] = { "session", "process", "file" };
	const struct hf_ynode *add;
	const char *to = "session";
	unsigned scope = 0;
	int rc;

	if (y->type != HF_Y_MAP)
		return hf_sigma_fail(
		    c, y->line,
		    "holdfast.label must be {add: [NAME, ...], to: session|process|file} or a list of such");
	rc = check_keys(c, y, "holdfast.label", "add, to");
	if (rc == 0)
		rc = hf_text_get(c, y, "to", 32, &to);
	if (rc < 0)
		return rc;
	while (scope < 3 && strcmp(scopes[scope], to) != 0)
		scope++;
	if (scope == 3)
		return hf_sigma_fail(c, hf_ynode_get(y, "to")->line,
				     "holdfast.label: unknown to '%s'; known: session, process, file", to);
	add = hf_ynode_get(y, "add");
	if (!add || (add->type == HF_Y_LIST && add->n == 0))
		return hf_sigma_fail(c, y->line, "holdfast.label needs 'add' with the labels to add");
	if (add->type != HF_Y_LIST)
		return add_label(c, add, (enum hf_label_scope)scope);
	for (unsigned i = 0; rc == 0 && i < add->n; i++)
		rc = add_label(c, add->val[i], (enum hf_label_scope)scope);
	return rc;
}

static int compile_verdict(const struct hf_sigma_ctx *c, const struct hf_ynode *y)
{
	const char *s = NULL;
	int rc = hf_text_get(c, y, "verdict", 32, &s);

	if (rc < 0 || !s)
		return rc;
	if (hf_verdict_parse(s, &c->rule->verdict) < 0)
		return hf_sigma_fail(c, hf_ynode_get(y, "verdict")->line,
				     "holdfast: unknown verdict '%s'; known: allow, note, hold, deny, kill", s);
	c->rule->has_verdict = true;
	return 0;
}

/* It is one line on a terminal: line breaks and tabs become spaces, other control characters are refused. */
static int compile_guidance(const struct hf_sigma_ctx *c, const struct hf_ynode *y)
{
	const char *s = NULL;
	size_t n;
	char *o;
	int rc = hf_text_get(c, y, "guidance", GUIDANCE_MAX, &s);

	if (rc < 0 || !s)
		return rc;
	n = strlen(s);
	o = hf_arena_strndup(c->arena, s, n);
	if (!o)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (o[i] == '\n' || o[i] == '\t')
			o[i] = ' ';
		else if ((unsigned char)o[i] < 0x20 || o[i] == 0x7f)
			return hf_sigma_fail(c, hf_ynode_get(y, "guidance")->line,
					     "holdfast.guidance holds a control character");
	}
	while (n && o[n - 1] == ' ')
		o[--n] = 0;
	c->rule->guidance = o;
	return 0;
}

static int compile_examples(const struct hf_sigma_ctx *c, const struct hf_ynode *y)
{
	int rc;

	if (y->type != HF_Y_MAP)
		return hf_sigma_fail(c, y->line, "holdfast.examples must be {match: [...], pass: [...]}");
	rc = check_keys(c, y, "holdfast.examples", "match, pass");
	for (unsigned i = 0; rc == 0 && i < y->n; i++) {
		const struct hf_ynode *list = y->val[i];

		if (list->type != HF_Y_LIST)
			return hf_sigma_fail(c, list->line, "holdfast.examples.%s must be a list", y->key[i]->s.p);
		for (unsigned k = 0; k < list->n; k++) {
			enum hf_ytype want = c->rule->is_correlation ? HF_Y_LIST : HF_Y_MAP;

			if (list->val[k]->type != want)
				return hf_sigma_fail(c, list->val[k]->line, "an example of %s of fields and values",
						     want == HF_Y_LIST ? "a correlation is a list of maps"
								       : "a rule is a map");
		}
	}
	if (rc == 0)
		c->rule->examples = y;
	return rc;
}

int hf_holdfast_compile(const struct hf_sigma_ctx *c, const struct hf_ynode *y)
{
	const struct hf_ynode *label = hf_ynode_get(y, "label"), *examples = hf_ynode_get(y, "examples");
	struct hf_rule *r = c->rule;
	int rc;

	if (y->type != HF_Y_MAP)
		return hf_sigma_fail(c, y->line, "holdfast must be a map, such as {verdict: hold}");
	rc = check_keys(c, y, "holdfast", "verdict, guidance, label, scope, on_truncated, examples");
	if (rc == 0)
		rc = compile_verdict(c, y);
	if (rc == 0)
		rc = compile_guidance(c, y);
	if (rc == 0)
		rc = one_of(c, y, "holdfast", "scope", "process", "session", &r->scope_process);
	if (rc == 0)
		rc = one_of(c, y, "holdfast", "on_truncated", "hold", "ignore", &r->on_truncated_hold);
	if (rc == 0 && label && label->type == HF_Y_LIST)
		for (unsigned i = 0; rc == 0 && i < label->n; i++)
			rc = compile_label(c, label->val[i]);
	else if (rc == 0 && label)
		rc = compile_label(c, label);
	if (rc == 0 && examples)
		rc = compile_examples(c, examples);
	return rc;
}
