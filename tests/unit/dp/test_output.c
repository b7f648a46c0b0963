/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The way out in bursts: packets that have much in common are queued and counted together, and it
 * must not show.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <rte_tcp.h>

#include "pipeline_rig.h"

static struct rig *rig;
static uint32_t random_state = 1;

static uint32_t below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % n;
}

/* What left by the ports, in order, and what was counted. */
struct result {
	struct dp_out out[2];
	uint8_t bytes[2][DP_BURST][64]; /* where the frames begin */
	uint32_t lengths[2][DP_BURST];
	struct lb_worker_stats stats;
	struct lb_target_stats target_stats[RIG_SLOTS];
	struct lb_listener_stats listener_stats[RIG_LISTENERS];
};

/* Adds what is in the queues, and empties them. */
static void take_queues(struct result *r)
{
	for (uint32_t port = 0; port < 2; port++) {
		const struct dp_out *out = &rig->ctx.out[port];

		for (uint32_t i = 0; i < out->n; i++) {
			uint16_t at = r->out[port].n++;

			r->out[port].directions[at] = out->directions[i];
			r->lengths[port][at] = rte_pktmbuf_pkt_len(out->pkts[i]);
			memcpy(r->bytes[port][at], rte_pktmbuf_mtod(out->pkts[i], void *),
			        RTE_MIN(rte_pktmbuf_data_len(out->pkts[i]),
			                sizeof(r->bytes[port][at])));
		}
	}
	rig_clear(rig);
}

static void take_counters(struct result *r)
{
	r->stats = rig->stats;
	memcpy(r->target_stats, rig->target_stats, sizeof(r->target_stats));
	memcpy(r->listener_stats, rig->listener_stats, sizeof(r->listener_stats));
	memset(&rig->stats, 0, sizeof(rig->stats));
	memset(rig->target_stats, 0, sizeof(rig->target_stats));
	memset(rig->listener_stats, 0, sizeof(rig->listener_stats));
}

/* Runs frames that 'port' received, 'at_once' of them in a burst. */
static void run(
        const struct frame *frames, uint32_t n, uint32_t at_once, uint16_t port, struct result *r)
{
	memset(r, 0, sizeof(*r));
	for (uint32_t at = 0; at < n; at += at_once) {
		struct rte_mbuf *pkts[DP_BURST];
		uint32_t some = RTE_MIN(at_once, n - at);

		for (uint32_t i = 0; i < some; i++)
			pkts[i] = rig_mbuf(rig, frames[at + i].bytes, frames[at + i].len);
		dp_pipeline_run(&rig->ctx, pkts, (uint16_t)some, port);
		assert_true(rig_conserves(rig));
		take_queues(r);
	}
	take_counters(r);
}

/* How much the packets of a burst may differ in. */
struct mix {
	uint32_t clients, listeners;
	bool both_families, lengths, resets;
	bool udp;       /* some are, beside TCP */
	bool both_ways; /* directions in one burst, as on a load balancer with one port */
	bool dying;     /* some have a TTL of 1 */
	bool forgets;   /* the worker now and then forgets where targets are */
};

/* A packet of a flow: to the target, or the answer. The families of a burst leave one after the
 * other, so here each burst is of one. */
static struct frame_spec packet(const struct mix *mix, uint16_t port, bool v6)
{
	static const char *const vips[] = {"10.90.0.10", "10.90.0.11"};
	uint32_t client = 1 + below(mix->clients);
	struct frame_spec s = rig_to_vip(
	        v6 ? "fd00:90::10" : vips[below(mix->listeners)], 80, IPPROTO_TCP, client);

	if (mix->udp && below(3) == 0)
		s = rig_to_vip(v6 ? "fd00:90::10" : vips[0], 53, IPPROTO_UDP, client);
	s.tcp_flags = mix->resets && below(8) == 0 ? RTE_TCP_RST_FLAG : RTE_TCP_ACK_FLAG;
	s.payload = (uint16_t)(mix->lengths ? below(1100) : 0);
	s.padding = mix->lengths && s.payload == 0 ? 6 : 0;
	if (port == 1) {
		struct lb_ip target = rig_target(rig_slot(&s));
		struct frame_spec forwarded = rig_forwarded(&s, 1, &target, RIG_TARGET_PORT);
		uint8_t flags = s.tcp_flags;

		s = rig_answer(&forwarded);
		s.tcp_flags = flags;
	}
	return s;
}

