/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The pipeline as a whole: which way a packet takes, what its flow is, how it is counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <rte_tcp.h>

#include "flow_layout.h"
#include "pipeline_rig.h"

#define NO_DROP LB_DROP_COUNT

#define SYN (RTE_TCP_SYN_FLAG)
#define ACK (RTE_TCP_ACK_FLAG)
#define RST (RTE_TCP_RST_FLAG)
#define FIN (RTE_TCP_FIN_FLAG)

/* Where a packet ended. */
struct end {
	enum lb_drop_reason dropped; /* NO_DROP: it did not */
	bool kernel;
	uint16_t port;
	struct lb_ip src, dst;
};

static struct rig *rig;

static struct lb_ip ip_at(const struct rte_mbuf *m, uint32_t v4_at, uint32_t v6_at)
{
	const uint8_t *l3 = rte_pktmbuf_mtod_offset(m, const uint8_t *, 14);
	struct lb_ip ip;
	uint32_t v4;

	if (l3[0] >> 4 == 4) {
		memcpy(&v4, l3 + v4_at, sizeof(v4));
		return lb_ip_from_v4(v4);
	}
	memcpy(&ip, l3 + v6_at, sizeof(ip));
	return ip;
}

/* Runs one untagged packet; counters of before are forgotten. */
static struct end run_mbuf(struct rte_mbuf *m, uint16_t port)
{
	struct end e = {0};
	struct rte_mbuf *out;

	memset(&rig->stats, 0, sizeof(rig->stats));
	dp_pipeline_run(&rig->ctx, &m, 1, port);
	assert_int_equal(rig->stats.counters[LB_COUNTER_RECEIVED], 1);
	assert_true(rig_conserves(rig));
	e.dropped = rig_dropped(rig);
	out = rig_take(rig, &e.port, &e.kernel);
	if (out != NULL) {
		assert_int_equal(e.dropped, NO_DROP);
		e.src = ip_at(out, 12, 8);
		e.dst = ip_at(out, 16, 24);
		rte_pktmbuf_free(out);
	}
	return e;
}

static struct end run(const struct frame_spec *s, uint16_t port)
{
	struct frame f;

	frame_build(&f, s);
	return run_mbuf(rig_mbuf(rig, f.bytes, f.len), port);
}

static struct end run_flags(struct frame_spec s, uint8_t tcp_flags)
{
	s.tcp_flags = tcp_flags;
	return run(&s, 0);
}

static void assert_to(struct end e, uint16_t port, struct lb_ip dst)
{
	assert_int_equal(e.dropped, NO_DROP);
	assert_false(e.kernel);
	assert_int_equal(e.port, port);
	assert_memory_equal(&e.dst, &dst, sizeof(dst));
}

static void assert_dropped(struct end e, enum lb_drop_reason reason)
{
	assert_int_equal(e.dropped, reason);
}

static struct frame_spec tcp(uint32_t client)
{
	return rig_to_vip("10.90.0.10", 80, IPPROTO_TCP, client);
}

/* The answer of the target in 'slot' to 's'. */
static struct frame_spec answer_of(const struct frame_spec *s, uint32_t slot, uint8_t tcp_flags)
{
	struct lb_ip target = rig_target(slot);
	struct frame_spec forwarded = rig_forwarded(s, 1, &target, RIG_TARGET_PORT);
	struct frame_spec answer = rig_answer(&forwarded);

	answer.tcp_flags = tcp_flags;
	return answer;
}

static struct lb_listener *listener_row(uint32_t i)
{
	return (struct lb_listener *)tables_fixture_at(
	               &rig->fx, rig->fx.generation->listeners_offset) +
	       i;
}

static uint32_t *epochs(void)
{
	return tables_fixture_at(&rig->fx, rig->fx.generation->epochs_offset);
}

static uint32_t *maglev(uint32_t listener)
{
	return (uint32_t *)(rig->fx.segment + listener_row(listener)->maglev_offset);
}

static uint32_t slot_of(struct lb_ip target)
{
	for (uint32_t slot = 0; slot < RIG_SLOTS; slot++) {
		struct lb_ip ip = rig_target(slot);

		if (lb_ip_equal(&ip, &target))
			return slot;
	}
	fail_msg("%s", "a packet went to no target");
	return LB_NO_SLOT;
}

