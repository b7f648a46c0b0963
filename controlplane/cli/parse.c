/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See parse.h.
 */
#include "parse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suggest.h"
#include "value.h"

struct parser {
	int argc, at;
	char **argv;
	struct cli_call *call;
	bool words_only; /* after "--" */
	char *why;
	size_t why_len;
};

static int __attribute__((format(printf, 2, 3)))
fail(struct parser *parser, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(parser->why, parser->why_len, format, args);
	va_end(args);
	return -EINVAL;
}

static bool is_called(const struct cli_option *option, const char *flag)
{
	return strcmp(option->flag, flag) == 0 ||
	       (option->alias != NULL && strcmp(option->alias, flag) == 0);
}

static const struct cli_option *option_find(const struct cli_command *command, const char *flag)
{
	const struct cli_option *option = cli_option_next(command, NULL);

	while (option != NULL && !is_called(option, flag))
		option = cli_option_next(command, option);
	return option;
}

static const struct cli_option *global_find(const char *flag)
{
	const struct cli_option *option = cli_global_options;

	while (option->flag != NULL && !is_called(option, flag))
		option++;
	return option->flag != NULL ? option : NULL;
}

static int option_unknown(struct parser *parser, const char *flag)
{
	const struct cli_command *command = parser->call->command;
	struct cli_suggestion best = {0};

	for (const struct cli_option *option = cli_global_options; option->flag != NULL; option++)
		cli_suggest(&best, flag, option->flag);
	for (const struct cli_option *option = cli_option_next(command, NULL); option != NULL;
	        option = cli_option_next(command, option)) {
		cli_suggest(&best, flag, option->flag);
		if (option->alias != NULL)
			cli_suggest(&best, flag, option->alias);
	}
	if (best.word != NULL)
		return fail(parser, "unknown option %s: did you mean %s?", flag, best.word);
	return fail(parser, "unknown option %s", flag);
}

static int command_unknown(struct parser *parser, const char *name)
{
	struct cli_suggestion best = {0};

	for (const struct cli_command *command = cli_commands; command->name != NULL; command++) {
		cli_suggest(&best, name, command->name);
		if (command->method != NULL && strcasecmp(command->method, name) == 0)
			best.word = command->name;
	}
	if (best.word != NULL)
		return fail(parser, "unknown command '%s': did you mean '%s'?", name, best.word);
	return fail(parser, "unknown command '%s': 'anabranch --help' lists them all", name);
}

static int global_apply(struct parser *parser, const struct cli_option *option, const char *value)
{
	struct cli_call *call = parser->call;

	if (strcmp(option->flag, "--json") == 0)
		call->json = true;
	else if (strcmp(option->flag, "--help") == 0)
		call->help = true;
	else if (value[0] == '\0')
		return fail(parser, "--socket: the path is empty");
	else
		call->socket = value;
	return 0;
}

static int value_add(
        struct parser *parser, const struct cli_option *option, const char *flag, const char *value)
{
	char why[256];

	if (cli_value_add(parser->call->params, option, value, why, sizeof(why)) == 0)
		return 0;
	return fail(parser, "%s: %s", flag, why);
}

/* The values of a list: all words up to the next option. */
static int list_take(struct parser *parser, const struct cli_option *option, const char *flag)
{
	int first = parser->at;

	while (parser->at < parser->argc && strncmp(parser->argv[parser->at], "--", 2) != 0)
		if (value_add(parser, option, flag, parser->argv[parser->at++]) != 0)
			return -EINVAL;
	if (parser->at == first)
		return fail(parser, "%s needs at least one %s", flag, option->value);
	return 0;
}

static int option_take(struct parser *parser, const char *word)
{
	const size_t len = strcspn(word, "=");
	const char *value = word[len] == '=' ? word + len + 1 : NULL;
	const struct cli_command *command = parser->call->command;
	const struct cli_option *option;
	bool global = true;
	char flag[128];

	snprintf(flag, sizeof(flag), "%.*s", (int)len, word);
	option = global_find(flag);
	if (option == NULL) {
		option = option_find(command, flag);
		global = false;
	}
	if (option == NULL)
		return option_unknown(parser, flag);
	if (option->value == NULL && value != NULL)
		return fail(parser, "%s takes no value", flag);
	if (option->value != NULL && value == NULL) {
		if (!global && cli_type_is_list(option->type))
			return list_take(parser, option, flag);
		if (parser->at == parser->argc)
			return fail(parser, "%s needs a value: %s", flag, option->value);
		value = parser->argv[parser->at++];
	}
	return global ? global_apply(parser, option, value)
	              : value_add(parser, option, flag, value);
}

static int word_take(struct parser *parser, const char *word)
{
	struct cli_call *call = parser->call;

	if (call->command == NULL) {
		call->command = cli_command_find(word);
		return call->command != NULL ? 0 : command_unknown(parser, word);
	}
	if (call->command->words == NULL)
		return fail(parser, "'%s' is not an option: values follow their option", word);
	call->words[call->nb_words++] = word;
	return 0;
}

static bool field_is_given(const struct parser *parser, const char *field)
{
	return json_object_get(parser->call->params, field) != NULL;
}

static int required_check(struct parser *parser)
{
	const struct cli_command *command = parser->call->command;

	for (const struct cli_option *option = cli_option_next(command, NULL); option != NULL;
	        option = cli_option_next(command, option))
		if (option->required && !field_is_given(parser, option->field))
			return fail(parser, "%s %s is missing",
			        option->alias != NULL ? option->alias : option->flag,
			        option->value);
	return 0;
}

int cli_parse(int argc, char **argv, struct cli_call *call, char *why, size_t why_len)
{
	struct parser parser = {
	        .argc = argc, .at = 1, .argv = argv, .call = call, .why = why, .why_len = why_len};

	memset(call, 0, sizeof(*call));
	call->params = json_object();
	call->words = calloc((size_t)argc + 1, sizeof(*call->words));
	if (call->params == NULL || call->words == NULL)
		return fail(&parser, "no memory");
	while (parser.at < argc) {
		const char *word = argv[parser.at++];
		int rc;

		if (!parser.words_only && strcmp(word, "--") == 0) {
			parser.words_only = true;
			continue;
		}
		if (!parser.words_only && strcmp(word, "-h") == 0)
			word = "--help";
		if (!parser.words_only && word[0] == '-' && word[1] != '\0')
			rc = option_take(&parser, word);
		else
			rc = word_take(&parser, word);
		if (rc != 0)
			return rc;
	}
	if (call->help || call->command == NULL)
		return 0;
	return required_check(&parser);
}

void cli_call_clear(struct cli_call *call)
{
	json_decref(call->params);
	free(call->words);
}
