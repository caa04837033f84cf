/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket of one engine: /run/holdfast/<16 hex digits of the session>.sock, stream, one JSON object a line each way.
 * Requests: {"cmd":"status"|"holds"|"approve"|"deny"|"pause"|"resume"|"kill", "id":"7f3a-2", "scope":"once"|"session", "stop":bool}.
 * The answer: any number of object lines, then {"ok":true} or {"ok":false,"error":"...","code":"ENOENT"}.
 */
#ifndef HF_CTL_H
#define HF_CTL_H
#include <sys/types.h>
#include "core/control.h"
#include "core/jsonw.h"

#define HF_CTL_DIR "/run/holdfast"
struct hf_ctl;
struct hf_ctl_peer { pid_t pid; uid_t uid; int pidfd; /* -1 unknown */ };
/* Handles one request: writes answer lines with hf_ctl_line() and returns 0, or -errno with a text in err. Must not block. */
typedef int (*hf_ctl_handler)(void *ctx, struct hf_ctl *c, const struct hf_ctl_peer *peer, const struct hf_control *req, char *err, size_t err_cap);
/* Makes the directory (0711 root) and the socket (0600 root). */
int hf_ctl_open(uint64_t session, hf_ctl_handler fn, void *ctx, struct hf_ctl **ret);
void hf_ctl_close(struct hf_ctl **c);			/* unlinks the socket */
int hf_ctl_fd(const struct hf_ctl *c);			/* an epoll descriptor: readable when hf_ctl_step() has work */
void hf_ctl_step(struct hf_ctl *c);			/* accepts, reads, answers, closes; bounded; at most 16 clients, 4 KiB a request */
void hf_ctl_line(struct hf_ctl *c, struct hf_str json);	/* inside a handler: one answer line */

/* Client side (for the subcommands; may block up to timeout_ms). Calls fn for each answer line; the final line decides the result:
 * 0 or -errno, with error text. */
int hf_ctl_call(const char *socket_path, const char *request_json, int timeout_ms, int (*fn)(void *ctx, const char *line), void *ctx, char *err, size_t err_cap);
/* Calls fn for each live engine's socket; removes sockets that nobody answers (connection refused). */
int hf_ctl_each(int (*fn)(void *ctx, uint64_t session, const char *socket_path), void *ctx);
#endif
