/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Methods of load balancers.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "mappings.h"
#include "model/change.h"

#define MAX_LOAD_BALANCERS 1000

static const struct cp_param CREATE[] = {
        {"Name", CP_PARAM_TEXT, true, 1, CP_NAME_LEN - 1},
        {"Subnets", CP_PARAM_TEXTS, false, 1, CP_MAX_ZONES},
        {"SubnetMappings", CP_PARAM_LIST, false, 1, CP_MAX_ZONES},
        {"Scheme", CP_PARAM_TEXT, false, 1, 40},
        {"Type", CP_PARAM_TEXT, false, 1, 40},
        {"IpAddressType", CP_PARAM_TEXT, false, 1, 40},
        {"VpcId", CP_PARAM_TEXT, false, 1, 63},
        {"SecurityGroups", CP_PARAM_UNSUPPORTED, false, 0, 0},
        {"Tags", CP_PARAM_UNSUPPORTED, false, 0, 0},
        {"CustomerOwnedIpv4Pool", CP_PARAM_UNSUPPORTED, false, 0, 0},
        {"EnablePrefixForIpv6SourceNat", CP_PARAM_UNSUPPORTED, false, 0, 0},
        {"IpamPools", CP_PARAM_UNSUPPORTED, false, 0, 0},
        {NULL, 0, false, 0, 0},
};

static const struct cp_param ARN[] = {
        {"LoadBalancerArn", CP_PARAM_TEXT, true, 1, CP_ARN_LEN - 1},
        {NULL, 0, false, 0, 0},
};

/* Which of two words the parameter is. */
static int word_read(const json_t *params, const char *name, const char *no, const char *yes,
        bool *which, struct cp_error *error)
{
	const char *text = cp_param_text(params, name, no);

	*which = strcmp(text, yes) == 0;
	if (*which || strcmp(text, no) == 0)
		return 0;
	return cp_fail(error, "ValidationError", "%s can't be '%s'; %s or %s is right", name, text,
	        no, yes);
}

static int spec_read(const struct cp_model *model, const json_t *params, const json_t *mappings,
        struct cp_load_balancer *spec, struct cp_error *error)
{
	const char *type = cp_param_text(params, "Type", "network");

	snprintf(spec->name, sizeof(spec->name), "%s", cp_param_text(params, "Name", ""));
	snprintf(spec->vpc_id, sizeof(spec->vpc_id), "%s", cp_param_text(params, "VpcId", ""));
	if (cp_param_name(spec->name, error) != 0)
		return -EINVAL;
	if (strncmp(spec->name, "internal-", strlen("internal-")) == 0)
		return cp_fail(error, "ValidationError",
		        "The name '%s' can't be used: it must not begin with \"internal-\"",
		        spec->name);
	if (strcmp(type, "network") != 0)
		return cp_fail(error, "InvalidConfigurationRequest",
		        "Type '%s' is not supported; network is", type);
	if (word_read(params, "Scheme", "internet-facing", "internal", &spec->internal, error) !=
	                0 ||
	        word_read(params, "IpAddressType", "ipv4", "dualstack", &spec->dualstack, error) !=
	                0)
		return -EINVAL;
	if (json_object_get(params, "Scheme") == NULL)
		spec->internal = cp_mappings_internal(model, mappings);
	return 0;
}

static json_t *zone_describe(const struct cp_lb_zone *zone)
{
	json_t *address = json_object();
	char text[INET6_ADDRSTRLEN];

	if (zone->has_v4) {
		cp_ip_format(&zone->v4, text, sizeof(text));
		json_object_set_new(address, "IpAddress", json_string(text));
	}
	if (zone->allocation_id[0] != '\0')
		json_object_set_new(address, "AllocationId", json_string(zone->allocation_id));
	if (zone->has_v6) {
		cp_ip_format(&zone->v6, text, sizeof(text));
		json_object_set_new(address, "IPv6Address", json_string(text));
	}
	return json_pack("{s:s, s:s, s:[o]}", "ZoneName", zone->zone_name, "SubnetId",
	        zone->subnet_id, "LoadBalancerAddresses", address);
}

