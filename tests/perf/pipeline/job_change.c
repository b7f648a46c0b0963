/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One worker under full load, each burst timed by the TSC with what a worker does between them:
 * taking commands, and saying that it holds no next hop. In windows of some batches, every other
 * window, another thread changes the tables as the control plane does: some thousand times a
 * second, so that the slowest thousandth of bursts would show what a change costs, it writes a new
 * generation and its Maglev tables beside the running one, announces it in the worker's command
 * ring, and reuses the old one when the worker has acknowledged.
 *
 * Batches in which the worker had to leave its CPU are repeated in both kinds of windows.
 */
#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <stdlib.h>
#include <time.h>

#include "job.h"

#define WINDOW    4 /* batches */
#define PERIOD_US 150

struct samples {
	uint32_t *cycles;  /* [n] of each burst, of all runs */
	uint32_t *changed; /* [nb_changes] of those at whose end the worker took new tables */
	uint32_t n, nb_changes;
	uint32_t run_begin; /* where the present run's begin */
};

struct change {
	struct worker *worker;
	struct dp_tables before; /* what the rig runs */
	/* Two copies of what the rig built, one after the other. publisher: writes. worker: ro. */
	uint8_t *segment;
	uint64_t size, copy_size, generation_at;
	const struct tables_fixture *fx;
	struct lb_rings *rings;
	uint64_t refused;

	bool active, stop; /* worker: writes */
	bool waiting;      /* publisher: writes; for an acknowledgement */
	uint32_t seq;      /* publisher */
	uint64_t revision; /* publisher */

	struct samples with, without;
	struct samples *now; /* where bursts are counted */
	struct figures ratios;
};

static void make_rings(struct change *c)
{
	c->rings = aligned_alloc(4096, LB_RINGS_SIZE(1));
	if (c->rings == NULL)
		die("no memory");
	memset(c->rings, 0, LB_RINGS_SIZE(1));
	if (rte_ring_init(lb_command_ring(c->rings, 0), "commands", LB_RING_SLOTS,
	            RING_F_SP_ENQ | RING_F_SC_DEQ) != 0 ||
	        rte_ring_init(lb_ack_ring(c->rings, 0), "acknowledgements", LB_RING_SLOTS,
	                RING_F_SP_ENQ | RING_F_SC_DEQ) != 0)
		die("rte_ring_init failed");
}

static void make_segment(struct change *c, const struct tables_fixture *fx)
{
	c->fx = fx;
	c->copy_size = LB_ALIGN_UP(fx->size, UINT64_C(4096));
	c->size = 2 * c->copy_size;
	c->generation_at = fx->run.offset;
	c->revision = fx->run.revision;
	c->segment = aligned_alloc(4096, c->size);
	if (c->segment == NULL)
		die("no memory");
	memset(c->segment, 0, c->size);
}

/* Writes the next generation where the one before the last was. Returns its offset. */
static uint64_t write_generation(struct change *c)
{
	uint64_t copy = c->revision % 2 * c->copy_size, at = copy + c->generation_at;
	struct lb_generation *g = (struct lb_generation *)(c->segment + at);
	struct lb_listener *listeners;

	memcpy(c->segment + copy + LB_TABLES_HEAP_OFFSET, c->fx->segment + LB_TABLES_HEAP_OFFSET,
	        c->fx->size - LB_TABLES_HEAP_OFFSET);
	g->revision = c->revision;
	listeners = (struct lb_listener *)((uint8_t *)g + g->listeners_offset);
	for (uint32_t i = 0; i < g->nb_listeners; i++)
		listeners[i].maglev_offset += copy;
	return at;
}

static void publish(struct change *c)
{
	struct lb_msg msg = {.type = LB_MSG_RUN, .seq = ++c->seq, .revision = ++c->revision};

	msg.offset = write_generation(c);
	__atomic_store_n(&c->waiting, true, __ATOMIC_RELEASE);
	if (lb_ring_send(lb_command_ring(c->rings, 0), &msg) != 0)
		die("table_change: the command ring is full");
}

