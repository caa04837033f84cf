/* SPDX-License-Identifier: Apache-2.0 */
/* YAML text to a small tree with line numbers. Bounds: see HF_YAML_*_MAX; an alias bomb meets HF_YAML_NODES_MAX. */
#include <errno.h>
#include <stdlib.h>
#include <yaml.h>
#include "sigma_int.h"

struct anchor {
	const char *name;
	struct hf_ynode *node;		/* NULL while it is being built: an alias to it would be a cycle */
};
struct reader {
	const struct hf_sigma_ctx *c;
	yaml_parser_t parser;
	struct anchor anchor[HF_YAML_ANCHORS_MAX];
	unsigned nanchors;
	unsigned weight;		/* of all so far */
};

static int next_event(struct reader *r, yaml_event_t *ev)
{
	const yaml_parser_t *p = &r->parser;
	unsigned line;

	if (yaml_parser_parse(&r->parser, ev))
		return 0;
	if (p->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	line = (unsigned)(p->problem_mark.line ? p->problem_mark.line : p->context_mark.line) + 1;
	if (p->error == YAML_READER_ERROR)
		return hf_sigma_fail(r->c, 0, "not valid YAML: %s at byte %zu; save the file as UTF-8 text",
				     p->problem ? p->problem : "unreadable", p->problem_offset);
	return hf_sigma_fail(r->c, line, "not valid YAML: %s%s%s; check indentation, quotes and colons",
			     p->context ? p->context : "", p->context ? ", " : "",
			     p->problem ? p->problem : "unreadable");
}

static int anchor_add(struct reader *r, const yaml_char_t *name, unsigned line, struct anchor **ret)
{
	struct anchor *a;

	if (!name) {
		*ret = NULL;
		return 0;
	}
	if (r->nanchors == HF_YAML_ANCHORS_MAX)
		return hf_sigma_fail(r->c, line, "more than %d anchors; write the values out", HF_YAML_ANCHORS_MAX);
	a = &r->anchor[r->nanchors++];
	a->node = NULL;
	a->name = hf_arena_strndup(r->c->arena, (const char *)name, strlen((const char *)name));
	if (!a->name)
		return -ENOMEM;
	*ret = a;
	return 0;
}

static int use_alias(struct reader *r, const yaml_char_t *name, unsigned line, struct hf_ynode **ret)
{
	for (unsigned i = r->nanchors; i-- > 0;) {
		if (strcmp(r->anchor[i].name, (const char *)name) != 0)
			continue;
		if (!r->anchor[i].node)
			return hf_sigma_fail(r->c, line,
					     "alias '*%s' stands inside its own anchor; write the values out",
					     (const char *)name);
		*ret = r->anchor[i].node;
		return 0;
	}
	return hf_sigma_fail(r->c, line, "alias '*%s' has no anchor '&%s' before it", (const char *)name,
			     (const char *)name);
}

static int parse_node(struct reader *r, yaml_event_t *ev, unsigned depth, struct hf_ynode **ret);

/* Reads children up to the end event; a map's come as key, value, key, value. */
static int parse_children(struct reader *r, yaml_event_type_t end, unsigned depth, struct hf_vec *kids)
{
	for (;;) {
		struct hf_ynode *kid = NULL;
		yaml_event_t ev;
		int rc = next_event(r, &ev);

		if (rc < 0)
			return rc;
		if (ev.type == end) {
			yaml_event_delete(&ev);
			return 0;
		}
		rc = parse_node(r, &ev, depth + 1, &kid);
		yaml_event_delete(&ev);
		if (rc == 0)
			rc = hf_vec_push(kids, kid);
		if (rc < 0)
			return rc;
	}
}

static int fill_map(struct reader *r, struct hf_ynode *y, const struct hf_vec *kids)
{
	y->n = kids->n / 2;
	if (y->n > HF_YAML_KEYS_MAX)
		return hf_sigma_fail(r->c, y->line, "more than %d keys in one map", HF_YAML_KEYS_MAX);
	y->key = hf_arena_alloc(r->c->arena, y->n * sizeof(*y->key));
	y->val = hf_arena_alloc(r->c->arena, y->n * sizeof(*y->val));
	if (!y->key || !y->val)
		return -ENOMEM;
	for (unsigned i = 0; i < y->n; i++) {
		struct hf_ynode *k = kids->p[2 * i];

		if (k->type != HF_Y_SCALAR)
			return hf_sigma_fail(r->c, k->line, "a key must be a plain name");
		if (strcmp(k->s.p, "<<") == 0 && k->plain)
			return hf_sigma_fail(r->c, k->line, "merge keys ('<<') are not supported; write the keys out");
		for (unsigned j = 0; j < i; j++)
			if (hf_str_eq(y->key[j]->s, k->s))
				return hf_sigma_fail(r->c, k->line,
						     "key '%s' is given twice, first in line %u; keep one", k->s.p,
						     y->key[j]->line);
		y->key[i] = k;
		y->val[i] = kids->p[2 * i + 1];
	}
	return 0;
}

static int parse_collection(struct reader *r, const yaml_event_t *ev, unsigned depth, struct hf_ynode *y)
{
	bool map = ev->type == YAML_MAPPING_START_EVENT;
	struct hf_vec kids = { 0 };
	int rc;

	if (depth >= HF_YAML_DEPTH_MAX)
		return hf_sigma_fail(r->c, y->line, "nested deeper than %d levels", HF_YAML_DEPTH_MAX);
	y->type = map ? HF_Y_MAP : HF_Y_LIST;
	rc = parse_children(r, map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT, depth, &kids);
	for (unsigned i = 0; rc == 0 && i < kids.n; i++)
		y->weight += ((struct hf_ynode *)kids.p[i])->weight;
	if (rc == 0 && map) {
		rc = fill_map(r, y, &kids);
	} else if (rc == 0) {
		y->n = kids.n;
		y->val = (struct hf_ynode **)hf_vec_save(&kids, r->c->arena);
		if (!y->val)
			rc = -ENOMEM;
	}
	hf_vec_clear(&kids);
	return rc;
}

static int parse_scalar(struct reader *r, const yaml_event_t *ev, struct hf_ynode *y)
{
	const char *p = (const char *)ev->data.scalar.value;
	size_t n = ev->data.scalar.length;

	if (memchr(p, 0, n))
		return hf_sigma_fail(r->c, y->line, "a value holds a NUL byte");
	y->type = HF_Y_SCALAR;
	y->plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && ev->data.scalar.plain_implicit;
	y->s.p = hf_arena_strndup(r->c->arena, p, n);
	y->s.n = n;
	return y->s.p ? 0 : -ENOMEM;
}

static int parse_node(struct reader *r, yaml_event_t *ev, unsigned depth, struct hf_ynode **ret)
{
	unsigned line = (unsigned)ev->start_mark.line + 1;
	struct anchor *anchor = NULL;
	struct hf_ynode *y;
	int rc;

	if (ev->type == YAML_ALIAS_EVENT) {
		rc = use_alias(r, ev->data.alias.anchor, line, ret);
		if (rc < 0)
			return rc;
		r->weight += (*ret)->weight;
	} else {
		y = hf_arena_alloc(r->c->arena, sizeof(*y));
		if (!y)
			return -ENOMEM;
		y->line = line;
		y->weight = 1;
		r->weight++;
		rc = anchor_add(r, ev->type == YAML_SCALAR_EVENT ? ev->data.scalar.anchor :
				   ev->type == YAML_MAPPING_START_EVENT ? ev->data.mapping_start.anchor :
				   ev->data.sequence_start.anchor, line, &anchor);
		if (rc < 0)
			return rc;
		rc = ev->type == YAML_SCALAR_EVENT ? parse_scalar(r, ev, y) : parse_collection(r, ev, depth, y);
		if (rc < 0)
			return rc;
		if (anchor)
			anchor->node = y;
		*ret = y;
	}
	if (r->weight > HF_YAML_NODES_MAX)
		return hf_sigma_fail(r->c, line, "more than %d values, aliases counted at each use; split the file",
				     HF_YAML_NODES_MAX);
	return 0;
}

static int parse_document(struct reader *r, struct hf_vec *docs)
{
	struct hf_ynode *y = NULL;
	yaml_event_t ev;
	int rc;

	r->nanchors = 0;
	rc = next_event(r, &ev);
	if (rc < 0)
		return rc;
	rc = parse_node(r, &ev, 0, &y);
	yaml_event_delete(&ev);
	if (rc < 0 || hf_ynode_is_null(y))
		return rc;
	if (docs->n == HF_YAML_DOCS_MAX)
		return hf_sigma_fail(r->c, y->line, "more than %d documents in one file; split it", HF_YAML_DOCS_MAX);
	return hf_vec_push(docs, y);
}

static int parse_stream(struct reader *r, struct hf_vec *docs)
{
	for (;;) {
		yaml_event_t ev;
		yaml_event_type_t type;
		int rc = next_event(r, &ev);

		if (rc < 0)
			return rc;
		type = ev.type;
		yaml_event_delete(&ev);
		if (type == YAML_STREAM_END_EVENT)
			return 0;
		if (type == YAML_DOCUMENT_START_EVENT) {
			rc = parse_document(r, docs);
			if (rc < 0)
				return rc;
		}
	}
}

int hf_yaml_parse(const struct hf_sigma_ctx *c, struct hf_str text, struct hf_vec *docs)
{
	struct reader *r;
	int rc;

	if (text.n > HF_YAML_TEXT_MAX)
		return hf_sigma_fail(c, 0, "larger than %u bytes; split the file", HF_YAML_TEXT_MAX);
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->c = c;
	if (!yaml_parser_initialize(&r->parser)) {
		free(r);
		return -ENOMEM;
	}
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)(text.n ? text.p : ""), text.n);
	rc = parse_stream(r, docs);
	yaml_parser_delete(&r->parser);
	free(r);
	return rc;
}

const struct hf_ynode *hf_ynode_get(const struct hf_ynode *map, const char *key)
{
	for (unsigned i = 0; map && map->type == HF_Y_MAP && i < map->n; i++)
		if (strcmp(map->key[i]->s.p, key) == 0)
			return map->val[i];
	return NULL;
}

bool hf_ynode_is_null(const struct hf_ynode *y)
{
	if (y->type != HF_Y_SCALAR || !y->plain)
		return false;
	return y->s.n == 0 || strcmp(y->s.p, "~") == 0 || strcmp(y->s.p, "null") == 0 || strcmp(y->s.p, "Null") == 0 ||
	       strcmp(y->s.p, "NULL") == 0;
}

int hf_ynode_bool(const struct hf_ynode *y, bool *ret)
{
	if (y->type != HF_Y_SCALAR)
		return -EINVAL;
	if (strcasecmp(y->s.p, "true") == 0)
		*ret = true;
	else if (strcasecmp(y->s.p, "false") == 0)
		*ret = false;
	else
		return -EINVAL;
	return 0;
}
