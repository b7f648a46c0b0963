/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Taking over a generation: the checks that make its arrays safe to index, and the command ring
 * that announces it.
 */
#include "tables.h"

/* Array 'offset' of a generation, 'n' elements of 'size' bytes, or NULL. */
static const void *array_at(
        const uint8_t *generation, uint64_t len, uint32_t offset, uint32_t n, size_t size)
{
	return lb_shm_at((void *)(uintptr_t)generation, len, offset, (uint64_t)n * size);
}

static bool counts_valid(const struct lb_generation *g)
{
	return g->nb_vips <= LB_MAX_VIPS && g->nb_listeners <= LB_MAX_LISTENERS &&
	       g->nb_groups <= LB_MAX_GROUPS && g->nb_slots <= LB_MAX_TARGET_SLOTS;
}

/* An index is masked, so its size is a power of two; one over no rows is never looked into. */
static bool index_valid(uint32_t size, uint32_t rows)
{
	return rows == 0 || (size > rows && (size & (size - 1)) == 0);
}

/* Points 'view' into the generation at 'base' whose header was copied to 'g'. */
static bool arrays_open(struct dp_tables *view, const uint8_t *base, const struct lb_generation *g)
{
	if (!counts_valid(g) || !index_valid(g->vip_index_size, g->nb_vips) ||
	        !index_valid(g->listener_index_size, g->nb_listeners))
		return false;
	view->nb_vips = g->nb_vips;
	view->nb_listeners = g->nb_listeners;
	view->nb_groups = g->nb_groups;
	view->nb_slots = g->nb_slots;
	view->vip_mask = g->vip_index_size - 1;
	view->listener_mask = g->listener_index_size - 1;
	view->vips = array_at(base, g->size, g->vips_offset, g->nb_vips, sizeof(*view->vips));
	view->vip_index = array_at(
	        base, g->size, g->vip_index_offset, g->vip_index_size, sizeof(*view->vip_index));
	view->listeners = array_at(
	        base, g->size, g->listeners_offset, g->nb_listeners, sizeof(*view->listeners));
	view->listener_index = array_at(base, g->size, g->listener_index_offset,
	        g->listener_index_size, sizeof(*view->listener_index));
	view->groups =
	        array_at(base, g->size, g->groups_offset, g->nb_groups, sizeof(*view->groups));
	view->targets =
	        array_at(base, g->size, g->targets_offset, g->nb_slots, sizeof(*view->targets));
	view->epochs =
	        array_at(base, g->size, g->epochs_offset, g->nb_slots, sizeof(*view->epochs));
	return view->vips != NULL && view->vip_index != NULL && view->listeners != NULL &&
	       view->listener_index != NULL && view->groups != NULL && view->targets != NULL &&
	       view->epochs != NULL;
}

static void few_open(struct dp_tables *view)
{
	if (view->nb_vips > 2 * DP_TABLES_FEW)
		return;
	for (uint32_t i = 0; i < view->nb_vips; i++) {
		struct lb_ip ip = view->vips[i].ip;
		bool is_v6 = !lb_ip_is_v4(&ip);
		uint32_t at = view->nb_few[is_v6]++;

		if (at == DP_TABLES_FEW)
			return;
		if (is_v6)
			memcpy(view->few6[at], &ip, sizeof(ip));
		else
			view->few4[at] = lb_ip_v4(&ip);
	}
	view->has_few = true;
}

enum lb_refusal dp_tables_open(struct dp_tables *view, const void *segment, uint64_t segment_size,
        const struct lb_msg *msg)
{
	struct dp_tables next = {.segment = segment,
	        .segment_size = segment_size,
	        .offset = msg->offset,
	        .revision = msg->revision};
	struct lb_generation g;
	const uint8_t *base;

	if (msg->type != LB_MSG_RUN)
		return LB_REFUSAL_UNKNOWN_TYPE;
	base = lb_shm_at((void *)(uintptr_t)segment, segment_size, msg->offset, sizeof(g));
	if (base == NULL || msg->offset < LB_TABLES_HEAP_OFFSET)
		return LB_REFUSAL_BAD_OFFSET;
	memcpy(&g, base, sizeof(g));
	/* from here on the copy alone is looked at: the other side may write at any time */
	__asm__ volatile("" ::: "memory");
	if (g.magic != LB_GENERATION_MAGIC || g.revision != msg->revision || g.size < sizeof(g) ||
	        g.size % LB_BLOB_ALIGN != 0 ||
	        lb_shm_at((void *)(uintptr_t)segment, segment_size, msg->offset, g.size) == NULL)
		return LB_REFUSAL_BAD_HEADER;
	if (!arrays_open(&next, base, &g))
		return LB_REFUSAL_BAD_BOUNDS;
	few_open(&next);
	*view = next;
	return LB_REFUSAL_NONE;
}

/* Empties the command ring into '*newest', at most one ring full, so that a control plane that
 * scribbles over it can't hold a worker here. Returns how many were read, or -EBADMSG. */
static int read_newest(struct rte_ring *commands, struct lb_msg *newest)
{
	int n = 0, err = 0;

	while ((uint32_t)n < LB_RING_SLOTS && err == 0) {
		err = lb_ring_receive(commands, newest);
		n += err == 0;
	}
	return err == -EBADMSG ? err : n;
}

bool dp_tables_take(struct dp_tables *view, struct lb_rings *rings, uint32_t consumer,
        const void *segment, uint64_t segment_size, uint64_t *refused, struct lb_msg *answer)
{
	struct rte_ring *commands = lb_command_ring(rings, consumer);
	struct rte_ring *acks = lb_ack_ring(rings, consumer);
	int n;

	/* a command stays in its ring until there is room to answer it: no answer is ever lost */
	if (!lb_ring_sane(commands) || !lb_ring_sane(acks)) {
		*refused += 1;
		return false;
	}
	if (rte_ring_empty(commands) || rte_ring_full(acks))
		return false;
	n = read_newest(commands, answer);
	if (n <= 0) {
		*refused += n < 0;
		return false;
	}
	answer->reason = dp_tables_open(view, segment, segment_size, answer);
	answer->type = answer->reason == LB_REFUSAL_NONE ? LB_MSG_RUNNING : LB_MSG_REFUSED;
	*refused += answer->reason != LB_REFUSAL_NONE;
	return true;
}

void dp_tables_answer(struct lb_rings *rings, uint32_t consumer, const struct lb_msg *answer)
{
	/* the newest sequence number acknowledges those before it; the ring was seen to have room,
	 * and if it was ruined since, the next call to dp_tables_take() counts that */
	(void)lb_ring_send(lb_ack_ring(rings, consumer), answer);
}

bool dp_tables_poll(struct dp_tables *view, struct lb_rings *rings, uint32_t consumer,
        const void *segment, uint64_t segment_size, uint64_t *refused)
{
	struct lb_msg answer;

	if (!dp_tables_take(view, rings, consumer, segment, segment_size, refused, &answer))
		return false;
	dp_tables_answer(rings, consumer, &answer);
	return answer.type == LB_MSG_RUNNING;
}
