/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many literals looked for in one pass (Aho and Corasick, 1975): the text's bytes, not the literals, make the cost. An
 * agent chooses the text, so that must hold for any: a literal that was found is not reported twice for a text, and one
 * that is bound to its beginning or end is looked at only there.
 *
 * Hyperscan would do it too, but Debian's library is 16 MB, needs libstdc++ and runs on amd64 only; what it could save
 * of an event's cost is small once this pass is linear (tests/bench/rules).
 */
#include "sigma_ac.h"
#include <errno.h>
#include <stdlib.h>

#define NONE 0u /* no state but the root, no output: both begin at 1 */

struct out {
	uint32_t rule, next;
};
struct state {
	uint32_t fail;           /* the longest end of it that is a beginning of a literal */
	uint32_t child, sibling; /* while it is built */
	uint32_t edge;           /* children in a row, by byte */
	uint32_t out[3];         /* by enum hf_ac_place */
	uint32_t dict, dict_any; /* the nearest on the chain of fail, itself included, that has outputs */
	uint16_t nedges;
	uint8_t byte;
};
struct hf_ac {
	struct state *s;
	uint32_t nstates, cap;
	struct out *out;
	uint32_t nouts, out_cap;
	uint8_t *edge_byte;
	uint32_t *edge_to;
	uint32_t *seen, epoch; /* which states were reported for this text */
	uint32_t root[256];
};

struct hf_ac *hf_ac_new(void)
{
	struct hf_ac *ac = calloc(1, sizeof(*ac));

	if (!ac)
		return NULL;
	ac->cap = ac->out_cap = 64;
	ac->s = calloc(ac->cap, sizeof(*ac->s));
	ac->out = calloc(ac->out_cap, sizeof(*ac->out));
	ac->nstates = ac->nouts = 1;
	if (!ac->s || !ac->out)
		hf_ac_free(&ac);
	return ac;
}

void hf_ac_free(struct hf_ac **pac)
{
	struct hf_ac *ac = *pac;

	*pac = NULL;
	if (!ac)
		return;
	free(ac->s);
	free(ac->out);
	free(ac->edge_byte);
	free(ac->edge_to);
	free(ac->seen);
	free(ac);
}

static int grow(void **p, uint32_t n, uint32_t *cap, size_t size)
{
	void *q;

	if (n < *cap)
		return 0;
	if (*cap > UINT32_MAX / 4)
		return -ENOMEM;
	q = reallocarray(*p, *cap * 2u, size);
	if (!q)
		return -ENOMEM;
	memset((char *)q + *cap * size, 0, *cap * size);
	*p = q;
	*cap *= 2;
	return 0;
}

static int child_of(struct hf_ac *ac, uint32_t at, uint8_t byte, uint32_t *ret)
{
	for (uint32_t i = ac->s[at].child; i != NONE; i = ac->s[i].sibling) {
		if (ac->s[i].byte == byte) {
			*ret = i;
			return 0;
		}
	}
	if (grow((void **)&ac->s, ac->nstates, &ac->cap, sizeof(*ac->s)) < 0)
		return -ENOMEM;
	*ret = ac->nstates++;
	ac->s[*ret].byte = byte;
	ac->s[*ret].sibling = ac->s[at].child;
	ac->s[at].child = *ret;
	return 0;
}

int hf_ac_add(struct hf_ac *ac, const char *lit, unsigned n, enum hf_ac_place place, uint32_t rule)
{
	uint32_t at = 0;

	for (unsigned i = 0; i < n; i++) {
		int rc = child_of(ac, at, (uint8_t)lit[i], &at);

		if (rc < 0)
			return rc;
	}
	for (uint32_t o = ac->s[at].out[place]; o != NONE; o = ac->out[o].next)
		if (ac->out[o].rule == rule)
			return 0;
	if (grow((void **)&ac->out, ac->nouts, &ac->out_cap, sizeof(*ac->out)) < 0)
		return -ENOMEM;
	ac->out[ac->nouts] = (struct out){rule, ac->s[at].out[place]};
	ac->s[at].out[place] = ac->nouts++;
	return 0;
}

