/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Timing a batch, and what becomes of the figures.
 *
 * A batch of packets (or keys) is written first and timed afterwards, a burst at a time, in the
 * CPU time of the thread: making packets costs the figures nothing, nor does what else runs on the
 * machine, but for the caches it uses.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdint.h>

/* Packets: beyond a second-level cache, so that headers come from as far away as a network card
 * would have put them. */
#define BATCH    16384u
#define MAX_RUNS 31u
/* What has fewer is no figure. */
#define RUNS_MIN 5u

/* One value of each run. */
struct figures {
	uint32_t n;
	double values[MAX_RUNS];
};

void figures_add(struct figures *f, double value);
double figures_median(const struct figures *f);
double figures_min(const struct figures *f);
double figures_max(const struct figures *f);

/* The value below which 'share' (0 to 1) of the values lie. Sorts them. */
double percentile(uint32_t *values, uint32_t n, double share);

/* The mean of all but the highest one in a hundred. Sorts them. */
double trimmed_mean(uint32_t *values, uint32_t n);

/* CPU time of this thread. */
uint64_t cpu_ns(void);

/* How often this thread had to leave its CPU to somebody else. */
uint64_t times_preempted(void);

/* The work of one burst; 'at' is the place of its first packet in the batch. */
typedef void (*burst_fn)(void *arg, uint32_t at);

/* Runs 'burst' over a batch and returns what it took, loop and clock included. */
uint64_t batch_ns(burst_fn burst, void *arg);

/* xorshift32; '*state' must not be 0. */
static inline uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* Below 'n'. */
static inline uint32_t random_below(uint32_t *state, uint32_t n)
{
	return (uint32_t)((uint64_t)next_random(state) * n >> 32);
}

#endif
