/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's own state. One thread, one epoll loop; nothing in it waits for a person or for a process it guards.
 *
 *   question   what a guard asks: seccomp notification, fanotify permission event, or a process that BPF stopped at the exit
 *              of an open. Lives in a slot of a fixed pool; the answering path allocates nothing.
 *   in flight  an asked-for call that was let through: its record at syscall exit is compared with what was judged.
 *
 * A question's way:  asked -> drain the ring -> judge -> allow: [ticket] continue, in flight
 *                                                     -> deny: EPERM, explain
 *                                                     -> hold: slot in the hold table, freeze; later decided:
 *                        allow: exec, inet: ticket, thaw, continue
 *                               others: all others frozen? -> read the arguments again -> same? -> continue -> outcome -> thaw
 *                        deny:  EPERM (stopped process: SIGKILL), thaw
 */
#ifndef HF_ENGINE_H
#define HF_ENGINE_H
#include <signal.h>
#include <sys/socket.h>
#include "core/decode.h"
#include "core/hold.h"
#include "core/journal.h"
#include "core/known.h"
#include "core/traj.h"
#include "engine/ctl.h"
#include "engine/journal_file.h"
#include "engine/prompt.h"
#include "engine/run.h"
#include "guard/bpf.h"
#include "guard/cgroup.h"
#include "guard/explain.h"
#include "guard/fanotify.h"
#include "guard/guardian.h"
#include "guard/remote.h"
#include "guard/seccomp.h"

#define HF_QUESTIONS (HF_HOLDS_MAX + 4)
#define HF_INFLIGHT 4096		/* power of two; threads with a call let through and not yet back */
#define HF_TURN_LIMIT_MS 15000		/* an engine stuck so long in one turn is stuck by the agent: the guardian ends the session */
#define HF_FREEZE_WAIT_NS (500ull * 1000 * 1000)
#define HF_OUTCOME_WAIT_NS (250ull * 1000 * 1000)	/* frozen for it so long; then its question is kept but others run */
#define HF_OUTCOME_KEEP_NS (60ull * 1000 * 1000 * 1000)

enum hf_guard_kind { HF_GUARD_SECCOMP, HF_GUARD_FANOTIFY, HF_GUARD_STOP };

enum hf_question_phase {
	HF_Q_FREE,
	HF_Q_ASKED,		/* being judged */
	HF_Q_HELD,		/* waits for a decision */
	HF_Q_FREEZING,		/* approved: waits until all others are frozen */
	HF_Q_CONTINUED,		/* approved and let through, the session still frozen: waits for the outcome */
};

struct hf_question {
	enum hf_question_phase phase;
	enum hf_guard_kind guard;
	struct seccomp_notif n;
	struct hf_fan_event fan;
	struct hf_action a;		/* strings point into r */
	const char *marked;		/* fanotify: the name of the file's mark, when it was opened by another one */
	struct hf_judgement j;
	struct hf_binding binding;	/* over all findings that ask */
	struct hf_hold *hold;
	bool announced;			/* by a line on stderr */
	bool out;			/* its thread is not frozen with the others (hf_cgroup_thread_out) */
	uint64_t since_ns;		/* of the phase */
	struct hf_remote r;
};

#define HF_INFLIGHT_FAN (1u << 31)	/* key of a fanotify answer: the tid is unknown, so the tgid with this bit */
struct hf_inflight {			/* key: tid; 0 free */
	uint32_t tid, nr, tgid;
	bool denied;
	uint64_t start_ns;
	uint64_t path_hash;		/* of the judged path; 0: not compared */
	struct hf_question *q;		/* when it waits for this outcome */
};

struct hf_engine_counts {
	uint64_t questions, silent, held, denied, allowed_by_person, raced, foreign, malformed, inflight_full, explain_dropped, holds_full, unreadable, lost, records;
};

struct hf_engine {
	struct hf_run *run;
	const struct hf_run_options *o;
	uint64_t session;
	char id[17], name[64], journal_path[4096];
	struct hf_bpf *bpf;
	struct hf_cgroup cg;
	struct hf_fan *fan;
	struct hf_traj *traj;
	struct hf_holds *holds;
	struct hf_ctl *ctl;
	struct hf_prompt *prompt;	/* NULL: no terminal */
	struct hf_jfile *jfile;
	char *line;			/* answers on the control socket are built here */
	struct hf_guardian_turns *turns;
	int ep, listener, front, events_fd, guardian_fd, guardian_ctl, cmd_pidfd, front_pidfd, sig_fd;
	pid_t guardian, cmd_pid;
	uint32_t hooks;			/* socket hooks attached */
	bool sync_wakeup;
	bool session_frozen_by_us, paused_by_operator;
	bool front_gone, cmd_exited, ending, killed;
	char killed_why[128];
	int cmd_status;
	uint64_t started_ns, last_state_ns;
	struct hf_session_state seen;	/* loss already journalled */
	struct hf_question *q;		/* HF_QUESTIONS, mmap'ed: untouched slots cost nothing */
	struct hf_question *shown;	/* on the prompt */
	uint64_t drawn_ns;
	struct hf_inflight *inflight;
	struct hf_known *known;
	uint64_t known_lost;		/* records lost when it was last cleared */
	unsigned known_unsure;		/* drains until it may be believed again */
	bool known_whole;		/* the last drain left nothing out */
	struct hf_decode_buf *dec;
	struct hf_judgement scratch_j;
	struct hf_engine_counts c;
};

