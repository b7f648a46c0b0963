/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Questions of workers for neighbours: a table of slots chosen by address, so that an address asks
 * once a second at most and no worker waits for another.
 */
#include <rte_cycles.h>
#include <rte_jhash.h>

#include "fib_private.h"

enum { EMPTY, WRITING, READY, COOLING };

void dp_fib_want(struct dp_fib *fib, const struct lb_ip *ip, uint32_t ifindex)
{
	struct dp_fib_wants *wants = &fib->wants;
	struct dp_fib_want_slot *slot =
	        &wants->slots[rte_jhash(ip, sizeof(*ip), ifindex) % DP_FIB_WANTS];
	uint32_t state = atomic_load_explicit(&slot->state, memory_order_relaxed);
	uint64_t now = rte_rdtsc();

	/* Another address in the slot may ask a second later: it is best effort. */
	if (state == WRITING || state == READY)
		return;
	if (state == COOLING && now - atomic_load_explicit(&slot->asked_tsc, memory_order_relaxed) <
	                                wants->second_tsc)
		return;
	if (!atomic_compare_exchange_strong_explicit(
	            &slot->state, &state, WRITING, memory_order_acquire, memory_order_relaxed))
		return;
	slot->ip = *ip;
	slot->ifindex = ifindex;
	atomic_store_explicit(&slot->asked_tsc, now, memory_order_relaxed);
	/* Pairs with the acquire in dp_fib_wanted(). */
	atomic_store_explicit(&slot->state, READY, memory_order_release);
}

bool dp_fib_wanted(struct dp_fib *fib, struct lb_ip *ip, uint32_t *ifindex)
{
	struct dp_fib_wants *wants = &fib->wants;

	for (uint32_t i = 0; i < DP_FIB_WANTS; i++) {
		struct dp_fib_want_slot *slot = &wants->slots[wants->cursor++ % DP_FIB_WANTS];

		if (atomic_load_explicit(&slot->state, memory_order_acquire) != READY)
			continue;
		*ip = slot->ip;
		*ifindex = slot->ifindex;
		/* Pairs with the compare and swap of the next worker that writes here. */
		atomic_store_explicit(&slot->state, COOLING, memory_order_release);
		return true;
	}
	return false;
}
