/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Virtual addresses and targets: from a generation into guard, steering maps and interfaces.
 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "report.h"
#include "service.h"

static int note(int *first_error, int ret)
{
	if (*first_error == 0)
		*first_error = ret;
	return ret;
}

static int by_address(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct lb_ip));
}

static bool contains(const dp_ip_list *ips, const struct lb_ip *ip)
{
	return ips->n > 0 && bsearch(ip, ips->items, ips->n, sizeof(*ip), by_address) != NULL;
}

int dp_service_adopt(struct dp_service *s)
{
	int ret = dp_guard_read(s->config->instance, &s->guarded);

	dp_list_sort(&s->guarded, by_address);
	return ret;
}

int dp_service_take(struct dp_service *s, const struct dp_tables *tables, bool *changed)
{
	struct dp_service_wants wants = {0};
	int ret = dp_service_wants_read(&wants, tables);

	*changed = false;
	if (ret != 0)
		return ret;
	*changed = !s->known || !dp_service_wants_equal(&s->wants, &wants);
	dp_service_wants_free(&s->wants);
	s->wants = wants;
	s->known = true;
	return 0;
}

/* What was guarded stays so; the generation's addresses come to it. */
static int guard_more(struct dp_service *s)
{
	uint32_t before = s->guarded.n;

	for (uint32_t i = 0; i < s->wants.vips.n; i++) {
		const struct lb_ip *ip = &s->wants.vips.items[i].ip;

		/* Among those of before, which are sorted; wants.vips has each once. */
		if (before > 0 && bsearch(ip, s->guarded.items, before, sizeof(*ip), by_address))
			continue;
		if (dp_list_add(&s->guarded, *ip) != 0)
			return -ENOMEM;
	}
	dp_list_sort(&s->guarded, by_address);
	return 0;
}

static int protect(struct dp_service *s)
{
	int first_error = 0, ret;

	if (s->guard != NULL &&
	        note(&first_error, dp_guard_set(s->guard, &s->guarded, &s->wants.targets)) != 0)
		dp_kernel_report(
		        s->stats, "nftables refuses the guard: %s", dp_guard_error(s->guard));
	if (s->steer == NULL)
		return first_error;
	ret = dp_steer_set_vips(s->steer, s->guarded.items, s->guarded.n);
	if (ret == 0)
		ret = dp_steer_set_targets(s->steer, s->wants.targets.items, s->wants.targets.n);
	if (note(&first_error, ret) != 0)
		dp_kernel_report(s->stats, "the steering maps below %s can't be set: %s",
		        s->config->bpffs, ret == -E2BIG ? "they are full" : strerror(-ret));
	return first_error;
}

static void report_address(struct dp_service *s, const char *what, const struct lb_ip *ip,
        const char *interface, const char *why)
{
	char text[INET6_ADDRSTRLEN];

	if (lb_ip_is_v4(ip))
		inet_ntop(AF_INET, ip->bytes + 12, text, sizeof(text));
	else
		inet_ntop(AF_INET6, ip->bytes, text, sizeof(text));
	dp_kernel_report(s->stats, "address %s can't be %s %s: %s", text, what, interface, why);
}

static int put_on(struct dp_service *s, const struct dp_wanted_address *vip)
{
	struct dp_address address = {.ip = vip->ip, .prefix_len = vip->prefix_len};
	int ret;

	if (vip->interface[0] == '\0')
		return 0;
	address.ifindex = dp_links_index(s->links, vip->interface);
	if (address.ifindex == 0) {
		report_address(s, "put on", &vip->ip, vip->interface, "no such interface");
		return -ENODEV;
	}
	if (dp_addresses_find(&s->on, &vip->ip, address.ifindex) != NULL)
		return 0;
	ret = dp_address_add(s->nl, &address);
	if (ret == -EEXIST)
		ret = 0;
	if (ret != 0)
		report_address(s, "put on", &vip->ip, vip->interface, strerror(-ret));
	return ret;
}

