/* SPDX-License-Identifier: Apache-2.0 */
/* From a seccomp notification to the action that is judged. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "bpf/wire.h"
#include "remote_int.h"

#define NS_TGID_FROM_PIDNS _IOR(0xb7, 0x7, int)	/* NS_GET_TGID_FROM_PIDNS, 6.11 */
#define NS_PID_FROM_PIDNS  _IOR(0xb7, 0x6, int)	/* NS_GET_PID_FROM_PIDNS */
#define SIGNAL_PROCESS_GROUP 4	/* PIDFD_SIGNAL_PROCESS_GROUP, 6.9 */
#define O_TMPFILE_BIT	   (O_TMPFILE & ~O_DIRECTORY)

void hf_q_take_path(struct hf_q *q, const struct hf_rpath *p)
{
	q->a->path = hf_str_of(q->r->path);
	if (p->unresolved)
		q->a->flags |= HF_ACT_UNRESOLVED;
	if (p->truncated)
		q->a->flags |= HF_ACT_TRUNC_PATH;
	if (p->exists) {
		q->a->dev = hf_remote_mkdev(p->st.st_dev);
		q->a->ino = p->st.st_ino;
	}
}

enum need { NEED_NOT, NEED_THERE };

/* Path argument number arg, from dirfd argument number dirarg, into the action. */
static int take_path(struct hf_q *q, int dirarg, int arg, unsigned flags, enum need need)
{
	char path[HF_PATH_MAX];
	struct hf_rpath p;
	ssize_t n;
	int r;

	if (hf_q_arg(q, arg) == 0 && (flags & HF_RP_EMPTY))
		path[0] = '\0', n = 0;	/* a NULL name with AT_EMPTY_PATH is an empty one (6.11) */
	else
		n = hf_remote_read_str(q->tid, hf_q_arg(q, arg), path, sizeof(path));
	if (n < 0)
		return (int)n;
	if (need == NEED_THERE)
		flags |= HF_RP_THERE;
	r = hf_rpath_resolve(q->tid, hf_q_dirfd(q, dirarg), path, flags, q->r->path, sizeof(q->r->path), &p);
	if (r)
		return r;
	hf_q_take_path(q, &p);
	hf_rpath_done(&p);
	return 0;
}

/* The same for the second path. */
static int take_path2(struct hf_q *q, int dirarg, int arg, unsigned flags)
{
	char path[HF_PATH_MAX];
	struct hf_rpath p;
	ssize_t n = hf_remote_read_str(q->tid, hf_q_arg(q, arg), path, sizeof(path));
	int r;

	if (n < 0)
		return (int)n;
	r = hf_rpath_resolve(q->tid, hf_q_dirfd(q, dirarg), path, flags | HF_RP_THERE, q->r->path2, sizeof(q->r->path2), &p);
	if (r)
		return r;
	hf_rpath_done(&p);
	q->a->path2 = hf_str_of(q->r->path2);
	q->a->flags |= (p.unresolved ? HF_ACT_UNRESOLVED : 0) | (p.truncated ? HF_ACT_TRUNC_PATH : 0);
	return 0;
}

static int take_fd(struct hf_q *q, int fd)
{
	struct hf_rpath p;
	int r = hf_rpath_resolve(q->tid, fd, "", HF_RP_EMPTY, q->r->path, sizeof(q->r->path), &p);

	if (r)
		return r;
	hf_q_take_path(q, &p);
	hf_rpath_done(&p);
	return 0;
}

/* A text argument as it is, behind a prefix. */
static int take_text(struct hf_q *q, int arg, const char *prefix, char *out, size_t cap, struct hf_str *ret)
{
	size_t n = strlen(prefix);
	ssize_t len;

	memcpy(out, prefix, n);
	len = hf_remote_read_str(q->tid, hf_q_arg(q, arg), out + n, cap - n < HF_PATH_MAX ? cap - n : HF_PATH_MAX);
	if (len < 0)
		return (int)len;
	*ret = (struct hf_str){ out, n + (size_t)len };
	return 0;
}

