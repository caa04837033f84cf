/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Processes: membership handed down at fork, what an exec really runs against its ticket, the end of a thread group. */
#ifndef HF_PROC_H
#define HF_PROC_H
#include "walk.bpf.h"

#define HF_SIGNAL_GROUP_EXIT	0x00000004	/* include/linux/sched/signal.h */

/* Before the child is woken, so it can't do anything unseen. Threads inherit as well: storage is per task. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(hf_fork, struct task_struct *parent, struct task_struct *child)
{
	struct hf_session_state *st;
	struct hf_scratch *sc;
	struct hf_rec_fork *r;
	struct hf_task *t, *c, init = {};
	__u32 cpu = bpf_get_smp_processor_id(), tid;
	__u64 session;

	t = bpf_task_storage_get(&tasks, parent, 0, 0);
	if (!t)
		return 0;
	session = t->session;
	init.session = session;
	init.flags = t->flags;
	c = bpf_task_storage_get(&tasks, child, &init, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!c) {
		st = bpf_map_lookup_elem(&sessions, &session);
		if (st)
			__sync_fetch_and_add(&st->fork_untracked, 1);
	}
	tid = child->pid;
	if (hf_members)
		bpf_map_update_elem(&members, &tid, &init, BPF_ANY);
	sc = hf_scratch_of(cpu);
	if (!sc)
		return 0;
	r = (struct hf_rec_fork *)sc->data;
	sc->session = session;
	r->h.type = HF_REC_FORK;
	r->h.flags = 0;
	r->h.ret = tid;
	r->child_start_ns = child->group_leader->start_boottime;
	r->child_tgid = child->tgid;
	r->child_tid = tid;
	hf_emit(cpu, sizeof(*r));
	return 0;
}

/* Is the image what was judged? 0 yes, else enum hf_raced_what. The record lies in sc->data, its FILE chunk first. */
static __always_inline __u32 hf_exec_check(__u32 cpu, struct hf_scratch *sc, __u32 old_tid, __u32 argv_off)
{
	struct hf_rec_exec *r = (struct hf_rec_exec *)sc->data;
	struct hf_ticket *k = bpf_map_lookup_elem(&tickets, &old_tid);
	__u32 argv_len = r->chunk_len[HF_EXEC_ARGV];

	if (!k || !(k->flags & HF_TICKET_EXEC))
		return HF_RACED_EXEC_NO_TICKET;
	/*
	 * binfmt_misc may run an interpreter nobody could foresee; without one the file is the one that was asked
	 * for
	 */
	if (!((k->flags & HF_TICKET_ANY_INTERP) && (r->h.flags & HF_REC_SCRIPT))) {
		if (r->ino != k->exe_ino || (!(k->flags & HF_TICKET_NO_DEV) && r->dev != k->exe_dev))
			return HF_RACED_EXEC_FILE;
		if (!(k->flags & HF_TICKET_NO_PATH)) {
			hf_hash(cpu, sizeof(*r), r->chunk_len[HF_EXEC_FILE]);
			if (sc->hash != k->exe_path_hash)
				return HF_RACED_EXEC_FILE;
		}
	}
	hf_hash(cpu, argv_off, argv_len);
	if (r->argv_len != k->argv_len || sc->hash != k->argv_hash)
		return HF_RACED_EXEC_ARGV;
	return 0;
}

/* Builds FILE, GIVEN, INTERP, CWD; sc->off is behind them. */
static __always_inline void hf_exec_paths(__u32 cpu, struct hf_scratch *sc, struct linux_binprm *bprm)
{
	struct hf_rec_exec *r = (struct hf_rec_exec *)sc->data;
	struct file *f = bprm->file;
	__u32 at, flags = 0;

	sc->off = at = sizeof(*r);
	r->dev = f->f_inode->i_sb->s_dev;
	r->ino = f->f_inode->i_ino;
	if (!hf_walk_file(cpu, sc, f))
		flags |= HF_REC_TRUNC_PATH;
	r->chunk_len[HF_EXEC_FILE] = sc->off - at;
	at = sc->off;
	if (hf_kernel_str(sc, bprm->filename))
		flags |= HF_REC_TRUNC_PATH;
	r->chunk_len[HF_EXEC_GIVEN] = sc->off - at;
	at = sc->off;
	/* alloc_bprm() makes both the same pointer; only a binfmt handler changes interp */
	if (bprm->interp != bprm->filename) {
		flags |= HF_REC_SCRIPT;
		hf_kernel_str(sc, bprm->interp);
	}
	r->chunk_len[HF_EXEC_INTERP] = sc->off - at;
	at = sc->off;
	if (!hf_walk_cwd(cpu))
		flags |= HF_REC_TRUNC_CWD;
	r->chunk_len[HF_EXEC_CWD] = sc->off - at;
	r->h.type = HF_REC_EXEC;
	r->h.flags = flags;
	r->h.ret = 0;
	r->pad = 0;
}

