/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Neighbours, read whole.
 */
#include "neighbours.h"

static int read_neighbour(const struct nlmsghdr *msg, void *arg)
{
	const struct ndmsg *header = mnl_nlmsg_get_payload(msg);
	const struct nlattr *attrs[NDA_LLADDR + 1];
	struct dp_neighbours *neighbours = arg;
	struct dp_neighbour n = {
	        .ifindex = (uint32_t)header->ndm_ifindex, .state = header->ndm_state};

	dp_netlink_attributes(msg, sizeof(*header), attrs, NDA_LLADDR + 1);
	if (!dp_netlink_ip(attrs[NDA_DST], header->ndm_family, &n.ip))
		return MNL_CB_OK; /* of a bridge, not of an address */
	if (attrs[NDA_LLADDR] != NULL &&
	        mnl_attr_get_payload_len(attrs[NDA_LLADDR]) == sizeof(n.mac))
		memcpy(&n.mac, mnl_attr_get_payload(attrs[NDA_LLADDR]), sizeof(n.mac));
	else if (dp_neighbour_usable(&n))
		n.state = NUD_FAILED; /* a link without Ethernet addresses */
	return dp_list_add(&neighbours->list, n) == 0 ? MNL_CB_OK : MNL_CB_ERROR;
}

static int by_place(const void *a, const void *b)
{
	const struct dp_neighbour *x = a, *y = b;

	if (x->ifindex != y->ifindex)
		return x->ifindex > y->ifindex ? 1 : -1;
	return memcmp(&x->ip, &y->ip, sizeof(x->ip));
}

int dp_neighbours_read(struct dp_neighbours *neighbours, struct dp_netlink *nl)
{
	int ret;

	neighbours->list.n = 0;
	ret = dp_netlink_dump(nl, RTM_GETNEIGH, AF_INET, read_neighbour, neighbours);
	if (ret == 0)
		ret = dp_netlink_dump(nl, RTM_GETNEIGH, AF_INET6, read_neighbour, neighbours);
	dp_list_sort(&neighbours->list, by_place);
	return ret;
}

const struct dp_neighbour *dp_neighbours_find(
        const struct dp_neighbours *neighbours, uint32_t ifindex, const struct lb_ip *ip)
{
	struct dp_neighbour key = {.ifindex = ifindex, .ip = *ip};

	if (neighbours->list.n == 0)
		return NULL;
	return bsearch(&key, neighbours->list.items, neighbours->list.n, sizeof(key), by_place);
}

static struct nlmsghdr *begin(
        void *buf, uint16_t type, uint16_t flags, uint32_t ifindex, const struct lb_ip *ip)
{
	struct nlmsghdr *request = dp_netlink_begin(buf, type, flags, sizeof(struct ndmsg));
	struct ndmsg *header = mnl_nlmsg_get_payload(request);

	header->ndm_family = dp_netlink_family(ip);
	header->ndm_ifindex = (int)ifindex;
	dp_netlink_put_ip(request, NDA_DST, ip);
	return request;
}

static int read_state(const struct nlmsghdr *msg, void *arg)
{
	const struct ndmsg *header = mnl_nlmsg_get_payload(msg);
	uint16_t *state = arg;

	*state = header->ndm_state;
	return MNL_CB_OK;
}

/* Whether somebody has set it, as the kernel knows it now: the mirror may be behind. */
static bool is_set_by_hand(struct dp_netlink *nl, uint32_t ifindex, const struct lb_ip *ip)
{
	uint8_t buf[DP_NETLINK_REQUEST] __attribute__((aligned(NLMSG_ALIGNTO)));
	uint16_t state = NUD_NONE;

	if (dp_netlink_get(nl, begin(buf, RTM_GETNEIGH, 0, ifindex, ip), read_state, &state) != 0)
		return false;
	return (state & (NUD_PERMANENT | NUD_NOARP)) != 0;
}

int dp_neighbour_probe(struct dp_netlink *nl, uint32_t ifindex, const struct lb_ip *ip)
{
	uint8_t buf[DP_NETLINK_REQUEST] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *request;

	/* NTF_USE takes NUD_PERMANENT from a neighbour, and its link address with it. One that is
	 * set between these two requests is lost all the same. */
	if (is_set_by_hand(nl, ifindex, ip))
		return 0;
	request = begin(buf, RTM_NEWNEIGH, NLM_F_CREATE, ifindex, ip);
	((struct ndmsg *)mnl_nlmsg_get_payload(request))->ndm_flags = NTF_USE;
	return dp_netlink_request(nl, request);
}
