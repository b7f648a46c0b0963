/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Completion for bash, from the table of commands: commands, their options, the values of those
 * that have a fixed choice, and the names of what there is.
 */
#include "help.h"

static void flags_print(FILE *out, const struct cli_option *list)
{
	for (const struct cli_option *option = list; option != NULL && option->flag != NULL;
	        option++) {
		fprintf(out, " %s", option->flag);
		if (option->alias != NULL)
			fprintf(out, " %s", option->alias);
	}
}

static void commands_print(FILE *out)
{
	fputs("\tlocal commands=\"", out);
	for (const struct cli_command *command = cli_commands; command->name != NULL; command++)
		fprintf(out, "%s%s", command == cli_commands ? "" : " ", command->name);
	fputs("\"\n", out);
}

static void options_print(FILE *out)
{
	fputs("\tlocal options=\"", out);
	flags_print(out, cli_global_options);
	fputs("\"\n\tcase $command in\n", out);
	for (const struct cli_command *command = cli_commands; command->name != NULL; command++) {
		if (command->options == NULL)
			continue;
		fprintf(out, "\t%s) options+=\"", command->name);
		flags_print(out, command->options);
		flags_print(out, command->more);
		fputs("\" ;;\n", out);
	}
	fputs("\tesac\n", out);
}

static void choices_print(FILE *out)
{
	fputs("\tcase \"$command $previous\" in\n", out);
	for (const struct cli_command *command = cli_commands; command->name != NULL; command++)
		for (const struct cli_option *option = cli_option_next(command, NULL);
		        option != NULL; option = cli_option_next(command, option))
			if (option->choices != NULL)
				fprintf(out,
				        "\t'%s %s') COMPREPLY=($(compgen -W '%s' -- "
				        "\"$current\")); return ;;\n",
				        command->name, option->flag, option->choices);
	fputs("\t*' --target-group'*) names=TargetGroupName list=describe-target-groups ;;\n"
	      "\t*' --load-balancer'*) names=LoadBalancerName list=describe-load-balancers ;;\n"
	      "\t*' --socket') COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n"
	      "\t'help '*) COMPREPLY=($(compgen -W \"$commands\" -- \"$current\")); return "
	      ";;\n"
	      "\tesac\n",
	        out);
}

void cli_completion(FILE *out)
{
	fputs("# SPDX-License-Identifier: BSD-3-Clause\n"
	      "# Completion of anabranch(1) for bash; generated from its table of commands.\n"
	      "_anabranch()\n{\n"
	      "\tlocal current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
	      "\tlocal command= names= list= at\n",
	        out);
	commands_print(out);
	fputs("\tfor ((at = 1; at < COMP_CWORD; at++)); do\n"
	      "\t\tcase \" $commands \" in *\" ${COMP_WORDS[at]} \"*) "
	      "command=${COMP_WORDS[at]}; break ;; esac\n"
	      "\tdone\n",
	        out);
	options_print(out);
	choices_print(out);
	fputs("\tif [[ -n $names && $current != -* ]]; then\n"
	      "\t\tnames=$(anabranch $list --json 2>/dev/null | "
	      "sed -n \"s/.*\\\"$names\\\": \\\"\\([^\\\"]*\\)\\\".*/\\1/p\")\n"
	      "\t\tCOMPREPLY=($(compgen -W \"$names\" -- \"$current\"))\n"
	      "\telif [[ -z $command && $current != -* ]]; then\n"
	      "\t\tCOMPREPLY=($(compgen -W \"$commands\" -- \"$current\"))\n"
	      "\telif [[ $current == -* ]]; then\n"
	      "\t\tCOMPREPLY=($(compgen -W \"$options\" -- \"$current\"))\n"
	      "\tfi\n}\n"
	      "complete -F _anabranch anabranch\n",
	        out);
}
