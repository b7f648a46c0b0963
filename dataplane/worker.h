/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A worker: receive -> pipeline -> send -> ageing, a few times if there is much; commands; for
 * ever.
 *
 * System calls, none of them in the pipeline: the sleep of idle.h, where the configuration lets it
 * sleep; the clocks, twice a millisecond at most, on hosts whose vDSO can't read them; and
 * sched_yield() while another worker holds the transmit queue that both use. Beside these, what the
 * ports' drivers do in a burst (kind.h: slow_poll).
 */
#ifndef DP_WORKER_H
#define DP_WORKER_H

#include <rte_ring.h>
#include <rte_spinlock.h>

#include "idle.h"
#include "pipeline.h"
#include "spread.h"

#define DP_WORKER_MAX_QUEUES 256

/* How a worker sends out of one port. */
struct dp_worker_port {
	uint16_t port, tx_queue;
	bool prepare;                 /* rte_eth_tx_prepare() first */
	rte_spinlock_t *tx_lock;      /* NULL: the queue is this worker's own */
	struct rte_ring *to_probe;    /* the probe port's alone: instead of a queue */
	struct rte_ring *to_kernel;   /* NULL: what is for the kernel ends here */
	struct rte_ring *from_kernel; /* NULL unless this worker sends what the kernel sends */
};

struct dp_worker_queue {
	uint16_t port, queue;
	bool spread;      /* over all workers, by flow */
	bool device_hash; /* ... and by the hash that the device gives */
};

/* main lcore: fills all but the last part before the worker starts. */
struct dp_worker {
	struct dp_worker_ctx ctx;
	unsigned int lcore;
	struct lb_rings *rings;
	const void *tables;
	uint64_t tables_size;
	struct dp_worker_queue queues[DP_WORKER_MAX_QUEUES];
	uint32_t nb_queues;
	struct dp_worker_port ports[DP_MAX_PORTS];
	uint32_t nb_ports;
	struct dp_spread spread;     /* without rings, where no port is spread */
	struct rte_ring *from_probe; /* what the probe port receives; NULL unless this worker's */
	uint32_t age_per_ms;         /* buckets: its share is swept once in as long as it should */
	const bool *stop;            /* main lcore: sets it once */

	/* its own; 'idle' as dp_idle_init() left it */
	uint64_t next_tick; /* of the TSC: when to read the clocks again */
	uint64_t tick;      /* TSC cycles between two readings */
	uint64_t aged_ms;   /* up to when ageing is paid for */
	uint32_t age_debt;  /* buckets to be looked at */
	struct dp_idle idle;
};

/* Runs the worker until *stop. An lcore function; 'worker' is a struct dp_worker. Returns 0. */
int dp_worker_run(void *worker);

#endif
