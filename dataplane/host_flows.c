/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Flows that an earlier process left in the table: counted once, before the workers start, as if
 * worker 0 had made them, so that "new less ended" is what is there, for the whole instance and for
 * each target and listener.
 */
#include "host.h"

struct tally {
	struct lb_worker_stats *worker;
	struct lb_target_stats *targets;
	struct lb_listener_stats *listeners;
	uint32_t nb_targets, nb_listeners;
};

static void count(void *arg, const struct dp_flow_key *key, const struct dp_flow *flow)
{
	struct tally *tally = arg;

	tally->worker->counters[LB_COUNTER_FLOWS_NEW]++;
	tally->worker->counters[LB_COUNTER_FLOWS_KEPT]++;
	if (flow->slot < tally->nb_targets)
		tally->targets[flow->slot].flows_new++;
	if (flow->listener < tally->nb_listeners)
		tally->listeners[flow->listener].flows_new++;
}

int dp_host_count_kept(struct dp_host *host)
{
	struct lb_stats *stats = host->segments.stats;
	uint32_t targets = host->config->tables.max_targets;
	uint32_t listeners = host->config->tables.max_listeners;
	struct tally tally = {.worker = lb_worker_stats(stats, 0),
	        .targets = lb_target_stats(stats, host->nb_workers, targets, 0),
	        .listeners = lb_listener_stats(stats, host->nb_workers, targets, listeners, 0),
	        .nb_targets = targets,
	        .nb_listeners = listeners};

	dp_flow_walk(host->flows, count, &tally);
	return 0;
}
