// SPDX-License-Identifier: Apache-2.0
/* Records of the other system calls, opens that stop their caller, the frozen check, a full ring. As root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include "decode.h"
#include "bpf_child.h"
#include "guard/cgroup.h"
#include "bpf/nr.h"

/* The result is in the record. */
#define TRY(call) do { if ((call) < 0) errno = 0; } while (0)

static char dir[64];
static struct hf_decode_buf dbuf;

/* The action of the record nr of a system call. */
static bool action_of(const struct recs *r, uint32_t nr, unsigned int nth, struct hf_action *ret)
{
	for (size_t i = 0; i < r->n; i++) {
		int err = hf_decode(r->rec[i], r->rec[i]->len, &dbuf, ret);

		assert_true(err == 0 || err == -ENOMSG);
		if (!err && ret->nr == nr && r->rec[i]->type != HF_REC_EXEC && nth-- == 0)
			return true;
	}
	return false;
}

static void path_is(struct hf_str s, const char *name)
{
	char want[256];

	snprintf(want, sizeof(want), "%s%s%s", name[0] == '/' ? "" : dir, name[0] == '/' ? "" : "/", name);
	assert_int_equal(s.n, strlen(want));
	assert_memory_equal(s.p, want, s.n);
}

static int do_paths(void *arg)
{
	char abs[128];
	int d, f;

	if (chdir(dir))
		return 1;
	d = open(".", O_PATH | O_DIRECTORY);
	f = open("f", O_RDWR | O_CREAT, 0600);
	snprintf(abs, sizeof(abs), "%s/abs", dir);
	syscall(SYS_mkdir, "d", 0711);
	mkdirat(d, "d2", 0722);
	syscall(SYS_rename, "f", "g");
	renameat(d, "g", AT_FDCWD, "h");
	syscall(SYS_renameat2, d, "h", d, abs, 1);
	syscall(SYS_link, abs, "l");
	TRY(linkat(AT_FDCWD, "l", d, "l2", 0));
	syscall(SYS_symlink, "any text/..", "s");
	TRY(symlinkat("t", d, "s2"));
	syscall(SYS_mknod, "p", S_IFIFO | 0600, 0);
	mknodat(d, "p2", S_IFIFO | 0644, 0);
	syscall(SYS_chmod, "l", 04711);
	TRY(fchmod(f, 0640));
	TRY(fchmodat(d, "l2", 0641, 0));
	syscall(SYS_chown, "l", 1, 2);
	TRY(fchown(f, 3, 4));
	TRY(lchown("s", 5, 6));
	TRY(fchownat(d, "l2", 7, 8, 0));
	TRY(truncate("l", 9));
	if (ftruncate(f, 10) || ftruncate(memfd_create("a/b", 0), 3))
		return 2;
	setxattr("l", "user.x", "1", 1, 0);
	fsetxattr(f, "user.y", "1", 1, 0);
	lremovexattr("l2", "user.x");
	syscall(SYS_unlink, "l");
	unlinkat(d, "l2", 0);
	unlinkat(d, "d2", AT_REMOVEDIR);
	syscall(SYS_rmdir, "d");
	syscall(SYS_unlink, "not-there");
	return 0;
}

