/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Dealing out queues, one after the other.
 */
#include "queues.h"

uint32_t dp_queues_rx(const struct dp_port_queues *ports, uint32_t nb_ports, uint32_t worker,
        uint32_t nb_workers, struct dp_rx_queue *queues, uint32_t max)
{
	uint32_t number = 0, n = 0;

	for (uint32_t port = 0; port < nb_ports; port++) {
		for (uint16_t queue = 0; queue < ports[port].nb_rx; queue++, number++) {
			if (number % nb_workers != worker)
				continue;
			if (n < max)
				queues[n] = (struct dp_rx_queue){(uint16_t)port, queue};
			n++;
		}
	}
	return n;
}

uint16_t dp_queues_tx(
        const struct dp_port_queues *port, uint32_t worker, uint32_t nb_workers, bool *shared)
{
	uint32_t queue = worker % port->nb_tx;

	/* of the workers with this remainder, is there another one? */
	*shared = queue + port->nb_tx < nb_workers;
	return (uint16_t)queue;
}
