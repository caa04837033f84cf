/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a session: who forked whom, and what each runs. */
#include <errno.h>
#include <stdlib.h>

#include "traj_impl.h"

#define TICK_NS 10000000u
#define SCAN_DEAD 64u		/* dead entries looked at for one without children before one with children goes */

int hf_procs_init(struct hf_traj *t)
{
	struct hf_procs *ps = &t->procs;

	ps->mask = hf_traj_pow2(t->lim.procs) - 1;
	ps->free = ps->dead_first = ps->dead_last = HF_NIL;
	ps->ent = calloc(t->lim.procs, sizeof(*ps->ent));
	ps->order = calloc(t->lim.procs, sizeof(*ps->order));
	ps->stack = calloc(t->lim.procs, sizeof(*ps->stack));
	ps->bucket = malloc(((size_t)ps->mask + 1) * sizeof(*ps->bucket));
	if (!ps->ent || !ps->order || !ps->stack || !ps->bucket)
		return -ENOMEM;
	memset(ps->bucket, 0xff, ((size_t)ps->mask + 1) * sizeof(*ps->bucket));
	return 0;
}

static struct hf_proc_ent *ent_of(struct hf_proc *p)
{
	return (struct hf_proc_ent *)p;
}

static void image_put(struct hf_procs *ps, struct hf_image **img)
{
	if (*img && --(*img)->refs == 0) {
		ps->image_bytes -= (*img)->bytes;
		free(*img);
	}
	*img = NULL;
}

void hf_procs_free(struct hf_traj *t)
{
	struct hf_procs *ps = &t->procs;

	for (uint32_t i = 0; ps->ent && i < ps->high; i++)
		image_put(ps, &ps->ent[i].img);
	free(ps->ent);
	free(ps->order);
	free(ps->stack);
	free(ps->bucket);
}

static struct hf_str image_copy(char **at, struct hf_str s)
{
	struct hf_str r = { *at, s.p ? s.n : 0 };

	if (r.n > 0)
		memcpy(*at, s.p, r.n);
	(*at)[r.n] = '\0';
	*at += r.n + 1;
	return r;
}

/* NULL: out of memory. */
static struct hf_image *image_new(struct hf_traj *t, struct hf_str image, struct hf_str argv, struct hf_str cwd,
				  struct hf_str interp)
{
	struct hf_procs *ps = &t->procs;
	size_t bytes;
	struct hf_image *img;
	char *at;

	if (argv.n > HF_ARGV_MAX)
		argv.n = HF_ARGV_MAX;
	bytes = sizeof(*img) + image.n + 2 * argv.n + cwd.n + interp.n + 5;
	if (argv.n > HF_ARGV_SHORT && ps->image_bytes + bytes > HF_IMAGE_BUDGET) {
		bytes -= 2 * (argv.n - HF_ARGV_SHORT);
		argv.n = HF_ARGV_SHORT;
		t->stats.cut_argv++;
	}
	img = malloc(bytes);
	if (!img)
		return NULL;
	img->refs = 1;
	img->bytes = bytes;
	at = img->data;
	img->image = image_copy(&at, image);
	img->argv = image_copy(&at, argv);
	img->cwd = image_copy(&at, cwd);
	img->interp = image_copy(&at, interp);
	img->cmdline.p = at;
	img->cmdline.n = hf_argv_join(argv, false, at, argv.n + 1, NULL);
	ps->image_bytes += bytes;
	return img;
}

static void ent_show_image(struct hf_proc_ent *e)
{
	static const struct hf_str none;

	e->p.image = e->img ? e->img->image : none;
	e->p.argv = e->img ? e->img->argv : none;
	e->p.cwd = e->img ? e->img->cwd : none;
	e->p.interp = e->img ? e->img->interp : none;
	e->p.cmdline = e->img ? e->img->cmdline : none;
}

static void ent_set_image(struct hf_traj *t, struct hf_proc_ent *e, struct hf_image *img)
{
	image_put(&t->procs, &e->img);
	e->img = img;
	ent_show_image(e);
}

static uint32_t bucket_of(const struct hf_traj *t, uint32_t tgid)
{
	return (uint32_t)hf_mix64(tgid ^ t->session) & t->procs.mask;
}

