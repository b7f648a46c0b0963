/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See rows.h, and lb/table.h for what the fields mean.
 */
#include "build/rows.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#define UDP_IDLE_TIMEOUT_S 120 /* fixed by ELBv2 */

/* While the rows are made: which row is whose, and the scopes that were needed so far. */
struct making {
	struct cp_rows *rows;
	const struct cp_model *model;
	struct cp_scopes *scopes;
	struct group_row {
		const struct cp_target_group *group;
		uint32_t row;
	} * group_rows; /* by address of the group */
	struct zone_scope {
		struct cp_scope *scope;
		bool fail_open;
	} * zone_scopes; /* [group row][zone, then all zones] */
	uint32_t max_listeners;
	char *why;
	size_t why_len;
};

static int by_group(const void *a, const void *b)
{
	const struct group_row *x = a, *y = b;

	return ((uintptr_t)x->group > (uintptr_t)y->group) -
	       ((uintptr_t)x->group < (uintptr_t)y->group);
}

static uint32_t row_of(const struct making *making, const struct cp_target_group *group)
{
	struct group_row key = {.group = group}, *found;

	found = bsearch(&key, making->group_rows, making->rows->nb_groups, sizeof(key), by_group);
	return found ? found->row : UINT32_MAX;
}

static void add_groups(struct making *making)
{
	struct cp_rows *rows = making->rows;
	const struct cp_target_group *g;

	for (g = making->model->groups; g; g = g->hh.next) {
		uint32_t row = rows->nb_groups++;

		making->group_rows[row] = (struct group_row){g, row};
		rows->groups[row] = (struct lb_group){.identity = g->id,
		        .mode = LB_MODE_NAT,
		        .nb_targets = HASH_COUNT(g->targets)};
	}
	qsort(making->group_rows, rows->nb_groups, sizeof(*making->group_rows), by_group);
}

static void add_vip(struct cp_rows *rows, const struct cp_lb_zone *zone, const struct lb_ip *ip,
        uint8_t prefix_len)
{
	struct lb_vip *vip = &rows->vips[rows->nb_vips++];

	*vip = (struct lb_vip){.ip = *ip, .zone = zone->zone, .prefix_len = prefix_len};
	memcpy(vip->interface, zone->interface, sizeof(vip->interface));
	vip->interface[sizeof(vip->interface) - 1] = '\0';
}

static void add_vips(struct making *making)
{
	const struct cp_load_balancer *lb;

	for (lb = making->model->lbs; lb; lb = lb->hh.next) {
		for (size_t i = 0; i < lb->nb_zones; i++) {
			const struct cp_lb_zone *zone = &lb->zones[i];

			if (zone->has_v4)
				add_vip(making->rows, zone, &zone->v4, 32);
			if (zone->has_v6)
				add_vip(making->rows, zone, &zone->v6, 128);
		}
	}
}

/* The scope of a listener's group for an address in 'zone', made when it is asked for first. */
static int scope_for(struct making *making, const struct cp_target_group *group, uint32_t row,
        int zone, struct zone_scope **out)
{
	size_t column = zone == CP_ALL_ZONES ? CP_MAX_ZONES : (size_t)zone;
	struct zone_scope *at = &making->zone_scopes[row * (CP_MAX_ZONES + 1) + column];
	int rc = 0;

	*out = at;
	if (at->scope)
		return 0;
	at->scope = cp_scope_get(making->scopes, group, zone, &at->fail_open, &rc);
	if (!at->scope) {
		snprintf(making->why, making->why_len, "target group %s: %s", group->name,
		        rc == -ENOSPC ? "the tables segment is full: give the dataplane a larger "
		                        "tables.megabytes"
		                      : "out of memory");
		return rc;
	}
	making->rows->scopes[making->rows->nb_scopes++] = at->scope;
	if (at->fail_open)
		making->rows->groups[row].flags |= LB_GROUP_FAIL_OPEN;
	return 0;
}

static uint32_t idle_timeout_s(const struct cp_listener *listener, uint8_t protocol)
{
	if (protocol == IPPROTO_UDP)
		return UDP_IDLE_TIMEOUT_S;
	return (uint32_t)strtoul(
	        cp_listener_attribute(listener, "tcp.idle_timeout.seconds"), NULL, 10);
}

/* The rows of one listener at one address: two for TCP_UDP. */
static void add_rows_at(
        struct cp_rows *rows, const struct cp_listener *listener, const struct lb_listener *common)
{
	static const struct {
		enum cp_protocol bit;
		uint8_t protocol;
	} protocols[] = {{CP_TCP, IPPROTO_TCP}, {CP_UDP, IPPROTO_UDP}};

	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		struct lb_listener *row = &rows->listeners[rows->nb_listeners];

