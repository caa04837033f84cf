/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "engine/ctl.h"

#define SESSION 0x7f3a000000000001ull

struct fix {
	char dir[64], path[128];
	struct hf_ctl *ctl;
	pthread_t thread;
	int stop;			/* eventfd; -1: no thread runs */
	atomic_uint calls;
	struct hf_control last;
	struct hf_ctl_peer peer;
	size_t answer_len;		/* of one holds line */
};

static int handler(void *ctx, struct hf_ctl *c, const struct hf_ctl_peer *peer, const struct hf_control *req, char *err,
		   size_t err_cap)
{
	struct fix *f = ctx;

	f->last = *req;
	f->peer = *peer;
	atomic_fetch_add(&f->calls, 1);
	switch (req->cmd) {
	case HF_CTL_STATUS:
		hf_ctl_line(c, HF_STR("{\"id\":\"7f3a000000000001\",\n\"name\":\"x\"}"));
		return 0;
	case HF_CTL_HOLDS: {
		char *big = malloc(f->answer_len);

		assert_non_null(big);
		memset(big, ' ', f->answer_len);
		big[0] = '{';
		big[f->answer_len - 1] = '}';
		hf_ctl_line(c, (struct hf_str){ big, f->answer_len });
		free(big);
		return 0;
	}
	case HF_CTL_APPROVE:
		if (req->hold != 2) {
			snprintf(err, err_cap, "no hold \x1b[31m%s\xff", req->id);
			return -ENOENT;
		}
		hf_ctl_line(c, HF_STR("{\"id\":\"7f3a-2\",\"decision\":\"allow\"}"));
		return 0;
	default:
		return -EALREADY;
	}
}

static void *serve(void *arg)
{
	struct fix *f = arg;
	struct pollfd p[2] = { { .fd = hf_ctl_fd(f->ctl), .events = POLLIN }, { .fd = f->stop, .events = POLLIN } };

	while (poll(p, 2, 10000) > 0 && !p[1].revents)
		hf_ctl_step(f->ctl);
	return NULL;
}

static int setup(void **state)
{
	struct fix *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->dir, sizeof(f->dir), "/tmp/hf-ctl-test.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(hf_ctl_open_at(f->dir, SESSION, handler, f, &f->ctl), 0);
	snprintf(f->path, sizeof(f->path), "%s/%016llx.sock", f->dir, SESSION);
	f->answer_len = 100;
	f->stop = -1;
	*state = f;
	return 0;
}

static void start(struct fix *f)
{
	f->stop = eventfd(0, EFD_CLOEXEC);
	assert_true(f->stop >= 0);
	assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
}

static int teardown(void **state)
{
	struct fix *f = *state;

	if (f->stop >= 0) {
		eventfd_write(f->stop, 1);
		pthread_join(f->thread, NULL);
		close(f->stop);
	}
	hf_ctl_close(&f->ctl);
	assert_null(f->ctl);
	assert_int_equal(access(f->path, F_OK), -1);
	assert_int_equal(rmdir(f->dir), 0);	/* nothing left behind */
	free(f);
	return 0;
}

