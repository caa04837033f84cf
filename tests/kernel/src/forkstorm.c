/* SPDX-License-Identifier: Apache-2.0 */
/* forkstorm N DIR: N processes, started at once, each forks a child that forks a grandchild (double fork, setsid); every grandchild opens its
 * own file DIR/<i> for reading. All must be seen. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int n, st, left;
	volatile int *go;
	char path[4096];

	if (argc != 3)
		return 2;
	n = atoi(argv[1]);
	go = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < n; i++) {
		pid_t p = fork();

		if (p < 0)
			return 3;
		if (p)
			continue;
		while (!*go)
			usleep(100);
		if (fork())
			_exit(0);
		setsid();
		if (fork())
			_exit(0);
		snprintf(path, sizeof(path), "%s/%d", argv[2], i);
		close(open(path, O_RDONLY));
		__sync_fetch_and_add((int *)go + 1, 1);
		_exit(0);
	}
	*go = 1;
	while (wait(&st) > 0)
		;
	for (left = 5000; go[1] < n && left > 0; left--)
		usleep(1000);
	printf("%d\n", go[1]);
	return go[1] == n ? 0 : 1;
}
