/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See table_index.h.
 */
#include "build/table_index.h"

#include <stdlib.h>

/* 128 MiB; reached only by rows whose tags were chosen to collide. */
#define MAX_PLACES (1u << 24)
static_assert(MAX_PLACES >= 2 * LB_MAX_LISTENERS && MAX_PLACES >= 2 * LB_MAX_VIPS, "too small");

static bool fill(struct lb_index *index, uint32_t size, const uint32_t *tags, uint32_t nb)
{
	memset(index, 0, size * sizeof(*index));
	for (uint32_t row = 0; row < nb; row++) {
		uint32_t probe = 0, place = tags[row] & (size - 1);

		while (index[place].row != 0) {
			if (++probe == LB_INDEX_MAX_PROBES)
				return false;
			place = (place + 1) & (size - 1);
		}
		index[place] = (struct lb_index){.tag = tags[row], .row = row + 1};
	}
	return true;
}

struct lb_index *cp_table_index(const uint32_t *tags, uint32_t nb, uint32_t *size)
{
	uint32_t places = 2;

	while (places < 2 * nb)
		places *= 2;
	for (; places <= MAX_PLACES; places *= 2) {
		struct lb_index *index = malloc(places * sizeof(*index));

		if (index && fill(index, places, tags, nb)) {
			*size = places;
			return index;
		}
		free(index);
	}
	*size = 0;
	return NULL;
}
