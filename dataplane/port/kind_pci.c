/* SPDX-License-Identifier: BSD-3-Clause
 *
 * NICs on the PCI bus, bound to vfio-pci: gone from the kernel, which gets a twin interface.
 */
#include "kind.h"

static uint32_t default_queues(const struct dp_port_config *config, uint32_t nb_workers)
{
	return nb_workers;
}

const struct dp_port_kind dp_port_pci = {
        .name = "pci",
        .kernel = DP_KERNEL_TWIN,
        .kernel_modes = 1 << DP_KERNEL_TWIN | 1 << DP_KERNEL_TAP | 1 << DP_KERNEL_NONE,
        .default_queues = default_queues,
};
