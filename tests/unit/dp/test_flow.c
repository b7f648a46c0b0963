/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The flow table in one process: hashing, matching, limits, what a packet notes, listings.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <cmocka.h>

#include "flow_entry.h"
#include "flow_fixture.h"

/* The naive twin: one input, a byte at a time, after the paper's text. */
static uint64_t siphash13_of_bytes(const uint64_t key[2], const uint8_t *bytes, uint32_t n)
{
	uint64_t v[4] = {key[0] ^ UINT64_C(0x736f6d6570736575),
	        key[1] ^ UINT64_C(0x646f72616e646f6d), key[0] ^ UINT64_C(0x6c7967656e657261),
	        key[1] ^ UINT64_C(0x7465646279746573)};

#define ROTATE(x, by) (x = x << by | x >> (64 - by))
	for (uint32_t i = 0; i < n / 8 + 4; i++) {
		uint64_t m = i == n / 8 ? (uint64_t)n << 56 : 0;

		for (uint32_t b = 0; b < 8 && i * 8 + b < n; b++)
			m |= (uint64_t)bytes[i * 8 + b] << 8 * b;
		if (i == n / 8 + 1)
			v[2] ^= 0xff;
		v[3] ^= m;
		v[0] += v[1], ROTATE(v[1], 13), v[1] ^= v[0], ROTATE(v[0], 32);
		v[2] += v[3], ROTATE(v[3], 16), v[3] ^= v[2];
		v[0] += v[3], ROTATE(v[3], 21), v[3] ^= v[0];
		v[2] += v[1], ROTATE(v[1], 17), v[1] ^= v[2], ROTATE(v[2], 32);
		v[0] ^= m;
	}
#undef ROTATE
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* From CPython 3.11's hash() of bytes with PYTHONHASHSEED=0: SipHash-1-3, key 0. */
static void twin_hash_is_siphash_1_3(void **state)
{
	const uint8_t seven[] = {10, 0, 0, 1, 0x1f, 0x90, 6};
	const uint64_t key[2] = {0, 0};
	uint8_t bytes[19];

	for (uint8_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i;
	assert_int_equal(siphash13_of_bytes(key, seven, 7), UINT64_C(0x83c8e45ccfac54a8));
	assert_int_equal(siphash13_of_bytes(key, bytes, 8), UINT64_C(0xead411e67ebe2eea));
	assert_int_equal(siphash13_of_bytes(key, bytes, 19), UINT64_C(0x091f4a3329f87d19));
}

/* Bursts of every length, families mixed: each key's hash is the twin's, of the client's side
 * (address, port, protocol) and nothing else. */
static void burst_hashes_are_the_twin_s(void **state)
{
	struct dp_flow_table *t = flow_table(10, 10);
	struct dp_flow_key keys[64];
	struct dp_flow flows[64];
	uint64_t hashes[64];

	for (uint32_t n = 1; n <= 64; n++) {
		for (uint32_t i = 0; i < n; i++) {
			struct spec s = {i * n, (uint16_t)(i * 77), 1, 2,
			        i % 5 ? IPPROTO_TCP : IPPROTO_UDP, i * i % 7 == n % 3};

			keys[i] = flow_key(&s, i % 2 ? DP_TO_TARGET : DP_TO_CLIENT);
		}
		assert_int_equal(flow_lookup(t, keys, n, hashes, flows), 0);
		for (uint32_t i = 0; i < n; i++) {
			uint32_t skip = keys[i].is_v6 ? 0 : 12;
			uint8_t bytes[19];

			memcpy(bytes, &keys[i].client, 16);
			memcpy(bytes + 16, &keys[i].client_port, 2);
			bytes[18] = keys[i].protocol;
			assert_int_equal(
			        hashes[i], siphash13_of_bytes(t->secret, bytes + skip, 19 - skip));
			assert_int_equal(hashes[i], flow_hash(t, &keys[i]));
		}
	}
	dp_flow_close(t);
}

static void both_directions_find_one_entry(void **state)
{
	struct dp_flow_table *t = flow_table(100, 100);

	for (int v6 = 0; v6 < 2; v6++)
		for (int udp = 0; udp < 2; udp++) {
			struct spec s = {1, 4000, 1, 7, udp ? IPPROTO_UDP : IPPROTO_TCP, v6};
			struct inserted in;

			assert_false(flow_get(t, &s, DP_TO_TARGET, &in.flow));
			in = flow_put(t, 0, &s, udp ? 0 : TCP_SYN, 5);
			assert_int_equal(in.result, DP_FLOW_INSERTED);
			assert_int_equal(in.nb_ended, 0);
			assert_int_equal(in.flow.state, udp ? DP_TCP_NONE : DP_TCP_SYN_SENT);
			assert_int_equal(in.flow.last_seen, 5);
			assert_null(flow_wrong(t, &s));
		}
	assert_int_equal(flow_used(t), 4);
	dp_flow_close(t);
}

/* One field of the key at a time is another's: no hit. */
static void comparison_is_full(void **state)
{
	struct dp_flow_table *t = flow_table(10, 10);

	for (int v6 = 0; v6 < 2; v6++) {
		struct spec s = {1, 4000, 1, 7, 0, v6};
		struct dp_flow_key good[2] = {
		        flow_key(&s, DP_TO_TARGET), flow_key(&s, DP_TO_CLIENT)};

		assert_int_equal(flow_put(t, 0, &s, TCP_SYN, 1).result, DP_FLOW_INSERTED);
		for (uint32_t d = 0; d < 2; d++)
			for (uint32_t byte = v6 ? 0 : 12; byte < 37; byte++) {
				struct dp_flow_key key = good[d];
				struct dp_flow flow;
				uint64_t hash;

				if (!v6 && byte >= 16 && byte < 28)
					continue; /* the fixed part of a mapped address */
				((uint8_t *)&key)[byte] ^= 0x10;
				assert_int_equal(flow_lookup(t, &key, 1, &hash, &flow), 0);
			}
	}
	dp_flow_close(t);
}

/* What a key's client may differ in. */
enum differs { ADDRESS_LOW, ADDRESS_HIGH, PORT, PROTOCOL, NB_DIFFERS };

/* An entry is compared by itself: its tag may be another client's. */
static void entry_of_another_client_is_not_read(void **state)
{
	struct dp_flow_table *t = flow_table(10, 10);

	for (int v6 = 0; v6 < 2; v6++) {
		struct spec s = {1, 4000, 1, 7, 0, v6};
		struct dp_flow_key good = flow_key(&s, DP_TO_TARGET);
		struct inserted in = flow_put(t, 0, &s, TCP_SYN, 1);

		assert_int_equal(in.result, DP_FLOW_INSERTED);
		for (uint32_t differs = ADDRESS_LOW; differs <= NB_DIFFERS; differs++) {
			struct dp_flow_key key = good;
			struct dp_flow_keys keys;
			struct flow_key_at at;
			struct dp_flow flow;

			key.client.bytes[15] ^= differs == ADDRESS_LOW;
			key.client.bytes[3] ^= v6 && differs == ADDRESS_HIGH;
			key.client_port ^= differs == PORT;
			key.protocol ^= differs == PROTOCOL;
			dp_flow_keys_set(&keys, 9, &key);
			at = flow_key_at(&keys, 9);
			assert_int_equal(flow_read(t, flow_entry(t, in.flow.index), v6, &at, &flow),
			        memcmp(&key, &good, sizeof(key)) == 0);
		}
	}
	dp_flow_close(t);
}

/* Two clients with one bucket and one tag. */
static void tag_collision_is_no_hit(void **state)
{
	struct dp_flow_table *t = flow_table(5, 0);
	struct spec first = {1, 4000, 1, 7, 0, false}, other = first;
	struct dp_flow_key key = flow_key(&first, DP_TO_TARGET);
	uint16_t tag = flow_tag(flow_hash(t, &key));

	assert_int_equal(t->nb_buckets, 1);
	do {
		other.client++;
		key = flow_key(&other, DP_TO_TARGET);
	} while (flow_tag(flow_hash(t, &key)) != tag);
	assert_int_equal(flow_put(t, 0, &first, TCP_SYN, 1).result, DP_FLOW_INSERTED);
	assert_non_null(flow_wrong(t, &other));
	other.target = 8;
	assert_int_equal(flow_put(t, 0, &other, TCP_SYN, 1).result, DP_FLOW_INSERTED);
	assert_null(flow_wrong(t, &first));
	assert_null(flow_wrong(t, &other));
	dp_flow_close(t);
}

static void burst_of_64_hits_and_misses(void **state)
{
	struct dp_flow_table *t = flow_table(200, 200);
	struct dp_flow_key keys[64];
	struct dp_flow flows[64];
	uint64_t hashes[64], expected = 0;

	for (uint32_t i = 0; i < 64; i++) {
		struct spec s = {i, 4000, 1, (uint16_t)(i + 1), 0, i % 2};

		keys[i] = flow_key(&s, i % 3 == 0 ? DP_TO_CLIENT : DP_TO_TARGET);
		if (i % 5 == 0)
			continue;
		assert_int_equal(flow_put(t, 0, &s, TCP_SYN, 1).result, DP_FLOW_INSERTED);
		expected |= UINT64_C(1) << i;
	}
	assert_int_equal(flow_lookup(t, keys, 64, hashes, flows), expected);
	for (uint32_t i = 0; i < 64; i++) {
		assert_int_equal(hashes[i], flow_hash(t, &keys[i]));
		if (expected >> i & 1)
			assert_int_equal(flows[i].slot, i + 1);
	}
	dp_flow_close(t);
}

/* One client port with many virtual addresses: all in one bucket, over several lines. */
static void overflow_lines_come_and_go(void **state)
{
	struct dp_flow_table *t = flow_table(200, 0);
	struct dp_flow_usage usage;
	struct dp_flow flow;

	for (uint16_t i = 0; i < 60; i++) {
		struct spec s = {1, 4000, i, i, 0, false};

		assert_int_equal(flow_put(t, 0, &s, TCP_SYN, 1).result, DP_FLOW_INSERTED);
	}
	dp_flow_usage(t, &usage);
	assert_int_equal(usage.overflow_lines_used, 6); /* 60 flows: 7 lines */
	for (uint16_t i = 0; i < 60; i++) {
		struct spec s = {1, 4000, i, i, 0, false};

		assert_null(flow_wrong(t, &s));
	}
	for (uint16_t i = 0; i < 60; i++) {
		struct spec s = {1, 4000, (uint16_t)(i * 7 % 60), (uint16_t)(i * 7 % 60), 0, false};
		struct spec later = {1, 4000, (uint16_t)((i + 1) * 7 % 60),
		        (uint16_t)((i + 1) * 7 % 60), 0, false};

		assert_true(flow_get(t, &s, DP_TO_TARGET, &flow));
		assert_true(dp_flow_remove(t, 0, &flow));
		assert_false(flow_get(t, &s, DP_TO_TARGET, &flow));
		if (i < 59)
			assert_null(flow_wrong(t, &later));
	}
	dp_flow_usage(t, &usage);
	assert_int_equal(usage.overflow_lines_used, 0);
	assert_int_equal(usage.used[0], 0);
	dp_flow_close(t);
}

static void insert_finds_the_winner(void **state)
{
	struct dp_flow_table *t = flow_table(10, 0);
	struct spec s = {1, 4000, 1, 7, 0, false}, late = s;
	struct inserted in;

	late.target = 9; /* another worker's choice, of another generation */
	assert_int_equal(flow_put(t, 0, &s, TCP_SYN, 1).result, DP_FLOW_INSERTED);
	in = flow_put(t, 1, &late, TCP_SYN, 1);
	assert_int_equal(in.result, DP_FLOW_EXISTS);
	assert_int_equal(in.flow.slot, 7);
	assert_int_equal(flow_used(t), 1);
	assert_null(flow_wrong(t, &s));
	dp_flow_close(t);
}

static void same_target_through_two_addresses_collides(void **state)
{
	struct dp_flow_table *t = flow_table(10, 0);
	struct spec a = {1, 4000, 1, 7, 0, false}, b = {1, 4000, 2, 7, 0, false};
	struct inserted in;

	assert_true(flow_open(t, 0, &a, 1));
	assert_int_equal(flow_put(t, 0, &b, TCP_SYN, 1).result, DP_FLOW_COLLISION);
	assert_null(flow_wrong(t, &a));
	b.port = 4001;
	assert_int_equal(flow_put(t, 0, &b, TCP_SYN, 1).result, DP_FLOW_INSERTED);
	/* A flow that is over makes way. */
	b.port = 4000;
	assert_true(flow_see(t, &a, DP_TO_CLIENT, TCP_RST, 1));
	in = flow_put(t, 0, &b, TCP_SYN, 1);
	assert_int_equal(in.result, DP_FLOW_INSERTED);
	assert_int_equal(in.nb_ended, 1);
	assert_int_equal(in.ended[0].slot, 7);
	assert_int_equal(in.ended[0].listener, 2001);
	assert_int_equal(in.ended[0].reason, LB_COUNTER_FLOWS_EXPIRED);
	assert_null(flow_wrong(t, &b));
	dp_flow_close(t);
}

static void client_limit_caps_one_port(void **state)
{
	struct dp_flow_config config = flow_small(100, 0);
	struct dp_flow_table *t;
	struct spec s = {1, 4000, 0, 0, 0, false};

	config.client_limit = 3;
	t = flow_table_open(&config, NULL);
	for (; s.vip < 3; s.vip++, s.target++)
		assert_int_equal(flow_put(t, 0, &s, TCP_SYN, 1).result, DP_FLOW_INSERTED);
	assert_int_equal(flow_put(t, 0, &s, TCP_SYN, 1).result, DP_FLOW_CLIENT_LIMIT);
	assert_int_equal(flow_used(t), 3);
	/* Another port, protocol or client is another's account. */
	s.port = 4001;
	assert_int_equal(flow_put(t, 0, &s, TCP_SYN, 1).result, DP_FLOW_INSERTED);
	s.port = 4000;
	s.protocol = IPPROTO_UDP;
	assert_int_equal(flow_put(t, 0, &s, 0, 1).result, DP_FLOW_INSERTED);
	/* What has expired does not count. */
	s.protocol = 0;
	assert_int_equal(flow_put(t, 0, &s, TCP_SYN, 100).result, DP_FLOW_INSERTED);
	dp_flow_close(t);
}

static void touch_writes_once_a_second_and_on_change(void **state)
{
	struct dp_flow_table *t = flow_table(10, 0);
	struct spec s = {1, 4000, 1, 7, 0, false};
	struct dp_flow flow;

	assert_true(flow_open(t, 0, &s, 10));
	assert_true(flow_get(t, &s, DP_TO_TARGET, &flow));
	assert_int_equal(flow.state, DP_TCP_ESTABLISHED);
	assert_int_equal(flow.flags, DP_FLOW_ANSWERED | DP_FLOW_LIVE);
	dp_flow_touch(t, &flow, DP_TO_TARGET, TCP_ACK, 9);
	assert_true(flow_get(t, &s, DP_TO_TARGET, &flow));
	assert_int_equal(flow.last_seen, 10);
	dp_flow_touch(t, &flow, DP_TO_TARGET, TCP_ACK, 11);
	/* Two packets of one burst, looked up before either was noted. */
	dp_flow_touch(t, &flow, DP_TO_TARGET, TCP_FIN | TCP_ACK, 12);
	dp_flow_touch(t, &flow, DP_TO_CLIENT, TCP_FIN | TCP_ACK, 12);
	assert_true(flow_get(t, &s, DP_TO_CLIENT, &flow));
	assert_int_equal(flow.last_seen, 12);
	assert_int_equal(flow.state, DP_TCP_CLIENT_CLOSED);
	dp_flow_close(t);
}

/* What a look-up says of one flow, target slot 7, under what is known of slots. */
static bool is_settled(const struct dp_flow_table *t, const struct spec *s,
        enum dp_direction direction, const struct dp_flow_view *view)
{
	struct dp_flow_key key = flow_key(s, direction);
	struct dp_flow flows[DP_FLOW_BURST];
	struct dp_flow_keys keys;
	uint64_t settled;

	memset(&keys, 0x5a, sizeof(keys));
	dp_flow_keys_set(&keys, 3, &key);
	assert_int_equal(dp_flow_lookup(t, &keys, s->is_v6, 1 << 3, view, flows, &settled), 1 << 3);
	assert_int_equal(settled & ~(UINT64_C(1) << 3), 0);
	return settled != 0;
}

static void settled_flows_are_open_fresh_and_of_a_known_target(void **state)
{
	for (uint32_t n = 0; n < 8; n++) {
		const bool udp = n & 1, v6 = n & 2;
		const enum dp_direction way = n & 4 ? DP_TO_CLIENT : DP_TO_TARGET;
		const struct spec s = {1, 4000, 2, 7, udp ? IPPROTO_UDP : 0, v6};
		uint32_t epochs[8] = {[7] = 1007};
		struct dp_flow_view view = {epochs, 8, 5};
		struct dp_flow_table *t = flow_table(100, 100);

		assert_int_equal(flow_put(t, 0, &s, udp ? 0 : TCP_SYN, 5).result, DP_FLOW_INSERTED);
		assert_false(is_settled(t, &s, way, &view)); /* the target is silent */
		assert_true(flow_see(t, &s, DP_TO_CLIENT, udp ? 0 : TCP_SYN | TCP_ACK, 5));
		assert_false(is_settled(t, &s, way, &view) && udp); /* one answer is none yet */
		assert_true(flow_see(t, &s, DP_TO_TARGET, udp ? 0 : TCP_ACK, 5));
		assert_true(is_settled(t, &s, way, &view));
		view.now = 6;
		assert_false(is_settled(t, &s, way, &view));
		view.now = 4; /* another worker's clock may be ahead */
		assert_true(is_settled(t, &s, way, &view));
		view.nb_slots = 7;
		assert_false(is_settled(t, &s, way, &view));
		view.nb_slots = 8;
		epochs[7]++;
		assert_false(is_settled(t, &s, way, &view));
		epochs[7]--;
		assert_true(is_settled(t, &s, way, &view));
		if (!udp) {
			assert_true(flow_see(t, &s, DP_TO_TARGET, TCP_FIN | TCP_ACK, 5));
			for (view.now = 4; view.now <= 6; view.now++)
				assert_false(is_settled(t, &s, way, &view));
		}
		dp_flow_close(t);
	}
}

/* What was looked up is gone, and its entry another's. */
static void stale_flow_touches_nothing(void **state)
{
	struct dp_flow_table *t = flow_table(1, 0);
	struct spec a = {1, 4000, 1, 7, 0, false}, b = {2, 4000, 1, 7, 0, false};
	struct dp_flow old, new;

	assert_int_equal(flow_put(t, 0, &a, TCP_SYN, 1).result, DP_FLOW_INSERTED);
	assert_true(flow_get(t, &a, DP_TO_TARGET, &old));
	assert_true(dp_flow_remove(t, 0, &old));
	assert_int_equal(flow_put(t, 0, &b, TCP_SYN, 1).result, DP_FLOW_INSERTED);
	dp_flow_touch(t, &old, DP_TO_CLIENT, TCP_RST, 50);
	assert_false(dp_flow_remove(t, 0, &old));
	assert_true(flow_get(t, &b, DP_TO_TARGET, &new));
	assert_int_equal(new.index, old.index);
	assert_int_equal(new.state, DP_TCP_SYN_SENT);
	assert_int_equal(new.last_seen, 1);
	old.index = UINT32_MAX;
	dp_flow_touch(t, &old, DP_TO_CLIENT, TCP_RST, 50);
	assert_false(dp_flow_remove(t, 0, &old));
	dp_flow_close(t);
}

static void syn_over_a_finished_flow_begins_anew(void **state)
{
	struct dp_flow_table *t = flow_table(10, 0);
	struct spec s = {1, 4000, 1, 7, 0, false};
	struct dp_flow flow;

	assert_true(flow_open(t, 0, &s, 1));
	assert_true(flow_get(t, &s, DP_TO_TARGET, &flow));
	assert_false(dp_flow_is_over(&flow, TCP_SYN));
	assert_true(flow_see(t, &s, DP_TO_TARGET, TCP_FIN | TCP_ACK, 2));
	assert_true(flow_get(t, &s, DP_TO_TARGET, &flow));
	assert_false(dp_flow_is_over(&flow, TCP_SYN)); /* the target may send yet */
	assert_true(flow_see(t, &s, DP_TO_CLIENT, TCP_FIN | TCP_ACK, 2));
	assert_true(flow_get(t, &s, DP_TO_TARGET, &flow));
	assert_false(dp_flow_is_over(&flow, TCP_ACK));
	assert_false(dp_flow_is_over(&flow, TCP_SYN | TCP_ACK));
	assert_true(dp_flow_is_over(&flow, TCP_SYN));
	assert_true(dp_flow_remove(t, 0, &flow));
	s.target = 8;
	assert_int_equal(flow_put(t, 0, &s, TCP_SYN, 3).result, DP_FLOW_INSERTED);
	assert_null(flow_wrong(t, &s));
	dp_flow_close(t);
}

struct seen {
	uint32_t n, v6, targets[100];
};

static void count_visit(void *arg, const struct dp_flow_key *key, const struct dp_flow *flow)
{
	struct seen *seen = arg;

	seen->n++;
	seen->v6 += key->is_v6;
	assert_int_equal(key->direction, DP_TO_TARGET);
	assert_int_equal(key->other_port, htons(80));
	assert_int_equal(key->protocol, IPPROTO_TCP);
	assert_int_equal(key->client_port, htons((uint16_t)(4000 + flow->slot)));
	assert_true(key->is_v6 != lb_ip_is_v4(&key->client));
	seen->targets[flow->slot]++;
}

static void walk_shows_every_flow_once(void **state)
{
	struct dp_flow_table *t = flow_table(200, 200);
	struct seen seen = {0};

	for (uint16_t i = 0; i < 100; i++)
		flow_put(t, 0, &(struct spec){i, (uint16_t)(4000 + i), 1, i, 0, i % 4 == 0},
		        TCP_SYN, 1);
	dp_flow_walk(t, count_visit, &seen);
	assert_int_equal(seen.n, 100);
	assert_int_equal(seen.v6, 25);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(seen.targets[i], 1);
	dp_flow_close(t);
}

static void bad_configuration_is_refused(void **state)
{
	const struct dp_flow_config bad[] = {
	        {.nb_workers = 1},
	        {.ipv4_flows = 10},
	        {.ipv4_flows = 10, .nb_workers = LB_MAX_WORKERS + 1},
	        {.ipv4_flows = UINT32_MAX, .ipv6_flows = UINT32_MAX, .nb_workers = 1},
	        {.ipv4_flows = 10, .nb_workers = 1, .client_limit = 129},
	};
	struct dp_flow_table *t;

	for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(dp_flow_open(&bad[i], &t, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(twin_hash_is_siphash_1_3),
	        cmocka_unit_test(burst_hashes_are_the_twin_s),
	        cmocka_unit_test(both_directions_find_one_entry),
	        cmocka_unit_test(comparison_is_full),
	        cmocka_unit_test(entry_of_another_client_is_not_read),
	        cmocka_unit_test(tag_collision_is_no_hit),
	        cmocka_unit_test(burst_of_64_hits_and_misses),
	        cmocka_unit_test(overflow_lines_come_and_go),
	        cmocka_unit_test(insert_finds_the_winner),
	        cmocka_unit_test(same_target_through_two_addresses_collides),
	        cmocka_unit_test(client_limit_caps_one_port),
	        cmocka_unit_test(touch_writes_once_a_second_and_on_change),
	        cmocka_unit_test(settled_flows_are_open_fresh_and_of_a_known_target),
	        cmocka_unit_test(stale_flow_touches_nothing),
	        cmocka_unit_test(syn_over_a_finished_flow_begins_anew),
	        cmocka_unit_test(walk_shows_every_flow_once),
	        cmocka_unit_test(bad_configuration_is_refused),
	};

	return cmocka_run_group_tests_name("flow", tests, NULL, NULL);
}