static void path_append(struct hf_q *q, const char *name)
{
	size_t n = strlen(q->r->path);

	snprintf(q->r->path + n, sizeof(q->r->path) - n, "%s%s", n && q->r->path[n - 1] == '/' ? "" : "/", name);
	q->a->path = hf_str_of(q->r->path);
	q->a->dev = q->a->ino = 0;
}

static int act_open(struct hf_q *q, uint64_t flags, uint64_t resolve)
{
	const struct hf_notif_call *c = q->call;
	bool tmp = flags & O_TMPFILE_BIT;
	unsigned rp = resolve & RESOLVE_IN_ROOT ? HF_RP_IN_ROOT : 0;
	int r;

	if (flags & O_PATH) {	/* reads and writes nothing, creates nothing */
		q->silent = true;
		return 0;
	}
	/* RESOLVE_BENEATH, NO_XDEV and NO_*LINKS only refuse: what they let through is resolved as without them */
	if (!(flags & O_NOFOLLOW) && !((flags & O_CREAT) && (flags & O_EXCL)))
		rp |= HF_RP_FOLLOW;
	q->a->open_flags = (uint32_t)flags;
	r = take_path(q, c->dirfd, c->path, rp, flags & O_CREAT && !tmp ? NEED_NOT : NEED_THERE);
	if (r == 0 && tmp)
		path_append(q, "#tmpfile");
	return r;
}

static int act_open_how(struct hf_q *q)
{
	struct open_how how = { 0 };
	uint64_t size = hf_q_arg(q, 3);
	ssize_t n;

	if (size < sizeof(how))
		return -EINVAL;
	n = hf_remote_read(q->tid, hf_q_arg(q, 2), &how, sizeof(how));
	if (n < (ssize_t)sizeof(how))
		return n < 0 ? (int)n : -EFAULT;
	q->a->mode = (uint32_t)how.mode;
	return act_open(q, how.flags, how.resolve);
}

static int act_open_handle(struct hf_q *q)
{
	int fd = hf_q_dirfd(q, q->call->dirfd), r = 0;

	q->a->open_flags = (uint32_t)hf_q_arg(q, q->call->flags);
	if (fd == AT_FDCWD)
		strcpy(q->r->path, "/");
	else
		r = take_fd(q, fd);
	if (r == 0)
		path_append(q, "#handle");
	q->a->flags |= HF_ACT_UNRESOLVED;
	return r;
}

static int act_at(struct hf_q *q)
{
	uint64_t flags = hf_q_arg(q, q->call->flags);

	return take_path(q, q->call->dirfd, q->call->path,
			 (flags & AT_SYMLINK_NOFOLLOW ? 0 : HF_RP_FOLLOW) | (flags & AT_EMPTY_PATH ? HF_RP_EMPTY : 0), NEED_THERE);
}

static int act_unlinkat(struct hf_q *q)
{
	if (hf_q_arg(q, q->call->flags) & AT_REMOVEDIR)
		q->a->kind = HF_RMDIR;
	return take_path(q, q->call->dirfd, q->call->path, HF_RP_ENTRY, NEED_THERE);
}

static int act_two(struct hf_q *q)
{
	const struct hf_notif_call *c = q->call;
	uint64_t flags = hf_q_arg(q, c->flags);
	unsigned old = HF_RP_ENTRY;
	int r;

	if (c->form == HF_NF_SYMLINK) {
		r = take_text(q, c->path2, "", q->r->path2, sizeof(q->r->path2), &q->a->path2);
	} else {
		if (c->form == HF_NF_LINK)
			old = (flags & AT_SYMLINK_FOLLOW ? HF_RP_FOLLOW : 0) | (flags & AT_EMPTY_PATH ? HF_RP_EMPTY : 0);
		r = take_path2(q, c->dirfd2, c->path2, old);
	}
	return r ? r : take_path(q, c->dirfd, c->path, HF_RP_ENTRY, NEED_NOT);
}

