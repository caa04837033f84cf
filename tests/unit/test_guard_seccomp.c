// SPDX-License-Identifier: Apache-2.0
/* The filter: every system call number through an interpreter of it, then real children. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/bpf_common.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "guard/seccomp.h"

#ifndef AUDIT_ARCH_I386
#define AUDIT_ARCH_I386 (EM_386 | __AUDIT_ARCH_LE)
#endif
#define ALLOW  SECCOMP_RET_ALLOW
#define ASK    SECCOMP_RET_USER_NOTIF
#define NOSYS  (SECCOMP_RET_ERRNO | ENOSYS)
#define NOPERM (SECCOMP_RET_ERRNO | EPERM)
#define NOTSUPP (SECCOMP_RET_ERRNO | EOPNOTSUPP)
#define HIGH   0xdeadbeef00000000ull /* rubbish above an int: the kernel does not see it */

static unsigned steps, steps_max;

/* kernel/seccomp.c allows few of the classic instructions; libseccomp uses fewer. Anything else fails the test. */
static uint32_t run(const struct hf_filter *f, const struct seccomp_data *d)
{
	const struct sock_filter *p = f->prog;
	uint32_t a = 0;

	steps = 0;
	for (unsigned pc = 0; pc < f->len; pc++) {
		const struct sock_filter *i = &p[pc];

		steps++;
		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(i->k + 4 <= sizeof(*d) && i->k % 4 == 0);
			memcpy(&a, (const char *)d + i->k, 4);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			break;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += a == i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			pc += a > i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			pc += a >= i->k ? i->jt : i->jf;
			break;
		case BPF_RET | BPF_K:
			return i->k;
		default:
			fail_msg("instruction %#x at %u", i->code, pc);
		}
	}
	fail_msg("ran off the end");
	return 0;
}

static uint32_t judge(const struct hf_filter *f, uint32_t arch, long nr, const uint64_t *args)
{
	struct seccomp_data d = { .nr = (int)nr, .arch = arch, .instruction_pointer = 0x400000 };

	memcpy(d.args, args, sizeof(d.args));
	return run(f, &d);
}

static const long always[] = {
	SYS_execve, SYS_execveat, SYS_creat, SYS_openat2, SYS_open_by_handle_at, SYS_unlink, SYS_unlinkat, SYS_rmdir,
	SYS_rename, SYS_renameat, SYS_renameat2, SYS_link, SYS_linkat, SYS_symlink, SYS_symlinkat, SYS_mkdir,
	SYS_mkdirat, SYS_mknod, SYS_mknodat, SYS_chmod, SYS_fchmod, SYS_fchmodat, 452 /* fchmodat2 */, SYS_chown,
	SYS_fchown, SYS_lchown, SYS_fchownat, SYS_truncate, SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr,
	463 /* setxattrat */, SYS_removexattr, SYS_lremovexattr, SYS_fremovexattr, 466 /* removexattrat */, SYS_connect,
	SYS_sendmsg, SYS_sendmmsg, SYS_mount, SYS_umount2, SYS_move_mount, SYS_fsmount, SYS_open_tree,
	467 /* open_tree_attr */, SYS_mount_setattr, SYS_pivot_root, SYS_chroot, SYS_setns, SYS_swapon, SYS_swapoff,
	SYS_acct, SYS_process_vm_readv, SYS_process_vm_writev, SYS_pidfd_getfd, SYS_rt_sigqueueinfo,
	SYS_rt_tgsigqueueinfo, SYS_pidfd_send_signal, SYS_init_module, SYS_finit_module, SYS_delete_module,
	SYS_kexec_load, SYS_kexec_file_load, SYS_reboot, SYS_iopl, SYS_ioperm, SYS_bpf, SYS_perf_event_open,
	SYS_memfd_create, SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid,
	SYS_setfsuid, SYS_setfsgid, SYS_setgroups, SYS_capset,
};
static const long by_argument[] = { SYS_open, SYS_openat, SYS_sendto, SYS_ptrace, SYS_kill, SYS_tgkill, SYS_tkill,
				    SYS_ioctl, SYS_userfaultfd, SYS_setsockopt, SYS_getsockopt };

static bool in(const long *set, size_t n, long nr)
{
	for (size_t i = 0; i < n; i++)
		if (set[i] == nr)
			return true;
	return false;
}
#define IN(set, nr) in(set, sizeof(set) / sizeof(set[0]), nr)

