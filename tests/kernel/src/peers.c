/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peers PORTS GOT SPEC...: listens on each SPEC (tcp4, tcp6, udp4, udp6, a UNIX path, @abstract name; a '+' before the last two: datagram),
 * loopback only. Writes the ports to PORTS in that order (0 for UNIX). Appends the number of a SPEC, from 0, to GOT for each connection or
 * datagram. Ends with its parent's death or SIGTERM.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX 32

static int listen_at(const char *spec, int *ret_dgram, int *ret_port)
{
	struct sockaddr_storage ss = { 0 };
	struct sockaddr_in *s4 = (void *)&ss;
	struct sockaddr_in6 *s6 = (void *)&ss;
	struct sockaddr_un *un = (void *)&ss;
	socklen_t len;
	int fd, domain;

	*ret_dgram = !strncmp(spec, "udp", 3) || spec[0] == '+';
	if (spec[0] == '+')
		spec++;
	if (spec[0] == '/' || spec[0] == '@') {
		domain = un->sun_family = AF_UNIX;
		strncpy(un->sun_path, spec, sizeof(un->sun_path) - 1);
		if (spec[0] == '@')
			un->sun_path[0] = '\0';
		len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(spec));
	} else if (spec[3] == '6') {
		domain = s6->sin6_family = AF_INET6;
		s6->sin6_addr = in6addr_loopback;
		len = sizeof(*s6);
	} else {
		domain = s4->sin_family = AF_INET;
		s4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		len = sizeof(*s4);
	}
	fd = socket(domain, *ret_dgram ? SOCK_DGRAM : SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, (void *)&ss, len) || (!*ret_dgram && listen(fd, 1024)))
		return -1;
	if (domain != AF_UNIX) {
		len = sizeof(ss);
		getsockname(fd, (void *)&ss, &len);
		*ret_port = ntohs(domain == AF_INET ? s4->sin_port : s6->sin6_port);
	}
	return fd;
}

int main(int argc, char **argv)
{
	struct pollfd p[MAX];
	int dgram[MAX], port[MAX] = { 0 }, n = argc - 3, got;
	FILE *f;

	if (n < 1 || n > MAX)
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	got = open(argv[2], O_WRONLY | O_CREAT | O_APPEND, 0600);
	for (int i = 0; i < n; i++) {
		p[i].events = POLLIN;
		p[i].fd = listen_at(argv[3 + i], &dgram[i], &port[i]);
		if (p[i].fd < 0) {
			perror(argv[3 + i]);
			return 3;
		}
	}
	f = fopen(argv[1], "w");
	if (!f)
		return 3;
	for (int i = 0; i < n; i++)
		fprintf(f, "%d%c", port[i], i + 1 < n ? ' ' : '\n');
	fclose(f);
	while (poll(p, (nfds_t)n, -1) > 0)
		for (int i = 0; i < n; i++) {
			char b[64];
			int len;

			if (!(p[i].revents & POLLIN))
				continue;
			if (dgram[i])
				(void)!recv(p[i].fd, b, sizeof(b), 0);
			else
				close(accept(p[i].fd, NULL, NULL));
			len = snprintf(b, sizeof(b), "%d\n", i);
			(void)!write(got, b, (size_t)len);
		}
	return 0;
}
