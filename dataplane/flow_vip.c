/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See flow_vip.h.
 */
#include "flow_vip.h"

#include <rte_common.h>

#include "lb/table.h"

#define MIN_PLACES 4     /* a cache line */
#define MAX_PLACES 65536 /* numbers have 16 bits */
/* Places that are looked at for one address. */
#define PROBES 32

uint32_t flow_vips_size(uint32_t ipv6_flows)
{
	if (ipv6_flows >= MAX_PLACES / 4)
		return MAX_PLACES;
	return RTE_MAX(rte_align32pow2(4 * ipv6_flows), (uint32_t)MIN_PLACES);
}

static uint32_t first_place(const uint64_t words[2])
{
	struct lb_ip ip;

	memcpy(&ip, words, sizeof(ip));
	return lb_vip_hash(&ip);
}

static bool is_at(const struct flow_vip *vip, const uint64_t words[2])
{
	return flow_load(&vip->words[0]) == words[0] && flow_load(&vip->words[1]) == words[1];
}

/* Without the lock a place may be read half written: then it is nobody's yet. */
static bool find(const struct dp_flow_table *t, const uint64_t words[2], uint16_t *number)
{
	uint32_t at = first_place(words);

	for (uint32_t i = 0; i < PROBES; i++, at++) {
		*number = (uint16_t)(at & t->vip_mask);
		if (is_at(&t->vips[*number], words))
			return true;
	}
	return false;
}

static bool add(struct dp_flow_table *t, const uint64_t words[2], uint16_t *number)
{
	const uint64_t none[2] = {0, 0};
	uint32_t at = first_place(words);

	for (uint32_t i = 0; i < PROBES; i++, at++) {
		struct flow_vip *vip = &t->vips[at & t->vip_mask];

		if (!is_at(vip, none))
			continue;
		flow_store(&vip->words[0], words[0]);
		flow_store(&vip->words[1], words[1]);
		*number = (uint16_t)(at & t->vip_mask);
		return true;
	}
	return false;
}

bool flow_vip_number(struct dp_flow_table *t, const uint64_t words[2], uint16_t *number)
{
	bool found = find(t, words, number);

	if (likely(found))
		return true;
	while (__atomic_exchange_n(&t->vips_lock, 1, __ATOMIC_ACQUIRE) != 0)
		rte_pause();
	found = find(t, words, number) || add(t, words, number);
	/* pairs with the acquire above */
	__atomic_store_n(&t->vips_lock, 0, __ATOMIC_RELEASE);
	return found;
}

bool flow_vip_is_good(const struct dp_flow_table *t, uint16_t number)
{
	const struct flow_vip *vip = &t->vips[number];
	const uint64_t none[2] = {0, 0};

	return number < t->nb_vips && !is_at(vip, none) &&
	       ((number - first_place(vip->words)) & t->vip_mask) < PROBES;
}

void flow_vips_keep(struct dp_flow_table *t, const uint8_t *used)
{
	for (uint32_t i = 0; i < t->nb_vips; i++)
		if (!(used[i / 8] >> i % 8 & 1))
			t->vips[i] = (struct flow_vip){{0, 0}};
}
