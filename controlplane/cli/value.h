/* SPDX-License-Identifier: BSD-3-Clause
 *
 * An option's text as JSON. Pure.
 */
#ifndef CLI_VALUE_H
#define CLI_VALUE_H

#include "command.h"

/* Whether the option takes several values, up to the next option. */
bool cli_type_is_list(enum cli_type type);

/* Puts one value of an option into the parameters. 'text' NULL: the option takes none. 0, or
 * -EINVAL with what is wrong and what would be right in 'why'. */
int cli_value_add(json_t *params, const struct cli_option *option, const char *text, char *why,
        size_t why_len);

/* "10.1.0.11:80", "[fd00::11]:80", "10.1.0.11", "fd00::11" as {"Id", "Port"}; NULL: neither. */
json_t *cli_target_parse(const char *text);

/* Whether the word is one of a list with spaces in between; of either case. The list's spelling is
 * put into 'found'. */
bool cli_choice_find(const char *choices, const char *word, char *found, size_t len);

#endif