static int act_mount(struct hf_q *q)
{
	const struct hf_notif_call *c = q->call;
	uint64_t flags = hf_q_arg(q, c->flags);
	int r = 0;

	q->a->mode = (uint32_t)flags;
	if (hf_q_arg(q, c->path2)) {
		/* path_mount(): a remount or a change of propagation looks at no source */
		bool change = flags & (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE);

		if (!(flags & MS_REMOUNT) && (flags & MS_BIND || (flags & MS_MOVE && !change)))
			r = take_path2(q, -1, c->path2, HF_RP_FOLLOW);
		else
			r = take_text(q, c->path2, "", q->r->path2, sizeof(q->r->path2), &q->a->path2);
	}
	return r ? r : take_path(q, c->dirfd, c->path, HF_RP_FOLLOW, NEED_THERE);
}

static int act_follow(struct hf_q *q)
{
	const struct hf_notif_call *c = q->call;
	bool nofollow = q->a->nr == SYS_umount2 && q->a->mode & UMOUNT_NOFOLLOW;

	if (q->a->nr == SYS_acct && hf_q_arg(q, c->path) == 0)
		return 0;	/* turns accounting off */
	return take_path(q, c->dirfd, c->path, nofollow ? 0 : HF_RP_FOLLOW, NEED_THERE);
}

static int act_move_mount(struct hf_q *q)
{
	const struct hf_notif_call *c = q->call;
	uint64_t flags = hf_q_arg(q, c->flags);	/* MOVE_MOUNT_F_*: symlinks 1, empty 4; T_ the same << 4 */
	int r = take_path2(q, c->dirfd2, c->path2, (flags & 1 ? HF_RP_FOLLOW : 0) | (flags & 4 ? HF_RP_EMPTY : 0));

	if (r)
		return r;
	return take_path(q, c->dirfd, c->path, (flags & 0x10 ? HF_RP_FOLLOW : 0) | (flags & 0x40 ? HF_RP_EMPTY : 0), NEED_THERE);
}

/* A pid as the target says it, in our numbers; thread: any thread's. 0: not known. */
static pid_t translate_pid(struct hf_q *q, pid_t pid, bool thread)
{
	char p[64], theirs[64], ours[64];
	ssize_t a, b;
	int fd, r = -1;

	snprintf(p, sizeof(p), "/proc/%d/ns/pid", (int)q->tid);
	a = readlink(p, theirs, sizeof(theirs));
	b = readlink("/proc/self/ns/pid", ours, sizeof(ours));
	if (a > 0 && a == b && memcmp(theirs, ours, (size_t)a) == 0)
		return pid;
	fd = open(p, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		r = ioctl(fd, thread ? NS_PID_FROM_PIDNS : NS_TGID_FROM_PIDNS, pid);
		close(fd);
	}
	return r > 0 ? r : 0;
}

/* The process that a thread id of the target's namespace belongs to: into target_tgid, or unresolved. */
static void take_target(struct hf_q *q, pid_t pid)
{
	struct hf_remote_ids ids;
	pid_t here = translate_pid(q, pid, true);

	if (here > 0 && hf_remote_ids(here, &ids) == 0)
		q->a->target_tgid = ids.tgid;
	else if (here == 0)
		q->a->flags |= HF_ACT_UNRESOLVED;
}

static int pidfd_target(struct hf_q *q)
{
	char p[64], buf[1024], *s;
	ssize_t n;

	snprintf(p, sizeof(p), "/proc/%d/fdinfo/%d", (int)q->tid, hf_q_dirfd(q, q->call->dirfd));
	n = hf_remote_slurp(p, buf, sizeof(buf));
	if (n <= 0)
		return -EBADF;
	s = strstr(buf, "\nPid:");
	if (s && atoi(s + 5) > 0) {
		struct hf_remote_ids ids;	/* a pidfd may be a thread's */

		q->a->target_tgid = hf_remote_ids(atoi(s + 5), &ids) ? 0 : ids.tgid;
	} else if (!s || atoi(s + 5) == 0) {
		q->a->flags |= HF_ACT_UNRESOLVED;	/* a /proc/PID directory; a process that we can't see */
	}
	return 0;
}

