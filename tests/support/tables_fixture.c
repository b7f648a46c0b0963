/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See tables_fixture.h.
 */
#include "tables_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define ALIGNED(bytes) LB_ALIGN_UP((uint64_t)(bytes), LB_BLOB_ALIGN)

static uint32_t index_size(uint32_t rows)
{
	uint32_t size = 4;

	while (size < 4 * rows)
		size *= 2;
	return size;
}

static void index_add(struct lb_index *index, uint32_t size, uint32_t tag, uint32_t row)
{
	uint32_t at = tag & (size - 1);

	while (index[at].row != 0)
		at = (at + 1) & (size - 1);
	index[at] = (struct lb_index){.tag = tag, .row = row + 1};
}

/* Lays the arrays out one after the other; returns the size of the whole. */
static uint64_t lay_out(struct lb_generation *g, const struct tables_spec *spec)
{
	uint64_t at = sizeof(*g);

#define PLACE(field, bytes)        \
	(g->field = (uint32_t)at); \
	at += ALIGNED(bytes)
	PLACE(vips_offset, spec->nb_vips * sizeof(struct lb_vip));
	PLACE(vip_index_offset, g->vip_index_size * sizeof(struct lb_index));
	PLACE(listeners_offset, spec->nb_listeners * sizeof(struct lb_listener));
	PLACE(listener_index_offset, g->listener_index_size * sizeof(struct lb_index));
	PLACE(groups_offset, spec->nb_groups * sizeof(struct lb_group));
	PLACE(targets_offset, spec->nb_slots * sizeof(struct lb_target));
	PLACE(epochs_offset, spec->nb_slots * sizeof(uint32_t));
#undef PLACE
	return at;
}

static uint64_t maglev_bytes(const struct tables_spec *spec)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < spec->nb_listeners; i++)
		bytes += ALIGNED(spec->listeners[i].maglev_size * sizeof(uint32_t));
	return bytes;
}

static void copy(void *to, const void *from, size_t size)
{
	if (size > 0)
		memcpy(to, from, size);
}

static void write_vips(struct tables_fixture *fx, const struct tables_spec *spec)
{
	struct lb_generation *g = fx->generation;
	struct lb_index *index = tables_fixture_at(fx, g->vip_index_offset);

	copy(tables_fixture_at(fx, g->vips_offset), spec->vips,
	        spec->nb_vips * sizeof(struct lb_vip));
	for (uint32_t i = 0; i < spec->nb_vips; i++)
		index_add(index, g->vip_index_size, lb_vip_hash(&spec->vips[i].ip), i);
}

/* Maglev tables begin at 'maglev_at' of the segment. */
static void write_listeners(
        struct tables_fixture *fx, const struct tables_spec *spec, uint64_t maglev_at)
{
	struct lb_generation *g = fx->generation;
	struct lb_listener *rows = tables_fixture_at(fx, g->listeners_offset);
	struct lb_index *index = tables_fixture_at(fx, g->listener_index_offset);

	for (uint32_t i = 0; i < spec->nb_listeners; i++) {
		const struct tables_listener *l = &spec->listeners[i];

		rows[i] = l->row;
		rows[i].maglev_offset = maglev_at;
		rows[i].maglev_size = l->maglev_size;
		copy(fx->segment + maglev_at, l->maglev, l->maglev_size * sizeof(uint32_t));
		maglev_at += ALIGNED(l->maglev_size * sizeof(uint32_t));
		index_add(index, g->listener_index_size,
		        lb_listener_hash(&l->row.vip, l->row.protocol, l->row.port), i);
	}
}

void tables_fixture_build(
        struct tables_fixture *fx, const struct tables_spec *spec, uint64_t revision)
{
	struct lb_generation header = {.magic = LB_GENERATION_MAGIC,
	        .revision = revision,
	        .nb_vips = spec->nb_vips,
	        .nb_listeners = spec->nb_listeners,
	        .nb_groups = spec->nb_groups,
	        .nb_slots = spec->nb_slots,
	        .vip_index_size = index_size(spec->nb_vips),
	        .listener_index_size = index_size(spec->nb_listeners)};
	uint64_t at = LB_TABLES_HEAP_OFFSET + maglev_bytes(spec);

	header.size = lay_out(&header, spec);
	fx->size = LB_ALIGN_UP(at + header.size, 4096);
	fx->segment = aligned_alloc(4096, fx->size);
	if (fx->segment == NULL) {
		fprintf(stderr, "tables_fixture: no memory for %lu bytes\n", fx->size);
		exit(2);
	}
	memset(fx->segment, 0, fx->size);
	fx->generation = (struct lb_generation *)(fx->segment + at);
	*fx->generation = header;
	write_vips(fx, spec);
	write_listeners(fx, spec, LB_TABLES_HEAP_OFFSET);
	copy(tables_fixture_at(fx, header.groups_offset), spec->groups,
	        spec->nb_groups * sizeof(struct lb_group));
	copy(tables_fixture_at(fx, header.targets_offset), spec->targets,
	        spec->nb_slots * sizeof(struct lb_target));
	copy(tables_fixture_at(fx, header.epochs_offset), spec->epochs,
	        spec->nb_slots * sizeof(uint32_t));
	fx->run = (struct lb_msg){.type = LB_MSG_RUN, .seq = 1, .revision = revision, .offset = at};
}

void tables_fixture_free(struct tables_fixture *fx)
{
	free(fx->segment);
	fx->segment = NULL;
}
