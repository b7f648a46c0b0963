/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Fuzz target: whatever a control plane may write into its command ring, the ring's header and the
 * tables segment. The input:
 *
 *   +0  number of commands, 0 to 7 (lowest 3 bits)
 *   +1  words of 8 bytes that are laid over the ring's header afterwards, 0 to 31 (lowest 5 bits)
 *   +2  at which word of the header (lowest 5 bits)
 *   +3  commands, struct lb_msg each | words for the header | the heap of the tables segment
 */
#include <rte_ring.h>
#include <stdlib.h>

#include "tables.h"

#define SEGMENT_BYTES (LB_TABLES_HEAP_OFFSET + 8192u)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t size;
};

static void take(struct input *in, void *to, size_t size)
{
	size_t n = size < in->size ? size : in->size;

	if (n == 0)
		return;
	memcpy(to, in->data, n);
	in->data += n;
	in->size -= n;
}

static uint8_t take_byte(struct input *in)
{
	uint8_t byte = 0;

	take(in, &byte, 1);
	return byte;
}

/* Reads all that the packet path may read of a generation that was accepted. */
static void touch(const struct dp_tables *view)
{
	struct lb_ip ip = lb_ip_from_v4(1);
	volatile uintptr_t seen = (uintptr_t)dp_tables_vip(view, &ip);

	seen += (uintptr_t)dp_tables_listener(view, &ip, 6, 80);
	for (uint32_t slot = 0; slot < view->nb_slots; slot++)
		seen += dp_tables_epoch(view, slot) + view->targets[slot].port;
	for (uint32_t i = 0; i < view->nb_groups; i++)
		seen += view->groups[i].mode;
	(void)seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct lb_rings *rings;
	static uint8_t *segment;
	struct dp_tables view = {0};
	uint64_t refused = 0;
	struct input in = {data, size};
	uint32_t nb_commands, nb_words, at_word;

	if (rings == NULL) {
		rings = aligned_alloc(4096, LB_RINGS_SIZE(1));
		segment = aligned_alloc(4096, SEGMENT_BYTES);
	}
	if (rings == NULL || segment == NULL)
		abort();
	memset(rings, 0, LB_RINGS_SIZE(1));
	memset(segment, 0, SEGMENT_BYTES);
	rte_ring_init(lb_command_ring(rings, 0), "c", LB_RING_SLOTS, RING_F_SP_ENQ | RING_F_SC_DEQ);
	rte_ring_init(lb_ack_ring(rings, 0), "a", LB_RING_SLOTS, RING_F_SP_ENQ | RING_F_SC_DEQ);

	nb_commands = take_byte(&in) & 7;
	nb_words = take_byte(&in) & 31;
	at_word = take_byte(&in) & 31;
	for (uint32_t i = 0; i < nb_commands; i++) {
		struct lb_msg msg = {0};

		take(&in, &msg, sizeof(msg));
		(void)lb_ring_send(lb_command_ring(rings, 0), &msg);
	}
	take(&in, (uint64_t *)lb_command_ring(rings, 0) + at_word, nb_words * sizeof(uint64_t));
	take(&in, segment + LB_TABLES_HEAP_OFFSET, SEGMENT_BYTES - LB_TABLES_HEAP_OFFSET);

	if (dp_tables_poll(&view, rings, 0, segment, SEGMENT_BYTES, &refused)) {
		if (refused != 0)
			abort();
		touch(&view);
	}
	return 0;
}
