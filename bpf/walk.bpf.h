/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Kernel objects to bytes: paths leaf first, files behind descriptors, strings of the caller, the keyed hash.
 *
 * bpf_d_path() is refused to tp_btf programs, so dentries and mounts are walked by hand, without locks: each read
 * is safe, but a rename going on at the same moment can give a mixture of the old and the new path. A deleted file
 * keeps its last name.
 */
#ifndef HF_WALK_H
#define HF_WALK_H
#include "holdfast.bpf.h"

#define HF_WALK_STEPS	2100	/* PATH_MAX has room for 2048 components; some mounts on the way */

static __always_inline void hf_read_dentry(__u64 d, __u64 *ret_parent, __u64 *ret_name)
{
	const struct dentry *de = (const struct dentry *)d;

	if (hf_cast) {
		de = HF_CAST(struct dentry, d);
		*ret_parent = (__u64)de->d_parent;
		*ret_name = (__u64)de->d_name.name;
	} else if (bpf_core_field_offset(de->d_name) == bpf_core_field_offset(de->d_parent) + 8 &&
		   bpf_core_field_offset(de->d_name.name) == bpf_core_field_offset(de->d_name) + 8) {
		__u64 w[3] = {};	/* parent, hash and length, name: neighbours in every kernel so far */

		bpf_probe_read_kernel(w, sizeof(w), (const void *)(d + bpf_core_field_offset(de->d_parent)));
		*ret_parent = w[0];
		*ret_name = w[2];
	} else {
		*ret_parent = (__u64)BPF_CORE_READ(de, d_parent);
		*ret_name = (__u64)BPF_CORE_READ(de, d_name.name);
	}
}

/*
 * Copies a name of known length by plain loads and adds its NUL. 0 when a rename was going on (d_seq) or the name
 * is long: then its length and its bytes may not belong together, and a NUL in the middle would make two
 * components of one.
 */
static __always_inline long hf_copy_name(struct hf_scratch *sc, __u32 off, __u64 d)
{
	const struct dentry *de = HF_CAST(struct dentry, d);
	__u32 seq = de->d_seq.seqcount.sequence, len = de->d_name.len, i;
	__u64 name = (__u64)de->d_name.name;

	if ((seq & 1) || len - 1 >= 64)
		return 0;
	for (i = 0; i < 64; i += 16) {
		const struct timespec64 *w = HF_WORDS(name + i);
		__u64 *to = (__u64 *)&sc->data[(off + i) & HF_DATA_MASK];

		if (i >= len)
			break;
		to[0] = w->tv_sec;
		to[1] = w->tv_nsec;
	}
	sc->data[(off + len) & HF_DATA_MASK] = 0;
	barrier();
	return *(const volatile __u32 *)&de->d_seq.seqcount.sequence == seq ? len + 1 : 0;
}

/* From a mount's root to what it is mounted on; false at the root of the mount namespace. */
static __always_inline bool hf_cross(struct hf_scratch *sc)
{
	const struct mount *m = (const struct mount *)sc->mnt, *up;
	__u64 mnt = sc->mnt, up_mnt;

	if (hf_cast) {
		m = HF_CAST(struct mount, mnt);
		up = m->mnt_parent;
		up_mnt = (__u64)up;
		if (up_mnt == mnt || !up_mnt)
			return false;
		sc->dentry = (__u64)m->mnt_mountpoint;
		sc->root = (__u64)up->mnt.mnt_root;
		sc->mnt = up_mnt;
		return true;
	}
	up = BPF_CORE_READ(m, mnt_parent);
	if (up == m || !up)
		return false;
	sc->dentry = (__u64)BPF_CORE_READ(m, mnt_mountpoint);
	sc->root = (__u64)BPF_CORE_READ(up, mnt.mnt_root);
	sc->mnt = (__u64)up;
	return true;
}

