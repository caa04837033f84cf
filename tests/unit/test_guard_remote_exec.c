/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an exec will run, predicted from a held execve and then compared with what the kernel made of it: /proc/PID/exe and
 * /proc/PID/cmdline of the new image. The image is this program itself, which waits when HF_STAY is in its environment.
 */
#include "remote_child.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include "guard/remote.h"

#define ARGS_MAX 5000

static char top[64];
static struct hf_remote remote;
static int said;		/* what hf_remote_action() returned last */

struct job {
	int dirfd;		/* AT_FDCWD, or a path opened as dir */
	const char *open_path;	/* opened as descriptor 60 first */
	bool cloexec, thread, raw_null;
	const char *path;
	char **argv;
	int flags;
	bool at;
	const char *cwd;
};

static char *in_top(const char *name)
{
	static char buf[8][512];
	static unsigned turn;
	char *b = buf[turn++ % 8];

	snprintf(b, sizeof(buf[0]), "%s/%s", top, name);
	return b;
}

static void put_script(const char *name, const char *interp, const char *arg)
{
	char text[1024];

	snprintf(text, sizeof(text), "#!%s%s%s\nrest\n", interp, arg ? " " : "", arg ? arg : "");
	put_file(in_top(name), text, 0755);
}

static int make_top(void **state)
{
	char buf[65536];
	ssize_t n;
	int in, out;

	strcpy(top, "/tmp/hf-remote-x-XXXXXX");
	assert_non_null(mkdtemp(top));
	assert_int_equal(chmod(top, 0755), 0);
	assert_int_equal(mkdir(in_top("sub"), 0755), 0);
	in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	out = open(in_top("stay"), O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		assert_int_equal(write(out, buf, (size_t)n), n);
	close(in);
	close(out);
	assert_int_equal(symlink("stay", in_top("staylink")), 0);
	put_script("plain.sh", in_top("stay"), NULL);
	put_script("arg.sh", in_top("staylink"), "-a b  c ");
	put_script("rel.sh", "sub/../stay", NULL);
	put_script("n1.sh", in_top("plain.sh"), "one");
	put_script("n2.sh", in_top("n1.sh"), NULL);
	put_script("n3.sh", in_top("n2.sh"), "three");
	put_script("n4.sh", in_top("n3.sh"), NULL);
	put_script("n5.sh", in_top("n4.sh"), NULL);
	put_script("noint.sh", in_top("nothing"), NULL);
	put_file(in_top("text"), "hello\n", 0755);
	put_file(in_top("noexec.sh"), "#!/bin/sh\n", 0644);
	put_file(in_top("nonl.sh"), "", 0755);
	snprintf(buf, sizeof(buf), "#! %s \t-q", in_top("stay"));
	put_file(in_top("nonl.sh"), buf, 0755);
	memset(buf, 'l', 600);
	n = snprintf(buf, sizeof(buf), "#!%s ", in_top("stay"));
	buf[n] = 'l';
	buf[600] = '\n';
	buf[601] = '\0';
	put_file(in_top("longarg.sh"), buf, 0755);
	return 0;
}

static int drop_top(void **state)
{
	remove_tree(top);
	return 0;
}

static void *do_exec(void *arg)
{
	static char *env[] = { "HF_STAY=1", NULL };
	struct job *j = arg;
	int err;

	if (j->at)
		syscall(SYS_execveat, j->dirfd, j->path, j->raw_null ? NULL : j->argv, env, j->flags);
	else
		syscall(SYS_execve, j->path, j->raw_null ? NULL : j->argv, env);
	err = errno;
	if (write(child_out, &err, sizeof(err)) != (ssize_t)sizeof(err))
		_exit(1);
	_exit(0);
}

static void run_job(void *arg)
{
	struct job *j = arg;
	pthread_t t;

	if (j->cwd && chdir(j->cwd))
		_exit(1);
	if (j->open_path) {
		int fd = open(j->open_path, O_RDONLY);

		if (fd < 0 || dup3(fd, 60, j->cloexec ? O_CLOEXEC : 0) < 0)
			_exit(1);
	}
	if (!j->thread)
		do_exec(j);
	pthread_create(&t, NULL, do_exec, j);
	pthread_join(t, NULL);
}

static char *slurp(pid_t pid, size_t *ret_len)
{
	char path[64], *buf = malloc(8 << 20);
	size_t n = 0;
	ssize_t k;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && buf);
	while ((k = read(fd, buf + n, (8 << 20) - n)) > 0)
		n += (size_t)k;
	close(fd);
	*ret_len = n;
	return buf;
}

