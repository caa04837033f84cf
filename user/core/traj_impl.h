/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the trajectory share. Nobody else includes this. */
#ifndef HF_TRAJ_IMPL_H
#define HF_TRAJ_IMPL_H
#include "bpf/wire.h"
#include "effective.h"
#include "traj.h"

#define HF_NIL UINT32_MAX		/* no index */
#define HF_LABELS_MAX 64
#define HF_USERS_MAX 64
#define HF_IMAGE_BUDGET (16u << 20)	/* bytes for all processes' strings; beyond: argv is cut to HF_ARGV_SHORT */
#define HF_IMAGE_MAX (20u << 20)	/* beyond, dead processes are forgotten early: long paths are never cut */
#define HF_ARGV_SHORT 512u

static inline uint64_t hf_mix64(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9u;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/* --- processes (traj_proc.c) --- */
struct hf_image {			/* strings of one exec, shared by the processes forked from it */
	unsigned refs;
	size_t bytes;
	struct hf_str image, argv, cwd, interp, cmdline;
	char data[];
};
struct hf_proc_ent {
	struct hf_proc p;		/* first: a hf_proc of this trajectory is its entry */
	struct hf_image *img;
	uint32_t hnext;			/* of its bucket, or of the free list */
	uint32_t nchildren;		/* remembered ones */
	uint32_t dprev, dnext;		/* the dead, oldest first */
	bool used;
	bool unknown_line;		/* without parent, and not because it is the session's first */
};
struct hf_procs {
	struct hf_proc_ent *ent;
	const struct hf_proc_ent **order;	/* room for hf_traj_each_proc() */
	uint32_t *stack;
	uint32_t *bucket, mask;
	uint32_t n, high, free;
	uint32_t dead_first, dead_last;
	size_t image_bytes;
	uint64_t labels_ever;		/* every label any process was given */
};

/* --- labels (traj_label.c) --- */
struct hf_rule_labels { uint64_t session, process, file; };
struct hf_file_ent {
	uint64_t k[2];			/* device and inode, or a path's hash */
	uint64_t labels;
	uint32_t kind, hnext, lprev, lnext;
};
struct hf_files {
	struct hf_file_ent *ent;
	uint32_t *bucket, mask;
	uint32_t n, high, free, first, last;	/* list: longest unchanged first */
};

/* --- correlations (traj_corr.c) --- */
struct hf_node {			/* one earlier action of a chain; chains share their beginnings */
	struct hf_past past;
	uint32_t prev, refs;
};
struct hf_step_state {
	bool done;
	uint64_t start_ns, last_ns;
	uint32_t node;
};
struct hf_group {
	uint32_t corr;			/* index into hf_traj.corr */
	uint32_t tgid;
	uint64_t start_tick;		/* of the process, in 10 ms */
	uint8_t fields[16];		/* hash of the group-by fields' values */
	uint32_t hnext, lprev, lnext;
	uint32_t newest, oldest, nsamples;	/* counted correlations: actions, or values by when they came last */
	struct hf_step_state step[16];
};
struct hf_sample {			/* an action that counts; several once there are too many to keep apart */
	uint64_t time_ns, n;		/* of the latest */
	uint64_t key;			/* of the values, when they are compared */
	double sum, min, max;
	uint32_t weight;		/* actions */
	uint32_t older, newer;
};
struct hf_group_id {
	uint32_t corr, tgid;
	uint64_t start_tick;
	uint8_t fields[16];
};
struct hf_corr {
	const struct hf_rule *rule;
	const struct hf_correlation *c;
	bool by_proc, by_lineage, by_field;
	bool needs_event;		/* to group or to take a value */
	bool step_only;
	struct hf_group rest;		/* groups that no longer fit: they count for all */
};
struct hf_groups {
	struct hf_group *ent;
	uint32_t *bucket, mask, cap;
	uint32_t n, high, free, first, last;
	struct hf_node *node;
	uint32_t node_cap, node_high, node_free;
	struct hf_sample *sample;
	uint32_t sample_cap, sample_high, sample_free;
};

/* --- destinations (traj_dest.c) --- */
#define HF_DESTS_MAX 4096u		/* power of two */
struct hf_dest {
	uint64_t k[2];			/* address; of a UNIX socket a hash of its name that nobody can make collide */
	uint32_t what;			/* family and port */
	uint32_t hnext;
};
struct hf_dests {
	struct hf_dest *ent;		/* a ring */
	uint32_t *bucket;
	uint64_t n;			/* ever added */
};

struct hf_det {				/* a detection rule that can match here */
	const struct hf_rule *rule;
	uint32_t index, categories;
	bool step_only, hold_truncated, has_consequences;
};

/* Where an event is built: see traj.h on hf_judge(). */
struct hf_scratch {
	struct hf_event e;
	uint64_t uses;			/* fields worth filling in */
	struct hf_value v[HF_FIELDS];
	char cmdline[HF_ARGV_MAX + 8];
	char labels[3][2048];
	char num[HF_FIELDS][24];
	char ip[64], sun[128];
	uint64_t *matched;		/* a bit for each rule of the set */
	uint64_t *candidates;		/* the same; see hf_ruleset_candidates() */
	uint32_t *sample;		/* counted correlations: those within the window, sample_cap */
	union { uint64_t key; double num; } *value;	/* theirs, one more */
	struct hf_effective effective;	/* touched only when a rule asks for it */
};

struct hf_traj {
	uint64_t session;
	const struct hf_ruleset *rs;
	unsigned nrules;
	struct hf_str workspace;
	struct hf_traj_limits lim;
	struct hf_traj_stats stats;
	uint64_t uses;			/* hf_ruleset_fields() */
	uint64_t n, now_ns;		/* actions so far; time of the newest */
	uint64_t first_ns;		/* time of the first */
	bool tty, tty_known;
	struct hf_procs procs;
	struct hf_files files;
	struct hf_groups groups;
	struct hf_dests dests;
	struct hf_corr *corr;
	unsigned ncorr;
	struct hf_det *det;
	unsigned ndet;
	uint32_t *det_of;		/* of each rule; HF_NIL none */
	const char *label_name[HF_LABELS_MAX];
	unsigned nlabels;
	struct hf_rule_labels *rule_labels;
	uint64_t labels;
	struct hf_past *past;		/* ring: action n is at (n - 1) % lim.past */
	struct { uint32_t uid; char name[64]; uint8_t len; } user[HF_USERS_MAX];
	unsigned nusers;
	struct hf_scratch *scratch;
};

uint32_t hf_traj_pow2(uint32_t n);	/* smallest power of two >= n, at least 16 */
/* All init functions: 0 or -ENOMEM; what they got is freed by the matching free in hf_traj_free(). */
int hf_procs_init(struct hf_traj *t);
void hf_procs_free(struct hf_traj *t);
struct hf_proc_ent *hf_procs_find(const struct hf_traj *t, uint32_t tgid, uint64_t start_ns);
/* The acting process of a, learnt now if it is unknown; NULL: table full. */
struct hf_proc *hf_procs_ensure(struct hf_traj *t, const struct hf_action *a);
void hf_procs_fork(struct hf_traj *t, struct hf_proc *parent, const struct hf_action *a);
void hf_procs_exec(struct hf_traj *t, struct hf_proc *p, const struct hf_action *a);
/* Keeps the strings of all processes within HF_IMAGE_MAX at the expense of the dead; a few at a time. */
void hf_procs_trim(struct hf_traj *t);
void hf_procs_exit(struct hf_traj *t, struct hf_proc *p, int status);
/* What the kernel runs for this exec: the interpreter of a script. */
struct hf_str hf_exec_image(const struct hf_action *a);

int hf_labels_init(struct hf_traj *t);
void hf_labels_free(struct hf_traj *t);
uint64_t hf_labels_of_file(const struct hf_traj *t, const struct hf_action *a);
void hf_labels_apply(struct hf_traj *t, struct hf_proc *p, const struct hf_action *a, uint32_t rule_index);
/* The action's own effect on what carries labels: renames, links, creations, deletions. */
void hf_labels_follow(struct hf_traj *t, const struct hf_action *a);

int hf_dests_init(struct hf_traj *t);
void hf_dests_free(struct hf_traj *t);
/* False: not an action with a destination. */
bool hf_dests_first(const struct hf_traj *t, const struct hf_action *a, bool *ret_first);
void hf_dests_add(struct hf_traj *t, const struct hf_action *a);

/* traj_group.c */
int hf_corr_init(struct hf_traj *t);
void hf_corr_free(struct hf_traj *t);
void hf_group_clear(struct hf_group *g);
/* The group of an action that does this step: of all processes, until a process is set. e may be NULL: no fields. */
struct hf_group_id hf_group_id(const struct hf_traj *t, unsigned corr, unsigned step, const struct hf_event *e);
void hf_group_id_proc(struct hf_group_id *k, const struct hf_proc *p, const struct hf_action *a);
struct hf_group *hf_group_find(const struct hf_groups *gs, const struct hf_group_id *k);	/* NULL: none */
/* Found or made, the last to be forgotten from now on. Others may be forgotten for it. */
struct hf_group *hf_group_make(struct hf_traj *t, const struct hf_group_id *k);
/* Forgets g. What could still matter is poured into its correlation's rest, which counts for every group. */
void hf_group_drop(struct hf_traj *t, struct hf_group *g);
/* Calls cb for each group that an action of p builds on: its own, its ancestors', the rest; each once. */
void hf_group_visit(const struct hf_traj *t, const struct hf_group_id *key, const struct hf_proc *p,
		    const struct hf_action *a, void (*cb)(void *ctx, const struct hf_group *g), void *ctx);
bool hf_within(uint64_t start_ns, uint64_t now_ns, uint64_t span_ns);
void hf_link_put(struct hf_groups *gs, uint32_t i);
uint32_t hf_link_get(struct hf_groups *gs, uint32_t i);
/* Without room the chain stays as it was: the match counts all the same, only the story has a gap. */
uint32_t hf_link_new(struct hf_traj *t, const struct hf_past *past, uint32_t prev);
/* Takes over the reference to node. */
void hf_step_set(struct hf_groups *gs, struct hf_step_state *s, uint64_t start_ns, uint64_t last_ns, uint32_t node);
/* A process is forgotten while descendants live: its steps count for all from now on. */
void hf_corr_forget_proc(struct hf_traj *t, const struct hf_proc *p);

/* traj_corr.c. Bit i: step i is among the rules set in matched. */
uint32_t hf_corr_steps(const struct hf_corr *c, const uint64_t *matched);
/* Does an action that is these steps complete the correlation? Fills ret's story. */
bool hf_corr_complete(const struct hf_traj *t, unsigned corr, uint32_t steps, const struct hf_event *e,
		      const struct hf_proc *p, const struct hf_action *a, struct hf_finding *ret);
void hf_corr_advance(struct hf_traj *t, unsigned corr, uint32_t steps, const struct hf_event *e,
		     const struct hf_proc *p, const struct hf_action *a, const struct hf_past *past);

/* traj_count.c: the same two for those that count (from HF_CORR_EVENT_COUNT on). */
int hf_count_init(struct hf_traj *t);
void hf_count_free(struct hf_traj *t);
bool hf_count_complete(const struct hf_traj *t, unsigned corr, uint32_t steps, const struct hf_event *e,
		       const struct hf_proc *p, const struct hf_action *a, struct hf_finding *ret);
void hf_count_advance(struct hf_traj *t, unsigned corr, uint32_t steps, const struct hf_event *e,
		      const struct hf_proc *p, const struct hf_action *a, const struct hf_past *past);
/* Moves what could still count from g to its correlation's rest. Was there anything? */
bool hf_count_pour(struct hf_traj *t, struct hf_corr *k, struct hf_group *g);

/* The event a rule sees, in t's scratch: valid until the next one is built. p may be NULL. */
const struct hf_event *hf_event_build(const struct hf_traj *t, const struct hf_action *a, const struct hf_proc *p);
#endif
