/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The strict reader: one function for each kind of field.
 */
#include <jansson.h>
#include <stdarg.h>
#include <string.h>

#include "schema.h"

/* Where the reader stands. 'key' is the path of the value at hand, as in ports[0].mtu. */
struct place {
	const char *file;
	char key[160];
	char *error;
	size_t error_size;
};

static int refuse(struct place *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int refuse(struct place *p, const char *format, ...)
{
	va_list args;
	int n = snprintf(p->error, p->error_size, "%s: %s%s", p->file, p->key,
	        p->key[0] != '\0' ? ": " : "");

	if (n < 0 || (size_t)n >= p->error_size)
		return -1;
	va_start(args, format);
	vsnprintf(p->error + n, p->error_size - (size_t)n, format, args);
	va_end(args);
	return -1;
}

static const char *type_name(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "a whole number";
	case JSON_REAL:
		return "a fraction";
	case JSON_TRUE:
		return "true";
	case JSON_FALSE:
		return "false";
	case JSON_NULL:
		return "null";
	}
	return "something else";
}

static int read_string(struct place *p, const struct dp_field *f, const json_t *value, void *at)
{
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);

	if (text == NULL)
		return refuse(p, "expected a string, found %s", type_name(value));
	if (len == 0 || len >= f->size || strlen(text) != len)
		return refuse(
		        p, "expected a string of 1 to %zu characters, found %zu", f->size - 1, len);
	memcpy(at, text, len + 1);
	return 0;
}

static int read_number(struct place *p, const struct dp_field *f, const json_t *value, void *at)
{
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value))
		return refuse(p, "expected a whole number from %u to %u, found %s", f->min, f->max,
		        type_name(value));
	if (number < (json_int_t)f->min || number > (json_int_t)f->max)
		return refuse(p,
		        "expected a whole number from %u to %u, found %" JSON_INTEGER_FORMAT,
		        f->min, f->max, number);
	*(uint32_t *)at = (uint32_t)number;
	return 0;
}

static int read_flag(struct place *p, const json_t *value, void *at)
{
	if (!json_is_boolean(value))
		return refuse(p, "expected true or false, found %s", type_name(value));
	*(bool *)at = json_is_true(value);
	return 0;
}

static bool is_boolean_word(const char *word)
{
	return strcmp(word, "true") == 0 || strcmp(word, "false") == 0;
}

/* The choices as they are written in JSON: "a", "b" or true. */
static void list_choices(const char *const *choices, char *text, size_t size)
{
	size_t n = 0;

	text[0] = '\0';
	for (uint32_t i = 0; choices[i] != NULL && n < size; i++) {
		const char *quote = is_boolean_word(choices[i]) ? "" : "\"";
		const char *comma = i == 0 ? "" : choices[i + 1] == NULL ? " or " : ", ";

		n += (size_t)snprintf(
		        text + n, size - n, "%s%s%s%s", comma, quote, choices[i], quote);
	}
}

static int read_choice(struct place *p, const struct dp_field *f, const json_t *value, void *at)
{
	const char *word = json_string_value(value);
	char expected[128];

	if (word != NULL && is_boolean_word(word))
		word = NULL;
	if (json_is_boolean(value))
		word = json_is_true(value) ? "true" : "false";
	for (int i = 0; word != NULL && f->choices[i] != NULL; i++) {
		if (strcmp(word, f->choices[i]) == 0) {
			*(int *)at = i;
			return 0;
		}
	}
	list_choices(f->choices, expected, sizeof(expected));
	if (json_is_string(value))
		return refuse(p, "expected %s, found \"%s\"", expected, json_string_value(value));
	return refuse(p, "expected %s, found %s", expected, type_name(value));
}

static int read_object(
        struct place *p, const struct dp_field *fields, const json_t *value, void *at);

static int read_list(struct place *p, const struct dp_field *f, const json_t *value, void *base)
{
	size_t n = json_array_size(value), len = strlen(p->key);

	if (!json_is_array(value))
		return refuse(p, "expected a list of objects, found %s", type_name(value));
	if (n < f->min || n > f->max)
		return refuse(p, "expected %u to %u elements, found %zu", f->min, f->max, n);
	for (size_t i = 0; i < n; i++) {
		snprintf(p->key + len, sizeof(p->key) - len, "[%zu]", i);
		if (read_object(p, f->fields, json_array_get(value, i),
		            (uint8_t *)base + f->at + i * f->size) < 0)
			return -1;
		p->key[len] = '\0';
	}
	*(uint32_t *)((uint8_t *)base + f->count_at) = (uint32_t)n;
	return 0;
}

