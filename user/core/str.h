/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed byte strings. Whatever an agent supplies may hold any byte, NUL included. */
#ifndef HF_STR_H
#define HF_STR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct hf_str {
	const char *p;		/* not owned, not NUL-terminated; NULL = absent */
	size_t n;
};
#define HF_STR(lit) ((struct hf_str){ (lit), sizeof(lit) - 1 })

static inline struct hf_str hf_str_of(const char *z)
{
	return (struct hf_str){ z, z ? strlen(z) : 0 };
}
static inline bool hf_str_eq(struct hf_str a, struct hf_str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Makes s safe for a terminal or a log line: C0, C1, DEL, invalid UTF-8, bidi and line separators
 * become \xNN or \u{NNNN}; valid printable UTF-8 stays. Writes at most cap bytes incl. the final NUL,
 * cuts with "..." when it does not fit, returns the length written. Zero-width, tag and other invisible characters are
 * escaped too: two different paths must not look the same in a question. */
size_t hf_str_escape(struct hf_str s, char *out, size_t cap);
/* The same for one part of a longer text: *ret_cut (never set to false here) says that it did not fit. */
size_t hf_str_escape_part(struct hf_str s, char *out, size_t cap, bool *ret_cut);

/* argv as the kernel keeps it (NUL after each) to one line: words joined by a space, empty words and
 * words with blanks or quotes in single quotes only if quote is set. Returns bytes written (<= cap-1,
 * NUL-terminated); *truncated says whether it was cut. Sigma's CommandLine is the unquoted form. */
size_t hf_argv_join(struct hf_str argv, bool quote, char *out, size_t cap, bool *truncated);

/* Turns a leaf-first path (bpf/wire.h) round: "passwd\0etc\0" to "/etc/passwd". NUL-terminates.
 * Returns the length, or -ENAMETOOLONG when cap is too small, -EINVAL when a component is empty,
 * holds a '/', or the last one lacks its NUL. */
int hf_path_from_leaves(struct hf_str leaves, char *out, size_t cap);
/* The other way, for tickets: absolute, normalised path to leaf-first bytes ("/" is 0 bytes; no NUL beyond each
 * component's own). Same errors; -EINVAL when the path is not absolute and normalised. */
int hf_path_to_leaves(struct hf_str path, char *out, size_t cap);
/* Lexically joins base and rel ("." and ".." and "//" folded; never above "/"); an absolute rel stands alone. Same
 * errors; -EINVAL also for a base that is needed and not absolute, or a NUL. out must not overlap the parts. */
int hf_path_join(struct hf_str base, struct hf_str rel, char *out, size_t cap);
#endif
