/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The probe port as the kernel sees it. 'anabranch probe' plays a client on it:
 *
 *     198.18.0.1/30, 2001:2::1/126   the interface's addresses, so that a route leads there
 *     198.18.0.2     2001:2::2       the client: a permanent neighbour, so that the FIB knows it
 *
 * Both ranges are those of benchmarks (RFC 2544, RFC 5180) and never in use on a network. The
 * kernel itself is no party: frames to the client's link address are not its own.
 */
#ifndef DP_KERNEL_PROBE_LINK_H
#define DP_KERNEL_PROBE_LINK_H

#include <rte_ether.h>

#define DP_PROBE_SUBNETS 16384 /* of four addresses, in 16 bits */

extern const struct rte_ether_addr dp_probe_port_mac;

/* Gives the interface its addresses and its neighbours, as the 'subnet'-th of these networks has
 * them. 0 or -errno; a kernel without IPv6 is no error. */
int dp_probe_link_set_up(const char *interface, uint32_t subnet);

#endif
