/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which target a new flow goes to: a place in its listener's Maglev table, and the places after it
 * when that target can't take the flow.
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
bool dp_select_start(struct dp_select *s, const struct dp_tables *tables,
        const struct lb_listener *listener, uint32_t hash);

/* The next target that was not offered yet and is alive: its slot, or LB_NO_SLOT. */
uint32_t dp_select_next(struct dp_select *s);

#endif
