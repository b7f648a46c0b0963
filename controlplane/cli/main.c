/* SPDX-License-Identifier: BSD-3-Clause
 *
 * anabranch: the command-line client of the control socket.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "help.h"
#include "parse.h"
#include "run.h"

/* For the build: the manual page and the completion that are installed. */
static int generate_man(const char *dir)
{
	char path[4096];
	FILE *out;

	snprintf(path, sizeof(path), "%s/anabranch.1", dir);
	out = fopen(path, "w");
	if (out == NULL) {
		fprintf(stderr, "anabranch: %s: %s\n", path, strerror(errno));
		return CLI_EXIT_USAGE;
	}
	cli_man(out);
	if (fclose(out) == 0)
		return CLI_EXIT_OK;
	fprintf(stderr, "anabranch: %s: %s\n", path, strerror(errno));
	return CLI_EXIT_USAGE;
}

static int run(int argc, char **argv)
{
	struct cli_call call;
	char why[512];
	int rc;

	if (cli_parse(argc, argv, &call, why, sizeof(why)) != 0) {
		rc = cli_usage(&call, "%s", why);
	} else if (call.command == NULL) {
		cli_help_all(call.help ? stdout : stderr);
		rc = call.help ? CLI_EXIT_OK : CLI_EXIT_USAGE;
	} else if (call.help) {
		cli_help_command(stdout, call.command);
		rc = CLI_EXIT_OK;
	} else {
		rc = call.command->run(&call);
	}
	cli_call_clear(&call);
	return rc;
}

int main(int argc, char **argv)
{
	int rc = CLI_EXIT_OK;

	if (argc == 3 && strcmp(argv[1], "--generate-man") == 0)
		rc = generate_man(argv[2]);
	else if (argc == 2 && strcmp(argv[1], "--generate-completion") == 0)
		cli_completion(stdout);
	else if (argc == 2 && strcmp(argv[1], "--version") == 0)
		puts("anabranch " LB_VERSION);
	else
		rc = run(argc, argv);
	if (fflush(stdout) != 0 && rc == CLI_EXIT_OK) {
		fprintf(stderr, "anabranch: the output could not be written: %s\n",
		        strerror(errno));
		rc = CLI_EXIT_USAGE;
	}
	return rc;
}
