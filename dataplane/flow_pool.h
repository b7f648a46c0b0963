/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Free entries and free overflow lines; private to flow*.c. No allocation, no system call: what is
 * free is linked through itself.
 */
#ifndef DP_FLOW_POOL_H
#define DP_FLOW_POOL_H

#include "flow_layout.h"

/* A free entry's ref, of which the caller then is the owner; 0: none is left for this worker. */
uint32_t flow_pool_take(struct dp_flow_table *t, uint32_t worker, bool is_v6);

/* Takes ownership of an entry that no bucket refers to. */
void flow_pool_give(struct dp_flow_table *t, uint32_t worker, uint32_t ref);

/* For the opening thread, before others use the table: makes a batch of unused entries below
 * 'fresh', link by link, and gives it to the pool. */
void flow_pool_link(struct dp_flow_table *t, uint32_t ref, uint32_t next);
void flow_pool_seed(struct dp_flow_table *t, uint32_t first, uint32_t n);

/* An empty overflow line's ref, or 0. */
uint32_t flow_line_take(struct dp_flow_table *t);

/* Takes back a line without used slots. */
void flow_line_give(struct dp_flow_table *t, uint32_t ref);

/* Free entries of a family, in the pool and in all caches; exact when no worker is at it. */
uint32_t flow_pool_nb_free(const struct dp_flow_table *t, bool is_v6);

#endif
