/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Listeners: a protocol and port of a load balancer, and the target group that they lead to.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "attributes.h"
#include "change.h"

const char *cp_protocol_text(enum cp_protocol protocol)
{
	static const char *const texts[] = {"", "TCP", "UDP", "TCP_UDP"};

	return texts[protocol];
}

bool cp_protocol_parse(const char *text, enum cp_protocol *protocol)
{
	for (int i = CP_TCP; i <= CP_TCP_UDP; i++) {
		if (strcmp(cp_protocol_text((enum cp_protocol)i), text) == 0) {
			*protocol = (enum cp_protocol)i;
			return true;
		}
	}
	return false;
}

bool cp_protocol_compatible(enum cp_protocol listener, enum cp_protocol group)
{
	return ((unsigned)listener & (unsigned)group) == (unsigned)listener;
}

struct cp_listener *cp_listener_find(const struct cp_model *model, const char *arn)
{
	struct cp_listener *listener;

	HASH_FIND_STR(model->listeners, arn, listener);
	return listener;
}

struct cp_listener *cp_listener_at(const struct cp_load_balancer *lb, enum cp_protocol protocol,
        uint16_t port, bool is_v6, const struct cp_listener *except)
{
	struct cp_lb_port *at;

	HASH_FIND(hh, lb->ports, &port, sizeof(port), at);
	for (int wire = 0; at != NULL && wire < 2; wire++)
		if ((protocol & 1 << wire) && at->at[is_v6][wire] != NULL &&
		        at->at[is_v6][wire] != except)
			return at->at[is_v6][wire];
	return NULL;
}

uint32_t cp_listener_rows(const struct cp_load_balancer *lb, enum cp_protocol protocol, bool is_v6)
{
	uint32_t addresses = 0;

	for (size_t i = 0; i < lb->nb_zones; i++)
		addresses += is_v6 ? lb->zones[i].has_v6 : lb->zones[i].has_v4;
	return addresses * (uint32_t)__builtin_popcount(protocol);
}

const struct lb_ip *cp_listener_vip(const struct cp_listener *listener, size_t i)
{
	const struct cp_lb_zone *zone = &listener->lb->zones[i];

	if (listener->group->is_v6)
		return zone->has_v6 ? &zone->v6 : NULL;
	return zone->has_v4 ? &zone->v4 : NULL;
}

bool cp_group_cross_zone(const struct cp_target_group *group)
{
	const char *own = cp_group_attribute(group, "load_balancing.cross_zone.enabled");

	if (strcmp(own, "use_load_balancer_configuration") == 0)
		own = cp_lb_attribute(group->lb, "load_balancing.cross_zone.enabled");
	return strcmp(own, "true") == 0;
}

bool cp_listener_cross_zone(const struct cp_listener *listener)
{
	return cp_group_cross_zone(listener->group);
}

/* Enters the listener at its port, or takes it out. */
static void occupy(struct cp_model *model, struct cp_listener *listener, bool there)
{
	struct cp_load_balancer *lb = listener->lb;
	bool is_v6 = listener->group->is_v6, any = false;
	uint32_t rows = cp_listener_rows(lb, listener->protocol, is_v6);
	struct cp_lb_port *at;

	model->nb_rows += there ? rows : -rows;
	HASH_FIND(hh, lb->ports, &listener->port, sizeof(listener->port), at);
	if (at == NULL) {
		at = cp_alloc(sizeof(*at));
		at->port = listener->port;
		HASH_ADD(hh, lb->ports, port, sizeof(at->port), at);
	}
	for (int wire = 0; wire < 2; wire++)
		if (listener->protocol & 1 << wire)
			at->at[is_v6][wire] = there ? listener : NULL;
	for (int i = 0; i < 4; i++)
		any |= at->at[i / 2][i % 2] != NULL;
	if (!any) {
		HASH_DEL(lb->ports, at);
		free(at);
	}
}

static void use_group(struct cp_listener *listener)
{
	listener->group->nb_listeners++;
	listener->group->lb = listener->lb;
}

static void leave_group(struct cp_listener *listener)
{
	if (--listener->group->nb_listeners == 0)
		listener->group->lb = NULL;
}

static json_t *listener_row(const struct cp_listener *listener)
{
	return json_pack("{s:s, s:s, s:i, s:s, s:I, s:I, s:o}", "lb", listener->lb->arn, "protocol",
	        cp_protocol_text(listener->protocol), "port", listener->port, "group",
	        listener->group->arn, "created_ms", (json_int_t)listener->created_ms, "slot",
	        (json_int_t)listener->slot, "attributes", cp_attributes_row(listener->attributes));
}

