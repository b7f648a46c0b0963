/* SPDX-License-Identifier: BSD-3-Clause
 *
 * From links, routes and neighbours to entries of the FIB.
 */
#include "mirror.h"

typedef DP_LIST(struct dp_mirror_entry) entry_list;

int dp_mirror_read(struct dp_mirror *mirror, struct dp_netlink *nl, unsigned changes)
{
	int ret = 0;

	if (changes & DP_CHANGED_LINKS)
		ret = dp_links_read(&mirror->links, nl);
	/* A link that goes down takes its routes along without a word on IPv4 routes. */
	if (ret == 0 && changes & (DP_CHANGED_LINKS | DP_CHANGED_ADDRESSES | DP_CHANGED_ROUTES))
		ret = dp_routes_read(&mirror->routes, nl);
	if (ret == 0 && changes & (DP_CHANGED_LINKS | DP_CHANGED_NEIGHBOURS))
		ret = dp_neighbours_read(&mirror->neighbours, nl);
	return ret;
}

static bool port_adjacency(const struct dp_mirror *m, uint32_t ifindex, struct dp_adj *adj)
{
	if (dp_links_adjacency(&m->links, m->ports, m->nb_ports, ifindex, adj)) {
		adj->kind = DP_ADJ_UNRESOLVED;
		return true;
	}
	*adj = (struct dp_adj){.kind = DP_ADJ_FOREIGN, .ifindex = ifindex};
	return false;
}

static void resolve(struct dp_adj *adj, const struct dp_neighbour *n)
{
	if (n != NULL && dp_neighbour_usable(n)) {
		adj->kind = DP_ADJ_FORWARD;
		adj->dst = n->mac;
	}
}

static void route_adjacency(
        const struct dp_mirror *m, const struct dp_route *route, struct dp_adj *adj)
{
	if (route->kind == DP_ROUTE_LOCAL)
		*adj = (struct dp_adj){.kind = DP_ADJ_LOCAL};
	else if (route->kind == DP_ROUTE_REFUSE)
		*adj = (struct dp_adj){.kind = DP_ADJ_NONE};
	else if (port_adjacency(m, route->ifindex, adj) && route->kind == DP_ROUTE_VIA)
		resolve(adj, dp_neighbours_find(&m->neighbours, route->ifindex, &route->gateway));
}

static int add_routes(const struct dp_mirror *m, entry_list *entries)
{
	int ret = 0;

	for (uint32_t i = 0; i < m->routes.list.n && ret == 0; i++) {
		const struct dp_route *route = &m->routes.list.items[i];
		struct dp_mirror_entry entry = {.prefix = route->prefix, .depth = route->depth};

		route_adjacency(m, route, &entry.adj);
		ret = dp_list_add(entries, entry);
	}
	return ret;
}

/* A host route for each neighbour that packets to its address really go to. */
static int add_neighbours(const struct dp_mirror *m, entry_list *entries)
{
	int ret = 0;

	for (uint32_t i = 0; i < m->neighbours.list.n && ret == 0; i++) {
		const struct dp_neighbour *n = &m->neighbours.list.items[i];
		struct dp_mirror_entry entry = {
		        .prefix = n->ip, .depth = lb_ip_is_v4(&n->ip) ? 32 : 128};
		const struct dp_route *route;

		if (!dp_neighbour_usable(n) || !port_adjacency(m, n->ifindex, &entry.adj))
			continue;
		route = dp_routes_lookup(&m->routes, &n->ip);
		if (route == NULL || route->kind != DP_ROUTE_LINK || route->ifindex != n->ifindex ||
		        route->depth == entry.depth)
			continue;
		resolve(&entry.adj, n);
		ret = dp_list_add(entries, entry);
	}
	return ret;
}

