// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "engine/journal_file.h"

static const struct hf_stamp at = { 1763972629123456789u, 55000000000u };

static char *slurp(const char *path, size_t *ret_n)
{
	FILE *f = fopen(path, "re");
	char *p = malloc(8u << 20);

	assert_non_null(f);
	*ret_n = fread(p, 1, 8u << 20, f);
	fclose(f);
	return p;
}

/* Reads a whole journal; number of right lines, fails on a wrong one. counts gap lines' numbers. */
static unsigned read_all(const char *path, uint64_t *ret_gaps, char *ret_hash)
{
	struct hf_journal_reader *r = hf_journal_reader_new();
	size_t n;
	char *all = slurp(path, &n), *p = all, why[256];
	unsigned lines = 0;
	struct hf_line l;

	*ret_gaps = 0;
	while (n) {
		char *nl = memchr(p, '\n', n);

		assert_non_null(nl);
		if (hf_journal_read(r, (struct hf_str){ p, (size_t)(nl - p) }, &l, why, sizeof(why)))
			fail_msg("%s", why);
		if (l.type == HF_LINE_GAP)
			*ret_gaps += hf_line_u64(r, NULL, "count", 0);
		lines++;
		n -= (size_t)(nl + 1 - p);
		p = nl + 1;
	}
	if (ret_hash)
		strcpy(ret_hash, hf_journal_reader_hash(r));
	hf_journal_reader_free(&r);
	free(all);
	return lines;
}

static int note(struct hf_jfile *f, const char *text, bool now)
{
	struct hf_jsonw *w = hf_jfile_line(f, at);

	if (!w)
		return hf_jfile_error(f);
	return hf_jfile_put(f, hf_journal_line_note(hf_jfile_chain(f), w, at, "test", hf_str_of(text)), now);
}

static char *scratch(void)
{
	char *d = strdup("/tmp/hf-jfile-XXXXXX");

	assert_non_null(mkdtemp(d));
	return d;
}

