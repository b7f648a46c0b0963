/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The worker's loop and its stages.
 */
#include "worker.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <sched.h>
#include <sys/prctl.h>

#include "clock.h"
#include "privileges.h"
#include "stats.h"

#define TX_TRIES     8
#define BUSY_POLLS   4     /* in a row, as long as they find a burst's worth */
#define AGE_SLICE    64    /* buckets between two polls */
#define AGE_DEBT_MAX 65536 /* buckets: what is more than this behind is let go */

/* Reads the clocks, twice a millisecond at most: reading them is a system call on some hosts. */
static void keep_time(struct dp_worker *w)
{
	uint64_t tsc = rte_rdtsc(), ms;

	if (tsc < w->next_tick)
		return;
	w->next_tick = tsc + w->tick;
	w->ctx.now = dp_flow_now(w->ctx.flows, dp_clock_boot_ms());
	ms = dp_clock_ms();
	if (ms == w->aged_ms)
		return;
	w->age_debt = (uint32_t)RTE_MIN(
	        w->age_debt + (ms - w->aged_ms) * w->age_per_ms, (uint64_t)AGE_DEBT_MAX);
	w->aged_ms = ms;
	__atomic_store_n(&w->ctx.stats->alive_ms, ms, __ATOMIC_RELAXED);
}

static uint16_t send_some(const struct dp_worker_port *port, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t sent;

	if (port->tx_lock == NULL)
		return rte_eth_tx_burst(port->port, port->tx_queue, pkts, n);
	/* its holder may have been descheduled, where workers share CPUs */
	while (!rte_spinlock_trylock(port->tx_lock))
		sched_yield();
	sent = rte_eth_tx_burst(port->port, port->tx_queue, pkts, n);
	rte_spinlock_unlock(port->tx_lock);
	return sent;
}

/* Sends what it can; returns how many are gone. A packet that the driver can't prepare is never
 * sent, nor what is behind it. */
static uint16_t send_all(const struct dp_worker_port *port, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t sent = 0;

	if (port->prepare)
		n = rte_eth_tx_prepare(port->port, port->tx_queue, pkts, n);
	for (int try = 0; try < TX_TRIES && sent < n; try++)
		sent += send_some(port, pkts + sent, (uint16_t)(n - sent));
	return sent;
}

static void flush_port(struct dp_worker *w, const struct dp_worker_port *port)
{
	struct dp_out *out = &w->ctx.out[port->port];
	uint16_t sent = 0;

	if (out->n == 0)
		return;
	if (unlikely(port->to_probe != NULL))
		sent = (uint16_t)rte_ring_mp_enqueue_burst(
		        port->to_probe, (void **)out->pkts, out->n, NULL);
	else
		sent = send_all(port, out->pkts, out->n);
	for (; sent < out->n; sent++)
		dp_pipeline_unsent(&w->ctx, out->pkts[sent], dp_out_counted(out->directions[sent]),
		        LB_DROP_TX_FULL);
	out->n = 0;
}

static void flush_kernel(struct dp_worker *w, const struct dp_worker_port *port)
{
	struct dp_out *out = &w->ctx.kernel[port->port];
	uint16_t sent;

	if (out->n == 0)
		return;
	if (port->to_kernel == NULL) {
		rte_pktmbuf_free_bulk(out->pkts, out->n);
		out->n = 0;
		return;
	}
	sent = (uint16_t)rte_ring_mp_enqueue_burst(
	        port->to_kernel, (void **)out->pkts, out->n, NULL);
	while (sent < out->n)
		dp_pipeline_unsent(
		        &w->ctx, out->pkts[sent++], LB_COUNTER_KERNEL, LB_DROP_KERNEL_FULL);
	out->n = 0;
}

static void flush(struct dp_worker *w)
{
	for (uint32_t i = 0; i < w->nb_ports; i++) {
		flush_port(w, &w->ports[i]);
		flush_kernel(w, &w->ports[i]);
	}
}

/* What the kernel sends by twins goes out as it is. */
static uint32_t forward_kernel(struct dp_worker *w)
{
	struct rte_mbuf *pkts[DP_BURST];
	uint32_t total = 0;

	for (uint32_t i = 0; i < w->nb_ports; i++) {
		const struct dp_worker_port *port = &w->ports[i];
		uint16_t n, sent;

		if (port->from_kernel == NULL)
			continue;
		n = (uint16_t)rte_ring_sc_dequeue_burst(
		        port->from_kernel, (void **)pkts, DP_BURST, NULL);
		if (n == 0)
			continue;
		sent = send_all(port, pkts, n);
		dp_count(&w->ctx, LB_COUNTER_FROM_KERNEL, sent);
		dp_count(&w->ctx, LB_COUNTER_FROM_KERNEL_LOST, (uint64_t)(n - sent));
		if (sent < n)
			rte_pktmbuf_free_bulk(pkts + sent, (unsigned int)(n - sent));
		total += n;
	}
	return total;
}

static void run(struct dp_worker *w, struct rte_mbuf **pkts, uint16_t n, uint16_t port)
{
	dp_pipeline_run(&w->ctx, pkts, n, port);
	flush(w);
}

