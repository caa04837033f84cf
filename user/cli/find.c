/* SPDX-License-Identifier: Apache-2.0 */
#include "find.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "engine/ctl.h"
#include "guard/cgroup.h"

#define NAME_MS 1500		/* for an engine to tell its name */

cJSON *hf_cli_json(const char *line)
{
	size_t n = strlen(line);
	char *copy = strdup(line);
	cJSON *o = NULL;

	if (copy) {
		n = hf_json_prepare(copy, n);
		o = cJSON_ParseWithLength(copy, n);
	}
	free(copy);
	return o;
}

const char *hf_cli_text(const cJSON *o, const char *name, const char *or_else, char *out, size_t cap)
{
	const cJSON *m = cJSON_GetObjectItemCaseSensitive(o, name);
	size_t n;

	if (!cJSON_IsString(m) || !m->valuestring[0]) {
		snprintf(out, cap, "%s", or_else);
		return out;
	}
	n = hf_json_unescape_bytes(m->valuestring, strlen(m->valuestring));
	hf_str_escape((struct hf_str){ m->valuestring, n }, out, cap);
	return out;
}

uint64_t hf_cli_number(const cJSON *o, const char *name)
{
	const cJSON *m = cJSON_GetObjectItemCaseSensitive(o, name);

	if (cJSON_IsString(m))		/* beyond 2^53: see jsonw.h */
		return strtoull(m->valuestring, NULL, 10);
	return cJSON_IsNumber(m) && m->valuedouble > 0 ? (uint64_t)m->valuedouble : 0;
}

struct finding {
	const char *what;
	bool all;
	struct hf_cli_targets *out;
};

static int take_name(void *ctx, const char *line)
{
	struct hf_cli_target *t = ctx;
	cJSON *o = hf_cli_json(line);

	hf_cli_text(o, "name", "", t->name, sizeof(t->name));
	cJSON_Delete(o);
	return 0;
}

static void add(struct hf_cli_targets *ts, const struct hf_cli_target *t)
{
	for (unsigned i = 0; i < ts->n; i++)
		if (ts->t[i].session == t->session)
			return;
	if (ts->n < HF_CLI_TARGETS)
		ts->t[ts->n++] = *t;
	else
		ts->dropped++;
}

static bool is_prefix(const char *what, uint64_t session)
{
	return what[0] && strspn(what, "0123456789abcdef") == strlen(what) && hf_session_has_prefix(session, what);
}

static int consider(void *ctx, uint64_t session, const char *path)
{
	struct finding *f = ctx;
	struct hf_cli_target t = { .session = session };
	char err[256], want[128];

	if (strlen(f->what) == 16 && strspn(f->what, "0123456789abcdef") == 16 && !is_prefix(f->what, session))
		return 0;	/* a whole id, and not this one: a stuck engine need not be waited for */
	snprintf(t.socket, sizeof(t.socket), "%s", path);
	/* A stuck engine does not tell its name: it can still be meant by its id, so this must not be the end. */
	t.silent = hf_ctl_call(path, "{\"cmd\":\"status\"}", NAME_MS, take_name, &t, err, sizeof(err)) < 0;
	hf_str_escape(hf_str_of(f->what), want, sizeof(want));
	if (f->all || is_prefix(f->what, session) || (t.name[0] && strcmp(t.name, want) == 0))
		add(f->out, &t);
	return 0;
}

/* Groups whose engine is gone, or did not make its socket yet. */
static void consider_cgroups(struct finding *f)
{
	char root[4096], path[4200];
	struct dirent *e;
	DIR *d;

	if (hf_cgroup_root(root, sizeof(root)) < 0)
		return;
	snprintf(path, sizeof(path), "%s/holdfast", root);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		struct hf_cli_target t = { 0 };

		if (strlen(e->d_name) != 16 || strspn(e->d_name, "0123456789abcdef") != 16)
			continue;
		t.session = strtoull(e->d_name, NULL, 16);
		if (f->all || is_prefix(f->what, t.session))
			add(f->out, &t);
	}
	if (d)
		closedir(d);
}

int hf_cli_find_sessions(const char *cmd, const char *what, bool left, struct hf_cli_targets *ret)
{
	struct finding f = { .what = what, .all = strcmp(what, "all") == 0, .out = ret };
	int r = hf_ctl_each(consider, &f);
	char list[400] = "";
	size_t n = 0;

	if (r < 0)
		return hf_cli_fail(cmd, "cannot look into " HF_CTL_DIR ": %s", strerror(-r));
	if (left)
		consider_cgroups(&f);
	if (f.all)
		return 0;
	if (ret->n == 0)
		return hf_cli_fail(cmd, "no session '%s'; see 'holdfast sessions'", what);
	if (ret->n == 1)
		return 0;
	for (unsigned i = 0; i < ret->n && n < 300; i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%016llx", i ? ", " : "",
				      (unsigned long long)ret->t[i].session);
	return hf_cli_fail(cmd, "'%s' means %u sessions: %s; name one by its id", what, ret->n, list);
}

struct hold_search {
	char prefix[17];
	uint32_t number;
	bool here;
	unsigned n;
	struct hf_cli_target found;
	char ids[300];
};

static int is_it(void *ctx, const char *line)
{
	struct hold_search *s = ctx;
	cJSON *o = hf_cli_json(line);
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(o, "id");
	char prefix[17];
	uint32_t n;

	if (cJSON_IsString(id) && hf_hold_id_parse(id->valuestring, prefix, &n) == 0 && n == s->number) {
		s->here = true;
		if (strlen(s->ids) < sizeof(s->ids) - 40)
			sprintf(s->ids + strlen(s->ids), "%s%s", s->ids[0] ? ", " : "", id->valuestring);
	}
	cJSON_Delete(o);
	return 0;
}

static int search(void *ctx, uint64_t session, const char *path)
{
	struct hold_search *s = ctx;
	char err[256];

	if (!hf_session_has_prefix(session, s->prefix))
		return 0;
	s->here = false;
	hf_ctl_call(path, "{\"cmd\":\"holds\"}", HF_CLI_TIMEOUT_MS, is_it, s, err, sizeof(err));
	if (s->here) {
		s->n++;
		s->found.session = session;
		snprintf(s->found.socket, sizeof(s->found.socket), "%s", path);
	}
	return 0;
}

int hf_cli_find_hold(const char *cmd, const char *id, struct hf_cli_target *ret, char full_id[32])
{
	struct hold_search s = { 0 };
	int r;

	if (hf_hold_id_parse(id, s.prefix, &s.number) < 0)
		return hf_cli_usage(cmd, "'%s' is not the id of a hold; one looks like 7f3a-2 (see 'holdfast holds')", id);
	r = hf_ctl_each(search, &s);
	if (r < 0)
		return hf_cli_fail(cmd, "cannot look into " HF_CTL_DIR ": %s", strerror(-r));
	if (s.n == 0)
		return hf_cli_fail(cmd, "no hold %s is waiting; see 'holdfast holds'", id);
	if (s.n > 1)
		return hf_cli_fail(cmd, "%s means several holds: %s; name one", id, s.ids);
	*ret = s.found;
	snprintf(full_id, 32, "%016llx-%u", (unsigned long long)s.found.session, s.number);
	return 0;
}
