// SPDX-License-Identifier: Apache-2.0
/* What seccomp notify does on this kernel, seen with real children. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "seccomp.h"

#ifndef SECCOMP_ADDFD_FLAG_SEND
#define SECCOMP_ADDFD_FLAG_SEND (1UL << 1)
#endif
#define PROBE_MS 3000
#define CHILDREN 6

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int pidfd_of(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : fd;
}

static _Noreturn void child_main(const struct hf_filter *f, bool wait_killable, int to, int from,
				 int (*fn)(void *ctx), void *ctx)
{
	char go;
	int fd;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	fd = hf_filter_install(f, wait_killable);
	/* write and read are not asked, sendmsg is: so the parent fetches the listener, it isn't sent. */
	if (write(to, &fd, sizeof(fd)) != sizeof(fd) || read(from, &go, 1) != 1)
		_exit(126);
	close(to);
	close(from);
	if (fd >= 0)
		close(fd);
	_exit(fn(ctx));
}

static int fetch_listener(struct hf_notif_child *c, int from, int to)
{
	int n = -1;

	if (read(from, &n, sizeof(n)) != sizeof(n))
		return -EIO;
	if (n < 0)
		return n;
	c->listener = (int)syscall(SYS_pidfd_getfd, c->pidfd, n, 0);
	if (c->listener < 0)
		return -errno;
	return write(to, "g", 1) == 1 ? 0 : -EIO;
}

int hf_notif_child_start(const struct hf_filter *f, bool wait_killable, int (*fn)(void *ctx), void *ctx,
			 struct hf_notif_child *ret)
{
	struct hf_notif_child c = { .pid = -1, .pidfd = -1, .listener = -1 };
	int up[2], down[2], r;

	if (pipe2(up, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(down, O_CLOEXEC) < 0) {
		r = -errno;
		close(up[0]);
		close(up[1]);
		return r;
	}
	c.pid = fork();
	if (c.pid == 0) {
		close(up[0]);
		close(down[1]);
		child_main(f, wait_killable, up[1], down[0], fn, ctx);
	}
	r = c.pid < 0 ? -errno : 0;
	close(up[1]);
	close(down[0]);
	if (r == 0)
		r = c.pidfd = pidfd_of(c.pid);
	if (r >= 0)
		r = fetch_listener(&c, up[0], down[1]);
	close(up[0]);
	close(down[1]);
	if (r < 0) {
		hf_notif_child_end(&c);
		return r;
	}
	*ret = c;
	return 0;
}

int hf_notif_child_serve(struct hf_notif_child *c, int timeout_ms,
			 void (*answer)(void *ctx, int fd, const struct seccomp_notif *n), void *ctx)
{
	struct pollfd p[2] = { { .fd = c->listener, .events = POLLIN }, { .fd = c->pidfd, .events = POLLIN } };
	int64_t end = now_ms() + timeout_ms, left;
	struct seccomp_notif n;
	int status;

	while ((left = end - now_ms()) > 0) {
		if (poll(p, 2, (int)left) < 0 && errno != EINTR)
			return -errno;
		if (p[0].revents && hf_notif_recv(c->listener, &n) == 0) {
			answer(ctx, c->listener, &n);
			continue;
		}
		if (p[0].revents & POLLHUP)
			p[0].fd = -1;
		if (p[1].revents && waitpid(c->pid, &status, WNOHANG) == c->pid) {
			c->pid = -1;
			return status;
		}
	}
	return -ETIMEDOUT;
}

void hf_notif_child_end(struct hf_notif_child *c)
{
	if (c->pid > 0) {
		(void)kill(c->pid, SIGKILL);
		(void)waitpid(c->pid, NULL, 0);
	}
	if (c->pidfd >= 0)
		close(c->pidfd);
	if (c->listener >= 0)
		close(c->listener);
	*c = (struct hf_notif_child){ .pid = -1, .pidfd = -1, .listener = -1 };
}

/* Asks for one system call number (and a second one); the probes need no more. */
struct small_filter {
	struct sock_filter f[5];
	struct hf_filter filter;
};
static void small_filter_init(struct small_filter *s, uint32_t nr, uint32_t nr2)
{
	const struct sock_filter f[5] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	memcpy(s->f, f, sizeof(f));
	s->filter = (struct hf_filter){ .prog = s->f, .len = 5 };
}

static int child_asks(void *ctx)
{
	return syscall(SYS_getpgid, 0) < 0 && errno == EBADE ? 0 : 1;
}

static int child_asks_fd(void *ctx)
{
	int fd = (int)syscall(SYS_getpgid, 0);

	return fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC ? 0 : 1;
}

struct answers {
	unsigned asked, added;
	int sync;
};
static void answer_ebade(void *ctx, int fd, const struct seccomp_notif *n)
{
	struct answers *a = ctx;

	a->asked++;
	(void)hf_notif_error(fd, n->id, EBADE);
}

static void answer_continue(void *ctx, int fd, const struct seccomp_notif *n)
{
	struct answers *a = ctx;

	a->asked++;
	(void)hf_notif_continue(fd, n->id);
}

static void answer_addfd(void *ctx, int fd, const struct seccomp_notif *n)
{
	struct answers *a = ctx;
	struct seccomp_notif_addfd add = { .id = n->id, .flags = SECCOMP_ADDFD_FLAG_SEND, .srcfd = 0 };
	int mfd = memfd_create("hf-probe", MFD_CLOEXEC);

	a->asked++;
	add.srcfd = (uint32_t)mfd;
	add.newfd_flags = O_CLOEXEC;
	if (mfd >= 0 && ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add) >= 0)
		a->added++;
	else
		(void)hf_notif_error(fd, n->id, ENOTSUP);
	if (mfd >= 0)
		close(mfd);
}

