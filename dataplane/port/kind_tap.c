/* SPDX-License-Identifier: BSD-3-Clause
 *
 * TAP ports: the kernel is the other end of the wire. Its side is a host of its own, most often in
 * another network namespace; the load balancer's interface is its twin, as with a NIC.
 */
#include "kind.h"

static uint32_t default_queues(const struct dp_port_config *config, uint32_t nb_workers)
{
	return nb_workers < 16 ? nb_workers : 16; /* the driver's limit */
}

const struct dp_port_kind dp_port_tap = {
        .name = "tap",
        .driver = "net_tap",
        .kernel = DP_KERNEL_NONE,
        .kernel_modes = 1 << DP_KERNEL_TWIN | 1 << DP_KERNEL_TAP | 1 << DP_KERNEL_NONE,
        .slow_poll = true,
        .paired_queues = true,
        .soft_offloads = true,
        .default_queues = default_queues,
};
