/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an execve or execveat will run, and the argv that the new image will have: fs/exec.c (alloc_bprm, exec_binprm, copy_strings)
 * and fs/binfmt_script.c (load_script), done from outside so that a ticket can be compared with what the kernel then really has.
 */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "bpf/wire.h"
#include "remote_int.h"

#define PAGE		  4096u
#define PTR_BATCH	  512u			/* argv pointers read at once */
#define STR_SCRATCH	  32768u
#define ARG_MIN_BYTES	  (128u << 10)		/* bprm_set_stack_limit(): this much is always allowed */
#define ARG_MAX_BYTES	  (6u << 20)		/* 3/4 of _STK_LIM: more never is */
#define ARG_STRLEN_MAX	  131072u		/* MAX_ARG_STRLEN */
#define INTERP_LEVELS	  5			/* exec_binprm(): one more is ELOOP */
#define FUSE_MAGIC	  0x65735546
#define EXECVE_CHECK	  0x10000		/* AT_EXECVE_CHECK: nothing is run */

struct args {				/* argv being read: two copies, the second one without argv[0] */
	struct hf_remote *r;
	pid_t tid;
	size_t total, argc, argv0_len;	/* lengths with their NULs */
	size_t kept, rest_kept;
	size_t limit;			/* more is E2BIG; 0: not asked yet */
};

static void keep(char *to, size_t *kept, const char *s, size_t n)
{
	size_t room = HF_ARGV_MAX - *kept;

	n = n < room ? n : room;
	memcpy(to + *kept, s, n);
	*kept += n;
}

static void args_add(struct args *a, const char *s, size_t n)
{
	keep(a->r->argv, &a->kept, s, n);
	if (a->argc > 0)
		keep(a->r->final_argv, &a->rest_kept, s, n);
	else
		a->argv0_len += n;
	a->total += n;
}

/* What the kernel takes at most for argv and envp: a quarter of the stack's limit between two bounds. */
static size_t args_limit(pid_t tid)
{
	struct rlimit l;

	if (prlimit(tid, RLIMIT_STACK, NULL, &l) || l.rlim_cur / 4 > ARG_MAX_BYTES)
		return ARG_MAX_BYTES;
	return l.rlim_cur / 4 > ARG_MIN_BYTES ? (size_t)l.rlim_cur / 4 : ARG_MIN_BYTES;
}

static int args_end(struct args *a)
{
	size_t size;

	args_add(a, "", 1);
	a->argc++;
	size = a->total + a->argc * sizeof(uint64_t);	/* each pointer counts too */
	if (size <= ARG_MIN_BYTES)
		return 0;
	if (a->limit == 0)
		a->limit = args_limit(a->tid);
	return size > a->limit ? -E2BIG : 0;
}

/* The part of a string that the first look did not hold: from addr on; got bytes of it were taken already. */
static int args_long(struct args *a, uint64_t addr, size_t got)
{
	char buf[16384];

	while (got < ARG_STRLEN_MAX) {
		ssize_t n = hf_remote_read(a->tid, addr, buf, sizeof(buf));
		char *nul;

		if (n <= 0)
			return n ? (int)n : -EFAULT;
		nul = memchr(buf, 0, (size_t)n);
		args_add(a, buf, nul ? (size_t)(nul - buf) : (size_t)n);
		if (nul)
			return args_end(a);
		got += (size_t)n;
		addr += (uint64_t)n;
	}
	return -E2BIG;
}

