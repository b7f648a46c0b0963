/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Taking over a table that another process left; private to flow*.c.
 */
#ifndef DP_FLOW_REPAIR_H
#define DP_FLOW_REPAIR_H

#include "flow_layout.h"

/* Checks every line, ref and entry of a table that nobody else uses, repairs the buckets that stand
 * in hold words, and gives all that is unused to the pools, which are those of an empty table.
 * 'now': seconds on the table's clock. 0, -ENOMEM, or -EBADMSG: something is wrong outside of those
 * buckets, and the table (half read, still safe to unmap) can't be used. */
int flow_repair(struct dp_flow_table *t, uint32_t now);

#endif
