/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Methods of listeners.
 */
#include <errno.h>
#include <stdio.h>
#include <utlist.h>

#include "model/attributes.h"
#include "model/change.h"
#include "params.h"

static int check_stickiness(const json_t *config, struct cp_error *error)
{
	static const struct cp_param table[] = {
	        {"Enabled", CP_PARAM_BOOLEAN, false, 0, 0},
	        {"DurationSeconds", CP_PARAM_UNSUPPORTED, false, 0, 0},
	        {NULL, 0, false, 0, 0},
	};

	if (config == NULL)
		return 0;
	if (cp_params_check(config, "TargetGroupStickinessConfig", table, error) != 0)
		return -EINVAL;
	if (json_is_true(json_object_get(config, "Enabled")))
		return cp_fail(error, "InvalidConfigurationRequest",
		        "TargetGroupStickinessConfig is for several target groups, which a "
		        "listener can't have here: set the group's stickiness.enabled");
	return 0;
}

/* DefaultActions: exactly one, forward, to exactly one target group, in either of ELBv2's two
 * forms. Returns the group's name or ARN, or NULL: failed. */
static const char *forward_config(const json_t *config, struct cp_error *error)
{
	static const struct cp_param table[] = {
	        {"TargetGroups", CP_PARAM_LIST, true, 1, 5},
	        {"TargetGroupStickinessConfig", CP_PARAM_OBJECT, false, 0, 0},
	        {NULL, 0, false, 0, 0},
	};
	static const struct cp_param tuple[] = {
	        {"TargetGroupArn", CP_PARAM_TEXT, true, 1, CP_ARN_LEN - 1},
	        {"Weight", CP_PARAM_NUMBER, false, 1, 1},
	        {NULL, 0, false, 0, 0},
	};
	const json_t *groups = json_object_get(config, "TargetGroups");

	if (cp_params_check(config, "DefaultActions[0].ForwardConfig", table, error) != 0 ||
	        check_stickiness(json_object_get(config, "TargetGroupStickinessConfig"), error) !=
	                0)
		return NULL;
	if (json_array_size(groups) > 1) {
		cp_fail(error, "InvalidConfigurationRequest",
		        "several weighted target groups on one listener are not supported by this "
		        "version of anabranch: name one");
		return NULL;
	}
	if (cp_params_check(json_array_get(groups, 0),
	            "DefaultActions[0].ForwardConfig.TargetGroups[0]", tuple, error) != 0)
		return NULL;
	return cp_param_text(json_array_get(groups, 0), "TargetGroupArn", "");
}

static struct cp_target_group *read_action(
        const struct cp_model *model, const json_t *actions, struct cp_error *error)
{
	static const struct cp_param table[] = {
	        {"Type", CP_PARAM_TEXT, true, 1, 40},
	        {"TargetGroupArn", CP_PARAM_TEXT, false, 1, CP_ARN_LEN - 1},
	        {"ForwardConfig", CP_PARAM_OBJECT, false, 0, 0},
	        {"Order", CP_PARAM_NUMBER, false, 1, 1},
	        {NULL, 0, false, 0, 0},
	};
	const json_t *action = json_array_get(actions, 0), *config;
	const char *arn, *other = NULL;

	if (cp_params_check(action, "DefaultActions[0]", table, error) != 0)
		return NULL;
	config = json_object_get(action, "ForwardConfig");
	arn = cp_param_text(action, "TargetGroupArn", NULL);
	if (config != NULL && (other = forward_config(config, error)) == NULL)
		return NULL;
	if (strcmp(cp_param_text(action, "Type", ""), "forward") != 0) {
		cp_fail(error, "InvalidConfigurationRequest",
		        "DefaultActions[0].Type can't be '%s'; right: forward",
		        cp_param_text(action, "Type", ""));
		return NULL;
	}
	if (arn == NULL && other == NULL) {
		cp_fail(error, "MissingParameter", "DefaultActions[0]: TargetGroupArn is required");
		return NULL;
	}
	if (arn != NULL && other != NULL &&
	        cp_group_find(model, arn) != cp_group_find(model, other)) {
		cp_fail(error, "InvalidConfigurationRequest",
		        "DefaultActions[0] names two target groups");
		return NULL;
	}
	return cp_param_group(model, arn ? arn : other, error);
}