/* Runs the job; 0: the image ran and is what was predicted; else the errno of both. */
static int predict(struct job *j, struct hf_action *ret)
{
	static const int nrs[] = { SYS_execve, SYS_execveat };
	struct child c = notified_start(run_job, j, nrs, 2);
	char link[64], exe[4096], leaves[4100];
	struct seccomp_notif n;
	bool silent = true;
	int r, err = 0;
	ssize_t k;

	notified_next(&c, &n);
	said = r = hf_remote_action(&n, 7, &remote, ret, &silent);
	notified_answer(&c, &n, 0);
	k = read(c.ctl, &err, sizeof(err));	/* closed by the exec, or the errno */
	if (k == (ssize_t)sizeof(err)) {
		if (r && r != -err)
			fail_msg("%s: kernel %s, we %d", j->path, strerror(err), r);
		child_end(&c);
		return err;
	}
	if (r)
		fail_msg("%s: it ran, we said %s", j->path, strerror(-r));
	assert_false(silent);
	assert_int_equal(ret->kind, HF_EXEC);
	assert_int_equal(ret->tgid, c.pid);
	if (!remote.exec_any_interp) {
		size_t len;
		char *cmdline = slurp(c.pid, &len);
		struct stat st;

		assert_int_equal(len, remote.final_argv_total);
		assert_int_equal(remote.final_argv_len, len < 32768 ? len : 32768);
		assert_memory_equal(cmdline, remote.final_argv, remote.final_argv_len);
		free(cmdline);
		snprintf(link, sizeof(link), "/proc/%d/exe", (int)c.pid);
		assert_int_equal(stat(link, &st), 0);
		assert_int_equal(remote.exec_ino, st.st_ino);
		if (!remote.exec_no_dev)
			assert_int_equal(remote.exec_dev, (uint64_t)major(st.st_dev) << 20 | minor(st.st_dev));
		k = readlink(link, exe, sizeof(exe));
		assert_true(k > 0);
		if (st.st_nlink == 0)
			k -= 10;
		r = hf_path_to_leaves((struct hf_str){ exe, (size_t)k }, leaves, sizeof(leaves));
		assert_int_equal(r, remote.exec_leaves_len);
		assert_memory_equal(leaves, remote.exec_leaves, (size_t)r);
	}
	child_end(&c);
	return 0;
}

static void plain(void **state)
{
	char *argv[] = { "zero", "one", "", "three words here", NULL };
	struct job j = { .dirfd = AT_FDCWD, .argv = argv, .path = in_top("staylink") };
	struct hf_action a;

	assert_int_equal(predict(&j, &a), 0);
	assert_true(hf_str_eq(a.path, hf_str_of(in_top("stay"))));
	assert_true(hf_str_eq(a.given, hf_str_of(in_top("staylink"))));
	assert_int_equal(a.argv.n, 5 + 4 + 1 + 17);
	assert_false(a.flags & HF_ACT_SCRIPT);
	assert_true(a.flags & HF_ACT_ASKED);
	assert_int_equal(a.session, 7);
	j.cwd = in_top("sub");
	j.path = "../stay";
	assert_int_equal(predict(&j, &a), 0);
	assert_true(hf_str_eq(a.cwd, hf_str_of(in_top("sub"))));
	j.path = "/proc/self/cwd/../stay";
	j.thread = true;
	assert_int_equal(predict(&j, &a), 0);
	j.path = "/proc/self/exe";
	assert_int_equal(predict(&j, &a), 0);
}

static void scripts(void **state)
{
	static const char *const names[] = { "plain.sh", "arg.sh", "rel.sh", "n1.sh", "n2.sh", "n3.sh", "n4.sh", "nonl.sh", "longarg.sh" };
	char *argv[] = { "zero", "one", "two", NULL };
	struct hf_action a;

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct job j = { .dirfd = AT_FDCWD, .argv = argv, .path = in_top(names[i]), .cwd = top };

		assert_int_equal(predict(&j, &a), 0);
		assert_true(a.flags & HF_ACT_SCRIPT);
		assert_false(remote.exec_any_interp);
		assert_true(hf_str_eq(a.path, hf_str_of(in_top(names[i]))));
		assert_true(hf_str_eq(a.interp, hf_str_of(in_top("stay"))));
		j.path = names[i];
		assert_int_equal(predict(&j, &a), 0);
		argv[1] = NULL;
		assert_int_equal(predict(&j, &a), 0);
		argv[0] = NULL;		/* an empty argv becomes one empty word, which the script's name replaces */
		assert_int_equal(predict(&j, &a), 0);
		argv[0] = "zero", argv[1] = "one";
	}
}

