/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <errno.h>
#include "control.h"

static void good_requests(void **state)
{
	static const struct {
		const char *in;
		enum hf_control_cmd cmd;
		const char *id;
		uint32_t hold;
		enum hf_scope scope;
		bool stop;
	} t[] = {
		{ "{\"cmd\":\"status\"}", HF_CTL_STATUS, "", 0, HF_SCOPE_ONCE, false },
		{ " {\"cmd\" : \"holds\"} \t\r", HF_CTL_HOLDS, "", 0, HF_SCOPE_ONCE, false },
		{ "{\"cmd\":\"approve\",\"id\":\"7f3a-2\"}", HF_CTL_APPROVE, "7f3a-2", 2, HF_SCOPE_ONCE, false },
		{ "{\"scope\":\"session\",\"id\":\"9\",\"cmd\":\"approve\"}", HF_CTL_APPROVE, "9", 9, HF_SCOPE_SESSION,
		  false },
		{ "{\"cmd\":\"approve\",\"id\":\"0123456789abcdef-4294967295\",\"scope\":\"once\"}", HF_CTL_APPROVE,
		  "0123456789abcdef-4294967295", 4294967295u, HF_SCOPE_ONCE, false },
		{ "{\"cmd\":\"deny\",\"id\":\"7f3a-2\",\"stop\":true}", HF_CTL_DENY, "7f3a-2", 2, HF_SCOPE_ONCE, true },
		{ "{\"cmd\":\"pause\"}", HF_CTL_PAUSE, "", 0, HF_SCOPE_ONCE, false },
		{ "{\"cmd\":\"resume\",\"id\":\"7f3a\"}", HF_CTL_RESUME, "7f3a", 0, HF_SCOPE_ONCE, false },
		{ "{\"cmd\":\"kill\",\"id\":\"0123456789abcdef\"}", HF_CTL_KILL, "0123456789abcdef", 0, HF_SCOPE_ONCE,
		  false },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct hf_control c;
		char err[256] = "";

		if (hf_control_parse(hf_str_of(t[i].in), &c, err, sizeof(err)) != 0)
			fail_msg("%s: %s", t[i].in, err);
		assert_int_equal(c.cmd, t[i].cmd);
		assert_string_equal(c.id, t[i].id);
		assert_int_equal(c.hold, t[i].hold);
		assert_int_equal(c.scope, t[i].scope);
		assert_int_equal(c.stop, t[i].stop);
	}
}

