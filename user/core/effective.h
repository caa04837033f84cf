/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command line really starts: the programs behind `sh -c`, env, nohup, timeout, xargs, sudo, busybox,
 * ld.so, `find -exec`, `git -c alias.x=!cmd`, `python -c`, also nested. Read from the text alone, without running or looking
 * anything up: variables, globs and functions are not expanded, and text that a program makes up itself (base64 -d | sh)
 * is not seen. Each exec that follows is judged for itself anyway; this only lets a rule see it coming.
 *
 * Everything here is the agent's: work, nesting and memory are bounded by the three numbers below, and what did not fit
 * is said (cut). A wrong guess shows a command that will not run; the literal command is always the first of the list.
 */
#ifndef HF_EFFECTIVE_H
#define HF_EFFECTIVE_H
#include "bpf/wire.h"
#include "str.h"

#define HF_EFFECTIVE_MAX 32u			/* commands, the literal one included */
#define HF_EFFECTIVE_SCRIPTS 32u		/* texts for a shell found on the way */
#define HF_EFFECTIVE_DEPTH 8u
#define HF_EFFECTIVE_TEXT (2 * HF_ARGV_MAX + 8192u)

struct hf_effective {
	unsigned n;		/* cmd[0]: the literal command */
	bool cut;		/* more of it than fits: the last command then is all the rest of its script, unsplit */
	struct hf_effective_cmd {
		struct hf_str image;	/* as written; a bare name, for PATH to find, as "/name"; absent for the rest of a script */
		struct hf_str cmdline;	/* words joined by a space, quotes removed. Both point into text or the arguments given */
		/* private: the same with NUL between words; what the command stands in */
		unsigned depth;
		bool raw;
	} cmd[HF_EFFECTIVE_MAX];
	struct hf_effective_script {	/* private */
		struct hf_str text;
		unsigned depth;
	} script[HF_EFFECTIVE_SCRIPTS];
	unsigned nscripts;
	size_t used;
	char text[HF_EFFECTIVE_TEXT];
};

/* Fills *ret from one exec: image as the kernel runs it, argv as the kernel keeps it (NUL after each word).
 * script: the file of a #! script, or absent; then it is the second command, and its arguments are not taken for the interpreter's. */
void hf_effective_parse(struct hf_str image, struct hf_str argv, struct hf_str script, struct hf_effective *ret);
#endif
