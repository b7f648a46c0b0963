/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which worker polls which receive queue and sends on which transmit queue. Any worker may take any
 * packet, so the only aim is that all have the same number of queues.
 */
#ifndef DP_QUEUES_H
#define DP_QUEUES_H

#include <stdbool.h>
#include <stdint.h>

/* How many queues a port got. */
struct dp_port_queues {
	uint16_t nb_rx, nb_tx;
};

/* Receive queue 'queue' of the 'port'th port. */
struct dp_rx_queue {
	uint16_t port, queue;
};

/* The receive queues of one worker, at most 'max' into 'queues'; all queues of all ports, counted
 * through, are dealt out in turn. Returns how many there are. */
uint32_t dp_queues_rx(const struct dp_port_queues *ports, uint32_t nb_ports, uint32_t worker,
        uint32_t nb_workers, struct dp_rx_queue *queues, uint32_t max);

/* The transmit queue of a worker on a port. '*shared' says whether another worker has it too, and a
 * lock is needed. */
uint16_t dp_queues_tx(
        const struct dp_port_queues *port, uint32_t worker, uint32_t nb_workers, bool *shared);

#endif
