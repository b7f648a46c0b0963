/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A worker whose queues are emptied back into its batch.
 */
#include <rte_launch.h>
#include <time.h>

#include "bench.h"

void worker_init(struct worker *w, struct bench *b, uint32_t number)
{
	w->ctx = b->rig->ctx;
	w->ctx.worker = number;
	w->ctx.stats = &w->stats;
	w->ctx.target_stats = w->target_stats;
	w->ctx.listener_stats = w->listener_stats;
	w->pool = b->rig->pool;
	w->nb_kept = 0;
	worker_begin(w);
	w->nb_kept = BATCH;
	if (number != 0)
		dp_fib_online(w->ctx.fib, number);
}

/* What a drop freed comes back from the pool. */
void worker_begin(struct worker *w)
{
	uint32_t missing = BATCH - w->nb_kept;

	if (missing > 0 && rte_pktmbuf_alloc_bulk(w->pool, w->batch + w->nb_kept, missing) != 0)
		die("the pool has no %u packet buffers", missing);
	w->nb_kept = 0;
	memset(&w->stats, 0, sizeof(w->stats));
}

/* The queues of the two ports; nothing may be for the kernel. */
static inline void take_sent(struct worker *w)
{
	for (uint32_t port = 0; port < 2; port++) {
		struct dp_out *out = &w->ctx.out[port];

		memcpy(w->batch + w->nb_kept, out->pkts, out->n * sizeof(out->pkts[0]));
		w->nb_kept += out->n;
		out->n = 0;
	}
	if (w->ctx.kernel[0].n + w->ctx.kernel[1].n != 0)
		die("a packet went to the kernel");
}

void worker_take_table(struct worker *w, struct dp_flow_table *table)
{
	w->ctx.flows = table;
	w->ctx.tally = table != NULL ? dp_flow_tally(table, w->ctx.worker) : NULL;
}

void worker_burst(void *arg, uint32_t at)
{
	struct worker *w = arg;

	dp_pipeline_run(&w->ctx, w->batch + at, DP_BURST, w->ports[at >= BATCH / 2]);
	take_sent(w);
}

void worker_burst_idle(void *arg, uint32_t at)
{
	struct worker *w = arg;

	memcpy(w->ctx.out[1].pkts, w->batch + at, DP_BURST * sizeof(w->batch[0]));
	w->ctx.out[1].n = DP_BURST;
	take_sent(w);
}

void burst_nothing(void *arg, uint32_t at)
{
}

void lcore_join(unsigned int lcore)
{
	struct timespec pause = {.tv_nsec = 200000};

	while (rte_eal_get_lcore_state(lcore) == RUNNING)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	rte_eal_wait_lcore(lcore);
}

static uint64_t all_drops(const struct worker *w)
{
	uint64_t drops = 0;

	for (uint32_t i = 0; i < LB_DROP_COUNT; i++)
		drops += w->stats.drops[i];
	return drops;
}

void worker_check(const struct worker *w, const char *what, const struct outcome *expected)
{
	const uint64_t *c = w->stats.counters;

	if (c[LB_COUNTER_TO_TARGET] != expected->to_target ||
	        c[LB_COUNTER_TO_CLIENT] != expected->to_client ||
	        c[LB_COUNTER_FLOWS_NEW] != expected->flows_new ||
	        w->nb_kept != expected->to_target + expected->to_client ||
	        all_drops(w) != expected->dropped ||
	        (expected->dropped != 0 && w->stats.drops[expected->reason] != expected->dropped))
		die("%s: %lu packets to targets, %lu to clients, %lu new flows, %lu dropped; "
		    "expected %lu, %lu, %lu, %lu",
		        what, c[LB_COUNTER_TO_TARGET], c[LB_COUNTER_TO_CLIENT],
		        c[LB_COUNTER_FLOWS_NEW], all_drops(w), expected->to_target,
		        expected->to_client, expected->flows_new, expected->dropped);
}
