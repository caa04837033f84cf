/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server side of the control socket. The engine's loop calls hf_ctl_step() while guards may be waiting, so one step does
 * little: at most one request a client, and nothing here waits for a peer.
 */
#include "ctl.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#define FINAL_MAX 1024		/* bytes kept free for the last line of an answer */
#define ACCEPT_RETRY_MS 1000

enum { TAG_LISTEN = 1000, TAG_TIMER };

struct client {
	int fd;			/* -1: free slot */
	struct hf_ctl_peer peer;
	uint64_t deadline_ms;
	uint32_t events;
	char in[HF_CONTROL_MAX + 1];
	size_t in_len;
	char *out;
	size_t out_len, out_off, out_cap;
	bool closing;		/* once everything is written */
};

struct hf_ctl {
	int ep, sock, timer;
	hf_ctl_handler fn;
	void *ctx;
	struct client client[HF_CTL_CLIENTS];
	struct client *cur;	/* whose request the handler answers now */
	int cur_err;		/* why its answer can't be whole */
	unsigned idle_ms;
	uint64_t accept_again_ms; /* != 0: accept() lacked descriptors or memory; until then it is not tried */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void client_close(struct client *cl)
{
	if (cl->fd >= 0)
		close(cl->fd);
	if (cl->peer.pidfd >= 0)
		close(cl->peer.pidfd);
	free(cl->out);
	cl->fd = cl->peer.pidfd = -1;
	cl->out = NULL;
	cl->in_len = cl->out_len = cl->out_off = cl->out_cap = 0;
	cl->closing = false;
}

static int out_append(struct client *cl, const char *p, size_t n)
{
	size_t cap = cl->out_cap ? cl->out_cap : 4096;
	char *grown;

	while (cap < cl->out_len + n)
		cap *= 2;
	if (cap != cl->out_cap) {
		grown = realloc(cl->out, cap);
		if (!grown)
			return -ENOMEM;
		cl->out = grown;
		cl->out_cap = cap;
	}
	memcpy(cl->out + cl->out_len, p, n);
	cl->out_len += n;
	return 0;
}

void hf_ctl_line(struct hf_ctl *c, struct hf_str json)
{
	struct client *cl = c->cur;
	size_t at;

	if (!cl || c->cur_err)
		return;
	if (json.n > HF_CTL_OUT_MAX || cl->out_len + json.n + 1 > HF_CTL_OUT_MAX - FINAL_MAX) {
		c->cur_err = -EMSGSIZE;
		return;
	}
	at = cl->out_len;
	if (out_append(cl, json.p, json.n) < 0 || out_append(cl, "\n", 1) < 0) {
		c->cur_err = -ENOMEM;
		return;
	}
	/* Newlines inside JSON strings are always escaped; a raw one would be taken for the end of the line. */
	for (char *p = cl->out + at; (p = memchr(p, '\n', (size_t)(cl->out + at + json.n - p))); )
		*p = ' ';
}

static size_t final_line(char *buf, size_t cap, int r, const char *err)
{
	struct hf_jsonw w;
	const char *code;
	char text[FINAL_MAX / 2];	/* escaped: the client must be able to parse it, whatever a handler quoted */

	hf_jsonw_init(&w, buf, cap - 1);
	hf_jsonw_obj(&w, NULL);
	hf_jsonw_bool(&w, "ok", r == 0);
	if (r < 0) {
		code = strerrorname_np(-r);
		hf_str_escape(hf_str_of(err), text, sizeof(text));
		hf_jsonw_strz(&w, "error", text);
		hf_jsonw_strz(&w, "code", code ? code : "EIO");
	}
	hf_jsonw_end_obj(&w);
	if (w.full)
		w.n = (size_t)snprintf(buf, cap - 1, "{\"ok\":false,\"error\":\"refused\",\"code\":\"EIO\"}");
	buf[w.n++] = '\n';
	return w.n;
}

/* One line to a socket we are about to close; if it can't take it, the close alone has to say it. */
static void refuse(int fd, int r, const char *err)
{
	char buf[FINAL_MAX];
	size_t n = final_line(buf, sizeof(buf), r, err);

	if (send(fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
}

static void answer_end(struct client *cl, int r, const char *err)
{
	char buf[FINAL_MAX];
	size_t n = final_line(buf, sizeof(buf), r, err);

	if (out_append(cl, buf, n) < 0)
		cl->closing = true;
}

bool hf_ctl_peer_alive(const struct hf_ctl_peer *peer)
{
	struct pollfd p = { .fd = peer->pidfd, .events = POLLIN };

	return peer->pidfd >= 0 && poll(&p, 1, 0) == 0;
}

static void handle_line(struct hf_ctl *c, struct client *cl, size_t len)
{
	char err[400] = "";
	struct hf_control req;
	size_t start = cl->out_len;
	int r = hf_control_parse((struct hf_str){ cl->in, len }, &req, err, sizeof(err));

	if (r < 0) {
		cl->closing = true;
	} else if (req.cmd != HF_CTL_STATUS && req.cmd != HF_CTL_HOLDS && !hf_ctl_peer_alive(&cl->peer)) {
		/* Else a watched process could ask through a child that is gone before its membership is looked up. */
		r = -EPERM;
		snprintf(err, sizeof(err), "the process that asked is gone, so it can't be told whether it is watched");
	} else {
		c->cur = cl;
		c->cur_err = 0;
		r = c->fn(c->ctx, c, &cl->peer, &req, err, sizeof(err));
		c->cur = NULL;
		if (c->cur_err) {
			r = c->cur_err;
			snprintf(err, sizeof(err), r == -EMSGSIZE ? "answer longer than %u bytes" : "out of memory",
				 HF_CTL_OUT_MAX);
			cl->out_len = start;
		}
		if (r < 0 && !err[0])
			snprintf(err, sizeof(err), "%s", strerror(-r));
	}
	answer_end(cl, r, err);
	cl->deadline_ms = now_ms() + c->idle_ms;
}

/* 0: all written or the socket is full for now; -errno: close it. */
static int client_flush(struct hf_ctl *c, struct client *cl)
{
	while (cl->out_off < cl->out_len) {
		ssize_t n = send(cl->fd, cl->out + cl->out_off, cl->out_len - cl->out_off, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		cl->out_off += (size_t)n;
		cl->deadline_ms = now_ms() + c->idle_ms;
	}
	free(cl->out);
	cl->out = NULL;
	cl->out_len = cl->out_off = cl->out_cap = 0;
	return cl->closing ? -ESHUTDOWN : 0;
}

static const char *line_end(const struct client *cl)
{
	return memchr(cl->in, '\n', cl->in_len);
}

static int client_read(struct client *cl)
{
	ssize_t n = recv(cl->fd, cl->in + cl->in_len, sizeof(cl->in) - cl->in_len, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -ENOTCONN;
	cl->in_len += (size_t)n;
	return 0;
}

static int client_work(struct hf_ctl *c, struct client *cl)
{
	const char *nl;
	int r = client_flush(c, cl);

	if (r < 0 || cl->out_len)
		return r;	/* a client that does not read its answer is not asked for more */
	if (!line_end(cl)) {
		r = client_read(cl);
		if (r < 0)
			return r;
	}
	nl = line_end(cl);
	if (nl) {
		size_t len = (size_t)(nl - cl->in);

		handle_line(c, cl, len);
		cl->in_len -= len + 1;
		memmove(cl->in, nl + 1, cl->in_len);
	} else if (cl->in_len == sizeof(cl->in)) {
		cl->closing = true;
		answer_end(cl, -EMSGSIZE, "request longer than 4096 bytes");
	}
	return client_flush(c, cl);
}

static void client_step(struct hf_ctl *c, struct client *cl)
{
	struct epoll_event ev = { .data.u32 = (uint32_t)(cl - c->client) };

	if (cl->fd < 0)
		return;
	if (client_work(c, cl) < 0) {
		client_close(cl);
		return;
	}
	/* A request that waits in our buffer makes no EPOLLIN: writability brings us back for it at once. */
	ev.events = cl->out_len || line_end(cl) ? EPOLLOUT : EPOLLIN;
	if (ev.events != cl->events) {
		if (epoll_ctl(c->ep, EPOLL_CTL_MOD, cl->fd, &ev) < 0)
			client_close(cl);
		cl->events = ev.events;
	}
}

static int peer_pidfd(int fd, pid_t pid)
{
	int pidfd = -1;
	socklen_t len = sizeof(pidfd);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) == 0 && pidfd >= 0)
		return pidfd;
	/* Before 6.5: the pid could have been reused since connect(). Whoever took it over is then judged instead, and a
	 * request can pass as theirs; that needs a full turn of the pid space between connect() and accept(). */
	return pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
}

static void accept_one(struct hf_ctl *c, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct ucred cred;
	socklen_t len = sizeof(cred);
	unsigned i = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || (cred.uid != 0 && cred.uid != geteuid())) {
		refuse(fd, -EPERM, "only root may control Holdfast");
		close(fd);
		return;
	}
	while (i < HF_CTL_CLIENTS && c->client[i].fd >= 0)
		i++;
	if (i == HF_CTL_CLIENTS) {
		refuse(fd, -EBUSY, "too many clients of this session's control socket at once; try again");
		close(fd);
		return;
	}
	ev.data.u32 = i;
	if (epoll_ctl(c->ep, EPOLL_CTL_ADD, fd, &ev) < 0) {
		close(fd);
		return;
	}
	c->client[i].fd = fd;
	c->client[i].events = EPOLLIN;
	c->client[i].deadline_ms = now_ms() + c->idle_ms;
	c->client[i].peer = (struct hf_ctl_peer){ cred.pid, cred.uid, peer_pidfd(fd, cred.pid) };
}

static void listen_events(struct hf_ctl *c, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.u32 = TAG_LISTEN };

	if (epoll_ctl(c->ep, EPOLL_CTL_MOD, c->sock, &ev) == 0)
		c->accept_again_ms = events ? 0 : now_ms() + ACCEPT_RETRY_MS;
}

static void accept_some(struct hf_ctl *c)
{
	for (unsigned i = 0; i < HF_CTL_CLIENTS; i++) {
		int fd = accept4(c->sock, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0)
			accept_one(c, fd);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
			/* The connection stays in the queue and the socket readable: without a rest we would spin. */
			listen_events(c, 0);
			return;
		} else if (errno != EINTR && errno != ECONNABORTED)
			return;
	}
}

