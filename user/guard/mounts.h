/* SPDX-License-Identifier: Apache-2.0 */
/* What is mounted where, from /proc/self/mountinfo: which directories must not be waited for. Internal to the
 * guards. */
#ifndef HF_GUARD_MOUNTS_H
#define HF_GUARD_MOUNTS_H
#include <stdbool.h>
#include <stdint.h>
struct hf_mounts;
enum hf_mount_kind {
	HF_MOUNT_NONE,	 /* not a mount point */
	HF_MOUNT_PLAIN,	 /* holds files: local or over a network */
	HF_MOUNT_PSEUDO, /* the kernel's own: proc, sysfs, cgroup2, ... */
	HF_MOUNT_SERVED, /* a process answers (FUSE, autofs), perhaps an agent's, perhaps never */
};
int hf_mounts_read(struct hf_mounts **ret);
void hf_mounts_free(struct hf_mounts **m);
/* Of exactly this directory. */
enum hf_mount_kind hf_mounts_kind(const struct hf_mounts *m, const char *path);
/* Does a resolved path lie on a pseudo or served file system? */
bool hf_mounts_served(const struct hf_mounts *m, const char *path);
/* Is the device (st_dev) a local file system whose writes wait for nobody but a disk? false when it is not mounted
 * here. */
bool hf_mounts_local(const struct hf_mounts *m, uint64_t dev);
#endif
