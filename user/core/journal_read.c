// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include "journal_priv.h"

#define LINE_READ_MAX (4u * 1024 * 1024)	/* longer ones are not ours */
#define CHUNK_MIN 16384u

struct chunk { struct chunk *next; size_t cap, n; char p[]; };

struct hf_journal_reader {
	uint64_t lines;			/* read, wrong ones included */
	uint64_t n;			/* number of the last line */
	char prev[65];			/* its hash */
	bool ended;
	uint64_t session;
	char *buf;
	size_t cap;
	struct chunk *arena;
	cJSON *json;
};

struct hf_journal_reader *hf_journal_reader_new(void)
{
	struct hf_journal_reader *r = calloc(1, sizeof(*r));

	if (r)
		memset(r->prev, '0', 64);
	return r;
}

static void arena_reset(struct hf_journal_reader *r, bool keep_one)
{
	while (r->arena && (!keep_one || r->arena->next)) {
		struct chunk *next = r->arena->next;

		free(r->arena);
		r->arena = next;
	}
	if (r->arena)
		r->arena->n = 0;
}

static char *arena_get(struct hf_journal_reader *r, size_t n)
{
	if (!r->arena || r->arena->cap - r->arena->n < n) {
		size_t cap = n > CHUNK_MIN ? n : CHUNK_MIN;
		struct chunk *c = malloc(sizeof(*c) + cap);

		if (!c)
			return NULL;
		*c = (struct chunk){ .next = r->arena, .cap = cap };
		r->arena = c;
	}
	r->arena->n += n;
	return r->arena->p + r->arena->n - n;
}

void hf_journal_reader_free(struct hf_journal_reader **r)
{
	if (!*r)
		return;
	arena_reset(*r, false);
	cJSON_Delete((*r)->json);
	free((*r)->buf);
	free(*r);
	*r = NULL;
}

uint64_t hf_journal_reader_lines(const struct hf_journal_reader *r)
{
	return r->lines;
}

const char *hf_journal_reader_hash(const struct hf_journal_reader *r)
{
	return r->prev;
}

bool hf_journal_reader_ended(const struct hf_journal_reader *r)
{
	return r->ended;
}

uint64_t hf_journal_reader_session(const struct hf_journal_reader *r)
{
	return r->session;
}

/* --- members ---------------------------------------------------------------------------------- */

static const cJSON *member(struct hf_journal_reader *r, const void *obj, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(obj ? obj : r->json, key);
}

static struct hf_str decoded(struct hf_journal_reader *r, const cJSON *j)
{
	size_t n;
	char *p;

	if (!cJSON_IsString(j) || !j->valuestring)
		return (struct hf_str){ 0 };
	n = strlen(j->valuestring);
	p = arena_get(r, n + 1);
	if (!p)
		return (struct hf_str){ 0 };
	memcpy(p, j->valuestring, n + 1);
	n = hf_json_unescape_bytes(p, n);
	p[n] = 0;
	return (struct hf_str){ p, n };
}

struct hf_str hf_line_str(struct hf_journal_reader *r, const void *obj, const char *key)
{
	return decoded(r, member(r, obj, key));
}

/* An exact integer: a JSON number up to 2^53 or a decimal string. */
static bool integer(const cJSON *j, uint64_t *ret, bool *ret_negative)
{
	const char *s;
	char *end;
	bool neg;
	uint64_t v;

	if (cJSON_IsNumber(j)) {
		double d = j->valuedouble;

		if (!(d >= -9007199254740992.0 && d <= 9007199254740992.0) || d != (double)(int64_t)d)
			return false;
		*ret_negative = d < 0;
		*ret = (uint64_t)(d < 0 ? -d : d);
		return true;
	}
	if (!cJSON_IsString(j) || !j->valuestring)
		return false;
	s = j->valuestring;
	neg = *s == '-';
	s += neg;
	if (*s < '0' || *s > '9' || strlen(s) > 20)
		return false;
	errno = 0;
	v = strtoull(s, &end, 10);
	if (*end || errno)
		return false;
	*ret = v;
	*ret_negative = neg;
	return true;
}

uint64_t hf_line_u64(struct hf_journal_reader *r, const void *obj, const char *key, uint64_t def)
{
	bool neg;
	uint64_t v;

	return integer(member(r, obj, key), &v, &neg) && !neg ? v : def;
}

static struct hf_str argv_of(struct hf_journal_reader *r, const cJSON *arr, bool last_open)
{
	const cJSON *j;
	size_t cap = 1, n = 0;
	char *p;

