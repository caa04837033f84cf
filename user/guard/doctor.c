// SPDX-License-Identifier: Apache-2.0
/* The list of checks, what each is for, and the guarantee table. How they are made: doctor_*.c. */
#include "doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "doctor_int.h"

#define B(x) (1u << HF_CHECK_##x)
#define ROOT "run it as root, in the first user namespace (in a container: --privileged)"

static const struct hf_check_info infos[HF_CHECKS] = {
	[HF_CHECK_CAPS] = {
		"capabilities", "capabilities", true,
		"nothing can be held or watched",
		ROOT,
	},
	[HF_CHECK_NOTIFY] = {
		"seccomp-notify", "seccomp notify: ask, deny, continue", true,
		"exec, writes, deletes and connects can't be held before their effect",
		"a kernel with CONFIG_SECCOMP_FILTER, and no seccomp profile around Holdfast that forbids seccomp(2)",
	},
	[HF_CHECK_FLAGS] = {
		"seccomp-flags", "asked by open flags; plain reads not asked", true,
		"files opened for writing can't be held",
		"report this: the filter does not do what it says here",
	},
	[HF_CHECK_FOREIGN] = {
		"foreign-abi", "i386 and x32 system calls refused (ENOSYS)", true,
		"a 32-bit program would pass by the filter",
		"boot with ia32_emulation=off",
	},
	[HF_CHECK_IO_URING] = {
		"io-uring", "io_uring refused (ENOSYS)", true,
		"opens and connects through io_uring would pass by the filter",
		"sysctl kernel.io_uring_disabled=2",
	},
	[HF_CHECK_KILLABLE] = {
		"wait-killable", "questions survive signals (WAIT_KILLABLE_RECV)", false,
		"no guarantee lost: a signal makes a held call ask again, and the decision is found again",
		"Linux 6.0 or later (broken on some 6.12 kernels: a newer one of that series)",
	},
	[HF_CHECK_SYNC] = {
		"sync-wakeup", "fast answers (SYNC_WAKE_UP)", false,
		"no guarantee lost: each question costs some microseconds more",
		"Linux 6.6 or later",
	},
	[HF_CHECK_GETFD] = {
		"pidfd-getfd", "fetch a child's descriptor (pidfd_getfd)", true,
		"the filter's listener can't be taken over, a denied process can't be told why",
		"CAP_SYS_PTRACE, and no seccomp profile around Holdfast that forbids pidfd_getfd(2)",
	},
	[HF_CHECK_VM_READ] = {
		"vm-read", "read a held call's arguments (process_vm_readv)", true,
		"a held call can't be judged: it is not known what it asks for",
		"CAP_SYS_PTRACE; kernel.yama.ptrace_scope below 3",
	},
	[HF_CHECK_CGROUP] = {
		"cgroup2", "own cgroup v2 for a session", true,
		"a session can't be paused, killed or hooked as a whole",
		"mount -t cgroup2 none /sys/fs/cgroup/unified (or boot with systemd.unified_cgroup_hierarchy=1)",
	},
	[HF_CHECK_FREEZE] = {
		"cgroup-freeze", "pause (cgroup.freeze)", true,
		"while a hold waits the rest of the session runs on, and can swap a held call's arguments",
		"Linux 5.2 or later with cgroup v2",
	},
	[HF_CHECK_KILL] = {
		"cgroup-kill", "kill (cgroup.kill)", true,
		"`kill` may leave processes of the session behind",
		"Linux 5.14 or later",
	},
	[HF_CHECK_FANOTIFY] = {
		"fanotify", "hold reads of protected files (fanotify)", true,
		"reading a protected file is stopped after the open, before the descriptor is used, not before",
		"a kernel with CONFIG_FANOTIFY_ACCESS_PERMISSIONS; CAP_SYS_ADMIN in the first user namespace",
	},
	[HF_CHECK_BPF] = {
		"bpf", "BPF programs load and attach", true,
		"nothing is observed: no trajectory, no sequences, no tickets",
		"CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN; a kernel with CONFIG_DEBUG_INFO_BTF; no lockdown=confidentiality",
	},
	[HF_CHECK_OBSERVE] = {
		"bpf-observe", "actions of a watched child are recorded", true,
		"sequences of actions can't be judged",
		"report this with the line above",
	},
	[HF_CHECK_EXEC_TICKET] = {
		"exec-ticket", "exec is what was judged, or it dies", true,
		"a program's name or arguments could be swapped after the decision",
		"report this with the lines above",
	},
	[HF_CHECK_ADDR_TICKET] = {
		"addr-ticket", "connect and send go where was judged, or EPERM", true,
		"an address could be swapped after the decision",
		"a kernel with CONFIG_CGROUP_BPF; CAP_NET_ADMIN",
	},
	[HF_CHECK_STOP_OPEN] = {
		"stop-open", "an open is stopped before its descriptor is used", true,
		"files that no mark covers (new ones, /proc) can be read before a decision",
		"report this with the lines above",
	},
	[HF_CHECK_FROZEN] = {
		"frozen-check", "all other threads are known to stand still", true,
		"a path could be swapped between the last look and the effect",
		"report this with the lines above",
	},
	[HF_CHECK_GUARDIAN] = {
		"guardian", "held actions fail when Holdfast is killed", true,
		"killing Holdfast would let a held read go on",
		"report this with the lines above",
	},
	[HF_CHECK_LSM] = {
		"bpf-lsm", "BPF LSM", false,
		"no guarantee of a wrapped session lost: the base path is used",
		"boot with bpf in the lsm= list, on a kernel with CONFIG_BPF_LSM",
	},
};

