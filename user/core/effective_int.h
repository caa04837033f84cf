/* SPDX-License-Identifier: Apache-2.0 */
/* Between effective.c, which knows programs, and effective_sh.c, which knows the shell. Nobody else includes this. */
#ifndef HF_EFFECTIVE_INT_H
#define HF_EFFECTIVE_INT_H
#include "effective.h"

/* argv: NUL after each word, in e->text or as long-lived as e. Its index, or HF_EFFECTIVE_MAX: no room, cut. */
unsigned hf_effective_add(struct hf_effective *e, struct hf_str argv, unsigned depth);
void hf_effective_add_script(struct hf_effective *e, struct hf_str text, unsigned depth);
/* Splits a shell's text into commands, added to e. */
void hf_effective_shell(struct hf_effective *e, struct hf_str text, unsigned depth);

/* Takes the first word off; false at the end. */
static inline bool hf_effective_word(struct hf_str *rest, struct hf_str *ret)
{
	const char *nul;

	if (rest->n == 0)
		return false;
	nul = memchr(rest->p, '\0', rest->n);
	*ret = (struct hf_str){ rest->p, nul ? (size_t)(nul - rest->p) : rest->n };
	rest->p += ret->n + (nul != NULL);
	rest->n -= ret->n + (nul != NULL);
	return true;
}
/* How does this command take its program text from standard input? */
enum hf_stdin { HF_STDIN_NONE, HF_STDIN_SHELL, HF_STDIN_CODE };
enum hf_stdin hf_effective_stdin(struct hf_str argv);
/* Commands in the code of another language: the strings given to system(), popen(), run() and the like. */
void hf_effective_code(struct hf_effective *e, struct hf_str code, unsigned depth);
#endif
