// SPDX-License-Identifier: Apache-2.0
/* The BPF part end to end: real children, every record type, as root. Tickets and sockets: test_guard_bpf_ticket.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include "action.h"
#include "bpf_child.h"
#include "bpf/nr.h"

static char dir[64];
static char buf[8192], buf2[8192];

/* Numbers from 1 without a hole, and the state agrees. */
static void no_gap(const struct recs *r)
{
	struct hf_session_state st;
	uint64_t seen = 0;

	for (size_t i = 0; i < r->n; i++)
		seen += r->rec[i]->seq;
	assert_int_equal(hf_bpf_session_state(B, r->session, &st), 0);
	assert_true(st.seq == r->n);
	assert_true(seen == (uint64_t)r->n * (r->n + 1) / 2);
	assert_true(st.fork_untracked == 0);
}

static int do_forks(void *arg)
{
	pid_t p = fork();
	int st;

	if (p == 0) {
		if (fork() == 0)
			_exit(3);
		wait(NULL);
		raise(SIGKILL);
	}
	waitpid(p, &st, 0);
	return 7;
}

static void forks_and_exits(void **state)
{
	const struct hf_rec_fork *f, *g;
	const struct hf_rec_exit *e;
	struct recs r;

	NEED_BPF();
	assert_int_equal(run(&r, 0, do_forks, NULL), 7);
	assert_int_equal(count(&r, HF_REC_FORK), 2);
	assert_int_equal(count(&r, HF_REC_EXIT), 3);
	f = find(&r, HF_REC_FORK, 0);
	g = find(&r, HF_REC_FORK, 1);
	assert_int_equal(f->h.tgid, r.pid);
	assert_int_equal(f->child_tid, f->child_tgid);
	assert_int_equal(g->h.tgid, f->child_tgid);
	assert_true(g->h.start_ns == f->child_start_ns);
	assert_true(f->child_start_ns > f->h.start_ns && f->h.start_ns);
	assert_true(f->h.time_ns >= f->child_start_ns);
	e = find(&r, HF_REC_EXIT, 0);
	assert_int_equal(e->h.ret, 3 << 8);
	assert_true(e->h.start_ns == g->child_start_ns);
	e = find(&r, HF_REC_EXIT, 1);
	assert_int_equal(e->h.ret, SIGKILL);
	e = find(&r, HF_REC_EXIT, 2);
	assert_int_equal(e->h.ret, 7 << 8);
	assert_int_equal(e->h.tgid, r.pid);
	no_gap(&r);
	recs_free(&r);
}

static pthread_barrier_t bar;
static void *in_thread(void *arg)
{
	close(open("/etc/hostname", O_RDONLY));
	pthread_barrier_wait(&bar);
	return NULL;
}

static int do_threads(void *arg)
{
	pthread_t t[8];

	pthread_barrier_init(&bar, NULL, 9);
	for (int i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, in_thread, NULL);
	pthread_barrier_wait(&bar);	/* all end at once: still one EXIT */
	syscall(SYS_exit, 5);
	return 0;
}

static void threads_are_members_and_one_exit_ends_them(void **state)
{
	unsigned int forks = 0, opens = 0;
	struct recs r;

	NEED_BPF();
	for (int round = 0; round < 20; round++) {
		run(&r, 0, do_threads, NULL);
		assert_int_equal(count(&r, HF_REC_EXIT), 1);
		forks = opens = 0;
		for (size_t i = 0; i < r.n; i++) {
			const struct hf_rec_fork *f = (const void *)r.rec[i];

			if (f->h.type == HF_REC_FORK) {
				forks++;
				assert_int_equal(f->child_tgid, r.pid);
				assert_true(f->child_tid != r.pid);
			}
			if (f->h.type == HF_REC_OPEN && f->h.tid != f->h.tgid)
				opens++;
		}
		assert_int_equal(forks, 8);
		assert_int_equal(opens, 8);
		no_gap(&r);
		recs_free(&r);
	}
}

static void membership(void **state)
{
	struct recs r;
	uint64_t s = 0;
	int fd;

	NEED_BPF();
	fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	assert_int_equal(hf_bpf_task_session(B, fd, &s), -ENOENT);
	close(fd);
	assert_int_equal(hf_bpf_session_add(B, 0, 0), -EINVAL);
	child_start(&r, 0, do_forks, NULL);
	assert_int_equal(hf_bpf_session_add(B, r.session, 0), -EEXIST);
	fd = (int)syscall(SYS_pidfd_open, r.pid, 0);
	assert_int_equal(hf_bpf_task_session(B, fd, &s), 0);
	assert_true(s == r.session);
	close(fd);
	child_wait(&r);
	recs_free(&r);
	assert_int_equal(hf_bpf_session_state(B, r.session, &(struct hf_session_state){ 0 }), -ENOENT);
}

