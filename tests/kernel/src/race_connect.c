/* SPDX-License-Identifier: Apache-2.0 */
/*
 * race_connect TRIES GOODPORT EVILPORT MODE HOW [MS]: connects to 127.0.0.1 while the port in the sockaddr is changed again and again (see
 * swap.h; the two ports must differ in one byte). MODE connect (TCP), sendto, sendmsg or sendmmsg (UDP). Ends early after MS milliseconds.
 * Prints the outcomes; who was reached is for the listeners to say.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include "swap.h"

static struct sockaddr_in *sa;
static const char *mode;
static int fd;

static int attempt(void *arg)
{
	struct iovec io = { (void *)"x", 1 };
	struct mmsghdr mm = { .msg_hdr = { .msg_name = sa, .msg_namelen = sizeof(*sa), .msg_iov = &io, .msg_iovlen = 1 } };
	int r;

	if (!strcmp(mode, "connect"))
		r = connect(fd, (struct sockaddr *)sa, sizeof(*sa));
	else if (!strcmp(mode, "sendto"))
		r = (int)sendto(fd, "x", 1, 0, (struct sockaddr *)sa, sizeof(*sa));
	else if (!strcmp(mode, "sendmmsg"))
		r = sendmmsg(fd, &mm, 1, 0);
	else
		r = (int)sendmsg(fd, &mm.msg_hdr, 0);
	return r >= 0 ? 0 : errno;
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
	unsigned short good, evil;
	struct swap *s;
	long until;

	if (argc < 6)
		return 2;
	until = now_ms() + (argc > 6 ? atoi(argv[6]) : 60000);
	tries = atoi(argv[1]);
	good = htons((unsigned short)atoi(argv[2]));
	evil = htons((unsigned short)atoi(argv[3]));
	mode = argv[4];
	sa = swap_room();
	s = (struct swap *)((char *)sa + 4096);
	sa->sin_family = AF_INET;
	sa->sin_port = good;
	sa->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->at = (char *)&sa->sin_port + 1;
	s->good = ((char *)&good)[1];
	s->evil = ((char *)&evil)[1];
	if (((char *)&good)[0] != ((char *)&evil)[0] || good == evil || swap_start(s, argv[5]))
		return 3;
	for (i = 0; i < tries && now_ms() < until; i++) {
		int r;

		fd = socket(AF_INET, strcmp(mode, "connect") ? SOCK_DGRAM : SOCK_STREAM, 0);
		r = swap_call(argv[5], attempt, NULL);
		if (r == 0)
			ok++;
		else if (r == EPERM)
			refused++;
		else
			other++;
		close(fd);
	}
	printf("tries=%d ok=%d refused=%d other=%d\n", i, ok, refused, other);
	return 0;
}
