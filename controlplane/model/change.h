/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What handlers change a model with, a section for each file. Whoever calls these has validated
 * everything before (rpc/ for requests, the load functions for rows), so that a change can't fail
 * half way. Each function that changes an object puts it into the journal; cp_model_changed() ends
 * a change.
 *
 * Memory: an allocation that fails ends the process. The state is in the store, and half a change
 * in memory would be worse.
 */
#ifndef CP_CHANGE_H
#define CP_CHANGE_H

#include "model.h"

#define CP_MAX_GROUP_TARGETS 1000 /* registered in one target group */

/* model.c */
void *cp_alloc(size_t size); /* zeroed, never NULL */
int cp_refuse(char *why, size_t why_len, const char *format, ...)
        __attribute__((format(printf, 3, 4))); /* -EINVAL */
/* Once for each change that changed anything: raises the revision. */
void cp_model_changed(struct cp_model *model);

/* journal.c */
void cp_journal_add(struct cp_model *model, enum cp_kind kind, const char *id, json_t *row);
int cp_meta_load(struct cp_model *model, const char *id, const json_t *row, char *why, size_t len);
void cp_journal_slot(struct cp_model *model, uint32_t slot);

/* address.c */
bool cp_ip_is_host(const struct lb_ip *ip); /* a unicast address that a packet can be sent to */
bool cp_ip_in_range(const struct lb_ip *ip, const struct cp_range *range);
int cp_ip_compare(const struct lb_ip *a, const struct lb_ip *b);
struct lb_ip cp_ip_next(const struct lb_ip *ip);
/* "10.0.1.11", "10.0.1.11:80", "fd00::11", "[fd00::11]", "[fd00::11]:80"; port 0: none given. */
int cp_target_parse(const char *text, struct lb_ip *ip, uint16_t *port);
void cp_target_key(const struct lb_ip *ip, uint16_t port, char *key, size_t len);

/* arn.c */
bool cp_name_valid(const char *name);
/* Fill in 'id' and 'arn' of a new object. */
void cp_arn_load_balancer(const struct cp_model *model, struct cp_load_balancer *lb);
void cp_arn_group(const struct cp_model *model, struct cp_target_group *group);
void cp_arn_listener(const struct cp_model *model, struct cp_listener *listener);
/* Whether 'arn' ends in 'tail', a slash and the 16 digits of 'id', which is filled in. */
bool cp_arn_read(const char *arn, const char *tail, uint64_t *id);
uint64_t cp_target_identity(const struct cp_target *target);

/* zone.c */
int cp_zone_find(const struct cp_model *model, const char *name); /* -1: none */
/* For ids and names of the daemon's file: 1 to size-1 letters, digits, '-', '_' and '.'. */
bool cp_word_valid(const char *word, size_t size);

/* subnet.c */
const struct cp_subnet *cp_subnet_find(const struct cp_model *model, const char *id);
/* The subnet with the longest prefix that holds the address; NULL: none. */
const struct cp_subnet *cp_subnet_of(const struct cp_model *model, const struct lb_ip *ip);
const struct cp_static_address *cp_subnet_static(
        const struct cp_subnet *subnet, const char *allocation_id);
/* The subnet whose static address this is, in the whole model. */
const struct cp_subnet *cp_allocation_find(const struct cp_model *model, const char *allocation_id);
/* Whether the address can be a host's in the prefix: not its first, nor IPv4's broadcast. */
bool cp_range_has_host(const struct cp_range *range, const struct lb_ip *ip);

/* vip.c */
/* For a subnet that is new in the model. */
void cp_vip_begin(struct cp_model *model, struct cp_subnet *subnet);
/* The lowest address of the free range that is neither taken nor reserved. */
bool cp_range_lowest(const struct cp_range *range, struct lb_ip *ip);
const struct cp_vip *cp_vip_find(const struct cp_model *model, const struct lb_ip *ip);
void cp_vip_add(struct cp_model *model, struct cp_load_balancer *lb, const struct lb_ip *ip);
void cp_vip_remove(struct cp_model *model, const struct lb_ip *ip);

