/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Lays a generation out and writes it to the heap:
 *
 *   header | vips | vip index | listeners | listener index | groups | targets | epochs
 *
 * each from a multiple of LB_BLOB_ALIGN.
 */
#include "build/generation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "build/rows.h"
#include "build/table_index.h"

struct indices {
	struct lb_index *vips, *listeners;
	uint32_t vips_size, listeners_size;
};

static void indices_fini(struct indices *indices)
{
	free(indices->vips);
	free(indices->listeners);
}

static int indices_make(struct indices *indices, const struct cp_rows *rows)
{
	uint32_t most = rows->nb_vips > rows->nb_listeners ? rows->nb_vips : rows->nb_listeners;
	uint32_t *tags = malloc((most + 1) * sizeof(*tags));

	*indices = (struct indices){0};
	if (!tags)
		return -ENOMEM;
	for (uint32_t i = 0; i < rows->nb_vips; i++)
		tags[i] = lb_vip_hash(&rows->vips[i].ip);
	indices->vips = cp_table_index(tags, rows->nb_vips, &indices->vips_size);
	for (uint32_t i = 0; i < rows->nb_listeners; i++) {
		const struct lb_listener *l = &rows->listeners[i];

		tags[i] = lb_listener_hash(&l->vip, l->protocol, l->port);
	}
	indices->listeners = cp_table_index(tags, rows->nb_listeners, &indices->listeners_size);
	free(tags);
	if (indices->vips && indices->listeners)
		return 0;
	indices_fini(indices);
	return -ERANGE;
}

/* One more than the highest slot in use. */
static uint32_t count_slots(const struct cp_model *model)
{
	uint32_t nb = 0;

	for (const struct cp_target_group *g = model->groups; g; g = g->hh.next)
		for (const struct cp_target *t = g->targets; t; t = t->hh.next)
			if (t->slot >= nb)
				nb = t->slot + 1;
	return nb;
}

/* Reserves room for an array; its offset from the generation's start. */
static uint64_t lay(uint64_t *size, uint64_t nb, uint64_t row_size)
{
	uint64_t at = *size;

	*size += LB_ALIGN_UP(nb * row_size, (uint64_t)LB_BLOB_ALIGN);
	return at;
}

static struct lb_generation lay_out(const struct cp_model *model,
        const struct cp_build_order *order, const struct cp_rows *rows,
        const struct indices *indices, uint32_t nb_slots)
{
	struct lb_generation g = {.magic = LB_GENERATION_MAGIC,
	        .revision = order->revision,
	        .config_revision = model->revision,
	        .nb_vips = rows->nb_vips,
	        .nb_listeners = rows->nb_listeners,
	        .nb_groups = rows->nb_groups,
	        .nb_slots = nb_slots,
	        .vip_index_size = indices->vips_size,
	        .listener_index_size = indices->listeners_size};
	uint64_t size = sizeof(g);

	/* The limits of rows, slots and index places keep the sum far below 4 GiB. */
	g.vips_offset = (uint32_t)lay(&size, g.nb_vips, sizeof(struct lb_vip));
	g.vip_index_offset = (uint32_t)lay(&size, g.vip_index_size, sizeof(struct lb_index));
	g.listeners_offset = (uint32_t)lay(&size, g.nb_listeners, sizeof(struct lb_listener));
	g.listener_index_offset =
	        (uint32_t)lay(&size, g.listener_index_size, sizeof(struct lb_index));
	g.groups_offset = (uint32_t)lay(&size, g.nb_groups, sizeof(struct lb_group));
	g.targets_offset = (uint32_t)lay(&size, g.nb_slots, sizeof(struct lb_target));
	g.epochs_offset = (uint32_t)lay(&size, g.nb_slots, sizeof(uint32_t));
	g.size = size;
	return g;
}

static struct lb_target target_row(const struct cp_target *t, uint32_t group_row)
{
	return (struct lb_target){.ip = t->ip,
	        .port = (lb_be16)(t->port >> 8 | t->port << 8),
	        .state = t->draining ? LB_TARGET_DRAINING : (uint8_t)t->health.state,
	        .reason = t->draining ? CP_REASON_DEREGISTRATION_IN_PROGRESS
	                              : (uint8_t)t->health.reason,
	        .group = group_row,
	        .identity = t->identity,
	        .drain_deadline_ms = t->draining ? t->drain_deadline_ms : 0,
	        .weight = t->weight,
	        .zone = t->zone};
}

