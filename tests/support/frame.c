/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See frame.h.
 */
#include "frame.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

struct lb_ip frame_ip(const char *text)
{
	struct lb_ip ip;
	uint32_t v4;

	if (inet_pton(AF_INET, text, &v4) == 1)
		return lb_ip_from_v4(v4);
	if (inet_pton(AF_INET6, text, &ip) == 1)
		return ip;
	fprintf(stderr, "frame_ip: '%s' is no address\n", text);
	exit(2);
}

static void put8(struct frame *f, uint8_t value)
{
	f->bytes[f->len++] = value;
}

static void put16(struct frame *f, uint16_t value)
{
	put8(f, (uint8_t)(value >> 8));
	put8(f, (uint8_t)value);
}

static void put(struct frame *f, const void *bytes, uint32_t len)
{
	memcpy(f->bytes + f->len, bytes, len);
	f->len += len;
}

uint16_t frame_checksum(const uint8_t *bytes, uint32_t len, uint32_t sum)
{
	for (uint32_t i = 0; i < len; i++)
		sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void store16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

void frame_fix_ip4(struct frame *f)
{
	uint8_t *ip = f->bytes + f->l3;

	store16(ip + 10, 0);
	store16(ip + 10, frame_checksum(ip, (ip[0] & 15u) * 4, 0));
}

static uint32_t l4_len(const struct frame_spec *s)
{
	return (s->protocol == IPPROTO_TCP ? 20u : 8u) + s->payload;
}

static void put_ip4(struct frame *f, const struct frame_spec *s)
{
	put8(f, (uint8_t)(0x45 + s->nb_between / 4));
	put8(f, 0x10);
	put16(f, (uint16_t)(20 + s->nb_between + l4_len(s)));
	put16(f, 0xbeef);
	put16(f, s->fragment);
	put8(f, s->ttl);
	put8(f, s->protocol);
	put16(f, 0);
	put(f, s->src.bytes + 12, 4);
	put(f, s->dst.bytes + 12, 4);
	put(f, s->between, s->nb_between);
	frame_fix_ip4(f);
}

static void put_ip6(struct frame *f, const struct frame_spec *s)
{
	put16(f, 0x6123);
	put16(f, 0x4567);
	put16(f, (uint16_t)(s->nb_between + l4_len(s)));
	put8(f, s->nb_between > 0 ? s->next_header : s->protocol);
	put8(f, s->ttl);
	put(f, &s->src, 16);
	put(f, &s->dst, 16);
	put(f, s->between, s->nb_between);
}

static uint32_t pseudo_header_sum(const struct frame_spec *s)
{
	uint32_t sum = s->protocol + l4_len(s), from = lb_ip_is_v4(&s->src) ? 12 : 0;

	for (uint32_t i = from; i < 16; i++)
		sum += (uint32_t)(s->src.bytes[i] + s->dst.bytes[i]) << (i % 2 == 0 ? 8 : 0);
	return sum;
}

static void put_l4(struct frame *f, const struct frame_spec *s)
{
	bool tcp = s->protocol == IPPROTO_TCP;
	uint8_t *csum;
	uint16_t value;

	f->l4 = f->len;
	put16(f, s->src_port);
	put16(f, s->dst_port);
	if (tcp) {
		put(f, "\x01\x02\x03\x04\x05\x06\x07\x08\x50", 9);
		put8(f, s->tcp_flags);
		put16(f, 0x2000);
		put16(f, 0);
		put16(f, 0);
	} else {
		put16(f, (uint16_t)l4_len(s));
		put16(f, 0);
	}
	for (uint32_t i = 0; i < s->payload; i++)
		put8(f, (uint8_t)(i * 7 + 1 + (i < 2 ? s->salt >> (8 - 8 * i) : 0)));
	value = frame_checksum(f->bytes + f->l4, l4_len(s), pseudo_header_sum(s));
	csum = f->bytes + f->l4 + (tcp ? 16 : 6);
	if (!tcp && s->without_udp_checksum)
		return;
	store16(csum, !tcp && value == 0 ? 0xffff : value);
}

void frame_build(struct frame *f, const struct frame_spec *s)
{
	bool v4 = lb_ip_is_v4(&s->dst);

	f->len = 0;
	put(f, s->dst_mac, 6);
	put(f, s->src_mac, 6);
	for (uint32_t i = 0; i < s->nb_tags; i++) {
		put16(f, s->tpid[i]);
		put16(f, s->tci[i]);
	}
	put16(f, v4 ? 0x0800 : 0x86dd);
	f->l3 = f->len;
	if (v4)
		put_ip4(f, s);
	else
		put_ip6(f, s);
	put_l4(f, s);
	for (uint32_t i = 0; i < s->padding; i++)
		put8(f, 0xaa);
}
