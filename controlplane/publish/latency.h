/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How long it takes from a change, or a verdict, to everybody running it. Time is passed in.
 */
#ifndef CP_LATENCY_H
#define CP_LATENCY_H

#include <stdint.h>

#define CP_LATENCY_KEPT      1024 /* samples: the newest */
#define CP_LATENCY_UNDER_WAY 8

/* A generation is one sample: that of the oldest change that it was the first to include. When more
 * generations are under way than fit, the last two make one, with the older's begin and the newer's
 * end: never an understatement. */
struct cp_latency {
	uint64_t begun_ns; /* of the oldest change that is in no generation; 0: none */
	struct {
		uint64_t revision, begun_ns;
	} under_way[CP_LATENCY_UNDER_WAY]; /* not acknowledged by everybody; oldest first */
	uint32_t nb_under_way;
	uint64_t nb_samples;          /* ever */
	uint32_t us[CP_LATENCY_KEPT]; /* sample n at n % CP_LATENCY_KEPT */
};

/* A change was made. */
void cp_latency_begin(struct cp_latency *latency, uint64_t now_ns);

/* Generation 'revision' includes all of them. */
void cp_latency_built(struct cp_latency *latency, uint64_t revision);

/* Everybody runs 'acknowledged' at least. */
void cp_latency_acknowledged(struct cp_latency *latency, uint64_t acknowledged, uint64_t now_ns);

/* Whoever was to run them is gone: what was under way ends without a sample. */
void cp_latency_lost(struct cp_latency *latency);

/* Of the samples kept; all 0 without any. */
struct cp_latency_summary {
	uint64_t count; /* ever */
	uint32_t median_us, p99_us, max_us;
};
void cp_latency_summarize(const struct cp_latency *latency, struct cp_latency_summary *summary);

#endif
