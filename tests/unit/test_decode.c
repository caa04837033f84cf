// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/un.h>
#include "decode.h"
#include "bpf/nr.h"

static struct hf_decode_buf buf;
static struct hf_action act;
static uint8_t rec[80000];

static void head(struct hf_rec *h, uint16_t type, uint16_t flags, size_t len)
{
	*h = (struct hf_rec){ .type = type, .flags = flags, .len = (uint32_t)len, .session = 0x1122334455667788ull,
			      .seq = 9, .time_ns = 1000, .start_ns = 77, .tgid = 10, .tid = 11, .uid = 1000,
			      		.ret = -2 };
}

static void str_is(struct hf_str s, const char *want)
{
	assert_non_null(s.p);
	assert_int_equal(s.n, strlen(want));
	assert_memory_equal(s.p, want, s.n);
}

#define C(lit) { lit, sizeof(lit) - 1 }
struct lit { const char *p; size_t n; };

static size_t path_rec(uint16_t type, uint16_t flags, uint32_t nr, const struct lit *c, uint64_t a0, uint64_t a1)
{
	struct hf_rec_path r = { .dev = 0x800001, .ino = 5, .args = { a0, a1 }, .nr = nr, .file_mode = 0100644 };
	size_t at = sizeof(r);

	for (int i = 0; i < HF_PATH_CHUNKS; i++) {
		r.chunk_len[i] = (uint16_t)c[i].n;
		if (c[i].n)
			memcpy(rec + at, c[i].p, c[i].n);
		at += c[i].n;
	}
	head(&r.h, type, flags, at);
	memcpy(rec, &r, sizeof(r));
	return at;
}

static size_t exec_rec(uint16_t flags, const struct lit *c)
{
	struct hf_rec_exec r = { .dev = 3, .ino = 4, .argc = 1 };
	size_t at = sizeof(r);

	for (int i = 0; i < HF_EXEC_CHUNKS; i++) {
		r.chunk_len[i] = (uint32_t)c[i].n;
		if (c[i].n)
			memcpy(rec + at, c[i].p, c[i].n);
		at += c[i].n;
	}
	r.argv_len = c[HF_EXEC_ARGV].n;
	head(&r.h, HF_REC_EXEC, flags, at);
	memcpy(rec, &r, sizeof(r));
	return at;
}

static void fork_and_exit(void **state)
{
	struct hf_rec_fork f = { .child_start_ns = 88, .child_tgid = 20, .child_tid = 21 };
	struct hf_rec_exit e;

	head(&f.h, HF_REC_FORK, 0, sizeof(f));
	assert_int_equal(hf_decode(&f, sizeof(f), &buf, &act), 0);
	assert_int_equal(act.kind, HF_FORK);
	assert_true(act.session == 0x1122334455667788ull && act.seq == 9 && act.time_ns == 1000 && act.start_ns == 77);
	assert_true(act.tgid == 10 && act.tid == 11 && act.uid == 1000);
	assert_true(act.child_start_ns == 88 && act.child_tgid == 20 && act.child_tid == 21);
	assert_int_equal(act.flags, HF_ACT_OUTCOME);
	head(&e.h, HF_REC_EXIT, 0, sizeof(e));
	assert_int_equal(hf_decode(&e, sizeof(e), &buf, &act), 0);
	assert_int_equal(act.kind, HF_EXIT);
	assert_int_equal(act.ret, -2);
	assert_true(act.nr == 0xffffffffu);
}

static void open_resolved(void **state)
{
	struct lit c[4] = { C("passwd\0etc\0") };
	size_t n = path_rec(HF_REC_OPEN, HF_REC_STOPPED, HF_NR_openat, c, O_RDONLY | O_CLOEXEC, 0600);

	assert_int_equal(hf_decode(rec, n, &buf, &act), 0);
	assert_int_equal(act.kind, HF_OPEN);
	str_is(act.path, "/etc/passwd");
	assert_true(act.open_flags == (O_RDONLY | O_CLOEXEC) && act.mode == 0600);
	assert_true(act.dev == 0x800001 && act.ino == 5);
	assert_int_equal(act.flags, HF_ACT_OUTCOME | HF_ACT_STOPPED);
	assert_string_equal(act.syscall, "openat");
	assert_null(act.path2.p);
}

