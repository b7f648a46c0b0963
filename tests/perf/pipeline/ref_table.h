/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The reference 'table': the least that a look-up of a flow can be. A keyed hash of the client's
 * side, as the flow table has it; a bucket's line, prefetched for a whole burst; then a comparison
 * of the whole key in an entry, prefetched the same way. Built once, no deletion, no lock.
 *
 *   a bucket, 64 bytes        an entry, 64 bytes (IPv4) or 128 (IPv6)
 *   +0  tags 0..7             +0  key: 2 words or 5
 *   +16 refs 0..7             last word: value
 *
 * A ref is an entry's number plus one. A bucket that is full goes on in the one after it. Five
 * flows to a bucket when all entries are used, as in the flow table.
 */
#ifndef BENCH_REF_TABLE_H
#define BENCH_REF_TABLE_H

#include <stdbool.h>
#include <stdint.h>

struct ref_table {
	bool is_v6;
	uint32_t nb_buckets, capacity, used;
	uint64_t secret[2];
	struct ref_bucket *buckets;
	uint64_t *entries;
	uint64_t size;  /* bytes mapped */
	uint64_t found; /* by ref_table_burst() */
	const uint64_t *keys;
};

/* In huge pages if 'huge'. False: there is no memory for it. */
bool ref_table_open(struct ref_table *t, bool is_v6, uint32_t capacity, bool huge);
void ref_table_close(struct ref_table *t);

/* Puts a key in that is not there yet. */
void ref_table_add(struct ref_table *t, const uint64_t *key);

/* burst_fn, 'arg' a struct ref_table: looks up a burst of 'keys', and counts what it found. */
void ref_table_burst(void *arg, uint32_t at);

/* Bytes that ref_table_open() takes. */
uint64_t ref_table_size(uint32_t capacity);

/* Anonymous memory, filled with zeros and all there; in huge pages if 'huge'. NULL: none. */
void *memory_map(uint64_t size, bool huge);

#endif
