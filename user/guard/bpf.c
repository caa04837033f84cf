// SPDX-License-Identifier: Apache-2.0
#include "guard/bpf.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/siphash.h"
#include "guard/bpf_ring.h"
#include "holdfast.skel.h"

#define RING_DEFAULT (4u << 20)
#define RING_MIN     (64u << 10)
#define RING_MAX     (1u << 30)
#define HOOKS	     5

#define CGROUP_UNIX_CONNECT 49	/* BPF_CGROUP_UNIX_CONNECT, 6.7: newer than the headers we may build with */

struct hf_bpf {
	struct holdfast_bpf *skel;
	struct hf_ring ring;
	uint64_t key[2];
	struct bpf_link **links;
	size_t nlinks;
};

/*
 * libbpf has one print function for the whole process. The first complaint names the cause; what follows are
 * consequences.
 */
static __thread char log_text[512];

static int keep_log(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level == LIBBPF_WARN && !log_text[0]) {
		vsnprintf(log_text, sizeof(log_text), fmt, ap);
		log_text[strcspn(log_text, "\n")] = '\0';
	}
	return 0;
}

static int fail(char *why, size_t cap, int err, const char *what)
{
	const char *text = log_text;

	if (strncmp(text, "libbpf: ", 8) == 0)
		text += 8;
	if (cap)
		snprintf(why, cap, "%s: %s%s%s", what, strerror(-err), *text ? ": " : "", text);
	return err;
}

static int setup_maps(struct holdfast_bpf *s, size_t ring)
{
	int ncpu = libbpf_num_possible_cpus(), err;

	if (ncpu < 0)
		return ncpu;
	s->rodata->hf_ncpu = (uint32_t)ncpu;
	err = bpf_map__set_max_entries(s->maps.scratch, (uint32_t)ncpu);
	if (!err)
		err = bpf_map__set_max_entries(s->maps.ring, (uint32_t)ring);
	return err;
}

/* What the running kernel has beyond 5.15, by its own type information. */
static bool kernel_has(const struct btf *btf, const char *func)
{
	return btf__find_by_name_kind(btf, func, BTF_KIND_FUNC) > 0;
}

static bool kernel_has_attach_type(const struct btf *btf, const char *name, int value)
{
	int id = btf__find_by_name_kind(btf, "bpf_attach_type", BTF_KIND_ENUM);
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;

	for (unsigned int i = 0; t && i < btf_vlen(t); i++) {
		const struct btf_enum *e = btf_enum(t) + i;

		if (e->val == value)
			return strcmp(btf__name_by_offset(btf, e->name_off), name) == 0;
	}
	return false;
}

/*
 * May socket hooks call bpf_task_storage_get()? (Since about 6.16.) A program that calls it with a context where
 * the map belongs is refused either way: for the argument only when the helper is allowed.
 * libbpf_probe_bpf_helper() of 1.1 looks for the opposite complaint, whose wording changed, and takes 6.12's
 * "cannot use helper" for a yes.
 */
static bool sock_has_task_storage(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_task_storage_get },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	char log[4096] = "";
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_CGROUP_INET4_CONNECT, .log_level = 1,
		    .log_buf = log, .log_size = sizeof(log));
	int fd = bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "hf_probe", "GPL", insns, 2, &opts);

	if (fd >= 0)
		close(fd);
	return strstr(log, "expected=map_ptr") != NULL;
}

static int setup_newer(struct holdfast_bpf *s, bool as_old)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool unix_hook;
	int err = 0;

	if (!btf)
		return -errno;
	s->rodata->hf_cast = !as_old && kernel_has(btf, "bpf_rdonly_cast");
	unix_hook = kernel_has(btf, "bpf_cast_to_kern_ctx") &&
		    kernel_has_attach_type(btf, "BPF_CGROUP_UNIX_CONNECT", CGROUP_UNIX_CONNECT);
	if (unix_hook)
		err = bpf_program__set_expected_attach_type(s->progs.hf_connect_unix,
				(enum bpf_attach_type)CGROUP_UNIX_CONNECT);
	else
		err = bpf_program__set_autoload(s->progs.hf_connect_unix, false);
	btf__free(btf);
	return err;
}

