/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The open family at its exit: the file that was opened, and SIGSTOP when its name is of interest. */
#ifndef HF_OPEN_H
#define HF_OPEN_H
#include "walk.bpf.h"

#define HF_HALT_GRACE_NS (10 * 1000000ULL)
#define HF_O_ACCMODE	03
#define HF_O_CREAT	0100
#define HF_O_TRUNC	01000
#define HF_O_PATH	010000000

/* Is data[off, off + len) in the interest map with one of the flags? */
__noinline int hf_name_hit(__u32 cpu, __u32 off, __u32 len, __u32 flags)
{
	struct hf_scratch *sc = hf_scratch_of(cpu);
	char key[HF_NAME_KEY] = {};
	__u32 *f;

	if (!sc || !len)
		return 0;
	HF_OPAQUE(len);
	if (len > HF_NAME_KEY)
		return 0;
	if (bpf_probe_read_kernel(key, len, &sc->data[off & HF_DATA_MASK]))
		return 0;
	f = bpf_map_lookup_elem(&interest, key);
	return f && (*f & flags);
}

/* Length of the extension, its dot included; 0 none within HF_NAME_KEY bytes. */
__noinline int hf_ext_len(__u32 cpu, __u32 off, __u32 len)
{
	struct hf_scratch *sc = hf_scratch_of(cpu);
	__u32 k;

	if (!sc)
		return 0;
	for (k = 1; k <= HF_NAME_KEY; k++) {
		if (k > len)
			return 0;
		if (sc->data[(off + len - k) & HF_DATA_MASK] == '.')
			return k;
	}
	return 0;
}

static __always_inline bool hf_len_known(__u64 lens, __u32 len)
{
	return len - 1 < HF_NAME_KEY && (lens >> (len & 63) & 1);
}

/* After hf_walk(): the file's own name, its extension, its directory's name and that one's. */
__noinline int hf_interesting(__u32 cpu)
{
	struct hf_scratch *sc = hf_scratch_of(cpu);
	__u32 off, len, n;
	int i;

	if (!sc)
		return 0;
	off = sc->comp_off[0];
	len = sc->comp_len[0];
	if (hf_len_known(hf_len_leaf, len) && hf_name_hit(cpu, off, len, HF_INTEREST_LEAF))
		return 1;
	if (hf_len_ext) {
		n = hf_ext_len(cpu, off, len);
		if (hf_len_known(hf_len_ext, n) && hf_name_hit(cpu, off + len - n, n, HF_INTEREST_EXT))
			return 1;
	}
	for (i = 1; i <= 2; i++) {
		len = sc->comp_len[i];
		if (hf_len_known(hf_len_parent, len) && hf_name_hit(cpu, sc->comp_off[i], len, HF_INTEREST_PARENT))
			return 1;
	}
	return 0;
}

static __always_inline void hf_open_args(struct hf_scratch *sc, struct hf_rec_path *r, __u64 *ret_path, __u64 *ret_dfd)
{
	__u64 how[2] = {};

	*ret_dfd = HF_AT_FDCWD;
	*ret_path = sc->args[0];
	switch (sc->nr) {
	case HF_NR_creat:
		r->args[0] = 01 | HF_O_CREAT | HF_O_TRUNC;
		r->args[1] = sc->args[1];
		break;
	case HF_NR_open:
		r->args[0] = sc->args[1];
		r->args[1] = sc->args[2];
		break;
	case HF_NR_openat:
		*ret_dfd = sc->args[0];
		*ret_path = sc->args[1];
		r->args[0] = sc->args[2];
		r->args[1] = sc->args[3];
		break;
	default:	/* openat2: struct open_how may have changed since, so the access mode comes from the file */
		*ret_dfd = sc->args[0];
		*ret_path = sc->args[1];
		bpf_probe_read_user(how, sizeof(how), (const void *)sc->args[2]);
		r->args[0] = how[0];
		r->args[1] = how[1];
	}
}

