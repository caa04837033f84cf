/* SPDX-License-Identifier: Apache-2.0 */
/* Client side of the control socket: what the subcommands use. May wait, but never longer than it was told to. */
#include "ctl.h"
#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX (HF_CTL_OUT_MAX + 4096)
#define SESSIONS_MAX 4096

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int wait_for(int fd, short events, uint64_t until_ms)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = events };
		uint64_t now = now_ms();
		int r = now >= until_ms ? 0 : poll(&p, 1, (int)(until_ms - now));

		if (r > 0)
			return 0;
		if (r == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

static int connect_to(const char *path, uint64_t until_ms, int *ret_fd)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd, r;

	if (strlen(path) >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	strcpy(a.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	while (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		struct timespec rest = { 0, 20000000 };

		r = -errno;
		if (r == -EINTR)
			continue;
		/* EAGAIN: the backlog of a stuck engine is full; poll() can't wait for room in it. */
		if (r != -EAGAIN || now_ms() >= until_ms) {
			close(fd);
			return r == -EAGAIN ? -ETIMEDOUT : r;
		}
		nanosleep(&rest, NULL);
	}
	*ret_fd = fd;
	return 0;
}

static int send_all(int fd, const char *p, size_t n, uint64_t until_ms)
{
	while (n) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k >= 0) {
			p += k;
			n -= (size_t)k;
		} else if (errno == EPIPE || errno == ECONNRESET) {
			return 0;	/* closed on us: the reason may stand in what it sent before */
		} else if (errno == EAGAIN) {
			int r = wait_for(fd, POLLOUT, until_ms);

			if (r < 0)
				return r;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

static int errno_of(const char *code)
{
	for (int e = 1; e < 134; e++) {
		const char *name = strerrorname_np(e);

		if (name && strcmp(name, code) == 0)
			return e;
	}
	return EIO;
}

/* 1: no last line yet; else the result it stands for. Only the server's own last line begins like this. */
static int final_result(const char *line, char *err, size_t cap)
{
	const cJSON *error, *code;
	cJSON *o;
	int r;

	if (strncmp(line, "{\"ok\":", 6) != 0)
		return 1;
	o = cJSON_Parse(line);
	error = cJSON_GetObjectItemCaseSensitive(o, "error");
	code = cJSON_GetObjectItemCaseSensitive(o, "code");
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "ok"))) {
		r = 0;
	} else {
		r = cJSON_IsString(code) ? -errno_of(code->valuestring) : -EPROTO;
		hf_str_escape(hf_str_of(cJSON_IsString(error) ? error->valuestring : "malformed answer"), err, cap);
	}
	cJSON_Delete(o);
	return r;
}

struct answer {
	char *buf;
	size_t len, cap, seen;	/* seen: bytes handed out as lines already */
	int (*fn)(void *ctx, const char *line);
	void *ctx;
};

/* 1: more to come. */
static int give_lines(struct answer *a, char *err, size_t cap)
{
	char *nl;
	int r;

	while ((nl = memchr(a->buf + a->seen, '\n', a->len - a->seen))) {
		const char *line = a->buf + a->seen;

		*nl = 0;
		a->seen = (size_t)(nl + 1 - a->buf);
		r = final_result(line, err, cap);
		if (r <= 0)
			return r;
		r = a->fn ? a->fn(a->ctx, line) : 0;
		if (r != 0)
			return r;
	}
	a->len -= a->seen;
	memmove(a->buf, a->buf + a->seen, a->len);
	a->seen = 0;
	return 1;
}

static int read_answer(int fd, struct answer *a, uint64_t until_ms, char *err, size_t cap)
{
	for (;;) {
		ssize_t n;
		int r;

		if (a->len == a->cap) {
			size_t more = a->cap ? a->cap * 2 : 16384;
			char *grown = more > 2 * ANSWER_MAX ? NULL : realloc(a->buf, more);

			if (!grown)
				return -EMSGSIZE;
			a->buf = grown;
			a->cap = more;
		}
		n = recv(fd, a->buf + a->len, a->cap - a->len, 0);
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return -ECONNRESET;
		if (n < 0 && errno == EAGAIN) {
			r = wait_for(fd, POLLIN, until_ms);
			if (r < 0)
				return r;
			continue;
		}
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n < 0)
			continue;
		a->len += (size_t)n;
		r = give_lines(a, err, cap);
		if (r != 1)
			return r;
	}
}