/* Whether the place is free, the group fits, and the tables have room. 'self' is the listener that
 * moves there, or NULL. */
static int check_fit(const struct cp_model *model, const struct cp_load_balancer *lb,
        const struct cp_listener *self, enum cp_protocol protocol, uint16_t port,
        const struct cp_target_group *group, struct cp_error *error)
{
	uint32_t rows;

	if (!cp_protocol_compatible(protocol, group->protocol))
		return cp_fail(error, "IncompatibleProtocols",
		        "a %s listener can't forward to target group '%s', which is %s",
		        cp_protocol_text(protocol), group->name, cp_protocol_text(group->protocol));
	if (group->is_v6 && !lb->dualstack)
		return cp_fail(error, "InvalidConfigurationRequest",
		        "target group '%s' is ipv6: its load balancer must be dualstack",
		        group->name);
	if (group->lb != NULL && group->lb != lb)
		return cp_fail(error, "TargetGroupAssociationLimit",
		        "target group '%s' belongs to load balancer '%s' already", group->name,
		        group->lb->name);
	if (cp_listener_at(lb, protocol, port, group->is_v6, self) != NULL)
		return cp_fail(error, "DuplicateListener",
		        "load balancer '%s' has a listener at %s port %u already, for %s", lb->name,
		        cp_protocol_text(protocol), port, group->is_v6 ? "IPv6" : "IPv4");
	rows = model->nb_rows + cp_listener_rows(lb, protocol, group->is_v6);
	if (self != NULL)
		rows -= cp_listener_rows(lb, self->protocol, self->group->is_v6);
	if (rows > LB_MAX_LISTENERS)
		return cp_fail(error, "TooManyListeners",
		        "all listeners together would have %u places (addresses times TCP and "
		        "UDP); at most %u are possible",
		        rows, LB_MAX_LISTENERS);
	return 0;
}

static json_t *listener_describe(const struct cp_listener *listener)
{
	const char *arn = listener->group->arn;

	return json_pack("{s:s, s:s, s:i, s:s, s:[{s:s, s:s, s:i, s:{s:[{s:s, s:i}]}}]}",
	        "ListenerArn", listener->arn, "LoadBalancerArn", listener->lb->arn, "Port",
	        listener->port, "Protocol", cp_protocol_text(listener->protocol), "DefaultActions",
	        "Type", "forward", "TargetGroupArn", arn, "Order", 1, "ForwardConfig",
	        "TargetGroups", "TargetGroupArn", arn, "Weight", 1);
}

static json_t *one(const struct cp_listener *listener)
{
	return json_pack("{s:[o]}", "Listeners", listener_describe(listener));
}

#define UNSUPPORTED                                                       \
	{"SslPolicy", CP_PARAM_UNSUPPORTED, false, 0, 0},                 \
	        {"Certificates", CP_PARAM_UNSUPPORTED, false, 0, 0},      \
	        {"AlpnPolicy", CP_PARAM_UNSUPPORTED, false, 0, 0},        \
	{                                                                 \
		"MutualAuthentication", CP_PARAM_UNSUPPORTED, false, 0, 0 \
	}

static const struct cp_param CREATE[] = {
        {"LoadBalancerArn", CP_PARAM_TEXT, true, 1, CP_ARN_LEN - 1},
        {"Protocol", CP_PARAM_TEXT, true, 1, 20},
        {"Port", CP_PARAM_NUMBER, true, 1, 65535},
        {"DefaultActions", CP_PARAM_LIST, true, 1, 1},
        UNSUPPORTED,
        {"Tags", CP_PARAM_UNSUPPORTED, false, 0, 0},
        {NULL, 0, false, 0, 0},
};

