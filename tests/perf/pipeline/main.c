/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The packet path's cost: the real dp_pipeline_run() over packets in memory, beside references in
 * the same run. Absolute figures are the machine's; the ratios are the program's.
 */
#include <getopt.h>
#include <rte_eal.h>
#include <rte_malloc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "job.h"
#include "plan.h"
#include "report.h"

#define POOL_CACHE 256 /* as the dataplane's */

static void usage(FILE *out)
{
	fprintf(out,
	        "usage: bench_pipeline [--quick] [--json] [--progress] [--only NAME[,NAME]...]\n"
	        "                      [--family ipv4|ipv6] [--flows N[,N]...]\n"
	        "  --quick     fewer flows, fewer packets: a minute at most\n"
	        "  --json      JSON to standard output instead of a table\n"
	        "  --progress  what it is at, to standard error (the default on a terminal)\n"
	        "  --only      %s\n"
	        "  --flows     1, 1024, 65536, 1048576, 10485760\n",
	        plan_names());
}

static void parse_only(struct options *o, const char *text)
{
	for (const char *at = text; *at != '\0';) {
		size_t len = strcspn(at, ",");

		if (!plan_knows_name(at, len))
			die("--only: there is no '%.*s'; there are %s", (int)len, at, plan_names());
		at += len + (at[len] == ',');
	}
	if (*text == '\0')
		die("--only wants a name: %s", plan_names());
	o->only = text;
}

static void parse_flows(struct options *o, const char *text)
{
	for (const char *at = text; *at != '\0' || at == text;) {
		char *end;
		unsigned long flows = strtoul(at, &end, 10);

		if (end == at || (*end != ',' && *end != '\0') || flows > UINT32_MAX ||
		        !plan_knows_flows((uint32_t)flows))
			die("--flows: '%s' is not of 1, 1024, 65536, 1048576, 10485760", at);
		if (o->nb_flows == RTE_DIM(o->flows))
			die("--flows: more than %zu numbers", RTE_DIM(o->flows));
		o->flows[o->nb_flows++] = (uint32_t)flows;
		at = end + (*end == ',');
	}
}

static void parse_options(struct options *o, int argc, char **argv)
{
	static const struct option options[] = {
	        {"json", no_argument, NULL, 'j'},
	        {"quick", no_argument, NULL, 'q'},
	        {"progress", no_argument, NULL, 'p'},
	        {"only", required_argument, NULL, 'o'},
	        {"family", required_argument, NULL, 'f'},
	        {"flows", required_argument, NULL, 'n'},
	        {"help", no_argument, NULL, 'h'},
	        {0},
	};
	int option;

	o->progress = isatty(STDERR_FILENO);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			o->json = true;
			break;
		case 'q':
			o->quick = true;
			break;
		case 'p':
			o->progress = true;
			break;
		case 'o':
			parse_only(o, optarg);
			break;
		case 'f':
			if (strcmp(optarg, "ipv4") != 0 && strcmp(optarg, "ipv6") != 0)
				die("--family: '%s' is neither ipv4 nor ipv6", optarg);
			o->family = optarg;
			break;
		case 'n':
			parse_flows(o, optarg);
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			exit(2);
		}
	}
	if (optind < argc) {
		usage(stderr);
		die("'%s' is no option", argv[optind]);
	}
}

/* The first two CPUs that this program may run on. Returns how many there are. */
static uint32_t choose_cpus(char *list, size_t size)
{
	cpu_set_t set;
	uint32_t n = 0;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		die("sched_getaffinity failed");
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		size_t len = n == 0 ? 0 : strlen(list);

		if (!CPU_ISSET(cpu, &set))
			continue;
		if (n < 2)
			snprintf(list + len, size - len, "%s%d", n == 0 ? "" : ",", cpu);
		n++;
	}
	return n;
}

/* What the harness itself costs, to be taken off everything. */
static void measure_harness(struct bench *b)
{
	struct cell *loop = report_cell(b->report, "harness", false, NULL, 0, 0);
	struct cell *queues = report_cell(b->report, "harness_queues", false, NULL, 0, 0);
	struct worker *w = &b->workers[0];

	for (uint32_t run = 0; run < b->runs; run++) {
		double nothing = 0, idle = 0;

		for (uint32_t pass = 0; pass < b->passes; pass++) {
			nothing += (double)batch_ns(burst_nothing, NULL) / BATCH;
			w->nb_kept = 0;
			idle += (double)batch_ns(worker_burst_idle, w) / BATCH;
		}
		figures_add(&loop->ns, nothing / b->passes);
		figures_add(&queues->ns, idle / b->passes);
	}
	b->harness = figures_median(&loop->ns);
	b->harness_queues = figures_median(&queues->ns);
}

static void set_up(struct bench *b)
{
	char cpus[32];
	struct rig_config config = {.flows = FLOWS_MIN,
	        .packets = 2 * BATCH + 1024,
	        .pool_cache = POOL_CACHE,
	        .nb_workers = 2};

	b->nb_cpus = choose_cpus(cpus, sizeof(cpus));
	b->huge = rig_eal_lcores(true, cpus);
	config.huge = b->huge;
	b->rig = rig_create(&config);
	b->keys = rte_malloc("keys", BATCH * PACKET_KEY_WORDS(true) * sizeof(*b->keys), 64);
	b->workers = rte_zmalloc("workers", 2 * sizeof(*b->workers), LB_CACHE_LINE);
	if (b->keys == NULL || b->workers == NULL)
		die("no memory");
	worker_init(&b->workers[0], b, 0);
	if (b->nb_cpus > 1)
		worker_init(&b->workers[1], b, 1);
	measure_harness(b);
}

static void tear_down(struct bench *b)
{
	rig_free(b->rig);
	rte_free(b->workers);
	rte_free(b->keys);
	report_clear(b->report);
	rte_eal_cleanup();
}

int main(int argc, char **argv)
{
	static struct options options;
	static struct report report;
	struct bench b = {.options = &options, .report = &report};

	parse_options(&options, argc, argv);
	b.runs = options.quick ? 7 : 15;
	b.passes = options.quick ? 8 : 24;
	b.warm_up = 8;
	b.tries = options.quick ? 1 : 4;
	b.run_tries = options.quick ? 1 : 32; /* some seconds */
	set_up(&b);
	plan_run(&b);
	goals_judge(&report);
	if (options.json)
		report_print_json(&b, stdout);
	else
		report_print(&b, stdout);
	tear_down(&b);
	return 0;
}