static void every_number(void **state)
{
	struct hf_filter f = { 0 };
	const uint64_t zero[6] = { 0 }, ones[6] = { ~0ull, ~0ull, ~0ull, ~0ull, ~0ull, ~0ull };

	assert_int_equal(hf_filter_build(&(struct hf_filter_options){ 0 }, &f), 0);
	for (long nr = -1; nr < 1024; nr++) {
		uint32_t want = ALLOW;

		if (IN(by_argument, nr))
			continue;
		if (IN(always, nr))
			want = ASK;
		if ((nr >= SYS_io_uring_setup && nr <= SYS_io_uring_register) || nr == SYS_clone3)
			want = NOSYS;
		if (judge(&f, AUDIT_ARCH_X86_64, nr, zero) != want || judge(&f, AUDIT_ARCH_X86_64, nr, ones) != want)
			fail_msg("nr %ld: %#x, want %#x", nr, judge(&f, AUDIT_ARCH_X86_64, nr, zero), want);
		if (steps > steps_max)
			steps_max = steps;
	}
	print_message("filter: %u instructions, at most %u run for a system call without conditions\n", f.len,
		      steps_max);
	assert_true(f.len < 1024 && steps_max < 64);
	hf_filter_free(&f);
	assert_null(f.prog);
	hf_filter_free(&f);
	hf_filter_free(NULL);
}

static void foreign_abis(void **state)
{
	struct hf_filter f = { 0 };
	const uint64_t zero[6] = { 0 };

	assert_int_equal(hf_filter_build(NULL, &f), 0);
	for (long nr = 0; nr < 1024; nr++) {
		assert_int_equal(judge(&f, AUDIT_ARCH_I386, nr, zero), NOSYS);
		assert_int_equal(judge(&f, AUDIT_ARCH_X86_64, 0x40000000L | nr, zero), NOSYS);
		assert_int_equal(judge(&f, AUDIT_ARCH_X86_64, (int)(0x80000000u | (unsigned)nr), zero), NOSYS);
	}
	hf_filter_free(&f);
}

static void io_uring_option(void **state)
{
	struct hf_filter f = { 0 };
	const uint64_t zero[6] = { 0 };

	assert_int_equal(hf_filter_build(&(struct hf_filter_options){ .allow_io_uring = true }, &f), 0);
	for (long nr = SYS_io_uring_setup; nr <= SYS_io_uring_register; nr++)
		assert_int_equal(judge(&f, AUDIT_ARCH_X86_64, nr, zero), ALLOW);
	hf_filter_free(&f);
}

