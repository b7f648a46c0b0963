/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reading of the settings of health checks.
 */
#include "health_params.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/change.h"
#include "model/matcher.h"

static int probe_read(const json_t *params, enum cp_probe *probe, struct cp_error *error)
{
	const char *text = cp_param_text(params, "HealthCheckProtocol", NULL);

	if (text == NULL || cp_probe_parse(text, probe))
		return 0;
	return cp_fail(error, "InvalidConfigurationRequest",
	        "HealthCheckProtocol '%s' is not supported; TCP, HTTP and HTTPS are", text);
}

static int check_port_read(const json_t *params, uint16_t *port, struct cp_error *error)
{
	const char *text = cp_param_text(params, "HealthCheckPort", NULL);
	char again[8];
	unsigned long number;

	if (text == NULL)
		return 0;
	*port = 0;
	if (strcmp(text, "traffic-port") == 0)
		return 0;
	number = strtoul(text, NULL, 10);
	snprintf(again, sizeof(again), "%lu", number % 100000);
	if (strcmp(text, again) != 0 || number < 1 || number > 65535)
		return cp_fail(error, "ValidationError",
		        "HealthCheckPort '%s': \"traffic-port\" or \"1\" to \"65535\" is right",
		        text);
	*port = (uint16_t)number;
	return 0;
}

static int path_read(const json_t *params, char *path, struct cp_error *error)
{
	const char *text = cp_param_text(params, "HealthCheckPath", path);

	if (!cp_path_valid(text))
		return cp_fail(error, "ValidationError",
		        "HealthCheckPath '%.80s': it must begin with '/' and have no space", text);
	if (text != path)
		snprintf(path, CP_PATH_LEN, "%s", text);
	return 0;
}

static int matcher_read(const json_t *params, char *matcher, size_t size, struct cp_error *error)
{
	static const struct cp_param table[] = {
	        {"HttpCode", CP_PARAM_TEXT, true, 1, 127},
	        {"GrpcCode", CP_PARAM_UNSUPPORTED, false, 0, 0},
	        {NULL, 0, false, 0, 0},
	};
	const json_t *object = json_object_get(params, "Matcher");
	const char *text;

	if (object == NULL)
		return 0;
	if (cp_params_check(object, "Matcher", table, error) != 0)
		return -EINVAL;
	text = cp_param_text(object, "HttpCode", "");
	if (!cp_matcher_valid(text))
		return cp_fail(error, "ValidationError",
		        "Matcher.HttpCode '%s': codes from %d to %d and ranges of them are right, "
		        "such "
		        "as \"200\", \"200,202\" or \"200-399\"",
		        text, CP_MATCHER_MIN, CP_MATCHER_MAX);
	snprintf(matcher, size, "%s", text);
	return 0;
}

int cp_health_read(const json_t *params, struct cp_health_settings *check, struct cp_error *error)
{
	const char *http_only = json_object_get(params, "HealthCheckPath") ? "HealthCheckPath"
	                        : json_object_get(params, "Matcher")       ? "Matcher"
	                                                                   : NULL;

	if (json_is_false(json_object_get(params, "HealthCheckEnabled")))
		return cp_fail(error, "InvalidConfigurationRequest",
		        "HealthCheckEnabled can't be false: health checks of TargetType ip are "
		        "always "
		        "on");
	if (probe_read(params, &check->probe, error) != 0 ||
	        check_port_read(params, &check->port, error) != 0 ||
	        path_read(params, check->path, error) != 0 ||
	        matcher_read(params, check->matcher, sizeof(check->matcher), error) != 0)
		return -EINVAL;
	if (check->probe == CP_PROBE_TCP && http_only != NULL)
		return cp_fail(error, "InvalidConfigurationRequest",
		        "%s needs HealthCheckProtocol HTTP or HTTPS", http_only);
	check->interval_s =
	        (uint16_t)cp_param_number(params, "HealthCheckIntervalSeconds", check->interval_s);
	check->timeout_s =
	        (uint16_t)cp_param_number(params, "HealthCheckTimeoutSeconds", check->timeout_s);
	check->healthy_threshold =
	        (uint8_t)cp_param_number(params, "HealthyThresholdCount", check->healthy_threshold);
	check->unhealthy_threshold = (uint8_t)cp_param_number(
	        params, "UnhealthyThresholdCount", check->unhealthy_threshold);
	return 0;
}

bool cp_health_same(const struct cp_health_settings *a, const struct cp_health_settings *b)
{
	return a->probe == b->probe && a->port == b->port && strcmp(a->path, b->path) == 0 &&
	       strcmp(a->matcher, b->matcher) == 0 && a->interval_s == b->interval_s &&
	       a->timeout_s == b->timeout_s && a->healthy_threshold == b->healthy_threshold &&
	       a->unhealthy_threshold == b->unhealthy_threshold;
}
