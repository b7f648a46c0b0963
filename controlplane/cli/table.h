/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Tables for people: columns as wide as their widest cell, states in colour on a terminal.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdio.h>

struct cli_table;

/* 'headings' ends with NULL. One that begins with '>' is of a column that stands to the right. Ends
 * the process without memory, as the functions below. */
struct cli_table *cli_table_create(const char *const *headings);
/* One cell a column; "" is printed as "-", NULL as nothing. The texts are
 * copied. */
void cli_table_row(struct cli_table *table, const char *const *cells);
/* Prints to stdout and frees the table. */
void cli_table_print(struct cli_table *table);

/* Control characters come out as '?': what a daemon says must not steer a terminal. */
void cli_print_clean(FILE *out, const char *text);

#endif
