/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's records: into the trajectory and the journal, compared with what was judged. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "engine/engine.h"

uint64_t hf_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

uint64_t hf_wall_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* argv, image and cwd of a process whose fork or exec record never came. */
struct hf_proc *hf_engine_proc(struct hf_engine *e, const struct hf_action *a)
{
	struct hf_proc *p = hf_traj_proc(e->traj, a->tgid, a->start_ns);
	char path[64], image[4096] = "", cwd[4096] = "", argv[4096];
	struct hf_remote_ids ids = { 0 };
	ssize_t n, m, c;
	FILE *f;

	if (p)
		return p;
	hf_remote_ids((pid_t)a->tgid, &ids);
	snprintf(path, sizeof(path), "/proc/%u/exe", a->tgid);
	n = readlink(path, image, sizeof(image));
	snprintf(path, sizeof(path), "/proc/%u/cwd", a->tgid);
	c = readlink(path, cwd, sizeof(cwd));
	snprintf(path, sizeof(path), "/proc/%u/cmdline", a->tgid);
	f = fopen(path, "re");
	m = f ? (ssize_t)fread(argv, 1, sizeof(argv), f) : 0;
	if (f)
		fclose(f);
	p = hf_traj_recover(e->traj, a->tgid, a->start_ns, ids.ppid, a->uid, (struct hf_str){ image, n > 0 ? (size_t)n : 0 },
			    (struct hf_str){ argv, (size_t)m }, (struct hf_str){ cwd, c > 0 ? (size_t)c : 0 });
	if (p)
		hf_engine_log_process(e, p);
	return p;
}

/*
 * An opened file that is not the one judged: a component or the string was swapped in between. Where the real one would have
 * been held or refused the process ends before it gets far with the descriptor.
 */
static void record_raced_open(struct hf_engine *e, struct hf_action *a)
{
	struct hf_judgement *j = &e->scratch_j;

	e->c.raced++;
	a->flags &= ~HF_ACT_CONFIRM;
	hf_judge(e->traj, a, j);	/* what the rules say of the real one; the race itself is a finding besides */
	a->flags |= HF_ACT_RACED;
	hf_traj_commit(e->traj, a, j);
	hf_engine_log_action(e, a);
	hf_engine_log_mark(e, "raced-argument", a, "opened another file than the one judged");
	if (j->nfindings)
		hf_engine_log_findings(e, a, j);
	if (j->verdict >= HF_HOLD) {
		kill((pid_t)a->tgid, SIGKILL);
		hf_engine_explain(e, a, j, "killed (raced argument)");
	}
}

/* /proc tells it in clock ticks, the record in nanoseconds. */
static bool same_start(uint64_t ticks_ns, uint64_t exact_ns)
{
	return ticks_ns <= exact_ns && exact_ns - ticks_ns <= 1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK);
}

/* Does this record end a call that was asked for? Takes it out of flight; *ret_q is the question that waits for it. */
static bool record_confirms(struct hf_engine *e, const struct hf_action *a, uint64_t *ret_path_hash, bool *ret_denied,
			    struct hf_question **ret_q)
{
	struct hf_inflight *f = hf_inflight_find(e, a->tid);

	*ret_q = NULL;
	*ret_path_hash = 0;
	/* an exec's record does not say which of the two calls it was */
	if (f && same_start(f->start_ns, a->start_ns) && (f->nr == a->nr || a->nr == 0xffffffff || (a->kind == HF_EXEC && f->nr == SYS_execveat))) {
		*ret_path_hash = f->path_hash;
		*ret_q = f->q;
		*ret_denied = f->denied;
		memset(f, 0, sizeof(*f));
		return true;
	}
	if (a->kind != HF_OPEN || !(f = hf_inflight_find(e, a->tgid | HF_INFLIGHT_FAN)))
		return false;
	if (f->path_hash != hf_bpf_hash(e->bpf, a->path.p, a->path.n))
		return false;
	memset(f, 0, sizeof(*f));
	return true;
}

static bool open_differs(const struct hf_engine *e, const struct hf_action *a, uint64_t judged)
{
	return a->kind == HF_OPEN && a->ret >= 0 && judged && S_ISREG(a->mode) &&
	       !(a->flags & (HF_ACT_UNRESOLVED | HF_ACT_TRUNC_PATH)) && hf_bpf_hash(e->bpf, a->path.p, a->path.n) != judged;
}

