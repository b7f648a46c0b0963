/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a dataplane runs that a predecessor of this control plane configured: read from the tables
 * segment as hostile input, then taken over into the model.
 */
#ifndef CP_ADOPT_H
#define CP_ADOPT_H

#include "build/heap.h"
#include "model/model.h"

/* No honest revision is above this: one generation a microsecond for 100,000 years. What claims
 * more is not adopted, and counting on can't overflow. */
#define CP_MAX_REVISION (UINT64_C(1) << 62)

/* The union of some running generations. */
struct cp_running {
	const uint8_t *segment; /* not owned */
	uint64_t segment_size;
	uint32_t nb_generations;
	uint64_t revision; /* the highest */
	/* The newest generation's rows; copies. */
	struct lb_target *targets;
	uint32_t *epochs;
	uint32_t nb_slots;
	/* By slot, over all of them: the highest epoch. */
	uint32_t *highest_epochs;
	uint32_t nb_highest;
	/* All bytes that any of them refers to: top levels and Maglev tables. */
	struct cp_extent *extents;
	uint32_t nb_extents, max_extents;
};

void cp_running_init(struct cp_running *running, const void *segment, uint64_t segment_size);
void cp_running_fini(struct cp_running *running);

/* Reads the generation at 'offset', which must say 'revision'. Reading one twice does no harm.
 * 0; -EINVAL with what is wrong in 'why', 'running' is then as before; -ENOMEM. */
int cp_running_read(
        struct cp_running *running, uint64_t offset, uint64_t revision, char *why, size_t why_len);

/* Sorts the extents and joins those that overlap, so that each byte is in one of them. */
void cp_running_join(struct cp_running *running);

/* Gives each target of the model that runs its slot, epoch and last verdict; a target that does not
 * run never takes an epoch over that a flow may hold. A verdict of this process counts more than
 * a running one, and "initial" less than either. */
void cp_running_adopt(const struct cp_running *running, struct cp_model *model);

#endif
