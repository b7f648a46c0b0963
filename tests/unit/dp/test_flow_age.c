/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The sweep over the flow table, with the clock passed in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <cmocka.h>

#include "flow_fixture.h"

static uint32_t sweep(struct dp_flow_table *t, uint32_t now, const uint32_t *epochs,
        uint32_t nb_slots, struct dp_flow_ended *ended, uint32_t room)
{
	return dp_flow_age(t, 0, t->nb_buckets, now, epochs, nb_slots, ended, room);
}

#define OWN_TIMEOUT 0 /* that the flow was made with */

struct timeout_case {
	const char *name;
	uint8_t protocol;
	uint8_t in, out; /* flags of a packet each way after the first; 0xff: none */
	uint32_t timeout;
};

static void each_state_has_its_timeout(void **state)
{
	const struct timeout_case cases[] = {
	        {"half-open", IPPROTO_TCP, 0xff, 0xff, DP_TCP_HALF_OPEN_TIMEOUT_S},
	        {"syn received", IPPROTO_TCP, 0xff, TCP_SYN | TCP_ACK, DP_TCP_HALF_OPEN_TIMEOUT_S},
	        {"established", IPPROTO_TCP, TCP_ACK, TCP_SYN | TCP_ACK, OWN_TIMEOUT},
	        {"half-closed", IPPROTO_TCP, TCP_FIN, TCP_SYN | TCP_ACK, OWN_TIMEOUT},
	        {"reset", IPPROTO_TCP, 0xff, TCP_RST, DP_TCP_CLOSING_TIMEOUT_S},
	        {"udp", IPPROTO_UDP, 0xff, 0xff, 120},
	        {"udp answered", IPPROTO_UDP, 0xff, 0, 120},
	        {"udp open", IPPROTO_UDP, 0, 0, 120},
	};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int v6 = 0; v6 < 2; v6++) {
			const struct timeout_case *c = &cases[i];
			struct dp_flow_table *t = flow_table(10, 10);
			struct spec s = {1, 4000, 1, 7, c->protocol, v6};
			struct dp_flow_ended ended;
			bool tcp = c->protocol == IPPROTO_TCP;
			uint32_t timeout = c->timeout != OWN_TIMEOUT
			                           ? c->timeout
			                           : flow_target(&s).idle_timeout_s;

			flow_put(t, 0, &s, tcp ? TCP_SYN : 0, 50);
			if (c->out != 0xff)
				assert_true(flow_see(t, &s, DP_TO_CLIENT, c->out, 100));
			if (c->in != 0xff)
				assert_true(flow_see(t, &s, DP_TO_TARGET, c->in, 100));
			if (c->in == 0xff && c->out == 0xff)
				assert_true(flow_see(t, &s, DP_TO_TARGET, tcp ? TCP_SYN : 0, 100));
			print_message("%s\n", c->name);
			assert_int_equal(sweep(t, 100 + timeout, NULL, 0, &ended, 1), 0);
			assert_null(flow_wrong(t, &s));
			assert_int_equal(sweep(t, 101 + timeout, NULL, 0, &ended, 1), 1);
			assert_int_equal(ended.reason, LB_COUNTER_FLOWS_EXPIRED);
			assert_int_equal(ended.slot, 7);
			assert_non_null(flow_wrong(t, &s));
			assert_int_equal(flow_used(t), 0);
			dp_flow_close(t);
		}
}

/* The only flow of 't', last seen at second 100, ends after 'timeout' seconds and no sooner. */
static void assert_timeout(struct dp_flow_table *t, uint32_t timeout, uint8_t state)
{
	struct dp_flow_ended ended;

	assert_int_equal(sweep(t, 100 + timeout, NULL, 0, &ended, 1), 0);
	assert_int_equal(sweep(t, 101 + timeout, NULL, 0, &ended, 1), 1);
	assert_int_equal(ended.reason, LB_COUNTER_FLOWS_EXPIRED);
	assert_int_equal(ended.state, state);
	assert_int_equal(flow_used(t), 0);
	dp_flow_close(t);
}

