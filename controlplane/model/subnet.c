/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Subnets: prefixes in zones, as the daemon's file gives them.
 */
#include "change.h"

#include <arpa/inet.h>
#include <errno.h>

const struct cp_subnet *cp_subnet_find(const struct cp_model *model, const char *id)
{
	struct cp_subnet *subnet;

	HASH_FIND_STR(model->subnets, id, subnet);
	return subnet;
}

static const struct cp_range *range_of(const struct cp_subnet *subnet, const struct lb_ip *ip)
{
	return lb_ip_is_v4(ip) ? &subnet->v4 : &subnet->v6;
}

const struct cp_subnet *cp_subnet_of(const struct cp_model *model, const struct lb_ip *ip)
{
	const struct cp_subnet *best = NULL;

	for (const struct cp_subnet *at = model->subnets; at != NULL; at = at->hh.next)
		if (cp_ip_in_range(ip, range_of(at, ip)) &&
		        (best == NULL ||
		                range_of(at, ip)->prefix_len > range_of(best, ip)->prefix_len))
			best = at;
	return best;
}

const struct cp_static_address *cp_subnet_static(
        const struct cp_subnet *subnet, const char *allocation_id)
{
	for (size_t i = 0; i < subnet->nb_addresses; i++)
		if (strcmp(subnet->addresses[i].allocation_id, allocation_id) == 0)
			return &subnet->addresses[i];
	return NULL;
}

const struct cp_subnet *cp_allocation_find(const struct cp_model *model, const char *allocation_id)
{
	for (const struct cp_subnet *at = model->subnets; at != NULL; at = at->hh.next)
		if (cp_subnet_static(at, allocation_id) != NULL)
			return at;
	return NULL;
}

/* What a range of a subnet to be added is refused for. */
struct range_check {
	const char *id, *family;
	unsigned max_len;
	char *why;
	size_t why_len;
};

/* The prefix's own address, and IPv4's broadcast address, are no host's. */
static bool is_edge(const struct lb_ip *ip, const struct cp_range *range)
{
	struct lb_ip next = cp_ip_next(ip);

	if (!lb_ip_is_v4(ip) || range->prefix_len >= 31)
		return false;
	return lb_ip_equal(ip, &range->prefix) || !cp_ip_in_range(&next, range);
}

bool cp_range_has_host(const struct cp_range *range, const struct lb_ip *ip)
{
	return cp_ip_in_range(ip, range) && cp_ip_is_host(ip) && !is_edge(ip, range);
}

static int address_check(const struct range_check *check, const struct cp_range *range,
        const char *what, const struct lb_ip *ip)
{
	char text[INET6_ADDRSTRLEN], prefix[INET6_ADDRSTRLEN];

	if (cp_range_has_host(range, ip))
		return 0;
	cp_ip_format(ip, text, sizeof(text));
	cp_ip_format(&range->prefix, prefix, sizeof(prefix));
	return cp_refuse(check->why, check->why_len,
	        "subnet \"%s\": %s %s is not a host's address in %s/%u", check->id, what, text,
	        prefix, range->prefix_len);
}

/* Whether the bits of the prefix behind its length are all zero. */
static bool prefix_is_clean(const struct cp_range *range)
{
	unsigned bits = range->prefix_len + (lb_ip_is_v4(&range->prefix) ? 96 : 0);

	for (; bits < 128; bits++)
		if (range->prefix.bytes[bits / 8] & 0x80 >> bits % 8)
			return false;
	return true;
}

static int range_check(const struct range_check *check, const struct cp_range *range)
{
	if (!range->present)
		return 0;
	if (lb_ip_is_v4(&range->prefix) != (check->max_len == 32) ||
	        range->prefix_len > check->max_len || !prefix_is_clean(range))
		return cp_refuse(check->why, check->why_len,
		        "subnet \"%s\": its %s prefix has bits set behind its length, or is of the "
		        "other family",
		        check->id, check->family);
	if (!range->has_free)
		return 0;
	if (address_check(check, range, "first free address", &range->first) != 0 ||
	        address_check(check, range, "last free address", &range->last) != 0)
		return -EINVAL;
	if (cp_ip_compare(&range->first, &range->last) > 0)
		return cp_refuse(check->why, check->why_len,
		        "subnet \"%s\": the first free %s address is above the last", check->id,
		        check->family);
	return 0;
}

