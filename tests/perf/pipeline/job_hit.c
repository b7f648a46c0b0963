/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Packets of established flows.
 *
 *   hit          the table's clock stands still: no packet writes its flow's last-seen time
 *   hit_counted  the same in a table that counts packets and bytes of each flow
 *   hit_seen     it advances a second with each batch: nearly every packet does. What a flow costs
 *                that is seen about once a second, as all are when there are as many as packets
 */
#include <stdlib.h>

#include "job.h"

static void prepare(struct job *job, struct bench *b)
{
	bool back = strcmp(job->cell->direction, "return") == 0;

	packet_template_make(&job->template, job->stage->is_v6, back ? DP_TO_CLIENT : DP_TO_TARGET,
	        80, RTE_TCP_ACK_FLAG);
	job->arg = &b->workers[0];
}

static void check(struct job *job, struct bench *b)
{
	struct outcome all = {0};

	*(job->template.target_low != 0 ? &all.to_client : &all.to_target) = BATCH;
	worker_check(&b->workers[0], job->cell->name, &all);
}

static void prepare_seen(struct job *job, struct bench *b)
{
	prepare(job, b);
	job->state = calloc(1, sizeof(uint32_t));
	if (job->state == NULL)
		die("no memory");
}

static void run_seen(struct job *job, struct bench *b)
{
	uint32_t *seconds = job->state, now = b->workers[0].ctx.now;

	b->workers[0].ctx.now += *seconds;
	job_run_passes(job, b);
	*seconds = b->workers[0].ctx.now - now;
	b->workers[0].ctx.now = now;
}

static void fill_seen(struct job *job, struct bench *b)
{
	job_fill(job, b);
	b->workers[0].ctx.now++;
}

const struct job_ops job_hit = {.workers = 1,
        .prepare = prepare,
        .fill = job_fill,
        .burst = worker_burst,
        .check = check,
        .repeatable = true};
const struct job_ops job_hit_seen = {.workers = 1,
        .prepare = prepare_seen,
        .run = run_seen,
        .fill = fill_seen,
        .burst = worker_burst,
        .check = check};
