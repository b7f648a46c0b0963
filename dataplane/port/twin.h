/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The way between a port and the kernel: a TAP, served by the main lcore, so that workers make no
 * system call for it. Two rings stand between:
 *
 *     worker -- to_kernel (many producers) --> main lcore -- write --> TAP
 *     worker <-- from_kernel (one consumer) -- main lcore <-- read --- TAP      twin only
 *
 * A twin is the port's interface in the kernel, with the port's MAC address; it persists, so that
 * its addresses and routes outlive the process. An exception TAP only lets the kernel receive. The
 * probe port is a TAP with the same rings that stands for no device: what is written to it from
 * this host is what the port receives. It goes with the process.
 */
#ifndef DP_TWIN_H
#define DP_TWIN_H

#include <rte_ether.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include "lb/types.h"

struct dp_twin_config {
	const char *port; /* its name, for messages */
	const char
	        *interface; /* name of a twin's TAP; NULL: an exception TAP, named by the kernel */
	bool probe; /* it takes frames to 'mac' alone: nothing that the kernel says of itself */
	struct rte_ether_addr mac;
	uint16_t mtu;
	struct rte_mempool *pool; /* for frames from the kernel */
};

struct dp_twin {
	int fd; /* readable when the kernel sends */
	char interface[LB_IFNAME_LEN];
	bool both_ways, probe;
	struct rte_ether_addr mac;
	bool refused; /* the kernel's last answer to a frame: logged when it changes */
	struct rte_mempool *pool;
	struct rte_ring *to_kernel, *from_kernel; /* from_kernel: NULL for an exception TAP */
};

/* 0 or -errno, after having logged why. */
int dp_twin_open(struct dp_twin *twin, const struct dp_twin_config *config);
void dp_twin_close(struct dp_twin *twin);

/* Gives the kernel what the workers left for it, at most a burst. Returns how many frames. */
uint32_t dp_twin_give(struct dp_twin *twin);

/* Takes what the kernel sends, at most a burst and no more than there is room for; the rest waits
 * in the TAP's queue. To be called when 'fd' is readable. Returns how many frames. */
uint32_t dp_twin_take(struct dp_twin *twin);

#endif
