/* SPDX-License-Identifier: Apache-2.0 */
/* Held system calls other than exec, and what action is made of them. */
#include "remote_child.h"
#include <grp.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <time.h>
#include "guard/remote.h"

static struct hf_remote remote;
static char top[64];

static char *in_top(const char *name)
{
	static char buf[16][512];
	static unsigned turn;
	char *b = buf[turn++ % 16];

	snprintf(b, sizeof(buf[0]), name[0] ? "%s/%s" : "%s", top, name);
	return b;
}

static int make_top(void **state)
{
	strcpy(top, "/tmp/hf-remote-a-XXXXXX");
	assert_non_null(mkdtemp(top));
	assert_int_equal(mkdir(in_top("d"), 0755), 0);
	put_file(in_top("f"), "x", 0644);
	put_file(in_top("d/g"), "x", 0644);
	assert_int_equal(symlink("f", in_top("link")), 0);
	assert_int_equal(symlink("d", in_top("dlink")), 0);
	assert_int_equal(symlink("d/new", in_top("dangling")), 0);
	return 0;
}

static int drop_top(void **state)
{
	remove_tree(top);
	return 0;
}

/* --- one call at a time ----------------------------------------------------------------------- */

struct call {
	long nr;
	uint64_t a[6];
};
struct calls {
	const struct call *c;
	unsigned n;
	void (*setup)(void);
};

static void prepare_calls(void *arg)
{
	struct calls *k = arg;

	if (chdir(top) || dup2(open(in_top("d"), O_RDONLY), 60) != 60 || dup2(open(in_top("f"), O_RDWR), 61) != 61)
		_exit(1);
	if (k->setup)
		k->setup();
}

static void make_calls(void *arg)
{
	struct calls *k = arg;

	for (unsigned i = 0; i < k->n; i++)
		syscall(k->c[i].nr, k->c[i].a[0], k->c[i].a[1], k->c[i].a[2], k->c[i].a[3], k->c[i].a[4], k->c[i].a[5]);
}

static struct child start_calls(struct calls *k)
{
	int nrs[64];
	unsigned n = 0;

	for (unsigned i = 0; i < k->n; i++) {
		unsigned j = 0;

		while (j < n && nrs[j] != (int)k->c[i].nr)
			j++;
		if (j == n)
			nrs[n++] = (int)k->c[i].nr;
	}
	assert_in_range(n, 1, 30);
	child_before = prepare_calls;
	return notified_start(make_calls, k, nrs, n);
}

/* The next call's action; the call itself fails with EPERM. */
static int next_action(struct child *c, struct hf_action *a, bool *silent)
{
	struct seccomp_notif n;
	int r;

	*silent = false;
	memset(a, 0, sizeof(*a));
	notified_next(c, &n);
	r = hf_remote_action(&n, 9, &remote, a, silent);
	if (r == 0) {
		assert_int_equal(a->nr, n.data.nr);
		assert_int_equal(a->tid, n.pid);
		assert_int_equal(a->tgid, c->pid);
		assert_int_equal(a->session, 9);
		assert_true(a->flags & HF_ACT_ASKED);
	}
	notified_answer(c, &n, EPERM);
	return r;
}

#define P(s) ((uint64_t)(uintptr_t)(s))
#define CWD  ((uint64_t)AT_FDCWD)

struct expect {
	struct call c;
	int err;
	enum hf_kind kind;
	const char *path, *path2;	/* below top; path2 beginning with '=' is a text */
	uint32_t flags;			/* HF_ACT_* that must be set besides ASKED */
};

static void run_table(const struct expect *e, unsigned n)
{
	struct call c[64];
	struct calls k = { .c = c, .n = n };
	struct child ch;

	assert_in_range(n, 1, 64);
	for (unsigned i = 0; i < n; i++)
		c[i] = e[i].c;
	ch = start_calls(&k);
	for (unsigned i = 0; i < n; i++) {
		struct hf_action a;
		bool silent;
		int r = next_action(&ch, &a, &silent);

		if (r != -e[i].err)
			fail_msg("call %u (nr %ld): %d, not %d", i, e[i].c.nr, r, -e[i].err);
		if (r)
			continue;
		if (silent != (e[i].kind == HF_KINDS))
			fail_msg("call %u (nr %ld): silent %d", i, e[i].c.nr, silent);
		if (silent)
			continue;
		assert_int_equal(a.kind, e[i].kind);
		if (e[i].path && !hf_str_eq(a.path, hf_str_of(e[i].path[0] == '/' ? e[i].path : in_top(e[i].path))))
			fail_msg("call %u (nr %ld): path %.*s, not %s", i, e[i].c.nr, (int)a.path.n, a.path.p, e[i].path);
		if (e[i].path2 && !hf_str_eq(a.path2, hf_str_of(e[i].path2[0] == '=' ? e[i].path2 + 1 : in_top(e[i].path2))))
			fail_msg("call %u (nr %ld): path2 %.*s, not %s", i, e[i].c.nr, (int)a.path2.n, a.path2.p, e[i].path2);
		if (a.flags != (e[i].flags | HF_ACT_ASKED))
			fail_msg("call %u (nr %ld): flags %x", i, e[i].c.nr, a.flags);
	}
	child_end(&ch);
}
#define RUN(t) run_table(t, sizeof(t) / sizeof(t[0]))

