/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sigma rules: loading (YAML through libyaml, JSON is YAML), compiling, matching one event.
 * Source: Sigma rules specification v2 and correlation rules specification v2 (SigmaHQ/sigma-specification).
 * Pure: the caller reads the files; nothing here opens, prints or keeps time.
 */
#ifndef HF_SIGMA_H
#define HF_SIGMA_H
#include <stdint.h>
#include "str.h"
#include "verdict.h"

/* Log source categories Holdfast produces events for. One action may belong to several. */
enum hf_category {
	HF_CAT_PROCESS_CREATION,	/* exec */
	HF_CAT_FILE_ACCESS,		/* open for reading */
	HF_CAT_FILE_EVENT,		/* file created or written: open for write, create; mkdir, mknod, link, symlink, rename's new name */
	HF_CAT_FILE_DELETE,		/* unlink, rmdir */
	HF_CAT_FILE_RENAME,		/* rename: SourceFilename, TargetFilename */
	HF_CAT_FILE_CHANGE,		/* chmod, chown, truncate, setxattr */
	HF_CAT_NETWORK_CONNECTION,	/* connect, sendto...: Initiated true; accept, listen: false */
	HF_CAT_SYSCALL,			/* Holdfast's own: signal, ptrace, mount, setuid, memfd, module, bpf, ... */
	HF_CATEGORIES
};

/* "process_creation", ...; "?" past the end. The reverse: -EINVAL when unknown. */
const char *hf_category_name(enum hf_category c);
int hf_category_parse(const char *name, enum hf_category *ret);

/* Fields of an event. Names are Sigma's where Sigma has one; table in sigma_fields.c. */
enum hf_field {
	HF_F_IMAGE,			/* resolved path of the acting program; exec: the new one (script: its interpreter) */
	HF_F_COMMAND_LINE, HF_F_CURRENT_DIRECTORY, HF_F_USER, HF_F_USER_ID, HF_F_LOGON_ID,
	HF_F_PROCESS_ID, HF_F_PARENT_PROCESS_ID, HF_F_PARENT_IMAGE, HF_F_PARENT_COMMAND_LINE,
	HF_F_INTERPRETER,		/* of a script; also ScriptInterpreter */
	HF_F_TARGET_FILENAME,		/* the object; exec: the file started (script: the script itself). Also File, for group-by */
	HF_F_SOURCE_FILENAME,		/* rename, link: the old name; symlink: its target text */
	HF_F_DESTINATION_IP, HF_F_DESTINATION_PORT, HF_F_DESTINATION_HOSTNAME, HF_F_PROTOCOL, HF_F_INITIATED,
	HF_F_DESTINATION_PATH,		/* UNIX socket: path, or "@name" */
	HF_F_SOURCE_IP, HF_F_SOURCE_PORT,
	HF_F_SYSCALL, HF_F_TARGET_IMAGE, HF_F_TARGET_PROCESS_ID, HF_F_SIGNAL, HF_F_FILE_MODE, HF_F_OPEN_FLAGS,
	HF_F_ACTION,			/* hf_kind_name() */
	HF_F_IN_WORKSPACE,		/* "true" when TargetFilename lies below the session's directory */
	HF_F_LABELS,			/* list: session and process labels */
	HF_F_FILE_LABELS, HF_F_PARENT_LABELS,
	HF_F_ANCESTORS,			/* list: images from the parent up to the agent */
	HF_F_SESSION,
	HF_F_TRUNCATED,			/* list: "path", "argv", "command" (more effective commands than fit); or absent */
	/* What a trajectory adds. Lists of exec only, see effective.h: the literal image and command line first, then what
	 * they start. A rule for exec is best written with these alone. */
	HF_F_EFFECTIVE_IMAGE, HF_F_EFFECTIVE_COMMAND_LINE,
	HF_F_SESSION_AGE,		/* whole seconds since the session's first action */
	HF_F_ACTION_COUNT,		/* actions of the session before this one */
	HF_F_FIRST_SEEN_DESTINATION,	/* connect, send: "true" when nothing in the session was let go to this address (with its
					 * port) before; "true" also when the session's oldest ones had to be forgotten */
	HF_F_IS_TTY,			/* "true" when the session was started on a terminal; absent when that is not known */
	HF_F_OWNER_ID,			/* chown: the new owner, setuid: the user asked for; absent when it stays as it is */
	HF_FIELDS
};

/* "CommandLine", ...; "?" past the end. The reverse (case counts, as in Sigma): -EINVAL when unknown. There is no
 * BytesRead: the guards see what is opened, not what is read, so a rule with it is not applicable. */
const char *hf_field_name(enum hf_field f);
int hf_field_parse(const char *name, enum hf_field *ret);

#define HF_EVENT_LIST_MAX 32
struct hf_value {		/* one or several strings; n == 0: the field is absent */
	struct hf_str s[HF_EVENT_LIST_MAX];
	unsigned n;
};
struct hf_event {		/* what a rule sees of one action */
	uint32_t categories;	/* 1u << enum hf_category */
	bool truncated;		/* path or argv was cut: `on_truncated` applies */
	const struct hf_value *f[HF_FIELDS];	/* NULL: absent */
};

