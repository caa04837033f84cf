// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "engine/journal_file.h"

#define NAME_LEN_MAX 48

struct hf_jfile {
	int fd;
	char *path;
	char *buf;			/* pending bytes; lines are built behind them */
	size_t cap, n, pending_max, try_at;
	struct hf_chain chain;
	struct hf_jsonw w;
	int error;			/* of the last write, while bytes are pending */
	uint64_t lines, bytes, dropped, dropped_unsaid, failed_writes;
};

struct hf_jfile *hf_jfile_from_fd(int fd, const char *path, size_t pending_max)
{
	struct hf_jfile *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->pending_max = pending_max ? pending_max : HF_JFILE_PENDING_MAX;
	f->cap = f->pending_max + HF_LINE_MAX;
	f->buf = malloc(f->cap);	/* untouched pages cost nothing */
	f->path = strdup(path);
	if (!f->buf || !f->path) {
		free(f->buf);
		free(f->path);
		free(f);
		return NULL;
	}
	f->fd = fd;
	f->try_at = HF_JFILE_FLUSH_LEN;
	hf_chain_init(&f->chain);
	return f;
}

static int fail(int err, char *why, size_t cap, const char *what, const char *path)
{
	char safe[1024];

	hf_str_escape(hf_str_of(path), safe, sizeof(safe));
	snprintf(why, cap, "%s %s: %s", what, safe, strerror(err));
	return -err;
}