static void path_calls(void **state)
{
	static const struct { uint32_t nr; unsigned int nth; enum hf_kind kind; const char *path,
			*path2; uint32_t mode; } t[] = {
		{ HF_NR_mkdir, 0, HF_MKDIR, "d", NULL, 0711 }, { HF_NR_mkdirat, 0, HF_MKDIR, "d2", NULL, 0722 },
		{ HF_NR_rename, 0, HF_RENAME, "g", "f", 0 }, { HF_NR_renameat, 0, HF_RENAME, "h", "g", 0 },
		{ HF_NR_renameat2, 0, HF_RENAME, "abs", "h", 0 }, { HF_NR_link, 0, HF_LINK, "l", "abs", 0 },
		{ HF_NR_linkat, 0, HF_LINK, "l2", "l", 0 }, { HF_NR_symlink, 0, HF_SYMLINK, "s", NULL, 0 },
		{ HF_NR_symlinkat, 0, HF_SYMLINK, "s2", NULL, 0 },
		{ HF_NR_mknod, 0, HF_MKNOD, "p", NULL, S_IFIFO | 0600 },
		{ HF_NR_mknodat, 0, HF_MKNOD, "p2", NULL, S_IFIFO | 0644 },
		{ HF_NR_chmod, 0, HF_CHMOD, "l", NULL, 04711 },
		{ HF_NR_fchmod, 0, HF_CHMOD, "abs", NULL, 0640 }, { HF_NR_fchmodat, 0, HF_CHMOD, "l2", NULL, 0641 },
		{ HF_NR_chown, 0, HF_CHOWN, "l", NULL, 1 }, { HF_NR_fchown, 0, HF_CHOWN, "abs", NULL, 3 },
		{ HF_NR_lchown, 0, HF_CHOWN, "s", NULL, 5 }, { HF_NR_fchownat, 0, HF_CHOWN, "l2", NULL, 7 },
		{ HF_NR_truncate, 0, HF_TRUNCATE, "l", NULL, 0 }, { HF_NR_ftruncate, 0, HF_TRUNCATE, "abs", NULL, 0 },
		{ HF_NR_ftruncate, 1, HF_TRUNCATE, "/memfd:a/b", NULL, 0 },
		{ HF_NR_setxattr, 0, HF_SETXATTR, "l", NULL, 0 },
		{ HF_NR_fsetxattr, 0, HF_SETXATTR, "abs", NULL, 0 },
		{ HF_NR_lremovexattr, 0, HF_SETXATTR, "l2", NULL, 0 },
		{ HF_NR_unlink, 0, HF_UNLINK, "l", NULL, 0 }, { HF_NR_unlinkat, 0, HF_UNLINK, "l2", NULL, 0 },
		{ HF_NR_unlinkat, 1, HF_RMDIR, "d2", NULL, 0 }, { HF_NR_rmdir, 0, HF_RMDIR, "d", NULL, 0 },
		{ HF_NR_unlink, 1, HF_UNLINK, "not-there", NULL, 0 },
	};
	const struct hf_rec_path *p;
	struct hf_action a;
	struct recs r;

	NEED_BPF();
	assert_int_equal(run(&r, 0, do_paths, NULL), 0);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_true(action_of(&r, t[i].nr, t[i].nth, &a));
		assert_int_equal(a.kind, t[i].kind);
		path_is(a.path, t[i].path);
		if (t[i].path2)
			path_is(a.path2, t[i].path2);
		if (a.kind == HF_SYMLINK)
			assert_true(hf_str_eq(a.path2, t[i].nr == HF_NR_symlink ? HF_STR("any text/..") : HF_STR("t")));
		assert_int_equal(a.mode, t[i].mode);
		if (strcmp(t[i].path, "not-there") == 0)
			assert_int_equal(a.ret, -ENOENT);
		else if (a.kind != HF_SETXATTR)
			assert_int_equal(a.ret, 0);
	}
	p = find_nr(&r, HF_NR_fchownat);
	assert_true(p->args[0] == 7 && p->args[1] == 8);
	p = find_nr(&r, HF_NR_truncate);
	assert_int_equal(p->args[0], 9);
	recs_free(&r);
}

static int do_socks(void *arg)
{
	struct sockaddr_in in = { .sin_family = AF_INET }, got;
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "\0hf-test" };
	struct iovec io = { "x", 1 };
	struct mmsghdr mm[3] = { 0 };
	socklen_t n = sizeof(got);
	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), u = socket(AF_UNIX,
			SOCK_STREAM, 0);
	int d = socket(AF_INET, SOCK_DGRAM, 0), c2 = socket(AF_UNIX, SOCK_STREAM, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(l, (void *)&in, sizeof(in)) || listen(l, 1) || getsockname(l, (void *)&got, &n))
		return 1;
	if (connect(c, (void *)&got, sizeof(got)) || accept4(l, NULL, NULL, 0) < 0)
		return 2;
	if (bind(u, (void *)&un, 2 + 8) || listen(u, 1) || connect(c2, (void *)&un, 2 + 8) || accept(u, NULL, NULL) < 0)
		return 3;
	for (int i = 0; i < 3; i++)
		mm[i].msg_hdr = (struct msghdr){ .msg_name = i == 1 ? NULL : &got, .msg_namelen = i == 1 ? 0 :
				sizeof(got),
						 .msg_iov = &io, .msg_iovlen = 1 };
	if (sendto(d, "x", 1, 0, (void *)&got, sizeof(got)) != 1 || sendmsg(d, &mm[0].msg_hdr, 0) != 1 ||
	    sendmmsg(d, mm, 1, 0) != 1 || sendmmsg(d, mm + 2, 1, 0) != 1)
		return 4;
	send(c, "x", 1, 0);			/* no address: no record */
	sendmsg(c, &mm[1].msg_hdr, 0);
	connect(d, NULL, 0);
	return 0;
}

