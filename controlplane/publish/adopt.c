/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See adopt.h. Everything is copied out of the segment once, then checked; a Maglev table that lies
 * outside of the segment is passed over, since no worker can follow it either.
 */
#include "publish/adopt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/change.h"

void cp_running_init(struct cp_running *running, const void *segment, uint64_t segment_size)
{
	*running = (struct cp_running){.segment = segment, .segment_size = segment_size};
}

void cp_running_fini(struct cp_running *running)
{
	free(running->targets);
	free(running->epochs);
	free(running->highest_epochs);
	free(running->extents);
	*running = (struct cp_running){0};
}

/* The bytes [offset, offset + len) of the heap, or NULL. */
static const uint8_t *heap_at(const struct cp_running *running, uint64_t offset, uint64_t len)
{
	if (offset < LB_TABLES_HEAP_OFFSET)
		return NULL;
	return lb_shm_at((void *)(uintptr_t)running->segment, running->segment_size, offset, len);
}

static bool array_inside(const struct lb_generation *g, uint32_t offset, uint32_t nb, uint64_t size)
{
	return offset <= g->size && nb * size <= g->size - offset;
}

static const char *header_refusal(const struct lb_generation *g, uint64_t revision)
{
	if (g->magic != LB_GENERATION_MAGIC)
		return "there is no generation";
	if (g->revision != revision || revision > CP_MAX_REVISION)
		return "it is of another revision than announced, or of an impossible one";
	if (g->size < sizeof(*g) || g->size % LB_BLOB_ALIGN != 0)
		return "its size is impossible";
	if (g->nb_listeners > LB_MAX_LISTENERS || g->nb_slots > LB_MAX_TARGET_SLOTS)
		return "it has more rows than the limits allow";
	if (!array_inside(g, g->listeners_offset, g->nb_listeners, sizeof(struct lb_listener)) ||
	        !array_inside(g, g->targets_offset, g->nb_slots, sizeof(struct lb_target)) ||
	        !array_inside(g, g->epochs_offset, g->nb_slots, sizeof(uint32_t)))
		return "one of its arrays is outside of it";
	return NULL;
}

static int extents_room(struct cp_running *running, uint32_t nb)
{
	uint32_t max = running->nb_extents + nb;
	struct cp_extent *more;

	if (max <= running->max_extents)
		return 0;
	more = realloc(running->extents, max * sizeof(*more));
	if (!more)
		return -ENOMEM;
	running->extents = more;
	running->max_extents = max;
	return 0;
}

static void add_extent(struct cp_running *running, uint64_t offset, uint64_t len)
{
	if (len > 0 && heap_at(running, offset, len))
		running->extents[running->nb_extents++] = (struct cp_extent){offset, len};
}

static void add_tables(struct cp_running *running, const uint8_t *at, const struct lb_generation *g)
{
	for (uint32_t i = 0; i < g->nb_listeners; i++) {
		struct lb_listener row;

		memcpy(&row, at + g->listeners_offset + i * sizeof(row), sizeof(row));
		add_extent(
		        running, row.maglev_offset, (uint64_t)row.maglev_size * sizeof(uint32_t));
	}
}

static int raise_epochs(struct cp_running *running, const uint32_t *epochs, uint32_t nb)
{
	if (nb > running->nb_highest) {
		uint32_t *more = realloc(running->highest_epochs, nb * sizeof(*more));

		if (!more)
			return -ENOMEM;
		memset(more + running->nb_highest, 0, (nb - running->nb_highest) * sizeof(*more));
		running->highest_epochs = more;
		running->nb_highest = nb;
	}
	for (uint32_t i = 0; i < nb; i++)
		if (epochs[i] > running->highest_epochs[i])
			running->highest_epochs[i] = epochs[i];
	return 0;
}

