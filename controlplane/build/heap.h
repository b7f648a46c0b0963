/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Who uses which bytes of the tables segment. The book-keeping is private memory: nothing of it is
 * in the segment, so nobody can corrupt it, and a new control plane rebuilds it from the
 * generations that it finds running (cp_heap_reserve()).
 */
#ifndef CP_HEAP_H
#define CP_HEAP_H

#include "lb/shm.h"

struct cp_extent {
	uint64_t offset, len;
};

struct cp_heap {
	uint8_t *base; /* of the segment; not owned */
	uint64_t start, end;
	uint64_t used;
	struct cp_extent *free; /* by offset, never adjacent; multiples of LB_BLOB_ALIGN */
	uint32_t nb_free, max_free;
	uint32_t nb_used; /* blobs handed out: at most nb_used + 1 free extents lie between them */
};

/* All of [LB_TABLES_HEAP_OFFSET, size) of the segment is free. 0 or -ENOMEM. */
int cp_heap_init(struct cp_heap *heap, void *base, uint64_t size);
void cp_heap_fini(struct cp_heap *heap);

/* The offset of 'len' > 0 bytes aligned to LB_BLOB_ALIGN, or 0: no room. Lowest place that fits. */
uint64_t cp_heap_alloc(struct cp_heap *heap, uint64_t len);

/* Takes exactly [offset, offset + len), which must be free. 0, -EINVAL when any of it is not free
 * or not in the heap, -ENOMEM. */
int cp_heap_reserve(struct cp_heap *heap, uint64_t offset, uint64_t len);

/* Gives back what cp_heap_alloc() or cp_heap_reserve() gave, with the same 'len'. Can't fail. */
void cp_heap_free(struct cp_heap *heap, uint64_t offset, uint64_t len);

#endif