static int setup(struct hf_bpf *b, const struct hf_bpf_options *o, size_t ring)
{
	struct holdfast_bpf *s = b->skel;
	ssize_t n = getrandom(b->key, sizeof(b->key), 0);
	int err;

	if (n != (ssize_t)sizeof(b->key))
		return n < 0 ? -errno : -EIO;
	s->rodata->hf_key0 = b->key[0];
	s->rodata->hf_key1 = b->key[1];
	s->rodata->hf_wake_at = ring / 8;
	s->rodata->hf_stop_opens = !o || o->stop_opens;
	s->rodata->hf_members = (o && o->by_tid) || !sock_has_task_storage();
	err = setup_newer(s, o && o->by_tid);
	return err ? err : setup_maps(s, ring);
}

static bool ring_size_ok(size_t n)
{
	return n >= RING_MIN && n <= RING_MAX && (n & (n - 1)) == 0;
}

int hf_bpf_open(const struct hf_bpf_options *o, struct hf_bpf **ret, char *why, size_t why_cap)
{
	size_t ring = o && o->ring_bytes ? o->ring_bytes : RING_DEFAULT;
	libbpf_print_fn_t old;
	struct hf_bpf *b;
	int err;

	log_text[0] = '\0';
	if (!ring_size_ok(ring))
		return fail(why, why_cap, -EINVAL, "ring size: a power of two from 64 KiB to 1 GiB");
	b = calloc(1, sizeof(*b));
	if (!b)
		return fail(why, why_cap, -ENOMEM, "BPF");
	old = libbpf_set_print(keep_log);
	b->skel = holdfast_bpf__open();
	err = b->skel ? setup(b, o, ring) : -errno;
	log_text[0] = '\0';	/* the probe above complains where it finds nothing */
	if (err)
		err = fail(why, why_cap, err, "preparing the BPF programs");
	else if ((err = holdfast_bpf__load(b->skel)))
		err = fail(why, why_cap, err, "loading the BPF programs");
	else if ((err = holdfast_bpf__attach(b->skel)))
		err = fail(why, why_cap, err, "attaching the BPF programs");
	else if ((err = hf_ring_open(bpf_map__fd(b->skel->maps.ring), ring, &b->ring)))
		err = fail(why, why_cap, err, "mapping the ring buffer");
	libbpf_set_print(old);
	if (err) {
		hf_bpf_close(&b);
		return err;
	}
	*ret = b;
	return 0;
}

void hf_bpf_close(struct hf_bpf **bp)
{
	struct hf_bpf *b = *bp;

	if (!b)
		return;
	for (size_t i = 0; i < b->nlinks; i++)
		bpf_link__destroy(b->links[i]);
	free(b->links);
	hf_ring_close(&b->ring);
	if (b->skel)
		holdfast_bpf__destroy(b->skel);
	explicit_bzero(b->key, sizeof(b->key));
	free(b);
	*bp = NULL;
}

int hf_bpf_session_add(struct hf_bpf *b, uint64_t session, uint32_t flags)
{
	struct hf_session_state st = { .flags = flags };

	if (!session)
		return -EINVAL;
	return bpf_map_update_elem(bpf_map__fd(b->skel->maps.sessions), &session, &st, BPF_NOEXIST) ? -errno : 0;
}

int hf_bpf_session_remove(struct hf_bpf *b, uint64_t session)
{
	return bpf_map_delete_elem(bpf_map__fd(b->skel->maps.sessions), &session) ? -errno : 0;
}

int hf_bpf_session_state(struct hf_bpf *b, uint64_t session, struct hf_session_state *ret)
{
	struct hf_session_state st;

	if (bpf_map_lookup_elem(bpf_map__fd(b->skel->maps.sessions), &session, &st))
		return -errno;
	*ret = st;
	return 0;
}

