// SPDX-License-Identifier: Apache-2.0
/* The filter and the answers. What is asked and what is refused is one table each. */
#include "seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

/* Newer than the headers and the libseccomp of Debian 12; from 424 on every architecture has the same numbers. */
#define NR_FCHMODAT2	  452
#define NR_SETXATTRAT	  463
#define NR_REMOVEXATTRAT  466
#define NR_OPEN_TREE_ATTR 467
#define UFFD_USER_ONLY	  1 /* UFFD_USER_MODE_ONLY */
#ifndef SOL_SCTP
#define SOL_SCTP 132
#endif
#define SCTP_CONNECTX_OLD 107 /* linux/sctp.h, which clashes with the C library's headers */
#define SCTP_CONNECTX	  110
#define SCTP_CONNECTX3	  111

/* Asked whatever their arguments are. */
static const int asked_always[] = {
	SCMP_SYS(execve), SCMP_SYS(execveat),
	SCMP_SYS(creat), SCMP_SYS(openat2), SCMP_SYS(open_by_handle_at),
	SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(rmdir),
	SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2),
	SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(symlink), SCMP_SYS(symlinkat),
	SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(mknod), SCMP_SYS(mknodat),
	SCMP_SYS(chmod), SCMP_SYS(fchmod), SCMP_SYS(fchmodat), NR_FCHMODAT2,
	SCMP_SYS(chown), SCMP_SYS(fchown), SCMP_SYS(lchown), SCMP_SYS(fchownat),
	SCMP_SYS(truncate),
	SCMP_SYS(setxattr), SCMP_SYS(lsetxattr), SCMP_SYS(fsetxattr), NR_SETXATTRAT,
	SCMP_SYS(removexattr), SCMP_SYS(lremovexattr), SCMP_SYS(fremovexattr), NR_REMOVEXATTRAT,
	SCMP_SYS(connect), SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg),
	SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(move_mount), SCMP_SYS(fsmount), SCMP_SYS(open_tree),
	NR_OPEN_TREE_ATTR, SCMP_SYS(mount_setattr), SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(setns),
	SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(acct),
	SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(pidfd_getfd),
	SCMP_SYS(rt_sigqueueinfo), SCMP_SYS(rt_tgsigqueueinfo), SCMP_SYS(pidfd_send_signal),
	SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load), SCMP_SYS(reboot), SCMP_SYS(iopl), SCMP_SYS(ioperm),
	SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(memfd_create),
	SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(setreuid), SCMP_SYS(setregid),
	SCMP_SYS(setresuid), SCMP_SYS(setresgid), SCMP_SYS(setfsuid), SCMP_SYS(setfsgid),
	SCMP_SYS(setgroups), SCMP_SYS(capset),
};

/* Asked, or refused with err, when one argument (or both) are so. Several rows of one system call are or-ed. */
struct cond {
	int nr, err; /* err 0: ask */
	unsigned n;
	struct scmp_arg_cmp arg[2];
};
#define LOW 0xffffffffu
#define ASK_FLAG(nr, arg, flag) { nr, 0, 1, { { arg, SCMP_CMP_MASKED_EQ, flag, flag } } }
#define ASK_IF(nr, arg, op, val) { nr, 0, 1, { { arg, op, val, 0 } } }
#define REFUSE_MASKED(nr, err, arg, mask, val) { nr, err, 1, { { arg, SCMP_CMP_MASKED_EQ, mask, val } } }
#define REFUSE_INTS(nr, err, a, x, b, y) \
	{ nr, err, 2, { { a, SCMP_CMP_MASKED_EQ, LOW, x }, { b, SCMP_CMP_MASKED_EQ, LOW, y } } }