		if (!(listener->protocol & protocols[i].bit))
			continue;
		*row = *common;
		row->protocol = protocols[i].protocol;
		row->idle_timeout_s = idle_timeout_s(listener, row->protocol);
		rows->nb_listeners++;
	}
}

static int add_listener(struct making *making, const struct cp_listener *listener)
{
	const struct cp_target_group *group = listener->group;
	uint32_t row = row_of(making, group);
	bool cross_zone = cp_listener_cross_zone(listener);
	bool sticky = strcmp(cp_group_attribute(group, "stickiness.enabled"), "true") == 0;

	if (listener->slot >= making->max_listeners) {
		snprintf(making->why, making->why_len,
		        "port %u of load balancer %s needs counter slot %u, but the dataplane has "
		        "%u: raise its tables.max_listeners",
		        listener->port, listener->lb->name, listener->slot, making->max_listeners);
		return -ERANGE;
	}
	for (size_t i = 0; i < listener->lb->nb_zones; i++) {
		const struct cp_lb_zone *zone = &listener->lb->zones[i];
		const struct lb_ip *ip = cp_listener_vip(listener, i);
		struct zone_scope *at;
		int rc;

		if (!ip)
			continue;
		rc = scope_for(making, group, row, cross_zone ? CP_ALL_ZONES : zone->zone, &at);
		if (rc < 0)
			return rc;
		add_rows_at(making->rows, listener,
		        &(struct lb_listener){.vip = *ip,
		                .port = htons(listener->port),
		                .flags = sticky ? LB_LISTENER_SOURCE_IP : 0,
		                .group = row,
		                .maglev_offset = at->scope->offset,
		                .maglev_size = at->scope->size,
		                .id = listener->slot,
		                .zone = zone->zone});
	}
	return 0;
}

/* Memory for as many rows as there can be at most. */
static int rows_init(struct making *making)
{
	const struct cp_model *model = making->model;
	size_t nb_vips = 1, nb_listeners = 1, nb_groups = HASH_COUNT(model->groups) + 1;
	struct cp_rows *rows = making->rows;

	for (const struct cp_load_balancer *lb = model->lbs; lb; lb = lb->hh.next)
		nb_vips += 2 * lb->nb_zones;
	for (const struct cp_listener *l = model->listeners; l; l = l->hh.next)
		nb_listeners += (l->protocol == CP_TCP_UDP ? 2 : 1) * l->lb->nb_zones;
	if (nb_vips > LB_MAX_VIPS || nb_listeners > LB_MAX_LISTENERS || nb_groups > LB_MAX_GROUPS) {
		snprintf(making->why, making->why_len,
		        "the configuration is too large for one instance: at most %u addresses, "
		        "%u listener rows and %u target groups",
		        LB_MAX_VIPS - 1, LB_MAX_LISTENERS - 1, LB_MAX_GROUPS - 1);
		return -ERANGE;
	}
	rows->vips = calloc(nb_vips, sizeof(*rows->vips));
	rows->listeners = calloc(nb_listeners, sizeof(*rows->listeners));
	rows->groups = calloc(nb_groups, sizeof(*rows->groups));
	rows->scopes = calloc(nb_listeners, sizeof(struct cp_scope *));
	making->group_rows = calloc(nb_groups, sizeof(*making->group_rows));
	making->zone_scopes = calloc(nb_groups * (CP_MAX_ZONES + 1), sizeof(*making->zone_scopes));
	if (rows->vips && rows->listeners && rows->groups && rows->scopes && making->group_rows &&
	        making->zone_scopes)
		return 0;
	snprintf(making->why, making->why_len, "out of memory for the rows of a generation");
	return -ENOMEM;
}

int cp_rows_make(struct cp_rows *rows, const struct cp_model *model, struct cp_scopes *scopes,
        uint32_t max_listeners, char *why, size_t why_len)
{
	struct making making = {.rows = rows,
	        .model = model,
	        .scopes = scopes,
	        .max_listeners = max_listeners,
	        .why = why,
	        .why_len = why_len};
	int rc;

	*rows = (struct cp_rows){0};
	rc = rows_init(&making);
	if (rc == 0) {
		add_groups(&making);
		add_vips(&making);
	}
	for (const struct cp_listener *l = model->listeners; rc == 0 && l; l = l->hh.next)
		rc = add_listener(&making, l);
	free(making.group_rows);
	free(making.zone_scopes);
	if (rc < 0)
		cp_rows_fini(rows, scopes);
	return rc;
}

void cp_rows_fini(struct cp_rows *rows, struct cp_scopes *scopes)
{
	for (uint32_t i = 0; scopes && i < rows->nb_scopes; i++)
		cp_scope_put(scopes, rows->scopes[i]);
	free(rows->vips);
	free(rows->listeners);
	free(rows->groups);
	free(rows->scopes);
	*rows = (struct cp_rows){0};
}
