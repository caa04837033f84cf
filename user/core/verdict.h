/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HF_VERDICT_H
#define HF_VERDICT_H
enum hf_verdict { HF_ALLOW, HF_NOTE, HF_HOLD, HF_DENY, HF_KILL };	/* ordered: the strongest wins */
const char *hf_verdict_name(enum hf_verdict v);
int hf_verdict_parse(const char *name, enum hf_verdict *ret);	/* -EINVAL */
#endif
