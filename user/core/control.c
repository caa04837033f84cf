/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { HAS_CMD = 1, HAS_ID = 2, HAS_SCOPE = 4, HAS_STOP = 8 };
#define MEMBERS "cmd, id, scope, stop"

static const struct {
	const char *name;
	unsigned may, must;	/* members besides cmd */
} commands[] = {
	[HF_CTL_STATUS] = { "status", 0, 0 },
	[HF_CTL_HOLDS] = { "holds", 0, 0 },
	[HF_CTL_APPROVE] = { "approve", HAS_ID | HAS_SCOPE, HAS_ID },
	[HF_CTL_DENY] = { "deny", HAS_ID | HAS_STOP, HAS_ID },
	[HF_CTL_PAUSE] = { "pause", HAS_ID, 0 },
	[HF_CTL_RESUME] = { "resume", HAS_ID, 0 },
	[HF_CTL_KILL] = { "kill", HAS_ID, 0 },
};
#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

const char *hf_control_name(enum hf_control_cmd cmd)
{
	return (unsigned)cmd < NCOMMANDS ? commands[cmd].name : "?";
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

int hf_hold_id_parse(const char *text, char prefix[17], uint32_t *ret_number)
{
	const char *dash = strchr(text, '-'), *num = dash ? dash + 1 : text;
	size_t len = dash ? (size_t)(dash - text) : 0, digits = strlen(num);
	uint64_t v = 0;

	if (len > 16 || (dash && len == 0) || digits == 0 || digits > 10)
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		if (!is_hex(text[i]))
			return -EINVAL;
	for (size_t i = 0; i < digits; i++) {
		if (num[i] < '0' || num[i] > '9')
			return -EINVAL;
		v = v * 10 + (unsigned)(num[i] - '0');
	}
	if (v == 0 || v > UINT32_MAX)
		return -EINVAL;
	memcpy(prefix, text, len);
	prefix[len] = 0;
	*ret_number = (uint32_t)v;
	return 0;
}

bool hf_session_has_prefix(uint64_t session, const char *prefix)
{
	char hex[17];
	size_t n = strlen(prefix);

	snprintf(hex, sizeof(hex), "%016llx", (unsigned long long)session);
	return n <= 16 && memcmp(hex, prefix, n) == 0;
}

bool hf_control_is_for(const struct hf_control *c, uint64_t session)
{
	char prefix[17];
	uint32_t number;

	if (!c->id[0])
		return true;
	if (c->cmd == HF_CTL_APPROVE || c->cmd == HF_CTL_DENY)
		return hf_hold_id_parse(c->id, prefix, &number) == 0 && hf_session_has_prefix(session, prefix);
	return hf_session_has_prefix(session, c->id);
}

/* The text itself is hostile: only its escaped, shortened form goes into a message. */
static const char *shown(const char *z, char out[64])
{
	hf_str_escape(hf_str_of(z), out, 64);
	return out;
}

static int parse_cmd(const cJSON *m, struct hf_control *c, char *err, size_t cap)
{
	char buf[64];

	if (!cJSON_IsString(m)) {
		snprintf(err, cap, "\"cmd\" must be a string: status, holds, approve, deny, pause, resume or kill");
		return -EINVAL;
	}
	for (unsigned i = 0; i < NCOMMANDS; i++) {
		if (strcmp(m->valuestring, commands[i].name) == 0) {
			c->cmd = (enum hf_control_cmd)i;
			return 0;
		}
	}
	snprintf(err, cap, "unknown \"cmd\" '%s'; known: status, holds, approve, deny, pause, resume, kill",
		 shown(m->valuestring, buf));
	return -EINVAL;
}

static int parse_scope(const cJSON *m, struct hf_control *c, char *err, size_t cap)
{
	if (cJSON_IsString(m) && strcmp(m->valuestring, "once") == 0)
		c->scope = HF_SCOPE_ONCE;
	else if (cJSON_IsString(m) && strcmp(m->valuestring, "session") == 0)
		c->scope = HF_SCOPE_SESSION;
	else {
		snprintf(err, cap, "\"scope\" must be \"once\" or \"session\"");
		return -EINVAL;
	}
	return 0;
}

static int parse_member(const cJSON *m, struct hf_control *c, unsigned *seen, char *err, size_t cap)
{
	char buf[64];
	unsigned bit;
	int r = 0;

	if (strcmp(m->string, "cmd") == 0)
		bit = HAS_CMD;
	else if (strcmp(m->string, "id") == 0)
		bit = HAS_ID;
	else if (strcmp(m->string, "scope") == 0)
		bit = HAS_SCOPE;
	else if (strcmp(m->string, "stop") == 0)
		bit = HAS_STOP;
	else {
		snprintf(err, cap, "unknown member '%s'; known: " MEMBERS, shown(m->string, buf));
		return -EINVAL;
	}
	if (*seen & bit) {
		snprintf(err, cap, "\"%s\" stands twice", m->string);
		return -EINVAL;
	}
	*seen |= bit;
	switch (bit) {
	case HAS_CMD:
		return parse_cmd(m, c, err, cap);
	case HAS_SCOPE:
		return parse_scope(m, c, err, cap);
	case HAS_STOP:
		c->stop = cJSON_IsTrue(m);
		if (!cJSON_IsBool(m)) {
			snprintf(err, cap, "\"stop\" must be true or false");
			r = -EINVAL;
		}
		return r;
	default:
		if (!cJSON_IsString(m) || strlen(m->valuestring) >= sizeof(c->id)) {
			snprintf(err, cap, "\"id\" must be a short string like \"7f3a-2\"");
			return -EINVAL;
		}
		memcpy(c->id, m->valuestring, strlen(m->valuestring) + 1);
		return 0;
	}
}

static int check_id(struct hf_control *c, char *err, size_t cap)
{
	char prefix[17], buf[64];
	size_t n = strlen(c->id);

	if (c->cmd == HF_CTL_APPROVE || c->cmd == HF_CTL_DENY) {
		if (hf_hold_id_parse(c->id, prefix, &c->hold) == 0)
			return 0;
		snprintf(err, cap, "'%s' is not the id of a hold; one looks like 7f3a-2 (see holdfast holds)",
			 shown(c->id, buf));
		return -EINVAL;
	}
	if (n == 0 || n > 16)
		goto bad;
	for (size_t i = 0; i < n; i++)
		if (!is_hex(c->id[i]))
			goto bad;
	return 0;
bad:
	snprintf(err, cap, "'%s' is not the id of a session: 1 to 16 hexadecimal digits (see holdfast sessions)",
		 shown(c->id, buf));
	return -EINVAL;
}

static int check(struct hf_control *c, unsigned seen, char *err, size_t cap)
{
	static const struct {
		unsigned bit;
		const char *name, *cure;
	} members[] = {
		{ HAS_ID, "id", "leave it out" },
		{ HAS_SCOPE, "scope", "it goes with approve only" },
		{ HAS_STOP, "stop", "it goes with deny only" },
	};

	if (!(seen & HAS_CMD)) {
		snprintf(err, cap, "\"cmd\" is missing: status, holds, approve, deny, pause, resume or kill");
		return -EINVAL;
	}
	for (unsigned i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if ((seen & members[i].bit) && !(commands[c->cmd].may & members[i].bit)) {
			snprintf(err, cap, "\"%s\" does not go with %s: %s", members[i].name, commands[c->cmd].name,
				 members[i].cure);
			return -EINVAL;
		}
		if ((commands[c->cmd].must & members[i].bit) && !(seen & members[i].bit)) {
			snprintf(err, cap, "%s needs \"%s\" (see holdfast holds)", commands[c->cmd].name,
				 members[i].name);
			return -EINVAL;
		}
	}
	return seen & HAS_ID ? check_id(c, err, cap) : 0;
}

static bool has_nul_escape(struct hf_str s)
{
	for (size_t i = 0; i + 6 <= s.n; i++)
		if (memcmp(s.p + i, "\\u0000", 6) == 0)
			return true;
	return false;
}

int hf_control_parse(struct hf_str line, struct hf_control *ret, char *err, size_t err_cap)
{
	struct hf_control c = { 0 };
	const char *end = NULL;
	unsigned seen = 0;
	cJSON *root;
	int r = 0;

	if (line.n > HF_CONTROL_MAX) {
		snprintf(err, err_cap, "request of %zu bytes; at most %d", line.n, HF_CONTROL_MAX);
		return -EINVAL;
	}
	/* cJSON's strings end at the first NUL: "7f3a-2\u0000x" would pass for "7f3a-2". */
	if (line.n == 0 || memchr(line.p, 0, line.n) || has_nul_escape(line)) {
		snprintf(err, err_cap, "%s", line.n ? "NUL in a request" : "empty request; send {\"cmd\":\"status\"}");
		return -EINVAL;
	}
	root = cJSON_ParseWithLengthOpts(line.p, line.n, &end, false);
	if (!cJSON_IsObject(root)) {
		snprintf(err, err_cap, "not a JSON object on one line, like {\"cmd\":\"status\"}");
		r = -EINVAL;
		goto out;
	}
	for (; end < line.p + line.n; end++) {
		if (!strchr(" \t\r", *end)) {
			snprintf(err, err_cap, "something follows the JSON object; one object a line");
			r = -EINVAL;
			goto out;
		}
	}
	for (const cJSON *m = root->child; m && r == 0; m = m->next)
		r = parse_member(m, &c, &seen, err, err_cap);
	if (r == 0)
		r = check(&c, seen, err, err_cap);
	if (r == 0)
		*ret = c;
out:
	cJSON_Delete(root);
	return r;
}
