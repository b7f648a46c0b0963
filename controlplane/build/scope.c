/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Scopes and their Maglev tables, see scope.h.
 */
#include "build/scope.h"

#include <errno.h>
#include <stdlib.h>

/* A Maglev base, shared by all scopes with the same identities and weights: the next verdict finds
 * it here. */
struct cp_base {
	uint32_t *owner;
	uint32_t refs;
	struct cp_base_key {
		uint64_t identity, weight;
	} * key;
	UT_hash_handle hh;
};

/* A table in the segment that a predecessor wrote. The publisher holds one reference to it until
 * nobody runs a predecessor's generation any more, each scope that took it over another. */
struct cp_blob {
	struct cp_blob_key {
		uint64_t content, len;
	} key;
	uint64_t offset;
	uint32_t refs;
	UT_hash_handle hh;        /* by key, in 'blobs' */
	UT_hash_handle hh_offset; /* in 'blobs_by_offset' */
};

void cp_scopes_init(struct cp_scopes *scopes, struct cp_heap *heap)
{
	*scopes = (struct cp_scopes){.heap = heap, .empty.refs = 1};
}

static void base_put(struct cp_scopes *scopes, struct cp_base *base)
{
	if (--base->refs > 0)
		return;
	HASH_DEL(scopes->bases, base);
	free(base->owner);
	free(base->key);
	free(base);
}

static void scope_free(struct cp_scopes *scopes, struct cp_scope *scope)
{
	HASH_DEL(scopes->scopes, scope);
	base_put(scopes, scope->base);
	free(scope->members);
	free(scope);
}

static void blob_free(struct cp_scopes *scopes, struct cp_blob *blob)
{
	HASH_DEL(scopes->blobs, blob);
	HASH_DELETE(hh_offset, scopes->blobs_by_offset, blob);
	free(blob);
}

void cp_scopes_fini(struct cp_scopes *scopes)
{
	struct cp_scope *scope, *next_scope;
	struct cp_blob *blob, *next_blob;

	HASH_ITER(hh, scopes->scopes, scope, next_scope)
	scope_free(scopes, scope);
	HASH_ITER(hh, scopes->blobs, blob, next_blob)
	blob_free(scopes, blob);
}

static uint64_t content_hash(const void *content, uint64_t len)
{
	const uint8_t *bytes = content;
	uint64_t hash = len, word;

	for (uint64_t i = 0; i + sizeof(word) <= len; i += sizeof(word)) {
		memcpy(&word, bytes + i, sizeof(word));
		hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 29;
	}
	return hash;
}

int cp_scopes_add_blob(struct cp_scopes *scopes, uint64_t offset, uint64_t len)
{
	struct cp_blob *blob = calloc(1, sizeof(*blob));

	if (!blob)
		return -ENOMEM;
	blob->key.content = content_hash(scopes->heap->base + offset, len);
	blob->key.len = len;
	blob->offset = offset;
	blob->refs = 1;
	HASH_ADD(hh, scopes->blobs, key, sizeof(blob->key), blob);
	HASH_ADD(hh_offset, scopes->blobs_by_offset, offset, sizeof(blob->offset), blob);
	return 0;
}

static void blob_put(struct cp_scopes *scopes, struct cp_blob *blob)
{
	if (--blob->refs > 0)
		return;
	cp_heap_free(scopes->heap, blob->offset, blob->key.len);
	blob_free(scopes, blob);
}

static struct cp_blob *blob_at(struct cp_scopes *scopes, uint64_t offset)
{
	struct cp_blob *blob;

	HASH_FIND(hh_offset, scopes->blobs_by_offset, &offset, sizeof(offset), blob);
	return blob;
}

void cp_scopes_drop_blob(struct cp_scopes *scopes, uint64_t offset, uint64_t len)
{
	struct cp_blob *blob = blob_at(scopes, offset);

	if (blob && blob->key.len == len)
		blob_put(scopes, blob);
}

/* A predecessor's blob with this content, or 0. */
static uint64_t blob_take(struct cp_scopes *scopes, const void *content, uint64_t len)
{
	struct cp_blob_key key = {.len = len};
	struct cp_blob *blob;

	if (!scopes->blobs)
		return 0;
	key.content = content_hash(content, len);
	HASH_FIND(hh, scopes->blobs, &key, sizeof(key), blob);
	if (!blob || memcmp(scopes->heap->base + blob->offset, content, len) != 0)
		return 0;
	blob->refs++;
	return blob->offset;
}

static bool in_zone(const struct cp_target *target, int zone)
{
	return zone == CP_ALL_ZONES || target->zone == CP_ZONE_ALL || target->zone == zone;
}

/* The registered targets of the scope, in the order of their identities. Returns their number, and
 * whether any has a weight in '*servable'. */
static uint32_t collect(const struct cp_target_group *group, int zone,
        struct cp_maglev_member *members, bool *servable, bool *fail_open)
{
	uint32_t nb = 0, nb_eligible = 0;