static void open_failed(void **state)
{
	struct lit c[4] = { C("../x/./y"), C("b\0a\0") };
	size_t n = path_rec(HF_REC_OPEN, HF_REC_UNRESOLVED | HF_REC_RELATIVE, HF_NR_open, c, 0, 0);

	assert_int_equal(hf_decode(rec, n, &buf, &act), 0);
	str_is(act.path, "/a/x/y");
	assert_true(act.flags & HF_ACT_UNRESOLVED);
	assert_int_equal(act.ret, -2);
	/* a base that could not be read: what is known, marked as not whole */
	struct lit d[4] = { C("x") };
	n = path_rec(HF_REC_OPEN, HF_REC_UNRESOLVED | HF_REC_RELATIVE | HF_REC_TRUNC_CWD, HF_NR_open, d, 0, 0);
	assert_int_equal(hf_decode(rec, n, &buf, &act), 0);
	str_is(act.path, "/x");
	assert_true(act.flags & HF_ACT_TRUNC_PATH);
	/* nothing could be read */
	struct lit e[4] = { { NULL, 0 } };
	n = path_rec(HF_REC_OPEN, HF_REC_UNRESOLVED | HF_REC_TRUNC_PATH, HF_NR_open, e, 0, 0);
	assert_int_equal(hf_decode(rec, n, &buf, &act), 0);
	assert_null(act.path.p);
}

/* A memfd's name is the agent's free text. It must not be able to make its record unreadable. */
static void pseudo_file_with_slashes(void **state)
{
	struct lit c[4] = { C("memfd:a/../../b\0") };
	size_t n = path_rec(HF_REC_PATH, 0, HF_NR_ftruncate, c, 1, 0);

	assert_int_equal(hf_decode(rec, n, &buf, &act), 0);
	str_is(act.path, "/memfd:a/../../b");
	struct lit d[4] = { C("a/b\0c\0") };
	n = path_rec(HF_REC_PATH, 0, HF_NR_ftruncate, d, 1, 0);
	assert_int_equal(hf_decode(rec, n, &buf, &act), -EINVAL);
}

static void two_names(void **state)
{
	struct lit ren[4] = { C("old"), C("w\0"), C("/abs/new"), { NULL, 0 } };
	struct lit sym[4] = { C("../text//as is"), { NULL, 0 }, C("ln"), C("w\0") };
	size_t n = path_rec(HF_REC_PATH, HF_REC_UNRESOLVED | HF_REC_RELATIVE, HF_NR_renameat2, ren, 0, 0);

	assert_int_equal(hf_decode(rec, n, &buf, &act), 0);
	assert_int_equal(act.kind, HF_RENAME);
	str_is(act.path, "/abs/new");
	str_is(act.path2, "/w/old");
	n = path_rec(HF_REC_PATH, HF_REC_UNRESOLVED, HF_NR_symlink, sym, 0, 0);
	assert_int_equal(hf_decode(rec, n, &buf, &act), 0);
	assert_int_equal(act.kind, HF_SYMLINK);
	str_is(act.path, "/w/ln");
	str_is(act.path2, "../text//as is");
}

static void kinds_of_path_calls(void **state)
{
	static const struct { uint32_t nr; uint64_t a0; enum hf_kind kind; } t[] = {
		{ HF_NR_unlink, 0, HF_UNLINK }, { HF_NR_unlinkat, 0, HF_UNLINK }, { HF_NR_unlinkat, 0x200, HF_RMDIR },
		{ HF_NR_rmdir, 0, HF_RMDIR }, { HF_NR_mkdir, 0755, HF_MKDIR }, { HF_NR_mkdirat, 0755, HF_MKDIR },
		{ HF_NR_mknod, 0600, HF_MKNOD }, { HF_NR_chmod, 04755, HF_CHMOD }, { HF_NR_fchmodat2, 04755, HF_CHMOD },
		{ HF_NR_lchown, 0, HF_CHOWN }, { HF_NR_truncate, 7, HF_TRUNCATE },
		{ HF_NR_removexattr, 0, HF_SETXATTR },
		{ HF_NR_setxattrat, 0, HF_SETXATTR },
	};
	struct lit c[4] = { C("/f") };

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		size_t n = path_rec(HF_REC_PATH, HF_REC_UNRESOLVED, t[i].nr, c, t[i].a0, 0);

		assert_int_equal(hf_decode(rec, n, &buf, &act), 0);
		assert_int_equal(act.kind, t[i].kind);
		assert_int_equal(act.nr, t[i].nr);
		str_is(act.path, "/f");
		if (act.kind == HF_CHMOD || act.kind == HF_MKDIR || act.kind == HF_MKNOD)
			assert_int_equal(act.mode, t[i].a0);
		else
			assert_int_equal(act.mode, 0);
	}
	assert_int_equal(hf_decode(rec, path_rec(HF_REC_PATH, 0, 0, c, 0, 0), &buf, &act), -EINVAL);
}

