/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Queues, locks and rings are dealt out here, once, before any worker runs.
 */
#include "host_workers.h"

#include <errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <sys/random.h>

#include "log.h"
#include "near.h"
#include "port/node.h"

/* As long as a half-open flow may be idle: such flows, the most there are of in a flood, are looked
 * at twice, once in vain, and are on average taken out half as long again after they expired. */
#define SWEEP_MS (1000 * DP_TCP_HALF_OPEN_TIMEOUT_S)

static void give_queues(struct dp_host *host, struct dp_worker *w)
{
	struct dp_port_queues counts[LB_MAX_PORTS];
	struct dp_rx_queue queues[DP_WORKER_MAX_QUEUES];

	for (uint32_t i = 0; i < host->nb_ports; i++)
		counts[i] = host->nics[i].queues;
	w->nb_queues = dp_queues_rx(counts, host->nb_ports, w->ctx.worker, host->nb_workers, queues,
	        DP_WORKER_MAX_QUEUES);
	w->nb_queues = RTE_MIN(w->nb_queues, (uint32_t)DP_WORKER_MAX_QUEUES);
	for (uint32_t i = 0; i < w->nb_queues; i++) {
		const struct dp_nic *nic = &host->nics[queues[i].port];

		w->queues[i] = (struct dp_worker_queue){.port = nic->port,
		        .queue = queues[i].queue,
		        .spread = nic->config->spread && host->nb_workers > 1,
		        .device_hash = dp_rss_spreads(&nic->rss)};
	}
}

static void give_ports(struct dp_host *host, struct dp_worker *w)
{
	for (uint32_t i = 0; i < host->nb_ports; i++) {
		struct dp_nic *nic = &host->nics[i];
		struct dp_worker_port *port = &w->ports[i];
		bool shared;

		port->port = nic->port;
		port->tx_queue =
		        dp_queues_tx(&nic->queues, w->ctx.worker, host->nb_workers, &shared);
		port->tx_lock = shared ? &nic->tx_locks[port->tx_queue] : NULL;
		port->prepare = nic->prepare;
		port->to_kernel = host->twins[i].to_kernel;
		if (i % host->nb_workers == w->ctx.worker)
			port->from_kernel = host->twins[i].from_kernel;
	}
	w->nb_ports = host->nb_ports;
	if (host->probe.fd < 0)
		return;
	w->ports[w->nb_ports++] =
	        (struct dp_worker_port){.port = DP_PORT_PROBE, .to_probe = host->probe.to_kernel};
	if (w->ctx.worker == 0)
		w->from_probe = host->probe.from_kernel;
}

static bool polls_slowly(const struct dp_host *host)
{
	for (uint32_t i = 0; i < host->nb_ports; i++) {
		if (host->nics[i].kind->slow_poll)
			return true;
	}
	return false;
}

static uint32_t worker_of(const struct dp_host *host, uint16_t port, uint16_t queue)
{
	uint32_t w = 0;

	for (; w < host->nb_workers; w++) {
		for (uint32_t q = 0; q < host->workers[w]->nb_queues; q++) {
			if (host->workers[w]->queues[q].port == port &&
			        host->workers[w]->queues[q].queue == queue)
				return w;
		}
	}
	return w;
}

/* SOCKET_ID_ANY: its CPUs are of several nodes. */
static int node_of(const struct dp_host *host, uint32_t worker)
{
	return (int)rte_lcore_to_socket_id(host->workers[worker]->lcore);
}

/* A worker on another NUMA node than its device reads every packet across. */
static void warn_far_workers(const struct dp_host *host, const struct dp_nic *nic)
{
	for (uint16_t q = 0; q < nic->queues.nb_rx; q++) {
		uint32_t worker = worker_of(host, nic->port, q);

		if (worker == host->nb_workers || !dp_node_is_far(nic->node, node_of(host, worker)))
			continue;
		dp_log_warning("port %s is on NUMA node %d, and worker %u, which polls its queue "
		               "%u, on node %d: give workers.cores CPUs of node %d",
		        nic->config->name, nic->node, worker, q, node_of(host, worker), nic->node);
		return;
	}
}

/* Which workers poll a port's queues, in the order of the queues. */
static void log_queues(const struct dp_host *host, uint32_t i)
{
	const struct dp_nic *nic = &host->nics[i];
	bool spread = nic->config->spread && host->nb_workers > 1;
	char text[320] = "";
	size_t n = 0;

	for (uint16_t q = 0; q < nic->queues.nb_rx && n < sizeof(text); q++)
		n += (size_t)snprintf(
		        text + n, sizeof(text) - n, " %u", worker_of(host, nic->port, q));
	dp_log_info("port %s: its queues are polled by worker%s%s%s%s", nic->config->name,
	        nic->queues.nb_rx > 1 ? "s" : "", text,
	        spread ? " and spread over all workers in software" : "",
	        spread && dp_rss_spreads(&nic->rss) ? ", by the hash that its device gives" : "");
}

