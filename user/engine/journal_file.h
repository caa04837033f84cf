/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A journal on disk, written by one engine. Lines are built straight into the pending buffer and go out in writes of 32 KiB and
 * more, or at once where a person or a later reader depends on them (holds, decisions, findings).
 *
 * Nothing is lost silently: a short or failed write (disk full) keeps the bytes pending, is remembered as the error state and tried
 * again with the next lines. When not even HF_JFILE_PENDING_MAX bytes can take another line, lines are dropped *before* they enter
 * the hash chain and counted; the first line that fits again is a gap line with their number, so the chain itself never breaks.
 */
#ifndef HF_JOURNAL_FILE_H
#define HF_JOURNAL_FILE_H
#include "core/journal.h"

#define HF_JOURNAL_DIR "/var/lib/holdfast"
#define HF_JFILE_FLUSH_LEN (32u * 1024)
#define HF_JFILE_PENDING_MAX (4u * 1024 * 1024)

struct hf_jfile;
struct hf_jfile_options {
	const char *path;		/* NULL: dir/<YYYYMMDD-HHMMSS>-<name>-<16 hex digits>.jsonl, UTC, name sanitised */
	const char *dir;		/* NULL: HF_JOURNAL_DIR; created 0700 when missing */
	const char *name;		/* the session's; NULL: "session" */
	uint64_t session, wall_ns;
	size_t pending_max;		/* 0: HF_JFILE_PENDING_MAX */
};
/* Creates the file (0600, O_EXCL: a journal is never appended to or replaced). 0, -errno with why[] (escaped). */
int hf_jfile_open(const struct hf_jfile_options *o, struct hf_jfile **ret, char *why, size_t why_cap);
/* The same over a descriptor the file takes over (tests, pipes). NULL: out of memory; then the descriptor stays the caller's. */
struct hf_jfile *hf_jfile_from_fd(int fd, const char *path, size_t pending_max);
const char *hf_jfile_path(const struct hf_jfile *f);		/* absolute */

/* Starts a line: an empty writer with room for HF_LINE_MAX, to hand to hf_journal_line_*() with hf_jfile_chain(). NULL: no room,
 * the line is counted as dropped. */
struct hf_jsonw *hf_jfile_line(struct hf_jfile *f, struct hf_stamp at);
struct hf_chain *hf_jfile_chain(struct hf_jfile *f);
/* Takes the line in when built is 0 (what hf_journal_line_*() returned), else counts it as dropped; now: writes everything out.
 * 0, or the error state. */
int hf_jfile_put(struct hf_jfile *f, int built, bool now);
int hf_jfile_flush(struct hf_jfile *f);		/* 0, or -errno: some bytes are still pending */
/* 0 while all is well; -errno of the last failed write as long as its bytes are pending; -ENOBUFS: lines were dropped and no gap
 * line could say so yet. */
int hf_jfile_error(const struct hf_jfile *f);
struct hf_jfile_stats {
	uint64_t lines, bytes, dropped;	/* dropped: lines that never entered the chain, all in all */
	uint64_t failed_writes;
	size_t pending_len;
};
void hf_jfile_stats(const struct hf_jfile *f, struct hf_jfile_stats *ret);
const char *hf_jfile_hash(const struct hf_jfile *f);	/* hex hash of the last line taken in */
/* Flushes, syncs, closes, frees. 0, or -errno when bytes were lost or could not be made durable. */
int hf_jfile_close(struct hf_jfile **f);
#endif
