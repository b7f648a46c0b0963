/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Methods of target groups.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/change.h"
#include "health_params.h"

static const struct cp_param CREATE[] = {
        {"Name", CP_PARAM_TEXT, true, 1, CP_NAME_LEN - 1},
        {"Protocol", CP_PARAM_TEXT, true, 1, 40},
        {"Port", CP_PARAM_NUMBER, true, 1, 65535},
        {"VpcId", CP_PARAM_TEXT, false, 1, 63},
        {"TargetType", CP_PARAM_TEXT, false, 1, 40},
        {"IpAddressType", CP_PARAM_TEXT, false, 1, 40},
        CP_HEALTH_PARAMS,
        {"ProtocolVersion", CP_PARAM_UNSUPPORTED, false, 0, 0},
        {"TargetControlPort", CP_PARAM_UNSUPPORTED, false, 0, 0},
        {"Tags", CP_PARAM_UNSUPPORTED, false, 0, 0},
        {NULL, 0, false, 0, 0},
};

static const struct cp_param MODIFY[] = {
        {"TargetGroupArn", CP_PARAM_TEXT, true, 1, CP_ARN_LEN - 1},
        CP_HEALTH_PARAMS,
        {NULL, 0, false, 0, 0},
};

static const struct cp_param ARN[] = {
        {"TargetGroupArn", CP_PARAM_TEXT, true, 1, CP_ARN_LEN - 1},
        {NULL, 0, false, 0, 0},
};

static int family_read(const json_t *params, bool *is_v6, struct cp_error *error)
{
	const char *text = cp_param_text(params, "IpAddressType", "ipv4");

	*is_v6 = strcmp(text, "ipv6") == 0;
	if (*is_v6 || strcmp(text, "ipv4") == 0)
		return 0;
	return cp_fail(error, "ValidationError", "IpAddressType '%s': ipv4 or ipv6 is right", text);
}

static int create_read(const json_t *params, struct cp_target_group *spec, struct cp_error *error)
{
	struct cp_health_settings *check = &spec->check;
	const char *type;

	if (cp_params_check(params, "CreateTargetGroup", CREATE, error) != 0)
		return -EINVAL;
	snprintf(spec->name, sizeof(spec->name), "%s", cp_param_text(params, "Name", ""));
	snprintf(spec->vpc_id, sizeof(spec->vpc_id), "%s", cp_param_text(params, "VpcId", ""));
	spec->port = (uint16_t)cp_param_number(params, "Port", 0);
	type = cp_param_text(params, "TargetType", "ip");
	if (strcmp(type, "ip") != 0)
		return cp_fail(error, "InvalidConfigurationRequest",
		        "TargetType '%s' is not supported; ip is", type);
	if (cp_param_name(spec->name, error) != 0 ||
	        cp_param_protocol(cp_param_text(params, "Protocol", ""), &spec->protocol, error) !=
	                0 ||
	        family_read(params, &spec->is_v6, error) != 0)
		return -EINVAL;
	snprintf(check->path, sizeof(check->path), "/");
	snprintf(check->matcher, sizeof(check->matcher), "200-399");
	check->interval_s = 30;
	check->healthy_threshold = 5;
	check->unhealthy_threshold = 2;
	if (cp_health_read(params, check, error) != 0)
		return -EINVAL;
	if (check->timeout_s == 0)
		check->timeout_s = check->probe == CP_PROBE_HTTP ? 6 : 10;
	return 0;
}

static bool same_group(const struct cp_target_group *a, const struct cp_target_group *b)
{
	return a->protocol == b->protocol && a->port == b->port && a->is_v6 == b->is_v6 &&
	       strcmp(a->vpc_id, b->vpc_id) == 0 && cp_health_same(&a->check, &b->check);
}

