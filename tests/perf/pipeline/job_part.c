/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Packets that go a part of the way:
 *
 *   parse_flow    parse and flow look-up by themselves, over packets of established flows
 *   no_listener   SYNs to a port that nobody listens on, dropped; giving their buffers back to the
 *                 pool is a part of it
 */
#include <stdlib.h>

#include "flow_calls.h"
#include "job.h"

#define NO_LISTENER_PORT 9999

static void prepare_parse_flow(struct job *job, struct bench *b)
{
	struct flow_calls *calls = calloc(1, sizeof(*calls));

	if (calls == NULL)
		die("no memory");
	calls->worker = &b->workers[0];
	packet_template_make(&job->template, job->stage->is_v6, DP_TO_TARGET, 80, RTE_TCP_ACK_FLAG);
	job->arg = job->state = calls;
}

static void check_parse_flow(struct job *job, struct bench *b)
{
	struct flow_calls *calls = job->state;

	if (calls->found != BATCH)
		die("parse_flow: %lu of %u flows were found", calls->found, BATCH);
	calls->found = 0;
	b->workers[0].nb_kept = BATCH;
}

static void prepare_no_listener(struct job *job, struct bench *b)
{
	packet_template_make(&job->template, job->stage->is_v6, DP_TO_TARGET, NO_LISTENER_PORT,
	        RTE_TCP_SYN_FLAG);
	job->arg = &b->workers[0];
}

static void check_no_listener(struct job *job, struct bench *b)
{
	struct outcome none = {.dropped = BATCH, .reason = LB_DROP_NO_LISTENER};

	worker_check(&b->workers[0], job->cell->name, &none);
}

const struct job_ops job_parse_flow = {.workers = 1,
        .prepare = prepare_parse_flow,
        .fill = job_fill,
        .burst = parse_flow_burst,
        .bare = true,
        .check = check_parse_flow,
        .repeatable = true};
const struct job_ops job_no_listener = {.workers = 1,
        .prepare = prepare_no_listener,
        .fill = job_fill,
        .burst = worker_burst,
        .check = check_no_listener};