	if (!cJSON_IsArray(arr))
		return (struct hf_str){ 0 };
	cJSON_ArrayForEach(j, arr)
		cap += (cJSON_IsString(j) ? strlen(j->valuestring) : 0) + 1;
	p = arena_get(r, cap);
	if (!p)
		return (struct hf_str){ 0 };
	cJSON_ArrayForEach(j, arr) {
		size_t len = cJSON_IsString(j) ? strlen(j->valuestring) : 0;

		if (len)
			memcpy(p + n, j->valuestring, len);
		n += hf_json_unescape_bytes(p + n, len);
		p[n++] = 0;
	}
	return (struct hf_str){ p, last_open && n ? n - 1 : n };
}

struct hf_str hf_line_argv(struct hf_journal_reader *r, const void *obj, const char *key)
{
	return argv_of(r, member(r, obj, key), false);
}

/* --- actions ---------------------------------------------------------------------------------- */

#define NUM(key, field) { key, offsetof(struct hf_action, field), sizeof(((struct hf_action *)0)->field) }
static const struct { const char *key; size_t off, size; } action_num[] = {
	NUM("seq", seq), NUM("time_ns", time_ns), NUM("pid", tgid), NUM("tid", tid), NUM("start_ns", start_ns), NUM("uid", uid),
	NUM("nr", nr), NUM("open_flags", open_flags), NUM("mode", mode), NUM("dev", dev), NUM("ino", ino), NUM("target_pid", target_tgid),
};
#define TXT(key, field) { key, offsetof(struct hf_action, field) }
static const struct { const char *key; size_t off; } action_str[] = {
	TXT("path", path), TXT("path2", path2), TXT("given", given), TXT("cwd", cwd), TXT("interp", interp),
};

/* The member as a number of size bytes into *to; absent is fine. */
static bool number_into(const cJSON *j, void *to, size_t size, bool sign)
{
	uint64_t v;
	bool neg;

	if (!j)
		return true;
	if (!integer(j, &v, &neg) || (neg && !sign))
		return false;
	if (size == sizeof(uint64_t)) {
		memcpy(to, &v, sizeof(v));
	} else if (sign) {
		int32_t s;

		if (v > INT32_MAX + (uint64_t)neg)
			return false;
		s = (int32_t)(neg ? -(int64_t)v : (int64_t)v);
		memcpy(to, &s, sizeof(s));
	} else if (size == sizeof(uint16_t)) {
		uint16_t u = (uint16_t)v;

		if (v > UINT16_MAX)
			return false;
		memcpy(to, &u, sizeof(u));
	} else {
		uint32_t u = (uint32_t)v;

		if (v > UINT32_MAX)
			return false;
		memcpy(to, &u, sizeof(u));
	}
	return true;
}

static bool read_flags(const cJSON *arr, uint32_t *ret)
{
	const cJSON *j;

	cJSON_ArrayForEach(j, arr) {
		unsigned i = 0;

		if (!cJSON_IsString(j))
			return false;
		while (i < HF_JOURNAL_FLAGS && strcmp(j->valuestring, hf_journal_flag_name[i]) != 0)
			i++;
		if (i == HF_JOURNAL_FLAGS && (sscanf(j->valuestring, "bit%2u", &i) != 1 || i > 31))
			return false;
		*ret |= 1u << i;
	}
	return true;
}

static bool read_sun(struct hf_journal_reader *r, const cJSON *o, struct hf_addr *a)
{
	struct hf_str s = hf_line_str(r, o, "abstract");
	size_t lead = s.p ? 1 : 0;

	if (!s.p)
		s = hf_line_str(r, o, "path");
	if (s.n + lead > sizeof(a->sun))
		return false;
	if (s.n)
		memcpy(a->sun + lead, s.p, s.n);
	a->sun_len = (uint16_t)(s.n + lead);
	return true;
}

static bool read_addr(struct hf_journal_reader *r, const cJSON *o, struct hf_addr *a)
{
	const cJSON *proto = member(r, o, "proto"), *fam = member(r, o, "family");
	struct hf_str f = decoded(r, fam), p = decoded(r, proto), ip = hf_line_str(r, o, "ip");

	if (hf_str_eq(f, HF_STR("inet")))
		a->family = AF_INET;
	else if (hf_str_eq(f, HF_STR("inet6")))
		a->family = AF_INET6;
	else if (hf_str_eq(f, HF_STR("unix")))
		a->family = AF_UNIX;
	else if (!cJSON_IsNumber(fam) || !number_into(fam, &a->family, sizeof(a->family), false))
		return false;
	if (hf_str_eq(p, HF_STR("tcp")))
		a->proto = IPPROTO_TCP;
	else if (hf_str_eq(p, HF_STR("udp")))
		a->proto = IPPROTO_UDP;
	else if (!number_into(proto, &a->proto, sizeof(a->proto), false))
		return false;
	if (!number_into(member(r, o, "port"), &a->port, sizeof(a->port), false))
		return false;
	if (a->family == AF_UNIX)
		return read_sun(r, o, a);
	return (a->family != AF_INET && a->family != AF_INET6) || (ip.p && inet_pton(a->family, ip.p, a->ip) == 1);
}

