/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See flow_calls.h.
 */
#include "flow_calls.h"

#include "parse.h"

void parse_flow_burst(void *arg, uint32_t at)
{
	struct flow_calls *calls = arg;
	struct worker *w = calls->worker;
	const struct dp_flow_view view = {.epochs = w->ctx.tables.epochs,
	        .nb_slots = w->ctx.tables.nb_slots,
	        .now = w->ctx.now};
	struct dp_burst bursts[2];

	for (uint32_t v6 = 0; v6 < 2; v6++) {
		bursts[v6].port = w->ports[0];
		bursts[v6].is_v6 = v6;
	}
	dp_parse_burst(&w->ctx, w->batch + at, DP_BURST, bursts);
	for (uint32_t v6 = 0; v6 < 2; v6++) {
		struct dp_burst *b = &bursts[v6];
		uint64_t settled;

		if (b->live != 0)
			calls->found += (uint32_t)__builtin_popcountll(dp_flow_lookup(
			        w->ctx.flows, &b->keys, v6, b->live, &view, b->flows, &settled));
	}
}

void flows_remove(struct stage *s, uint32_t first, uint32_t n)
{
	struct dp_flow_key key = packet_key(s->is_v6, 0);
	const struct dp_flow_view view = {.nb_slots = 0};
	struct dp_flow flows[DP_FLOW_BURST];
	struct dp_flow_keys keys;
	uint64_t settled;

	for (uint32_t at = first; at < first + n; at += DP_FLOW_BURST) {
		uint64_t found;

		for (uint32_t i = 0; i < DP_FLOW_BURST; i++) {
			packet_key_number(&key, at + i);
			dp_flow_keys_set(&keys, i, &key);
		}
		found = dp_flow_lookup(
		        s->table, &keys, s->is_v6, dp_all(DP_FLOW_BURST), &view, flows, &settled);
		for (uint32_t i = 0; i < DP_FLOW_BURST; i++)
			if (!(found >> i & 1) || !dp_flow_remove(s->table, 0, &flows[i]))
				die("a new flow is not in the table");
	}
}
