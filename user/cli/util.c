/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "core/str.h"

static void say(const char *cmd, const char *fmt, va_list ap)
{
	char text[1024], safe[2048];

	/* Arguments and answers quote what others wrote. */
	vsnprintf(text, sizeof(text), fmt, ap);
	hf_str_escape(hf_str_of(text), safe, sizeof(safe));
	fprintf(stderr, "holdfast %s: %s", cmd, safe);
}

int hf_cli_usage(const char *cmd, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(cmd, fmt, ap);
	va_end(ap);
	fprintf(stderr, "; see 'holdfast %s --help'\n", cmd);
	return 2;
}

int hf_cli_fail(const char *cmd, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(cmd, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return 1;
}

int hf_cli_getopt(int argc, char **argv, const struct option *options)
{
	return hf_cli_getopt_short(argc, argv, ":h", options);
}

int hf_cli_getopt_short(int argc, char **argv, const char *shorts, const struct option *options)
{
	int at = optind, o;

	opterr = 0;
	o = getopt_long(argc, argv, shorts, options, NULL);
	if (o == ':')
		hf_cli_usage(argv[0], "%s needs a value", argv[optind - 1]);
	else if (o == '?')
		hf_cli_usage(argv[0], "unknown option '%s'", argv[optind > at ? optind - 1 : at]);
	return o == ':' ? '?' : o;
}

int hf_cli_need_root(int argc, char **argv)
{
	char line[512] = "";
	size_t n = 0;

	if (geteuid() == 0)
		return 0;
	for (int i = 0; i < argc && n < sizeof(line); i++)
		n += (size_t)snprintf(line + n, sizeof(line) - n, " %s", argv[i]);
	return hf_cli_fail(argv[0], "only root may control sessions; try: sudo holdfast%s", line);
}

int hf_cli_end(const char *cmd, int rc)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		return hf_cli_fail(cmd, "cannot write the output: %s", strerror(errno));
	return rc;
}
