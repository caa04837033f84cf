/* SPDX-License-Identifier: Apache-2.0 */
#include "prompt_keys.h"
#include <string.h>

enum { GROUND, ESC, CSI, SS3, STRING, STRING_ESC, MOUSE };

static void begin_csi(struct hf_keys *k)
{
	k->state = CSI;
	k->npar = 0;
	memset(k->par, 0, sizeof(k->par));
	memset(k->sub, 0, sizeof(k->sub));
	k->private = k->inter = 0;
}

static void decrpm(struct hf_keys *k)
{
	unsigned v = k->par[1] + 1;

	switch (k->par[0]) {
	case 1049: case 1047:
		if (!k->alt_screen || v == 2)
			k->alt_screen = v;
		break;
	case 47:
		k->alt_screen_old = v;
		break;
	case 7:
		k->wrap = v;
		break;
	case 25:
		k->cursor = v;
		break;
	}
}

/* Keyboard protocols that an agent may have switched on send plain keys as sequences: kitty's CSI code;mods:event u, xterm's
 * modifyOtherKeys CSI 27;mods;code~. Only presses (event 1, or none) without modifiers, and Ctrl-C, are keys here. */
static int coded_key(unsigned code, unsigned mods, unsigned event)
{
	unsigned held = mods ? (mods - 1) & ~0xc0u : 0;	/* caps lock and num lock don't count */

	if (event > 1)
		return HF_KEY_NONE;
	if (held == 4 && code == 'c')
		return HF_KEY_CTRL_C;
	if (held == 0 && code >= 0x20 && code < 0x7f)
		return (int)code;
	return HF_KEY_OTHER;
}

static int tilde(struct hf_keys *k)
{
	switch (k->par[0]) {
	case 200:
		k->paste = true;
		return HF_KEY_NONE;
	case 201:
		k->paste = false;
		return HF_KEY_NONE;
	case 5:
		return HF_KEY_PGUP;
	case 6:
		return HF_KEY_PGDN;
	case 1: case 7:
		return HF_KEY_HOME;
	case 4: case 8:
		return HF_KEY_END;
	case 27:
		return coded_key(k->par[2], k->par[1], k->sub[1]);
	}
	return HF_KEY_OTHER;
}

static int csi_final(struct hf_keys *k, unsigned char c)
{
	k->state = GROUND;
	if (k->private == '?' && k->inter == '$' && c == 'y') {
		decrpm(k);
		return HF_KEY_NONE;
	}
	if (k->private || k->inter)
		return HF_KEY_NONE;	/* SGR mouse, device attributes and other answers */
	switch (c) {
	case 'A':
		return HF_KEY_UP;
	case 'B':
		return HF_KEY_DOWN;
	case 'H':
		return HF_KEY_HOME;
	case 'F':
		return HF_KEY_END;
	case '~':
		return tilde(k);
	case 'u':
		return coded_key(k->par[0], k->par[1], k->sub[1]);
	case 'M':
		/* X10 mouse report: the next three bytes are a button and a place, not keys ('a' is column 65). */
		if (k->npar == 0) {
			k->state = MOUSE;
			k->skip = 3;
		}
		return HF_KEY_NONE;
	case 'R':
		if (k->npar == 2 && k->ncpr < 2) {
			k->cpr[k->ncpr].row = k->par[0];
			k->cpr[k->ncpr++].col = k->par[1];
		}
		return HF_KEY_NONE;
	case 'I': case 'O': case 'c': case 'n': case 't':
		return HF_KEY_NONE;	/* focus, reports */
	}
	return HF_KEY_OTHER;
}

static int csi(struct hf_keys *k, unsigned char c)
{
	unsigned i = k->npar ? k->npar - 1 : 0;

	if (c >= '0' && c <= '9') {
		if (!k->npar)
			k->npar = 1;
		if (k->inter == ':' && i < 4 && k->sub[i] < 100000)
			k->sub[i] = k->sub[i] * 10 + c - '0';
		else if (k->inter != ':' && i < 4 && k->par[i] < 100000)
			k->par[i] = k->par[i] * 10 + c - '0';
	} else if (c == ';') {
		k->npar = k->npar ? k->npar + 1 : 2;
		if (k->npar > 5)
			k->npar = 5;	/* par[4] does not exist: the rest is dropped */
		k->inter = 0;
	} else if (c == ':') {
		if (!k->npar)
			k->npar = 1;
		k->inter = ':';
	} else if (c >= '<' && c <= '?') {
		k->private = (char)c;
	} else if (c >= 0x20 && c <= 0x2f) {
		k->inter = (char)c;
	} else if (c >= 0x40 && c <= 0x7e) {
		if (k->inter == ':')
			k->inter = 0;
		return csi_final(k, c);
	} else if (c == 27) {
		k->state = ESC;
	} else {
		k->state = GROUND;
	}
	return HF_KEY_NONE;
}

static int ground(struct hf_keys *k, unsigned char c)
{
	if (c == 27)
		k->state = ESC;
	else if (c == HF_KEY_CTRL_C || (c >= 0x20 && c < 0x7f))
		return c;
	else if (c < 0x80)
		return HF_KEY_OTHER;
	return c >= 0xc2 ? HF_KEY_OTHER : HF_KEY_NONE;
}

static int feed(struct hf_keys *k, unsigned char c)
{
	switch (k->state) {
	case ESC:
		k->state = GROUND;
		if (c == '[')
			begin_csi(k);
		else if (c == 'O')
			k->state = SS3;
		else if (c && strchr("]P_^X", c))
			k->state = STRING;
		else if (c == 27)
			k->state = ESC;
		else
			return HF_KEY_OTHER;	/* Alt and a key */
		return HF_KEY_NONE;
	case CSI:
		return csi(k, c);
	case SS3:
		k->state = GROUND;
		return c == 'A' ? HF_KEY_UP : c == 'B' ? HF_KEY_DOWN : c == 'H' ? HF_KEY_HOME : c == 'F' ? HF_KEY_END : HF_KEY_OTHER;
	case STRING:
		if (c == 7)
			k->state = GROUND;
		else if (c == 27)
			k->state = STRING_ESC;
		return HF_KEY_NONE;
	case STRING_ESC:
		k->state = c == '\\' ? GROUND : STRING;
		return HF_KEY_NONE;
	case MOUSE:
		/* UTF-8 mouse mode sends characters, not bytes: a continuation byte belongs to the one before. */
		if ((c & 0xc0) != 0x80 && --k->skip == 0)
			k->state = GROUND;
		return HF_KEY_NONE;
	default:
		return ground(k, c);
	}
}

int hf_keys_feed(struct hf_keys *k, unsigned char c)
{
	int key = feed(k, c);

	return k->paste && key != HF_KEY_CTRL_C ? HF_KEY_NONE : key;
}

void hf_keys_quiet(struct hf_keys *k)
{
	k->state = GROUND;
}
