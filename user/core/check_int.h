/* SPDX-License-Identifier: Apache-2.0 */
/* What check.c and check_corr.c share. Nobody else includes this. */
#ifndef HF_CHECK_INT_H
#define HF_CHECK_INT_H
#include "check.h"
#include "sigma_int.h"

struct hf_check_step {		/* one map of an example */
	struct hf_event e;
	struct hf_value v[HF_FIELDS];
	uint64_t time_ns;
};
struct hf_check_example {
	const struct hf_sigma_ctx *c;
	const struct hf_rule *rule;
	unsigned n;
	struct hf_check_step *step;
};
/* check_corr.c: does the correlation x->rule match at any step of x? -ENOMEM */
int hf_check_correlation(const struct hf_check_example *x, bool *ret);
#endif
