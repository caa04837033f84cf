// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cjson/cJSON.h>
#include "engine/ctl.h"
#include "engine/journal_open.h"

#define READ_LEN (256u * 1024)
#define LINE_HELD_MAX (4u * 1024 * 1024)	/* a longer line is no line of a journal */
#define CTL_WAIT_MS 2000
#define ID_LEN 16u
#define TAIL_LEN (1 + ID_LEN + 6)		/* -<id>.jsonl */

static int fail(int err, char *why, size_t cap, const char *what, const char *path)
{
	char safe[1024];

	hf_str_escape(hf_str_of(path), safe, sizeof(safe));
	snprintf(why, cap, "%s %s: %s", what, safe, strerror(err));
	return -err;
}

/* Hands over the whole lines in buf; *used: bytes they took. */
static int lines(struct hf_journal_reader *r, const char *buf, size_t n, size_t *used, hf_jopen_fn fn, void *ctx)
{
	const char *nl;
	int rc = 0;

	*used = 0;
	while (rc == 0 && (nl = memchr(buf + *used, '\n', n - *used))) {
		struct hf_str line = { buf + *used, (size_t)(nl - buf) - *used };
		char why[320] = "";
		struct hf_line l;
		int read_rc = hf_journal_read(r, line, &l, why, sizeof(why));

		if (read_rc == -ENOMEM)
			return read_rc;
		*used += line.n + 1;
		rc = fn(ctx, r, line, read_rc, read_rc ? NULL : &l, why);
	}
	return rc;
}

static int each(int fd, struct hf_journal_reader *r, hf_jopen_fn fn, void *ctx, bool *ret_cut, const char *path, char *why, size_t why_cap)
{
	size_t cap = READ_LEN, n = 0, used;
	char *buf = malloc(cap), *more;
	ssize_t got = 1;
	int rc = 0;

	while (buf && rc == 0 && got) {
		if (n == cap) {
			if (cap >= LINE_HELD_MAX) {
				rc = fail(EFBIG, why, why_cap, "a line without an end in", path);
				break;
			}
			more = realloc(buf, cap * 2);
			if (!more) {
				rc = fail(ENOMEM, why, why_cap, "cannot read", path);
				break;
			}
			buf = more;
			cap *= 2;
		}
		got = read(fd, buf + n, cap - n);
		if (got < 0 && errno != EINTR) {
			rc = fail(errno, why, why_cap, "cannot read", path);
		} else if (got > 0) {
			n += (size_t)got;
			rc = lines(r, buf, n, &used, fn, ctx);
			n -= used;
			memmove(buf, buf + used, n);
			if (rc == -ENOMEM)
				fail(ENOMEM, why, why_cap, "cannot read", path);
		}
	}
	*ret_cut = n > 0;
	if (!buf)
		rc = fail(ENOMEM, why, why_cap, "cannot read", path);
	free(buf);
	return rc;
}

int hf_jopen_each(const char *path, hf_jopen_fn fn, void *ctx, struct hf_jopen_result *ret, char *why, size_t why_cap)
{
	struct hf_journal_reader *r;
	bool std = strcmp(path, "-") == 0;
	int fd, rc;

	fd = std ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(errno, why, why_cap, "cannot open", path);
	r = hf_journal_reader_new();
	rc = r ? each(fd, r, fn, ctx, &ret->cut, path, why, why_cap) : fail(ENOMEM, why, why_cap, "cannot read", path);
	if (r) {
		ret->lines = hf_journal_reader_lines(r);
		ret->ended = hf_journal_reader_ended(r);
		memcpy(ret->hash, hf_journal_reader_hash(r), sizeof(ret->hash));
	}
	hf_journal_reader_free(&r);
	if (!std)
		close(fd);
	return rc;
}

/* --- by session ------------------------------------------------------------------------------- */

struct search {
	const char *what;
	char *out;
	size_t cap;
	unsigned found;
	char others[600];		/* what was found, for the message when it is not one */
};

static void take(struct search *s, const char *path)
{
	char safe[300];
	size_t n = strlen(s->others);

	if (s->found && strcmp(s->out, path) == 0)
		return;
	s->found++;
	if (s->found == 1)
		snprintf(s->out, s->cap, "%s", path);
	hf_str_escape(hf_str_of(path), safe, sizeof(safe));
	if (n + strlen(safe) + 3 < sizeof(s->others))
		snprintf(s->others + n, sizeof(s->others) - n, "%s%s", n ? ", " : "", safe);
}

static bool is_id_start(const char *id, const char *what)
{
	size_t n = strlen(what);

	return n >= 4 && n <= ID_LEN && strncasecmp(id, what, n) == 0;
}

static int on_status(void *ctx, const char *line)
{
	struct search *s = ctx;
	cJSON *j = cJSON_Parse(line);
	const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(j, "id"));
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(j, "name"));
	const char *path = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(j, "journal"));

	if (path && ((id && is_id_start(id, s->what)) || (name && strcmp(name, s->what) == 0)))
		take(s, path);
	cJSON_Delete(j);
	return 0;
}

static int on_engine(void *ctx, uint64_t session, const char *socket_path)
{
	char err[256];

	hf_ctl_call(socket_path, "{\"cmd\":\"status\"}", CTL_WAIT_MS, on_status, ctx, err, sizeof(err));	/* one that does not answer is searched for on disk */
	return 0;
}

/* <YYYYMMDD-HHMMSS>-<name>-<16 hex>.jsonl: does the id or the name fit? */
static bool file_fits(const char *file, const char *what)
{
	size_t n = strlen(file), wn = strlen(what), head = 16;

	if (n < head + TAIL_LEN || strcmp(file + n - 6, ".jsonl") != 0 || file[n - TAIL_LEN] != '-')
		return false;
	if (is_id_start(file + n - TAIL_LEN + 1, what))
		return true;
	return n - TAIL_LEN - head == wn && memcmp(file + head, what, wn) == 0;
}

int hf_jopen_find(const char *what, const char *dir, char *out, size_t cap, char *why, size_t why_cap)
{
	struct search s = { .what = what, .out = out, .cap = cap };
	bool elsewhere = dir != NULL;
	struct dirent *e;
	DIR *d;

	if (strchr(what, '/') || strcmp(what, "-") == 0 || access(what, F_OK) == 0)
		return (size_t)snprintf(out, cap, "%s", what) < cap ? 0 : fail(ENAMETOOLONG, why, why_cap, "journal", what);
	if (!elsewhere)
		hf_ctl_each(on_engine, &s);
	dir = dir ? dir : HF_JOURNAL_DIR;
	d = opendir(dir);
	if (!d && !s.found)
		return fail(errno, why, why_cap, errno == EACCES ? "only root may look for sessions in" : "cannot look for sessions in", dir);
	while (d && (e = readdir(d))) {
		char path[4096 + 256];

		if (!file_fits(e->d_name, what))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		take(&s, path);
	}
	if (d)
		closedir(d);
	if (s.found > 1) {
		snprintf(why, why_cap, "several journals fit, name one: %s%s", s.others, s.found > 3 ? ", ..." : "");
		return -ENOTUNIQ;
	}
	return s.found ? 0 : fail(ENOENT, why, why_cap, "no session has this id or name, nor is it a file:", what);
}