/* Several processes at once: which ones is said in path, the process group in mode (our number, 0 unknown). */
static void take_group(struct hf_q *q, pid_t pgid)
{
	if (pgid < 0)
		strcpy(q->r->path, "every process");
	else if (pgid == 0)
		strcpy(q->r->path, "own process group");
	else
		snprintf(q->r->path, sizeof(q->r->path), "process group %d", (int)pgid);
	q->a->mode = pgid > 0 ? (uint32_t)translate_pid(q, pgid, false) : 0;
	q->a->path = hf_str_of(q->r->path);
	q->a->target_tgid = 0;
}

static int act_signal(struct hf_q *q)
{
	const struct hf_notif_call *c = q->call;
	bool by_fd = c->form == HF_NF_PIDFD_SIGNAL;
	pid_t pid = by_fd ? 0 : (pid_t)hf_q_arg(q, c->path);
	int r = 0;

	q->a->signo = (int32_t)hf_q_arg(q, c->mode);
	q->a->mode = 0;
	if (q->a->signo == 0) {
		q->silent = true;	/* asks only whether it is there */
		return 0;
	}
	if (!by_fd && pid <= 0) {
		/* tkill() of these is EINVAL; INT_MIN has no group: ESRCH */
		q->silent = c->form == HF_NF_TKILL || pid == INT_MIN;
		if (!q->silent)
			take_group(q, pid == -1 ? -1 : -pid);
		return 0;
	}
	if (by_fd)
		r = pidfd_target(q);
	else
		take_target(q, pid);
	if (r)
		return r;
	if (by_fd && hf_q_arg(q, c->flags) & SIGNAL_PROCESS_GROUP) {
		uint32_t pgid = q->a->target_tgid;

		take_group(q, (pid_t)pgid);
		q->a->mode = pgid;	/* a number of ours already */
	} else if (q->a->target_tgid == q->a->tgid || (q->a->target_tgid == 0 && !(q->a->flags & HF_ACT_UNRESOLVED))) {
		q->silent = true;	/* itself; or nobody: ESRCH, says the kernel */
	}
	return 0;
}

/* A descriptor of another process, taken through a pidfd: needs the right to trace it. */
static int act_pidfd(struct hf_q *q)
{
	int r = pidfd_target(q);

	if (r == 0)
		q->silent = q->a->target_tgid == q->a->tgid || (q->a->target_tgid == 0 && !(q->a->flags & HF_ACT_UNRESOLVED));
	return r;
}

static int act_ptrace(struct hf_q *q)
{
	uint64_t request = hf_q_arg(q, q->call->mode);

	/* only these two reach out for a process that isn't a tracee yet */
	if (request != PTRACE_ATTACH && request != PTRACE_SEIZE) {
		q->silent = true;
		return 0;
	}
	q->a->mode = (uint32_t)request;
	take_target(q, (pid_t)hf_q_arg(q, q->call->path));
	return 0;
}

static int act_vm(struct hf_q *q)
{
	pid_t pid = (pid_t)hf_q_arg(q, q->call->path);

	if (pid > 0)
		take_target(q, pid);
	/* reading or writing one's own memory changes nothing for anyone; perf: pid 0 is oneself, -1 all */
	if (q->a->kind == HF_VM_WRITE && q->a->target_tgid == q->a->tgid)
		q->silent = true;
	return 0;
}

static int act_id(struct hf_q *q)
{
	uint64_t id = hf_q_arg(q, q->call->mode);

	/* setre*id, setres*id: -1 leaves the effective one as it is */
	q->a->mode = (uint32_t)id == UINT32_MAX ? (uint32_t)hf_q_arg(q, 0) : (uint32_t)id;
	return 0;
}

static int act_name(struct hf_q *q)
{
	const char *prefix = q->a->kind == HF_MEMFD ? "memfd:" : "";

	return take_text(q, q->call->path, prefix, q->r->path, sizeof(q->r->path), &q->a->path);
}