static __always_inline void hf_exec_argv(struct hf_scratch *sc, struct linux_binprm *bprm, struct task_struct *task)
{
	struct hf_rec_exec *r = (struct hf_rec_exec *)sc->data;
	struct mm_struct *mm = task->mm;
	__u64 start, len = 0;
	__u32 off = sc->off, n;

	r->argc = bprm->argc;
	r->chunk_len[HF_EXEC_ARGV] = 0;
	r->argv_len = 0;
	if (!mm)
		return;
	start = mm->arg_start;
	len = mm->arg_end - start;
	r->argv_len = len;
	n = HF_ARGV_MAX;
	if (len > HF_ARGV_MAX)
		r->h.flags |= HF_REC_TRUNC_ARGV;
	else
		n = len;
	HF_OPAQUE(n);
	if (n > HF_ARGV_MAX)
		return;
	/* Written by this very execve, so resident. If not: no argv, and a ticket can't match. */
	if (n && bpf_probe_read_user(&sc->data[off & 0x7fff], n, (const void *)start)) {
		r->h.flags |= HF_REC_TRUNC_ARGV;
		r->argv_len = ~0ULL;
		n = 0;
	}
	r->chunk_len[HF_EXEC_ARGV] = n;
	sc->off = off + n;
}

/*
 * Only after the new image is in place and before its first instruction: nobody shares this memory yet, so argv
 * here is what it will see. SIGKILL is delivered on the way back to user mode.
 */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(hf_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	__u32 cpu = bpf_get_smp_processor_id(), old_tid = old_pid, tid = task->pid, argv_off, what;
	struct hf_scratch *sc;
	struct hf_rec_raced *x;
	struct hf_rec_exec *r;
	struct hf_task *t;

	t = bpf_task_storage_get(&tasks, task, 0, 0);
	if (!t)
		return 0;
	sc = hf_scratch_of(cpu);
	if (!sc) {
		if (t->flags & HF_SESSION_ENFORCE)
			bpf_send_signal(HF_SIGKILL);
		return 0;
	}
	if (hf_members && tid != old_tid) {
		/* de_thread() gave the caller the leader's id; the leader's own entry went at its exit */
		bpf_map_delete_elem(&members, &old_tid);
		bpf_map_update_elem(&members, &tid, t, BPF_ANY);
	}
	sc->session = t->session;
	sc->sflags = t->flags;
	r = (struct hf_rec_exec *)sc->data;
	r->old_tid = old_tid;
	hf_exec_paths(cpu, sc, bprm);
	argv_off = sc->off;
	hf_exec_argv(sc, bprm, task);
	if (sc->sflags & HF_SESSION_ENFORCE) {
		what = hf_exec_check(cpu, sc, old_tid, argv_off);
		bpf_map_delete_elem(&tickets, &old_tid);
		if (what) {
			bpf_send_signal(HF_SIGKILL);
			r->h.flags |= HF_REC_KILLED;
			hf_emit(cpu, sc->off);
			x = (struct hf_rec_raced *)sc->data;
			__builtin_memset((void *)x + sizeof(x->h), 0, sizeof(*x) - sizeof(x->h));
			x->h.type = HF_REC_RACED;
			x->h.flags = HF_REC_KILLED;
			x->h.ret = 0;
			x->what = what;
			x->old_tid = old_tid;
			hf_emit(cpu, sizeof(*x));
			return 0;
		}
	}
	hf_emit(cpu, sc->off);
	return 0;
}

/* Two threads that end at once may both see live == 0 here: the leader's storage says who was first. */
static __always_inline bool hf_last_of_group(struct task_struct *task)
{
	struct hf_task *l;

	if (task->signal->live.counter > 0)
		return false;
	l = bpf_task_storage_get(&tasks, task->group_leader, 0, 0);
	return !l || !__sync_lock_test_and_set(&l->exited, 1);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(hf_exit, struct task_struct *task)
{
	__u32 cpu = bpf_get_smp_processor_id(), tid = task->pid, tgid = task->tgid;
	struct hf_scratch *sc;
	struct hf_rec_exit *r;
	struct hf_task *t;

	t = bpf_task_storage_get(&tasks, task, 0, 0);
	if (!t)
		return 0;
	bpf_map_delete_elem(&tickets, &tid);
	if (hf_members)
		bpf_map_delete_elem(&members, &tid);
	if (!hf_last_of_group(task))
		return 0;
	bpf_map_delete_elem(&stranded, &tgid);
	bpf_map_delete_elem(&halted, &tgid);
	sc = hf_scratch_of(cpu);
	if (!sc)
		return 0;
	r = (struct hf_rec_exit *)sc->data;
	sc->session = t->session;
	r->h.type = HF_REC_EXIT;
	r->h.flags = 0;
	if (task->signal->flags & HF_SIGNAL_GROUP_EXIT)
		r->h.ret = task->signal->group_exit_code;
	else
		r->h.ret = task->group_leader->exit_code;
	hf_emit(cpu, sizeof(*r));
	return 0;
}

#endif
