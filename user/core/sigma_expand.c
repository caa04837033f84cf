/* SPDX-License-Identifier: Apache-2.0 */
/* `expand`: %name% in a value stands for each of the values that a file gives for it. */
#include "sigma_int.h"
#include <errno.h>
#include <sha256.h>
#include <stdio.h>

#define EXPAND_MAX       4096 /* combinations of one value */
#define EXPAND_BYTES_MAX (4u << 20)

static int check_values(const struct hf_sigma_ctx *c, const struct hf_ynode *map)
{
	if (map->type != HF_Y_MAP)
		return hf_sigma_fail(c, map->line, "values must be a map of names to lists of texts");
	for (unsigned i = 0; i < map->n; i++) {
		const struct hf_ynode *y = map->val[i];
		bool list = y->type == HF_Y_LIST;

		for (unsigned k = 0; k < (list ? y->n : 1); k++)
			if ((list ? y->val[k] : y)->type != HF_Y_SCALAR)
				return hf_sigma_fail(c, y->line, "values of '%s' must be a text or a list of texts",
						     map->key[i]->s.p);
		if (list && y->n == 0)
			return hf_sigma_fail(c, y->line, "'%s' has no values; remove it or give one", map->key[i]->s.p);
	}
	return 0;
}

int hf_ruleset_values(struct hf_ruleset *rs, struct hf_str text, const char *name, struct hf_rule_error *ret_err)
{
	struct hf_arena arena = {0};
	struct hf_vec docs = {0};
	struct hf_sigma_ctx c = {.arena = &arena, .rs = rs, .err = ret_err};
	int rc;

	*ret_err = (struct hf_rule_error){0};
	c.name = hf_arena_strndup(&arena, name, strlen(name));
	rc = c.name ? hf_yaml_parse(&c, text, &docs) : -ENOMEM;
	if (rc == 0 && (docs.n != 1 || rs->values || rs->rules.n))
		rc = hf_sigma_fail(&c, 0, "values are one document, given once, before the rules");
	if (rc == 0)
		rc = check_values(&c, docs.p[0]);
	if (rc == 0) {
		rs->values = docs.p[0];
		hf_arena_merge(&rs->arena, &arena);
		/* they are part of what the rules mean */
		SHA256Update(rs->sha, (const uint8_t *)text.p, text.n);
	}
	hf_vec_clear(&docs);
	hf_arena_clear(&arena);
	return rc;
}

static int push(const struct hf_sigma_ctx *c, struct hf_vec *out, struct hf_str a, struct hf_str b)
{
	struct hf_str *s = hf_arena_alloc(c->arena, sizeof(*s));
	char *p = hf_arena_alloc(c->arena, a.n + b.n + 1);

	if (!s || !p)
		return -ENOMEM;
	if (a.n)
		memcpy(p, a.p, a.n);
	if (b.n)
		memcpy(p + a.n, b.p, b.n);
	*s = (struct hf_str){p, a.n + b.n};
	return hf_vec_push(out, s);
}

/* Each of out with each of the values of y (a text, or a list of texts) after it. */
static int append_each(const struct hf_sigma_ctx *c, unsigned line, struct hf_vec *out, const struct hf_ynode *y)
{
	unsigned n = y->type == HF_Y_LIST ? y->n : 1;
	struct hf_vec next = {0};
	size_t bytes = 0;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < out->n; i++) {
		for (unsigned k = 0; rc == 0 && k < n; k++) {
			const struct hf_str *head = out->p[i], *tail = y->type == HF_Y_LIST ? &y->val[k]->s : &y->s;

			bytes += head->n + tail->n;
			if (next.n == EXPAND_MAX || bytes > EXPAND_BYTES_MAX)
				rc = hf_sigma_fail(c, line, "placeholders stand for more than %d texts", EXPAND_MAX);
			else
				rc = push(c, &next, *head, *tail);
		}
	}
	if (rc < 0) {
		hf_vec_clear(&next);
		return rc;
	}
	hf_vec_clear(out);
	*out = next;
	return 0;
}

static int append_text(const struct hf_sigma_ctx *c, unsigned line, struct hf_vec *out, const char *p, size_t n)
{
	const struct hf_ynode y = {.type = HF_Y_SCALAR, .s = {p, n}};

	return n ? append_each(c, line, out, &y) : 0;
}

static const struct hf_ynode *values_of(const struct hf_sigma_ctx *c, struct hf_str name)
{
	const struct hf_ynode *map = c->rs->values;

	for (unsigned i = 0; map && i < map->n; i++)
		if (hf_str_eq(map->key[i]->s, name))
			return map->val[i];
	return NULL;
}

/* %name% is a placeholder, \% a percent sign. */
int hf_expand(const struct hf_sigma_ctx *c, unsigned line, struct hf_str s, struct hf_vec *out)
{
	size_t from = 0, i = 0;
	int rc = push(c, out, (struct hf_str){"", 0}, (struct hf_str){"", 0});

	while (rc == 0 && i < s.n) {
		const char *end = s.p[i] == '%' ? memchr(s.p + i + 1, '%', s.n - i - 1) : NULL;
		bool escaped = s.p[i] == '\\' && i + 1 < s.n && s.p[i + 1] == '%';
		const struct hf_ynode *y;
		struct hf_str name;

		if (!escaped && (!end || end == s.p + i + 1)) {
			i += end ? 2 : 1; /* %% names nothing */
			continue;
		}
		rc = append_text(c, line, out, s.p + from, i - from);
		from = i + 1; /* an escaped sign begins the next text */
		i += 2;
		if (escaped || rc < 0)
			continue;
		name = (struct hf_str){s.p + from, (size_t)(end - s.p) - from};
		y = values_of(c, name);
		if (!y) {
			out->n = 0;
			return hf_sigma_na(c, "placeholder '%%%.*s%%' has no values", (int)(name.n > 60 ? 60 : name.n),
					   name.p);
		}
		rc = append_each(c, line, out, y);
		i = from = (size_t)(end - s.p) + 1;
	}
	return rc < 0 ? rc : append_text(c, line, out, s.p + from, s.n - from);
}
