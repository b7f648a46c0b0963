/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Looks once a second which deregistered targets may be let go (drain.h), and lets them go the way
 * that every change goes.
 */
#ifndef CP_DRAIN_TIMER_H
#define CP_DRAIN_TIMER_H

#include "apply.h"
#include "stats_reader.h"

struct cp_drain_timer; /* owned by the daemon */

/* 'live' and 'apply' are not owned. NULL without memory. */
struct cp_drain_timer *cp_drain_timer_create(const struct cp_model *live, struct cp_apply *apply);
/* After cp_apply_free(): changes under way refer to it. */
void cp_drain_timer_free(struct cp_drain_timer *timer);

/* One round. While changes of the round before are under way, there is none: a target is asked
 * about once. */
void cp_drain_round(
        struct cp_drain_timer *timer, const struct cp_stats_view *stats, uint64_t now_ms);

#endif