static void a_flow_keeps_its_target_when_the_table_changes(void **state)
{
	struct frame_spec s = tcp(0);
	uint32_t slot = rig_slot(&s);

	assert_to(run(&s, 0), 1, rig_target(slot));
	for (uint32_t i = 0; i < RIG_MAGLEV; i++)
		maglev(0)[i] = (slot + 1) % 4;
	assert_to(run(&s, 0), 1, rig_target(slot));
	assert_to(run_flags(s, ACK), 1, rig_target(slot));
	s = tcp(1);
	assert_to(run(&s, 0), 1, rig_target((slot + 1) % 4));
}

static void an_answer_comes_from_the_virtual_address(void **state)
{
	struct frame_spec s = tcp(0), answer = answer_of(&s, rig_slot(&s), SYN | ACK);
	struct lb_ip vip = frame_ip("10.90.0.10");
	struct end e;

	run(&s, 0);
	e = run(&answer, 1);
	assert_to(e, 0, s.src);
	assert_memory_equal(&e.src, &vip, sizeof(vip));
}

static void packets_and_flows_are_counted_per_target_and_listener(void **state)
{
	struct frame_spec s = tcp(0), answer = answer_of(&s, rig_slot(&s), SYN | ACK);
	const struct lb_target_stats *ts = &rig->target_stats[rig_slot(&s)];
	const struct lb_listener_stats *ls = &rig->listener_stats[0];

	run(&s, 0);
	run_flags(s, ACK);
	run(&answer, 1);
	assert_int_equal(ts->packets_in, 2);
	assert_int_equal(ts->bytes_in, 2 * (20 + 20 + 18));
	assert_int_equal(ts->packets_out, 1);
	assert_int_equal(ts->bytes_out, 20 + 20 + 18);
	assert_int_equal(ts->flows_new, 1);
	assert_int_equal(ls->packets_in, 2);
	assert_int_equal(ls->packets_out, 1);
	assert_int_equal(ls->flows_new, 1);
	answer.tcp_flags = RST;
	run(&answer, 1);
	assert_int_equal(ts->resets_target, 1);
	assert_int_equal(ts->resets_client, 0);
	assert_int_equal(ls->drops, 0);
}

static void packets_of_a_flow_are_counted_where_it_is_asked_for(void **state)
{
	struct dp_flow_config config = {
	        .ipv4_flows = 64, .ipv6_flows = 64, .nb_workers = 1, .counters = true};
	struct frame_spec s = tcp(0), answer = answer_of(&s, rig_slot(&s), SYN | ACK);
	struct dp_flow_ended ended;

	dp_flow_close(rig->ctx.flows);
	assert_int_equal(dp_flow_open(&config, &rig->ctx.flows, NULL), 0);
	rig->ctx.tally = dp_flow_tally(rig->ctx.flows, 0);
	assert_non_null(rig->ctx.tally);
	assert_to(run(&s, 0), 1, rig_target(rig_slot(&s)));
	assert_to(run(&answer, 1), 0, s.src);
	assert_to(run_flags(s, RST), 1, rig_target(rig_slot(&s)));
	for (uint32_t i = 0; i < 32; i++)
		assert_int_equal(dp_flow_age(rig->ctx.flows, 0, 0, 1, NULL, 0, NULL, 1), 0);
	assert_int_equal(
	        dp_flow_age(rig->ctx.flows, 0, 64, rig->ctx.now + 100, NULL, 0, &ended, 1), 1);
	assert_int_equal(ended.state, DP_TCP_CLIENT_RESET);
	assert_int_equal(ended.counts.packets[DP_TO_TARGET], 2);
	assert_int_equal(ended.counts.bytes[DP_TO_TARGET], 2 * (20 + 20 + s.payload));
	assert_int_equal(ended.counts.packets[DP_TO_CLIENT], 1);
	assert_int_equal(ended.counts.bytes[DP_TO_CLIENT], 20 + 20 + s.payload);
	rig->ctx.tally = NULL;
}

static void worker_counters_say_what_happened(void **state)
{
	struct frame_spec s = tcp(0), answer = answer_of(&s, rig_slot(&s), SYN | ACK);
	const uint64_t *c = rig->stats.counters;
	struct frame f;

	frame_build(&f, &s);
	rig_run(rig, &f, 0);
	assert_int_equal(c[LB_COUNTER_TO_TARGET], 1);
	assert_int_equal(c[LB_COUNTER_FLOWS_NEW], 1);
	assert_int_equal(c[LB_COUNTER_FLOWS_ADOPTED], 0);
	assert_int_equal(c[LB_COUNTER_RECEIVED_BYTES], f.len);
	assert_int_equal(c[LB_COUNTER_FORWARDED_BYTES], f.len);
	frame_build(&f, &answer);
	rig_run(rig, &f, 1);
	assert_int_equal(c[LB_COUNTER_TO_CLIENT], 1);
	assert_int_equal(c[LB_COUNTER_RECEIVED], 2);
	assert_int_equal(c[LB_COUNTER_FORWARDED_BYTES], 2 * f.len);
	rig_clear(rig);
}

