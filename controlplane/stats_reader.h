/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The dataplane's counters as an operator wants them: summed over workers, per target and listener,
 * and per second. The segment is another process's memory: every number that leads to an address
 * is read once and checked.
 */
#ifndef CP_STATS_READER_H
#define CP_STATS_READER_H

#include "lb/counters.h"
#include "model/model.h"

/* A stats segment whose numbers fit its size. They are these copies from here on. */
struct cp_stats_view {
	const struct lb_stats *stats;
	uint64_t session;
	uint32_t nb_workers, nb_ports, max_targets, max_listeners;
};

/* 'stats' NULL or its numbers wrong for its 'size': -EPROTO, and view->stats is NULL. */
int cp_stats_view_init(struct cp_stats_view *view, const struct lb_stats *stats, uint64_t size);

/* Sums over all workers; zero for a slot that the instance does not have. */
void cp_stats_target(const struct cp_stats_view *view, uint32_t slot, struct lb_target_stats *sum);
void cp_stats_listener(
        const struct cp_stats_view *view, uint32_t slot, struct lb_listener_stats *sum);
void cp_stats_totals(const struct cp_stats_view *view, uint64_t counters[LB_COUNTER_SLOTS],
        uint64_t drops[LB_DROP_SLOTS]);

/* Flows of a slot in the flow table now; -1 without a dataplane. Flows of the slot's former owner
 * count until they are taken out of the table. */
int64_t cp_stats_target_flows(const struct cp_stats_view *view, uint32_t slot);

/* What a target had since it got its slot, or since the dataplane started if that was later; and
 * what it had in the last second. Precise to a sample: what happened between the target's
 * registration and the next sample is not in it. */
struct cp_target_sample {
	struct lb_target_stats total;
	uint64_t packets_per_s, bytes_per_s, flows_new_per_s;
};
struct cp_listener_sample {
	struct lb_listener_stats total;
	uint64_t packets_per_s, bytes_per_s, flows_new_per_s, drops_per_s;
};

struct cp_sampler; /* remembers the former sample */

struct cp_sampler *cp_sampler_create(void);
void cp_sampler_free(struct cp_sampler *sampler);

/* Takes a sample; to be called once a second. 'view' without stats: forgets rates. */
void cp_sampler_take(struct cp_sampler *sampler, const struct cp_stats_view *view,
        const struct cp_model *live, uint64_t now_ms);

void cp_sampler_target(const struct cp_sampler *sampler, const struct cp_target *target,
        struct cp_target_sample *sample);
void cp_sampler_listener(const struct cp_sampler *sampler, const struct cp_listener *listener,
        struct cp_listener_sample *sample);

/* A second's worth: of all workers, of one worker, of one port's rx_missed. */
uint64_t cp_sampler_counter_rate(const struct cp_sampler *sampler, enum lb_counter counter);
uint64_t cp_sampler_drop_rate(const struct cp_sampler *sampler, enum lb_drop_reason reason);
uint64_t cp_sampler_worker_rate(
        const struct cp_sampler *sampler, uint32_t worker, enum lb_counter counter);
uint64_t cp_sampler_missed_rate(const struct cp_sampler *sampler, uint32_t port);

#endif
