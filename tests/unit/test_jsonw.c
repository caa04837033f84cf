// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <cjson/cJSON.h>
#include "jsonw.h"

static void test_shape(void **state)
{
	char buf[512];
	struct hf_jsonw w;

	hf_jsonw_init(&w, buf, sizeof(buf));
	hf_jsonw_obj(&w, NULL);
	hf_jsonw_arr(&w, "a");
	hf_jsonw_u64(&w, NULL, 1);
	hf_jsonw_obj(&w, NULL);
	hf_jsonw_end_obj(&w);
	hf_jsonw_strz(&w, NULL, "x\"\\\n");
	hf_jsonw_end_arr(&w);
	hf_jsonw_bool(&w, "b", true);
	hf_jsonw_bool(&w, "c", false);
	hf_jsonw_strz(&w, "n", NULL);
	hf_jsonw_raw(&w, "r", HF_STR("[1]"));
	hf_jsonw_hex64(&w, "h", 0xab);
	hf_jsonw_str(&w, "e", (struct hf_str){ 0 });
	hf_jsonw_end_obj(&w);
	assert_false(w.full);
	buf[w.n] = 0;
	assert_string_equal(buf, "{\"a\":[1,{},\"x\\\"\\\\\\n\"],\"b\":true,\"c\":false,\"n\":null,\"r\":[1],"
			    "\"h\":\"00000000000000ab\",\"e\":\"\"}");
}

static void number_is(uint64_t v, bool neg, const char *want)
{
	char buf[64];
	struct hf_jsonw w;

	hf_jsonw_init(&w, buf, sizeof(buf));
	if (neg)
		hf_jsonw_i64(&w, NULL, (int64_t)v);
	else
		hf_jsonw_u64(&w, NULL, v);
	buf[w.n] = 0;
	assert_string_equal(buf, want);
}

static void test_numbers(void **state)
{
	number_is(0, false, "0");
	number_is(UINT64_C(9007199254740992), false, "9007199254740992");
	number_is(UINT64_C(9007199254740993), false, "\"9007199254740993\"");
	number_is(UINT64_MAX, false, "\"18446744073709551615\"");
	number_is((uint64_t)INT64_C(-13), true, "-13");
	number_is((uint64_t)INT64_MIN, true, "\"-9223372036854775808\"");
	number_is((uint64_t)INT64_MAX, true, "\"9223372036854775807\"");
}

/* Through the writer, cJSON and back: the same bytes. */
static void round_trip(const char *s, size_t n)
{
	size_t cap = n * 6 + 16, len;
	char *buf = malloc(cap + 1);
	struct hf_jsonw w;
	cJSON *j;

	hf_jsonw_init(&w, buf, cap);
	hf_jsonw_str(&w, NULL, (struct hf_str){ s, n });
	assert_false(w.full);
	for (size_t i = 0; i < w.n; i++)
		assert_true((unsigned char)buf[i] >= 0x20 && buf[i] != 0x7f);
	len = hf_json_prepare(buf, w.n);
	buf[len] = 0;
	j = cJSON_Parse(buf);
	assert_non_null(j);
	assert_true(cJSON_IsString(j));
	len = hf_json_unescape_bytes(j->valuestring, strlen(j->valuestring));
	assert_int_equal(len, n);
	assert_memory_equal(j->valuestring, s, n);
	cJSON_Delete(j);
	free(buf);
}

static void test_bytes_survive(void **state)
{
	static const struct hf_str t[] = {
		{ "", 0 }, HF_STR("/plain/path"), HF_STR("\0abstract\0name\0"), HF_STR("caf\xc3\xa9 \xf0\x9f\x98\x80"),
		HF_STR("\xff\xfe\x80"), HF_STR("\xed\xb2\x80"), HF_STR("\xed\xb3\xbf\xed\xb0\x80"), HF_STR("\xc0\x80\xe0\x80\x80\xf4\x90\x80\x80"),
		HF_STR("\\udc80"), HF_STR("\\\\udc80\\u0000"), HF_STR("\x1b[31m\x7f\xc2\x9b\r\t\b"), HF_STR("\xe2\x80\xae\xe2\x80\xa8\xef\xbb\xbf"),
		HF_STR("\xc3"), HF_STR("\xe2\x82"), HF_STR("\xf0\x9f\x98"), HF_STR("\"quoted\\"),
	};
	unsigned seed = 7;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		round_trip(t[i].p, t[i].n);
	for (unsigned i = 0; i < 20000; i++) {
		static const unsigned char mean[] = { 0, '\\', 'u', 'd', '"', 0x80, 0xed, 0xb2, 0xb0, 0xc3, 0xff, 0xf0, 0x9f, 'c', '8', '0' };
		char s[40];
		size_t n = (seed = seed * 1103515245 + 12345) >> 16 & 31;

		for (size_t k = 0; k < n; k++) {
			seed = seed * 1103515245 + 12345;
			s[k] = (char)(i & 1 ? mean[seed >> 16 & 15] : seed >> 16);
		}
		round_trip(s, n);
	}
}

static void test_escapes_are_what_python_reads(void **state)
{
	char buf[128];
	struct hf_jsonw w;

	hf_jsonw_init(&w, buf, sizeof(buf));
	hf_jsonw_str(&w, NULL, HF_STR("a\xff\xc3\xa9\x1b\xc2\x9b\xe2\x80\xae"));
	buf[w.n] = 0;
	assert_string_equal(buf, "\"a\\udcff\xc3\xa9\\u001b\\u009b\\u202e\"");
}

static void test_full(void **state)
{
	char want[256], buf[256];
	struct hf_jsonw w;
	size_t whole = 0;

	for (size_t cap = 200; cap != SIZE_MAX; cap--) {
		memset(buf, '#', sizeof(buf));
		hf_jsonw_init(&w, buf, cap);
		hf_jsonw_obj(&w, NULL);
		hf_jsonw_strz(&w, "key", "va\x01lue");
		hf_jsonw_u64(&w, "n", 12345678901234567890u);
		hf_jsonw_end_obj(&w);
		for (size_t i = cap; i < sizeof(buf); i++)
			assert_int_equal(buf[i], '#');
		if (cap == 200) {
			whole = w.n;
			memcpy(want, buf, whole);
		}
		assert_int_equal(w.full, cap < whole);
		assert_true(w.n <= cap);
		if (!w.full)
			assert_memory_equal(buf, want, whole);
	}
}

static void test_prepare_hostile(void **state)
{
	static const struct { const char *in, *out; } t[] = {
		{ "\\", "\\" }, { "\\u", "\\u" }, { "\\udc8", "\\udc8" }, { "\\ud83d\\udc80", "\\ud83d\\udc80" },
		{ "\\ud83d\\udc80\\udc80", "\\ud83d\\udc80\xed\xb2\x80" }, { "\\\\udc80", "\\\\udc80" }, { "\\uDCFF", "\xed\xb3\xbf" },
		{ "\\udc7f", "\\udc7f" }, { "\\u0000", "\xed\xb0\x80" }, { "\\uzzzz", "\\uzzzz" }, { "\\ud83d", "\\ud83d" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char *s = strdup(t[i].in);	/* exact size: a read past its end shows under ASan */
		size_t n = hf_json_prepare(s, strlen(s));

		assert_int_equal(n, strlen(t[i].out));
		assert_memory_equal(s, t[i].out, n);
		free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shape), cmocka_unit_test(test_numbers), cmocka_unit_test(test_bytes_survive),
		cmocka_unit_test(test_escapes_are_what_python_reads), cmocka_unit_test(test_full), cmocka_unit_test(test_prepare_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