static void arguments(void **state)
{
	static const struct {
		long nr;
		int arg;
		uint64_t value;
		uint32_t want;
	} t[] = {
		{ SYS_openat, 2, O_RDONLY, ALLOW },
		{ SYS_openat, 2, HIGH | O_RDONLY | O_CLOEXEC | O_DIRECTORY | O_NONBLOCK, ALLOW },
		{ SYS_openat, 2, O_PATH | O_NOFOLLOW | O_CLOEXEC, ALLOW },
		{ SYS_openat, 2, O_WRONLY, ASK }, { SYS_openat, 2, O_RDWR, ASK }, { SYS_openat, 2, 3, ASK },
		{ SYS_openat, 2, O_CREAT, ASK }, { SYS_openat, 2, O_TRUNC, ASK },
		{ SYS_openat, 2, O_TMPFILE | O_RDWR, ASK },
		{ SYS_openat, 2, HIGH | O_WRONLY, ASK }, { SYS_openat, 2, HIGH | O_TRUNC | O_CLOEXEC, ASK },
		{ SYS_open, 1, O_RDONLY, ALLOW }, { SYS_open, 1, HIGH | O_RDONLY | O_CLOEXEC, ALLOW },
		{ SYS_open, 1, O_WRONLY, ASK }, { SYS_open, 1, HIGH | O_RDWR, ASK }, { SYS_open, 1, O_CREAT, ASK },
		{ SYS_open, 1, O_TRUNC, ASK },
		{ SYS_sendto, 4, 0, ALLOW }, { SYS_sendto, 4, 1, ASK }, { SYS_sendto, 4, 0x7f0000000000, ASK },
		{ SYS_sendto, 4, 0x100000000, ASK }, { SYS_sendto, 4, 0x7ffd12345678, ASK },
		{ SYS_ptrace, 0, PTRACE_TRACEME, ALLOW }, { SYS_ptrace, 0, PTRACE_ATTACH, ASK },
		{ SYS_ptrace, 0, PTRACE_SEIZE, ASK }, { SYS_ptrace, 0, 0x100000000, ASK },
		{ SYS_kill, 1, 0, ALLOW }, { SYS_kill, 1, SIGTERM, ASK }, { SYS_kill, 1, SIGKILL, ASK },
		{ SYS_kill, 1, HIGH | SIGKILL, ASK },
		{ SYS_tgkill, 2, SIGURG, ALLOW }, { SYS_tgkill, 2, SIGKILL, ASK }, { SYS_tgkill, 2, SIGUSR1, ASK },
		{ SYS_tgkill, 2, SIGSYS, ASK }, { SYS_tgkill, 2, HIGH | SIGKILL, ASK },
		{ SYS_tgkill, 2, HIGH | SIGSYS, ASK },
		{ SYS_tkill, 1, SIGURG, ALLOW }, { SYS_tkill, 1, SIGSTOP, ASK }, { SYS_tkill, 1, SIGIO, ASK },
		{ SYS_ioctl, 1, TCGETS, ALLOW }, { SYS_ioctl, 1, TIOCSTI, NOPERM },
		{ SYS_ioctl, 1, HIGH | TIOCSTI, NOPERM },
		{ SYS_ioctl, 1, TIOCLINUX, NOPERM }, { SYS_ioctl, 1, HIGH | TIOCLINUX, NOPERM },
		{ SYS_ioctl, 1, HIGH | TIOCGWINSZ, ALLOW }, { SYS_ioctl, 1, FIONREAD, ALLOW },
		{ SYS_userfaultfd, 0, O_CLOEXEC, NOPERM }, { SYS_userfaultfd, 0, O_CLOEXEC | 1, ALLOW },
		{ SYS_userfaultfd, 0, HIGH, NOPERM },
	};
	struct hf_filter f = { 0 };

	assert_int_equal(hf_filter_build(NULL, &f), 0);
	steps_max = 0;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint64_t args[6] = { 0 };

		args[t[i].arg] = t[i].value;
		if (judge(&f, AUDIT_ARCH_X86_64, t[i].nr, args) != t[i].want)
			fail_msg("row %zu (nr %ld): %#x", i, t[i].nr, judge(&f, AUDIT_ARCH_X86_64, t[i].nr, args));
		if (t[i].nr == SYS_openat && t[i].want == ALLOW && steps > steps_max)
			steps_max = steps;
	}
	print_message("a plain read-only openat runs %u instructions\n", steps_max);
	hf_filter_free(&f);
}

static void two_arguments(void **state)
{
	static const struct {
		long nr;
		uint64_t level, name;
		uint32_t want;
	} t[] = {
		{ SYS_setsockopt, SOL_SOCKET, SO_REUSEADDR, ALLOW }, { SYS_setsockopt, 6, 1, ALLOW },
		{ SYS_setsockopt, SOL_SOCKET, 110, ALLOW },	     { SYS_setsockopt, 132, 9, ALLOW },
		{ SYS_setsockopt, 132, 110, NOTSUPP },		     { SYS_setsockopt, 132, 107, NOTSUPP },
		{ SYS_setsockopt, HIGH | 132, HIGH | 110, NOTSUPP }, { SYS_getsockopt, 132, 111, NOTSUPP },
		{ SYS_getsockopt, HIGH | 132, HIGH | 111, NOTSUPP }, { SYS_getsockopt, 1, 111, ALLOW },
		{ SYS_getsockopt, SOL_SOCKET, SO_ERROR, ALLOW },
	};
	struct hf_filter f = { 0 };

	assert_int_equal(hf_filter_build(NULL, &f), 0);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint64_t args[6] = { 0, t[i].level, t[i].name };

		if (judge(&f, AUDIT_ARCH_X86_64, t[i].nr, args) != t[i].want)
			fail_msg("row %zu: %#x", i, judge(&f, AUDIT_ARCH_X86_64, t[i].nr, args));
	}
	hf_filter_free(&f);
}

/* --- real children ----------------------------------------------------------------------------- */

struct seen {
	unsigned n, continued, refused;
	long last;
};
static void refuse_writes(void *ctx, int fd, const struct seccomp_notif *n)
{
	struct seen *s = ctx;

	s->n++;
	s->last = n->data.nr;
	assert_true(hf_notif_valid(fd, n->id));
	if (n->data.nr == SYS_unlink || n->data.nr == SYS_unlinkat || n->data.nr == SYS_openat) {
		s->refused++;
		assert_int_equal(hf_notif_error(fd, n->id, EPERM), 0);
		/* the second answer comes too late: never an effect */
		assert_true(hf_notif_continue(fd, n->id) < 0);
	} else {
		s->continued++;
		assert_int_equal(hf_notif_continue(fd, n->id), 0);
	}
}

