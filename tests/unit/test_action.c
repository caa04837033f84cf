/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "action.h"

static void kinds_have_names_that_parse_back(void **state)
{
	enum hf_kind back = HF_KINDS;

	for (int k = 0; k < HF_KINDS; k++) {
		const char *name = hf_kind_name((enum hf_kind)k);

		assert_string_not_equal(name, "unknown");
		assert_int_equal(hf_kind_parse(name, &back), 0);
		assert_int_equal(back, k);
	}
	assert_string_equal(hf_kind_name(HF_KINDS), "unknown");
	assert_int_equal(hf_kind_parse("unknown", &back), -EINVAL);
	assert_int_equal(hf_kind_parse("", &back), -EINVAL);
	assert_int_equal(back, HF_KINDS - 1);
}

static void writes_follow_the_flags(void **state)
{
	static const struct { uint32_t flags; bool writes; } t[] = {
		{ O_RDONLY, false }, { O_RDONLY | O_CLOEXEC, false }, { O_WRONLY, true }, { O_RDWR, true },
		{ O_RDONLY | O_CREAT, true }, { O_RDONLY | O_TRUNC, true }, { O_PATH | O_WRONLY, false }, { 3, true },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct hf_action a = { .kind = HF_OPEN, .open_flags = t[i].flags };

		assert_int_equal(hf_action_writes(&a), t[i].writes);
	}
}

static struct hf_addr v4(const char last, uint16_t port, uint16_t proto)
{
	return (struct hf_addr){ .family = AF_INET, .port = port, .proto = proto, .ip = { 203, 0, 113, last } };
}

static void formats_addresses(void **state)
{
	struct hf_addr a = v4(7, 443, IPPROTO_TCP);
	char out[128];

	assert_int_equal(hf_addr_format(&a, out, sizeof(out)), 15);
	assert_string_equal(out, "203.0.113.7:443");
	hf_addr_ip(&a, out, sizeof(out));
	assert_string_equal(out, "203.0.113.7");
	assert_true(hf_addr_format(&a, out, 6) < 6);

	a = (struct hf_addr){ .family = AF_INET6, .port = 53, .ip = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } };
	hf_addr_format(&a, out, sizeof(out));
	assert_string_equal(out, "[2001:db8::1]:53");

	a = (struct hf_addr){ .family = AF_UNIX, .sun_len = 12, .sun = "/run/x\x1b.so" };
	hf_addr_format(&a, out, sizeof(out));
	assert_string_equal(out, "unix:/run/x\\x1b.so");
	assert_int_equal(hf_addr_ip(&a, out, sizeof(out)), 0);
	a = (struct hf_addr){ .family = AF_UNIX, .sun_len = 5, .sun = "\0na\0e" };
	hf_addr_format(&a, out, sizeof(out));
	assert_string_equal(out, "unix:@na\\x00e");
	a = (struct hf_addr){ .family = AF_UNIX };
	hf_addr_format(&a, out, sizeof(out));
	assert_string_equal(out, "unix:(unnamed)");
	a = (struct hf_addr){ .family = AF_UNIX, .sun_len = 60000 };
	memset(a.sun, 'x', sizeof(a.sun));
	assert_int_equal(hf_addr_format(&a, out, sizeof(out)), 5 + sizeof(a.sun));
	a = (struct hf_addr){ .family = 16 };
	hf_addr_format(&a, out, sizeof(out));
	assert_string_equal(out, "family 16");
}

static void expect(const struct hf_action *a, const char *want)
{
	char out[512];

	assert_int_equal(hf_action_summary(a, out, sizeof(out)), strlen(want));
	assert_string_equal(out, want);
}

