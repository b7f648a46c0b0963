/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The daemon's file, as tables of fields.
 */
#include "config.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_read.h"
#include "lb/attach.h"
#include "lb/rpc.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A subnet as the file has it; which family is which is seen when all of it is read. */
struct subnet_text {
	char id[64], interface[LB_IFNAME_LEN], scheme[32];
	struct cp_range first, second; /* of "prefix" and "ipv6_prefix" */
	struct lb_ip free_first[2], free_last[2];
	struct cp_static_address *addresses;
	size_t nb_addresses;
};

static int read_path(struct cp_reader *reader, const json_t *value, void *at, size_t size)
{
	const char *text = json_string_value(value);

	if (text && *text != '/')
		return cp_reader_fail(reader, "expected an absolute path, got \"%.80s\"", text);
	return cp_read_text(reader, value, at, size);
}

static int read_ip(struct cp_reader *reader, const json_t *value, void *at, size_t size)
{
	const char *text = json_string_value(value);

	if (!text || cp_ip_parse(text, at) < 0)
		return cp_reader_fail(reader,
		        "expected an address such as \"10.90.0.10\" or \"fd90::10\"%s%.60s",
		        text ? ", got " : "", text ? text : "");
	return 0;
}

static int read_interface(struct cp_reader *reader, const json_t *value, void *at, size_t size)
{
	const char *text = json_string_value(value);

	if (text && strpbrk(text, "/ \t\n"))
		return cp_reader_fail(reader,
		        "expected an interface's name, such as \"eth1\", got \"%.40s\"", text);
	return cp_read_text(reader, value, at, size);
}

static int read_scheme(struct cp_reader *reader, const json_t *value, void *at, size_t size)
{
	const char *text = json_string_value(value);

	if (!text || (strcmp(text, "internal") != 0 && strcmp(text, "internet-facing") != 0))
		return cp_reader_fail(reader, "expected \"internet-facing\" or \"internal\"");
	return cp_read_text(reader, value, at, size);
}

static int read_level(struct cp_reader *reader, const json_t *value, void *at, size_t size)
{
	const char *text = json_string_value(value);

	if (!text || cp_log_level_parse(text, at) < 0)
		return cp_reader_fail(
		        reader, "expected \"error\", \"warning\", \"info\" or \"debug\"");
	return 0;
}

static int read_count(struct cp_reader *reader, const json_t *value, uint32_t max, uint32_t *count)
{
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < 1 || number > max)
		return cp_reader_fail(reader, "expected a number from 1 to %u", max);
	*count = (uint32_t)number;
	return 0;
}

static int read_max_targets(struct cp_reader *reader, const json_t *value, void *at, size_t size)
{
	return read_count(reader, value, LB_MAX_TARGET_SLOTS, at);
}

static int read_max_listeners(struct cp_reader *reader, const json_t *value, void *at, size_t size)
{
	return read_count(reader, value, LB_MAX_LISTENERS, at);
}

static int read_prefix(struct cp_reader *reader, const json_t *value, void *at, size_t size)
{
	const char *text = json_string_value(value);
	struct cp_range *range = at;
	char address[64], *slash, *end;
	unsigned long len;

	snprintf(address, sizeof(address), "%s", text ? text : "");
	slash = strchr(address, '/');
	if (slash)
		*slash++ = '\0';
	if (!slash || *slash < '0' || *slash > '9' || cp_ip_parse(address, &range->prefix) < 0)
		return cp_reader_fail(
		        reader, "expected a prefix such as \"10.90.0.0/24\" or \"fd90::/64\"");
	len = strtoul(slash, &end, 10);
	if (*end || len > (lb_ip_is_v4(&range->prefix) ? 32 : 128))
		return cp_reader_fail(reader, "expected a length of at most %d, got \"%s\"",
		        lb_ip_is_v4(&range->prefix) ? 32 : 128, slash);
	range->prefix_len = (uint8_t)len;
	range->present = true;
	return 0;
}

static int read_static_address(struct cp_reader *reader, const json_t *value, void *at, size_t size)
{
	static const struct cp_field fields[] = {
	        {"AllocationId", cp_read_text, CP_FIELD_AT(struct cp_static_address, allocation_id),
	                true},
	        {"ip", read_ip, CP_FIELD_AT(struct cp_static_address, ip), true},
	};

	return cp_read_object(reader, value, fields, COUNT(fields), at);
}

