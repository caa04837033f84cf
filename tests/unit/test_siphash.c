// SPDX-License-Identifier: Apache-2.0
/*
 * SipHash-2-4 against the vectors of its authors' paper and reference implementation (key 00..0f, input 00, 01,
 * ...).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "bpf/wire.h"
#include "bpf/siphash.h"

#define K0 0x0706050403020100ull
#define K1 0x0f0e0d0c0b0a0908ull

static void vectors(void **state)
{
	static const struct { unsigned int len; uint64_t want; } v[] = {
		{ 0, 0x726fdb47dd0e0e31ull }, { 1, 0x74f839c593dc67fdull }, { 2, 0x0d6c8009d9a94f5aull },
		{ 3, 0x85676696d7fb7e2dull }, { 7, 0xab0200f58b01d137ull }, { 8, 0x93f5f5799a932462ull },
		{ 15, 0xa129ca6149be45e5ull },
	};
	uint8_t in[64];

	for (unsigned int i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)i;
	for (unsigned int i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		assert_true(hf_siphash(K0, K1, in, v[i].len) == v[i].want);
}

static void every_bit_counts(void **state)
{
	uint8_t in[41] = { 0 };
	uint64_t base = hf_siphash(K0, K1, in, sizeof(in));

	for (unsigned int i = 0; i < sizeof(in) * 8; i++) {
		in[i / 8] ^= (uint8_t)(1u << i % 8);
		assert_true(hf_siphash(K0, K1, in, sizeof(in)) != base);
		in[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	assert_true(hf_siphash(K0 ^ 1, K1, in, sizeof(in)) != base);
	assert_true(hf_siphash(K0, K1 ^ 1, in, sizeof(in)) != base);
	assert_true(hf_siphash(K0, K1, in, sizeof(in) - 1) != base);
}

/* What lies behind the end must not matter: the kernel side masks its last word, memory there is another record's. */
static void stops_at_its_end(void **state)
{
	uint8_t a[32], b[32];

	memset(a, 0x11, sizeof(a));
	memset(b, 0x22, sizeof(b));
	memcpy(b, a, 21);
	assert_true(hf_siphash(K0, K1, a, 21) == hf_siphash(K0, K1, b, 21));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(every_bit_counts),
		cmocka_unit_test(stops_at_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
