/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A scope: the targets that one address may choose from: those of a target group, in one zone or in
 * all. Its Maglev table is a blob in the tables segment that all generations share in which the
 * scope is the same: same identities, slots, weights and eligibility.
 *
 * Who is eligible (ELBV2.md section 3 and 4): the healthy targets. Where none is healthy, the scope
 * fails open: all registered ones. Initial targets wait for their first pass unless it fails open.
 * Draining targets and those of weight 0 never get a new flow; healthy targets of weight 0 do not
 * keep a scope from failing open, since they could not serve it.
 *
 * A zone without any registered target has an empty scope while cross-zone is off: its address
 * drops new flows (no_target). ELBv2 takes such an address out of DNS; to send its clients to
 * another zone would be cross-zone traffic that the operator has switched off.
 */
#ifndef CP_SCOPE_H
#define CP_SCOPE_H

#include "build/heap.h"
#include "build/maglev.h"
#include "model/model.h"

struct cp_scope {
	uint64_t offset; /* of uint32_t[size] in the tables segment */
	uint32_t size;   /* 0: no target */
	uint32_t refs;   /* generations that use it, once each use */
	struct cp_base *base;
	struct cp_maglev_member *members; /* the key */
	uint32_t nb_members;
	UT_hash_handle hh;
};

struct cp_scopes {
	struct cp_heap *heap;    /* not owned */
	struct cp_scope *scopes; /* by members */
	struct cp_base *bases;   /* Maglev bases, private; by identities and weights */
	struct cp_blob *blobs;   /* tables of a predecessor, by content */
	struct cp_blob *blobs_by_offset;
	struct cp_scope empty;
	uint64_t built; /* tables made since the start */
};

#define CP_ALL_ZONES (-1)

void cp_scopes_init(struct cp_scopes *scopes, struct cp_heap *heap);

/* Forgets everything, whoever refers to it: the segment is gone. */
void cp_scopes_fini(struct cp_scopes *scopes);

/* The scope of 'group' in 'zone' as it is now, with one reference more; '*fail_open' says whether
 * it fails open. NULL with '*rc' -ENOSPC when the tables segment is full, or -ENOMEM. */
struct cp_scope *cp_scope_get(struct cp_scopes *scopes, const struct cp_target_group *group,
        int zone, bool *fail_open, int *rc);

void cp_scope_put(struct cp_scopes *scopes, struct cp_scope *scope);

/* Tells of a blob that a predecessor's generation uses, and that is reserved in the heap: a scope
 * with that content takes it instead of new memory. The caller's reference, given back with
 * cp_scopes_drop_blob(). */
int cp_scopes_add_blob(struct cp_scopes *scopes, uint64_t offset, uint64_t len);
void cp_scopes_drop_blob(struct cp_scopes *scopes, uint64_t offset, uint64_t len);

#endif