static struct open_how how_root = { .flags = O_WRONLY, .resolve = RESOLVE_IN_ROOT }, how_plain = { .flags = O_RDONLY };

static void opens(void **state)
{
	const struct expect t[] = {
		{ { SYS_open, { P("f"), O_WRONLY } }, 0, HF_OPEN, "f", NULL, 0 },
		{ { SYS_open, { P("link"), O_WRONLY } }, 0, HF_OPEN, "f", NULL, 0 },
		{ { SYS_open, { P("link"), O_WRONLY | O_NOFOLLOW } }, 0, HF_OPEN, "link", NULL, 0 },
		{ { SYS_open, { P("new"), O_WRONLY } }, ENOENT, 0, NULL, NULL, 0 },
		{ { SYS_open, { P("new"), O_WRONLY | O_CREAT, 0600 } }, 0, HF_OPEN, "new", NULL, 0 },
		{ { SYS_open, { P("dangling"), O_WRONLY | O_CREAT, 0600 } }, 0, HF_OPEN, "d/new", NULL, 0 },
		{ { SYS_open, { P("dangling"), O_WRONLY | O_CREAT | O_EXCL, 0600 } }, 0, HF_OPEN, "dangling", NULL, 0 },
		{ { SYS_creat, { P("dlink/y"), 0600 } }, 0, HF_OPEN, "d/y", NULL, 0 },
		{ { SYS_openat, { 60, P("../f"), O_RDWR } }, 0, HF_OPEN, "f", NULL, 0 },
		{ { SYS_openat, { 60, P("g"), O_RDWR } }, 0, HF_OPEN, "d/g", NULL, 0 },
		{ { SYS_openat, { 63, P("g"), O_RDWR } }, EBADF, 0, NULL, NULL, 0 },
		{ { SYS_openat, { 61, P("g"), O_RDWR } }, ENOTDIR, 0, NULL, NULL, 0 },
		{ { SYS_openat, { 63, P("/etc/passwd"), O_RDWR } }, 0, HF_OPEN, "/etc/passwd", NULL, 0 },
		{ { SYS_openat, { CWD, P("/proc/self/fd/60/g"), O_RDWR } }, 0, HF_OPEN, "d/g", NULL, 0 },
		{ { SYS_openat, { CWD, P("/proc/self/fd/61"), O_RDWR } }, 0, HF_OPEN, "f", NULL, 0 },
		{ { SYS_openat, { CWD, P("/proc/self/root/etc/passwd"), O_RDWR } }, 0, HF_OPEN, "/etc/passwd", NULL, 0 },
		{ { SYS_openat, { CWD, P("d"), O_TMPFILE | O_RDWR, 0600 } }, 0, HF_OPEN, "d/#tmpfile", NULL, 0 },
		{ { SYS_openat, { CWD, P("d"), O_PATH | O_CREAT, 0600 } }, 0, HF_KINDS, NULL, NULL, 0 },
		{ { SYS_openat, { CWD, P(""), O_RDWR } }, ENOENT, 0, NULL, NULL, 0 },
		{ { SYS_openat, { CWD, 0, O_RDWR } }, EFAULT, 0, NULL, NULL, 0 },
		{ { SYS_openat2, { CWD, P("f"), P(&how_plain), sizeof(how_plain) } }, 0, HF_OPEN, "f", NULL, 0 },
		{ { SYS_openat2, { 60, P("/../g"), P(&how_root), sizeof(how_root) } }, 0, HF_OPEN, "d/g", NULL, 0 },
		{ { SYS_openat2, { CWD, P("f"), P(&how_plain), 8 } }, EINVAL, 0, NULL, NULL, 0 },
		{ { SYS_openat2, { CWD, P("f"), 16, sizeof(how_plain) } }, EFAULT, 0, NULL, NULL, 0 },
		{ { SYS_open_by_handle_at, { 60, 0, O_RDONLY } }, 0, HF_OPEN, "d/#handle", NULL, HF_ACT_UNRESOLVED },
	};

	RUN(t);
}

