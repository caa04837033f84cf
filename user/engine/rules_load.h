/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files and trees of them from disk to a finished set. The only part of the rules that makes system calls. */
#ifndef HF_RULES_LOAD_H
#define HF_RULES_LOAD_H
#include "sigma.h"

#define HF_RULES_FILES_MAX 10000
#define HF_RULES_DEPTH_MAX 16

struct hf_rules_source {
	/* Files, or trees: *.yml, *.yaml, *.json in them, sorted, no dot files, links followed. */
	const char *const *paths;
	unsigned npaths;		/* a file reached twice is read once */
	const char *const *verdicts;	/* "LEVEL=VERDICT" */
	unsigned nverdicts;
	const char *values;		/* file of the values for placeholders; NULL: none */
	/* What is no reason to refuse: files others may write to, trees without a rule. NULL: not said. */
	void (*warn)(void *ctx, const char *text);
	/* NULL: stop at the first error. Else called for each, and all files are read. */
	void (*error)(void *ctx, const struct hf_rule_error *err);
	bool partial;			/* with error: the good files make the set all the same */
	void *ctx;
};
/* 0 and *ret, owned by the caller; or -EINVAL, -ENOENT, ... with *ret_err saying why; or -ENOMEM. */
int hf_rules_read(const struct hf_rules_source *src, struct hf_ruleset **ret, struct hf_rule_error *ret_err);
/* The same without callbacks. */
int hf_rules_load(const char *const *paths, unsigned npaths, const char *const *verdicts, unsigned nverdicts,
		  struct hf_ruleset **ret, struct hf_rule_error *ret_err);
#endif
