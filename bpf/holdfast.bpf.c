// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Observers and commit checks: tp_btf on fork, exec, exit and system call exit, the socket hooks of a session's
 * cgroup, and a task iterator. No LSM, fentry or kprobe program: some hosts refuse them. Loads on 5.15 and later.
 *
 * There is no program on sys_enter: at sys_exit the registers still hold the arguments, so an unwatched process
 * pays for one program only.
 */
#include "holdfast.bpf.h"
#include "walk.bpf.h"
#include "table.bpf.h"
#include "proc.bpf.h"
#include "open.bpf.h"
#include "path.bpf.h"
#include "sock.bpf.h"
#include "sys.bpf.h"
#include "cgroup.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define HF_TS_COMPAT	0x0002		/* arch/x86/include/asm/thread_info.h */
#define HF_X32_BIT	0x40000000
#define HF_PF_EXITING	0x00000004

static __always_inline void hf_take_args(struct hf_scratch *sc, struct pt_regs *regs, __u32 nr, long ret)
{
	sc->args[0] = regs->di;
	sc->args[1] = regs->si;
	sc->args[2] = regs->dx;
	sc->args[3] = regs->r10;
	sc->args[4] = regs->r8;
	sc->args[5] = regs->r9;
	sc->nr = nr;
	sc->ret = ret;
}

/* int 0x80 passes its arguments in bx, cx, dx, si, di, bp. */
static __always_inline void hf_take_args32(struct hf_scratch *sc, struct pt_regs *regs)
{
	sc->args[0] = (__u32)regs->bx;
	sc->args[1] = (__u32)regs->cx;
	sc->args[2] = (__u32)regs->dx;
	sc->args[3] = (__u32)regs->si;
	sc->args[4] = (__u32)regs->di;
	sc->args[5] = (__u32)regs->bp;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(hf_sys_exit, struct pt_regs *regs, long ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 nr = regs->orig_ax;
	__u32 cls = HF_C_FOREIGN, abi = 0, cpu, tid;
	struct hf_scratch *sc;
	struct hf_task *t;

	/* the numbers of another ABI mean other calls: never look them up in the table */
	if (task->thread_info.status & HF_TS_COMPAT) {
		abi = 1;
	} else if (nr < HF_NR_TABLE) {
		cls = hf_nr_table[nr].cls;
		if (!cls && !hf_halted_any)
			return 0;
	} else if ((nr & HF_X32_BIT) && nr < 2ULL * HF_X32_BIT) {
		abi = 2;
	} else {
		return 0;
	}
	/*
	 * ERESTARTSYS .. ERESTART_RESTARTBLOCK: a signal comes first and the call may be made again. No outcome
	 * yet, so the ticket stays: a call made again is asked for again, and the new ticket replaces this one.
	 */
	if (ret <= -512 && ret >= -516)
		return 0;
	t = bpf_task_storage_get(&tasks, task, 0, 0);
	if (!t)
		return 0;
	if (hf_halted_any)
		hf_check_halt(t);
	if (!cls)
		return 0;
	cpu = bpf_get_smp_processor_id();
	sc = hf_scratch_of(cpu);
	if (!sc)
		return 0;
	sc->session = t->session;
	sc->sflags = t->flags;
	hf_take_args(sc, regs, nr, ret);
	if (abi == 1)
		hf_take_args32(sc, regs);
	if (cls == HF_C_FOREIGN) {
		hf_do_sys(cpu, HF_REC_FOREIGN, abi);
		return 0;
	}
	if ((t->flags & HF_SESSION_ENFORCE) && hf_nr_table[nr & (HF_NR_TABLE - 1)].ticket) {
		tid = task->pid;
		bpf_map_delete_elem(&tickets, &tid);
	}
	switch (cls) {
	case HF_C_OPEN:
		hf_do_open(cpu);
		break;
	case HF_C_PATH:
		hf_do_path(cpu);
		break;
	case HF_C_SOCK:
		hf_do_sock(cpu);
		break;
	case HF_C_SYS:
		hf_do_sys(cpu, HF_REC_SYS, 0);
		break;
	}
	return 0;
}

/*
 * The threads of hf_iter_session that could still run in user mode: not frozen by the cgroup freezer
 * (kernel/cgroup/freezer.c sets the bit when a task has stopped for it), not on their way out. Their ids, u32
 * each.
 */
SEC("iter/task")
int hf_iter_running(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;
	struct hf_task *t;
	__u32 tid;

	if (!task)
		return 0;
	t = bpf_task_storage_get(&tasks, task, 0, 0);
	if (!t || t->session != hf_iter_session)
		return 0;
	if (task->exit_state || (task->flags & HF_PF_EXITING))
		return 0;
	if (BPF_CORE_READ_BITFIELD_PROBED(task, frozen))
		return 0;
	tid = task->pid;
	bpf_seq_write(seq, &tid, sizeof(tid));
	return 0;
}
