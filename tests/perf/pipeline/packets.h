/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The packet generator. Flows are numbered; all of a flow's packets follow from its number, but for
 * the last byte of its target's address.
 *
 *   client 192.x.x.x or 2001:db8::x:x   the number's low 24 bits
 *   client port                         20000 + number % 1000 + 1000 * (number >> 24)
 *   virtual 10.90.0.10 or fd00:90::10, TCP port 80; target port 8080
 */
#ifndef BENCH_PACKETS_H
#define BENCH_PACKETS_H

#include <rte_mbuf.h>

#include "flow.h"

/* Numbers below this are flows that exist; from here on nobody has seen them. */
#define PACKETS_NEW (1u << 24)
#define PACKETS_END (PACKETS_NEW * 40u)

/* Headers of one kind of packet, and where what differs between flows stands in them. */
struct packet_template {
	uint8_t bytes[128];
	uint16_t len;
	uint16_t client_low; /* the low three bytes of the client's address */
	uint16_t client_port;
	uint16_t target_low; /* the last byte of the target's address; 0: the packet has none */
	uint16_t source_low; /* the low three bytes of the source's address */
	bool is_v6;
};

/* A TCP packet without data, with these flags, to the virtual address's port 'port' or from the
 * target back to the client. */
void packet_template_make(struct packet_template *t, bool is_v6, enum dp_direction direction,
        uint16_t port, uint8_t tcp_flags);

/* Makes 'm' the packet of flow 'number'. */
void packet_write(
        const struct packet_template *t, struct rte_mbuf *m, uint32_t number, uint8_t target);

/* Makes 'm' a packet from an address and port that the random numbers choose: 16.0.0.0/8 to
 * 23.0.0.0/8, or anything in 2001:db8:ffff::/48. */
void packet_write_random_source(
        const struct packet_template *t, struct rte_mbuf *m, uint32_t *random);

/* The last byte of the destination's address of a packet that was forwarded to a target. */
uint8_t packet_target(const struct packet_template *t, const struct rte_mbuf *m);

/* The key of flow 'number', to the target. */
struct dp_flow_key packet_key(bool is_v6, uint32_t number);
/* Makes the key of another flow of the family of it. */
void packet_key_number(struct dp_flow_key *key, uint32_t number);

/* The same as words, for the references: IPv4 2 (client address, port and protocol; virtual
 * address and port), IPv6 5 (client address; both ports and the protocol; virtual address). */
#define PACKET_KEY_WORDS(is_v6) ((is_v6) ? 5u : 2u)
void packet_key_words(bool is_v6, uint32_t number, uint64_t *words);

#endif
