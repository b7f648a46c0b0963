/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Strict reading of a JSON file: a table of fields says what an object may hold, fills a struct
 * from it, and is also the text of --help. An unknown key, a wrong type or a value out of range is
 * an error that names the file, the key's path, and what was expected.
 */
#ifndef DP_SCHEMA_H
#define DP_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum dp_field_kind {
	DP_FIELD_STRING, /* char[size], NUL-terminated */
	DP_FIELD_NUMBER, /* uint32_t, min .. max */
	DP_FIELD_FLAG,   /* bool */
	DP_FIELD_CHOICE, /* int: position in 'choices'. The choices "true" and "false" are written
	                    as JSON's true and false */
	DP_FIELD_OBJECT, /* a struct, with 'fields' */
	DP_FIELD_LIST,   /* an array of min .. max structs of 'size' bytes, with 'fields' */
};

struct dp_field {
	const char *key; /* NULL ends a table */
	enum dp_field_kind kind;
	size_t at; /* where the value goes, in the struct that the table describes */
	size_t size;
	uint32_t min, max;
	size_t count_at; /* of a list: where its uint32_t number of elements goes */
	bool required;
	const char *const *choices; /* ends with NULL */
	const struct dp_field *fields;
	const char *preset; /* the default, for --help */
	const char *help;
};

/* Fills 'value', which holds the defaults, from the JSON file 'path' as 'fields' say. 0, or -1 with
 * the reason in 'error'; 'value' is then half filled. */
int dp_schema_read(const char *path, const struct dp_field *fields, void *value, char *error,
        size_t error_size);

/* Writes what the fields mean, for --help. */
void dp_schema_help(FILE *out, const struct dp_field *fields);

#endif
