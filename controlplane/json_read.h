/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Strict reading of a JSON file into structs, driven by tables of fields. An unknown key, a wrong
 * type or a missing key is an error that names file, key path and what would be right.
 */
#ifndef CP_JSON_READ_H
#define CP_JSON_READ_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct cp_reader {
	const char *file;
	char path[256]; /* "zones[0].subnets[1].prefix" */
	char *why;      /* receives the error */
	size_t why_len;
};

struct cp_field {
	const char *key;
	/* Reads 'value' to 'at', 'size' bytes. 0 or what cp_reader_fail() returns. */
	int (*read)(struct cp_reader *reader, const json_t *value, void *at, size_t size);
	size_t offset, size; /* in the struct that the object describes */
	bool required;
};

/* A member of 'type' as the last parts of a struct cp_field. */
#define CP_FIELD_AT(type, member) offsetof(type, member), sizeof(((type *)0)->member)

/* Reads the file's JSON; NULL with the error in reader->why. */
json_t *cp_reader_load(struct cp_reader *reader, const char *file);

/* "FILE: PATH: expected …"; returns -EINVAL. */
int cp_reader_fail(struct cp_reader *reader, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

int cp_read_object(struct cp_reader *reader, const json_t *value, const struct cp_field *fields,
        size_t nb_fields, void *base);

/* Reads each element of an array of at most 'max' with 'read' into a new array of elements of
 * 'size' bytes, which the caller frees also after a failure. */
int cp_read_array(struct cp_reader *reader, const json_t *value, size_t max,
        int (*read)(struct cp_reader *reader, const json_t *value, void *at, size_t size),
        size_t size, void **array, size_t *nb);

/* Fields: a string of 1 to size-1 bytes into char[size]. */
int cp_read_text(struct cp_reader *reader, const json_t *value, void *at, size_t size);

#endif
