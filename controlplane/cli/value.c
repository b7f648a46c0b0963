/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See value.h.
 */
#include "value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int __attribute__((format(printf, 3, 4)))
refuse(char *why, size_t why_len, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, why_len, format, args);
	va_end(args);
	return -EINVAL;
}

bool cli_type_is_list(enum cli_type type)
{
	return type == CLI_TEXTS || type == CLI_TARGETS || type == CLI_ATTRIBUTES ||
	       type == CLI_OBJECTS;
}

bool cli_choice_find(const char *choices, const char *word, char *found, size_t len)
{
	while (*choices != '\0') {
		size_t n = strcspn(choices, " ");

		if (n == strlen(word) && strncasecmp(choices, word, n) == 0) {
			snprintf(found, len, "%.*s", (int)n, choices);
			return true;
		}
		choices += n + (choices[n] == ' ');
	}
	return false;
}

/* Digits alone, 'max' at most. */
static bool number_parse(const char *text, long max, long *number)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*number = strtol(text, &end, 10);
	return errno == 0 && *end == '\0' && *number <= max;
}

static json_t *target_pack(const char *ip, int family, const char *port)
{
	unsigned char bytes[16];
	long number;

	if (inet_pton(family, ip, bytes) != 1)
		return NULL;
	if (port == NULL)
		return json_pack("{s:s}", "Id", ip);
	if (!number_parse(port, 65535, &number) || number == 0)
		return NULL;
	return json_pack("{s:s, s:I}", "Id", ip, "Port", (json_int_t)number);
}

json_t *cli_target_parse(const char *text)
{
	char ip[64];
	const char *colon = strchr(text, ':');
	size_t len;

	if (text[0] == '[') {
		len = strcspn(text + 1, "]");
		snprintf(ip, sizeof(ip), "%.*s", (int)len, text + 1);
		if (strncmp(text + 1 + len, "]:", 2) != 0)
			return NULL;
		return target_pack(ip, AF_INET6, text + len + 3);
	}
	if (colon == NULL)
		return target_pack(text, AF_INET, NULL);
	if (strchr(colon + 1, ':') != NULL)
		return target_pack(text, AF_INET6, NULL);
	snprintf(ip, sizeof(ip), "%.*s", (int)(colon - text), text);
	return target_pack(ip, AF_INET, colon + 1);
}

/* The fields of ELBv2's objects that are no strings. */
static bool field_is_number(const char *name)
{
	return strcmp(name, "Port") == 0 || strcmp(name, "anabranch.Weight") == 0 ||
	       strcmp(name, "Weight") == 0;
}

static int field_add(json_t *object, const char *item, size_t len, char *why, size_t why_len)
{
	const char *equals = memchr(item, '=', len);
	char name[128], value[1100];
	long number;

	if (equals == NULL || equals == item)
		return refuse(why, why_len, "'%.*s' is not Name=value", (int)len, item);
	snprintf(name, sizeof(name), "%.*s", (int)(equals - item), item);
	snprintf(value, sizeof(value), "%.*s", (int)(item + len - equals - 1), equals + 1);
	if (!field_is_number(name))
		return json_object_set_new(object, name, json_string(value)) == 0
		               ? 0
		               : refuse(why, why_len, "'%s' is not UTF-8", value);
	if (!number_parse(value, INT32_MAX, &number))
		return refuse(why, why_len, "%s=%s: %s is a number", name, value, name);
	return json_object_set_new(object, name, json_integer(number));
}

/* "Name=value,Name=value" as an object of strings and, where ELBv2 has them, numbers. */
static json_t *shorthand_parse(const char *text, char *why, size_t why_len)
{
	json_t *object = json_object();

	while (*text != '\0') {
		size_t len = strcspn(text, ",");

		if (field_add(object, text, len, why, why_len) != 0) {
			json_decref(object);
			return NULL;
		}
		text += len + (text[len] == ',');
	}
	return object;
}

static json_t *json_parse(const char *text, char *why, size_t why_len)
{
	json_error_t error;
	json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (value == NULL)
		refuse(why, why_len, "JSON, at character %d: %s", error.position, error.text);
	return value;
}