int cp_rpc_CreateListener(struct cp_model *model, const struct cp_change_context *context,
        const json_t *params, json_t **result, struct cp_error *error)
{
	struct cp_listener spec = {.created_ms = context->now_ms};
	struct cp_listener *there;

	if (cp_params_check(params, "CreateListener", CREATE, error) != 0 ||
	        cp_param_protocol(cp_param_text(params, "Protocol", ""), &spec.protocol, error) !=
	                0)
		return -EINVAL;
	spec.lb = cp_param_lb(model, cp_param_text(params, "LoadBalancerArn", ""), error);
	if (spec.lb == NULL)
		return -EINVAL;
	spec.group = read_action(model, json_object_get(params, "DefaultActions"), error);
	if (spec.group == NULL)
		return -EINVAL;
	spec.port = (uint16_t)cp_param_number(params, "Port", 0);
	there = cp_listener_at(spec.lb, spec.protocol, spec.port, spec.group->is_v6, NULL);
	if (there != NULL && there->protocol == spec.protocol && there->group == spec.group) {
		*result = one(there);
		return 0;
	}
	if (check_fit(model, spec.lb, NULL, spec.protocol, spec.port, spec.group, error) != 0)
		return -EINVAL;
	if (cp_listener_slot_lowest(model) == LB_NO_SLOT)
		return cp_fail(error, "TooManyListeners",
		        "the instance has %u listeners, the most; tables.max_listeners of the "
		        "dataplane's file sets it",
		        model->max_listener_slots);
	*result = one(cp_listener_add(model, &spec));
	cp_model_changed(model);
	return 0;
}

static int describe_filter(const struct cp_model *live, const json_t *params,
        const struct cp_load_balancer **lb, struct cp_error *error)
{
	const json_t *list = json_object_get(params, "ListenerArns");
	const char *arn = cp_param_text(params, "LoadBalancerArn", NULL);
	json_t *value;
	size_t i;

	*lb = arn ? cp_param_lb(live, arn, error) : NULL;
	if (arn != NULL && *lb == NULL)
		return -EINVAL;
	json_array_foreach (list, i, value) {
		if (cp_param_listener(live, json_string_value(value), error) == NULL)
			return -EINVAL;
	}
	return 0;
}

int cp_rpc_DescribeListeners(const struct cp_model *live, struct cp_daemon *daemon,
        const json_t *params, json_t **result, struct cp_error *error)
{
	static const struct cp_param table[] = {
	        {"LoadBalancerArn", CP_PARAM_TEXT, false, 1, CP_ARN_LEN - 1},
	        {"ListenerArns", CP_PARAM_TEXTS, false, 0, CP_MAX_LISTED},
	        {"Marker", CP_PARAM_UNSUPPORTED, false, 0, 0},
	        {"PageSize", CP_PARAM_UNSUPPORTED, false, 0, 0},
	        {NULL, 0, false, 0, 0},
	};
	const struct cp_load_balancer *lb;
	json_t *out;

	if (cp_params_check(params, "DescribeListeners", table, error) != 0 ||
	        describe_filter(live, params, &lb, error) != 0)
		return -EINVAL;
	out = json_array();
	for (struct cp_listener *at = live->listeners; at != NULL; at = at->hh.next)
		if (cp_param_listed(json_object_get(params, "ListenerArns"), at->arn, NULL) &&
		        (lb == NULL || at->lb == lb))
			json_array_append_new(out, listener_describe(at));
	*result = json_pack("{s:o}", "Listeners", out);
	return 0;
}

int cp_rpc_ModifyListener(struct cp_model *model, const struct cp_change_context *context,
        const json_t *params, json_t **result, struct cp_error *error)
{
	static const struct cp_param table[] = {
	        {"ListenerArn", CP_PARAM_TEXT, true, 1, CP_ARN_LEN - 1},
	        {"Protocol", CP_PARAM_TEXT, false, 1, 20},
	        {"Port", CP_PARAM_NUMBER, false, 1, 65535},
	        {"DefaultActions", CP_PARAM_LIST, false, 1, 1},
	        UNSUPPORTED,
	        {NULL, 0, false, 0, 0},
	};
	const json_t *actions = json_object_get(params, "DefaultActions");
	struct cp_target_group *group;
	struct cp_listener *listener;
	const char *protocol_text;
	enum cp_protocol protocol;
	uint16_t port;

	if (cp_params_check(params, "ModifyListener", table, error) != 0)
		return -EINVAL;
	listener = cp_param_listener(model, cp_param_text(params, "ListenerArn", ""), error);
	if (listener == NULL)
		return -EINVAL;
	protocol_text = cp_param_text(params, "Protocol", cp_protocol_text(listener->protocol));
	port = (uint16_t)cp_param_number(params, "Port", listener->port);
	group = actions ? read_action(model, actions, error) : listener->group;
	if (group == NULL || cp_param_protocol(protocol_text, &protocol, error) != 0 ||
	        check_fit(model, listener->lb, listener, protocol, port, group, error) != 0)
		return -EINVAL;
	if (protocol != listener->protocol || port != listener->port || group != listener->group) {
		cp_listener_set(model, listener, protocol, port, group);
		cp_model_changed(model);
	}
	*result = one(listener);
	return 0;
}

