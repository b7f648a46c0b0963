/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the packet path promises, judged by the medians of one run; and whether the machine was
 * steady enough to be judged on. A goal whose cells were not measured is not judged.
 */
#include "report.h"

#include <stdarg.h>

#define MI     (1u << 20)
#define STEADY 1.2 /* median of a reference's runs, to the quickest one */

static const char *const families[] = {"IPv4", "IPv6"};
static const char *const directions[] = {"forward", "return"};

__attribute__((format(printf, 6, 7))) static void judge(struct report *r, double measured,
        bool at_least, double limit, const char *unit, const char *format, ...)
{
	struct goal *g = &r->goals[r->nb_goals];
	va_list args;

	if (r->nb_goals == MAX_GOALS)
		die("more than %u goals", MAX_GOALS);
	r->nb_goals++;
	*g = (struct goal){.measured = measured,
	        .limit = limit,
	        .at_least = at_least,
	        .holds = at_least ? measured >= limit : measured <= limit,
	        .unit = unit};
	va_start(args, format);
	vsnprintf(g->name, sizeof(g->name), format, args);
	va_end(args);
}

static double ns(const struct cell *c)
{
	return figures_median(&c->ns);
}

static void judge_hit(struct report *r, bool is_v6, const char *direction)
{
	const struct cell *one = report_find(r, "hit", is_v6, direction, 1);
	const struct cell *million = report_find(r, "hit", is_v6, direction, MI);

	if (one != NULL && !is_v6)
		judge(r, ns(one) / figures_median(&one->touch), false, 3.5, "x",
		        "hit, %s %s, 1 flow: to touch", families[is_v6], direction);
	if (one != NULL && million != NULL)
		judge(r, ns(million) / ns(one), false, 1.8, "x",
		        "hit, %s %s, 1 Mi flows: to 1 flow", families[is_v6], direction);
}

static void judge_growth(struct report *r, bool is_v6, const char *direction, uint32_t flows,
        const char *hit, const char *table)
{
	const struct cell *h1 = report_find(r, hit, is_v6, direction, 1);
	const struct cell *hn = report_find(r, "hit", is_v6, direction, flows);
	const struct cell *t1 = report_find(r, table, is_v6, NULL, 1);
	const struct cell *tn = report_find(r, "table", is_v6, NULL, flows);

	if (h1 == NULL || hn == NULL || t1 == NULL || tn == NULL)
		return;
	if (ns(tn) <= ns(t1)) {
		report_left_out(r, "goal: growth of hit, %s %s, to %u Mi flows: table did not grow",
		        families[is_v6], direction, flows >> 20);
		return;
	}
	judge(r, (ns(hn) - ns(h1)) / (ns(tn) - ns(t1)), false, 1.2, "x",
	        "hit, %s %s, %u Mi flows less 1 flow: to the same of table", families[is_v6],
	        direction, flows >> 20);
}

static void judge_families(struct report *r, const char *direction, uint32_t flows)
{
	const struct cell *v4 = report_find(r, "hit", false, direction, flows);
	const struct cell *v6 = report_find(r, "hit", true, direction, flows);

	if (v4 != NULL && v6 != NULL)
		judge(r, ns(v6) / ns(v4), false, 1.3, "x", "hit, IPv6 %s, %s: to IPv4", direction,
		        flows == 1 ? "1 flow" : "1 Mi flows");
}

static void judge_new(struct report *r, bool is_v6)
{
	const struct cell *one = report_find(r, "hit", is_v6, "forward", 1);
	const struct cell *new = report_find(r, "new_expiry", is_v6, "forward", MI);
	const struct cell *stages = report_find(r, "parse_flow", is_v6, "forward", MI);
	const struct cell *hash = report_find(r, "rte_hash", is_v6, NULL, MI);

	if (stages != NULL && hash != NULL)
		judge(r, ns(stages) / ns(hash), false, 1.0, "x",
		        "parse and flow stages, %s, 1 Mi flows: to rte_hash alone",
		        families[is_v6]);
	if (one != NULL && new != NULL)
		judge(r, ns(new) / ns(one), false, 6, "x",
		        "new flow with expiry of old ones, %s: to hit at 1 flow", families[is_v6]);
}