static int read_static_addresses(
        struct cp_reader *reader, const json_t *value, void *at, size_t size)
{
	struct subnet_text *text = at;
	void *array = NULL;
	int rc = cp_read_array(reader, value, 65536, read_static_address,
	        sizeof(struct cp_static_address), &array, &text->nb_addresses);

	text->addresses = array;
	return rc;
}

/* One family's addresses of a subnet: a prefix, and both ends of the free range or neither. */
static int subnet_range(struct cp_reader *reader, struct cp_range *range,
        const struct subnet_text *text, size_t i, const char *first, const char *last)
{
	static const struct lb_ip none;
	bool has_first = !lb_ip_equal(&text->free_first[i], &none);
	bool has_last = !lb_ip_equal(&text->free_last[i], &none);

	if (has_first != has_last)
		return cp_reader_fail(
		        reader, "expected both \"%s\" and \"%s\", or neither", first, last);
	if (has_first && !range->present)
		return cp_reader_fail(
		        reader, "\"%s\" and \"%s\" need a prefix that they are in", first, last);
	range->has_free = has_first;
	range->first = text->free_first[i];
	range->last = text->free_last[i];
	return 0;
}

static int subnet_fill(struct cp_reader *reader, struct subnet_text *text, struct cp_subnet *subnet)
{
	int rc = subnet_range(reader, &text->first, text, 0, "first", "last");

	if (rc == 0)
		rc = subnet_range(reader, &text->second, text, 1, "ipv6_first", "ipv6_last");
	if (rc < 0)
		return rc;
	if (text->second.present &&
	        (lb_ip_is_v4(&text->second.prefix) || !lb_ip_is_v4(&text->first.prefix)))
		return cp_reader_fail(reader,
		        "expected an IPv4 \"prefix\" and an IPv6 \"ipv6_prefix\"; a subnet with "
		        "one family has \"prefix\" alone");
	memcpy(subnet->id, text->id, sizeof(subnet->id));
	memcpy(subnet->interface, text->interface, sizeof(subnet->interface));
	subnet->internal = strcmp(text->scheme, "internal") == 0;
	subnet->v6 = text->second;
	if (lb_ip_is_v4(&text->first.prefix))
		subnet->v4 = text->first;
	else
		subnet->v6 = text->first;
	return 0;
}

static int read_subnet(struct cp_reader *reader, const json_t *value, void *at, size_t size)
{
	static const struct cp_field fields[] = {
	        {"id", cp_read_text, CP_FIELD_AT(struct subnet_text, id), true},
	        {"prefix", read_prefix, CP_FIELD_AT(struct subnet_text, first), true},
	        {"ipv6_prefix", read_prefix, CP_FIELD_AT(struct subnet_text, second), false},
	        {"first", read_ip, CP_FIELD_AT(struct subnet_text, free_first[0]), false},
	        {"last", read_ip, CP_FIELD_AT(struct subnet_text, free_last[0]), false},
	        {"ipv6_first", read_ip, CP_FIELD_AT(struct subnet_text, free_first[1]), false},
	        {"ipv6_last", read_ip, CP_FIELD_AT(struct subnet_text, free_last[1]), false},
	        {"interface", read_interface, CP_FIELD_AT(struct subnet_text, interface), false},
	        {"scheme", read_scheme, CP_FIELD_AT(struct subnet_text, scheme), false},
	        {"addresses", read_static_addresses, 0, 0, false},
	};
	struct cp_subnet *subnet = at;
	struct subnet_text text = {0};
	int rc = cp_read_object(reader, value, fields, COUNT(fields), &text);

	/* Owned by the entry from here on, also when the rest is wrong. */
	subnet->addresses = text.addresses;
	subnet->nb_addresses = text.nb_addresses;
	return rc == 0 ? subnet_fill(reader, &text, subnet) : rc;
}

static int read_subnets(struct cp_reader *reader, const json_t *value, void *at, size_t size)
{
	struct cp_config_zone *zone = at;
	void *array = NULL;
	int rc = cp_read_array(reader, value, 4096, read_subnet, sizeof(struct cp_subnet), &array,
	        &zone->nb_subnets);

	zone->subnets = array;
	return rc;
}

static int read_zone(struct cp_reader *reader, const json_t *value, void *at, size_t size)
{
	static const struct cp_field fields[] = {
	        {"name", cp_read_text, CP_FIELD_AT(struct cp_config_zone, name), true},
	        {"subnets", read_subnets, 0, 0, true},
	};
	struct cp_config_zone *zone = at;
	int rc = cp_read_object(reader, value, fields, COUNT(fields), at);

	for (size_t i = 0; rc == 0 && i < zone->nb_subnets; i++)
		memcpy(zone->subnets[i].zone_name, zone->name, sizeof(zone->name));
	return rc;
}

