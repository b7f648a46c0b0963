/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Two workers at once on the same flow table:
 *
 *   workers_same      each with its own random mix, half forward, half return
 *   workers_crossed   one has all forward packets, the other all returns, of the same flows
 *
 * and each of the two by itself, in turn. 'scaling' is the sum of the two rates over one worker's
 * (the mean of theirs, alone). A batch begins when both have written theirs, so they overlap for as
 * long as nobody else takes a CPU from one of them.
 */
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_pause.h>
#include <sched.h>
#include <stdlib.h>

#include "job.h"

struct team {
	struct job *job;
	struct bench *b;
	struct packet_template forward, back;
	bool crossed;
	uint32_t nb_running;
	uint32_t arrived; /* at the barrier, since the run began */
	uint32_t spoiled; /* the last round in which somebody else got a CPU */
	struct member {
		struct team *team;
		struct worker *worker;
		uint32_t random, nb_met;
		double ns, touch; /* of a packet, in the last run */
	} members[2];
	double quickest_touch; /* sum of an attempt's */
	struct figures alone[2], together[2], scaling;
};

static void fill(struct member *m)
{
	struct team *team = m->team;
	struct worker *w = m->worker;
	const struct stage *s = team->job->stage;

	w->ports[0] = team->crossed ? (uint16_t)w->ctx.worker : 0;
	w->ports[1] = team->crossed ? (uint16_t)w->ctx.worker : 1;
	worker_begin(w);
	for (uint32_t k = 0; k < BATCH; k++) {
		uint32_t flow = random_below(&m->random, s->flows);
		bool back = w->ports[k >= BATCH / 2] == 1;

		packet_write(
		        back ? &team->back : &team->forward, w->batch[k], flow, s->targets[flow]);
	}
}

static void check(struct member *m)
{
	uint32_t forward = 0;
	struct outcome all;

	for (uint32_t half = 0; half < 2; half++)
		forward += m->worker->ports[half] == 0 ? BATCH / 2 : 0;
	all = (struct outcome){.to_target = forward, .to_client = BATCH - forward};
	worker_check(m->worker, m->team->job->cell->name, &all);
}

/* Waits until all have come here as often. */
static void meet(struct member *m)
{
	struct team *team = m->team;
	uint32_t all = ++m->nb_met * team->nb_running, spins = 0;

	__atomic_add_fetch(&team->arrived, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&team->arrived, __ATOMIC_ACQUIRE) < all)
		if (++spins % 1024 == 0)
			sched_yield();
		else
			rte_pause();
}

/* One batch of each member at once: ns a packet. '*quiet': nobody else got the CPU of one of them
 * meanwhile; all get the same answer. */
static double run_round(struct member *m, uint32_t round, bool *quiet)
{
	struct team *team = m->team;
	uint64_t preempted;
	double ns;

	fill(m);
	meet(m);
	preempted = times_preempted();
	ns = (double)batch_ns(worker_burst, m->worker) / BATCH - team->b->harness_queues;
	if (times_preempted() != preempted)
		__atomic_store_n(&team->spoiled, round, __ATOMIC_RELAXED);
	check(m);
	meet(m);
	*quiet = __atomic_load_n(&team->spoiled, __ATOMIC_RELAXED) != round;
	return ns;
}

static int member_run(void *arg)
{
	struct member *m = arg;
	const struct bench *b = m->team->b;
	uint32_t counted = 0, rounds = b->warm_up + (1 + b->tries) * b->passes;

	m->ns = m->touch = 0;
	m->nb_met = 0;
	for (uint32_t round = 1; round <= rounds && counted < b->passes; round++) {
		bool quiet, last = rounds - round < b->passes - counted;
		double ns = run_round(m, round, &quiet);

		if (round <= b->warm_up || !(quiet || last))
			continue;
		m->ns += ns / b->passes;
		counted++;
	}
	for (uint32_t pass = 0; pass < b->passes; pass++) {
		fill(m);
		m->touch += touch_batch_ns(b, m->worker) / b->passes;
	}
	return 0;
}

