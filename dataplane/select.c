/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reading a Maglev table. What is in it is the control plane's word: each index is read once and
 * checked.
 */
#include "select.h"

#include <rte_byteorder.h>

uint32_t dp_select_hash(const struct dp_flow_key *key, bool client_only)
{
	uint64_t words[5], h = UINT64_C(0x9e3779b97f4a7c15);
	uint32_t nb_words = client_only ? 2 : 5;

	memcpy(words, &key->client, 16);
	memcpy(words + 2, &key->other, 16);
	words[4] = (uint64_t)rte_le_to_cpu_16(key->client_port) |
	           (uint64_t)rte_le_to_cpu_16(key->other_port) << 16 |
	           (uint64_t)key->protocol << 32;
	for (uint32_t i = 0; i < nb_words; i++)
		h = lb_mix(h ^ (i < 4 ? rte_le_to_cpu_64(words[i]) : words[i]));
	return (uint32_t)(h >> 32);
}

bool dp_select_start(struct dp_select *s, const struct dp_tables *tables,
        const struct lb_listener *listener, uint32_t hash)
{
	uint64_t offset = __atomic_load_n(&listener->maglev_offset, __ATOMIC_RELAXED);
	uint32_t size = __atomic_load_n(&listener->maglev_size, __ATOMIC_RELAXED);

	s->tables = tables;
	s->maglev = lb_shm_at((void *)(uintptr_t)tables->segment, tables->segment_size, offset,
	        (uint64_t)size * sizeof(*s->maglev));
	s->size = size;
	s->at = lb_maglev_entry(hash, size);
	s->places_left = RTE_MIN(size, (uint32_t)DP_SELECT_PLACES);
	s->nb_offered = 0;
	return s->maglev != NULL && size > 0;
}

static bool was_offered(const struct dp_select *s, uint32_t slot)
{
	for (uint32_t i = 0; i < s->nb_offered; i++) {
		if (s->offered[i] == slot)
			return true;
	}
	return false;
}

uint32_t dp_select_next(struct dp_select *s)
{
	while (s->places_left > 0 && s->nb_offered < DP_SELECT_TARGETS) {
		uint32_t slot = __atomic_load_n(&s->maglev[s->at], __ATOMIC_RELAXED);

		s->places_left--;
		s->at = s->at + 1 == s->size ? 0 : s->at + 1;
		if (dp_tables_epoch(s->tables, slot) == 0 || was_offered(s, slot))
			continue;
		s->offered[s->nb_offered++] = slot;
		return slot;
	}
	return LB_NO_SLOT;
}
