/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The kernel's side of the dataplane: its routes and neighbours mirrored into the FIB, the nftables
 * guard, the virtual addresses on its interfaces, and what the steering programs of AF_XDP ports
 * steer. Runs on the main lcore alone; nothing here blocks for longer than a netlink exchange.
 */
#ifndef DP_KERNEL_H
#define DP_KERNEL_H

#include <rte_ether.h>

#include "fib.h"
#include "lb/counters.h"
#include "tables.h"

struct dp_kernel_config {
	const char *instance;
	const char *bpffs;   /* where steering programs and maps are pinned, below a directory of
	                        the instance */
	uint32_t max_routes; /* per family, neighbours included */
	bool guard;          /* keep an nftables guard before the virtual addresses */
	bool addresses;      /* put virtual addresses on interfaces and take them off */
};

/* A port, and the kernel interface that it stands for: routes out of 'interface' are forwarded out
 * of the port. 'interface' empty: none, no route leads there. */
struct dp_kernel_port {
	uint16_t port; /* DPDK's number */
	char interface[LB_IFNAME_LEN];
	struct rte_ether_addr mac;
	uint16_t mtu; /* of IP packets, as the port can send them */
	bool steered; /* AF_XDP: dp_steer_attach() was called for 'interface' */
};

struct dp_kernel;

/* Opens the sockets, reads routes and neighbours, and sets up the guard. 'fib' and 'stats' stay the
 * caller's and must outlive the result; refused requests go to stats->kernel_errors and
 * kernel_error. NULL with errno set, after having logged why. */
struct dp_kernel *dp_kernel_create(const struct dp_kernel_config *config,
        const struct dp_kernel_port *ports, uint32_t nb_ports, struct dp_fib *fib,
        struct lb_stats *stats);

/* A descriptor that becomes readable when dp_kernel_run() has something to do. Stays k's. */
int dp_kernel_fd(const struct dp_kernel *k);

/* Handles what is ready, and timers: to be called when the descriptor is readable and every 100 ms
 * at the latest. 'now_ms' is CLOCK_MONOTONIC. */
void dp_kernel_run(struct dp_kernel *k, uint64_t now_ms);

/* A new generation: steering maps, guard sets, addresses, neighbours to be resolved, in an order in
 * which the kernel never answers for a virtual address. 'tables' need only live for the call. 0 or
 * -errno of the first request that failed; the rest is done all the same. */
int dp_kernel_apply(struct dp_kernel *k, const struct dp_tables *tables);

/* Closes everything and frees 'k'. Guard and addresses stay: dp_kernel_withdraw() takes them away.
 */
void dp_kernel_destroy(struct dp_kernel *k);

/* Takes the instance's virtual addresses off their interfaces; the guard stays. Needs no running
 * dataplane: the unit's ExecStopPost calls it when none came back. 0 or -errno, after having logged
 * why. */
int dp_kernel_withdraw(const char *instance, const char *bpffs);

#endif
