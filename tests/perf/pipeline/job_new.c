/* SPDX-License-Identifier: BSD-3-Clause
 *
 * SYNs of flows that nobody has seen:
 *
 *   new          into a table that is 90 % full of established flows; taken out again afterwards
 *   new_expiry   into a table that stays 90 % full, because for each new flow an old one expires,
 *                and the sweep, a slice after each burst as a worker does it, takes it out
 *
 * new_expiry runs on a clock of its own. Its flows stay half-open: the sweep finds them when they
 * are between T and T + P old, where T is the time after which they expire and P the time the sweep
 * takes for all of the table. So N flows stay in it when one comes every (T + P / 2) / N seconds;
 * that far the clock is set forward for each.
 */
#include <stdlib.h>

#include "flow_calls.h"
#include "job.h"

#define WORKER_SLICE 64 /* buckets between two polls, at most; as in worker.c */
#define SWEEP_S      30 /* P, as host_workers.c aims at: at least one bucket a ms */

struct expiry {
	struct worker *worker;
	uint64_t clock, step; /* seconds << 32: now, and of one burst */
	uint64_t debt, slice; /* buckets << 16: to be looked at, and of one burst */
	uint64_t expired, inserted;
};

static void prepare(struct job *job, struct bench *b)
{
	packet_template_make(&job->template, job->stage->is_v6, DP_TO_TARGET, 80, RTE_TCP_SYN_FLAG);
	job->arg = &b->workers[0];
}

static void fill(struct job *job, struct bench *b)
{
	struct worker *w = &b->workers[0];
	struct stage *s = job->stage;

	if (s->next_new + BATCH > PACKETS_END)
		die("%s: no number is left for a new flow", job->cell->name);
	w->ports[0] = w->ports[1] = 0;
	worker_begin(w);
	for (uint32_t k = 0; k < BATCH; k++)
		packet_write(&job->template, w->batch[k], s->next_new++, 0);
}

static void check(struct job *job, struct bench *b)
{
	struct outcome all = {.to_target = BATCH, .flows_new = BATCH};

	worker_check(&b->workers[0], job->cell->name, &all);
	flows_remove(job->stage, job->stage->next_new - BATCH, BATCH);
}

static void expiry_burst(void *arg, uint32_t at)
{
	struct expiry *e = arg;
	uint32_t slice;

	e->clock += e->step;
	e->worker->ctx.now = (uint32_t)(e->clock >> 32);
	worker_burst(e->worker, at);
	e->debt += e->slice;
	slice = RTE_MIN((uint32_t)(e->debt >> 16), (uint32_t)WORKER_SLICE);
	dp_pipeline_age(&e->worker->ctx, slice);
	e->debt -= (uint64_t)slice << 16;
}

static void check_expiry(struct job *job, struct bench *b)
{
	struct outcome all = {.to_target = BATCH, .flows_new = BATCH};
	struct expiry *e = job->state;
	const uint64_t *c = b->workers[0].stats.counters;

	worker_check(e->worker, job->cell->name, &all);
	if (c[LB_COUNTER_FLOWS_EVICTED] != 0)
		die("new_expiry: %lu flows were evicted", c[LB_COUNTER_FLOWS_EVICTED]);
	e->expired += c[LB_COUNTER_FLOWS_EXPIRED];
	e->inserted += BATCH;
}

/* The stage's table is empty yet; afterwards it is as it stays. */
static void prepare_expiry(struct job *job, struct bench *b)
{
	struct stage *s = job->stage;
	struct expiry *e = calloc(1, sizeof(*e));
	double buckets_per_s, burst_s;
	struct dp_flow_usage usage;

	if (e == NULL)
		die("no memory");
	dp_flow_usage(s->table, &usage);
	/* as host_workers.c has it */
	buckets_per_s = 1000.0 * (double)(1 + usage.buckets / (SWEEP_S * 1000));
	burst_s = DP_BURST *
	          (DP_TCP_HALF_OPEN_TIMEOUT_S + 0.5 + (double)usage.buckets / buckets_per_s / 2) /
	          s->nb;
	prepare(job, b);
	e->worker = &b->workers[0];
	e->clock = (uint64_t)b->workers[0].ctx.now << 32;
	e->step = (uint64_t)(burst_s * 4294967296.0);
	e->slice = (uint64_t)(burst_s * buckets_per_s * 65536);
	job->arg = job->state = e;
	worker_take_table(&b->workers[0], s->table);
	for (uint32_t made = 0; made < s->nb + s->nb / 2; made += BATCH) {
		fill(job, b);
		batch_ns(expiry_burst, e);
		check_expiry(job, b);
	}
	e->expired = e->inserted = 0;
}

static void run_expiry(struct job *job, struct bench *b)
{
	uint32_t now = b->workers[0].ctx.now;

	job_run_passes(job, b);
	b->workers[0].ctx.now = now;
}

static void finish_expiry(struct job *job, struct bench *b)
{
	struct expiry *e = job->state;
	struct dp_flow_usage usage;
	double fill_share;

	dp_flow_usage(job->stage->table, &usage);
	fill_share = (double)usage.used[job->stage->is_v6] / job->stage->capacity;
	if (fill_share < 0.85 || fill_share > 0.95)
		die("new_expiry: the table is %.1f %% full", fill_share * 100);
	cell_extra(job->cell, "fill_percent", fill_share * 100);
	cell_extra(job->cell, "expired_per_new", (double)e->expired / (double)e->inserted);
}

const struct job_ops job_new = {.workers = 1,
        .prepare = prepare,
        .fill = fill,
        .burst = worker_burst,
        .check = check,
        .repeatable = true};
const struct job_ops job_new_expiry = {.workers = 1,
        .prepare = prepare_expiry,
        .run = run_expiry,
        .finish = finish_expiry,
        .fill = fill,
        .burst = expiry_burst,
        .check = check_expiry,
        .repeatable = true};
