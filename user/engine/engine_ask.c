/* SPDX-License-Identifier: Apache-2.0 */
/* The guards' questions: taken in, turned into actions, and the tickets that go with an answer. */
#include <errno.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "engine/engine.h"

#define ASK_BURST 64			/* questions answered before the loop looks at the other sources */

struct hf_question *hf_question_take(struct hf_engine *e)
{
	for (unsigned i = 0; i < HF_QUESTIONS; i++) {
		struct hf_question *q = &e->q[i];

		if (q->phase == HF_Q_FREE) {
			q->phase = HF_Q_ASKED;
			q->hold = NULL;
			q->marked = NULL;
			q->out = false;
			q->since_ns = hf_now_ns();
			return q;
		}
	}
	return NULL;
}

/* The records know a start to the ns, /proc to the tick: both may have told of the same process. */
static bool same_start(uint64_t x, uint64_t y)
{
	const uint64_t tick_ns = 10 * 1000 * 1000;

	return x == y || x / tick_ns * tick_ns == y || y / tick_ns * tick_ns == x;
}

bool hf_question_same(const struct hf_question *x, const struct hf_question *y)
{
	const struct hf_action *a = &x->a, *b = &y->a;

	/* all its addresses, in their order: a->addr is the one that was held, the first one before */
	return a->kind == b->kind && a->nr == b->nr && a->tgid == b->tgid && same_start(a->start_ns, b->start_ns) && a->dev == b->dev &&
	       a->ino == b->ino && a->open_flags == b->open_flags && a->mode == b->mode && a->target_tgid == b->target_tgid &&
	       a->signo == b->signo && hf_str_eq(a->path, b->path) && hf_str_eq(a->path2, b->path2) &&
	       hf_str_eq(a->argv, b->argv) && x->r.naddrs == y->r.naddrs &&
	       memcmp(x->r.addrs, y->r.addrs, x->r.naddrs * sizeof(x->r.addrs[0])) == 0;
}

void hf_question_free(struct hf_engine *e, struct hf_question *q)
{
	struct hf_inflight *f;

	if (q->phase == HF_Q_FREE)
		return;
	f = hf_inflight_find(e, q->a.tid);
	if (f && f->q == q)
		f->q = NULL;
	if (q->out)
		(void)hf_cgroup_thread_out(&e->cg, (pid_t)q->a.tid, false);
	q->out = false;
	if (q->hold)
		hf_holds_done(e->holds, q->hold);
	q->hold = NULL;
	q->phase = HF_Q_FREE;
}

/* --- in flight --------------------------------------------------------------------------------- */

static unsigned inflight_slot(uint32_t tid)
{
	return (tid * 2654435761u) & (HF_INFLIGHT - 1);
}

struct hf_inflight *hf_inflight_find(struct hf_engine *e, uint32_t tid)
{
	for (unsigned i = 0, s = inflight_slot(tid); i < 32; i++, s = (s + 1) & (HF_INFLIGHT - 1))
		if (e->inflight[s].tid == tid)
			return &e->inflight[s];
	return NULL;
}

static bool inflight_is_live(const struct hf_inflight *f)
{
	uint32_t tid = f->tid & ~HF_INFLIGHT_FAN;
	struct hf_remote_ids ids;

	return hf_remote_ids((pid_t)tid, &ids) == 0 && ids.tgid == f->tgid && ids.start_ns == f->start_ns;
}

/* A thread killed in a call that was to be restarted leaves no record: an agent could fill the table with such entries. */
static struct hf_inflight *inflight_reclaim(struct hf_engine *e, uint32_t tid)
{
	for (unsigned i = 0, s = inflight_slot(tid); i < 32; i++, s = (s + 1) & (HF_INFLIGHT - 1))
		if (!inflight_is_live(&e->inflight[s])) {
			memset(&e->inflight[s], 0, sizeof(e->inflight[s]));
			return &e->inflight[s];
		}
	return NULL;
}

void hf_inflight_put(struct hf_engine *e, const struct hf_question *q)
{
	struct hf_inflight *f = hf_inflight_find(e, q->a.tid);

	for (unsigned i = 0, s = inflight_slot(q->a.tid); !f && i < 32; i++, s = (s + 1) & (HF_INFLIGHT - 1))
		if (e->inflight[s].tid == 0)
			f = &e->inflight[s];
	if (!f)
		f = inflight_reclaim(e, q->a.tid);
	if (!f) {		/* 32 neighbours in flight: the outcome of this one is not compared */
		e->c.inflight_full++;
		return;
	}
	f->tid = q->a.tid;
	f->tgid = q->a.tgid;
	f->start_ns = q->a.start_ns;
	f->nr = q->a.nr;
	f->path_hash = q->a.kind == HF_OPEN && q->a.path.n ? hf_bpf_hash(e->bpf, q->a.path.p, q->a.path.n) : 0;
	f->denied = q->a.flags & HF_ACT_DENIED;
	f->q = q->phase == HF_Q_CONTINUED ? (struct hf_question *)q : NULL;
}

