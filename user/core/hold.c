/* SPDX-License-Identifier: Apache-2.0 */
#include "hold.h"

#include <errno.h>
#include <fcntl.h>
#include <sha256.h>
#include <stdlib.h>

struct hf_holds {
	struct hf_hold slot[HF_HOLDS_MAX];
	uint32_t last_id;
	uint64_t forgotten;		/* session decisions pushed out by newer ones */
	unsigned ndecisions, next;	/* next: the ring's oldest once it is full */
	struct {
		struct hf_binding b;
		enum hf_decision d;
	} decision[HF_DECISIONS_MAX];
};

static void put(SHA256_CTX *c, const void *p, size_t n)
{
	if (n > 0)
		SHA256Update(c, p, n);
}

/* The length goes first, so that "ab"+"c" is not "a"+"bc". */
static void put_str(SHA256_CTX *c, struct hf_str s)
{
	uint64_t n = s.p ? s.n : 0;

	put(c, &n, sizeof(n));
	put(c, s.p, n);
}

static void put_u64(SHA256_CTX *c, uint64_t v)
{
	put(c, &v, sizeof(v));
}

static void put_addr(SHA256_CTX *c, const struct hf_addr *a)
{
	size_t sun = a->sun_len < sizeof(a->sun) ? a->sun_len : sizeof(a->sun);

	put_u64(c, a->family);
	put_u64(c, a->port);
	put_u64(c, a->proto);
	put_str(c, (struct hf_str){ (const char *)a->ip, sizeof(a->ip) });
	put_str(c, (struct hf_str){ a->sun, sun });
}

void hf_binding_make(const struct hf_rule *rule, const struct hf_proc *p, const struct hf_action *a,
		     struct hf_binding *ret)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	bool exec = a->kind == HF_EXEC, one_process = rule && hf_rule_scope_process(rule);
	SHA256_CTX c;

	SHA256Init(&c);
	put_str(&c, hf_str_of(rule ? hf_rule_id(rule) : ""));
	put_u64(&c, one_process ? p ? p->tgid : a->tgid : 0);
	put_u64(&c, one_process ? p ? p->start_ns : a->start_ns : 0);
	/* An exec is bound to the file it starts and to the program that starts it. */
	put_u64(&c, p ? p->exe_dev : 0);
	put_u64(&c, p ? p->exe_ino : 0);
	put_str(&c, p ? p->image : (struct hf_str){ NULL, 0 });
	put_u64(&c, exec ? a->dev : 0);
	put_u64(&c, exec ? a->ino : 0);
	put_str(&c, exec ? a->argv : p ? p->argv : (struct hf_str){ NULL, 0 });
	put_str(&c, exec ? a->interp : (struct hf_str){ NULL, 0 });
	put_u64(&c, (uint64_t)a->kind);
	put_u64(&c, a->kind == HF_OTHER || a->kind == HF_SETUID || a->kind == HF_MOUNT ? a->nr : 0);
	put_str(&c, a->path);
	put_str(&c, a->path2);
	put_addr(&c, &a->addr);
	/* What is done to the object counts: leave to read a file is not leave to write it. Of the flags only what
	 * changes the effect: one open can be asked for by two guards, and fanotify knows nothing of O_CLOEXEC. */
	put_u64(&c, a->kind == HF_OPEN ? a->open_flags & (O_ACCMODE | O_CREAT | O_TRUNC | O_PATH) : 0);
	put_u64(&c, a->kind == HF_CHMOD ? a->mode : 0);
	put_u64(&c, a->target_tgid);
	put_u64(&c, (uint64_t)(int64_t)a->signo);
	/* A cut argument could hide a difference in the part that was lost. */
	put_u64(&c, a->flags & (HF_ACT_TRUNC_PATH | HF_ACT_TRUNC_ARGV));
	SHA256Final(digest, &c);
	memcpy(ret->h, digest, sizeof(ret->h));
}

struct hf_holds *hf_holds_new(void)
{
	return calloc(1, sizeof(struct hf_holds));
}

void hf_holds_free(struct hf_holds **h)
{
	free(*h);
	*h = NULL;
}

struct hf_hold *hf_holds_add(struct hf_holds *h, uint64_t now_ns, uint64_t timeout_ns)
{
	for (unsigned i = 0; i < HF_HOLDS_MAX; i++) {
		struct hf_hold *s = &h->slot[i];

		if (s->state != HF_HOLD_FREE)
			continue;
		if (h->last_id == UINT32_MAX)	/* ids are never used twice */
			return NULL;
		memset(s, 0, sizeof(*s));
		s->id = ++h->last_id;
		s->state = HF_HOLD_WAITING;
		s->asked_ns = now_ns;
		s->deadline_ns = timeout_ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + timeout_ns;
		return s;
	}
	return NULL;
}

