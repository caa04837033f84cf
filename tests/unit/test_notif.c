/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <cmocka.h>
#include "notif.h"

static void table(void **state)
{
	static const struct { uint32_t nr; enum hf_kind kind; enum hf_notif_form form; } want[] = {
		{ SYS_openat, HF_OPEN, HF_NF_OPEN }, { SYS_openat2, HF_OPEN, HF_NF_OPEN_HOW }, { SYS_execveat, HF_EXEC, HF_NF_EXEC },
		{ SYS_unlinkat, HF_UNLINK, HF_NF_UNLINKAT }, { SYS_renameat2, HF_RENAME, HF_NF_RENAME }, { 452, HF_CHMOD, HF_NF_AT },
		{ SYS_sendmmsg, HF_SEND, HF_NF_SENDMMSG }, { 466, HF_SETXATTR, HF_NF_AT },
	};

	for (unsigned i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		const struct hf_notif_call *c = hf_notif_call(want[i].nr);

		assert_non_null(c);
		assert_int_equal(c->kind, want[i].kind);
		assert_int_equal(c->form, want[i].form);
	}
	assert_null(hf_notif_call(SYS_getpid));
	assert_null(hf_notif_call(468));
	assert_null(hf_notif_call(0xffffffffu));
	assert_null(hf_notif_call(0x40000000u | SYS_openat));
}

static void each_call_is_sound(void **state)
{
	for (uint32_t nr = 0; nr < 600; nr++) {
		const struct hf_notif_call *c = hf_notif_call(nr);

		if (!c)
			continue;
		const int8_t arg[] = { c->dirfd, c->path, c->dirfd2, c->path2, c->flags, c->mode };

		for (unsigned i = 0; i < sizeof(arg); i++)
			assert_in_range(arg[i] + 1, 0, 6);
		assert_in_range(c->kind, 1, HF_KINDS - 1);
	}
}

static int script(const char *text, size_t len, const char **name, const char **arg)
{
	static char buf[HF_BINPRM_BUF];

	memset(buf, 0, sizeof(buf));
	memcpy(buf, text, len < sizeof(buf) ? len : sizeof(buf));
	*name = *arg = NULL;
	return hf_notif_script(buf, name, arg);
}

static void script_lines(void **state)
{
	static const struct { const char *text, *name, *arg; } t[] = {
		{ "#!/bin/sh\n", "/bin/sh", NULL },
		{ "#!/bin/sh", "/bin/sh", NULL },
		{ "#! \t/bin/sh \t\n", "/bin/sh", NULL },
		{ "#!/usr/bin/env  -S python3 -u \nx", "/usr/bin/env", "-S python3 -u" },
		{ "#!/bin/sh\t-e", "/bin/sh", "-e" },
		{ "#!rel/interp\n", "rel/interp", NULL },
		{ "#!/bin/sh\r\n", "/bin/sh\r", NULL },
		{ "#!/bin/sh -x \t y\n", "/bin/sh", "-x \t y" },
		{ "#!\n", NULL, NULL },
		{ "#!", NULL, NULL },
		{ "#! \t\n/bin/sh\n", NULL, NULL },
		{ "", NULL, NULL },
		{ "#", NULL, NULL },
		{ " #!/bin/sh\n", NULL, NULL },
	};
	const char *name, *arg;

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		int r = script(t[i].text, strlen(t[i].text), &name, &arg);

		/* "#!" and NULs alone: the name is empty, and an empty name can't be opened */
		if (!t[i].name && r == 0) {
			assert_string_equal(name, "");
			continue;
		}
		assert_int_equal(r, t[i].name ? 0 : -ENOEXEC);
		if (r)
			continue;
		assert_string_equal(name, t[i].name);
		if (t[i].arg)
			assert_string_equal(arg, t[i].arg);
		else
			assert_null(arg);
	}
}

static void script_too_long(void **state)
{
	const char *name, *arg;
	char buf[400];

	/* a name that fills the buffer may be cut: refused; an argument that does is cut to what is there */
	memset(buf, 'a', sizeof(buf));
	memcpy(buf, "#!/", 3);
	assert_int_equal(script(buf, sizeof(buf), &name, &arg), -ENOEXEC);
	buf[20] = ' ';
	assert_int_equal(script(buf, sizeof(buf), &name, &arg), 0);
	assert_int_equal(strlen(name), 18);
	assert_int_equal(strlen(arg), 255 - 21);
	memset(buf + 2, ' ', sizeof(buf) - 2);
	assert_int_equal(script(buf, sizeof(buf), &name, &arg), -ENOEXEC);
	/* a newline behind a NUL is not seen */
	assert_int_equal(script("#!/a\0b\n", 7, &name, &arg), 0);
	assert_string_equal(name, "/a");
}

static void raw_addresses(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(0x7f000001) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(80), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	static const uint8_t lo4[4] = { 127, 0, 0, 1 };
	struct hf_notif_raw r;

	assert_true(hf_notif_raw(&in, sizeof(in), AF_INET, IPPROTO_UDP, true, &r));
	assert_int_equal(r.family, AF_INET);
	assert_int_equal(r.port, 53);
	assert_int_equal(r.proto, IPPROTO_UDP);
	assert_memory_equal(r.addr, lo4, 4);
	in.sin_family = AF_UNSPEC;
	assert_true(hf_notif_raw(&in, sizeof(in), AF_INET, IPPROTO_UDP, true, &r));
	assert_int_equal(r.family, AF_INET);
	assert_false(hf_notif_raw(&in, sizeof(in), AF_INET6, IPPROTO_UDP, true, &r));
	assert_false(hf_notif_raw(&in, sizeof(in), AF_INET, IPPROTO_UDP, false, &r));
	assert_int_equal(r.family, 0);
	assert_false(hf_notif_raw(&in, 15, AF_INET, IPPROTO_UDP, true, &r));
	assert_false(hf_notif_raw(&in, 1, AF_INET, IPPROTO_UDP, true, &r));
	assert_true(hf_notif_raw(&in6, sizeof(in6), AF_INET6, IPPROTO_TCP, false, &r));
	assert_int_equal(r.family, AF_INET6);
	assert_memory_equal(r.addr, &in6.sin6_addr, 16);
	assert_true(hf_notif_raw(&in6, 24, AF_INET6, IPPROTO_MPTCP, false, &r));
	assert_int_equal(r.proto, 0);
	memset(&in6.sin6_addr, 0, 16);
	in6.sin6_addr.s6_addr[10] = in6.sin6_addr.s6_addr[11] = 0xff;
	memcpy(in6.sin6_addr.s6_addr + 12, lo4, 4);
	assert_true(hf_notif_raw(&in6, sizeof(in6), AF_INET6, IPPROTO_UDP, true, &r));
	assert_int_equal(r.family, AF_INET);
	assert_memory_equal(r.addr, lo4, 4);
	assert_true(hf_notif_raw(&in6, sizeof(in6), AF_INET6, IPPROTO_UDP, false, &r));
	assert_int_equal(r.family, AF_INET6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table), cmocka_unit_test(each_call_is_sound), cmocka_unit_test(script_lines),
		cmocka_unit_test(script_too_long), cmocka_unit_test(raw_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
