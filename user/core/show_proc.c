// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "show_priv.h"

void hf_sb_fmt(struct sb *b, const char *fmt, ...)
{
	size_t room = sizeof(b->p) - b->n;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vsnprintf(b->p + b->n, room, fmt, ap);
	va_end(ap);
	if (r > 0)
		b->n += (size_t)r < room ? (size_t)r : room - 1;
}

void hf_sb_esc(struct sb *b, struct hf_str s, size_t max)
{
	size_t room = sizeof(b->p) - b->n;

	if (s.p)
		b->n += hf_str_escape(s, b->p + b->n, max + 1 < room ? max + 1 : room);
}

void hf_sb_count(struct sb *b, uint64_t n)
{
	char d[32];
	unsigned i = sizeof(d), digits = 0;

	d[--i] = 0;
	do {
		if (digits && digits % 3 == 0)
			d[--i] = ',';
		d[--i] = (char)('0' + n % 10);
		digits++;
	} while (n /= 10);
	hf_sb_fmt(b, "%s", d + i);
}

void hf_sb_secs(struct sb *b, uint64_t ns)
{
	uint64_t ms = ns / 1000000, s = ms / 1000;

	if (ms < 1000)
		hf_sb_fmt(b, "%u ms", (unsigned)ms);
	else if (s < 60)
		hf_sb_fmt(b, "%u.%u s", (unsigned)s, (unsigned)(ms % 1000 / 100));
	else if (s < 3600)
		hf_sb_fmt(b, "%u min %u s", (unsigned)(s / 60), (unsigned)(s % 60));
	else
		hf_sb_fmt(b, "%llu h %u min", (unsigned long long)(s / 3600), (unsigned)(s / 60 % 60));
}

uint64_t hf_show_hash(uint64_t h, const void *p, size_t n)
{
	const unsigned char *s = p;

	for (size_t i = 0; i < n; i++)
		h = (h ^ s[i]) * 0x100000001b3u;
	return h ^ h >> 29;
}

bool hf_show_set_add(struct show_set *s, uint64_t h)
{
	size_t i;

	h += !h;	/* 0 marks a free slot */
	if ((s->n + 1) * 4 > s->cap * 3 && s->cap < 1u << 20) {
		size_t cap = s->cap ? s->cap * 2 : 16;
		uint64_t *slot = calloc(cap, sizeof(*slot));

		if (!slot)
			return false;
		for (i = 0; i < s->cap; i++) {
			size_t k = (size_t)s->slot[i] & (cap - 1);

			if (!s->slot[i])
				continue;
			while (slot[k])
				k = (k + 1) & (cap - 1);
			slot[k] = s->slot[i];
		}
		free(s->slot);
		s->slot = slot;
		s->cap = cap;
	}
	if (s->n + 1 >= s->cap)
		return false;
	for (i = (size_t)h & (s->cap - 1); s->slot[i]; i = (i + 1) & (s->cap - 1))
		if (s->slot[i] == h)
			return false;
	s->slot[i] = h;
	s->n++;
	return true;
}

/* --- processes -------------------------------------------------------------------------------- */

int hf_show_procs_init(struct show_procs *t)
{
	t->nslot = 16384;
	t->slot = calloc(t->nslot, sizeof(struct show_proc *));
	return t->slot ? 0 : -ENOMEM;
}

static void free_texts(struct show_text *x)
{
	while (x) {
		struct show_text *next = x->next;

		free(x);
		x = next;
	}
}

void hf_show_procs_free(struct show_procs *t)
{
	for (size_t i = 0; t->slot && i < t->nslot; i++) {
		while (t->slot[i]) {
			struct show_proc *p = t->slot[i];

			t->slot[i] = p->hash_next;
			free_texts(p->cmd);
			free_texts(p->mark);
			free_texts(p->peer);
			free(p->image);
			free(p);
		}
	}
	free(t->slot);
	*t = (struct show_procs){ 0 };
}

static size_t slot_of(const struct show_procs *t, uint32_t tgid)
{
	return (tgid * 2654435761u >> 7) & (t->nslot - 1);
}

/* /proc tells a start time in clock ticks only: what a guard asked for carries that one, see traj_proc.c. */
#define TICK_NS 10000000u

static bool same_start(uint64_t a, uint64_t b)
{
	return a == b || (a / TICK_NS == b / TICK_NS && (a % TICK_NS == 0 || b % TICK_NS == 0));
}

struct show_proc *hf_show_proc_find(const struct show_procs *t, uint32_t tgid, uint64_t start_ns)
{
	struct show_proc *p = t->slot[slot_of(t, tgid)];

	while (p && (p->tgid != tgid || (start_ns && !same_start(p->start_ns, start_ns))))
		p = p->hash_next;
	return p;
}

