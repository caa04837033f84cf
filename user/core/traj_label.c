/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels of sessions, processes and files. A file is known by device and inode, and by its path: the inode of a file
 * that is about to be created is not known when the action is judged, and device numbers of stat(2) and of the kernel
 * differ on some filesystems. What a file carries is the union of both. An inode keeps its labels when a name is
 * deleted (it may have others); they are dropped when the kernel proves it new (O_CREAT|O_EXCL succeeded), so that a
 * reused number starts clean. When a directory is
 * renamed, only the inodes of what lies below it are still known.
 */
#include <errno.h>
#include <fcntl.h>
#include <sha256.h>
#include <stdlib.h>

#include "traj_impl.h"

enum { BY_INODE = 1, BY_PATH = 2 };
struct file_key { uint64_t k[2]; uint32_t kind; };

#define NR_OPEN 2u
#define NR_RENAME 82u
#define NR_OPENAT 257u
#define NR_RENAMEAT 264u

/* Bit of a label's name, learnt when it is new; 0 when all bits are taken. */
static uint64_t label_bit(struct hf_traj *t, const char *name)
{
	for (unsigned i = 0; i < t->nlabels; i++)
		if (strcmp(t->label_name[i], name) == 0)
			return UINT64_C(1) << i;
	if (t->nlabels == HF_LABELS_MAX)
		return 0;
	t->label_name[t->nlabels] = name;
	return UINT64_C(1) << t->nlabels++;
}

static void learn_rule_labels(struct hf_traj *t, unsigned index)
{
	const struct hf_rule *r = hf_ruleset_get(t->rs, index);
	struct hf_rule_labels *l = &t->rule_labels[index];
	enum hf_label_scope to;
	const char *name;

	for (unsigned i = 0; (name = hf_rule_label(r, i, &to)); i++) {
		uint64_t bit = label_bit(t, name);

		if (bit == 0)
			t->stats.forgotten_labels++;
		if (to == HF_LABEL_SESSION)
			l->session |= bit;
		else if (to == HF_LABEL_PROCESS)
			l->process |= bit;
		else
			l->file |= bit;
	}
}

int hf_labels_init(struct hf_traj *t)
{
	struct hf_files *fs = &t->files;

	fs->mask = hf_traj_pow2(t->lim.files) - 1;
	fs->free = fs->first = fs->last = HF_NIL;
	fs->ent = calloc(t->lim.files, sizeof(*fs->ent));
	fs->bucket = malloc(((size_t)fs->mask + 1) * sizeof(*fs->bucket));
	t->rule_labels = calloc(t->nrules + 1, sizeof(*t->rule_labels));
	if (!fs->ent || !fs->bucket || !t->rule_labels)
		return -ENOMEM;
	memset(fs->bucket, 0xff, ((size_t)fs->mask + 1) * sizeof(*fs->bucket));
	for (unsigned i = 0; i < t->nrules; i++)
		learn_rule_labels(t, i);
	return 0;
}

void hf_labels_free(struct hf_traj *t)
{
	free(t->files.ent);
	free(t->files.bucket);
	free(t->rule_labels);
}

static struct file_key key_of_inode(uint64_t dev, uint64_t ino)
{
	return (struct file_key){ { dev, ino }, BY_INODE };
}

/* A hash that nobody can make collide: an agent chooses its paths, and a collision could move a label away. */
static struct file_key key_of_path(struct hf_str path)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	struct file_key k = { .kind = BY_PATH };
	SHA256_CTX c;

	SHA256Init(&c);
	SHA256Update(&c, (const uint8_t *)path.p, path.n);
	SHA256Final(digest, &c);
	memcpy(k.k, digest, sizeof(k.k));
	return k;
}

static uint32_t *bucket_of(const struct hf_files *fs, const struct file_key *k)
{
	return &fs->bucket[hf_mix64(k->k[0] ^ hf_mix64(k->k[1] + k->kind)) & fs->mask];
}

static struct hf_file_ent *find(const struct hf_files *fs, const struct file_key *k)
{
	for (uint32_t i = *bucket_of(fs, k); i != HF_NIL; i = fs->ent[i].hnext) {
		struct hf_file_ent *e = &fs->ent[i];

		if (e->kind == k->kind && e->k[0] == k->k[0] && e->k[1] == k->k[1])
			return e;
	}
	return NULL;
}

static void list_unlink(struct hf_files *fs, struct hf_file_ent *e)
{
	if (e->lprev != HF_NIL)
		fs->ent[e->lprev].lnext = e->lnext;
	else
		fs->first = e->lnext;
	if (e->lnext != HF_NIL)
		fs->ent[e->lnext].lprev = e->lprev;
	else
		fs->last = e->lprev;
}

static void list_append(struct hf_files *fs, struct hf_file_ent *e)
{
	uint32_t self = (uint32_t)(e - fs->ent);

	e->lprev = fs->last;
	e->lnext = HF_NIL;
	if (fs->last != HF_NIL)
		fs->ent[fs->last].lnext = self;
	else
		fs->first = self;
	fs->last = self;
}

