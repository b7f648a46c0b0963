/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The reference 'random_read': each read's address comes from the read before it, over 1 GiB. What
 * memory costs whoever can't look ahead.
 */
#ifndef BENCH_REF_CHAIN_H
#define BENCH_REF_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#define REF_CHAIN_SIZE (UINT64_C(1) << 30)

struct ref_chain {
	uint64_t *lines; /* 64 bytes each; the first word is the number of the next */
	uint64_t at;
};

/* One cycle through all lines in random order, in huge pages. False: there is no memory for it. */
bool ref_chain_open(struct ref_chain *c);
void ref_chain_close(struct ref_chain *c);

/* burst_fn, 'arg' a struct ref_chain: DP_BURST reads. */
void ref_chain_burst(void *arg, uint32_t at);

#endif
