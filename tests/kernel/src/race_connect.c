/* SPDX-License-Identifier: Apache-2.0 */
/*
 * race_connect TRIES GOODPORT EVILPORT MODE: connects to 127.0.0.1 while a second thread keeps swapping the port in the sockaddr. MODE connect
 * (TCP), sendto or sendmsg (UDP). Prints the outcomes; who was reached is for the listeners to say.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in sa __attribute__((aligned(64)));
static unsigned short good, evil;

static void *swapper(void *arg)
{
	for (;;) {
		*(volatile unsigned short *)&sa.sin_port = htons(evil);
		for (volatile int i = 0; i < 100; i++)
			;
		*(volatile unsigned short *)&sa.sin_port = htons(good);
		for (volatile int i = 0; i < 100; i++)
			;
	}
	return arg;
}

static int attempt(const char *mode, int fd)
{
	struct iovec io = { (void *)"x", 1 };
	struct msghdr m = { .msg_name = &sa, .msg_namelen = sizeof(sa), .msg_iov = &io, .msg_iovlen = 1 };

	if (!strcmp(mode, "connect"))
		return connect(fd, (struct sockaddr *)&sa, sizeof(sa));
	if (!strcmp(mode, "sendto"))
		return sendto(fd, "x", 1, 0, (struct sockaddr *)&sa, sizeof(sa)) < 0 ? -1 : 0;
	return sendmsg(fd, &m, 0) < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	int ok = 0, refused = 0, other = 0, tries;
	pthread_t t;

	if (argc != 5)
		return 2;
	tries = atoi(argv[1]);
	good = (unsigned short)atoi(argv[2]);
	evil = (unsigned short)atoi(argv[3]);
	sa.sin_family = AF_INET;
	sa.sin_port = htons(good);
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (pthread_create(&t, NULL, swapper, NULL))
		return 3;
	for (int i = 0; i < tries; i++) {
		int fd = socket(AF_INET, strcmp(argv[4], "connect") ? SOCK_DGRAM : SOCK_STREAM, 0);

		if (attempt(argv[4], fd) == 0)
			ok++;
		else if (errno == EPERM)
			refused++;
		else
			other++;
		close(fd);
	}
	printf("ok=%d refused=%d other=%d\n", ok, refused, other);
	return 0;
}