static int child_works(void *ctx)
{
	char path[] = "/tmp/hf-test-XXXXXX";
	int status, fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	pid_t pid;

	if (fd < 0)
		return 1;
	if (open(ctx, O_WRONLY | O_TRUNC) >= 0 || errno != EPERM)
		return 2;
	if (unlink(ctx) == 0 || errno != EPERM)
		return 3;
	if (mkdtemp(path) == NULL || rmdir(path) < 0)
		return 4;
	pid = fork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", "exit 7", NULL);
		_exit(1);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 7)
		return 5;
	if (syscall(SYS_io_uring_setup, 1, NULL) >= 0 || errno != ENOSYS)
		return 6;
	if (ioctl(0, TIOCSTI, "x") >= 0 || errno != EPERM)
		return 7;
#ifdef __x86_64__
	long r;
	/* i386 getpid */
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
	if (r != -ENOSYS)
		return 8;
	if (syscall(0x40000000L | SYS_getpid) >= 0 || errno != ENOSYS)
		return 9;
#endif
	return 0;
}

static void real_child(void **state)
{
	for (int killable = 0; killable < 2; killable++) {
		char path[] = "/tmp/hf-victim-XXXXXX";
		struct hf_filter f = { 0 };
		struct hf_notif_child c;
		struct seen s = { 0 };
		int fd = mkstemp(path);

		assert_true(fd >= 0);
		assert_int_equal(write(fd, "content", 7), 7);
		close(fd);
		assert_int_equal(hf_filter_build(NULL, &f), 0);
		assert_int_equal(hf_notif_child_start(&f, killable != 0, child_works, path, &c), 0);
		assert_int_equal(hf_notif_child_serve(&c, 5000, refuse_writes, &s), 0);
		assert_int_equal(s.refused, 2);
		assert_true(s.continued >= 3);
		hf_notif_child_end(&c);
		struct stat st;
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, 7);
		unlink(path);
		hf_filter_free(&f);
	}
}

/* A second listener for the same task is refused by the kernel: an agent can't put its own above ours. */
static int child_installs(void *ctx)
{
	return hf_filter_install(ctx, false) == -EBUSY ? 0 : 1;
}

static void second_listener(void **state)
{
	struct hf_filter f = { 0 };
	struct hf_notif_child c;
	struct seen s = { 0 };

	assert_int_equal(hf_filter_build(NULL, &f), 0);
	assert_int_equal(hf_notif_child_start(&f, false, child_installs, &f, &c), 0);
	assert_int_equal(hf_notif_child_serve(&c, 3000, refuse_writes, &s), 0);
	hf_notif_child_end(&c);
	hf_filter_free(&f);
}

static int child_unlinks(void *ctx)
{
	return unlink(ctx) == 0 ? 0 : 1;
}

/* The caller is killed while its question waits: receiving and answering neither block nor lie. */
static void dead_caller(void **state)
{
	struct hf_filter f = { 0 };
	struct hf_notif_child c;
	struct seccomp_notif n;
	struct timespec t = { .tv_nsec = 5000000 };
	int r = -EAGAIN;

	assert_int_equal(hf_filter_build(NULL, &f), 0);
	for (int received = 0; received < 2; received++) {
		assert_int_equal(hf_notif_child_start(&f, false, child_unlinks, "/tmp/hf-no-such-file", &c), 0);
		for (int i = 0; i < 200 && received && (r = hf_notif_recv(c.listener, &n)) == -EAGAIN; i++)
			nanosleep(&t, NULL);
		if (received)
			assert_int_equal(r, 0);
		else
			nanosleep(&t, NULL);
		assert_int_equal(kill(c.pid, SIGKILL), 0);
		assert_int_equal(waitpid(c.pid, NULL, 0), c.pid);
		c.pid = -1;
		if (received) {
			assert_false(hf_notif_valid(c.listener, n.id));
			assert_int_equal(hf_notif_continue(c.listener, n.id), -ENOENT);
			assert_int_equal(hf_notif_error(c.listener, n.id, EPERM), -ENOENT);
		}
		r = hf_notif_recv(c.listener, &n);
		assert_true(r == -EPIPE || r == -ENOENT || r == -EAGAIN);
		hf_notif_child_end(&c);
	}
	hf_filter_free(&f);
}