static void drop(struct hf_files *fs, struct hf_file_ent *e)
{
	const struct file_key k = { { e->k[0], e->k[1] }, e->kind };
	uint32_t self = (uint32_t)(e - fs->ent), *at = bucket_of(fs, &k);

	while (*at != self)
		at = &fs->ent[*at].hnext;
	*at = e->hnext;
	list_unlink(fs, e);
	e->hnext = fs->free;
	fs->free = self;
	fs->n--;
}

static void add(struct hf_traj *t, struct file_key k, uint64_t labels)
{
	struct hf_files *fs = &t->files;
	struct hf_file_ent *e = find(fs, &k);
	uint32_t i, *b;

	if (labels == 0)
		return;
	if (e) {
		e->labels |= labels;
		list_unlink(fs, e);
		list_append(fs, e);
		return;
	}
	if (fs->n == t->lim.files) {
		drop(fs, &fs->ent[fs->first]);
		t->stats.forgotten_files++;
	}
	i = fs->free;
	if (i != HF_NIL)
		fs->free = fs->ent[i].hnext;
	else
		i = fs->high++;
	e = &fs->ent[i];
	b = bucket_of(fs, &k);
	*e = (struct hf_file_ent){ .k = { k.k[0], k.k[1] }, .kind = k.kind, .labels = labels, .hnext = *b };
	*b = i;
	list_append(fs, e);
	fs->n++;
}

static uint64_t labels_of(const struct hf_traj *t, struct file_key k)
{
	const struct hf_file_ent *e = find(&t->files, &k);

	return e ? e->labels : 0;
}

static uint64_t labels_of_path(const struct hf_traj *t, struct hf_str path)
{
	return path.n > 0 && t->files.n > 0 ? labels_of(t, key_of_path(path)) : 0;
}

static bool moves(const struct hf_action *a)
{
	return a->kind == HF_RENAME || a->kind == HF_LINK;
}

uint64_t hf_labels_of_file(const struct hf_traj *t, const struct hf_action *a)
{
	uint64_t l = labels_of_path(t, a->path);

	if (a->dev || a->ino)
		l |= labels_of(t, key_of_inode(a->dev, a->ino));
	if (moves(a))
		l |= labels_of_path(t, a->path2);
	return l;
}

void hf_labels_apply(struct hf_traj *t, struct hf_proc *p, const struct hf_action *a, uint32_t rule_index)
{
	const struct hf_rule_labels *l;

	if (rule_index >= t->nrules)
		return;
	l = &t->rule_labels[rule_index];
	t->labels |= l->session;
	t->procs.labels_ever |= l->process;
	if (p)
		p->labels |= l->process;
	if (l->file && a->path.n > 0)
		add(t, key_of_path(a->path), l->file);
	if (l->file && (a->dev || a->ino))
		add(t, key_of_inode(a->dev, a->ino), l->file);
}

static void forget_path(struct hf_traj *t, struct hf_str path)
{
	struct hf_file_ent *e = NULL;

	if (path.n > 0 && t->files.n > 0) {
		struct file_key k = key_of_path(path);

		e = find(&t->files, &k);
	}
	if (e)
		drop(&t->files, e);
}

void hf_labels_follow(struct hf_traj *t, const struct hf_action *a)
{
	bool done = (a->flags & HF_ACT_OUTCOME) && a->ret >= 0;
	bool fresh;

	if ((a->flags & HF_ACT_OUTCOME) && a->ret < 0)
		return;
	if (moves(a) && a->path.n > 0)
		add(t, key_of_path(a->path), labels_of_path(t, a->path2));
	if (!done)
		return;		/* asked for only: what exists now keeps its labels until the effect is known */
	switch (a->kind) {
	case HF_OPEN:
		/* Only where the flags are a register: openat2's are in memory that another thread may change. */
		fresh = (a->open_flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL) &&
			(a->nr == NR_OPEN || a->nr == NR_OPENAT);
		if (!a->dev && !a->ino)
			break;
		if (fresh) {
			struct file_key k = key_of_inode(a->dev, a->ino);
			struct hf_file_ent *e = find(&t->files, &k);

			if (e)
				drop(&t->files, e);
		}
		add(t, key_of_inode(a->dev, a->ino), labels_of_path(t, a->path));
		break;
	case HF_RENAME:
		/* renameat2 may have exchanged the two: then both names keep both sets. */
		if (a->nr == NR_RENAME || a->nr == NR_RENAMEAT)
			forget_path(t, a->path2);
		else
			add(t, key_of_path(a->path2), labels_of_path(t, a->path));
		break;
	case HF_UNLINK:
		forget_path(t, a->path);
		break;
	default:
		break;
	}
}

const char *hf_traj_label_name(const struct hf_traj *t, unsigned bit)
{
	return bit < t->nlabels ? t->label_name[bit] : NULL;
}

uint64_t hf_traj_labels(const struct hf_traj *t)
{
	return t->labels;
}

size_t hf_traj_labels_format(const struct hf_traj *t, uint64_t bits, char *out, size_t cap)
{
	size_t n = 0;

	if (cap == 0)
		return 0;
	for (unsigned i = 0; i < t->nlabels; i++) {
		size_t len = strlen(t->label_name[i]);

		if (!(bits >> i & 1))
			continue;
		if (len + (n > 0) > cap - 1 - n)
			break;
		if (n > 0)
			out[n++] = ' ';
		memcpy(out + n, t->label_name[i], len);
		n += len;
	}
	out[n] = '\0';
	return n;
}
