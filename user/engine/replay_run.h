/* SPDX-License-Identifier: Apache-2.0 */
/* `holdfast replay` without its options' syntax: the golden tests run this very code. */
#ifndef HF_REPLAY_RUN_H
#define HF_REPLAY_RUN_H
#include <stdbool.h>
#include <stdio.h>

struct hf_replay_run {
	const char *const *journals;	/* files; "-" standard input */
	unsigned njournals;
	const char *const *rules;	/* files and trees */
	unsigned nrules;
	const char *const *verdicts;	/* "LEVEL=VERDICT" */
	unsigned nverdicts;
	const char *values;		/* file of placeholders' values; NULL: none */
	bool json;
	FILE *out, *err;		/* findings; messages and totals */
};
/* Exit status: 0 all was read; 1 a journal has wrong lines (they are left out and named); 2 rules or journals cannot be read. */
int hf_replay_run(const struct hf_replay_run *o);
#endif