/* n strings: a first piece of each with one call, the rest of long ones after. */
static int args_batch(struct args *a, const uint64_t *ptr, unsigned n)
{
	struct iovec remote[PTR_BATCH], local;
	char buf[STR_SCRATCH];
	size_t piece = STR_SCRATCH / n, have, at = 0;
	ssize_t got;
	int r;

	piece = piece > 512 ? 512 : piece;
	local = (struct iovec){ buf, 0 };
	for (unsigned i = 0; i < n; i++) {
		size_t len = PAGE - (ptr[i] & (PAGE - 1));

		len = len < piece ? len : piece;
		remote[i] = (struct iovec){ (void *)(uintptr_t)ptr[i], len };
		local.iov_len += len;
	}
	got = process_vm_readv(a->tid, &local, 1, remote, n, 0);
	if (got < 0)
		return -errno;
	have = (size_t)got;
	for (unsigned i = 0; i < n; i++) {
		size_t len = remote[i].iov_len;
		char *nul;

		if (at + len > have)
			return -EFAULT;
		nul = memchr(buf + at, 0, len);
		args_add(a, buf + at, nul ? (size_t)(nul - (buf + at)) : len);
		r = nul ? args_end(a) : args_long(a, ptr[i] + len, len);
		if (r)
			return r;
		at += len;
	}
	return 0;
}

static int read_args(struct args *a, uint64_t argv)
{
	uint64_t ptr[PTR_BATCH];
	bool end = argv == 0;	/* count(): a NULL argv is an empty one */
	int r = 0;

	while (!end && r == 0) {
		size_t want = sizeof(ptr), n;
		ssize_t got;

		if (a->argc == 0)	/* most have few: the rest of this page will do */
			want = PAGE - (argv & (PAGE - 1)) < 8 ? 16 : (PAGE - (argv & (PAGE - 1))) & ~7ul;
		got = hf_remote_read(a->tid, argv, ptr, want);
		if (got < 8)
			return got < 0 ? (int)got : -EFAULT;
		for (n = 0; n < (size_t)got / 8 && ptr[n]; n++)
			;
		end = n < (size_t)got / 8;
		argv += n * 8;
		r = n ? args_batch(a, ptr, (unsigned)n) : 0;
	}
	if (r == 0 && a->argc == 0)
		r = args_end(a);	/* bprm_execve: an empty argv becomes { "" } since 5.18 */
	return r;
}

/* First bytes of the file: 0, -EAGAIN: they can't be had. */
static int read_head(struct hf_remote *r, const struct hf_rpath *f, char head[HF_BINPRM_BUF])
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	char p[32];
	struct statfs fs;
	ssize_t n;
	int fd;

	/* a file server may be one of those who wait for us */
	if (fstatfs(f->fd, &fs) || (uint32_t)fs.f_type == FUSE_MAGIC)
		return -EAGAIN;
	if (r->may_open && !r->may_open(r->ctx, hf_remote_mkdev(f->st.st_dev), f->st.st_ino))
		return -EAGAIN;
	snprintf(p, sizeof(p), "/proc/self/fd/%d", f->fd);
	fd = open(p, flags | O_NOATIME);
	if (fd < 0 && errno == EPERM)
		fd = open(p, flags);
	if (fd < 0)
		return -EAGAIN;
	memset(head, 0, HF_BINPRM_BUF);
	n = pread(fd, head, HF_BINPRM_BUF, 0);
	close(fd);
	return n < 0 ? -EAGAIN : 0;
}

static bool is_native_elf(const char *head)
{
	uint16_t machine;

	memcpy(&machine, head + offsetof(Elf64_Ehdr, e_machine), sizeof(machine));
	return memcmp(head, ELFMAG, SELFMAG) == 0 && (machine == EM_X86_64 || machine == EM_386);
}

/* Can binfmt_misc have an interpreter for it? Without an entry the kernel will say ENOEXEC. */
static bool misc_has_entries(void)
{
	DIR *d = opendir("/proc/sys/fs/binfmt_misc");
	struct dirent *e;
	bool found = false;

	if (!d)
		return false;
	while (!found && (e = readdir(d)))
		found = e->d_name[0] != '.' && strcmp(e->d_name, "register") && strcmp(e->d_name, "status");
	closedir(d);
	return found;
}

struct chain {				/* the words that #! lines put in front */
	char words[INTERP_LEVELS * (HF_BINPRM_BUF + 2) + HF_PATH_MAX + 64];
	size_t len;
	unsigned levels;
};

