/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The virtual addresses of IPv6 flows; private to flow*.c. An entry holds the number of its own, so
 * that it fits into one cache line.
 *
 * Who writes what. A place is written once, under the table's lock for that, before any entry has
 * its number, and never again while the table is open: readers need no lock and no second look. It
 * is an open-addressing hash table over the addresses, which are the operator's own, and a number
 * is a place in it. Places that no flow refers to any more are freed when the table is opened. A
 * process that dies while it writes one leaves a place that no flow refers to.
 *
 * How many there may be. Tables of 16,384 flows and more have 65,536 places, of which three
 * quarters can be taken; smaller ones 4,096 at least. A new flow through an address beyond that is
 * refused (DP_FLOW_VIP_LIMIT).
 */
#ifndef DP_FLOW_VIP_H
#define DP_FLOW_VIP_H

#include "flow_layout.h"

/* Places for a table of so many IPv6 flows. */
uint32_t flow_vips_size(uint32_t ipv6_flows);

/* The number of the address in words[0..1], which gets one if it has none. False: there is no place
 * for it, or it is one of ::/64. */
bool flow_vip_number(struct dp_flow_table *t, const uint64_t words[2], uint16_t *number);

/* For a table that nobody else uses: whether the number is that of an address, at its place. */
bool flow_vip_is_good(const struct dp_flow_table *t, uint16_t number);

/* For a table that nobody else uses: frees all places but those in 'used', one bit each. */
void flow_vips_keep(struct dp_flow_table *t, const uint8_t *used);

#endif