static void exec_of_a_binary(void **state)
{
	struct lit c[5] = { C("ls\0bin\0usr\0"), C("/bin/ls"), { NULL, 0 }, C("me\0home\0"), C("ls\0-l\0\0") };

	assert_int_equal(hf_decode(rec, exec_rec(HF_REC_TRUNC_ARGV, c), &buf, &act), 0);
	assert_int_equal(act.kind, HF_EXEC);
	str_is(act.path, "/usr/bin/ls");
	str_is(act.given, "/bin/ls");
	str_is(act.cwd, "/home/me");
	assert_int_equal(act.argv.n, 7);
	assert_memory_equal(act.argv.p, "ls\0-l\0\0", 7);
	assert_true(act.dev == 3 && act.ino == 4);
	assert_int_equal(act.flags, HF_ACT_OUTCOME | HF_ACT_TRUNC_ARGV);
	assert_null(act.interp.p);
}

static void exec_of_a_script(void **state)
{
	struct lit c[5] = { C("dash\0bin\0usr\0"), C("./run.sh"), C("/bin/sh"), C("me\0home\0"),
			C("/bin/sh\0./run.sh\0") };

	assert_int_equal(hf_decode(rec, exec_rec(HF_REC_SCRIPT | HF_REC_KILLED, c), &buf, &act), 0);
	str_is(act.path, "/home/me/run.sh");
	str_is(act.interp, "/usr/bin/dash");
	str_is(act.given, "./run.sh");
	assert_true(act.dev == 0 && act.ino == 0);
	assert_int_equal(act.flags, HF_ACT_OUTCOME | HF_ACT_SCRIPT | HF_ACT_UNRESOLVED | HF_ACT_RACED | HF_ACT_DENIED);
}

static void sockets(void **state)
{
	struct hf_rec_sock s = { .nr = HF_NR_connect, .fd = 3 };

	head(&s.h, HF_REC_SOCK, 0, sizeof(s));
	s.addr = (struct hf_wire_addr){ .family = AF_INET6, .port = 443, .proto = 6 };
	inet_pton(AF_INET6, "::ffff:192.0.2.7", s.addr.addr);
	assert_int_equal(hf_decode(&s, sizeof(s), &buf, &act), 0);
	assert_int_equal(act.kind, HF_CONNECT);
	assert_true(act.addr.family == AF_INET && act.addr.port == 443 && act.addr.proto == 6);
	assert_memory_equal(act.addr.ip, "\xc0\0\x02\x07\0\0\0\0", 8);
	s.addr = (struct hf_wire_addr){ .family = AF_UNSPEC, .port = 53 };
	s.nr = HF_NR_sendto;
	assert_int_equal(hf_decode(&s, sizeof(s), &buf, &act), 0);
	assert_true(act.kind == HF_SEND && act.addr.family == AF_INET);
	s.addr = (struct hf_wire_addr){ .family = AF_UNIX, .path_len = 5, .path = "\0a\0bc" };
	s.nr = HF_NR_bind;
	assert_int_equal(hf_decode(&s, sizeof(s), &buf, &act), 0);
	assert_true(act.kind == HF_BIND && act.addr.sun_len == 5);
	s.addr.path_len = 109;
	assert_int_equal(hf_decode(&s, sizeof(s), &buf, &act), -EINVAL);
	s.addr.path_len = 5;
	s.nr = HF_NR_open;
	assert_int_equal(hf_decode(&s, sizeof(s), &buf, &act), -EINVAL);
}