static uint32_t age_per_ms(const struct dp_host *host)
{
	struct dp_flow_usage usage;

	dp_flow_usage(host->flows, &usage);
	return (uint32_t)(1 + usage.buckets / host->nb_workers / SWEEP_MS);
}

static void fill(struct dp_host *host, struct dp_worker *w, uint32_t number)
{
	const struct dp_config *config = host->config;
	struct lb_stats *stats = host->segments.stats;
	uint32_t targets = config->tables.max_targets, listeners = config->tables.max_listeners;

	w->ctx.worker = number;
	w->spread.worker = number;
	w->spread.nb_workers = host->nb_workers;
	w->ctx.nb_workers = host->nb_workers;
	w->ctx.flows = host->flows;
	w->ctx.tally = dp_flow_tally(host->flows, number);
	w->ctx.fib = host->fib;
	w->ctx.ports = host->ports;
	w->ctx.stats = lb_worker_stats(stats, number);
	w->ctx.target_stats = lb_target_stats(stats, host->nb_workers, targets, number);
	w->ctx.listener_stats =
	        lb_listener_stats(stats, host->nb_workers, targets, listeners, number);
	w->ctx.max_targets = targets;
	w->ctx.max_listeners = listeners;
	w->rings = host->segments.rings;
	w->tables = host->segments.tables;
	w->tables_size = host->segments.sizes[LB_SEGMENT_TABLES];
	dp_idle_init(&w->idle, config->workers.idle, host->eal.shared_cpus || polls_slowly(host));
	w->age_per_ms = age_per_ms(host);
	w->stop = &host->stop;
	give_queues(host, w);
	give_ports(host, w);
}

static bool spreads(const struct dp_worker *w)
{
	for (uint32_t q = 0; q < w->nb_queues; q++) {
		if (w->queues[q].spread)
			return true;
	}
	return false;
}

/* Rings from each worker that polls a queue to be spread, to all others. */
static int connect_workers(struct dp_host *host)
{
	uint32_t key[DP_SPREAD_WORDS];

	if (getrandom(key, sizeof(key), 0) != sizeof(key))
		return -errno;
	for (uint32_t i = 0; i < host->nb_workers * host->nb_workers; i++) {
		struct dp_worker *from = host->workers[i / host->nb_workers];
		struct dp_worker *to = host->workers[i % host->nb_workers];

		memcpy(to->spread.key, key, sizeof(key));
		if (from == to || !spreads(from) ||
		        dp_spread_connect(&from->spread, &to->spread,
		                (int)rte_lcore_to_socket_id(to->lcore)) == 0)
			continue;
		dp_log_error("memory: rings between workers can't be had: raise memory.megabytes");
		return -ENOMEM;
	}
	return 0;
}

static int make(struct dp_host *host, uint32_t number, unsigned int lcore)
{
	struct dp_worker *w =
	        dp_alloc_near("worker", sizeof(*w), (int)rte_lcore_to_socket_id(lcore));

	if (w == NULL) {
		dp_log_error("memory: a worker's %zu bytes can't be had: raise memory.megabytes",
		        sizeof(*w));
		return -ENOMEM;
	}
	host->workers[number] = w;
	w->lcore = lcore;
	fill(host, w, number);
	return 0;
}

static int launch(struct dp_worker *w)
{
	if (w->nb_queues == 0 && w->spread.nb_from == 0)
		dp_log_warning("worker %u has no receive queue: give the ports more queues, or "
		               "\"spread\": true, or configure fewer workers",
		        w->ctx.worker);
	return rte_eal_remote_launch(dp_worker_run, w, w->lcore);
}

int dp_host_start_workers(struct dp_host *host)
{
	uint32_t number = 0;
	unsigned int lcore;
	int rc = 0;

	for (uint32_t i = 0; i < host->nb_ports; i++) {
		for (uint32_t q = 0; q < DP_PORT_MAX_QUEUES; q++)
			rte_spinlock_init(&host->nics[i].tx_locks[q]);
	}
	RTE_LCORE_FOREACH_WORKER(lcore)
	{
		if (rc == 0)
			rc = make(host, number++, lcore);
	}
	if (rc == 0)
		rc = connect_workers(host);
	for (uint32_t i = 0; i < host->nb_ports && rc == 0; i++) {
		log_queues(host, i);
		warn_far_workers(host, &host->nics[i]);
	}
	for (uint32_t i = 0; i < host->nb_workers && rc == 0; i++)
		rc = launch(host->workers[i]);
	if (rc == 0)
		dp_log_info("%u workers, which %s", host->nb_workers,
		        dp_idle_name(&host->workers[0]->idle));
	return rc;
}

void dp_host_stop_workers(struct dp_host *host)
{
	__atomic_store_n(&host->stop, true, __ATOMIC_RELAXED);
	if (host->eal_runs)
		rte_eal_mp_wait_lcore();
	for (uint32_t i = 0; i < host->nb_workers; i++) {
		if (host->workers[i] != NULL)
			dp_spread_disconnect(&host->workers[i]->spread);
		rte_free(host->workers[i]);
	}
}
