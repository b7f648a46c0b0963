/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A generation as a worker sees it, written apart from the builder: look-ups by lb_*_hash() and
 * nothing else. Answers NULL where a worker would find nothing.
 */
#ifndef GENERATION_READER_H
#define GENERATION_READER_H

#include "lb/table.h"

struct reader {
	const uint8_t *segment;
	const struct lb_generation *header;
};

struct reader reader_open(const void *segment, uint64_t offset);
const struct lb_vip *reader_vip(const struct reader *reader, const struct lb_ip *ip);
/* 'port' in host order. */
const struct lb_listener *reader_listener(
        const struct reader *reader, const struct lb_ip *ip, uint8_t protocol, uint16_t port);
const struct lb_group *reader_group(const struct reader *reader, uint32_t row);
/* NULL out of range. */
const struct lb_target *reader_target(const struct reader *reader, uint32_t slot);
uint32_t reader_epoch(const struct reader *reader, uint32_t slot);
/* The slots of the listener's scope, maglev_size of them; NULL when there are none. */
const uint32_t *reader_maglev(const struct reader *reader, const struct lb_listener *listener);
/* Percent of the places that lead to a slot. */
double reader_share(const struct reader *reader, const struct lb_listener *listener, uint32_t slot);

#endif