static void pause_us(long us)
{
	struct timespec t = {.tv_nsec = us * 1000};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

/* The control plane's part, on the other CPU. */
static int publisher_run(void *arg)
{
	struct change *c = arg;
	struct lb_msg answer;

	while (!__atomic_load_n(&c->stop, __ATOMIC_ACQUIRE)) {
		if (c->waiting && lb_ring_receive(lb_ack_ring(c->rings, 0), &answer) == 0) {
			if (answer.type != LB_MSG_RUNNING || answer.revision != c->revision)
				die("table_change: a generation was refused");
			__atomic_store_n(&c->waiting, false, __ATOMIC_RELEASE);
			pause_us(PERIOD_US);
		} else if (!c->waiting && __atomic_load_n(&c->active, __ATOMIC_ACQUIRE)) {
			publish(c);
		} else {
			pause_us(50);
		}
	}
	return 0;
}

/* Returns whether the worker took a new generation. */
static bool between_bursts(struct change *c)
{
	struct worker *w = c->worker;
	bool changed =
	        dp_tables_poll(&w->ctx.tables, c->rings, 0, c->segment, c->size, &c->refused);

	dp_fib_quiescent(w->ctx.fib, w->ctx.worker);
	return changed;
}

static void change_burst(void *arg, uint32_t at)
{
	struct change *c = arg;
	struct samples *s = c->now;
	uint64_t begin = rte_rdtsc();
	bool changed;

	worker_burst(c->worker, at);
	changed = between_bursts(c);
	s->cycles[s->n] = (uint32_t)(rte_rdtsc() - begin);
	if (changed)
		s->changed[s->nb_changes++] = s->cycles[s->n];
	s->n++;
}

static void prepare(struct job *job, struct bench *b)
{
	struct change *c = calloc(1, sizeof(*c));
	size_t bursts = (size_t)b->runs * b->passes * WINDOW * (BATCH / DP_BURST);

	if (c == NULL || (c->with.cycles = malloc(4 * bursts * sizeof(uint32_t))) == NULL)
		die("no memory");
	c->without.cycles = c->with.cycles + bursts;
	c->with.changed = c->with.cycles + 2 * bursts;
	c->without.changed = c->with.cycles + 3 * bursts;
	c->worker = &b->workers[0];
	make_rings(c);
	make_segment(c, &b->rig->fx);
	packet_template_make(&job->template, job->stage->is_v6, DP_TO_TARGET, 80, RTE_TCP_ACK_FLAG);
	job->arg = job->state = c;
}

static void check(struct job *job, struct bench *b)
{
	struct change *c = job->state;
	struct outcome all = {.to_target = BATCH};

	worker_check(c->worker, job->cell->name, &all);
	if (c->refused != 0)
		die("table_change: %lu commands were refused", c->refused);
}

/* One batch; its CPU time. '*quiet': nobody else got the CPU meanwhile. */
static uint64_t run_batch(struct job *job, struct bench *b, bool *quiet)
{
	struct change *c = job->state;
	uint64_t before, ns;

	job_fill(job, b);
	before = times_preempted();
	ns = batch_ns(change_burst, c);
	*quiet = times_preempted() == before;
	check(job, b);
	return ns;
}

/* Returns the batches' CPU time. */
static uint64_t run_window(struct job *job, struct bench *b, struct samples *samples)
{
	struct change *c = job->state;
	uint64_t ns = 0;

	c->now = samples;
	for (uint32_t i = 0, tries = 0; i < WINDOW;) {
		struct samples before = *samples;
		bool quiet;
		uint64_t took = run_batch(job, b, &quiet);

		if (!quiet && tries++ < b->tries) {
			*samples = before;
			b->nb_repeated++;
			continue;
		}
		ns += took;
		tries = 0;
		i++;
	}
	return ns;
}

static void settle(struct change *c)
{
	__atomic_store_n(&c->active, false, __ATOMIC_RELEASE);
	pause_us(200);
	while (__atomic_load_n(&c->waiting, __ATOMIC_ACQUIRE))
		between_bursts(c);
}

static double percentile_ns(uint32_t *cycles, uint32_t n, double share)
{
	return percentile(cycles, n, share) * 1e9 / (double)rte_get_tsc_hz();
}

/* Of the run that ended, or of all. */
static double run_percentile(struct samples *s, double share)
{
	return percentile_ns(s->cycles + s->run_begin, s->n - s->run_begin, share);
}

static void run(struct job *job, struct bench *b)
{
	struct change *c = job->state;
	double ns = 0;

	c->before = c->worker->ctx.tables;
	worker_take_table(c->worker, job->stage->table);
	c->with.run_begin = c->with.n;
	c->without.run_begin = c->without.n;
	c->stop = false;
	if (rte_eal_remote_launch(publisher_run, c, rte_get_next_lcore(-1, 1, 0)) != 0)
		die("table_change: the publisher does not start");
	for (uint32_t i = 0; i < b->passes; i++) {
		run_window(job, b, &c->without);
		__atomic_store_n(&c->active, true, __ATOMIC_RELEASE);
		ns += (double)run_window(job, b, &c->with) / (WINDOW * BATCH);
		settle(c);
	}
	__atomic_store_n(&c->stop, true, __ATOMIC_RELEASE);
	lcore_join(rte_get_next_lcore(-1, 1, 0));
	c->worker->ctx.tables = c->before;
	figures_add(&job->cell->ns, ns / b->passes - b->harness_queues);
	figures_add(
	        &c->ratios, run_percentile(&c->with, 0.999) / run_percentile(&c->without, 0.999));
}

/* The ratio is the median of the runs' ratios: what else interrupted the worker in a run hit both
 * kinds of its windows. Of all runs together, the worst run alone would decide it. */
static void finish(struct job *job, struct bench *b)
{
	struct change *c = job->state;

	c->with.run_begin = c->without.run_begin = 0;
	cell_extra(job->cell, "p50_ns", run_percentile(&c->with, 0.5));
	cell_extra(job->cell, "p99_ns", run_percentile(&c->with, 0.99));
	cell_extra(job->cell, "p999_ns", run_percentile(&c->with, 0.999));
	cell_extra(job->cell, "p50_without_ns", run_percentile(&c->without, 0.5));
	cell_extra(job->cell, "p99_without_ns", run_percentile(&c->without, 0.99));
	cell_extra(job->cell, "p999_without_ns", run_percentile(&c->without, 0.999));
	cell_extra(job->cell, "p999_ratio", figures_median(&c->ratios));
	cell_extra(job->cell, "p999_ratio_min", figures_min(&c->ratios));
	cell_extra(job->cell, "p999_ratio_max", figures_max(&c->ratios));
	cell_extra(job->cell, "changes", c->with.nb_changes);
	cell_extra(job->cell, "changes_per_1000_bursts", 1000.0 * c->with.nb_changes / c->with.n);
	cell_extra(job->cell, "p50_changed_ns",
	        percentile_ns(c->with.changed, c->with.nb_changes, 0.5));
	free(c->with.cycles);
	free(c->segment);
	free(c->rings);
}

const struct job_ops job_table_change = {
        .workers = 1, .prepare = prepare, .run = run, .finish = finish};
