// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "guard/doctor.h"

static void every_check_is_described(void **state)
{
	for (unsigned i = 0; i < HF_CHECKS; i++) {
		const struct hf_check_info *a = hf_check_info(i);

		assert_non_null(a->id);
		assert_non_null(a->title);
		assert_true(strlen(a->means) > 10 && strlen(a->cure) > 10);
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(a->id, hf_check_info(k)->id);
	}
}

/* Takes each check away: a base check must cost some guarantee, another must cost none. */
static void guarantees_follow_the_checks(void **state)
{
	struct hf_check c[HF_CHECKS];
	struct hf_guarantee g, full;

	for (unsigned gone = 0; gone <= HF_CHECKS; gone++) {
		unsigned lost = 0, rows = 0;

		memset(c, 0, sizeof(c));
		for (unsigned i = 0; i < HF_CHECKS; i++)
			c[i].ok = i != gone;
		for (unsigned i = 0; hf_doctor_guarantee(c, i, &g); i++, rows++) {
			assert_true(g.gives[0] != '\0');
			assert_int_equal(g.missing, g.ok ? 0 : 1u << gone);
			lost += !g.ok;
			for (unsigned k = 0; k < HF_CHECKS; k++)
				c[k].ok = true;
			assert_true(hf_doctor_guarantee(c, i, &full));
			assert_true(full.ok);
			if (!g.ok)
				assert_string_not_equal(full.gives, g.gives);
			for (unsigned k = 0; k < HF_CHECKS; k++)
				c[k].ok = k != gone;
		}
		assert_true(rows >= 8);
		if (gone < HF_CHECKS && (lost > 0) != hf_check_info(gone)->base)
			fail_msg("%s: %u guarantees", hf_check_info(gone)->id, lost);
		if (gone == HF_CHECKS)
			assert_int_equal(lost, 0);
	}
}

static void nothing_at_all(void **state)
{
	struct hf_check c[HF_CHECKS] = { 0 };
	struct hf_guarantee g;

	for (unsigned i = 0; hf_doctor_guarantee(c, i, &g); i++) {
		assert_false(g.ok);
		assert_true(strstr(g.gives, "held before") == NULL && strstr(g.gives, "stopped") == NULL);
	}
}

static void capabilities(void **state)
{
	char b[256], small[12];

	assert_int_equal(hf_doctor_missing_caps(~0ull, b, sizeof(b)), 0);
	assert_string_equal(b, "");
	assert_int_equal(hf_doctor_missing_caps(~(1ull << 21), b, sizeof(b)), 1);
	assert_string_equal(b, "CAP_SYS_ADMIN");
	assert_int_equal(hf_doctor_missing_caps(~(1ull << 39 | 1ull << 19), b, sizeof(b)), 2);
	assert_string_equal(b, "CAP_SYS_PTRACE CAP_BPF");
	assert_true(hf_doctor_missing_caps(0, small, sizeof(small)) >= 8);
	assert_int_equal(strlen(small), sizeof(small) - 1);
}

static unsigned leftovers(void)
{
	DIR *d = opendir("/tmp");
	struct dirent *e;
	unsigned n = 0;

	assert_non_null(d);
	while ((e = readdir(d)))
		n += strncmp(e->d_name, "hf-doctor-", 10) == 0;
	closedir(d);
	return n;
}

static unsigned descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void runs_and_cleans_up(void **state)
{
	unsigned files = leftovers(), fds, after;
	struct hf_check c[HF_CHECKS];
	struct timespec a, b;

	if (geteuid() != 0) {
		print_message("skipped: needs root\n");
		skip();
	}
	fds = descriptors();
	for (int round = 0; round < 2; round++) {
		clock_gettime(CLOCK_MONOTONIC, &a);
		hf_doctor_run(c);
		clock_gettime(CLOCK_MONOTONIC, &b);
		for (unsigned i = 0; i < HF_CHECKS; i++) {
			assert_true(c[i].detail[0] != '\0');
			if (!c[i].ok)
				print_message("%s: %s\n", hf_check_info(i)->id, c[i].detail);
		}
		print_message("%ld ms\n", (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000);
	}
	/* What root with cgroup2 and notify has on every kernel we build for. */
	assert_true(c[HF_CHECK_CAPS].ok && c[HF_CHECK_NOTIFY].ok && c[HF_CHECK_FLAGS].ok && c[HF_CHECK_IO_URING].ok);
	assert_true(c[HF_CHECK_GETFD].ok && c[HF_CHECK_VM_READ].ok);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_true(leftovers() <= files);
	after = descriptors();
	assert_int_equal(after, fds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_check_is_described), cmocka_unit_test(guarantees_follow_the_checks),
		cmocka_unit_test(nothing_at_all),	    cmocka_unit_test(capabilities),
		cmocka_unit_test(runs_and_cleans_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