/* See hf_traj_proc() in traj.h. Two times in full precision are compared in full. */
static bool same_start(uint64_t a, uint64_t b)
{
	if (a == b)
		return true;
	return a / TICK_NS == b / TICK_NS && (a % TICK_NS == 0 || b % TICK_NS == 0);
}

struct hf_proc_ent *hf_procs_find(const struct hf_traj *t, uint32_t tgid, uint64_t start_ns)
{
	const struct hf_procs *ps = &t->procs;

	for (uint32_t i = ps->bucket[bucket_of(t, tgid)]; i != HF_NIL; i = ps->ent[i].hnext) {
		struct hf_proc_ent *e = &ps->ent[i];

		if (e->p.tgid == tgid && (start_ns ? same_start(e->p.start_ns, start_ns) : e->p.alive))
			return e;
	}
	return NULL;
}

struct hf_proc *hf_traj_proc(struct hf_traj *t, uint32_t tgid, uint64_t start_ns)
{
	struct hf_proc_ent *e = hf_procs_find(t, tgid, start_ns);

	return e ? &e->p : NULL;
}

static void dead_unlink(struct hf_procs *ps, struct hf_proc_ent *e)
{
	if (e->dprev != HF_NIL)
		ps->ent[e->dprev].dnext = e->dnext;
	else
		ps->dead_first = e->dnext;
	if (e->dnext != HF_NIL)
		ps->ent[e->dnext].dprev = e->dprev;
	else
		ps->dead_last = e->dprev;
}

static void ent_forget(struct hf_traj *t, struct hf_proc_ent *e)
{
	struct hf_procs *ps = &t->procs;
	uint32_t self = (uint32_t)(e - ps->ent), *at = &ps->bucket[bucket_of(t, e->p.tgid)];

	while (*at != self)
		at = &ps->ent[*at].hnext;
	*at = e->hnext;
	dead_unlink(ps, e);
	if (e->nchildren > 0) {
		/* Children keep their line up to the agent, one link shorter. */
		hf_corr_forget_proc(t, &e->p);
		for (uint32_t i = 0; i < ps->high; i++) {
			if (!ps->ent[i].used || ps->ent[i].p.parent != &e->p)
				continue;
			ps->ent[i].p.parent = e->p.parent;
			ps->ent[i].unknown_line = e->unknown_line;
			if (e->p.parent)
				ent_of(e->p.parent)->nchildren++;
		}
	}
	if (e->p.parent)
		ent_of(e->p.parent)->nchildren--;
	image_put(ps, &e->img);
	e->used = false;
	e->hnext = ps->free;
	ps->free = self;
	ps->n--;
	t->stats.forgotten_procs++;
}

/* Makes room: the oldest dead without children, else the oldest dead; the session's first process last of all. */
static bool make_room(struct hf_traj *t)
{
	struct hf_procs *ps = &t->procs;
	uint32_t i = ps->dead_first, fallback = HF_NIL;

	for (unsigned k = 0; i != HF_NIL && k < SCAN_DEAD; k++, i = ps->ent[i].dnext) {
		if (ps->ent[i].nchildren == 0 && ps->ent[i].p.depth > 0)
			break;
		if (fallback == HF_NIL || ps->ent[fallback].p.depth == 0)
			fallback = i;
	}
	if (i == HF_NIL || ps->ent[i].nchildren != 0 || ps->ent[i].p.depth == 0)
		i = fallback;
	if (i == HF_NIL)
		return false;
	ent_forget(t, &ps->ent[i]);
	return true;
}

static struct hf_proc_ent *ent_new(struct hf_traj *t, uint32_t tgid, uint64_t start_ns)
{
	struct hf_procs *ps = &t->procs;
	struct hf_proc_ent *e;
	uint32_t i, b = bucket_of(t, tgid);

	if (ps->n == t->lim.procs && !make_room(t)) {
		t->stats.forgotten_procs++;
		return NULL;
	}
	i = ps->free;
	if (i != HF_NIL)
		ps->free = ps->ent[i].hnext;
	else
		i = ps->high++;
	e = &ps->ent[i];
	memset(e, 0, sizeof(*e));
	e->used = true;
	e->dprev = e->dnext = HF_NIL;
	e->p.tgid = tgid;
	e->p.start_ns = start_ns;
	e->p.alive = true;
	e->hnext = ps->bucket[b];
	ps->bucket[b] = i;
	ps->n++;
	return e;
}

