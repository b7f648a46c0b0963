/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Values of a column as a vector: eight widened to words of 64 bits, or sixteen as they are. Apart
 * from column.h because a vector that large as a function's argument or result makes compilers warn
 * where the processor has none (-Wpsabi: the functions are inlined, so no ABI is meant).
 */
#ifndef DP_COLUMN_WIDE_H
#define DP_COLUMN_WIDE_H

#include <stdint.h>

#ifdef __AVX512F__
#include <immintrin.h>
#endif

/* Eight values as words of 64 bits; as values of a column. */
typedef uint64_t dp_column_wide __attribute__((vector_size(64), may_alias));
typedef uint32_t dp_column_eight __attribute__((vector_size(32), may_alias));
/* Sixteen, as they are. */
#define DP_COLUMN_LANES 16
typedef uint32_t dp_column_lanes __attribute__((vector_size(64), may_alias));
typedef uint8_t dp_column_octets __attribute__((vector_size(8), may_alias));

/* With AVX-512 each is one instruction, which the compiler does not see in the conversion. */
static inline dp_column_wide dp_column_widen8(const uint8_t *column)
{
#ifdef __AVX512F__
	return (dp_column_wide)_mm512_cvtepu8_epi64(_mm_loadl_epi64((const void *)column));
#else
	return __builtin_convertvector(*(const dp_column_octets *)column, dp_column_wide);
#endif
}

static inline dp_column_wide dp_column_widen32(const uint32_t *column)
{
#ifdef __AVX512F__
	return (dp_column_wide)_mm512_cvtepu32_epi64(_mm256_load_si256((const void *)column));
#else
	return __builtin_convertvector(*(const dp_column_eight *)column, dp_column_wide);
#endif
}

/* The other way round: the lowest octet of each. */
static inline void dp_column_narrow8(uint8_t *column, dp_column_wide values)
{
#ifdef __AVX512F__
	_mm_storel_epi64((void *)column, _mm512_cvtepi64_epi8((__m512i)values));
#else
	*(dp_column_octets *)column = __builtin_convertvector(values, dp_column_octets);
#endif
}

/* Which are 0, one bit each. */
static inline uint32_t dp_column_zero_lanes_plain(dp_column_lanes values)
{
	uint32_t set = 0;

	for (uint32_t i = 0; i < DP_COLUMN_LANES; i++)
		set |= (uint32_t)(values[i] == 0) << i;
	return set;
}

static inline uint32_t dp_column_zero_lanes(dp_column_lanes values)
{
#ifdef __AVX512F__
	return _mm512_testn_epi32_mask((__m512i)values, (__m512i)values);
#else
	return dp_column_zero_lanes_plain(values);
#endif
}

#endif
