/* SPDX-License-Identifier: Apache-2.0 */
/* A program that may be a good or an evil one: when its own file ends in "EVIL" it makes the file named by KT_MARK. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
	char end[4] = "";
	int fd = open("/proc/self/exe", O_RDONLY);
	off_t n = lseek(fd, -4, SEEK_END);

	if (n < 0 || read(fd, end, 4) != 4)
		return 1;
	if (!memcmp(end, "EVIL", 4))
		close(open(getenv("KT_MARK"), O_WRONLY | O_CREAT, 0600));
	return 0;
}