/* The members from 'first' on, 'n' of them, each on its lcore. */
static void run_members(struct team *team, uint32_t first, uint32_t n)
{
	unsigned int other = rte_get_next_lcore(-1, 1, 0);

	team->nb_running = n;
	team->arrived = team->spoiled = 0;
	if (first + n > 1 && rte_eal_remote_launch(member_run, &team->members[1], other) != 0)
		die("the second worker does not start");
	if (first == 0)
		member_run(&team->members[0]);
	lcore_join(other);
}

static void prepare(struct job *job, struct bench *b)
{
	struct team *team = calloc(1, sizeof(*team));

	if (team == NULL)
		die("no memory");
	team->job = job;
	team->b = b;
	packet_template_make(&team->forward, job->stage->is_v6, DP_TO_TARGET, 80, RTE_TCP_ACK_FLAG);
	packet_template_make(&team->back, job->stage->is_v6, DP_TO_CLIENT, 80, RTE_TCP_ACK_FLAG);
	for (uint32_t i = 0; i < 2; i++) {
		team->members[i].team = team;
		team->members[i].worker = &b->workers[i];
		team->members[i].random = job->random ^ (i << 16);
	}
	job->state = team;
}

static void prepare_crossed(struct job *job, struct bench *b)
{
	struct team *team;

	prepare(job, b);
	team = job->state;
	team->crossed = true;
}

/* ns of a packet, and of touch, of each member. */
struct attempt {
	double alone[2], together[2], touch_alone[2], touch_together[2];
};

static double touch_of(const struct attempt *a)
{
	return a->touch_alone[0] + a->touch_alone[1] + a->touch_together[0] + a->touch_together[1];
}

static void attempt(struct team *team, struct attempt *a)
{
	for (uint32_t i = 0; i < 2; i++) {
		run_members(team, i, 1);
		a->alone[i] = team->members[i].ns;
		a->touch_alone[i] = team->members[i].touch;
	}
	run_members(team, 0, 2);
	for (uint32_t i = 0; i < 2; i++) {
		a->together[i] = team->members[i].ns;
		a->touch_together[i] = team->members[i].touch;
	}
}

static void run(struct job *job, struct bench *b)
{
	struct team *team = job->state;
	struct attempt best, now;
	uint32_t try = 0;
	uint64_t began;

	for (uint32_t i = 0; i < 2; i++)
		worker_take_table(&b->workers[i], job->stage->table);
	do {
		began = cpu_ns();
		attempt(team, &now);
		if (try == 0 || touch_of(&now) < touch_of(&best))
			best = now;
	} while (job_try_again(b, &team->quickest_touch, touch_of(&now), try++, began));
	for (uint32_t i = 0; i < 2; i++) {
		figures_add(&team->alone[i], best.alone[i]);
		figures_add(&team->together[i], best.together[i]);
	}
	figures_add(&team->scaling, (1 / best.together[0] + 1 / best.together[1]) * 2 /
	                                    (1 / best.alone[0] + 1 / best.alone[1]));
	figures_add(&job->cell->ns, (best.together[0] + best.together[1]) / 2);
	figures_add(&job->cell->touch, (best.touch_alone[0] + best.touch_alone[1]) / 2);
}

static void finish(struct job *job, struct bench *b)
{
	struct team *team = job->state;
	double first = figures_median(&team->together[0]);
	double second = figures_median(&team->together[1]);

	job->cell->mpps = 1e3 / first + 1e3 / second;
	cell_extra(job->cell, "scaling", figures_median(&team->scaling));
	cell_extra(job->cell, "scaling_min", figures_min(&team->scaling));
	cell_extra(job->cell, "scaling_max", figures_max(&team->scaling));
	cell_extra(job->cell, "first_ns", first);
	cell_extra(job->cell, "second_ns", second);
	cell_extra(job->cell, "first_alone_ns", figures_median(&team->alone[0]));
	cell_extra(job->cell, "second_alone_ns", figures_median(&team->alone[1]));
}

const struct job_ops job_workers_same = {
        .workers = 2, .prepare = prepare, .run = run, .finish = finish};
const struct job_ops job_workers_crossed = {
        .workers = 2, .prepare = prepare_crossed, .run = run, .finish = finish};