static void failures(void **state)
{
	char *argv[] = { "zero", NULL };
	static const struct { const char *name; int err; } t[] = {
		{ "n5.sh", ELOOP }, { "noint.sh", ENOENT }, { "nothing", ENOENT }, { "stay/x", ENOTDIR }, { "text", ENOEXEC },
		{ "noexec.sh", EACCES }, { "sub", EACCES }, { "", ENOENT },
	};
	struct hf_action a;

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct job j = { .dirfd = AT_FDCWD, .argv = argv, .path = t[i].name, .cwd = top };

		assert_int_equal(predict(&j, &a), t[i].err);
	}
}

static void descriptors(void **state)
{
	char *argv[] = { "zero", "one", NULL };
	struct job j = { .dirfd = 60, .at = true, .open_path = in_top("stay"), .path = "", .flags = AT_EMPTY_PATH, .argv = argv };
	struct hf_action a;

	assert_int_equal(predict(&j, &a), 0);
	assert_true(hf_str_eq(a.given, HF_STR("/dev/fd/60")));
	j.open_path = in_top("arg.sh");
	assert_int_equal(predict(&j, &a), 0);
	assert_true(a.flags & HF_ACT_SCRIPT);
	j.cloexec = true;	/* the interpreter couldn't open it */
	assert_int_equal(predict(&j, &a), ENOENT);
	assert_int_equal(said, -ENOENT);
	j.open_path = in_top("stay");
	assert_int_equal(predict(&j, &a), 0);
	j.open_path = top;
	j.cloexec = false;
	j.flags = 0;
	j.path = "sub/../n2.sh";
	assert_int_equal(predict(&j, &a), 0);
	assert_true(hf_str_eq(a.path, hf_str_of(in_top("n2.sh"))));
	j.path = in_top("n2.sh");	/* absolute: the descriptor does not count */
	j.dirfd = 99;
	assert_int_equal(predict(&j, &a), 0);
	j.path = "n2.sh";
	assert_int_equal(predict(&j, &a), EBADF);
	j.path = "/proc/self/fd/60/stay";
	assert_int_equal(predict(&j, &a), 0);
	j.dirfd = 60;
	j.path = "staylink";
	j.flags = AT_SYMLINK_NOFOLLOW;
	assert_int_equal(predict(&j, &a), ELOOP);
	/* no AT_EMPTY_PATH */
	j.path = "";
	j.flags = 0;
	assert_int_equal(predict(&j, &a), ENOENT);
}

static void empty_argv(void **state)
{
	char *argv[] = { NULL };
	struct job j = { .dirfd = AT_FDCWD, .argv = argv, .path = in_top("stay") };
	struct hf_action a;

	assert_int_equal(predict(&j, &a), 0);
	assert_int_equal(remote.final_argv_total, 1);
	j.raw_null = true;
	assert_int_equal(predict(&j, &a), 0);
	j.path = in_top("arg.sh");
	assert_int_equal(predict(&j, &a), 0);
}

