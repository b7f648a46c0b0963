/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See flow_vip.h.
 */
#include "flow_vip.h"

#include <rte_common.h>

#include "lb/table.h"

#define MIN_PLACES 4     /* a cache line */
#define FEW_FLOWS  64    /* that an operator can configure; below are tests */
#define FEW_PLACES 4096  /* 64 KiB */
#define MAX_PLACES 65536 /* numbers have 16 bits */
#define MANY_FLOWS (MAX_PLACES / 4)
/* Places that are looked at for one address: enough for three quarters of all to be taken. */
#define PROBES 256

uint32_t flow_vips_size(uint32_t ipv6_flows)
{
	uint32_t size = ipv6_flows < MANY_FLOWS ? rte_align32pow2(4 * ipv6_flows) : MAX_PLACES;

	return RTE_MAX(size, (uint32_t)(ipv6_flows < FEW_FLOWS ? MIN_PLACES : FEW_PLACES));
}

static uint32_t first_place(const uint64_t words[2])
{
	struct lb_ip ip;

	memcpy(&ip, words, sizeof(ip));
	return lb_vip_hash(&ip);
}

/* What a search for an address comes to: its place, or the first that is free, or none. */
enum found { FOUND, FREE, NONE };

/* Freed places may lie before an address, so the first one does not end the search. Without the
 * lock a place may be half written: then it is an address whose upper half is 0, which no table has
 * (below). */
static enum found search(const struct dp_flow_table *t, const uint64_t words[2], uint16_t *number)
{
	uint32_t at = first_place(words);
	enum found found = NONE;

	for (uint32_t i = 0; i < PROBES && i < t->nb_vips; i++, at++) {
		const struct flow_vip *vip = &t->vips[at & t->vip_mask];
		uint64_t first = flow_load(&vip->words[0]), second = flow_load(&vip->words[1]);

		if (first == words[0] && second == words[1]) {
			*number = (uint16_t)(at & t->vip_mask);
			return FOUND;
		}
		if (found == NONE && (first | second) == 0) {
			*number = (uint16_t)(at & t->vip_mask);
			found = FREE;
		}
	}
	return found;
}

static bool add(struct dp_flow_table *t, const uint64_t words[2], uint16_t *number)
{
	enum found found;

	while (__atomic_exchange_n(&t->vips_lock, 1, __ATOMIC_ACQUIRE) != 0)
		while (__atomic_load_n(&t->vips_lock, __ATOMIC_RELAXED) != 0)
			rte_pause();
	found = search(t, words, number);
	if (found == FREE) {
		flow_store(&t->vips[*number].words[1], words[1]);
		flow_store(&t->vips[*number].words[0], words[0]);
	}
	/* pairs with the acquire above */
	__atomic_store_n(&t->vips_lock, 0, __ATOMIC_RELEASE);
	return found != NONE;
}

bool flow_vip_number(struct dp_flow_table *t, const uint64_t words[2], uint16_t *number)
{
	/* ::/64 is nobody's network, and zeros mean that a place is free */
	enum found found = words[0] != 0 ? search(t, words, number) : NONE;

	return likely(found == FOUND) || (found == FREE && add(t, words, number));
}

bool flow_vip_is_good(const struct dp_flow_table *t, uint16_t number)
{
	return number < t->nb_vips && t->vips[number].words[0] != 0 &&
	       ((number - first_place(t->vips[number].words)) & t->vip_mask) < PROBES;
}

void flow_vips_keep(struct dp_flow_table *t, const uint8_t *used)
{
	for (uint32_t i = 0; i < t->nb_vips; i++)
		if (!(used[i / 8] >> i % 8 & 1))
			t->vips[i] = (struct flow_vip){{0, 0}};
}
