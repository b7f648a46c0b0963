/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which jobs run on which stages, and in which order.
 */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include "bench.h"

/* Measures all that the options ask for into b->report. */
void plan_run(struct bench *b);

/* A line of the names that --only takes. */
const char *plan_names(void);

/* Whether the options ask for it. */
bool plan_knows_name(const char *name, size_t len);
bool plan_knows_flows(uint32_t flows);

#endif