/* slot.c */
uint32_t cp_slots_free(const struct cp_model *model);
void cp_slot_take(struct cp_model *model, struct cp_target *target); /* the lowest free one */
/* For a stored row: false when the slot is another's or beyond the instance's. */
bool cp_slot_restore(struct cp_model *model, struct cp_target *target);
void cp_slot_raise(struct cp_model *model, uint32_t slot, uint32_t next_epoch);
void cp_slot_release(struct cp_model *model, struct cp_target *target);
void cp_slot_renew(struct cp_model *model, struct cp_target *target); /* its flows end */
uint32_t cp_listener_slot_lowest(const struct cp_model *model);       /* LB_NO_SLOT: none is free */
bool cp_listener_slot_taken(const struct cp_model *model, uint32_t slot);
void cp_listener_slot_set(struct cp_model *model, uint32_t slot, bool taken);

/* load_balancer.c; 'spec' holds name, vpc_id, internal, dualstack, created_ms and zones[] */
struct cp_load_balancer *cp_lb_find(const struct cp_model *model, const char *arn_or_name);
struct cp_load_balancer *cp_lb_add(struct cp_model *model, const struct cp_load_balancer *spec);
void cp_lb_changed(struct cp_model *model, struct cp_load_balancer *lb);
void cp_lb_remove(struct cp_model *model, struct cp_load_balancer *lb); /* and its listeners */
/* What a zone of a load balancer takes from its subnet. */
void cp_lb_zone_begin(struct cp_lb_zone *zone, const struct cp_subnet *subnet);
/* Whether 'lb' has the zone or one of its addresses already. */
bool cp_lb_zone_clashes(const struct cp_load_balancer *lb, const struct cp_lb_zone *zone);
void cp_lb_free(struct cp_model *model, struct cp_load_balancer *lb);
int cp_lb_load(struct cp_model *model, const char *arn, const json_t *row, char *why, size_t len);

/* target_group.c; 'spec' holds everything down to 'check' */
struct cp_target_group *cp_group_find(const struct cp_model *model, const char *arn_or_name);
struct cp_target_group *cp_group_add(struct cp_model *model, const struct cp_target_group *spec);
void cp_group_changed(struct cp_model *model, struct cp_target_group *group);
void cp_group_remove(struct cp_model *model, struct cp_target_group *group); /* and its targets */
void cp_group_free(struct cp_model *model, struct cp_target_group *group);
const char *cp_probe_text(enum cp_probe probe);
bool cp_probe_parse(const char *text, enum cp_probe *probe);
/* A health check's path: it goes into a request line as it is. */
bool cp_path_valid(const char *path);
int cp_group_load(
        struct cp_model *model, const char *arn, const json_t *row, char *why, size_t len);

/* target.c; 'spec' holds ip, port, zone, zone_name and weight */
struct cp_target *cp_target_find(const struct cp_target_group *group, const char *key);
/* New, changed, or revived from draining. True when anything changed. */
bool cp_target_register(struct cp_model *model, struct cp_target_group *group,
        const struct cp_target *spec, uint64_t now_ms);
void cp_target_drain(struct cp_model *model, struct cp_target *target, uint64_t now_ms);
void cp_target_remove(struct cp_model *model, struct cp_target *target);
int cp_target_load(
        struct cp_model *model, const char *id, const json_t *row, char *why, size_t len);

/* listener.c; 'spec' holds lb, protocol, port, group and created_ms */
struct cp_listener *cp_listener_find(const struct cp_model *model, const char *arn);
/* Whoever already listens on any of these places; NULL: nobody but 'except'. */
struct cp_listener *cp_listener_at(const struct cp_load_balancer *lb, enum cp_protocol protocol,
        uint16_t port, bool is_v6, const struct cp_listener *except);
/* Whether the targets of all zones serve each address of the group's load balancer, which there is.
 */
bool cp_group_cross_zone(const struct cp_target_group *group);
/* Rows that a listener has in the tables: addresses times wire protocols. */
uint32_t cp_listener_rows(const struct cp_load_balancer *lb, enum cp_protocol protocol, bool is_v6);
struct cp_listener *cp_listener_add(struct cp_model *model, const struct cp_listener *spec);
void cp_listener_set(struct cp_model *model, struct cp_listener *listener,
        enum cp_protocol protocol, uint16_t port, struct cp_target_group *group);
void cp_listener_changed(struct cp_model *model, struct cp_listener *listener);
void cp_listener_remove(struct cp_model *model, struct cp_listener *listener);
int cp_listener_load(
        struct cp_model *model, const char *arn, const json_t *row, char *why, size_t len);

const char *cp_protocol_text(enum cp_protocol protocol);
bool cp_protocol_parse(const char *text, enum cp_protocol *protocol);
/* Whether a listener of the one protocol may forward to a target group of the other. */
bool cp_protocol_compatible(enum cp_protocol listener, enum cp_protocol group);

#endif
