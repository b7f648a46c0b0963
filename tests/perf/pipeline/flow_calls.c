/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See flow_calls.h.
 */
#include "flow_calls.h"

#include <rte_prefetch.h>

#include "parse.h"

void parse_flow_burst(void *arg, uint32_t at)
{
	struct flow_calls *calls = arg;
	struct worker *w = calls->worker;
	const struct dp_port *port = &w->ctx.ports[w->ports[0]];
	struct dp_pkt pkts[DP_BURST];
	struct dp_flow_key keys[DP_BURST];
	struct dp_flow flows[DP_BURST];
	uint64_t hashes[DP_BURST];
	uint32_t n = 0;

	for (uint32_t i = 0; i < DP_BURST; i++)
		rte_prefetch0(rte_pktmbuf_mtod(w->batch[at + i], void *));
	for (uint32_t i = 0; i < DP_BURST; i++)
		n += dp_parse(&w->ctx.tables, port, w->batch[at + i], &pkts[n], &keys[n]) ==
		     DP_GO_ON;
	calls->found += (uint32_t)__builtin_popcountll(
	        dp_flow_lookup(w->ctx.flows, keys, n, hashes, flows));
}

void flows_remove(struct stage *s, uint32_t first, uint32_t n)
{
	struct dp_flow_key template = packet_key(s->is_v6, 0), keys[DP_BURST];
	struct dp_flow flows[DP_BURST];
	uint64_t hashes[DP_BURST], found;

	for (uint32_t at = first; at < first + n; at += DP_BURST) {
		for (uint32_t i = 0; i < DP_BURST; i++) {
			keys[i] = template;
			packet_key_number(&keys[i], at + i);
		}
		found = dp_flow_lookup(s->table, keys, DP_BURST, hashes, flows);
		for (uint32_t i = 0; i < DP_BURST; i++)
			if (!(found >> i & 1) || !dp_flow_remove(s->table, 0, &flows[i]))
				die("a new flow is not in the table");
	}
}