static json_t *group_describe(const struct cp_target_group *group)
{
	const struct cp_health_settings *check = &group->check;
	char port[16] = "traffic-port";
	json_t *out, *lbs = json_array();

	if (check->port != 0)
		snprintf(port, sizeof(port), "%u", check->port);
	if (group->lb != NULL)
		json_array_append_new(lbs, json_string(group->lb->arn));
	out = json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:b, s:i, s:i, s:i, s:i, s:o, s:s, s:s}",
	        "TargetGroupArn", group->arn, "TargetGroupName", group->name, "Protocol",
	        cp_protocol_text(group->protocol), "Port", group->port, "HealthCheckProtocol",
	        cp_probe_text(check->probe), "HealthCheckPort", port, "HealthCheckEnabled", 1,
	        "HealthCheckIntervalSeconds", check->interval_s, "HealthCheckTimeoutSeconds",
	        check->timeout_s, "HealthyThresholdCount", check->healthy_threshold,
	        "UnhealthyThresholdCount", check->unhealthy_threshold, "LoadBalancerArns", lbs,
	        "TargetType", "ip", "IpAddressType", group->is_v6 ? "ipv6" : "ipv4");
	if (check->probe != CP_PROBE_TCP) {
		json_object_set_new(out, "HealthCheckPath", json_string(check->path));
		json_object_set_new(out, "Matcher", json_pack("{s:s}", "HttpCode", check->matcher));
	}
	if (group->vpc_id[0] != '\0')
		json_object_set_new(out, "VpcId", json_string(group->vpc_id));
	return out;
}

static json_t *one(const struct cp_target_group *group)
{
	return json_pack("{s:[o]}", "TargetGroups", group_describe(group));
}

static int create(struct cp_model *model, const struct cp_target_group *spec, json_t **result,
        struct cp_error *error)
{
	const struct cp_target_group *group = cp_group_find(model, spec->name);

	if (group != NULL && !same_group(group, spec))
		return cp_fail(error, "DuplicateTargetGroupName",
		        "A target group with the same name '%s' exists, but with different "
		        "settings",
		        spec->name);
	if (group == NULL) {
		if (HASH_COUNT(model->groups) >= LB_MAX_GROUPS)
			return cp_fail(error, "TooManyTargetGroups",
			        "There are %u target groups, the most", LB_MAX_GROUPS);
		group = cp_group_add(model, spec);
		cp_model_changed(model);
	}
	*result = one(group);
	return 0;
}

int cp_rpc_CreateTargetGroup(struct cp_model *model, const struct cp_change_context *context,
        const json_t *params, json_t **result, struct cp_error *error)
{
	struct cp_target_group *spec = cp_alloc(sizeof(*spec));
	int rc = create_read(params, spec, error);

	spec->created_ms = context->now_ms;
	if (rc == 0)
		rc = create(model, spec, result, error);
	free(spec);
	return rc;
}

int cp_rpc_ModifyTargetGroup(struct cp_model *model, const struct cp_change_context *context,
        const json_t *params, json_t **result, struct cp_error *error)
{
	struct cp_health_settings check;
	struct cp_target_group *group;
	bool changed;

	if (cp_params_check(params, "ModifyTargetGroup", MODIFY, error) != 0)
		return -EINVAL;
	group = cp_param_group(model, cp_param_text(params, "TargetGroupArn", ""), error);
	if (group == NULL)
		return -EINVAL;
	check = group->check;
	if (cp_health_read(params, &check, error) != 0)
		return -EINVAL;
	changed = !cp_health_same(&group->check, &check);
	group->check = check;
	/* The latest word on the interval counts, whichever way it came. */
	if (json_object_get(params, "HealthCheckIntervalSeconds") != NULL)
		changed |= cp_attribute_forget(
		        &group->attributes, "anabranch.health_check.interval_ms");
	if (changed) {
		cp_group_changed(model, group);
		cp_model_changed(model);
	}
	*result = one(group);
	return 0;
}

int cp_rpc_DeleteTargetGroup(struct cp_model *model, const struct cp_change_context *context,
        const json_t *params, json_t **result, struct cp_error *error)
{
	struct cp_target_group *group;

	if (cp_params_check(params, "DeleteTargetGroup", ARN, error) != 0)
		return -EINVAL;
	group = cp_group_find(model, cp_param_text(params, "TargetGroupArn", ""));
	if (group != NULL && group->nb_listeners > 0)
		return cp_fail(error, "ResourceInUse",
		        "Target group '%s' is currently in use by a listener or a rule: "
		        "load balancer '%s' forwards to it",
		        group->arn, group->lb->name);
	if (group != NULL) {
		cp_group_remove(model, group);
		cp_model_changed(model);
	}
	*result = json_object();
	return 0;
}

