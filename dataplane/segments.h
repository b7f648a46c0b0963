/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The three shared segments (lb/shm.h), as their owner makes them.
 */
#ifndef DP_SEGMENTS_H
#define DP_SEGMENTS_H

#include "lb/counters.h"
#include "lb/msg.h"

struct dp_segments_config {
	const char *instance;
	uint32_t nb_workers;
	uint32_t max_targets, max_listeners;
	uint64_t tables_size; /* bytes, a multiple of 4096 */
	uint64_t flow_capacity;
	bool huge; /* packet memory is in huge pages: for the stats header */
};

struct dp_segments {
	uint64_t session;
	int fds[LB_SEGMENT_KINDS];
	uint64_t sizes[LB_SEGMENT_KINDS];
	const void *tables; /* mapped read-only: a stray store in a worker faults */
	struct lb_stats *stats;
	struct lb_rings *rings;
};

/* Makes, seals, maps and initialises all three. 0 or -errno, after having logged why. */
int dp_segments_create(struct dp_segments *segments, const struct dp_segments_config *config);
void dp_segments_destroy(struct dp_segments *segments);

/* A descriptor of a segment for the control plane, with the rights that it has there. The caller
 * closes it. -errno. */
int dp_segments_share(const struct dp_segments *segments, enum lb_segment_kind kind);

#endif