/* Immutable once loaded; may be shared by sessions, but used by one thread at a time: matching works in PCRE2 buffers
 * which the set owns, so that it need not allocate. */
struct hf_ruleset;
struct hf_rule;

/* An error a person can act on: "rules/x.yml:12: unknown modifier 'foo'; known: contains, ..." */
struct hf_rule_error {
	char text[512];
	char file[256];
	unsigned line;		/* 1-based, 0 = whole file */
};

struct hf_ruleset *hf_ruleset_new(void);		/* NULL: out of memory */
void hf_ruleset_free(struct hf_ruleset **rs);
/* Adds all documents of one file's text. name is for messages. 0, or -EINVAL with *ret_err filled and
 * the set unchanged, or -ENOMEM. `|expand` and unknown fields: see hf_rule_applies(). */
int hf_ruleset_add(struct hf_ruleset *rs, struct hf_str text, const char *name, struct hf_rule_error *ret_err);
/*
 * Values for the placeholders of `expand`: a YAML map of a name to a text or a list of texts, which may hold wildcards.
 * Before the rules that use them; a name of an earlier call may be given again only with its map's file corrected.
 * Errors as above.
 */
int hf_ruleset_values(struct hf_ruleset *rs, struct hf_str text, const char *name, struct hf_rule_error *ret_err);
/* Resolves correlations' rule references, compiles, freezes. -EINVAL with *ret_err (unknown or doubly used
 * name/id, a cycle), -ENOMEM. Call once, before matching. */
int hf_ruleset_finish(struct hf_ruleset *rs, struct hf_rule_error *ret_err);
unsigned hf_ruleset_count(const struct hf_ruleset *rs);
const struct hf_rule *hf_ruleset_get(const struct hf_ruleset *rs, unsigned i);	/* order of loading */
/* Bit for each enum hf_field that a rule which applies reads: in a detection, by fieldref, keyword, or for a correlation
 * (group-by, aliases, values). The others may be left out of an event. */
uint64_t hf_ruleset_fields(const struct hf_ruleset *rs);
/*
 * Sigma filters (specification 2.1.0): documents that narrow the rules they name, or all (`rules: any`), whose log source
 * is theirs: such a rule matches when its own condition and the filter's hold. So an exclusion is `condition: not
 * selection`, as the reference implementation has it. They are no rules and not among them. One that is not applicable
 * (hf_rule_not_applicable()) narrows nothing, for that can only show more.
 */
unsigned hf_ruleset_filters(const struct hf_ruleset *rs);
const struct hf_rule *hf_ruleset_filter(const struct hf_ruleset *rs, unsigned i);	/* title, id, file, line */
unsigned hf_filter_narrows(const struct hf_rule *filter);				/* how many rules */
/* level's default verdict; initial: informational, low: note; medium: note; high: hold; critical: deny.
 * A rule without a level counts as medium. At any time. -EINVAL: no such level. */
int hf_ruleset_level_verdict(struct hf_ruleset *rs, const char *level, enum hf_verdict v);

/* Rule attributes; strings live as long as the set. */
const char *hf_rule_id(const struct hf_rule *r);	/* `id`, else `name`, else the title */
const char *hf_rule_title(const struct hf_rule *r);
const char *hf_rule_level(const struct hf_rule *r);
const char *hf_rule_guidance(const struct hf_rule *r);	/* "" when none */
const char *hf_rule_file(const struct hf_rule *r);
unsigned hf_rule_line(const struct hf_rule *r);		/* where its document begins, from 1 */
const char *hf_rule_name(const struct hf_rule *r);	/* `name`, which correlations may refer to; NULL none */
const char *hf_rule_tag(const struct hf_rule *r, unsigned i);	/* NULL past the end */
enum hf_verdict hf_rule_verdict(const struct hf_rule *r);
bool hf_rule_on_truncated_hold(const struct hf_rule *r);	/* on_truncated: hold */
uint32_t hf_rule_categories(const struct hf_rule *r);	/* of a correlation: of the steps that can complete it */
/* Correlations of correlations: 1 + the deepest of its steps; 0 for a detection; never HF_RULE_DEPTH_END. */
#define HF_RULE_DEPTH_END 17
unsigned hf_rule_depth(const struct hf_rule *r);
const char *hf_rule_not_applicable(const struct hf_rule *r);	/* why it can never match here, or NULL */
bool hf_rule_scope_process(const struct hf_rule *r);	/* scope: process: wider decisions bind to the process; else session */
unsigned hf_rule_index(const struct hf_rule *r);	/* its place in the set */

enum hf_label_scope { HF_LABEL_SESSION, HF_LABEL_PROCESS, HF_LABEL_FILE };
/* i-th label that a match adds; NULL past the end. */
const char *hf_rule_label(const struct hf_rule *r, unsigned i, enum hf_label_scope *ret_to);

