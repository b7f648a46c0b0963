/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The last of a simple packet's way: Ethernet addresses, and its target's counters. It is part of a
 * forwarding mode's loop, so that no packet is come back to: what output.c has left to do for such
 * packets, it does for all of a burst at once.
 */
#ifndef DP_SIMPLE_H
#define DP_SIMPLE_H

#include <rte_branch_prediction.h>

#include "output.h"
#include "stats.h"

/* What the loop keeps from packet to packet. */
struct dp_simple {
	const struct dp_worker_ctx *ctx;
	uint32_t listener, port;   /* of the first packet */
	uint32_t listeners, ports; /* how others differ from these: 0 where none does */
	uint64_t odd;              /* packets that need more than new addresses */
};

/* Whether a burst is all live and simple, as nearly all are: such a loop is for these. */
static inline bool dp_simple_is(const struct dp_burst *b)
{
	return (b->live & b->simple) == dp_all(b->n);
}

/* Before the loop. The burst is not empty. */
static inline struct dp_simple dp_simple_begin(
        const struct dp_worker_ctx *ctx, const struct dp_burst *b)
{
	return (struct dp_simple){
	        .ctx = ctx, .listener = b->flows[0].listener, .port = b->adjs[0]->port};
}

/* What such a loop knows of a packet. It is read before anything is written to the packet: the
 * compiler has to think that a write into a packet may change any of it. */
struct dp_simple_packet {
	uint8_t *l3;
	const struct dp_flow *flow;
	const struct dp_adj *adj;
	uint32_t direction, ip_len;
};

static inline __attribute__((always_inline)) struct dp_simple_packet dp_simple_packet(
        const struct dp_burst *b, uint32_t i)
{
	const struct dp_flow *flow = &b->flows[i];

	DP_ONCE(flow);
	return (struct dp_simple_packet){
	        b->l3[i], flow, b->adjs[i], b->keys.direction[i], b->ip_len[i]};
}

/* Cuts off Ethernet's padding, as an acknowledgement has: alone it is shorter than the shortest
 * frame. False, and nothing is done: there are further segments. */
static inline bool dp_simple_trim(struct rte_mbuf *m, uint32_t ip_len)
{
	if (unlikely(m->nb_segs != 1))
		return false;
	m->pkt_len = sizeof(struct rte_ether_hdr) + ip_len;
	m->data_len = (uint16_t)m->pkt_len;
	return true;
}

/* In the loop: packet 'i' of 'b' is rewritten; is it padded? */
static inline __attribute__((always_inline)) void dp_simple_end(struct dp_simple *s,
        const struct dp_burst *b, const struct dp_simple_packet *p, uint32_t i, bool padded)
{
	if (unlikely(p->ip_len > p->adj->simple_mtu) ||
	        (padded && unlikely(!dp_simple_trim(b->mbufs[i], p->ip_len)))) {
		s->odd |= UINT64_C(1) << i;
		return;
	}
	dp_output_address(p->l3 - sizeof(struct rte_ether_hdr), p->adj);
	dp_count_target(s->ctx, p->flow->slot, p->direction, p->ip_len);
	s->listeners |= p->flow->listener ^ s->listener;
	s->ports |= p->adj->port ^ s->port;
}

/* After the loop: writes the burst's fields of this stage. */
static inline void dp_simple_done(const struct dp_simple *s, struct dp_burst *b)
{
	b->ready = b->live & ~s->odd;
	b->one_port = s->odd == 0 && s->ports == 0;
	b->one_listener = s->odd == 0 && s->listeners == 0;
}

/* Of a burst that is not all live and simple: output.c looks at each packet. */
static inline void dp_simple_none(struct dp_burst *b)
{
	b->ready = 0;
	b->one_port = b->one_listener = false;
}

#endif