static void expire(struct hf_ctl *c, uint64_t now)
{
	for (unsigned i = 0; i < HF_CTL_CLIENTS; i++) {
		struct client *cl = &c->client[i];

		if (cl->fd < 0 || cl->deadline_ms > now)
			continue;
		if (!cl->out_len)
			refuse(cl->fd, -ETIMEDOUT, "no whole request in time");
		client_close(cl);
	}
	if (c->accept_again_ms && c->accept_again_ms <= now)
		listen_events(c, EPOLLIN);
}

static void arm(struct hf_ctl *c)
{
	uint64_t next = c->accept_again_ms ? c->accept_again_ms : UINT64_MAX;
	struct itimerspec t = { 0 };

	for (unsigned i = 0; i < HF_CTL_CLIENTS; i++)
		if (c->client[i].fd >= 0 && c->client[i].deadline_ms < next)
			next = c->client[i].deadline_ms;
	if (next != UINT64_MAX) {
		t.it_value.tv_sec = (time_t)(next / 1000);
		t.it_value.tv_nsec = (long)(next % 1000) * 1000000;
	}
	timerfd_settime(c->timer, TFD_TIMER_ABSTIME, &t, NULL);
}

void hf_ctl_step(struct hf_ctl *c)
{
	struct epoll_event ev[HF_CTL_CLIENTS + 2];
	int n = epoll_wait(c->ep, ev, HF_CTL_CLIENTS + 2, 0);
	uint64_t ticks;

	for (int i = 0; i < n; i++) {
		if (ev[i].data.u32 == TAG_LISTEN)
			accept_some(c);
		else if (ev[i].data.u32 == TAG_TIMER) {
			if (read(c->timer, &ticks, sizeof(ticks)) == sizeof(ticks))
				expire(c, now_ms());
		} else
			client_step(c, &c->client[ev[i].data.u32]);
	}
	if (n > 0)
		arm(c);
}