static void entries(void **state)
{
	const struct expect t[] = {
		{ { SYS_unlink, { P("link") } }, 0, HF_UNLINK, "link", NULL, 0 },
		{ { SYS_unlink, { P("dlink/g") } }, 0, HF_UNLINK, "d/g", NULL, 0 },
		{ { SYS_unlink, { P("nothing") } }, ENOENT, 0, NULL, NULL, 0 },
		{ { SYS_unlinkat, { 60, P("g"), 0 } }, 0, HF_UNLINK, "d/g", NULL, 0 },
		{ { SYS_unlinkat, { CWD, P("d///"), AT_REMOVEDIR } }, 0, HF_RMDIR, "d", NULL, 0 },
		{ { SYS_rmdir, { P("dlink/") } }, 0, HF_RMDIR, "dlink", NULL, 0 },
		{ { SYS_mkdir, { P("x/"), 0700 } }, 0, HF_MKDIR, "x", NULL, 0 },
		{ { SYS_mkdirat, { 60, P("x"), 0700 } }, 0, HF_MKDIR, "d/x", NULL, 0 },
		{ { SYS_mkdir, { P("x/y"), 0700 } }, ENOENT, 0, NULL, NULL, 0 },
		{ { SYS_mknodat, { CWD, P("fifo"), S_IFIFO | 0600, 0 } }, 0, HF_MKNOD, "fifo", NULL, 0 },
		{ { SYS_rename, { P("link"), P("d/z") } }, 0, HF_RENAME, "d/z", "link", 0 },
		{ { SYS_renameat2, { CWD, P("f"), 60, P("../dlink/h"), 0 } }, 0, HF_RENAME, "d/h", "f", 0 },
		{ { SYS_rename, { P("nothing"), P("d/z") } }, ENOENT, 0, NULL, NULL, 0 },
		{ { SYS_link, { P("link"), P("l2") } }, 0, HF_LINK, "l2", "link", 0 },
		{ { SYS_linkat, { CWD, P("link"), CWD, P("l2"), AT_SYMLINK_FOLLOW } }, 0, HF_LINK, "l2", "f", 0 },
		{ { SYS_linkat, { 61, P(""), CWD, P("l2"), AT_EMPTY_PATH } }, 0, HF_LINK, "l2", "f", 0 },
		{ { SYS_symlink, { P("/any/../text"), P("dlink/s") } }, 0, HF_SYMLINK, "d/s", "=/any/../text", 0 },
		{ { SYS_symlinkat, { P("t"), 60, P("s") } }, 0, HF_SYMLINK, "d/s", "=t", 0 },
	};

	RUN(t);
}