static int read_field(struct place *p, const struct dp_field *f, const json_t *value, void *base)
{
	void *at = (uint8_t *)base + f->at;

	switch (f->kind) {
	case DP_FIELD_STRING:
		return read_string(p, f, value, at);
	case DP_FIELD_NUMBER:
		return read_number(p, f, value, at);
	case DP_FIELD_FLAG:
		return read_flag(p, value, at);
	case DP_FIELD_CHOICE:
		return read_choice(p, f, value, at);
	case DP_FIELD_OBJECT:
		return read_object(p, f->fields, value, at);
	case DP_FIELD_LIST:
		return read_list(p, f, value, base);
	}
	return refuse(p, "the program's table of keys is wrong here");
}

static int refuse_key(struct place *p, const struct dp_field *fields)
{
	char keys[320] = "";
	size_t n = 0;

	for (const struct dp_field *f = fields; f->key != NULL && n < sizeof(keys); f++)
		n += (size_t)snprintf(
		        keys + n, sizeof(keys) - n, "%s%s", f == fields ? "" : ", ", f->key);
	return refuse(p, "unknown key; expected one of: %s", keys);
}

static int read_object(
        struct place *p, const struct dp_field *fields, const json_t *value, void *base)
{
	size_t len = strlen(p->key);
	const struct dp_field *f;
	const char *key;
	json_t *member;

	if (!json_is_object(value))
		return refuse(p, "expected an object, found %s", type_name(value));
	json_object_foreach ((json_t *)(uintptr_t)value, key, member) {
		snprintf(p->key + len, sizeof(p->key) - len, "%s%.60s", len > 0 ? "." : "", key);
		for (f = fields; f->key != NULL && strcmp(f->key, key) != 0; f++)
			;
		if (f->key == NULL)
			return refuse_key(p, fields);
		if (read_field(p, f, member, base) < 0)
			return -1;
		p->key[len] = '\0';
	}
	for (f = fields; f->key != NULL; f++) {
		if (f->required && json_object_get(value, f->key) == NULL)
			return refuse(p, "the key \"%s\" is missing", f->key);
	}
	return 0;
}

int dp_schema_read(const char *path, const struct dp_field *fields, void *value, char *error,
        size_t error_size)
{
	struct place p = {.file = path, .error = error, .error_size = error_size};
	json_error_t why;
	json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
	int rc;

	if (root == NULL && why.line > 0) {
		snprintf(error, error_size, "%s:%d:%d: not valid JSON: %s", path, why.line,
		        why.column, why.text);
		return -1;
	}
	if (root == NULL) {
		snprintf(error, error_size, "%s", why.text);
		return -1;
	}
	rc = read_object(&p, fields, root, value);
	json_decref(root);
	return rc;
}

static void help_line(FILE *out, const char *prefix, const struct dp_field *f)
{
	char key[64], choices[128];

	snprintf(key, sizeof(key), "%s%s%s", prefix, f->key, f->kind == DP_FIELD_LIST ? "[]" : "");
	fprintf(out, "  %-26s %s", key, f->help);
	if (f->kind == DP_FIELD_CHOICE) {
		list_choices(f->choices, choices, sizeof(choices));
		fprintf(out, ": %s", choices);
	}
	if (f->kind == DP_FIELD_NUMBER)
		fprintf(out, ", %u to %u", f->min, f->max);
	if (f->required)
		fprintf(out, " (required)");
	else if (f->preset != NULL)
		fprintf(out, " (default: %s)", f->preset);
	fputc('\n', out);
}

static void help_object(FILE *out, const char *prefix, const struct dp_field *fields)
{
	for (const struct dp_field *f = fields; f->key != NULL; f++) {
		char inner[64];

		help_line(out, prefix, f);
		if (f->fields == NULL)
			continue;
		snprintf(inner, sizeof(inner), "%s%s%s.", prefix, f->key,
		        f->kind == DP_FIELD_LIST ? "[]" : "");
		help_object(out, inner, f->fields);
	}
}

void dp_schema_help(FILE *out, const struct dp_field *fields)
{
	help_object(out, "", fields);
}
