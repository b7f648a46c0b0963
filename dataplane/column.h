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

/* Packets whose value is 0, one bit each. 'column' lies on a cache line. */
static inline uint64_t dp_column_zero_plain(const uint32_t column[DP_BURST])
{
	uint64_t set = 0;

	for (uint32_t i = 0; i < DP_BURST; i++)
		set |= (uint64_t)(column[i] == 0) << i;
	return set;
}

static inline uint64_t dp_column_zero(const uint32_t column[DP_BURST])
{
#ifdef __AVX512F__
	uint64_t set = 0;

	for (uint32_t i = 0; i < DP_BURST; i += 16) {
		__m512i values = _mm512_load_si512((const void *)&column[i]);

		set |= (uint64_t)_mm512_testn_epi32_mask(values, values) << i;
	}
	return set;
#else
	return dp_column_zero_plain(column);
#endif
}

#endif
