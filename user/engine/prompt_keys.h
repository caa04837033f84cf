/* SPDX-License-Identifier: Apache-2.0 */
/* What a terminal sends, to keys: a state machine without clock or descriptor, so that it can be fuzzed. */
#ifndef HF_PROMPT_KEYS_H
#define HF_PROMPT_KEYS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hf_key { HF_KEY_NONE, HF_KEY_CTRL_C = 3, HF_KEY_UP = 256, HF_KEY_DOWN, HF_KEY_PGUP, HF_KEY_PGDN, HF_KEY_HOME, HF_KEY_END, HF_KEY_OTHER };

struct hf_keys {
	unsigned state;
	unsigned npar, par[4], sub[4];	/* parameters, and the first ':' part of each */
	char private, inter;
	unsigned skip;			/* bytes of an X10 mouse report to come */
	bool paste;			/* between ESC[200~ and ESC[201~ */
	/* DECRPM answers (CSI ? mode ; value $ y): value + 1, 0 no answer yet */
	unsigned alt_screen, alt_screen_old, wrap, cursor;
	/* the first cursor position reports (CSI row ; column R) */
	unsigned ncpr;
	struct { unsigned row, col; } cpr[2];
};
/* One byte; a key when one is complete. Printable keys are their ASCII code. */
int hf_keys_feed(struct hf_keys *k, unsigned char c);
/* Some time passed without a byte: an unfinished sequence is given up (a lone Esc, a cut answer). */
void hf_keys_quiet(struct hf_keys *k);
#endif
