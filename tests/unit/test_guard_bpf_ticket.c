// SPDX-License-Identifier: Apache-2.0
/* What was judged against what happens: exec and socket tickets, with real children, as root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include "action.h"
#include "bpf_child.h"
#include "guard/cgroup.h"
#include "bpf/nr.h"

static char mark[64];		/* exists when a new image has run */
static struct hf_ticket ticket;
static bool with_ticket;
static char *exec_argv[8];

static void put_ticket(const struct recs *r)
{
	if (with_ticket)
		assert_int_equal(hf_bpf_ticket_put(B, r->pid, &ticket), 0);
}

static size_t flat(char *out)
{
	size_t n = 0;

	for (int i = 1; exec_argv[i]; i++) {
		strcpy(out + n, exec_argv[i]);
		n += strlen(exec_argv[i]) + 1;
	}
	return n;
}

/* A right ticket for what exec_argv runs; exe is the resolved file. */
static void make_ticket(const char *exe)
{
	static char argv[200000];
	char leaves[4096];
	struct stat st;
	size_t n = flat(argv);
	int l = hf_path_to_leaves(hf_str_of(exe), leaves, sizeof(leaves));

	assert_true(l > 0);
	assert_int_equal(stat(exe, &st), 0);
	ticket = (struct hf_ticket){ .flags = HF_TICKET_EXEC, .exe_ino = st.st_ino, .argv_len = n };
	ticket.exe_dev = (uint64_t)major(st.st_dev) << 20 | minor(st.st_dev);
	ticket.exe_path_hash = hf_bpf_hash(B, leaves, (size_t)l);
	ticket.argv_hash = hf_bpf_hash(B, argv, n > HF_ARGV_MAX ? HF_ARGV_MAX : n);
	with_ticket = true;
}

static int do_exec(void *arg)
{
	execv(exec_argv[0], exec_argv + 1);
	return 91;
}

static void touch_command(void)
{
	unlink(mark);
	exec_argv[0] = "/usr/bin/touch";
	exec_argv[1] = "touch";
	exec_argv[2] = mark;
	exec_argv[3] = NULL;
	make_ticket("/usr/bin/touch");
}

static void runs(void)
{
	struct recs r;

	child_prepare = put_ticket;
	assert_int_equal(run(&r, HF_SESSION_ENFORCE, do_exec, NULL), 0);
	assert_int_equal(count(&r, HF_REC_RACED), 0);
	assert_int_equal(count(&r, HF_REC_EXEC), 1);
	assert_int_equal(access(mark, F_OK), 0);
	recs_free(&r);
}

/* The image is there, and not one of its instructions runs. */
static void is_killed(uint32_t what)
{
	const struct hf_rec_raced *x;
	const struct hf_rec *e;
	struct recs r;

	child_prepare = put_ticket;
	unlink(mark);
	assert_int_equal(run(&r, HF_SESSION_ENFORCE, do_exec, NULL), 128 + SIGKILL);
	assert_int_equal(access(mark, F_OK), -1);
	x = find(&r, HF_REC_RACED, 0);
	assert_non_null(x);
	assert_int_equal(x->what, what);
	assert_int_equal(x->old_tid, r.pid);
	e = find(&r, HF_REC_EXEC, 0);
	assert_true(e->flags & HF_REC_KILLED);
	recs_free(&r);
}

static void exec_needs_a_ticket(void **state)
{
	NEED_BPF();
	touch_command();
	runs();
	with_ticket = false;
	for (int i = 0; i < 100; i++)
		is_killed(HF_RACED_EXEC_NO_TICKET);
	touch_command();
	ticket.flags = HF_TICKET_ADDR;
	is_killed(HF_RACED_EXEC_NO_TICKET);
}

