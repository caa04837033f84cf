/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the rule compiler share; nobody else includes this. One arena owns all of a set: trees, rules,
 * patterns and compiled regular expressions live and die together, so that no rule needs a destructor of its own.
 */
#ifndef HF_SIGMA_INT_H
#define HF_SIGMA_INT_H
#include <stdarg.h>
#include "sigma.h"

/* --- sigma_arena.c --- */
struct hf_arena_chunk;
struct hf_arena_dtor;
struct hf_arena {
	struct hf_arena_chunk *chunks;
	struct hf_arena_dtor *dtors;
};
void *hf_arena_alloc(struct hf_arena *a, size_t size);		/* zeroed, aligned for any type; NULL: out of memory */
char *hf_arena_strndup(struct hf_arena *a, const char *p, size_t n);	/* NUL-terminated copy */
/* fn(ptr) runs when the arena is freed. -ENOMEM: not registered, the caller still owns ptr. */
int hf_arena_own(struct hf_arena *a, void (*fn)(void *), void *ptr);
void hf_arena_merge(struct hf_arena *to, struct hf_arena *from);	/* from becomes empty */
void hf_arena_clear(struct hf_arena *a);

/* A growing list of pointers on the heap, for building. */
struct hf_vec {
	void **p;
	unsigned n, cap;
};
int hf_vec_push(struct hf_vec *v, void *ptr);			/* -ENOMEM */
void hf_vec_clear(struct hf_vec *v);
void **hf_vec_save(const struct hf_vec *v, struct hf_arena *a);	/* copy of exactly n pointers; NULL: out of memory */

/* --- sigma_yaml.c --- */
#define HF_YAML_TEXT_MAX	(1u << 20)	/* bytes of one file */
#define HF_YAML_DEPTH_MAX	24
#define HF_YAML_NODES_MAX	50000		/* in one file, every use of an alias counted with all that it stands for */
#define HF_YAML_KEYS_MAX	1024		/* of one map */
#define HF_YAML_ANCHORS_MAX	64
#define HF_YAML_DOCS_MAX	1024
enum hf_ytype { HF_Y_SCALAR, HF_Y_LIST, HF_Y_MAP };
struct hf_ynode {		/* immutable once parsed; an alias makes it shared */
	enum hf_ytype type;
	bool plain;		/* scalar without quotes: may be null, true, a number */
	unsigned line;		/* 1-based */
	unsigned weight;	/* nodes below and itself, aliases counted at each use */
	unsigned n;
	struct hf_str s;	/* scalar, NUL-terminated */
	struct hf_ynode **key;	/* map: scalars, each once */
	struct hf_ynode **val;	/* map and list */
};
const struct hf_ynode *hf_ynode_get(const struct hf_ynode *map, const char *key);	/* NULL: none, or no map */
bool hf_ynode_is_null(const struct hf_ynode *y);	/* null, ~, or nothing at all, unquoted */
int hf_ynode_bool(const struct hf_ynode *y, bool *ret);	/* true or false, quoted or not; -EINVAL */

