// SPDX-License-Identifier: Apache-2.0
/* The doctor: the BPF programs, each effect they stand for seen on a child. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bpf.h"
#include "cgroup.h"
#include "doctor_int.h"
#include "remote.h"

#define CHILD_MS 2000

struct seen {
	uint64_t session;
	unsigned n, forks, execs, exits, opens, stopped, raced;
	uint32_t raced_what;
	const char *leaf; /* an open of this name counts */
};

static int see(void *ctx, const void *rec, size_t len)
{
	const struct hf_rec *h = rec;
	struct seen *s = ctx;

	if (len < sizeof(*h) || h->session != s->session)
		return 0;
	s->n++;
	s->forks += h->type == HF_REC_FORK;
	s->execs += h->type == HF_REC_EXEC;
	s->exits += h->type == HF_REC_EXIT;
	if (h->type == HF_REC_RACED && len >= sizeof(struct hf_rec_raced)) {
		s->raced++;
		s->raced_what = ((const struct hf_rec_raced *)rec)->what;
	}
	if (h->type == HF_REC_OPEN && len > sizeof(struct hf_rec_path) && s->leaf) {
		const char *name = (const char *)rec + sizeof(struct hf_rec_path);
		size_t n = strlen(s->leaf) + 1; /* leaf first: the name and its NUL */

		if (len - sizeof(struct hf_rec_path) >= n && memcmp(name, s->leaf, n) == 0) {
			s->opens++;
			s->stopped += (h->flags & HF_REC_STOPPED) != 0;
		}
	}
	return 0;
}

/* A child that is a member of a session of its own, in group g if there is one, and still waits for the word. */
static int start_member(struct hf_bpf *b, uint32_t flags, const struct hf_cgroup *g, int (*fn)(void *), void *ctx,
			struct hf_dchild *child, struct seen *s)
{
	int r;

	memset(s, 0, sizeof(*s));
	s->session = hf_doctor_random();
	r = hf_bpf_session_add(b, s->session, flags);
	if (r < 0)
		return r;
	r = hf_dchild_start(child, fn, ctx);
	if (r < 0)
		return r;
	if (g)
		r = hf_cgroup_add(g, child->pid);
	if (r == 0)
		r = hf_bpf_task_add(b, child->pidfd, s->session);
	if (r < 0)
		(void)hf_dchild_end(child, 0);
	return r;
}

/* --- observe, and stop at an open ---------------------------------------------------------------- */

static int child_acts(void *ctx)
{
	int status, fd = open(ctx, O_RDONLY | O_CLOEXEC);
	pid_t pid = fork();

	if (pid == 0) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(1);
	}
	return fd >= 0 && pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 1;
}

static void check_observe(struct hf_bpf *b, struct hf_check *c, char *path)
{
	struct hf_dchild child;
	struct seen s;
	int r = start_member(b, 0, NULL, child_acts, path, &child, &s);

	if (r < 0) {
		hf_check_set(c, false, "a child can't be made a member: %s", strerror(-r));
		return;
	}
	s.leaf = strrchr(path, '/') + 1;
	hf_dchild_go(&child);
	r = hf_dchild_end(&child, CHILD_MS);
	(void)hf_bpf_drain(b, see, &s);
	hf_check_set(c, hf_dchild_exited(r, 0) && s.forks == 1 && s.execs == 1 && s.exits == 2 && s.opens == 1,
		     "fork %u of 1, exec %u of 1, exit %u of 2, open %u of 1", s.forks, s.execs, s.exits, s.opens);
}

static int child_opens(void *ctx)
{
	return open(ctx, O_RDONLY | O_CLOEXEC) >= 0 ? 0 : 1;
}

static void check_stop(struct hf_bpf *b, struct hf_check *c, char *path)
{
	const char *leaf = strrchr(path, '/') + 1;
	const struct timespec step = {.tv_nsec = 1000000};
	struct hf_dchild child;
	struct seen s;
	bool stopped = false;
	int r = hf_bpf_interest_add(b, leaf, HF_INTEREST_LEAF), status;

	if (r == 0)
		r = start_member(b, HF_SESSION_STOP_OPENS, NULL, child_opens, path, &child, &s);
	if (r < 0) {
		hf_check_set(c, false, "%s", strerror(-r));
		return;
	}
	s.leaf = leaf;
	hf_dchild_go(&child);
	for (int64_t end = hf_doctor_now_ms() + CHILD_MS; !stopped && hf_doctor_now_ms() < end;) {
		siginfo_t si = {0};

		if (waitid(P_PID, (id_t)child.pid, &si, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) < 0 ||
		    si.si_code == CLD_EXITED || si.si_code == CLD_KILLED)
			break;
		stopped = si.si_code == CLD_STOPPED;
		nanosleep(&step, NULL);
	}
	(void)hf_bpf_drain(b, see, &s);
	(void)kill(child.pid, SIGCONT);
	status = hf_dchild_end(&child, CHILD_MS);
	hf_check_set(c, stopped && s.stopped == 1 && hf_dchild_exited(status, 0), "a child %s%s",
		     stopped ? "stopped at its open's exit and went on when told to" : "was NOT stopped",
		     stopped && s.stopped != 1 ? ", but no record says so" : "");
}