static void exec_must_be_what_was_judged(void **state)
{
	struct hf_ticket good;

	NEED_BPF();
	touch_command();
	good = ticket;
	ticket.argv_hash ^= 1;
	is_killed(HF_RACED_EXEC_ARGV);
	ticket = good;
	ticket.argv_len++;
	is_killed(HF_RACED_EXEC_ARGV);
	ticket = good;
	ticket.exe_ino++;
	is_killed(HF_RACED_EXEC_FILE);
	ticket = good;
	ticket.exe_dev++;
	is_killed(HF_RACED_EXEC_FILE);
	ticket.flags |= HF_TICKET_NO_DEV;
	runs();
	ticket = good;
	ticket.exe_path_hash++;
	is_killed(HF_RACED_EXEC_FILE);
	ticket.flags |= HF_TICKET_NO_PATH;
	runs();
	/* no interpreter was used, so "any interpreter" excuses nothing */
	ticket = good;
	ticket.flags |= HF_TICKET_ANY_INTERP;
	ticket.exe_ino++;
	is_killed(HF_RACED_EXEC_FILE);
	ticket = good;
	runs();
}

static void script(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);

	assert_true(fd >= 0);
	assert_true(dprintf(fd, "#!/bin/sh -e\n: > %s\n", mark) > 0);
	close(fd);
}

static void exec_of_a_script(void **state)
{
	char path[96], *argv[] = { path, "/bin/sh", "-e", path, NULL };

	NEED_BPF();
	snprintf(path, sizeof(path), "%s.sh", mark);
	script(path);
	unlink(mark);
	memcpy(exec_argv, argv, sizeof(argv));
	make_ticket("/usr/bin/dash");	/* as the kernel rewrites it */
	exec_argv[1] = "name";
	exec_argv[2] = NULL;
	runs();
	ticket.exe_ino++;
	is_killed(HF_RACED_EXEC_FILE);
	ticket.flags |= HF_TICKET_ANY_INTERP;
	runs();
	ticket.argv_hash++;
	is_killed(HF_RACED_EXEC_ARGV);
	unlink(path);
}

/* Lengths round the hash's words and the kept part of argv; beyond it the length alone counts. */
static void exec_with_any_length(void **state)
{
	static const size_t lens[] = { 0, 1, 6, 7, 8, 9, 500, 501, 4094, 8191, 20000, 32650, 32700, 32750, 32768,
			40000, 100000 };
	static char big[100001];

	NEED_BPF();
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		memset(big, 'a' + (int)i, sizeof(big));
		big[lens[i]] = '\0';
		exec_argv[3] = NULL;
		touch_command();
		exec_argv[3] = big;
		exec_argv[4] = NULL;
		exec_argv[0] = "/bin/sh";
		exec_argv[1] = "sh";
		exec_argv[2] = mark;
		script(mark);
		make_ticket("/usr/bin/dash");
		runs();
	}
}

static int do_fail_then_exec(void *arg)
{
	execl("/does/not/exist", "x", NULL);
	return do_exec(arg);
}

static void failed_exec_ends_its_ticket(void **state)
{
	const struct hf_rec_raced *x;
	struct recs r;

	NEED_BPF();
	touch_command();
	child_prepare = put_ticket;
	assert_int_equal(run(&r, HF_SESSION_ENFORCE, do_fail_then_exec, NULL), 128 + SIGKILL);
	x = find(&r, HF_REC_RACED, 0);
	assert_int_equal(x->what, HF_RACED_EXEC_NO_TICKET);
	recs_free(&r);
}

static int handshake[2];
static void *exec_thread(void *arg)
{
	uint32_t tid = (uint32_t)syscall(SYS_gettid);
	char c;

	if (write(handshake[1], &tid, 4) == 4 && read(handshake[1], &c, 1) == 1)
		execv(exec_argv[0], exec_argv + 1);
	return NULL;
}

static int do_exec_in_thread(void *arg)
{
	pthread_t t;

	pthread_create(&t, NULL, exec_thread, NULL);
	pthread_join(t, NULL);
	return 90;
}

