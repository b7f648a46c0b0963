/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The hash that chooses.
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

/* The two words of the address of a side, keys->client or ->other. '*above' becomes what stands
 * above it in the key: the port, and of clients the protocol. */
static inline __attribute__((always_inline)) void take_in_side(
        lanes *hash, const uint64_t side[3][DP_FLOW_BURST], uint32_t at, bool is_v6, lanes *above)
{
	lanes first = *(const lanes *)&side[0][at], second;

	if (is_v6) {
		second = *(const lanes *)&side[1][at];
		*above = *(const lanes *)&side[2][at];
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
