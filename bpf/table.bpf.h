/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which system calls are looked at, and where their arguments are. */
#ifndef HF_TABLE_H
#define HF_TABLE_H
#include "holdfast.bpf.h"

enum hf_class { HF_C_NONE, HF_C_EXEC, HF_C_OPEN, HF_C_PATH, HF_C_SOCK, HF_C_SYS, HF_C_FOREIGN };

/* Argument positions count from 1; 0 is "has none". */
struct hf_nr_desc {
	__u8 cls;		/* enum hf_class */
	__u8 a, a_dfd;		/* first path and the directory it is relative to */
	__u8 b, b_dfd;
	__u8 fd;		/* the object is behind this descriptor */
	__u8 v0, v1;		/* values for hf_rec_path.args */
	__u8 raw_a;		/* path a is text (a symbolic link's target), not a path of the caller's */
	__u8 ticket;		/* the caller's ticket ends with this call */
	__u8 pid;		/* the other process */
	__u8 pad[5];
};

#define HF_P(...) { .cls = HF_C_PATH, __VA_ARGS__ }
#define HF_S(...) { .cls = HF_C_SYS, ##__VA_ARGS__ }
#define HF_K(...) { .cls = HF_C_SOCK, ##__VA_ARGS__ }

static const volatile struct hf_nr_desc hf_nr_table[HF_NR_TABLE] = {
	[HF_NR_execve] = { .cls = HF_C_EXEC, .ticket = 1 },
	[HF_NR_execveat] = { .cls = HF_C_EXEC, .ticket = 1 },

	[HF_NR_open] = { .cls = HF_C_OPEN },
	[HF_NR_openat] = { .cls = HF_C_OPEN },
	[HF_NR_openat2] = { .cls = HF_C_OPEN },
	[HF_NR_creat] = { .cls = HF_C_OPEN },

	[HF_NR_unlink] = HF_P(.a = 1),
	[HF_NR_rmdir] = HF_P(.a = 1),
	[HF_NR_unlinkat] = HF_P(.a_dfd = 1, .a = 2, .v0 = 3),
	[HF_NR_rename] = HF_P(.a = 1, .b = 2),
	[HF_NR_renameat] = HF_P(.a_dfd = 1, .a = 2, .b_dfd = 3, .b = 4),
	[HF_NR_renameat2] = HF_P(.a_dfd = 1, .a = 2, .b_dfd = 3, .b = 4, .v0 = 5),
	[HF_NR_link] = HF_P(.a = 1, .b = 2),
	[HF_NR_linkat] = HF_P(.a_dfd = 1, .a = 2, .b_dfd = 3, .b = 4, .v0 = 5),
	[HF_NR_symlink] = HF_P(.a = 1, .b = 2, .raw_a = 1),
	[HF_NR_symlinkat] = HF_P(.a = 1, .b_dfd = 2, .b = 3, .raw_a = 1),
	[HF_NR_mkdir] = HF_P(.a = 1, .v0 = 2),
	[HF_NR_mkdirat] = HF_P(.a_dfd = 1, .a = 2, .v0 = 3),
	[HF_NR_mknod] = HF_P(.a = 1, .v0 = 2, .v1 = 3),
	[HF_NR_mknodat] = HF_P(.a_dfd = 1, .a = 2, .v0 = 3, .v1 = 4),
	[HF_NR_chmod] = HF_P(.a = 1, .v0 = 2),
	[HF_NR_fchmod] = HF_P(.fd = 1, .v0 = 2),
	[HF_NR_fchmodat] = HF_P(.a_dfd = 1, .a = 2, .v0 = 3),
	[HF_NR_fchmodat2] = HF_P(.a_dfd = 1, .a = 2, .v0 = 3),
	[HF_NR_chown] = HF_P(.a = 1, .v0 = 2, .v1 = 3),
	[HF_NR_lchown] = HF_P(.a = 1, .v0 = 2, .v1 = 3),
	[HF_NR_fchown] = HF_P(.fd = 1, .v0 = 2, .v1 = 3),
	[HF_NR_fchownat] = HF_P(.a_dfd = 1, .a = 2, .v0 = 3, .v1 = 4),
	[HF_NR_truncate] = HF_P(.a = 1, .v0 = 2),
	[HF_NR_ftruncate] = HF_P(.fd = 1, .v0 = 2),
	[HF_NR_setxattr] = HF_P(.a = 1),
	[HF_NR_lsetxattr] = HF_P(.a = 1),
	[HF_NR_fsetxattr] = HF_P(.fd = 1),
	[HF_NR_removexattr] = HF_P(.a = 1),
	[HF_NR_lremovexattr] = HF_P(.a = 1),
	[HF_NR_fremovexattr] = HF_P(.fd = 1),
	[HF_NR_setxattrat] = HF_P(.a_dfd = 1, .a = 2),
	[HF_NR_removexattrat] = HF_P(.a_dfd = 1, .a = 2),

	[HF_NR_connect] = HF_K(.ticket = 1),
	[HF_NR_sendto] = HF_K(.ticket = 1),
	[HF_NR_sendmsg] = HF_K(.ticket = 1),
	[HF_NR_sendmmsg] = HF_K(.ticket = 1),
	[HF_NR_bind] = HF_K(),
	[HF_NR_listen] = HF_K(),
	[HF_NR_accept] = HF_K(),
	[HF_NR_accept4] = HF_K(),

	[HF_NR_setuid] = HF_S(),
	[HF_NR_setgid] = HF_S(),
	[HF_NR_setreuid] = HF_S(),
	[HF_NR_setregid] = HF_S(),
	[HF_NR_setgroups] = HF_S(),
	[HF_NR_setresuid] = HF_S(),
	[HF_NR_setresgid] = HF_S(),
	[HF_NR_setfsuid] = HF_S(),
	[HF_NR_setfsgid] = HF_S(),
	[HF_NR_capset] = HF_S(),
	[HF_NR_ptrace] = HF_S(.pid = 2),
	[HF_NR_kill] = HF_S(.pid = 1),
	[HF_NR_tkill] = HF_S(.pid = 1),
	[HF_NR_tgkill] = HF_S(.pid = 1),
	[HF_NR_rt_sigqueueinfo] = HF_S(.pid = 1),
	[HF_NR_rt_tgsigqueueinfo] = HF_S(.pid = 1),
	[HF_NR_pidfd_send_signal] = HF_S(.fd = 1),
	[HF_NR_pidfd_getfd] = HF_S(.fd = 1),
	[HF_NR_process_vm_writev] = HF_S(.pid = 1),
	[HF_NR_memfd_create] = HF_S(),
	[HF_NR_memfd_secret] = HF_S(),
	[HF_NR_mount] = HF_S(),
	[HF_NR_umount2] = HF_S(),
	[HF_NR_swapon] = HF_S(),
	[HF_NR_pivot_root] = HF_S(),
	[HF_NR_chroot] = HF_S(),
	[HF_NR_unshare] = HF_S(),
	[HF_NR_setns] = HF_S(),
	[HF_NR_open_tree] = HF_S(),
	[HF_NR_open_tree_attr] = HF_S(),
	[HF_NR_move_mount] = HF_S(),
	[HF_NR_fsopen] = HF_S(),
	[HF_NR_fsconfig] = HF_S(),
	[HF_NR_fsmount] = HF_S(),
	[HF_NR_fspick] = HF_S(),
	[HF_NR_mount_setattr] = HF_S(),
	[HF_NR_init_module] = HF_S(),
	[HF_NR_finit_module] = HF_S(),
	[HF_NR_delete_module] = HF_S(),
	[HF_NR_kexec_load] = HF_S(),
	[HF_NR_kexec_file_load] = HF_S(),
	[HF_NR_bpf] = HF_S(),
	[HF_NR_open_by_handle_at] = HF_S(),
	[HF_NR_perf_event_open] = HF_S(),

	[HF_NR_io_uring_setup] = { .cls = HF_C_FOREIGN },
};

#endif
