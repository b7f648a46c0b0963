/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Slots: the numbers under which workers know targets, and their epochs (lb/table.h). slot_epoch[]
 * is the epoch that a slot's next owner gets; it only rises, and skips 0 when it wraps.
 */
#include "change.h"

#include <errno.h>
#include <stdlib.h>

static void grow(struct cp_model *model, uint32_t slot)
{
	uint32_t want = model->nb_slots ? model->nb_slots : 64;

	if (slot < model->nb_slots)
		return;
	while (want <= slot)
		want *= 2;
	model->slot_owner = realloc(model->slot_owner, want * sizeof(*model->slot_owner));
	model->slot_epoch = realloc(model->slot_epoch, want * sizeof(*model->slot_epoch));
	if (model->slot_owner == NULL || model->slot_epoch == NULL)
		abort();
	for (uint32_t i = model->nb_slots; i < want; i++) {
		model->slot_owner[i] = NULL;
		model->slot_epoch[i] = 1;
	}
	model->nb_slots = want;
}

static uint32_t epoch_after(uint32_t epoch)
{
	return epoch == UINT32_MAX ? 1 : epoch + 1;
}

uint32_t cp_slots_free(const struct cp_model *model)
{
	return model->max_slots - model->nb_used_slots;
}

static void own(struct cp_model *model, uint32_t slot, struct cp_target *target)
{
	model->slot_owner[slot] = target;
	target->slot = slot;
	model->nb_used_slots++;
}

void cp_slot_take(struct cp_model *model, struct cp_target *target)
{
	uint32_t slot = model->lowest_slot;

	while (slot < model->nb_slots && model->slot_owner[slot] != NULL)
		slot++;
	grow(model, slot);
	model->lowest_slot = slot + 1;
	own(model, slot, target);
	target->epoch = model->slot_epoch[slot];
	model->slot_epoch[slot] = epoch_after(target->epoch);
}

bool cp_slot_restore(struct cp_model *model, struct cp_target *target)
{
	if (target->slot >= model->max_slots || target->epoch == 0)
		return false;
	grow(model, target->slot);
	if (model->slot_owner[target->slot] != NULL)
		return false;
	own(model, target->slot, target);
	cp_slot_raise(model, target->slot, epoch_after(target->epoch));
	return true;
}

void cp_slot_raise(struct cp_model *model, uint32_t slot, uint32_t next_epoch)
{
	grow(model, slot);
	if (model->slot_epoch[slot] < next_epoch)
		model->slot_epoch[slot] = next_epoch;
}

void cp_slot_release(struct cp_model *model, struct cp_target *target)
{
	model->slot_owner[target->slot] = NULL;
	model->nb_used_slots--;
	if (target->slot < model->lowest_slot)
		model->lowest_slot = target->slot;
	cp_journal_slot(model, target->slot);
}

void cp_slot_renew(struct cp_model *model, struct cp_target *target)
{
	target->epoch = model->slot_epoch[target->slot];
	model->slot_epoch[target->slot] = epoch_after(target->epoch);
}

int cp_target_adopt_slot(
        struct cp_model *model, struct cp_target *target, uint32_t slot, uint32_t epoch)
{
	struct cp_target *other;
	uint32_t old = target->slot;

	if (slot >= model->max_slots || epoch == 0)
		return -ERANGE;
	grow(model, slot);
	other = model->slot_owner[slot];
	if (other != target) {
		model->slot_owner[old] = other;
		if (other != NULL) {
			other->slot = old;
			cp_slot_renew(model, other);
		} else if (old < model->lowest_slot) {
			model->lowest_slot = old;
		}
		model->slot_owner[slot] = target;
		target->slot = slot;
	}
	target->epoch = epoch;
	cp_slot_raise(model, slot, epoch_after(epoch));
	return 0;
}

uint32_t cp_listener_slot_lowest(const struct cp_model *model)
{
	for (uint32_t i = 0; i < model->max_listener_slots; i += 32) {
		uint32_t taken = model->listener_slots[i / 32];

		if (taken != UINT32_MAX) {
			uint32_t slot = i + (uint32_t)__builtin_ctz(~taken);

			return slot < model->max_listener_slots ? slot : LB_NO_SLOT;
		}
	}
	return LB_NO_SLOT;
}

bool cp_listener_slot_taken(const struct cp_model *model, uint32_t slot)
{
	return slot >= model->max_listener_slots ||
	       (model->listener_slots[slot / 32] >> slot % 32 & 1);
}

void cp_listener_slot_set(struct cp_model *model, uint32_t slot, bool taken)
{
	uint32_t bit = UINT32_C(1) << slot % 32;

	if (taken)
		model->listener_slots[slot / 32] |= bit;
	else
		model->listener_slots[slot / 32] &= ~bit;
}
