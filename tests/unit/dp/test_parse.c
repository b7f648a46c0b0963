/* SPDX-License-Identifier: BSD-3-Clause
 *
 * parse.c and parse_ip6.c: a table of frames, good and malformed, and what each is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <rte_tcp.h>

#include "parse.h"
#include "pipeline_rig.h"

enum base { TCP4, UDP4, TCP6, UDP6 };
enum layer { NONE, L2, L3, L4 };

/* A frame: one of four good ones, with tags, options or extension headers, then with bytes replaced
 * and cut short. */
struct parse_case {
	const char *name;
	enum base base;
	dp_verdict verdict;
	uint32_t nb_tags;
	uint8_t nb_between, next_header;
	uint8_t between[40];
	struct {
		enum layer layer;
		uint8_t offset, value;
	} patch[4];
	bool fix;     /* the IPv4 checksum afterwards */
	uint16_t cut; /* keep so many bytes; 0: all */
	uint64_t ol_flags;
	bool stranger; /* not to a virtual address */
};

#define HOP  IPPROTO_HOPOPTS
#define DST  IPPROTO_DSTOPTS
#define RTG  IPPROTO_ROUTING
#define FRG  IPPROTO_FRAGMENT
#define TCP  IPPROTO_TCP
#define OK   DP_GO_ON
#define KERN DP_TO_KERNEL

