/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Methods of targets. A target is {"Id", "Port", "AvailabilityZone"}, or a text: "10.0.1.11",
 * "10.0.1.11:80", "[fd00::11]:80". Without a port it has its target group's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/change.h"
#include "params.h"

static const struct cp_param TARGET[] = {
        {"Id", CP_PARAM_TEXT, true, 1, 60},
        {"Port", CP_PARAM_NUMBER, false, 1, 65535},
        {"AvailabilityZone", CP_PARAM_TEXT, false, 1, CP_ZONE_LEN - 1},
        {"anabranch.Weight", CP_PARAM_NUMBER, false, 0, 999},
        {"QuicServerId", CP_PARAM_UNSUPPORTED, false, 0, 0},
        {NULL, 0, false, 0, 0},
};

static int read_address(const struct cp_target_group *group, const json_t *value, const char *where,
        struct cp_target *spec, struct cp_error *error)
{
	const char *id =
	        json_is_string(value) ? json_string_value(value) : cp_param_text(value, "Id", "");
	uint16_t port;

	if (cp_target_parse(id, &spec->ip, &port) != 0 || !cp_ip_is_host(&spec->ip))
		return cp_fail(error, "InvalidTarget",
		        "%s: '%.60s' is no host's address; right: 10.0.1.11, 10.0.1.11:80, "
		        "fd00::11, "
		        "[fd00::11]:80",
		        where, id);
	if (lb_ip_is_v4(&spec->ip) == group->is_v6)
		return cp_fail(error, "InvalidTarget",
		        "%s: '%.60s' is not %s, as its target group is", where, id,
		        group->is_v6 ? "IPv6" : "IPv4");
	if (json_is_string(value) && json_string_length(value) != strlen(id))
		return cp_fail(error, "ValidationError", "%s: the text holds a NUL", where);
	if (port != 0 && json_object_get(value, "Port") != NULL &&
	        cp_param_number(value, "Port", 0) != port)
		return cp_fail(
		        error, "InvalidTarget", "%s: Id and Port give different ports", where);
	spec->port = port ? port : (uint16_t)cp_param_number(value, "Port", group->port);
	return 0;
}

static int read_zone(const struct cp_model *model, const json_t *value, const char *where,
        struct cp_target *spec, struct cp_error *error)
{
	const char *name = cp_param_text(value, "AvailabilityZone", NULL);
	const struct cp_subnet *subnet = cp_subnet_of(model, &spec->ip);
	int zone;

	if (name == NULL && subnet == NULL)
		return cp_fail(error, "ValidationError",
		        "%s: AvailabilityZone is required for an address that is in no subnet of "
		        "the daemon's file: a zone's name, or all",
		        where);
	if (name == NULL)
		name = subnet->zone_name;
	zone = cp_zone_find(model, name);
	if (zone < 0 && strcmp(name, "all") != 0)
		return cp_fail(error, "AvailabilityZoneNotSupported",
		        "%s: there is no zone '%s'; the daemon's file names them", where, name);
	if (zone >= 0 && subnet != NULL && subnet->zone != zone)
		return cp_fail(error, "ValidationError",
		        "%s: '%s' is in subnet '%s' of zone '%s', not in '%s'", where, spec->key,
		        subnet->id, subnet->zone_name, name);
	spec->zone = zone >= 0 ? (uint16_t)zone : CP_ZONE_ALL;
	snprintf(spec->zone_name, sizeof(spec->zone_name), "%s", name);
	return 0;
}

/* 'with_zone' where a zone is needed: to register. */
static int read_target(const struct cp_model *model, const struct cp_target_group *group,
        const json_t *value, size_t i, bool with_zone, struct cp_target *spec,
        struct cp_error *error)
{
	char where[32];

	memset(spec, 0, sizeof(*spec));
	snprintf(where, sizeof(where), "Targets[%zu]", i);
	if (!json_is_string(value) && cp_params_check(value, where, TARGET, error) != 0)
		return -EINVAL;
	if (read_address(group, value, where, spec, error) != 0)
		return -EINVAL;
	cp_target_key(&spec->ip, spec->port, spec->key, sizeof(spec->key));
	spec->weight = (uint16_t)cp_param_number(value, "anabranch.Weight", 1);
	if (with_zone && cp_vip_find(model, &spec->ip) != NULL)
		return cp_fail(error, "InvalidTarget",
		        "%s: '%s' is a load balancer's own address: packets would go in circles",
		        where, spec->key);
	return with_zone ? read_zone(model, value, where, spec, error) : 0;
}

/* Who is named twice is one, but then must be told the same. */
static int check_twice(const struct cp_target *before, const struct cp_target *again,
        bool with_zone, size_t i, struct cp_error *error)
{
	if (!with_zone || (before->weight == again->weight &&
	                          strcmp(before->zone_name, again->zone_name) == 0))
		return 0;
	return cp_fail(error, "ValidationError",
	        "Targets[%zu]: '%s' is there twice, with different settings", i, again->key);
}

