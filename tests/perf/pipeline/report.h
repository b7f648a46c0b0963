/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What was measured: as a table for people, or as JSON.
 *
 *   quick, packets_per_run
 *   machine     what it was measured on
 *   cells[]     name, family, direction, flows, workers, ns_per_packet (median), min, max, runs,
 *               mpps, touch_ns, touch_min, touch_max, ratio_to_touch, and what is special about a
 *               cell
 *   references[] name, family, direction, flows, ns_per_packet, min, max, runs
 *   goals[]     name, measured, limit, at ("most", "least"), unit, holds
 *   left_out[]  texts
 *
 * Figures are nanoseconds a packet, the harness's own cost taken off; it is the reference 'harness'
 * (and 'harness_queues', for what goes through the pipeline).
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdio.h>

#include "bench.h"

#define MAX_CELLS 160
#define MAX_GOALS 64

struct goal {
	char name[96];
	double measured, limit;
	bool at_least, holds;
	const char *unit;
};

struct report {
	struct cell cells[MAX_CELLS]; /* references too */
	struct goal goals[MAX_GOALS];
	char *left_out[MAX_CELLS];
	uint32_t nb_cells, nb_goals, nb_left_out;
};

/* The cell of that name and so on, to be filled: a new one, or one that has figures of an earlier
 * visit. */
struct cell *report_cell(struct report *r, const char *name, bool is_v6, const char *direction,
        uint32_t flows, uint32_t workers);

/* The cell that was measured, or NULL. 'direction' NULL: any. */
const struct cell *report_find(const struct report *r, const char *name, bool is_v6,
        const char *direction, uint32_t flows);

/* The touch of each family, from all of its cells. */
void report_touch(struct report *r);

__attribute__((format(printf, 2, 3))) void report_left_out(
        struct report *r, const char *format, ...);

/* Forgets everything. */
void report_clear(struct report *r);

void report_print(const struct bench *b, FILE *out);
void report_print_json(const struct bench *b, FILE *out);

/* goals.c: judges what was measured. */
void goals_judge(struct report *r);

/* machine.c */
struct machine {
	char cpu[128];
	uint32_t cores;
	uint64_t tsc_hz, huge_pages_total, huge_pages_free;
	const char *compiler, *cpu_option;
	const char *dpdk;
};
void machine_describe(struct machine *m);

#endif
