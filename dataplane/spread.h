/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Software spreading: RSS in software, what Linux calls RPS. The worker that polls a port with
 * fewer queues than there are workers keeps its share of the flows and hands the others over:
 *
 *     queue -> worker 0 --- its own share: on, in place
 *                      \--- ring 0>1 -> worker 1
 *                       \-- ring 0>2 -> worker 2
 *
 * A ring for each pair of workers that needs one, single producer, single consumer: nobody waits
 * for a producer that was descheduled, where workers share CPUs. The packets of one flow that come
 * by one queue take one way, so they stay in order.
 *
 * The flow is hashed by 5-tuple; a fragment by its addresses, so that all of a datagram meet; what
 * is no IP stays where it is. The hash tells directions apart: no hash of one packet could make
 * both meet on one worker, because the address between them is translated, and any worker may take
 * any packet. A hash that the device gave is taken instead where it is known to be as good: by TCP
 * and UDP ports, with a key that was drawn here (dp_rss_spreads() in port/rss.h says which device).
 *
 * Counting: a packet is received by the worker that runs it, and 'spread' by the one that handed it
 * over. One that its ring had no room for is received and dropped where it was polled. So the sum
 * of counters.h holds also while packets are in the rings.
 *
 * The rings are this process' own. A dataplane that ends takes what is in them along, as it does
 * what is in the queues of its ports.
 */
#ifndef DP_SPREAD_H
#define DP_SPREAD_H

#include <rte_ring.h>

#include "pipeline.h"

#define DP_SPREAD_BURST (2 * DP_BURST) /* polled at once, so that each share is worth its ring */
#define DP_SPREAD_ROOM  1024           /* slots of a ring; it holds one packet less */

/* Ten words of a flow's addresses, ports and protocol; IPv4 needs four. */
#define DP_SPREAD_WORDS 10

/* Packets for one other worker. */
struct dp_spread_share {
	struct rte_ring *ring; /* NULL: none was connected */
	uint16_t n;
	struct rte_mbuf *pkts[DP_BURST];
};

/* One worker's. main lcore: makes it before the workers start. */
struct dp_spread {
	uint32_t worker, nb_workers;
	uint32_t key[DP_SPREAD_WORDS]; /* drawn at start; of all workers the same */
	uint32_t nb_from;
	struct rte_ring *from[LB_MAX_WORKERS]; /* what others hand over; each ring is freed here */
	struct dp_spread_share to[LB_MAX_WORKERS];
};

/* Makes the ring from one worker to another, in memory of NUMA node 'socket' if that has any. 0 or
 * -ENOMEM. */
int dp_spread_connect(struct dp_spread *from, struct dp_spread *to, int socket);

/* Frees the rings that lead to 's'. What they hold is left to its pool. */
void dp_spread_disconnect(struct dp_spread *s);

/* The worker that a packet belongs to; 'device_hash': by the hash of its device, if it has one. */
uint32_t dp_spread_worker(const struct dp_spread *s, const struct rte_mbuf *m, bool device_hash);

/* Takes the worker's share of 'n' (at most DP_SPREAD_BURST) packets that 'port' received to the
 * front of 'pkts', in order, and hands the others over. 'device_hash' as above. Returns how many
 * stay. */
uint16_t dp_spread_run(struct dp_worker_ctx *ctx, struct dp_spread *s, struct rte_mbuf **pkts,
        uint16_t n, uint16_t port, bool device_hash);

/* At most DP_BURST packets that another worker handed over by ring 'from'. */
uint16_t dp_spread_take(struct dp_spread *s, uint32_t from, struct rte_mbuf **pkts);

#endif
