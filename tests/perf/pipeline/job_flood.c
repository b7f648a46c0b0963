/* SPDX-License-Identifier: BSD-3-Clause
 *
 * SYNs from random sources beside packets of established flows, half and half. Three things are
 * timed in each run: bursts that mix both (the cell's ns_per_packet); bursts of established packets
 * with no flood; and the same, but with a burst of the flood before each of them. The last two are
 * timed burst by burst, by the TSC, and compared: without the slowest one in a hundred, which
 * somebody else interrupted.
 *
 * Afterwards each established flow must be where it was: one packet of each is sent, and compared.
 */
#include <rte_cycles.h>
#include <stdlib.h>

#include "job.h"

struct flood {
	struct worker *worker;
	struct packet_template syn;
	uint32_t *alone, *beside; /* [passes * bursts]: TSC cycles */
	uint32_t nb_alone, nb_beside;
	struct figures alone_ns, beside_ns, ratios;
	uint64_t sent, dropped, lost;
	double tsc_ns;
};

static void prepare(struct job *job, struct bench *b)
{
	struct flood *f = calloc(1, sizeof(*f));
	size_t bursts = (size_t)b->passes * (BATCH / DP_BURST);

	if (f == NULL || (f->alone = malloc(2 * bursts * sizeof(*f->alone))) == NULL)
		die("no memory");
	f->beside = f->alone + bursts;
	f->worker = &b->workers[0];
	f->tsc_ns = 1e9 / (double)rte_get_tsc_hz();
	packet_template_make(&job->template, job->stage->is_v6, DP_TO_TARGET, 80, RTE_TCP_ACK_FLAG);
	packet_template_make(&f->syn, job->stage->is_v6, DP_TO_TARGET, 80, RTE_TCP_SYN_FLAG);
	job->arg = f->worker;
	job->state = f;
}

static void write_packet(struct job *job, uint32_t at, bool flood)
{
	struct flood *f = job->state;

	if (flood)
		packet_write_random_source(&f->syn, f->worker->batch[at], &job->random);
	else
		packet_write(&job->template, f->worker->batch[at], job_random_flow(job), 0);
}

static void fill(struct job *job, struct bench *b)
{
	struct flood *f = job->state;

	f->worker->ports[0] = f->worker->ports[1] = 0;
	worker_begin(f->worker);
	for (uint32_t k = 0; k < BATCH; k++)
		write_packet(job, k, next_random(&job->random) >> 31);
}

/* With 'flood', every other burst is the flood's. */
static void fill_bursts(struct job *job, bool flood)
{
	struct flood *f = job->state;

	worker_begin(f->worker);
	for (uint32_t k = 0; k < BATCH; k++)
		write_packet(job, k, flood && k / DP_BURST % 2 == 0);
}

/* A flow that was evicted comes back as one that is adopted. A SYN of the flood is dropped when the
 * table gives it no room. */
static void check(struct job *job, struct bench *b)
{
	struct flood *f = job->state;
	const struct lb_worker_stats *stats = &f->worker->stats;
	uint64_t full = stats->drops[LB_DROP_FLOW_TABLE_FULL];
	struct outcome expected = {.to_target = BATCH - full,
	        .flows_new = stats->counters[LB_COUNTER_FLOWS_NEW],
	        .dropped = full,
	        .reason = LB_DROP_FLOW_TABLE_FULL};

	worker_check(f->worker, job->cell->name, &expected);
	f->lost += stats->counters[LB_COUNTER_FLOWS_ADOPTED];
	f->dropped += full;
	f->sent += BATCH;
}

static void time_bursts(struct job *job, struct bench *b, bool flood)
{
	struct flood *f = job->state;

	fill_bursts(job, flood);
	for (uint32_t at = 0; at < BATCH; at += DP_BURST) {
		uint64_t begin = rte_rdtsc_precise();
		uint32_t took;

		worker_burst(f->worker, at);
		took = (uint32_t)(rte_rdtsc_precise() - begin);
		if (!flood)
			f->alone[f->nb_alone++] = took;
		else if (at / DP_BURST % 2 == 1)
			f->beside[f->nb_beside++] = took;
	}
	check(job, b);
}

static void run(struct job *job, struct bench *b)
{
	struct flood *f = job->state;
	double alone, beside;

	job_run_passes(job, b);
	f->nb_alone = f->nb_beside = 0;
	for (uint32_t pass = 0; pass < b->passes; pass++) {
		time_bursts(job, b, false);
		time_bursts(job, b, true);
	}
	alone = trimmed_mean(f->alone, f->nb_alone) * f->tsc_ns / DP_BURST;
	beside = trimmed_mean(f->beside, f->nb_beside) * f->tsc_ns / DP_BURST;
	figures_add(&f->alone_ns, alone);
	figures_add(&f->beside_ns, beside);
	figures_add(&f->ratios, beside / alone);
}

static uint64_t count_moved(struct job *job)
{
	struct flood *f = job->state;
	const struct stage *s = job->stage;
	uint64_t moved = 0;

	for (uint32_t first = 0; first < s->nb; first += BATCH) {
		uint32_t n = RTE_MIN(BATCH, s->nb - first);

		worker_begin(f->worker);
		for (uint32_t k = 0; k < n; k++)
			packet_write(&job->template, f->worker->batch[k], first + k, 0);
		for (uint32_t at = 0; at < n; at += DP_BURST)
			worker_burst(f->worker, at);
		f->lost += n - f->worker->nb_kept +
		           f->worker->stats.counters[LB_COUNTER_FLOWS_ADOPTED];
		for (uint32_t k = 0; k < f->worker->nb_kept && f->worker->nb_kept == n; k++)
			moved += packet_target(&job->template, f->worker->batch[k]) !=
			         s->targets[first + k];
		f->worker->nb_kept += BATCH - n;
	}
	return moved;
}

static void finish(struct job *job, struct bench *b)
{
	struct flood *f = job->state;

	worker_take_table(f->worker, job->stage->table);
	cell_extra(job->cell, "moved", (double)count_moved(job));
	cell_extra(job->cell, "lost", (double)f->lost);
	cell_extra(job->cell, "established_ns", figures_median(&f->beside_ns));
	cell_extra(job->cell, "established_alone_ns", figures_median(&f->alone_ns));
	cell_extra(job->cell, "established_ratio", figures_median(&f->ratios));
	cell_extra(job->cell, "established_ratio_min", figures_min(&f->ratios));
	cell_extra(job->cell, "established_ratio_max", figures_max(&f->ratios));
	cell_extra(job->cell, "dropped_percent", 100.0 * (double)f->dropped / (double)f->sent);
	free(f->alone);
}

const struct job_ops job_flood = {.workers = 1,
        .prepare = prepare,
        .run = run,
        .finish = finish,
        .fill = fill,
        .burst = worker_burst,
        .check = check};
