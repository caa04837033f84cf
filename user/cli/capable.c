/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include "cli/capable.h"

static const struct {
	int bit;
	const char *name;
} needed[] = {
	{ CAP_BPF, "CAP_BPF" },			/* load programs and maps */
	{ CAP_PERFMON, "CAP_PERFMON" },		/* tracing programs that read kernel memory */
	{ CAP_NET_ADMIN, "CAP_NET_ADMIN" },	/* socket hooks on the cgroup */
	{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },	/* fanotify permission events, iterators */
	{ CAP_SYS_PTRACE, "CAP_SYS_PTRACE" },	/* arguments and descriptors of what is held */
	{ CAP_SETUID, "CAP_SETUID" },
	{ CAP_SETGID, "CAP_SETGID" },
	{ CAP_KILL, "CAP_KILL" },
	{ CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE" },	/* cgroup, journal and socket directories */
	{ CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH" },	/* resolve any path as the kernel will */
};

int hf_cli_capable(const char *cmd)
{
	uint64_t eff = 0;
	char line[256], missing[512] = "";
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %" SCNx64, &eff) == 1)
			break;
	if (f)
		fclose(f);
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!(eff >> needed[i].bit & 1)) {
			strncat(missing, " ", sizeof(missing) - strlen(missing) - 1);
			strncat(missing, needed[i].name, sizeof(missing) - strlen(missing) - 1);
		}
	if (!missing[0])
		return 0;
	fprintf(stderr, "holdfast %s: needs root (missing:%s). Try: sudo holdfast %s ...\n", cmd, missing, cmd);
	return -EPERM;
}
