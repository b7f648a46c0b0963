/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a port asks its device for, by the configuration, the kernel, and the number of workers:
 * known before the device is made, which may then have less of it.
 */
#ifndef DP_ASK_H
#define DP_ASK_H

#include "kind.h"

/* Whether the port stands for an interface that the kernel has already. */
bool dp_port_has_interface(const struct dp_port_config *port);

/* Receive queues. */
uint32_t dp_port_ask_queues(const struct dp_port_config *port, uint32_t nb_workers);

/* Descriptors of a queue, of which 'configured' are configured; 0: none. */
uint16_t dp_port_ask_descriptors(uint32_t configured);

/* No more than the interface's, if there is one. */
uint16_t dp_port_ask_mtu(const struct dp_port_config *port);

#endif
