/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include "sigma_int.h"

#define CHUNK 16384
#define ALIGN _Alignof(max_align_t)

struct hf_arena_chunk {
	struct hf_arena_chunk *next;
	size_t used, cap;
	_Alignas(max_align_t) char mem[];
};
struct hf_arena_dtor {
	struct hf_arena_dtor *next;
	void (*fn)(void *);
	void *ptr;
};

void *hf_arena_alloc(struct hf_arena *a, size_t size)
{
	struct hf_arena_chunk *c = a->chunks;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + ALIGN - 1) & ~(ALIGN - 1);
	if (size == 0)
		size = ALIGN;
	if (!c || c->cap - c->used < size) {
		size_t cap = size > CHUNK ? size : CHUNK;

		c = calloc(1, sizeof(*c) + cap);
		if (!c)
			return NULL;
		c->cap = cap;
		c->next = a->chunks;
		a->chunks = c;
	}
	c->used += size;
	return c->mem + c->used - size;
}

char *hf_arena_strndup(struct hf_arena *a, const char *p, size_t n)
{
	char *s = hf_arena_alloc(a, n + 1);

	if (s && n)
		memcpy(s, p, n);
	return s;
}

int hf_arena_own(struct hf_arena *a, void (*fn)(void *), void *ptr)
{
	struct hf_arena_dtor *d = hf_arena_alloc(a, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->fn = fn;
	d->ptr = ptr;
	d->next = a->dtors;
	a->dtors = d;
	return 0;
}

void hf_arena_merge(struct hf_arena *to, struct hf_arena *from)
{
	struct hf_arena_chunk **c = &from->chunks;
	struct hf_arena_dtor **d = &from->dtors;

	while (*c)
		c = &(*c)->next;
	*c = to->chunks;
	while (*d)
		d = &(*d)->next;
	*d = to->dtors;
	*to = *from;
	*from = (struct hf_arena){ 0 };
}

void hf_arena_clear(struct hf_arena *a)
{
	for (struct hf_arena_dtor *d = a->dtors; d; d = d->next)
		d->fn(d->ptr);
	for (struct hf_arena_chunk *c = a->chunks, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	*a = (struct hf_arena){ 0 };
}

int hf_vec_push(struct hf_vec *v, void *ptr)
{
	if (v->n == v->cap) {
		unsigned cap = v->cap ? v->cap * 2 : 8;
		void **p = reallocarray(v->p, cap, sizeof(*p));

		if (!p)
			return -ENOMEM;
		v->p = p;
		v->cap = cap;
	}
	v->p[v->n++] = ptr;
	return 0;
}

void hf_vec_clear(struct hf_vec *v)
{
	free(v->p);
	*v = (struct hf_vec){ 0 };
}

void **hf_vec_save(const struct hf_vec *v, struct hf_arena *a)
{
	void **p = hf_arena_alloc(a, v->n * sizeof(*p));

	if (p && v->n)
		memcpy(p, v->p, v->n * sizeof(*p));
	return p;
}