static void long_argv(void **state)
{
	static char *argv[ARGS_MAX + 1];
	static char big[140000];
	struct job j = { .dirfd = AT_FDCWD, .argv = argv, .path = in_top("stay") };
	struct hf_action a;

	/* 40 KiB in small words, with a script in front as well */
	for (int i = 0; i < ARGS_MAX; i++)
		argv[i] = i % 2 ? "8 bytes" : "9 bytes.";
	assert_int_equal(predict(&j, &a), 0);
	assert_true(a.flags & HF_ACT_TRUNC_ARGV);
	assert_true(remote.final_argv_total > 40000);
	assert_int_equal(remote.argv_total, remote.final_argv_total);
	j.path = in_top("n3.sh");
	assert_int_equal(predict(&j, &a), 0);
	/* words around the piece that is read at once, and the longest that the kernel takes */
	for (int i = 0; i < 30; i++) {
		argv[i] = malloc(1200);
		memset(argv[i], 'a' + i % 26, 1200);
		argv[i][500 + i] = '\0';
	}
	argv[30] = NULL;
	assert_int_equal(predict(&j, &a), 0);
	memset(big, 'b', sizeof(big));
	big[131071] = '\0';
	argv[0] = big;
	argv[1] = "x";
	argv[2] = big;
	argv[3] = NULL;
	j.path = in_top("stay");
	assert_int_equal(predict(&j, &a), 0);
	j.path = in_top("plain.sh");	/* a long argv[0] goes away: its place is taken by what was cut otherwise */
	assert_int_equal(predict(&j, &a), 0);
	big[131071] = 'b';
	assert_int_equal(predict(&j, &a), E2BIG);
	/* more than a quarter of the stack's limit */
	big[100000] = '\0';
	for (int i = 0; i < 90; i++)
		argv[i] = big;
	argv[90] = NULL;
	assert_int_equal(predict(&j, &a), E2BIG);
}

/* Words at the end of mapped memory, and pointers to nothing. */
static void hostile_argv(void **state)
{
	char *m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *argv[] = { m + 4092, "x", m + 4095, NULL };
	struct job j = { .dirfd = AT_FDCWD, .argv = argv, .path = in_top("stay") };
	struct hf_action a;

	assert_int_equal(munmap(m + 4096, 4096), 0);
	memcpy(m + 4092, "end", 4);
	assert_int_equal(predict(&j, &a), 0);
	m[4095] = 'd';
	assert_int_equal(predict(&j, &a), EFAULT);
	argv[0] = "0";
	argv[2] = (char *)8;
	assert_int_equal(predict(&j, &a), EFAULT);
	/* the pointer array itself ends in a hole */
	char **at = (char **)(m + 4096) - 2;

	at[0] = "zero";
	at[1] = "one";
	j.argv = at;
	assert_int_equal(predict(&j, &a), EFAULT);
	at[1] = NULL;
	assert_int_equal(predict(&j, &a), 0);
	j.argv = (char **)1;
	assert_int_equal(predict(&j, &a), EFAULT);
	j.argv = at;
	j.path = (char *)16;
	static const int nrs[] = { SYS_execve };
	struct child c = notified_start(run_job, &j, nrs, 1);
	struct seccomp_notif n;
	bool silent;

	notified_next(&c, &n);
	assert_int_equal(hf_remote_action(&n, 7, &remote, &a, &silent), -EFAULT);
	child_end(&c);
	munmap(m, 4096);
}

static bool never(void *ctx, uint64_t dev, uint64_t ino)
{
	++*(int *)ctx;
	return false;
}

static void may_open(void **state)
{
	char *argv[] = { "zero", NULL };
	struct job j = { .dirfd = AT_FDCWD, .argv = argv, .path = in_top("arg.sh") };
	struct hf_action a;
	int asked = 0;

	remote.may_open = never;
	remote.ctx = &asked;
	assert_int_equal(predict(&j, &a), 0);
	assert_int_equal(asked, 1);
	assert_true(remote.exec_any_interp && remote.exec_unread);
	remote.may_open = NULL;
	assert_int_equal(predict(&j, &a), 0);
	assert_false(remote.exec_unread);
}

static void memfd(void **state)
{
	char *argv[] = { "zero", NULL };
	struct job j = { .dirfd = 60, .at = true, .path = "", .flags = AT_EMPTY_PATH, .argv = argv };
	char buf[65536], path[64];
	struct hf_action a;
	int fd = (int)syscall(SYS_memfd_create, "x", 0), in = open(in_top("stay"), O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0 && in >= 0);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		assert_int_equal(write(fd, buf, (size_t)n), n);
	close(in);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	j.open_path = path;
	assert_int_equal(predict(&j, &a), 0);
	assert_true(hf_str_eq(a.path, HF_STR("/memfd:x")));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain), cmocka_unit_test(scripts), cmocka_unit_test(failures), cmocka_unit_test(descriptors),
		cmocka_unit_test(empty_argv), cmocka_unit_test(long_argv), cmocka_unit_test(hostile_argv), cmocka_unit_test(may_open),
		cmocka_unit_test(memfd),
	};

	if (getenv("HF_STAY")) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(10);
		pause();
		return 0;
	}
	if (geteuid() != 0) {
		printf("test_guard_remote_exec: needs root: skipped\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, make_top, drop_top);
}
