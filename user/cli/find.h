/* SPDX-License-Identifier: Apache-2.0 */
/* Which session or hold does the person mean? Asks every engine's control socket. */
#ifndef HF_CLI_FIND_H
#define HF_CLI_FIND_H
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_CLI_TARGETS 256
#define HF_CLI_TIMEOUT_MS 3000
struct hf_cli_target {
	uint64_t session;
	char socket[128];		/* "" when no engine is there: only its cgroup is left */
	char name[128];			/* escaped; "" unknown */
	bool silent;			/* its engine did not answer */
};
struct hf_cli_targets {
	struct hf_cli_target t[HF_CLI_TARGETS];
	unsigned n;
	unsigned dropped;		/* more than fit */
};
/* The sessions that `what` names: an id, the beginning of one, a name, or "all" (and, with left, also cgroups whose engine is
 * gone). 0 (all: possibly none), or 1 after saying why: none, or several for something that is not "all". */
int hf_cli_find_sessions(const char *cmd, const char *what, bool left, struct hf_cli_targets *ret);
/* The session whose hold `id` is ("7f3a-2" or "2"), and the id by its full name. 0, or 1 or 2 after saying why not. */
int hf_cli_find_hold(const char *cmd, const char *id, struct hf_cli_target *ret, char full_id[32]);

/* An answer line as cJSON (to be deleted), bytes that are not UTF-8 kept; NULL when malformed. */
cJSON *hf_cli_json(const char *line);
/* A string member, escaped for a terminal, into out: returns out; `or_else` when it is missing or empty. */
const char *hf_cli_text(const cJSON *o, const char *name, const char *or_else, char *out, size_t cap);
uint64_t hf_cli_number(const cJSON *o, const char *name);	/* 0 when missing */
#endif