static bool failed_by_itself(const struct hf_action *a)
{
	return (a->flags & HF_ACT_OUTCOME) && a->ret < 0 && a->ret != -EINPROGRESS && a->ret != -EALREADY && a->ret != -EINTR &&
	       a->kind != HF_OTHER;
}

static void record_action(struct hf_engine *e, struct hf_action *a, uint32_t old_tid)
{
	struct hf_question *q = NULL;
	uint64_t judged = 0;
	bool denied = false;
	struct hf_action key = *a;
	struct hf_judgement *j = &e->scratch_j;

	if (a->kind == HF_FORK && a->child_tid != a->child_tgid)
		return;		/* a thread: its process is known */
	if (a->kind == HF_EXIT) {
		hf_inflight_drop(e, a->tgid);
		hf_inflight_drop(e, a->tgid | HF_INFLIGHT_FAN);
	}
	if (a->kind != HF_FORK && a->kind != HF_EXIT)
		hf_engine_proc(e, a);
	key.tid = a->kind == HF_EXEC && a->ret >= 0 ? old_tid : a->tid;
	if (a->kind != HF_FORK && a->kind != HF_EXIT && record_confirms(e, &key, &judged, &denied, &q)) {
		if (open_differs(e, a, judged)) {
			record_raced_open(e, a);
		} else {
			a->flags |= HF_ACT_CONFIRM | (denied ? HF_ACT_DENIED : 0);
			hf_traj_commit(e->traj, a, NULL);
			hf_engine_log_action(e, a);
		}
		if (a->flags & HF_ACT_STOPPED)	/* its name stops every open; this one has been answered already */
			hf_engine_resume(e, a->tgid, NULL);
		if (q)
			hf_engine_outcome(e, q);
		return;
	}
	if (a->flags & HF_ACT_STOPPED) {
		hf_engine_on_stopped(e, a);
		return;
	}
	if (failed_by_itself(a)) {	/* a probe for a file that is not there is no finding */
		hf_traj_commit(e->traj, a, NULL);
		hf_engine_log_action(e, a);
		return;
	}
	hf_judge(e->traj, a, j);
	hf_traj_commit(e->traj, a, j);
	hf_engine_log_action(e, a);
	if (j->nfindings)
		hf_engine_log_findings(e, a, j);
	/* Seen after the effect: it cannot be held any more, and a verdict that asks for more is said, not passed over. */
	if (j->verdict >= HF_HOLD && a->ret >= 0)
		hf_engine_note(e, "after-effect", "a rule asks for %s, but this action is only seen after its effect on this host",
			       hf_verdict_name(j->verdict));
	if (j->verdict == HF_KILL)
		hf_engine_kill(e, hf_rule_title(j->finding[0].rule));
}

static void record_raced(struct hf_engine *e, const struct hf_rec_raced *r)
{
	static const char *const what[] = { "", "another program than the one judged: killed before its first instruction",
					    "other arguments than those judged: killed before its first instruction",
					    "an exec that was never judged: killed before its first instruction",
					    "another address than the one judged: refused", "an address that was never judged: refused" };
	struct hf_action a = { .session = r->h.session, .seq = r->h.seq, .time_ns = r->h.time_ns, .tgid = r->h.tgid, .tid = r->h.tid,
			       .start_ns = r->h.start_ns, .uid = r->h.uid, .nr = 0xffffffff,
			       .kind = r->what >= HF_RACED_ADDR ? HF_CONNECT : HF_EXEC, .flags = HF_ACT_RACED | HF_ACT_DENIED,
			       .ret = -EPERM };

	if (r->what >= HF_RACED_ADDR)
		hf_decode_wire_addr(&r->addr, &a.addr);
	e->c.raced++;
	hf_engine_log_mark(e, "raced-argument", &a, r->what <= HF_RACED_ADDR_NO_TICKET ? what[r->what] : "unknown mismatch");
}

/*
 * Every record says who its thread is; a fork's says it of the child. Ids that nobody uses any more stay: the next one to get the
 * number has a fork record of its own, and who has no record at all never asks.
 */