/* de_thread() gives the caller the leader's id: the ticket is under the old one. */
static void exec_from_a_thread(void **state)
{
	const struct hf_rec_exec *e;
	struct recs r;
	uint32_t tid;

	NEED_BPF();
	for (int good = 0; good < 2; good++) {
		touch_command();
		child_prepare = NULL;
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, handshake), 0);
		child_start(&r, HF_SESSION_ENFORCE, do_exec_in_thread, NULL);
		assert_int_equal(read(handshake[0], &tid, 4), 4);
		assert_true(tid != r.pid);
		assert_int_equal(hf_bpf_ticket_put(B, good ? tid : r.pid, &ticket), 0);
		assert_int_equal(write(handshake[0], "", 1), 1);
		child_wait(&r);
		assert_int_equal(r.status, good ? 0 : SIGKILL);
		assert_int_equal(access(mark, F_OK), good ? 0 : -1);
		e = find(&r, HF_REC_EXEC, 0);
		assert_true(e->old_tid == tid && e->h.tid == r.pid && e->h.tgid == r.pid);
		assert_int_equal(count(&r, HF_REC_EXIT), 1);
		recs_free(&r);
		close(handshake[0]);
		close(handshake[1]);
	}
}

/* --- sockets ---------------------------------------------------------------------------------- */

static struct hf_cgroup cg = { .dir_fd = -1 };
static struct sockaddr_storage dest;
static socklen_t dest_len;
static int sock_type, sock_family, how;
static bool outside;
enum { CONNECT, SENDTO, SENDMSG, SENDMMSG };

static void join_and_ticket(const struct recs *r)
{
	if (!outside)
		assert_int_equal(hf_cgroup_add(&cg, (pid_t)r->pid), 0);
	put_ticket(r);
}

static int do_socket(void *arg)
{
	struct iovec io = { "x", 1 };
	struct mmsghdr mm = { .msg_hdr = { .msg_name = &dest, .msg_namelen = dest_len, .msg_iov = &io,
			.msg_iovlen = 1 } };
	int fd = socket(sock_family, sock_type, 0), rc;

	if (fd < 0)
		return 250;
	if (how == CONNECT)
		rc = connect(fd, (struct sockaddr *)&dest, dest_len);
	else if (how == SENDTO)
		rc = (int)sendto(fd, "x", 1, 0, (struct sockaddr *)&dest, dest_len);
	else if (how == SENDMSG)
		rc = (int)sendmsg(fd, &mm.msg_hdr, 0);
	else
		rc = sendmmsg(fd, &mm, 1, 0);
	return rc < 0 ? errno : 0;
}

static void addr_ticket(uint16_t family, const char *ip, uint16_t port, uint16_t proto)
{
	ticket = (struct hf_ticket){ .flags = HF_TICKET_ADDR, .naddr = 1 };
	ticket.addr[0].family = family;
	ticket.addr[0].port = port;
	ticket.addr[0].proto = proto;
	assert_int_equal(inet_pton(family, ip, ticket.addr[0].addr), 1);
	with_ticket = true;
}

static void to4(const char *ip, uint16_t port)
{
	struct sockaddr_in *in = (void *)&dest;

	*in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
	assert_int_equal(inet_pton(AF_INET, ip, &in->sin_addr), 1);
	dest_len = sizeof(*in);
	sock_family = AF_INET;
}

static void to6(const char *ip, uint16_t port)
{
	struct sockaddr_in6 *in = (void *)&dest;

	*in = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port) };
	assert_int_equal(inet_pton(AF_INET6, ip, &in->sin6_addr), 1);
	dest_len = sizeof(*in);
	sock_family = AF_INET6;
}

static void expect(int err, uint32_t raced)
{
	const struct hf_rec_raced *x;
	const struct hf_rec_sock *s;
	struct recs r;
	int got;

	child_prepare = join_and_ticket;
	got = run(&r, HF_SESSION_ENFORCE, do_socket, NULL);
	x = find(&r, HF_REC_RACED, 0);
	s = find(&r, HF_REC_SOCK, 0);
	assert_int_equal(got, err);
	assert_int_equal(x ? x->what : 0, raced);
	assert_int_equal(count(&r, HF_REC_SOCK), 1);
	assert_int_equal(s->h.ret, err ? -err : how == CONNECT ? 0 : 1);
	assert_int_equal(s->addr.family, dest.ss_family);
	assert_int_equal(s->addr.port, 9999);
	assert_int_equal(s->addr.proto, sock_type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP);
	if (x)
		assert_true(x->addr.port == 9999 && x->addr.proto == s->addr.proto);
	recs_free(&r);
}