static void summarises_each_kind(void **state)
{
	const struct hf_str etc = HF_STR("/etc/shadow"), tmp = HF_STR("/tmp/\x1b[31mx");

	expect(&(struct hf_action){ .kind = HF_CONNECT, .addr = v4(7, 443, IPPROTO_TCP) }, "connect 203.0.113.7:443 (tcp)");
	expect(&(struct hf_action){ .kind = HF_SEND, .addr = v4(7, 53, IPPROTO_UDP) }, "send to 203.0.113.7:53 (udp)");
	expect(&(struct hf_action){ .kind = HF_OPEN, .path = etc }, "open /etc/shadow (read)");
	expect(&(struct hf_action){ .kind = HF_OPEN, .path = tmp, .open_flags = O_RDWR | O_CREAT | O_TRUNC },
	       "open /tmp/\\x1b[31mx (read, write, create, truncate)");
	expect(&(struct hf_action){ .kind = HF_RENAME, .path = etc, .path2 = tmp }, "rename /tmp/\\x1b[31mx -> /etc/shadow");
	expect(&(struct hf_action){ .kind = HF_SYMLINK, .path = tmp, .path2 = etc }, "symlink /tmp/\\x1b[31mx -> /etc/shadow");
	expect(&(struct hf_action){ .kind = HF_CHMOD, .path = etc, .mode = 04755 }, "chmod 4755 /etc/shadow");
	expect(&(struct hf_action){ .kind = HF_UNLINK, .path = etc }, "unlink /etc/shadow");
	expect(&(struct hf_action){ .kind = HF_FORK, .child_tgid = 7, .child_tid = 7 }, "fork 7");
	expect(&(struct hf_action){ .kind = HF_FORK, .child_tgid = 7, .child_tid = 8 }, "new thread 8");
	expect(&(struct hf_action){ .kind = HF_EXIT, .ret = 3 << 8 }, "exit 3");
	expect(&(struct hf_action){ .kind = HF_EXIT, .ret = 0x80 | 11 }, "exit on signal 11");
	expect(&(struct hf_action){ .kind = HF_SIGNAL, .signo = 9, .target_tgid = 42 }, "signal 9 to process 42");
	expect(&(struct hf_action){ .kind = HF_PTRACE, .target_tgid = 42 }, "ptrace process 42");
	expect(&(struct hf_action){ .kind = HF_MOUNT, .syscall = "umount2", .path = etc }, "umount2 /etc/shadow");
	expect(&(struct hf_action){ .kind = HF_OTHER }, "other");
}

static void summarises_exec(void **state)
{
	const struct hf_str git = HF_STR("/usr/bin/git");

	expect(&(struct hf_action){ .kind = HF_EXEC, .path = git, .argv = HF_STR("git\0commit\0-m\0it's ok\0\0") },
	       "exec /usr/bin/git commit -m 'it'\\''s ok' ''");
	expect(&(struct hf_action){ .kind = HF_EXEC, .path = git, .argv = HF_STR("/bin/ls\0-l\0") },
	       "exec /usr/bin/git [/bin/ls] -l");
	expect(&(struct hf_action){ .kind = HF_EXEC, .path = git, .argv = HF_STR("\x1b]0;\x07\0") },
	       "exec /usr/bin/git [\\x1b]0;\\x07]");
	expect(&(struct hf_action){ .kind = HF_EXEC, .path = git }, "exec /usr/bin/git");
}

static void long_things_stay_in_bounds(void **state)
{
	char path[5000], out[256];
	struct hf_action a = { .kind = HF_OPEN, .path = { path, sizeof(path) }, .open_flags = O_WRONLY };
	size_t n;

	memset(path, '\x01', sizeof(path));
	path[0] = '/';
	n = hf_action_summary(&a, out, sizeof(out));
	assert_true(n < sizeof(out));
	assert_string_equal(out + n - strlen("... (write)"), "... (write)");	/* what is done to it is not pushed out */
	a.kind = HF_RENAME;
	a.path2 = HF_STR("/etc/passwd");
	n = hf_action_summary(&a, out, sizeof(out));
	assert_memory_equal(out, "rename /etc/passwd -> /", 23);
	a.path2 = a.path;
	a.path = HF_STR("/etc/passwd");
	n = hf_action_summary(&a, out, sizeof(out));
	assert_string_equal(out + n - strlen(" -> /etc/passwd"), " -> /etc/passwd");
	for (int k = 0; k <= HF_KINDS; k++) {
		for (size_t cap = 0; cap < 64; cap++) {
			a.kind = (enum hf_kind)k;
			a.argv = a.path2;
			memset(out, 'X', sizeof(out));
			n = hf_action_summary(&a, out, cap);
			assert_true(cap == 0 ? n == 0 : n < cap && out[n] == '\0');
			assert_int_equal(out[cap], 'X');
		}
	}
}

static void names_system_calls(void **state)
{
	assert_string_equal(hf_syscall_name(2), "open");
	assert_string_equal(hf_syscall_name(59), "execve");
	assert_string_equal(hf_syscall_name(257), "openat");
	assert_string_equal(hf_syscall_name(437), "openat2");
	assert_null(hf_syscall_name(39));
	assert_null(hf_syscall_name(100000));
	assert_null(hf_syscall_name(UINT32_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_have_names_that_parse_back),
		cmocka_unit_test(writes_follow_the_flags),
		cmocka_unit_test(formats_addresses),
		cmocka_unit_test(summarises_each_kind),
		cmocka_unit_test(summarises_exec),
		cmocka_unit_test(long_things_stay_in_bounds),
		cmocka_unit_test(names_system_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
