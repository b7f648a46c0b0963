/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which slots of a line are used, which may hold a key, which has a ref; private to flow*.c. Once
 * plain, once as one comparison of the whole line; tests hold the one against the other.
 */
#ifndef DP_FLOW_LINE_H
#define DP_FLOW_LINE_H

#include "flow_layout.h"

/* 0x8000 in each 16-bit lane that is 0. A lane above one that is 0 may be marked wrongly, so this
 * finds candidates only. */
static inline uint64_t flow_zero_lanes(uint64_t x)
{
	return (x - UINT64_C(0x0001000100010001)) & ~x & UINT64_C(0x8000800080008000);
}

/* Slots whose tag may be 'tag', one bit each; flow_slot_plain() says which a bit is. */
static inline uint64_t flow_candidates_plain(const struct flow_line *line, uint16_t tag)
{
	uint64_t lanes = tag * UINT64_C(0x0001000100010001);
	uint64_t low = flow_load(&line->tags[0]) ^ lanes;
	uint64_t high = flow_load(&line->tags[1]) ^ lanes;
	uint64_t last = (uint16_t)flow_load(&line->tag8) == tag;

	return flow_zero_lanes(low) >> 15 | flow_zero_lanes(high) >> 14 | last << 2;
}

/* The slot of the lowest bit. */
static inline size_t flow_slot_plain(uint64_t bits)
{
	size_t at = (size_t)__builtin_ctzll(bits);

	return at / 16 + at % 16 * 4;
}

/* How many slots are used: the line's first. Without a branch: there is no telling how many. */
static inline uint32_t flow_line_used_plain(const struct flow_line *line)
{
	uint32_t n = 0;

	for (uint32_t slot = 0; slot < FLOW_LINE_SLOTS; slot++)
		n += flow_load(&line->refs[slot]) != 0;
	return n;
}

/* The slot of a ref, or FLOW_LINE_SLOTS. */
static inline uint32_t flow_line_slot_plain(const struct flow_line *line, uint32_t ref)
{
	uint32_t slot = 0;

	while (slot < FLOW_LINE_SLOTS && flow_load(&line->refs[slot]) != ref)
		slot++;
	return slot;
}

#if defined(__AVX512BW__) && !defined(FLOW_PLAIN)
#include <immintrin.h>

/* A line as 32 lanes of 16 bits: tags are the lanes 4 to 12, and so are the bits of the result. The
 * load is whole on every processor that has it; all that a reader needs is that each tag is, and
 * that none comes from before what was loaded before. */
static inline uint64_t flow_candidates(const struct flow_line *line, uint16_t tag)
{
	__m512i lanes = _mm512_load_si512((const void *)line);
	uint64_t bits = _mm512_mask_cmpeq_epi16_mask(0x1ff0, lanes, _mm512_set1_epi16((short)tag));

	/* what is loaded after this one comes after it: nothing on x86 but a word to the compiler
	 */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return bits;
}

static inline size_t flow_candidate_slot(uint64_t bits)
{
	return (size_t)__builtin_ctzll(bits) - 4;
}

/* Refs are the lanes of 32 bits from 7 on. These two are for the holder of the bucket, or who is
 * about to lock it with the version that it had before. */
static inline uint32_t flow_line_used(const struct flow_line *line)
{
	__m512i lanes = _mm512_load_si512((const void *)line);

	static_assert(offsetof(struct flow_line, refs) == 7 * 4 && FLOW_LINE_SLOTS == 9,
	        "which lanes are refs");
	return (uint32_t)__builtin_popcount(_mm512_mask_test_epi32_mask(0xff80, lanes, lanes));
}

static inline uint32_t flow_line_slot(const struct flow_line *line, uint32_t ref)
{
	__m512i lanes = _mm512_load_si512((const void *)line);
	uint32_t bits = _mm512_mask_cmpeq_epi32_mask(0xff80, lanes, _mm512_set1_epi32((int)ref));

	return (uint32_t)__builtin_ctz(bits | 1u << 16) - 7;
}
#else
#define flow_candidates     flow_candidates_plain
#define flow_candidate_slot flow_slot_plain
#define flow_line_used      flow_line_used_plain
#define flow_line_slot      flow_line_slot_plain
#endif

#endif