void hf_inflight_drop(struct hf_engine *e, uint32_t tid)
{
	struct hf_inflight *f = hf_inflight_find(e, tid);

	if (f)
		memset(f, 0, sizeof(*f));
}

/* --- tickets ----------------------------------------------------------------------------------- */

static void ticket_exec(struct hf_engine *e, const struct hf_question *q, struct hf_ticket *t)
{
	const struct hf_remote *r = &q->r;

	t->flags |= HF_TICKET_EXEC;
	t->exe_dev = r->exec_dev;
	t->exe_ino = r->exec_ino;
	if (r->exec_no_dev)
		t->flags |= HF_TICKET_NO_DEV;
	if (r->exec_any_interp)
		t->flags |= HF_TICKET_ANY_INTERP;
	if (r->exec_leaves_len > 0)
		t->exe_path_hash = hf_bpf_hash(e->bpf, r->exec_leaves, (size_t)r->exec_leaves_len);
	else
		t->flags |= HF_TICKET_NO_PATH;
	t->argv_hash = hf_bpf_hash(e->bpf, r->final_argv, r->final_argv_len);
	t->argv_len = r->final_argv_total;
}

int hf_engine_ticket(struct hf_engine *e, const struct hf_question *q)
{
	struct hf_ticket t = { 0 };

	if (q->a.kind == HF_EXEC) {
		ticket_exec(e, q, &t);
	} else if (q->a.kind == HF_CONNECT || q->a.kind == HF_SEND) {
		t.flags |= HF_TICKET_ADDR;
		for (unsigned i = 0; i < q->r.naddrs && t.naddr < HF_TICKET_ADDRS; i++) {
			struct hf_ticket_addr *x = &t.addr[t.naddr];

			if (q->r.raw[i].family != AF_INET && q->r.raw[i].family != AF_INET6)
				continue;
			x->family = q->r.raw[i].family;
			x->port = q->r.raw[i].port;
			x->proto = q->r.raw[i].proto;
			memcpy(x->addr, q->r.raw[i].addr, sizeof(x->addr));
			t.naddr++;
		}
		if (q->a.kind == HF_CONNECT && q->a.addr.family == AF_UNIX && (e->hooks & HF_HOOK_CONNECT_UNIX) && q->r.sun_raw_len)
			hf_bpf_ticket_unix(e->bpf, q->r.sun_raw, q->r.sun_raw_len, &t.addr[t.naddr++]);
		if (!t.naddr)
			return 0;
	} else {
		return 0;
	}
	return hf_bpf_ticket_put(e->bpf, q->a.tid, &t);
}

/* --- seccomp ----------------------------------------------------------------------------------- */

/* A restarted call asks again with a new notification: the waiting hold takes it over. True when it did. */
static bool ask_again(struct hf_engine *e, const struct seccomp_notif *n, struct hf_question *fresh)
{
	for (unsigned i = 0; i < HF_QUESTIONS; i++) {
		struct hf_question *q = &e->q[i];

		if (q == fresh || q->phase == HF_Q_FREE || q->guard != HF_GUARD_SECCOMP || q->a.tid != fresh->a.tid)
			continue;
		/* One thread asks one thing at a time: an older question of its own is over, whatever becomes of it. */
		if (q->hold && hf_question_same(q, fresh)) {
			q->n = *n;
			q->hold->orphan = false;
			if (q->phase == HF_Q_CONTINUED && q->hold->decision == HF_DEC_DENY) {
				hf_notif_error(e->listener, n->id, EPERM);
				hf_question_free(e, q);
			} else if (q->phase == HF_Q_CONTINUED && !hf_question_is_ticketed(q)) {
				/* the same a moment ago, but not for sure when the kernel looks: check it again */
				q->phase = HF_Q_FREEZING;
				q->since_ns = hf_now_ns();
			} else if (q->phase == HF_Q_CONTINUED) {	/* interrupted, by our own freeze or a signal */
				hf_engine_ticket(e, q);
				hf_inflight_put(e, q);
				hf_notif_continue(e->listener, n->id);
			}
			return true;
		}
		if (q->out && q->a.nr == fresh->a.nr) {
			e->c.raced++;
			q->a.flags |= HF_ACT_RACED;
			hf_engine_log_mark(e, "raced-argument", &q->a, "the arguments changed after they were judged: judged anew");
		}
		if (q->phase == HF_Q_CONTINUED)		/* decided long ago; only its outcome was still waited for */
			hf_engine_outcome(e, q);
		else
			hf_engine_decide(e, q, HF_DEC_NONE, HF_SCOPE_ONCE, "gone", 0, 0);
	}
	return false;
}