const struct hf_check_info *hf_check_info(enum hf_check_id id)
{
	return &infos[id];
}

#define ASK_BASE (B(CAPS) | B(NOTIFY) | B(GETFD) | B(VM_READ) | B(CGROUP))

/* need: without one of them there is no hold at all; also: without one of them it is weaker. */
static const struct {
	const char *id, *action, *full, *weak, *none;
	uint32_t need, also;
} rows[] = {
	{
		"exec", "exec",
		"held before it runs; file and argv checked at its first instruction",
		"held before it runs; what runs is not compared with what was judged",
		"not held",
		ASK_BASE,
		B(EXEC_TICKET) | B(BPF),
	},
	{
		"read", "read of a protected file",
		"held before the open; where no mark can be, stopped before the first read",
		"stopped at the open's exit, or held before it, but not both",
		"not held",
		B(CAPS) | B(CGROUP),
		B(FANOTIFY) | B(STOP_OPEN),
	},
	{
		"write", "open for write, create, truncate",
		"held before the open; rechecked with the session frozen",
		"held before the open; arguments could be swapped while it is let go",
		"not held",
		ASK_BASE | B(FLAGS),
		B(FREEZE) | B(FROZEN) | B(OBSERVE),
	},
	{
		"change", "delete, rename, link, chmod, chown, mount, ptrace, signal",
		"held before the effect; rechecked with the session frozen",
		"held before the effect; arguments could be swapped while it is let go",
		"not held",
		ASK_BASE,
		B(FREEZE) | B(FROZEN) | B(OBSERVE),
	},
	{
		"connect", "connect, sendto, sendmsg with address",
		"held before it; address and port checked by the kernel at the effect",
		"held before it; where it goes is not compared with what was judged",
		"not held",
		ASK_BASE,
		B(ADDR_TICKET) | B(BPF),
	},
	{
		"sequence", "sequences (read a secret, then connect)",
		"judged on all that happened before, drained before each decision",
		"",
		"not judged",
		B(CAPS) | B(BPF) | B(OBSERVE),
		0,
	},
	{
		"bypass", "io_uring, i386, x32",
		"refused with ENOSYS",
		"",
		"pass by the guards",
		B(NOTIFY) | B(FOREIGN) | B(IO_URING),
		0,
	},
	{
		"pause", "pause of a session",
		"all processes frozen",
		"",
		"not possible",
		B(CGROUP) | B(FREEZE),
		0,
	},
	{
		"kill", "kill of a session",
		"all processes, also those just forking",
		"",
		"one by one",
		B(CGROUP) | B(KILL),
		0,
	},
	{
		"death", "Holdfast killed while it holds",
		"what is held fails, the session is killed",
		"",
		"a held read goes on",
		B(CGROUP) | B(KILL) | B(GUARDIAN),
		0,
	},
};

bool hf_doctor_guarantee(const struct hf_check checks[HF_CHECKS], unsigned i, struct hf_guarantee *ret)
{
	uint32_t missing = 0;

	if (i >= sizeof(rows) / sizeof(rows[0]))
		return false;
	for (unsigned k = 0; k < HF_CHECKS; k++)
		if (!checks[k].ok)
			missing |= 1u << k;
	ret->id = rows[i].id;
	ret->action = rows[i].action;
	ret->missing = missing & (rows[i].need | rows[i].also);
	ret->ok = ret->missing == 0;
	ret->gives = ret->ok ? rows[i].full : missing & rows[i].need ? rows[i].none : rows[i].weak;
	/* Two ways to stop a read: with both gone there is none. */
	if (rows[i].also && (missing & rows[i].also) == rows[i].also && strcmp(rows[i].id, "read") == 0)
		ret->gives = rows[i].none;
	ret->none = ret->gives == rows[i].none;
	return true;
}

