/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Requests to the kernel's routing netlink: one at a time, each with its answer. And the
 * notifications, which say only that something of a kind has changed: state always comes from a
 * dump, so a lost notification loses nothing.
 */
#ifndef DP_KERNEL_NETLINK_H
#define DP_KERNEL_NETLINK_H

#include <stdbool.h>
#include <stdint.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "lb/types.h"

#define DP_NETLINK_REQUEST 512 /* bytes of the longest request */

struct dp_netlink {
	struct mnl_socket *requests;
	struct mnl_socket *events;
	uint32_t seq;
};

/* 0 or -errno, nothing open then. */
int dp_netlink_open(struct dp_netlink *nl);
void dp_netlink_close(struct dp_netlink *nl);

/* Calls 'each' for every answer to a dump of 'type' (RTM_GET...). 0, -EINTR when the kernel's state
 * changed meanwhile (ask again), or another -errno. */
int dp_netlink_dump(struct dp_netlink *nl, uint16_t type, uint8_t family, mnl_cb_t each, void *arg);

/* Begins a request in 'buf' (DP_NETLINK_REQUEST bytes) with a zeroed header of 'size' bytes, its
 * payload. */
struct nlmsghdr *dp_netlink_begin(void *buf, uint16_t type, uint16_t flags, size_t size);
/* Sends it and waits for the kernel's answer: 0 or -errno. */
int dp_netlink_request(struct dp_netlink *nl, struct nlmsghdr *request);
/* The same for a request that is answered with a message: 'each' is called for it. */
int dp_netlink_get(struct dp_netlink *nl, struct nlmsghdr *request, mnl_cb_t each, void *arg);

enum dp_netlink_changes {
	DP_CHANGED_LINKS = 1 << 0,
	DP_CHANGED_ADDRESSES = 1 << 1,
	DP_CHANGED_ROUTES = 1 << 2,
	DP_CHANGED_NEIGHBOURS = 1 << 3,
	DP_CHANGED_ALL = (1 << 4) - 1,
};

/* Reads all notifications that wait: enum dp_netlink_changes. */
unsigned dp_netlink_changes(struct dp_netlink *nl);

/* The address in an attribute of a family; false if its length is wrong. */
bool dp_netlink_ip(const struct nlattr *attr, uint8_t family, struct lb_ip *ip);
void dp_netlink_put_ip(struct nlmsghdr *request, uint16_t type, const struct lb_ip *ip);

static inline uint8_t dp_netlink_family(const struct lb_ip *ip)
{
	return lb_ip_is_v4(ip) ? 2 /* AF_INET */ : 10 /* AF_INET6 */;
}

/* Attributes by type; types from 'n' on are left out. */
void dp_netlink_attributes(
        const struct nlmsghdr *msg, size_t header, const struct nlattr **table, uint16_t n);

#endif