static int dial(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	strcpy(a.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

/* What arrives until the server closes, or until `lines` lines. */
static size_t slurp(int fd, char *buf, size_t cap, unsigned lines)
{
	size_t n = 0;
	unsigned got = 0;

	while (n + 1 < cap && got < lines) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t k;

		if (poll(&p, 1, 4000) <= 0)
			fail_msg("no answer");
		k = recv(fd, buf + n, 1, 0);
		if (k <= 0)
			break;
		got += buf[n] == '\n';
		n += (size_t)k;
	}
	buf[n] = 0;
	return n;
}

static bool closed_by_server(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;

	return poll(&p, 1, 4000) > 0 && recv(fd, &c, 1, 0) <= 0;
}

struct collected {
	unsigned lines;
	char first[512];
};

static int collect(void *ctx, const char *line)
{
	struct collected *k = ctx;

	if (k->lines++ == 0)
		snprintf(k->first, sizeof(k->first), "%s", line);
	return 0;
}

static void calls(void **state)
{
	struct fix *f = *state;
	struct collected k = { 0 };
	char err[256];
	struct stat st;

	start(f);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(hf_ctl_call(f->path, "{\"cmd\":\"status\"}", 2000, collect, &k, err, sizeof(err)), 0);
	assert_int_equal(k.lines, 1);
	assert_string_equal(k.first, "{\"id\":\"7f3a000000000001\", \"name\":\"x\"}");
	assert_int_equal(f->peer.pid, getpid());
	assert_int_equal(f->peer.uid, geteuid());
	assert_true(f->peer.pidfd >= 0);
	assert_int_equal(hf_ctl_call(f->path, "{\"cmd\":\"approve\",\"id\":\"7f3a-2\"}", 2000, NULL, NULL, err, sizeof(err)), 0);
	assert_int_equal(hf_ctl_call(f->path, "{\"cmd\":\"approve\",\"id\":\"7f3a-3\"}", 2000, NULL, NULL, err, sizeof(err)),
			 -ENOENT);
	assert_non_null(strstr(err, "7f3a-3"));
	assert_null(strchr(err, '\x1b'));
	assert_int_equal(hf_ctl_call(f->path, "{\"cmd\":\"pause\"}", 2000, NULL, NULL, err, sizeof(err)), -EALREADY);
	assert_string_equal(err, "Operation already in progress");
	assert_int_equal(hf_ctl_call(f->path, "{\"cmd\":\"fly\"}", 2000, NULL, NULL, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "unknown \"cmd\" 'fly'"));
	assert_int_equal(hf_ctl_call("/nonexistent/x", "{}", 200, NULL, NULL, err, sizeof(err)), -ENOENT);
}

static void answers_are_bounded(void **state)
{
	struct fix *f = *state;
	struct collected k = { 0 };
	char err[256];

	start(f);
	f->answer_len = HF_CTL_OUT_MAX - 2048;
	assert_int_equal(hf_ctl_call(f->path, "{\"cmd\":\"holds\"}", 4000, collect, &k, err, sizeof(err)), 0);
	assert_int_equal(k.lines, 1);
	f->answer_len = HF_CTL_OUT_MAX;
	k.lines = 0;
	assert_int_equal(hf_ctl_call(f->path, "{\"cmd\":\"holds\"}", 4000, collect, &k, err, sizeof(err)), -EMSGSIZE);
	assert_int_equal(k.lines, 0);
	assert_int_equal(hf_ctl_call(f->path, "{\"cmd\":\"status\"}", 2000, collect, &k, err, sizeof(err)), 0);
}

static void oversize_and_garbage(void **state)
{
	struct fix *f = *state;
	char big[HF_CONTROL_MAX + 1], buf[1024], err[256];
	int fd;

	start(f);
	memset(big, 'a', sizeof(big));
	fd = dial(f->path);
	assert_int_equal(send(fd, big, sizeof(big), MSG_NOSIGNAL), sizeof(big));
	slurp(fd, buf, sizeof(buf), 1);
	assert_string_equal(buf, "{\"ok\":false,\"error\":\"request longer than 4096 bytes\",\"code\":\"EMSGSIZE\"}\n");
	assert_true(closed_by_server(fd));
	close(fd);

	for (int i = 0; i < 256; i++) {
		char junk[64];

		for (size_t j = 0; j < sizeof(junk); j++)
			junk[j] = (char)(i * 31 + (int)j * 7);
		junk[sizeof(junk) - 1] = '\n';
		fd = dial(f->path);
		assert_int_equal(send(fd, junk, sizeof(junk), MSG_NOSIGNAL), sizeof(junk));
		slurp(fd, buf, sizeof(buf), 1);
		assert_memory_equal(buf, "{\"ok\":false,", 12);
		assert_true(closed_by_server(fd));
		close(fd);
	}
	assert_int_equal(atomic_load(&f->calls), 0);
	assert_int_equal(hf_ctl_call(f->path, "{\"cmd\":\"status\"}", 2000, NULL, NULL, err, sizeof(err)), 0);
}

static void many_requests_in_one_write(void **state)
{
	struct fix *f = *state;
	char req[2048] = "", buf[8192];
	int fd = dial(f->path);

	start(f);
	for (int i = 0; i < 50; i++)
		strcat(req, "{\"cmd\":\"status\"}\n");
	assert_int_equal(send(fd, req, strlen(req), MSG_NOSIGNAL), strlen(req));
	shutdown(fd, SHUT_WR);		/* as `nc -N` does: the answers must still come */
	slurp(fd, buf, sizeof(buf), 1000);
	assert_int_equal(atomic_load(&f->calls), 50);
	for (const char *p = buf; (p = strstr(p, "{\"ok\":true}\n")); p++)
		atomic_fetch_sub(&f->calls, 1);
	assert_int_equal(atomic_load(&f->calls), 0);
	close(fd);
}

static void slow_clients(void **state)
{
	struct fix *f = *state;
	char buf[1024], err[256];
	int half, deaf;

	hf_ctl_set_idle_ms(f->ctl, 300);
	f->answer_len = HF_CTL_OUT_MAX - 2048;
	start(f);
	half = dial(f->path);
	deaf = dial(f->path);
	assert_int_equal(send(half, "{\"cmd\":", 7, MSG_NOSIGNAL), 7);
	assert_int_equal(send(deaf, "{\"cmd\":\"holds\"}\n", 16, MSG_NOSIGNAL), 16);
	/* Neither keeps the others waiting. */
	for (int i = 0; i < 20; i++)
		assert_int_equal(hf_ctl_call(f->path, "{\"cmd\":\"status\"}", 1000, NULL, NULL, err, sizeof(err)), 0);
	slurp(half, buf, sizeof(buf), 1);
	assert_string_equal(buf, "{\"ok\":false,\"error\":\"no whole request in time\",\"code\":\"ETIMEDOUT\"}\n");
	assert_true(closed_by_server(half));
	for (int i = 0; i < 100; i++) {		/* the deaf one: hung up on, although its buffer is full */
		struct pollfd p = { .fd = deaf };

		if (poll(&p, 1, 20) > 0 && p.revents & POLLHUP)
			break;
		assert_true(i < 99);
		poll(NULL, 0, 20);
	}
	close(half);
	close(deaf);
}

static void seventeenth_client(void **state)
{
	struct fix *f = *state;
	int fd[HF_CTL_CLIENTS], extra;
	char buf[512], err[256];

	start(f);
	for (unsigned i = 0; i < HF_CTL_CLIENTS; i++) {
		fd[i] = dial(f->path);
		assert_int_equal(send(fd[i], "{\"cmd\":\"status\"}\n", 17, MSG_NOSIGNAL), 17);
		slurp(fd[i], buf, sizeof(buf), 2);
	}
	extra = dial(f->path);
	slurp(extra, buf, sizeof(buf), 1);
	assert_non_null(strstr(buf, "\"code\":\"EBUSY\""));
	assert_true(closed_by_server(extra));
	close(extra);
	assert_int_equal(hf_ctl_call(f->path, "{\"cmd\":\"status\"}", 1000, NULL, NULL, err, sizeof(err)), -EBUSY);
	close(fd[3]);
	assert_int_equal(send(fd[4], "{\"cmd\":\"status\"}\n", 17, MSG_NOSIGNAL), 17);	/* those inside still work */
	slurp(fd[4], buf, sizeof(buf), 2);
	assert_int_equal(hf_ctl_call(f->path, "{\"cmd\":\"status\"}", 1000, NULL, NULL, err, sizeof(err)), 0);
	for (unsigned i = 0; i < HF_CTL_CLIENTS; i++)
		if (i != 3)
			close(fd[i]);
}

static void other_users_are_refused(void **state)
{
	struct fix *f = *state;
	int status;
	pid_t pid;

	if (geteuid() != 0) {
		print_message("needs root to become another user\n");
		skip();
	}
	start(f);
	assert_int_equal(chmod(f->dir, 0711), 0);
	assert_int_equal(chmod(f->path, 0666), 0);	/* the check must hold without the file's mode */
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char err[256];

		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(2);
		_exit(hf_ctl_call(f->path, "{\"cmd\":\"status\"}", 2000, NULL, NULL, err, sizeof(err)) != -EPERM);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(atomic_load(&f->calls), 0);
}

/* An agent's throw-away child must not decide by being gone before anyone can look whose it was. */
static void vanished_peer_decides_nothing(void **state)
{
	struct fix *f = *state;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int fd = dial(f->path);

		_exit(send(fd, "{\"cmd\":\"approve\",\"id\":\"7f3a-2\"}\n", 32, MSG_NOSIGNAL) != 32);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	for (int i = 0; i < 10; i++)
		hf_ctl_step(f->ctl);
	assert_int_equal(atomic_load(&f->calls), 0);
}

static void *caller(void *arg)
{
	struct fix *f = arg;
	char err[256];
	intptr_t bad = 0;

	for (int i = 0; i < 50; i++) {
		int r = hf_ctl_call(f->path, i % 2 ? "{\"cmd\":\"status\"}" : "{\"cmd\":\"holds\"}", 4000, NULL, NULL, err,
				    sizeof(err));

		bad += r != 0;
	}
	return (void *)bad;
}

static void concurrent(void **state)
{
	struct fix *f = *state;
	pthread_t t[8];

	f->answer_len = 60000;
	start(f);
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&t[i], NULL, caller, f), 0);
	for (int i = 0; i < 8; i++) {
		void *bad;

		pthread_join(t[i], &bad);
		assert_null(bad);
	}
	assert_int_equal(atomic_load(&f->calls), 400);
}

