/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See packets.h.
 */
#include "packets.h"

#include <netinet/in.h>

#include "die.h"
#include "measure.h"
#include "pipeline_rig.h"

#define VIP_PORT 80

static const char *vip_text(bool is_v6)
{
	return is_v6 ? "fd00:90::10" : "10.90.0.10";
}

static uint16_t client_port(uint32_t number)
{
	return rte_cpu_to_be_16((uint16_t)(20000 + number % 1000 + 1000 * (number >> 24)));
}

static void put_low(uint8_t *at, uint32_t number)
{
	at[0] = (uint8_t)(number >> 16);
	at[1] = (uint8_t)(number >> 8);
	at[2] = (uint8_t)number;
}

void packet_template_make(struct packet_template *t, bool is_v6, enum dp_direction direction,
        uint16_t port, uint8_t tcp_flags)
{
	struct frame_spec s = rig_to_vip(vip_text(is_v6), port, IPPROTO_TCP, 0);
	uint16_t address = is_v6 ? 16 : 4, source = is_v6 ? 22 : 26;
	uint16_t destination = source + address;
	static struct frame f;

	s.src.bytes[15] = 0;
	s.payload = 0;
	if (direction == DP_TO_CLIENT) {
		struct lb_ip target = rig_target(is_v6 ? 4 : 0);
		struct frame_spec forwarded = rig_forwarded(&s, 1, &target, RIG_TARGET_PORT);

		s = rig_answer(&forwarded);
	}
	s.tcp_flags = tcp_flags;
	frame_build(&f, &s);
	if (f.len > sizeof(t->bytes))
		die("a template of %u bytes", f.len);
	memcpy(t->bytes, f.bytes, f.len);
	t->len = (uint16_t)f.len;
	t->is_v6 = is_v6;
	t->source_low = source + address - 3;
	t->client_low = (direction == DP_TO_CLIENT ? destination : source) + address - 3;
	t->client_port = (uint16_t)(f.l4 + (direction == DP_TO_CLIENT ? 2 : 0));
	t->target_low = direction == DP_TO_CLIENT ? source + address - 1 : 0;
}

static uint8_t *write_template(const struct packet_template *t, struct rte_mbuf *m)
{
	uint8_t *frame;

	m->data_off = RTE_PKTMBUF_HEADROOM;
	m->data_len = t->len;
	m->pkt_len = t->len;
	m->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	frame = rte_pktmbuf_mtod(m, uint8_t *);
	memcpy(frame, t->bytes, t->len);
	return frame;
}

void packet_write(
        const struct packet_template *t, struct rte_mbuf *m, uint32_t number, uint8_t target)
{
	uint8_t *frame = write_template(t, m);
	uint16_t port = client_port(number);

	put_low(frame + t->client_low, number);
	memcpy(frame + t->client_port, &port, sizeof(port));
	if (t->target_low != 0)
		frame[t->target_low] = target;
}

void packet_write_random_source(
        const struct packet_template *t, struct rte_mbuf *m, uint32_t *random)
{
	uint8_t *frame = write_template(t, m);
	uint8_t *source = frame + t->source_low - (t->is_v6 ? 13 : 1);
	uint32_t low = next_random(random);
	uint16_t port = (uint16_t)(next_random(random) | 1);

	if (!t->is_v6) {
		source[0] = (uint8_t)(16 + (next_random(random) & 7));
	} else {
		memset(source + 4, 0xff, 2);
		memcpy(source + 8, &low, sizeof(low));
	}
	put_low(frame + t->source_low, low >> 8);
	memcpy(frame + t->client_port, &port, sizeof(port));
}

uint8_t packet_target(const struct packet_template *t, const struct rte_mbuf *m)
{
	uint32_t address = t->is_v6 ? 16 : 4;

	return rte_pktmbuf_mtod(m, const uint8_t *)[t->source_low + 2 + address];
}

void packet_key_number(struct dp_flow_key *key, uint32_t number)
{
	put_low(key->client.bytes + 13, number);
	key->client_port = client_port(number);
}

struct dp_flow_key packet_key(bool is_v6, uint32_t number)
{
	struct dp_flow_key key = {
	        .client = frame_ip(is_v6 ? "2001:db8::" : "192.0.0.0"),
	        .other = frame_ip(vip_text(is_v6)),
	        .other_port = htons(VIP_PORT),
	        .protocol = IPPROTO_TCP,
	        .direction = DP_TO_TARGET,
	        .is_v6 = is_v6,
	};

	packet_key_number(&key, number);
	return key;
}

void packet_key_words(bool is_v6, uint32_t number, uint64_t *words)
{
	static struct dp_flow_key keys[2]; /* address texts are read once */
	struct dp_flow_key *key = &keys[is_v6];
	uint64_t ports;

	if (key->protocol == 0)
		*key = packet_key(is_v6, 0);
	packet_key_number(key, number);
	ports = key->client_port | (uint64_t)key->protocol << 16;
	if (is_v6) {
		memcpy(&words[0], &key->client, 16);
		words[2] = ports | (uint64_t)key->other_port << 32;
		memcpy(&words[3], &key->other, 16);
	} else {
		words[0] = lb_ip_v4(&key->client) | ports << 32;
		words[1] = lb_ip_v4(&key->other) | (uint64_t)key->other_port << 32;
	}
}