/* The process id behind a pidfd, in our pid namespace. */
static int pidfd_pid(int pidfd, uint32_t *ret)
{
	char path[64], line[128];
	unsigned int pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Pid: %u", &pid) == 1)
			break;
	fclose(f);
	if (!pid)
		return -ESRCH;
	*ret = pid;
	return 0;
}

int hf_bpf_task_add(struct hf_bpf *b, int pidfd, uint64_t session)
{
	struct hf_session_state st;
	struct hf_task t = { .session = session };
	uint32_t pid;
	int err = hf_bpf_session_state(b, session, &st);

	if (err)
		return err;
	t.flags = st.flags;
	if (b->skel->rodata->hf_members) {
		err = pidfd_pid(pidfd, &pid);
		if (err)
			return err;
		if (bpf_map_update_elem(bpf_map__fd(b->skel->maps.members), &pid, &t, BPF_ANY))
			return -errno;
	}
	return bpf_map_update_elem(bpf_map__fd(b->skel->maps.tasks), &pidfd, &t, BPF_ANY) ? -errno : 0;
}

int hf_bpf_task_session(struct hf_bpf *b, int pidfd, uint64_t *ret_session)
{
	struct hf_task t;

	if (bpf_map_lookup_elem(bpf_map__fd(b->skel->maps.tasks), &pidfd, &t))
		return -errno;
	*ret_session = t.session;
	return 0;
}

static int attach_hook(struct hf_bpf *b, struct bpf_program *p, int cgroup_fd)
{
	struct bpf_link **links = reallocarray(b->links, b->nlinks + 1, sizeof(*links)), *l;

	if (!links)
		return -ENOMEM;
	b->links = links;
	l = bpf_program__attach_cgroup(p, cgroup_fd);
	if (!l)
		return -errno;
	links[b->nlinks++] = l;
	return 0;
}

int hf_bpf_attach_cgroup(struct hf_bpf *b, int cgroup_fd, uint32_t *ret_hooks)
{
	struct bpf_program *p[HOOKS] = { b->skel->progs.hf_connect4, b->skel->progs.hf_connect6,
					 b->skel->progs.hf_sendmsg4, b->skel->progs.hf_sendmsg6,
					 b->skel->progs.hf_connect_unix };
	size_t before = b->nlinks;
	uint32_t hooks = 0;
	libbpf_print_fn_t old = libbpf_set_print(keep_log);
	int err = 0;

	for (unsigned int i = 0; i < HOOKS && !err; i++) {
		if (!bpf_program__autoload(p[i]))
			continue;
		err = attach_hook(b, p[i], cgroup_fd);
		if (!err)
			hooks |= 1u << i;
	}
	libbpf_set_print(old);
	if (err) {
		while (b->nlinks > before)
			bpf_link__destroy(b->links[--b->nlinks]);
		return err;
	}
	*ret_hooks = hooks;
	return 0;
}

int hf_bpf_ticket_put(struct hf_bpf *b, uint32_t tid, const struct hf_ticket *t)
{
	return bpf_map_update_elem(bpf_map__fd(b->skel->maps.tickets), &tid, t, BPF_ANY) ? -errno : 0;
}

void hf_bpf_ticket_unix(const struct hf_bpf *b, const char *name, size_t len, struct hf_ticket_addr *ret)
{
	uint64_t hash = hf_bpf_hash(b, name, len);
	struct hf_ticket_addr a = { .family = AF_UNIX, .port = (uint16_t)len };

	memcpy(a.addr, &hash, sizeof(hash));
	*ret = a;
}

void hf_bpf_ticket_drop(struct hf_bpf *b, uint32_t tid)
{
	bpf_map_delete_elem(bpf_map__fd(b->skel->maps.tickets), &tid);
}

uint64_t hf_bpf_hash(const struct hf_bpf *b, const void *data, size_t len)
{
	return hf_siphash(b->key[0], b->key[1], data, len);
}