/* All flows there are, with an answer each. */
static void make_flows(const struct mix *mix)
{
	static const struct {
		const char *vip;
		uint16_t port;
		uint8_t protocol;
	} to[] = {{"10.90.0.10", 80, IPPROTO_TCP}, {"10.90.0.11", 80, IPPROTO_TCP},
	        {"fd00:90::10", 80, IPPROTO_TCP}, {"10.90.0.10", 53, IPPROTO_UDP},
	        {"fd00:90::10", 53, IPPROTO_UDP}};

	for (uint32_t k = 0; k < RTE_DIM(to) * mix->clients; k++) {
		uint32_t at = k % RTE_DIM(to);
		struct frame_spec s =
		        rig_to_vip(to[at].vip, to[at].port, to[at].protocol, 1 + k / RTE_DIM(to));
		struct lb_ip target = rig_target(rig_slot(&s));
		struct frame_spec forwarded = rig_forwarded(&s, 1, &target, RIG_TARGET_PORT);
		struct frame_spec answer = rig_answer(&forwarded);
		struct frame f;

		s.tcp_flags = RTE_TCP_SYN_FLAG;
		answer.tcp_flags = RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG;
		frame_build(&f, &s);
		rig_run(rig, &f, 0);
		frame_build(&f, &answer);
		rig_run(rig, &f, 1);
		rig_clear(rig);
	}
}

/* What bursts of a mix came to: a test says which it wants to have seen. */
struct seen {
	uint64_t both_ports, both_listeners, both_ways, both_protocols, tagged, too_big, resets,
	        died;
};

static void note(const struct result *r, struct seen *seen)
{
	const struct lb_listener_stats *ls = r->listener_stats;

	seen->both_ports += r->out[0].n != 0 && r->out[1].n != 0;
	seen->both_listeners += ls[0].packets_in + ls[0].packets_out != 0 &&
	                        ls[4].packets_in + ls[4].packets_out != 0;
	seen->both_ways += r->stats.counters[LB_COUNTER_TO_TARGET] != 0 &&
	                   r->stats.counters[LB_COUNTER_TO_CLIENT] != 0;
	seen->both_protocols += (ls[0].packets_in | ls[5].packets_in) != 0 &&
	                        (ls[1].packets_in | ls[6].packets_in) != 0;
	seen->died += r->stats.drops[LB_DROP_TTL_EXPIRED];
	for (uint32_t i = 0; i < r->out[1].n; i++)
		seen->tagged += r->bytes[1][i][12] == 0x81 && r->bytes[1][i][13] == 0;
	seen->too_big += r->stats.drops[LB_DROP_TOO_BIG];
	for (uint32_t slot = 0; slot < RIG_SLOTS; slot++)
		seen->resets += r->target_stats[slot].resets_client;
}

/* A packet that 'port' receives in a round. */
static struct frame_spec arriving(const struct mix *mix, uint16_t port, bool v6)
{
	struct frame_spec s = packet(mix, mix->both_ways ? (uint16_t)below(2) : port, v6);

	memcpy(s.dst_mac, &rig->ports[port].mac, sizeof(s.dst_mac));
	if (mix->dying && below(8) == 0)
		s.ttl = 1;
	return s;
}

static void forget_some(void)
{
	for (uint32_t slot = 0; slot < RIG_SLOTS; slot++)
		if (below(2))
			rig->ctx.memo.lines[slot].tag = 0;
}

static struct seen compare(const struct mix *mix, uint32_t rounds)
{
	struct seen seen = {0};
	static struct frame frames[DP_BURST];
	static struct result alone, together;