static void sockets4(void **state)
{
	NEED_BPF();
	to4("127.0.0.1", 9999);
	sock_type = SOCK_STREAM;
	how = CONNECT;
	addr_ticket(AF_INET, "127.0.0.1", 9999, 0);
	expect(ECONNREFUSED, 0);
	addr_ticket(AF_INET, "127.0.0.1", 9999, IPPROTO_TCP);
	expect(ECONNREFUSED, 0);
	addr_ticket(AF_INET, "127.0.0.1", 9999, IPPROTO_UDP);
	expect(EPERM, HF_RACED_ADDR);
	addr_ticket(AF_INET, "127.0.0.1", 9998, 0);
	expect(EPERM, HF_RACED_ADDR);
	addr_ticket(AF_INET, "127.0.0.2", 9999, 0);
	expect(EPERM, HF_RACED_ADDR);
	ticket.naddr = 2;
	ticket.addr[1] = ticket.addr[0];
	ticket.addr[1].addr[3] = 1;
	expect(ECONNREFUSED, 0);
	ticket.flags = HF_TICKET_EXEC;
	expect(EPERM, HF_RACED_ADDR_NO_TICKET);
	with_ticket = false;
	expect(EPERM, HF_RACED_ADDR_NO_TICKET);
	sock_type = SOCK_DGRAM;
	for (how = CONNECT; how <= SENDMMSG; how++) {
		with_ticket = false;
		expect(EPERM, HF_RACED_ADDR_NO_TICKET);
		addr_ticket(AF_INET, "127.0.0.1", 9999, IPPROTO_UDP);
		expect(0, 0);
		addr_ticket(AF_INET, "127.0.0.1", 9997, IPPROTO_UDP);
		expect(EPERM, HF_RACED_ADDR);
	}
}

static void sockets6(void **state)
{
	NEED_BPF();
	if (access("/proc/net/if_inet6", F_OK)) {
		print_message("no IPv6 here\n");
		skip();
	}
	for (how = CONNECT; how <= SENDTO; how++) {
		sock_type = how == CONNECT ? SOCK_STREAM : SOCK_DGRAM;
		to6("::1", 9999);
		addr_ticket(AF_INET6, "::1", 9999, 0);
		expect(how == CONNECT ? ECONNREFUSED : 0, 0);
		addr_ticket(AF_INET6, "::2", 9999, 0);
		expect(EPERM, HF_RACED_ADDR);
		/* the last four bytes alone are no IPv4 address */
		addr_ticket(AF_INET, "0.0.0.1", 9999, 0);
		expect(EPERM, HF_RACED_ADDR);
		/* v4-mapped: the same destination in either spelling */
		to6("::ffff:127.0.0.1", 9999);
		addr_ticket(AF_INET6, "::ffff:127.0.0.1", 9999, 0);
		expect(how == CONNECT ? ECONNREFUSED : 0, 0);
		addr_ticket(AF_INET, "127.0.0.1", 9999, 0);
		expect(how == CONNECT ? ECONNREFUSED : 0, 0);
		addr_ticket(AF_INET6, "::127.0.0.1", 9999, 0);
		expect(EPERM, HF_RACED_ADDR);
	}
}

static uint32_t hooks;
static char sun_name[16];
static size_t sun_len;

static int do_unix(void *arg)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memset(un.sun_path, 'z', sizeof(un.sun_path));
	memcpy(un.sun_path, sun_name, sizeof(sun_name));
	return connect(fd, (void *)&un, (socklen_t)(2 + sun_len)) ? errno : 0;
}

static void unix_is(uint32_t flags, const char *name, size_t len, int err, uint32_t raced)
{
	const struct hf_rec_raced *x;
	struct recs r;

	ticket = (struct hf_ticket){ .flags = HF_TICKET_ADDR, .naddr = name ? 1 : 0 };
	if (name)
		hf_bpf_ticket_unix(B, name, len, &ticket.addr[0]);
	child_prepare = join_and_ticket;
	assert_int_equal(run(&r, HF_SESSION_ENFORCE | flags, do_unix, NULL), err);
	x = find(&r, HF_REC_RACED, 0);
	assert_int_equal(x ? x->what : 0, raced);
	if (x)
		assert_true(x->addr.family == AF_UNIX && memcmp(x->addr.path, sun_name, x->addr.path_len) == 0);
	recs_free(&r);
}

