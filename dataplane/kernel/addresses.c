/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Addresses over netlink.
 */
#include <linux/if_addr.h>
#include <sys/socket.h>

#include "addresses.h"

static int read_address(const struct nlmsghdr *msg, void *arg)
{
	const struct ifaddrmsg *header = mnl_nlmsg_get_payload(msg);
	const struct nlattr *attrs[IFA_PROTO + 1];
	dp_address_list *addresses = arg;
	struct dp_address a = {.ifindex = header->ifa_index, .prefix_len = header->ifa_prefixlen};

	dp_netlink_attributes(msg, sizeof(*header), attrs, IFA_PROTO + 1);
	if (!dp_netlink_ip(attrs[IFA_LOCAL] ? attrs[IFA_LOCAL] : attrs[IFA_ADDRESS],
	            header->ifa_family, &a.ip))
		return MNL_CB_OK;
	a.marked = attrs[IFA_PROTO] != NULL &&
	           mnl_attr_get_u8(attrs[IFA_PROTO]) == DP_ADDRESS_PROTOCOL;
	return dp_list_add(addresses, a) == 0 ? MNL_CB_OK : MNL_CB_ERROR;
}

static int by_place(const void *a, const void *b)
{
	const struct dp_address *x = a, *y = b;
	int order = memcmp(&x->ip, &y->ip, sizeof(x->ip));

	return order != 0 ? order : (x->ifindex > y->ifindex) - (x->ifindex < y->ifindex);
}

const struct dp_address *dp_addresses_find(
        const dp_address_list *addresses, const struct lb_ip *ip, uint32_t ifindex)
{
	struct dp_address key = {.ip = *ip, .ifindex = ifindex};

	if (addresses->n == 0)
		return NULL;
	return bsearch(&key, addresses->items, addresses->n, sizeof(key), by_place);
}

int dp_addresses_read(dp_address_list *addresses, struct dp_netlink *nl)
{
	int ret;

	addresses->n = 0;
	ret = dp_netlink_dump(nl, RTM_GETADDR, AF_INET, read_address, addresses);
	return ret != 0 ? ret : dp_netlink_dump(nl, RTM_GETADDR, AF_INET6, read_address, addresses);
}

static struct nlmsghdr *begin(void *buf, uint16_t type, uint16_t flags, const struct dp_address *a)
{
	struct nlmsghdr *request = dp_netlink_begin(buf, type, flags, sizeof(struct ifaddrmsg));
	struct ifaddrmsg *header = mnl_nlmsg_get_payload(request);

	header->ifa_family = dp_netlink_family(&a->ip);
	header->ifa_prefixlen = a->prefix_len;
	header->ifa_index = a->ifindex;
	header->ifa_scope = RT_SCOPE_UNIVERSE;
	dp_netlink_put_ip(request, IFA_LOCAL, &a->ip);
	dp_netlink_put_ip(request, IFA_ADDRESS, &a->ip);
	return request;
}

int dp_address_add(struct dp_netlink *nl, const struct dp_address *address)
{
	/* Deprecated from the start: the host's own connections never choose it as a source. */
	const struct ifa_cacheinfo lifetime = {.ifa_prefered = 0, .ifa_valid = UINT32_MAX};
	uint8_t buf[DP_NETLINK_REQUEST] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *request = begin(buf, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, address);

	mnl_attr_put_u32(request, IFA_FLAGS, IFA_F_NODAD | IFA_F_NOPREFIXROUTE);
	mnl_attr_put_u8(request, IFA_PROTO, DP_ADDRESS_PROTOCOL);
	if (!lb_ip_is_v4(&address->ip))
		mnl_attr_put(request, IFA_CACHEINFO, sizeof(lifetime), &lifetime);
	return dp_netlink_request(nl, request);
}

int dp_address_remove(struct dp_netlink *nl, const struct dp_address *address)
{
	uint8_t buf[DP_NETLINK_REQUEST] __attribute__((aligned(NLMSG_ALIGNTO)));

	return dp_netlink_request(nl, begin(buf, RTM_DELADDR, 0, address));
}
