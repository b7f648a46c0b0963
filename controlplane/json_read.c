/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Strict reading of a JSON file.
 */
#include "json_read.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cp_reader_fail(struct cp_reader *reader, const char *format, ...)
{
	int len = snprintf(reader->why, reader->why_len, "%s: %s%s", reader->file, reader->path,
	        *reader->path ? ": " : "");
	va_list args;

	if (len < 0 || (size_t)len >= reader->why_len)
		return -EINVAL;
	va_start(args, format);
	vsnprintf(reader->why + len, reader->why_len - (size_t)len, format, args);
	va_end(args);
	return -EINVAL;
}

json_t *cp_reader_load(struct cp_reader *reader, const char *file)
{
	json_error_t error;
	json_t *root = json_load_file(file, JSON_REJECT_DUPLICATES, &error);

	reader->file = file;
	reader->path[0] = '\0';
	if (root)
		return root;
	if (error.line < 0)
		snprintf(reader->why, reader->why_len, "%s", error.text);
	else
		snprintf(reader->why, reader->why_len, "%s:%d:%d: not JSON: %s", file, error.line,
		        error.column, error.text);
	return NULL;
}

static const char *type_name(const json_t *value)
{
	static const char *const names[] = {[JSON_OBJECT] = "an object",
	        [JSON_ARRAY] = "a list",
	        [JSON_STRING] = "a string",
	        [JSON_INTEGER] = "a number",
	        [JSON_REAL] = "a number",
	        [JSON_TRUE] = "true",
	        [JSON_FALSE] = "false",
	        [JSON_NULL] = "null"};

	return names[json_typeof(value)];
}

/* Appends to the path; returns what it was, for path_pop(). A path too long is cut. */
static size_t path_push(struct cp_reader *reader, const char *key)
{
	size_t len = strlen(reader->path);

	snprintf(reader->path + len, sizeof(reader->path) - len, "%s%s", len > 0 ? "." : "", key);
	return len;
}

static size_t path_push_index(struct cp_reader *reader, size_t i)
{
	size_t len = strlen(reader->path);

	snprintf(reader->path + len, sizeof(reader->path) - len, "[%zu]", i);
	return len;
}

static void path_pop(struct cp_reader *reader, size_t len)
{
	reader->path[len] = '\0';
}

static int unknown_key(
        struct cp_reader *reader, const char *key, const struct cp_field *fields, size_t nb_fields)
{
	char known[512] = "";

	for (size_t i = 0; i < nb_fields; i++) {
		size_t len = strlen(known);

		snprintf(
		        known + len, sizeof(known) - len, "%s%s", i > 0 ? ", " : "", fields[i].key);
	}
	path_push(reader, key);
	return cp_reader_fail(reader, "unknown key; expected one of: %s", known);
}

static int check_keys(struct cp_reader *reader, const json_t *value, const struct cp_field *fields,
        size_t nb_fields)
{
	const char *key;
	json_t *member;

	json_object_foreach ((json_t *)value, key, member) {
		size_t i = 0;

		while (i < nb_fields && strcmp(fields[i].key, key) != 0)
			i++;
		if (i == nb_fields)
			return unknown_key(reader, key, fields, nb_fields);
	}
	return 0;
}

int cp_read_object(struct cp_reader *reader, const json_t *value, const struct cp_field *fields,
        size_t nb_fields, void *base)
{
	int rc;

	if (!json_is_object(value))
		return cp_reader_fail(reader, "expected an object, got %s", type_name(value));
	rc = check_keys(reader, value, fields, nb_fields);
	for (size_t i = 0; i < nb_fields && rc == 0; i++) {
		const json_t *member = json_object_get(value, fields[i].key);
		size_t len = path_push(reader, fields[i].key);

		if (member)
			rc = fields[i].read(
			        reader, member, (char *)base + fields[i].offset, fields[i].size);
		else if (fields[i].required)
			rc = cp_reader_fail(reader, "is missing");
		if (rc == 0)
			path_pop(reader, len);
	}
	return rc;
}

int cp_read_array(struct cp_reader *reader, const json_t *value, size_t max,
        int (*read)(struct cp_reader *reader, const json_t *value, void *at, size_t size),
        size_t size, void **array, size_t *nb)
{
	size_t count = json_array_size(value);
	int rc = 0;

	if (!json_is_array(value))
		return cp_reader_fail(reader, "expected a list, got %s", type_name(value));
	if (count > max)
		return cp_reader_fail(reader, "expected at most %zu entries, got %zu", max, count);
	*array = calloc(count + 1, size);
	if (!*array)
		return cp_reader_fail(reader, "out of memory");
	*nb = count;
	for (size_t i = 0; i < count && rc == 0; i++) {
		size_t len = path_push_index(reader, i);

		rc = read(reader, json_array_get(value, i), (char *)*array + i * size, size);
		if (rc == 0)
			path_pop(reader, len);
	}
	return rc;
}

int cp_read_text(struct cp_reader *reader, const json_t *value, void *at, size_t size)
{
	size_t len = json_string_length(value);

	if (!json_is_string(value))
		return cp_reader_fail(reader, "expected a string, got %s", type_name(value));
	if (len == 0 || len >= size)
		return cp_reader_fail(
		        reader, "expected 1 to %zu characters, got %zu", size - 1, len);
	memcpy(at, json_string_value(value), len + 1);
	return 0;
}
