/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Packets and bytes of each flow, by direction; private to flow*.c. flow_count.c says how.
 */
#ifndef DP_FLOW_COUNT_H
#define DP_FLOW_COUNT_H

#include "flow_layout.h"

/* Allocates what each caller counts in, if the table has counters. 0 or -ENOMEM. */
int flow_tallies_make(struct dp_flow_table *t);

/* Adds what is there to the entries, and frees it. No caller counts any more. */
void flow_tallies_free(struct dp_flow_table *t);

/* A slice of the worker's adding up: all of its tally once in every second of 'now'. */
void flow_count_age(struct dp_flow_table *t, uint32_t worker, uint32_t now);

/* For an entry that the caller took out: adds what the worker itself has of its flow, and reads the
 * counts. */
void flow_count_end(
        struct dp_flow_table *t, uint32_t worker, uint32_t index, struct dp_flow_counts *counts);

/* Zero counts for the entry's next flow. */
static inline void flow_count_begin(const struct dp_flow_table *t, uint64_t *e, uint16_t life)
{
	if (!t->counters)
		return;
	for (uint32_t i = 0; i < 4; i++)
		flow_store(&e[FLOW_COUNTS_AT + i], (uint64_t)life << 48);
}

#endif
