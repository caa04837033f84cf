/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Calls on paths, at their exit: the names as the caller gave them and where relative ones start. */
#ifndef HF_PATH_H
#define HF_PATH_H
#include "open.bpf.h"
#include "table.bpf.h"

/* Appends chunk which (HF_PATH_A or HF_PATH_B) and its base. */
__noinline int hf_path_arg(__u32 cpu, __u64 ptr, __u64 dfd, __u32 which, __u32 raw)
{
	struct hf_scratch *sc = hf_scratch_of(cpu);
	struct hf_rec_path *r;
	__u32 at;
	int bits;

	if (!sc)
		return 0;
	r = (struct hf_rec_path *)sc->data;
	at = sc->off;
	bits = hf_user_str(cpu, ptr);
	if (bits & 1)
		r->h.flags |= HF_REC_TRUNC_PATH;
	r->chunk_len[which & 2] = sc->off - at;
	if (raw || !(bits & 2))
		return 1;
	if (which == HF_PATH_A)
		r->h.flags |= HF_REC_RELATIVE;
	at = sc->off;
	if (!hf_walk_base(cpu, dfd))
		r->h.flags |= HF_REC_TRUNC_CWD;
	r->chunk_len[(which & 2) + 1] = sc->off - at;
	return 1;
}

static __always_inline __u64 hf_arg(const struct hf_scratch *sc, __u8 nth)
{
	return nth ? sc->args[(nth - 1) & 7] : 0;
}

static __always_inline __u64 hf_dfd_arg(const struct hf_scratch *sc, __u8 nth)
{
	return nth ? sc->args[(nth - 1) & 7] : (__u64)HF_AT_FDCWD;
}

__noinline int hf_do_path(__u32 cpu)
{
	struct hf_scratch *sc = hf_scratch_of(cpu);
	const volatile struct hf_nr_desc *d;
	struct hf_rec_path *r;
	const struct file *f;

	if (!sc)
		return 0;
	d = &hf_nr_table[sc->nr & (HF_NR_TABLE - 1)];
	r = (struct hf_rec_path *)sc->data;
	hf_path_begin(sc, r, HF_REC_PATH);
	r->args[0] = hf_arg(sc, d->v0);
	r->args[1] = hf_arg(sc, d->v1);
	if (d->fd) {
		f = hf_fd_file((__u32)hf_arg(sc, d->fd));
		if (!f) {
			r->h.flags |= HF_REC_UNRESOLVED;
			return hf_emit(cpu, sc->off);
		}
		hf_file_facts(f, r);
		if (!hf_walk_file(cpu, sc, f))
			r->h.flags |= HF_REC_TRUNC_PATH;
		r->chunk_len[HF_PATH_A] = sc->off - sizeof(*r);
		return hf_emit(cpu, sc->off);
	}
	r->h.flags |= HF_REC_UNRESOLVED;
	hf_path_arg(cpu, hf_arg(sc, d->a), hf_dfd_arg(sc, d->a_dfd), HF_PATH_A, d->raw_a);
	if (d->b)
		hf_path_arg(cpu, hf_arg(sc, d->b), hf_dfd_arg(sc, d->b_dfd), HF_PATH_B, 0);
	return hf_emit(cpu, sc->off);
}

#endif