static int read_zones(struct cp_reader *reader, const json_t *value, void *at, size_t size)
{
	struct cp_config *config = at;
	void *array = NULL;
	int rc = cp_read_array(reader, value, CP_MAX_ZONES, read_zone,
	        sizeof(struct cp_config_zone), &array, &config->nb_zones);

	config->zones = array;
	return rc;
}

static int read_groups(struct cp_reader *reader, const json_t *value, void *at, size_t size)
{
	static const struct cp_field fields[] = {
	        {"read", cp_read_text, CP_FIELD_AT(struct cp_config, read_group), false},
	        {"admin", cp_read_text, CP_FIELD_AT(struct cp_config, admin_group), false},
	};

	return cp_read_object(reader, value, fields, COUNT(fields), at);
}

static int read_limits(struct cp_reader *reader, const json_t *value, void *at, size_t size)
{
	static const struct cp_field fields[] = {
	        {"targets", read_max_targets, CP_FIELD_AT(struct cp_config, limits.max_targets),
	                false},
	        {"listeners", read_max_listeners,
	                CP_FIELD_AT(struct cp_config, limits.max_listeners), false},
	};

	return cp_read_object(reader, value, fields, COUNT(fields), at);
}

static const struct cp_field root_fields[] = {
        {"instance", cp_read_text, CP_FIELD_AT(struct cp_config, instance), false},
        {"cluster", cp_read_text, CP_FIELD_AT(struct cp_config, cluster), false},
        {"control_socket", read_path, CP_FIELD_AT(struct cp_config, control_socket), false},
        {"dataplane_socket", read_path, CP_FIELD_AT(struct cp_config, dataplane_socket), false},
        {"database", read_path, CP_FIELD_AT(struct cp_config, database), false},
        {"groups", read_groups, 0, 0, false},
        {"log_level", read_level, CP_FIELD_AT(struct cp_config, log_level), false},
        {"limits", read_limits, 0, 0, false},
        {"zones", read_zones, 0, 0, true},
};

static void set_defaults(struct cp_config *config, const char *file)
{
	*config = (struct cp_config){.instance = "main",
	        .cluster = CP_DEFAULT_CLUSTER,
	        .control_socket = LB_CONTROL_SOCKET,
	        .dataplane_socket = LB_ATTACH_SOCKET,
	        .database = "/var/lib/anabranch/anabranch.db",
	        .read_group = "anabranch",
	        .admin_group = "anabranch-admin",
	        .log_level = CP_LOG_INFO,
	        .limits = {.max_targets = 65536, .max_listeners = 16384}};
	snprintf(config->file, sizeof(config->file), "%s", file);
}

int cp_config_load(struct cp_config *config, const char *file, char *why, size_t why_len)
{
	struct cp_reader reader = {.why = why, .why_len = why_len};
	json_t *root;
	int rc;

	set_defaults(config, file);
	root = cp_reader_load(&reader, file);
	if (!root)
		return -EINVAL;
	rc = cp_read_object(&reader, root, root_fields, COUNT(root_fields), config);
	json_decref(root);
	return rc;
}

void cp_config_free(struct cp_config *config)
{
	for (size_t z = 0; z < config->nb_zones; z++) {
		for (size_t s = 0; s < config->zones[z].nb_subnets; s++)
			free(config->zones[z].subnets[s].addresses);
		free(config->zones[z].subnets);
	}
	free(config->zones);
	config->zones = NULL;
	config->nb_zones = 0;
}

static int fill_zone(
        struct cp_model *model, const struct cp_config_zone *zone, char *why, size_t len)
{
	int rc = cp_model_add_zone(model, zone->name, why, len);

	for (size_t i = 0; i < zone->nb_subnets && rc == 0; i++)
		rc = cp_model_add_subnet(model, &zone->subnets[i], why, len);
	return rc;
}

struct cp_model *cp_config_model(const struct cp_config *config, char *why, size_t why_len)
{
	struct cp_model *model = cp_model_create(config->cluster, &config->limits);
	char reason[256];

	if (!model) {
		snprintf(why, why_len, "out of memory");
		return NULL;
	}
	for (size_t i = 0; i < config->nb_zones; i++)
		if (fill_zone(model, &config->zones[i], reason, sizeof(reason)) < 0) {
			snprintf(why, why_len, "%s: zones[%zu]: %s", config->file, i, reason);
			cp_model_free(model);
			return NULL;
		}
	return model;
}
