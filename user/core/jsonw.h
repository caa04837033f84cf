/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON writer into a caller's buffer, for the paths that may not allocate (cJSON builds trees on the heap).
 * Keeps its own commas; once the buffer is full, w->full is set and nothing more is written. Bytes that are not UTF-8
 * become the string escape \udc80..\udcff (Python's surrogateescape), so that a path reads back to the very bytes.
 * C0, DEL, C1, bidi controls and line separators are always \uNNNN: the output is safe on a terminal as it stands.
 */
#ifndef HF_JSONW_H
#define HF_JSONW_H
#include "str.h"
struct hf_jsonw { char *p; size_t cap, n; bool full, comma; };
void hf_jsonw_init(struct hf_jsonw *w, char *buf, size_t cap);
void hf_jsonw_obj(struct hf_jsonw *w, const char *key);		/* key NULL: array element or top */
void hf_jsonw_end_obj(struct hf_jsonw *w);
void hf_jsonw_arr(struct hf_jsonw *w, const char *key);
void hf_jsonw_end_arr(struct hf_jsonw *w);
void hf_jsonw_str(struct hf_jsonw *w, const char *key, struct hf_str s);	/* s.p NULL: "" */
void hf_jsonw_strz(struct hf_jsonw *w, const char *key, const char *z);	/* z NULL: null */
/* Numbers beyond 2^53 are written as decimal strings: a JSON reader that keeps doubles would change them silently. */
void hf_jsonw_u64(struct hf_jsonw *w, const char *key, uint64_t v);
void hf_jsonw_i64(struct hf_jsonw *w, const char *key, int64_t v);
void hf_jsonw_hex64(struct hf_jsonw *w, const char *key, uint64_t v);	/* "00f3..": 16 digits, a string */
void hf_jsonw_bool(struct hf_jsonw *w, const char *key, bool v);
void hf_jsonw_raw(struct hf_jsonw *w, const char *key, struct hf_str json);	/* already JSON */

/* Reading back. cJSON refuses a lone \udcNN and ends a string at \u0000, so JSON text goes through hf_json_prepare() first: in
 * place, those escapes become three raw bytes (WTF-8) that cJSON passes on. Returns the new length (never larger). */
size_t hf_json_prepare(char *s, size_t n);
/* Undoes those in place in one decoded string; returns the new length (the result may hold NUL bytes). */
size_t hf_json_unescape_bytes(char *s, size_t n);
#endif