/* Both sides closed, the one or the other first; a connection that was never seen to begin. */
static void closed_and_adopted_flows_have_theirs(void **state)
{
	for (uint32_t first = 0; first < 2; first++) {
		struct dp_flow_table *t = flow_table(10, 0);
		struct spec s = {1, 4000, 1, 7, 0, false};

		assert_true(flow_open(t, 0, &s, 50));
		assert_true(flow_see(t, &s, first, TCP_FIN | TCP_ACK, 99));
		assert_true(flow_see(t, &s, !first, TCP_FIN | TCP_ACK, 100));
		assert_timeout(t, DP_TCP_CLOSING_TIMEOUT_S,
		        first == DP_TO_TARGET ? DP_TCP_CLIENT_CLOSED : DP_TCP_TARGET_CLOSED);
		t = flow_table(10, 0);
		assert_int_equal(flow_put(t, 0, &s, TCP_ACK, 100).result, DP_FLOW_INSERTED);
		assert_timeout(t, DP_TCP_HALF_OPEN_TIMEOUT_S, DP_TCP_ADOPTED);
	}
}

/* The ends of tcp.idle_timeout.seconds. */
static void an_open_flow_has_its_listener_s_idle_timeout(void **state)
{
	const uint16_t timeouts_s[] = {60, 6000};

	for (uint32_t i = 0; i < 4; i++) {
		struct dp_flow_table *t = flow_table(10, 10);
		struct spec s = {1, 4000, 1, 7, 0, i % 2};
		struct dp_flow_key key = flow_key(&s, DP_TO_TARGET);
		struct dp_flow_target target = flow_target(&s);

		target.idle_timeout_s = timeouts_s[i / 2];
		assert_int_equal(
		        flow_put_key(t, 0, &key, &target, TCP_SYN, 99).result, DP_FLOW_INSERTED);
		assert_true(flow_see(t, &s, DP_TO_CLIENT, TCP_SYN | TCP_ACK, 99));
		assert_true(flow_see(t, &s, DP_TO_TARGET, TCP_ACK, 100));
		assert_timeout(t, timeouts_s[i / 2], DP_TCP_ESTABLISHED);
	}
}

static void clock_behind_expires_nothing(void **state)
{
	struct dp_flow_table *t = flow_table(10, 0);
	struct spec s = {1, 4000, 1, 7, 0, false};
	struct dp_flow_ended ended;

	flow_put(t, 0, &s, TCP_SYN, 1000);
	assert_int_equal(sweep(t, 10, NULL, 0, &ended, 1), 0);
	dp_flow_close(t);
}

static void other_epoch_ends_the_flow(void **state)
{
	struct dp_flow_table *t = flow_table(10, 10);
	struct spec a = {1, 4000, 1, 2, 0, false}, b = {1, 4000, 1, 3, 0, true},
	            c = {2, 4000, 1, 9, 0, true};
	uint32_t epochs[4] = {0, 0, 1002, 1003};
	struct dp_flow_ended ended[4];

	assert_true(flow_open(t, 0, &a, 1));
	assert_true(flow_open(t, 0, &b, 1));
	assert_int_equal(sweep(t, 1, epochs, 4, ended, 4), 0);
	epochs[2]++;
	assert_int_equal(sweep(t, 1, epochs, 4, ended, 4), 1);
	assert_int_equal(ended[0].slot, 2);
	assert_int_equal(ended[0].reason, LB_COUNTER_FLOWS_TARGET_GONE);
	assert_non_null(flow_wrong(t, &a));
	assert_null(flow_wrong(t, &b));
	/* A slot that the tables do not have. */
	assert_true(flow_open(t, 0, &c, 1));
	assert_int_equal(sweep(t, 1, epochs, 4, ended, 4), 1);
	assert_int_equal(ended[0].slot, 9);
	dp_flow_close(t);
}