static void drop_uid(void)
{
	if (setgroups(0, NULL) || setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
		_exit(1);
}

/* Whether something exists in a closed directory is not told by the error: EACCES either way, as the kernel has it. */
static void closed_directories(void **state)
{
	const struct call c[] = {
		{ SYS_unlink, { P(in_top("closed/nothing")) } }, { SYS_unlink, { P(in_top("closed/d/nothing")) } },
		{ SYS_open, { P(in_top("closed/link/x")), O_WRONLY } }, { SYS_unlink, { P(in_top("d/nothing")) } },
		{ SYS_execve, { P(in_top("closed/nothing")), 0, 0 } }, { SYS_unlink, { P(in_top("closed/file/x")) } },
		{ SYS_unlink, { P(in_top("tofile")) } }, { SYS_open, { P(in_top("tofile")), O_WRONLY } },
	};
	static const int want[] = { EACCES, EACCES, EACCES, ENOENT, EACCES, EACCES, 0, EACCES };
	struct calls k = { .c = c, .n = 8, .setup = drop_uid };
	struct hf_action a;
	struct child ch;
	bool silent;

	assert_int_equal(chmod(top, 0755), 0);
	assert_int_equal(mkdir(in_top("closed"), 0700), 0);
	put_file(in_top("closed/file"), "x", 0644);
	assert_int_equal(symlink("../d", in_top("closed/link")), 0);
	assert_int_equal(symlink("closed/gone", in_top("tofile")), 0);
	ch = start_calls(&k);
	for (int i = 0; i < 8; i++)
		assert_int_equal(next_action(&ch, &a, &silent), -want[i]);
	child_end(&ch);
}

static void changes(void **state)
{
	const struct expect t[] = {
		{ { SYS_chmod, { P("link"), 0777 } }, 0, HF_CHMOD, "f", NULL, 0 },
		{ { SYS_fchmod, { 61, 04777 } }, 0, HF_CHMOD, "f", NULL, 0 },
		{ { SYS_fchmod, { 63, 04777 } }, EBADF, 0, NULL, NULL, 0 },
		{ { SYS_fchmodat, { 60, P("../link"), 0700 } }, 0, HF_CHMOD, "f", NULL, 0 },
		{ { 452, { CWD, P("link"), 0700, AT_SYMLINK_NOFOLLOW } }, 0, HF_CHMOD, "link", NULL, 0 },
		{ { SYS_lchown, { P("link"), 0, 0 } }, 0, HF_CHOWN, "link", NULL, 0 },
		{ { SYS_chown, { P("link"), 0, 0 } }, 0, HF_CHOWN, "f", NULL, 0 },
		{ { SYS_fchownat, { 61, P(""), 0, 0, AT_EMPTY_PATH } }, 0, HF_CHOWN, "f", NULL, 0 },
		{ { SYS_fchownat, { CWD, P("link"), 0, 0, AT_SYMLINK_NOFOLLOW } }, 0, HF_CHOWN, "link", NULL, 0 },
		{ { SYS_truncate, { P("link"), 0 } }, 0, HF_TRUNCATE, "f", NULL, 0 },
		{ { SYS_setxattr, { P("link"), P("user.a"), P("b"), 1, 0 } }, 0, HF_SETXATTR, "f", NULL, 0 },
		{ { SYS_fsetxattr, { 61, P("user.a"), P("b"), 1, 0 } }, 0, HF_SETXATTR, "f", NULL, 0 },
		{ { SYS_memfd_create, { P("name"), 0 } }, 0, HF_MEMFD, "/", NULL, 0 },
		{ { SYS_mount, { P("dlink"), P("d"), 0, MS_BIND, 0 } }, 0, HF_MOUNT, "d", "d", 0 },
		{ { SYS_mount, { P("proc"), P("dlink"), P("proc"), 0, 0 } }, 0, HF_MOUNT, "d", "=proc", 0 },
		{ { SYS_umount2, { P("dlink"), 0 } }, 0, HF_MOUNT, "d", NULL, 0 },
		{ { SYS_umount2, { P("dlink"), UMOUNT_NOFOLLOW } }, 0, HF_MOUNT, "dlink", NULL, 0 },
		{ { SYS_mount, { P("nosuch"), P("d"), 0, MS_BIND | MS_REMOUNT | MS_RDONLY, 0 } }, 0, HF_MOUNT, "d", "=nosuch", 0 },
		{ { SYS_mount, { P("nosuch"), P("d"), 0, MS_BIND, 0 } }, ENOENT, 0, NULL, NULL, 0 },
		{ { SYS_acct, { 0 } }, 0, HF_OTHER, NULL, NULL, 0 },
		{ { SYS_chroot, { P("dlink") } }, 0, HF_MOUNT, "d", NULL, 0 },
		{ { SYS_setresuid, { 1, 2, 3 } }, 0, HF_SETUID, NULL, NULL, 0 },
		{ { SYS_bpf, { 5, 0, 0 } }, 0, HF_BPF, NULL, NULL, 0 },
		{ { SYS_sethostname, { P("x"), 1 } }, 0, HF_OTHER, NULL, NULL, 0 },
	};
	struct expect u[sizeof(t) / sizeof(t[0])];

	memcpy(u, t, sizeof(t));
	u[12].path = NULL;	/* no file: checked below */
	run_table(u, sizeof(u) / sizeof(u[0]));
	const struct call c[] = { { SYS_memfd_create, { P("name"), 0 } }, { SYS_fchmod, { 61, 04777 } }, { SYS_setresuid, { 1, 2, 3 } },
				  { SYS_chmod, { P("f"), 0751 } } };
	struct calls k = { .c = c, .n = 4 };
	struct child ch = start_calls(&k);
	struct hf_action a;
	struct stat st;
	bool silent;

	assert_int_equal(next_action(&ch, &a, &silent), 0);
	assert_true(hf_str_eq(a.path, HF_STR("memfd:name")));
	assert_int_equal(next_action(&ch, &a, &silent), 0);
	assert_int_equal(a.mode, 04777);
	assert_int_equal(stat(in_top("f"), &st), 0);
	assert_int_equal(a.ino, st.st_ino);
	assert_int_equal(a.dev, (uint64_t)major(st.st_dev) << 20 | minor(st.st_dev));
	assert_int_equal(next_action(&ch, &a, &silent), 0);
	assert_int_equal(a.mode, 2);
	assert_int_equal(next_action(&ch, &a, &silent), 0);
	assert_int_equal(a.mode, 0751);
	child_end(&ch);
}

/* --- signals ---------------------------------------------------------------------------------- */

static pid_t other;

static void signals(void **state)
{
	pid_t me = getpid();

	other = fork();
	if (other == 0) {
		pause();
		_exit(0);
	}
	const struct call c[] = {
		{ SYS_kill, { (uint64_t)me, SIGTERM } }, { SYS_kill, { (uint64_t)me, 0 } }, { SYS_kill, { 0, SIGTERM } },
		{ SYS_kill, { (uint64_t)-1, SIGTERM } }, { SYS_kill, { (uint64_t)-other, SIGTERM } },
		{ SYS_kill, { 0x7ffffff0, SIGTERM } }, { SYS_tgkill, { (uint64_t)other, (uint64_t)other, SIGUSR1 } },
		{ SYS_ptrace, { PTRACE_SEIZE, (uint64_t)other, 0, 0 } }, { SYS_ptrace, { PTRACE_TRACEME, 0, 0, 0 } },
		{ SYS_process_vm_writev, { (uint64_t)other, 0, 0, 0, 0, 0 } },
		{ SYS_kill, { 0x80000000u, SIGTERM } }, { SYS_tkill, { (uint64_t)-1, SIGTERM } },
	};
	struct calls k = { .c = c, .n = sizeof(c) / sizeof(c[0]) };
	struct child ch = start_calls(&k);
	struct hf_action a;
	bool silent;

	assert_int_equal(next_action(&ch, &a, &silent), 0);
	assert_int_equal(a.target_tgid, me);
	assert_int_equal(a.signo, SIGTERM);
	assert_false(silent);
	assert_int_equal(next_action(&ch, &a, &silent), 0);
	assert_true(silent);
	assert_int_equal(next_action(&ch, &a, &silent), 0);
	assert_true(hf_str_eq(a.path, HF_STR("own process group")));
	assert_int_equal(next_action(&ch, &a, &silent), 0);
	assert_true(hf_str_eq(a.path, HF_STR("every process")));
	assert_false(silent);
	assert_int_equal(next_action(&ch, &a, &silent), 0);
	assert_memory_equal(a.path.p, "process group ", 14);
	assert_int_equal(a.mode, other);
	assert_int_equal(a.target_tgid, 0);
	assert_int_equal(next_action(&ch, &a, &silent), 0);
	assert_true(silent);	/* nobody has that number */
	assert_int_equal(next_action(&ch, &a, &silent), 0);
	assert_int_equal(a.target_tgid, other);
	assert_int_equal(next_action(&ch, &a, &silent), 0);
	assert_int_equal(a.kind, HF_PTRACE);
	assert_int_equal(a.target_tgid, other);
	assert_int_equal(next_action(&ch, &a, &silent), 0);
	assert_true(silent);
	assert_int_equal(next_action(&ch, &a, &silent), 0);
	assert_int_equal(a.kind, HF_VM_WRITE);
	assert_int_equal(a.target_tgid, other);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(next_action(&ch, &a, &silent), 0);
		assert_true(silent);
	}
	child_end(&ch);
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
}