static bool read_child(struct hf_journal_reader *r, const cJSON *o, struct hf_action *a)
{
	return number_into(member(r, o, "pid"), &a->child_tgid, sizeof(a->child_tgid), false) &&
	       number_into(member(r, o, "tid"), &a->child_tid, sizeof(a->child_tid), false) &&
	       number_into(member(r, o, "start_ns"), &a->child_start_ns, sizeof(a->child_start_ns), false);
}

/* NULL, or the member that is wrong. */
static const char *read_action(struct hf_journal_reader *r, const cJSON *o, struct hf_line *l)
{
	struct hf_action *a = &l->action;
	const cJSON *kind = member(r, o, "action"), *addr = member(r, o, "addr"), *child = member(r, o, "child");
	struct hf_str sys;

	a->session = r->session;
	a->nr = UINT32_MAX;
	if (!cJSON_IsString(kind) || hf_kind_parse(kind->valuestring, &a->kind) < 0)
		return "action";
	for (size_t i = 0; i < sizeof(action_num) / sizeof(action_num[0]); i++)
		if (!number_into(member(r, o, action_num[i].key), (char *)a + action_num[i].off, action_num[i].size, false))
			return action_num[i].key;
	if (!member(r, o, "tid"))
		a->tid = a->tgid;
	if (!number_into(member(r, o, "ret"), &a->ret, sizeof(a->ret), true))
		return "ret";
	if (!number_into(member(r, o, "signo"), &a->signo, sizeof(a->signo), true))
		return "signo";
	if (!read_flags(member(r, o, "flags"), &a->flags))
		return "flags";
	for (size_t i = 0; i < sizeof(action_str) / sizeof(action_str[0]); i++) {
		struct hf_str s = hf_line_str(r, o, action_str[i].key);

		memcpy((char *)a + action_str[i].off, &s, sizeof(s));
	}
	a->argv = argv_of(r, member(r, o, "argv"), cJSON_IsTrue(member(r, o, "argv_cut")));
	if (addr && !read_addr(r, addr, &a->addr))
		return "addr";
	if (child && !read_child(r, child, a))
		return "child";
	sys = hf_line_str(r, o, "syscall");
	a->syscall = a->nr == UINT32_MAX ? NULL : hf_syscall_name(a->nr);
	if (!sys.p)
		a->syscall = NULL;
	else if (!a->syscall || strcmp(a->syscall, sys.p) != 0)
		a->syscall = sys.p;
	l->image = hf_line_str(r, o, "image");
	l->cut = cJSON_IsTrue(member(r, o, "cut"));
	return number_into(member(r, o, "ppid"), &l->ppid, sizeof(l->ppid), false) ? NULL : "ppid";
}

/* --- lines ------------------------------------------------------------------------------------ */