void hf_ctl_set_idle_ms(struct hf_ctl *c, unsigned ms)
{
	c->idle_ms = ms;
}

int hf_ctl_fd(const struct hf_ctl *c)
{
	return c->ep;
}

/* The directory is only ours if root (or the test's user) owns it and no one else can put a socket of his own into it. */
static int make_dir(const char *dir)
{
	struct stat st;
	int r = 0, fd;
	bool made = mkdir(dir, 0711) == 0;

	if (!made && errno != EEXIST)
		return -errno;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ELOOP ? -ENOTDIR : -errno;
	if (fstat(fd, &st) < 0 || (made && fchmod(fd, 0711) < 0))
		r = -errno;
	else if (st.st_uid != geteuid() || (st.st_mode & 022 && !made))
		r = -ENOTDIR;
	close(fd);
	return r;
}

/* Binds under another name and renames once it listens: to hf_ctl_each() a socket that refuses is a dead engine's. */
static int make_socket(struct hf_ctl *c, const char *dir, uint64_t session)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int n = snprintf(a.sun_path, sizeof(a.sun_path), "%s/.%016llx.new", dir, (unsigned long long)session);

	if (n < 0 || (size_t)n >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	snprintf(c->path, sizeof(c->path), "%s/%016llx.sock", dir, (unsigned long long)session);
	if (access(c->path, F_OK) == 0)
		return -EADDRINUSE;
	c->sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->sock < 0)
		return -errno;
	/* Before bind(): the socket's file never has a wider mode, whatever the umask (net/unix/af_unix.c, unix_bind_bsd). */
	if (fchmod(c->sock, 0600) < 0)
		return -errno;
	unlink(a.sun_path);
	if (bind(c->sock, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -errno;
	if (listen(c->sock, 64) < 0 || rename(a.sun_path, c->path) < 0) {
		int r = -errno;

		unlink(a.sun_path);
		return r;
	}
	return 0;
}

static int watch(struct hf_ctl *c, int fd, uint32_t tag)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = tag };

	return epoll_ctl(c->ep, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

int hf_ctl_open_at(const char *dir, uint64_t session, hf_ctl_handler fn, void *ctx, struct hf_ctl **ret)
{
	struct hf_ctl *c;
	int r = make_dir(dir);

	if (r < 0)
		return r;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->ep = c->sock = c->timer = -1;
	c->fn = fn;
	c->idle_ms = HF_CTL_IDLE_MS;
	c->ctx = ctx;
	for (unsigned i = 0; i < HF_CTL_CLIENTS; i++)
		c->client[i].fd = c->client[i].peer.pidfd = -1;
	c->ep = epoll_create1(EPOLL_CLOEXEC);
	if (c->ep < 0) {
		r = -errno;
		goto fail;
	}
	c->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (c->timer < 0) {
		r = -errno;
		goto fail;
	}
	r = make_socket(c, dir, session);
	if (r < 0) {
		c->path[0] = 0;
		goto fail;
	}
	r = watch(c, c->sock, TAG_LISTEN);
	if (r == 0)
		r = watch(c, c->timer, TAG_TIMER);
	if (r < 0)
		goto fail;
	*ret = c;
	return 0;
fail:
	hf_ctl_close(&c);
	return r;
}

int hf_ctl_open(uint64_t session, hf_ctl_handler fn, void *ctx, struct hf_ctl **ret)
{
	return hf_ctl_open_at(HF_CTL_DIR, session, fn, ctx, ret);
}

void hf_ctl_close(struct hf_ctl **cp)
{
	struct hf_ctl *c = *cp;

	if (!c)
		return;
	if (c->path[0])
		unlink(c->path);
	for (unsigned i = 0; i < HF_CTL_CLIENTS; i++)
		client_close(&c->client[i]);
	if (c->sock >= 0)
		close(c->sock);
	if (c->timer >= 0)
		close(c->timer);
	if (c->ep >= 0)
		close(c->ep);
	free(c);
	*cp = NULL;
}
