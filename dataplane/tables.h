/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A consumer's view of the generation that it runs. Counts and pointers are copied out of shared
 * memory once, checked, and used from here: the control plane can't move them afterwards. What is
 * inside the arrays stays untrusted; each index from there is checked where it is used.
 */
#ifndef DP_TABLES_H
#define DP_TABLES_H

#include "lb/msg.h"
#include "lb/table.h"

/* Virtual addresses of a family that a packet's destination is compared with one by one. */
#define DP_TABLES_FEW 8

struct dp_tables {
	const uint8_t *segment; /* the tables segment, mapped read-only */
	uint64_t segment_size;
	uint64_t offset, revision;
	uint32_t nb_vips, nb_listeners, nb_groups, nb_slots;
	uint32_t vip_mask, listener_mask; /* index sizes less one */
	const struct lb_vip *vips;
	const struct lb_index *vip_index;
	const struct lb_listener *listeners;
	const struct lb_index *listener_index;
	const struct lb_group *groups;
	const struct lb_target *targets;
	const uint32_t *epochs;
	/* The virtual addresses again, where there are few of both families, as most who balance
	 * load have: IPv4 ones as on the wire, IPv6 ones in halves. */
	bool has_few;
	uint32_t nb_few[2]; /* [is_v6] */
	uint32_t few4[DP_TABLES_FEW];
	uint64_t few6[DP_TABLES_FEW][2];
};

/* Fills 'view' for the generation that 'msg' announces. Its cost does not depend on the size of the
 * configuration. On refusal 'view' is unchanged. */
enum lb_refusal dp_tables_open(struct dp_tables *view, const void *segment, uint64_t segment_size,
        const struct lb_msg *msg);

/* Takes the newest command from a consumer's ring, runs it and acknowledges all that were read.
 * Older ones in the ring are skipped over: a command says a whole state. To be called between two
 * bursts. Returns true if 'view' changed. '*refused' counts commands that were refused; a corrupt
 * ring counts once a call and is left alone. */
bool dp_tables_poll(struct dp_tables *view, struct lb_rings *rings, uint32_t consumer,
        const void *segment, uint64_t segment_size, uint64_t *refused);

/* The two halves of dp_tables_poll(), for a consumer that has work to do before it may say that it
 * runs a generation. True if a command was read: 'answer' is due then, its type says whether 'view'
 * changed. */
bool dp_tables_take(struct dp_tables *view, struct lb_rings *rings, uint32_t consumer,
        const void *segment, uint64_t segment_size, uint64_t *refused, struct lb_msg *answer);
void dp_tables_answer(struct lb_rings *rings, uint32_t consumer, const struct lb_msg *answer);

/* The virtual address 'ip', or NULL. */
static inline __attribute__((always_inline)) const struct lb_vip *dp_tables_vip(
        const struct dp_tables *t, const struct lb_ip *ip)
{
	uint32_t tag = lb_vip_hash(ip);

	if (t->nb_vips == 0)
		return NULL;
	for (uint32_t i = 0; i < LB_INDEX_MAX_PROBES; i++) {
		const struct lb_index *place = &t->vip_index[(tag + i) & t->vip_mask];
		uint32_t row = __atomic_load_n(&place->row, __ATOMIC_RELAXED);

		if (row - 1 >= t->nb_vips) /* 0: the end; other rows that are none end it too */
			return NULL;
		if (place->tag == tag && lb_ip_equal(&t->vips[row - 1].ip, ip))
			return &t->vips[row - 1];
	}
	return NULL;
}

/* The listener at (ip, protocol, port), or NULL. */
const struct lb_listener *dp_tables_listener(
        const struct dp_tables *t, const struct lb_ip *ip, uint8_t protocol, lb_be16 port);

/* The epoch of a slot now; 0 for a slot that is out of range. */
static inline uint32_t dp_tables_epoch(const struct dp_tables *t, uint32_t slot)
{
	return slot < t->nb_slots ? t->epochs[slot] : 0;
}

#endif