static void *kill_self(void *arg)
{
	syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1);
	syscall(SYS_kill, getpid(), SIGUSR1);
	syscall(SYS_pidfd_send_signal, 62, SIGUSR1, NULL, 0);
	syscall(438, 62, 0, 0);	/* pidfd_getfd */
	return NULL;
}

static void threads_kill(void *arg)
{
	pthread_t t;

	if (dup2((int)syscall(SYS_pidfd_open, getppid(), 0), 62) != 62)
		_exit(1);
	pthread_create(&t, NULL, kill_self, NULL);
	pthread_join(t, NULL);
}

static void signals_of_a_thread(void **state)
{
	static const int nrs[] = { SYS_tgkill, SYS_kill, SYS_pidfd_send_signal, 438 };
	struct child c;
	struct hf_remote_ids ids;
	struct seccomp_notif n;
	struct hf_action a;
	bool silent;

	child_before = NULL;
	c = notified_start(threads_kill, NULL, nrs, 4);
	for (int i = 0; i < 4; i++) {
		notified_next(&c, &n);
		assert_int_not_equal(n.pid, c.pid);
		assert_int_equal(hf_remote_action(&n, 1, &remote, &a, &silent), 0);
		assert_int_equal(a.tgid, c.pid);
		assert_int_equal(silent, i < 2);
		if (i >= 2)
			assert_int_equal(a.target_tgid, getpid());
		/* a thread's start time is its process's */
		assert_int_equal(hf_remote_ids(c.pid, &ids), 0);
		assert_int_equal(a.start_ns, ids.start_ns);
		assert_int_equal(ids.ppid, getpid());
		notified_answer(&c, &n, EPERM);
	}
	child_end(&c);
}