int hf_bpf_interest_add(struct hf_bpf *b, const char *name, uint32_t flags)
{
	int fd = bpf_map__fd(b->skel->maps.interest);
	char key[HF_NAME_KEY] = { 0 };
	size_t n = strlen(name);
	uint32_t old = 0;

	if (!n || n > sizeof(key) || !flags || (flags & ~(HF_INTEREST_LEAF | HF_INTEREST_EXT | HF_INTEREST_PARENT)))
		return -EINVAL;
	memcpy(key, name, n);
	bpf_map_lookup_elem(fd, key, &old);
	flags |= old;
	if (bpf_map_update_elem(fd, key, &flags, BPF_ANY))
		return -errno;
	if (flags & HF_INTEREST_LEAF)
		b->skel->bss->hf_len_leaf |= 1ull << n;
	if (flags & HF_INTEREST_EXT)
		b->skel->bss->hf_len_ext |= 1ull << n;
	if (flags & HF_INTEREST_PARENT)
		b->skel->bss->hf_len_parent |= 1ull << n;
	return 0;
}

int hf_bpf_drain(struct hf_bpf *b, hf_bpf_record_fn cb, void *ctx)
{
	/* before reading: a record that comes after this may wake us again, one that came before is read now */
	__atomic_store_n(&b->skel->bss->hf_woken, 0, __ATOMIC_SEQ_CST);
	return hf_ring_drain(&b->ring, cb, ctx);
}

bool hf_bpf_drained(const struct hf_bpf *b, uint64_t *ret_lost)
{
	*ret_lost = __atomic_load_n(&b->skel->bss->hf_lost, __ATOMIC_ACQUIRE);
	return !b->ring.stuck;
}

int hf_bpf_ring_fd(const struct hf_bpf *b)
{
	return bpf_map__fd(b->skel->maps.ring);
}

void hf_bpf_resume(struct hf_bpf *b, uint32_t tgid)
{
	int fd = bpf_map__fd(b->skel->maps.halted);
	uint32_t any;

	bpf_map_delete_elem(fd, &tgid);
	if (bpf_map_get_next_key(fd, NULL, &any) == 0)
		return;
	/* BPF enters first and sets this then: whoever came in between is seen by the second look */
	__atomic_store_n(&b->skel->bss->hf_halted_any, 0, __ATOMIC_SEQ_CST);
	if (bpf_map_get_next_key(fd, NULL, &any) == 0)
		__atomic_store_n(&b->skel->bss->hf_halted_any, 1, __ATOMIC_SEQ_CST);
}

int hf_bpf_stranded(struct hf_bpf *b, uint32_t *ret_tgid, uint64_t *ret_session, size_t cap)
{
	int fd = bpf_map__fd(b->skel->maps.stranded);
	size_t n = 0;

	while (n < cap) {
		if (bpf_map_get_next_key(fd, NULL, &ret_tgid[n]))
			break;
		if (bpf_map_lookup_elem(fd, &ret_tgid[n], &ret_session[n])) {
			if (errno == ENOENT)
				continue;	/* it has just ended */
			break;
		}
		bpf_map_delete_elem(fd, &ret_tgid[n]);
		n++;
	}
	return (int)n;
}

static bool excepted(uint32_t tid, const uint32_t *except, size_t nexcept)
{
	for (size_t i = 0; i < nexcept; i++)
		if (except[i] == tid)
			return true;
	return false;
}

int hf_bpf_session_frozen(struct hf_bpf *b, uint64_t session, const uint32_t *except, size_t nexcept, uint32_t *ret_tid)
{
	uint32_t tids[256];
	int fd, frozen = 1;
	ssize_t n;

	b->skel->bss->hf_iter_session = session;
	fd = bpf_iter_create(bpf_link__fd(b->skel->links.hf_iter_running));
	if (fd < 0)
		return -errno;
	while (frozen == 1) {
		n = read(fd, tids, sizeof(tids));
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			frozen = -errno;
		if (n <= 0)
			break;
		for (size_t i = 0; i < (size_t)n / sizeof(*tids) && frozen == 1; i++) {
			if (excepted(tids[i], except, nexcept))
				continue;
			if (ret_tid)
				*ret_tid = tids[i];
			frozen = 0;
		}
	}
	close(fd);
	return frozen;
}
