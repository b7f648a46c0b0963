/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The open-addressing indices of a generation (lb/table.h).
 */
#ifndef CP_TABLE_INDEX_H
#define CP_TABLE_INDEX_H

#include "lb/table.h"

/* An index over rows 0 .. nb-1 with the hashes tags[], of the smallest power of two from 2 x rows
 * on with which every row is found within LB_INDEX_MAX_PROBES. NULL with '*size' 0 when no bearable
 * size does that (more than LB_INDEX_MAX_PROBES rows with one tag, say), or out of memory. */
struct lb_index *cp_table_index(const uint32_t *tags, uint32_t nb, uint32_t *size);

#endif
