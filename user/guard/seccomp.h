/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp notify: the filter, questions, answers. seccomp_unotify(2); kernel/seccomp.c. */
#ifndef HF_GUARD_SECCOMP_H
#define HF_GUARD_SECCOMP_H
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct hf_filter { void *prog; unsigned short len; };	/* struct sock_filter[] */
struct hf_filter_options { bool allow_io_uring; };
/* Built with libseccomp before the fork. Asks for: execve, execveat; open/openat with O_WRONLY, O_RDWR, O_CREAT or
 * O_TRUNC, creat, openat2; unlink*, rmdir, rename*, link*, symlink*, mkdir*, mknod*, chmod family, chown family,
 * truncate, setxattr family; connect, sendto with an address, sendmsg, sendmmsg; mount family, pivot_root, chroot,
 * ptrace, process_vm_writev, kill family, pidfd_send_signal, init_module/finit_module, bpf, open_by_handle_at, ...:
 * the tables in seccomp.c. Refuses with ENOSYS: foreign ABIs, io_uring_*; with EPERM: ioctl TIOCSTI and TIOCLINUX
 * (typing into the shared terminal), userfaultfd that stops kernel accesses (it could stop the engine's reads); with
 * EOPNOTSUPP: SCTP's connect by socket option. Not asked: reads, kill with signal 0, tgkill/tkill with SIGURG.
 * -errno. */
int hf_filter_build(const struct hf_filter_options *o, struct hf_filter *ret);
void hf_filter_free(struct hf_filter *f);
/* In the child: installs with a listener, returns its descriptor or -errno (-EBUSY: an older listener is there).
 * wait_killable: from hf_seccomp_probe(). Async-signal-safe. */
int hf_filter_install(const struct hf_filter *f, bool wait_killable);

struct hf_seccomp_caps { bool notify, wait_killable, sync_wakeup, addfd_send; };
/* Tries each with a real child. Behaviour, not versions: WAIT_KILLABLE_RECV kills children on some 6.12 kernels. */
int hf_seccomp_probe(struct hf_seccomp_caps *ret);

/* 0; -EAGAIN nothing there; -ENOENT the caller has died; -EPIPE nobody has the filter any more. Polls itself,
 * never blocks. */
/* buffer sizes from SECCOMP_GET_NOTIF_SIZES are checked at probe */
int hf_notif_recv(int fd, struct seccomp_notif *ret);
bool hf_notif_valid(int fd, uint64_t id);
/* 0; -ENOENT: target is gone, not an error for the caller to report */
int hf_notif_continue(int fd, uint64_t id);
int hf_notif_error(int fd, uint64_t id, int err);	/* err > 0: errno the system call returns */
/* SECCOMP_IOCTL_NOTIF_SET_FLAGS SYNC_WAKE_UP; -EINVAL where it is not there */
int hf_notif_set_sync(int fd);

/*
 * A child with a filter, for probes and tests. fn runs in the child (no_new_privs, dies with its parent) and its
 * result is the exit status. The child's memory is a copy, its listener is closed before fn runs.
 */
struct hf_notif_child { pid_t pid; int pidfd, listener; };
int hf_notif_child_start(const struct hf_filter *f, bool wait_killable, int (*fn)(void *ctx), void *ctx,
			 struct hf_notif_child *ret);
/* Gives each question to answer() until the child has ended; then its wait status (>= 0), -ETIMEDOUT after
 * timeout_ms. */
int hf_notif_child_serve(struct hf_notif_child *c, int timeout_ms,
			 void (*answer)(void *ctx, int fd, const struct seccomp_notif *n), void *ctx);
void hf_notif_child_end(struct hf_notif_child *c);	/* kills, reaps, closes */
#endif