static void chain_push(struct chain *c, const char *word)
{
	size_t n = strlen(word) + 1;

	memmove(c->words + n, c->words, c->len);
	memcpy(c->words, word, n);
	c->len += n;
}

/* Follows #! from *f (replaced by the interpreter, at last by the file that the kernel runs). */
static int follow_scripts(struct hf_q *q, struct chain *c, struct hf_rpath *f, const char *filename, bool inaccessible)
{
	struct hf_remote *r = q->r;
	char head[HF_BINPRM_BUF];

	for (;;) {
		const char *name, *arg;
		struct hf_rpath next;
		int ret;

		if (!S_ISREG(f->st.st_mode))
			return 0;	/* EACCES, says the kernel */
		if (read_head(r, f, head)) {
			r->exec_unread = r->exec_any_interp = true;
			return 0;
		}
		if (hf_notif_script(head, &name, &arg)) {
			r->exec_any_interp = !is_native_elf(head) && misc_has_entries();
			return 0;
		}
		/* load_script(): the interpreter could not open /dev/fd/N, which the exec closes */
		if (inaccessible)
			return -ENOENT;
		if (++c->levels > INTERP_LEVELS)
			return -ELOOP;
		if (c->levels == 1)
			chain_push(c, filename);	/* deeper: the interpreter's name is in front already */
		if (arg)
			chain_push(c, arg);
		chain_push(c, name);
		ret = hf_rpath_resolve(q->tid, AT_FDCWD, name, HF_RP_FOLLOW | HF_RP_THERE, r->interp, sizeof(r->interp), &next);
		if (ret)
			return ret;
		hf_rpath_done(f);
		*f = next;
		if (next.unresolved) {
			r->exec_unread = r->exec_any_interp = true;
			return 0;
		}
	}
}

static void final_args(struct args *a, const struct chain *c)
{
	struct hf_remote *r = a->r;

	if (c->levels == 0) {
		memcpy(r->final_argv, r->argv, a->kept);
		r->final_argv_len = a->kept;
		r->final_argv_total = a->total;
		return;
	}
	if (c->len + a->rest_kept > HF_ARGV_MAX)
		a->rest_kept = HF_ARGV_MAX - c->len;
	memmove(r->final_argv + c->len, r->final_argv, a->rest_kept);
	memcpy(r->final_argv, c->words, c->len);
	r->final_argv_len = c->len + a->rest_kept;
	r->final_argv_total = c->len + a->total - a->argv0_len;
}

/* bprm->filename: what a script's interpreter is told, and what the image's AT_EXECFN says. */
static int exec_filename(struct hf_q *q, int dirfd, const char *path, char *out, size_t cap, bool *ret_inaccessible)
{
	char p[64], buf[1024], *flags;
	ssize_t n;

	if (dirfd == AT_FDCWD || path[0] == '/') {
		snprintf(out, cap, "%s", path);
		return 0;
	}
	snprintf(out, cap, path[0] ? "/dev/fd/%d/%s" : "/dev/fd/%d", dirfd, path);
	snprintf(p, sizeof(p), "/proc/%d/fdinfo/%d", (int)q->tid, dirfd);
	n = hf_remote_slurp(p, buf, sizeof(buf));
	if (n <= 0)
		return -EBADF;
	flags = strstr(buf, "flags:");
	*ret_inaccessible = flags && (strtoul(flags + 6, NULL, 8) & O_CLOEXEC);
	return 0;
}

static void read_cwd(struct hf_q *q)
{
	char p[64], *cwd = q->r->cwd;
	struct stat st;
	ssize_t n;
	int fd;

	snprintf(p, sizeof(p), "/proc/%d/cwd", (int)q->tid);
	n = readlink(p, cwd, sizeof(q->r->cwd));
	if (n <= 0 || (size_t)n >= sizeof(q->r->cwd))
		return;
	cwd[n] = '\0';
	if (cwd[n - 1] == ')') {	/* perhaps " (deleted)" */
		fd = hf_rpath_open_proc(q->tid, "cwd");
		n = fd >= 0 && fstat(fd, &st) == 0 ? hf_rpath_name(fd, &st, cwd, sizeof(q->r->cwd)) : -1;
		if (fd >= 0)
			close(fd);
		if (n < 0)
			return;
	}
	q->a->cwd = (struct hf_str){ cwd, (size_t)n };
}

