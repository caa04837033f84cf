/* SPDX-License-Identifier: Apache-2.0 */
/* Between show.c (timeline), show_lines.c, show_group.c, show_proc.c and show_tree.c. */
#ifndef HF_SHOW_PRIV_H
#define HF_SHOW_PRIV_H
#include "show.h"

#define SHOW_PROCS_MAX 262144u		/* more: counted, not drawn */
#define SHOW_ENTRIES 512u		/* of one window; then it is written out early */
#define SHOW_PEERS 8u			/* different socket actions drawn for one process */
#define SHOW_FILES_SHOWN 3u		/* names given before a group becomes a number */

struct sb { char p[8192]; size_t n; };	/* one output line being built; cut, never overrun */
void hf_sb_fmt(struct sb *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void hf_sb_esc(struct sb *b, struct hf_str s, size_t max);
void hf_sb_count(struct sb *b, uint64_t n);	/* "1,214" */
void hf_sb_secs(struct sb *b, uint64_t ns);	/* "4.2 s", "3 min 7 s" */
uint64_t hf_show_hash(uint64_t h, const void *p, size_t n);

struct show_text { struct show_text *next; char text[]; };
struct show_proc {
	struct show_proc *hash_next, *older, *parent, *child, *last_child, *sibling;
	uint32_t tgid, uid;
	uint64_t start_ns;
	char *image;			/* latest, may be NULL */
	struct show_text *cmd, *last_cmd;	/* what it executed, in order */
	unsigned ncmd;
	struct show_text *mark, *last_mark;	/* findings, holds, decisions, refusals */
	struct show_text *peer, *last_peer;	/* the first few different socket actions */
	unsigned npeer;
	bool ended;
	int status;
	uint64_t reads, writes, others, sockets;
	/* hf_show_tree.c */
	uint64_t sig;
	bool marked;			/* it or something below has a mark */
	uint64_t sum[4];		/* reads, writes, others, sockets of its subtree; then of all folded into it */
	uint64_t fold;			/* this many equal siblings (itself included) are drawn as this one */
	bool hidden;
};
struct show_procs {
	struct show_proc **slot;
	size_t nslot, n;
	struct show_proc *youngest;	/* all, through older: children before their parents */
	struct show_proc *root, *last_root;	/* without a known parent, through sibling */
	uint64_t dropped;
};
int hf_show_procs_init(struct show_procs *t);
void hf_show_procs_free(struct show_procs *t);
/* The process; start_ns 0: the youngest of that number. NULL: unknown. */
struct show_proc *hf_show_proc_find(const struct show_procs *t, uint32_t tgid, uint64_t start_ns);
struct show_proc *hf_show_proc_add(struct show_procs *t, uint32_t tgid, uint64_t start_ns, struct show_proc *parent);	/* NULL: memory, or too many */
/* Follows the line's action (fork, exec, exit, counts); the acting process, or NULL. */
struct show_proc *hf_show_proc_follow(struct show_procs *t, const struct hf_line *l, size_t text_max);
void hf_show_proc_image(struct show_proc *p, struct hf_str image);
void hf_show_proc_mark(struct show_proc *p, const char *text);
void hf_show_proc_peer(struct show_proc *p, const char *text);
void hf_show_proc_cmd(struct show_proc *p, struct hf_str path, struct hf_str argv, size_t text_max);

/* Asked-for file actions whose outcome is not known yet, by thread: what they did is shown once it is. */
#define SHOW_WAITS 256u
struct show_wait { struct hf_line l; char *mem; };	/* mem NULL: free; else it holds l's strings */
/* Keeps a copy of the line in w. False: out of memory. */
bool hf_show_wait_keep(struct show_wait *w, const struct hf_line *l);
void hf_show_wait_drop(struct show_wait *w);

struct show_set { uint64_t *slot; size_t cap, n; };	/* of hashes: how many different ones */
bool hf_show_set_add(struct show_set *s, uint64_t h);	/* was it new? */

struct show_group {		/* a run of similar file actions, or the same thing several times */
	uint64_t key, time_ns, order, count;
	uint32_t tgid;
	char *who;
	bool mixed;			/* of several programs, who does not count */
	const char *verb, *tail;	/* static; verb NULL: text says it all */
	char *text;			/* single: what happened */
	char *dir;			/* longest directory common to all */
	char *name[SHOW_FILES_SHOWN];
	struct show_set files, pids;
};
void hf_show_group_clear(struct show_group *g);
void hf_show_group_line(const struct show_group *g, struct sb *b);
/* Adds one file to a group; from: the old name, .p NULL for all but rename and link. */
void hf_show_group_file(struct show_group *g, struct hf_str path, struct hf_str from, size_t text_max);
/* "opened", "(read)" and the key's directory for a file action; false: an action that always has its own line. */
bool hf_show_group_class(const struct hf_action *a, const char **verb, const char **tail);
/* What any program reads when it starts or is built: of interest as a number only. */
bool hf_show_group_system(struct hf_str path);
struct hf_str hf_show_group_dir(struct hf_str path, struct hf_str workspace);

#define SHOW_HOLDS 64u
#define SHOW_INDEX 2048u		/* slots, a power of two, well above SHOW_ENTRIES */

struct hf_show {
	struct hf_show_options o;
	hf_show_out out;
	void *ctx;
	struct show_procs procs;
	char *workspace;
	int64_t base_ns;		/* boot time shown as 0; negative when clock time is shown */
	uint64_t window_start, order;
	bool started;
	struct show_group entry[SHOW_ENTRIES];
	unsigned n;
	uint16_t index[SHOW_INDEX];		/* entry + 1 by key */
	struct show_wait wait[SHOW_WAITS];
	struct { char id[32]; struct show_proc *p; } hold[SHOW_HOLDS];
	unsigned nhold;
};

/* show.c */
void hf_show_put(struct hf_show *s, struct sb *b);		/* adds the '\n' */
void hf_show_start_line(const struct hf_show *s, struct sb *b, uint64_t ns, const char *mark, const char *who);
void hf_show_flush(struct hf_show *s);				/* writes the window out */
/* The window's entry with this key, made when new. */
struct show_group *hf_show_entry(struct hf_show *s, uint64_t key, uint64_t now_ns, const struct hf_action *a, const char *image);

/* show_lines.c */
struct show_reading { struct hf_show *s; struct hf_journal_reader *r; const struct hf_line *l; };
void hf_show_on_session(const struct show_reading *x);
void hf_show_on_finding(const struct show_reading *x);
void hf_show_on_hold(const struct show_reading *x);
void hf_show_on_decision(const struct show_reading *x);
void hf_show_on_note(const struct show_reading *x);
void hf_show_on_gap(const struct show_reading *x);
void hf_show_on_end(const struct show_reading *x);

/* show_proc.c: the last component of an image, escaped */
void hf_show_name(struct sb *b, const char *image);
void hf_show_tree(const struct show_procs *t, bool all, hf_show_out out, void *ctx);
#endif
