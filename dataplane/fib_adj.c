/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The FIB's adjacencies: numbered, shared by content, counted.
 */
#include <errno.h>
#include <stdlib.h>

#include <rte_common.h>
#include <rte_jhash.h>
#include <rte_malloc.h>

#include "fib_private.h"

/* The same content as bytes, padding included. */
static struct dp_adj normalize(const struct dp_adj *adj)
{
	struct dp_adj n;

	memset(&n, 0, sizeof(n));
	n.dst = adj->dst;
	n.src = adj->src;
	n.port = adj->port;
	n.mtu = adj->mtu;
	n.kind = adj->kind;
	n.nb_tags = adj->nb_tags;
	memcpy(n.tci, adj->tci, sizeof(n.tci));
	memcpy(n.tpid, adj->tpid, sizeof(n.tpid));
	n.ifindex = adj->ifindex;
	if (n.kind == DP_ADJ_FORWARD && n.port < DP_FIB_PORTS &&
	        (n.nb_tags == 0 || n.nb_tags == DP_ADJ_KEEP_TAGS))
		n.simple_mtu = n.mtu;
	return n;
}

static uint32_t *bucket_of(struct dp_fib_adjs *adjs, const struct dp_adj *adj)
{
	return &adjs->buckets[rte_jhash(adj, sizeof(*adj), 0) & adjs->bucket_mask];
}

int dp_fib_adjs_init(struct dp_fib_adjs *adjs, uint32_t capacity)
{
	uint32_t nb_buckets = rte_align32pow2(capacity);

	adjs->adjs = rte_zmalloc("fib adjacencies", capacity * sizeof(*adjs->adjs), LB_CACHE_LINE);
	adjs->refs = calloc(capacity, sizeof(*adjs->refs));
	adjs->next = calloc(capacity, sizeof(*adjs->next));
	adjs->buckets = calloc(nb_buckets, sizeof(*adjs->buckets));
	if (!adjs->adjs || !adjs->refs || !adjs->next || !adjs->buckets)
		return -ENOMEM;
	adjs->bucket_mask = nb_buckets - 1;
	adjs->capacity = capacity;
	for (uint32_t i = 1; i + 1 < capacity; i++)
		adjs->next[i] = i + 1;
	adjs->first_free = capacity > 1 ? 1 : 0;
	return 0;
}

void dp_fib_adjs_fini(struct dp_fib_adjs *adjs)
{
	rte_free(adjs->adjs);
	free(adjs->refs);
	free(adjs->next);
	free(adjs->buckets);
}

int dp_fib_adj_get(struct dp_fib_adjs *adjs, const struct dp_adj *adj, uint32_t *number)
{
	struct dp_adj wanted = normalize(adj);
	uint32_t *first = bucket_of(adjs, &wanted);
	uint32_t i;

	for (i = *first; i != 0; i = adjs->next[i]) {
		if (memcmp(&adjs->adjs[i], &wanted, sizeof(wanted)) == 0)
			break;
	}
	if (i == 0) {
		i = adjs->first_free;
		if (i == 0)
			return -ENOSPC;
		adjs->first_free = adjs->next[i];
		adjs->adjs[i] = wanted;
		adjs->next[i] = *first;
		*first = i;
	}
	adjs->refs[i]++;
	*number = i;
	return 0;
}

void dp_fib_adj_ref(struct dp_fib_adjs *adjs, uint32_t number)
{
	if (number != 0)
		adjs->refs[number]++;
}

void dp_fib_adj_unref(struct dp_fib_adjs *adjs, uint32_t number)
{
	uint32_t *link;

	if (number == 0 || --adjs->refs[number] > 0)
		return;
	link = bucket_of(adjs, &adjs->adjs[number]);
	while (*link != number)
		link = &adjs->next[*link];
	*link = adjs->next[number];
	adjs->next[number] = adjs->first_free;
	adjs->first_free = number;
}
