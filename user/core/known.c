/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <string.h>
#include "known.h"

static uint32_t slot_of(uint32_t tid)
{
	return tid & (HF_KNOWN_SLOTS - 1);	/* numbers are given out one after the other */
}

void hf_known_put(struct hf_known *k, uint32_t tid, uint32_t tgid, uint64_t start_ns, uint32_t uid)
{
	k->slot[slot_of(tid)] = (struct hf_known_ids){ tid, tgid, uid, start_ns };
}

void hf_known_drop(struct hf_known *k, uint32_t tid)
{
	struct hf_known_ids *s = &k->slot[slot_of(tid)];

	if (s->tid == tid)
		s->tid = 0;
}

void hf_known_clear(struct hf_known *k)
{
	memset(k, 0, sizeof(*k));
}

const struct hf_known_ids *hf_known_find(const struct hf_known *k, uint32_t tid)
{
	const struct hf_known_ids *s = &k->slot[slot_of(tid)];

	return tid && s->tid == tid ? s : NULL;
}