/* Connection tracking lost, or another node's flow: the choice is the one all nodes make. */
static void a_connection_without_a_flow_is_adopted(void **state)
{
	struct frame_spec s = tcp(0);
	struct frame f;

	s.tcp_flags = ACK;
	frame_build(&f, &s);
	rig_run(rig, &f, 0);
	assert_int_equal(rig->stats.counters[LB_COUNTER_FLOWS_NEW], 1);
	assert_int_equal(rig->stats.counters[LB_COUNTER_FLOWS_ADOPTED], 1);
	rig_clear(rig);
	assert_to(run_flags(s, ACK), 1, rig_target(rig_slot(&s)));
}

static void strays_of_no_flow_make_none(void **state)
{
	struct frame_spec s = tcp(0);

	assert_dropped(run_flags(s, RST), LB_DROP_TCP_NO_FLOW);
	assert_dropped(run_flags(s, RST | ACK), LB_DROP_TCP_NO_FLOW);
	assert_dropped(run_flags(s, SYN | ACK), LB_DROP_TCP_NO_FLOW);
	assert_int_equal(rig->listener_stats[0].flows_new, 0);
	assert_int_equal(rig->listener_stats[0].drops, 3);
}

static void what_is_not_ours_goes_to_the_kernel_as_it_came(void **state)
{
	struct frame_spec s = rig_to_vip("10.9.9.9", 22, IPPROTO_TCP, 0);
	struct rte_mbuf *m;
	struct frame f;
	uint16_t port;
	bool kernel;

	frame_build(&f, &s);
	rig_run(rig, &f, 0);
	m = rig_take(rig, &port, &kernel);
	assert_true(kernel);
	assert_int_equal(port, 0);
	assert_int_equal(rte_pktmbuf_pkt_len(m), f.len);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), f.bytes, f.len);
	assert_int_equal(rig->stats.counters[LB_COUNTER_KERNEL], 1);
	rte_pktmbuf_free(m);
}

static void a_port_whose_kernel_has_a_copy_frees_it(void **state)
{
	struct frame_spec s = rig_to_vip("10.9.9.9", 22, IPPROTO_TCP, 0);
	struct frame f;

	rig->ports[0].to_kernel_is_copy = true;
	frame_build(&f, &s);
	rig_run(rig, &f, 0);
	assert_int_equal(rig->stats.counters[LB_COUNTER_KERNEL], 1);
	assert_int_equal(rig->ctx.kernel[0].n, 0);
	assert_int_equal(rte_mempool_in_use_count(rig->pool), 0);
}

static void a_virtual_address_without_a_listener_drops(void **state)
{
	struct frame_spec s = rig_to_vip("10.90.0.10", 8081, IPPROTO_TCP, 0);

	assert_dropped(run(&s, 0), LB_DROP_NO_LISTENER);
	s = rig_to_vip("fd00:90::10", 80, IPPROTO_UDP, 0);
	assert_dropped(run(&s, 0), LB_DROP_NO_LISTENER);
}

static void a_group_that_cant_take_a_flow_drops(void **state)
{
	struct frame_spec s = rig_to_vip("10.90.0.10", 82, IPPROTO_TCP, 0);

	assert_dropped(run(&s, 0), LB_DROP_NO_TARGET);
	assert_int_equal(rig->listener_stats[3].drops, 1);
	s = tcp(0);
	listener_row(0)->group = 1;
	assert_dropped(run(&s, 0), LB_DROP_NO_TARGET);
	listener_row(0)->group = 0;
	((struct lb_group *)tables_fixture_at(&rig->fx, rig->fx.generation->groups_offset))->mode =
	        77;
	assert_dropped(run(&s, 0), LB_DROP_NO_TARGET);
}

static void a_target_of_the_other_family_or_without_a_port_is_passed_over(void **state)
{
	struct lb_target *targets = tables_fixture_at(&rig->fx, rig->fx.generation->targets_offset);
	struct frame_spec s = tcp(0);
	uint32_t slot = rig_slot(&s);

	targets[slot].ip = frame_ip("fd00:1::99");
	targets[(slot + 1) % 4].port = 0;
	assert_to(run(&s, 0), 1, rig_target((slot + 2) % 4));
	for (uint32_t i = 0; i < 4; i++)
		targets[i].port = 0;
	s = tcp(1);
	assert_dropped(run(&s, 0), LB_DROP_NO_TARGET);
}

