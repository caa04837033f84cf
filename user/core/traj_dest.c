/* SPDX-License-Identifier: Apache-2.0 */
/* Where a session has connected or sent to. The oldest go when there is no room: then they count as new again. */
#include <errno.h>
#include <netinet/in.h>
#include <sha256.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "traj_impl.h"

static bool key_of(const struct hf_action *a, struct hf_dest *ret)
{
	const struct hf_addr *d = &a->addr;
	size_t len = d->sun_len < sizeof(d->sun) ? d->sun_len : sizeof(d->sun);
	uint8_t digest[SHA256_DIGEST_LENGTH];
	SHA256_CTX c;

	memset(ret, 0, sizeof(*ret));
	if (a->kind != HF_CONNECT && a->kind != HF_SEND)
		return false;
	ret->what = (uint32_t)d->family << 16 | d->port;
	if (d->family == AF_INET || d->family == AF_INET6) {
		memcpy(ret->k, d->ip, d->family == AF_INET ? 4 : sizeof(d->ip));
		return true;
	}
	if (d->family != AF_UNIX || len == 0)
		return false;
	SHA256Init(&c);
	SHA256Update(&c, (const uint8_t *)d->sun, len);
	SHA256Final(digest, &c);
	memcpy(ret->k, digest, sizeof(ret->k));
	return true;
}

static uint32_t *bucket_of(const struct hf_traj *t, const struct hf_dest *k)
{
	return &t->dests.bucket[hf_mix64(k->k[0] ^ hf_mix64(k->k[1] ^ t->session) ^ k->what) & (2 * HF_DESTS_MAX - 1)];
}

static struct hf_dest *find(const struct hf_traj *t, const struct hf_dest *k)
{
	for (uint32_t i = *bucket_of(t, k); i != HF_NIL; i = t->dests.ent[i].hnext) {
		struct hf_dest *e = &t->dests.ent[i];

		if (e->what == k->what && e->k[0] == k->k[0] && e->k[1] == k->k[1])
			return e;
	}
	return NULL;
}

int hf_dests_init(struct hf_traj *t)
{
	t->dests.ent = calloc(HF_DESTS_MAX, sizeof(*t->dests.ent));
	t->dests.bucket = malloc(2 * HF_DESTS_MAX * sizeof(*t->dests.bucket));
	if (!t->dests.ent || !t->dests.bucket)
		return -ENOMEM;
	memset(t->dests.bucket, 0xff, 2 * HF_DESTS_MAX * sizeof(*t->dests.bucket));
	return 0;
}

void hf_dests_free(struct hf_traj *t)
{
	free(t->dests.ent);
	free(t->dests.bucket);
}

bool hf_dests_first(const struct hf_traj *t, const struct hf_action *a, bool *ret_first)
{
	struct hf_dest k;

	if (!key_of(a, &k))
		return false;
	*ret_first = !find(t, &k);
	return true;
}

void hf_dests_add(struct hf_traj *t, const struct hf_action *a)
{
	struct hf_dest k, *e;
	uint32_t i, *at;

	if (!key_of(a, &k) || find(t, &k))
		return;
	i = t->dests.n % HF_DESTS_MAX;
	e = &t->dests.ent[i];
	if (t->dests.n >= HF_DESTS_MAX) {
		for (at = bucket_of(t, e); *at != i; at = &t->dests.ent[*at].hnext)
			;
		*at = e->hnext;
		t->stats.forgotten_dests++;
	}
	t->dests.n++;
	at = bucket_of(t, &k);
	k.hnext = *at;
	*e = k;
	*at = i;
}