/* Correlations, as in the Sigma correlation rules specification 2.1.0. */
bool hf_rule_is_correlation(const struct hf_rule *r);
enum hf_group_key { HF_GROUP_SESSION, HF_GROUP_PROCESS, HF_GROUP_LINEAGE, HF_GROUP_FIELD };
enum hf_corr_type {
	HF_CORR_ORDERED,			/* temporal_ordered */
	HF_CORR_TEMPORAL,			/* the steps in any order within timespan, as many of them as the condition wants */
	HF_CORR_EVENT_COUNT,			/* from here on: judged by the actions within timespan, this one included */
	HF_CORR_VALUE_COUNT,			/* different values of the fields in value */
	HF_CORR_VALUE_SUM, HF_CORR_VALUE_AVG, HF_CORR_VALUE_MIN, HF_CORR_VALUE_MAX,
	HF_CORR_VALUE_PERCENTILE,		/* of value, see percentile */
	HF_CORR_TYPES
};
enum hf_corr_op { HF_CORR_LT, HF_CORR_LTE, HF_CORR_GT, HF_CORR_GTE, HF_CORR_EQ, HF_CORR_NEQ };
struct hf_corr_field {
	enum hf_field field;
	const uint8_t *by_step;			/* an alias: enum hf_field of each step; NULL: field of all */
};
struct hf_correlation {
	enum hf_corr_type type;
	unsigned nsteps;			/* 2..16; 1..16 when counted. A step may be a correlation: cycles are refused */
	const struct hf_rule *step[16];
	uint64_t timespan_ns;
	unsigned ngroup;
	struct { enum hf_group_key key; struct hf_corr_field f; } group[8];	/* none: Session */
	bool generate;				/* steps also make findings of their own */
	unsigned ncond;				/* all must hold; 0 for temporal_ordered: all of its steps */
	struct { enum hf_corr_op op; double v; } cond[6];
	unsigned nvalue;			/* condition.field: several are one value together */
	struct hf_corr_field value[4];
	int percentile;				/* 0..100: the value below which so many percent of the numbers lie; -1: how
						 * many percent of the actions have this action's value */
	unsigned keep;				/* counted: so many actions (different values) decide, the newest ones */
};
/* Is v what the condition asks for? */
bool hf_correlation_holds(const struct hf_correlation *c, double v);
/* Which field of an action that does this step. */
enum hf_field hf_corr_field_of(const struct hf_corr_field *f, unsigned step);
const struct hf_correlation *hf_rule_correlation(const struct hf_rule *r);
/* Does r stand only inside correlations (no finding of its own)? So it is, as in Sigma, when a correlation refers to it
 * and none of these says `generate: true`; but a rule with a verdict of its own above allow (`holdfast: {verdict: ...}`)
 * always keeps it: adding a correlation must not silently take a hold away. */
bool hf_rule_is_step_only(const struct hf_rule *r);

/* Does this detection rule match this event (its category included)? False for correlations and rules that are not
 * applicable. Pure but for the PCRE2 buffers, allocates nothing. When a regular expression exceeds its match limit and
 * the rule depends on it, also through a `not`, the rule could not be decided: true, and *ret_limited (else false).
 * Text is compared without regard to ASCII case unless `cased`; `re` sees bytes. Of a list any element may match. */
bool hf_rule_match(const struct hf_rule *r, const struct hf_event *e, bool *ret_limited);

/* Which rules may match this event: one pass over its texts for all of them. bits has room for a bit for each rule of the
 * set, in words of 64. Those not set, correlations among them, do not match, whatever their category; those set want
 * hf_rule_match(). Pure but for what the set owns to work in. Only after hf_ruleset_finish(). */
void hf_ruleset_candidates(const struct hf_ruleset *rs, const struct hf_event *e, uint64_t *bits);

/* Literals for the kernel guards. For each value of TargetFilename in rules whose verdict is >= hold and that watch
 * HF_CAT_FILE_ACCESS: a glob ('*', '?' and nothing else, absolute or beginning with '*'). Calls cb for each; a value
 * that cannot be put as a glob (|re, |fieldref...) is passed as "*" with exact = false; so is a rule which can match
 * without naming a file. Together the globs of a rule cover all that it can match, but for case: rules ignore it, globs
 * keep what was written. Only values used positively count; of values which must all match the most telling one is passed.
 * Correlations count with the step that completes them. Stops when cb returns != 0 and returns that; -ENAMETOOLONG: a
 * value over 4 KiB. */
int hf_ruleset_read_globs(const struct hf_ruleset *rs,
			  int (*cb)(void *ctx, const struct hf_rule *r, const char *glob, bool exact), void *ctx);

/* Rule examples (holdfast.examples): see check.h */
/* SHA-256 over all loaded text in order, hex: the journal's `rules` hash. */
const char *hf_ruleset_hash(const struct hf_ruleset *rs);
#endif