	*servable = false;
	for (const struct cp_target *t = group->targets; t; t = t->hh.next) {
		struct cp_maglev_member *m = &members[nb];

		if (t->draining || !in_zone(t, zone))
			continue;
		*m = (struct cp_maglev_member){
		        .identity = t->identity, .slot = t->slot, .weight = t->weight};
		m->eligible = t->health.state == LB_TARGET_HEALTHY && t->weight > 0;
		nb_eligible += m->eligible;
		*servable |= t->weight > 0;
		nb++;
	}
	*fail_open = *servable && nb_eligible == 0;
	for (uint32_t i = 0; i < nb && *fail_open; i++)
		members[i].eligible = members[i].weight > 0;
	cp_maglev_sort(members, nb);
	return nb;
}

static struct cp_base *base_new(const struct cp_maglev_member *members, uint32_t nb)
{
	uint32_t size = cp_maglev_size(nb);
	struct cp_base *base = calloc(1, sizeof(*base));

	if (!base)
		return NULL;
	base->owner = malloc(size * sizeof(*base->owner));
	base->key = calloc(nb, sizeof(*base->key));
	if (base->owner && base->key && cp_maglev_base(base->owner, size, members, nb) == 0) {
		for (uint32_t i = 0; i < nb; i++)
			base->key[i] = (struct cp_base_key){members[i].identity, members[i].weight};
		return base;
	}
	free(base->owner);
	free(base->key);
	free(base);
	return NULL;
}

static struct cp_base *base_get(
        struct cp_scopes *scopes, const struct cp_maglev_member *members, uint32_t nb)
{
	struct cp_base_key *key = calloc(nb, sizeof(*key));
	struct cp_base *base = NULL;

	if (!key)
		return NULL;
	for (uint32_t i = 0; i < nb; i++)
		key[i] = (struct cp_base_key){members[i].identity, members[i].weight};
	HASH_FIND(hh, scopes->bases, key, nb * sizeof(*key), base);
	free(key);
	if (!base) {
		base = base_new(members, nb);
		if (base)
			HASH_ADD_KEYPTR(
			        hh, scopes->bases, base->key, nb * sizeof(*base->key), base);
	}
	if (base)
		base->refs++;
	return base;
}

/* Makes the table in private memory and finds it a place in the segment. */
static int place_table(struct cp_scopes *scopes, struct cp_scope *scope)
{
	uint64_t len = (uint64_t)scope->size * sizeof(uint32_t);
	uint32_t *table = malloc(len);
	int rc = -ENOMEM;

	if (!table || cp_maglev_table(table, scope->base->owner, scope->size, scope->members,
	                      scope->nb_members) < 0)
		goto out;
	scopes->built++;
	rc = 0;
	scope->offset = blob_take(scopes, table, len);
	if (scope->offset != 0)
		goto out;
	scope->offset = cp_heap_alloc(scopes->heap, len);
	if (scope->offset != 0)
		memcpy(scopes->heap->base + scope->offset, table, len);
	else
		rc = -ENOSPC;
out:
	free(table);
	return rc;
}

/* Takes ownership of 'members'. */
static struct cp_scope *scope_new(
        struct cp_scopes *scopes, struct cp_maglev_member *members, uint32_t nb, int *rc)
{
	struct cp_scope *scope = calloc(1, sizeof(*scope));

	*rc = -ENOMEM;
	if (!scope)
		goto fail;
	scope->size = cp_maglev_size(nb);
	scope->members = members;
	scope->nb_members = nb;
	scope->base = base_get(scopes, members, nb);
	if (!scope->base)
		goto fail;
	*rc = place_table(scopes, scope);
	if (*rc < 0) {
		base_put(scopes, scope->base);
		goto fail;
	}
	HASH_ADD_KEYPTR(hh, scopes->scopes, scope->members, nb * sizeof(*members), scope);
	return scope;
fail:
	free(members);
	free(scope);
	return NULL;
}

struct cp_scope *cp_scope_get(struct cp_scopes *scopes, const struct cp_target_group *group,
        int zone, bool *fail_open, int *rc)
{
	struct cp_maglev_member *members = calloc(HASH_COUNT(group->targets) + 1, sizeof(*members));
	struct cp_scope *scope;
	bool servable;
	uint32_t nb;

	*rc = -ENOMEM;
	if (!members)
		return NULL;
	*rc = 0;
	nb = collect(group, zone, members, &servable, fail_open);
	if (!servable) {
		free(members);
		scope = &scopes->empty;
	} else {
		HASH_FIND(hh, scopes->scopes, members, nb * sizeof(*members), scope);
		if (scope)
			free(members);
		else
			scope = scope_new(scopes, members, nb, rc);
	}
	if (scope)
		scope->refs++;
	return scope;
}

void cp_scope_put(struct cp_scopes *scopes, struct cp_scope *scope)
{
	uint64_t len = (uint64_t)scope->size * sizeof(uint32_t);
	struct cp_blob *blob;

	if (--scope->refs > 0 || scope == &scopes->empty)
		return;
	blob = blob_at(scopes, scope->offset);
	if (blob)
		blob_put(scopes, blob);
	else
		cp_heap_free(scopes->heap, scope->offset, len);
	scope_free(scopes, scope);
}