static void socket_calls(void **state)
{
	struct hf_addr own = { 0 };
	struct hf_action a;
	struct recs r;

	NEED_BPF();
	assert_int_equal(run(&r, 0, do_socks, NULL), 0);
	assert_true(action_of(&r, HF_NR_listen, 0, &a));
	own = a.addr;
	assert_true(own.family == AF_INET && own.port && own.ip[0] == 127 && own.proto == IPPROTO_TCP);
	assert_true(action_of(&r, HF_NR_connect, 0, &a));
	assert_memory_equal(&a.addr, &own, sizeof(own));
	assert_true(action_of(&r, HF_NR_accept4, 0, &a));
	assert_true(a.kind == HF_ACCEPT && a.addr.family == AF_INET && a.addr.ip[0] == 127 && a.addr.port &&
			a.addr.port != own.port);
	assert_true(action_of(&r, HF_NR_bind, 0, &a));
	assert_true(a.kind == HF_BIND && a.addr.family == AF_INET && a.addr.port == 0);
	assert_true(action_of(&r, HF_NR_bind, 1, &a));
	assert_true(a.addr.family == AF_UNIX && a.addr.sun_len == 8 && memcmp(a.addr.sun, "\0hf-test", 8) == 0);
	assert_true(action_of(&r, HF_NR_listen, 1, &a));
	assert_true(a.addr.family == AF_UNIX && a.addr.sun_len == 8 && memcmp(a.addr.sun, "\0hf-test", 8) == 0);
	assert_true(action_of(&r, HF_NR_connect, 1, &a));
	assert_true(a.addr.family == AF_UNIX && a.addr.sun_len == 8);
	assert_true(action_of(&r, HF_NR_accept, 0, &a) && a.addr.family == AF_UNIX);
	assert_true(action_of(&r, HF_NR_sendto, 0, &a) && a.kind == HF_SEND && a.addr.port == own.port);
	assert_int_equal(a.addr.proto, IPPROTO_UDP);
	assert_false(action_of(&r, HF_NR_sendto, 1, &a));
	assert_true(action_of(&r, HF_NR_sendmsg, 0, &a) && a.addr.port == own.port);
	assert_false(action_of(&r, HF_NR_sendmsg, 1, &a));
	assert_true(action_of(&r, HF_NR_sendmmsg, 1, &a) && a.addr.port == own.port);
	assert_false(action_of(&r, HF_NR_sendmmsg, 2, &a));
	assert_true(action_of(&r, HF_NR_connect, 2, &a) && a.addr.family == 0 && a.ret < 0);
	recs_free(&r);
}

static int do_sys(void *arg)
{
	struct iovec io = { "x", 1 };
	pid_t p = fork();
	int pfd;

	if (p == 0) {
		pause();
		_exit(0);
	}
	pfd = (int)syscall(SYS_pidfd_open, p, 0);
	kill(getpid(), 0);
	raise(SIGURG);			/* to itself: dull */
	kill(p, 0);			/* only asks: dull */
	kill(p, SIGURG);
	syscall(SYS_tgkill, p, p, SIGWINCH);
	syscall(SYS_tkill, p, SIGCHLD);
	syscall(SYS_pidfd_send_signal, pfd, SIGCONT, NULL, 0);
	ptrace(PTRACE_SEIZE, p, 0, 0);
	process_vm_writev(p, &io, 1, &io, 1, 0);
	syscall(SYS_setresuid, -1, -1, -1);
	syscall(SYS_capset, NULL, NULL);
	memfd_create("m", 0);
	mount("a", "/does/not/exist", "tmpfs", 0, NULL);
	umount2("/does/not/exist", 0);
	TRY(chroot("/does/not/exist"));
	unshare(CLONE_NEWUTS);
	setns(-1, 0);
	syscall(SYS_delete_module, "hf_none", 0);
	syscall(SYS_init_module, NULL, 0, "");
	syscall(SYS_bpf, 1000, NULL, 0);
	syscall(SYS_io_uring_setup, 0, NULL);
	syscall(SYS_perf_event_open, NULL, 0, 0, 0, 0);
	kill(p, SIGKILL);
	wait(NULL);
	return 0;
}

