/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * x86-64 system call numbers that Holdfast knows (arch/x86/entry/syscalls/syscall_64.tbl). Not taken from
 * the C library: those of a build host may be older than the kernel that is watched.
 */
#ifndef HF_NR_H
#define HF_NR_H

enum hf_nr {
	HF_NR_open = 2, HF_NR_connect = 42, HF_NR_accept = 43, HF_NR_sendto = 44, HF_NR_sendmsg = 46,
	HF_NR_bind = 49, HF_NR_listen = 50, HF_NR_clone = 56, HF_NR_fork = 57, HF_NR_vfork = 58, HF_NR_execve = 59,
	HF_NR_kill = 62, HF_NR_truncate = 76, HF_NR_ftruncate = 77, HF_NR_rename = 82, HF_NR_mkdir = 83,
	HF_NR_rmdir = 84, HF_NR_creat = 85, HF_NR_link = 86, HF_NR_unlink = 87, HF_NR_symlink = 88,
	HF_NR_chmod = 90, HF_NR_fchmod = 91, HF_NR_chown = 92, HF_NR_fchown = 93, HF_NR_lchown = 94,
	HF_NR_ptrace = 101, HF_NR_setuid = 105, HF_NR_setgid = 106, HF_NR_setreuid = 113, HF_NR_setregid = 114,
	HF_NR_setgroups = 116, HF_NR_setresuid = 117, HF_NR_setresgid = 119, HF_NR_setfsuid = 122,
	HF_NR_setfsgid = 123, HF_NR_capset = 126, HF_NR_rt_sigqueueinfo = 129, HF_NR_mknod = 133,
	HF_NR_pivot_root = 155, HF_NR_chroot = 161, HF_NR_mount = 165, HF_NR_umount2 = 166, HF_NR_swapon = 167,
	HF_NR_init_module = 175, HF_NR_delete_module = 176, HF_NR_setxattr = 188, HF_NR_lsetxattr = 189,
	HF_NR_fsetxattr = 190, HF_NR_removexattr = 197, HF_NR_lremovexattr = 198, HF_NR_fremovexattr = 199,
	HF_NR_tkill = 200, HF_NR_tgkill = 234, HF_NR_kexec_load = 246, HF_NR_openat = 257, HF_NR_mkdirat = 258,
	HF_NR_mknodat = 259, HF_NR_fchownat = 260, HF_NR_unlinkat = 263, HF_NR_renameat = 264, HF_NR_linkat = 265,
	HF_NR_symlinkat = 266, HF_NR_fchmodat = 268, HF_NR_unshare = 272, HF_NR_accept4 = 288,
	HF_NR_rt_tgsigqueueinfo = 297, HF_NR_perf_event_open = 298, HF_NR_open_by_handle_at = 304,
	HF_NR_sendmmsg = 307, HF_NR_setns = 308, HF_NR_process_vm_writev = 311, HF_NR_finit_module = 313,
	HF_NR_renameat2 = 316, HF_NR_memfd_create = 319, HF_NR_kexec_file_load = 320, HF_NR_bpf = 321,
	HF_NR_execveat = 322, HF_NR_pidfd_send_signal = 424, HF_NR_io_uring_setup = 425, HF_NR_open_tree = 428,
	HF_NR_move_mount = 429, HF_NR_fsopen = 430, HF_NR_fsconfig = 431, HF_NR_fsmount = 432, HF_NR_fspick = 433,
	HF_NR_clone3 = 435, HF_NR_openat2 = 437, HF_NR_pidfd_getfd = 438, HF_NR_mount_setattr = 442,
	HF_NR_memfd_secret = 447, HF_NR_fchmodat2 = 452, HF_NR_setxattrat = 463, HF_NR_removexattrat = 466,
	HF_NR_open_tree_attr = 467,
	HF_NR_TABLE = 512,
};

#endif
