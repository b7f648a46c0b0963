/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Inside the FIB: who reads it, what adjacencies there are, and what is wanted.
 */
#ifndef DP_FIB_PRIVATE_H
#define DP_FIB_PRIVATE_H

#include <stdatomic.h>

#include <rte_fib.h>
#include <rte_fib6.h>

#include "fib.h"

/* A next hop of two bytes: one bit says "look in the second table", 15 are left. */
#define DP_FIB_MAX_ADJS  32768u
#define DP_FIB_MAX_TBL8S 32767u

/* The adjacency of no route at all. */
#define DP_FIB_NO_ROUTE 0

/* A worker's place in the quiescence protocol, a line of its own. */
struct dp_fib_reader {
	/* worker: writes; main lcore: ro. 0: offline. Else the epoch at its last quiescent point.
	 */
	_Atomic uint64_t seen;
} __attribute__((aligned(LB_CACHE_LINE)));

/* main lcore alone; only 'adjs' is read by workers. An adjacency is shared by all routes that say
 * the same. It is written while nothing refers to it, and freed when no route of either side does.
 */
struct dp_fib_adjs {
	struct dp_adj *adjs; /* [capacity]; 0 is DP_ADJ_NONE, for ever */
	uint32_t *refs;      /* by routes of both sides and by changes that wait */
	uint32_t *next;      /* in a bucket, or in the free list; 0: the last */
	uint32_t *buckets;   /* [bucket_mask + 1]: first of each */
	uint32_t bucket_mask, capacity, first_free;
};

int dp_fib_adjs_init(struct dp_fib_adjs *adjs, uint32_t capacity);
void dp_fib_adjs_fini(struct dp_fib_adjs *adjs);
/* The number of an adjacency that says what 'adj' says, with one reference more; -ENOSPC. */
int dp_fib_adj_get(struct dp_fib_adjs *adjs, const struct dp_adj *adj, uint32_t *number);
void dp_fib_adj_ref(struct dp_fib_adjs *adjs, uint32_t number);
void dp_fib_adj_unref(struct dp_fib_adjs *adjs, uint32_t number);

/* One question of a worker. EMPTY or old COOLING -> WRITING (by compare and swap, one worker) ->
 * READY -> COOLING (main lcore). */
#define DP_FIB_WANTS 256u

struct dp_fib_want_slot {
	_Atomic uint32_t state;
	uint32_t ifindex;
	_Atomic uint64_t asked_tsc;
	struct lb_ip ip;
};

struct dp_fib_wants {
	struct dp_fib_want_slot slots[DP_FIB_WANTS];
	uint32_t cursor; /* main lcore */
	uint64_t second_tsc;
};

/* A change that is not on both sides yet. Holds a reference on 'adj'. */
struct dp_fib_change {
	struct lb_ip prefix;
	uint8_t depth;
	bool is_v6, remove;
	uint32_t adj;
};

struct dp_fib_changes {
	struct dp_fib_change *list;
	uint32_t n, room;
};

struct dp_fib_side {
	struct rte_fib *v4;
	struct rte_fib6 *v6;
};

struct dp_fib {
	/* Which side workers read. main lcore: writes (release); pairs with the acquire in
	 * dp_fib_lookup(). */
	_Atomic uint32_t active;
	/* Counts the swaps. main lcore: writes, after 'active'; pairs with dp_fib_quiescent() and
	 * dp_fib_epoch(). */
	_Atomic uint64_t epoch;
	struct dp_fib_side sides[2];
	struct dp_fib_adjs adjs;
	struct dp_fib_changes pending; /* asked for, on no side */
	struct dp_fib_changes behind;  /* on the active side; the other one lacks them */
	uint32_t nb_readers;
	struct dp_fib_reader *readers;
	struct dp_fib_wants wants;
};

#endif
