/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reading a Maglev table. What is in it is the control plane's word: each index is read once and
 * checked.
 */
#include "select.h"

#define LANES 8
typedef uint64_t lanes __attribute__((vector_size(8 * LANES), may_alias));
static_assert(DP_FLOW_BURST % LANES == 0, "the last vector ends in a column");

static inline __attribute__((always_inline)) void take_in(lanes *hash, const lanes *word)
{
	lanes h = *hash ^ *word;

	h = LB_MIX_STEP(h);
	h = LB_MIX_STEP(h);
	*hash = h ^ h >> 32;
}

/* An address as two words of the hash; 'sides' points to its first column. Returns what stands
 * above it: the port, and of clients the protocol. */
static inline __attribute__((always_inline)) void take_in_side(
        lanes *hash, const uint64_t sides[3][DP_FLOW_BURST], uint32_t at, bool is_v6, lanes *above)
{
	lanes first = *(const lanes *)&sides[0][at], second;

	if (is_v6) {
		second = *(const lanes *)&sides[1][at];
		*above = *(const lanes *)&sides[2][at];
	} else {
		second = first << 32 | UINT64_C(0xffff0000);
		*above = first >> 32;
		first ^= first;
	}
	take_in(hash, &first);
	take_in(hash, &second);
}

static inline __attribute__((always_inline)) void hash_lanes(
        const struct dp_flow_keys *keys, uint32_t at, bool is_v6, struct dp_select_hashes *hashes)
{
	typedef uint32_t narrow __attribute__((vector_size(4 * LANES), may_alias));
	lanes hash = {0}, client, other, last;

	hash += UINT64_C(0x9e3779b97f4a7c15);
	take_in_side(&hash, keys->client, at, is_v6, &client);
	*(narrow *)&hashes->client[at] = __builtin_convertvector(hash >> 32, narrow);
	take_in_side(&hash, keys->other, at, is_v6, &other);
	last = (client & 0xffff) | other << 16 | client >> 16 << 32;
	take_in(&hash, &last);
	*(narrow *)&hashes->flow[at] = __builtin_convertvector(hash >> 32, narrow);
}

void dp_select_hash(
        const struct dp_flow_keys *keys, bool is_v6, uint64_t set, struct dp_select_hashes *hashes)
{
	for (uint32_t at = 0; at < DP_FLOW_BURST; at += LANES) {
		if ((set >> at & ((1u << LANES) - 1)) == 0)
			continue;
		if (is_v6)
			hash_lanes(keys, at, true, hashes);
		else
			hash_lanes(keys, at, false, hashes);
	}
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
