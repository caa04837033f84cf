/* SPDX-License-Identifier: Apache-2.0 */
/* Resolving paths for another thread, against what the kernel itself does there. */
#include "remote_child.h"
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include "guard/remote.h"

static char top[64];

static char *in_top(const char *fmt, ...)
{
	static char buf[8][4096];
	static unsigned turn;
	char *b = buf[turn++ % 8];
	int n = snprintf(b, sizeof(buf[0]), "%s/", top);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(b + n, sizeof(buf[0]) - (size_t)n, fmt, ap);
	va_end(ap);
	return b;
}

static int make_top(void **state)
{
	strcpy(top, "/tmp/hf-remote-XXXXXX");
	assert_non_null(mkdtemp(top));
	for (const char *const *d = (const char *const[]){ "a", "a/b", "a/b/c", "d", "jail", "jail/etc", "jail/proc", "jail/tmp", NULL }; *d; d++)
		assert_int_equal(mkdir(in_top("%s", *d), 0755), 0);
	put_file(in_top("a/f"), "x", 0644);
	put_file(in_top("a/b/c/g"), "x", 0644);
	put_file(in_top("jail/etc/x"), "x", 0644);
	put_file(in_top("d/gone (deleted)"), "x", 0644);
	assert_int_equal(symlink("b/c", in_top("a/toc")), 0);
	assert_int_equal(symlink("../a/toc/g", in_top("d/tog")), 0);
	assert_int_equal(symlink(in_top("a"), in_top("d/abs")), 0);
	assert_int_equal(symlink("loop2", in_top("d/loop1")), 0);
	assert_int_equal(symlink("loop1", in_top("d/loop2")), 0);
	assert_int_equal(symlink("../a/new", in_top("d/dangling")), 0);
	assert_int_equal(symlink("../nowhere/new", in_top("d/dead")), 0);
	assert_int_equal(symlink("/etc/x", in_top("jail/tmp/link")), 0);
	assert_int_equal(symlink("../../../../etc/x", in_top("jail/tmp/up")), 0);
	assert_int_equal(symlink("/proc/self/status", in_top("d/status")), 0);
	assert_int_equal(symlink("/proc/thread-self/../../..", in_top("d/out")), 0);
	assert_int_equal(mkfifo(in_top("d/fifo"), 0644), 0);
	return 0;
}

static int drop_top(void **state)
{
	umount2(in_top("jail/proc"), MNT_DETACH);
	remove_tree(top);
	return 0;
}

/* The kernel's answer in the child against ours; the kernel's name is read from outside, so that no chroot cuts it. */
static void check(struct child *c, int dirfd, const char *path, bool follow)
{
	struct ask a = { .dirfd = dirfd, .flags = follow ? 0 : O_NOFOLLOW };
	char link[64], want[8192], out[8192] = "";
	bool exists = false;
	struct stat theirs, ours;
	struct told t;
	ssize_t n = 0;
	int fd = -1, r;

	snprintf(a.path, sizeof(a.path), "%s", path);
	assert_int_equal(write(c->ctl, &a, sizeof(a)), sizeof(a));
	assert_int_equal(read(c->ctl, &t, sizeof(t)), sizeof(t));
	r = hf_remote_resolve(t.tid, dirfd, path, follow, out, sizeof(out), &exists, &fd);
	if (t.fd >= 0) {
		if (r || !exists)
			fail_msg("%s: kernel opens it, we say %d exists %d", path, r, exists);
		snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)t.tid, t.fd);
		n = readlink(link, want, sizeof(want) - 1);
		assert_true(n > 0);
		want[n] = '\0';
		assert_int_equal(fstat(fd, &ours), 0);
		assert_int_equal(stat(link, &theirs) ? lstat(want, &theirs) : 0, 0);
		if (!S_ISLNK(ours.st_mode)) {
			assert_int_equal(theirs.st_ino, ours.st_ino);
			assert_int_equal(theirs.st_dev, ours.st_dev);
		}
		n = (ssize_t)strlen(want) - 10;
		if (n > 0 && strcmp(want + n, " (deleted)") == 0 && (lstat(want, &theirs) || theirs.st_ino != ours.st_ino))
			want[n] = '\0';
		if (strcmp(want, out))
			fail_msg("%s: kernel %s, we %s", path, want, out);
	} else if (t.err == ENOENT) {
		if (!(r == -ENOENT || (r == 0 && !exists)))
			fail_msg("%s: kernel ENOENT, we %d (%s)", path, r, out);
	} else if (t.err == EACCES && r == 0) {
		/* we see what the target must not: it is judged, and the kernel refuses it */
	} else if (r != -t.err) {
		fail_msg("%s: kernel %s, we %d (%s)", path, strerror(t.err), r, out);
	}
	if (fd >= 0)
		close(fd);
	assert_int_equal(write(c->ctl, "n", 1), 1);
}