static void sys_calls(void **state)
{
	static const struct { uint32_t nr; enum hf_kind kind; int signo; bool target; } t[] = {
		{ HF_NR_kill, HF_SIGNAL, SIGURG, true }, { HF_NR_tgkill, HF_SIGNAL, SIGWINCH, true },
		{ HF_NR_tkill, HF_SIGNAL, SIGCHLD, true }, { HF_NR_pidfd_send_signal, HF_SIGNAL, SIGCONT, true },
		{ HF_NR_ptrace, HF_PTRACE, 0, true }, { HF_NR_process_vm_writev, HF_VM_WRITE, 0, true },
		{ HF_NR_setresuid, HF_SETUID, 0, false }, { HF_NR_capset, HF_SETUID, 0, false },
		{ HF_NR_memfd_create, HF_MEMFD, 0, false }, { HF_NR_mount, HF_MOUNT, 0, false },
		{ HF_NR_umount2, HF_MOUNT, 0, false }, { HF_NR_chroot, HF_MOUNT, 0, false },
		{ HF_NR_unshare, HF_OTHER, 0, false }, { HF_NR_setns, HF_OTHER, 0, false },
		{ HF_NR_delete_module, HF_MODULE, 0, false }, { HF_NR_init_module, HF_MODULE, 0, false },
		{ HF_NR_bpf, HF_BPF, 0, false }, { HF_NR_io_uring_setup, HF_OTHER, 0, false },
		{ HF_NR_perf_event_open, HF_OTHER, 0, false },
	};
	const struct hf_rec_fork *f;
	struct hf_action a;
	struct recs r;

	NEED_BPF();
	assert_int_equal(run(&r, 0, do_sys, NULL), 0);
	f = find(&r, HF_REC_FORK, 0);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_true(action_of(&r, t[i].nr, 0, &a));
		assert_int_equal(a.kind, t[i].kind);
		assert_int_equal(a.signo, t[i].signo);
		assert_int_equal(a.target_tgid, t[i].target ? f->child_tgid : 0);
	}
	assert_int_equal(count(&r, HF_REC_FOREIGN), 1);
	recs_free(&r);
}

/* i386 number 42 is pipe, 59 is oldolduname: they must never be read as connect or execve. */
static int do_foreign(void *arg)
{
	long rc = 42;

	asm volatile("int $0x80" : "+a"(rc) : "b"(0L), "c"(0L), "d"(0L) : "memory", "r8", "r9", "r10", "r11");
	syscall(0x40000000 | SYS_connect, -1, NULL, 0);
	return 0;
}

static void foreign_calls(void **state)
{
	const struct hf_rec_sys *s;
	struct hf_action a;
	struct recs r;

	NEED_BPF();
	assert_int_equal(run(&r, 0, do_foreign, NULL), 0);
	assert_int_equal(count(&r, HF_REC_SOCK), 0);
	s = find(&r, HF_REC_FOREIGN, 0);
	assert_non_null(s);
	if (s->abi == 1) {	/* else this kernel has no IA32 emulation */
		assert_int_equal(s->nr, 42);
		s = find(&r, HF_REC_FOREIGN, 1);
	}
	assert_int_equal(s->abi, 2);
	assert_int_equal(s->nr, 0x40000000 | SYS_connect);
	assert_int_equal(hf_decode(s, s->h.len, &dbuf, &a), 0);
	assert_int_equal(a.kind, HF_OTHER);
	recs_free(&r);
}

