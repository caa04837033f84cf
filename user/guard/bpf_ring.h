/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reader of a BPF ring buffer. libbpf's goes on as long as records keep coming; this one ends at what was there
 * when it began.
 */
#ifndef HF_GUARD_BPF_RING_H
#define HF_GUARD_BPF_RING_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hf_ring {
	int fd;			/* the map's, borrowed */
	size_t size;		/* of the data area, a power of two */
	size_t page;
	unsigned long *consumer;
	const unsigned long *producer;
	const uint8_t *data;	/* mapped twice in a row, so a record never wraps */
	bool stuck;		/* the last drain ended at a record that was not committed: others may lie behind it */
};
int hf_ring_open(int map_fd, size_t size, struct hf_ring *ret);
void hf_ring_close(struct hf_ring *r);
/* See hf_bpf_drain(). */
int hf_ring_drain(struct hf_ring *r, int (*cb)(void *ctx, const void *rec, size_t len), void *ctx);
#endif