/* What the probe port received. */
static uint32_t poll_probe(struct dp_worker *w)
{
	struct rte_mbuf *pkts[DP_BURST];
	uint16_t n;

	if (w->from_probe == NULL)
		return 0;
	n = (uint16_t)rte_ring_sc_dequeue_burst(w->from_probe, (void **)pkts, DP_BURST, NULL);
	if (n > 0)
		run(w, pkts, n, DP_PORT_PROBE);
	return n;
}

/* A queue whose packets are spread over all workers. */
static uint32_t poll_and_spread(struct dp_worker *w, const struct dp_worker_queue *queue)
{
	struct rte_mbuf *pkts[DP_SPREAD_BURST];
	uint16_t n = rte_eth_rx_burst(queue->port, queue->queue, pkts, DP_SPREAD_BURST);
	uint16_t own;

	if (n == 0)
		return 0;
	own = dp_spread_run(&w->ctx, &w->spread, pkts, n, queue->port, queue->device_hash);
	for (uint16_t at = 0; at < own; at += DP_BURST)
		run(w, pkts + at, RTE_MIN((uint16_t)(own - at), (uint16_t)DP_BURST), queue->port);
	return n;
}

/* What other workers handed over, by the ports that received it. */
static uint32_t poll_spread(struct dp_worker *w)
{
	struct rte_mbuf *pkts[DP_BURST];
	uint32_t total = 0;

	for (uint32_t i = 0; i < w->spread.nb_from; i++) {
		uint16_t n = dp_spread_take(&w->spread, i, pkts), at = 0, end;

		for (; at < n; at = end) {
			for (end = at + 1; end < n && pkts[end]->port == pkts[at]->port; end++)
				;
			run(w, pkts + at, end - at, pkts[at]->port);
		}
		total += n;
	}
	return total;
}

/* One poll of all queues. */
static uint32_t poll_queues(struct dp_worker *w)
{
	struct rte_mbuf *pkts[DP_BURST];
	uint32_t total = 0;

	for (uint32_t i = 0; i < w->nb_queues; i++) {
		const struct dp_worker_queue *queue = &w->queues[i];
		uint16_t n;

		if (queue->spread) {
			total += poll_and_spread(w, queue);
			continue;
		}
		n = rte_eth_rx_burst(queue->port, queue->queue, pkts, DP_BURST);
		if (n > 0)
			run(w, pkts, n, queue->port);
		total += n;
	}
	total += poll_spread(w);
	dp_count(&w->ctx, LB_COUNTER_POLLS, 1);
	dp_count(&w->ctx, LB_COUNTER_POLLS_EMPTY, total == 0);
	return total;
}

static void age(struct dp_worker *w)
{
	uint32_t slice = RTE_MIN(w->age_debt, (uint32_t)AGE_SLICE);

	if (slice == 0)
		return;
	dp_pipeline_age(&w->ctx, slice);
	w->age_debt -= slice;
}

/* Polls the queues, and goes on while they have much: what else there is to do can wait for some
 * bursts, but for ageing, which makes room for the flows that they make, and for those who wait to
 * free next hops. */
static uint32_t poll_while_busy(struct dp_worker *w)
{
	uint32_t total = 0, found;

	for (uint32_t polls = 0; polls < BUSY_POLLS; polls++) {
		found = poll_queues(w);
		total += found;
		dp_fib_quiescent(w->ctx.fib, w->ctx.worker);
		age(w);
		if (found < DP_BURST)
			break;
	}
	return total;
}

static void take_commands(struct dp_worker *w)
{
	struct lb_worker_stats *stats = w->ctx.stats;
	uint64_t refused = 0;
	bool changed = dp_tables_poll(
	        &w->ctx.tables, w->rings, w->ctx.worker, w->tables, w->tables_size, &refused);

	if (refused > 0)
		dp_count(&w->ctx, LB_COUNTER_MESSAGES_REFUSED, refused);
	if (!changed)
		return;
	__atomic_store_n(&stats->running_offset, w->ctx.tables.offset, __ATOMIC_RELAXED);
	__atomic_store_n(&stats->running_revision, w->ctx.tables.revision, __ATOMIC_RELEASE);
	dp_count(&w->ctx, LB_COUNTER_GENERATIONS, 1);
}

static void begin(struct dp_worker *w)
{
	/* a worker needs no right that its open descriptors don't have */
	dp_privileges_drop_all();
	prctl(PR_SET_TIMERSLACK, 1UL);
	w->tick = rte_get_tsc_hz() / 2000;
	w->aged_ms = dp_clock_ms();
	w->ctx.stats->lcore = w->lcore;
	dp_fib_online(w->ctx.fib, w->ctx.worker);
}

int dp_worker_run(void *worker)
{
	struct dp_worker *w = worker;

	begin(w);
	while (!__atomic_load_n(w->stop, __ATOMIC_RELAXED)) {
		uint32_t found;

		keep_time(w);
		found = poll_while_busy(w) + forward_kernel(w) + poll_probe(w);
		take_commands(w);
		/* ageing that is due counts as something to do, not as a packet */
		if (found > 0 || w->age_debt == 0)
			dp_idle_rest(&w->idle, found);
	}
	dp_fib_offline(w->ctx.fib, w->ctx.worker);
	return 0;
}