static int do_open_named(void *arg)
{
	const char *const *name = arg;
	int fd;

	if (chdir(dir))
		return 1;
	fd = open(name[0], name[1] ? O_WRONLY : O_RDONLY);
	return fd < 0 ? 2 : 3;
}

/* Stops before it can use the descriptor; goes on when told to. */
static void opens(const char *name, bool write, uint32_t flags, bool stops)
{
	const char *arg[2] = { name, write ? "w" : NULL };
	const struct hf_rec *h;
	struct pollfd pfd = { .fd = hf_bpf_ring_fd(B), .events = POLLIN };
	struct recs r;
	int st;

	child_start(&r, flags, do_open_named, arg);
	if (stops) {
		assert_int_equal(waitpid((pid_t)r.pid, &st, WUNTRACED), r.pid);
		assert_true(WIFSTOPPED(st) && WSTOPSIG(st) == SIGSTOP);
		assert_int_equal(poll(&pfd, 1, 0), 1);
		drain(&r);
		kill((pid_t)r.pid, SIGCONT);
	}
	child_wait(&r);
	assert_int_equal(WEXITSTATUS(r.status), 3);
	h = find(&r, HF_REC_OPEN, 0);
	assert_int_equal(!!(h->flags & HF_REC_STOPPED), stops);
	recs_free(&r);
}

static void opens_of_interest_stop(void **state)
{
	static const char *const files[] = { "id_rsa", "x.pem", "sub/deep/y", "plain", ".env",
			"32345678901234567890123456789012",
					     "323456789012345678901234567890123", "a.pem.txt" };
	char path[256];

	NEED_BPF();
	snprintf(path, sizeof(path), "%s/sub", dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/sub/deep", dir);
	mkdir(path, 0700);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		close(open(path, O_WRONLY | O_CREAT, 0600));
	}
	assert_int_equal(hf_bpf_interest_add(B, "id_rsa", HF_INTEREST_LEAF), 0);
	assert_int_equal(hf_bpf_interest_add(B, ".pem", HF_INTEREST_EXT), 0);
	assert_int_equal(hf_bpf_interest_add(B, ".env", HF_INTEREST_LEAF), 0);
	assert_int_equal(hf_bpf_interest_add(B, "sub", HF_INTEREST_PARENT), 0);
	assert_int_equal(hf_bpf_interest_add(B, files[5], HF_INTEREST_LEAF), 0);
	assert_int_equal(hf_bpf_interest_add(B, files[6], HF_INTEREST_LEAF), -EINVAL);
	assert_int_equal(hf_bpf_interest_add(B, "", HF_INTEREST_LEAF), -EINVAL);
	assert_int_equal(hf_bpf_interest_add(B, "x", 0), -EINVAL);
	opens("id_rsa", false, HF_SESSION_STOP_OPENS, true);
	opens("x.pem", false, HF_SESSION_STOP_OPENS, true);
	opens("sub/deep/y", false, HF_SESSION_STOP_OPENS, true);
	opens(".env", false, HF_SESSION_STOP_OPENS, true);
	opens(files[5], false, HF_SESSION_STOP_OPENS, true);
	opens("plain", false, HF_SESSION_STOP_OPENS, false);
	opens(files[6], false, HF_SESSION_STOP_OPENS, false);
	opens("a.pem.txt", false, HF_SESSION_STOP_OPENS, false);
	opens("id_rsa", true, HF_SESSION_STOP_OPENS, false);	/* for writing: seccomp asks before it */
	opens("id_rsa", false, 0, false);
}

static void *spin(void *arg)
{
	for (;;)
		usleep(200);
	return NULL;
}

static int do_spin(void *arg)
{
	pthread_t t;

	pthread_create(&t, NULL, spin, NULL);
	pthread_join(t, NULL);
	return 0;
}

