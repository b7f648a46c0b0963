/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Load balancers: names, and an address in each of their zones.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "attributes.h"
#include "change.h"

struct cp_load_balancer *cp_lb_find(const struct cp_model *model, const char *arn_or_name)
{
	struct cp_load_balancer *lb;

	HASH_FIND_STR(model->lbs, arn_or_name, lb);
	if (lb == NULL)
		HASH_FIND(hh_arn, model->lbs_by_arn, arn_or_name, strlen(arn_or_name), lb);
	return lb;
}

static json_t *zone_row(const struct cp_lb_zone *zone)
{
	char v4[INET6_ADDRSTRLEN] = "", v6[INET6_ADDRSTRLEN] = "";

	if (zone->has_v4)
		cp_ip_format(&zone->v4, v4, sizeof(v4));
	if (zone->has_v6)
		cp_ip_format(&zone->v6, v6, sizeof(v6));
	return json_pack("{s:s, s:s, s:s, s:s}", "subnet", zone->subnet_id, "v4", v4, "v6", v6,
	        "allocation", zone->allocation_id);
}

static json_t *lb_row(const struct cp_load_balancer *lb)
{
	json_t *zones = json_array();

	for (size_t i = 0; i < lb->nb_zones; i++)
		json_array_append_new(zones, zone_row(&lb->zones[i]));
	return json_pack("{s:s, s:s, s:b, s:b, s:I, s:o, s:o}", "name", lb->name, "vpc", lb->vpc_id,
	        "internal", lb->internal, "dualstack", lb->dualstack, "created_ms",
	        (json_int_t)lb->created_ms, "zones", zones, "attributes",
	        cp_attributes_row(lb->attributes));
}

void cp_lb_changed(struct cp_model *model, struct cp_load_balancer *lb)
{
	cp_journal_add(model, CP_KIND_LB, lb->arn, lb_row(lb));
}

static void take_addresses(struct cp_model *model, struct cp_load_balancer *lb)
{
	for (size_t i = 0; i < lb->nb_zones; i++) {
		const struct cp_lb_zone *zone = &lb->zones[i];

		if (zone->has_v4)
			cp_vip_add(model, lb, &zone->v4);
		if (zone->has_v6)
			cp_vip_add(model, lb, &zone->v6);
	}
}

static void give_addresses(struct cp_model *model, const struct cp_load_balancer *lb)
{
	for (size_t i = 0; i < lb->nb_zones; i++) {
		const struct cp_lb_zone *zone = &lb->zones[i];

		if (zone->has_v4)
			cp_vip_remove(model, &zone->v4);
		if (zone->has_v6)
			cp_vip_remove(model, &zone->v6);
	}
}

static void link_lb(struct cp_model *model, struct cp_load_balancer *lb)
{
	HASH_ADD_STR(model->lbs, name, lb);
	HASH_ADD(hh_arn, model->lbs_by_arn, arn, strlen(lb->arn), lb);
	take_addresses(model, lb);
}

struct cp_load_balancer *cp_lb_add(struct cp_model *model, const struct cp_load_balancer *spec)
{
	struct cp_load_balancer *lb = cp_alloc(sizeof(*lb));

	*lb = *spec;
	cp_arn_load_balancer(model, lb);
	link_lb(model, lb);
	cp_lb_changed(model, lb);
	return lb;
}

void cp_lb_free(struct cp_model *model, struct cp_load_balancer *lb)
{
	struct cp_listener *listener, *next;
	struct cp_lb_port *port, *next_port;

	DL_FOREACH_SAFE(lb->listeners, listener, next)
	{
		HASH_DEL(model->listeners, listener);
		cp_attributes_free(&listener->attributes);
		free(listener);
	}
	HASH_ITER(hh, lb->ports, port, next_port)
	{
		HASH_DEL(lb->ports, port);
		free(port);
	}
	HASH_DEL(model->lbs, lb);
	HASH_DELETE(hh_arn, model->lbs_by_arn, lb);
	cp_attributes_free(&lb->attributes);
	free(lb);
}

void cp_lb_remove(struct cp_model *model, struct cp_load_balancer *lb)
{
	struct cp_listener *listener, *next;

	DL_FOREACH_SAFE(lb->listeners, listener, next)
	cp_listener_remove(model, listener);
	give_addresses(model, lb);
	cp_journal_add(model, CP_KIND_LB, lb->arn, NULL);
	model->incarnation++;
	cp_lb_free(model, lb);
}

static int address_load(struct cp_model *model, const char *text, bool *has, struct lb_ip *ip,
        bool v4, char *why, size_t len)
{
	*has = text[0] != '\0';
	if (!*has)
		return 0;
	if (cp_ip_parse(text, ip) != 0 || lb_ip_is_v4(ip) != v4)
		return cp_refuse(why, len, "'%.60s' is no %s address", text, v4 ? "IPv4" : "IPv6");
	if (cp_vip_find(model, ip) != NULL)
		return cp_refuse(why, len, "%s is another load balancer's address too", text);
	return 0;
}

