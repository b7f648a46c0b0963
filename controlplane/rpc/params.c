/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Strict reading of parameters, and the errors that come of it.
 */
#include "params.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "model/change.h"

int cp_fail(struct cp_error *error, const char *code, const char *format, ...)
{
	va_list args;

	error->rpc = LB_RPC_ELB;
	snprintf(error->code, sizeof(error->code), "%s", code);
	va_start(args, format);
	vsnprintf(error->message, sizeof(error->message), format, args);
	va_end(args);
	/* What a caller sent is quoted in part: a character of several bytes may have been cut. */
	for (char *at = error->message; *at != '\0'; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	return -EINVAL;
}

static const struct cp_param *param_find(const struct cp_param *table, const char *name)
{
	for (; table->name != NULL; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

static const char *type_text(const json_t *value)
{
	static const char *const texts[] = {
	        [JSON_OBJECT] = "an object",
	        [JSON_ARRAY] = "a list",
	        [JSON_STRING] = "a string",
	        [JSON_INTEGER] = "an integer",
	        [JSON_REAL] = "a fraction",
	        [JSON_TRUE] = "true",
	        [JSON_FALSE] = "false",
	        [JSON_NULL] = "null",
	};

	return texts[json_typeof(value)];
}

static bool type_fits(enum cp_param_type type, const json_t *value)
{
	switch (type) {
	case CP_PARAM_TEXT:
		return json_is_string(value);
	case CP_PARAM_NUMBER:
		return json_is_integer(value);
	case CP_PARAM_BOOLEAN:
		return json_is_boolean(value);
	case CP_PARAM_LIST:
	case CP_PARAM_TEXTS:
		return json_is_array(value);
	case CP_PARAM_OBJECT:
		return json_is_object(value);
	case CP_PARAM_UNSUPPORTED:
		break;
	}
	return false;
}

static int type_fail(const struct cp_param *param, const char *where, const json_t *value,
        struct cp_error *error)
{
	static const char *const wanted[] = {
	        [CP_PARAM_TEXT] = "a string",
	        [CP_PARAM_NUMBER] = "an integer",
	        [CP_PARAM_BOOLEAN] = "true or false",
	        [CP_PARAM_LIST] = "a list",
	        [CP_PARAM_TEXTS] = "a list of strings",
	        [CP_PARAM_OBJECT] = "an object",
	};

	return cp_fail(error, "ValidationError", "%s: '%s' must be %s, not %s", where, param->name,
	        wanted[param->type], type_text(value));
}

/* All of it: an embedded NUL is none either. */
static bool printable(const json_t *value)
{
	const char *text = json_string_value(value);

	for (size_t i = 0; i < json_string_length(value); i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return true;
}

static int text_check(const struct cp_param *param, const char *where, const json_t *value,
        struct cp_error *error)
{
	json_int_t len = (json_int_t)json_string_length(value);

	if (!printable(value))
		return cp_fail(error, "ValidationError",
		        "%s: '%s' has characters that are not printable ASCII", where, param->name);
	if (len >= param->min && len <= param->max)
		return 0;
	return cp_fail(error, "ValidationError",
	        "%s: '%s' has %lld characters; from %lld to %lld are right", where, param->name,
	        (long long)len, (long long)param->min, (long long)param->max);
}

static int list_check(const struct cp_param *param, const char *where, const json_t *value,
        struct cp_error *error)
{
	json_int_t len = (json_int_t)json_array_size(value);
	const json_t *item;
	size_t i;

	if (len < param->min || len > param->max)
		return cp_fail(error, "ValidationError",
		        "%s: '%s' has %lld elements; from %lld to %lld are right", where,
		        param->name, (long long)len, (long long)param->min, (long long)param->max);
	if (param->type != CP_PARAM_TEXTS)
		return 0;
	json_array_foreach (value, i, item)
		if (!json_is_string(item) || !printable(item))
			return cp_fail(error, "ValidationError",
			        "%s: '%s[%zu]' must be a string of printable ASCII, not %s", where,
			        param->name, i,
			        json_is_string(item) ? "other characters" : type_text(item));
	return 0;
}

static int number_check(const struct cp_param *param, const char *where, const json_t *value,
        struct cp_error *error)
{
	json_int_t number = json_integer_value(value);

	if (number >= param->min && number <= param->max)
		return 0;
	if (param->min == param->max)
		return cp_fail(error, "InvalidConfigurationRequest",
		        "%s: '%s' is %lld; only %lld is supported", where, param->name,
		        (long long)number, (long long)param->min);
	return cp_fail(error, "ValidationError", "%s: '%s' is %lld; from %lld to %lld is right",
	        where, param->name, (long long)number, (long long)param->min,
	        (long long)param->max);
}

static int param_check(const struct cp_param *param, const char *where, const json_t *value,
        struct cp_error *error)
{
	if (param->type == CP_PARAM_UNSUPPORTED)
		return cp_fail(error, "InvalidConfigurationRequest", "%s: '%s' is not supported",
		        where, param->name);
	if (!type_fits(param->type, value))
		return type_fail(param, where, value, error);
	switch (param->type) {
	case CP_PARAM_TEXT:
		return text_check(param, where, value, error);
	case CP_PARAM_NUMBER:
		return number_check(param, where, value, error);
	case CP_PARAM_LIST:
	case CP_PARAM_TEXTS:
		return list_check(param, where, value, error);
	default:
		return 0;
	}
}

int cp_params_check(const json_t *params, const char *where, const struct cp_param *table,
        struct cp_error *error)
{
	const struct cp_param *param;
	const char *name;
	json_t *value;
	int rc;

	if (params != NULL && !json_is_object(params))
		return cp_fail(error, "ValidationError", "%s: an object is right here, not %s",
		        where, type_text(params));
	json_object_foreach ((json_t *)params, name, value) {
		param = param_find(table, name);
		if (param == NULL)
			return cp_fail(error, "ValidationError",
			        "%s: there is no parameter '%.60s'", where, name);
		rc = param_check(param, where, value, error);
		if (rc != 0)
			return rc;
	}
	for (param = table; param->name != NULL; param++)
		if (param->required && json_object_get(params, param->name) == NULL)
			return cp_fail(error, "MissingParameter", "%s: '%s' is required", where,
			        param->name);
	return 0;
}

const char *cp_param_text(const json_t *params, const char *name, const char *fallback)
{
	const char *text = json_string_value(json_object_get(params, name));

	return text != NULL ? text : fallback;
}

json_int_t cp_param_number(const json_t *params, const char *name, json_int_t fallback)
{
	const json_t *value = json_object_get(params, name);

	return value != NULL ? json_integer_value(value) : fallback;
}

int cp_param_one_list(const json_t *params, const char *one, const char *other, const json_t **list,
        struct cp_error *error)
{
	*list = json_object_get(params, one);
	if (*list == NULL)
		*list = json_object_get(params, other);
	else if (json_object_get(params, other) != NULL)
		return cp_fail(error, "InvalidParameterCombination",
		        "'%s' and '%s' exclude each other", one, other);
	return 0;
}

bool cp_param_listed(const json_t *list, const char *arn, const char *name)
{
	const char *text;
	json_t *value;
	size_t i;

	if (list == NULL)
		return true;
	json_array_foreach (list, i, value) {
		text = json_string_value(value);
		if (text != NULL &&
		        (strcmp(text, arn) == 0 || (name != NULL && strcmp(text, name) == 0)))
			return true;
	}
	return false;
}

struct cp_load_balancer *cp_param_lb(
        const struct cp_model *model, const char *arn_or_name, struct cp_error *error)
{
	struct cp_load_balancer *lb = cp_lb_find(model, arn_or_name);

	if (lb == NULL)
		cp_fail(error, "LoadBalancerNotFound", "There is no load balancer '%.200s'",
		        arn_or_name);
	return lb;
}

struct cp_target_group *cp_param_group(
        const struct cp_model *model, const char *arn_or_name, struct cp_error *error)
{
	struct cp_target_group *group = cp_group_find(model, arn_or_name);

	if (group == NULL)
		cp_fail(error, "TargetGroupNotFound", "There is no target group '%.200s'",
		        arn_or_name);
	return group;
}

struct cp_listener *cp_param_listener(
        const struct cp_model *model, const char *arn, struct cp_error *error)
{
	struct cp_listener *listener = cp_listener_find(model, arn);

	if (listener == NULL)
		cp_fail(error, "ListenerNotFound",
		        "There is no listener '%.200s'; an ARN is right here", arn);
	return listener;
}

int cp_param_name(const char *name, struct cp_error *error)
{
	if (cp_name_valid(name))
		return 0;
	return cp_fail(error, "ValidationError",
	        "The name '%.60s' can't be used: 1 to 32 letters, digits and hyphens are right, "
	        "with no hyphen at either end",
	        name);
}

int cp_param_protocol(const char *text, enum cp_protocol *protocol, struct cp_error *error)
{
	if (cp_protocol_parse(text, protocol))
		return 0;
	return cp_fail(error, "UnsupportedProtocol",
	        "Protocol '%.40s' is not supported; TCP, UDP and TCP_UDP are", text);
}

static int attribute_unknown(
        const struct cp_attribute_rule *rules, const char *key, struct cp_error *error)
{
	char known[400] = "";

	for (size_t at = 0; rules->key != NULL && at < sizeof(known); rules++)
		at += (size_t)snprintf(known + at, sizeof(known) - at, " %s", rules->key);
	return cp_fail(error, "InvalidConfigurationRequest",
	        "attribute '%.60s' is not supported here; right:%s", key, known);
}

static int attribute_check(
        const json_t *list, size_t i, const struct cp_attribute_rule *rules, struct cp_error *error)
{
	static const struct cp_param table[] = {
	        {"Key", CP_PARAM_TEXT, true, 1, 256},
	        {"Value", CP_PARAM_TEXT, true, 0, 1024},
	        {NULL, 0, false, 0, 0},
	};
	const json_t *item = json_array_get(list, i);
	const struct cp_attribute_rule *rule;
	const char *key;
	char text[256];

	snprintf(text, sizeof(text), "Attributes[%zu]", i);
	if (cp_params_check(item, text, table, error) != 0)
		return -EINVAL;
	key = cp_param_text(item, "Key", "");
	rule = cp_attribute_rule(rules, key);
	if (rule == NULL)
		return attribute_unknown(rules, key, error);
	if (!cp_attribute_valid(rule, cp_param_text(item, "Value", ""), text, sizeof(text)))
		return cp_fail(error, "InvalidConfigurationRequest", "%s", text);
	for (size_t k = 0; k < i; k++)
		if (strcmp(cp_param_text(json_array_get(list, k), "Key", ""), key) == 0)
			return cp_fail(error, "InvalidConfigurationRequest",
			        "attribute '%s' is there twice", key);
	return 0;
}

int cp_attributes_check(
        const json_t *list, const struct cp_attribute_rule *rules, struct cp_error *error)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (attribute_check(list, i, rules, error) != 0)
			return -EINVAL;
	return 0;
}

json_t *cp_attribute_describe(const char *key, const char *value)
{
	return json_pack("{s:s, s:s}", "Key", key, "Value", value);
}

json_t *cp_time_json(uint64_t time_ms)
{
	time_t seconds = (time_t)(time_ms / 1000);
	char day[32], text[64];
	struct tm tm;

	/* A year beyond what struct tm holds: only from a damaged row. */
	if (gmtime_r(&seconds, &tm) == NULL)
		return json_string("");
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%03u000+00:00", day, (unsigned)(time_ms % 1000));
	return json_string(text);
}
