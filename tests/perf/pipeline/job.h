/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A job measures one cell, or one reference, on a stage: run after run, other jobs in between, so
 * that what changes on the machine meanwhile touches all alike.
 */
#ifndef BENCH_JOB_H
#define BENCH_JOB_H

#include "stage.h"

struct job;

struct job_ops {
	uint32_t workers; /* 0: a reference */

	/* Before the first run; may be NULL. */
	void (*prepare)(struct job *job, struct bench *b);
	/* One run. NULL: job_run_passes(). */
	void (*run)(struct job *job, struct bench *b);
	/* After the last run: what is special goes into the cell's extras; may be NULL. */
	void (*finish)(struct job *job, struct bench *b);

	/* For job_run_passes(): writes a batch; the work on it; looks at what became of it (may be
	 * NULL). */
	void (*fill)(struct job *job, struct bench *b);
	burst_fn burst;
	bool bare; /* 'burst' does not empty the pipeline's queues */
	/* A run that met a disturbed machine may be done again: it leaves nothing behind, or what
	 * every run leaves. */
	bool repeatable;
	void (*check)(struct job *job, struct bench *b);
};

struct job {
	const struct job_ops *ops;
	struct stage *stage;
	struct cell *cell; /* has its name and the direction of its packets */
	struct packet_template template;
	uint32_t random;
	void *arg;   /* of 'burst' */
	void *state; /* the job's own; freed with it */
};

/* So many batches: each is written, timed and checked; then written again, for touch. The harness
 * is taken off. Some batches before them are not counted: the caches are full of what ran before.
 * Nor is one in which somebody else got the CPU, for the same reason: it is repeated. So is a whole
 * run, as long as there is patience, if touch took longer than it can: then others had the memory
 * meanwhile, which says nothing of what the job itself took. */
void job_run_passes(struct job *job, struct bench *b);

/* Whether a run is to be done again: its touch took longer than it can, to '*quickest', which is
 * kept here, and there is patience left. The run was attempt number 'try', from 0, and began at
 * that CPU time. Of several attempts that of the quickest touch counts. */
bool job_try_again(struct bench *b, double *quickest, double touch, uint32_t try, uint64_t began);

/* Writes a batch of packets of random flows in use. */
void job_fill(struct job *job, struct bench *b);

/* The time of a batch of the same packets under touch, the harness taken off. The batch is written
 * already. */
double touch_batch_ns(const struct bench *b, struct worker *w);

/* A flow in use. */
uint32_t job_random_flow(struct job *job);

extern const struct job_ops job_hit, job_hit_seen;                    /* job_hit.c */
extern const struct job_ops job_no_listener, job_parse_flow;          /* job_part.c */
extern const struct job_ops job_new, job_new_expiry;                  /* job_new.c */
extern const struct job_ops job_flood;                                /* job_flood.c */
extern const struct job_ops job_table_change;                         /* job_change.c */
extern const struct job_ops job_workers_same, job_workers_crossed;    /* job_workers.c */
extern const struct job_ops job_table, job_rte_hash, job_random_read; /* job_refs.c */

#endif
