/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands. One function each: argv[0] is its name; returns the exit status. The table is in main.c. */
#ifndef HF_CLI_H
#define HF_CLI_H
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

struct hf_cmd {
	const char *name, *summary;
	int (*fn)(int argc, char **argv);
};

int hf_cmd_run(int argc, char **argv);
int hf_cmd_sessions(int argc, char **argv);
int hf_cmd_holds(int argc, char **argv);
int hf_cmd_approve(int argc, char **argv);
int hf_cmd_deny(int argc, char **argv);
int hf_cmd_pause(int argc, char **argv);
int hf_cmd_resume(int argc, char **argv);
int hf_cmd_kill(int argc, char **argv);
int hf_cmd_show(int argc, char **argv);
int hf_cmd_verify(int argc, char **argv);
int hf_cmd_replay(int argc, char **argv);
int hf_cmd_check(int argc, char **argv);
int hf_cmd_doctor(int argc, char **argv);
int hf_cmd_version(int argc, char **argv);

/* Bad usage: one line on stderr that points to --help. Always 2. */
int hf_cli_usage(const char *cmd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A failure: one line on stderr. Always 1. */
int hf_cli_fail(const char *cmd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* getopt_long() that says what is wrong by hf_cli_usage() and then returns '?'. 'h' is --help. Call with optind = 1 first. */
int hf_cli_getopt(int argc, char **argv, const struct option *options);
/* The same with short options; SHORTS has a ':' first, or "+:", and 'h' in it. */
int hf_cli_getopt_short(int argc, char **argv, const char *shorts, const struct option *options);
/* 0, or 1 after one line which says that root is needed, and what to type. */
int hf_cli_need_root(int argc, char **argv);
/* Flushes stdout: rc, or 1 when what was printed did not get out. */
int hf_cli_end(const char *cmd, int rc);
#endif