static void write_targets(const struct cp_model *model, struct lb_target *targets, uint32_t *epochs,
        uint32_t nb_slots)
{
	uint32_t row = 0;

	memset(targets, 0, nb_slots * sizeof(*targets));
	memset(epochs, 0, nb_slots * sizeof(*epochs));
	for (const struct cp_target_group *g = model->groups; g; g = g->hh.next, row++) {
		for (const struct cp_target *t = g->targets; t; t = t->hh.next) {
			targets[t->slot] = target_row(t, row);
			epochs[t->slot] = t->epoch;
		}
	}
}

static void write_generation(uint8_t *at, const struct lb_generation *g,
        const struct cp_model *model, const struct cp_rows *rows, const struct indices *indices)
{
	memcpy(at, g, sizeof(*g));
	memcpy(at + g->vips_offset, rows->vips, g->nb_vips * sizeof(*rows->vips));
	memcpy(at + g->vip_index_offset, indices->vips, g->vip_index_size * sizeof(*indices->vips));
	memcpy(at + g->listeners_offset, rows->listeners,
	        g->nb_listeners * sizeof(*rows->listeners));
	memcpy(at + g->listener_index_offset, indices->listeners,
	        g->listener_index_size * sizeof(*indices->listeners));
	memcpy(at + g->groups_offset, rows->groups, g->nb_groups * sizeof(*rows->groups));
	write_targets(model, (struct lb_target *)(at + g->targets_offset),
	        (uint32_t *)(at + g->epochs_offset), g->nb_slots);
}

/* Places what was made; takes the rows' scopes over. */
static int place(const struct lb_generation *g, const struct cp_model *model, struct cp_rows *rows,
        const struct indices *indices, struct cp_heap *heap, struct cp_generation **out)
{
	struct cp_generation *made = calloc(1, sizeof(*made));

	if (!made)
		return -ENOMEM;
	made->offset = cp_heap_alloc(heap, g->size);
	if (made->offset == 0) {
		free(made);
		return -ENOSPC;
	}
	made->size = g->size;
	made->revision = g->revision;
	made->scopes = rows->scopes;
	made->nb_scopes = rows->nb_scopes;
	rows->scopes = NULL;
	rows->nb_scopes = 0;
	write_generation(heap->base + made->offset, g, model, rows, indices);
	*out = made;
	return 0;
}

int cp_generation_build(const struct cp_model *model, struct cp_scopes *scopes,
        const struct cp_build_order *order, struct cp_generation **out, char *why, size_t why_len)
{
	uint32_t nb_slots = count_slots(model);
	struct lb_generation header;
	struct indices indices;
	struct cp_rows rows;
	int rc;

	if (nb_slots > order->max_targets) {
		snprintf(why, why_len,
		        "the configuration needs %u target slots, but the dataplane has %u: raise "
		        "its tables.max_targets",
		        nb_slots, order->max_targets);
		return -ERANGE;
	}
	rc = cp_rows_make(&rows, model, scopes, order->max_listeners, why, why_len);
	if (rc < 0)
		return rc;
	rc = indices_make(&indices, &rows);
	if (rc < 0) {
		snprintf(why, why_len,
		        "no index finds all addresses and listeners within %d steps: use other "
		        "addresses or ports",
		        LB_INDEX_MAX_PROBES);
		goto out_rows;
	}
	header = lay_out(model, order, &rows, &indices, nb_slots);
	rc = place(&header, model, &rows, &indices, scopes->heap, out);
	if (rc < 0)
		snprintf(why, why_len,
		        "no room for a generation of %lu KiB in the tables segment: give the "
		        "dataplane a larger tables.megabytes",
		        (unsigned long)(header.size / 1024));
	indices_fini(&indices);
out_rows:
	cp_rows_fini(&rows, scopes);
	return rc;
}

void cp_generation_free(struct cp_scopes *scopes, struct cp_generation *generation)
{
	for (uint32_t i = 0; i < generation->nb_scopes; i++)
		cp_scope_put(scopes, generation->scopes[i]);
	cp_heap_free(scopes->heap, generation->offset, generation->size);
	free(generation->scopes);
	free(generation);
}