static const struct cond conditional[] = {
	/* The flags are a register, so this can't be swapped. An int: only the low half counts, the mask sees to it.
	 * O_PATH and plain reads pass. */
	ASK_FLAG(SCMP_SYS(open), 1, O_WRONLY), ASK_FLAG(SCMP_SYS(open), 1, O_RDWR),
	ASK_FLAG(SCMP_SYS(open), 1, O_CREAT), ASK_FLAG(SCMP_SYS(open), 1, O_TRUNC),
	ASK_FLAG(SCMP_SYS(openat), 2, O_WRONLY), ASK_FLAG(SCMP_SYS(openat), 2, O_RDWR),
	ASK_FLAG(SCMP_SYS(openat), 2, O_CREAT), ASK_FLAG(SCMP_SYS(openat), 2, O_TRUNC),
	ASK_IF(SCMP_SYS(sendto), 4, SCMP_CMP_NE, 0), /* an address; both halves of the pointer */
	ASK_IF(SCMP_SYS(ptrace), 0, SCMP_CMP_NE, 0), /* PTRACE_TRACEME is about oneself */
	ASK_IF(SCMP_SYS(kill), 1, SCMP_CMP_NE, 0),   /* signal 0 only looks */
	/* Go's runtime preempts its own threads with SIGURG up to 100 times a second. Its default is to be ignored. */
	ASK_IF(SCMP_SYS(tgkill), 2, SCMP_CMP_GT, SIGURG), ASK_IF(SCMP_SYS(tgkill), 2, SCMP_CMP_LT, SIGURG),
	ASK_IF(SCMP_SYS(tkill), 1, SCMP_CMP_GT, SIGURG), ASK_IF(SCMP_SYS(tkill), 1, SCMP_CMP_LT, SIGURG),
	/* The agent shares the person's terminal: pushing characters into its input would answer the prompt, or type
	 * into the person's shell after the session. The command is an unsigned int: compare the low half only. */
	REFUSE_MASKED(SCMP_SYS(ioctl), EPERM, 1, LOW, TIOCSTI),
	REFUSE_MASKED(SCMP_SYS(ioctl), EPERM, 1, LOW, TIOCLINUX),
	/* A page whose fault another thread of the agent answers would let it stop the engine inside
	 * process_vm_readv. The kernel says the same to the unprivileged (vm.unprivileged_userfaultfd). */
	REFUSE_MASKED(SCMP_SYS(userfaultfd), EPERM, 0, UFFD_USER_ONLY, 0),
	/* An SCTP socket can connect by a socket option, its addresses in memory, and no cgroup hook sees it. */
	REFUSE_INTS(SCMP_SYS(setsockopt), EOPNOTSUPP, 1, SOL_SCTP, 2, SCTP_CONNECTX),
	REFUSE_INTS(SCMP_SYS(setsockopt), EOPNOTSUPP, 1, SOL_SCTP, 2, SCTP_CONNECTX_OLD),
	REFUSE_INTS(SCMP_SYS(getsockopt), EOPNOTSUPP, 1, SOL_SCTP, 2, SCTP_CONNECTX3),
};

static int add_rules(scmp_filter_ctx c, const struct hf_filter_options *o)
{
	static const int uring[] = { SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register) };
	int r;

	for (size_t i = 0; i < sizeof(asked_always) / sizeof(asked_always[0]); i++) {
		r = seccomp_rule_add(c, SCMP_ACT_NOTIFY, asked_always[i], 0);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < sizeof(conditional) / sizeof(conditional[0]); i++) {
		const struct cond *k = &conditional[i];

		r = seccomp_rule_add_array(c, k->err ? SCMP_ACT_ERRNO((uint32_t)k->err) : SCMP_ACT_NOTIFY, k->nr, k->n,
					   k->arg);
		if (r < 0)
			return r;
	}
	/* Its flags lie in memory, so no filter sees CLONE_INTO_CGROUP, with which root leaves the session's cgroup and
	 * with it freezing, killing and the socket hooks. Programs then take clone(2), as they do on older kernels. */
	r = seccomp_rule_add(c, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (r < 0)
		return r;
	if (o && o->allow_io_uring)
		return 0;
	/* enter and register as well: a ring can be inherited or passed in. */
	for (size_t i = 0; i < sizeof(uring) / sizeof(uring[0]); i++) {
		r = seccomp_rule_add(c, SCMP_ACT_ERRNO(ENOSYS), uring[i], 0);
		if (r < 0)
			return r;
	}
	return 0;
}

