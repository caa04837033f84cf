/* SPDX-License-Identifier: Apache-2.0 */
/* Whom to run as, what both processes need, and the fork of the engine. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "engine/run.h"

static int user_fill(struct hf_user *u, const struct passwd *pw, char *err, size_t err_cap)
{
	u->uid = pw->pw_uid;
	u->gid = pw->pw_gid;
	u->ngroups = (int)(sizeof(u->groups) / sizeof(u->groups[0]));
	if (getgrouplist(pw->pw_name, pw->pw_gid, u->groups, &u->ngroups) < 0) {
		snprintf(err, err_cap, "user %s is in more than %zu groups", pw->pw_name, sizeof(u->groups) / sizeof(u->groups[0]));
		return -E2BIG;
	}
	snprintf(u->name, sizeof(u->name), "%s", pw->pw_name);
	snprintf(u->home, sizeof(u->home), "%s", pw->pw_dir);
	snprintf(u->shell, sizeof(u->shell), "%s", pw->pw_shell && *pw->pw_shell ? pw->pw_shell : "/bin/sh");
	return 0;
}

int hf_user_resolve(const struct hf_run_options *o, struct hf_user *ret, char *err, size_t err_cap)
{
	const char *sudo = getenv("SUDO_UID"), *home = getenv("HOME");
	const struct passwd *pw;
	struct hf_user u = { 0 };
	int r;

	if (o->user) {
		pw = getpwnam(o->user);
		u.change = true;
		if (!pw) {
			snprintf(err, err_cap, "-u %s: no such user", o->user);
			return -ENOENT;
		}
	} else if (geteuid() == 0 && sudo && *sudo) {
		char *end;
		unsigned long uid = strtoul(sudo, &end, 10);

		pw = *end ? NULL : getpwuid((uid_t)uid);
		u.change = pw && pw->pw_uid != 0;
		if (!pw) {
			snprintf(err, err_cap, "SUDO_UID=%s: no such user; name one with -u", sudo);
			return -ENOENT;
		}
	} else {
		pw = getpwuid(geteuid());
	}
	if (!pw) {		/* a uid without a passwd entry, as in containers: we stay what we are */
		u.uid = geteuid();
		u.gid = getegid();
		snprintf(u.home, sizeof(u.home), "%s", home ? home : "/");
		*ret = u;
		return 0;
	}
	r = user_fill(&u, pw, err, err_cap);
	if (r < 0)
		return r;
	if (!u.change && home && *home)		/* the caller's own environment stands */
		snprintf(u.home, sizeof(u.home), "%s", home);
	*ret = u;
	return 0;
}

static int run_prepare(struct hf_run *r, char *err, size_t err_cap)
{
	int rc = hf_seccomp_probe(&r->caps);

	if (rc < 0 || !r->caps.notify) {
		snprintf(err, err_cap, "seccomp notify does not work here: %s", strerror(rc < 0 ? -rc : ENOSYS));
		return rc < 0 ? rc : -ENOSYS;
	}
	/* The way without it is tried by the tests on kernels that have it, too. */
	if (getenv("HOLDFAST_NO_WAIT_KILLABLE"))
		r->caps.wait_killable = false;
	rc = hf_filter_build(&(struct hf_filter_options){ 0 }, &r->filter);
	if (rc < 0) {
		snprintf(err, err_cap, "seccomp filter: %s", strerror(-rc));
		return rc;
	}
	r->shared = mmap(NULL, sizeof(*r->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (r->shared == MAP_FAILED || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, r->sock) < 0 ||
	    !getcwd(r->cwd, sizeof(r->cwd))) {
		rc = -errno;
		snprintf(err, err_cap, "%s", strerror(-rc));
		return rc;
	}
	r->front_pid = getpid();
	return 0;
}

/* Closed standard descriptors would be given to sockets of ours, and overwritten when the engine lets go of the caller's.
 * Close-on-exec: CMD finds them closed, as it would without us. */
static void run_stdio(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
}

int hf_run(const struct hf_run_options *o, struct hf_ruleset *rules)
{
	static struct hf_run r;
	char err[600] = "";
	pid_t engine;
	int rc;

	run_stdio();
	r.chld_ignored = signal(SIGCHLD, SIG_DFL) == SIG_IGN;	/* the probes wait for children, too */
	r.o = o;
	r.rules = rules;
	if (hf_user_resolve(o, &r.user, err, sizeof(err)) < 0 || run_prepare(&r, err, sizeof(err)) < 0) {
		fprintf(stderr, "holdfast: %s\n", err);
		return 125;
	}
	fflush(NULL);
	engine = fork();
	if (engine < 0) {
		fprintf(stderr, "holdfast: cannot fork: %s\n", strerror(errno));
		return 125;
	}
	if (engine == 0) {
		close(r.sock[0]);
		hf_engine_main(&r);
	}
	close(r.sock[1]);
	rc = hf_front(&r, engine);
	hf_filter_free(&r.filter);
	return rc;
}
