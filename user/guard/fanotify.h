/* SPDX-License-Identifier: Apache-2.0 */
/* fanotify permission events on protected files. fanotify(7). A question also comes for unwatched processes: answered at once. */
#ifndef HF_GUARD_FANOTIFY_H
#define HF_GUARD_FANOTIFY_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
struct hf_fan;
int hf_fan_open(struct hf_fan **ret);			/* -ENOSYS, -EPERM, ... */
void hf_fan_close(struct hf_fan **f);
/* Enumerates glob ('*' within or across components, '?'), below root dirs: home, workspace, and the glob's own literal prefix;
 * marks each regular file found. Bounded: *ret_complete is false when a bound was hit or the glob can't be enumerated (procfs, "*" first
 * without a usable literal): such reads are stopped at syscall exit instead. Number of files marked or -errno. */
int hf_fan_protect(struct hf_fan *f, const char *glob, const char *home, const char *workspace, bool *ret_complete);
int hf_fan_mark_fd(struct hf_fan *f, int fd);		/* one file by descriptor (O_PATH works) */
bool hf_fan_marked(const struct hf_fan *f, uint64_t dev, uint64_t ino);	/* st_dev, st_ino; the engine must not open these itself */
int hf_fan_fd(const struct hf_fan *f);
struct hf_fan_event { int fd; int pidfd; pid_t pid; uint64_t mask; };	/* caller answers, then closes both */
int hf_fan_read(struct hf_fan *f, struct hf_fan_event *ret, unsigned cap);	/* number, 0 none; never blocks */
int hf_fan_answer(struct hf_fan *f, const struct hf_fan_event *e, bool allow);	/* closes e->fd and e->pidfd */
unsigned hf_fan_count(const struct hf_fan *f);		/* files marked */
#endif
