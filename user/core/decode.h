/* SPDX-License-Identifier: Apache-2.0 */
/* Wire records (bpf/wire.h) to actions. Every length is checked: a record is kernel output shaped by hostile input. */
#ifndef HF_DECODE_H
#define HF_DECODE_H
#include "action.h"
#include "bpf/wire.h"

struct hf_decode_buf {		/* room for the strings of one action */
	char path[HF_PATH_MAX * 2 + 8], path2[HF_PATH_MAX * 2 + 8], cwd[HF_PATH_MAX + 8], given[HF_PATH_MAX + 8], interp[HF_PATH_MAX + 8];
};
/* One record to one action. Strings point into rec or buf. -EINVAL: malformed (counted by the caller); -ENOMSG: a type that
 * is no action (HF_REC_RACED: read it directly). */
int hf_decode(const void *rec, size_t len, struct hf_decode_buf *buf, struct hf_action *ret);
/* A sockaddr as user space passes it to an address: -EINVAL too short. v4-mapped IPv6 becomes AF_INET; AF_UNSPEC with at least
 * sockaddr_in's size is AF_INET as udp_sendmsg() takes it (net/ipv4/udp.c). */
int hf_decode_sockaddr(const void *sa, size_t len, struct hf_addr *ret);
int hf_decode_wire_addr(const struct hf_wire_addr *w, struct hf_addr *ret);
#endif