/* --- sockets ---------------------------------------------------------------------------------- */

static struct sockaddr_in in4 = { .sin_family = AF_INET };
static struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 }, mapped = { .sin6_family = AF_INET6 };
static struct sockaddr_in unspec = { .sin_family = AF_UNSPEC };
static struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "dlink/sock" }, abstract = { .sun_family = AF_UNIX, .sun_path = "\0abs" };
static struct sockaddr netlink = { .sa_family = AF_NETLINK };
static struct msghdr msg_bad = { .msg_name = (void *)8, .msg_namelen = 16 }, msg_none = { .msg_name = NULL, .msg_namelen = 0xffffffffu };
static struct msghdr msg_in4 = { .msg_name = &in4, .msg_namelen = 4096 }, msg_neg = { .msg_name = &in4, .msg_namelen = 0x80000001u };
static struct sockaddr_in many[20];
static struct mmsghdr mm[1030];

static void open_sockets(void)
{
	static const struct { int fd, domain, type; } s[] = {
		{ 70, AF_INET, SOCK_STREAM }, { 71, AF_INET, SOCK_DGRAM }, { 72, AF_INET6, SOCK_STREAM }, { 73, AF_INET6, SOCK_DGRAM },
		{ 74, AF_UNIX, SOCK_STREAM },
	};

	for (unsigned i = 0; i < sizeof(s) / sizeof(s[0]); i++)
		if (dup2(socket(s[i].domain, s[i].type, 0), s[i].fd) != s[i].fd)
			_exit(1);
}

static void fill_addresses(void)
{
	in4.sin_port = unspec.sin_port = htons(443);
	in4.sin_addr.s_addr = unspec.sin_addr.s_addr = htonl(0xc0000207);	/* 192.0.2.7 */
	in6.sin6_port = mapped.sin6_port = htons(80);
	in6.sin6_addr.s6_addr[0] = 0x20;
	in6.sin6_addr.s6_addr[15] = 1;
	mapped.sin6_addr.s6_addr[10] = mapped.sin6_addr.s6_addr[11] = 0xff;
	memcpy(mapped.sin6_addr.s6_addr + 12, &in4.sin_addr, 4);
	for (int i = 0; i < 20; i++) {
		many[i] = in4;
		many[i].sin_port = htons((uint16_t)(1000 + i));
	}
	for (int i = 0; i < 1030; i++)
		mm[i].msg_hdr = (struct msghdr){ .msg_name = &many[i % 3], .msg_namelen = sizeof(many[0]) };
	mm[1025].msg_hdr.msg_name = &many[19];	/* past UIO_MAXIOV */
}

