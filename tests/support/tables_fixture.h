/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Writes a generation straight into memory, with the contract's structs: for tests and benchmarks
 * of what reads one.
 */
#ifndef TABLES_FIXTURE_H
#define TABLES_FIXTURE_H

#include "lb/msg.h"
#include "lb/table.h"

/* A listener and the Maglev table it reads. 'row.maglev_offset' and 'row.maglev_size' are filled
 * in. */
struct tables_listener {
	struct lb_listener row;
	const uint32_t *maglev;
	uint32_t maglev_size;
};

struct tables_spec {
	const struct lb_vip *vips;
	const struct tables_listener *listeners;
	const struct lb_group *groups;
	const struct lb_target *targets; /* by slot */
	const uint32_t *epochs;          /* by slot */
	uint32_t nb_vips, nb_listeners, nb_groups, nb_slots;
};

struct tables_fixture {
	uint8_t *segment;
	uint64_t size;
	struct lb_generation *generation; /* in 'segment' */
	struct lb_msg run;                /* the command that announces it */
};

/* Allocates a segment that holds the generation and its Maglev tables, the Maglev tables first.
 * Ends the program when memory is out. */
void tables_fixture_build(
        struct tables_fixture *fx, const struct tables_spec *spec, uint64_t revision);
void tables_fixture_free(struct tables_fixture *fx);

/* What the fixture put where, to be changed by a test. */
static inline void *tables_fixture_at(struct tables_fixture *fx, uint32_t offset)
{
	return (uint8_t *)fx->generation + offset;
}

#endif
