/* SPDX-License-Identifier: BSD-3-Clause
 *
 * When a deregistered target is let go. Pure: time and flow counts are passed in.
 */
#ifndef CP_DRAIN_H
#define CP_DRAIN_H

#include "model/model.h"

enum cp_drain_step {
	CP_DRAIN_WAIT,
	CP_DRAIN_TERMINATE, /* end the flows that are left: connection termination is on */
	CP_DRAIN_RELEASE,   /* no flow is left, or can be: give the slot back */
};

/* 'active_flows' is what the workers count for the target's slot since it got it; -1: not known, no
 * dataplane. Before its deadline a draining target waits even without flows (its
 * state is "draining" to the world for that time); after it, flows go on for as long as they are
 * active unless deregistration_delay.connection_termination.enabled. */
enum cp_drain_step cp_drain_decide(
        const struct cp_target *target, uint64_t now_ms, int64_t active_flows);

#endif
