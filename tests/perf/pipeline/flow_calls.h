/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Where the benchmark calls stages of the pipeline by themselves, not dp_pipeline_run().
 */
#ifndef BENCH_FLOW_CALLS_H
#define BENCH_FLOW_CALLS_H

#include "stage.h"

/* burst_fn, 'arg' a struct flow_calls: parse and flow look-up of a burst, nothing else. */
struct flow_calls {
	struct worker *worker;
	uint64_t found;
};
void parse_flow_burst(void *arg, uint32_t at);

/* Takes flows 'first' to first+n-1 out of the table. */
void flows_remove(struct stage *s, uint32_t first, uint32_t n);

#endif