/* Each worker sweeps its share, in slices, with little room for what it finds; together, all. */
static void shares_and_slices_cover_the_table(void **state)
{
	struct dp_flow_config config = flow_small(1000, 500);
	struct dp_flow_ended ended[3];
	struct dp_flow_table *t;
	uint32_t n = 0;

	config.nb_workers = 3;
	t = flow_table_open(&config, NULL);
	for (uint32_t i = 0; i < 900; i++)
		flow_put(t, i % 4, &(struct spec){i, 4000, 1, 7, 0, i % 3 == 0}, TCP_SYN, 1);
	for (uint32_t round = 0; round < 400; round++)
		for (uint32_t w = 0; w < 3; w++)
			n += dp_flow_age(t, w, 11, 100, NULL, 0, ended, 3);
	assert_int_equal(n, 900);
	assert_int_equal(flow_used(t), 0);
	dp_flow_close(t);
}

/* More than go through the sweep's loops together. */
static void one_call_ends_any_number(void **state)
{
	struct dp_flow_table *t = flow_table(1000, 1000);
	struct dp_flow_ended ended[1000];

	for (uint32_t i = 0; i < 1000; i++)
		flow_put(t, 0, &(struct spec){i, 4000, 1, 7, 0, i % 2}, TCP_SYN, 1);
	assert_int_equal(sweep(t, 100, NULL, 0, ended, 1000), 1000);
	assert_int_equal(flow_used(t), 0);
	dp_flow_close(t);
}

/* 128 flows, of one client's port: 14 lines hang on its bucket. */
static struct dp_flow_table *crowded_table(void)
{
	struct dp_flow_config config = flow_small(5, 400);
	struct spec s = {1, 4000, 0, 0, 0, true};
	struct dp_flow_table *t;

	config.client_limit = 128;
	t = flow_table_open(&config, NULL);
	for (; s.vip < 128; s.vip++, s.target++)
		assert_int_equal(flow_put(t, 0, &s, TCP_SYN, 1).result, DP_FLOW_INSERTED);
	return t;
}

/* Though each call has room for few of them. */
static void a_crowded_bucket_is_swept_to_its_end(void **state)
{
	const uint32_t rooms[] = {1, 5, 128};

	for (uint32_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		struct dp_flow_table *t = crowded_table();
		struct dp_flow_usage usage;
		struct dp_flow_ended ended[128];

		for (uint32_t left = 128; left > 0;) {
			uint32_t n = left < rooms[i] ? left : rooms[i];

			assert_int_equal(sweep(t, 100, NULL, 0, ended, n), n);
			left -= n;
		}
		dp_flow_usage(t, &usage);
		assert_int_equal(usage.used[1], 0);
		assert_int_equal(usage.overflow_lines_used, 0);
		dp_flow_close(t);
	}
}

static void a_held_bucket_is_left_to_the_next_round(void **state)
{
	struct dp_flow_table *t = crowded_table();
	struct dp_flow_ended ended[128];

	for (uint32_t bucket = 0; bucket < t->nb_buckets; bucket++)
		t->lines[bucket].version++;
	assert_int_equal(sweep(t, 100, NULL, 0, ended, 128), 0);
	for (uint32_t bucket = 0; bucket < t->nb_buckets; bucket++)
		t->lines[bucket].version++;
	assert_int_equal(sweep(t, 100, NULL, 0, ended, 128), 128);
	dp_flow_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_state_has_its_timeout),
	        cmocka_unit_test(closed_and_adopted_flows_have_theirs),
	        cmocka_unit_test(an_open_flow_has_its_listener_s_idle_timeout),
	        cmocka_unit_test(clock_behind_expires_nothing),
	        cmocka_unit_test(other_epoch_ends_the_flow),
	        cmocka_unit_test(shares_and_slices_cover_the_table),
	        cmocka_unit_test(one_call_ends_any_number),
	        cmocka_unit_test(a_crowded_bucket_is_swept_to_its_end),
	        cmocka_unit_test(a_held_bucket_is_left_to_the_next_round),
	};

	return cmocka_run_group_tests_name("flow_age", tests, NULL, NULL);
}
