/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Interfaces, read whole; VLAN interfaces are followed down to the port below them.
 */
#include <arpa/inet.h>
#include <linux/if_link.h>

#include "links.h"

#define MAX_TAGS 2

static void read_vlan(struct dp_link *link, const struct nlattr *info)
{
	const struct nlattr *attr, *data = NULL;
	bool is_vlan = false;

	mnl_attr_for_each_nested(attr, info)
	{
		if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
			is_vlan = strcmp(mnl_attr_get_str(attr), "vlan") == 0;
		else if (mnl_attr_get_type(attr) == IFLA_INFO_DATA)
			data = attr;
	}
	if (!is_vlan || data == NULL)
		return;
	link->is_vlan = true;
	link->vlan_type = htons(0x8100);
	mnl_attr_for_each_nested(attr, data)
	{
		if (mnl_attr_get_type(attr) == IFLA_VLAN_ID)
			link->vlan_id = mnl_attr_get_u16(attr);
		else if (mnl_attr_get_type(attr) == IFLA_VLAN_PROTOCOL)
			link->vlan_type = mnl_attr_get_u16(attr);
	}
}

static int read_link(const struct nlmsghdr *msg, void *arg)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(msg);
	const struct nlattr *attrs[IFLA_LINKINFO + 1];
	struct dp_links *links = arg;
	struct dp_link link = {.ifindex = (uint32_t)header->ifi_index};

	dp_netlink_attributes(msg, sizeof(*header), attrs, IFLA_LINKINFO + 1);
	if (attrs[IFLA_IFNAME] != NULL)
		strncpy(link.name, mnl_attr_get_str(attrs[IFLA_IFNAME]), sizeof(link.name) - 1);
	if (attrs[IFLA_ADDRESS] != NULL &&
	        mnl_attr_get_payload_len(attrs[IFLA_ADDRESS]) == sizeof(link.mac))
		memcpy(&link.mac, mnl_attr_get_payload(attrs[IFLA_ADDRESS]), sizeof(link.mac));
	if (attrs[IFLA_MTU] != NULL) {
		uint32_t mtu = mnl_attr_get_u32(attrs[IFLA_MTU]);

		link.mtu = (uint16_t)(mtu < UINT16_MAX ? mtu : UINT16_MAX);
	}
	if (attrs[IFLA_LINK] != NULL)
		link.parent = mnl_attr_get_u32(attrs[IFLA_LINK]);
	if (attrs[IFLA_LINKINFO] != NULL)
		read_vlan(&link, attrs[IFLA_LINKINFO]);
	return dp_list_add(&links->list, link) == 0 ? MNL_CB_OK : MNL_CB_ERROR;
}

static int by_index(const void *a, const void *b)
{
	uint32_t x = ((const struct dp_link *)a)->ifindex, y = ((const struct dp_link *)b)->ifindex;

	return (x > y) - (x < y);
}

int dp_links_read(struct dp_links *links, struct dp_netlink *nl)
{
	int ret;

	links->list.n = 0;
	ret = dp_netlink_dump(nl, RTM_GETLINK, AF_UNSPEC, read_link, links);
	dp_list_sort(&links->list, by_index);
	return ret;
}

const struct dp_link *dp_links_find(const struct dp_links *links, uint32_t ifindex)
{
	struct dp_link key = {.ifindex = ifindex};

	if (links->list.n == 0)
		return NULL;
	return bsearch(&key, links->list.items, links->list.n, sizeof(key), by_index);
}

uint32_t dp_links_index(const struct dp_links *links, const char *name)
{
	for (uint32_t i = 0; i < links->list.n; i++) {
		if (strcmp(links->list.items[i].name, name) == 0)
			return links->list.items[i].ifindex;
	}
	return 0;
}

static const struct dp_kernel_port *port_of(
        const struct dp_kernel_port *ports, uint32_t nb_ports, const char *interface)
{
	for (uint32_t i = 0; i < nb_ports; i++) {
		if (ports[i].interface[0] != '\0' && strcmp(ports[i].interface, interface) == 0)
			return &ports[i];
	}
	return NULL;
}

bool dp_links_adjacency(const struct dp_links *links, const struct dp_kernel_port *ports,
        uint32_t nb_ports, uint32_t ifindex, struct dp_adj *adj)
{
	const struct dp_link *first = dp_links_find(links, ifindex), *link = first;
	const struct dp_kernel_port *port = NULL;
	const struct dp_link *tags[MAX_TAGS];
	uint8_t nb_tags = 0;

	while (link != NULL && (port = port_of(ports, nb_ports, link->name)) == NULL &&
	        link->is_vlan && nb_tags < MAX_TAGS) {
		tags[nb_tags++] = link;
		link = dp_links_find(links, link->parent);
	}
	if (port == NULL)
		return false;
	memset(adj, 0, sizeof(*adj));
	adj->src = nb_tags > 0 ? first->mac : port->mac;
	adj->port = port->port;
	adj->mtu = first->mtu < port->mtu || port->mtu == 0 ? first->mtu : port->mtu;
	adj->ifindex = ifindex;
	adj->nb_tags = nb_tags > 0 ? nb_tags : DP_ADJ_KEEP_TAGS;
	for (uint8_t i = 0; i < nb_tags; i++) { /* the interface asked for has the innermost tag */
		adj->tci[nb_tags - 1 - i] = htons(tags[i]->vlan_id);
		adj->tpid[nb_tags - 1 - i] = tags[i]->vlan_type;
	}
	return true;
}