/* Our own code between fork and CMD's first execve: credentials. Not the agent's doing. */
static bool ask_is_launch(const struct hf_engine *e, const struct hf_action *a, const struct hf_proc *p)
{
	return a->kind == HF_SETUID && (pid_t)a->tgid == e->cmd_pid && p && p->nexec == 0;
}

static bool ask_is_plain_error(int err)
{
	return err == ENOENT || err == ENOTDIR || err == ELOOP || err == ENAMETOOLONG || err == EFAULT || err == EBADF ||
	       err == EINVAL || err == EACCES || err == ENOEXEC || err == E2BIG || err == ENOTSOCK || err == ESRCH;
}

static void ask_one(struct hf_engine *e, const struct seccomp_notif *n)
{
	struct hf_question *q = hf_question_take(e);
	bool silent = false;
	struct hf_proc *p;
	int r;

	if (!q) {		/* cannot be: one more slot than holds; refuse rather than guess */
		hf_notif_error(e->listener, n->id, EPERM);
		e->c.holds_full++;
		return;
	}
	q->guard = HF_GUARD_SECCOMP;
	q->n = *n;
	e->c.questions++;
	hf_engine_drain(e);	/* who asks is known from the records, too */
	r = hf_remote_action(n, e->session, &q->r, &q->a, &silent);
	if (!hf_notif_valid(e->listener, n->id)) {	/* what was read may be another process's memory */
		hf_question_free(e, q);
		return;
	}
	if (r < 0) {
		/*
		 * Answered with the error the kernel would have found, not with CONTINUE: a path that is missing or unreadable
		 * now may be there when the kernel looks again.
		 */
		if (!ask_is_plain_error(-r))
			e->c.unreadable++;
		hf_notif_error(e->listener, n->id, ask_is_plain_error(-r) ? -r : EPERM);
		hf_question_free(e, q);
		return;
	}
	if (silent) {		/* no ticket: an address that appears after all is refused by the socket hook */
		e->c.silent++;
		hf_bpf_ticket_drop(e->bpf, n->pid);
		hf_notif_continue(e->listener, n->id);
		hf_question_free(e, q);
		return;
	}
	q->a.time_ns = q->since_ns;
	q->a.flags |= HF_ACT_ASKED;
	if (q->a.flags & HF_ACT_UNRESOLVED)	/* we could not look where it leads: as good as cut off */
		q->a.flags |= HF_ACT_TRUNC_PATH;
	if (q->a.kind == HF_EXEC && q->r.exec_unread)
		hf_engine_note(e, "exec-unread", "tid %u: the program file could not be read beforehand: its interpreter is not checked", q->a.tid);
	hf_engine_drain(e);
	p = hf_engine_proc(e, &q->a);
	if (ask_is_launch(e, &q->a, p)) {
		hf_notif_continue(e->listener, n->id);
		hf_question_free(e, q);
		return;
	}
	if (ask_again(e, n, q)) {
		hf_question_free(e, q);
		return;
	}
	/* A stop is undone by SIGCONT; what sends one unasked (a timer, a tracer) meets BPF at its next call. */
	if (q->a.kind == HF_SIGNAL && q->a.signo == SIGCONT && hf_engine_stop_pending(e, q->a.target_tgid, NULL)) {
		hf_engine_note(e, "continue-refused", "pid %u: SIGCONT to a process whose open waits for a decision", q->a.tgid);
		hf_notif_error(e->listener, n->id, EPERM);
		hf_question_free(e, q);
		return;
	}
	hf_engine_judge(e, q);
}

void hf_engine_on_notif(struct hf_engine *e)
{
	for (int i = 0; i < ASK_BURST; i++) {
		struct seccomp_notif n;
		int r = hf_notif_recv(e->listener, &n);

		if (r == -EAGAIN || r == -EPIPE)
			return;
		if (r == 0)
			ask_one(e, &n);
	}
}

/* --- fanotify ---------------------------------------------------------------------------------- */

/* The open of a call that was asked for and allowed as a whole (exec, open for writing): not a second question. */
static bool fan_is_inflight(struct hf_engine *e, uint32_t tgid, struct hf_str path)
{
	uint64_t h = hf_bpf_hash(e->bpf, path.p, path.n);

	for (unsigned i = 0; i < HF_QUESTIONS; i++)
		if (e->q[i].phase == HF_Q_CONTINUED && e->q[i].a.tgid == tgid && hf_str_eq(e->q[i].a.path, path))
			return true;
	/* Its own process only: another one's leave is not this one's. And only while that thread lives. */
	for (unsigned i = 0; i < HF_INFLIGHT; i++) {
		const struct hf_inflight *f = &e->inflight[i];

		if (f->tid && !(f->tid & HF_INFLIGHT_FAN) && f->tgid == tgid && f->path_hash == h && !f->denied && inflight_is_live(f))
			return true;
	}
	return false;
}