/* seccomp_export_bpf() only writes to a descriptor. */
static int export_program(scmp_filter_ctx c, struct hf_filter *ret)
{
	struct stat st;
	void *prog = NULL;
	int r, fd = memfd_create("hf-filter", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	r = seccomp_export_bpf(c, fd);
	if (r < 0)
		goto out;
	r = -EIO;
	if (fstat(fd, &st) < 0 || st.st_size <= 0 || (size_t)st.st_size % sizeof(struct sock_filter))
		goto out;
	r = -E2BIG;
	if ((size_t)st.st_size / sizeof(struct sock_filter) > BPF_MAXINSNS)
		goto out;
	r = -ENOMEM;
	prog = malloc((size_t)st.st_size);
	if (!prog)
		goto out;
	r = -EIO;
	if (pread(fd, prog, (size_t)st.st_size, 0) != st.st_size)
		goto out;
	ret->prog = prog;
	ret->len = (unsigned short)((size_t)st.st_size / sizeof(struct sock_filter));
	prog = NULL;
	r = 0;
out:
	free(prog);
	close(fd);
	return r;
}

int hf_filter_build(const struct hf_filter_options *o, struct hf_filter *ret)
{
	scmp_filter_ctx c = seccomp_init(SCMP_ACT_ALLOW);
	int r;

	if (!c)
		return -ENOMEM;
	/* i386 and x32 programs get ENOSYS: their numbers mean other calls, and nothing here would judge them. */
	r = seccomp_attr_set(c, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
	/* A binary tree; where libseccomp is too old for it the filter is longer, not different. */
	if (r == 0)
		(void)seccomp_attr_set(c, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r == 0)
		r = add_rules(c, o);
	if (r == 0)
		r = export_program(c, ret);
	seccomp_release(c);
	return r;
}

void hf_filter_free(struct hf_filter *f)
{
	if (!f)
		return;
	free(f->prog);
	f->prog = NULL;
	f->len = 0;
}

int hf_filter_install(const struct hf_filter *f, bool wait_killable)
{
	struct sock_fprog p = { .len = f->len, .filter = f->prog };
	/* SPEC_ALLOW: before 5.16 a filter switches speculation mitigations on for good, which slows every system
	 * call of the agent down; nothing here relies on them. */
	unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	long fd;

	if (wait_killable)
		flags |= SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &p);
	return fd < 0 ? -errno : (int)fd;
}

int hf_notif_recv(int fd, struct seccomp_notif *ret)
{
	/* The kernel wants it zeroed and may know a longer structure than our headers. */
	union {
		struct seccomp_notif n;
		char room[512];
	} u;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int r;

	/* RECV waits without end when there is nothing to receive. After POLLIN it does not, even if the caller has
	 * died since: the count it takes from is not lowered by that, and an empty list is ENOENT. */
	r = poll(&p, 1, 0);
	if (r < 0)
		return -errno;
	if (!(p.revents & POLLIN))
		return p.revents & (POLLHUP | POLLERR | POLLNVAL) ? -EPIPE : -EAGAIN;
	memset(&u, 0, sizeof(u));
	if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &u.n) < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	*ret = u.n;
	return 0;
}

bool hf_notif_valid(int fd, uint64_t id)
{
	__u64 v = id;

	return ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &v) == 0;
}

static int send_answer(int fd, uint64_t id, int error, uint32_t flags)
{
	union {
		struct seccomp_notif_resp r;
		char room[512];
	} u;

	memset(&u, 0, sizeof(u));
	u.r.id = id;
	u.r.error = error;
	u.r.flags = flags;
	return ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &u.r) < 0 ? -errno : 0;
}

int hf_notif_continue(int fd, uint64_t id)
{
	return send_answer(fd, id, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

int hf_notif_error(int fd, uint64_t id, int err)
{
	if (err <= 0 || err > 4095) /* 0 would be success without an effect, beyond MAX_ERRNO a huge result */
		return -EINVAL;
	return send_answer(fd, id, -err, 0);
}

int hf_notif_set_sync(int fd)
{
	return ioctl(fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, (unsigned long)SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) < 0 ? -errno
														: 0;
}
