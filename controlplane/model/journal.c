/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What changes leave for the store: rows, in order, and the numbers that must survive with them.
 */
#include "change.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define META_COUNTS "counts" /* {"revision", "incarnation"} */
#define META_SLOT   "slot "  /* "slot N": {"epoch"}, of a slot that nobody has */

void cp_journal_add(struct cp_model *model, enum cp_kind kind, const char *id, json_t *row)
{
	struct cp_journal_entry *entry = cp_alloc(sizeof(*entry));

	entry->kind = kind;
	snprintf(entry->id, sizeof(entry->id), "%s", id);
	entry->row = row;
	*model->journal_tail = entry;
	model->journal_tail = &entry->next;
}

void cp_journal_slot(struct cp_model *model, uint32_t slot)
{
	char id[32];

	snprintf(id, sizeof(id), META_SLOT "%u", slot);
	cp_journal_add(model, CP_KIND_META, id,
	        json_pack("{s:I}", "epoch", (json_int_t)model->slot_epoch[slot]));
}

void cp_model_changed(struct cp_model *model)
{
	model->revision++;
	cp_journal_add(model, CP_KIND_META, META_COUNTS,
	        json_pack("{s:I, s:I}", "revision", (json_int_t)model->revision, "incarnation",
	                (json_int_t)model->incarnation));
}

int cp_meta_load(struct cp_model *model, const char *id, const json_t *row, char *why, size_t len)
{
	json_int_t a, b;
	unsigned long slot;
	char *end;

	if (strcmp(id, META_COUNTS) == 0) {
		if (json_unpack((json_t *)row, "{s:I, s:I}", "revision", &a, "incarnation", &b) !=
		                0 ||
		        a < 0 || b < 0)
			return cp_refuse(why, len, "row \"%s\" lacks its counts", id);
		model->revision = (uint64_t)a;
		model->incarnation = (uint64_t)b;
		return 0;
	}
	if (strncmp(id, META_SLOT, strlen(META_SLOT)) != 0)
		return cp_refuse(why, len, "row \"%.60s\" is of no known meaning", id);
	slot = strtoul(id + strlen(META_SLOT), &end, 10);
	if (*end != '\0' || end == id + strlen(META_SLOT) || slot >= LB_MAX_TARGET_SLOTS ||
	        json_unpack((json_t *)row, "{s:I}", "epoch", &a) != 0 || a < 1 || a > UINT32_MAX)
		return cp_refuse(why, len, "row \"%.60s\" has no epoch of a slot", id);
	if (slot < model->max_slots)
		cp_slot_raise(model, (uint32_t)slot, (uint32_t)a);
	return 0;
}

struct cp_journal_entry *cp_model_take_journal(struct cp_model *model)
{
	struct cp_journal_entry *journal = model->journal;

	model->journal = NULL;
	model->journal_tail = &model->journal;
	return journal;
}

void cp_journal_free(struct cp_journal_entry *journal)
{
	while (journal != NULL) {
		struct cp_journal_entry *next = journal->next;

		json_decref(journal->row);
		free(journal);
		journal = next;
	}
}
