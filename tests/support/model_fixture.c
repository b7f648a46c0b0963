/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See model_fixture.h.
 */
#include "model_fixture.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const zone_names[] = {"a", "b"};
#define NB_ZONES 2

/* A fixture that can't be made is no test result. */
static void *must(void *made)
{
	if (!made)
		abort();
	return made;
}

struct lb_ip fixture_ip(bool v6, uint8_t hi, uint8_t lo)
{
	struct lb_ip v4_ip = {.bytes = {[10] = 0xff, [11] = 0xff, [12] = 10, [14] = hi, [15] = lo}};
	struct lb_ip v6_ip = {.bytes = {[0] = 0xfd, [13] = hi, [15] = lo}};

	return v6 ? v6_ip : v4_ip;
}

static void add_zone(struct cp_model *model, size_t zone)
{
	struct cp_subnet subnet = {.zone = (uint16_t)zone, .interface = "lo"};
	char why[160];

	snprintf(subnet.id, sizeof(subnet.id), "subnet-%s", zone_names[zone]);
	snprintf(subnet.zone_name, sizeof(subnet.zone_name), "%s", zone_names[zone]);
	subnet.v4 = (struct cp_range){.present = true,
	        .prefix = fixture_ip(false, (uint8_t)(200 + zone), 0),
	        .prefix_len = 24};
	subnet.v6 = (struct cp_range){.present = true,
	        .prefix = fixture_ip(true, (uint8_t)(200 + zone), 0),
	        .prefix_len = 112};
	if (cp_model_add_zone(model, zone_names[zone], why, sizeof(why)) < 0 ||
	        cp_model_add_subnet(model, &subnet, why, sizeof(why)) < 0) {
		fprintf(stderr, "%s\n", why);
		abort();
	}
}

struct cp_model *fixture_model(uint32_t max_targets)
{
	const struct cp_model_limits limits = {max_targets, 4096};
	struct cp_model *model = must(cp_model_create("test", &limits));

	for (size_t zone = 0; zone < NB_ZONES; zone++)
		add_zone(model, zone);
	return model;
}

struct cp_load_balancer *fixture_lb(struct cp_model *model, uint8_t number, size_t nb_zones)
{
	struct cp_load_balancer spec = {.dualstack = true, .nb_zones = nb_zones};

	snprintf(spec.name, sizeof(spec.name), "lb-%u", number);
	for (size_t i = 0; i < nb_zones; i++) {
		struct cp_lb_zone *zone = &spec.zones[i];

		zone->zone = (uint16_t)i;
		snprintf(zone->zone_name, sizeof(zone->zone_name), "%s", zone_names[i]);
		snprintf(zone->subnet_id, sizeof(zone->subnet_id), "subnet-%s", zone_names[i]);
		snprintf(zone->interface, sizeof(zone->interface), "lo");
		zone->has_v4 = zone->has_v6 = true;
		zone->v4 = fixture_ip(false, (uint8_t)(200 + i), number);
		zone->v6 = fixture_ip(true, (uint8_t)(200 + i), number);
	}
	return must(cp_lb_add(model, &spec));
}

struct cp_target_group *fixture_group(
        struct cp_model *model, const char *name, enum cp_protocol protocol, bool v6)
{
	struct cp_target_group spec = {.protocol = protocol, .port = 80, .is_v6 = v6};

	snprintf(spec.name, sizeof(spec.name), "%s", name);
	spec.check = (struct cp_health_settings){.interval_s = 30,
	        .timeout_s = 10,
	        .interval_ms = 30000,
	        .timeout_ms = 10000,
	        .healthy_threshold = 5,
	        .unhealthy_threshold = 2,
	        .enabled = true};
	return must(cp_group_add(model, &spec));
}

struct cp_target *fixture_target(struct cp_model *model, struct cp_target_group *group, uint8_t hi,
        uint8_t lo, uint16_t zone, uint16_t weight)
{
	struct cp_target spec = {
	        .ip = fixture_ip(group->is_v6, hi, lo), .port = 80, .zone = zone, .weight = weight};
	char key[64];

	snprintf(spec.zone_name, sizeof(spec.zone_name), "%s",
	        zone == CP_ZONE_ALL ? "all" : zone_names[zone]);
	(void)cp_target_register(model, group, &spec, 1);
	cp_target_key(&spec.ip, spec.port, key, sizeof(key));
	return must(cp_target_find(group, key));
}

struct cp_listener *fixture_listener(struct cp_model *model, struct cp_load_balancer *lb,
        struct cp_target_group *group, enum cp_protocol protocol, uint16_t port)
{
	struct cp_listener spec = {.lb = lb, .protocol = protocol, .port = port, .group = group};

	return must(cp_listener_add(model, &spec));
}

void fixture_healthy(struct cp_target *target)
{
	target->health.state = LB_TARGET_HEALTHY;
	target->health.reason = CP_REASON_NONE;
	target->health.ever_passed = true;
}

void fixture_unhealthy(struct cp_target *target)
{
	target->health.state = LB_TARGET_UNHEALTHY;
	target->health.reason = CP_REASON_TIMEOUT;
}

void fixture_all_healthy(struct cp_target_group *group)
{
	for (struct cp_target *t = group->targets; t; t = t->hh.next)
		fixture_healthy(t);
}

void fixture_attribute(struct cp_attribute **attributes, const char *key, const char *value)
{
	struct cp_attribute *attribute;

	HASH_FIND_STR(*attributes, key, attribute);
	if (!attribute) {
		attribute = must(calloc(1, sizeof(*attribute)));
		attribute->key = must(strdup(key));
		HASH_ADD_KEYPTR(hh, *attributes, attribute->key, strlen(attribute->key), attribute);
	}
	free(attribute->value);
	attribute->value = must(strdup(value));
}