static __always_inline void hf_open_given(__u32 cpu, struct hf_scratch *sc, struct hf_rec_path *r, __u64 path,
		__u64 dfd)
{
	__u32 at = sc->off;
	int bits = hf_user_str(cpu, path);

	r->h.flags |= HF_REC_UNRESOLVED;
	if (bits & 1)
		r->h.flags |= HF_REC_TRUNC_PATH;
	r->chunk_len[HF_PATH_A] = sc->off - at;
	if (bits & 2) {
		r->h.flags |= HF_REC_RELATIVE;
		at = sc->off;
		if (!hf_walk_base(cpu, dfd))
			r->h.flags |= HF_REC_TRUNC_CWD;
		r->chunk_len[HF_PATH_A_BASE] = sc->off - at;
	}
}

static __always_inline void hf_file_facts(const struct file *f, struct hf_rec_path *r)
{
	const struct inode *ino;

	if (hf_cast) {
		ino = HF_CAST(struct file, f)->f_inode;
		r->ino = ino->i_ino;
		r->file_mode = ino->i_mode;
		r->dev = ino->i_sb->s_dev;
		return;
	}
	ino = BPF_CORE_READ(f, f_inode);
	r->ino = BPF_CORE_READ(ino, i_ino);
	r->file_mode = BPF_CORE_READ(ino, i_mode);
	r->dev = BPF_CORE_READ(ino, i_sb, s_dev);
}

static __always_inline void hf_path_begin(struct hf_scratch *sc, struct hf_rec_path *r, __u32 type)
{
	__builtin_memset((void *)r + sizeof(r->h), 0, sizeof(*r) - sizeof(r->h));
	r->h.type = type;
	r->h.flags = 0;
	r->h.ret = sc->ret;
	r->nr = sc->nr;
	sc->off = sizeof(*r);
}

static __always_inline void hf_halt(void)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct hf_halt h = { .since_ns = bpf_ktime_get_boot_ns(), .tid = (__u32)id };
	__u32 tgid = id >> 32;

	bpf_map_update_elem(&halted, &tgid, &h, BPF_ANY);
	hf_halted_any = 1;
}

/*
 * At the exit of any call of a watched thread while somebody is halted. The opener makes none but by undoing its stop.
 * Another thread of its process may be in one or two when the stop comes: a first exit later than that is let go.
 */
static __always_inline void hf_check_halt(struct hf_task *t)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 tgid = id >> 32;
	struct hf_halt *h = bpf_map_lookup_elem(&halted, &tgid);

	if (!h)
		return;
	if (h->tid == (__u32)id) {
		bpf_send_signal(HF_SIGKILL);
		return;
	}
	if (bpf_ktime_get_boot_ns() - h->since_ns < HF_HALT_GRACE_NS)
		return;
	if (t->halted_ns == h->since_ns)
		bpf_send_signal(HF_SIGKILL);
	t->halted_ns = h->since_ns;
}

__noinline int hf_do_open(__u32 cpu)
{
	struct hf_scratch *sc = hf_scratch_of(cpu);
	const struct file *f = NULL;
	struct hf_rec_path *r;
	__u64 path, dfd, flags;

	if (!sc)
		return 0;
	r = (struct hf_rec_path *)sc->data;
	hf_path_begin(sc, r, HF_REC_OPEN);
	hf_open_args(sc, r, &path, &dfd);
	if (sc->ret >= 0)
		f = hf_fd_file(sc->ret);
	if (!f) {
		/* failed, or another thread has closed the descriptor already */
		hf_open_given(cpu, sc, r, path, dfd);
		return hf_emit(cpu, sc->off);
	}
	if (sc->nr == HF_NR_openat2)
		r->args[0] = (r->args[0] & ~HF_O_ACCMODE) | (BPF_CORE_READ(f, f_flags) & HF_O_ACCMODE);
	hf_file_facts(f, r);
	if (!hf_walk_file(cpu, sc, f))
		r->h.flags |= HF_REC_TRUNC_PATH;
	r->chunk_len[HF_PATH_A] = sc->off - sizeof(*r);
	flags = r->args[0];
	if (hf_stop_opens && (sc->sflags & HF_SESSION_STOP_OPENS) &&
	    !(flags & (HF_O_ACCMODE | HF_O_CREAT | HF_O_TRUNC | HF_O_PATH)) && hf_interesting(cpu) &&
	    !bpf_send_signal(HF_SIGSTOP)) {
		r->h.flags |= HF_REC_STOPPED;
		hf_halt();
	}
	return hf_emit(cpu, sc->off);
}

#endif
