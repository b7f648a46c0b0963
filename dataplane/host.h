/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The whole dataplane, brought up in order and taken down in reverse, and its main lcore's loop.
 */
#ifndef DP_HOST_H
#define DP_HOST_H

#include "attach.h"
#include "config.h"
#include "eal.h"
#include "kernel/kernel.h"
#include "port/pools.h"
#include "port/port.h"
#include "port/twin.h"
#include "worker.h"

struct dp_host {
	const struct dp_config *config;
	int run_dir; /* the lock */
	gid_t gid;   /* that may attach */
	bool eal_runs;
	struct dp_eal eal;
	struct dp_pools pools;
	uint32_t nb_ports;
	struct dp_nic nics[LB_MAX_PORTS];
	struct dp_twin twins[LB_MAX_PORTS]; /* in step with nics[]; fd -1: none */
	struct dp_twin probe;               /* fd -1: there is no probe port */
	struct dp_port ports[DP_MAX_PORTS]; /* by DPDK's port number */
	struct dp_segments segments;
	struct dp_flow_table *flows;
	struct dp_fib *fib;
	struct dp_kernel *kernel;
	struct dp_attach *attach;
	uint32_t nb_workers;
	struct dp_worker *workers[LB_MAX_WORKERS];
	bool stop; /* read by the workers */
};

/* Brings everything up; the workers run when it returns. 0, or -errno after having logged what,
 * where, and what would be right. dp_host_stop() is due in either case. */
int dp_host_start(struct dp_host *host, const struct dp_config *config);

/* The main lcore's loop: until SIGTERM or SIGINT arrives at 'signals', a signalfd. 0 or -errno. */
int dp_host_loop(struct dp_host *host, int signals);

/* Stops the workers and takes everything down. Virtual addresses, guard and steering programs stay
 * for the next start. */
void dp_host_stop(struct dp_host *host);

/* Counts the flows that the table kept, into worker 0's counters. Before the workers start. */
int dp_host_count_kept(struct dp_host *host);

#endif