struct hf_hold *hf_holds_find(struct hf_holds *h, uint32_t id)
{
	for (unsigned i = 0; id != 0 && i < HF_HOLDS_MAX; i++)
		if (h->slot[i].state != HF_HOLD_FREE && h->slot[i].id == id)
			return &h->slot[i];
	return NULL;
}

static bool binding_eq(const struct hf_binding *a, const struct hf_binding *b)
{
	return memcmp(a->h, b->h, sizeof(a->h)) == 0;
}

struct hf_hold *hf_holds_again(struct hf_holds *h, uint32_t tid, uint64_t start_ns, const struct hf_binding *b)
{
	for (unsigned i = 0; i < HF_HOLDS_MAX; i++) {
		struct hf_hold *s = &h->slot[i];

		if (s->state != HF_HOLD_FREE && s->tid == tid && s->start_ns == start_ns && binding_eq(&s->binding, b))
			return s;
	}
	return NULL;
}

enum hf_decision hf_holds_known(const struct hf_holds *h, const struct hf_binding *b)
{
	for (unsigned i = 0; i < h->ndecisions; i++)
		if (binding_eq(&h->decision[i].b, b))
			return h->decision[i].d;
	return HF_DEC_NONE;
}

static void remember(struct hf_holds *h, const struct hf_binding *b, enum hf_decision d)
{
	unsigned i;

	for (i = 0; i < h->ndecisions; i++)
		if (binding_eq(&h->decision[i].b, b))
			break;
	if (i == h->ndecisions) {
		if (i < HF_DECISIONS_MAX) {
			h->ndecisions++;
		} else {
			i = h->next;
			h->next = (h->next + 1) % HF_DECISIONS_MAX;
			h->forgotten++;
		}
	}
	h->decision[i].b = *b;
	h->decision[i].d = d;
}

int hf_holds_decide(struct hf_holds *h, uint32_t id, enum hf_decision d, enum hf_scope s)
{
	struct hf_hold *slot = hf_holds_find(h, id);

	if (d != HF_DEC_ALLOW && d != HF_DEC_DENY)
		return -EINVAL;
	if (!slot)
		return -ENOENT;
	if (slot->state == HF_HOLD_DECIDED)
		return -EALREADY;
	slot->state = HF_HOLD_DECIDED;
	slot->decision = d;
	slot->scope = s;
	if (s == HF_SCOPE_SESSION)
		remember(h, &slot->binding, d);
	return 0;
}

void hf_holds_done(struct hf_holds *h, struct hf_hold *slot)
{
	memset(slot, 0, sizeof(*slot));
}

/* The oldest WAITING slot younger than after_id: ids grow, so they are the age. */
static struct hf_hold *oldest_after(struct hf_holds *h, uint32_t after_id)
{
	struct hf_hold *best = NULL;

	for (unsigned i = 0; i < HF_HOLDS_MAX; i++) {
		struct hf_hold *s = &h->slot[i];

		if (s->state == HF_HOLD_WAITING && s->id > after_id && (!best || s->id < best->id))
			best = s;
	}
	return best;
}

struct hf_hold *hf_holds_first_expired(struct hf_holds *h, uint64_t now_ns)
{
	struct hf_hold *s = oldest_after(h, 0);

	while (s && s->deadline_ns > now_ns)
		s = oldest_after(h, s->id);
	return s;
}

uint64_t hf_holds_next_deadline(const struct hf_holds *h)
{
	uint64_t first = UINT64_MAX;

	for (unsigned i = 0; i < HF_HOLDS_MAX; i++)
		if (h->slot[i].state == HF_HOLD_WAITING && h->slot[i].deadline_ns < first)
			first = h->slot[i].deadline_ns;
	return first;
}

unsigned hf_holds_waiting(const struct hf_holds *h)
{
	unsigned n = 0;

	for (unsigned i = 0; i < HF_HOLDS_MAX; i++)
		n += h->slot[i].state == HF_HOLD_WAITING;
	return n;
}

struct hf_hold *hf_holds_at(struct hf_holds *h, unsigned i)
{
	struct hf_hold *s = oldest_after(h, 0);

	while (s && i-- > 0)
		s = oldest_after(h, s->id);
	return s;
}

uint64_t hf_holds_forgotten(const struct hf_holds *h)
{
	return h->forgotten;
}
