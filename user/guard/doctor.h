/* SPDX-License-Identifier: Apache-2.0 */
/* What this host can do, found out by doing it: each mechanism runs a child and its effect is looked at. No
 * versions are compared. */
#ifndef HF_GUARD_DOCTOR_H
#define HF_GUARD_DOCTOR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hf_check_id {
	HF_CHECK_CAPS,
	HF_CHECK_NOTIFY, HF_CHECK_FLAGS, HF_CHECK_FOREIGN, HF_CHECK_IO_URING, HF_CHECK_KILLABLE, HF_CHECK_SYNC,
	HF_CHECK_GETFD, HF_CHECK_VM_READ,
	HF_CHECK_CGROUP, HF_CHECK_FREEZE, HF_CHECK_KILL,
	HF_CHECK_FANOTIFY,
	HF_CHECK_BPF, HF_CHECK_OBSERVE, HF_CHECK_EXEC_TICKET, HF_CHECK_ADDR_TICKET, HF_CHECK_STOP_OPEN, HF_CHECK_FROZEN,
	HF_CHECK_GUARDIAN,
	HF_CHECK_LSM,
	HF_CHECKS
};
struct hf_check {
	bool ok;
	bool tried;		/* false: what it stands on is missing, see the checks above it */
	char detail[192];	/* what was seen; when not ok, what failed */
};
struct hf_check_info {
	const char *id;		/* stable, for JSON: "seccomp-notify" */
	const char *title;
	bool base;		/* a guarantee of the base path needs it */
	const char *means;	/* when it is missing: which guarantee goes, and how far */
	const char *cure;
};
const struct hf_check_info *hf_check_info(enum hf_check_id id);	/* static */
/* Runs them all, a quarter of a second where all is well, at most some 20 s. Leaves nothing behind: no process,
 * cgroup, mark, file or program. Forks, and reaps every child the caller may have: not for a program that has
 * others. */
void hf_doctor_run(struct hf_check ret[HF_CHECKS]);

/* The guarantee table: what `holdfast run` gives here for one kind of action. */
struct hf_guarantee {
	const char *id;		/* "exec", "read", ... */
	const char *action;
	const char *gives;	/* text for people: what holds, or what is left of it */
	bool ok;
	bool none;		/* nothing is left of it */
	uint32_t missing;	/* bit per enum hf_check_id */
};
/* false: past the end */
bool hf_doctor_guarantee(const struct hf_check checks[HF_CHECKS], unsigned i, struct hf_guarantee *ret);
/* Names of capabilities that eff (CapEff) lacks, blank between; "" none. Returns their number. */
unsigned hf_doctor_missing_caps(uint64_t eff, char *out, size_t cap);
#endif