static int do_exec(void *arg)
{
	char *const *argv = arg;

	if (chdir(dir))
		return 90;
	execv(argv[0], argv + 1);
	return 91;
}

static void exec_record(void **state)
{
	char *argv[] = { "/usr/bin/../bin/true", "true", "", "two words", NULL };
	const struct hf_rec_exec *e;
	struct stat st;
	struct recs r;

	NEED_BPF();
	assert_int_equal(run(&r, 0, do_exec, argv), 0);
	e = find(&r, HF_REC_EXEC, 0);
	assert_non_null(e);
	assert_int_equal(stat("/usr/bin/true", &st), 0);
	assert_true(e->ino == st.st_ino);
	assert_true(e->h.len == sizeof(*e) + e->chunk_len[0] + e->chunk_len[1] + e->chunk_len[2] + e->chunk_len[3] +
		    e->chunk_len[4]);
	assert_string_equal(exec_chunk(e, HF_EXEC_FILE, buf, sizeof(buf)), "/usr/bin/true");
	assert_string_equal(exec_chunk(e, HF_EXEC_GIVEN, buf, sizeof(buf)), "/usr/bin/../bin/true");
	assert_string_equal(exec_chunk(e, HF_EXEC_INTERP, buf, sizeof(buf)), "");
	assert_string_equal(exec_chunk(e, HF_EXEC_CWD, buf, sizeof(buf)), dir);
	assert_int_equal(e->argc, 3);
	assert_int_equal(e->argv_len, 5 + 1 + 10);
	exec_chunk(e, HF_EXEC_ARGV, buf, sizeof(buf));
	assert_memory_equal(buf, "true\0\0two words\0", 16);
	assert_int_equal(e->h.flags, 0);
	assert_int_equal(e->old_tid, r.pid);
	no_gap(&r);
	recs_free(&r);
}

static void exec_of_a_script(void **state)
{
	char path[128], *argv[] = { path, path, "x", NULL };
	const struct hf_rec_exec *e;
	struct recs r;
	int fd;

	NEED_BPF();
	snprintf(path, sizeof(path), "%s/script", dir);
	fd = open(path, O_WRONLY | O_CREAT, 0755);
	assert_int_equal(write(fd, "#!/bin/sh -e\nexit 4\n", 20), 20);
	close(fd);
	assert_int_equal(run(&r, 0, do_exec, argv), 4);
	e = find(&r, HF_REC_EXEC, 0);
	assert_true(e->h.flags & HF_REC_SCRIPT);
	assert_string_equal(exec_chunk(e, HF_EXEC_GIVEN, buf, sizeof(buf)), path);
	assert_string_equal(exec_chunk(e, HF_EXEC_INTERP, buf, sizeof(buf)), "/bin/sh");
	assert_string_equal(exec_chunk(e, HF_EXEC_FILE, buf, sizeof(buf)), "/usr/bin/dash");
	unlink(path);
	recs_free(&r);
}

static void exec_with_long_argv_is_marked(void **state)
{
	static char big[40000];
	char *argv[] = { "/bin/true", "true", big, NULL };
	const struct hf_rec_exec *e;
	struct recs r;

	NEED_BPF();
	memset(big, 'A', sizeof(big) - 1);
	assert_int_equal(run(&r, 0, do_exec, argv), 0);
	e = find(&r, HF_REC_EXEC, 0);
	assert_true(e->h.flags & HF_REC_TRUNC_ARGV);
	assert_int_equal(e->chunk_len[HF_EXEC_ARGV], HF_ARGV_MAX);
	assert_int_equal(e->argv_len, 5 + sizeof(big));
	recs_free(&r);
}

static int do_opens(void *arg)
{
	struct open_how how = { .flags = O_RDONLY };
	char name[128];
	int d;

	if (chdir(dir))
		return 1;
	d = open(dir, O_PATH | O_DIRECTORY);
	close(openat(d, "plain", O_WRONLY | O_CREAT, 0640));
	close((int)syscall(SYS_openat2, d, "plain", &how, sizeof(how)));
	close((int)syscall(SYS_creat, "made", 0600));
	close(open("../../etc/hostname", O_RDONLY));
	openat(d, "not/there", O_RDONLY);
	open("nor-here", O_RDWR);
	snprintf(name, sizeof(name), "%s/absent", dir);
	syscall(SYS_open, name, O_RDONLY);
	return 0;
}

