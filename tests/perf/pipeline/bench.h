/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the parts of the benchmark share. Upwards: measure and packets know nothing of it; worker,
 * stage and the references are built on them; the cells on those; plan.c and report.c on all.
 */
#ifndef BENCH_H
#define BENCH_H

#include "die.h"
#include "measure.h"
#include "packets.h"
#include "pipeline_rig.h"

#define MAX_EXTRAS 12

/* One line of the result: a cell, or a reference. */
struct cell {
	char name[24];
	bool is_v6;
	const char *direction; /* forward, return, both; NULL: has none */
	uint32_t flows;        /* 0: has none */
	uint32_t workers;      /* 0: a reference */
	struct figures ns;     /* of one packet, the harness taken off */
	struct figures touch;  /* the same packets, in the same runs */
	double quickest_touch; /* of a reference: beside any run, counted or not; 0: none yet */
	double mpps;           /* 0: follows from ns */
	struct extra {
		const char *key;
		double value;
	} extras[MAX_EXTRAS]; /* what is special about it */
	uint32_t nb_extras;
};

void cell_extra(struct cell *cell, const char *key, double value);
double cell_extra_get(const struct cell *cell, const char *key);

/* A worker in memory: the rig's context, or a copy of it for the second one. */
struct worker {
	struct dp_worker_ctx ctx;
	struct rte_mempool *pool;
	struct rte_mbuf *batch[BATCH];
	uint32_t nb_kept;  /* mbufs of the batch that came out of the pipeline, and stand in it */
	uint16_t ports[2]; /* that receive the first and the second half of the batch */
	struct lb_worker_stats stats;
	struct lb_target_stats target_stats[RIG_SLOTS];
	struct lb_listener_stats listener_stats[RIG_LISTENERS];
} __attribute__((aligned(LB_CACHE_LINE)));

struct options {
	bool json, quick, progress;
	const char *only;   /* names, with commas; NULL: all */
	const char *family; /* ipv4, ipv6; NULL: both */
	uint32_t flows[8];  /* [nb_flows]; none: all */
	uint32_t nb_flows;
};

struct bench {
	const struct options *options;
	bool huge; /* packets and tables are in huge pages */
	uint32_t nb_cpus;
	uint32_t runs;
	uint32_t warm_up, passes; /* batches of a run: not counted, and counted */
	/* Repetitions of a batch in which somebody else got the CPU, and of a disturbed run, at
	 * most: a machine may never be quiet. */
	uint32_t tries, run_tries;
	uint32_t nb_repeated;     /* batches in which somebody else got the CPU */
	double patience_s;        /* that is left for repeating runs */
	double quickest_touch[2]; /* [is_v6]: beside any run of a cell, counted or not */
	uint32_t nb_runs_repeated;
	struct rig *rig;
	struct worker *workers; /* [2]; the second only where there are two CPUs */
	uint64_t *keys;         /* [BATCH * 5]: what the references look up */
	struct report *report;
	double harness;        /* ns a packet: the timed loop and the clock */
	double harness_queues; /* the same, and emptying the pipeline's queues */
};

/* worker.c */

/* Makes worker 'number' with a batch of its own. */
void worker_init(struct worker *w, struct bench *b, uint32_t number);

/* Before a batch is written: the batch is whole again, counters and expectations start anew. */
void worker_begin(struct worker *w);

/* The worker goes on with this flow table, or none. */
void worker_take_table(struct worker *w, struct dp_flow_table *table);

/* burst_fn, 'arg' a struct worker: the pipeline over one burst, and its queues emptied. */
void worker_burst(void *arg, uint32_t at);

/* burst_fn: what worker_burst() does beside the pipeline; and nothing at all. */
void worker_burst_idle(void *arg, uint32_t at);
void burst_nothing(void *arg, uint32_t at);

/* Ends the program unless 'to_target' and 'to_client' packets of the batch were forwarded,
 * 'flows_new' flows made, and 'dropped' packets dropped for 'reason', no more and no less. */
struct outcome {
	uint64_t to_target, to_client, flows_new, dropped;
	enum lb_drop_reason reason;
};
void worker_check(const struct worker *w, const char *what, const struct outcome *expected);

/* Waits until the lcore has nothing to do, leaving this CPU to others meanwhile. */
void lcore_join(unsigned int lcore);

/* ref_touch.c: burst_fn, 'arg' a struct worker: swaps the 5-tuples of a burst. */
void touch_burst(void *arg, uint32_t at);

#endif