static int fan_action(struct hf_engine *e, struct hf_question *q)
{
	struct hf_remote_ids ids;
	char link[40];
	struct stat st;
	ssize_t n;
	int r;

	r = hf_remote_ids(q->fan.pid, &ids);
	if (r < 0)
		return r;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", q->fan.fd);
	n = readlink(link, q->r.path, sizeof(q->r.path) - 1);
	if (n < 0 || fstat(q->fan.fd, &st) < 0)
		return -errno;
	memset(&q->a, 0, sizeof(q->a));
	q->a.session = e->session;
	q->a.kind = HF_OPEN;
	q->a.flags = HF_ACT_ASKED;
	q->a.time_ns = hf_now_ns();
	q->a.tgid = ids.tgid;
	q->a.tid = (uint32_t)q->fan.pid;
	q->a.start_ns = ids.start_ns;
	q->a.uid = ids.uid;
	q->a.nr = 0xffffffff;
	q->a.path = (struct hf_str){ q->r.path, (size_t)n };
	q->a.dev = (uint64_t)major(st.st_dev) << 20 | minor(st.st_dev);
	q->a.ino = st.st_ino;
	q->a.syscall = "open";
	q->marked = hf_fan_name(e->fan, st.st_dev, st.st_ino);
	if (q->marked && hf_str_eq(hf_str_of(q->marked), q->a.path))
		q->marked = NULL;
	return 0;
}

static void fan_one(struct hf_engine *e, const struct hf_fan_event *ev)
{
	struct hf_question *q;
	uint64_t s = 0;

	if (ev->pidfd >= 0) {
		if (hf_bpf_task_session(e->bpf, ev->pidfd, &s) < 0 || s != e->session) {
			hf_fan_answer(e->fan, ev, true);	/* somebody else's open of a protected file */
			return;
		}
	} else if (hf_cgroup_session_of(ev->pid, &s) != 1 || s != e->session) {
		hf_fan_answer(e->fan, ev, true);
		return;
	}
	q = hf_question_take(e);
	if (!q) {
		hf_fan_answer(e->fan, ev, false);
		e->c.holds_full++;
		return;
	}
	q->guard = HF_GUARD_FANOTIFY;
	q->fan = *ev;
	e->c.questions++;
	if (fan_action(e, q) < 0) {
		hf_fan_answer(e->fan, ev, false);
		hf_question_free(e, q);
		return;
	}
	hf_engine_drain(e);
	/* a call judged by another name of the file does not speak for this one */
	if (!q->marked && fan_is_inflight(e, q->a.tgid, q->a.path)) {
		hf_fan_answer(e->fan, ev, true);
		hf_question_free(e, q);
		return;
	}
	hf_engine_proc(e, &q->a);
	hf_engine_judge(e, q);
}

void hf_engine_on_fan(struct hf_engine *e)
{
	struct hf_fan_event ev[16];
	int n = hf_fan_read(e->fan, ev, 16);

	for (int i = 0; i < n; i++)
		fan_one(e, &ev[i]);
}

/* --- stopped at the exit of an open ------------------------------------------------------------- */

bool hf_engine_stop_pending(const struct hf_engine *e, uint32_t tgid, const struct hf_question *but)
{
	for (unsigned i = 0; i < HF_QUESTIONS; i++) {
		const struct hf_question *q = &e->q[i];

		if (q != but && q->phase != HF_Q_FREE && q->guard == HF_GUARD_STOP && (!tgid || q->a.tgid == tgid))
			return true;
	}
	return false;
}

void hf_engine_on_stopped(struct hf_engine *e, const struct hf_action *a)
{
	struct hf_question *q = hf_question_take(e);

	if ((pid_t)a->tgid == e->cmd_pid)
		atomic_store(&e->run->shared->cmd_stopped_by_us, 1);
	if (!q) {
		e->c.holds_full++;
		kill((pid_t)a->tgid, SIGKILL);
		hf_bpf_resume(e->bpf, a->tgid);
		return;
	}
	q->guard = HF_GUARD_STOP;
	q->a = *a;
	/* the record's strings live in the decode buffer: keep them */
	if (a->path.n >= sizeof(q->r.path)) {
		q->a.flags |= HF_ACT_TRUNC_PATH;
		q->a.path.n = sizeof(q->r.path) - 1;
	}
	memcpy(q->r.path, a->path.p, q->a.path.n);
	q->a.path.p = q->r.path;
	e->c.questions++;
	hf_engine_judge(e, q);
}