static int act(struct hf_q *q)
{
	const struct hf_notif_call *c = q->call;

	switch ((enum hf_notif_form)c->form) {
	case HF_NF_OPEN:
		return act_open(q, c->flags < 0 ? O_CREAT | O_WRONLY | O_TRUNC : hf_q_arg(q, c->flags), 0);
	case HF_NF_OPEN_HOW:
		return act_open_how(q);
	case HF_NF_OPEN_HANDLE:
		return act_open_handle(q);
	case HF_NF_EXEC:
		return hf_remote_exec(q);
	case HF_NF_ENTRY:
		return take_path(q, c->dirfd, c->path, HF_RP_ENTRY,
				 c->kind == HF_MKDIR || c->kind == HF_MKNOD ? NEED_NOT : NEED_THERE);
	case HF_NF_UNLINKAT:
		return act_unlinkat(q);
	case HF_NF_FOLLOW:
		return act_follow(q);
	case HF_NF_NOFOLLOW:
		return take_path(q, c->dirfd, c->path, 0, NEED_THERE);
	case HF_NF_AT:
		return act_at(q);
	case HF_NF_FD:
		return take_fd(q, hf_q_dirfd(q, c->dirfd));
	case HF_NF_RENAME:
	case HF_NF_LINK:
	case HF_NF_SYMLINK:
		return act_two(q);
	case HF_NF_MOUNT:
		return act_mount(q);
	case HF_NF_MOVE_MOUNT:
		return act_move_mount(q);
	case HF_NF_CONNECT:
	case HF_NF_SENDTO:
	case HF_NF_SENDMSG:
	case HF_NF_SENDMMSG:
		return hf_remote_socket(q);
	case HF_NF_KILL:
	case HF_NF_TKILL:
	case HF_NF_PIDFD_SIGNAL:
		return act_signal(q);
	case HF_NF_PIDFD:
		return act_pidfd(q);
	case HF_NF_PTRACE:
		return act_ptrace(q);
	case HF_NF_VM:
		return act_vm(q);
	case HF_NF_ID:
		return act_id(q);
	case HF_NF_NAME:
		return act_name(q);
	case HF_NF_PLAIN:
	case HF_NF_NONE:
		break;
	}
	return 0;
}

static void reset(struct hf_remote *r)
{
	r->path[0] = r->path2[0] = r->given[0] = r->interp[0] = r->cwd[0] = '\0';
	r->argv_total = r->final_argv_len = r->final_argv_total = 0;
	r->exec_leaves_len = 0;
	r->exec_dev = r->exec_ino = 0;
	r->exec_no_dev = r->exec_any_interp = r->exec_unread = false;
	r->naddrs = 0;
	r->addrs_truncated = false;
}

int hf_remote_action(const struct seccomp_notif *n, uint64_t session, struct hf_remote *r, struct hf_action *ret, bool *ret_silent)
{
	static const struct hf_notif_call other = { .form = HF_NF_PLAIN, .kind = HF_OTHER, -1, -1, -1, -1, -1, -1 };
	const struct hf_notif_call *c = hf_notif_call((uint32_t)n->data.nr);
	struct hf_action a = { .session = session, .flags = HF_ACT_ASKED, .nr = (uint32_t)n->data.nr, .tid = n->pid };
	struct hf_q q = { .n = n, .call = c ? c : &other, .r = r, .a = &a, .tid = (pid_t)n->pid };
	struct hf_remote_ids ids;
	struct timespec now;
	int e;

	if (n->pid == 0)
		return -ESRCH;	/* not in our pid namespace, or gone */
	reset(r);
	a.kind = q.call->kind;
	a.mode = (uint32_t)hf_q_arg(&q, q.call->mode);
	a.syscall = hf_syscall_name(a.nr);
	if (r->known_ids && r->known_ids(r->ctx, q.tid, &ids))
		e = 0;
	else
		e = hf_remote_ids(q.tid, &ids);
	if (e)
		return e;
	a.tgid = ids.tgid;
	a.start_ns = ids.start_ns;
	a.uid = ids.uid;
	e = act(&q);
	if (e)
		return e;
	clock_gettime(CLOCK_BOOTTIME, &now);
	a.time_ns = (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
	*ret = a;
	*ret_silent = q.silent;
	return 0;
}