static const char *const paths[] = {
	"a/f", "a/toc/g", "d/tog", "d/abs/f", "d/abs/toc/../g", "a/toc/..", "a/toc/../..", "d/loop1", "d/loop1/x", "d/dangling", "d/dead",
	"a/f/", "a/toc/", "a/f/x", "a/f/..", "a/f/.", "a//b///c/./g", "a/nothing", "a/nothing/x", "d/fifo", "d/gone (deleted)", ".", "..", "a/..",
	"../../../../../../etc/passwd", "d/abs/..", "d/abs/../d/tog", "nothing/", "d/dangling/", "d/abs/toc/",
	"d/status", "d/out", "d/out/../../etc/passwd", "d/out/status",
};

static void enter_top(void *arg)
{
	if (chdir(top))
		_exit(1);
}

static void relative_and_absolute(void **state)
{
	struct child c = oracle_start(enter_top, NULL);

	for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		for (int follow = 0; follow < 2; follow++) {
			check(&c, AT_FDCWD, paths[i], follow);
			check(&c, AT_FDCWD, in_top("%s", paths[i]), follow);
		}
	}
	check(&c, AT_FDCWD, "/", true);
	check(&c, AT_FDCWD, "//..//", true);
	check(&c, 77, "a", true);
	check(&c, 77, "/etc", true);
	child_end(&c);
}

static void open_dirs(void *arg)
{
	int fd = open(in_top("a/b"), O_RDONLY | O_DIRECTORY);

	if (fd < 0 || dup2(fd, 50) < 0)
		_exit(1);
	fd = open(in_top("a/f"), O_RDONLY);
	if (fd < 0 || dup2(fd, 51) < 0 || chdir(in_top("d")))
		_exit(1);
}

static void dirfds_and_proc(void **state)
{
	static const char *const magic[] = {
		"/proc/self/root/etc/passwd", "/proc/self/cwd/tog", "/proc/self/fd/50/c/g", "/proc/self/fd/50/..", "/proc/self/fd/50/../..",
		"/proc/thread-self/cwd", "/proc/thread-self/cwd/..", "/proc/thread-self/fd/50/c", "/proc/self/exe", "/proc/self/fd/51",
		"/proc/self/fd/51/", "/proc/self/fd/51/..", "/proc/self/task", "/proc/self", "/proc/thread-self", "/proc/mounts", "/proc/net/tcp",
		"/proc/self/fd/99", "/proc/self/ns/mnt", "/dev/fd/50/c", "/dev/stdin", "/proc/self/root/proc/self/root/proc/thread-self/cwd/abs",
		"/proc/1/../self/cwd", "/proc/self/cwd/../a/toc/../../f", "/proc/self/fd/0", "/proc/self/root/..", "/proc/./self/../self/cwd",
	};
	struct child c = oracle_start(open_dirs, NULL);

	for (unsigned i = 0; i < sizeof(magic) / sizeof(magic[0]); i++)
		for (int follow = 0; follow < 2; follow++)
			check(&c, AT_FDCWD, magic[i], follow);
	check(&c, 50, "c/g", true);
	check(&c, 50, "../toc", true);
	check(&c, 50, "../toc", false);
	check(&c, 50, "../../../..", true);
	check(&c, 51, "x", true);
	child_end(&c);
}