/* All of them, each once, or the first error. '*specs' is to be freed in either case. */
static int read_targets(const struct cp_model *model, const struct cp_target_group *group,
        const json_t *list, bool with_zone, struct cp_target **specs, size_t *nb_specs,
        struct cp_error *error)
{
	struct cp_target *seen = NULL, *before;
	json_t *value;
	size_t i, n = 0;
	int rc = 0;

	*specs = cp_alloc((json_array_size(list) + 1) * sizeof(**specs));
	json_array_foreach (list, i, value) {
		struct cp_target *spec = &(*specs)[n];

		rc = read_target(model, group, value, i, with_zone, spec, error);
		if (rc != 0)
			break;
		HASH_FIND_STR(seen, spec->key, before);
		if (before != NULL) {
			rc = check_twice(before, spec, with_zone, i, error);
			if (rc != 0)
				break;
			continue;
		}
		HASH_ADD_STR(seen, key, spec);
		n++;
	}
	HASH_CLEAR(hh, seen);
	*nb_specs = n;
	return rc;
}

static int check_room(const struct cp_model *model, const struct cp_target_group *group,
        const struct cp_target *specs, size_t n, struct cp_error *error)
{
	uint32_t fresh = 0, slots = 0;

	for (size_t i = 0; i < n; i++) {
		const struct cp_target *target = cp_target_find(group, specs[i].key);

		fresh += target == NULL || target->draining;
		slots += target == NULL;
	}
	if (group->nb_registered + fresh > CP_MAX_GROUP_TARGETS)
		return cp_fail(error, "TooManyTargets",
		        "target group '%s' would have %u targets; at most %d are possible",
		        group->name, group->nb_registered + fresh, CP_MAX_GROUP_TARGETS);
	if (slots > cp_slots_free(model))
		return cp_fail(error, "TooManyTargets",
		        "the instance has room for %u more targets, draining ones included; "
		        "tables.max_targets of the dataplane's file sets it",
		        cp_slots_free(model));
	return 0;
}

/* In one request: more than a target group can have, so that asking for too many of them is
 * answered by their number. */
#define MAX_LISTED_TARGETS 10000

static const struct cp_param GROUP_TARGETS[] = {
        {"TargetGroupArn", CP_PARAM_TEXT, true, 1, CP_ARN_LEN - 1},
        {"Targets", CP_PARAM_LIST, true, 1, MAX_LISTED_TARGETS},
        {NULL, 0, false, 0, 0},
};

int cp_rpc_RegisterTargets(struct cp_model *model, const struct cp_change_context *context,
        const json_t *params, json_t **result, struct cp_error *error)
{
	const json_t *list = json_object_get(params, "Targets");
	struct cp_target *specs = NULL;
	struct cp_target_group *group;
	bool changed = false;
	size_t nb_specs;
	int rc;

	if (cp_params_check(params, "RegisterTargets", GROUP_TARGETS, error) != 0)
		return -EINVAL;
	group = cp_param_group(model, cp_param_text(params, "TargetGroupArn", ""), error);
	if (group == NULL)
		return -EINVAL;
	rc = read_targets(model, group, list, true, &specs, &nb_specs, error);
	if (rc == 0)
		rc = check_room(model, group, specs, nb_specs, error);
	for (size_t i = 0; rc == 0 && i < nb_specs; i++)
		changed |= cp_target_register(model, group, &specs[i], context->now_ms);
	if (changed)
		cp_model_changed(model);
	if (rc == 0)
		*result = json_object();
	free(specs);
	return rc;
}

int cp_rpc_DeregisterTargets(struct cp_model *model, const struct cp_change_context *context,
        const json_t *params, json_t **result, struct cp_error *error)
{
	const json_t *list = json_object_get(params, "Targets");
	struct cp_target *specs = NULL;
	struct cp_target_group *group;
	bool changed = false;
	size_t nb_specs;
	int rc;

	if (cp_params_check(params, "DeregisterTargets", GROUP_TARGETS, error) != 0)
		return -EINVAL;
	group = cp_param_group(model, cp_param_text(params, "TargetGroupArn", ""), error);
	if (group == NULL)
		return -EINVAL;
	rc = read_targets(model, group, list, false, &specs, &nb_specs, error);
	for (size_t i = 0; rc == 0 && i < nb_specs; i++) {
		struct cp_target *target = cp_target_find(group, specs[i].key);

		if (target != NULL && !target->draining) {
			cp_target_drain(model, target, context->now_ms);
			changed = true;
		}
	}
	if (changed)
		cp_model_changed(model);
	if (rc == 0)
		*result = json_object();
	free(specs);
	return rc;
}

static json_t *place(const struct cp_target *target)
{
	char id[INET6_ADDRSTRLEN];
	json_t *out;

	cp_ip_format(&target->ip, id, sizeof(id));
	out = json_pack("{s:s, s:i}", "Id", id, "Port", target->port);
	if (target->zone_name[0] != '\0')
		json_object_set_new(out, "AvailabilityZone", json_string(target->zone_name));
	if (target->weight != 1)
		json_object_set_new(out, "anabranch.Weight", json_integer(target->weight));
	return out;
}

