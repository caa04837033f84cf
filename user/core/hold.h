/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holds waiting for a person, and the decisions already given. A fixed table: the path that answers a guard allocates
 * nothing. Time is passed in.
 */
#ifndef HF_HOLD_H
#define HF_HOLD_H
#include "action.h"
#include "traj.h"

#define HF_HOLDS_MAX 64		/* more at once: the newest is denied and says so */
#define HF_DECISIONS_MAX 512	/* session-scope decisions remembered; the oldest go first, counted */

/* What a decision binds to: rule, executable (device+inode and path; for an exec the starting program's and the new
 * file's), argv (for an exec the new one), kind, resolved object (path and path2, or address, port and protocol, or
 * target process and signal) and how it is used (open flags, mode). Hashes are SHA-256 truncated to 128 bits over
 * length-prefixed parts, so that parts can't run into each other. A rule with `scope: process` binds to the one
 * process too. rule, p may be NULL. */
struct hf_binding { uint8_t h[16]; };
void hf_binding_make(const struct hf_rule *rule, const struct hf_proc *p, const struct hf_action *a,
		     struct hf_binding *ret);

enum hf_decision { HF_DEC_NONE, HF_DEC_ALLOW, HF_DEC_DENY };
enum hf_scope { HF_SCOPE_ONCE, HF_SCOPE_SESSION };

enum hf_hold_state { HF_HOLD_FREE, HF_HOLD_WAITING, HF_HOLD_DECIDED };
struct hf_hold {
	uint32_t id;			/* from 1, never reused in a session */
	enum hf_hold_state state;
	struct hf_binding binding;
	uint32_t tgid, tid;
	uint64_t start_ns;
	uint64_t asked_ns, deadline_ns;	/* CLOCK_BOOTTIME */
	enum hf_decision decision;	/* when DECIDED */
	enum hf_scope scope;
	uint64_t guard_cookie;		/* the guard's own: notification id, fanotify fd, ... */
	uint32_t guard;			/* enum hf_guard_kind (user/guard/guard.h); opaque here */
	bool orphan;			/* its notification became invalid (a signal): waits for the same action again */
	char action_json[8192];		/* what was asked, for prompts, `holds` and the journal; NUL-terminated */
};
struct hf_holds;
struct hf_holds *hf_holds_new(void);
void hf_holds_free(struct hf_holds **h);
/* A free slot, WAITING, with an id; NULL: full. */
struct hf_hold *hf_holds_add(struct hf_holds *h, uint64_t now_ns, uint64_t timeout_ns);
struct hf_hold *hf_holds_find(struct hf_holds *h, uint32_t id);
/* The same action asked again by the same thread (restarted call): its slot, WAITING or DECIDED; else NULL. */
struct hf_hold *hf_holds_again(struct hf_holds *h, uint32_t tid, uint64_t start_ns, const struct hf_binding *b);
/* Session-scope decision that covers this binding. */
enum hf_decision hf_holds_known(const struct hf_holds *h, const struct hf_binding *b);
/* Marks decided; with HF_SCOPE_SESSION remembers the binding. -ENOENT, -EALREADY; -EINVAL when d is no decision. */
int hf_holds_decide(struct hf_holds *h, uint32_t id, enum hf_decision d, enum hf_scope s);
/* Gives a slot back once its guard has been answered or is gone. */
void hf_holds_done(struct hf_holds *h, struct hf_hold *slot);
struct hf_hold *hf_holds_first_expired(struct hf_holds *h, uint64_t now_ns);	/* WAITING only, oldest first; NULL */
uint64_t hf_holds_next_deadline(const struct hf_holds *h);	/* UINT64_MAX: none */
unsigned hf_holds_waiting(const struct hf_holds *h);
struct hf_hold *hf_holds_at(struct hf_holds *h, unsigned i);	/* i-th WAITING by age; NULL */
uint64_t hf_holds_forgotten(const struct hf_holds *h);		/* session-scope decisions pushed out by newer ones */
#endif
