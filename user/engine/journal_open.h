/* SPDX-License-Identifier: Apache-2.0 */
/* Journals for the subcommands that read them: finding one by its session, and going through its lines. */
#ifndef HF_JOURNAL_OPEN_H
#define HF_JOURNAL_OPEN_H
#include "core/journal.h"
#include "engine/journal_file.h"

/* One line: rc is hf_journal_read()'s result; l is set when it is 0, why when it is not (whole: the line had its newline).
 * Anything but 0 ends the reading. */
typedef int (*hf_jopen_fn)(void *ctx, struct hf_journal_reader *r, struct hf_str line, int rc, const struct hf_line *l, const char *why);
struct hf_jopen_result {
	uint64_t lines;
	bool ended;		/* the last line was an end line */
	bool cut;		/* the last line has no newline: cut off, or being written just now */
	char hash[65];		/* of the last whole line */
};
/* Reads path ("-": standard input) to its end in constant memory. 0, -errno (why: escaped text), or what fn returned. A last line
 * without its newline is not handed to fn. */
int hf_jopen_each(const char *path, hf_jopen_fn fn, void *ctx, struct hf_jopen_result *ret, char *why, size_t why_cap);

/*
 * The journal that what names: a file (a path with '/', or one that exists), else a session: its id or the beginning of it, or its
 * name. Running sessions are asked through their control sockets, then dir (NULL: HF_JOURNAL_DIR) is searched.
 * 0; -ENOENT; -ENOTUNIQ: several, why names some of them; -EACCES: only root may look there.
 */
int hf_jopen_find(const char *what, const char *dir, char *out, size_t cap, char *why, size_t why_cap);
#endif
