/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Next hops for the workers, mirrored from the kernel's routes and neighbours by kernel/.
 *
 * rte_fib (IPv4) and rte_fib6 map an address to the number of an adjacency: routes, and a host
 * route for each neighbour. There are two of each: the main lcore changes the one that no worker
 * reads, swaps, waits until every worker has passed a quiescent point, and repeats the change on
 * the other. IPv6 address types of rte_fib6 change by DPDK 24.11, so they appear in fib*.c alone.
 */
#ifndef DP_FIB_H
#define DP_FIB_H

#include <rte_ether.h>

#include "lb/types.h"

enum dp_adj_kind {
	DP_ADJ_NONE,       /* no route: drop, no_route */
	DP_ADJ_UNRESOLVED, /* on a port of ours, link address not known: drop, no_neighbour, and ask
	                    */
	DP_ADJ_FOREIGN,    /* out of an interface that is no port: drop, no_port */
	DP_ADJ_LOCAL,      /* this host: to the kernel */
	DP_ADJ_FORWARD,
};

/* One adjacency, a whole line. main lcore: writes while no worker can reach it. workers: ro. */
struct dp_adj {
	struct rte_ether_addr dst, src;
	uint16_t port;    /* DPDK port */
	uint16_t mtu;     /* of IP packets */
	uint8_t kind;     /* enum dp_adj_kind */
	uint8_t nb_tags;  /* VLAN tags that the interface puts on; DP_ADJ_KEEP_TAGS: those that came
	                   */
	uint16_t tci[2];  /* outer first, wire order */
	uint16_t tpid[2]; /* wire order */
	uint16_t simple_mtu; /* 'mtu' where packets that came untagged need nothing but new Ethernet
	                        addresses to leave by 'port', otherwise 0; set by dp_fib_set() */
	uint32_t ifindex;    /* of the kernel, for questions about neighbours */
} __attribute__((aligned(32)));
LB_ASSERT_SIZE(struct dp_adj, 32);

#define DP_ADJ_KEEP_TAGS 0xff
/* Ports that packets may leave by: those of DPDK, and the probe port. */
#define DP_FIB_PORTS (LB_MAX_PORTS + 1)

struct dp_fib;

/* Room for 'max_routes' routes and neighbours per family. 'nb_readers' workers, numbered from 0.
 * NULL with rte_errno or errno set. */
struct dp_fib *dp_fib_create(uint32_t max_routes, uint32_t nb_readers);
void dp_fib_free(struct dp_fib *fib);

/* Addresses that one look-up takes at most. */
#define DP_FIB_BURST 64

/* The addresses of one look-up, all of one family. */
union dp_fib_ips {
	uint32_t v4[DP_FIB_BURST]; /* host order */
	struct lb_ip v6[DP_FIB_BURST];
	uint64_t words[DP_FIB_BURST][2]; /* IPv6, its halves */
};

/* Looks up 'n' (1 to DP_FIB_BURST) addresses. adjs[i] is never NULL; it stays valid until the
 * reader's next dp_fib_quiescent(). */
void dp_fib_lookup(const struct dp_fib *fib, union dp_fib_ips *ips, bool is_v6, uint32_t n,
        const struct dp_adj **adjs);

/* Raised by each commit that makes something visible. While it is what it was before a look-up,
 * what that found is valid for a reader that is online and reads this anew after each of its
 * dp_fib_quiescent(). Never 0, and below 2^63. */
uint64_t dp_fib_epoch(const struct dp_fib *fib);

/* What a reader remembers of addresses that it asks for again and again, as those of targets. Each
 * has one place, which the caller chooses by a number, modulo DP_FIB_PLACES: addresses that share
 * one cost a look-up each time, as without a memo. The reader's own; zeros to begin with. */
#define DP_FIB_PLACES 1024
struct dp_fib_memo {
	struct dp_fib_memory {
		uint64_t words[2]; /* the address, however the caller writes it; IPv4: one word */
		uint64_t tag;      /* epoch << 1 | is_v6; 0: nothing */
		const struct dp_adj *adj;
	} lines[DP_FIB_PLACES];
} __attribute__((aligned(LB_CACHE_LINE)));

/* The address's next hop, or NULL. 'epoch' is dp_fib_epoch()'s. Valid as long as a look-up's. */
static inline const struct dp_adj *dp_fib_recall(const struct dp_fib_memo *memo, uint32_t place,
        const uint64_t words[2], bool is_v6, uint64_t epoch)
{
	const struct dp_fib_memory *m = &memo->lines[place % DP_FIB_PLACES];

	if (m->tag != (epoch << 1 | is_v6) || m->words[0] != words[0] ||
	        (is_v6 && m->words[1] != words[1]))
		return NULL;
	return m->adj;
}

/* 'epoch' is from before 'adj' was looked up. */
static inline void dp_fib_remember(struct dp_fib_memo *memo, uint32_t place,
        const uint64_t words[2], bool is_v6, uint64_t epoch, const struct dp_adj *adj)
{
	memo->lines[place % DP_FIB_PLACES] =
	        (struct dp_fib_memory){{words[0], is_v6 ? words[1] : 0}, epoch << 1 | is_v6, adj};
}

/* A worker says that it holds no adjacency (a memo is none): after each poll. */
void dp_fib_quiescent(struct dp_fib *fib, uint32_t reader);
/* A worker that will not look up again, or before its first look-up / begins. */
void dp_fib_offline(struct dp_fib *fib, uint32_t reader);
void dp_fib_online(struct dp_fib *fib, uint32_t reader);

/* main lcore: sets or removes the route to prefix/depth (depth counts in the family's own bits,
 * 0..32 or 0..128). Changes are collected until dp_fib_commit(), which makes all of them visible at
 * once and returns when the old ones are out of use. 0, -errno of the first change that failed (the
 * others are made; -ENOSPC: no room), or -ETIMEDOUT when a reader did not pass within a tenth of a
 * second: the changes are visible, nothing is freed, and the next commit waits for that reader
 * first. */
int dp_fib_set(
        struct dp_fib *fib, const struct lb_ip *prefix, uint8_t depth, const struct dp_adj *adj);
int dp_fib_remove(struct dp_fib *fib, const struct lb_ip *prefix, uint8_t depth);
int dp_fib_commit(struct dp_fib *fib);

/* A worker asks for the neighbour of an address that came out as DP_ADJ_UNRESOLVED: best effort,
 * never blocks, never repeats within a second for one address of a full queue. main lcore: takes
 * the next one. */
void dp_fib_want(struct dp_fib *fib, const struct lb_ip *ip, uint32_t ifindex);
bool dp_fib_wanted(struct dp_fib *fib, struct lb_ip *ip, uint32_t *ifindex);

#endif
