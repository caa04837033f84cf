/* SPDX-License-Identifier: Apache-2.0 */
/* From the fork to CMD's execve: credentials, environment, seccomp filter. Runs as the session's first process. */
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "engine/run.h"

static void child_fail(int err_fd, int err, const char *what)
{
	struct hf_msg m = { .type = HF_MSG_ERROR, .a = err };

	snprintf(m.text, sizeof(m.text), "%s", what);
	(void)!write(err_fd, &m, sizeof(m));
	_exit(125);
}

/* The front ignores or catches what a terminal sends; CMD must start with what the caller had. */
static void child_signals(const struct hf_run *r)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };

	for (int s = 1; s < NSIG; s++) {
		struct sigaction old;

		if (sigaction(s, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(s, &sa, NULL);
	}
	if (r->chld_ignored)
		signal(SIGCHLD, SIG_IGN);
}

static void child_credentials(const struct hf_run *r, int err_fd)
{
	const struct hf_user *u = &r->user;

	if (!u->change)
		return;
	if (setgroups((size_t)u->ngroups, u->groups) < 0)
		child_fail(err_fd, errno, "setgroups");
	if (setresgid(u->gid, u->gid, u->gid) < 0)
		child_fail(err_fd, errno, "setresgid");
	if (setresuid(u->uid, u->uid, u->uid) < 0)
		child_fail(err_fd, errno, "setresuid");
	if (u->uid != 0 && setuid(0) == 0)
		child_fail(err_fd, EPERM, "privileges could be taken back");
}

static void child_environment(const struct hf_run *r)
{
	if (!r->user.change)
		return;
	setenv("HOME", r->user.home, 1);
	setenv("USER", r->user.name, 1);
	setenv("LOGNAME", r->user.name, 1);
	setenv("SHELL", r->user.shell, 1);
	if (getenv("MAIL")) {		/* sudo and su make it root's */
		char mail[160];

		snprintf(mail, sizeof(mail), "/var/mail/%s", r->user.name);
		setenv("MAIL", mail, 1);
	}
	unsetenv("SUDO_UID");
	unsetenv("SUDO_GID");
	unsetenv("SUDO_USER");
	unsetenv("SUDO_COMMAND");
}

static void child_wait_go(int go_fd)
{
	char c;
	ssize_t n;

	do
		n = read(go_fd, &c, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(125);	/* the engine or the front is gone: run nothing unwatched */
}

static int child_filter(const struct hf_run *r, int say_fd, int err_fd)
{
	int fd = hf_filter_install(&r->filter, r->caps.wait_killable);
	struct hf_msg m = { .type = HF_MSG_LISTENER, .a = fd };

	if (fd == -EBUSY)
		child_fail(err_fd, EBUSY, "this shell is already inside a session (a seccomp listener is installed)");
	if (fd < 0)
		child_fail(err_fd, -fd, "seccomp filter");
	if (write(say_fd, &m, sizeof(m)) != (ssize_t)sizeof(m))
		_exit(125);
	return fd;
}

_Noreturn void hf_child(struct hf_run *r, int go_fd, int say_fd, int err_fd)
{
	int fd, err;

	child_signals(r);
	child_environment(r);
	child_wait_go(go_fd);
	/* Without no_new_privs only CAP_SYS_ADMIN may install a filter, so then it comes before the change of user. */
	if (!r->o->allow_setuid) {
		child_credentials(r, err_fd);
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
			child_fail(err_fd, errno, "no_new_privs");
	}
	fd = child_filter(r, say_fd, err_fd);
	child_wait_go(go_fd);
	close(fd);
	if (r->o->allow_setuid)
		child_credentials(r, err_fd);
	execvp(r->o->argv[0], r->o->argv);
	err = errno;
	{
		struct hf_msg m = { .type = HF_MSG_STARTED, .a = err };

		(void)!write(err_fd, &m, sizeof(m));
	}
	_exit(err == ENOENT ? 127 : 126);
}