static void ent_die(struct hf_traj *t, struct hf_proc_ent *e, int status)
{
	struct hf_procs *ps = &t->procs;
	struct hf_image *img = e->img;
	uint32_t self = (uint32_t)(e - ps->ent);

	if (!e->p.alive)
		return;
	e->p.alive = false;
	e->p.exit_status = status;
	e->dprev = ps->dead_last;
	e->dnext = HF_NIL;
	if (ps->dead_last != HF_NIL)
		ps->ent[ps->dead_last].dnext = self;
	else
		ps->dead_first = self;
	ps->dead_last = self;
	/* Of the dead only the beginning of a long argv is worth its memory. */
	if (img && img->refs == 1 && img->argv.n > 4 * HF_ARGV_SHORT) {
		struct hf_str argv = { img->argv.p, HF_ARGV_SHORT };
		struct hf_image *less = image_new(t, img->image, argv, img->cwd, img->interp);

		if (less)
			ent_set_image(t, e, less);
	}
}

/* A pid is one process at a time: whoever still counts as living under it has died unseen. */
static void bury_namesake(struct hf_traj *t, uint32_t tgid)
{
	struct hf_proc_ent *e = hf_procs_find(t, tgid, 0);

	if (e)
		ent_die(t, e, 0);
}

static void ent_inherit(struct hf_traj *t, struct hf_proc_ent *e, struct hf_proc *parent)
{
	struct hf_proc_ent *pe = ent_of(parent);

	e->p.parent = parent;
	e->unknown_line = false;
	e->p.ppid = parent->tgid;
	e->p.depth = parent->depth + 1;
	e->p.labels |= parent->labels;
	pe->nchildren++;
	if (!e->img && pe->img) {
		pe->img->refs++;
		e->img = pe->img;
		ent_show_image(e);
	}
}

/* Replayed journals may claim anything, so also that a process is its own ancestor. */
static bool is_ancestor_or_self(const struct hf_proc *maybe, const struct hf_proc *p)
{
	while (p && p != maybe)
		p = p->parent;
	return p != NULL;
}

static struct hf_proc_ent *learn(struct hf_traj *t, uint32_t tgid, uint64_t start_ns, uint32_t ppid, uint32_t uid)
{
	struct hf_proc_ent *e, *parent;
	bool first = t->procs.n == 0 && t->procs.high == 0;

	bury_namesake(t, tgid);
	e = ent_new(t, tgid, start_ns);
	if (!e)
		return NULL;
	e->p.ppid = ppid;
	e->p.uid = uid;
	if (first)
		return e;
	e->p.recovered = true;
	t->stats.recovered_procs++;
	parent = ppid && ppid != tgid ? hf_procs_find(t, ppid, 0) : NULL;
	if (parent) {
		ent_inherit(t, e, &parent->p);
	} else {
		/* Whose child it is nobody knows: it could be anyone's. */
		e->p.labels = t->procs.labels_ever;
		e->p.depth = 1;
		e->unknown_line = true;
	}
	return e;
}

struct hf_proc *hf_traj_recover(struct hf_traj *t, uint32_t tgid, uint64_t start_ns, uint32_t ppid, uint32_t uid,
				struct hf_str image, struct hf_str argv, struct hf_str cwd)
{
	struct hf_proc_ent *e = hf_procs_find(t, tgid, start_ns);
	struct hf_image *img;

	if (!e)
		e = learn(t, tgid, start_ns, ppid, uid);
	if (!e)
		return NULL;
	e->p.uid = uid;
	if (image.n || argv.n || cwd.n) {
		img = image_new(t, image.n ? image : e->p.image, argv.n ? argv : e->p.argv, cwd.n ? cwd : e->p.cwd,
				(struct hf_str){ NULL, 0 });
		if (img)
			ent_set_image(t, e, img);
	}
	return &e->p;
}

struct hf_proc *hf_procs_ensure(struct hf_traj *t, const struct hf_action *a)
{
	struct hf_proc_ent *e = hf_procs_find(t, a->tgid, a->start_ns);

	if (!e)
		e = learn(t, a->tgid, a->start_ns, 0, a->uid);
	if (!e)
		return NULL;
	e->p.uid = a->uid;
	/* Learnt from /proc in ticks: from now on known exactly. */
	if (e->p.start_ns % TICK_NS == 0 && a->start_ns % TICK_NS != 0)
		e->p.start_ns = a->start_ns;
	return &e->p;
}

