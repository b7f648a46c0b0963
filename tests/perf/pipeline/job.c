/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The runs of most jobs.
 */
#include <math.h>

#include "job.h"

#define DISTURBED 1.05 /* touch, to its quickest run */

uint32_t job_random_flow(struct job *job)
{
	return job->stage->flows == 1 ? 0 : random_below(&job->random, job->stage->flows);
}

void job_fill(struct job *job, struct bench *b)
{
	struct worker *w = &b->workers[0];

	w->ports[0] = w->ports[1] = job->template.target_low != 0;
	worker_begin(w);
	for (uint32_t k = 0; k < BATCH; k++) {
		uint32_t flow = job_random_flow(job);

		packet_write(&job->template, w->batch[k], flow, job->stage->targets[flow]);
	}
}

double touch_batch_ns(const struct bench *b, struct worker *w)
{
	uint64_t ns = batch_ns(touch_burst, w);

	w->nb_kept = BATCH;
	return (double)ns / BATCH - b->harness;
}

static double fill_and_run(struct job *job, struct bench *b)
{
	const struct job_ops *ops = job->ops;
	uint64_t ns;

	if (ops->fill != NULL)
		ops->fill(job, b);
	ns = batch_ns(ops->burst, job->arg);
	if (ops->check != NULL)
		ops->check(job, b);
	return (double)ns / BATCH - (ops->bare ? b->harness : b->harness_queues);
}

static double fill_and_touch(struct job *job, struct bench *b)
{
	job->ops->fill(job, b);
	return touch_batch_ns(b, &b->workers[0]);
}

/* One batch that the CPU was ours for, if there is any to be had: ns a packet. */
static double quiet_batch(
        struct job *job, struct bench *b, double (*batch)(struct job *, struct bench *))
{
	for (uint32_t try = 0;; try++) {
		uint64_t before = times_preempted();
		double ns = batch(job, b);

		if (times_preempted() == before || try == b->tries)
			return ns;
		b->nb_repeated++;
	}
}

/* One batch of whatever packets there are, before or after a reference's run, which has none. */
static double touch_beside(struct bench *b)
{
	struct worker *w = &b->workers[0];

	worker_begin(w);
	return touch_batch_ns(b, w);
}

/* One run; '*touch' is of the same packets, or, of a reference, the slower of two beside it. */
static double run_passes(struct job *job, struct bench *b, double *touch)
{
	bool is_cell = job->cell->workers != 0;
	double before = is_cell ? 0 : touch_beside(b), ns = 0;

	*touch = 0;
	for (uint32_t pass = 0; pass < b->warm_up; pass++)
		fill_and_run(job, b);
	for (uint32_t pass = 0; pass < b->passes; pass++) {
		ns += quiet_batch(job, b, fill_and_run);
		if (is_cell)
			*touch += quiet_batch(job, b, fill_and_touch) / b->passes;
	}
	if (!is_cell)
		*touch = RTE_MAX(before, touch_beside(b));
	return ns / b->passes;
}

bool job_try_again(struct bench *b, double *quickest, double touch, uint32_t try, uint64_t began)
{
	if (*quickest == 0 || touch < *quickest)
		*quickest = touch;
	if (touch <= DISTURBED * *quickest || try == b->run_tries || b->patience_s <= 0)
		return false;
	b->patience_s -= (double)(cpu_ns() - began) / 1e9;
	b->nb_runs_repeated++;
	return true;
}

/* Where the quickest touch is kept. It has the same to do beside all cells of a family. */
static double *quickest_touch(struct bench *b, struct cell *cell)
{
	return cell->workers != 0 ? &b->quickest_touch[cell->is_v6] : &cell->quickest_touch;
}

void job_run_passes(struct job *job, struct bench *b)
{
	double ns = 0, touch = INFINITY, touch_now;
	uint32_t try = 0;
	uint64_t began;

	worker_take_table(&b->workers[0], job->stage != NULL ? job->stage->table : NULL);
	do {
		double ns_now;

		began = cpu_ns();
		ns_now = run_passes(job, b, &touch_now);
		if (touch_now < touch) {
			ns = ns_now;
			touch = touch_now;
		}
	} while (job->ops->repeatable &&
	         job_try_again(b, quickest_touch(b, job->cell), touch_now, try++, began));
	figures_add(&job->cell->ns, ns);
	if (job->cell->workers != 0)
		figures_add(&job->cell->touch, touch);
}
