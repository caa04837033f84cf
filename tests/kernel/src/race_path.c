/* SPDX-License-Identifier: Apache-2.0 */
/*
 * race_path TRIES DIR CALL HOW [MS]: there are DIR/g/0000 ... and DIR/e/0000 ...; each try calls CALL (unlink, rename, open, truncate, chmod,
 * mkdir) on DIR/g/NNNN while the g is changed into e and back (see swap.h; HOW link: DIR/cur/NNNN, and another process exchanges the
 * symbolic links cur, to g, and alt, to e). Ends early after MS milliseconds. What became of DIR/e is for the caller to see.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include "swap.h"

static char *path, dest[4096];
static const char *call;

static int attempt(void *arg)
{
	int fd = -1, r;

	errno = 0;
	if (!strcmp(call, "unlink"))
		r = unlink(path);
	else if (!strcmp(call, "rename"))
		r = rename(path, dest);
	else if (!strcmp(call, "truncate"))
		r = truncate(path, 0);
	else if (!strcmp(call, "chmod"))
		r = chmod(path, 0777);
	else if (!strcmp(call, "mkdir"))
		r = mkdir(path, 0700);
	else
		r = fd = open(path, O_WRONLY | O_TRUNC);
	if (fd >= 0)
		close(fd);
	return r >= 0 ? 0 : errno;
}

static void exchanger(const char *dir)
{
	char a[4096], b[4096];

	if (fork())
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(a, sizeof(a), "%s/cur", dir);
	snprintf(b, sizeof(b), "%s/alt", dir);
	for (;;)
		syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 2 /* RENAME_EXCHANGE */);
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
	int ok = 0, refused = 0, other = 0, tries, i;
	const char *how = argc > 4 ? argv[4] : "";
	long until = now_ms() + (argc > 5 ? atoi(argv[5]) : 60000);
	int link = !strcmp(how, "link");
	struct swap *s;

	if (argc < 5)
		return 2;
	tries = atoi(argv[1]);
	call = argv[3];
	path = swap_room();
	s = (struct swap *)(path + 4096);
	s->at = path + strlen(argv[2]) + 1;
	s->good = 'g';
	s->evil = 'e';
	sprintf(path, "%s/g/", argv[2]);
	if (link)
		exchanger(argv[2]);
	else if (swap_start(s, how))
		return 3;
	for (i = 0; i < tries && now_ms() < until; i++) {
		int r;

		if (link)
			sprintf(path, "%s/cur/%04d", argv[2], i);
		else	/* not the byte that is being changed */
			sprintf(path + strlen(argv[2]) + 3, "%04d", i);
		snprintf(dest, sizeof(dest), "%s/moved-%04d", argv[2], i);
		r = swap_call(how, attempt, NULL);
		if (r == 0)
			ok++;
		else if (r == EPERM)
			refused++;
		else
			other++;
	}
	printf("tries=%d ok=%d refused=%d other=%d\n", i, ok, refused, other);
	return 0;
}
