/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Groups of jobs run interleaved: one run of each, then the next run of each. Up to 1 Mi flows all
 * stages of both families stand beside each other. The ten millions follow, with hit and table at
 * one flow beside them, as anchors for what is compared. Memory may not do for both families at
 * once, and all runs of one take some seconds in a row, for which a neighbour of the machine may
 * well be busy: so they are visited in turn, each time with flows made anew for a few runs.
 */
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "job.h"
#include "ref_chain.h"
#include "report.h"

#define MAX_JOBS 96
#define MI       (1u << 20)
#define NB_FLOWS 5
#define VISITS   5  /* to the ten millions of a family; --quick: one */
#define QUICK_S  50 /* seconds for all runs */
#define FULL_S   500
/* Seconds of these, at most, that go to runs that are done again. */
#define QUICK_PATIENCE_S 5
#define FULL_PATIENCE_S  300
#define WORKERS_FEW      (1u << 16) /* two workers run on these flows, and on 1 Mi */

static const uint32_t all_flows[NB_FLOWS] = {1, 1u << 10, 1u << 16, MI, 10 * MI};

struct plan {
	struct bench *b;
	struct stage stages[2][NB_FLOWS]; /* [is_v6][] as all_flows[] */
	struct stage expiry[2], counted[2];
	struct job jobs[MAX_JOBS];
	uint32_t nb_jobs, nb_made;
	uint32_t run, runs, group; /* for the progress line */
};

/* What can be asked for. */
static const struct kind {
	const char *name;
	const struct job_ops *ops;
} kinds[] = {{"hit", &job_hit}, {"hit_seen", &job_hit_seen}, {"hit_counted", &job_hit},
        {"parse_flow", &job_parse_flow}, {"no_listener", &job_no_listener}, {"new", &job_new},
        {"new_expiry", &job_new_expiry}, {"flood", &job_flood}, {"table_change", &job_table_change},
        {"workers_same", &job_workers_same}, {"workers_crossed", &job_workers_crossed},
        {"table", &job_table}, {"rte_hash", &job_rte_hash}, {"random_read", &job_random_read}};

const char *plan_names(void)
{
	static char names[256];

	if (names[0] == '\0')
		for (uint32_t i = 0; i < RTE_DIM(kinds); i++) {
			strcat(names, i == 0 ? "" : ", ");
			strcat(names, kinds[i].name);
		}
	return names;
}

static const struct kind *find_kind(const char *name, size_t len)
{
	for (uint32_t i = 0; i < RTE_DIM(kinds); i++)
		if (strlen(kinds[i].name) == len && strncmp(kinds[i].name, name, len) == 0)
			return &kinds[i];
	return NULL;
}

bool plan_knows_name(const char *name, size_t len)
{
	return find_kind(name, len) != NULL;
}

bool plan_knows_flows(uint32_t flows)
{
	for (uint32_t i = 0; i < NB_FLOWS; i++)
		if (all_flows[i] == flows)
			return true;
	return false;
}

static bool wants_name(const struct options *o, const char *name)
{
	size_t len = strlen(name);

	if (o->only == NULL)
		return true;
	for (const char *at = o->only; *at != '\0';
	        at += strcspn(at, ",") + (at[strcspn(at, ",")] == ','))
		if (strcspn(at, ",") == len && strncmp(at, name, len) == 0)
			return true;
	return false;
}

static bool wants_flows(const struct options *o, uint32_t flows)
{
	for (uint32_t i = 0; i < o->nb_flows; i++)
		if (o->flows[i] == flows)
			return true;
	if (o->nb_flows > 0)
		return false;
	return !o->quick || flows == 1 || flows == 1u << 16 || flows == MI;
}