static int statics_check(const struct cp_model *model, const struct cp_subnet *subnet,
        const struct range_check *check)
{
	for (size_t i = 0; i < subnet->nb_addresses; i++) {
		const struct cp_static_address *at = &subnet->addresses[i];
		const struct cp_range *range = range_of(subnet, &at->ip);

		if (!cp_word_valid(at->allocation_id, sizeof(at->allocation_id)))
			return cp_refuse(check->why, check->why_len,
			        "subnet \"%s\": the AllocationId of address %zu: 1 to 63 letters, "
			        "digits, '-', '_' and '.' are right",
			        check->id, i + 1);
		if (address_check(check, range, "static address", &at->ip) != 0)
			return -EINVAL;
		if (cp_allocation_find(model, at->allocation_id) != NULL ||
		        cp_subnet_static(subnet, at->allocation_id) != at)
			return cp_refuse(check->why, check->why_len,
			        "subnet \"%s\": AllocationId \"%s\" is there twice", check->id,
			        at->allocation_id);
	}
	return 0;
}

static bool same_prefix(const struct cp_range *a, const struct cp_range *b)
{
	return a->present && b->present && a->prefix_len == b->prefix_len &&
	       lb_ip_equal(&a->prefix, &b->prefix);
}

static int place_check(
        const struct cp_model *model, const struct cp_subnet *subnet, char *why, size_t why_len)
{
	if (!cp_word_valid(subnet->id, sizeof(subnet->id)))
		return cp_refuse(why, why_len,
		        "subnet id \"%.64s\": 1 to 63 letters, digits, '-', '_' and '.' are right",
		        subnet->id);
	if (cp_subnet_find(model, subnet->id) != NULL)
		return cp_refuse(why, why_len, "subnet \"%s\" is there twice", subnet->id);
	if (cp_zone_find(model, subnet->zone_name) < 0)
		return cp_refuse(why, why_len, "subnet \"%s\": there is no zone \"%.64s\"",
		        subnet->id, subnet->zone_name);
	if (!subnet->v4.present && !subnet->v6.present)
		return cp_refuse(why, why_len,
		        "subnet \"%s\": it needs an IPv4 prefix, an IPv6 prefix, or one of each",
		        subnet->id);
	for (const struct cp_subnet *at = model->subnets; at != NULL; at = at->hh.next)
		if (same_prefix(&at->v4, &subnet->v4) || same_prefix(&at->v6, &subnet->v6))
			return cp_refuse(why, why_len,
			        "subnet \"%s\" has a prefix that subnet \"%s\" has already",
			        subnet->id, at->id);
	return 0;
}

int cp_model_add_subnet(
        struct cp_model *model, const struct cp_subnet *subnet, char *why, size_t why_len)
{
	const struct range_check v4 = {subnet->id, "IPv4", 32, why, why_len};
	const struct range_check v6 = {subnet->id, "IPv6", 128, why, why_len};
	struct cp_subnet *copy;

	if (place_check(model, subnet, why, why_len) != 0 || range_check(&v4, &subnet->v4) != 0 ||
	        range_check(&v6, &subnet->v6) != 0 || statics_check(model, subnet, &v4) != 0)
		return -EINVAL;
	copy = cp_alloc(sizeof(*copy));
	*copy = *subnet;
	copy->zone = (uint16_t)cp_zone_find(model, subnet->zone_name);
	copy->addresses = cp_alloc((subnet->nb_addresses + 1) * sizeof(*copy->addresses));
	if (subnet->nb_addresses > 0)
		memcpy(copy->addresses, subnet->addresses,
		        subnet->nb_addresses * sizeof(*copy->addresses));
	HASH_ADD_STR(model->subnets, id, copy);
	cp_vip_begin(model, copy);
	return 0;
}
