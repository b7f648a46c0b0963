/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The shape of a command. One table (commands.c) feeds parsing, --help, completion and the man
 * page.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* How an option's text becomes JSON: value.c. */
enum cli_type {
	CLI_TEXT,       /* a string */
	CLI_INTEGER,    /* a number */
	CLI_ON,         /* no value: true */
	CLI_OFF,        /* no value: false */
	CLI_TEXTS,      /* strings, up to the next option */
	CLI_TARGETS,    /* 10.1.0.11:80 or Id=10.1.0.11,Port=80, up to the next option */
	CLI_ATTRIBUTES, /* key=value or Key=…,Value=…, up to the next option */
	CLI_OBJECTS,    /* Name=value,Name=value or JSON, up to the next option */
	CLI_FORWARD,    /* a target group: the default action that forwards to it */
	CLI_MATCHER,    /* 200-399 or HttpCode=200-399 */
};

struct cli_option {
	const char *flag;    /* as "aws elbv2" spells it, "--target-group-arn" */
	const char *alias;   /* another spelling, or NULL */
	const char *field;   /* of the method's parameters */
	const char *value;   /* what the help calls the value; NULL: takes none */
	const char *choices; /* "TCP UDP": all that is allowed; or NULL */
	const char *help;
	enum cli_type type;
	bool required; /* this one or another with the same field */
};

enum cli_section {
	CLI_EVERYDAY,
	CLI_LOAD_BALANCERS,
	CLI_LISTENERS,
	CLI_TARGET_GROUPS,
	CLI_SECTIONS
};

/* What main() found on the command line. */
struct cli_call {
	const struct cli_command *command;
	const char *socket;
	bool json;
	bool help;
	json_t *params;     /* of the method; owned */
	const char **words; /* what is no option; owned, the words are argv's */
	size_t nb_words;
};

struct cli_command {
	const char *name;
	const char *method; /* NULL: none of its own */
	enum cli_section section;
	const char *summary;
	const char *words;    /* what is no option, "PROTOCOL ADDRESS:PORT"; NULL: none */
	const char *details;  /* paragraphs for the help; or NULL */
	const char *examples; /* one a line; or NULL */
	const struct cli_option *options; /* ends with a flag of NULL; NULL: none */
	const struct cli_option *more;    /* those that it shares with another command, likewise */
	int (*run)(const struct cli_call *call); /* returns an enum cli_exit */
	void (*show)(const json_t *result);      /* for people; NULL: says that it is done */
};

/* Documented in the help: scripts depend on it. */
enum cli_exit {
	CLI_EXIT_OK = 0,
	CLI_EXIT_REFUSED = 1,     /* the daemon refused, with a code */
	CLI_EXIT_USAGE = 2,       /* the command line makes no sense */
	CLI_EXIT_UNREACHABLE = 3, /* no answer from the daemon */
};

extern const struct cli_command cli_commands[]; /* ends with a name of NULL */
extern const struct cli_option cli_global_options[];
extern const char *const cli_section_names[CLI_SECTIONS];

const struct cli_command *cli_command_find(const char *name); /* NULL: unknown */

/* The option after 'at', of both lists; the first one after NULL; NULL after the last. A 'command'
 * of NULL has none. */
const struct cli_option *cli_option_next(
        const struct cli_command *command, const struct cli_option *at);

#endif