static void sources_that_no_host_has_are_refused(void **state)
{
	static const char *const sources[] = {
	        "0.1.2.3", "127.0.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "10.90.0.11"};
	static const char *const sources6[] = {"::", "::1", "ff02::1", "fd00:90::10"};
	struct frame_spec s = tcp(0), s6 = rig_to_vip("fd00:90::10", 80, IPPROTO_TCP, 0);

	for (uint32_t i = 0; i < RTE_DIM(sources); i++) {
		s.src = frame_ip(sources[i]);
		assert_dropped(run(&s, 0), LB_DROP_IP_BAD_SOURCE);
	}
	for (uint32_t i = 0; i < RTE_DIM(sources6); i++) {
		s6.src = frame_ip(sources6[i]);
		assert_dropped(run(&s6, 0), LB_DROP_IP_BAD_SOURCE);
	}
}

static void a_ttl_is_used_up_in_both_directions(void **state)
{
	for (uint32_t v6 = 0; v6 < 2; v6++) {
		struct frame_spec s =
		        rig_to_vip(v6 ? "fd00:90::10" : "10.90.0.10", 80, IPPROTO_TCP, 0);
		struct frame_spec answer = answer_of(&s, rig_slot(&s), SYN | ACK);

		s.ttl = 1;
		assert_dropped(run(&s, 0), LB_DROP_TTL_EXPIRED);
		assert_int_equal(rig->listener_stats[v6 ? 5 : 0].flows_new, 0);
		s.ttl = 2;
		assert_to(run(&s, 0), 1, rig_target(rig_slot(&s)));
		s.ttl = 0;
		assert_dropped(run(&s, 0), LB_DROP_TTL_EXPIRED);
		answer.ttl = 1;
		assert_dropped(run(&answer, 1), LB_DROP_TTL_EXPIRED);
		answer.ttl = 2;
		assert_to(run(&answer, 1), 0, s.src);
	}
}

static void a_flow_whose_target_is_gone_ends(void **state)
{
	struct frame_spec s = tcp(0), answer = answer_of(&s, rig_slot(&s), ACK);
	uint32_t slot = rig_slot(&s);

	run(&s, 0);
	epochs()[slot]++;
	assert_dropped(run_flags(s, ACK), LB_DROP_TARGET_GONE);
	assert_int_equal(rig->target_stats[slot].flows_ended, 1);
	assert_int_equal(rig->listener_stats[0].flows_ended, 1);
	s = tcp(1);
	slot = rig_slot(&s);
	run(&s, 0);
	epochs()[slot] = 0;
	answer = answer_of(&s, slot, ACK);
	assert_dropped(run(&answer, 1), LB_DROP_TARGET_GONE);
	assert_true(run(&answer, 1).kernel);
}

static void what_can_begin_a_flow_goes_on_to_another_target(void **state)
{
	struct frame_spec s = tcp(0), u = rig_to_vip("10.90.0.10", 53, IPPROTO_UDP, 5);

	run(&s, 0);
	epochs()[rig_slot(&s)] = 0;
	assert_to(run(&s, 0), 1, rig_target((rig_slot(&s) + 1) % 4));
	epochs()[rig_slot(&s)] = 9;
	run(&u, 0);
	epochs()[rig_slot(&u)] = 0;
	assert_to(run(&u, 0), 1, rig_target((rig_slot(&u) + 1) % 4));
}

static void a_syn_over_a_flow_that_was_reset_begins_another(void **state)
{
	struct frame_spec s = tcp(0);
	uint32_t slot = rig_slot(&s);

	run(&s, 0);
	run_flags(s, RST);
	for (uint32_t i = 0; i < RIG_MAGLEV; i++)
		maglev(0)[i] = (slot + 1) % 4;
	assert_to(run_flags(s, RST), 1, rig_target(slot));
	assert_to(run(&s, 0), 1, rig_target((slot + 1) % 4));
	assert_int_equal(rig->target_stats[slot].flows_ended, 1);
	assert_int_equal(rig->target_stats[(slot + 1) % 4].flows_new, 1);
}

/* One client port through two virtual addresses to one target: the answers could not be told
 * apart, so the second flow gets another target. */
static void a_flow_that_would_collide_takes_the_next_target(void **state)
{
	struct frame_spec a = tcp(0), b = a, answer;
	struct lb_ip vip = frame_ip("10.90.0.11");
	struct end e;

	b.dst = vip;
	/* everything goes to slot 1, and nearby there is slot 3 */
	for (uint32_t i = 0; i < RIG_MAGLEV; i++) {
		maglev(0)[i] = 1;
		maglev(4)[i] = i % 8 == 0 ? 3 : 1;
	}
	if (maglev(4)[rig_place(&b)] == 3)
		maglev(4)[rig_place(&b)] = 1;
	assert_to(run(&a, 0), 1, rig_target(1));
	assert_to(run(&b, 0), 1, rig_target(3));
	assert_int_equal(rig->listener_stats[4].flows_new, 1);
	answer = answer_of(&b, 3, SYN | ACK);
	e = run(&answer, 1);
	assert_memory_equal(&e.src, &vip, sizeof(vip));
	answer = answer_of(&a, 1, SYN | ACK);
	e = run(&answer, 1);
	assert_memory_equal(&e.src, &a.dst, sizeof(vip));
}

static void a_second_choice_is_counted(void **state)
{
	struct frame_spec a = tcp(0), b = a;
	struct frame f;

	b.dst = frame_ip("10.90.0.11");
	for (uint32_t i = 0; i < RIG_MAGLEV; i++)
		maglev(0)[i] = maglev(4)[rig_place(&b)];
	run(&a, 0);
	memset(&rig->stats, 0, sizeof(rig->stats));
	frame_build(&f, &b);
	rig_run(rig, &f, 0);
	assert_int_equal(rig->stats.counters[LB_COUNTER_FLOWS_RESELECTED], 1);
	assert_int_equal(rig->stats.counters[LB_COUNTER_FLOWS_NEW], 1);
	rig_clear(rig);
}

static void a_collision_with_every_target_drops(void **state)
{
	struct frame_spec a = tcp(0), b = a;

	b.dst = frame_ip("10.90.0.11");
	for (uint32_t i = 0; i < RIG_MAGLEV; i++)
		maglev(0)[i] = maglev(4)[i] = 1;
	assert_to(run(&a, 0), 1, rig_target(1));
	assert_dropped(run(&b, 0), LB_DROP_FLOW_COLLISION);
	assert_int_equal(rig->listener_stats[4].drops, 1);
	assert_to(run(&a, 0), 1, rig_target(1));
}

static void stickiness_by_source_ip_ignores_the_port(void **state)
{
	struct frame_spec s = rig_to_vip("10.90.0.10", 81, IPPROTO_TCP, 3);
	struct lb_ip target = rig_target(rig_slot(&s));

	for (uint32_t i = 0; i < 50; i++) {
		s.src_port++;
		assert_to(run(&s, 0), 1, target);
	}
}

static void flows_while_all_targets_are_unhealthy_are_counted(void **state)
{
	struct lb_group *group = tables_fixture_at(&rig->fx, rig->fx.generation->groups_offset);
	struct frame_spec s = tcp(0);

	group->flags = LB_GROUP_FAIL_OPEN;
	run(&s, 0);
	assert_int_equal(rig->listener_stats[0].fail_open_flows, 1);
}

static void a_full_flow_table_says_so(void **state)
{
	uint32_t full = 0;

	for (uint32_t i = 0; i < 20000 && full == 0; i++) {
		struct frame_spec s = tcp(i);
		struct end e;

		e = run(&s, 0);
		/* established flows are not evicted: the answer makes it one */
		if (e.dropped == NO_DROP) {
			struct frame_spec answer = answer_of(&s, slot_of(e.dst), SYN | ACK);

			run(&answer, 1);
			run_flags(s, ACK);
		} else {
			assert_dropped(e, LB_DROP_FLOW_TABLE_FULL);
			full++;
		}
	}
	assert_int_equal(full, 1);
}

static void a_client_port_has_its_share_of_flows(void **state)
{
	struct frame_spec s = tcp(0);
	uint32_t nb = 0;

	/* three listeners of the rig are reached from one client port; the limit is 2 */
	const uint16_t ports[] = {80, 81};

	for (uint32_t i = 0; i < RTE_DIM(ports); i++) {
		s.dst_port = ports[i];
		nb += run(&s, 0).dropped == NO_DROP;
	}
	assert_int_equal(nb, 2);
	s = tcp(0);
	s.dst = frame_ip("10.90.0.11");
	assert_dropped(run(&s, 0), LB_DROP_FLOW_CLIENT_LIMIT);
}

/* The flow table keeps a list of IPv6 virtual addresses; here all its places are others'. */
static void a_virtual_address_that_finds_no_place_drops(void **state)
{
	struct frame_spec s = rig_to_vip("fd00:90::10", 80, IPPROTO_TCP, 1), ip4 = tcp(0);
	struct dp_flow_table *t = rig->ctx.flows;

	s.tcp_flags = SYN;
	for (uint32_t i = 0; i < t->nb_vips; i++)
		t->vips[i] = (struct flow_vip){{1 + i, 1}};
	assert_dropped(run(&s, 0), LB_DROP_FLOW_VIP_LIMIT);
	assert_int_equal(run(&ip4, 0).dropped, NO_DROP);
	memset(t->vips, 0, t->nb_vips * sizeof(*t->vips));
	assert_int_equal(run(&s, 0).dropped, NO_DROP);
}

static void without_tables_flows_wait_and_nothing_ends(void **state)
{
	struct frame_spec s = tcp(0), answer = answer_of(&s, rig_slot(&s), SYN | ACK);
	struct dp_tables tables = rig->ctx.tables;

	run(&s, 0);
	memset(&rig->ctx.tables, 0, sizeof(rig->ctx.tables));
	assert_dropped(run(&answer, 1), LB_DROP_NO_TABLES);
	assert_true(run(&s, 0).kernel);
	rig->ctx.tables = tables;
	assert_to(run(&answer, 1), 0, s.src);
}

/* Packets 's', which 'port' receives, to 'hop', which a route to prefix/depth leads to. */
static void assert_verdicts(const struct frame_spec *s, uint16_t port, const struct lb_ip *hop,
        const char *prefix, uint8_t depth)
{
	static const struct {
		enum dp_adj_kind kind;
		enum lb_drop_reason reason;
	} cases[] = {{DP_ADJ_NONE, LB_DROP_NO_ROUTE}, {DP_ADJ_UNRESOLVED, LB_DROP_NO_NEIGHBOUR},
	        {DP_ADJ_FOREIGN, LB_DROP_NO_PORT}, {DP_ADJ_LOCAL, NO_DROP},
	        {DP_ADJ_FORWARD, NO_DROP}};

	for (uint32_t i = 0; i < RTE_DIM(cases); i++) {
		struct dp_adj adj = rig_adj(1 - port);
		struct lb_ip wanted;
		uint32_t ifindex;
		struct end e;

		adj.kind = cases[i].kind;
		rig_route(rig, prefix, depth, &adj);
		e = run(s, port);
		assert_int_equal(e.dropped, cases[i].reason);
		assert_int_equal(e.kernel, cases[i].kind == DP_ADJ_LOCAL);
		assert_int_equal(dp_fib_wanted(rig->ctx.fib, &wanted, &ifindex),
		        cases[i].kind == DP_ADJ_UNRESOLVED);
		if (cases[i].kind == DP_ADJ_UNRESOLVED) {
			assert_memory_equal(&wanted, hop, sizeof(*hop));
			assert_int_equal(ifindex, adj.ifindex);
		}
	}
}

static void every_kind_of_adjacency_has_its_verdict(void **state)
{
	struct frame_spec v4 = tcp(0), v6 = rig_to_vip("fd00:90::10", 80, IPPROTO_TCP, 0);
	struct frame_spec answer4 = answer_of(&v4, rig_slot(&v4), SYN | ACK);
	struct frame_spec answer6 = answer_of(&v6, rig_slot(&v6), SYN | ACK);

	assert_verdicts(&v4, 0, &answer4.src, "10.1.0.0", 16);
	assert_verdicts(&v6, 0, &answer6.src, "fd00:1::", 64);
	assert_verdicts(&answer4, 1, &v4.src, "192.0.0.0", 8);
	assert_verdicts(&answer6, 1, &v6.src, "2001:db8::", 32);
}

static void a_destination_without_a_route_drops(void **state)
{
	struct frame_spec s = tcp(0), answer;

	s.src = frame_ip("203.0.113.1");
	answer = answer_of(&s, rig_slot(&s), SYN | ACK);
	assert_int_equal(run(&s, 0).dropped, NO_DROP);
	assert_dropped(run(&answer, 1), LB_DROP_NO_ROUTE);
}

static void a_local_target_behind_a_copying_port_cant_be_reached(void **state)
{
	struct dp_adj adj = rig_adj(1);
	struct frame_spec s = tcp(0);

	adj.kind = DP_ADJ_LOCAL;
	rig_route(rig, "10.1.0.0", 16, &adj);
	rig->ports[0].to_kernel_is_copy = true;
	assert_dropped(run(&s, 0), LB_DROP_NO_PORT);
}

static void the_mtu_of_the_way_out_counts(void **state)
{
	struct dp_adj adj = rig_adj(1);
	struct frame_spec s = tcp(0);

	adj.mtu = 1000;
	rig_route(rig, "10.1.0.0", 16, &adj);
	s.payload = 1000 - 40;
	assert_to(run(&s, 0), 1, rig_target(rig_slot(&s)));
	s.payload++;
	assert_dropped(run(&s, 0), LB_DROP_TOO_BIG);
}

static void no_headroom_for_a_tag_drops(void **state)
{
	struct dp_adj adj = rig_adj(1);
	struct frame_spec s = tcp(0);
	struct rte_mbuf *m;
	struct frame f;

	adj.nb_tags = 1;
	rig_route(rig, "10.1.0.0", 16, &adj);
	frame_build(&f, &s);
	m = rte_pktmbuf_alloc(rig->pool);
	m->data_off = 2;
	memcpy(rte_pktmbuf_append(m, (uint16_t)f.len), f.bytes, f.len);
	assert_dropped(run_mbuf(m, 0), LB_DROP_NO_MBUF);
}

static void what_a_port_did_not_take_becomes_a_drop(void **state)
{
	static const struct {
		const char *dst;
		enum lb_counter counted;
		enum lb_drop_reason reason;
	} cases[] = {{"10.90.0.10", LB_COUNTER_TO_TARGET, LB_DROP_TX_FULL},
	        {"10.9.9.9", LB_COUNTER_KERNEL, LB_DROP_KERNEL_FULL}};

	for (uint32_t i = 0; i < RTE_DIM(cases); i++) {
		struct frame_spec s = rig_to_vip(cases[i].dst, 80, IPPROTO_TCP, 0);
		struct rte_mbuf *m;
		struct frame f;
		uint16_t port;
		bool kernel;

		frame_build(&f, &s);
		rig_run(rig, &f, 0);
		assert_int_equal(rig->stats.counters[cases[i].counted], 1);
		m = rig_take(rig, &port, &kernel);
		dp_pipeline_unsent(&rig->ctx, m, cases[i].counted, cases[i].reason);
		assert_int_equal(rig->stats.counters[cases[i].counted], 0);
		assert_int_equal(rig->stats.counters[LB_COUNTER_FORWARDED_BYTES], 0);
		assert_true(rig_conserves(rig));
		assert_int_equal(rig_dropped(rig), cases[i].reason);
	}
	assert_int_equal(rte_mempool_in_use_count(rig->pool), 0);
}

static void two_packets_of_a_new_flow_in_one_burst_share_it(void **state)
{
	struct frame_spec s = tcp(0);
	struct rte_mbuf *pkts[2];
	struct frame f;

	frame_build(&f, &s);
	for (uint32_t i = 0; i < 2; i++)
		pkts[i] = rig_mbuf(rig, f.bytes, f.len);
	dp_pipeline_run(&rig->ctx, pkts, 2, 0);
	assert_int_equal(rig->ctx.out[1].n, 2);
	assert_int_equal(rig->stats.counters[LB_COUNTER_FLOWS_NEW], 1);
	assert_memory_equal(rte_pktmbuf_mtod(rig->ctx.out[1].pkts[0], void *),
	        rte_pktmbuf_mtod(rig->ctx.out[1].pkts[1], void *), f.len);
	rig_clear(rig);
}

static void idle_flows_age_and_are_counted(void **state)
{
	struct frame_spec s = tcp(0), u = rig_to_vip("10.90.0.10", 53, IPPROTO_UDP, 7);

	run(&s, 0);
	run(&u, 0);
	memset(&rig->stats, 0, sizeof(rig->stats));
	rig->ctx.now += 121;
	for (uint32_t i = 0; i < 1000; i++)
		dp_pipeline_age(&rig->ctx, 64);
	assert_int_equal(rig->stats.counters[LB_COUNTER_FLOWS_ENDED], 2);
	assert_int_equal(rig->stats.counters[LB_COUNTER_FLOWS_EXPIRED], 2);
	assert_int_equal(rig->listener_stats[1].flows_ended, 1);
	assert_int_equal(rig->target_stats[rig_slot(&u)].flows_ended, 1);
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* A good packet of some kind, or what is left of one. */
static struct rte_mbuf *random_packet(uint64_t *random, uint16_t port)
{
	static const char *const dsts[] = {"10.90.0.10", "10.90.0.11", "fd00:90::10", "10.9.9.9"};
	uint64_t r = next_random(random);
	struct frame_spec s = rig_to_vip(dsts[r & 3], r & 4 ? 80 : 53,
	        r & 8 ? IPPROTO_TCP : IPPROTO_UDP, (uint32_t)(r >> 32) % 500);
	struct rte_mbuf *m;
	struct frame f;

	s.tcp_flags = (uint8_t)(r >> 16);
	s.ttl = r & 16 ? 64 : (uint8_t)(r >> 24 & 3);
	s.nb_tags = (r >> 5) % 4;
	s.tpid[0] = s.tpid[1] = s.tpid[2] = 0x8100;
	if (port == 1)
		s = answer_of(&s, (uint32_t)(r >> 40) % 8, s.tcp_flags);
	frame_build(&f, &s);
	for (uint32_t i = r >> 60 & 3; i > 0; i--)
		f.bytes[next_random(random) % f.len] = (uint8_t)next_random(random);
	if ((r >> 58 & 3) == 0)
		f.len = 1 + (uint32_t)(next_random(random) % f.len);
	m = rig_mbuf(rig, f.bytes, f.len);
	m->ol_flags |= (r >> 50 & 1) ? RTE_MBUF_F_RX_L4_CKSUM_NONE : 0;
	return m;
}

static void no_packet_is_lost_or_counted_twice(void **state)
{
	uint64_t random = UINT64_C(0x2545f4914f6cdd1d);

	for (uint32_t burst = 0; burst < 20000; burst++) {
		struct rte_mbuf *pkts[DP_BURST];
		uint16_t port = burst & 1, n = (uint16_t)(next_random(&random) % (DP_BURST + 1));
		uint32_t queued = 0;

		for (uint16_t i = 0; i < n; i++)
			pkts[i] = random_packet(&random, port);
		dp_pipeline_run(&rig->ctx, pkts, n, port);
		for (uint32_t i = 0; i < DP_MAX_PORTS; i++)
			queued += rig->ctx.out[i].n + rig->ctx.kernel[i].n;
		assert_true(rig_conserves(rig));
		assert_int_equal(rte_mempool_in_use_count(rig->pool), queued);
		rig_clear(rig);
	}
	assert_true(rig->stats.counters[LB_COUNTER_TO_TARGET] > 1000);
	assert_true(rig->stats.counters[LB_COUNTER_TO_CLIENT] > 100);
	assert_true(rig->stats.counters[LB_COUNTER_KERNEL] > 1000);
}

static int set_up(void **state)
{
	struct rig_config config = {.flows = 1024, .packets = 127, .client_limit = 2};

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
	        CASE(a_flow_keeps_its_target_when_the_table_changes),
	        CASE(an_answer_comes_from_the_virtual_address),
	        CASE(packets_and_flows_are_counted_per_target_and_listener),
	        CASE(packets_of_a_flow_are_counted_where_it_is_asked_for),
	        CASE(worker_counters_say_what_happened),
	        CASE(a_virtual_address_that_finds_no_place_drops),
	        CASE(a_connection_without_a_flow_is_adopted),
	        CASE(strays_of_no_flow_make_none),
	        CASE(what_is_not_ours_goes_to_the_kernel_as_it_came),
	        CASE(a_port_whose_kernel_has_a_copy_frees_it),
	        CASE(a_virtual_address_without_a_listener_drops),
	        CASE(a_group_that_cant_take_a_flow_drops),
	        CASE(a_target_of_the_other_family_or_without_a_port_is_passed_over),
	        CASE(sources_that_no_host_has_are_refused),
	        CASE(a_ttl_is_used_up_in_both_directions),
	        CASE(a_flow_whose_target_is_gone_ends),
	        CASE(what_can_begin_a_flow_goes_on_to_another_target),
	        CASE(a_syn_over_a_flow_that_was_reset_begins_another),
	        CASE(a_flow_that_would_collide_takes_the_next_target),
	        CASE(a_second_choice_is_counted),
	        CASE(a_collision_with_every_target_drops),
	        CASE(stickiness_by_source_ip_ignores_the_port),
	        CASE(flows_while_all_targets_are_unhealthy_are_counted),
	        CASE(a_full_flow_table_says_so),
	        CASE(a_client_port_has_its_share_of_flows),
	        CASE(without_tables_flows_wait_and_nothing_ends),
	        CASE(every_kind_of_adjacency_has_its_verdict),
	        CASE(a_destination_without_a_route_drops),
	        CASE(a_local_target_behind_a_copying_port_cant_be_reached),
	        CASE(the_mtu_of_the_way_out_counts),
	        CASE(no_headroom_for_a_tag_drops),
	        CASE(what_a_port_did_not_take_becomes_a_drop),
	        CASE(two_packets_of_a_new_flow_in_one_burst_share_it),
	        CASE(idle_flows_age_and_are_counted),
	        CASE(no_packet_is_lost_or_counted_twice),
	};

	return cmocka_run_group_tests_name("pipeline", tests, NULL, NULL);
}
