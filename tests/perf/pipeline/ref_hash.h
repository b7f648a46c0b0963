/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The reference 'rte_hash': DPDK's hash table with its default hash and as many keys, looked up in
 * bursts. IPv4 keys have 16 bytes, IPv6 keys 40.
 */
#ifndef BENCH_REF_HASH_H
#define BENCH_REF_HASH_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_hash.h>

struct ref_hash {
	bool is_v6;
	struct rte_hash *hash;
	const uint64_t *keys;
	uint64_t found; /* by ref_hash_burst() */
};

/* False: there is no memory for it. */
bool ref_hash_open(struct ref_hash *h, bool is_v6, uint32_t capacity);
void ref_hash_close(struct ref_hash *h);

/* False: it does not go in. */
bool ref_hash_add(struct ref_hash *h, const uint64_t *key);

/* burst_fn, 'arg' a struct ref_hash: looks up a burst of 'keys', and counts what it found. */
void ref_hash_burst(void *arg, uint32_t at);

#endif
