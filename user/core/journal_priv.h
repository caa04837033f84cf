/* SPDX-License-Identifier: Apache-2.0 */
/* What the journal's writer and reader share and nobody else needs. */
#ifndef HF_JOURNAL_PRIV_H
#define HF_JOURNAL_PRIV_H
#include <sys/types.h>
#include <sha2.h>
#include "journal.h"

#define HF_JOURNAL_FLAGS 10		/* HF_ACT_* bits that have a name; bit i is name[i]; others are "bitNN" */
#define HF_JOURNAL_CUT_FIRST 16384	/* first limit tried for a string that must be cut; then halves */
#define HF_JOURNAL_PREV_LEN 75		/* `,"prev":"<64>"}` */
extern const char *const hf_journal_flag_name[HF_JOURNAL_FLAGS];
_Static_assert(HF_ACT_CONFIRM == 1u << (HF_JOURNAL_FLAGS - 1), "names and bits differ");

void hf_journal_sha256(const void *p, size_t n, char ret_hex[static 65]);
void hf_journal_words(struct hf_jsonw *w, const char *key, struct hf_str argv);	/* as an array of strings */
void hf_journal_time(uint64_t wall_ns, char out[static 28]);
#endif
