/* SPDX-License-Identifier: BSD-3-Clause
 *
 * AF_PACKET ports: a packet socket on a kernel interface. The kernel sees every frame too, so there
 * is nothing to hand over; the guard keeps it from answering.
 */
#include "kind.h"

static uint32_t default_queues(const struct dp_port_config *config, uint32_t nb_workers)
{
	return nb_workers;
}

const struct dp_port_kind dp_port_af_packet = {
        .name = "af_packet",
        .driver = "net_af_packet",
        .kernel = DP_KERNEL_COPY,
        .kernel_modes = 1 << DP_KERNEL_COPY,
        .on_interface = true,
        .slow_poll = true,
        .paired_queues = true,
        .queue_argument = "qpairs",
        .default_queues = default_queues,
};
