/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Columns of a burst: one value for each packet.
 */
#ifndef DP_COLUMN_H
#define DP_COLUMN_H

#include "pipeline.h"

#ifdef __AVX512F__
#include <immintrin.h>
#endif

/* Packets whose octet is 0, one bit each. The column may lie anywhere. */
static inline uint64_t dp_column_zero_octets_plain(const uint8_t column[DP_BURST])
{
	uint64_t set = 0;

	for (uint32_t i = 0; i < DP_BURST; i++)
		set |= (uint64_t)(column[i] == 0) << i;
	return set;
}

static inline uint64_t dp_column_zero_octets(const uint8_t column[DP_BURST])
{
#ifdef __AVX512BW__
	__m512i values = _mm512_loadu_si512((const void *)column);

	static_assert(DP_BURST == 64, "a column is a vector");
	return _mm512_testn_epi8_mask(values, values);
#else
	return dp_column_zero_octets_plain(column);
#endif
}

/* How many of the first 'n' packets have 0 in 'which' and how many 1, and what their values in
 * 'column' add up to. */
static inline void dp_column_sums_plain(const uint32_t column[DP_BURST],
        const uint8_t which[DP_BURST], uint32_t n, uint32_t counts[2], uint32_t sums[2])
{
	counts[0] = counts[1] = sums[0] = sums[1] = 0;
	for (uint32_t i = 0; i < n; i++) {
		counts[which[i] & 1]++;
		sums[which[i] & 1] += column[i];
	}
}

static inline void dp_column_sums(const uint32_t column[DP_BURST], const uint8_t which[DP_BURST],
        uint32_t n, uint32_t counts[2], uint32_t sums[2])
{
#if defined(__AVX512BW__) && defined(__AVX512VL__)
	__m512i all = _mm512_setzero_si512(), ones = all;

	counts[1] = 0;
	for (uint32_t i = 0; i < n; i += 16) {
		__mmask16 there = n - i < 16 ? (__mmask16)((1u << (n - i)) - 1) : UINT16_MAX;
		__m512i values = _mm512_maskz_load_epi32(there, &column[i]);
		__mmask16 one = _mm_mask_test_epi8_mask(
		        there, _mm_loadu_si128((const void *)&which[i]), _mm_set1_epi8(1));

		counts[1] += (uint32_t)__builtin_popcount(one);
		all = _mm512_add_epi32(all, values);
		ones = _mm512_mask_add_epi32(ones, one, ones, values);
	}
	counts[0] = n - counts[1];
	sums[1] = (uint32_t)_mm512_reduce_add_epi32(ones);
	sums[0] = (uint32_t)_mm512_reduce_add_epi32(all) - sums[1];
#else
	dp_column_sums_plain(column, which, n, counts, sums);
#endif
}

#endif