static json_t *health_describe(const struct cp_target_group *group, const struct cp_target *target,
        enum lb_target_state state, enum cp_reason reason, const char *text)
{
	json_t *health = json_pack("{s:s}", "State", cp_target_state_text(state));
	unsigned at = target->port;
	char port[16];

	if (reason != CP_REASON_NONE) {
		json_object_set_new(health, "Reason", json_string(cp_reason_code(reason)));
		json_object_set_new(health, "Description", json_string(text));
	}
	if (group->check.port != 0)
		at = group->check.port;
	snprintf(port, sizeof(port), "%u", at);
	return json_pack("{s:o, s:s, s:o, s:{s:s, s:s, s:s}}", "Target", place(target),
	        "HealthCheckPort", port, "TargetHealth", health, "AdministrativeOverride", "State",
	        "no_override", "Reason", "AdministrativeOverride.NoOverride", "Description",
	        "No override is currently active on target");
}

static json_t *target_describe(const struct cp_target *target)
{
	const char *text;
	enum lb_target_state state;
	enum cp_reason reason;

	cp_target_shown_state(target, &state, &reason);
	text = cp_reason_text(reason);
	if (reason == target->health.reason && target->health.detail[0] != '\0')
		text = target->health.detail;
	if (reason == CP_REASON_NOT_IN_USE && target->group->lb != NULL)
		text = "Target is in an Availability Zone that is not enabled for the load "
		       "balancer";
	return health_describe(target->group, target, state, reason, text);
}

/* Those that are asked for, in that order; who isn't there is "unused". */
static int describe_some(const struct cp_model *live, const struct cp_target_group *group,
        const json_t *list, json_t *out, struct cp_error *error)
{
	struct cp_target *specs = NULL;
	size_t nb_specs;
	int rc = read_targets(live, group, list, false, &specs, &nb_specs, error);

	for (size_t i = 0; rc == 0 && i < nb_specs; i++) {
		const struct cp_target *target = cp_target_find(group, specs[i].key);

		json_array_append_new(
		        out, target ? target_describe(target)
		                    : health_describe(group, &specs[i], LB_TARGET_UNUSED,
		                              CP_REASON_NOT_REGISTERED,
		                              cp_reason_text(CP_REASON_NOT_REGISTERED)));
	}
	free(specs);
	return rc;
}

int cp_rpc_DescribeTargetHealth(const struct cp_model *live, struct cp_daemon *daemon,
        const json_t *params, json_t **result, struct cp_error *error)
{
	static const struct cp_param table[] = {
	        {"TargetGroupArn", CP_PARAM_TEXT, true, 1, CP_ARN_LEN - 1},
	        {"Targets", CP_PARAM_LIST, false, 0, MAX_LISTED_TARGETS},
	        {"Include", CP_PARAM_UNSUPPORTED, false, 0, 0},
	        {NULL, 0, false, 0, 0},
	};
	const json_t *list = json_object_get(params, "Targets");
	const struct cp_target_group *group;
	json_t *out;

	if (cp_params_check(params, "DescribeTargetHealth", table, error) != 0)
		return -EINVAL;
	group = cp_param_group(live, cp_param_text(params, "TargetGroupArn", ""), error);
	if (group == NULL)
		return -EINVAL;
	out = json_array();
	if (json_array_size(list) == 0) {
		for (struct cp_target *at = group->targets; at != NULL; at = at->hh.next)
			json_array_append_new(out, target_describe(at));
	} else if (describe_some(live, group, list, out, error) != 0) {
		json_decref(out);
		return -EINVAL;
	}
	*result = json_pack("{s:o}", "TargetHealthDescriptions", out);
	return 0;
}

int cp_change_target_drained(struct cp_model *model, const struct cp_change_context *context,
        const json_t *params, json_t **result, struct cp_error *error)
{
	static const struct cp_param table[] = {
	        {"TargetGroupArn", CP_PARAM_TEXT, true, 1, CP_ARN_LEN - 1},
	        {"Target", CP_PARAM_TEXT, true, 1, 63},
	        {"Epoch", CP_PARAM_NUMBER, true, 1, UINT32_MAX},
	        {"Terminate", CP_PARAM_BOOLEAN, false, 0, 0},
	        {NULL, 0, false, 0, 0},
	};
	struct cp_target_group *group;
	struct cp_target *target;

	if (cp_params_check(params, "TargetDrained", table, error) != 0)
		return -EINVAL;
	group = cp_param_group(model, cp_param_text(params, "TargetGroupArn", ""), error);
	if (group == NULL)
		return -EINVAL;
	target = cp_target_find(group, cp_param_text(params, "Target", ""));
	/* Not by epoch, which an adopted dataplane may have changed on 'live' alone. Who came back
	 * and was deregistered again since has a later deadline. */
	if (target == NULL || !target->draining || context->now_ms < target->drain_deadline_ms)
		return cp_fail(error, "InvalidTarget", "target '%s' is not draining any more",
		        cp_param_text(params, "Target", ""));
	cp_target_remove(model, target); /* whatever flows are left end with the slot's epoch */
	cp_model_changed(model);
	*result = json_object();
	return 0;
}
