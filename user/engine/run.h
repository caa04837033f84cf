/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `holdfast run`: three processes beside the command.
 *
 *   front     the process the shell started. Parent of CMD, in its process group, so that Ctrl-C, Ctrl-Z, fg and the exit
 *             status behave as without Holdfast. Does nothing but wait and pass signals on.
 *   engine    forked by the front, a process group of its own: terminal signals do not reach it. Owns all guards, judges,
 *             journals, asks. Outlives the front while descendants of CMD still run.
 *   guardian  forked by the engine: kills the session should the engine die (user/guard/guardian.h).
 *
 * Start-up, in order (each arrow is a message on the front's socket pair with the engine):
 *   engine: guards up, session cgroup made      --> READY
 *   front:  forks CMD's process, which waits    --> CHILD pid
 *   engine: cgroup, task storage                --> GO        (front passes it on to the child through a pipe)
 *   child:  credentials, filter; listener number --> LISTENER fd   (through the front)
 *   engine: takes a duplicate (pidfd_getfd)     --> GO
 *   child:  closes its own listener, execve     (its first question)
 */
#ifndef HF_RUN_H
#define HF_RUN_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "core/sigma.h"
#include "guard/seccomp.h"

enum hf_ask { HF_ASK_AUTO, HF_ASK_TTY, HF_ASK_SOCKET };
enum hf_on_hold { HF_ON_HOLD_ASK, HF_ON_HOLD_DENY, HF_ON_HOLD_ALLOW };

struct hf_run_options {
	const char *name;		/* session's name; default: CMD's base name */
	const char *user;		/* -u; NULL: SUDO_UID's user under sudo, else the caller */
	const char *const *rules;	/* paths of rule files or trees */
	unsigned nrules;
	enum hf_ask ask;
	enum hf_on_hold on_hold;
	uint64_t timeout_ns;
	bool timeout_allows;
	bool pause_session;
	bool explain;
	bool allow_setuid;
	bool kill_descendants;
	bool quiet;			/* no closing line on stderr */
	const char *journal;		/* NULL: default below /var/lib/holdfast */
	char *const *argv;		/* CMD ARG... NULL-terminated */
};

struct hf_user {			/* whom CMD runs as */
	uid_t uid;
	gid_t gid;
	gid_t groups[256];
	int ngroups;
	bool change;			/* false: stay as we are */
	char name[128], home[1024], shell[256];
};
/* Fills *ret from -u NAME, SUDO_UID or the caller. -errno with a text in err. */
int hf_user_resolve(const struct hf_run_options *o, struct hf_user *ret, char *err, size_t err_cap);

/* Page shared by front and engine. */
struct hf_shared {
	_Atomic uint32_t cmd_stopped_by_us;	/* CMD sits in a SIGSTOP of ours: the front must not stop itself for it */
	/* "Is this stop yours?": the front counts asked up, the engine drains its records and then takes the number over. */
	_Atomic uint32_t stop_asked, stop_answered;
	_Atomic uint32_t front_stopped;		/* the front stopped itself: the engine wakes it when CMD goes on or ends */
};

enum hf_msg_type { HF_MSG_READY = 1, HF_MSG_CHILD, HF_MSG_GO, HF_MSG_LISTENER, HF_MSG_STARTED, HF_MSG_EXITED, HF_MSG_BYE, HF_MSG_ERROR, HF_MSG_SAY };
struct hf_msg {				/* SOCK_SEQPACKET: one struct a packet */
	uint32_t type;
	int32_t a;			/* pid, descriptor number, wait status, error */
	uint64_t b;
	char text[1024];
};
int hf_msg_send(int fd, uint32_t type, int32_t a, uint64_t b, const char *text);
int hf_msg_recv(int fd, struct hf_msg *ret);	/* blocking; -EPIPE: other side gone */

/* What front and engine need of each other, made before the fork. */
struct hf_run {
	const struct hf_run_options *o;
	struct hf_user user;
	struct hf_ruleset *rules;
	struct hf_filter filter;
	struct hf_seccomp_caps caps;
	struct hf_shared *shared;
	int sock[2];			/* [0] front, [1] engine */
	char cwd[4096];
	pid_t front_pid;
	bool chld_ignored;	/* by the caller: CMD's again, but not the front's, which waits for CMD's status */
};
/* Runs the session; exit status for main(). */
int hf_run(const struct hf_run_options *o, struct hf_ruleset *rules);
int hf_front(struct hf_run *r, pid_t engine);		/* returns the exit status */
_Noreturn void hf_child(struct hf_run *r, int go_fd, int say_fd, int err_fd);
_Noreturn void hf_engine_main(struct hf_run *r);
#endif