/* clang-format off */
static const struct parse_case cases[] = {
	{"TCP over IPv4", TCP4, OK, .nb_tags = 0},
	{"UDP over IPv4", UDP4, OK, .nb_tags = 0},
	{"TCP over IPv6", TCP6, OK, .nb_tags = 0},
	{"UDP over IPv6", UDP6, OK, .nb_tags = 0},
	{"one tag", TCP4, OK, .nb_tags = 1},
	{"two tags", TCP6, OK, .nb_tags = 2},
	{"padding", TCP4, OK, .patch = {{L3, 3, 40}}, .fix = true},
	{"IPv4 options", TCP4, OK, .nb_between = 8, .between = {1, 7, 7, 4, 0, 0, 0, 0}},
	{"bytes after the end of IPv4 options are no options", TCP4, OK, .nb_between = 4,
		.between = {0, 131, 131, 131}},
	{"all IPv6 extension headers", TCP6, OK, .nb_between = 32, .next_header = HOP,
		.between = {DST, 0, 1, 4, 0, 0, 0, 0, RTG, 0, 1, 4, 0, 0, 0, 0,
			FRG, 0, 4, 0, 0, 0, 0, 0, TCP, 0, 0, 0, 0, 0, 0, 9}},
	{"a long extension header", UDP6, OK, .nb_between = 24, .next_header = DST,
		.between = {IPPROTO_UDP, 2, 1, 20}},
	{"device says the checksums are good", TCP4, OK, .patch = {{L3, 10, 0}, {L4, 16, 0}},
		.ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD},
	{"UDP without a checksum, called bad by the device", UDP4, OK,
		.patch = {{L4, 6, 0}, {L4, 7, 0}}, .ol_flags = RTE_MBUF_F_RX_L4_CKSUM_BAD},
	{"a TCP checksum that nobody vouches for", TCP4, OK, .patch = {{L4, 16, 0x55}}},

	{"another host's frame", TCP4, KERN, .patch = {{L2, 5, 9}}},
	{"a multicast frame", TCP4, KERN, .patch = {{L2, 0, 3}}},
	{"ARP", TCP4, KERN, .patch = {{L2, 12, 8}, {L2, 13, 6}}},
	{"an 802.3 length", TCP4, KERN, .patch = {{L2, 12, 0}, {L2, 13, 40}}},
	{"ICMP to a virtual address", TCP4, KERN, .patch = {{L3, 9, 1}}, .fix = true},
	{"ICMPv6 to a virtual address", TCP6, KERN, .patch = {{L3, 6, 58}}},
	{"no next header", TCP6, KERN, .patch = {{L3, 6, 59}}},
	{"a fragment to a stranger", TCP4, KERN, .patch = {{L3, 6, 0x20}}, .fix = true,
		.stranger = true},
	{"a source route to a stranger", TCP4, KERN, .nb_between = 4, .between = {131, 3, 4, 0},
		.stranger = true},
	{"a bad TCP header to a stranger", TCP4, KERN, .patch = {{L4, 12, 0}}, .stranger = true},
	{"bad extensions to a stranger", TCP6, KERN, .nb_between = 8, .next_header = RTG,
		.between = {TCP, 0, 0, 1}, .stranger = true},

	{"nothing", TCP4, LB_DROP_L2_TRUNCATED, .cut = 1},
	{"no EtherType", TCP4, LB_DROP_L2_TRUNCATED, .cut = 13},
	{"half a tag", TCP4, LB_DROP_L2_TRUNCATED, .nb_tags = 1, .cut = 16},
	{"half a second tag", TCP4, LB_DROP_L2_TRUNCATED, .nb_tags = 2, .cut = 21},
	{"three tags", TCP4, LB_DROP_L2_TOO_MANY_TAGS, .nb_tags = 3},
	{"no IPv4 header", TCP4, LB_DROP_IP4_TRUNCATED, .cut = 14},
	{"half an IPv4 header", TCP4, LB_DROP_IP4_TRUNCATED, .cut = 33},
	{"half the IPv4 options", TCP4, LB_DROP_IP4_TRUNCATED, .nb_between = 8, .cut = 38},
	{"IPv4 version 5", TCP4, LB_DROP_IP4_BAD_HEADER, .patch = {{L3, 0, 0x55}}, .fix = true},
	{"IPv4 header of 16 bytes", TCP4, LB_DROP_IP4_BAD_HEADER, .patch = {{L3, 0, 0x44}}},
	{"IPv4 length below its header's", TCP4, LB_DROP_IP4_BAD_LENGTH, .patch = {{L3, 3, 19}}},
	{"IPv4 length beyond the frame", TCP4, LB_DROP_IP4_BAD_LENGTH, .patch = {{L3, 2, 1}}},
	{"IPv4 payload cut off", TCP4, LB_DROP_IP4_BAD_LENGTH, .cut = 60},
	{"IPv4 checksum", TCP4, LB_DROP_IP4_BAD_CHECKSUM, .patch = {{L3, 8, 63}}},
	{"IPv4 checksum, by the device", TCP4, LB_DROP_IP4_BAD_CHECKSUM,
		.ol_flags = RTE_MBUF_F_RX_IP_CKSUM_BAD},
	{"loose source route", TCP4, LB_DROP_IP4_BAD_OPTION, .nb_between = 8,
		.between = {1, 131, 7, 4, 10, 0, 0, 1}},
	{"strict source route", TCP4, LB_DROP_IP4_BAD_OPTION, .nb_between = 8,
		.between = {137, 7, 4, 10, 0, 0, 1, 0}},
	{"IPv4 option without a length", TCP4, LB_DROP_IP4_BAD_OPTION, .nb_between = 4,
		.between = {1, 1, 1, 7}},
	{"IPv4 option of length 1", TCP4, LB_DROP_IP4_BAD_OPTION, .nb_between = 4,
		.between = {7, 1, 0, 0}},
	{"IPv4 option beyond the header", TCP4, LB_DROP_IP4_BAD_OPTION, .nb_between = 4,
		.between = {7, 5, 0, 0}},
	{"no IPv6 header", TCP6, LB_DROP_IP6_TRUNCATED, .cut = 53},
	{"IPv6 version 4", TCP6, LB_DROP_IP6_BAD_HEADER, .patch = {{L3, 0, 0x40}}},
	{"IPv6 length beyond the frame", TCP6, LB_DROP_IP6_BAD_LENGTH, .patch = {{L3, 4, 1}}},
	{"half an extension header", TCP6, LB_DROP_IP6_TRUNCATED, .nb_between = 8,
		.next_header = DST, .between = {TCP, 0}, .patch = {{L3, 5, 7}}},
	{"an extension header beyond the packet", TCP6, LB_DROP_IP6_TRUNCATED, .nb_between = 8,
		.next_header = DST, .between = {TCP, 9}},
	{"hop-by-hop options not first", TCP6, LB_DROP_IP6_BAD_EXTENSION, .nb_between = 16,
		.next_header = DST, .between = {HOP, 0, 1, 4, 0, 0, 0, 0, TCP, 0, 1, 4}},
	{"a routing header with segments left", TCP6, LB_DROP_IP6_BAD_EXTENSION, .nb_between = 8,
		.next_header = RTG, .between = {TCP, 0, 0, 1}},
	{"the first fragment, IPv4", TCP4, LB_DROP_FRAGMENT, .patch = {{L3, 6, 0x20}}, .fix = true},
	{"a later fragment, IPv4", TCP4, LB_DROP_FRAGMENT, .patch = {{L3, 7, 1}}, .fix = true},
	{"the first fragment, IPv6", TCP6, LB_DROP_FRAGMENT, .nb_between = 8, .next_header = FRG,
		.between = {TCP, 0, 0, 1}},
	{"a later fragment, IPv6", TCP6, LB_DROP_FRAGMENT, .nb_between = 8, .next_header = FRG,
		.between = {TCP, 0, 0, 8}},
	{"half a TCP header", TCP4, LB_DROP_L4_TRUNCATED, .patch = {{L3, 3, 39}}, .fix = true},
	{"half a UDP header", UDP6, LB_DROP_L4_TRUNCATED, .patch = {{L3, 5, 7}}},
	{"TCP header of 16 bytes", TCP4, LB_DROP_TCP_BAD_HEADER, .patch = {{L4, 12, 0x40}}},
	{"TCP options beyond the packet", TCP6, LB_DROP_TCP_BAD_HEADER, .patch = {{L4, 12, 0xf0}}},
	{"TCP without flags", TCP4, LB_DROP_TCP_BAD_FLAGS, .patch = {{L4, 13, 0xc0}}},
	{"TCP SYN and FIN", TCP4, LB_DROP_TCP_BAD_FLAGS, .patch = {{L4, 13, 0x03}}},
	{"TCP SYN and RST", TCP6, LB_DROP_TCP_BAD_FLAGS, .patch = {{L4, 13, 0x06}}},
	{"TCP checksum, by the device", TCP4, LB_DROP_TCP_BAD_CHECKSUM,
		.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_BAD},
	{"UDP length below what is there", UDP4, LB_DROP_UDP_BAD_LENGTH, .patch = {{L4, 5, 25}}},
	{"UDP length beyond what is there", UDP6, LB_DROP_UDP_BAD_LENGTH, .patch = {{L4, 5, 27}}},
	{"UDP checksum, by the device", UDP4, LB_DROP_UDP_BAD_CHECKSUM,
		.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_BAD},
	{"UDP over IPv6 without a checksum", UDP6, LB_DROP_UDP_BAD_CHECKSUM,
		.patch = {{L4, 6, 0}, {L4, 7, 0}}},
	{"source port 0", TCP4, LB_DROP_PORT_ZERO, .patch = {{L4, 0, 0}, {L4, 1, 0}}},
	{"destination port 0", UDP6, LB_DROP_PORT_ZERO, .patch = {{L4, 2, 0}, {L4, 3, 0}}},
};
/* clang-format on */