static void enter_jail(void *arg)
{
	if (chroot(in_top("jail")) || chdir("/tmp"))
		_exit(1);
	if (mount("proc", "/proc", "proc", 0, NULL))
		_exit(1);
}

static void chrooted(void **state)
{
	static const char *const in_jail[] = {
		"/etc/x", "/tmp/link", "link", "up", "../../../etc/x", "/../../etc/x", "..", "../..", "/", "/proc/self/root/etc/x",
		"/proc/self/root/../etc/x", "/proc/self/cwd/..", "/proc/self/cwd/../..", "/etc/passwd", "/proc/1/root",
	};
	struct child c = oracle_start(enter_jail, NULL);

	for (unsigned i = 0; i < sizeof(in_jail) / sizeof(in_jail[0]); i++)
		for (int follow = 0; follow < 2; follow++)
			if (strcmp(in_jail[i], "/proc/1/root"))
				check(&c, AT_FDCWD, in_jail[i], follow);
	child_end(&c);
	umount2(in_top("jail/proc"), MNT_DETACH);
}

/* Its own mount namespace, with something else mounted on a/b: only there is the file h. */
static void enter_mounts(void *arg)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", in_top("a/b"), "tmpfs", 0, NULL) || chdir(in_top("a/b")) || mkdir("c", 0755) ||
	    symlink("/proc/self/cwd/../f", "sf"))
		_exit(1);
	close(open("c/h", O_CREAT | O_WRONLY, 0644));
}

static void other_mount_namespace(void **state)
{
	struct child c = oracle_start(enter_mounts, NULL);

	check(&c, AT_FDCWD, in_top("a/b/c/h"), true);
	check(&c, AT_FDCWD, in_top("a/toc/h"), true);
	check(&c, AT_FDCWD, in_top("a/b/c/g"), true);
	check(&c, AT_FDCWD, "c/../..", true);
	check(&c, AT_FDCWD, "c/h", true);
	check(&c, AT_FDCWD, "../toc/h", true);
	check(&c, AT_FDCWD, "sf", true);
	check(&c, AT_FDCWD, "c/new", true);
	child_end(&c);
}

static void enter_deleted(void *arg)
{
	if (mkdir(in_top("del"), 0755) || chdir(in_top("del")) || mkdir("sub", 0755) || rmdir("sub") || rmdir(in_top("del")))
		_exit(1);
}

static void deleted_cwd(void **state)
{
	struct child c = oracle_start(enter_deleted, NULL);
	char out[8192];
	bool exists;

	check(&c, AT_FDCWD, ".", true);
	check(&c, AT_FDCWD, "..", true);
	check(&c, AT_FDCWD, "/proc/self/cwd", true);
	check(&c, AT_FDCWD, "x", true);
	assert_int_equal(hf_remote_resolve(c.pid, AT_FDCWD, "x", true, out, sizeof(out), &exists, NULL), 0);
	assert_false(exists);
	assert_string_equal(out, in_top("del/x"));
	child_end(&c);
}

static int in_pidns(void *arg)
{
	int ctl = *(int *)arg;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("proc", in_top("jail/proc"), "proc", 0, NULL) ||
	    chdir(in_top("a")))
		_exit(1);
	if (write(ctl, "r", 1) != 1)
		_exit(1);
	oracle_serve(ctl);
	return 0;
}