static const struct cp_param ARN[] = {
        {"ListenerArn", CP_PARAM_TEXT, true, 1, CP_ARN_LEN - 1},
        {NULL, 0, false, 0, 0},
};

int cp_rpc_DeleteListener(struct cp_model *model, const struct cp_change_context *context,
        const json_t *params, json_t **result, struct cp_error *error)
{
	struct cp_listener *listener;

	if (cp_params_check(params, "DeleteListener", ARN, error) != 0)
		return -EINVAL;
	listener = cp_param_listener(model, cp_param_text(params, "ListenerArn", ""), error);
	if (listener == NULL)
		return -EINVAL;
	cp_listener_remove(model, listener);
	cp_model_changed(model);
	*result = json_object();
	return 0;
}

/* A UDP listener has none: its idle time can't be set. */
static json_t *attributes_describe(const struct cp_listener *listener)
{
	json_t *out = json_array();

	for (const struct cp_attribute_rule *rule = cp_listener_rules;
	        rule->key != NULL && (listener->protocol & CP_TCP); rule++)
		json_array_append_new(out, cp_attribute_describe(rule->key,
		                                   cp_listener_attribute(listener, rule->key)));
	return json_pack("{s:o}", "Attributes", out);
}

int cp_rpc_ModifyListenerAttributes(struct cp_model *model, const struct cp_change_context *context,
        const json_t *params, json_t **result, struct cp_error *error)
{
	static const struct cp_param table[] = {
	        {"ListenerArn", CP_PARAM_TEXT, true, 1, CP_ARN_LEN - 1},
	        {"Attributes", CP_PARAM_LIST, true, 1, CP_MAX_ATTRIBUTES},
	        {NULL, 0, false, 0, 0},
	};
	json_t *list = json_object_get(params, "Attributes"), *value;
	struct cp_listener *listener;
	bool changed = false;
	size_t i;

	if (cp_params_check(params, "ModifyListenerAttributes", table, error) != 0)
		return -EINVAL;
	listener = cp_param_listener(model, cp_param_text(params, "ListenerArn", ""), error);
	if (listener == NULL || cp_attributes_check(list, cp_listener_rules, error) != 0)
		return -EINVAL;
	if (!(listener->protocol & CP_TCP))
		return cp_fail(error, "InvalidConfigurationRequest",
		        "tcp.idle_timeout.seconds needs a listener of TCP or TCP_UDP");
	json_array_foreach (list, i, value) {
		const char *key = cp_param_text(value, "Key", "");

		changed |= cp_attribute_set(&listener->attributes, key,
		        cp_param_text(value, "Value", ""),
		        cp_attribute_rule(cp_listener_rules, key)->fallback);
	}
	if (changed) {
		cp_listener_changed(model, listener);
		cp_model_changed(model);
	}
	*result = attributes_describe(listener);
	return 0;
}

int cp_rpc_DescribeListenerAttributes(const struct cp_model *live, struct cp_daemon *daemon,
        const json_t *params, json_t **result, struct cp_error *error)
{
	const struct cp_listener *listener;

	if (cp_params_check(params, "DescribeListenerAttributes", ARN, error) != 0)
		return -EINVAL;
	listener = cp_param_listener(live, cp_param_text(params, "ListenerArn", ""), error);
	if (listener == NULL)
		return -EINVAL;
	*result = attributes_describe(listener);
	return 0;
}