static int take_off(struct dp_service *s, const struct dp_address *address)
{
	const struct dp_link *link = dp_links_find(s->links, address->ifindex);
	int ret = dp_address_remove(s->nl, address);

	if (ret == -EADDRNOTAVAIL || ret == -ENODEV)
		ret = 0;
	if (ret != 0)
		report_address(s, "taken off", &address->ip, link != NULL ? link->name : "?",
		        strerror(-ret));
	return ret;
}

/* Ours is what is marked, and in the guard: of this instance, where there is one to tell. */
static bool is_surplus(const struct dp_service *s, const struct dp_address *a)
{
	const struct dp_wanted_address *vip;

	if (!a->marked || (s->guard != NULL && !contains(&s->guarded, &a->ip)))
		return false;
	vip = dp_service_wants_find(&s->wants, &a->ip);
	return vip == NULL || dp_links_index(s->links, vip->interface) != a->ifindex;
}

static int take_off_surplus(struct dp_service *s)
{
	int first_error = 0;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < s->on.n; i++) {
		if (is_surplus(s, &s->on.items[i]) &&
		        note(&first_error, take_off(s, &s->on.items[i])) == 0)
			continue;
		s->on.items[kept++] = s->on.items[i];
	}
	s->on.n = kept;
	return first_error;
}

static int marked_on(const struct dp_service *s, dp_ip_list *marked)
{
	int ret = 0;

	for (uint32_t i = 0; i < s->on.n && ret == 0; i++) {
		if (s->on.items[i].marked)
			ret = dp_list_add(marked, s->on.items[i].ip);
	}
	return ret;
}

/* What is neither wanted nor on an interface because of us needs no guard any more. */
static int guard_less(struct dp_service *s)
{
	dp_ip_list marked = {0};
	uint32_t kept = 0;
	int ret = marked_on(s, &marked);

	for (uint32_t i = 0; i < s->guarded.n && ret == 0; i++) {
		struct lb_ip ip = s->guarded.items[i];

		if (dp_service_wants_find(&s->wants, &ip) != NULL || contains(&marked, &ip))
			s->guarded.items[kept++] = ip;
	}
	dp_list_free(&marked);
	if (ret != 0 || kept == s->guarded.n)
		return ret;
	s->guarded.n = kept;
	return protect(s);
}

int dp_service_apply(struct dp_service *s)
{
	int first_error = 0, ret;

	if (!s->known)
		return 0;
	ret = guard_more(s);
	if (ret == 0)
		ret = protect(s);
	if (ret != 0)
		return ret; /* no address without protection */
	ret = dp_addresses_read(&s->on, s->nl);
	if (ret != 0) {
		dp_kernel_report(
		        s->stats, "can't read the interfaces' addresses: %s", strerror(-ret));
		return ret;
	}
	if (s->config->addresses) {
		for (uint32_t i = 0; i < s->wants.vips.n; i++)
			note(&first_error, put_on(s, &s->wants.vips.items[i]));
		note(&first_error, take_off_surplus(s));
	}
	note(&first_error, guard_less(s));
	return first_error;
}

int dp_service_locals(struct dp_service *s, const struct dp_routes *routes)
{
	dp_ip_list locals = {0};
	int ret = 0;

	if (s->steer == NULL)
		return 0;
	for (uint32_t i = 0; i < routes->list.n && ret == 0; i++) {
		const struct dp_route *route = &routes->list.items[i];

		if (route->kind == DP_ROUTE_LOCAL &&
		        route->depth == (lb_ip_is_v4(&route->prefix) ? 32 : 128))
			ret = dp_list_add(&locals, route->prefix);
	}
	if (ret == 0)
		ret = dp_steer_set_locals(s->steer, locals.items, locals.n);
	dp_list_free(&locals);
	if (ret != 0)
		dp_kernel_report(s->stats, "steering map of this host's addresses can't be set: %s",
		        strerror(-ret));
	return ret;
}

void dp_service_free(struct dp_service *s)
{
	dp_guard_close(s->guard);
	dp_steer_close(s->steer);
	dp_service_wants_free(&s->wants);
	dp_list_free(&s->guarded);
	dp_list_free(&s->on);
}