static void unix_sockets(void **state)
{
	NEED_BPF();
	if (!(hooks & HF_HOOK_CONNECT_UNIX)) {
		print_message("this kernel has no hook for UNIX sockets\n");
		skip();
	}
	with_ticket = true;
	strcpy(sun_name, "/no/such");
	for (sun_len = 9; sun_len <= 108; sun_len += 99) {	/* what stands behind the NUL is not the name */
		unix_is(HF_SESSION_ENFORCE_UNIX, "/no/such", 8, ENOENT, 0);
		unix_is(0, "/no/such", 8, ENOENT, 0);
		unix_is(0, "/no/suck", 8, EPERM, HF_RACED_ADDR);
		unix_is(0, "/no/suc", 7, EPERM, HF_RACED_ADDR);
		unix_is(0, NULL, 0, ENOENT, 0);
		unix_is(HF_SESSION_ENFORCE_UNIX, NULL, 0, EPERM, HF_RACED_ADDR);
	}
	memcpy(sun_name, "\0ab\0cd", 6);
	sun_len = 6;
	unix_is(HF_SESSION_ENFORCE_UNIX, "\0ab\0cd", 6, ECONNREFUSED, 0);
	unix_is(HF_SESSION_ENFORCE_UNIX, "\0ab\0ce", 6, EPERM, HF_RACED_ADDR);
	unix_is(HF_SESSION_ENFORCE_UNIX, "\0ab\0", 4, EPERM, HF_RACED_ADDR);
	with_ticket = false;
	unix_is(HF_SESSION_ENFORCE_UNIX, NULL, 0, EPERM, HF_RACED_ADDR_NO_TICKET);
	unix_is(0, NULL, 0, ECONNREFUSED, 0);
}

/* The hook belongs to the cgroup a socket was made in; whoever is no member is none of our business. */
static void an_unwatched_process_in_the_cgroup_passes(void **state)
{
	int st, go[2];
	pid_t p;
	char c;

	NEED_BPF();
	to4("127.0.0.1", 9999);
	sock_type = SOCK_STREAM;
	how = CONNECT;
	assert_int_equal(pipe(go), 0);
	p = fork();
	if (p == 0) {
		close(go[1]);
		_exit(read(go[0], &c, 1) ? 1 : do_socket(NULL));
	}
	close(go[0]);
	assert_int_equal(hf_cgroup_add(&cg, p), 0);
	close(go[1]);
	waitpid(p, &st, 0);
	assert_int_equal(WEXITSTATUS(st), ECONNREFUSED);
}

static int ticket_setup(void **state)
{
	snprintf(mark, sizeof(mark), "/tmp/hf-ticket-%d", getpid());
	if (group_setup(state))
		return -1;
	if (!B)
		return 0;
	assert_int_equal(hf_cgroup_create(0xbf00000000000000ull | (uint32_t)getpid(), &cg), 0);
	assert_int_equal(hf_bpf_attach_cgroup(B, cg.dir_fd, &hooks), 0);
	assert_int_equal(hooks & 15, 15);
	return 0;
}

static int by_tid_setup(void **state)
{
	static char yes;

	*state = &yes;
	return ticket_setup(state);
}

static int ticket_teardown(void **state)
{
	unlink(mark);
	if (cg.dir_fd >= 0)
		hf_cgroup_remove(&cg);
	return group_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exec_needs_a_ticket), cmocka_unit_test(exec_must_be_what_was_judged),
		cmocka_unit_test(exec_of_a_script), cmocka_unit_test(exec_with_any_length),
		cmocka_unit_test(failed_exec_ends_its_ticket), cmocka_unit_test(exec_from_a_thread),
		cmocka_unit_test(sockets4), cmocka_unit_test(sockets6), cmocka_unit_test(unix_sockets),
		cmocka_unit_test(an_unwatched_process_in_the_cgroup_passes),
	};

	return cmocka_run_group_tests_name("by task storage where there is", tests, ticket_setup, ticket_teardown) +
	       cmocka_run_group_tests_name("by thread id", tests, by_tid_setup, ticket_teardown);
}