static const struct {
	int bit;
	const char *name;
} needed_caps[] = {
	{ CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE" }, { CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH" },
	{ CAP_KILL, "CAP_KILL" },		  { CAP_SETGID, "CAP_SETGID" },
	{ CAP_SETUID, "CAP_SETUID" },		  { CAP_NET_ADMIN, "CAP_NET_ADMIN" },
	{ CAP_SYS_PTRACE, "CAP_SYS_PTRACE" },	  { CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },
	{ CAP_PERFMON, "CAP_PERFMON" },		  { CAP_BPF, "CAP_BPF" },
};

unsigned hf_doctor_missing_caps(uint64_t eff, char *out, size_t cap)
{
	size_t len = 0;
	unsigned n = 0;

	if (cap)
		out[0] = '\0';
	for (size_t i = 0; i < sizeof(needed_caps) / sizeof(needed_caps[0]); i++) {
		if (eff >> needed_caps[i].bit & 1)
			continue;
		if (len < cap)
			len += (size_t)snprintf(out + len, cap - len, "%s%s", n ? " " : "", needed_caps[i].name);
		n++;
	}
	return n;
}

static void check_caps(struct hf_check *c)
{
	FILE *f = fopen("/proc/self/status", "re");
	uint64_t eff = 0;
	char line[256], missing[160];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %" SCNx64, &eff) == 1)
			break;
	if (f)
		fclose(f);
	if (hf_doctor_missing_caps(eff, missing, sizeof(missing)) == 0)
		hf_check_set(&c[HF_CHECK_CAPS], true, "all %zu needed are there",
			     sizeof(needed_caps) / sizeof(needed_caps[0]));
	else
		hf_check_set(&c[HF_CHECK_CAPS], false, "missing: %s", missing);
}

void hf_doctor_run(struct hf_check ret[HF_CHECKS])
{
	for (unsigned i = 0; i < HF_CHECKS; i++)
		ret[i] = (struct hf_check){ .detail = "not tried: what it stands on is missing" };
	check_caps(ret);
	hf_doctor_seccomp(ret);
	hf_doctor_process(ret);
	hf_doctor_cgroup(ret);
	hf_doctor_fanotify(ret);
	hf_doctor_guardian(ret);
	hf_doctor_bpf(ret);
	hf_doctor_lsm(ret);
}

/* --- for doctor_*.c ------------------------------------------------------------------------------ */

void hf_check_set(struct hf_check *c, bool ok, const char *fmt, ...)
{
	va_list ap;

	c->ok = ok;
	c->tried = true;
	va_start(ap, fmt);
	vsnprintf(c->detail, sizeof(c->detail), fmt, ap);
	va_end(ap);
}

int hf_dchild_start(struct hf_dchild *c, int (*fn)(void *ctx), void *ctx)
{
	int go[2], r;
	pid_t pid;
	char b;

	if (pipe2(go, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		close(go[1]);
		if (read(go[0], &b, 1) != 1)
			_exit(120);
		_exit(fn(ctx));
	}
	r = pid < 0 ? -errno : 0;
	close(go[0]);
	if (r == 0) {
		c->pid = pid;
		c->go = go[1];
		c->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		if (c->pidfd >= 0)
			return 0;
		r = -errno;
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
	close(go[1]);
	return r;
}

void hf_dchild_go(struct hf_dchild *c)
{
	ssize_t n = write(c->go, "g", 1);

	(void)n; /* it died: the status will say so */
	close(c->go);
	c->go = -1;
}

int hf_dchild_end(struct hf_dchild *c, int timeout_ms)
{
	struct pollfd p = { .fd = c->pidfd, .events = POLLIN };
	int status = 0, r;

	r = poll(&p, 1, timeout_ms) == 1 ? 0 : -ETIMEDOUT;
	if (r < 0)
		(void)kill(c->pid, SIGKILL);
	if (waitpid(c->pid, &status, 0) < 0 && r == 0)
		r = -errno;
	close(c->pidfd);
	if (c->go >= 0)
		close(c->go);
	return r < 0 ? r : status;
}

bool hf_dchild_exited(int status, int code)
{
	return status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == code;
}

uint64_t hf_doctor_random(void)
{
	uint64_t id = 0;

	if (getrandom(&id, sizeof(id), 0) != sizeof(id))
		id = (uint64_t)getpid() << 32 | (uint64_t)hf_doctor_now_ms();
	return id | 1;
}

int64_t hf_doctor_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int hf_doctor_file(char *path, size_t cap)
{
	int fd;

	snprintf(path, cap, "/tmp/hf-doctor-XXXXXX");
	fd = mkostemp(path, O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