static int by_byte(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Lays the children of a state side by side. */
static void lay_edges(struct hf_ac *ac, uint32_t at, uint32_t *nedges)
{
	uint64_t kid[256];
	unsigned n = 0;

	for (uint32_t i = ac->s[at].child; i != NONE; i = ac->s[i].sibling)
		kid[n++] = (uint64_t)ac->s[i].byte << 32 | i;
	qsort(kid, n, sizeof(kid[0]), by_byte);
	ac->s[at].edge = *nedges;
	ac->s[at].nedges = (uint16_t)n;
	for (unsigned i = 0; i < n; i++) {
		ac->edge_byte[*nedges] = (uint8_t)(kid[i] >> 32);
		ac->edge_to[(*nedges)++] = (uint32_t)kid[i];
		if (at == 0)
			ac->root[kid[i] >> 32] = (uint32_t)kid[i];
	}
}

static uint32_t step(const struct hf_ac *ac, uint32_t at, uint8_t byte)
{
	while (at != 0) {
		const struct state *s = &ac->s[at];
		const uint8_t *edge = ac->edge_byte + s->edge;

		for (unsigned i = 0; i < s->nedges && edge[i] <= byte; i++)
			if (edge[i] == byte)
				return ac->edge_to[s->edge + i];
		at = s->fail;
	}
	return ac->root[byte];
}

static void link_state(struct hf_ac *ac, uint32_t at)
{
	struct state *s = &ac->s[at];
	bool any = s->out[HF_AC_ANYWHERE] != NONE;

	s->dict_any = any ? at : ac->s[s->fail].dict_any;
	s->dict = any || s->out[HF_AC_START] != NONE || s->out[HF_AC_END] != NONE ? at : ac->s[s->fail].dict;
}

int hf_ac_finish(struct hf_ac *ac)
{
	uint32_t *queue = calloc(ac->nstates, sizeof(*queue)), head = 0, tail = 0, nedges = 0;

	ac->edge_byte = calloc(ac->nstates, 1);
	ac->edge_to = calloc(ac->nstates, sizeof(*ac->edge_to));
	ac->seen = calloc(ac->nstates, sizeof(*ac->seen));
	if (!queue || !ac->edge_byte || !ac->edge_to || !ac->seen) {
		free(queue);
		return -ENOMEM;
	}
	queue[tail++] = 0;
	while (head < tail) {
		uint32_t at = queue[head++];

		lay_edges(ac, at, &nedges);
		for (uint32_t i = ac->s[at].child; i != NONE; i = ac->s[i].sibling) {
			ac->s[i].fail = at == 0 ? 0 : step(ac, ac->s[at].fail, ac->s[i].byte);
			queue[tail++] = i;
		}
		if (at != 0)
			link_state(ac, at);
	}
	free(queue);
	return 0;
}

static void report(const struct hf_ac *ac, uint32_t at, enum hf_ac_place place, uint64_t *bits)
{
	for (uint32_t o = ac->s[at].out[place]; o != NONE; o = ac->out[o].next)
		bits[ac->out[o].rule / 64] |= UINT64_C(1) << (ac->out[o].rule % 64);
}

/* Literals bound to the beginning: a walk that never falls back. */
static void run_start(const struct hf_ac *ac, struct hf_str text, uint64_t *bits)
{
	uint32_t at = 0;

	for (size_t i = 0; i < text.n; i++) {
		uint8_t byte = hf_ac_fold((uint8_t)text.p[i]);
		const struct state *s = &ac->s[at];
		unsigned e = 0;

		while (e < s->nedges && ac->edge_byte[s->edge + e] != byte)
			e++;
		if (e == s->nedges)
			return;
		at = ac->edge_to[s->edge + e];
		report(ac, at, HF_AC_START, bits);
	}
}

void hf_ac_run(struct hf_ac *ac, struct hf_str text, uint64_t *bits)
{
	uint32_t at = 0;

	if (ac->nstates == 1 || text.n == 0)
		return;
	if (++ac->epoch == 0) {
		memset(ac->seen, 0, ac->nstates * sizeof(*ac->seen));
		ac->epoch = 1;
	}
	run_start(ac, text, bits);
	for (size_t i = 0; i < text.n; i++) {
		at = step(ac, at, hf_ac_fold((uint8_t)text.p[i]));
		/* what stands further down the chain was reported together with it */
		for (uint32_t d = ac->s[at].dict_any; d != NONE && ac->seen[d] != ac->epoch;
		     d = ac->s[ac->s[d].fail].dict_any) {
			ac->seen[d] = ac->epoch;
			report(ac, d, HF_AC_ANYWHERE, bits);
		}
	}
	for (uint32_t d = ac->s[at].dict; d != NONE; d = ac->s[ac->s[d].fail].dict)
		report(ac, d, HF_AC_END, bits);
}