static void sys_calls(void **state)
{
	static const struct { uint32_t nr, abi; enum hf_kind kind; int32_t signo; } t[] = {
		{ HF_NR_kill, 0, HF_SIGNAL, 2 }, { HF_NR_tgkill, 0, HF_SIGNAL, 3 },
		{ HF_NR_setresuid, 0, HF_SETUID, 0 },
		{ HF_NR_ptrace, 0, HF_PTRACE, 0 }, { HF_NR_process_vm_writev, 0, HF_VM_WRITE, 0 },
		{ HF_NR_memfd_create, 0, HF_MEMFD, 0 }, { HF_NR_pivot_root, 0, HF_MOUNT, 0 },
		{ HF_NR_finit_module, 0, HF_MODULE, 0 }, { HF_NR_bpf, 0, HF_BPF, 0 }, { HF_NR_unshare, 0, HF_OTHER, 0 },
		{ HF_NR_io_uring_setup, 0, HF_OTHER, 0 },
		{ HF_NR_kill, 1, HF_OTHER, 0 },	/* 62 is ustat there */
		{ HF_NR_kill | 0x40000000, 2, HF_OTHER, 0 },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct hf_rec_sys s = { .args = { 1, 2, 3 }, .nr = t[i].nr, .abi = t[i].abi, .target_tgid = 44 };

		head(&s.h, t[i].kind == HF_OTHER ? HF_REC_FOREIGN : HF_REC_SYS, 0, sizeof(s));
		assert_int_equal(hf_decode(&s, sizeof(s), &buf, &act), 0);
		assert_int_equal(act.kind, t[i].kind);
		assert_int_equal(act.signo, t[i].signo);
		assert_true(act.nr == (t[i].abi ? 0xffffffffu : t[i].nr));
		assert_true(!t[i].abi == (act.target_tgid == 44));
		assert_true(!t[i].abi || act.syscall);
	}
}

static void raced_is_no_action(void **state)
{
	struct hf_rec_raced r = { .what = HF_RACED_ADDR };

	head(&r.h, HF_REC_RACED, 0, sizeof(r));
	assert_int_equal(hf_decode(&r, sizeof(r), &buf, &act), -ENOMSG);
	r.h.len--;
	assert_int_equal(hf_decode(&r, sizeof(r) - 1, &buf, &act), -EINVAL);
}

/* Every length of every record but the right one, and the result is never touched on failure. */
static void lengths_are_checked(void **state)
{
	struct lit p[4] = { C("passwd\0etc\0") }, e[5] = { C("a\0"), C("/a"), { NULL, 0 }, C("b\0"), C("x\0") };
	static const uint16_t fixed[] = { HF_REC_FORK, HF_REC_EXIT, HF_REC_SOCK, HF_REC_SYS, HF_REC_FOREIGN,
			HF_REC_RACED };
	struct hf_action before;
	uint32_t l;

	memset(&act, 0xa5, sizeof(act));
	before = act;
	for (size_t k = 0; k < 2; k++) {
		size_t n = k ? exec_rec(0, e) : path_rec(HF_REC_OPEN, 0, HF_NR_open, p, 0, 0);

		for (l = 0; l < n + 40; l++) {
			if (l == n)
				continue;
			memcpy(rec + 4, &l, 4);
			assert_int_equal(hf_decode(rec, l, &buf, &act), -EINVAL);
		}
		l = (uint32_t)n;
		memcpy(rec + 4, &l, 4);
		assert_int_equal(hf_decode(rec, n - 1, &buf, &act), -EINVAL);
	}
	for (size_t k = 0; k < sizeof(fixed) / sizeof(fixed[0]); k++) {
		for (l = 0; l < 60; l++) {
			head((struct hf_rec *)rec, fixed[k], 0, l);
			if (!(l == 56 && fixed[k] == HF_REC_EXIT))
				assert_int_equal(hf_decode(rec, l, &buf, &act), -EINVAL);
		}
	}
	head((struct hf_rec *)rec, HF_REC_TYPES, 0, 56);
	assert_int_equal(hf_decode(rec, 56, &buf, &act), -EINVAL);
	assert_memory_equal(&before, &act, sizeof(act));
}