static void frozen_is_seen(void **state)
{
	struct hf_cgroup c;
	uint32_t tid = 0, tid2;
	struct recs r;
	int got = 0;

	NEED_BPF();
	assert_int_equal(hf_cgroup_create(0xbf10000000000000ull | (uint32_t)getpid(), &c), 0);
	child_start(&r, 0, do_spin, NULL);
	assert_int_equal(hf_cgroup_add(&c, (pid_t)r.pid), 0);
	usleep(20000);
	assert_int_equal(hf_bpf_session_frozen(B, r.session, NULL, 0, &tid), 0);
	assert_true(tid >= r.pid);
	assert_int_equal(hf_bpf_session_frozen(B, r.session, &tid, 1, &tid2), 0);
	assert_true(tid2 != tid);
	assert_int_equal(hf_bpf_session_frozen(B, r.session, (uint32_t[]){ tid, tid2 }, 2, NULL), 1);
	assert_int_equal(hf_cgroup_freeze(&c, true), 0);
	for (int i = 0; i < 1000 && got == 0; i++) {
		got = hf_bpf_session_frozen(B, r.session, NULL, 0, &tid);
		usleep(1000);
	}
	assert_int_equal(got, 1);
	assert_int_equal(hf_cgroup_freeze(&c, false), 0);
	usleep(20000);
	assert_int_equal(hf_bpf_session_frozen(B, r.session, NULL, 0, &tid), 0);
	kill((pid_t)r.pid, SIGKILL);
	child_wait(&r);
	assert_int_equal(hf_bpf_session_frozen(B, r.session, NULL, 0, &tid), 1);
	recs_free(&r);
	hf_cgroup_remove(&c);
}

static int do_flood(void *arg)
{
	const char *name[2] = { "id_rsa", NULL };

	for (int i = 0; i < 20000; i++)
		close(open("/etc/hostname", O_RDONLY));
	return do_open_named(name);
}

/* Nobody reads: records are lost and counted, the open of interest still stops, and can be found. */
static void a_full_ring_loses_and_says_so(void **state)
{
	struct pollfd pfd = { .events = POLLIN };
	struct hf_session_state s;
	uint32_t tgid[4] = { 0 };
	uint64_t session[4] = { 0 };
	struct recs r;
	int st;

	NEED_BPF();
	pfd.fd = hf_bpf_ring_fd(B);
	child_start(&r, HF_SESSION_STOP_OPENS, do_flood, NULL);
	assert_int_equal(poll(&pfd, 1, 5000), 1);
	assert_int_equal(waitpid((pid_t)r.pid, &st, WUNTRACED), r.pid);
	assert_true(WIFSTOPPED(st));
	assert_int_equal(hf_bpf_session_state(B, r.session, &s), 0);
	assert_true(s.lost[HF_REC_OPEN] > 1000);
	assert_int_equal(hf_bpf_stranded(B, tgid, session, 4), 1);
	assert_true(tgid[0] == r.pid && session[0] == r.session);
	assert_int_equal(hf_bpf_stranded(B, tgid, session, 4), 0);
	for (int i = 0; i < 8; i++) {	/* a bounded array: read in pieces */
		int n = 0;

		assert_true(hf_bpf_drain(B, keep, &r) != -EBADMSG);
		for (; n < MAX_RECS && r.n; n++)
			free((void *)(uintptr_t)r.rec[--r.n]);
	}
	kill((pid_t)r.pid, SIGCONT);
	child_wait(&r);
	assert_int_equal(count(&r, HF_REC_EXIT), 1);
	assert_int_equal(hf_bpf_session_state(B, r.session, &s), 0);
	assert_true(((const struct hf_rec *)find(&r, HF_REC_EXIT, 0))->seq == s.seq);
	recs_free(&r);
}

static int calls_setup(void **state)
{
	strcpy(dir, "/tmp/hf-calls-XXXXXX");
	return mkdtemp(dir) && !group_setup(state) ? 0 : -1;
}

static int calls_teardown(void **state)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return group_teardown(state) || system(cmd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(path_calls), cmocka_unit_test(socket_calls), cmocka_unit_test(sys_calls),
		cmocka_unit_test(foreign_calls), cmocka_unit_test(opens_of_interest_stop),
		cmocka_unit_test(frozen_is_seen), cmocka_unit_test(a_full_ring_loses_and_says_so),
	};

	return cmocka_run_group_tests(tests, calls_setup, calls_teardown);
}
