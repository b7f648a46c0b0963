/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See takeover.h. A consumer runs what its statistics say, or is about to run the last command in
 * its ring, taken out of it or not. A control plane never sends a command before the one before is
 * answered, so nothing else can be in use, and there is nothing to wait for.
 */
#include "publish/takeover.h"

#include <errno.h>
#include <stdlib.h>

#include "publish/adopt.h"
#include "publish/consumers.h"

struct looking {
	struct cp_running running;
	struct cp_extent seen[16]; /* offset and revision of what was read last: most are the same
	                            */
	uint32_t nb_seen;
	uint64_t revision;
	char *why;
	size_t why_len;
};

static int look_at(struct looking *looking, uint64_t offset, uint64_t revision)
{
	const uint32_t max = sizeof(looking->seen) / sizeof(looking->seen[0]);
	int rc;

	if (offset == 0 || revision == 0)
		return 0; /* nothing runs there yet */
	for (uint32_t i = 0; i < looking->nb_seen && i < max; i++)
		if (looking->seen[i].offset == offset && looking->seen[i].len == revision)
			return 0;
	looking->seen[looking->nb_seen++ % max] = (struct cp_extent){offset, revision};
	if (revision <= CP_MAX_REVISION && revision > looking->revision)
		looking->revision = revision;
	rc = cp_running_read(&looking->running, offset, revision, looking->why, looking->why_len);
	return rc == -ENOMEM ? rc : 0;
}

static int look_at_consumer(struct looking *looking, const struct cp_attachment *a, uint32_t i)
{
	const struct lb_worker_stats *worker =
	        lb_worker_stats((struct lb_stats *)(uintptr_t)a->stats, i);
	bool is_main = i == a->nb_workers;
	struct lb_msg msgs[LB_RING_SLOTS];
	uint32_t nb = cp_consumers_peek(a->rings, i, msgs);
	int rc;

	if (is_main)
		rc = look_at(
		        looking, a->stats->main_running_offset, a->stats->main_running_revision);
	else
		rc = look_at(looking, __atomic_load_n(&worker->running_offset, __ATOMIC_RELAXED),
		        __atomic_load_n(&worker->running_revision, __ATOMIC_RELAXED));
	for (uint32_t m = 0; m < nb && rc == 0; m++)
		rc = look_at(looking, msgs[m].offset, msgs[m].revision);
	return rc;
}

/* Keeps what was found; joined extents can't fail to be free in a new heap. */
static int keep(struct cp_running *running, struct cp_scopes *scopes, struct cp_legacy *legacy)
{
	cp_running_join(running);
	legacy->extents = running->extents;
	running->extents = NULL;
	for (uint32_t i = 0; i < running->nb_extents; i++) {
		const struct cp_extent *e = &legacy->extents[i];
		int rc = cp_heap_reserve(scopes->heap, e->offset, e->len);

		if (rc == 0) {
			rc = cp_scopes_add_blob(scopes, e->offset, e->len);
			if (rc < 0)
				cp_heap_free(scopes->heap, e->offset, e->len);
		}
		if (rc < 0)
			return rc;
		legacy->nb_extents++;
	}
	return 0;
}

int cp_takeover(const struct cp_attachment *attachment, struct cp_model *model,
        struct cp_scopes *scopes, struct cp_legacy *legacy, char *why, size_t why_len)
{
	struct looking looking = {.why = why, .why_len = why_len};
	int rc = 0;

	why[0] = '\0';
	*legacy = (struct cp_legacy){0};
	cp_running_init(&looking.running, attachment->tables, attachment->tables_size);
	for (uint32_t i = 0; i < attachment->nb_consumers && rc == 0; i++)
		rc = look_at_consumer(&looking, attachment, i);
	legacy->revision = looking.revision;
	if (rc == 0)
		rc = keep(&looking.running, scopes, legacy);
	if (rc == 0 && looking.running.nb_generations > 0)
		cp_running_adopt(&looking.running, model);
	if (rc < 0)
		cp_legacy_release(legacy, scopes);
	cp_running_fini(&looking.running);
	return rc;
}

void cp_legacy_release(struct cp_legacy *legacy, struct cp_scopes *scopes)
{
	for (uint32_t i = 0; i < legacy->nb_extents; i++)
		cp_scopes_drop_blob(scopes, legacy->extents[i].offset, legacy->extents[i].len);
	cp_legacy_fini(legacy);
}

void cp_legacy_fini(struct cp_legacy *legacy)
{
	free(legacy->extents);
	*legacy = (struct cp_legacy){0};
}