/* Whoever may write in the directory could replace a journal by another: only its owner, and that is us, may. */
static int dir_ready(const char *dir, char *why, size_t cap)
{
	struct stat st;
	int fd;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return fail(errno, why, cap, "cannot make", dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(errno, why, cap, "cannot open", dir);
	if (fstat(fd, &st) < 0) {
		int err = errno;

		close(fd);
		return fail(err, why, cap, "cannot look at", dir);
	}
	close(fd);
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return fail(EPERM, why, cap, "not a safe place for journals (not ours, or others may write there):", dir);
	return 0;
}

static void default_name(const struct hf_jfile_options *o, char *out, size_t cap)
{
	const char *name = o->name && *o->name ? o->name : "session";
	char safe[NAME_LEN_MAX + 1], when[32];
	time_t s = (time_t)(o->wall_ns / 1000000000u);
	struct tm tm;
	size_t n = 0;

	for (; name[n] && n < NAME_LEN_MAX; n++) {
		char c = name[n];
		bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';

		safe[n] = fine ? c : '_';
	}
	safe[n] = 0;
	gmtime_r(&s, &tm);
	strftime(when, sizeof(when), "%Y%m%d-%H%M%S", &tm);
	snprintf(out, cap, "%s/%s-%s-%016llx.jsonl", o->dir ? o->dir : HF_JOURNAL_DIR, when, safe, (unsigned long long)o->session);
}

static int absolute(const char *path, char *out, size_t cap)
{
	size_t n = 0;

	if (*path != '/') {
		if (!getcwd(out, cap))
			return -errno;
		n = strlen(out);
		if (n + 1 >= cap)
			return -ENAMETOOLONG;
		out[n++] = '/';
	}
	return (size_t)snprintf(out + n, cap - n, "%s", path) < cap - n ? 0 : -ENAMETOOLONG;
}

int hf_jfile_open(const struct hf_jfile_options *o, struct hf_jfile **ret, char *why, size_t why_cap)
{
	char made[4096], path[8192];
	struct hf_jfile *f;
	int fd, r;

	if (!o->path) {
		r = dir_ready(o->dir ? o->dir : HF_JOURNAL_DIR, why, why_cap);
		if (r < 0)
			return r;
		default_name(o, made, sizeof(made));
	}
	r = absolute(o->path ? o->path : made, path, sizeof(path));
	if (r < 0)
		return fail(-r, why, why_cap, "journal", o->path ? o->path : made);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail(errno, why, why_cap, errno == EEXIST ? "a journal is never appended to or replaced:" : "cannot create the journal", path);
	f = hf_jfile_from_fd(fd, path, o->pending_max);
	if (!f) {
		close(fd);
		unlink(path);
		return fail(ENOMEM, why, why_cap, "journal", path);
	}
	*ret = f;
	return 0;
}

const char *hf_jfile_path(const struct hf_jfile *f)
{
	return f->path;
}

struct hf_chain *hf_jfile_chain(struct hf_jfile *f)
{
	return &f->chain;
}

const char *hf_jfile_hash(const struct hf_jfile *f)
{
	return f->chain.prev;
}

int hf_jfile_flush(struct hf_jfile *f)
{
	const struct timespec none = { 0 };
	sigset_t xfsz, old;
	size_t done = 0;
	int err = 0;

	/* A file size limit (ulimit -f) sends SIGXFSZ, which would kill the engine: here it is an error like a full disk. */
	sigemptyset(&xfsz);
	sigaddset(&xfsz, SIGXFSZ);
	pthread_sigmask(SIG_BLOCK, &xfsz, &old);
	while (done < f->n && !err) {
		ssize_t r = write(f->fd, f->buf + done, f->n - done);

		if (r > 0)
			done += (size_t)r;
		else if (r == 0 || errno != EINTR)
			err = r == 0 ? EIO : errno;
	}
	if (err == EFBIG && !sigismember(&old, SIGXFSZ))
		sigtimedwait(&xfsz, NULL, &none);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	f->bytes += done;
	f->n -= done;
	if (done && f->n)
		memmove(f->buf, f->buf + done, f->n);
	f->error = -err;
	f->failed_writes += err != 0;
	f->try_at = f->n + HF_JFILE_FLUSH_LEN;
	return -err;
}

static void drop(struct hf_jfile *f)
{
	f->dropped++;
	f->dropped_unsaid++;
}

static void take(struct hf_jfile *f)
{
	f->n += f->w.n;
	f->lines++;
}

struct hf_jsonw *hf_jfile_line(struct hf_jfile *f, struct hf_stamp at)
{
	if (f->n > f->pending_max)
		hf_jfile_flush(f);
	if (f->n > f->pending_max) {
		drop(f);
		return NULL;
	}
	if (f->dropped_unsaid) {
		hf_jsonw_init(&f->w, f->buf + f->n, f->cap - f->n);
		if (hf_journal_line_gap(&f->chain, &f->w, at, "journal", f->dropped_unsaid) == 0) {
			take(f);
			f->dropped_unsaid = 0;
		}
		if (f->n > f->pending_max && hf_jfile_flush(f) < 0 && f->n > f->pending_max) {
			drop(f);
			return NULL;
		}
	}
	hf_jsonw_init(&f->w, f->buf + f->n, f->cap - f->n);
	return &f->w;
}

int hf_jfile_put(struct hf_jfile *f, int built, bool now)
{
	if (built < 0)
		drop(f);
	else
		take(f);
	f->w = (struct hf_jsonw){ 0 };
	if (now || f->n >= f->try_at)
		hf_jfile_flush(f);
	return hf_jfile_error(f);
}

int hf_jfile_error(const struct hf_jfile *f)
{
	return f->error ? f->error : f->dropped_unsaid ? -ENOBUFS : 0;
}

void hf_jfile_stats(const struct hf_jfile *f, struct hf_jfile_stats *ret)
{
	*ret = (struct hf_jfile_stats){ .lines = f->lines, .bytes = f->bytes, .dropped = f->dropped, .failed_writes = f->failed_writes,
					.pending_len = f->n };
}

int hf_jfile_close(struct hf_jfile **pf)
{
	struct hf_jfile *f = *pf;
	int r;

	if (!f)
		return 0;
	hf_jfile_flush(f);
	r = hf_jfile_error(f);
	if (fsync(f->fd) < 0 && r == 0 && errno != EINVAL && errno != EROFS)	/* those two: a pipe or the like */
		r = -errno;
	if (close(f->fd) < 0 && r == 0)
		r = -errno;
	free(f->buf);
	free(f->path);
	free(f);
	*pf = NULL;
	return r;
}
