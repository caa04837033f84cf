/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "sigma_fixture.h"
#include "verdict.h"

static void test_names(void **state)
{
	for (int i = HF_ALLOW; i <= HF_KILL; i++) {
		enum hf_verdict v = HF_ALLOW;

		assert_int_equal(hf_verdict_parse(hf_verdict_name((enum hf_verdict)i), &v), 0);
		assert_int_equal(v, i);
	}
	assert_true(HF_ALLOW < HF_NOTE && HF_NOTE < HF_HOLD && HF_HOLD < HF_DENY && HF_DENY < HF_KILL);
	assert_string_equal(hf_verdict_name((enum hf_verdict)99), "?");
}

static void test_unknown(void **state)
{
	static const char bad[][8] = { "", "Hold", "hold ", "stop" };
	enum hf_verdict v = HF_KILL;

	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(hf_verdict_parse(bad[i], &v), -EINVAL);
	assert_int_equal(hf_verdict_parse(NULL, &v), -EINVAL);
	assert_int_equal(v, HF_KILL);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_names), cmocka_unit_test(test_unknown) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