/* --- errors and the state of one file being compiled (sigma_set.c) --- */
struct hf_sigma_ctx {
	const char *name;		/* of the file, in the arena */
	struct hf_arena *arena;
	struct hf_ruleset *rs;		/* read only while a file is compiled */
	struct hf_rule *rule;		/* being built */
	struct hf_rule_error *err;
};
int hf_sigma_fail(const struct hf_sigma_ctx *c, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));	/* fills c->err, returns -EINVAL */
/* The first reason stays. Returns 0 or -ENOMEM. */
int hf_sigma_na(const struct hf_sigma_ctx *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

int hf_yaml_parse(const struct hf_sigma_ctx *c, struct hf_str text, struct hf_vec *docs);

/* --- compiled rule --- */
enum hf_pat_op {
	HF_P_EXACT, HF_P_PREFIX, HF_P_SUFFIX, HF_P_CONTAINS, HF_P_GLOB,	/* compare text */
	HF_P_RE, HF_P_CIDR, HF_P_NULL, HF_P_EXISTS, HF_P_NOT_EXISTS,
	HF_P_LT, HF_P_LTE, HF_P_GT, HF_P_GTE, HF_P_FIELDREF,
};
/* A Sigma string: bytes, and from 256 on what is no byte. */
enum { HF_T_STAR = 256, HF_T_ONE = 257, HF_T_DASH = 258 };
struct hf_toks {
	uint16_t *t;
	unsigned n;
};
struct hf_pat {
	enum hf_pat_op op;
	enum hf_pat_op place;		/* fieldref: how the two are compared */
	bool cased;
	const char *lit;		/* EXACT..CONTAINS; lower case unless cased */
	unsigned n, rare;		/* bytes of lit; where its least common byte is */
	struct hf_toks tok;		/* GLOB: lower case unless cased */
	struct hf_toks orig;		/* text patterns as written, for hf_ruleset_read_globs() */
	void *re;			/* pcre2_code */
	struct hf_str re_text;
	uint8_t family, bits, ip[16];	/* CIDR */
	double num;
	enum hf_field field;		/* FIELDREF */
};
struct hf_alt {				/* one value of a rule; modifiers may make several patterns of it: any of them */
	unsigned n;
	struct hf_pat *pat;
};
struct hf_item {			/* field|modifiers: values */
	bool keyword;			/* no field: all are searched */
	bool all, neq;
	enum hf_field field;
	unsigned n;
	struct hf_alt *alt;
};
enum hf_node_op { HF_N_AND, HF_N_OR, HF_N_NOT, HF_N_ITEM };
struct hf_node {
	enum hf_node_op op;
	unsigned n;
	struct hf_node **kid;
	struct hf_item *item;
};
struct hf_named {			/* a detection by its identifier */
	const char *name;
	struct hf_node *node;
};

#define HF_RULE_LABELS_MAX 16
#define HF_LEVELS 5
struct hf_rule {
	struct hf_ruleset *set;
	unsigned index, line;
	const char *id, *name, *title, *guidance, *file, *na;
	unsigned level;			/* index into the level table */
	unsigned ntags;
	const char **tag;
	bool has_verdict, on_truncated_hold, scope_process;
	enum hf_verdict verdict;
	unsigned nlabels;
	struct {
		const char *name;
		enum hf_label_scope to;
	} label[HF_RULE_LABELS_MAX];
	uint32_t categories;
	struct hf_node *cond;
	const struct hf_ynode *examples;	/* map with match and pass, or NULL */
	bool is_correlation, step_only, is_filter;
	unsigned narrows;		/* filter: rules that it applies to */
	struct hf_correlation corr;
	/* Until hf_ruleset_finish(): rules of a correlation or a filter (NULL: any), aliases, and which names are aliases. */
	const struct hf_ynode *refs, *aliases;
	const char *group_alias[8], *value_alias[4];
	unsigned depth;			/* see hf_rule_depth() */
	unsigned weight;		/* rules it stands on, each counted at every use, and itself */
	bool linking, linked;		/* hf_corr_resolve() is at it, is done */
};
struct hf_rule_key {		/* an id or a name of a rule */
	const char *s;
	struct hf_rule *r;
};

struct hf_ruleset {
	struct hf_arena arena;
	struct hf_vec rules, filters;
	const struct hf_ynode *values;	/* of placeholders; NULL: none */
	enum hf_verdict level[HF_LEVELS];
	bool finished;
	void *sha;			/* SHA256_CTX */
	char hash[65];
	struct hf_rule_key *key;	/* sorted; only while hf_ruleset_finish() runs */
	unsigned nkeys, link_depth;
	/* What PCRE2 works in. The only thing matching changes: a set belongs to one thread. */
	void *match_data, *match_ctx, *jit_stack;
	struct hf_prefilter *prefilter;	/* made by hf_ruleset_finish(); also changed by matching */
};
int hf_set_regex_room(struct hf_ruleset *rs);	/* makes the above; -ENOMEM */

/* --- the other files --- */
int hf_level_parse(const char *name, unsigned *ret);		/* sigma_fields.c; -EINVAL */
const char *hf_level_name(unsigned level);
size_t hf_categories_known(char *out, size_t cap);		/* "process_creation, file_access, ..." */

enum hf_mod {
	HF_M_CONTAINS, HF_M_STARTSWITH, HF_M_ENDSWITH, HF_M_ALL, HF_M_CASED, HF_M_RE, HF_M_I, HF_M_M, HF_M_S, HF_M_CIDR,
	HF_M_EXISTS, HF_M_WINDASH, HF_M_BASE64, HF_M_BASE64OFFSET, HF_M_UTF16LE, HF_M_UTF16BE, HF_M_UTF16, HF_M_FIELDREF,
	HF_M_EXPAND, HF_M_LT, HF_M_LTE, HF_M_GT, HF_M_GTE, HF_M_NEQ, HF_M_TIME,
};
int hf_mod_parse(const char *name, size_t n, enum hf_mod *ret);	/* -EINVAL */
size_t hf_mods_known(char *out, size_t cap);

#define HF_MODS_MAX 8
struct hf_mods {
	uint32_t set;			/* 1u << enum hf_mod */
	unsigned ntrans;
	enum hf_mod trans[HF_MODS_MAX];	/* windash, base64*, utf16*: in the order written */
};
/* sigma_value.c: one scalar under these modifiers to its patterns. */
int hf_value_compile(const struct hf_sigma_ctx *c, const struct hf_ynode *y, const struct hf_mods *m, bool keyword,
		     struct hf_alt *ret);
/* sigma_pattern.c */
int hf_toks_parse(struct hf_arena *a, struct hf_str s, struct hf_toks *ret);
int hf_pat_text(struct hf_arena *a, const struct hf_toks *t, bool cased, struct hf_pat *ret);
/* sigma_detect.c: one detection identifier's content. */
int hf_detect_compile(const struct hf_sigma_ctx *c, const struct hf_ynode *y, const char *ident, struct hf_node **ret);
struct hf_node *hf_node_new(struct hf_arena *a, enum hf_node_op op, const struct hf_vec *kids);
/* sigma_cond.c: `condition`, a string or a list of strings, over these detections. */
int hf_cond_compile(const struct hf_sigma_ctx *c, const struct hf_ynode *y, const struct hf_named *det, unsigned ndet,
		    struct hf_node **ret);
/* sigma_rule.c */
int hf_rule_compile(struct hf_sigma_ctx *c, const struct hf_ynode *doc, struct hf_rule **ret);
int hf_text_get(const struct hf_sigma_ctx *c, const struct hf_ynode *map, const char *key, size_t max,
		const char **ret);
int hf_logsource_compile(const struct hf_sigma_ctx *c, const struct hf_ynode *doc);
int hf_filter_compile(const struct hf_sigma_ctx *c, const struct hf_ynode *doc, const struct hf_ynode *filter);	/* sigma_filter.c */
int hf_filter_apply(const struct hf_sigma_ctx *c);	/* c->rule to the rules of c->rs, while hf_ruleset_finish() runs */
/* sigma_expand.c: s with its placeholders replaced, out a list of struct hf_str in the arena: one for each combination.
 * Without values the rule becomes not applicable, and out stays empty. */
int hf_expand(const struct hf_sigma_ctx *c, unsigned line, struct hf_str s, struct hf_vec *out);
struct hf_prefilter;
int hf_prefilter_make(const struct hf_vec *rules, struct hf_prefilter **ret);	/* sigma_prefilter.c; -ENOMEM */
void hf_prefilter_free(struct hf_prefilter **f);
int hf_holdfast_compile(const struct hf_sigma_ctx *c, const struct hf_ynode *y);	/* sigma_holdfast.c */
/* sigma_corr.c */
int hf_corr_compile(const struct hf_sigma_ctx *c, const struct hf_ynode *doc, const struct hf_ynode *corr);
int hf_timespan_parse(const char *s, uint64_t *ret_ns);	/* "90s", "5m", ...: 1s to 366d; -EINVAL */
#define HF_CORR_WEIGHT_MAX 4096	/* a few that refer to each other many times must not cost without end */
#define HF_CORR_DEPTH_MAX (HF_RULE_DEPTH_END - 1)
/* sigma_corr_link.c: c->rule is a correlation of c->rs; its steps are resolved first. */
int hf_corr_resolve(const struct hf_sigma_ctx *c);
/* The rule of this id or name, while hf_ruleset_finish() runs; NULL: none. */
struct hf_rule *hf_ruleset_find(const struct hf_ruleset *rs, const char *name);
#endif