static int note(void *ctx, uint64_t session, const char *path)
{
	uint64_t *v = ctx;

	v[++v[0]] = session;
	return 0;
}

static void each_and_ids(void **state)
{
	struct fix *f = *state;
	uint64_t v[8] = { 0 };
	struct hf_ctl *near = NULL;
	char dead[160], stray[160], id[40];
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(dead, sizeof(dead), "%s/0000000000000009.sock", f->dir);
	strcpy(a.sun_path, dead);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd);
	snprintf(stray, sizeof(stray), "%s/readme.sock", f->dir);
	assert_int_equal(close(open(stray, O_CREAT | O_WRONLY, 0600)), 0);

	assert_int_equal(hf_ctl_each_at(f->dir, note, v), 0);
	assert_int_equal(v[0], 1);
	assert_true(v[1] == SESSION);
	assert_int_equal(access(dead, F_OK), -1);
	assert_int_equal(access(stray, F_OK), 0);
	unlink(stray);

	hf_ctl_hold_id_at(f->dir, SESSION, 2, id, sizeof(id));
	assert_string_equal(id, "7f3a-2");
	assert_int_equal(hf_ctl_open_at(f->dir, 0x7f3a010000000000ull, handler, f, &near), 0);
	hf_ctl_hold_id_at(f->dir, SESSION, 2, id, sizeof(id));
	assert_string_equal(id, "7f3a00-2");
	hf_ctl_close(&near);
	assert_int_equal(hf_ctl_each_at("/nonexistent/dir", note, v), 0);
}

