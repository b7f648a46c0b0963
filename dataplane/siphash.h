/* SPDX-License-Identifier: BSD-3-Clause
 *
 * SipHash (Aumasson, Bernstein: "SipHash: a fast short-input PRF", INDOCRYPT 2012), for inputs that
 * come as whole 64-bit words. The flow table uses SipHash-1-3: nobody who does not know the 128-bit
 * key can tell its output from random, from any number of chosen inputs and whatever he learns
 * about collisions, as far as is publicly known; so nobody can aim flows at one bucket. Cheaper
 * multiplying hashes are universal for an opponent who sees nothing, but linear: timing gives their
 * key away.
 */
#ifndef DP_SIPHASH_H
#define DP_SIPHASH_H

#include <stdint.h>

/* Eight inputs are hashed side by side, in whatever vectors the processor has: with AVX-512 that
 * costs about what one alone does, which is a quarter of a table look-up. */
#define DP_SIPHASH_LANES 8
typedef uint64_t dp_siphash_lanes __attribute__((vector_size(8 * DP_SIPHASH_LANES)));

#define DP_SIPHASH_ROTATE(x, by) ((x) << (by) | (x) >> (64 - (by)))

static inline __attribute__((always_inline)) void dp_siphash_round(dp_siphash_lanes v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = DP_SIPHASH_ROTATE(v[1], 13) ^ v[0];
	v[3] = DP_SIPHASH_ROTATE(v[3], 16) ^ v[2];
	v[0] = DP_SIPHASH_ROTATE(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = DP_SIPHASH_ROTATE(v[1], 17) ^ v[2];
	v[3] = DP_SIPHASH_ROTATE(v[3], 21) ^ v[0];
	v[2] = DP_SIPHASH_ROTATE(v[2], 32);
}

/* SipHash-1-3 of eight inputs of 'nb_words' words each: words[i][lane]. An input's last word holds
 * its final 0 to 7 bytes, and in the top byte its whole length modulo 256, as the paper pads it.
 * Little endian. */
static inline __attribute__((always_inline)) void dp_siphash13(const uint64_t key[2],
        const dp_siphash_lanes *words, unsigned int nb_words, dp_siphash_lanes *hashes)
{
	const dp_siphash_lanes zero = {0};
	dp_siphash_lanes v[4] = {
	        zero + (key[0] ^ UINT64_C(0x736f6d6570736575)),
	        zero + (key[1] ^ UINT64_C(0x646f72616e646f6d)),
	        zero + (key[0] ^ UINT64_C(0x6c7967656e657261)),
	        zero + (key[1] ^ UINT64_C(0x7465646279746573)),
	};

	/* in a straight line: as a loop over an array, words go over the stack */
#pragma GCC unroll 3
	for (unsigned int i = 0; i < nb_words; i++) {
		v[3] ^= words[i];
		dp_siphash_round(v);
		v[0] ^= words[i];
	}
	v[2] ^= zero + 0xff;
	dp_siphash_round(v);
	dp_siphash_round(v);
	dp_siphash_round(v);
	*hashes = v[0] ^ v[1] ^ v[2] ^ v[3];
}

#endif