void hf_procs_fork(struct hf_traj *t, struct hf_proc *parent, const struct hf_action *a)
{
	struct hf_proc_ent *e;

	if (a->child_tid != a->child_tgid)
		return;		/* a thread */
	e = hf_procs_find(t, a->child_tgid, a->child_start_ns);
	if (e) {
		/* Its own first record overtook this one. */
		if (parent && !e->p.parent && e->p.recovered && !is_ancestor_or_self(&e->p, parent))
			ent_inherit(t, e, parent);
		return;
	}
	bury_namesake(t, a->child_tgid);
	e = ent_new(t, a->child_tgid, a->child_start_ns);
	if (!e)
		return;
	e->p.uid = a->uid;
	/* Making room may have forgotten a parent that was dead already, and given its very slot to the child. */
	if (parent && ent_of(parent)->used && parent != &e->p) {
		ent_inherit(t, e, parent);
	} else {
		e->p.labels = t->procs.labels_ever;
		e->p.depth = 1;
		e->unknown_line = true;
	}
}

struct hf_str hf_exec_image(const struct hf_action *a)
{
	if ((a->flags & HF_ACT_SCRIPT) && a->interp.n > 0)
		return a->interp;
	return a->path.n > 0 ? a->path : a->given;
}

void hf_procs_exec(struct hf_traj *t, struct hf_proc *p, const struct hf_action *a)
{
	struct hf_str cwd = a->cwd.n ? a->cwd : p->cwd;
	struct hf_str interp = (a->flags & HF_ACT_SCRIPT) ? a->interp : (struct hf_str){ NULL, 0 };
	struct hf_image *img = image_new(t, hf_exec_image(a), a->argv, cwd, interp);

	/* Without memory it must not keep the old program's name: no name is no exception from any rule. */
	ent_set_image(t, ent_of(p), img);
	p->nexec++;
	p->exe_dev = a->dev;
	p->exe_ino = a->ino;
}

void hf_procs_trim(struct hf_traj *t)
{
	for (unsigned i = 0; i < 8 && t->procs.image_bytes > HF_IMAGE_MAX; i++)
		if (!make_room(t))
			return;
}

void hf_procs_exit(struct hf_traj *t, struct hf_proc *p, int status)
{
	ent_die(t, ent_of(p), status);
}

static int by_parent_then_start(const void *x, const void *y)
{
	const struct hf_proc *a = &(*(const struct hf_proc_ent *const *)x)->p;
	const struct hf_proc *b = &(*(const struct hf_proc_ent *const *)y)->p;

	if (a->parent != b->parent)
		return (uintptr_t)a->parent < (uintptr_t)b->parent ? -1 : 1;
	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? -1 : 1;
	return a->tgid < b->tgid ? -1 : a->tgid > b->tgid;
}

/* Index of the first of parent's children in order[0..n), or HF_NIL. */
static uint32_t first_child(const struct hf_procs *ps, uint32_t n, const struct hf_proc *parent)
{
	uint32_t lo = 0, hi = n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if ((uintptr_t)ps->order[mid]->p.parent < (uintptr_t)parent)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && ps->order[lo]->p.parent == parent ? lo : HF_NIL;
}

void hf_traj_each_proc(const struct hf_traj *t, void (*cb)(void *ctx, const struct hf_proc *p), void *ctx)
{
	const struct hf_procs *ps = &t->procs;
	uint32_t n = 0, depth = 0, at;

	for (uint32_t i = 0; i < ps->high; i++)
		if (ps->ent[i].used)
			ps->order[n++] = &ps->ent[i];
	qsort(ps->order, n, sizeof(ps->order[0]), by_parent_then_start);
	at = first_child(ps, n, NULL);
	while (at != HF_NIL) {
		const struct hf_proc *p = &ps->order[at]->p;
		uint32_t child = first_child(ps, n, p);

		cb(ctx, p);
		if (child != HF_NIL) {
			ps->stack[depth++] = at;
			at = child;
			continue;
		}
		while (at != HF_NIL) {
			uint32_t next = at + 1;

			if (next < n && ps->order[next]->p.parent == ps->order[at]->p.parent) {
				at = next;
				break;
			}
			at = depth > 0 ? ps->stack[--depth] : HF_NIL;
		}
	}
}
