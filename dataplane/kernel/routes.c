/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Routes, read whole.
 */
#include "routes.h"

#include <sys/socket.h>

static bool table_rank(const struct rtmsg *header, const struct nlattr *table, uint8_t *rank)
{
	uint32_t number = table != NULL ? mnl_attr_get_u32(table) : header->rtm_table;

	*rank = number == RT_TABLE_MAIN;
	return number == RT_TABLE_LOCAL || number == RT_TABLE_MAIN;
}

static bool route_kind(uint8_t type, uint8_t *kind)
{
	switch (type) {
	case RTN_LOCAL:
	case RTN_BROADCAST:
	case RTN_ANYCAST:
	case RTN_MULTICAST:
		*kind = DP_ROUTE_LOCAL;
		return true;
	case RTN_BLACKHOLE:
	case RTN_UNREACHABLE:
	case RTN_PROHIBIT:
		*kind = DP_ROUTE_REFUSE;
		return true;
	case RTN_UNICAST:
		*kind = DP_ROUTE_LINK;
		return true;
	default:
		return false; /* throw, nat, xresolve */
	}
}

static void read_gateway(struct dp_route *route, const struct nlattr *gateway,
        const struct nlattr *via, uint8_t family)
{
	const struct rtvia *by = via != NULL ? mnl_attr_get_payload(via) : NULL;

	if (dp_netlink_ip(gateway, family, &route->gateway)) {
		route->kind = DP_ROUTE_VIA;
	} else if (by != NULL && by->rtvia_family == AF_INET6 &&
	           mnl_attr_get_payload_len(via) == sizeof(*by) + sizeof(route->gateway)) {
		memcpy(&route->gateway, by->rtvia_addr, sizeof(route->gateway));
		route->kind = DP_ROUTE_VIA;
	}
}

static bool read_path(struct dp_route *route, const struct rtnexthop *path, uint8_t family)
{
	const struct nlattr *attr, *gateway = NULL, *via = NULL;
	const void *payload = (const uint8_t *)path + RTNH_LENGTH(0);

	if (path->rtnh_flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN))
		return false;
	mnl_attr_for_each_payload(payload, path->rtnh_len - RTNH_LENGTH(0))
	{
		if (mnl_attr_get_type(attr) == RTA_GATEWAY)
			gateway = attr;
		else if (mnl_attr_get_type(attr) == RTA_VIA)
			via = attr;
	}
	route->ifindex = (uint32_t)path->rtnh_ifindex;
	read_gateway(route, gateway, via, family);
	return true;
}

static bool read_multipath(struct dp_route *route, const struct nlattr *paths, uint8_t family)
{
	const struct rtnexthop *path = mnl_attr_get_payload(paths);
	int left = mnl_attr_get_payload_len(paths);

	while (RTNH_OK(path, left)) {
		if (read_path(route, path, family))
			return true;
		left -= RTNH_ALIGN(path->rtnh_len);
		path = RTNH_NEXT(path);
	}
	return false;
}

static bool parse_route(const struct nlmsghdr *msg, struct dp_route *route)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(msg);
	const struct nlattr *attrs[RTA_VIA + 1];

	dp_netlink_attributes(msg, sizeof(*header), attrs, RTA_VIA + 1);
	if ((header->rtm_flags & (RTM_F_CLONED | RTNH_F_DEAD | RTNH_F_LINKDOWN)) ||
	        !table_rank(header, attrs[RTA_TABLE], &route->rank) ||
	        !route_kind(header->rtm_type, &route->kind))
		return false;
	route->depth = header->rtm_dst_len;
	if (attrs[RTA_DST] == NULL && header->rtm_family == AF_INET)
		route->prefix = lb_ip_from_v4(0);
	else if (attrs[RTA_DST] != NULL &&
	         !dp_netlink_ip(attrs[RTA_DST], header->rtm_family, &route->prefix))
		return false;
	if (attrs[RTA_PRIORITY] != NULL)
		route->metric = mnl_attr_get_u32(attrs[RTA_PRIORITY]);
	if (route->kind != DP_ROUTE_LINK)
		return true;
	if (attrs[RTA_MULTIPATH] != NULL)
		return read_multipath(route, attrs[RTA_MULTIPATH], header->rtm_family);
	if (attrs[RTA_OIF] != NULL)
		route->ifindex = mnl_attr_get_u32(attrs[RTA_OIF]);
	read_gateway(route, attrs[RTA_GATEWAY], attrs[RTA_VIA], header->rtm_family);
	return true;
}

