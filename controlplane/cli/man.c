/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The manual page anabranch(1), from the table of commands.
 */
#include <string.h>

#include "help.h"
#include "lb/rpc.h"
#include "value.h"

/* Text as roff: hyphens that can be copied, no request by accident, plain dots for an ellipsis. */
static void roff(FILE *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", out);
	for (; *text != '\0'; text++) {
		if (strncmp(text, "…", strlen("…")) == 0) {
			fputs("\\&...", out);
			text += strlen("…") - 1;
		} else if (*text == '-') {
			fputs("\\-", out);
		} else if (*text == '\\') {
			fputs("\\e", out);
		} else {
			fputc(*text, out);
		}
	}
}

static void paragraph(FILE *out, const char *request, const char *text)
{
	fprintf(out, "%s\n", request);
	roff(out, text);
	fputc('\n', out);
}

static void man_option(FILE *out, const struct cli_option *option)
{
	fputs(".TP\n\\fB", out);
	roff(out, option->flag);
	fputs("\\fR", out);
	if (option->alias != NULL) {
		fputs(", \\fB", out);
		roff(out, option->alias);
		fputs("\\fR", out);
	}
	if (option->value != NULL) {
		fputs(" \\fI", out);
		roff(out, option->value);
		fputs(cli_type_is_list(option->type) ? "\\fR\\&..." : "\\fR", out);
	}
	fputc('\n', out);
	roff(out, option->help);
	if (option->choices != NULL) {
		fputs(" One of: ", out);
		roff(out, option->choices);
		fputc('.', out);
	}
	fputc('\n', out);
}

static void man_examples(FILE *out, const char *examples)
{
	fputs(".PP\n.EX\n", out);
	while (*examples != '\0') {
		char line[512];
		const size_t len = strcspn(examples, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)len, examples);
		roff(out, line);
		fputc('\n', out);
		examples += len + (examples[len] == '\n');
	}
	fputs(".EE\n", out);
}

static void man_command(FILE *out, const struct cli_command *command)
{
	char synopsis[512];

	cli_synopsis(command, synopsis, sizeof(synopsis));
	fputs(".SS ", out);
	roff(out, command->name);
	fputs("\n\\fBanabranch ", out);
	roff(out, command->name);
	fputs("\\fR ", out);
	roff(out, synopsis);
	fputs("\n.PP\n", out);
	roff(out, command->summary);
	fputs(".\n", out);
	if (command->details != NULL)
		paragraph(out, ".PP", command->details);
	for (const struct cli_option *option = cli_option_next(command, NULL); option != NULL;
	        option = cli_option_next(command, option))
		man_option(out, option);
	if (command->examples != NULL)
		man_examples(out, command->examples);
	if (command->method != NULL)
		fprintf(out, ".PP\nThe method of the control socket is %s.\n", command->method);
}

static void man_sections(FILE *out)
{
	for (enum cli_section section = 0; section < CLI_SECTIONS; section++) {
		fputs(".SH ", out);
		for (const char *c = cli_section_names[section]; *c != '\0'; c++)
			fputc(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c, out);
		fputc('\n', out);
		for (const struct cli_command *command = cli_commands; command->name != NULL;
		        command++)
			if (command->section == section)
				man_command(out, command);
	}
}

void cli_man(FILE *out)
{
	fputs(".TH ANABRANCH 1 \"\" \"anabranch " LB_VERSION "\" \"User Commands\"\n"
	      ".SH NAME\nanabranch \\- " CLI_ABOUT "\n"
	      ".SH SYNOPSIS\n\\fBanabranch\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR\\&...]\n"
	      ".SH DESCRIPTION\n",
	        out);
	roff(out, "Asks the daemon anabranchd, over its control socket, to show and to change load "
	          "balancers, listeners, target groups and targets. Commands and options have the "
	          "names that the AWS command line gives them for network load balancers; a name "
	          "may stand wherever that one needs an ARN. Reading needs the group anabranch, "
	          "changing root or the group anabranch-admin.");
	fputs("\n.SH OPTIONS\nThey may stand before and after the command.\n", out);
	for (const struct cli_option *option = cli_global_options; option->flag != NULL; option++)
		man_option(out, option);
	man_sections(out);
	fputs(".SH EXIT STATUS\n", out);
	for (const struct cli_exit_text *exit = cli_exit_texts; exit->text != NULL; exit++) {
		fprintf(out, ".TP\n.B %d\n", exit->code);
		roff(out, exit->text);
		fputs(".\n", out);
	}
	fputs(".SH ENVIRONMENT\n.TP\n.B ANABRANCH_SOCKET\nPath of the control socket.\n"
	      ".TP\n.B NO_COLOR\nSet to anything: no colours, on terminals neither.\n"
	      ".SH FILES\n.TP\n.I " LB_CONTROL_SOCKET "\nThe control socket.\n",
	        out);
}
