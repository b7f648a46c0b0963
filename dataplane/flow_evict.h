/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What has to go in a full table; private to flow*.c.
 */
#ifndef DP_FLOW_EVICT_H
#define DP_FLOW_EVICT_H

#include "flow_layout.h"

/* An entry of the family for the caller, taken from a flow that can be spared and that 'ended' then
 * describes; 0: the search came by none. The caller holds no bucket. */
uint32_t flow_evict(struct dp_flow_table *t, uint32_t worker, bool is_v6, uint32_t now,
        struct dp_flow_ended *ended);

#endif