uint64_t hf_now_ns(void);		/* CLOCK_BOOTTIME */
uint64_t hf_wall_ns(void);		/* CLOCK_REALTIME */

/* engine_setup.c */
int hf_engine_setup(struct hf_engine *e, char *err, size_t err_cap);
int hf_engine_start_cmd(struct hf_engine *e, char *err, size_t err_cap);
void hf_engine_teardown(struct hf_engine *e);

/* engine_record.c: consume the ring up to now. */
void hf_engine_drain(struct hf_engine *e);
/* The process of an action in the trajectory; learnt from /proc if its fork record is missing. NULL: out of memory. */
struct hf_proc *hf_engine_proc(struct hf_engine *e, const struct hf_action *a);
/* struct hf_remote's known_ids: from the records, if a drain just now left none out. */
bool hf_engine_known_ids(void *ctx, pid_t tid, struct hf_remote_ids *ret);
void hf_engine_loss(struct hf_engine *e);
/* At the end, all drained: every sequence number given out is a record received or a loss counted; else a gap line says how many not. */
void hf_engine_account(struct hf_engine *e);

/* engine_ask.c: the guards' questions. */
void hf_engine_on_notif(struct hf_engine *e);
void hf_engine_on_fan(struct hf_engine *e);
/* Does an open at whose exit BPF stopped this process wait, one other than but? tgid 0: of any process. */
bool hf_engine_stop_pending(const struct hf_engine *e, uint32_t tgid, const struct hf_question *but);
void hf_engine_on_stopped(struct hf_engine *e, const struct hf_action *a);
/* The same call with the same arguments by the same process. */
bool hf_question_same(const struct hf_question *x, const struct hf_question *y);
struct hf_question *hf_question_take(struct hf_engine *e);
void hf_question_free(struct hf_engine *e, struct hf_question *q);
int hf_engine_ticket(struct hf_engine *e, const struct hf_question *q);
struct hf_inflight *hf_inflight_find(struct hf_engine *e, uint32_t tid);
void hf_inflight_put(struct hf_engine *e, const struct hf_question *q);
void hf_inflight_drop(struct hf_engine *e, uint32_t tid);

/* engine_decide.c */
void hf_engine_judge(struct hf_engine *e, struct hf_question *q);	/* judges and answers or holds */
void hf_engine_decide(struct hf_engine *e, struct hf_question *q, enum hf_decision d, enum hf_scope s, const char *via, uid_t uid, pid_t pid);
void hf_engine_resume(struct hf_engine *e, uint32_t tgid, const struct hf_question *but);	/* after a stop; but is answered */
bool hf_question_is_ticketed(const struct hf_question *q);	/* the kernel itself compares at the moment of effect */
void hf_engine_step_holds(struct hf_engine *e);		/* deadlines, freezing, outcomes, gone targets */
void hf_engine_outcome(struct hf_engine *e, struct hf_question *q);
void hf_engine_pause(struct hf_engine *e, bool on);
void hf_engine_kill(struct hf_engine *e, const char *why);
unsigned hf_engine_wait_ms(struct hf_engine *e);
void hf_engine_explain(struct hf_engine *e, const struct hf_action *a, const struct hf_judgement *j, const char *verb);

/* engine_prompt.c */
void hf_engine_prompt_step(struct hf_engine *e);
void hf_engine_prompt_input(struct hf_engine *e);
void hf_engine_prompt_drop(struct hf_engine *e, const struct hf_question *q);
/* No terminal, or it is not ours now: says on the caller's stderr, once, that this waits and how to decide. */
void hf_engine_announce(struct hf_engine *e, struct hf_question *q);

/* engine_ctl.c */
int hf_engine_control(void *ctx, struct hf_ctl *c, const struct hf_ctl_peer *peer, const struct hf_control *req, char *err, size_t err_cap);

/* engine_journal.c */
void hf_engine_log_session(struct hf_engine *e);
void hf_engine_log_action(struct hf_engine *e, const struct hf_action *a);
void hf_engine_log_findings(struct hf_engine *e, const struct hf_action *a, const struct hf_judgement *j);
void hf_engine_log_hold(struct hf_engine *e, const struct hf_question *q);
void hf_engine_log_decision(struct hf_engine *e, const struct hf_question *q, enum hf_decision d, enum hf_scope s, const char *via, uid_t uid, pid_t pid);
void hf_engine_log_gap(struct hf_engine *e, const char *what, uint64_t count);
void hf_engine_note(struct hf_engine *e, const char *kind, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* a process that the trajectory learnt without its fork record: replay needs to know it too */
void hf_engine_log_process(struct hf_engine *e, const struct hf_proc *p);
/* a finding that no rule made, also marked in the trajectory: raced-argument, self-approval */
void hf_engine_log_mark(struct hf_engine *e, const char *what, const struct hf_action *a, const char *detail);
void hf_engine_log_end(struct hf_engine *e);
void hf_hold_id(const struct hf_engine *e, const struct hf_hold *h, char *out, size_t cap);
#endif
