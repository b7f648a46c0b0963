/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Builds frames for tests byte by byte, checksums computed from scratch and by the plainest means:
 * the twin that the dataplane's arithmetic is compared with.
 */
#ifndef FRAME_H
#define FRAME_H

#include "lb/types.h"

#define FRAME_ROOM 4096

struct frame {
	uint8_t bytes[FRAME_ROOM];
	uint32_t len;
	uint32_t l3, l4; /* where the IP and the TCP or UDP header begin */
};

/* Numbers in host order. Family as the addresses say. */
struct frame_spec {
	uint8_t dst_mac[6], src_mac[6];
	uint32_t nb_tags;
	uint16_t tpid[4], tci[4];
	struct lb_ip src, dst;
	uint16_t src_port, dst_port;
	uint8_t protocol, tcp_flags, ttl;
	uint8_t nb_between; /* IPv4 options, or IPv6 extension headers, as they lie on the wire */
	uint8_t between[64];
	uint8_t next_header; /* IPv6 with extension headers: the type of the first */
	uint16_t fragment;   /* IPv4: flags and offset */
	uint16_t payload;    /* bytes, each other than its neighbours */
	uint16_t salt;       /* makes the first two payload bytes others */
	uint16_t padding;    /* bytes after the IP packet */
	bool without_udp_checksum;
};

/* An address from text; ends the program if it is none. */
struct lb_ip frame_ip(const char *text);

void frame_build(struct frame *frame, const struct frame_spec *spec);

/* The checksum of 'len' bytes as RFC 1071 says it, continuing 'sum'. In wire order when stored high
 * byte first. */
uint16_t frame_checksum(const uint8_t *bytes, uint32_t len, uint32_t sum);

/* Writes the IPv4 header checksum anew, after a test changed the header. */
void frame_fix_ip4(struct frame *frame);

#endif
