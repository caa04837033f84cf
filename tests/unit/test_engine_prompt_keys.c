/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "engine/prompt_keys.h"

#define MAX 16

static unsigned feed(struct hf_keys *k, const char *in, size_t n, int *keys)
{
	unsigned got = 0;

	for (size_t i = 0; i < n; i++) {
		int key = hf_keys_feed(k, (unsigned char)in[i]);

		if (key != HF_KEY_NONE && got < MAX)
			keys[got++] = key;
	}
	return got;
}

static void sequences(void **state)
{
#define IN(z) z, sizeof(z) - 1
	static const struct {
		const char *in;
		size_t n;
		int keys[4];
	} t[] = {
		{ IN("a"), { 'a' } },
		{ IN("\003"), { HF_KEY_CTRL_C } },
		{ IN("\032"), { HF_KEY_OTHER } },				/* Ctrl-Z */
		{ IN("\033[A\033[B"), { HF_KEY_UP, HF_KEY_DOWN } },
		{ IN("\033OA\033OB"), { HF_KEY_UP, HF_KEY_DOWN } },		/* application cursor keys */
		{ IN("\033[5~\033[6~"), { HF_KEY_PGUP, HF_KEY_PGDN } },
		{ IN("\033[1;5A"), { HF_KEY_UP } },
		{ IN("\033[H\033[4~"), { HF_KEY_HOME, HF_KEY_END } },
		{ IN("\033a"), { HF_KEY_OTHER } },				/* Alt-a is not a */
		{ IN("\033[?1049;1$y"), { 0 } },
		{ IN("\033[200~aaa\033[201~d"), { 'd' } },			/* paste */
		{ IN("\033[200~a\003"), { HF_KEY_CTRL_C } },
		{ IN("\033[M aas"), { 's' } },					/* X10 mouse, then a key */
		{ IN("\033[M \xc4\x81" "ad"), { 'd' } },			/* UTF-8 mouse */
		{ IN("\033[<0;97;97M\033[<0;97;97m"), { 0 } },			/* SGR mouse */
		{ IN("\033[0;97;97M"), { 0 } },					/* urxvt mouse */
		{ IN("\033[I\033[O\033[24;80R\033[?62;c"), { 0 } },		/* focus, reports */
		{ IN("\033]11;rgb:aaaa/aaaa/aaaa\033\\d"), { 'd' } },		/* OSC answer */
		{ IN("\033]11;aaa\007d"), { 'd' } },
		{ IN("\033P1$raaa\033\\d"), { 'd' } },				/* DCS answer */
		{ IN("\033[97u"), { 'a' } },					/* kitty */
		{ IN("\033[97;1:3u"), { 0 } },					/* its release */
		{ IN("\033[97;1:1u"), { 'a' } },
		{ IN("\033[97;65u"), { 'a' } },					/* with caps lock */
		{ IN("\033[97;5u"), { HF_KEY_OTHER } },				/* Ctrl-a */
		{ IN("\033[99;5u"), { HF_KEY_CTRL_C } },
		{ IN("\033[27;5;99~"), { HF_KEY_CTRL_C } },			/* modifyOtherKeys */
		{ IN("\xc3\xa9"), { HF_KEY_OTHER } },
		{ IN("\xe2\x82\xac"), { HF_KEY_OTHER } },
		{ IN("\033[1;2;3;4;5;6;7;8;9;10A"), { HF_KEY_UP } },
		{ IN("\033[99999999999999999999A"), { HF_KEY_UP } },
		{ IN("\033[1:2:3:4:5;6:7:8:9A"), { HF_KEY_UP } },
		{ IN("\033\033[A"), { HF_KEY_UP } },
		{ IN("\033[\033[A"), { HF_KEY_UP } },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct hf_keys k = { 0 };
		int keys[MAX + 1] = { 0 };
		unsigned n = feed(&k, t[i].in, t[i].n, keys), want = 0;

		while (want < 4 && t[i].keys[want])
			want++;
		if (n != want || memcmp(keys, t[i].keys, want * sizeof(int)))
			fail_msg("case %zu (%s): %u keys, first %d", i, t[i].in + 1, n, keys[0]);
	}
}

static void terminal_answers(void **state)
{
	struct hf_keys k = { 0 };
	int keys[MAX];

	assert_int_equal(feed(&k, IN("\033[?1049;1$y\033[?47;0$y\033[?7;2$y\033[?25;1$y"), keys), 0);
	assert_int_equal(k.alt_screen, 2);
	assert_int_equal(k.alt_screen_old, 1);
	assert_int_equal(k.wrap, 3);
	assert_int_equal(k.cursor, 2);
}

static void an_unfinished_sequence_is_given_up(void **state)
{
	struct hf_keys k = { 0 };
	int keys[MAX];

	assert_int_equal(feed(&k, IN("\033"), keys), 0);
	hf_keys_quiet(&k);
	assert_int_equal(feed(&k, IN("d"), keys), 1);
	assert_int_equal(keys[0], 'd');
	assert_int_equal(feed(&k, IN("\033]0;never ended"), keys), 0);
	hf_keys_quiet(&k);
	assert_int_equal(feed(&k, IN("k"), keys), 1);
}

/* Any bytes at all: no crash, and no approval out of a paste. */
static void noise(void **state)
{
	uint32_t x = 12345;
	int keys[MAX];

	for (int round = 0; round < 2000; round++) {
		struct hf_keys k = { 0 };
		char buf[64];

		for (size_t i = 0; i < sizeof(buf); i++) {
			x = x * 1664525 + 1013904223;
			buf[i] = "\033[]?;:$0123456789~uMmyaIOPX\\\007\003\200\377"[(x >> 16) % 32];
		}
		feed(&k, buf, sizeof(buf), keys);
		assert_true(k.npar <= 5);
		k = (struct hf_keys){ .paste = true };
		for (size_t i = 0; i < sizeof(buf); i++)
			if (buf[i] == '~')
				buf[i] = 'a';		/* nothing ends the paste */
		for (unsigned i = 0, n = feed(&k, buf, sizeof(buf), keys); i < n; i++)
			assert_int_equal(keys[i], HF_KEY_CTRL_C);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequences),
		cmocka_unit_test(terminal_answers),
		cmocka_unit_test(an_unfinished_sequence_is_given_up),
		cmocka_unit_test(noise),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
