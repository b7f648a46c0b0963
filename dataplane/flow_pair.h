/* SPDX-License-Identifier: BSD-3-Clause
 *
 * An IPv6 address as two words that are loaded, compared, chosen and copied at once; private to
 * flow*.c. Once plain, once as a vector; tests hold the one against the other.
 */
#ifndef DP_FLOW_PAIR_H
#define DP_FLOW_PAIR_H

#include "flow_layout.h"

typedef uint64_t flow_pair __attribute__((vector_size(16), may_alias));

/* Of a key, whose words stand 'stride' apart. */
static inline __attribute__((always_inline)) flow_pair flow_key_pair_plain(
        const uint64_t *words, uint32_t stride)
{
	return (flow_pair){words[0], words[stride]};
}

/* Of an entry or a virtual address, 16-byte aligned. What is loaded after this comes after it.
 * Nobody needs the two words to be of one moment: the entry's live word, before and after, says
 * whether they are, and a virtual address is written before any entry has its number. */
static inline __attribute__((always_inline)) flow_pair flow_load_pair_plain(const uint64_t *words)
{
	return (flow_pair){flow_load(&words[0]), flow_load(&words[1])};
}

static inline __attribute__((always_inline)) bool flow_pair_is_zero_plain(flow_pair pair)
{
	return (pair[0] | pair[1]) == 0;
}

#if defined(__SSE4_1__) && !defined(FLOW_PLAIN)
#include <immintrin.h>

/* Compilers make the plain one of two stores and a load of both, which waits for the stores. */
static inline __attribute__((always_inline)) flow_pair flow_key_pair(
        const uint64_t *words, uint32_t stride)
{
	__m128d low = _mm_castsi128_pd(_mm_loadl_epi64((const __m128i *)words));

	return (flow_pair)_mm_loadh_pd(low, (const double *)(words + stride));
}

static inline __attribute__((always_inline)) flow_pair flow_load_pair(const uint64_t *words)
{
	flow_pair pair = *(const flow_pair *)words;

	/* nothing on x86 but a word to the compiler */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return pair;
}

static inline __attribute__((always_inline)) bool flow_pair_is_zero(flow_pair pair)
{
	return _mm_testz_si128((__m128i)pair, (__m128i)pair);
}
#else
#define flow_key_pair     flow_key_pair_plain
#define flow_load_pair    flow_load_pair_plain
#define flow_pair_is_zero flow_pair_is_zero_plain
#endif

#endif