static void errors_in_range(void **state)
{
	assert_int_equal(hf_notif_error(-1, 1, 0), -EINVAL);
	assert_int_equal(hf_notif_error(-1, 1, -EPERM), -EINVAL);
	assert_int_equal(hf_notif_error(-1, 1, 4096), -EINVAL);
	assert_int_equal(hf_notif_error(-1, 1, EPERM), -EBADF);
	assert_int_equal(hf_notif_continue(-1, 1), -EBADF);
	assert_false(hf_notif_valid(-1, 1));
}

static int child_needs_privilege(void *ctx)
{
	return 0;
}

static void probe(void **state)
{
	struct hf_seccomp_caps c;
	struct timespec a, b;

	memset(&c, 0xff, sizeof(c));
	clock_gettime(CLOCK_MONOTONIC, &a);
	assert_int_equal(hf_seccomp_probe(&c), 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	assert_true(c.notify);
	print_message("probe: wait_killable %d sync_wakeup %d addfd_send %d, %ld ms\n", c.wait_killable, c.sync_wakeup,
		      c.addfd_send, (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000);
}

static void on_urg(int s)
{
}

static int child_unlinks_on(void *ctx)
{
	struct sigaction sa = { .sa_handler = on_urg, .sa_flags = SA_RESTART };

	sigaction(SIGURG, &sa, NULL);
	for (int i = 0; i < 300; i++)
		if (unlink("/tmp/hf-no-such-file") == 0 || errno != EACCES)
			return 1;
	return 0;
}

static void answer_acces(void *ctx, int fd, const struct seccomp_notif *n)
{
	struct seen *s = ctx;

	s->n++;
	if (s->n % 3 == 0)
		kill((pid_t)n->pid, SIGURG); /* between the question and its answer, as Go's runtime does */
	(void)hf_notif_error(fd, n->id, EACCES);
	s->last = kill((pid_t)n->pid, SIGURG);
}

/* Signals all the time: questions vanish and come again, none is lost, nothing blocks (an alarm would end it). */
static void signal_storm(void **state)
{
	for (int killable = 0; killable < 2; killable++) {
		struct hf_filter f = { 0 };
		struct hf_notif_child c;
		struct seen s = { 0 };

		assert_int_equal(hf_filter_build(NULL, &f), 0);
		assert_int_equal(hf_notif_child_start(&f, killable != 0, child_unlinks_on, NULL, &c), 0);
		assert_int_equal(hf_notif_child_serve(&c, 8000, answer_acces, &s), 0);
		assert_true(s.n >= 300);
		hf_notif_child_end(&c);
		hf_filter_free(&f);
	}
}

/* Callers die at any moment between their question and our receiving it. */
static void deaths_while_receiving(void **state)
{
	struct hf_filter f = { 0 };
	unsigned got = 0;

	assert_int_equal(hf_filter_build(NULL, &f), 0);
	for (int i = 0; i < 150; i++) {
		struct timespec t = { .tv_nsec = i * 1000 };
		struct hf_notif_child c;
		struct seccomp_notif n;
		int r = -EAGAIN;

		assert_int_equal(hf_notif_child_start(&f, i % 2, child_unlinks, "/tmp/hf-no-such-file", &c), 0);
		nanosleep(&t, NULL);
		kill(c.pid, SIGKILL);
		for (int k = 0; k < 3; k++) {
			r = hf_notif_recv(c.listener, &n);
			assert_true(r == 0 || r == -EAGAIN || r == -ENOENT || r == -EPIPE);
			got += r == 0;
			if (r == 0)
				(void)hf_notif_error(c.listener, n.id, EPERM);
		}
		hf_notif_child_end(&c);
	}
	print_message("%u of 150 dying callers were still received\n", got);
	hf_filter_free(&f);
}

/* A program that is no filter is refused at installation, and the child says so. */
static void bad_program(void **state)
{
	struct sock_filter p[1] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0) };
	struct hf_filter f = { .prog = p, .len = 1 };
	struct hf_notif_child c = { .pid = 12345 };

	assert_int_equal(hf_notif_child_start(&f, false, child_needs_privilege, NULL, &c), -EINVAL);
	assert_int_equal(c.pid, 12345);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_number),	  cmocka_unit_test(foreign_abis),  cmocka_unit_test(io_uring_option),
		cmocka_unit_test(arguments),	  cmocka_unit_test(real_child),	   cmocka_unit_test(second_listener),
		cmocka_unit_test(dead_caller),	  cmocka_unit_test(errors_in_range), cmocka_unit_test(probe),
		cmocka_unit_test(bad_program), cmocka_unit_test(two_arguments), cmocka_unit_test(signal_storm),
		cmocka_unit_test(deaths_while_receiving),
	};

	alarm(40);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