/* In a pid namespace of its own /proc/self is another number in each procfs. */
static void pid_namespace(void **state)
{
	static char stack[65536] __attribute__((aligned(16)));
	struct child c = { .listener = -1 };
	char path[4096], out[8192], ready, want[64], jail[4096];
	bool exists;
	int sv[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	c.pid = clone(in_pidns, stack + sizeof(stack), CLONE_NEWPID | SIGCHLD, &sv[1]);
	if (c.pid < 0) {
		print_message("no pid namespace: %s\n", strerror(errno));
		skip();
	}
	close(sv[1]);
	c.ctl = sv[0];
	assert_int_equal(read(c.ctl, &ready, 1), 1);
	/* its own procfs: it is number 1 there */
	snprintf(jail, sizeof(jail), "%s", in_top("jail/proc/self"));
	assert_int_equal(hf_remote_resolve(c.pid, AT_FDCWD, jail, true, out, sizeof(out), &exists, NULL), 0);
	assert_string_equal(out, in_top("jail/proc/1"));
	snprintf(path, sizeof(path), "%s", in_top("jail/proc/thread-self/cwd/f"));
	assert_int_equal(hf_remote_resolve(c.pid, AT_FDCWD, path, true, out, sizeof(out), &exists, NULL), 0);
	assert_string_equal(out, in_top("a/f"));
	/* and ours, which it still sees: there it has our number */
	assert_int_equal(hf_remote_resolve(c.pid, AT_FDCWD, "/proc/self", true, out, sizeof(out), &exists, NULL), 0);
	snprintf(want, sizeof(want), "/proc/%d", (int)c.pid);
	assert_string_equal(out, want);
	child_end(&c);
}

/* Something mounted on our own /proc/PID: /proc/self of the target must not lead there. */
static int own_proc_mounted(void)
{
	char out[8192];
	struct child c;
	bool exists = true;
	int r;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", "/proc/self/attr", "tmpfs", 0, NULL) || mkdir("/proc/self/attr/x", 0755))
		return 77;
	if (symlink("/proc/self/attr/x", in_top("d/attr")))
		return 1;
	c = oracle_start(NULL, NULL);
	r = hf_remote_resolve(c.pid, AT_FDCWD, in_top("d/attr"), true, out, sizeof(out), &exists, NULL);
	child_end(&c);
	return r == -ENOENT || (r == 0 && !exists) ? 0 : 2;
}

static void own_proc(void **state)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(own_proc_mounted());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		print_message("can't mount on /proc/self/attr\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void *thread_serve(void *arg)
{
	int ctl = *(int *)arg;

	if (unshare(CLONE_FS | CLONE_FILES) || chdir(in_top("a/b")))
		_exit(1);
	if (write(ctl, "r", 1) != 1)
		_exit(1);
	oracle_serve(ctl);
	return NULL;
}

/* A thread with a directory and a descriptor table of its own: its tid counts, not its process. */
static void own_thread(void **state)
{
	struct child c = { .listener = -1 };
	int sv[2];
	char ready;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	c.pid = fork();
	if (c.pid == 0) {
		pthread_t t;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pthread_create(&t, NULL, thread_serve, &sv[1]);
		pthread_join(t, NULL);
		_exit(0);
	}
	close(sv[1]);
	c.ctl = sv[0];
	assert_int_equal(read(c.ctl, &ready, 1), 1);
	check(&c, AT_FDCWD, "c/g", true);
	check(&c, AT_FDCWD, "../toc/g", true);
	check(&c, AT_FDCWD, "/proc/thread-self/cwd/c", true);
	check(&c, AT_FDCWD, "/proc/self/cwd", true);
	child_end(&c);
}

static void bounds(void **state)
{
	char path[5000], out[8192], small[16];
	bool exists;
	struct child c = oracle_start(enter_top, NULL);

	/* 40 links are followed, 41 are not */
	for (int i = 0; i < 42; i++) {
		snprintf(path, sizeof(path), "%s", in_top("l%d", i));
		if (i == 0)
			assert_int_equal(symlink("a/f", path), 0);
		else {
			char to[16];

			snprintf(to, sizeof(to), "l%d", i - 1);
			assert_int_equal(symlink(to, path), 0);
		}
	}
	check(&c, AT_FDCWD, "l39", true);
	check(&c, AT_FDCWD, "l40", true);
	check(&c, AT_FDCWD, "l41", false);
	memset(path, 'x', sizeof(path));
	path[256] = '\0';
	check(&c, AT_FDCWD, path, true);
	path[256] = 'x';
	path[4999] = '\0';
	assert_int_equal(hf_remote_resolve(c.pid, AT_FDCWD, path, true, out, sizeof(out), &exists, NULL), -ENAMETOOLONG);
	for (int i = 0; i < 4094; i++)
		path[i] = i % 2 ? '/' : '.';
	path[4094] = '\0';
	check(&c, AT_FDCWD, path, true);
	assert_true(hf_remote_resolve(c.pid, AT_FDCWD, "a/b/c", true, small, sizeof(small), &exists, NULL) < 0);
	child_end(&c);
	assert_int_equal(hf_remote_resolve(c.pid, AT_FDCWD, "a", true, out, sizeof(out), &exists, NULL), -ESRCH);
}

static void enter_top_as_nobody(void *arg)
{
	enter_top(arg);
	if (setgroups(0, NULL) || setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
		_exit(1);
}

/* Random trees of links and random paths: ours and the kernel's must agree on each. */
static void random_paths(void **state)
{
	static const char *const word[] = { "..", ".", "n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "/", "d0", "d1", "" };
	const unsigned words = sizeof(word) / sizeof(word[0]);
	const char *fewer = getenv("HF_RANDOM_ROUNDS");	/* on a slow machine */
	int rounds = fewer ? atoi(fewer) : 6000;
	unsigned seed = (unsigned)getpid();
	struct child c;

	print_message("seed %u\n", seed);
	srandom(seed);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(mkdir(in_top("d%d", i), 0755), 0);
		for (int k = 0; k < 2; k++)
			assert_int_equal(mkdir(in_top("d%d/d%d", i, k), 0755), 0);
	}
	for (int i = 0; i < 8; i++) {
		static const char *const where[] = { "", "d0/", "d1/", "d0/d1/", "d1/d0/" };

		for (int w = 0; w < 5; w++) {
			char to[64] = "", *name = in_top("%sn%d", where[w], i);
			int n = 1 + (int)(random() % 3);

			if (random() % 4 == 0) {
				put_file(name, "x", 0644);
				continue;
			}
			if (random() % 6 == 0)
				strcpy(to, top);
			for (int k = 0; k < n; k++) {
				if (k || to[0])
					strcat(to, "/");
				strcat(to, word[random() % words]);
			}
			assert_int_equal(symlink(to[0] ? to : ".", name), 0);
		}
	}
	c = oracle_start(enter_top, NULL);
	for (int i = 0; i < rounds; i++) {
		char path[128] = "";
		int n = 1 + (int)(random() % 5);

		for (int k = 0; k < n; k++) {
			if (k)
				strcat(path, "/");
			strcat(path, word[random() % words]);
		}
		if (!path[0])
			continue;
		if (i == 3000) {	/* from here on for one who may not search everywhere */
			child_end(&c);
			assert_int_equal(chmod(top, 0755), 0);
			assert_int_equal(chmod(in_top("d0/d1"), 0700), 0);
			assert_int_equal(chmod(in_top("d1"), 0766), 0);
			c = oracle_start(enter_top_as_nobody, NULL);
		}
		check(&c, AT_FDCWD, path, random() % 2);
	}
	child_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(relative_and_absolute, make_top, drop_top),
		cmocka_unit_test_setup_teardown(dirfds_and_proc, make_top, drop_top),
		cmocka_unit_test_setup_teardown(chrooted, make_top, drop_top),
		cmocka_unit_test_setup_teardown(other_mount_namespace, make_top, drop_top),
		cmocka_unit_test_setup_teardown(deleted_cwd, make_top, drop_top),
		cmocka_unit_test_setup_teardown(pid_namespace, make_top, drop_top),
		cmocka_unit_test_setup_teardown(own_proc, make_top, drop_top),
		cmocka_unit_test_setup_teardown(own_thread, make_top, drop_top),
		cmocka_unit_test_setup_teardown(bounds, make_top, drop_top),
		cmocka_unit_test_setup_teardown(random_paths, make_top, drop_top),
	};

	if (geteuid() != 0) {
		printf("test_guard_remote_path: needs root: skipped\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
