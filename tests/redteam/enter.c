/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last step into the box of the red team's runner: makes sure that this is a throwaway world, closes what a root
 * process could reach the host by, and only then runs the case. Without every proof it runs nothing.
 *
 *   enter SECONDS MNT-NS NET-NS TOKEN COMMAND [ARG]...
 *
 * MNT-NS and NET-NS are what the links /proc/self/ns/{mnt,net} say outside. TOKEN names a file that only the box's root
 * has. Status: 120 refused, 124 out of time, else the command's.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OVERLAYFS_MAGIC	0x794c7630
#define TMPFS_MAGIC	0x01021994
#define REFUSED		120
#define TIMED_OUT	124
#define GRACE_MS	1500	/* for what the command left in the background */

static void refuse(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
static void refuse(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("enter: refused: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	_exit(REFUSED);
}

static void ns_differs(const char *link, const char *outside)
{
	char now[64] = "";
	ssize_t len = readlink(link, now, sizeof(now) - 1);

	if (len <= 0 || !strchr(outside, '['))
		refuse("%s cannot be compared", link);
	if (!strcmp(now, outside))
		refuse("%s is the host's", link);
}

static void fs_is(const char *path, long magic)
{
	struct statfs fs;

	if (statfs(path, &fs))
		refuse("%s: %s", path, strerror(errno));
	if ((unsigned int)fs.f_type != (unsigned int)magic)
		refuse("%s lies on a file system of type %lx, not %lx", path, (long)fs.f_type, magic);
}

static void check_world(char **argv)
{
	static const char *const overlays[] = { "/etc", "/root", "/home", "/var", "/usr", "/tmp", "/opt", "/srv" };
	char token[256];

	ns_differs("/proc/self/ns/mnt", argv[2]);
	ns_differs("/proc/self/ns/net", argv[3]);
	fs_is("/", TMPFS_MAGIC);
	for (size_t i = 0; i < sizeof(overlays) / sizeof(overlays[0]); i++)
		fs_is(overlays[i], OVERLAYFS_MAGIC);
	fs_is("/dev", TMPFS_MAGIC);
	if (snprintf(token, sizeof(token), "/%s", argv[4]) >= (int)sizeof(token) || access(token, F_OK))
		refuse("the root is not the box's");
}

/*
 * About what docker leaves to root: mounts, modules, raw devices, the clock, the kernel's log, other namespaces and
 * nodes of devices are out of reach.
 */
static void drop_capabilities(void)
{
	static const int keep[] = { CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FSETID, CAP_FOWNER, CAP_NET_RAW, CAP_SETGID, CAP_SETUID,
		CAP_SETPCAP, CAP_NET_BIND_SERVICE, CAP_KILL, CAP_NET_ADMIN };
	struct __user_cap_header_struct hdr = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {};

	for (size_t i = 0; i < sizeof(keep) / sizeof(keep[0]); i++)
		data[keep[i] / 32].permitted |= 1U << (keep[i] % 32);
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++) {
		if (data[cap / 32].permitted & (1U << (cap % 32)))
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) && errno != EINVAL)
			refuse("capability %d stays: %s", cap, strerror(errno));
	}
	data[0].effective = data[0].permitted;
	data[1].effective = data[1].permitted;
	if (syscall(SYS_capset, &hdr, data))
		refuse("capset: %s", strerror(errno));
	if (prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) != 0)
		refuse("CAP_SYS_ADMIN stays");
}

/* The kernel's switches are the host's whatever the namespace: read only. */
static void close_kernel(void)
{
	static const char *const paths[] = { "/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus" };
	struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		refuse("private mounts: %s", strerror(errno));
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		refuse("/proc: %s", strerror(errno));
	if (syscall(SYS_mount_setattr, -1, "/sys", AT_RECURSIVE, &ro, sizeof(ro)))
		refuse("/sys read only: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (access(paths[i], F_OK))
			continue;
		if (mount(paths[i], paths[i], NULL, MS_BIND, NULL) ||
		    mount(NULL, paths[i], NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL))
			refuse("%s read only: %s", paths[i], strerror(errno));
	}
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Process 1 of the box: waits for the command, a moment longer for what it left behind, and takes the rest along. */
static int be_init(pid_t child, long end_ms)
{
	int status = 0, rc = -1;
	long until = end_ms;
	pid_t pid;

	for (;;) {
		pid = waitpid(-1, &status, WNOHANG);
		if (pid < 0 && errno == ECHILD)
			return rc;
		if (pid == child) {
			rc = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
			if (now_ms() + GRACE_MS < until)
				until = now_ms() + GRACE_MS;
		}
		if (now_ms() > until)
			return rc < 0 ? TIMED_OUT : rc;
		if (pid <= 0)
			nanosleep(&(struct timespec) { .tv_nsec = 20000000 }, NULL);
	}
}

static int in_box(char **argv, long end_ms)
{
	struct rlimit core = { 0, 0 }, fsize = { 512UL << 20, 512UL << 20 };
	pid_t pid;

	if (getpid() != 1)
		refuse("no pid namespace of its own");
	close_kernel();
	drop_capabilities();
	if (setrlimit(RLIMIT_CORE, &core) || setrlimit(RLIMIT_FSIZE, &fsize))
		refuse("limits: %s", strerror(errno));
	if (chdir("/workdir"))
		refuse("/workdir: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		refuse("fork: %s", strerror(errno));
	if (!pid) {
		setsid();
		execvp(argv[5], argv + 5);
		fprintf(stderr, "enter: %s: %s\n", argv[5], strerror(errno));
		_exit(127);
	}
	return be_init(pid, end_ms);
}

int main(int argc, char **argv)
{
	long end_ms;
	int status;
	pid_t pid;

	if (argc < 6) {
		fputs("Usage: enter SECONDS MNT-NS NET-NS TOKEN COMMAND [ARG]...\n", stderr);
		return 2;
	}
	end_ms = now_ms() + atol(argv[1]) * 1000;
	check_world(argv);
	if (unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS))
		refuse("unshare: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		refuse("fork: %s", strerror(errno));
	if (!pid)
		_exit(in_box(argv, end_ms));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
