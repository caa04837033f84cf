/* SPDX-License-Identifier: Apache-2.0 */
/* What a rule sees of one action: the fields of sigma.h from the action, its process and the trajectory. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "traj_impl.h"

static uint32_t categories_of(const struct hf_action *a)
{
	bool writes;

	switch (a->kind) {
	case HF_EXEC:
		return 1u << HF_CAT_PROCESS_CREATION;
	case HF_OPEN:
		if (a->open_flags & O_PATH)
			return 0;	/* neither reads nor writes; what is opened through it later is asked again */
		writes = hf_action_writes(a);
		return ((a->open_flags & O_ACCMODE) != O_WRONLY ? 1u << HF_CAT_FILE_ACCESS : 0) |
		       (writes ? 1u << HF_CAT_FILE_EVENT : 0);
	case HF_UNLINK: case HF_RMDIR:
		return 1u << HF_CAT_FILE_DELETE;
	case HF_RENAME:
		return 1u << HF_CAT_FILE_RENAME | 1u << HF_CAT_FILE_EVENT;
	case HF_LINK: case HF_SYMLINK: case HF_MKDIR: case HF_MKNOD:
		return 1u << HF_CAT_FILE_EVENT;
	case HF_CHMOD: case HF_CHOWN: case HF_TRUNCATE: case HF_SETXATTR:
		return 1u << HF_CAT_FILE_CHANGE;
	case HF_CONNECT: case HF_SEND: case HF_LISTEN: case HF_ACCEPT:
		return 1u << HF_CAT_NETWORK_CONNECTION;
	case HF_BIND: case HF_SETUID: case HF_SIGNAL: case HF_PTRACE: case HF_VM_WRITE: case HF_MEMFD: case HF_MOUNT:
	case HF_MODULE: case HF_BPF: case HF_OTHER:
		return 1u << HF_CAT_SYSCALL;
	default:
		return 0;
	}
}

/* Does a rule read it? The others are left out. Truncated always counts: see hf_event_build(). */
static bool wants(const struct hf_scratch *s, enum hf_field f)
{
	return s->uses >> f & 1;
}

static void put(struct hf_scratch *s, enum hf_field f, struct hf_str v)
{
	if (!v.p || v.n == 0 || !wants(s, f))
		return;
	s->v[f].s[0] = v;
	s->v[f].n = 1;
	s->e.f[f] = &s->v[f];
}

static void put_z(struct hf_scratch *s, enum hf_field f, const char *z)
{
	put(s, f, hf_str_of(z));
}

static void put_more(struct hf_scratch *s, enum hf_field f, struct hf_str v)
{
	struct hf_value *l = &s->v[f];

	if (!wants(s, f))
		return;
	if (!s->e.f[f])
		l->n = 0;
	if (!v.p || v.n == 0 || l->n == HF_EVENT_LIST_MAX)
		return;
	l->s[l->n++] = v;
	s->e.f[f] = l;
}

static void put_u64(struct hf_scratch *s, enum hf_field f, uint64_t v, unsigned base, unsigned min_digits)
{
	char *end = s->num[f] + sizeof(s->num[f]), *p = end;

	if (!wants(s, f))
		return;
	do {
		*--p = "0123456789abcdef"[v % base];
		v /= base;
	} while (v > 0 || end - p < (int)min_digits);
	put(s, f, (struct hf_str){ p, (size_t)(end - p) });
}

static void put_labels(const struct hf_traj *t, enum hf_field f, uint64_t bits, char *room, size_t cap)
{
	struct hf_scratch *s = t->scratch;

	if (!wants(s, f))
		return;
	for (unsigned i = 0; bits; i++) {
		uint64_t bit = UINT64_C(1) << i;

		if (!(bits & bit))
			continue;
		/* More than the list holds: the last value carries the rest, one space between. */
		if (s->e.f[f] && s->v[f].n == HF_EVENT_LIST_MAX - 1 && (bits & ~bit)) {
			put_more(s, f, (struct hf_str){ room, hf_traj_labels_format(t, bits, room, cap) });
			return;
		}
		put_more(s, f, hf_str_of(hf_traj_label_name(t, i)));
		bits &= ~bit;
	}
}

