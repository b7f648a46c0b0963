/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See generation_reader.h.
 */
#include "generation_reader.h"

#include <arpa/inet.h>

struct reader reader_open(const void *segment, uint64_t offset)
{
	const uint8_t *base = segment;

	return (struct reader){base, (const struct lb_generation *)(base + offset)};
}

static const void *array(const struct reader *reader, uint32_t offset)
{
	return (const uint8_t *)reader->header + offset;
}

const struct lb_vip *reader_vip(const struct reader *reader, const struct lb_ip *ip)
{
	const struct lb_generation *g = reader->header;
	const struct lb_index *index = array(reader, g->vip_index_offset);
	const struct lb_vip *vips = array(reader, g->vips_offset);
	uint32_t tag = lb_vip_hash(ip);

	for (uint32_t i = 0; i < LB_INDEX_MAX_PROBES; i++) {
		const struct lb_index *at = &index[(tag + i) & (g->vip_index_size - 1)];

		if (at->row == 0)
			return NULL;
		if (at->tag == tag && lb_ip_equal(&vips[at->row - 1].ip, ip))
			return &vips[at->row - 1];
	}
	return NULL;
}

const struct lb_listener *reader_listener(
        const struct reader *reader, const struct lb_ip *ip, uint8_t protocol, uint16_t port)
{
	const struct lb_generation *g = reader->header;
	const struct lb_index *index = array(reader, g->listener_index_offset);
	const struct lb_listener *listeners = array(reader, g->listeners_offset);
	uint32_t tag = lb_listener_hash(ip, protocol, htons(port));

	for (uint32_t i = 0; i < LB_INDEX_MAX_PROBES; i++) {
		const struct lb_index *at = &index[(tag + i) & (g->listener_index_size - 1)];
		const struct lb_listener *row = &listeners[at->row - 1];

		if (at->row == 0)
			return NULL;
		if (at->tag == tag && lb_ip_equal(&row->vip, ip) && row->protocol == protocol &&
		        row->port == htons(port))
			return row;
	}
	return NULL;
}

const struct lb_group *reader_group(const struct reader *reader, uint32_t row)
{
	const struct lb_group *groups = array(reader, reader->header->groups_offset);

	return row < reader->header->nb_groups ? &groups[row] : NULL;
}

const struct lb_target *reader_target(const struct reader *reader, uint32_t slot)
{
	const struct lb_target *targets = array(reader, reader->header->targets_offset);

	return slot < reader->header->nb_slots ? &targets[slot] : NULL;
}

uint32_t reader_epoch(const struct reader *reader, uint32_t slot)
{
	const uint32_t *epochs = array(reader, reader->header->epochs_offset);

	return slot < reader->header->nb_slots ? epochs[slot] : 0;
}

const uint32_t *reader_maglev(const struct reader *reader, const struct lb_listener *listener)
{
	if (listener->maglev_size == 0)
		return NULL;
	return (const uint32_t *)(reader->segment + listener->maglev_offset);
}

double reader_share(const struct reader *reader, const struct lb_listener *listener, uint32_t slot)
{
	const uint32_t *maglev = reader_maglev(reader, listener);
	uint32_t nb = 0;

	for (uint32_t e = 0; e < listener->maglev_size; e++)
		nb += maglev[e] == slot;
	return listener->maglev_size == 0 ? 0 : 100.0 * nb / listener->maglev_size;
}