int cp_rpc_DescribeTargetGroups(const struct cp_model *live, struct cp_daemon *daemon,
        const json_t *params, json_t **result, struct cp_error *error)
{
	static const struct cp_param table[] = {
	        {"LoadBalancerArn", CP_PARAM_TEXT, false, 1, CP_ARN_LEN - 1},
	        {"TargetGroupArns", CP_PARAM_TEXTS, false, 0, CP_MAX_LISTED},
	        {"Names", CP_PARAM_TEXTS, false, 0, CP_MAX_LISTED},
	        {"Marker", CP_PARAM_UNSUPPORTED, false, 0, 0},
	        {"PageSize", CP_PARAM_UNSUPPORTED, false, 0, 0},
	        {NULL, 0, false, 0, 0},
	};
	const char *lb_name = cp_param_text(params, "LoadBalancerArn", NULL);
	const struct cp_load_balancer *lb = NULL;
	json_t *out, *value;
	const json_t *list;
	size_t i;

	if (cp_params_check(params, "DescribeTargetGroups", table, error) != 0 ||
	        cp_param_one_list(params, "TargetGroupArns", "Names", &list, error) != 0)
		return -EINVAL;
	if (lb_name != NULL) {
		lb = cp_param_lb(live, lb_name, error);
		if (lb == NULL)
			return -EINVAL;
	}
	json_array_foreach (list, i, value) {
		if (cp_param_group(live, json_string_value(value), error) == NULL)
			return -EINVAL;
	}
	out = json_array();
	for (const struct cp_target_group *at = live->groups; at != NULL; at = at->hh.next)
		if ((lb == NULL || at->lb == lb) && cp_param_listed(list, at->arn, at->name))
			json_array_append_new(out, group_describe(at));
	*result = json_pack("{s:o}", "TargetGroups", out);
	return 0;
}

static json_t *attributes_describe(const struct cp_target_group *group)
{
	json_t *out = json_array();

	for (const struct cp_attribute_rule *rule = cp_group_rules; rule->key != NULL; rule++)
		json_array_append_new(out,
		        cp_attribute_describe(rule->key, cp_group_attribute(group, rule->key)));
	return json_pack("{s:o}", "Attributes", out);
}

int cp_rpc_ModifyTargetGroupAttributes(struct cp_model *model,
        const struct cp_change_context *context, const json_t *params, json_t **result,
        struct cp_error *error)
{
	static const struct cp_param table[] = {
	        {"TargetGroupArn", CP_PARAM_TEXT, true, 1, CP_ARN_LEN - 1},
	        {"Attributes", CP_PARAM_LIST, true, 1, CP_MAX_ATTRIBUTES},
	        {NULL, 0, false, 0, 0},
	};
	const json_t *list = json_object_get(params, "Attributes");
	struct cp_target_group *group;
	bool changed = false;
	json_t *item;
	size_t i;

	if (cp_params_check(params, "ModifyTargetGroupAttributes", table, error) != 0)
		return -EINVAL;
	group = cp_param_group(model, cp_param_text(params, "TargetGroupArn", ""), error);
	if (group == NULL || cp_attributes_check(list, cp_group_rules, error) != 0)
		return -EINVAL;
	json_array_foreach (list, i, item) {
		const char *key = cp_param_text(item, "Key", "");

		changed |= cp_attribute_set(&group->attributes, key,
		        cp_param_text(item, "Value", ""), cp_group_fallback(group, key));
	}
	if (changed) {
		cp_group_changed(model, group);
		cp_model_changed(model);
	}
	*result = attributes_describe(group);
	return 0;
}

int cp_rpc_DescribeTargetGroupAttributes(const struct cp_model *live, struct cp_daemon *daemon,
        const json_t *params, json_t **result, struct cp_error *error)
{
	const struct cp_target_group *group;

	if (cp_params_check(params, "DescribeTargetGroupAttributes", ARN, error) != 0)
		return -EINVAL;
	group = cp_param_group(live, cp_param_text(params, "TargetGroupArn", ""), error);
	if (group == NULL)
		return -EINVAL;
	*result = attributes_describe(group);
	return 0;
}