__attribute__((format(printf, 3, 4)))
static int wrong(char *why, size_t cap, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, cap, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* Parses a copy of the line into r->json. */
static int parse(struct hf_journal_reader *r, struct hf_str line, char *why, size_t cap)
{
	const char *end = NULL;
	size_t n;

	cJSON_Delete(r->json);
	r->json = NULL;
	arena_reset(r, true);
	if (line.n > LINE_READ_MAX)
		return wrong(why, cap, "line %llu: longer than %u bytes", (unsigned long long)r->lines, LINE_READ_MAX);
	for (size_t i = 0; i < line.n; i++)
		if ((unsigned char)line.p[i] < 0x20 || line.p[i] == 0x7f)
			return wrong(why, cap, "line %llu: control byte 0x%02x at column %zu", (unsigned long long)r->lines,
				     (unsigned char)line.p[i], i + 1);
	if (r->cap < line.n + 1) {
		char *p = realloc(r->buf, line.n + 4096);

		if (!p)
			return -ENOMEM;
		r->buf = p;
		r->cap = line.n + 4096;
	}
	if (line.n)
		memcpy(r->buf, line.p, line.n);
	n = hf_json_prepare(r->buf, line.n);
	r->buf[n] = 0;
	r->json = cJSON_ParseWithLengthOpts(r->buf, n, &end, false);
	if (!cJSON_IsObject(r->json) || end != r->buf + n)
		return wrong(why, cap, "line %llu: not a JSON object", (unsigned long long)r->lines);
	return 0;
}

static const char *find_prev(struct hf_str line)
{
	const char *tail;

	if (line.n < HF_JOURNAL_PREV_LEN)
		return NULL;
	tail = line.p + line.n - HF_JOURNAL_PREV_LEN;
	if (memcmp(tail, ",\"prev\":\"", 9) || memcmp(tail + 73, "\"}", 2))
		return NULL;
	return tail + 9;
}

/* The end line's own sum, over what stands before it. */
static bool sum_right(struct hf_str line)
{
	const size_t sum_len = 9 + 64;	/* `,"sum":"` + 64 + `"` */
	const char *at;
	char want[65];

	if (line.n < HF_JOURNAL_PREV_LEN + sum_len)
		return false;
	at = line.p + line.n - HF_JOURNAL_PREV_LEN - sum_len;
	hf_journal_sha256(line.p, (size_t)(at - line.p), want);
	return memcmp(at, ",\"sum\":\"", 8) == 0 && memcmp(at + 8, want, 64) == 0 && at[72] == '"';
}

static int check(struct hf_journal_reader *r, struct hf_str line, const char *prev, bool ended, struct hf_line *l, char *why, size_t cap)
{
	const unsigned long long at = r->lines, had = r->n;

	if (!prev)
		return wrong(why, cap, "line %llu: does not end with its \"prev\" hash: changed or cut off", at);
	if (!l->n)
		return wrong(why, cap, "line %llu: has no number \"n\"", at);
	if (l->n != had + 1)
		return wrong(why, cap, "line %llu: has number %llu, after number %llu: lines were removed, added or moved", at,
			     (unsigned long long)l->n, had);
	if (memcmp(prev, r->prev, 64) != 0)
		return at == 1 ? wrong(why, cap, "line 1: its prev is not 64 zeros: changed, or lines before it were removed")
			       : wrong(why, cap, "line %llu: prev does not match line %llu: line %llu or %llu was changed", at, at - 1,
				       at - 1, at);
	if (ended)
		return wrong(why, cap, "line %llu: stands after the end line", at);
	return 0;
}

static int typed(struct hf_journal_reader *r, struct hf_str line, struct hf_line *l, char *why, size_t cap)
{
	const unsigned long long at = r->lines;
	struct hf_str type = hf_line_str(r, NULL, "type");
	const char *bad = NULL;
	unsigned t = 0;

	while (t <= HF_LINE_END && !hf_str_eq(type, hf_str_of(hf_line_type_name((enum hf_line_type)t))))
		t++;
	if (t > HF_LINE_END)
		return wrong(why, cap, "line %llu: unknown type", at);
	l->type = (enum hf_line_type)t;
	r->ended = t == HF_LINE_END;
	if (t == HF_LINE_SESSION) {
		struct hf_str s = hf_line_str(r, NULL, "session");

		r->session = s.n == 16 ? strtoull(s.p, NULL, 16) : 0;
		if (!r->session)
			return wrong(why, cap, "line %llu: no session id", at);
	} else if (t == HF_LINE_ACTION) {
		bad = read_action(r, r->json, l);
	} else if (t == HF_LINE_HOLD && member(r, NULL, "action")) {
		bad = read_action(r, member(r, NULL, "action"), l);
	} else if (t == HF_LINE_END && !sum_right(line)) {
		return wrong(why, cap, "line %llu: the end line does not match its own sum: it was changed", at);
	}
	if (bad)
		return wrong(why, cap, "line %llu: member \"%s\" is missing or malformed", at, bad);
	return 0;
}

int hf_journal_read(struct hf_journal_reader *r, struct hf_str line, struct hf_line *ret, char *why, size_t why_cap)
{
	struct hf_line l = { 0 };
	const char *prev = find_prev(line);
	bool ended = r->ended;
	char hash[65];
	int rc, rc_type = 0;

	r->lines++;
	r->ended = false;
	hf_journal_sha256(line.p, line.n, hash);
	rc = parse(r, line, why, why_cap);
	if (rc == 0) {
		char other[160];
		struct hf_str t = hf_line_str(r, NULL, "t");

		l.n = hf_line_u64(r, NULL, "n", 0);
		l.boot_ns = hf_line_u64(r, NULL, "b", 0);
		l.json = r->json;
		/* shown as it is: nothing but what a time is made of */
		if (t.p && strspn(t.p, "0123456789-:.TZ+") == t.n && t.n < sizeof(l.wall))
			memcpy(l.wall, t.p, t.n);
		rc = check(r, line, prev, ended, &l, why, why_cap);
		rc_type = typed(r, line, &l, rc ? other : why, rc ? sizeof(other) : why_cap);
	}
	memcpy(r->prev, hash, sizeof(r->prev));
	r->n = l.n && l.n < UINT64_MAX ? l.n : r->n + 1;
	if (rc || rc_type)
		return rc ? rc : rc_type;
	*ret = l;
	return 0;
}