static void put_user(const struct hf_traj *t, uint32_t uid)
{
	struct hf_scratch *s = t->scratch;

	put_u64(s, HF_F_USER_ID, uid, 10, 1);
	if (!wants(s, HF_F_USER))
		return;
	for (unsigned i = 0; i < t->nusers; i++) {
		if (t->user[i].uid == uid) {
			put(s, HF_F_USER, (struct hf_str){ t->user[i].name, t->user[i].len });
			return;
		}
	}
	if (uid == 0)
		put_z(s, HF_F_USER, "root");
}

static void put_effective(const struct hf_traj *t, const struct hf_action *a)
{
	struct hf_scratch *s = t->scratch;
	struct hf_effective *e = &s->effective;
	struct hf_str script = { NULL, 0 };

	if (!wants(s, HF_F_EFFECTIVE_IMAGE) && !wants(s, HF_F_EFFECTIVE_COMMAND_LINE))
		return;
	if ((a->flags & HF_ACT_SCRIPT) && a->interp.n > 0)
		script = a->path;
	hf_effective_parse(hf_exec_image(a), a->argv, script, e);
	for (unsigned i = 0; i < e->n; i++) {
		put_more(s, HF_F_EFFECTIVE_IMAGE, e->cmd[i].image);
		put_more(s, HF_F_EFFECTIVE_COMMAND_LINE, e->cmd[i].cmdline);
	}
	if (e->cut)
		put_more(s, HF_F_TRUNCATED, HF_STR("command"));
}

static void put_session(const struct hf_traj *t, const struct hf_action *a)
{
	struct hf_scratch *s = t->scratch;
	uint64_t age_ns = t->first_ns && a->time_ns > t->first_ns ? a->time_ns - t->first_ns : 0;

	put_u64(s, HF_F_SESSION, t->session, 16, 16);
	put_u64(s, HF_F_SESSION_AGE, age_ns / 1000000000u, 10, 1);
	put_u64(s, HF_F_ACTION_COUNT, t->stats.actions, 10, 1);
	if (t->tty_known)
		put_z(s, HF_F_IS_TTY, t->tty ? "true" : "false");
}

static void put_process(const struct hf_traj *t, const struct hf_action *a, const struct hf_proc *p)
{
	struct hf_scratch *s = t->scratch;
	const struct hf_proc *parent = p ? p->parent : NULL;
	uint32_t ppid = parent ? parent->tgid : p ? p->ppid : 0;

	if (a->kind == HF_EXEC) {
		bool cut = false;
		size_t n = hf_argv_join(a->argv, false, s->cmdline, sizeof(s->cmdline), &cut);

		put(s, HF_F_IMAGE, hf_exec_image(a));
		put(s, HF_F_COMMAND_LINE, (struct hf_str){ s->cmdline, n });
		if (a->flags & HF_ACT_SCRIPT)
			put(s, HF_F_INTERPRETER, a->interp);
		if (cut || (a->flags & HF_ACT_TRUNC_ARGV))
			put_more(s, HF_F_TRUNCATED, HF_STR("argv"));
		put_effective(t, a);
	} else if (p) {
		put(s, HF_F_IMAGE, p->image);
		put(s, HF_F_COMMAND_LINE, p->cmdline);
		put(s, HF_F_INTERPRETER, p->interp);
	}
	put(s, HF_F_CURRENT_DIRECTORY, a->cwd.n ? a->cwd : p ? p->cwd : a->cwd);
	put_user(t, a->uid);
	put_u64(s, HF_F_PROCESS_ID, a->tgid, 10, 1);
	if (ppid)
		put_u64(s, HF_F_PARENT_PROCESS_ID, ppid, 10, 1);
	if (parent) {
		put(s, HF_F_PARENT_IMAGE, parent->image);
		put(s, HF_F_PARENT_COMMAND_LINE, parent->cmdline);
	}
	for (const struct hf_proc *q = parent; q && wants(s, HF_F_ANCESTORS); q = q->parent) {
		if (s->e.f[HF_F_ANCESTORS] && s->v[HF_F_ANCESTORS].n == HF_EVENT_LIST_MAX)
			break;
		put_more(s, HF_F_ANCESTORS, q->image);
	}
	put_labels(t, HF_F_LABELS, t->labels | (p ? p->labels : t->procs.labels_ever), s->labels[0], sizeof(s->labels[0]));
	put_labels(t, HF_F_PARENT_LABELS, parent ? parent->labels : 0, s->labels[2], sizeof(s->labels[2]));
}

