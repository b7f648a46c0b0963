/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See table.h.
 */
#include "table.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_COLUMNS 16

struct cli_table {
	size_t nb_columns, nb_rows, capacity;
	bool right[MAX_COLUMNS];
	size_t width[MAX_COLUMNS];
	char **cells; /* nb_rows times nb_columns; the first row is the headings */
};

static void *must(void *memory)
{
	if (memory != NULL)
		return memory;
	fputs("anabranch: no memory\n", stderr);
	exit(1);
}

/* Characters, not bytes: whatever begins a UTF-8 sequence. */
static size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static const char *colour_of(const char *text)
{
	static const struct {
		const char *state, *colour;
	} colours[] = {
	        {"healthy", "\033[32m"},
	        {"active", "\033[32m"},
	        {"unhealthy", "\033[31m"},
	        {"failed", "\033[31m"},
	        {"unavailable", "\033[31m"},
	        {"initial", "\033[33m"},
	        {"draining", "\033[33m"},
	        {"provisioning", "\033[33m"},
	        {"active_impaired", "\033[33m"},
	        {"unhealthy.draining", "\033[33m"},
	        {"unused", "\033[2m"},
	};

	for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++)
		if (strcmp(text, colours[i].state) == 0)
			return colours[i].colour;
	return NULL;
}

struct cli_table *cli_table_create(const char *const *headings)
{
	struct cli_table *table = must(calloc(1, sizeof(*table)));
	const char *row[MAX_COLUMNS];

	for (size_t i = 0; i < MAX_COLUMNS && headings[i] != NULL; i++) {
		table->right[i] = headings[i][0] == '>';
		row[i] = headings[i] + table->right[i];
		table->nb_columns++;
	}
	cli_table_row(table, row);
	return table;
}

void cli_table_row(struct cli_table *table, const char *const *cells)
{
	if (table->nb_rows == table->capacity) {
		table->capacity = table->capacity * 2 + 16;
		table->cells = must(realloc(
		        table->cells, table->capacity * table->nb_columns * sizeof(*table->cells)));
	}
	for (size_t i = 0; i < table->nb_columns; i++) {
		const char *text = cells[i] == NULL ? "" : cells[i][0] == '\0' ? "-" : cells[i];

		table->cells[table->nb_rows * table->nb_columns + i] = must(strdup(text));
		if (text_width(text) > table->width[i])
			table->width[i] = text_width(text);
	}
	table->nb_rows++;
}

void cli_print_clean(FILE *out, const char *text)
{
	for (; *text != '\0'; text++)
		fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, out);
}

static void cell_print(const struct cli_table *table, size_t column, const char *text, bool last)
{
	const bool colours = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
	const char *colour = colours ? colour_of(text) : NULL;
	const int pad = (int)(table->width[column] - text_width(text));

	if (table->right[column])
		printf("%*s", pad, "");
	if (colour != NULL)
		fputs(colour, stdout);
	cli_print_clean(stdout, text);
	if (colour != NULL)
		fputs("\033[0m", stdout);
	if (!table->right[column] && !last)
		printf("%*s", pad, "");
}

/* No spaces at the end of a line: what follows the last text is left out. */
static void row_print(const struct cli_table *table, char *const *cells)
{
	size_t nb = table->nb_columns;

	while (nb > 0 && cells[nb - 1][0] == '\0')
		nb--;
	for (size_t column = 0; column < nb; column++) {
		if (column > 0)
			fputs("  ", stdout);
		cell_print(table, column, cells[column], column + 1 == nb);
	}
	putchar('\n');
}

void cli_table_print(struct cli_table *table)
{
	for (size_t row = 0; row < table->nb_rows; row++)
		row_print(table, table->cells + row * table->nb_columns);
	for (size_t i = 0; i < table->nb_rows * table->nb_columns; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
}
