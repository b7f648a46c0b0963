/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Routing netlink over libmnl.
 */
#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "netlink.h"

/* Answers of a dump come in batches of at most this many bytes. */
#define BATCH 32768

static const int groups[] = {RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
        RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE};

static int open_socket(struct mnl_socket **socket, int flags)
{
	*socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | flags);
	if (*socket == NULL)
		return -errno;
	return mnl_socket_bind(*socket, 0, MNL_SOCKET_AUTOPID) == 0 ? 0 : -errno;
}

int dp_netlink_open(struct dp_netlink *nl)
{
	/* The kernel answers at once; the limit is for the case that it never does. */
	const struct timeval limit = {.tv_sec = 2};
	int ret;

	*nl = (struct dp_netlink){.seq = 1};
	ret = open_socket(&nl->requests, 0);
	if (ret == 0)
		ret = open_socket(&nl->events, SOCK_NONBLOCK);
	for (size_t i = 0; i < MNL_ARRAY_SIZE(groups) && ret == 0; i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(
		            nl->events, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) != 0)
			ret = -errno;
	}
	if (ret == 0 && setsockopt(mnl_socket_get_fd(nl->requests), SOL_SOCKET, SO_RCVTIMEO, &limit,
	                        sizeof(limit)) != 0)
		ret = -errno;
	if (ret != 0)
		dp_netlink_close(nl);
	return ret;
}

void dp_netlink_close(struct dp_netlink *nl)
{
	if (nl->requests != NULL)
		mnl_socket_close(nl->requests);
	if (nl->events != NULL)
		mnl_socket_close(nl->events);
	nl->requests = nl->events = NULL;
}

static int answers(struct dp_netlink *nl, uint32_t seq, mnl_cb_t each, void *arg)
{
	uint8_t buf[BATCH] __attribute__((aligned(NLMSG_ALIGNTO)));
	uint32_t portid = mnl_socket_get_portid(nl->requests);
	int ret;

	do {
		ssize_t n = mnl_socket_recvfrom(nl->requests, buf, sizeof(buf));

		if (n < 0)
			return -errno;
		ret = mnl_cb_run(buf, (size_t)n, seq, portid, each, arg);
		/* What is left of an answer that nobody waited for any more. */
		if (ret < 0 && errno == EPROTO)
			ret = MNL_CB_OK;
		else if (ret < 0)
			return -errno;
	} while (ret > MNL_CB_STOP);
	return 0;
}

/* The dump that was interrupted goes on to its end: its messages must be read. */
static int drain(struct dp_netlink *nl)
{
	uint8_t buf[BATCH];

	while (recv(mnl_socket_get_fd(nl->requests), buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	return -EINTR;
}

static size_t header_size(uint16_t type)
{
	switch (type) {
	case RTM_GETLINK:
		return sizeof(struct ifinfomsg);
	case RTM_GETADDR:
		return sizeof(struct ifaddrmsg);
	case RTM_GETNEIGH:
		return sizeof(struct ndmsg);
	default:
		return sizeof(struct rtmsg);
	}
}

int dp_netlink_dump(struct dp_netlink *nl, uint16_t type, uint8_t family, mnl_cb_t each, void *arg)
{
	uint8_t buf[DP_NETLINK_REQUEST] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *request = dp_netlink_begin(buf, type, NLM_F_DUMP, header_size(type));
	int ret;

	*(uint8_t *)mnl_nlmsg_get_payload(request) = family; /* first in each of these headers */
	request->nlmsg_seq = nl->seq++;
	if (mnl_socket_sendto(nl->requests, request, request->nlmsg_len) < 0)
		return -errno;
	ret = answers(nl, request->nlmsg_seq, each, arg);
	return ret == -EINTR ? drain(nl) : ret;
}

struct nlmsghdr *dp_netlink_begin(void *buf, uint16_t type, uint16_t flags, size_t size)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buf);

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | flags;
	mnl_nlmsg_put_extra_header(request, size);
	return request;
}

int dp_netlink_get(struct dp_netlink *nl, struct nlmsghdr *request, mnl_cb_t each, void *arg)
{
	request->nlmsg_flags |= NLM_F_ACK;
	request->nlmsg_seq = nl->seq++;
	if (mnl_socket_sendto(nl->requests, request, request->nlmsg_len) < 0)
		return -errno;
	return answers(nl, request->nlmsg_seq, each, arg);
}

int dp_netlink_request(struct dp_netlink *nl, struct nlmsghdr *request)
{
	return dp_netlink_get(nl, request, NULL, NULL);
}

static unsigned kind_of(uint16_t type)
{
	switch (type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return DP_CHANGED_LINKS;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return DP_CHANGED_ADDRESSES;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return DP_CHANGED_ROUTES;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		return DP_CHANGED_NEIGHBOURS;
	default:
		return 0;
	}
}

unsigned dp_netlink_changes(struct dp_netlink *nl)
{
	uint8_t buf[BATCH] __attribute__((aligned(NLMSG_ALIGNTO)));
	unsigned changes = 0;

	for (;;) {
		ssize_t n = recv(mnl_socket_get_fd(nl->events), buf, sizeof(buf), MSG_DONTWAIT);
		int left = (int)n;

		/* ENOBUFS: some were lost. */
		if (n < 0 && errno == ENOBUFS)
			changes = DP_CHANGED_ALL;
		else if (n <= 0)
			return changes;
		for (const struct nlmsghdr *m = (void *)buf; mnl_nlmsg_ok(m, left);
		        m = mnl_nlmsg_next(m, &left))
			changes |= kind_of(m->nlmsg_type);
	}
}

bool dp_netlink_ip(const struct nlattr *attr, uint8_t family, struct lb_ip *ip)
{
	lb_be32 v4;

	if (attr == NULL)
		return false;
	if (family == AF_INET6 && mnl_attr_get_payload_len(attr) == sizeof(*ip)) {
		memcpy(ip, mnl_attr_get_payload(attr), sizeof(*ip));
		return true;
	}
	if (family != AF_INET || mnl_attr_get_payload_len(attr) != sizeof(v4))
		return false;
	memcpy(&v4, mnl_attr_get_payload(attr), sizeof(v4));
	*ip = lb_ip_from_v4(v4);
	return true;
}

void dp_netlink_put_ip(struct nlmsghdr *request, uint16_t type, const struct lb_ip *ip)
{
	if (lb_ip_is_v4(ip))
		mnl_attr_put(request, type, 4, ip->bytes + 12);
	else
		mnl_attr_put(request, type, sizeof(*ip), ip);
}

void dp_netlink_attributes(
        const struct nlmsghdr *msg, size_t header, const struct nlattr **table, uint16_t n)
{
	const struct nlattr *attr;

	memset(table, 0, n * sizeof(*table));
	mnl_attr_for_each(attr, msg, header)
	{
		if (mnl_attr_get_type(attr) < n)
			table[mnl_attr_get_type(attr)] = attr;
	}
}