/* "true" is never said in error for a path that only looks as if it lay inside. */
static bool in_workspace(const struct hf_traj *t, struct hf_str path)
{
	size_t n = t->workspace.n;

	if (n == 0 || path.n == 0 || path.p[0] != '/')
		return false;
	for (size_t i = 0; i + 1 < path.n; i++) {
		size_t left = path.n - i - 1;
		const char *c = path.p + i + 1;

		if (path.p[i] == '/' && c[0] == '.' &&
		    (left == 1 || c[1] == '/' || (c[1] == '.' && (left == 2 || c[2] == '/'))))
			return false;
	}
	if (n == 1)
		return true;		/* "/" */
	return path.n >= n && memcmp(path.p, t->workspace.p, n) == 0 && (path.n == n || path.p[n] == '/');
}

static void put_file(const struct hf_traj *t, const struct hf_action *a)
{
	static const struct { uint32_t flag; const char *word; } words[] = {
		{ O_CREAT, "create" }, { O_TRUNC, "truncate" }, { O_APPEND, "append" }, { O_PATH, "path" },
	};
	static const char *const access[] = { "read", "write", "read", "read" };
	struct hf_scratch *s = t->scratch;

	put(s, HF_F_TARGET_FILENAME, a->path);
	if (a->path.n) {
		if (wants(s, HF_F_IN_WORKSPACE))
			put_z(s, HF_F_IN_WORKSPACE, in_workspace(t, a->path) ? "true" : "false");
		if (wants(s, HF_F_FILE_LABELS))
			put_labels(t, HF_F_FILE_LABELS, hf_labels_of_file(t, a), s->labels[1], sizeof(s->labels[1]));
	}
	if (a->flags & HF_ACT_TRUNC_PATH)
		put_more(s, HF_F_TRUNCATED, HF_STR("path"));
	if (a->kind == HF_RENAME || a->kind == HF_LINK || a->kind == HF_SYMLINK)
		put(s, HF_F_SOURCE_FILENAME, a->path2);
	if (a->kind == HF_CHMOD || a->kind == HF_MKDIR || a->kind == HF_MKNOD ||
	    (a->kind == HF_OPEN && (a->open_flags & O_CREAT)))
		put_u64(s, HF_F_FILE_MODE, a->mode & 07777, 8, 4);
	if (a->kind != HF_OPEN)
		return;
	if (!(a->open_flags & O_PATH)) {
		put_more(s, HF_F_OPEN_FLAGS, hf_str_of(access[a->open_flags & O_ACCMODE]));
		if ((a->open_flags & O_ACCMODE) >= O_RDWR)
			put_more(s, HF_F_OPEN_FLAGS, HF_STR("write"));
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if ((a->open_flags & words[i].flag) == words[i].flag)
			put_more(s, HF_F_OPEN_FLAGS, hf_str_of(words[i].word));
}

static const char *protocol_of(const struct hf_addr *a)
{
	if (a->family == AF_UNIX)
		return "unix";
	switch (a->proto) {
	case IPPROTO_TCP:	return "tcp";
	case IPPROTO_UDP:	return "udp";
	case IPPROTO_ICMP:	return "icmp";
	case IPPROTO_ICMPV6:	return "icmpv6";
	case IPPROTO_SCTP:	return "sctp";
	case IPPROTO_RAW:	return "raw";
	default:		return NULL;
	}
}

static void put_net(const struct hf_traj *t, const struct hf_action *a)
{
	struct hf_scratch *s = t->scratch;
	const struct hf_addr *d = &a->addr;
	bool from = a->kind == HF_ACCEPT;	/* the peer is where it comes from */
	bool first;
	size_t len = d->sun_len < sizeof(d->sun) ? d->sun_len : sizeof(d->sun);

	if (a->kind != HF_CONNECT && a->kind != HF_SEND && a->kind != HF_BIND && a->kind != HF_LISTEN && !from)
		return;
	if (a->kind == HF_CONNECT || a->kind == HF_SEND)
		put_z(s, HF_F_INITIATED, "true");
	else
		put_z(s, HF_F_INITIATED, "false");
	put_z(s, HF_F_PROTOCOL, protocol_of(d));
	if (wants(s, HF_F_FIRST_SEEN_DESTINATION) && hf_dests_first(t, a, &first))
		put_z(s, HF_F_FIRST_SEEN_DESTINATION, first ? "true" : "false");
	if (d->family == AF_INET || d->family == AF_INET6) {
		hf_addr_ip(d, s->ip, sizeof(s->ip));
		put_z(s, from ? HF_F_SOURCE_IP : HF_F_DESTINATION_IP, s->ip);
		put_u64(s, from ? HF_F_SOURCE_PORT : HF_F_DESTINATION_PORT, d->port, 10, 1);
	} else if (d->family == AF_UNIX && len > 0 && !from) {
		memcpy(s->sun, d->sun, len);
		if (s->sun[0] == '\0')
			s->sun[0] = '@';
		else
			len = strnlen(s->sun, len);
		put(s, HF_F_DESTINATION_PATH, (struct hf_str){ s->sun, len });
	}
}

/* "/proc/17/environ": 17. As the process's own /proc numbers it: in another pid namespace that is not ours. */
static uint32_t proc_of_path(struct hf_str path)
{
	uint32_t pid = 0;
	size_t i = 6;

	if (path.n < 8 || memcmp(path.p, "/proc/", 6) != 0)
		return 0;
	for (; i < path.n && i < 15 && path.p[i] >= '0' && path.p[i] <= '9'; i++)
		pid = pid * 10 + (uint32_t)(path.p[i] - '0');
	return i < path.n && path.p[i] == '/' ? pid : 0;
}

static void put_owner(struct hf_scratch *s, const struct hf_action *a)
{
	/* setuid, setreuid, setresuid, setfsuid; the same for groups are of this kind too */
	bool user = a->kind == HF_CHOWN || a->nr == 105 || a->nr == 113 || a->nr == 117 || a->nr == 122;

	if ((a->kind == HF_CHOWN || a->kind == HF_SETUID) && user && a->mode != UINT32_MAX)
		put_u64(s, HF_F_OWNER_ID, a->mode, 10, 1);
}

static void put_target(const struct hf_traj *t, const struct hf_action *a)
{
	struct hf_scratch *s = t->scratch;
	const struct hf_proc_ent *target;
	uint32_t pid = a->target_tgid ? a->target_tgid : proc_of_path(a->path);

	if (a->kind == HF_SIGNAL)
		put_u64(s, HF_F_SIGNAL, a->signo > 0 ? (uint64_t)a->signo : 0, 10, 1);
	if (pid == 0 || !(wants(s, HF_F_TARGET_PROCESS_ID) || wants(s, HF_F_TARGET_IMAGE)))
		return;
	put_u64(s, HF_F_TARGET_PROCESS_ID, pid, 10, 1);
	target = hf_procs_find(t, pid, 0);
	if (target)
		put(s, HF_F_TARGET_IMAGE, target->p.image);
}

const struct hf_event *hf_event_build(const struct hf_traj *t, const struct hf_action *a, const struct hf_proc *p)
{
	struct hf_scratch *s = t->scratch;

	memset(&s->e, 0, sizeof(s->e));
	s->uses = t->uses | UINT64_C(1) << HF_F_TRUNCATED;
	s->e.categories = categories_of(a);
	put_process(t, a, p);
	put_file(t, a);
	put_net(t, a);
	put_target(t, a);
	put_z(s, HF_F_SYSCALL, a->syscall ? a->syscall : hf_syscall_name(a->nr));
	put_z(s, HF_F_ACTION, hf_kind_name(a->kind));
	put_session(t, a);
	put_owner(s, a);
	s->e.truncated = s->e.f[HF_F_TRUNCATED] != NULL;
	return &s->e;
}