/* --- tickets ------------------------------------------------------------------------------------- */

static int child_execs(void *ctx)
{
	char *const argv[] = {"true", NULL}, *const envp[] = {NULL};

	execve(ctx, argv, envp);
	return 99;
}

static int make_exec_ticket(struct hf_bpf *b, const char *path, const char *argv, size_t argv_len, struct hf_ticket *t)
{
	char leaves[PATH_MAX + 8];
	bool no_dev = false;
	int n, r, fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*t = (struct hf_ticket){.flags = HF_TICKET_EXEC, .argv_len = argv_len};
	r = hf_remote_identity(fd, &t->exe_dev, &t->exe_ino, &no_dev);
	close(fd);
	n = r < 0 ? r : hf_path_to_leaves(hf_str_of(path), leaves, sizeof(leaves));
	if (n < 0)
		return n;
	if (no_dev)
		t->flags |= HF_TICKET_NO_DEV;
	t->exe_path_hash = hf_bpf_hash(b, leaves, (size_t)n);
	t->argv_hash = hf_bpf_hash(b, argv, argv_len);
	return 0;
}

/* How a child's exec ends with this ticket: wait status or -errno. */
static int exec_with(struct hf_bpf *b, char *path, const struct hf_ticket *t, struct seen *s)
{
	struct hf_dchild child;
	int r = start_member(b, HF_SESSION_ENFORCE, NULL, child_execs, path, &child, s);
	pid_t pid = child.pid;

	if (r < 0)
		return r;
	if (t)
		r = hf_bpf_ticket_put(b, (uint32_t)pid, t);
	if (r == 0)
		hf_dchild_go(&child);
	r = hf_dchild_end(&child, r == 0 ? CHILD_MS : 0);
	hf_bpf_ticket_drop(b, (uint32_t)pid);
	(void)hf_bpf_drain(b, see, s);
	return r;
}

static bool died(int status)
{
	return status >= 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void check_exec_ticket(struct hf_bpf *b, struct hf_check *c)
{
	struct hf_ticket right, wrong;
	struct seen none_seen, wrong_seen, right_seen;
	char path[PATH_MAX];
	int r = realpath("/bin/true", path) ? 0 : -errno, none, bad, good;

	if (r == 0)
		r = make_exec_ticket(b, path, "true", 5, &right);
	if (r == 0)
		r = make_exec_ticket(b, path, "fals", 5, &wrong);
	if (r < 0) {
		hf_check_set(c, false, "no ticket for %.64s: %s", path, strerror(-r));
		return;
	}
	none = exec_with(b, path, NULL, &none_seen);
	bad = exec_with(b, path, &wrong, &wrong_seen);
	good = exec_with(b, path, &right, &right_seen);
	hf_check_set(c,
		     died(none) && none_seen.raced && died(bad) && wrong_seen.raced && hf_dchild_exited(good, 0) &&
			 !right_seen.raced,
		     "without a ticket %s, with other arguments %s, as judged %s", died(none) ? "killed" : "NOT killed",
		     died(bad) ? "killed" : "NOT killed", hf_dchild_exited(good, 0) ? "ran" : "did NOT run");
}

static int child_connects(void *ctx)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return 99;
	return connect(fd, ctx, sizeof(struct sockaddr_in)) == 0 ? 0 : errno;
}

static int child_sends(void *ctx)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return 99;
	return sendto(fd, "x", 1, 0, ctx, sizeof(struct sockaddr_in)) == 1 ? 0 : errno;
}

static int net_with(struct hf_bpf *b, const struct hf_cgroup *g, int (*fn)(void *), struct sockaddr_in *to,
		    uint16_t proto, uint16_t ticket_port)
{
	struct hf_ticket t = {.flags = HF_TICKET_ADDR, .naddr = 1};
	struct hf_dchild child;
	struct seen s;
	int r = start_member(b, HF_SESSION_ENFORCE, g, fn, to, &child, &s);
	pid_t pid = child.pid;

	if (r < 0)
		return r;
	t.addr[0] = (struct hf_ticket_addr){.family = AF_INET, .port = ticket_port, .proto = proto};
	memcpy(t.addr[0].addr, &to->sin_addr, 4);
	if (ticket_port)
		r = hf_bpf_ticket_put(b, (uint32_t)pid, &t);
	if (r == 0)
		hf_dchild_go(&child);
	r = hf_dchild_end(&child, r == 0 ? CHILD_MS : 0);
	hf_bpf_ticket_drop(b, (uint32_t)pid);
	return r;
}

