// SPDX-License-Identifier: Apache-2.0
/* The doctor: seccomp, and looking into a held process. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "doctor_int.h"
#include "seccomp.h"

#define CHILD_MS 3000

/* Exit status of the child under the real filter: a bit for each thing that is as it should be. */
#define SAW_READ   (1 << 0)
#define SAW_WRITE  (1 << 1)
#define SAW_I386   (1 << 2)
#define SAW_X32    (1 << 3)
#define SAW_URING  (1 << 4)
#define SAW_UNLINK (1 << 5)

static bool i386_refused(void)
{
#ifdef __x86_64__
	int status;
	pid_t pid = fork();

	/* Where the kernel has no i386 at all, this is SIGSEGV: as good. */
	if (pid == 0) {
		long r;

		__asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
		_exit(r == -ENOSYS ? 0 : 1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid &&
	       (status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV));
#else
	return true;
#endif
}

static bool x32_refused(void)
{
#ifdef __x86_64__
	return syscall(0x40000000L | SYS_getpid) < 0 && errno == ENOSYS;
#else
	return true;
#endif
}

static int child_under_filter(void *ctx)
{
	int saw = 0, fd = open(ctx, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		saw |= SAW_READ;
	if (open(ctx, O_WRONLY | O_TRUNC | O_CLOEXEC) < 0 && errno == EPERM)
		saw |= SAW_WRITE;
	if (unlink(ctx) < 0 && errno == EPERM)
		saw |= SAW_UNLINK;
	if (i386_refused())
		saw |= SAW_I386;
	if (x32_refused())
		saw |= SAW_X32;
	if (syscall(SYS_io_uring_setup, 1, NULL) < 0 && errno == ENOSYS)
		saw |= SAW_URING;
	return saw;
}

struct asked {
	unsigned n, unexpected;
};

static void deny_all(void *ctx, int fd, const struct seccomp_notif *n)
{
	struct asked *a = ctx;

	a->n++;
	if (n->data.nr != SYS_openat && n->data.nr != SYS_unlink && n->data.nr != SYS_unlinkat)
		a->unexpected++;
	(void)hf_notif_error(fd, n->id, EPERM);
}

static void check_filter(struct hf_check *c, const char *path)
{
	struct hf_filter f = {0};
	struct hf_notif_child child;
	struct asked a = {0};
	int r = hf_filter_build(NULL, &f), saw;

	if (r == 0)
		r = hf_notif_child_start(&f, false, child_under_filter, (void *)path, &child);
	if (r == 0) {
		r = hf_notif_child_serve(&child, CHILD_MS, deny_all, &a);
		hf_notif_child_end(&child);
	}
	saw = r >= 0 && WIFEXITED(r) ? WEXITSTATUS(r) : 0;
	if (r < 0 || !WIFEXITED(r)) {
		for (int k = HF_CHECK_FLAGS; k <= HF_CHECK_IO_URING; k++)
			hf_check_set(&c[k], false, "the filter can't be installed: %s",
				     r < 0 ? strerror(-r) : "the child died");
		hf_filter_free(&f);
		return;
	}
	hf_check_set(&c[HF_CHECK_FLAGS],
		     (saw & SAW_READ) && (saw & SAW_WRITE) && (saw & SAW_UNLINK) && a.n == 2 && !a.unexpected,
		     "open to write %s, unlink %s, open to read %s; %u questions; filter of %u instructions",
		     saw & SAW_WRITE ? "denied" : "NOT denied", saw & SAW_UNLINK ? "denied" : "NOT denied",
		     saw & SAW_READ ? "passed" : "did NOT pass", a.n, f.len);
	hf_check_set(&c[HF_CHECK_FOREIGN], (saw & SAW_I386) && (saw & SAW_X32), "i386 %s, x32 %s",
		     saw & SAW_I386 ? "refused" : "NOT refused", saw & SAW_X32 ? "refused" : "NOT refused");
	hf_check_set(&c[HF_CHECK_IO_URING], saw & SAW_URING, "io_uring_setup %s",
		     saw & SAW_URING ? "refused" : "NOT refused");
	hf_filter_free(&f);
}

void hf_doctor_seccomp(struct hf_check *c)
{
	struct hf_seccomp_caps caps = {0};
	char path[64];
	int r = hf_seccomp_probe(&caps), fd;

	if (r < 0 || !caps.notify) {
		hf_check_set(&c[HF_CHECK_NOTIFY], false, "%s",
			     r < 0 ? strerror(-r) : "the child's call was not answered as told");
		return;
	}
	hf_check_set(&c[HF_CHECK_NOTIFY], true, "a child asked and got the answer");
	hf_check_set(&c[HF_CHECK_KILLABLE], caps.wait_killable,
		     caps.wait_killable ? "6 children forked and ran, a signal left the question valid"
					: "children died, or a signal ended the question");
	hf_check_set(&c[HF_CHECK_SYNC], caps.sync_wakeup, caps.sync_wakeup ? "used" : "not in this kernel");
	fd = hf_doctor_file(path, sizeof(path));
	if (fd < 0) {
		hf_check_set(&c[HF_CHECK_FLAGS], false, "no file can be made in /tmp: %s", strerror(-fd));
		return;
	}
	close(fd);
	check_filter(c, path);
	unlink(path);
}

/* --- into a process ------------------------------------------------------------------------------ */

static const char known[] = "holdfast doctor looks here";

static int child_waits(void *ctx)
{
	return 0;
}

void hf_doctor_process(struct hf_check *c)
{
	char got[sizeof(known)] = {0};
	struct iovec l = {got, sizeof(got)}, m = {(void *)known, sizeof(known)};
	struct hf_dchild child;
	int fd, r = hf_dchild_start(&child, child_waits, NULL);
	ssize_t n;

	if (r < 0) {
		hf_check_set(&c[HF_CHECK_GETFD], false, "no child: %s", strerror(-r));
		hf_check_set(&c[HF_CHECK_VM_READ], false, "no child: %s", strerror(-r));
		return;
	}
	fd = (int)syscall(SYS_pidfd_getfd, child.pidfd, 2, 0);
	if (fd < 0 && errno == EBADF) /* we run without a standard error, so does the child */
		fd = (int)syscall(SYS_pidfd_getfd, child.pidfd, child.go - 1, 0);
	hf_check_set(&c[HF_CHECK_GETFD], fd >= 0, "%s", fd >= 0 ? "a child's standard error" : strerror(errno));
	if (fd >= 0)
		close(fd);
	n = process_vm_readv(child.pid, &l, 1, &m, 1, 0);
	hf_check_set(&c[HF_CHECK_VM_READ], n == (ssize_t)sizeof(known) && memcmp(got, known, sizeof(known)) == 0, "%s",
		     n < 0 ? strerror(errno) : "a child's memory");
	hf_dchild_go(&child);
	(void)hf_dchild_end(&child, CHILD_MS);
}