static struct rig *rig;

static struct frame_spec base_spec(enum base base, bool stranger)
{
	static const char *const vips[2][2] = {
	        {"10.90.0.10", "fd00:90::10"}, {"10.9.9.9", "fd00:9::9"}};
	bool v6 = base == TCP6 || base == UDP6, tcp = base == TCP4 || base == TCP6;

	return rig_to_vip(vips[stranger][v6], tcp ? 80 : 53, tcp ? IPPROTO_TCP : IPPROTO_UDP, 0);
}

static void build(const struct parse_case *c, struct frame *f)
{
	struct frame_spec spec = base_spec(c->base, c->stranger);

	spec.nb_tags = c->nb_tags;
	for (uint32_t i = 0; i < c->nb_tags; i++) {
		spec.tpid[i] = i == 0 && c->nb_tags == 2 ? 0x88a8 : 0x8100;
		spec.tci[i] = (uint16_t)(5 + i);
	}
	spec.nb_between = c->nb_between;
	spec.next_header = c->next_header;
	memcpy(spec.between, c->between, sizeof(c->between));
	frame_build(f, &spec);
	for (uint32_t i = 0; i < RTE_DIM(c->patch) && c->patch[i].layer != NONE; i++) {
		uint32_t at = c->patch[i].layer == L2 ? 0 : c->patch[i].layer == L3 ? f->l3 : f->l4;

		f->bytes[at + c->patch[i].offset] = c->patch[i].value;
	}
	if (c->fix)
		frame_fix_ip4(f);
	if (c->cut > 0)
		f->len = c->cut;
}

static dp_verdict parse(struct rte_mbuf *m, struct dp_pkt *pkt, struct dp_flow_key *key)
{
	memset(key, 0x5a, sizeof(*key));
	return dp_parse(&rig->ctx.tables, &rig->ports[0], m, pkt, key);
}

static void each_frame_gets_its_verdict(void **state)
{
	for (uint32_t i = 0; i < RTE_DIM(cases); i++) {
		struct dp_flow_key key;
		struct rte_mbuf *m;
		struct dp_pkt pkt;
		struct frame f;
		dp_verdict v;

		build(&cases[i], &f);
		m = rig_mbuf(rig, f.bytes, f.len);
		m->ol_flags |= cases[i].ol_flags;
		v = parse(m, &pkt, &key);
		if (v != cases[i].verdict)
			fail_msg(
			        "%s: verdict %d instead of %d", cases[i].name, v, cases[i].verdict);
		rte_pktmbuf_free(m);
	}
}