static void try_addresses(struct hf_bpf *b, struct hf_check *c, const struct hf_cgroup *g, struct sockaddr_in *to,
			  uint32_t hooks)
{
	uint16_t port = ntohs(to->sin_port), other = (uint16_t)(port ^ 1);
	int none = net_with(b, g, child_connects, to, IPPROTO_TCP, 0);
	int wrong = net_with(b, g, child_connects, to, IPPROTO_TCP, other);
	int right = net_with(b, g, child_connects, to, IPPROTO_TCP, port);
	int send_none = net_with(b, g, child_sends, to, IPPROTO_UDP, 0);
	int send_right = net_with(b, g, child_sends, to, IPPROTO_UDP, port);

	hf_check_set(c,
		     hf_dchild_exited(none, EPERM) && hf_dchild_exited(wrong, EPERM) && hf_dchild_exited(right, 0) &&
			 hf_dchild_exited(send_none, EPERM) && hf_dchild_exited(send_right, 0),
		     "connect without a ticket %s, to another port %s, as judged %s; send %s, %s%s",
		     hf_dchild_exited(none, EPERM) ? "denied" : "NOT denied",
		     hf_dchild_exited(wrong, EPERM) ? "denied" : "NOT denied",
		     hf_dchild_exited(right, 0) ? "went through" : "did NOT go through",
		     hf_dchild_exited(send_none, EPERM) ? "denied" : "NOT denied",
		     hf_dchild_exited(send_right, 0) ? "went through" : "did NOT go through",
		     hooks & HF_HOOK_CONNECT_UNIX ? "" : " (no hook for UNIX sockets)");
}

static void check_addr_ticket(struct hf_bpf *b, struct hf_check *c, const struct hf_cgroup *g)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(to);
	uint32_t hooks = 0;
	int fd, r = hf_bpf_attach_cgroup(b, g->dir_fd, &hooks);

	if (r < 0) {
		hf_check_set(c, false, "the socket hooks can't be attached: %s", strerror(-r));
		return;
	}
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0 || listen(fd, 4) < 0 ||
	    getsockname(fd, (struct sockaddr *)&to, &len) < 0)
		hf_check_set(c, false, "no listener on loopback: %s", strerror(errno));
	else
		try_addresses(b, c, g, &to, hooks);
	if (fd >= 0)
		close(fd);
}

/* --- frozen -------------------------------------------------------------------------------------- */

static int child_spins(void *ctx)
{
	const struct timespec t = {.tv_nsec = 1000000};

	for (int i = 0; i < 10000; i++)
		nanosleep(&t, NULL);
	return 0;
}

static void check_frozen(struct hf_bpf *b, struct hf_check *c, const struct hf_cgroup *g)
{
	const struct timespec step = {.tv_nsec = 1000000};
	struct hf_dchild child;
	struct seen s;
	uint32_t tid = 0, self;
	int r = start_member(b, 0, g, child_spins, NULL, &child, &s), before, after = 0, except = 0;

	if (r < 0) {
		hf_check_set(c, false, "%s", strerror(-r));
		return;
	}
	self = (uint32_t)child.pid;
	hf_dchild_go(&child);
	before = hf_bpf_session_frozen(b, s.session, NULL, 0, &tid);
	if (before == 0)
		except = hf_bpf_session_frozen(b, s.session, &self, 1, &tid);
	r = hf_cgroup_freeze(g, true);
	for (int64_t end = hf_doctor_now_ms() + CHILD_MS; r == 0 && after == 0 && hf_doctor_now_ms() < end;) {
		after = hf_bpf_session_frozen(b, s.session, NULL, 0, &tid);
		if (after == 0)
			nanosleep(&step, NULL);
	}
	(void)hf_cgroup_freeze(g, false);
	(void)hf_dchild_end(&child, 0);
	if (before < 0 || r < 0)
		hf_check_set(c, false, "%s", strerror(before < 0 ? -before : -r));
	else
		hf_check_set(c, before == 0 && except == 1 && after == 1, "a running child %s, a frozen one %s",
			     before == 0 ? "was seen" : "was NOT seen", after == 1 ? "too" : "was NOT");
}

void hf_doctor_bpf(struct hf_check *c)
{
	const struct hf_bpf_options o = {.ring_bytes = 256 << 10, .stop_opens = true};
	struct hf_bpf *b = NULL;
	struct hf_cgroup g = {.dir_fd = -1};
	char why[160] = "", path[64];
	int fd, r = hf_bpf_open(&o, &b, why, sizeof(why));

	if (r < 0) {
		hf_check_set(&c[HF_CHECK_BPF], false, "%s", why[0] ? why : strerror(-r));
		return;
	}
	hf_check_set(&c[HF_CHECK_BPF], true, "observers loaded and attached");
	fd = hf_doctor_file(path, sizeof(path));
	if (fd >= 0) {
		close(fd);
		check_observe(b, &c[HF_CHECK_OBSERVE], path);
		check_stop(b, &c[HF_CHECK_STOP_OPEN], path);
		unlink(path);
	}
	check_exec_ticket(b, &c[HF_CHECK_EXEC_TICKET]);
	if (c[HF_CHECK_CGROUP].ok && hf_cgroup_create(hf_doctor_random(), &g) == 0) {
		check_frozen(b, &c[HF_CHECK_FROZEN], &g);
		check_addr_ticket(b, &c[HF_CHECK_ADDR_TICKET], &g);
		(void)hf_cgroup_kill(&g);
	}
	hf_bpf_close(&b);
	(void)hf_cgroup_remove(&g);
}