/* The file the kernel will run, for the ticket. */
static int exec_identity(struct hf_q *q, const struct hf_rpath *f, const char *name)
{
	struct hf_remote *r = q->r;

	if (f->unresolved || f->fd < 0)
		return 0;
	r->exec_leaves_len = hf_path_to_leaves(hf_str_of(name), r->exec_leaves, sizeof(r->exec_leaves));
	return hf_remote_identity(f->fd, &r->exec_dev, &r->exec_ino, &r->exec_no_dev);
}

static int exec_file(struct hf_q *q, struct args *args, struct hf_rpath *f, int dirfd, const char *path)
{
	char filename[sizeof(q->r->given) + 32];
	struct chain c;
	bool inaccessible = false;
	int r = exec_filename(q, dirfd, path, filename, sizeof(filename), &inaccessible);

	c.len = c.levels = 0;
	if (r == 0)
		r = follow_scripts(q, &c, f, filename, inaccessible);
	if (r == 0)
		r = exec_identity(q, f, c.levels ? q->r->interp : q->r->path);
	if (r)
		return r;
	final_args(args, &c);
	/* the name as the kernel will note it, /dev/fd/N for a descriptor; longer than a path can be only with a dirfd in front */
	snprintf(q->r->given, sizeof(q->r->given), "%.*s", (int)sizeof(q->r->given) - 1, filename);
	q->a->given = hf_str_of(q->r->given);
	if (c.levels) {
		q->a->flags |= HF_ACT_SCRIPT;
		q->a->interp = hf_str_of(q->r->interp);
	}
	return 0;
}

int hf_remote_exec(struct hf_q *q)
{
	const struct hf_notif_call *c = q->call;
	struct hf_remote *r = q->r;
	struct args args = { .r = r, .tid = q->tid };
	struct hf_rpath f;
	int dirfd = hf_q_dirfd(q, c->dirfd), flags = (int)hf_q_arg(q, c->flags), ret;
	ssize_t n;
	char path[HF_PATH_MAX];

	if (flags & EXECVE_CHECK) {
		q->silent = true;
		return 0;
	}
	n = hf_remote_read_str(q->tid, hf_q_arg(q, c->path), path, sizeof(path));
	if (n < 0)
		return (int)n;
	ret = hf_rpath_resolve(q->tid, dirfd, path, HF_RP_THERE | (flags & AT_SYMLINK_NOFOLLOW ? 0 : HF_RP_FOLLOW) |
			       (flags & AT_EMPTY_PATH ? HF_RP_EMPTY : 0), r->path, sizeof(r->path), &f);
	if (ret)
		return ret;
	hf_q_take_path(q, &f);
	if (f.unresolved)
		r->exec_unread = r->exec_any_interp = true;
	if (ret == 0)
		ret = read_args(&args, hf_q_arg(q, c->path2));
	r->argv_total = args.total;
	if (ret == 0 && f.unresolved) {
		struct chain none = { .levels = 0 };

		final_args(&args, &none);
		snprintf(r->given, sizeof(r->given), "%s", path);
		q->a->given = hf_str_of(r->given);
	} else if (ret == 0) {
		ret = exec_file(q, &args, &f, dirfd, path);
	}
	hf_rpath_done(&f);
	if (ret)
		return ret;
	read_cwd(q);
	/* what the image will hold, not what was passed: the record of the exec has the same bytes */
	q->a->argv = (struct hf_str){ r->final_argv, r->final_argv_len };
	if (r->final_argv_total > r->final_argv_len)
		q->a->flags |= HF_ACT_TRUNC_ARGV;
	return 0;
}
