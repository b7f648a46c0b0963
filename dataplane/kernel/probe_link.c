/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Addresses and neighbours of the probe port, over netlink.
 */
#include "probe_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <net/if.h>

#include "log.h"
#include "netlink.h"

#define V4_PREFIX 30
#define V6_PREFIX 126

const struct rte_ether_addr dp_probe_port_mac = {{0x02, 0x00, 0x5e, 0x12, 0x00, 0x01}};
static const struct rte_ether_addr client_mac = {{0x02, 0x00, 0x5e, 0x12, 0x00, 0x02}};

/* The last 16 bits of both families' networks count alike. */
static struct lb_ip member(bool is_v6, uint32_t subnet, uint32_t host)
{
	static const struct lb_ip v6 = {.bytes = {0x20, 0x01, 0x00, 0x02}};
	struct lb_ip ip = is_v6 ? v6 : lb_ip_from_v4(htonl(0xc6120000));
	uint32_t last = subnet * 4 + host;

	ip.bytes[14] = (uint8_t)(last >> 8);
	ip.bytes[15] = (uint8_t)last;
	return ip;
}

static int add_address(struct dp_netlink *nl, unsigned int ifindex, const struct lb_ip *ip)
{
	uint8_t buf[DP_NETLINK_REQUEST] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *request = dp_netlink_begin(
	        buf, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, sizeof(struct ifaddrmsg));
	struct ifaddrmsg *header = mnl_nlmsg_get_payload(request);

	header->ifa_family = dp_netlink_family(ip);
	header->ifa_prefixlen = lb_ip_is_v4(ip) ? V4_PREFIX : V6_PREFIX;
	header->ifa_index = ifindex;
	header->ifa_scope = RT_SCOPE_UNIVERSE;
	dp_netlink_put_ip(request, IFA_LOCAL, ip);
	dp_netlink_put_ip(request, IFA_ADDRESS, ip);
	mnl_attr_put_u32(request, IFA_FLAGS, IFA_F_NODAD);
	return dp_netlink_request(nl, request);
}

static int add_client(struct dp_netlink *nl, unsigned int ifindex, const struct lb_ip *ip)
{
	uint8_t buf[DP_NETLINK_REQUEST] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *request = dp_netlink_begin(
	        buf, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, sizeof(struct ndmsg));
	struct ndmsg *header = mnl_nlmsg_get_payload(request);

	header->ndm_family = dp_netlink_family(ip);
	header->ndm_ifindex = (int)ifindex;
	header->ndm_state = NUD_PERMANENT;
	dp_netlink_put_ip(request, NDA_DST, ip);
	mnl_attr_put(request, NDA_LLADDR, sizeof(client_mac), &client_mac);
	return dp_netlink_request(nl, request);
}

static int set_up(struct dp_netlink *nl, unsigned int ifindex, uint32_t subnet, bool is_v6)
{
	struct lb_ip own = member(is_v6, subnet, 1), client = member(is_v6, subnet, 2);
	int rc = add_address(nl, ifindex, &own);

	return rc == 0 ? add_client(nl, ifindex, &client) : rc;
}

int dp_probe_link_set_up(const char *interface, uint32_t subnet)
{
	unsigned int ifindex = if_nametoindex(interface);
	struct dp_netlink nl;
	int rc = ifindex != 0 ? dp_netlink_open(&nl) : -errno, v6;

	if (rc < 0)
		return rc;
	rc = set_up(&nl, ifindex, subnet, false);
	v6 = set_up(&nl, ifindex, subnet, true);
	if (v6 < 0)
		dp_log_info("%s: IPv4 alone can be probed: %s", interface, strerror(-v6));
	dp_netlink_close(&nl);
	return rc;
}