static void sockets(void **state)
{
	static const uint8_t ip4[4] = { 192, 0, 2, 7 };

	fill_addresses();
	const struct {
		struct call c;
		int err;
		bool silent;
		uint16_t family, port, proto, raw_family;
	} t[] = {
		{ { SYS_connect, { 70, P(&in4), sizeof(in4) } }, 0, false, AF_INET, 443, IPPROTO_TCP, AF_INET },
		{ { SYS_connect, { 72, P(&in6), sizeof(in6) } }, 0, false, AF_INET6, 80, IPPROTO_TCP, AF_INET6 },
		{ { SYS_connect, { 72, P(&mapped), sizeof(mapped) } }, 0, false, AF_INET, 80, IPPROTO_TCP, AF_INET6 },
		{ { SYS_connect, { 70, P(&unspec), sizeof(unspec) } }, 0, true, 0, 0, 0, 0 },
		{ { SYS_connect, { 70, P(&in4), 0 } }, 0, true, 0, 0, 0, 0 },
		{ { SYS_connect, { 70, P(&in4), 129 } }, EINVAL, false, 0, 0, 0, 0 },
		{ { SYS_connect, { 70, P(&in4), 0xffffffffu } }, EINVAL, false, 0, 0, 0, 0 },
		{ { SYS_connect, { 70, 8, 16 } }, EFAULT, false, 0, 0, 0, 0 },
		{ { SYS_connect, { 99, P(&in4), sizeof(in4) } }, 0, false, AF_INET, 443, 0, AF_INET },
		{ { SYS_sendto, { 71, P("x"), 1, 0, P(&in4), sizeof(in4) } }, 0, false, AF_INET, 443, IPPROTO_UDP, AF_INET },
		{ { SYS_sendto, { 71, P("x"), 1, 0, P(&unspec), sizeof(unspec) } }, 0, false, AF_INET, 443, IPPROTO_UDP, AF_INET },
		{ { SYS_sendto, { 73, P("x"), 1, 0, P(&unspec), sizeof(unspec) } }, 0, true, 0, 0, 0, 0 },
		{ { SYS_sendto, { 73, P("x"), 1, 0, P(&mapped), sizeof(mapped) } }, 0, false, AF_INET, 80, IPPROTO_UDP, AF_INET },
		{ { SYS_sendto, { 73, P("x"), 1, 0, P(&in6), sizeof(in6) } }, 0, false, AF_INET6, 80, IPPROTO_UDP, AF_INET6 },
		{ { SYS_sendto, { 71, P("x"), 1, 0, 0, 16 } }, 0, true, 0, 0, 0, 0 },
		{ { SYS_sendto, { 71, P("x"), 1, 0, P(&netlink), 12 } }, 0, true, 0, 0, 0, 0 },
		{ { SYS_sendmsg, { 71, P(&msg_in4), 0 } }, 0, false, AF_INET, 443, IPPROTO_UDP, AF_INET },
		{ { SYS_sendmsg, { 71, P(&msg_none), 0 } }, 0, true, 0, 0, 0, 0 },
		{ { SYS_sendmsg, { 71, P(&msg_bad), 0 } }, EFAULT, false, 0, 0, 0, 0 },
		{ { SYS_sendmsg, { 71, P(&msg_neg), 0 } }, EINVAL, false, 0, 0, 0, 0 },
		{ { SYS_sendmsg, { 71, 3, 0 } }, EFAULT, false, 0, 0, 0, 0 },
		{ { SYS_sendmmsg, { 71, P(mm), 1030, 0 } }, 0, false, AF_INET, 1000, IPPROTO_UDP, AF_INET },
		{ { SYS_sendmmsg, { 71, P(mm), 0, 0 } }, 0, true, 0, 0, 0, 0 },
	};
	const unsigned n = sizeof(t) / sizeof(t[0]);
	struct call c[sizeof(t) / sizeof(t[0])];
	struct calls k = { .c = c, .n = n, .setup = open_sockets };
	struct child ch;

	for (unsigned i = 0; i < n; i++)
		c[i] = t[i].c;
	ch = start_calls(&k);
	for (unsigned i = 0; i < n; i++) {
		struct hf_action a;
		bool silent;
		int r = next_action(&ch, &a, &silent);

		if (r != -t[i].err)
			fail_msg("call %u: %d", i, r);
		if (r)
			continue;
		if (silent != t[i].silent)
			fail_msg("call %u: silent %d", i, silent);
		if (silent)
			continue;
		if (a.addr.family != t[i].family || a.addr.port != t[i].port || a.addr.proto != t[i].proto ||
		    remote.raw[0].family != t[i].raw_family || remote.raw[0].proto != t[i].proto)
			fail_msg("call %u: family %u port %u proto %u raw %u", i, a.addr.family, a.addr.port, a.addr.proto, remote.raw[0].family);
		if (a.addr.family == AF_INET)
			assert_memory_equal(a.addr.ip, ip4, 4);
		assert_int_equal(a.kind, t[i].c.nr == SYS_connect ? HF_CONNECT : HF_SEND);
		if (t[i].c.nr == SYS_sendmmsg) {
			assert_int_equal(remote.naddrs, 3);
			assert_false(remote.addrs_truncated);
		}
	}
	child_end(&ch);
}