static json_t *lb_describe(const struct cp_load_balancer *lb)
{
	json_t *zones = json_array(), *out;
	char dns[160];

	for (size_t i = 0; i < lb->nb_zones; i++)
		json_array_append_new(zones, zone_describe(&lb->zones[i]));
	snprintf(
	        dns, sizeof(dns), "%s-%016llx.elb.anabranch", lb->name, (unsigned long long)lb->id);
	out = json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:{s:s}, s:s, s:o, s:[], s:s}",
	        "LoadBalancerArn", lb->arn, "DNSName", dns, "CanonicalHostedZoneId", "",
	        "CreatedTime", cp_time_json(lb->created_ms), "LoadBalancerName", lb->name, "Scheme",
	        lb->internal ? "internal" : "internet-facing", "State", "Code", "active", "Type",
	        "network", "AvailabilityZones", zones, "SecurityGroups", "IpAddressType",
	        lb->dualstack ? "dualstack" : "ipv4");
	if (lb->vpc_id[0] != '\0')
		json_object_set_new(out, "VpcId", json_string(lb->vpc_id));
	return out;
}

static json_t *one(const struct cp_load_balancer *lb)
{
	return json_pack("{s:[o]}", "LoadBalancers", lb_describe(lb));
}

static bool same_settings(const struct cp_load_balancer *lb, const struct cp_load_balancer *spec,
        const json_t *mappings)
{
	return lb->internal == spec->internal && lb->dualstack == spec->dualstack &&
	       strcmp(lb->vpc_id, spec->vpc_id) == 0 && cp_mappings_same(mappings, lb);
}

static int create(struct cp_model *model, struct cp_load_balancer *spec, const json_t *mappings,
        json_t **result, struct cp_error *error)
{
	const struct cp_load_balancer *lb = cp_lb_find(model, spec->name);

	if (lb != NULL && !same_settings(lb, spec, mappings))
		return cp_fail(error, "DuplicateLoadBalancerName",
		        "A load balancer with the same name '%s' exists, but with different "
		        "settings",
		        spec->name);
	if (lb == NULL) {
		if (HASH_COUNT(model->lbs) >= MAX_LOAD_BALANCERS)
			return cp_fail(error, "TooManyLoadBalancers",
			        "there are %d load balancers, the most", MAX_LOAD_BALANCERS);
		if (cp_mappings_place(model, mappings, spec, error) != 0)
			return -EINVAL;
		lb = cp_lb_add(model, spec);
		cp_model_changed(model);
	}
	*result = one(lb);
	return 0;
}

int cp_rpc_CreateLoadBalancer(struct cp_model *model, const struct cp_change_context *context,
        const json_t *params, json_t **result, struct cp_error *error)
{
	struct cp_load_balancer *spec;
	json_t *mappings;
	int rc;

	if (cp_params_check(params, "CreateLoadBalancer", CREATE, error) != 0)
		return -EINVAL;
	mappings = cp_mappings_read(params, error);
	if (mappings == NULL)
		return -EINVAL;
	spec = cp_alloc(sizeof(*spec));
	spec->created_ms = context->now_ms;
	rc = spec_read(model, params, mappings, spec, error);
	if (rc == 0)
		rc = create(model, spec, mappings, result, error);
	json_decref(mappings);
	free(spec);
	return rc;
}

