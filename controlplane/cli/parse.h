/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The command line, read by the table of commands. Pure.
 */
#ifndef CLI_PARSE_H
#define CLI_PARSE_H

#include "command.h"

/* 0, or -EINVAL with what is wrong, and what would be right, in 'why'. 'call' knows its command in
 * both cases when there is one (call->command NULL and 0: none was given), and is to be cleared in
 * both. */
int cli_parse(int argc, char **argv, struct cli_call *call, char *why, size_t why_len);
void cli_call_clear(struct cli_call *call);

#endif