static void record_ids(struct hf_engine *e, const struct hf_rec *h, const struct hf_action *a)
{
	if (a->kind == HF_EXIT) {
		hf_known_drop(e->known, h->tid);
		hf_known_drop(e->known, h->tgid);
		return;
	}
	hf_known_put(e->known, h->tid, h->tgid, h->start_ns, h->uid);
	if (a->kind == HF_FORK)
		hf_known_put(e->known, a->child_tid, a->child_tgid, a->child_start_ns, h->uid);
}

bool hf_engine_known_ids(void *ctx, pid_t tid, struct hf_remote_ids *ret)
{
	struct hf_engine *e = ctx;
	const struct hf_known_ids *k = hf_known_find(e->known, (uint32_t)tid);

	if (!k || !e->known_whole || e->known_unsure)
		return false;
	*ret = (struct hf_remote_ids){ .tgid = k->tgid, .uid = k->uid, .start_ns = k->start_ns };
	return true;
}

static int on_record(void *ctx, const void *rec, size_t len)
{
	struct hf_engine *e = ctx;
	const struct hf_rec *h = rec;
	struct hf_action a;
	uint32_t old_tid = 0;
	int r;

	e->c.records++;

	if (len >= sizeof(struct hf_rec_raced) && h->type == HF_REC_RACED) {
		record_raced(e, rec);
		return 0;
	}
	if (len >= sizeof(struct hf_rec_exec) && h->type == HF_REC_EXEC)
		old_tid = ((const struct hf_rec_exec *)rec)->old_tid;
	if (h->type == HF_REC_FOREIGN)
		e->c.foreign++;
	r = hf_decode(rec, len, e->dec, &a);
	if (r < 0) {
		e->c.malformed++;
		return 0;
	}
	a.flags |= HF_ACT_OUTCOME;
	record_ids(e, h, &a);
	record_action(e, &a, old_tid);
	return 0;
}

void hf_engine_drain(struct hf_engine *e)
{
	uint64_t lost;

	hf_bpf_drain(e->bpf, on_record, e);
	e->known_whole = hf_bpf_drained(e->bpf, &lost);
	if (lost != e->known_lost) {
		/* a record from before the loss may still come with the next drain */
		e->known_lost = lost;
		e->known_unsure = 2;
	}
	if (e->known_unsure) {
		hf_known_clear(e->known);
		e->known_unsure -= e->known_whole;
	}
}

/* A process stopped at an open whose record was lost: nobody knows what it opened, so it must not go on with it. */
static void loss_stranded(struct hf_engine *e)
{
	uint32_t tgid[32];
	uint64_t session[32];
	int n = hf_bpf_stranded(e->bpf, tgid, session, 32);

	for (int i = 0; i < n; i++) {
		if (session[i] != e->session)
			continue;
		hf_engine_note(e, "stranded", "pid %u: stopped at an open whose record was lost: ended", tgid[i]);
		kill((pid_t)tgid[i], SIGKILL);
		hf_bpf_resume(e->bpf, tgid[i]);
	}
}

void hf_engine_loss(struct hf_engine *e)
{
	static const char *const name[HF_REC_TYPES] = { "none", "fork", "exec", "exit", "open", "path", "sock", "sys", "raced", "foreign" };
	struct hf_session_state s;

	if (hf_bpf_session_state(e->bpf, e->session, &s) < 0)
		return;
	for (unsigned i = 0; i < HF_REC_TYPES; i++)
		if (s.lost[i] > e->seen.lost[i])
			hf_engine_log_gap(e, name[i], s.lost[i] - e->seen.lost[i]);
	if (s.lost[HF_REC_OPEN] > e->seen.lost[HF_REC_OPEN])
		loss_stranded(e);
	if (s.fork_untracked > e->seen.fork_untracked)
		hf_engine_log_gap(e, "fork-untracked", s.fork_untracked - e->seen.fork_untracked);
	e->seen = s;
}

void hf_engine_account(struct hf_engine *e)
{
	struct hf_session_state s;
	uint64_t known = e->c.records;

	if (hf_bpf_session_state(e->bpf, e->session, &s) < 0)
		return;
	for (unsigned i = 0; i < HF_REC_TYPES; i++)
		known += s.lost[i];
	if (s.seq > known)
		hf_engine_log_gap(e, "unaccounted", s.seq - known);
}
