/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The three shared segments of an instance. All are memfds made by the dataplane at its start,
 * sealed against resizing, and handed to the control plane at attach (attach.h). They die with the
 * last process that maps them; a restarted dataplane makes new ones, with another session number.
 *
 *   tables  dataplane: ro   control plane: rw
 *     +0            struct lb_segment
 *     +4096 ...     a heap of blobs: generations and Maglev tables (table.h). The control plane
 *                   alone allocates; its book-keeping is private and rebuilt from the generations
 *                   that the workers run, so a control plane that dies here leaves only garbage.
 *
 *   stats   dataplane: rw   control plane: ro
 *     (counters.h)  header, one block per worker, per-worker arrays of target and listener counters
 *
 *   rings   dataplane: rw   control plane: rw
 *     (msg.h)       for each consumer a command ring and an acknowledgement ring
 *
 * Everything is an offset from the start of its segment, never a pointer. Whoever reads an offset
 * or an index reads it once into a local and then checks it: the other side may write at any time.
 */
#ifndef LB_SHM_H
#define LB_SHM_H

#include "types.h"

enum lb_segment_kind { LB_SEGMENT_TABLES, LB_SEGMENT_STATS, LB_SEGMENT_RINGS, LB_SEGMENT_KINDS };

/* First bytes of each segment. dataplane: writes once, before anybody else maps it. */
struct lb_segment {
	uint64_t magic;       /* LB_ABI_MAGIC */
	uint32_t abi_version; /* LB_ABI_VERSION */
	uint32_t kind;        /* enum lb_segment_kind */
	uint64_t size;        /* bytes, of the whole segment */
	uint64_t session;     /* random, the same in all three: one start of the dataplane */
	uint8_t reserved[32];
};
LB_ASSERT_SIZE(struct lb_segment, 64);
LB_ASSERT_AT(struct lb_segment, size, 16);

#define LB_TABLES_HEAP_OFFSET 4096u
#define LB_BLOB_ALIGN         64u

/* The bytes [offset, offset + len) of a segment of 'size' bytes at 'base', or NULL if they are not
 * all inside or 'offset' is not a multiple of LB_BLOB_ALIGN. Never overflows. */
static inline void *lb_shm_at(void *base, uint64_t size, uint64_t offset, uint64_t len)
{
	if (offset % LB_BLOB_ALIGN != 0 || offset > size || len > size - offset)
		return NULL;
	return (uint8_t *)base + offset;
}

/* Why a mapped segment can't be used, as a text for an error message; NULL if it can.
 * 'size' is what fstat() said: a header that claims more is refused. */
static inline const char *lb_segment_refusal(
        const struct lb_segment *seg, enum lb_segment_kind kind, uint64_t size)
{
	if (size < LB_TABLES_HEAP_OFFSET)
		return "the segment is smaller than its header";
	if (seg->magic != LB_ABI_MAGIC)
		return "the segment is not anabranch's (wrong magic number)";
	if (seg->abi_version != LB_ABI_VERSION)
		return "the segment has another ABI version: install both programs from one "
		       "release";
	if (seg->kind != (uint32_t)kind)
		return "the segment is of another kind than its place says";
	if (seg->size != size)
		return "the segment's size differs from its file's";
	return NULL;
}

#endif
