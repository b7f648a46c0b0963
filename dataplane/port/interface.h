/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Small questions and wishes to the kernel about one of its interfaces.
 */
#ifndef DP_INTERFACE_H
#define DP_INTERFACE_H

#include <rte_ether.h>

/* The interface's MTU, or -errno: -ENODEV if there is no such interface. */
int dp_interface_mtu(const char *interface);

int dp_interface_set_mtu(const char *interface, uint16_t mtu);
int dp_interface_set_mac(const char *interface, const struct rte_ether_addr *mac);
int dp_interface_set_up(const char *interface);

/* Writes /proc/sys/net/<family>/conf/<interface>/<key>. 0 or -errno. */
int dp_interface_sysctl(
        const char *interface, const char *family, const char *key, const char *value);

#endif