static void bad_requests(void **state)
{
	static const struct {
		const char *in, *message;
	} t[] = {
		{ "", "empty request; send {\"cmd\":\"status\"}" },
		{ "hello", "not a JSON object on one line, like {\"cmd\":\"status\"}" },
		{ "[1]", "not a JSON object on one line, like {\"cmd\":\"status\"}" },
		{ "{\"cmd\":\"status\"", "not a JSON object on one line, like {\"cmd\":\"status\"}" },
		{ "{}", "\"cmd\" is missing: status, holds, approve, deny, pause, resume or kill" },
		{ "{\"cmd\":7}", "\"cmd\" must be a string: status, holds, approve, deny, pause, resume or kill" },
		{ "{\"cmd\":\"Approve\"}",
		  "unknown \"cmd\" 'Approve'; known: status, holds, approve, deny, pause, resume, kill" },
		{ "{\"cmd\":\"status\"} x", "something follows the JSON object; one object a line" },
		{ "{\"cmd\":\"status\"}{}", "something follows the JSON object; one object a line" },
		{ "{\"cmd\":\"status\",\"cmd\":\"kill\"}", "\"cmd\" stands twice" },
		{ "{\"cmd\":\"status\",\"id\":\"1\"}", "\"id\" does not go with status: leave it out" },
		{ "{\"cmd\":\"approve\"}", "approve needs \"id\" (see holdfast holds)" },
		{ "{\"cmd\":\"approve\",\"id\":2}", "\"id\" must be a short string like \"7f3a-2\"" },
		{ "{\"cmd\":\"approve\",\"id\":\"x-2\"}",
		  "'x-2' is not the id of a hold; one looks like 7f3a-2 (see holdfast holds)" },
		{ "{\"cmd\":\"approve\",\"id\":\"7f3a-0\"}",
		  "'7f3a-0' is not the id of a hold; one looks like 7f3a-2 (see holdfast holds)" },
		{ "{\"cmd\":\"approve\",\"id\":\"-2\"}",
		  "'-2' is not the id of a hold; one looks like 7f3a-2 (see holdfast holds)" },
		{ "{\"cmd\":\"approve\",\"id\":\"7f3a-4294967296\"}",
		  "'7f3a-4294967296' is not the id of a hold; one looks like 7f3a-2 (see holdfast holds)" },
		{ "{\"cmd\":\"approve\",\"id\":\"1\",\"scope\":\"always\"}", "\"scope\" must be \"once\" or \"session\"" },
		{ "{\"cmd\":\"approve\",\"id\":\"1\",\"Scope\":\"once\"}",
		  "unknown member 'Scope'; known: cmd, id, scope, stop" },
		{ "{\"cmd\":\"approve\",\"id\":\"1\",\"stop\":true}",
		  "\"stop\" does not go with approve: it goes with deny only" },
		{ "{\"cmd\":\"deny\",\"id\":\"1\",\"scope\":\"once\"}",
		  "\"scope\" does not go with deny: it goes with approve only" },
		{ "{\"cmd\":\"deny\",\"id\":\"1\",\"stop\":1}", "\"stop\" must be true or false" },
		{ "{\"cmd\":\"kill\",\"id\":\"7G\"}",
		  "'7G' is not the id of a session: 1 to 16 hexadecimal digits (see holdfast sessions)" },
		{ "{\"cmd\":\"kill\",\"id\":\"\"}",
		  "'' is not the id of a session: 1 to 16 hexadecimal digits (see holdfast sessions)" },
		{ "{\"cmd\":\"approve\",\"id\":\"1\\u0000x\"}", "NUL in a request" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct hf_control c = { .hold = 77 };
		char err[256] = "";

		assert_int_equal(hf_control_parse(hf_str_of(t[i].in), &c, err, sizeof(err)), -EINVAL);
		assert_string_equal(err, t[i].message);
		assert_int_equal(c.hold, 77);
	}
}

static void hostile_requests(void **state)
{
	struct hf_control c;
	char err[256], *deep = malloc(HF_CONTROL_MAX + 1);

	assert_non_null(deep);
	memset(deep, '[', HF_CONTROL_MAX + 1);
	assert_int_equal(hf_control_parse((struct hf_str){ deep, HF_CONTROL_MAX }, &c, err, sizeof(err)), -EINVAL);
	assert_int_equal(hf_control_parse((struct hf_str){ deep, HF_CONTROL_MAX + 1 }, &c, err, sizeof(err)), -EINVAL);
	assert_string_equal(err, "request of 4097 bytes; at most 4096");
	free(deep);

	assert_int_equal(hf_control_parse((struct hf_str){ "{\"cmd\":\"status\"}\0", 17 }, &c, err, sizeof(err)), -EINVAL);
	assert_int_equal(hf_control_parse(hf_str_of("{\"cmd\":\"\x1b[2J\\u001b]0;x\\u0007\"}"), &c, err, sizeof(err)),
			 -EINVAL);
	for (const char *p = err; *p; p++)
		assert_true(*p >= ' ' && *p < 127);
	/* A tiny err buffer is cut, not overrun. */
	memset(err, 'x', sizeof(err));
	assert_int_equal(hf_control_parse(hf_str_of("{\"cmd\":\"nonsense\"}"), &c, err, 8), -EINVAL);
	assert_int_equal(err[7], 0);
	assert_int_equal(err[8], 'x');
}

static void every_cut_of_a_request_is_refused(void **state)
{
	const char *whole = "{\"cmd\":\"approve\",\"id\":\"7f3a-2\",\"scope\":\"session\"}";
	struct hf_control c;
	char err[256];

	for (size_t n = 0; n < strlen(whole); n++) {
		char *copy = malloc(n + 1);	/* exact size: the sanitizer sees a byte too far */

		assert_non_null(copy);
		memcpy(copy, whole, n);
		assert_int_equal(hf_control_parse((struct hf_str){ copy, n }, &c, err, sizeof(err)), -EINVAL);
		free(copy);
	}
}

static void ids(void **state)
{
	struct hf_control c = { .cmd = HF_CTL_APPROVE, .id = "7f3a-2" };
	char prefix[17];
	uint32_t n;

	assert_int_equal(hf_hold_id_parse("7f3a-12", prefix, &n), 0);
	assert_string_equal(prefix, "7f3a");
	assert_int_equal(n, 12);
	assert_int_equal(hf_hold_id_parse("0123456789abcdef0-1", prefix, &n), -EINVAL);
	assert_int_equal(hf_hold_id_parse("7f3a-+1", prefix, &n), -EINVAL);
	assert_int_equal(hf_hold_id_parse("7f3a-", prefix, &n), -EINVAL);
	assert_int_equal(hf_hold_id_parse("", prefix, &n), -EINVAL);
	assert_true(hf_session_has_prefix(0x7f3a000000000001, "7f3a"));
	assert_true(hf_session_has_prefix(0x1, "000"));
	assert_false(hf_session_has_prefix(0x7f3a000000000001, "7f3b"));
	assert_false(hf_session_has_prefix(0x7f3a000000000001, "7f3a0000000000010"));
	assert_true(hf_control_is_for(&c, 0x7f3a000000000001));
	assert_false(hf_control_is_for(&c, 0x7f3b000000000001));
	strcpy(c.id, "2");
	assert_true(hf_control_is_for(&c, 0x7f3b000000000001));
	c = (struct hf_control){ .cmd = HF_CTL_KILL, .id = "7f" };
	assert_true(hf_control_is_for(&c, 0x7f3a000000000001));
	assert_false(hf_control_is_for(&c, 0x8f3a000000000001));
	c.id[0] = 0;
	assert_true(hf_control_is_for(&c, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_requests),
		cmocka_unit_test(bad_requests),
		cmocka_unit_test(hostile_requests),
		cmocka_unit_test(every_cut_of_a_request_is_refused),
		cmocka_unit_test(ids),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