static bool zones_clash(const struct cp_lb_zone *a, const struct cp_lb_zone *b)
{
	return a->zone == b->zone || (a->has_v4 && b->has_v4 && lb_ip_equal(&a->v4, &b->v4)) ||
	       (a->has_v6 && b->has_v6 && lb_ip_equal(&a->v6, &b->v6));
}

bool cp_lb_zone_clashes(const struct cp_load_balancer *lb, const struct cp_lb_zone *zone)
{
	for (size_t i = 0; i < lb->nb_zones; i++)
		if (zones_clash(&lb->zones[i], zone))
			return true;
	return false;
}

void cp_lb_zone_begin(struct cp_lb_zone *zone, const struct cp_subnet *subnet)
{
	zone->zone = subnet->zone;
	snprintf(zone->zone_name, sizeof(zone->zone_name), "%s", subnet->zone_name);
	snprintf(zone->subnet_id, sizeof(zone->subnet_id), "%s", subnet->id);
	snprintf(zone->interface, sizeof(zone->interface), "%s", subnet->interface);
}

static int zone_load(struct cp_model *model, struct cp_load_balancer *lb, const json_t *row,
        char *why, size_t len)
{
	struct cp_lb_zone *zone = &lb->zones[lb->nb_zones];
	const char *id, *v4, *v6, *allocation;
	const struct cp_subnet *subnet;
	int rc;

	if (lb->nb_zones == CP_MAX_ZONES ||
	        json_unpack((json_t *)row, "{s:s, s:s, s:s, s:s}", "subnet", &id, "v4", &v4, "v6",
	                &v6, "allocation", &allocation) != 0)
		return cp_refuse(why, len, "load balancer '%s' has a damaged zone", lb->name);
	subnet = cp_subnet_find(model, id);
	if (subnet == NULL)
		return cp_refuse(why, len,
		        "load balancer '%s' stands in subnet '%.63s', which the configuration file "
		        "no longer has: put it back",
		        lb->name, id);
	cp_lb_zone_begin(zone, subnet);
	snprintf(zone->allocation_id, sizeof(zone->allocation_id), "%s", allocation);
	rc = address_load(model, v4, &zone->has_v4, &zone->v4, true, why, len);
	if (rc == 0)
		rc = address_load(model, v6, &zone->has_v6, &zone->v6, false, why, len);
	if (rc == 0 && (cp_lb_zone_clashes(lb, zone) || (!zone->has_v4 && !zone->has_v6)))
		rc = cp_refuse(why, len,
		        "load balancer '%s': zone '%s' is there twice, or without an address",
		        lb->name, zone->zone_name);
	if (rc == 0)
		lb->nb_zones++;
	return rc;
}

static int lb_read(struct cp_model *model, struct cp_load_balancer *lb, const char *arn,
        const json_t *row, char *why, size_t len)
{
	const char *name, *vpc;
	json_t *zones, *attributes, *zone;
	int internal, dualstack, rc = 0;
	json_int_t created;
	size_t i;
	char tail[80];

	if (json_unpack((json_t *)row, "{s:s, s:s, s:b, s:b, s:I, s:o, s:o}", "name", &name, "vpc",
	            &vpc, "internal", &internal, "dualstack", &dualstack, "created_ms", &created,
	            "zones", &zones, "attributes", &attributes) != 0 ||
	        !cp_name_valid(name) || strlen(vpc) >= sizeof(lb->vpc_id) || created < 0 ||
	        json_array_size(zones) == 0)
		return cp_refuse(why, len, "load balancer row '%.200s' is damaged", arn);
	snprintf(tail, sizeof(tail), "loadbalancer/net/%s", name);
	if (!cp_arn_read(arn, tail, &lb->id) || cp_lb_find(model, name) != NULL)
		return cp_refuse(why, len, "load balancer row '%.200s' has another name", arn);
	snprintf(lb->name, sizeof(lb->name), "%s", name);
	snprintf(lb->arn, sizeof(lb->arn), "%s", arn);
	snprintf(lb->vpc_id, sizeof(lb->vpc_id), "%s", vpc);
	lb->internal = internal;
	lb->dualstack = dualstack;
	lb->created_ms = (uint64_t)created;
	json_array_foreach (zones, i, zone) {
		rc = zone_load(model, lb, zone, why, len);
		if (rc != 0)
			return rc;
	}
	return cp_attributes_load(&lb->attributes, cp_lb_rules, attributes, why, len);
}

int cp_lb_load(struct cp_model *model, const char *arn, const json_t *row, char *why, size_t len)
{
	struct cp_load_balancer *lb = cp_alloc(sizeof(*lb));
	int rc = lb_read(model, lb, arn, row, why, len);

	if (rc != 0) {
		cp_attributes_free(&lb->attributes);
		free(lb);
		return rc;
	}
	link_lb(model, lb);
	return 0;
}
