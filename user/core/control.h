/* SPDX-License-Identifier: Apache-2.0 */
/* Control messages: parsing only, hostile input. */
#ifndef HF_CONTROL_H
#define HF_CONTROL_H
#include <stdint.h>
#include "hold.h"
#include "str.h"

#define HF_CONTROL_MAX 4096	/* bytes of one request line; longer ones are refused unread */
enum hf_control_cmd { HF_CTL_STATUS, HF_CTL_HOLDS, HF_CTL_APPROVE, HF_CTL_DENY, HF_CTL_PAUSE, HF_CTL_RESUME, HF_CTL_KILL };
struct hf_control {
	enum hf_control_cmd cmd;
	uint32_t hold;			/* number part of the id; 0 none */
	char id[32];			/* as given; "" none. approve, deny: "7f3a-2" or "2"; pause, resume, kill: hex of a session */
	enum hf_scope scope;		/* approve only; HF_SCOPE_ONCE when not given */
	bool stop;			/* deny only */
};
/* One line (without its '\n') to a request; -EINVAL with a message that names the fault and the cure, escaped for a
 * terminal. Unknown, doubled and out-of-place members are faults: a misspelt "scope" must not widen or narrow a decision. */
int hf_control_parse(struct hf_str line, struct hf_control *ret, char *err, size_t err_cap);
const char *hf_control_name(enum hf_control_cmd cmd);	/* "status", ...; never NULL */

/* "7f3a-2" to its parts: hexadecimal beginning of a session id (prefix, "" for a bare number) and the number. -EINVAL. */
int hf_hold_id_parse(const char *text, char prefix[17], uint32_t *ret_number);
/* Is prefix (lower-case hex, may be "") the beginning of this session's 16 digits? */
bool hf_session_has_prefix(uint64_t session, const char *prefix);
/* Does a request whose id names a session or a hold mean this session? An absent id means the socket's own session. */
bool hf_control_is_for(const struct hf_control *c, uint64_t session);
#endif