static void directory_must_be_ours(void **state)
{
	struct fix *f = *state;
	struct hf_ctl *c = (void *)1;
	char link[160], open_dir[160];

	snprintf(link, sizeof(link), "%s/link", f->dir);
	assert_int_equal(symlink("/tmp", link), 0);
	assert_int_equal(hf_ctl_open_at(link, 1, handler, f, &c), -ENOTDIR);
	snprintf(open_dir, sizeof(open_dir), "%s/open", f->dir);
	assert_int_equal(mkdir(open_dir, 0700), 0);
	assert_int_equal(chmod(open_dir, 0777), 0);
	assert_int_equal(hf_ctl_open_at(open_dir, 1, handler, f, &c), -ENOTDIR);
	assert_int_equal(hf_ctl_open_at(f->dir, SESSION, handler, f, &c), -EADDRINUSE);
	assert_ptr_equal(c, (void *)1);
	assert_int_equal(access(f->path, F_OK), 0);
	unlink(link);
	rmdir(open_dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
		T(calls), T(answers_are_bounded), T(oversize_and_garbage), T(many_requests_in_one_write),
		T(slow_clients), T(seventeenth_client), T(other_users_are_refused), T(vanished_peer_decides_nothing),
		T(concurrent), T(each_and_ids), T(directory_must_be_ours),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