/* The generation's targets; they replace those of an older one. */
static int copy_targets(
        struct cp_running *running, const uint8_t *at, const struct lb_generation *g)
{
	uint64_t targets_len = g->nb_slots * sizeof(struct lb_target);
	uint64_t epochs_len = g->nb_slots * sizeof(uint32_t);
	struct lb_target *targets = malloc(targets_len + 1);
	uint32_t *epochs = malloc(epochs_len + 1);

	if (!targets || !epochs)
		goto fail;
	memcpy(targets, at + g->targets_offset, targets_len);
	memcpy(epochs, at + g->epochs_offset, epochs_len);
	if (raise_epochs(running, epochs, g->nb_slots) < 0)
		goto fail;
	if (running->nb_generations > 0 && g->revision < running->revision) {
		free(targets);
		free(epochs);
		return 0;
	}
	free(running->targets);
	free(running->epochs);
	running->targets = targets;
	running->epochs = epochs;
	running->nb_slots = g->nb_slots;
	running->revision = g->revision;
	return 0;
fail:
	free(targets);
	free(epochs);
	return -ENOMEM;
}

int cp_running_read(
        struct cp_running *running, uint64_t offset, uint64_t revision, char *why, size_t why_len)
{
	const uint8_t *at = heap_at(running, offset, sizeof(struct lb_generation));
	const char *refusal = "it is outside of the tables segment";
	struct lb_generation g;

	if (at) {
		memcpy(&g, at, sizeof(g));
		refusal = header_refusal(&g, revision);
		if (!refusal && !heap_at(running, offset, g.size))
			refusal = "its size is impossible";
	}
	if (refusal) {
		snprintf(why, why_len, "running generation %llu at offset %llu is not adopted: %s",
		        (unsigned long long)revision, (unsigned long long)offset, refusal);
		return -EINVAL;
	}
	if (extents_room(running, g.nb_listeners + 1) < 0 || copy_targets(running, at, &g) < 0) {
		snprintf(why, why_len, "out of memory for the running generation");
		return -ENOMEM;
	}
	add_extent(running, offset, g.size);
	add_tables(running, at, &g);
	running->nb_generations++;
	return 0;
}

static int by_offset(const void *a, const void *b)
{
	const struct cp_extent *x = a, *y = b;

	return (x->offset > y->offset) - (x->offset < y->offset);
}

void cp_running_join(struct cp_running *running)
{
	struct cp_extent *e = running->extents;
	uint32_t nb = 0;

	if (running->nb_extents > 0)
		qsort(e, running->nb_extents, sizeof(*e), by_offset);
	for (uint32_t i = 0; i < running->nb_extents; i++) {
		struct cp_extent *last = nb > 0 ? &e[nb - 1] : NULL;
		uint64_t end = e[i].offset + e[i].len;

		if (!last || e[i].offset >=
		                     LB_ALIGN_UP(last->offset + last->len, (uint64_t)LB_BLOB_ALIGN))
			e[nb++] = e[i];
		else if (end > last->offset + last->len)
			last->len = end - last->offset;
	}
	running->nb_extents = nb;
}

/* A slot's epoch after all that a flow may hold. */
static uint32_t epoch_after(const struct cp_running *running, uint32_t slot)
{
	uint32_t epoch = slot < running->nb_highest ? running->highest_epochs[slot] : 0;

	return epoch == UINT32_MAX ? 1 : epoch + 1;
}

static bool is_same(const struct lb_target *row, const struct cp_target *target)
{
	return row->identity == target->identity && lb_ip_equal(&row->ip, &target->ip) &&
	       row->port == htons(target->port);
}

