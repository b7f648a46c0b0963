/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What an operator should look at, read out of the result of Status.
 */
#ifndef CLI_PROBLEMS_H
#define CLI_PROBLEMS_H

#include <jansson.h>

/* One line each, with what to do; an empty line after them. Nothing when all is well. */
void cli_problems_print(const json_t *status);

#endif
