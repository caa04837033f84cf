/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket of one engine: /run/holdfast/<16 hex digits of the session>.sock, stream, one JSON object a line each way.
 * Requests: {"cmd":"status"|"holds"|"approve"|"deny"|"pause"|"resume"|"kill", "id":"7f3a-2", "scope":"once"|"session", "stop":bool}.
 * The answer: any number of object lines, then {"ok":true} or {"ok":false,"error":"...","code":"ENOENT"}.
 *
 * The lines a handler writes (the subcommands read these members; others may be added, none is called "ok"):
 *   status          {"id":"<16 hex>","name":..,"state":"running|paused|held|ended-draining","command":"one line","user":..,
 *                    "since":"2026-11-24T08:23:49Z","actions":N,"holds":N,"journal":path,"pid":N}
 *   holds, each     {"id":hf_ctl_hold_id(),"session":"<16 hex>","session_name":..,"action":{hf_journal_action},"summary":..,
 *                    "rule":id,"title":..,"level":..,"reason":..,"expires_in_ms":N,"on_timeout":"deny|allow","pid":N,"argv":..}
 *   approve, deny   {"id":..,"session":..,"session_name":..,"decision":"allow|deny","scope":"once|session","stop":bool,
 *                    "rule":..,"summary":..}
 *   pause, resume, kill  {"id":"<16 hex>","name":..,"state":..}
 */
#ifndef HF_CTL_H
#define HF_CTL_H
#include <stdio.h>
#include <sys/types.h>
#include "core/control.h"
#include "core/jsonw.h"

#define HF_CTL_DIR "/run/holdfast"
#define HF_CTL_CLIENTS 16		/* more at once: answered EBUSY and closed */
#define HF_CTL_OUT_MAX (1u << 20)	/* bytes of one answer; a longer one becomes an EMSGSIZE error */
#define HF_CTL_IDLE_MS 5000		/* a client that sends no whole request or reads nothing for so long is closed */

struct hf_ctl;
struct hf_ctl_peer { pid_t pid; uid_t uid; int pidfd; /* -1 unknown */ };
/* Handles one request: writes answer lines with hf_ctl_line() and returns 0, or -errno with a text in err (plain text; it is
 * escaped here). Must not block. */
typedef int (*hf_ctl_handler)(void *ctx, struct hf_ctl *c, const struct hf_ctl_peer *peer, const struct hf_control *req, char *err, size_t err_cap);
/* Makes the directory (0711 root) and the socket (0600 root). -ENOTDIR: something else stands there, or it is not ours. */
int hf_ctl_open(uint64_t session, hf_ctl_handler fn, void *ctx, struct hf_ctl **ret);
int hf_ctl_open_at(const char *dir, uint64_t session, hf_ctl_handler fn, void *ctx, struct hf_ctl **ret);	/* the same elsewhere, for tests */
void hf_ctl_close(struct hf_ctl **c);			/* unlinks the socket */
int hf_ctl_fd(const struct hf_ctl *c);			/* an epoll descriptor: readable when hf_ctl_step() has work */
void hf_ctl_step(struct hf_ctl *c);			/* accepts, reads, answers, closes; bounded; at most 16 clients, 4 KiB a request */
void hf_ctl_set_idle_ms(struct hf_ctl *c, unsigned ms);	/* instead of HF_CTL_IDLE_MS, for tests */
void hf_ctl_line(struct hf_ctl *c, struct hf_str json);	/* inside a handler: one answer line */

/*
 * Does the peer still run? The pidfd is from connect time, so it never means another process, but a dead one's task storage
 * reads as "not watched": ask for the session first, then this; only a yes makes the answer "not watched" true (self-approval
 * check). For all but status and holds a peer that is already gone is refused here (EPERM) before the handler runs.
 */
bool hf_ctl_peer_alive(const struct hf_ctl_peer *peer);
/* "7f3a-2": as few digits of the session (4 or more) as tell it from the others alive. Looks into the directory. */
size_t hf_ctl_hold_id(uint64_t session, uint32_t number, char *out, size_t cap);
size_t hf_ctl_hold_id_at(const char *dir, uint64_t session, uint32_t number, char *out, size_t cap);

/* Client side (for the subcommands; may block up to timeout_ms). Calls fn for each answer line; the final line decides the result:
 * 0 or -errno, with error text. fn returning non-zero ends the call with that value. -ETIMEDOUT: the engine does not answer. */
int hf_ctl_call(const char *socket_path, const char *request_json, int timeout_ms, int (*fn)(void *ctx, const char *line), void *ctx, char *err, size_t err_cap);
/* Calls fn for each live engine's socket, by session id; removes sockets that nobody answers (connection refused). 0, fn's
 * non-zero value, or -errno (-EACCES: not root). No directory: 0. */
int hf_ctl_each(int (*fn)(void *ctx, uint64_t session, const char *socket_path), void *ctx);
int hf_ctl_each_at(const char *dir, int (*fn)(void *ctx, uint64_t session, const char *socket_path), void *ctx);
#endif
