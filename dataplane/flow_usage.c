/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The flow table as an operator sees it: how full it is, and what is in it.
 */
#include "flow_entry.h"
#include "flow_pool.h"

void dp_flow_usage(const struct dp_flow_table *t, struct dp_flow_usage *usage)
{
	uint32_t lines = __atomic_load_n(&t->overflow.nb_free, __ATOMIC_RELAXED);

	*usage = (struct dp_flow_usage){
	        .memory = t->map_size,
	        .buckets = t->nb_buckets,
	        .overflow_lines = t->nb_overflow,
	        .overflow_lines_used = t->nb_overflow - lines,
	};
	for (uint32_t f = 0; f < 2; f++) {
		uint32_t nb_free = flow_pool_nb_free(t, f);

		usage->capacity[f] = t->capacity[f];
		/* A batch that passes between two counts while they are read can count twice. */
		usage->used[f] = nb_free < t->capacity[f] ? t->capacity[f] - nb_free : 0;
	}
}

/* The entry as its DP_TO_TARGET key and its flow. False: it ended meanwhile. */
static bool read_entry(const struct dp_flow_table *t, uint32_t index, struct dp_flow_key *key,
        struct dp_flow *flow)
{
	bool is_v6 = flow_index_is_v6(t, index);
	const uint64_t *e = flow_entry(t, index);
	uint64_t live = flow_load(&e[FLOW_LIVE_AT]);
	struct flow_words words = {.direction = DP_TO_TARGET};
	const struct flow_sides sides = flow_sides(t, e, is_v6, FLOW_VIRTUAL);

	if (!flow_live_is(live))
		return false;
	flow_client_get(e, is_v6, words.client);
	flow_side_get(e, is_v6, FLOW_VIRTUAL, sides.this, words.other);
	flow_words_key(&words, is_v6, key);
	flow->index = index;
	flow_copy(e, is_v6, live, FLOW_TARGET, sides.other, flow);
	return flow_same_life(flow_load(&e[FLOW_LIVE_AT]), live);
}

static void walk_line(const struct dp_flow_table *t, const struct flow_line *line,
        void (*visit)(void *arg, const struct dp_flow_key *key, const struct dp_flow *flow),
        void *arg)
{
	for (uint32_t slot = 0; slot < FLOW_LINE_SLOTS; slot++) {
		uint32_t ref = flow_load(&line->refs[slot]);
		struct dp_flow_key key;
		struct dp_flow flow;

		if (flow_ref_ok(t, ref) && read_entry(t, ref - 1, &key, &flow))
			visit(arg, &key, &flow);
	}
}

void dp_flow_walk(const struct dp_flow_table *t,
        void (*visit)(void *arg, const struct dp_flow_key *key, const struct dp_flow *flow),
        void *arg)
{
	for (uint32_t bucket = 0; bucket < t->nb_buckets; bucket++) {
		const struct flow_line *line = &t->lines[bucket];

		for (uint32_t i = 0; i < FLOW_MAX_LINES && line != NULL; i++) {
			walk_line(t, line, visit, arg);
			line = flow_line_next(t, line);
		}
	}
}
