// SPDX-License-Identifier: Apache-2.0
#include "guard/bpf_ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#define BUSY_TRIES 64

int hf_ring_open(int map_fd, size_t size, struct hf_ring *ret)
{
	struct hf_ring r = { .fd = map_fd, .size = size, .page = (size_t)sysconf(_SC_PAGESIZE) };
	void *c, *p;

	c = mmap(NULL, r.page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	if (c == MAP_FAILED)
		return -errno;
	p = mmap(NULL, r.page + 2 * size, PROT_READ, MAP_SHARED, map_fd, (off_t)r.page);
	if (p == MAP_FAILED) {
		int err = -errno;

		munmap(c, r.page);
		return err;
	}
	r.consumer = c;
	r.producer = p;
	r.data = (const uint8_t *)p + r.page;
	*ret = r;
	return 0;
}

void hf_ring_close(struct hf_ring *r)
{
	if (!r->consumer)
		return;
	munmap(r->consumer, r->page);
	munmap((void *)(uintptr_t)r->producer, r->page + 2 * r->size);
	r->consumer = NULL;
}

/*
 * A record between reservation and commit. The tracepoint programs can't be preempted there; a socket hook can,
 * for a moment, and hides everything behind its record. Give way a few times, then leave it for the next drain.
 */
static uint32_t committed_header(const uint32_t *hdr)
{
	uint32_t v = __atomic_load_n(hdr, __ATOMIC_ACQUIRE);

	for (int i = 0; i < BUSY_TRIES && (v & BPF_RINGBUF_BUSY_BIT); i++) {
		sched_yield();
		v = __atomic_load_n(hdr, __ATOMIC_ACQUIRE);
	}
	return v;
}

int hf_ring_drain(struct hf_ring *r, int (*cb)(void *ctx, const void *rec, size_t len), void *ctx)
{
	unsigned long cons = *r->consumer, prod = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
	int n = 0;

	r->stuck = false;
	while (cons < prod) {
		const uint8_t *at = r->data + (cons & (r->size - 1));
		uint32_t hdr = committed_header((const uint32_t *)at), len;
		int rc = 0;

		if (hdr & BPF_RINGBUF_BUSY_BIT) {
			r->stuck = true;
			break;
		}
		len = hdr & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		if (!(hdr & BPF_RINGBUF_DISCARD_BIT)) {
			rc = cb(ctx, at + BPF_RINGBUF_HDR_SZ, len);
			n++;
		}
		cons += (len + BPF_RINGBUF_HDR_SZ + 7) & ~7ul;
		__atomic_store_n(r->consumer, cons, __ATOMIC_RELEASE);
		if (rc < 0)
			return rc;
	}
	return n;
}
