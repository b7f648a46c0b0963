/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Threads that do everything to one flow table at once, for the stress tests. Every value of a flow
 * follows from its key, so that a mixed copy shows.
 */
#ifndef FLOW_CROWD_H
#define FLOW_CROWD_H

#include "flow_fixture.h"

#define CROWD_THREADS  4    /* workers 0 .. 3 */
#define CROWD_SETTLED  300  /* open flows that nobody removes: always found, both ways */
#define CROWD_PASSING  1500 /* flows that come and go */
#define CROWD_CAPACITY 700  /* per family: the passing ones do not all fit */

/* The flow number 'i', and whether a found flow is the one that 's' says. */
struct spec crowd_settled(uint32_t i);
struct spec crowd_passing(uint32_t i);
bool crowd_is(const struct spec *s, enum dp_direction direction, const struct dp_flow *flow);

struct dp_flow_config crowd_config(const char *path);
/* Puts the settled flows in. */
void crowd_settle(struct dp_flow_table *t);

/* What one thread did; 'wrong' is NULL, or what went wrong. */
struct crowd_count {
	uint64_t inserted, ended, hits, misses, full;
	struct dp_flow_counts settled[CROWD_SETTLED]; /* what it counted of them */
	const char *wrong;
};

/* One worker's 'steps' random operations. */
void crowd_work(struct dp_flow_table *t, uint32_t worker, uint32_t steps, uint32_t seed,
        struct crowd_count *count);

/* When all is quiet: the table has counted of the settled flows what the 'n' workers say. Returns
 * what is wrong, or NULL. */
const char *crowd_check_counts(
        struct dp_flow_table *t, const struct crowd_count *const *counts, uint32_t n);

/* When all is quiet: every settled flow is there, each flow once, and as many as the usage says.
 * Returns what is wrong, or NULL. */
const char *crowd_check(const struct dp_flow_table *t, uint64_t *nb_flows);

#endif