static int read_route(const struct nlmsghdr *msg, void *arg)
{
	struct dp_routes *routes = arg;
	struct dp_route route = {0};

	if (!parse_route(msg, &route))
		return MNL_CB_OK;
	return dp_list_add(&routes->list, route) == 0 ? MNL_CB_OK : MNL_CB_ERROR;
}

static int by_prefix(const void *a, const void *b)
{
	const struct dp_route *x = a, *y = b;
	int order = memcmp(&x->prefix, &y->prefix, sizeof(x->prefix));

	return order != 0 ? order : x->depth - y->depth;
}

/* A total order, so that the choice does not depend on the kernel's. */
static int by_preference(const void *a, const void *b)
{
	const struct dp_route *x = a, *y = b;
	int order = by_prefix(x, y);

	if (order != 0)
		return order;
	if (x->rank != y->rank)
		return x->rank - y->rank;
	if (x->metric != y->metric)
		return x->metric > y->metric ? 1 : -1;
	if (x->ifindex != y->ifindex)
		return x->ifindex > y->ifindex ? 1 : -1;
	return memcmp(&x->gateway, &y->gateway, sizeof(x->gateway));
}

static void keep_preferred(struct dp_routes *routes)
{
	uint32_t kept = 0;

	memset(routes->depths, 0, sizeof(routes->depths));
	for (uint32_t i = 0; i < routes->list.n; i++) {
		struct dp_route *r = &routes->list.items[i];

		if (kept > 0 && by_prefix(&routes->list.items[kept - 1], r) == 0)
			continue;
		routes->list.items[kept++] = *r;
		routes->depths[!lb_ip_is_v4(&r->prefix)][r->depth / 64] |= UINT64_C(1)
		                                                           << r->depth % 64;
	}
	routes->list.n = kept;
}

int dp_routes_read(struct dp_routes *routes, struct dp_netlink *nl)
{
	int ret;

	routes->list.n = 0;
	ret = dp_netlink_dump(nl, RTM_GETROUTE, AF_INET, read_route, routes);
	if (ret == 0)
		ret = dp_netlink_dump(nl, RTM_GETROUTE, AF_INET6, read_route, routes);
	dp_list_sort(&routes->list, by_preference);
	keep_preferred(routes);
	return ret;
}

/* Keeps the first 'bits' bits of all 128. */
static struct lb_ip masked(const struct lb_ip *ip, unsigned bits)
{
	struct lb_ip m = *ip;

	for (unsigned i = 0; i < sizeof(m.bytes); i++) {
		unsigned kept = bits > i * 8 ? bits - i * 8 : 0;

		if (kept < 8)
			m.bytes[i] &= (uint8_t)(0xff00 >> kept);
	}
	return m;
}

const struct dp_route *dp_routes_lookup(const struct dp_routes *routes, const struct lb_ip *ip)
{
	bool is_v6 = !lb_ip_is_v4(ip);

	for (int depth = is_v6 ? 128 : 32; depth >= 0 && routes->list.n > 0; depth--) {
		struct dp_route key = {.depth = (uint8_t)depth}, *found;

		if (!(routes->depths[is_v6][depth / 64] >> depth % 64 & 1))
			continue;
		key.prefix = masked(ip, (unsigned)depth + (is_v6 ? 0 : 96));
		found = bsearch(&key, routes->list.items, routes->list.n, sizeof(key), by_prefix);
		if (found != NULL)
			return found;
	}
	return NULL;
}
