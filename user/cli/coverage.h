/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HF_COVERAGE_H
#define HF_COVERAGE_H
#include <stdbool.h>
struct hf_ruleset;
/*
 * Prints which of the rules apply, on which hooks, with which verdict here, and why the others do not. nbad: files that
 * could not be loaded. As root the host is tried as `holdfast doctor` does (which reaps every child the caller may have);
 * else the verdicts are those of a host where everything works, and that is said. -ENOMEM
 */
int hf_coverage_show(const struct hf_ruleset *rs, unsigned nbad, bool json);
#endif
