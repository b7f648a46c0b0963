/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Virtual addresses on the kernel's interfaces. Ours carry a protocol number (IFA_PROTO, Linux
 * 5.18) and are in the instance's guard: others' addresses are never taken off.
 */
#ifndef DP_KERNEL_ADDRESSES_H
#define DP_KERNEL_ADDRESSES_H

#include "list.h"
#include "netlink.h"

/* /etc/iproute2/rt_addrprotos leaves numbers from 128 on to whoever wants one. */
#define DP_ADDRESS_PROTOCOL 0xab

/* An address that is on an interface now. */
struct dp_address {
	struct lb_ip ip;
	uint32_t ifindex;
	uint8_t prefix_len;
	bool marked; /* with our protocol number */
};

typedef DP_LIST(struct dp_address) dp_address_list;

/* All that are on interfaces now, by address and interface. */
int dp_addresses_read(dp_address_list *addresses, struct dp_netlink *nl);

const struct dp_address *dp_addresses_find(
        const dp_address_list *addresses, const struct lb_ip *ip, uint32_t ifindex);

/* 0 or -errno; -EEXIST and -EADDRNOTAVAIL mean that it is so already. */
int dp_address_add(struct dp_netlink *nl, const struct dp_address *address);
int dp_address_remove(struct dp_netlink *nl, const struct dp_address *address);

#endif