static void adopt_verdict(const struct lb_target *row, struct cp_target *target)
{
	struct cp_target_health *health = &target->health;

	if (target->draining) {
		if (row->state == LB_TARGET_DRAINING && target->drain_deadline_ms == 0)
			target->drain_deadline_ms = row->drain_deadline_ms;
		return;
	}
	if (health->state != LB_TARGET_INITIAL ||
	        (row->state != LB_TARGET_HEALTHY && row->state != LB_TARGET_UNHEALTHY))
		return;
	health->state = row->state;
	/* A row does not tell whether an unhealthy target ever passed: then the healthy threshold
	 * holds, as for one that did. */
	health->ever_passed = true;
	health->reason = CP_REASON_NONE;
	if (row->state == LB_TARGET_UNHEALTHY)
		health->reason = row->reason <= CP_REASON_INTERNAL_ERROR
		                         ? row->reason
		                         : CP_REASON_FAILED_HEALTH_CHECKS;
}

/* Running rows by identity: the first of each, should there be more. */
struct found {
	const struct lb_target *row;
	UT_hash_handle hh;
};

static struct found *find_rows(const struct cp_running *running, struct found *places)
{
	struct found *by_identity = NULL, *other;

	for (uint32_t slot = 0; slot < running->nb_slots; slot++) {
		const struct lb_target *row = &running->targets[slot];

		if (row->state == LB_TARGET_FREE || running->epochs[slot] == 0)
			continue;
		HASH_FIND(hh, by_identity, &row->identity, sizeof(row->identity), other);
		if (other)
			continue;
		places[slot].row = row;
		HASH_ADD_KEYPTR(
		        hh, by_identity, &row->identity, sizeof(row->identity), &places[slot]);
	}
	return by_identity;
}

/* Puts the target where it runs. False when it doesn't, or can't be put there. */
static bool adopt_target(const struct cp_running *running, struct found *by_identity,
        struct cp_model *model, struct cp_target *target)
{
	struct found *found;
	uint32_t slot;

	HASH_FIND(hh, by_identity, &target->identity, sizeof(target->identity), found);
	if (!found || !is_same(found->row, target))
		return false;
	slot = (uint32_t)(found->row - running->targets);
	if (cp_target_adopt_slot(model, target, slot, running->epochs[slot]) < 0)
		return false;
	adopt_verdict(found->row, target);
	return true;
}

/* A target that doesn't run here yet, on a slot whose epochs flows may hold: into a new one. */
static void renew_target(
        const struct cp_running *running, struct cp_model *model, struct cp_target *target)
{
	uint32_t next = epoch_after(running, target->slot);

	if (target->slot >= running->nb_highest || running->highest_epochs[target->slot] == 0)
		return;
	if (target->epoch < next)
		(void)cp_target_adopt_slot(model, target, target->slot, next);
}

static bool runs(const struct cp_running *running, const struct cp_target *target)
{
	return target->slot < running->nb_slots && running->epochs[target->slot] != 0 &&
	       is_same(&running->targets[target->slot], target);
}

/* First of all: whoever gets a slot from here on gets an epoch that no flow holds. */
static void raise_model_epochs(const struct cp_running *running, struct cp_model *model)
{
	uint32_t nb =
	        running->nb_highest < model->max_slots ? running->nb_highest : model->max_slots;

	for (uint32_t slot = 0; slot < nb; slot++)
		if (running->highest_epochs[slot] != 0)
			cp_slot_raise(model, slot, epoch_after(running, slot));
}

void cp_running_adopt(const struct cp_running *running, struct cp_model *model)
{
	struct found *places = calloc(running->nb_slots + 1, sizeof(*places));
	struct found *by_identity;
	struct cp_target_group *g;
	struct cp_target *t;

	if (!places)
		abort(); /* as all of the model does without memory, see model/change.h */
	by_identity = find_rows(running, places);
	raise_model_epochs(running, model);
	for (g = model->groups; g; g = g->hh.next)
		for (t = g->targets; t; t = t->hh.next)
			(void)adopt_target(running, by_identity, model, t);
	for (g = model->groups; g; g = g->hh.next)
		for (t = g->targets; t; t = t->hh.next)
			if (!runs(running, t))
				renew_target(running, model, t);
	HASH_CLEAR(hh, by_identity);
	free(places);
}