	make_flows(mix);
	take_counters(&alone);
	for (uint32_t round = 0; round < rounds; round++) {
		uint32_t n = 1 + below(DP_BURST);
		uint16_t port = (uint16_t)below(2);
		bool v6 = mix->both_families && below(2);

		for (uint32_t i = 0; i < n; i++) {
			struct frame_spec s = arriving(mix, port, v6);

			frame_build(&frames[i], &s);
		}
		run(frames, n, 1, port, &alone);
		if (mix->forgets)
			forget_some();
		run(frames, n, DP_BURST, port, &together);
		assert_memory_equal(alone.out, together.out, sizeof(alone.out));
		assert_memory_equal(alone.lengths, together.lengths, sizeof(alone.lengths));
		assert_memory_equal(alone.bytes, together.bytes, sizeof(alone.bytes));
		assert_memory_equal(&alone.stats, &together.stats, sizeof(alone.stats));
		assert_memory_equal(
		        alone.target_stats, together.target_stats, sizeof(alone.target_stats));
		assert_memory_equal(alone.listener_stats, together.listener_stats,
		        sizeof(alone.listener_stats));
		note(&together, &seen);
	}
	return seen;
}

/* Targets by two ports; one behind a tag, one by a way that is too narrow for some; and a client by
 * the targets' port. */
static void set_ways(void)
{
	struct dp_adj here = rig_adj(0), tagged = rig_adj(1), narrow = rig_adj(1);
	struct dp_adj beyond = rig_adj(1);

	tagged.nb_tags = 1;
	tagged.tpid[0] = RTE_BE16(RTE_ETHER_TYPE_VLAN);
	narrow.mtu = 600;
	rig_route(rig, "10.1.0.11", 32, &here);
	rig_route(rig, "10.1.0.12", 32, &tagged);
	rig_route(rig, "10.1.0.13", 32, &narrow);
	rig_route(rig, "fd00:1::11", 128, &here);
	rig_route(rig, "fd00:1::12", 128, &tagged);
	rig_route(rig, "fd00:1::13", 128, &narrow);
	rig_route(rig, "192.0.2.2", 32, &beyond);
	rig_route(rig, "2001:db8::2", 128, &beyond);
}

static void packets_that_are_alike(void **state)
{
	struct seen seen = compare(&(struct mix){.clients = 5, .listeners = 1}, 300);

	assert_int_equal(seen.both_ports + seen.both_listeners + seen.tagged + seen.too_big, 0);
}

static void packets_of_two_listeners(void **state)
{
	struct seen seen =
	        compare(&(struct mix){.clients = 1, .listeners = 2, .lengths = true}, 300);

	assert_true(seen.both_listeners > 100);
	assert_int_equal(seen.both_ports, 0);
}

static void packets_by_different_ways(void **state)
{
	struct seen seen;

	set_ways();
	seen = compare(&(struct mix){.clients = 20, .listeners = 1, .lengths = true}, 300);
	assert_true(seen.both_ports > 100);
	assert_true(seen.tagged > 100);
	assert_true(seen.too_big > 100);
}

static void packets_that_differ_in_everything(void **state)
{
	struct mix mix = {.clients = 20,
	        .listeners = 2,
	        .both_families = true,
	        .lengths = true,
	        .resets = true,
	        .udp = true,
	        .both_ways = true,
	        .dying = true,
	        .forgets = true};
	struct seen seen;

	set_ways();
	seen = compare(&mix, 300);
	assert_true(seen.both_ports > 30);
	assert_true(seen.both_listeners > 30);
	assert_true(seen.both_ways > 100);
	assert_true(seen.both_protocols > 100);
	assert_true(seen.resets > 30);
	assert_true(seen.died > 30);
}

static int set_up(void **state)
{
	struct rig_config config = {.flows = 1024, .packets = 255};

	rig = rig_open(&config);
	return 0;
}

static int tear_down(void **state)
{
	assert_int_equal(rig_close(rig), 0);
	return 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        CASE(packets_that_are_alike),
	        CASE(packets_of_two_listeners),
	        CASE(packets_by_different_ways),
	        CASE(packets_that_differ_in_everything),
	};

	return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
