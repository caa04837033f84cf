// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include "journal.h"
#include "journal_priv.h"

const char *const hf_journal_flag_name[HF_JOURNAL_FLAGS] = {
	"asked", "outcome", "trunc_path", "trunc_argv", "unresolved", "script", "stopped", "denied", "raced", "confirm",
};

static const char *const line_type[] = { "session", "action", "finding", "hold", "decision", "gap", "note", "end" };

const char *hf_line_type_name(enum hf_line_type t)
{
	return (unsigned)t < sizeof(line_type) / sizeof(line_type[0]) ? line_type[t] : "unknown";
}

void hf_journal_sha256(const void *p, size_t n, char ret_hex[static 65])
{
	static const char digit[] = "0123456789abcdef";
	uint8_t d[SHA256_DIGEST_LENGTH];
	SHA2_CTX ctx;

	SHA256Init(&ctx);
	SHA256Update(&ctx, p, n);
	SHA256Final(d, &ctx);
	for (unsigned i = 0; i < sizeof(d); i++) {
		ret_hex[2 * i] = digit[d[i] >> 4];
		ret_hex[2 * i + 1] = digit[d[i] & 15];
	}
	ret_hex[64] = 0;
}

/* --- the chain -------------------------------------------------------------------------------- */

void hf_chain_init(struct hf_chain *c)
{
	c->n = 0;
	memset(c->prev, '0', 64);
	c->prev[64] = 0;
}

static char *two(char *p, unsigned v)
{
	*p++ = (char)('0' + v / 10 % 10);
	*p++ = (char)('0' + v % 10);
	return p;
}

/* RFC 3339, UTC, microseconds. Civil date from days as in H. Hinnant's chrono-compatible algorithms: eras of 400 years. */
void hf_journal_time(uint64_t wall_ns, char out[static 28])
{
	uint64_t s = wall_ns / 1000000000u;
	unsigned us = (unsigned)(wall_ns / 1000u % 1000000u), sod = (unsigned)(s % 86400);
	uint64_t z = s / 86400 + 719468, era = z / 146097;
	unsigned doe = (unsigned)(z % 146097), yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	unsigned day = doy - (153 * mp + 2) / 5 + 1, month = mp < 10 ? mp + 3 : mp - 9;
	unsigned year = (unsigned)(yoe + era * 400) + (month <= 2);
	char *p = out;

	p = two(p, year / 100);
	p = two(p, year);
	*p++ = '-';
	p = two(p, month);
	*p++ = '-';
	p = two(p, day);
	*p++ = 'T';
	p = two(p, sod / 3600);
	*p++ = ':';
	p = two(p, sod / 60 % 60);
	*p++ = ':';
	p = two(p, sod % 60);
	*p++ = '.';
	p = two(p, us / 10000);
	p = two(p, us / 100);
	p = two(p, us);
	*p++ = 'Z';
	*p = 0;
}

void hf_chain_begin(const struct hf_chain *c, struct hf_jsonw *w, const char *type, uint64_t wall_ns, uint64_t boot_ns)
{
	char t[28];

	hf_journal_time(wall_ns, t);
	hf_jsonw_obj(w, NULL);
	hf_jsonw_u64(w, "n", c->n + 1);
	hf_jsonw_strz(w, "t", t);
	hf_jsonw_u64(w, "b", boot_ns);
	hf_jsonw_strz(w, "type", type);
}

int hf_chain_end(struct hf_chain *c, struct hf_jsonw *w)
{
	hf_jsonw_strz(w, "prev", c->prev);
	hf_jsonw_end_obj(w);
	if (w->full || w->n == w->cap) {
		w->full = true;
		return -ENOSPC;
	}
	hf_journal_sha256(w->p, w->n, c->prev);
	w->p[w->n++] = '\n';
	c->n++;
	return 0;
}

/* --- actions ---------------------------------------------------------------------------------- */

static void put_flags(struct hf_jsonw *w, uint32_t flags)
{
	if (!flags)
		return;
	hf_jsonw_arr(w, "flags");
	for (unsigned i = 0; i < 32; i++) {
		char bit[6] = { 'b', 'i', 't', (char)('0' + i / 10), (char)('0' + i % 10) };

		if (flags & 1u << i)
			hf_jsonw_strz(w, NULL, i < HF_JOURNAL_FLAGS ? hf_journal_flag_name[i] : bit);
	}
	hf_jsonw_end_arr(w);
}

static void put_opt_u64(struct hf_jsonw *w, const char *key, uint64_t v)
{
	if (v)
		hf_jsonw_u64(w, key, v);
}

static void put_opt_strz(struct hf_jsonw *w, const char *key, const char *z)
{
	if (z)
		hf_jsonw_strz(w, key, z);
}

static bool put_limited(struct hf_jsonw *w, const char *key, struct hf_str s, size_t limit)
{
	bool cut = s.n > limit;

	if (!s.p)
		return false;
	if (cut)
		s.n = limit;
	hf_jsonw_str(w, key, s);
	return cut;
}

void hf_journal_words(struct hf_jsonw *w, const char *key, struct hf_str argv)
{
	hf_jsonw_arr(w, key);
	while (argv.n && !w->full) {
		size_t len = strnlen(argv.p, argv.n), step = len < argv.n ? len + 1 : len;

		hf_jsonw_str(w, NULL, (struct hf_str){ argv.p, len });
		argv.p += step;
		argv.n -= step;
	}
	hf_jsonw_end_arr(w);
}

static bool put_argv(struct hf_jsonw *w, struct hf_str argv, size_t limit)
{
	bool cut = argv.n > limit;

	if (!argv.p)
		return false;
	if (cut)
		argv.n = limit;
	hf_journal_words(w, "argv", argv);
	if (argv.n && argv.p[argv.n - 1])
		hf_jsonw_bool(w, "argv_cut", true);
	return cut;
}

