/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the examples of a rule (holdfast.examples): each one under `match` must match, each one under `pass` must not.
 * An example of a detection is a map of Sigma fields, and optionally `category`, by default the rule's own. One of a
 * correlation is a list of such maps, in the order they happen; `after: 5s` is the time since the one before, by
 * default 0. Fields not given are absent. Process and Lineage compare ProcessId and ParentProcessId: without them all
 * is one process.
 */
#ifndef HF_CHECK_H
#define HF_CHECK_H
#include "sigma.h"

#define HF_CHECK_STEPS_MAX 64	/* maps in one example of a correlation */

struct hf_check {
	unsigned match, pass;	/* how many there are */
	unsigned failed;
};
/* Called for each example that does not do what it stands for; err as in hf_ruleset_add(). */
typedef void (*hf_check_fn)(void *ctx, const struct hf_rule *r, const struct hf_rule_error *err);
/* Only after hf_ruleset_finish(). Examples of rules that are not applicable are counted, not run. 0 or -ENOMEM: a failed
 * example is no error here. */
int hf_check_rule(const struct hf_rule *r, hf_check_fn fn, void *ctx, struct hf_check *ret);
#endif
