/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The table of commands as text: --help, the manual page, completion.
 */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <stdio.h>

#include "command.h"

/* What both the help and the manual page say about the program. */
#define CLI_ABOUT "command-line client of the anabranch load balancer"
extern const struct cli_exit_text {
	int code;
	const char *text;
} cli_exit_texts[]; /* ends with a text of NULL */

void cli_help_all(FILE *out);
void cli_help_command(FILE *out, const struct cli_command *command);

/* "--name NAME --protocol PROTOCOL [OPTION…]": what goes after the command's name. */
void cli_synopsis(const struct cli_command *command, char *text, size_t len);

/* anabranch.1, roff. */
void cli_man(FILE *out);
/* A completion for bash. */
void cli_completion(FILE *out);

#endif
