/* SPDX-License-Identifier: Apache-2.0 */
/* Control messages: parsing only, hostile input. */
#ifndef HF_CONTROL_H
#define HF_CONTROL_H
#include <stdint.h>
#include "hold.h"
#include "str.h"
enum hf_control_cmd { HF_CTL_STATUS, HF_CTL_HOLDS, HF_CTL_APPROVE, HF_CTL_DENY, HF_CTL_PAUSE, HF_CTL_RESUME, HF_CTL_KILL };
struct hf_control {
	enum hf_control_cmd cmd;
	uint32_t hold;			/* number part of the id; 0 none */
	char id[32];			/* as given */
	enum hf_scope scope;
	bool stop;
};
/* One line to a request; -EINVAL with a message that names the fault and the cure. */
int hf_control_parse(struct hf_str line, struct hf_control *ret, char *err, size_t err_cap);
#endif