struct show_proc *hf_show_proc_add(struct show_procs *t, uint32_t tgid, uint64_t start_ns, struct show_proc *parent)
{
	struct show_proc *p, **head = &t->slot[slot_of(t, tgid)];

	if (t->n >= SHOW_PROCS_MAX) {
		t->dropped++;
		return NULL;
	}
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	*p = (struct show_proc){ .tgid = tgid, .start_ns = start_ns, .parent = parent, .hash_next = *head, .older = t->youngest };
	*head = t->youngest = p;
	t->n++;
	if (parent) {
		p->image = parent->image ? strdup(parent->image) : NULL;
		if (parent->last_child)
			parent->last_child->sibling = p;
		else
			parent->child = p;
		parent->last_child = p;
	} else {
		if (t->last_root)
			t->last_root->sibling = p;
		else
			t->root = p;
		t->last_root = p;
	}
	return p;
}

void hf_show_proc_image(struct show_proc *p, struct hf_str image)
{
	char *copy;

	if (!p || !image.p || !image.n || (p->image && strlen(p->image) == image.n && memcmp(p->image, image.p, image.n) == 0))
		return;
	copy = strndup(image.p, image.n);
	if (!copy)
		return;
	free(p->image);
	p->image = copy;
}

static void append(struct show_text **first, struct show_text **last, const char *text)
{
	size_t n = strlen(text) + 1;
	struct show_text *x = malloc(sizeof(*x) + n);

	if (!x)
		return;
	x->next = NULL;
	memcpy(x->text, text, n);
	if (*last)
		(*last)->next = x;
	else
		*first = x;
	*last = x;
}

void hf_show_proc_mark(struct show_proc *p, const char *text)
{
	if (p)
		append(&p->mark, &p->last_mark, text);
}

void hf_show_proc_peer(struct show_proc *p, const char *text)
{
	const struct show_text *x = p->peer;

	while (x && strcmp(x->text, text) != 0)
		x = x->next;
	if (x || p->npeer > SHOW_PEERS)
		return;
	append(&p->peer, &p->last_peer, p->npeer == SHOW_PEERS ? "... and others" : text);
	p->npeer++;
}

void hf_show_name(struct sb *b, const char *image)
{
	const char *slash = image ? strrchr(image, '/') : NULL;

	if (!image || !*image)
		hf_sb_fmt(b, "?");
	else
		hf_sb_esc(b, hf_str_of(slash && slash[1] ? slash + 1 : image), 32);
}

void hf_show_proc_cmd(struct show_proc *p, struct hf_str path, struct hf_str argv, size_t text_max)
{
	char joined[4096];
	struct sb b = { .n = 0 };
	bool cut = false;

	if (!p)
		return;
	hf_show_proc_image(p, path);
	if (argv.n) {
		size_t n = hf_argv_join(argv, true, joined, sizeof(joined), &cut);

		hf_sb_esc(&b, (struct hf_str){ joined, n }, text_max);
	} else {
		hf_sb_esc(&b, path, text_max);
	}
	append(&p->cmd, &p->last_cmd, b.p);
	p->ncmd++;
}

static void count(struct show_proc *p, const struct hf_action *a)
{
	switch (a->kind) {
	case HF_OPEN:
		if (a->ret >= 0)
			*(hf_action_writes(a) ? &p->writes : &p->reads) += 1;
		break;
	case HF_CONNECT: case HF_SEND: case HF_BIND: case HF_LISTEN: case HF_ACCEPT:
		p->sockets++;
		break;
	case HF_FORK: case HF_EXEC: case HF_EXIT:
		break;
	default:
		p->others += a->ret >= 0;
	}
}

struct show_proc *hf_show_proc_follow(struct show_procs *t, const struct hf_line *l, size_t text_max)
{
	const struct hf_action *a = &l->action;
	struct show_proc *p = hf_show_proc_find(t, a->tgid, a->start_ns);

	if (!p)
		p = hf_show_proc_add(t, a->tgid, a->start_ns, l->ppid ? hf_show_proc_find(t, l->ppid, 0) : NULL);
	if (!p)
		return NULL;
	p->uid = a->uid;
	hf_show_proc_image(p, l->image);
	if (a->kind == HF_FORK && a->child_tgid && a->child_tid == a->child_tgid && !hf_show_proc_find(t, a->child_tgid, a->child_start_ns ? a->child_start_ns : 1))
		hf_show_proc_add(t, a->child_tgid, a->child_start_ns, p);
	if (a->flags & (HF_ACT_CONFIRM | HF_ACT_DENIED))
		return p;
	if (a->kind == HF_EXEC && a->ret >= 0)
		hf_show_proc_cmd(p, a->path, a->argv, text_max);
	if (a->kind == HF_EXIT) {
		p->ended = true;
		p->status = a->ret;
	}
	count(p, a);
	return p;
}
