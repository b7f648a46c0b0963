/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which target a new flow goes to: a place in its listener's Maglev table, and the places after it
 * when that target can't take the flow. What is in a table is the control plane's word: each index
 * is read once and checked.
 */
#ifndef DP_SELECT_H
#define DP_SELECT_H

#include "flow.h"
#include "tables.h"

/* Different targets that are offered for one flow, and places of the table that are looked at for
 * them. */
#define DP_SELECT_TARGETS 4
#define DP_SELECT_PLACES  64

/* The hash that chooses. All nodes with the same configuration compute the same number for the same
 * flow, in whatever release they run, so this is a format, not an implementation:
 *
 *   words w[0..4] of 64 bits, read from the bytes on the wire as little-endian numbers
 *     w[0], w[1]  client address, bytes 0-7 and 8-15; IPv4 as ::ffff:a.b.c.d
 *     w[2], w[3]  virtual address, the same
 *     w[4]        bits 0-15 client port (its 2 wire bytes, little-endian), bits 16-31 virtual port
 *                 (the same), bits 32-39 protocol number, the rest 0
 *   h = 0x9e3779b97f4a7c15
 *   for each word: h = lb_mix(h ^ w[i])             lb_mix() is in lb/table.h
 *   result: the upper 32 bits of h
 *
 * Of 'client' (stickiness source_ip) only w[0] and w[1] take part. There is no secret: nodes share
 * none, and whoever looks for flows that meet on one target finds them by trying. */
struct dp_select_hashes {
	uint32_t flow[DP_FLOW_BURST] __attribute__((aligned(64)));
	uint32_t client[DP_FLOW_BURST] __attribute__((aligned(64)));
};

/* Both hashes of the keys in 'set', one bit each, all of one family. Other places may hold
 * anything. Eight keys side by side: each hash is one long chain of multiplications. */
void dp_select_hash(
        const struct dp_flow_keys *keys, bool is_v6, uint64_t set, struct dp_select_hashes *hashes);

/* The targets for one flow, best first. */
struct dp_select {
	const struct dp_tables *tables;
	const uint32_t *maglev; /* in shared memory */
	uint32_t size, at, places_left;
	uint32_t nb_offered;
	uint32_t offered[DP_SELECT_TARGETS];
};

/* Starts at the place of 'hash' in the listener's table. False when there is no table, or it lies
 * outside of the segment. */
static inline bool dp_select_start(struct dp_select *s, const struct dp_tables *tables,
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

static inline bool dp_select_was_offered(const struct dp_select *s, uint32_t slot)
{
	for (uint32_t i = 0; i < s->nb_offered; i++) {
		if (s->offered[i] == slot)
			return true;
	}
	return false;
}

/* The next target that was not offered yet and is alive: its slot, or LB_NO_SLOT. */
static inline uint32_t dp_select_next(struct dp_select *s)
{
	while (s->places_left > 0 && s->nb_offered < DP_SELECT_TARGETS) {
		uint32_t slot = __atomic_load_n(&s->maglev[s->at], __ATOMIC_RELAXED);

		s->places_left--;
		s->at = s->at + 1 == s->size ? 0 : s->at + 1;
		if (dp_tables_epoch(s->tables, slot) == 0 || dp_select_was_offered(s, slot))
			continue;
		s->offered[s->nb_offered++] = slot;
		return slot;
	}
	return LB_NO_SLOT;
}

#endif
