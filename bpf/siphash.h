/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * SipHash-2-4 (Aumasson, Bernstein 2012) in the form both sides need: user space hashes one buffer at
 * once, the BPF side a few hundred bytes a call so that the verifier never sees a long loop. Little
 * endian only, like everything BPF here. The key is drawn at load; a caller that could choose colliding
 * argvs without knowing it would have to break the function.
 *
 * Included after a header that defines __hf_u64 (wire.h).
 */
#ifndef HF_SIPHASH_H
#define HF_SIPHASH_H

struct hf_sip {
	__hf_u64 v[4];
};

#define HF_SIP_ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

static inline __attribute__((always_inline)) void hf_sip_round(struct hf_sip *s)
{
	__hf_u64 a = s->v[0], b = s->v[1], c = s->v[2], d = s->v[3];

	a += b;
	b = HF_SIP_ROTL(b, 13) ^ a;
	a = HF_SIP_ROTL(a, 32);
	c += d;
	d = HF_SIP_ROTL(d, 16) ^ c;
	a += d;
	d = HF_SIP_ROTL(d, 21) ^ a;
	c += b;
	b = HF_SIP_ROTL(b, 17) ^ c;
	c = HF_SIP_ROTL(c, 32);
	s->v[0] = a;
	s->v[1] = b;
	s->v[2] = c;
	s->v[3] = d;
}

static inline __attribute__((always_inline)) void hf_sip_init(struct hf_sip *s, __hf_u64 k0, __hf_u64 k1)
{
	s->v[0] = k0 ^ 0x736f6d6570736575ULL;
	s->v[1] = k1 ^ 0x646f72616e646f6dULL;
	s->v[2] = k0 ^ 0x6c7967656e657261ULL;
	s->v[3] = k1 ^ 0x7465646279746573ULL;
}

static inline __attribute__((always_inline)) void hf_sip_word(struct hf_sip *s, __hf_u64 m)
{
	s->v[3] ^= m;
	hf_sip_round(s);
	hf_sip_round(s);
	s->v[0] ^= m;
}

/* m: the last len % 8 bytes, the rest of the word zero. */
static inline __attribute__((always_inline)) __hf_u64 hf_sip_final(struct hf_sip *s, __hf_u64 m, __hf_u64 len)
{
	hf_sip_word(s, m | (len << 56));
	s->v[2] ^= 0xff;
	hf_sip_round(s);
	hf_sip_round(s);
	hf_sip_round(s);
	hf_sip_round(s);
	return s->v[0] ^ s->v[1] ^ s->v[2] ^ s->v[3];
}

#ifndef __bpf__
static inline __hf_u64 hf_siphash(__hf_u64 k0, __hf_u64 k1, const void *data, __hf_u64 len)
{
	const unsigned char *p = (const unsigned char *)data;
	struct hf_sip s;
	__hf_u64 m, i;

	hf_sip_init(&s, k0, k1);
	for (i = 0; i + 8 <= len; i += 8) {
		__builtin_memcpy(&m, p + i, 8);
		hf_sip_word(&s, m);
	}
	m = 0;
	if (len > i)
		__builtin_memcpy(&m, p + i, len - i);
	return hf_sip_final(&s, m, len);
}
#endif

#endif
