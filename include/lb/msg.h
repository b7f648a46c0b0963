/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Messages between the control plane and the dataplane's consumers, and the rings they travel on.
 *
 * Consumers 0 .. nb_workers-1 are the workers; consumer nb_workers is the dataplane's main lcore,
 * which puts addresses on interfaces, steers, and keeps neighbours alive. Each consumer has a
 * command ring (control plane produces) and an acknowledgement ring (control plane consumes):
 * rte_ring, single producer, single consumer, elements of struct lb_msg.
 *
 *   +0      struct lb_rings
 *   +4096   command ring 0 | ack ring 0 | command ring 1 | ack ring 1 | ...   each ring_stride
 * bytes
 *
 * Idempotence: a command says a whole state ("run the generation at offset X"), never a step, so
 * one read twice, or after a newer one was dropped, does no harm. 'seq' rises by one per command
 * and consumer; an acknowledgement repeats the command's seq, revision and offset.
 *
 * Death of a producer between moving the ring's head and its tail leaves slots that it reserved and
 * never wrote. The next producer sets head back to tail before its first enqueue
 * (lb_ring_recover()), which gives the slots back unwritten. The same holds for a consumer: it
 * reads the messages again.
 *
 * Either side may scribble over a ring. lb_ring_sane() compares the geometry with constants before
 * each use; a ring that fails is not touched any more and is reported.
 */
#ifndef LB_MSG_H
#define LB_MSG_H

#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "shm.h"

enum lb_msg_type {
	LB_MSG_NONE = 0,
	LB_MSG_RUN,     /* command: run the generation at 'offset' with 'revision' */
	LB_MSG_RUNNING, /* acknowledgement: nothing of an older generation is referenced any more */
	LB_MSG_REFUSED, /* acknowledgement: 'reason' says why; the consumer goes on with what it ran
	                 */
};

enum lb_refusal {
	LB_REFUSAL_NONE,
	LB_REFUSAL_UNKNOWN_TYPE, /* not a command that this version knows */
	LB_REFUSAL_BAD_OFFSET,   /* outside the segment, or not aligned */
	LB_REFUSAL_BAD_HEADER,   /* magic, size or revision of the generation is wrong */
	LB_REFUSAL_BAD_BOUNDS,   /* one of the generation's arrays is outside of it or too large */
};

struct lb_msg {
	uint32_t type; /* enum lb_msg_type */
	uint32_t seq;
	uint64_t revision;
	uint64_t offset; /* of a generation, in the tables segment */
	uint32_t reason; /* enum lb_refusal */
	uint32_t reserved;
};
LB_ASSERT_SIZE(struct lb_msg, 32);
LB_ASSERT_AT(struct lb_msg, offset, 16);

#define LB_RING_SLOTS 256u /* a power of two; one less is usable */
#define LB_RING_STRIDE \
	LB_ALIGN_UP((uint64_t)sizeof(struct rte_ring) + LB_RING_SLOTS * sizeof(struct lb_msg), 4096)
#define LB_RINGS_OFFSET 4096u

/* Header of the rings segment. dataplane: writes once, before attach. */
struct lb_rings {
	struct lb_segment segment;
	uint32_t nb_consumers; /* workers + 1 */
	uint32_t ring_slots;   /* LB_RING_SLOTS */
	uint64_t ring_stride;  /* LB_RING_STRIDE */
	uint8_t reserved[48];
};
LB_ASSERT_SIZE(struct lb_rings, 128);

#define LB_RINGS_SIZE(nb_consumers) (LB_RINGS_OFFSET + 2 * (uint64_t)(nb_consumers)*LB_RING_STRIDE)

static inline struct rte_ring *lb_command_ring(struct lb_rings *rings, uint32_t consumer)
{
	return (struct rte_ring *)((uint8_t *)rings + LB_RINGS_OFFSET +
	                           2 * (uint64_t)consumer * LB_RING_STRIDE);
}

static inline struct rte_ring *lb_ack_ring(struct lb_rings *rings, uint32_t consumer)
{
	return (struct rte_ring *)((uint8_t *)lb_command_ring(rings, consumer) + LB_RING_STRIDE);
}

/* Whether a ring still has the shape that the dataplane gave it. What is left that a hostile peer
 * can set, head and tail, is only ever used masked. */
static inline bool lb_ring_sane(const struct rte_ring *ring)
{
	return ring->size == LB_RING_SLOTS && ring->mask == LB_RING_SLOTS - 1 &&
	       ring->capacity == LB_RING_SLOTS - 1 && ring->prod.sync_type == RTE_RING_SYNC_ST &&
	       ring->cons.sync_type == RTE_RING_SYNC_ST;
}

enum lb_ring_side { LB_RING_PRODUCER, LB_RING_CONSUMER };

/* To be called by whoever takes over one side of a ring from a process that may have died in it. */
static inline void lb_ring_recover(struct rte_ring *ring, enum lb_ring_side side)
{
	struct rte_ring_headtail *ht = side == LB_RING_PRODUCER ? &ring->prod : &ring->cons;

	ht->head = ht->tail;
}

/* 0, -ENOBUFS when the ring is full, -EBADMSG when its header is corrupt. */
static inline int lb_ring_send(struct rte_ring *ring, const struct lb_msg *msg)
{
	if (!lb_ring_sane(ring))
		return -EBADMSG;
	return rte_ring_sp_enqueue_elem(ring, (void *)(uintptr_t)msg, sizeof(*msg));
}

/* 0, -ENOENT when the ring is empty, -EBADMSG when its header is corrupt. */
static inline int lb_ring_receive(struct rte_ring *ring, struct lb_msg *msg)
{
	if (!lb_ring_sane(ring))
		return -EBADMSG;
	return rte_ring_sc_dequeue_elem(ring, msg, sizeof(*msg));
}

#endif
