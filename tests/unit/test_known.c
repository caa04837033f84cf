/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "known.h"

static struct hf_known k;

static int clear(void **state)
{
	(void)state;
	hf_known_clear(&k);
	return 0;
}

static void finds_what_was_put(void **state)
{
	const struct hf_known_ids *i;

	(void)state;
	assert_null(hf_known_find(&k, 100));
	hf_known_put(&k, 101, 100, 5000, 1000);
	i = hf_known_find(&k, 101);
	assert_non_null(i);
	assert_int_equal(i->tgid, 100);
	assert_int_equal(i->start_ns, 5000);
	assert_int_equal(i->uid, 1000);
	assert_null(hf_known_find(&k, 100));
	assert_null(hf_known_find(&k, 0));	/* a free slot is nobody */
}

static void a_reused_number_is_the_new_process(void **state)
{
	(void)state;
	hf_known_put(&k, 101, 100, 5000, 0);
	hf_known_put(&k, 101, 101, 9000, 0);
	assert_int_equal(hf_known_find(&k, 101)->tgid, 101);
	assert_int_equal(hf_known_find(&k, 101)->start_ns, 9000);
}

static void two_numbers_of_one_slot_are_never_mixed_up(void **state)
{
	const uint32_t a = 101, b = 101 + HF_KNOWN_SLOTS;

	(void)state;
	hf_known_put(&k, a, 1, 1, 1);
	assert_null(hf_known_find(&k, b));
	hf_known_drop(&k, b);
	assert_non_null(hf_known_find(&k, a));
	hf_known_put(&k, b, 2, 2, 2);
	assert_null(hf_known_find(&k, a));
	assert_int_equal(hf_known_find(&k, b)->tgid, 2);
}

static void forgets(void **state)
{
	(void)state;
	hf_known_put(&k, 101, 100, 5000, 0);
	hf_known_put(&k, 102, 100, 5000, 0);
	hf_known_drop(&k, 101);
	assert_null(hf_known_find(&k, 101));
	assert_non_null(hf_known_find(&k, 102));
	hf_known_clear(&k);
	assert_null(hf_known_find(&k, 102));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(finds_what_was_put, clear),
		cmocka_unit_test_setup(a_reused_number_is_the_new_process, clear),
		cmocka_unit_test_setup(two_numbers_of_one_slot_are_never_mixed_up, clear),
		cmocka_unit_test_setup(forgets, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