static void opens(void **state)
{
	const struct hf_rec_path *p;
	unsigned int seen = 0;
	struct stat st;
	struct recs r;

	NEED_BPF();
	assert_int_equal(run(&r, 0, do_opens, NULL), 0);
	for (size_t i = 0; i < r.n; i++) {
		p = (const void *)r.rec[i];
		if (p->h.type != HF_REC_OPEN)
			continue;
		path_chunk(p, HF_PATH_A, buf, sizeof(buf));
		path_chunk(p, HF_PATH_A_BASE, buf2, sizeof(buf2));
		switch (seen++) {
		case 0:
			assert_string_equal(buf, dir);
			assert_int_equal(p->args[0], O_PATH | O_DIRECTORY);
			break;
		case 1:
			assert_string_equal(strrchr(buf, '/'), "/plain");
			assert_memory_equal(buf, dir, strlen(dir));
			assert_int_equal(p->args[0], O_WRONLY | O_CREAT);
			assert_int_equal(p->args[1], 0640);
			assert_int_equal(p->nr, HF_NR_openat);
			assert_int_equal(stat(buf, &st), 0);
			assert_true(p->ino == st.st_ino && p->file_mode == st.st_mode);
			break;
		case 2:
			assert_int_equal(p->nr, HF_NR_openat2);
			assert_int_equal(p->args[0] & O_ACCMODE, O_RDONLY);
			assert_string_equal(strrchr(buf, '/'), "/plain");
			break;
		case 3:
			assert_int_equal(p->args[0], O_CREAT | O_WRONLY | O_TRUNC);
			assert_string_equal(strrchr(buf, '/'), "/made");
			break;
		case 4:
			assert_string_equal(buf, "/etc/hostname");
			assert_int_equal(p->h.flags, 0);
			break;
		case 5:
			assert_int_equal(p->h.flags, HF_REC_UNRESOLVED | HF_REC_RELATIVE);
			assert_int_equal(p->h.ret, -ENOENT);
			assert_string_equal(buf, "not/there");
			assert_string_equal(buf2, dir);
			break;
		case 6:
			assert_string_equal(buf, "nor-here");
			assert_string_equal(buf2, dir);
			break;
		case 7:
			assert_int_equal(p->h.flags, HF_REC_UNRESOLVED);
			assert_string_equal(strrchr(buf, '/'), "/absent");
			assert_string_equal(buf2, "/");
			break;
		}
	}
	assert_int_equal(seen, 8);
	no_gap(&r);
	recs_free(&r);
}

/* A tree deeper than PATH_MAX: the record keeps the leaf's side, says so, and the next one is whole again. */
static int do_deep(void *arg)
{
	char name[201];

	memset(name, 'd', 200);
	name[200] = '\0';
	if (chdir(dir))
		return 1;
	for (int i = 0; i < 30; i++)
		if ((mkdir(name, 0700) && errno != EEXIST) || chdir(name))
			return 2;
	close(open("leaf", O_WRONLY | O_CREAT, 0600));
	for (int i = 0; i < 30; i++) {
		if (unlink("leaf"))
			rmdir(name);
		if (chdir(".."))
			return 3;
	}
	rmdir(name);
	close(open("/etc/hostname", O_RDONLY));
	return 0;
}

static void deep_path_is_cut_at_the_root_side(void **state)
{
	const struct hf_rec_path *p;
	struct recs r;

	NEED_BPF();
	assert_int_equal(run(&r, 0, do_deep, NULL), 0);
	p = find(&r, HF_REC_OPEN, 0);
	assert_int_equal(p->h.flags, HF_REC_TRUNC_PATH);
	path_chunk(p, HF_PATH_A, buf, sizeof(buf));
	assert_true(strlen(buf) > HF_PATH_MAX - 256 && strlen(buf) <= HF_PATH_MAX);
	assert_string_equal(strrchr(buf, '/'), "/leaf");
	p = find(&r, HF_REC_OPEN, 1);
	assert_int_equal(p->h.flags, 0);
	assert_string_equal(path_chunk(p, HF_PATH_A, buf, sizeof(buf)), "/etc/hostname");
	recs_free(&r);
}

static int dirs_setup(void **state)
{
	strcpy(dir, "/tmp/hf-bpf-XXXXXX");
	return mkdtemp(dir) && !group_setup(state) ? 0 : -1;
}

static int dirs_teardown(void **state)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return group_teardown(state) || system(cmd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(membership),
		cmocka_unit_test(forks_and_exits),
		cmocka_unit_test(threads_are_members_and_one_exit_ends_them),
		cmocka_unit_test(exec_record),
		cmocka_unit_test(exec_of_a_script),
		cmocka_unit_test(exec_with_long_argv_is_marked),
		cmocka_unit_test(opens),
		cmocka_unit_test(deep_path_is_cut_at_the_root_side),
	};

	return cmocka_run_group_tests(tests, dirs_setup, dirs_teardown);
}
