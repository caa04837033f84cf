/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tools/bench times. `hf-bench loops DIR PORT` prints, for each kind of loop, the median and the fastest of short chunks in
 * ns for one turn; `hf-bench sink` accepts and drops connections and prints its port first; `hf-bench spawn N CMD...` runs CMD
 * N times and prints each one's ms.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHUNKS	 11
#define CHUNK_NS 6000000ull	/* short beside a time slice, so that most chunks are whole ones */

struct where {
	char file[512];
	struct sockaddr_in to;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "hf-bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void turn_open_read(const struct where *w)
{
	int fd = open(w->file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die(w->file);
	close(fd);
}

static void turn_open_write(const struct where *w)
{
	int fd = open(w->file, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		die(w->file);
	close(fd);
}

static void turn_exec(const struct where *w)
{
	pid_t pid = fork();
	int status;

	(void)w;
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status))
		die("/bin/true");
}

static void turn_connect(const struct where *w)
{
	const struct linger reset = { .l_onoff = 1 };	/* no TIME_WAIT: the loop would run out of ports */
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&w->to, sizeof(w->to)))
		die("connect");
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
}

static const struct {
	const char *name;
	void (*turn)(const struct where *w);
} loops[] = {
	{ "open-read", turn_open_read },
	{ "open-write", turn_open_write },
	{ "exec", turn_exec },
	{ "connect", turn_connect },
};

static double chunk(unsigned i, const struct where *w, unsigned turns)
{
	uint64_t t = now_ns();

	for (unsigned k = 0; k < turns; k++)
		loops[i].turn(w);
	return (double)(now_ns() - t) / turns;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void run_loop(unsigned i, const struct where *w)
{
	double ns[CHUNKS], one = chunk(i, w, 20);
	unsigned turns;

	one = chunk(i, w, 20);
	turns = (unsigned)((double)CHUNK_NS / one) + 1;
	for (unsigned k = 0; k < CHUNKS; k++)
		ns[k] = chunk(i, w, turns);
	qsort(ns, CHUNKS, sizeof(ns[0]), by_size);
	printf("%s %.0f %.0f\n", loops[i].name, ns[CHUNKS / 2], ns[0]);
}

static int run_loops(const char *dir, const char *port)
{
	struct where w = { .to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)),
				   .sin_addr = { htonl(INADDR_LOOPBACK) } } };
	int fd;

	snprintf(w.file, sizeof(w.file), "%s/a/b/file", dir);
	fd = open(w.file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		die(w.file);
	close(fd);
	for (unsigned i = 0; i < sizeof(loops) / sizeof(loops[0]); i++)
		run_loop(i, &w);
	return 0;
}

static _Noreturn void run_sink(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(a);
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof(a)) || listen(s, 4096) || getsockname(s, (struct sockaddr *)&a, &len))
		die("sink");
	printf("%d\n", ntohs(a.sin_port));
	fflush(stdout);
	for (;;) {
		int fd = accept(s, NULL, NULL);

		if (fd >= 0)
			close(fd);
		else if (errno != EINTR && errno != ECONNABORTED)
			die("accept");
	}
}

static int run_spawn(int n, char **argv)
{
	for (int i = 0; i < n; i++) {
		uint64_t t = now_ns();
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			execvp(argv[0], argv);
			_exit(127);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status))
			die(argv[0]);
		printf("%.3f\n", (double)(now_ns() - t) / 1e6);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "loops") == 0)
		return run_loops(argv[2], argv[3]);
	if (argc == 2 && strcmp(argv[1], "sink") == 0)
		run_sink();
	if (argc > 3 && strcmp(argv[1], "spawn") == 0)
		return run_spawn(atoi(argv[2]), argv + 3);
	fprintf(stderr, "Usage: hf-bench loops DIR PORT | sink | spawn N CMD [ARG...]\n");
	return 2;
}
