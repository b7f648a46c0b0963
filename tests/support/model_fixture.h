/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Small models for tests of what is built from them.
 */
#ifndef MODEL_FIXTURE_H
#define MODEL_FIXTURE_H

#include "model/change.h"

/* Two zones, "a" and "b", numbers 0 and 1; room for 'max_targets' targets and 4,096 listeners. */
struct cp_model *fixture_model(uint32_t max_targets);

/* The address 10.0.hi.lo, or fd00::hi:lo. */
struct lb_ip fixture_ip(bool v6, uint8_t hi, uint8_t lo);

/* A load balancer with an address of each family in the first 'nb_zones' zones: the virtual
 * addresses 10.0.(200 + zone).number and fd00::(200 + zone):number. */
struct cp_load_balancer *fixture_lb(struct cp_model *model, uint8_t number, size_t nb_zones);

struct cp_target_group *fixture_group(
        struct cp_model *model, const char *name, enum cp_protocol protocol, bool v6);

/* Registers 10.0.hi.lo:80 (or fd00::hi:lo) in a zone, or in CP_ZONE_ALL. Its state is initial. */
struct cp_target *fixture_target(struct cp_model *model, struct cp_target_group *group, uint8_t hi,
        uint8_t lo, uint16_t zone, uint16_t weight);

struct cp_listener *fixture_listener(struct cp_model *model, struct cp_load_balancer *lb,
        struct cp_target_group *group, enum cp_protocol protocol, uint16_t port);

/* Verdicts, for one target or all of a group. */
void fixture_healthy(struct cp_target *target);
void fixture_unhealthy(struct cp_target *target);
void fixture_all_healthy(struct cp_target_group *group);

/* Sets an attribute as a request would: cross-zone on or off, stickiness. */
void fixture_attribute(struct cp_attribute **attributes, const char *key, const char *value);

#endif