static int run_child(const struct hf_filter *f, bool killable, bool sync, int (*fn)(void *), void *ctx,
		     void (*answer)(void *, int, const struct seccomp_notif *), struct answers *a)
{
	struct hf_notif_child c;
	int r = hf_notif_child_start(f, killable, fn, ctx, &c);

	if (r < 0)
		return r;
	a->sync = sync ? hf_notif_set_sync(c.listener) : 0;
	r = hf_notif_child_serve(&c, PROBE_MS, answer, a);
	hf_notif_child_end(&c);
	return r;
}

/* Forks and execs as a shell does: that is what such a kernel kills. */
static int child_forks(void *ctx)
{
	static const char *const prog[] = { "/bin/true", "/usr/bin/true", "/bin/busybox" };
	char *const argv[] = { "true", NULL }, *const envp[] = { NULL };
	int status;

	for (int i = 0; i < CHILDREN; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			for (size_t k = 0; k < sizeof(prog) / sizeof(prog[0]); k++)
				execve(prog[k], argv, envp);
			_exit(99);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
			return 1;
	}
	return 0;
}

static void on_signal(int s)
{
}

/* Sits in a question while signals with a handler come: with the flag that must not disturb it. */
static int child_signalled(void *ctx)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGURG, &sa, NULL);
	return syscall(SYS_getpgid, 0) < 0 && errno == EBADE ? 0 : 1;
}

static void answer_after_signal(void *ctx, int fd, const struct seccomp_notif *n)
{
	const struct timespec t = { .tv_nsec = 2000000 };
	struct answers *a = ctx;

	a->asked++;
	if (a->asked == 1) {
		(void)kill((pid_t)n->pid, SIGURG);
		(void)nanosleep(&t, NULL);
	}
	a->added = hf_notif_valid(fd, n->id);
	(void)hf_notif_error(fd, n->id, EBADE);
}

static bool probe_wait_killable(void)
{
	struct small_filter s;
	struct answers a = { 0 };

	small_filter_init(&s, SYS_execve, SYS_execveat);
	if (run_child(&s.filter, true, false, child_forks, NULL, answer_continue, &a) != 0 || a.asked < CHILDREN)
		return false;
	small_filter_init(&s, SYS_getpgid, SYS_getpgid);
	a = (struct answers){ 0 };
	return run_child(&s.filter, true, false, child_signalled, NULL, answer_after_signal, &a) == 0 && a.asked == 1 &&
	       a.added == 1;
}

int hf_seccomp_probe(struct hf_seccomp_caps *ret)
{
	struct hf_seccomp_caps caps = { 0 };
	struct seccomp_notif_sizes sz;
	struct small_filter s;
	struct answers a = { 0 };
	int r;

	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sz) < 0)
		return -errno;
	/* hf_notif_recv() and the answers have 512 bytes. */
	if (sz.seccomp_notif > 512 || sz.seccomp_notif_resp > 512)
		return -EOVERFLOW;
	small_filter_init(&s, SYS_getpgid, SYS_getpgid);
	r = run_child(&s.filter, false, false, child_asks, NULL, answer_ebade, &a);
	if (r < 0)
		return r;
	caps.notify = r == 0 && a.asked == 1;
	if (caps.notify) {
		a = (struct answers){ 0 };
		r = run_child(&s.filter, false, true, child_asks, NULL, answer_ebade, &a);
		caps.sync_wakeup = r == 0 && a.sync == 0 && a.asked == 1;
		a = (struct answers){ 0 };
		r = run_child(&s.filter, false, false, child_asks_fd, NULL, answer_addfd, &a);
		caps.addfd_send = r == 0 && a.added == 1;
		caps.wait_killable = probe_wait_killable();
	}
	*ret = caps;
	return 0;
}