/* Routes to a single address on a link: the neighbour belongs into the route itself. */
static void resolve_host_routes(const struct dp_mirror *m, entry_list *entries)
{
	for (uint32_t i = 0; i < entries->n; i++) {
		struct dp_mirror_entry *e = &entries->items[i];

		if (e->adj.kind == DP_ADJ_UNRESOLVED &&
		        e->depth == (lb_ip_is_v4(&e->prefix) ? 32 : 128)) {
			const struct dp_route *route = dp_routes_lookup(&m->routes, &e->prefix);

			if (route != NULL && route->kind == DP_ROUTE_LINK)
				resolve(&e->adj, dp_neighbours_find(&m->neighbours, e->adj.ifindex,
				                         &e->prefix));
		}
	}
}

static int by_prefix(const void *a, const void *b)
{
	const struct dp_mirror_entry *x = a, *y = b;
	int order = memcmp(&x->prefix, &y->prefix, sizeof(x->prefix));

	return order != 0 ? order : x->depth - y->depth;
}

static bool same_adjacency(const struct dp_adj *a, const struct dp_adj *b)
{
	return rte_is_same_ether_addr(&a->dst, &b->dst) &&
	       rte_is_same_ether_addr(&a->src, &b->src) && a->port == b->port && a->mtu == b->mtu &&
	       a->kind == b->kind && a->nb_tags == b->nb_tags &&
	       memcmp(a->tci, b->tci, sizeof(a->tci)) == 0 &&
	       memcmp(a->tpid, b->tpid, sizeof(a->tpid)) == 0 && a->ifindex == b->ifindex;
}

static void note(int *first_error, int ret)
{
	if (*first_error == 0)
		*first_error = ret;
}

/* Walks both sorted lists side by side. */
static int set_differences(struct dp_mirror *m, const entry_list *wanted, bool all)
{
	uint32_t i = 0, j = 0;
	int error = 0;

	while (i < wanted->n || j < m->installed.n) {
		const struct dp_mirror_entry *w = i < wanted->n ? &wanted->items[i] : NULL;
		const struct dp_mirror_entry *have =
		        j < m->installed.n ? &m->installed.items[j] : NULL;
		int order = w == NULL ? 1 : have == NULL ? -1 : by_prefix(w, have);

		if (order > 0)
			note(&error, dp_fib_remove(m->fib, &have->prefix, have->depth));
		else if (all || order < 0 || !same_adjacency(&w->adj, &have->adj))
			note(&error, dp_fib_set(m->fib, &w->prefix, w->depth, &w->adj));
		i += order <= 0;
		j += order >= 0;
	}
	return error;
}

int dp_mirror_commit(struct dp_mirror *m, bool all)
{
	entry_list wanted = {0};
	int ret = add_routes(m, &wanted), committed;

	if (ret == 0)
		ret = add_neighbours(m, &wanted);
	if (ret != 0) {
		dp_list_free(&wanted);
		return ret;
	}
	resolve_host_routes(m, &wanted);
	dp_list_sort(&wanted, by_prefix);
	ret = set_differences(m, &wanted, all);
	committed = dp_fib_commit(m->fib);
	dp_list_free(&m->installed);
	m->installed.items = wanted.items;
	m->installed.n = wanted.n;
	m->installed.room = wanted.room;
	return ret != 0 ? ret : committed;
}

bool dp_mirror_next_hop(
        const struct dp_mirror *m, const struct lb_ip *ip, struct lb_ip *hop, uint32_t *ifindex)
{
	const struct dp_route *route = dp_routes_lookup(&m->routes, ip);
	struct dp_adj adj;

	if (route == NULL || (route->kind != DP_ROUTE_VIA && route->kind != DP_ROUTE_LINK) ||
	        !port_adjacency(m, route->ifindex, &adj))
		return false;
	*hop = route->kind == DP_ROUTE_VIA ? route->gateway : *ip;
	*ifindex = route->ifindex;
	return true;
}

void dp_mirror_free(struct dp_mirror *m)
{
	dp_list_free(&m->links.list);
	dp_list_free(&m->routes.list);
	dp_list_free(&m->neighbours.list);
	dp_list_free(&m->installed);
}
