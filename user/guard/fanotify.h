/* SPDX-License-Identifier: Apache-2.0 */
/* fanotify permission events on protected files. fanotify(7). A question also comes for unwatched processes:
 * answered at once. */
#ifndef HF_GUARD_FANOTIFY_H
#define HF_GUARD_FANOTIFY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
struct hf_fan;
int hf_fan_open(struct hf_fan **ret);			/* -ENOSYS, -EPERM, ... */
/* what is not answered yet is ALLOWED by the kernel, unless a guardian has a copy */
void hf_fan_close(struct hf_fan **f);
/* Enumerates glob ('*' within or across components, '?', letter case ignored as Sigma does), below root dirs:
 * home, workspace, and the glob's own literal prefix; marks each regular file found. Bounded: *ret_complete is false
 * when a bound was hit or the glob can't be enumerated (procfs, "*" first without a usable literal): such reads are
 * stopped at syscall exit instead. Number of files marked or -errno. Files that come into being later, and for globs
 * that begin with '*' files elsewhere, are not marked: keep the exit stop. */
int hf_fan_protect(struct hf_fan *f, const char *glob, const char *home, const char *workspace, bool *ret_complete);
/* The same for many globs in one walk of each root: use this. home and workspace may be NULL. 0 or -errno. */
/* found: files that match it, marked now or before */
struct hf_fan_glob { const char *glob; unsigned found; bool complete; };
struct hf_fan_bounds { unsigned entries, depth, ms; };			/* per call; NULL: 200000, 32, 1000 */
int hf_fan_protect_all(struct hf_fan *f, struct hf_fan_glob *globs, size_t n, const char *home, const char *workspace,
		       const struct hf_fan_bounds *bounds);
/* one regular file by descriptor (O_PATH works); 0, -EINVAL no regular file */
int hf_fan_mark_fd(struct hf_fan *f, int fd);
/* st_dev, st_ino; the engine must not open these itself */
bool hf_fan_marked(const struct hf_fan *f, uint64_t dev, uint64_t ino);
/* The path under which it was marked; NULL: it is not. A mark is the inode's: a hard link, a rename or a bind mount gives it
 * another path, which no rule may know. Valid until hf_fan_close(). */
const char *hf_fan_name(const struct hf_fan *f, uint64_t dev, uint64_t ino);
int hf_fan_fd(const struct hf_fan *f);
/* pid: thread group; pidfd -1: kernel < 5.15 or already dead */
struct hf_fan_event { int fd; int pidfd; pid_t pid; uint64_t mask; };
/* Number, 0 none; never blocks. -EMFILE and the like: the kernel has denied that question itself. cap is taken as
 * at most 64. */
int hf_fan_read(struct hf_fan *f, struct hf_fan_event *ret, unsigned cap);
/* closes e->fd and e->pidfd; a dead asker is no error */
int hf_fan_answer(struct hf_fan *f, const struct hf_fan_event *e, bool allow);
unsigned hf_fan_count(const struct hf_fan *f);		/* files marked */

/* Pure: does a whole path match a glob? Sigma's way: letter case ignored, '*' crosses '/'. */
bool hf_fan_glob_match(const char *glob, const char *path);
#endif
