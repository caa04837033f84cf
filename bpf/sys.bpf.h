/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Calls whose numbers say enough: ids, signals, ptrace, mounts, modules, and those of a foreign ABI. */
#ifndef HF_SYS_H
#define HF_SYS_H
#include "table.bpf.h"
#include "walk.bpf.h"

/* The process behind a pidfd of the caller's. Only after a call that took it as one has succeeded. */
static __always_inline __u32 hf_pidfd_tgid(__u64 fd)
{
	const struct file *f = hf_fd_file(fd);
	const struct pid *p;

	if (!f)
		return 0;
	p = BPF_CORE_READ(f, f_inode, i_private);	/* pidfs, 6.9; before that all share one anonymous inode */
	if (!p)
		p = BPF_CORE_READ(f, private_data);
	if (!p)
		return 0;
	return BPF_CORE_READ(p, numbers[0].nr);
}

/* Signals of a process to itself and the probing signal 0 say nothing. */
static __always_inline bool hf_dull_signal(const struct hf_scratch *sc)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 pid = sc->args[0];

	switch (sc->nr) {
	case HF_NR_kill:
	case HF_NR_rt_sigqueueinfo:
		return !(__u32)sc->args[1] || pid == (__u32)(id >> 32);
	case HF_NR_tkill:
		return !(__u32)sc->args[1] || pid == (__u32)id;
	case HF_NR_tgkill:
	case HF_NR_rt_tgsigqueueinfo:
		return !(__u32)sc->args[2] || pid == (__u32)(id >> 32);
	case HF_NR_pidfd_send_signal:
		return !(__u32)sc->args[1];
	}
	return false;
}

__noinline int hf_do_sys(__u32 cpu, __u32 type, __u32 abi)
{
	struct hf_scratch *sc = hf_scratch_of(cpu);
	const volatile struct hf_nr_desc *d;
	struct hf_rec_sys *r;
	__u32 target = 0;

	if (!sc)
		return 0;
	d = &hf_nr_table[sc->nr & (HF_NR_TABLE - 1)];
	if (type == HF_REC_SYS) {
		if (hf_dull_signal(sc))
			return 0;
		if (d->pid)
			target = sc->args[(d->pid - 1) & 7];
		else if (d->fd && sc->ret >= 0)
			target = hf_pidfd_tgid((__u32)sc->args[(d->fd - 1) & 7]);
	}
	r = (struct hf_rec_sys *)sc->data;
	r->h.type = type;
	r->h.flags = 0;
	r->h.ret = sc->ret;
	__builtin_memcpy(r->args, sc->args, sizeof(r->args));
	r->nr = sc->nr;
	r->abi = abi;
	r->target_tgid = (__s32)target > 0 ? target : 0;
	r->pad = 0;
	return hf_emit(cpu, sizeof(*r));
}

#endif
