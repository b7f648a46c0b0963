/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Subnets and SubnetMappings: from what was asked for to zones with addresses.
 */
#include "mappings.h"

#include <errno.h>
#include <stdio.h>

#include "model/change.h"

static int mapping_check(const json_t *mapping, const char *where, struct cp_error *error)
{
	static const struct cp_param table[] = {
	        {"SubnetId", CP_PARAM_TEXT, true, 1, 63},
	        {"AllocationId", CP_PARAM_TEXT, false, 1, 63},
	        {"PrivateIPv4Address", CP_PARAM_TEXT, false, 1, 45},
	        {"IPv6Address", CP_PARAM_TEXT, false, 1, 45},
	        {"SourceNatIpv6Prefix", CP_PARAM_UNSUPPORTED, false, 0, 0},
	        {NULL, 0, false, 0, 0},
	};

	if (cp_params_check(mapping, where, table, error) != 0)
		return -EINVAL;
	if (json_object_get(mapping, "AllocationId") != NULL &&
	        json_object_get(mapping, "PrivateIPv4Address") != NULL)
		return cp_fail(error, "InvalidParameterCombination",
		        "%s: AllocationId and PrivateIPv4Address exclude each other", where);
	return 0;
}

json_t *cp_mappings_read(const json_t *params, struct cp_error *error)
{
	const json_t *subnets = json_object_get(params, "Subnets");
	const json_t *given = json_object_get(params, "SubnetMappings");
	json_t *list, *value;
	char where[40];
	size_t i;

	if ((subnets == NULL) == (given == NULL)) {
		cp_fail(error, subnets ? "InvalidParameterCombination" : "MissingParameter",
		        "CreateLoadBalancer: give Subnets or SubnetMappings, one of the two");
		return NULL;
	}
	list = json_array();
	json_array_foreach (subnets ? subnets : given, i, value) {
		json_t *mapping =
		        subnets ? json_pack("{s:O}", "SubnetId", value) : json_incref(value);

		json_array_append_new(list, mapping);
		snprintf(
		        where, sizeof(where), "%s[%zu]", subnets ? "Subnets" : "SubnetMappings", i);
		if (mapping_check(mapping, where, error) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static const struct cp_subnet *subnet_of(const struct cp_model *model, const json_t *mapping)
{
	return cp_subnet_find(model, cp_param_text(mapping, "SubnetId", ""));
}

bool cp_mappings_internal(const struct cp_model *model, const json_t *mappings)
{
	const struct cp_subnet *subnet = subnet_of(model, json_array_get(mappings, 0));

	return subnet != NULL && subnet->internal;
}

/* An address that was asked for: in the subnet, and nobody's. */
static int named_address(const struct cp_model *model, const struct cp_subnet *subnet,
        const char *text, bool is_v4, struct lb_ip *ip, struct cp_error *error)
{
	const struct cp_range *range = is_v4 ? &subnet->v4 : &subnet->v6;

	if (cp_ip_parse(text, ip) != 0 || lb_ip_is_v4(ip) != is_v4)
		return cp_fail(error, "ValidationError", "'%s' is not an %s address", text,
		        is_v4 ? "IPv4" : "IPv6");
	if (!cp_range_has_host(range, ip))
		return cp_fail(error, "InvalidSubnet",
		        "'%s' is not a host's address in subnet '%s'", text, subnet->id);
	if (cp_vip_find(model, ip) != NULL)
		return cp_fail(error, "InvalidConfigurationRequest",
		        "address '%s' is another load balancer's", text);
	return 0;
}

static int free_address(
        const struct cp_subnet *subnet, bool is_v4, struct lb_ip *ip, struct cp_error *error)
{
	const struct cp_range *range = is_v4 ? &subnet->v4 : &subnet->v6;
	const char *family = is_v4 ? "IPv4" : "IPv6";

	if (!range->present)
		return cp_fail(
		        error, "InvalidSubnet", "subnet '%s' has no %s prefix", subnet->id, family);
	if (!cp_range_lowest(range, ip))
		return cp_fail(error, "InvalidSubnet",
		        "subnet '%s' has no free %s address left: name one in SubnetMappings, or "
		        "enlarge its free range in the daemon's file",
		        subnet->id, family);
	return 0;
}

static int allocated_address(const struct cp_model *model, const struct cp_subnet *subnet,
        bool dualstack, struct cp_lb_zone *zone, struct cp_error *error)
{
	const struct cp_static_address *address = cp_subnet_static(subnet, zone->allocation_id);

	if (address == NULL)
		return cp_fail(error, "AllocationIdNotFound",
		        "subnet '%s' has no static address '%s'", subnet->id, zone->allocation_id);
	if (cp_vip_find(model, &address->ip) != NULL)
		return cp_fail(error, "InvalidConfigurationRequest",
		        "static address '%s' is another load balancer's", zone->allocation_id);
	zone->has_v4 = lb_ip_is_v4(&address->ip);
	zone->has_v6 = !zone->has_v4;
	if (zone->has_v6 && !dualstack)
		return cp_fail(error, "InvalidConfigurationRequest",
		        "static address '%s' is an IPv6 address: it needs IpAddressType dualstack",
		        zone->allocation_id);
	if (zone->has_v4)
		zone->v4 = address->ip;
	else
		zone->v6 = address->ip;
	return 0;
}

static int addresses_choose(const struct cp_model *model, const struct cp_subnet *subnet,
        bool dualstack, const json_t *mapping, struct cp_lb_zone *zone, struct cp_error *error)
{
	const char *v4 = cp_param_text(mapping, "PrivateIPv4Address", NULL);
	const char *v6 = cp_param_text(mapping, "IPv6Address", NULL);
	int rc = 0;

	snprintf(zone->allocation_id, sizeof(zone->allocation_id), "%s",
	        cp_param_text(mapping, "AllocationId", ""));
	if (v6 != NULL && !dualstack)
		return cp_fail(error, "InvalidConfigurationRequest",
		        "IPv6Address needs IpAddressType dualstack");
	if (zone->allocation_id[0] != '\0')
		rc = allocated_address(model, subnet, dualstack, zone, error);
	if (rc == 0 && zone->has_v6 && v6 != NULL)
		rc = cp_fail(error, "InvalidParameterCombination",
		        "static address '%s' is an IPv6 address: IPv6Address is one too many",
		        zone->allocation_id);
	if (rc == 0 && !zone->has_v4) {
		rc = v4 ? named_address(model, subnet, v4, true, &zone->v4, error)
		        : free_address(subnet, true, &zone->v4, error);
		zone->has_v4 = true;
	}
	if (rc == 0 && dualstack && !zone->has_v6) {
		rc = v6 ? named_address(model, subnet, v6, false, &zone->v6, error)
		        : free_address(subnet, false, &zone->v6, error);
		zone->has_v6 = true;
	}
	return rc;
}

static int mapping_place(const struct cp_model *model, const json_t *mapping,
        struct cp_load_balancer *spec, struct cp_error *error)
{
	const struct cp_subnet *subnet = subnet_of(model, mapping);
	struct cp_lb_zone *zone = &spec->zones[spec->nb_zones];

	if (subnet == NULL)
		return cp_fail(error, "SubnetNotFound",
		        "there is no subnet '%s'; the daemon's file names them in "
		        "zones[].subnets[]",
		        cp_param_text(mapping, "SubnetId", ""));
	if (subnet->internal != spec->internal)
		return cp_fail(error, "InvalidSubnet", "subnet '%s' is for %s load balancers",
		        subnet->id, subnet->internal ? "internal" : "internet-facing");
	cp_lb_zone_begin(zone, subnet);
	if (addresses_choose(model, subnet, spec->dualstack, mapping, zone, error) != 0)
		return -EINVAL;
	if (cp_lb_zone_clashes(spec, zone))
		return cp_fail(error, "InvalidConfigurationRequest",
		        "subnet '%s': zone '%s', or one of its addresses, is there twice; one "
		        "subnet for each zone is right",
		        subnet->id, subnet->zone_name);
	spec->nb_zones++;
	return 0;
}

int cp_mappings_place(const struct cp_model *model, const json_t *mappings,
        struct cp_load_balancer *spec, struct cp_error *error)
{
	json_t *mapping;
	size_t i;

	json_array_foreach (mappings, i, mapping)
		if (mapping_place(model, mapping, spec, error) != 0)
			return -EINVAL;
	return 0;
}

static bool address_same(const json_t *mapping, const char *name, bool has, const struct lb_ip *ip)
{
	const char *text = cp_param_text(mapping, name, NULL);
	struct lb_ip wanted;

	return text == NULL || (has && cp_ip_parse(text, &wanted) == 0 && lb_ip_equal(&wanted, ip));
}

static bool zone_same(const json_t *mapping, const struct cp_lb_zone *zone)
{
	return strcmp(zone->subnet_id, cp_param_text(mapping, "SubnetId", "")) == 0 &&
	       strcmp(zone->allocation_id, cp_param_text(mapping, "AllocationId", "")) == 0 &&
	       address_same(mapping, "PrivateIPv4Address", zone->has_v4, &zone->v4) &&
	       address_same(mapping, "IPv6Address", zone->has_v6, &zone->v6);
}

static bool zone_asked_for(const json_t *mappings, const struct cp_lb_zone *zone)
{
	json_t *mapping;
	size_t i;

	json_array_foreach (mappings, i, mapping)
		if (zone_same(mapping, zone))
			return true;
	return false;
}

bool cp_mappings_same(const json_t *mappings, const struct cp_load_balancer *lb)
{
	for (size_t i = 0; i < lb->nb_zones; i++)
		if (!zone_asked_for(mappings, &lb->zones[i]))
			return false;
	return json_array_size(mappings) == lb->nb_zones;
}
