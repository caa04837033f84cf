/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include "verdict.h"

static const char names[][8] = { "allow", "note", "hold", "deny", "kill" };

const char *hf_verdict_name(enum hf_verdict v)
{
	return (unsigned)v < sizeof(names) / sizeof(names[0]) ? names[v] : "?";
}

int hf_verdict_parse(const char *name, enum hf_verdict *ret)
{
	for (unsigned i = 0; name && i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], name) == 0) {
			*ret = (enum hf_verdict)i;
			return 0;
		}
	}
	return -EINVAL;
}