static void test_default_path(void **state)
{
	char *d = scratch(), why[512] = "", dir[128], want[256];
	struct hf_jfile_options o = { .dir = dir, .name = "../../a b\x1b[m\n", .session = 0x7f3a, .wall_ns = at.wall_ns };
	struct hf_jfile *f = NULL;
	struct stat st;

	snprintf(dir, sizeof(dir), "%s/j", d);
	assert_int_equal(hf_jfile_open(&o, &f, why, sizeof(why)), 0);
	snprintf(want, sizeof(want), "%s/20251124-082349-.._.._a_b__m_-0000000000007f3a.jsonl", dir);
	assert_string_equal(hf_jfile_path(f), want);
	assert_int_equal(stat(want, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(hf_jfile_close(&f), 0);
	assert_null(f);
	/* the same again: never appended to */
	assert_int_equal(hf_jfile_open(&o, &f, why, sizeof(why)), -EEXIST);
	assert_null(f);
	assert_non_null(strstr(why, "never appended to"));
	unlink(want);
	/* a directory others may write in */
	chmod(dir, 0777);
	assert_int_equal(hf_jfile_open(&o, &f, why, sizeof(why)), -EPERM);
	/* a symlink waiting under the name */
	o.path = want;
	assert_int_equal(symlink("/tmp/hf-jfile-nowhere", want), 0);
	assert_int_equal(hf_jfile_open(&o, &f, why, sizeof(why)), -EEXIST);
	assert_int_equal(access("/tmp/hf-jfile-nowhere", F_OK), -1);
	unlink(want);
	rmdir(dir);
	rmdir(d);
	free(d);
}

static void test_buffered_until_it_matters(void **state)
{
	char *d = scratch(), path[128], why[512], hash[65];
	struct hf_jfile_options o = { .path = path };
	struct hf_jfile_stats s;
	struct hf_jfile *f;
	struct stat st;
	uint64_t gaps;

	snprintf(path, sizeof(path), "%s/x.jsonl", d);
	assert_int_equal(hf_jfile_open(&o, &f, why, sizeof(why)), 0);
	assert_int_equal(note(f, "a", false), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(note(f, "b", true), 0);
	assert_int_equal(read_all(path, &gaps, hash), 2);
	assert_string_equal(hash, hf_jfile_hash(f));
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(note(f, "c", false), 0);
	hf_jfile_stats(f, &s);
	assert_int_equal(s.lines, 1002);
	assert_true(s.pending_len < HF_JFILE_FLUSH_LEN);
	assert_true(s.bytes > 100000);
	assert_int_equal(hf_jfile_close(&f), 0);
	assert_int_equal(read_all(path, &gaps, NULL), 1002);
	assert_int_equal(gaps, 0);
	unlink(path);
	rmdir(d);
	free(d);
}

/* The disk is full for a while: nothing is lost up to the bound, what is lost is counted, the chain stays whole. */
static void full_for(unsigned lines_while_full, size_t pending_max, bool want_drops)
{
	struct rlimit old, small;
	char *d = scratch(), path[128], why[512], text[512];
	struct hf_jfile_options o = { .path = path, .pending_max = pending_max };
	struct hf_jfile_stats s;
	struct hf_jfile *f;
	unsigned refused = 0;
	uint64_t gaps;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	snprintf(path, sizeof(path), "%s/x.jsonl", d);
	assert_int_equal(hf_jfile_open(&o, &f, why, sizeof(why)), 0);
	assert_int_equal(note(f, text, true), 0);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 1000;	/* in the middle of the second line: a short write, then EFBIG */
	setrlimit(RLIMIT_FSIZE, &small);
	for (unsigned i = 0; i < lines_while_full; i++)
		refused += note(f, text, i == 0) != 0;
	assert_true(refused > 0);
	assert_true(hf_jfile_error(f) < 0);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(note(f, "after", true), 0);
	assert_int_equal(hf_jfile_error(f), 0);
	hf_jfile_stats(f, &s);
	assert_true(s.failed_writes > 0);
	assert_int_equal(s.dropped > 0, want_drops);
	assert_int_equal(s.pending_len, 0);
	assert_int_equal(read_all(path, &gaps, NULL), s.lines);
	assert_int_equal(gaps, s.dropped);
	assert_int_equal(s.lines - (want_drops ? 1 : 0) + s.dropped, lines_while_full + 2);
	assert_int_equal(hf_jfile_close(&f), 0);
	unlink(path);
	rmdir(d);
	free(d);
}

static void test_disk_full(void **state)
{
	full_for(100, 0, false);
	full_for(1000, 64 * 1024, true);
	full_for(3, 1, true);
}

static void test_line_that_does_not_fit_is_counted(void **state)
{
	char *d = scratch(), path[128], why[512];
	struct hf_jfile_options o = { .path = path };
	struct hf_jsonw *w;
	struct hf_jfile *f;
	uint64_t gaps;

	snprintf(path, sizeof(path), "%s/x.jsonl", d);
	assert_int_equal(hf_jfile_open(&o, &f, why, sizeof(why)), 0);
	assert_int_equal(note(f, "a", false), 0);
	w = hf_jfile_line(f, at);
	w->full = true;
	assert_int_equal(hf_jfile_put(f, hf_journal_line_note(hf_jfile_chain(f), w, at, "k", HF_STR("t")), true), -ENOBUFS);
	assert_int_equal(note(f, "b", true), 0);
	assert_int_equal(read_all(path, &gaps, NULL), 3);
	assert_int_equal(gaps, 1);
	assert_int_equal(hf_jfile_close(&f), 0);
	unlink(path);
	rmdir(d);
	free(d);
}

static void test_close_tells_of_loss(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct hf_jfile *f = hf_jfile_from_fd(fd, "/dev/full", 0);

	assert_int_equal(note(f, "a", false), 0);
	assert_int_equal(note(f, "b", true), -ENOSPC);
	assert_int_equal(hf_jfile_close(&f), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default_path), cmocka_unit_test(test_buffered_until_it_matters), cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_line_that_does_not_fit_is_counted), cmocka_unit_test(test_close_tells_of_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