/* Every way to cut any good frame short is a drop that says so, or the kernel's, never more. */
static void no_cut_frame_goes_on(void **state)
{
	for (uint32_t base = TCP4; base <= UDP6; base++) {
		struct parse_case c = {.base = (enum base)base, .nb_tags = 2};
		struct frame f;

		build(&c, &f);
		for (uint32_t len = 1; len < f.len; len++) {
			struct rte_mbuf *m = rig_mbuf(rig, f.bytes, len);
			struct dp_flow_key key;
			struct dp_pkt pkt;

			assert_true(parse(m, &pkt, &key) >= 0);
			rte_pktmbuf_free(m);
		}
	}
}

/* Headers split over two segments are refused by name wherever the split is; payload may be. */
static void only_payload_may_lie_in_a_second_segment(void **state)
{
	for (uint32_t base = TCP4; base <= UDP6; base++) {
		struct parse_case c = {.base = (enum base)base, .nb_tags = 1};
		uint32_t headers;
		struct frame f;

		build(&c, &f);
		headers = f.l4 + (base == TCP4 || base == TCP6 ? 20 : 8);
		for (uint32_t at = 1; at < f.len; at++) {
			struct rte_mbuf *m = rig_mbuf(rig, f.bytes, at);
			struct dp_flow_key key;
			struct dp_pkt pkt;

			rte_pktmbuf_chain(m, rig_mbuf(rig, f.bytes + at, f.len - at));
			assert_int_equal(
			        parse(m, &pkt, &key), at < headers ? LB_DROP_SEGMENTED : DP_GO_ON);
			rte_pktmbuf_free(m);
		}
	}
}

static void a_packet_to_a_virtual_address_has_its_source_as_client(void **state)
{
	struct parse_case c = {
	        .base = TCP4, .nb_tags = 1, .nb_between = 4, .between = {1, 1, 1, 1}};
	struct dp_flow_key key, want = {.client = frame_ip("192.0.2.1"),
	                                .other = frame_ip("10.90.0.10"),
	                                .client_port = RTE_BE16(20000),
	                                .other_port = RTE_BE16(80),
	                                .protocol = IPPROTO_TCP,
	                                .direction = DP_TO_TARGET};
	struct rte_mbuf *m;
	struct dp_pkt pkt;
	struct frame f;

	build(&c, &f);
	m = rig_mbuf(rig, f.bytes, f.len);
	assert_int_equal(parse(m, &pkt, &key), DP_GO_ON);
	assert_memory_equal(&key, &want, sizeof(key));
	assert_int_equal(pkt.l2_len, 18);
	assert_int_equal(pkt.l3_len, 24);
	assert_int_equal(pkt.ip_len, 24 + 20 + 18);
	assert_int_equal(pkt.tcp_flags, RTE_TCP_SYN_FLAG);
	assert_int_equal(pkt.ttl, 64);
	assert_ptr_equal(pkt.l3, rte_pktmbuf_mtod_offset(m, uint8_t *, 18));
	assert_ptr_equal(dp_pkt_l4(&pkt), rte_pktmbuf_mtod_offset(m, uint8_t *, 42));
	rte_pktmbuf_free(m);
}

static void any_other_packet_has_its_destination_as_client(void **state)
{
	struct dp_flow_key key, want = {.client = frame_ip("fd00:9::9"),
	                                .other = frame_ip("2001:db8::1"),
	                                .client_port = RTE_BE16(53),
	                                .other_port = RTE_BE16(20000),
	                                .protocol = IPPROTO_UDP,
	                                .direction = DP_TO_CLIENT,
	                                .is_v6 = 1};
	struct parse_case c = {.base = UDP6, .stranger = true};
	struct rte_mbuf *m;
	struct dp_pkt pkt;
	struct frame f;

	build(&c, &f);
	m = rig_mbuf(rig, f.bytes, f.len);
	assert_int_equal(parse(m, &pkt, &key), DP_GO_ON);
	assert_memory_equal(&key, &want, sizeof(key));
	assert_int_equal(pkt.tcp_flags, 0);
	rte_pktmbuf_free(m);
}

