/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The version of everything under include/lb/, and the helpers that pin its layouts.
 *
 * Bump rule: LB_ABI_VERSION goes up by one whenever the size, the offset or the meaning of any
 * field of a struct that lives in shared memory, on a ring or on the attach socket changes, and
 * whenever a counter or a drop reason is renumbered. Appending to counters.h needs no bump: both
 * sides learn the number of entries from the segment header. A process that meets another version
 * refuses to attach and says both numbers; nothing is ever converted.
 */
#ifndef LB_ABI_H
#define LB_ABI_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define LB_ABI_MAGIC   UINT64_C(0x414e41425241304c) /* "L0ARBANA" in memory */
#define LB_ABI_VERSION 5u

#define LB_CACHE_LINE 64

/* Pins a shared layout: a change of size or offset does not compile. */
#define LB_ASSERT_SIZE(type, bytes) \
	static_assert(sizeof(type) == (bytes), #type " changed size: bump LB_ABI_VERSION")
#define LB_ASSERT_AT(type, field, at)                                                 \
	static_assert(offsetof(type, field) == (at), #type "." #field " moved: bump " \
	                                                   "LB_ABI_VERSION")

#define LB_ALIGN_UP(value, to) (((value) + (to)-1) / (to) * (to))

#endif
