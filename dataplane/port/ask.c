/* SPDX-License-Identifier: BSD-3-Clause
 *
 * From a port's configuration to what is asked of its device.
 */
#include "ask.h"

#include <rte_ether.h>
#include <stdlib.h>

#include "interface.h"

#define DEFAULT_DESCRIPTORS 1024

bool dp_port_has_interface(const struct dp_port_config *port)
{
	return port->interface[0] != '\0' && port->kernel != DP_KERNEL_TWIN;
}

uint32_t dp_port_ask_queues(const struct dp_port_config *port, uint32_t nb_workers)
{
	const struct dp_port_kind *kind = dp_port_kind_of(port->device);
	char value[16];

	if (port->queues != 0)
		return port->queues;
	if (kind->queue_argument != NULL &&
	        dp_port_argument(port->device, kind->queue_argument, value, sizeof(value)))
		return (uint32_t)strtoul(value, NULL, 10);
	return kind->default_queues(port, nb_workers);
}

uint16_t dp_port_ask_descriptors(uint32_t configured)
{
	return (uint16_t)(configured != 0 ? configured : DEFAULT_DESCRIPTORS);
}

uint16_t dp_port_ask_mtu(const struct dp_port_config *port)
{
	int kernels = dp_port_has_interface(port) ? dp_interface_mtu(port->interface) : 0;
	uint32_t most = kernels > 0 ? RTE_MIN((uint32_t)kernels, (uint32_t)UINT16_MAX) : UINT16_MAX;

	if (port->mtu != 0)
		return (uint16_t)RTE_MIN(port->mtu, most);
	return (uint16_t)(kernels > 0 ? most : RTE_ETHER_MTU);
}