int hf_ctl_call(const char *socket_path, const char *request_json, int timeout_ms,
		int (*fn)(void *ctx, const char *line), void *ctx, char *err, size_t err_cap)
{
	uint64_t until = now_ms() + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0);
	struct answer a = { .fn = fn, .ctx = ctx };
	int fd = -1, r;

	if (err_cap)
		err[0] = 0;
	r = connect_to(socket_path, until, &fd);
	if (r == 0)
		r = send_all(fd, request_json, strlen(request_json), until);
	if (r == 0)
		r = send_all(fd, "\n", 1, until);
	if (r == 0)
		r = read_answer(fd, &a, until, err, err_cap);
	if (r < 0 && err_cap && !err[0]) {
		if (r == -ETIMEDOUT)
			snprintf(err, err_cap, "the engine does not answer within %d ms", timeout_ms);
		else if (r == -ECONNRESET)
			snprintf(err, err_cap, "the engine closed the connection before it answered");
		else
			snprintf(err, err_cap, "%s: %s", socket_path, strerror(-r));
	}
	free(a.buf);
	if (fd >= 0)
		close(fd);
	return r;
}

static int session_of_name(const char *name, uint64_t *ret)
{
	uint64_t v = 0;

	for (int i = 0; i < 16; i++) {
		char c = name[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint64_t)(c - 'a' + 10);
		else
			return -EINVAL;
	}
	if (strcmp(name + 16, ".sock") != 0)
		return -EINVAL;
	*ret = v;
	return 0;
}

static int by_id(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* All session ids the directory names, sorted. */
static int list(const char *dir, uint64_t **ret, size_t *ret_n)
{
	uint64_t *ids, id;
	struct dirent *e;
	size_t n = 0;
	DIR *d = opendir(dir);

	if (!d && errno != ENOENT)
		return -errno;
	ids = calloc(SESSIONS_MAX, sizeof(*ids));
	if (!ids) {
		if (d)
			closedir(d);
		return -ENOMEM;
	}
	while (d && n < SESSIONS_MAX && (e = readdir(d)))
		if (session_of_name(e->d_name, &id) == 0)
			ids[n++] = id;
	if (d)
		closedir(d);
	qsort(ids, n, sizeof(*ids), by_id);
	*ret = ids;
	*ret_n = n;
	return 0;
}

int hf_ctl_each_at(const char *dir, int (*fn)(void *ctx, uint64_t session, const char *socket_path), void *ctx)
{
	uint64_t *ids;
	size_t n;
	int r = list(dir, &ids, &n);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n && r == 0; i++) {
		char path[512];
		int fd = -1;

		snprintf(path, sizeof(path), "%s/%016llx.sock", dir, (unsigned long long)ids[i]);
		/* An engine that is stuck (full backlog) is alive: only a refusal means that no one will ever accept. */
		r = connect_to(path, 0, &fd);
		if (fd >= 0)
			close(fd);
		if (r == -ECONNREFUSED)
			unlink(path);
		if (r == -ECONNREFUSED || r == -ENOENT) {
			r = 0;
			continue;
		}
		r = fn(ctx, ids[i], path);
	}
	free(ids);
	return r;
}

int hf_ctl_each(int (*fn)(void *ctx, uint64_t session, const char *socket_path), void *ctx)
{
	return hf_ctl_each_at(HF_CTL_DIR, fn, ctx);
}

size_t hf_ctl_hold_id_at(const char *dir, uint64_t session, uint32_t number, char *out, size_t cap)
{
	unsigned digits = 4;
	uint64_t *ids;
	size_t n;
	int len;

	if (list(dir, &ids, &n) == 0) {
		for (size_t i = 0; i < n; i++)
			while (ids[i] != session && digits < 16 && (ids[i] ^ session) >> (64 - 4 * digits) == 0)
				digits++;
		free(ids);
	}
	len = snprintf(out, cap, "%0*llx-%u", (int)digits, (unsigned long long)(session >> (64 - 4 * digits)), number);
	return len < 0 ? 0 : (size_t)len < cap ? (size_t)len : cap ? cap - 1 : 0;
}

size_t hf_ctl_hold_id(uint64_t session, uint32_t number, char *out, size_t cap)
{
	return hf_ctl_hold_id_at(HF_CTL_DIR, session, number, out, cap);
}
