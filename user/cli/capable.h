/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HF_CLI_CAPABLE_H
#define HF_CLI_CAPABLE_H
/* Has this process the capabilities that a session needs? Else one line on stderr that names the missing ones, and -EPERM. */
int hf_cli_capable(const char *cmd);
#endif