int cp_rpc_DescribeLoadBalancers(const struct cp_model *live, struct cp_daemon *daemon,
        const json_t *params, json_t **result, struct cp_error *error)
{
	static const struct cp_param table[] = {
	        {"LoadBalancerArns", CP_PARAM_TEXTS, false, 0, CP_MAX_LISTED},
	        {"Names", CP_PARAM_TEXTS, false, 0, CP_MAX_LISTED},
	        {"Marker", CP_PARAM_UNSUPPORTED, false, 0, 0},
	        {"PageSize", CP_PARAM_UNSUPPORTED, false, 0, 0},
	        {NULL, 0, false, 0, 0},
	};
	const json_t *list;
	json_t *out, *value;
	size_t i;

	if (cp_params_check(params, "DescribeLoadBalancers", table, error) != 0 ||
	        cp_param_one_list(params, "LoadBalancerArns", "Names", &list, error) != 0)
		return -EINVAL;
	json_array_foreach (list, i, value)
		if (cp_param_lb(live, json_string_value(value), error) == NULL)
			return -EINVAL;
	out = json_array();
	for (const struct cp_load_balancer *lb = live->lbs; lb != NULL; lb = lb->hh.next)
		if (cp_param_listed(list, lb->arn, lb->name))
			json_array_append_new(out, lb_describe(lb));
	*result = json_pack("{s:o}", "LoadBalancers", out);
	return 0;
}

int cp_rpc_DeleteLoadBalancer(struct cp_model *model, const struct cp_change_context *context,
        const json_t *params, json_t **result, struct cp_error *error)
{
	struct cp_load_balancer *lb;

	if (cp_params_check(params, "DeleteLoadBalancer", ARN, error) != 0)
		return -EINVAL;
	lb = cp_lb_find(model, cp_param_text(params, "LoadBalancerArn", ""));
	if (lb != NULL && strcmp(cp_lb_attribute(lb, "deletion_protection.enabled"), "true") == 0)
		return cp_fail(error, "OperationNotPermitted",
		        "Load balancer '%s' cannot be deleted because deletion protection is "
		        "enabled: set deletion_protection.enabled to false first",
		        lb->name);
	if (lb != NULL) {
		cp_lb_remove(model, lb);
		cp_model_changed(model);
	}
	*result = json_object();
	return 0;
}

static json_t *attributes_describe(const struct cp_load_balancer *lb)
{
	json_t *out = json_array();

	for (const struct cp_attribute_rule *rule = cp_lb_rules; rule->key != NULL; rule++)
		json_array_append_new(
		        out, cp_attribute_describe(rule->key, cp_lb_attribute(lb, rule->key)));
	return json_pack("{s:o}", "Attributes", out);
}

int cp_rpc_ModifyLoadBalancerAttributes(struct cp_model *model,
        const struct cp_change_context *context, const json_t *params, json_t **result,
        struct cp_error *error)
{
	static const struct cp_param table[] = {
	        {"LoadBalancerArn", CP_PARAM_TEXT, true, 1, CP_ARN_LEN - 1},
	        {"Attributes", CP_PARAM_LIST, true, 1, CP_MAX_ATTRIBUTES},
	        {NULL, 0, false, 0, 0},
	};
	const json_t *list = json_object_get(params, "Attributes");
	struct cp_load_balancer *lb;
	bool changed = false;
	json_t *item;
	size_t i;

	if (cp_params_check(params, "ModifyLoadBalancerAttributes", table, error) != 0)
		return -EINVAL;
	lb = cp_param_lb(model, cp_param_text(params, "LoadBalancerArn", ""), error);
	if (lb == NULL || cp_attributes_check(list, cp_lb_rules, error) != 0)
		return -EINVAL;
	json_array_foreach (list, i, item) {
		const char *key = cp_param_text(item, "Key", "");

		changed |= cp_attribute_set(&lb->attributes, key, cp_param_text(item, "Value", ""),
		        cp_attribute_rule(cp_lb_rules, key)->fallback);
	}
	if (changed) {
		cp_lb_changed(model, lb);
		cp_model_changed(model);
	}
	*result = attributes_describe(lb);
	return 0;
}

int cp_rpc_DescribeLoadBalancerAttributes(const struct cp_model *live, struct cp_daemon *daemon,
        const json_t *params, json_t **result, struct cp_error *error)
{
	const struct cp_load_balancer *lb;

	if (cp_params_check(params, "DescribeLoadBalancerAttributes", ARN, error) != 0)
		return -EINVAL;
	lb = cp_param_lb(live, cp_param_text(params, "LoadBalancerArn", ""), error);
	if (lb == NULL)
		return -EINVAL;
	*result = attributes_describe(lb);
	return 0;
}
