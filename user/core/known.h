/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which process a thread id belongs to, as the kernel's records said it. Saves reading /proc/TID/status and stat, the dearest part
 * of a question. A number is only believed while nothing was lost: a reused one is told by the record of its fork.
 */
#ifndef HF_CORE_KNOWN_H
#define HF_CORE_KNOWN_H
#include <stdbool.h>
#include <stdint.h>

#define HF_KNOWN_SLOTS 8192	/* power of two */

struct hf_known_ids { uint32_t tid, tgid, uid; uint64_t start_ns; };	/* tid 0: free */
struct hf_known {		/* zero it to begin; of two thread ids in one slot the later one stays */
	struct hf_known_ids slot[HF_KNOWN_SLOTS];
};

void hf_known_put(struct hf_known *k, uint32_t tid, uint32_t tgid, uint64_t start_ns, uint32_t uid);
void hf_known_drop(struct hf_known *k, uint32_t tid);
/* After a loss: a fork or an exit may be among what is missing. */
void hf_known_clear(struct hf_known *k);
/* NULL: not known. */
const struct hf_known_ids *hf_known_find(const struct hf_known *k, uint32_t tid);
#endif