/* Whether anything is asked for that runs on a stage of so many flows. */
static bool wants_stage(const struct options *o, uint32_t flows)
{
	static const char *const any[] = {"hit", "table", "rte_hash"};
	static const char *const large[] = {"new", "hit_seen"};
	static const char *const workers[] = {"workers_same", "workers_crossed"};
	static const char *const million[] = {
	        "parse_flow", "no_listener", "new_expiry", "hit_counted", "flood", "table_change"};
	bool wants = false;

	for (uint32_t i = 0; i < RTE_DIM(any); i++)
		wants |= wants_name(o, any[i]);
	for (uint32_t i = 0; i < RTE_DIM(large); i++)
		wants |= flows >= MI && wants_name(o, large[i]);
	for (uint32_t i = 0; i < RTE_DIM(workers); i++)
		wants |= (flows == MI || flows == WORKERS_FEW) && wants_name(o, workers[i]);
	for (uint32_t i = 0; i < RTE_DIM(million); i++)
		wants |= flows == MI && wants_name(o, million[i]);
	return wants && wants_flows(o, flows);
}

static bool wants_family(const struct options *o, bool is_v6)
{
	return o->family == NULL || strcmp(o->family, is_v6 ? "ipv6" : "ipv4") == 0;
}

static void progress(const struct plan *p, const struct job *job, uint32_t at)
{
	const struct stage *s = job->stage;

	if (!p->b->options->progress)
		return;
	fprintf(stderr, "part %u, run %u of %u, %u of %u: %s", p->group, p->run, p->runs, at + 1,
	        p->nb_jobs, job->cell->name);
	if (s != NULL)
		fprintf(stderr, " %s %s %u flows", s->is_v6 ? "ipv6" : "ipv4",
		        job->cell->direction != NULL ? job->cell->direction : "", s->flows);
	fputc('\n', stderr);
}

static void say(const struct plan *p, const char *what, const struct stage *s)
{
	if (p->b->options->progress)
		fprintf(stderr, "%s: %s, %u flows\n", what, s->is_v6 ? "ipv6" : "ipv4", s->flows);
}

/* A job of kind 'asked', if that is asked for, whose cell is called 'name'. */
static void add_as(
        struct plan *p, const char *asked, const char *name, const char *direction, struct stage *s)
{
	const struct kind *kind = find_kind(asked, strlen(asked));
	struct job *job = &p->jobs[p->nb_jobs];

	if (!wants_name(p->b->options, asked))
		return;
	if (kind == NULL || p->nb_jobs == MAX_JOBS)
		die("%s: unknown, or more than %u jobs", asked, MAX_JOBS);
	p->nb_jobs++;
	*job = (struct job){.ops = kind->ops, .stage = s};
	/* no two alike: what one fetched must not be what the next one asks for */
	job->random = 0x9e3779b9u * ++p->nb_made;
	job->cell = report_cell(p->b->report, name, s != NULL && s->is_v6, direction,
	        s != NULL ? s->flows : 0, kind->ops->workers);
}

