/* SPDX-License-Identifier: Apache-2.0 */
/* A set of literals looked for together, without regard to ASCII case. */
#ifndef HF_SIGMA_AC_H
#define HF_SIGMA_AC_H
#include <stdint.h>
#include "str.h"

enum hf_ac_place { HF_AC_ANYWHERE, HF_AC_START, HF_AC_END };
struct hf_ac;
struct hf_ac *hf_ac_new(void);		/* NULL: out of memory */
void hf_ac_free(struct hf_ac **ac);
/* lit in lower case, n > 0. -ENOMEM */
int hf_ac_add(struct hf_ac *ac, const char *lit, unsigned n, enum hf_ac_place place, uint32_t rule);
int hf_ac_finish(struct hf_ac *ac);	/* once, before the first run; -ENOMEM */
/* Sets the bit of each rule one of whose literals stands in text at its place. Linear in text. */
void hf_ac_run(struct hf_ac *ac, struct hf_str text, uint64_t *bits);

static inline uint8_t hf_ac_fold(uint8_t ch)
{
	return ch >= 'A' && ch <= 'Z' ? ch | 0x20 : ch;
}
#endif