void cp_listener_changed(struct cp_model *model, struct cp_listener *listener)
{
	cp_journal_add(model, CP_KIND_LISTENER, listener->arn, listener_row(listener));
}

static void link_listener(struct cp_model *model, struct cp_listener *listener)
{
	HASH_ADD_STR(model->listeners, arn, listener);
	DL_APPEND(listener->lb->listeners, listener);
	cp_listener_slot_set(model, listener->slot, true);
	occupy(model, listener, true);
	use_group(listener);
}

struct cp_listener *cp_listener_add(struct cp_model *model, const struct cp_listener *spec)
{
	struct cp_listener *listener = cp_alloc(sizeof(*listener));

	*listener = *spec;
	listener->slot = cp_listener_slot_lowest(model);
	cp_arn_listener(model, listener);
	link_listener(model, listener);
	cp_listener_changed(model, listener);
	return listener;
}

void cp_listener_set(struct cp_model *model, struct cp_listener *listener,
        enum cp_protocol protocol, uint16_t port, struct cp_target_group *group)
{
	occupy(model, listener, false);
	leave_group(listener);
	if (!(protocol & CP_TCP)) /* all that there are belong to TCP */
		cp_attributes_free(&listener->attributes);
	listener->protocol = protocol;
	listener->port = port;
	listener->group = group;
	use_group(listener);
	occupy(model, listener, true);
	cp_listener_changed(model, listener);
}

void cp_listener_remove(struct cp_model *model, struct cp_listener *listener)
{
	cp_journal_add(model, CP_KIND_LISTENER, listener->arn, NULL);
	occupy(model, listener, false);
	leave_group(listener);
	cp_listener_slot_set(model, listener->slot, false);
	DL_DELETE(listener->lb->listeners, listener);
	HASH_DEL(model->listeners, listener);
	cp_attributes_free(&listener->attributes);
	free(listener);
	model->incarnation++;
}

static int listener_read(struct cp_model *model, struct cp_listener *listener, const char *arn,
        const json_t *row, char *why, size_t len)
{
	const char *lb, *protocol, *group;
	json_int_t port, created, slot;
	json_t *attributes;
	char tail[96];

	if (json_unpack((json_t *)row, "{s:s, s:s, s:I, s:s, s:I, s:I, s:o}", "lb", &lb, "protocol",
	            &protocol, "port", &port, "group", &group, "created_ms", &created, "slot",
	            &slot, "attributes", &attributes) != 0)
		return cp_refuse(why, len, "listener row '%.200s' is damaged", arn);
	listener->lb = cp_lb_find(model, lb);
	listener->group = cp_group_find(model, group);
	if (listener->lb == NULL || listener->group == NULL)
		return cp_refuse(why, len, "listener row '%.200s' leads nowhere", arn);
	if ((listener->group->lb != NULL && listener->group->lb != listener->lb) ||
	        (listener->group->is_v6 && !listener->lb->dualstack))
		return cp_refuse(why, len,
		        "listener row '%.200s' leads to a target group that its load balancer "
		        "can't have",
		        arn);
	snprintf(tail, sizeof(tail), "listener/net/%s/%016llx", listener->lb->name,
	        (unsigned long long)listener->lb->id);
	if (!cp_arn_read(arn, tail, &listener->id) || cp_listener_find(model, arn) != NULL ||
	        !cp_protocol_parse(protocol, &listener->protocol) || port < 1 || port > 65535 ||
	        !cp_protocol_compatible(listener->protocol, listener->group->protocol) ||
	        slot < 0 || slot >= UINT32_MAX || cp_listener_slot_taken(model, (uint32_t)slot) ||
	        cp_listener_at(listener->lb, listener->protocol, (uint16_t)port,
	                listener->group->is_v6, NULL) != NULL)
		return cp_refuse(why, len, "listener row '%.200s' has values out of range", arn);
	snprintf(listener->arn, sizeof(listener->arn), "%s", arn);
	listener->port = (uint16_t)port;
	listener->created_ms = (uint64_t)created;
	listener->slot = (uint32_t)slot;
	return cp_attributes_load(&listener->attributes, cp_listener_rules, attributes, why, len);
}

int cp_listener_load(
        struct cp_model *model, const char *arn, const json_t *row, char *why, size_t len)
{
	struct cp_listener *listener = cp_alloc(sizeof(*listener));
	int rc = listener_read(model, listener, arn, row, why, len);

	if (rc != 0) {
		cp_attributes_free(&listener->attributes);
		free(listener);
		return rc;
	}
	link_listener(model, listener);
	return 0;
}
