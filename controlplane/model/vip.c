/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Virtual addresses: which are taken, and the lowest free one of a subnet. Each free range
 * remembers a number below which nothing is free, so that taking many addresses is not slow.
 */
#include "change.h"

#include <stdlib.h>

const struct cp_vip *cp_vip_find(const struct cp_model *model, const struct lb_ip *ip)
{
	const struct cp_vip *vip;

	HASH_FIND(hh, model->vips, ip, sizeof(*ip), vip);
	return vip;
}

static bool reserved(const struct cp_model *model, const struct lb_ip *ip)
{
	for (const struct cp_subnet *at = model->subnets; at != NULL; at = at->hh.next)
		for (size_t i = 0; i < at->nb_addresses; i++)
			if (lb_ip_equal(&at->addresses[i].ip, ip))
				return true;
	return false;
}

/* Moves 'lowest' up to an address that is free, or past the last. */
static void range_settle(const struct cp_model *model, struct cp_range *range)
{
	while (cp_ip_compare(&range->lowest, &range->last) <= 0 &&
	        (cp_vip_find(model, &range->lowest) != NULL || reserved(model, &range->lowest)))
		range->lowest = cp_ip_next(&range->lowest);
}

bool cp_range_lowest(const struct cp_range *range, struct lb_ip *ip)
{
	*ip = range->lowest;
	return range->present && range->has_free && cp_ip_compare(ip, &range->last) <= 0;
}

/* After 'ip' was taken, reserved or given back. Prefixes may lie within each other. */
static void ranges_follow(struct cp_model *model, const struct lb_ip *ip)
{
	for (struct cp_subnet *subnet = model->subnets; subnet; subnet = subnet->hh.next) {
		struct cp_range *range = lb_ip_is_v4(ip) ? &subnet->v4 : &subnet->v6;

		if (!range->present || !range->has_free || cp_ip_compare(ip, &range->first) < 0 ||
		        cp_ip_compare(ip, &range->last) > 0)
			continue;
		if (cp_ip_compare(ip, &range->lowest) < 0)
			range->lowest = *ip;
		range_settle(model, range);
	}
}

void cp_vip_begin(struct cp_model *model, struct cp_subnet *subnet)
{
	subnet->v4.lowest = subnet->v4.first;
	subnet->v6.lowest = subnet->v6.first;
	ranges_follow(model, &subnet->v4.first);
	ranges_follow(model, &subnet->v6.first);
	for (size_t i = 0; i < subnet->nb_addresses; i++)
		ranges_follow(model, &subnet->addresses[i].ip);
}

void cp_vip_add(struct cp_model *model, struct cp_load_balancer *lb, const struct lb_ip *ip)
{
	struct cp_vip *vip = cp_alloc(sizeof(*vip));

	vip->ip = *ip;
	vip->lb = lb;
	HASH_ADD(hh, model->vips, ip, sizeof(vip->ip), vip);
	ranges_follow(model, ip);
}

void cp_vip_remove(struct cp_model *model, const struct lb_ip *ip)
{
	struct cp_vip *vip;

	HASH_FIND(hh, model->vips, ip, sizeof(*ip), vip);
	HASH_DEL(model->vips, vip);
	free(vip);
	ranges_follow(model, ip);
}
