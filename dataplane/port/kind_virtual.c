/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Other virtual devices: files of packets, memory shared with another process, nothing at all.
 */
#include <string.h>

#include "kind.h"

/* The device argument of these two lists the queues, one in an argument, and all are taken. Where
 * it lists none, net_ring has 16. */
#define RING_QUEUES 16

static uint32_t default_queues(const struct dp_port_config *config, uint32_t nb_workers)
{
	bool listed = strncmp(config->device, "net_pcap", 8) == 0 ||
	              strncmp(config->device, "net_ring", 8) == 0;
	uint32_t arguments = 0;

	if (!listed)
		return nb_workers;
	for (const char *at = config->device; *at != '\0'; at++)
		arguments += *at == ',';
	return arguments > RING_QUEUES ? arguments : RING_QUEUES;
}

const struct dp_port_kind dp_port_virtual = {
        .name = "virtual",
        .driver = "net_",
        .kernel = DP_KERNEL_NONE,
        .kernel_modes = 1 << DP_KERNEL_TWIN | 1 << DP_KERNEL_TAP | 1 << DP_KERNEL_NONE,
        .default_queues = default_queues,
};
