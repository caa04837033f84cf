/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the doctor's files only. */
#ifndef HF_GUARD_DOCTOR_INT_H
#define HF_GUARD_DOCTOR_INT_H
#include <sys/types.h>
#include "doctor.h"

/* A child that waits for the word and then runs fn; its result is the exit status. Dies with us. */
struct hf_dchild {
	pid_t pid;
	int pidfd, go;
};
int hf_dchild_start(struct hf_dchild *c, int (*fn)(void *ctx), void *ctx);
void hf_dchild_go(struct hf_dchild *c);
/* Wait status; -ETIMEDOUT: it was killed. Closes everything. */
int hf_dchild_end(struct hf_dchild *c, int timeout_ms);
bool hf_dchild_exited(int status, int code); /* a wait status (or -errno) that says "exit(code)" */
uint64_t hf_doctor_random(void);	     /* a session id, never 0 */
int64_t hf_doctor_now_ms(void);
/* A new file with a name of its own below /tmp, and its path. -errno. */
int hf_doctor_file(char *path, size_t cap);

void hf_check_set(struct hf_check *c, bool ok, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

void hf_doctor_seccomp(struct hf_check *c);
void hf_doctor_process(struct hf_check *c);
void hf_doctor_cgroup(struct hf_check *c);
void hf_doctor_fanotify(struct hf_check *c);
void hf_doctor_guardian(struct hf_check *c);
void hf_doctor_bpf(struct hf_check *c);
void hf_doctor_lsm(struct hf_check *c);
#endif