/* ::ffff:10.90.0.10 in an IPv6 header is not the virtual address 10.90.0.10. */
static void an_ip4_address_in_an_ip6_header_is_no_virtual_address(void **state)
{
	struct lb_ip mapped = frame_ip("10.90.0.10");
	struct parse_case c = {.base = TCP6};
	struct dp_flow_key key;
	struct rte_mbuf *m;
	struct dp_pkt pkt;
	struct frame f;

	build(&c, &f);
	memcpy(f.bytes + f.l3 + 24, &mapped, sizeof(mapped));
	m = rig_mbuf(rig, f.bytes, f.len);
	assert_int_equal(parse(m, &pkt, &key), DP_TO_KERNEL);
	rte_pktmbuf_free(m);
}

static void a_stripped_tag_is_put_back(void **state)
{
	struct parse_case tagged = {.base = TCP4, .nb_tags = 1}, plain = {.base = TCP4};
	struct dp_flow_key key;
	struct frame with, without;
	struct rte_mbuf *m;
	struct dp_pkt pkt;

	build(&tagged, &with);
	build(&plain, &without);
	m = rig_mbuf(rig, without.bytes, without.len);
	m->vlan_tci = 5;
	m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	assert_int_equal(parse(m, &pkt, &key), DP_GO_ON);
	assert_int_equal(rte_pktmbuf_data_len(m), with.len);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), with.bytes, with.len);
	rte_pktmbuf_free(m);
}

/* RTE_MBUF_F_RX_L4_CKSUM_NONE: the data is right, the checksum was left to be computed. */
static void a_checksum_that_was_left_out_is_computed(void **state)
{
	for (uint32_t base = TCP4; base <= UDP6; base++) {
		struct parse_case c = {.base = (enum base)base};
		struct dp_flow_key key;
		struct rte_mbuf *m;
		struct dp_pkt pkt;
		struct frame f;
		uint32_t at;

		build(&c, &f);
		at = f.l4 + (base == TCP4 || base == TCP6 ? 16 : 6);
		m = rig_mbuf(rig, f.bytes, at);
		rte_pktmbuf_append(m, 2)[0] = 0x77;
		memcpy(rte_pktmbuf_append(m, (uint16_t)(f.len - at - 2)), f.bytes + at + 2,
		        f.len - at - 2);
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_NONE;
		assert_int_equal(parse(m, &pkt, &key), DP_GO_ON);
		assert_memory_equal(rte_pktmbuf_mtod(m, void *), f.bytes, f.len);
		rte_pktmbuf_free(m);
	}
}

static void too_many_extension_headers_are_refused(void **state)
{
	for (uint32_t nb = 1; nb <= DP_PARSE_MAX_EXTENSIONS + 1; nb++) {
		struct frame_spec spec = base_spec(TCP6, false);
		struct dp_flow_key key;
		struct rte_mbuf *m;
		struct dp_pkt pkt;
		struct frame f;

		assert_true(nb * 8 <= sizeof(spec.between) + 8);
		spec.nb_between = (uint8_t)(RTE_MIN(nb, (uint32_t)DP_PARSE_MAX_EXTENSIONS) * 8);
		spec.next_header = DST;
		for (uint32_t i = 0; i < spec.nb_between / 8u; i++)
			spec.between[i * 8] = i + 1u == nb ? TCP : DST;
		frame_build(&f, &spec);
		m = rig_mbuf(rig, f.bytes, f.len);
		assert_int_equal(parse(m, &pkt, &key),
		        nb <= DP_PARSE_MAX_EXTENSIONS ? DP_GO_ON : LB_DROP_IP6_BAD_EXTENSION);
		rte_pktmbuf_free(m);
	}
}

static int set_up(void **state)
{
	struct rig_config config = {.flows = 64, .packets = 63};

	rig = rig_open(&config);
	return 0;
}

static int tear_down(void **state)
{
	assert_int_equal(rig_close(rig), 0);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_frame_gets_its_verdict),
	        cmocka_unit_test(no_cut_frame_goes_on),
	        cmocka_unit_test(only_payload_may_lie_in_a_second_segment),
	        cmocka_unit_test(a_packet_to_a_virtual_address_has_its_source_as_client),
	        cmocka_unit_test(any_other_packet_has_its_destination_as_client),
	        cmocka_unit_test(an_ip4_address_in_an_ip6_header_is_no_virtual_address),
	        cmocka_unit_test(a_stripped_tag_is_put_back),
	        cmocka_unit_test(a_checksum_that_was_left_out_is_computed),
	        cmocka_unit_test(too_many_extension_headers_are_refused),
	};

	return cmocka_run_group_tests_name("parse", tests, set_up, tear_down);
}
