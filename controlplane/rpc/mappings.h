/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Subnets and SubnetMappings of a load balancer: in which zones it stands, and at which addresses.
 */
#ifndef CP_RPC_MAPPINGS_H
#define CP_RPC_MAPPINGS_H

#include "params.h"

/* Both parameters as one list of checked mappings, {"SubnetId", ...}: a new reference, or NULL. */
json_t *cp_mappings_read(const json_t *params, struct cp_error *error);

/* Whether load balancers are internal in the subnet of the first mapping: the default of Scheme. */
bool cp_mappings_internal(const struct cp_model *model, const json_t *mappings);

/* Fills in spec->zones[]: an address of each family for each mapping. */
int cp_mappings_place(const struct cp_model *model, const json_t *mappings,
        struct cp_load_balancer *spec, struct cp_error *error);

/* Whether 'lb' stands where 'mappings' ask for. */
bool cp_mappings_same(const json_t *mappings, const struct cp_load_balancer *lb);

#endif
