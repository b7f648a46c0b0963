/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A stage: a flow table of one family that is 90 % full of established flows, all of them made by
 * packets through the pipeline, and the reference tables with as many keys beside it.
 */
#ifndef BENCH_STAGE_H
#define BENCH_STAGE_H

#include "bench.h"
#include "ref_hash.h"
#include "ref_table.h"

#define FLOWS_MIN 1024u /* in a table, used or not */

struct stage {
	bool is_v6;
	uint32_t flows;    /* in use */
	uint32_t nb;       /* in the table */
	uint32_t capacity; /* of the table: nb / 0.9 */
	struct dp_flow_table *table;
	uint8_t *targets; /* [nb]: the last byte of each flow's target's address */
	struct ref_table ref_table;
	struct ref_hash ref_hash;
	uint32_t next_new; /* number of the next flow that nobody has seen */
};

/* Opens the table for 'nb_workers', with no flows in it, with or without counts of each. False, and
 * the report says what is left out, when there is no memory for it. */
bool stage_open(struct stage *s, struct bench *b, bool is_v6, uint32_t flows, uint32_t nb_workers,
        bool counters);
void stage_close(struct stage *s);

/* Establishes flows 0 .. nb-1: SYN, SYN-ACK, ACK. */
void stage_establish(struct stage *s, struct bench *b);

/* What references a stage has. False as in stage_open(). */
bool stage_add_table(struct stage *s, struct bench *b);
bool stage_add_hash(struct stage *s, struct bench *b);

/* Writes random keys of flows in use, for the references. */
void stage_write_keys(const struct stage *s, uint64_t *keys, uint32_t *random);

/* Whether the machine has this much memory to give now. */
bool memory_enough(const struct bench *b, uint64_t size);

#endif