static void unix_sockets_and_many(void **state)
{
	struct sockaddr_un missing = { .sun_family = AF_UNIX, .sun_path = "d/nothing" };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	fill_addresses();
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", in_top("d/sock"));
	assert_int_equal(bind(s, (struct sockaddr *)&at, sizeof(at)), 0);
	for (int i = 0; i < 20; i++)
		mm[i].msg_hdr.msg_name = &many[i];
	const struct call c[] = {
		{ SYS_connect, { 74, P(&un), sizeof(un) } }, { SYS_connect, { 74, P(&abstract), 2 + 4 } },
		{ SYS_connect, { 74, P(&missing), sizeof(missing) } }, { SYS_connect, { 74, P(&un), 2 } },
		{ SYS_sendmmsg, { 71, P(mm), 20, 0 } },
	};
	struct calls k = { .c = c, .n = 5, .setup = open_sockets };
	struct child ch = start_calls(&k);
	struct hf_action a;
	bool silent;

	assert_int_equal(next_action(&ch, &a, &silent), 0);
	assert_true(hf_str_eq(a.path, hf_str_of(in_top("d/sock"))));
	assert_int_equal(a.addr.sun_len, a.path.n);
	assert_int_equal(remote.raw[0].family, 0);
	assert_int_equal(next_action(&ch, &a, &silent), 0);
	assert_int_equal(a.addr.sun_len, 4);
	assert_memory_equal(a.addr.sun, "\0abs", 4);
	assert_null(a.path.p);
	assert_int_equal(next_action(&ch, &a, &silent), -ENOENT);
	assert_int_equal(next_action(&ch, &a, &silent), 0);
	assert_int_equal(next_action(&ch, &a, &silent), 0);
	assert_int_equal(remote.naddrs, 8);
	assert_true(remote.addrs_truncated);
	child_end(&ch);
	close(s);
}

/* --- memory and ids --------------------------------------------------------------------------- */

static void reading(void **state)
{
	static char page[12288] __attribute__((aligned(4096)));
	struct hf_remote_ids ids;
	char buf[8192];

	memset(page, 'p', sizeof(page));
	assert_int_equal(hf_remote_read(getpid(), P(page) + 4000, buf, 5000), 5000);
	assert_int_equal(buf[4999], 'p');
	assert_int_equal(hf_remote_read(getpid(), 8, buf, 5), -EFAULT);
	assert_int_equal(hf_remote_read(getpid(), UINT64_MAX - 3, buf, 100), -EFAULT);
	assert_int_equal(hf_remote_read_str(getpid(), P(page), buf, 100), -ENAMETOOLONG);
	strcpy(page + 4090, "ends behind the page");
	assert_int_equal(hf_remote_read_str(getpid(), P(page) + 4090, buf, 100), 20);
	assert_int_equal(hf_remote_read(0x7ffffff0, P(page), buf, 5), -ESRCH);
	assert_int_equal(hf_remote_ids(0x7ffffff0, &ids), -ESRCH);
	assert_int_equal(hf_remote_ids(getpid(), &ids), 0);
	assert_int_equal(ids.tgid, getpid());
	assert_int_equal(ids.ppid, getppid());
	assert_int_equal(ids.uid, getuid());
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	assert_true(ids.start_ns <= (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec);
	assert_true(ids.start_ns + 60000000000ull > (uint64_t)now.tv_sec * 1000000000ull);
}

static bool known(void *ctx, pid_t tid, struct hf_remote_ids *ret)
{
	*ret = (struct hf_remote_ids){ .tgid = (uint32_t)tid, .uid = 12, .start_ns = 34 };
	return true;
}

static void known_ids(void **state)
{
	const struct call c[] = { { SYS_unlink, { P("f") } } };
	struct calls k = { .c = c, .n = 1 };
	struct child ch = start_calls(&k);
	struct hf_action a;
	bool silent;

	remote.known_ids = known;
	assert_int_equal(next_action(&ch, &a, &silent), 0);
	remote.known_ids = NULL;
	assert_int_equal(a.uid, 12);
	assert_int_equal(a.start_ns, 34);
	child_end(&ch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens), cmocka_unit_test(entries), cmocka_unit_test(closed_directories), cmocka_unit_test(changes), cmocka_unit_test(signals),
		cmocka_unit_test(signals_of_a_thread), cmocka_unit_test(sockets), cmocka_unit_test(unix_sockets_and_many),
		cmocka_unit_test(reading), cmocka_unit_test(known_ids),
	};

	if (geteuid() != 0) {
		printf("test_guard_remote: needs root: skipped\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, make_top, drop_top);
}
