/* SPDX-License-Identifier: BSD-3-Clause
 *
 * An IPv6 address as two words that are loaded, compared, chosen and copied at once; private to
 * flow*.c.
 */
#ifndef DP_FLOW_PAIR_H
#define DP_FLOW_PAIR_H

#include "flow_layout.h"

#ifdef __SSE4_1__
#include <immintrin.h>
#endif

typedef uint64_t flow_pair __attribute__((vector_size(16), may_alias));

/* Of a key: the words stand in two columns. Written out, because compilers take them through
 * memory, where what was just stored as two can't be loaded as one without a wait. */
static inline __attribute__((always_inline)) flow_pair flow_key_pair(
        const uint64_t *words, uint32_t stride)
{
#ifdef __SSE4_1__
	return (flow_pair)_mm_loadh_pd(
	        _mm_load_sd((const double *)words), (const double *)(words + stride));
#else
	return (flow_pair){words[0], words[stride]};
#endif
}

/* Of an entry or a virtual address, 16-byte aligned. Each word is whole, and what is loaded after
 * this comes after it: see flow_candidates(). */
static inline __attribute__((always_inline)) flow_pair flow_load_pair(const uint64_t *words)
{
#if defined(__SSE2__) && !defined(FLOW_PLAIN) && !defined(__SANITIZE_THREAD__)
	flow_pair pair = *(const flow_pair *)words;

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return pair;
#else
	return (flow_pair){flow_load(&words[0]), flow_load(&words[1])};
#endif
}

static inline __attribute__((always_inline)) bool flow_pair_is_zero(flow_pair pair)
{
#ifdef __SSE4_1__
	return _mm_testz_si128((__m128i)pair, (__m128i)pair);
#else
	return (pair[0] | pair[1]) == 0;
#endif
}

#endif
