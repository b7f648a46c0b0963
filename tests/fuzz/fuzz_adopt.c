/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A tables segment with any bytes in its heap, adopted as a new control plane would: whatever it
 * says, nothing is read outside of it, its memory is kept once, and no two targets get one slot.
 */
#include <stdlib.h>

#include "build/scope.h"
#include "model_fixture.h"
#include "publish/adopt.h"

#define MAX_INPUT 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static struct cp_model *make_model(void)
{
	struct cp_model *model = fixture_model(16);
	struct cp_target_group *group = fixture_group(model, "web", CP_TCP, false);

	for (uint8_t i = 0; i < 3; i++)
		fixture_target(model, group, 1, i, 0, 1);
	return model;
}

static void check_model(const struct cp_model *model)
{
	bool taken[16] = {false};

	for (const struct cp_target *t = model->groups->targets; t; t = t->hh.next) {
		check(t->slot < 16 && !taken[t->slot] && t->epoch != 0);
		taken[t->slot] = true;
	}
}

/* Every byte is free or taken once: reserving would fail otherwise. */
static void keep(struct cp_running *running, uint8_t *segment, uint64_t size)
{
	struct cp_heap heap;
	struct cp_scopes scopes;

	check(cp_heap_init(&heap, segment, size) == 0);
	cp_scopes_init(&scopes, &heap);
	cp_running_join(running);
	for (uint32_t i = 0; i < running->nb_extents; i++) {
		const struct cp_extent *e = &running->extents[i];

		check(cp_heap_reserve(&heap, e->offset, e->len) == 0);
		check(cp_scopes_add_blob(&scopes, e->offset, e->len) == 0);
	}
	for (uint32_t i = 0; i < running->nb_extents; i++)
		cp_scopes_drop_blob(&scopes, running->extents[i].offset, running->extents[i].len);
	check(heap.used == 0);
	cp_scopes_fini(&scopes);
	cp_heap_fini(&heap);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t segment_size =
	        LB_TABLES_HEAP_OFFSET + LB_ALIGN_UP((uint64_t)size, (uint64_t)LB_BLOB_ALIGN);
	struct cp_running running;
	struct cp_model *model;
	uint8_t *segment;
	char why[160];

	if (size > MAX_INPUT || size < sizeof(struct lb_generation))
		return 0;
	segment = aligned_alloc(LB_BLOB_ALIGN, segment_size);
	check(segment != NULL);
	memset(segment, 0, segment_size);
	memcpy(segment + LB_TABLES_HEAP_OFFSET, data, size);
	model = make_model();
	cp_running_init(&running, segment, segment_size);
	for (uint64_t at = LB_TABLES_HEAP_OFFSET; at < segment_size; at += 4096) {
		const struct lb_generation *g = (const struct lb_generation *)(segment + at);

		if (segment_size - at >= sizeof(*g))
			(void)cp_running_read(&running, at, g->revision, why, sizeof(why));
	}
	keep(&running, segment, segment_size);
	cp_running_adopt(&running, model);
	check_model(model);
	cp_running_fini(&running);
	cp_model_free(model);
	free(segment);
	return 0;
}
