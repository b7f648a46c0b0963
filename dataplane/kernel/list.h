/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A growing array, sorted once it is complete.
 */
#ifndef DP_KERNEL_LIST_H
#define DP_KERNEL_LIST_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lb/abi.h"

/* 'items' is a pointer to the element type; lists begin as {0}. */
#define DP_LIST(type)          \
	struct {               \
		type *items;   \
		uint32_t n;    \
		uint32_t room; \
	}

/* Room for one element more: 0 or -ENOMEM. */
#define dp_list_reserve(list)                                                               \
	({                                                                                  \
		void *room_ = dp_list_room(                                                 \
		        (list)->items, (list)->n, &(list)->room, sizeof((list)->items[0])); \
		if (room_ != NULL)                                                          \
			(list)->items = room_;                                              \
		room_ != NULL ? 0 : -ENOMEM;                                                \
	})

#define dp_list_add(list, item) \
	(dp_list_reserve(list) == 0 ? ((list)->items[(list)->n++] = (item), 0) : -ENOMEM)

#define dp_list_sort(list, compare)                                                         \
	do {                                                                                \
		if ((list)->n > 1)                                                          \
			qsort((list)->items, (list)->n, sizeof((list)->items[0]), compare); \
	} while (0)

#define dp_list_free(list)                    \
	do {                                  \
		free((list)->items);          \
		(list)->items = NULL;         \
		(list)->n = (list)->room = 0; \
	} while (0)

/* 'items' with room for more than 'n', moved if need be; NULL leaves them as they are. Lines are
 * aligned to: adjacencies are. */
static inline void *dp_list_room(void *items, uint32_t n, uint32_t *room, size_t size)
{
	uint32_t more = *room > 0 ? *room * 2 : 32;
	void *moved;

	if (n < *room)
		return items;
	moved = aligned_alloc(LB_CACHE_LINE, LB_ALIGN_UP(more * size, LB_CACHE_LINE));
	if (moved == NULL)
		return NULL;
	if (n > 0)
		memcpy(moved, items, n * size);
	free(items);
	*room = more;
	return moved;
}

#endif
