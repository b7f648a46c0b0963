/* SPDX-License-Identifier: BSD-3-Clause
 *
 * --help, of the program and of each command.
 */
#include "help.h"

#include <string.h>

#include "run.h"
#include "suggest.h"
#include "value.h"

#define WIDTH 80

const struct cli_exit_text cli_exit_texts[] = {
        {CLI_EXIT_OK, "done"},
        {CLI_EXIT_REFUSED, "the daemon refused; its code is printed"},
        {CLI_EXIT_USAGE, "the command line makes no sense"},
        {CLI_EXIT_UNREACHABLE, "no answer from the daemon; the reason is printed"},
        {0, NULL},
};

/* Words up to the width, each line indented; 'column' is where the first one begins. */
static void wrap(FILE *out, const char *text, int indent, int column)
{
	while (*text != '\0') {
		const int len = (int)strcspn(text, " ");

		if (column > indent && column + 1 + len > WIDTH) {
			fputc('\n', out);
			column = 0;
		}
		if (column < indent) {
			fprintf(out, "%*s", indent - column, "");
			column = indent;
		} else if (column > indent) {
			fputc(' ', out);
			column++;
		}
		fprintf(out, "%.*s", len, text);
		column += len;
		text += len + (text[len] == ' ');
	}
	fputc('\n', out);
}

static void option_print(FILE *out, const struct cli_option *option)
{
	char choices[64], *space;

	fprintf(out, "  %s", option->flag);
	if (option->alias != NULL)
		fprintf(out, ", %s", option->alias);
	if (option->value != NULL)
		fprintf(out, " %s%s", option->value, cli_type_is_list(option->type) ? "…" : "");
	fputc('\n', out);
	wrap(out, option->help, 6, 0);
	if (option->choices == NULL)
		return;
	snprintf(choices, sizeof(choices), "%s", option->choices);
	while ((space = strchr(choices, ' ')) != NULL)
		*space = '|';
	fprintf(out, "      %s\n", choices);
}

static void options_print(FILE *out, const char *heading, const struct cli_option *list)
{
	if (list == NULL)
		return;
	fprintf(out, "\n%s:\n", heading);
	for (const struct cli_option *option = list; option != NULL && option->flag != NULL;
	        option++)
		option_print(out, option);
}

void cli_synopsis(const struct cli_command *command, char *text, size_t len)
{
	bool more = false;
	size_t used;

	snprintf(text, len, "%s", command->words != NULL ? command->words : "");
	for (const struct cli_option *option = cli_option_next(command, NULL); option != NULL;
	        option = cli_option_next(command, option)) {
		if (!option->required) {
			more = true;
			continue;
		}
		used = strlen(text);
		snprintf(text + used, len - used, "%s%s %s%s", used > 0 ? " " : "",
		        option->alias != NULL ? option->alias : option->flag, option->value,
		        cli_type_is_list(option->type) ? "…" : "");
	}
	used = strlen(text);
	if (more)
		snprintf(text + used, len - used, "%s[OPTION…]", used > 0 ? " " : "");
}

static void examples_print(FILE *out, const char *examples)
{
	fputs("\nExamples:\n", out);
	while (*examples != '\0') {
		const size_t len = strcspn(examples, "\n");

		fprintf(out, "  %.*s\n", (int)len, examples);
		examples += len + (examples[len] == '\n');
	}
}

void cli_help_command(FILE *out, const struct cli_command *command)
{
	char synopsis[512];

	cli_synopsis(command, synopsis, sizeof(synopsis));
	fprintf(out, "Usage: anabranch %s %s\n\n%s.\n", command->name, synopsis, command->summary);
	if (command->details != NULL) {
		fputc('\n', out);
		wrap(out, command->details, 0, 0);
	}
	options_print(out, "Options", command->options);
	options_print(out, "Health check", command->more);
	options_print(out, "Options of all commands", cli_global_options);
	if (command->examples != NULL)
		examples_print(out, command->examples);
	if (command->method != NULL)
		fprintf(out, "\nThe method of the control socket is %s.\n", command->method);
}

void cli_help_all(FILE *out)
{
	fputs("anabranch: " CLI_ABOUT "\n\nUsage: anabranch COMMAND [OPTION…]\n", out);
	for (enum cli_section section = 0; section < CLI_SECTIONS; section++) {
		fprintf(out, "\n%s:\n", cli_section_names[section]);
		for (const struct cli_command *command = cli_commands; command->name != NULL;
		        command++)
			if (command->section == section)
				fprintf(out, "  %-35s %s\n", command->name, command->summary);
	}
	options_print(out, "Options of all commands", cli_global_options);
	fputs("\nExit codes:\n", out);
	for (const struct cli_exit_text *exit = cli_exit_texts; exit->text != NULL; exit++)
		fprintf(out, "  %d  %s\n", exit->code, exit->text);
	fputs("\n'anabranch COMMAND --help' says more; 'man anabranch' has it all.\n", out);
}

int cli_run_help(const struct cli_call *call)
{
	struct cli_suggestion best = {0};
	const struct cli_command *command;

	if (call->nb_words == 0) {
		cli_help_all(stdout);
		return CLI_EXIT_OK;
	}
	if (call->nb_words > 1)
		return cli_usage(call, "'%s' is one too many: name one command", call->words[1]);
	command = cli_command_find(call->words[0]);
	if (command != NULL) {
		cli_help_command(stdout, command);
		return CLI_EXIT_OK;
	}
	for (const struct cli_command *known = cli_commands; known->name != NULL; known++)
		cli_suggest(&best, call->words[0], known->name);
	return cli_usage(call, "unknown command '%s'%s%s%s", call->words[0],
	        best.word != NULL ? ": did you mean '" : "", best.word != NULL ? best.word : "",
	        best.word != NULL ? "'?" : "");
}
