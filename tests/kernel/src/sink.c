/* SPDX-License-Identifier: Apache-2.0 */
/* sink FILE: listens on two TCP and two UDP ports of 127.0.0.1, writes "TCP1 TCP2 UDP1 UDP2" to FILE; on SIGTERM prints how many connections
 * or datagrams each got. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile sig_atomic_t stop;

static void on_term(int sig)
{
	stop = 1;
}

int main(int argc, char **argv)
{
	struct pollfd p[4];
	unsigned long n[4] = { 0 };
	unsigned short port[4];
	struct sigaction sa = { .sa_handler = on_term };
	FILE *f;

	if (argc != 2)
		return 2;
	sigaction(SIGTERM, &sa, NULL);
	for (int i = 0; i < 4; i++) {
		struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		socklen_t len = sizeof(a);

		p[i].fd = socket(AF_INET, i < 2 ? SOCK_STREAM : SOCK_DGRAM, 0);
		p[i].events = POLLIN;
		if (bind(p[i].fd, (struct sockaddr *)&a, sizeof(a)) || (i < 2 && listen(p[i].fd, 4096)))
			return 3;
		getsockname(p[i].fd, (struct sockaddr *)&a, &len);
		port[i] = ntohs(a.sin_port);
	}
	f = fopen(argv[1], "w");
	if (!f)
		return 3;
	fprintf(f, "%d %d %d %d\n", port[0], port[1], port[2], port[3]);
	fclose(f);
	while (poll(p, 4, stop ? 0 : 200) > 0 || !stop)
		for (int i = 0; i < 4; i++) {
			char b[64];

			if (!(p[i].revents & POLLIN))
				continue;
			n[i]++;
			if (i < 2)
				close(accept(p[i].fd, NULL, NULL));
			else
				(void)!recv(p[i].fd, b, sizeof(b), 0);
			p[i].revents = 0;
		}
	printf("%lu %lu %lu %lu\n", n[0], n[1], n[2], n[3]);
	return 0;
}