static void put_addr(struct hf_jsonw *w, const struct hf_addr *a)
{
	char text[INET6_ADDRSTRLEN + 700];
	size_t sun_len = a->sun_len < sizeof(a->sun) ? a->sun_len : sizeof(a->sun);

	if (!a->family)
		return;
	hf_jsonw_obj(w, "addr");
	hf_addr_format(a, text, sizeof(text));
	hf_jsonw_strz(w, "text", text);
	if (a->family == AF_INET || a->family == AF_INET6) {
		hf_jsonw_strz(w, "family", a->family == AF_INET ? "inet" : "inet6");
		if (inet_ntop(a->family, a->ip, text, sizeof(text)))
			hf_jsonw_strz(w, "ip", text);
		hf_jsonw_u64(w, "port", a->port);
	} else if (a->family == AF_UNIX) {
		hf_jsonw_strz(w, "family", "unix");
		if (sun_len && !a->sun[0])
			hf_jsonw_str(w, "abstract", (struct hf_str){ a->sun + 1, sun_len - 1 });
		else if (sun_len)
			hf_jsonw_str(w, "path", (struct hf_str){ a->sun, sun_len });
	} else {
		hf_jsonw_u64(w, "family", a->family);
		put_opt_u64(w, "port", a->port);
	}
	if (a->proto == IPPROTO_TCP || a->proto == IPPROTO_UDP)
		hf_jsonw_strz(w, "proto", a->proto == IPPROTO_TCP ? "tcp" : "udp");
	else
		put_opt_u64(w, "proto", a->proto);
	hf_jsonw_end_obj(w);
}

static void put_rest(struct hf_jsonw *w, const struct hf_action *a)
{
	put_opt_u64(w, "dev", a->dev);
	put_opt_u64(w, "ino", a->ino);
	put_addr(w, &a->addr);
	put_opt_u64(w, "target_pid", a->target_tgid);
	if (a->signo)
		hf_jsonw_i64(w, "signo", a->signo);
	if (a->child_tgid || a->child_tid || a->child_start_ns) {
		hf_jsonw_obj(w, "child");
		hf_jsonw_u64(w, "pid", a->child_tgid);
		hf_jsonw_u64(w, "tid", a->child_tid);
		hf_jsonw_u64(w, "start_ns", a->child_start_ns);
		hf_jsonw_end_obj(w);
	}
}

static void put_who(struct hf_jsonw *w, const struct hf_action *a, const struct hf_proc *p, size_t limit)
{
	hf_jsonw_strz(w, "action", hf_kind_name(a->kind));
	put_opt_u64(w, "seq", a->seq);
	hf_jsonw_u64(w, "time_ns", a->time_ns);
	hf_jsonw_u64(w, "pid", a->tgid);
	if (a->tid != a->tgid)
		hf_jsonw_u64(w, "tid", a->tid);
	put_opt_u64(w, "start_ns", a->start_ns);
	hf_jsonw_u64(w, "uid", a->uid);
	if (!p)
		return;
	put_opt_u64(w, "ppid", p->ppid);
	if (a->kind != HF_EXEC)
		put_limited(w, "image", p->image, limit);
}

/* One try, with no string longer than its limit. */
static void put_action(struct hf_jsonw *w, const struct hf_action *a, const struct hf_proc *p, size_t path_limit, size_t argv_limit)
{
	uint32_t flags = a->flags;
	bool cut = a->path.n > path_limit || a->path2.n > path_limit || a->given.n > path_limit || a->cwd.n > path_limit ||
		   a->interp.n > path_limit;

	if (cut)
		flags |= HF_ACT_TRUNC_PATH;
	if (a->argv.n > argv_limit)
		flags |= HF_ACT_TRUNC_ARGV;
	put_who(w, a, p, path_limit);
	put_flags(w, flags);
	if (cut || a->argv.n > argv_limit)
		hf_jsonw_bool(w, "cut", true);
	if (a->ret || (a->flags & HF_ACT_OUTCOME))
		hf_jsonw_i64(w, "ret", a->ret);
	put_opt_strz(w, "syscall", a->syscall);
	if (a->nr != UINT32_MAX)
		hf_jsonw_u64(w, "nr", a->nr);
	put_opt_u64(w, "open_flags", a->open_flags);
	put_opt_u64(w, "mode", a->mode);
	put_limited(w, "path", a->path, path_limit);
	put_limited(w, "path2", a->path2, path_limit);
	put_limited(w, "given", a->given, path_limit);
	put_argv(w, a->argv, argv_limit);
	put_limited(w, "cwd", a->cwd, path_limit);
	put_limited(w, "interp", a->interp, path_limit);
	put_rest(w, a);
}

void hf_journal_action(struct hf_jsonw *w, const struct hf_action *a, const struct hf_proc *p)
{
	const struct hf_jsonw start = *w;
	size_t room = w->cap - w->n, reserve = room / 4 < HF_ACTION_RESERVE ? room / 4 : HF_ACTION_RESERVE;
	size_t limit = SIZE_MAX;

	if (w->full)
		return;
	for (;;) {
		*w = start;
		w->cap -= reserve;
		put_action(w, a, p, limit, limit);
		w->cap = start.cap;
		if (!w->full || !limit)
			return;
		limit = limit == SIZE_MAX ? HF_JOURNAL_CUT_FIRST : limit / 2;
	}
}

int hf_journal_line_action(struct hf_chain *c, struct hf_jsonw *w, struct hf_stamp at, const struct hf_action *a, const struct hf_proc *p)
{
	hf_chain_begin(c, w, "action", at.wall_ns, at.boot_ns);
	hf_journal_action(w, a, p);
	return hf_chain_end(c, w);
}