/* One component, or one mount crossed. 1: more to come, 0: at the root, or cut. */
__noinline int hf_walk_one(__u32 cpu)
{
	struct hf_scratch *sc = hf_scratch_of(cpu);
	__u64 d, parent, name;
	__u32 off, depth;
	long n;

	if (!sc)
		return 0;
	d = sc->dentry;
	hf_read_dentry(d, &parent, &name);
	if (d == sc->root || d == parent) {
		/* d is its own parent but not the mount's root: cut off from its tree */
		if (d != sc->root || !sc->mnt || !hf_cross(sc))
			return 0;
		return 1;
	}
	off = sc->off;
	depth = sc->depth;
	n = hf_cast ? hf_copy_name(sc, off, d) : 0;
	if (!n)
		n = bpf_probe_read_kernel_str(&sc->data[off & HF_DATA_MASK], 256, (const void *)name);
	if (n <= 1 || off + n > sc->end) {
		sc->cut = 1;
		return 0;
	}
	if (n == 256 && BPF_CORE_READ((const struct dentry *)d, d_name.len) > 255)
		sc->cut = 1;	/* FUSE lets a name have 1024 bytes */
	if (depth < 3) {
		sc->comp_off[depth] = off;
		sc->comp_len[depth] = n - 1;
	}
	sc->depth = depth + 1;
	sc->off = off + n;
	sc->dentry = parent;
	return 1;
}

/*
 * Appends the path of sc->dentry in sc->mnt (set by hf_walk_from) at sc->off. 1: whole, 0: cut.
 * A pseudo file (memfd, socket, anonymous inode) is one component, its dentry's name; a pipe has none and is "/".
 */
__noinline int hf_walk(__u32 cpu)
{
	struct hf_scratch *sc = hf_scratch_of(cpu);
	__u64 parent, name;
	int i;

	if (!sc)
		return 0;
	sc->cut = 0;
	sc->depth = 0;
	sc->comp_len[0] = sc->comp_len[1] = sc->comp_len[2] = 0;
	sc->end = sc->off + HF_PATH_MAX;
	hf_read_dentry(sc->dentry, &parent, &name);
	if (parent == sc->dentry && sc->dentry != sc->root) {
		long n = bpf_probe_read_kernel_str(&sc->data[sc->off & HF_DATA_MASK], 256, (const void *)name);

		if (n > 1)
			sc->off += n;
		return 1;
	}
	for (i = 0; i < HF_WALK_STEPS; i++)
		if (!hf_walk_one(cpu))
			return !sc->cut;
	sc->cut = 1;
	return 0;
}

static __always_inline void hf_walk_from(struct hf_scratch *sc, const struct path *p)
{
	const struct vfsmount *vm = p->mnt;

	sc->dentry = (__u64)p->dentry;
	sc->root = (__u64)(hf_cast ? HF_CAST(struct vfsmount, vm)->mnt_root : BPF_CORE_READ(vm, mnt_root));
	sc->mnt = (__u64)vm - bpf_core_field_offset(struct mount, mnt);
}

/*
 * The file behind a descriptor of the current process; NULL none. No reference is taken: read it with probe reads
 * only.
 */
static __always_inline const struct file *hf_fd_file(__u64 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct files_struct *files = task->files;
	const struct file *f = NULL;
	struct fdtable *fdt;

	if (!files)
		return NULL;
	fdt = files->fdt;
	if (fd >= fdt->max_fds)
		return NULL;
	if (hf_cast)
		return (const struct file *)HF_WORDS(fdt->fd + fd)->tv_sec;
	bpf_probe_read_kernel(&f, sizeof(f), fdt->fd + fd);
	return f;
}

static __always_inline void hf_file_path(const struct file *f, struct path *ret)
{
	__u64 at = (__u64)f + bpf_core_field_offset(f->f_path);

	if (hf_cast) {
		const struct path *p = HF_CAST(struct path, at);

		ret->mnt = p->mnt;
		ret->dentry = p->dentry;
		return;
	}
	bpf_probe_read_kernel(ret, sizeof(*ret), (const void *)at);
}

/* Appends the path of the file; 1 whole, 0 cut. */
static __always_inline int hf_walk_file(__u32 cpu, struct hf_scratch *sc, const struct file *f)
{
	struct path p = {};

	hf_file_path(f, &p);
	hf_walk_from(sc, &p);
	return hf_walk(cpu);
}

