/* SPDX-License-Identifier: BSD-3-Clause
 *
 * First fit over a sorted array of free extents. A generation has one blob per scope that changed
 * and one for its top level, so the array stays short.
 */
#include "build/heap.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

static uint64_t rounded(uint64_t len)
{
	return LB_ALIGN_UP(len, (uint64_t)LB_BLOB_ALIGN);
}

int cp_heap_init(struct cp_heap *heap, void *base, uint64_t size)
{
	*heap = (struct cp_heap){.base = base, .start = LB_TABLES_HEAP_OFFSET, .max_free = 16};
	heap->end = size / LB_BLOB_ALIGN * LB_BLOB_ALIGN;
	heap->free = malloc(heap->max_free * sizeof(*heap->free));
	if (!heap->free)
		return -ENOMEM;
	if (heap->end > heap->start)
		heap->free[heap->nb_free++] =
		        (struct cp_extent){heap->start, heap->end - heap->start};
	return 0;
}

void cp_heap_fini(struct cp_heap *heap)
{
	free(heap->free);
	*heap = (struct cp_heap){0};
}

/* Room in the array for one more blob, so that giving blobs back never needs memory. */
static int make_room(struct cp_heap *heap)
{
	uint32_t max = heap->max_free * 2;
	struct cp_extent *more;

	if (heap->nb_used + 2 < heap->max_free)
		return 0;
	more = realloc(heap->free, max * sizeof(*more));
	if (!more)
		return -ENOMEM;
	heap->free = more;
	heap->max_free = max;
	return 0;
}

static void extent_remove(struct cp_heap *heap, uint32_t i)
{
	heap->nb_free--;
	memmove(&heap->free[i], &heap->free[i + 1], (heap->nb_free - i) * sizeof(*heap->free));
}

static void extent_insert(struct cp_heap *heap, uint32_t i, struct cp_extent extent)
{
	assert(heap->nb_free < heap->max_free);
	memmove(&heap->free[i + 1], &heap->free[i], (heap->nb_free - i) * sizeof(*heap->free));
	heap->free[i] = extent;
	heap->nb_free++;
}

uint64_t cp_heap_alloc(struct cp_heap *heap, uint64_t len)
{
	uint64_t offset;

	assert(len > 0);
	if (len > heap->end || make_room(heap) < 0)
		return 0;
	len = rounded(len);
	for (uint32_t i = 0; i < heap->nb_free; i++) {
		struct cp_extent *extent = &heap->free[i];

		if (extent->len < len)
			continue;
		offset = extent->offset;
		extent->offset += len;
		extent->len -= len;
		if (extent->len == 0)
			extent_remove(heap, i);
		heap->used += len;
		heap->nb_used++;
		return offset;
	}
	return 0;
}

/* The first free extent that ends after 'offset'. */
static uint32_t extent_at(const struct cp_heap *heap, uint64_t offset)
{
	uint32_t low = 0, high = heap->nb_free;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (heap->free[middle].offset + heap->free[middle].len <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int cp_heap_reserve(struct cp_heap *heap, uint64_t offset, uint64_t len)
{
	struct cp_extent *extent;
	uint64_t end;
	uint32_t i;

	if (len == 0 || len > heap->end || offset > heap->end || offset % LB_BLOB_ALIGN != 0)
		return -EINVAL;
	len = rounded(len);
	i = extent_at(heap, offset);
	if (i == heap->nb_free)
		return -EINVAL;
	extent = &heap->free[i];
	end = extent->offset + extent->len;
	if (offset < extent->offset || len > end - offset)
		return -EINVAL;
	if (make_room(heap) < 0)
		return -ENOMEM;
	extent = &heap->free[i];
	extent->len = offset - extent->offset;
	if (offset + len < end)
		extent_insert(heap, i + 1, (struct cp_extent){offset + len, end - offset - len});
	if (heap->free[i].len == 0)
		extent_remove(heap, i);
	heap->used += len;
	heap->nb_used++;
	return 0;
}

void cp_heap_free(struct cp_heap *heap, uint64_t offset, uint64_t len)
{
	uint32_t i = extent_at(heap, offset);
	bool joins_before, joins_after;

	len = rounded(len);
	assert(i == heap->nb_free || offset + len <= heap->free[i].offset);
	joins_before = i > 0 && heap->free[i - 1].offset + heap->free[i - 1].len == offset;
	joins_after = i < heap->nb_free && heap->free[i].offset == offset + len;
	if (joins_before && joins_after) {
		heap->free[i - 1].len += len + heap->free[i].len;
		extent_remove(heap, i);
	} else if (joins_before) {
		heap->free[i - 1].len += len;
	} else if (joins_after) {
		heap->free[i].offset -= len;
		heap->free[i].len += len;
	} else {
		extent_insert(heap, i, (struct cp_extent){offset, len});
	}
	heap->used -= len;
	heap->nb_used--;
}