/* Bytes turned at random, the record in an exact allocation for the sanitizer to watch. */
static void turned_bytes(void **state)
{
	struct lit p[4] = { C("../old"), C("w\0v\0"), C("new"), C("u\0") };
	struct lit e[5] = { C("sh\0bin\0"), C("x/run"), C("/bin/sh"), C("b\0"), C("x\0yy\0") };
	uint32_t seed = 12345, ok = 0;

	for (int i = 0; i < 200000; i++) {
		size_t n = i & 1 ? exec_rec(HF_REC_SCRIPT, e) : path_rec(HF_REC_PATH, HF_REC_UNRESOLVED,
				HF_NR_rename, p, 0, 0);
		uint8_t *copy = malloc(n);

		assert_non_null(copy);
		memcpy(copy, rec, n);
		for (int k = 0; k < 3; k++) {
			seed = seed * 1664525u + 1013904223u;
			copy[8 + (seed >> 8) % (n - 8)] = (uint8_t)(seed >> 24);
		}
		if (hf_decode(copy, n, &buf, &act) == 0) {
			ok++;
			assert_true(act.path.n < sizeof(buf.path) && act.path2.n < sizeof(buf.path2));
		}
		free(copy);
	}
	assert_true(ok > 1000 && ok < 199000);
}

static void longest_paths_fit(void **state)
{
	static char leaves[HF_PATH_MAX], given[HF_PATH_MAX];
	struct lit c[4] = { { given, sizeof(given) }, { leaves, sizeof(leaves) } };
	size_t n;

	for (size_t i = 0; i < sizeof(leaves); i += 2)
		leaves[i] = 'a';
	memset(given, 'b', sizeof(given));
	n = path_rec(HF_REC_OPEN, HF_REC_UNRESOLVED | HF_REC_RELATIVE, HF_NR_open, c, 0, 0);
	assert_int_equal(hf_decode(rec, n, &buf, &act), 0);
	assert_int_equal(act.path.n, 2 * HF_PATH_MAX + 1);
}

static void sockaddrs(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(80) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(81) };
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/run/x" };
	struct hf_addr a;

	in.sin_addr.s_addr = htonl(0x7f000001);
	assert_int_equal(hf_decode_sockaddr(&in, 15, &a), -EINVAL);
	assert_int_equal(hf_decode_sockaddr(&in, 1, &a), -EINVAL);
	assert_int_equal(hf_decode_sockaddr(&in, 16, &a), 0);
	assert_true(a.family == AF_INET && a.port == 80 && a.ip[0] == 127 && a.ip[3] == 1);
	in.sin_family = AF_UNSPEC;
	assert_int_equal(hf_decode_sockaddr(&in, 16, &a), 0);
	assert_true(a.family == AF_INET && a.port == 80);
	assert_int_equal(hf_decode_sockaddr(&in, 2, &a), 0);
	assert_true(a.family == AF_UNSPEC);
	assert_int_equal(hf_decode_sockaddr(&in6, 23, &a), -EINVAL);
	in6.sin6_addr = in6addr_loopback;
	assert_int_equal(hf_decode_sockaddr(&in6, 24, &a), 0);
	assert_true(a.family == AF_INET6 && a.port == 81 && a.ip[15] == 1);
	assert_int_equal(hf_decode_sockaddr(&un, sizeof(un), &a), 0);
	assert_true(a.family == AF_UNIX && a.sun_len == 6);
	memset(un.sun_path, 'p', sizeof(un.sun_path));
	assert_int_equal(hf_decode_sockaddr(&un, sizeof(un), &a), 0);
	assert_int_equal(a.sun_len, 108);
	un.sun_path[0] = '\0';
	assert_int_equal(hf_decode_sockaddr(&un, 2 + 4, &a), 0);
	assert_true(a.sun_len == 4 && a.sun[0] == '\0' && a.sun[1] == 'p');
	assert_int_equal(hf_decode_sockaddr(&un, 2, &a), 0);
	assert_int_equal(a.sun_len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fork_and_exit), cmocka_unit_test(open_resolved), cmocka_unit_test(open_failed),
		cmocka_unit_test(pseudo_file_with_slashes), cmocka_unit_test(two_names),
		cmocka_unit_test(kinds_of_path_calls), cmocka_unit_test(exec_of_a_binary),
		cmocka_unit_test(exec_of_a_script), cmocka_unit_test(sockets), cmocka_unit_test(sys_calls),
		cmocka_unit_test(raced_is_no_action), cmocka_unit_test(lengths_are_checked),
		cmocka_unit_test(turned_bytes), cmocka_unit_test(longest_paths_fit), cmocka_unit_test(sockaddrs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
