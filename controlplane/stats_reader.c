/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Sums of the stats segment. Counters are written by one worker each, relaxed: a sum is of numbers
 * that were true at nearly the same time.
 */
#include "stats_reader.h"

#include <errno.h>

int cp_stats_view_init(struct cp_stats_view *view, const struct lb_stats *stats, uint64_t size)
{
	memset(view, 0, sizeof(*view));
	if (!stats || size < sizeof(*stats))
		return -EPROTO;
	view->session = __atomic_load_n(&stats->segment.session, __ATOMIC_RELAXED);
	view->nb_workers = __atomic_load_n(&stats->nb_workers, __ATOMIC_RELAXED);
	view->nb_ports = __atomic_load_n(&stats->nb_ports, __ATOMIC_RELAXED);
	view->max_targets = __atomic_load_n(&stats->max_targets, __ATOMIC_RELAXED);
	view->max_listeners = __atomic_load_n(&stats->max_listeners, __ATOMIC_RELAXED);
	if (view->nb_workers > LB_MAX_WORKERS || view->nb_ports > LB_MAX_PORTS ||
	        view->max_targets > LB_MAX_TARGET_SLOTS || view->max_listeners > LB_MAX_LISTENERS ||
	        lb_stats_size(view->nb_workers, view->max_targets, view->max_listeners) > size)
		return -EPROTO;
	view->stats = stats;
	return 0;
}

/* Adds 'nb' counters, one by one: each is an aligned word that somebody may be writing. */
static void add_words(uint64_t *sum, const uint64_t *words, size_t nb)
{
	for (size_t i = 0; i < nb; i++)
		sum[i] += __atomic_load_n(&words[i], __ATOMIC_RELAXED);
}

void cp_stats_target(const struct cp_stats_view *view, uint32_t slot, struct lb_target_stats *sum)
{
	struct lb_stats *stats = (struct lb_stats *)(uintptr_t)view->stats;

	memset(sum, 0, sizeof(*sum));
	if (!stats || slot >= view->max_targets)
		return;
	for (uint32_t worker = 0; worker < view->nb_workers; worker++)
		add_words((uint64_t *)sum,
		        (const uint64_t *)(lb_target_stats(stats, view->nb_workers,
		                                   view->max_targets, worker) +
		                           slot),
		        sizeof(*sum) / sizeof(uint64_t));
}

void cp_stats_listener(
        const struct cp_stats_view *view, uint32_t slot, struct lb_listener_stats *sum)
{
	struct lb_stats *stats = (struct lb_stats *)(uintptr_t)view->stats;

	memset(sum, 0, sizeof(*sum));
	if (!stats || slot >= view->max_listeners)
		return;
	for (uint32_t worker = 0; worker < view->nb_workers; worker++)
		add_words((uint64_t *)sum,
		        (const uint64_t *)(lb_listener_stats(stats, view->nb_workers,
		                                   view->max_targets, view->max_listeners, worker) +
		                           slot),
		        sizeof(*sum) / sizeof(uint64_t));
}

void cp_stats_totals(const struct cp_stats_view *view, uint64_t counters[LB_COUNTER_SLOTS],
        uint64_t drops[LB_DROP_SLOTS])
{
	struct lb_stats *stats = (struct lb_stats *)(uintptr_t)view->stats;

	memset(counters, 0, LB_COUNTER_SLOTS * sizeof(*counters));
	memset(drops, 0, LB_DROP_SLOTS * sizeof(*drops));
	if (!stats)
		return;
	for (uint32_t worker = 0; worker < view->nb_workers; worker++) {
		const struct lb_worker_stats *block = lb_worker_stats(stats, worker);

		add_words(counters, block->counters, LB_COUNTER_SLOTS);
		add_words(drops, block->drops, LB_DROP_SLOTS);
	}
}

/* A flow begins on one worker and may end on another: only the sum is a number of flows. */
int64_t cp_stats_target_flows(const struct cp_stats_view *view, uint32_t slot)
{
	struct lb_target_stats sum;
	int64_t flows;

	if (!view->stats)
		return -1;
	cp_stats_target(view, slot, &sum);
	flows = (int64_t)(sum.flows_new - sum.flows_ended);
	return flows > 0 ? flows : 0;
}