static void judge_workers(struct report *r, bool is_v6, uint32_t flows)
{
	static const struct {
		const char *name, *text;
	} ways[] = {
	        {"workers_same", "same mix"}, {"workers_crossed", "returns on the other worker"}};

	for (uint32_t i = 0; i < RTE_DIM(ways); i++) {
		const struct cell *c = report_find(r, ways[i].name, is_v6, "both", flows);

		if (c != NULL)
			judge(r, cell_extra_get(c, "scaling"), true, 1.9, "x",
			        "two workers, %s, %s, %u Ki flows: to one", ways[i].text,
			        families[is_v6], flows >> 10);
	}
}

static void judge_floods(struct report *r, bool is_v6)
{
	const struct cell *c = report_find(r, "flood", is_v6, "forward", MI);

	if (c == NULL)
		return;
	judge(r, cell_extra_get(c, "moved") + cell_extra_get(c, "lost"), false, 0, "flows",
	        "flood, %s: established flows moved or lost", families[is_v6]);
	judge(r, cell_extra_get(c, "established_ratio"), false, 1.3, "x",
	        "flood, %s: cost of established packets, to without", families[is_v6]);
}

static void judge_change(struct report *r, bool is_v6)
{
	const struct cell *c = report_find(r, "table_change", is_v6, "forward", MI);

	if (c == NULL)
		return;
	/* fewer, and the slowest thousandth of bursts need not have met one */
	if (cell_extra_get(c, "changes_per_1000_bursts") < 2) {
		report_left_out(r,
		        "goal: change of tables, %s: there were too few changes to judge by",
		        families[is_v6]);
		return;
	}
	judge(r, cell_extra_get(c, "p999_ratio"), false, 1.2, "x",
	        "change of tables, %s: 99.9th percentile of bursts, to without", families[is_v6]);
}

/* References do the same work in each run. Where half of them took so much longer than the quickest
 * one, the machine ran at another speed meanwhile. */
static double spread(const struct figures *f)
{
	return f->n > 0 ? figures_median(f) / figures_min(f) : 1;
}

static void judge_machine(struct report *r)
{
	const struct figures *worst = NULL;
	const struct cell *of = NULL;
	char where[32] = "";

	for (uint32_t i = 0; i < r->nb_cells; i++) {
		const struct cell *c = &r->cells[i];
		const struct figures *reference = c->workers == 0 ? &c->ns : &c->touch;

		if (strncmp(c->name, "harness", strlen("harness")) == 0 ||
		        spread(reference) < STEADY ||
		        (worst != NULL && spread(reference) < spread(worst)))
			continue;
		worst = reference;
		of = c;
	}
	if (of == NULL)
		return;
	if (of->flows != 0)
		snprintf(where, sizeof(where), ", %s, %u flows", families[of->is_v6], of->flows);
	report_left_out(r,
	        "a steady machine: %s%s%s, took %.1f ns in the median run, %.1f in the quickest; "
	        "something takes its caches, its memory or its clock: measure again",
	        of->workers == 0 ? "" : "touch beside ", of->name, where, figures_median(worst),
	        figures_min(worst));
}

void goals_judge(struct report *r)
{
	const struct cell *memory = report_find(r, "hit", false, "forward", 10 * MI);
	const struct cell *counted = report_find(r, "hit_counted", false, "forward", MI);

	for (uint32_t f = 0; f < 2; f++) {
		for (uint32_t d = 0; d < 2; d++) {
			judge_hit(r, f, directions[d]);
			judge_growth(r, f, directions[d], MI, "hit", "table");
			judge_growth(r, f, directions[d], 10 * MI, "hit_anchor", "table_anchor");
		}
		judge_new(r, f);
		judge_workers(r, f, MI);
		judge_workers(r, f, MI / 16);
		judge_floods(r, f);
		judge_change(r, f);
	}
	for (uint32_t d = 0; d < 2; d++) {
		judge_families(r, directions[d], 1);
		judge_families(r, directions[d], MI);
	}
	if (memory != NULL)
		judge(r, cell_extra_get(memory, "bytes_per_flow"), false, 80, "bytes",
		        "memory of a table for IPv4, a flow, at 10 Mi flows");
	if (counted != NULL)
		judge(r, cell_extra_get(counted, "bytes_per_flow"), false, 144, "bytes",
		        "memory of a table for IPv4 with counts, a flow");
	judge_machine(r);
}