/* Appends the current directory; 1 whole, 0 cut or none. */
__noinline int hf_walk_cwd(__u32 cpu)
{
	struct hf_scratch *sc = hf_scratch_of(cpu);
	struct task_struct *task = bpf_get_current_task_btf();
	struct fs_struct *fs = task->fs;
	struct path p = {};

	if (!sc || !fs)
		return 0;
	p.mnt = fs->pwd.mnt;
	p.dentry = fs->pwd.dentry;
	hf_walk_from(sc, &p);
	return hf_walk(cpu);
}

/* Appends the directory a relative path starts from. */
__noinline int hf_walk_base(__u32 cpu, __u64 dfd)
{
	struct hf_scratch *sc = hf_scratch_of(cpu);
	const struct file *f;

	if (!sc)
		return 0;
	if ((__s32)dfd == HF_AT_FDCWD)
		return hf_walk_cwd(cpu);
	f = hf_fd_file((__u32)dfd);
	if (!f)
		return 0;
	return hf_walk_file(cpu, sc, f);
}

/* Appends a string of the caller's without its NUL. Bit 0: cut or unreadable; bit 1: relative. */
__noinline int hf_user_str(__u32 cpu, __u64 ptr)
{
	struct hf_scratch *sc = hf_scratch_of(cpu);
	__u32 off;
	long n;

	if (!sc)
		return 1;
	off = sc->off;
	n = bpf_probe_read_user_str(&sc->data[off & HF_DATA_MASK], HF_PATH_MAX, (const void *)ptr);
	if (n <= 0)
		return 1;
	sc->off = off + n - 1;
	return (n == HF_PATH_MAX) | (sc->data[off & HF_DATA_MASK] != '/') << 1;
}

/* The same for a string of the kernel's (bprm). Bit 0: cut or unreadable. */
static __always_inline int hf_kernel_str(struct hf_scratch *sc, const void *ptr)
{
	__u32 off = sc->off;
	long n = bpf_probe_read_kernel_str(&sc->data[off & HF_DATA_MASK], HF_PATH_MAX, ptr);

	if (n <= 0)
		return 1;
	sc->off = off + n - 1;
	return n == HF_PATH_MAX;
}

#define HF_SIP_WORDS 64

/* 64 words of the range from sc->sip_off on, sc->sip_len bytes still to go. 1 when a whole word may be left. */
__noinline int hf_sip_some(__u32 cpu)
{
	struct hf_scratch *sc = hf_scratch_of(cpu);
	struct hf_sip s;
	__u32 off, len;
	int i;

	if (!sc)
		return 0;
	s = sc->sip;
	off = sc->sip_off;
	len = sc->sip_len;
	for (i = 0; i < HF_SIP_WORDS; i++) {
		if (len < 8)
			break;
		hf_sip_word(&s, *(__u64 *)&sc->data[off & HF_DATA_MASK]);
		off += 8;
		len -= 8;
	}
	sc->sip = s;
	sc->sip_off = off;
	sc->sip_len = len;
	return len >= 8;
}

/* hf_siphash() of data[off, off + len) into sc->hash. */
__noinline int hf_hash(__u32 cpu, __u32 off, __u32 len)
{
	struct hf_scratch *sc = hf_scratch_of(cpu);
	struct hf_sip s;
	__u64 m = 0;
	__u32 i;

	if (!sc)
		return 0;
	hf_sip_init(&s, hf_key0, hf_key1);
	sc->sip = s;
	sc->sip_off = off;
	sc->sip_len = len;
	for (i = 0; i < (HF_ARGV_MAX + HF_PATH_MAX) / 8 / HF_SIP_WORDS; i++)
		if (!hf_sip_some(cpu))
			break;
	if (sc->sip_len & 7)
		m = *(__u64 *)&sc->data[sc->sip_off & HF_DATA_MASK] & ((1ULL << ((sc->sip_len & 7) * 8)) - 1);
	s = sc->sip;
	sc->hash = hf_sip_final(&s, m, len);
	return 1;
}

#endif