static json_t *attribute_parse(const char *text, char *why, size_t why_len)
{
	const char *equals = strchr(text, '='), *value;
	json_t *attribute;
	char key[256];

	if (strncmp(text, "Key=", 4) == 0) {
		text += 4;
		value = strstr(text, ",Value=");
		equals = value;
		value = value != NULL ? value + 7 : NULL;
	} else {
		value = equals != NULL ? equals + 1 : NULL;
	}
	if (equals == NULL || equals == text) {
		refuse(why, why_len, "'%s' is neither key=value nor Key=key,Value=value", text);
		return NULL;
	}
	snprintf(key, sizeof(key), "%.*s", (int)(equals - text), text);
	attribute = json_pack("{s:s, s:s}", "Key", key, "Value", value);
	if (attribute == NULL)
		refuse(why, why_len, "'%s' is not UTF-8", text);
	return attribute;
}

static json_t *target_item_parse(const char *text, char *why, size_t why_len)
{
	json_t *target;

	if (strchr(text, '=') != NULL)
		return shorthand_parse(text, why, why_len);
	target = cli_target_parse(text);
	if (target == NULL)
		refuse(why, why_len,
		        "'%s' is no target: ADDRESS:PORT, [IPV6]:PORT or Id=ADDRESS,Port=PORT are",
		        text);
	return target;
}

/* An object or an array of objects; "[fd00::11]:80" is neither. */
static bool is_json(const char *text)
{
	return text[0] == '{' || (text[0] == '[' && text[1 + strspn(text + 1, " \t\n")] == '{');
}

/* One item of a list; a JSON array may hold several. */
static json_t *item_parse(enum cli_type type, const char *text, char *why, size_t why_len)
{
	json_t *item;

	if (type != CLI_TEXTS && is_json(text))
		return json_parse(text, why, why_len);
	switch (type) {
	case CLI_TARGETS:
		return target_item_parse(text, why, why_len);
	case CLI_ATTRIBUTES:
		return attribute_parse(text, why, why_len);
	case CLI_OBJECTS:
		return shorthand_parse(text, why, why_len);
	default:
		item = json_string(text);
		if (item == NULL)
			refuse(why, why_len, "the value is not UTF-8");
		return item;
	}
}

static int list_add(json_t *params, const struct cli_option *option, const char *text, char *why,
        size_t why_len)
{
	json_t *list = json_object_get(params, option->field);
	json_t *item = item_parse(option->type, text, why, why_len);

	if (item == NULL)
		return -EINVAL;
	if (list == NULL) {
		list = json_array();
		json_object_set_new(params, option->field, list);
	}
	if (!json_is_array(item))
		return json_array_append_new(list, item);
	json_array_extend(list, item);
	json_decref(item);
	return 0;
}

static json_t *text_parse(
        const struct cli_option *option, const char *text, char *why, size_t why_len)
{
	char choice[64];
	json_t *value;

	if (option->choices != NULL) {
		if (!cli_choice_find(option->choices, text, choice, sizeof(choice))) {
			refuse(why, why_len, "'%s' is none of: %s", text, option->choices);
			return NULL;
		}
		text = choice;
	}
	value = json_string(text);
	if (value == NULL)
		refuse(why, why_len, "the value is not UTF-8");
	return value;
}

static json_t *scalar_parse(
        const struct cli_option *option, const char *text, char *why, size_t why_len)
{
	long number;

	switch (option->type) {
	case CLI_ON:
		return json_true();
	case CLI_OFF:
		return json_false();
	case CLI_INTEGER:
		if (number_parse(text, INT32_MAX, &number))
			return json_integer(number);
		refuse(why, why_len, "'%s' is not a whole number", text);
		return NULL;
	case CLI_FORWARD:
		return json_pack("[{s:s, s:s}]", "Type", "forward", "TargetGroupArn", text);
	case CLI_MATCHER:
		return json_pack(
		        "{s:s}", "HttpCode", strncmp(text, "HttpCode=", 9) == 0 ? text + 9 : text);
	default:
		return text_parse(option, text, why, why_len);
	}
}

int cli_value_add(json_t *params, const struct cli_option *option, const char *text, char *why,
        size_t why_len)
{
	json_t *value;

	if (cli_type_is_list(option->type))
		return list_add(params, option, text, why, why_len);
	if (json_object_get(params, option->field) != NULL)
		return refuse(why, why_len,
		        "the value was given before, by this option or one "
		        "that means the same");
	snprintf(why, why_len, "the value is not UTF-8");
	value = scalar_parse(option, text, why, why_len);
	return value != NULL ? json_object_set_new(params, option->field, value) : -EINVAL;
}