static void add(struct plan *p, const char *name, const char *direction, struct stage *s)
{
	add_as(p, name, name, direction, s);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void run_once(struct plan *p)
{
	for (uint32_t i = 0; i < p->nb_jobs; i++) {
		struct job *job = &p->jobs[i];

		progress(p, job, i);
		(job->ops->run != NULL ? job->ops->run : job_run_passes)(job, p->b);
	}
}

/* Runs what was added, and forgets it. When it took longer than 'share' of the time there is, there
 * are no more than 'min' of the 'runs', and nothing is repeated: the machine is busy, and will be.
 * The same share of patience is added to what is left of it. */
static void run_jobs(struct plan *p, double share, uint32_t runs, uint32_t min)
{
	bool quick = p->b->options->quick;
	double end = seconds() + share * (quick ? QUICK_S : FULL_S);
	uint32_t tries = p->b->tries, run_tries = p->b->run_tries;

	p->b->patience_s += share * (quick ? QUICK_PATIENCE_S : FULL_PATIENCE_S);
	p->group++;
	p->runs = runs;
	for (uint32_t i = 0; i < p->nb_jobs; i++)
		if (p->jobs[i].ops->prepare != NULL)
			p->jobs[i].ops->prepare(&p->jobs[i], p->b);
	for (p->run = 1; p->run <= runs; p->run++) {
		bool late = seconds() > end;

		if (late && p->run > min)
			break;
		p->b->tries = late ? 0 : tries;
		p->b->run_tries = late ? 0 : run_tries;
		run_once(p);
	}
	p->b->tries = tries;
	p->b->run_tries = run_tries;
	for (uint32_t i = 0; i < p->nb_jobs; i++) {
		if (p->jobs[i].ops->finish != NULL)
			p->jobs[i].ops->finish(&p->jobs[i], p->b);
		free(p->jobs[i].state);
	}
	p->nb_jobs = 0;
}

static void add_memory(struct plan *p, const struct stage *s)
{
	struct dp_flow_usage usage;
	struct cell *cell = p->jobs[p->nb_jobs - 1].cell;

	dp_flow_usage(s->table, &usage);
	cell_extra(cell, "bytes_per_flow", (double)usage.memory / s->capacity);
	cell_extra(cell, "bytes_per_flow_held", (double)usage.memory / s->nb);
}

/* Hits in both directions, and the tables they are compared with. */
static void add_hits(struct plan *p, struct stage *s)
{
	add(p, "hit", "forward", s);
	if (s->flows == 10 * MI && p->nb_jobs > 0 && wants_name(p->b->options, "hit"))
		add_memory(p, s);
	add(p, "hit", "return", s);
	if (wants_name(p->b->options, "table") && stage_add_table(s, p->b))
		add(p, "table", NULL, s);
	if (wants_name(p->b->options, "rte_hash") && stage_add_hash(s, p->b))
		add(p, "rte_hash", NULL, s);
}

static bool open_established(
        struct plan *p, struct stage *s, bool is_v6, uint32_t flows, bool counters)
{
	if (!stage_open(s, p->b, is_v6, flows, 2, counters))
		return false;
	say(p, "making flows", s);
	stage_establish(s, p->b);
	return true;
}

/* What is measured at a million flows alone. */
static void add_million(struct plan *p, struct stage *s)
{
	struct stage *expiry = &p->expiry[s->is_v6], *counted = &p->counted[s->is_v6];

	add(p, "parse_flow", "forward", s);
	add(p, "no_listener", "forward", s);
	add(p, "new", "forward", s);
	add(p, "hit_seen", "forward", s);
	if (wants_name(p->b->options, "new_expiry") &&
	        stage_open(expiry, p->b, s->is_v6, s->flows, 1, false))
		add(p, "new_expiry", "forward", expiry);
	if (wants_name(p->b->options, "hit_counted") &&
	        open_established(p, counted, s->is_v6, s->flows, true)) {
		add(p, "hit_counted", "forward", counted);
		add_memory(p, counted);
	}
}

static void add_random_read(struct plan *p)
{
	if (!wants_name(p->b->options, "random_read"))
		return;
	if (!p->b->huge)
		report_left_out(p->b->report, "random_read: there are no huge pages for it");
	else if (!memory_enough(p->b, REF_CHAIN_SIZE))
		report_left_out(p->b->report, "random_read: it needs 1024 MiB of huge pages");
	else
		add(p, "random_read", NULL, NULL);
}

static void part_small(struct plan *p)
{
	for (uint32_t i = 0; i < NB_FLOWS; i++)
		for (uint32_t f = 0; f < 2; f++) {
			struct stage *s = &p->stages[f][i];

			if (all_flows[i] > MI || !wants_stage(p->b->options, all_flows[i]) ||
			        !wants_family(p->b->options, f) ||
			        !open_established(p, s, f, all_flows[i], false))
				continue;
			add_hits(p, s);
			if (all_flows[i] == MI)
				add_million(p, s);
		}
	add_random_read(p);
	run_jobs(p, 0.3, p->b->runs, RUNS_MIN);
}

/* Two workers, and tables that change: they need a second CPU. */
static void part_two_cpus(struct plan *p)
{
	if (p->b->nb_cpus < 2 && (wants_name(p->b->options, "workers_same") ||
	                                 wants_name(p->b->options, "workers_crossed") ||
	                                 wants_name(p->b->options, "table_change")))
		report_left_out(p->b->report,
		        "two workers, table_change: this program may run on one CPU alone");
	if (p->b->nb_cpus < 2)
		return;
	for (uint32_t f = 0; f < 2; f++)
		for (uint32_t i = 0; i < NB_FLOWS; i++) {
			struct stage *s = &p->stages[f][i];

			if (s->table == NULL ||
			        (all_flows[i] != WORKERS_FEW && all_flows[i] != MI) ||
			        (p->b->options->quick && f == 1 && p->b->options->family == NULL))
				continue;
			add(p, "workers_same", "both", s);
			add(p, "workers_crossed", "both", s);
			if (all_flows[i] == MI)
				add(p, "table_change", "forward", s);
		}
	run_jobs(p, 0.2, p->b->runs, RUNS_MIN);
}

/* Fills what is left of the tables, so it is the last. */
static void part_flood(struct plan *p)
{
	for (uint32_t f = 0; f < 2; f++)
		for (uint32_t i = 0; i < NB_FLOWS; i++)
			if (p->stages[f][i].table != NULL && all_flows[i] == MI)
				add(p, "flood", "forward", &p->stages[f][i]);
	run_jobs(p, 0.1, p->b->runs, RUNS_MIN);
}

static void close_small(struct plan *p)
{
	for (uint32_t f = 0; f < 2; f++) {
		stage_close(&p->expiry[f]);
		stage_close(&p->counted[f]);
		for (uint32_t i = 1; i < NB_FLOWS; i++)
			stage_close(&p->stages[f][i]);
	}
}

/* One visit of several. False: there is nothing to visit. */
static bool part_large(struct plan *p, bool is_v6, uint32_t visits)
{
	struct stage *one = &p->stages[is_v6][0], *s = &p->stages[is_v6][NB_FLOWS - 1];
	bool any;

	if (!wants_family(p->b->options, is_v6) || !wants_stage(p->b->options, 10 * MI) ||
	        !open_established(p, s, is_v6, 10 * MI, false))
		return false;
	if (one->table != NULL) {
		add_as(p, "hit", "hit_anchor", "forward", one);
		add_as(p, "hit", "hit_anchor", "return", one);
		if (one->ref_table.buckets != NULL)
			add_as(p, "table", "table_anchor", NULL, one);
	}
	add_hits(p, s);
	add(p, "new", "forward", s);
	add(p, "hit_seen", "forward", s);
	any = p->nb_jobs > 0;
	static_assert(VISITS >= RUNS_MIN, "a run of each visit is enough");
	if (any)
		run_jobs(p, 0.2 / visits, p->b->runs / visits, visits > 1 ? 1 : RUNS_MIN);
	stage_close(s);
	return any;
}

void plan_run(struct bench *b)
{
	static struct plan plan;
	struct plan *p = &plan;
	const uint32_t visits = b->options->quick ? 1 : VISITS;
	bool wanted[2] = {true, true};

	*p = (struct plan){.b = b};
	if (b->options->quick && b->options->nb_flows == 0)
		report_left_out(b->report, "--quick: 1 Ki and 10 Mi flows; two workers and "
		                           "table_change with IPv6; fewer packets a run");
	part_small(p);
	part_two_cpus(p);
	part_flood(p);
	close_small(p);
	for (uint32_t visit = 0; visit < visits; visit++)
		for (uint32_t f = 0; f < 2; f++)
			wanted[f] = wanted[f] && part_large(p, f, visits);
	for (uint32_t f = 0; f < 2; f++)
		stage_close(&p->stages[f][0]);
}
