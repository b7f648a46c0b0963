/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Next hops: what a look-up finds, when changes become visible, and when adjacencies may be reused.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <rte_eal.h>

#include "fib.h"

#define ROUTES 256

static struct lb_ip ip(const char *text)
{
	struct lb_ip parsed;
	lb_be32 v4;

	if (inet_pton(AF_INET, text, &v4) == 1)
		return lb_ip_from_v4(v4);
	assert_int_equal(inet_pton(AF_INET6, text, &parsed), 1);
	return parsed;
}

/* What this thread remembers of the FIB; empty at a test's begin. */
static struct dp_fib_memo memo;

/* dp_fib_lookup() of one address. */
static const struct dp_adj *look_up(struct dp_fib *fib, const struct lb_ip *a)
{
	bool is_v6 = !lb_ip_is_v4(a);
	const struct dp_adj *adj = NULL;
	union dp_fib_ips ips;

	if (is_v6)
		ips.v6[0] = *a;
	else
		ips.v4[0] = ntohl(lb_ip_v4(a));
	dp_fib_lookup(fib, &ips, is_v6, 1, &adj);
	return adj;
}

/* The same by a memo. '*asked' counts those that it did not know. */
static const struct dp_adj *look_up_often(struct dp_fib *fib, struct dp_fib_memo *m, uint32_t place,
        const struct lb_ip *a, uint32_t *asked)
{
	const bool is_v6 = !lb_ip_is_v4(a);
	const uint64_t epoch = dp_fib_epoch(fib);
	uint64_t words[2];
	const struct dp_adj *adj;

	memcpy(words, &a->bytes[is_v6 ? 0 : 8], is_v6 ? 16 : 8);
	adj = dp_fib_recall(m, DP_FIB_PLACES + place, words, is_v6, epoch);
	if (adj != NULL)
		return adj;
	++*asked;
	adj = look_up(fib, a);
	dp_fib_remember(m, place, words, is_v6, epoch, adj);
	return adj;
}

/* Both ways; by the memo twice: it is remembered by then. */
static const struct dp_adj *lookup(struct dp_fib *fib, const struct lb_ip *a)
{
	const struct dp_adj *adj = look_up(fib, a);
	uint32_t asked = 0;

	assert_ptr_equal(look_up_often(fib, &memo, 7, a, &asked), adj);
	asked = 0;
	assert_ptr_equal(look_up_often(fib, &memo, 7, a, &asked), adj);
	assert_int_equal(asked, 0);
	return adj;
}

static struct dp_adj hop(uint16_t port, uint8_t last)
{
	struct dp_adj adj = {.port = port, .kind = DP_ADJ_FORWARD, .mtu = 1500};

	adj.dst.addr_bytes[0] = 2;
	adj.dst.addr_bytes[5] = last;
	return adj;
}

static void set(struct dp_fib *fib, const char *prefix, uint8_t depth, uint16_t port, uint8_t last)
{
	struct lb_ip p = ip(prefix);
	struct dp_adj adj = hop(port, last);

	assert_int_equal(dp_fib_set(fib, &p, depth, &adj), 0);
}

static void drop(struct dp_fib *fib, const char *prefix, uint8_t depth)
{
	struct lb_ip p = ip(prefix);

	assert_int_equal(dp_fib_remove(fib, &p, depth), 0);
}

static const struct dp_adj *find(struct dp_fib *fib, const char *address)
{
	struct lb_ip a = ip(address);
	const struct dp_adj *adj = lookup(fib, &a);

	assert_non_null(adj);
	return adj;
}

/* 0: no route. */
static int port_of(struct dp_fib *fib, const char *address)
{
	const struct dp_adj *adj = find(fib, address);

	return adj->kind == DP_ADJ_NONE ? 0 : adj->port;
}

static int setup(void **state)
{
	memset(&memo, 0, sizeof(memo));
	*state = dp_fib_create(ROUTES, 2);
	return *state == NULL;
}

static int teardown(void **state)
{
	dp_fib_free(*state);
	return 0;
}

static void finds_nothing_in_an_empty_fib(void **state)
{
	assert_int_equal(find(*state, "10.0.0.1")->kind, DP_ADJ_NONE);
	assert_int_equal(find(*state, "2001:db8::1")->kind, DP_ADJ_NONE);
}

static void shows_changes_at_commit_and_not_before(void **state)
{
	set(*state, "10.0.0.0", 8, 1, 1);
	assert_int_equal(port_of(*state, "10.0.0.1"), 0);
	assert_int_equal(dp_fib_commit(*state), 0);
	assert_int_equal(port_of(*state, "10.0.0.1"), 1);
	drop(*state, "10.0.0.0", 8);
	assert_int_equal(port_of(*state, "10.0.0.1"), 1);
	assert_int_equal(dp_fib_commit(*state), 0);
	assert_int_equal(port_of(*state, "10.0.0.1"), 0);
}

static void takes_the_longest_match_in_both_families(void **state)
{
	set(*state, "0.0.0.0", 0, 1, 1);
	set(*state, "10.1.0.0", 16, 2, 2);
	set(*state, "10.1.2.0", 24, 3, 3);
	set(*state, "10.1.2.3", 32, 4, 4);
	set(*state, "::", 0, 5, 5);
	set(*state, "2001:db8::", 32, 6, 6);
	set(*state, "2001:db8:0:1::", 64, 7, 7);
	set(*state, "2001:db8:0:1::9", 128, 8, 8);
	assert_int_equal(dp_fib_commit(*state), 0);
	assert_int_equal(port_of(*state, "192.0.2.1"), 1);
	assert_int_equal(port_of(*state, "10.1.255.255"), 2);
	assert_int_equal(port_of(*state, "10.1.2.4"), 3);
	assert_int_equal(port_of(*state, "10.1.2.3"), 4);
	assert_int_equal(port_of(*state, "fd00::1"), 5);
	assert_int_equal(port_of(*state, "2001:db8:1::1"), 6);
	assert_int_equal(port_of(*state, "2001:db8:0:1::8"), 7);
	assert_int_equal(port_of(*state, "2001:db8:0:1::9"), 8);
}

static void answers_a_burst_in_its_order(void **state)
{
	const struct dp_adj *adjs[DP_FIB_BURST];
	union dp_fib_ips v4, v6;

	set(*state, "10.0.0.0", 8, 4, 1);
	set(*state, "2001:db8::", 32, 6, 2);
	assert_int_equal(dp_fib_commit(*state), 0);
	for (int i = 0; i < DP_FIB_BURST; i++) {
		struct lb_ip a = ip(i % 3 == 0 ? "10.2.3.4" : "192.0.2.1");

		v4.v4[i] = ntohl(lb_ip_v4(&a));
		v6.v6[i] = ip(i % 3 == 1 ? "2001:db8::5" : "2001:db9::5");
	}
	dp_fib_lookup(*state, &v4, false, DP_FIB_BURST, adjs);
	for (int i = 0; i < DP_FIB_BURST; i++)
		assert_int_equal(adjs[i]->port, i % 3 == 0 ? 4 : 0);
	dp_fib_lookup(*state, &v6, true, DP_FIB_BURST, adjs);
	for (int i = 0; i < DP_FIB_BURST; i++)
		assert_int_equal(adjs[i]->port, i % 3 == 1 ? 6 : 0);
}

/* Bursts to one address, but for one packet, wherever it is; or for none. */
static void answers_a_burst_to_nearly_one_address(void **state)
{
	set(*state, "10.0.0.0", 8, 1, 1);
	set(*state, "10.0.0.2", 32, 2, 2);
	set(*state, "2001:db8::", 32, 3, 3);
	set(*state, "2001:db8::2", 128, 4, 4);
	set(*state, "2001:db8:2::", 64, 5, 5);
	assert_int_equal(dp_fib_commit(*state), 0);
	for (uint32_t at = 0; at <= DP_FIB_BURST; at++)
		for (uint32_t n = DP_FIB_BURST - 1; n <= DP_FIB_BURST; n++)
			for (uint32_t way = 0; way < 3; way++) {
				const char *const others[] = {
				        "10.0.0.2", "2001:db8::2", "2001:db8:2::1"};
				const int ports[] = {2, 4, 5};
				const struct dp_adj *adjs[DP_FIB_BURST];
				const bool is_v6 = way > 0;
				struct lb_ip most = ip(is_v6 ? "2001:db8::1" : "10.0.0.1");
				struct lb_ip other = ip(others[way]);
				union dp_fib_ips ips;

				for (uint32_t i = 0; i < DP_FIB_BURST; i++) {
					const struct lb_ip *a = i == at ? &other : &most;

					if (is_v6)
						ips.v6[i] = *a;
					else
						ips.v4[i] = ntohl(lb_ip_v4(a));
				}
				dp_fib_lookup(*state, &ips, is_v6, n, adjs);
				for (uint32_t i = 0; i < n; i++)
					assert_int_equal(adjs[i]->port, i == at ? ports[way]
					                                : is_v6 ? 3
					                                        : 1);
			}
}

/* Addresses that differ in either word, and families whose words are equal, take each other's place
 * and never each other's next hop. */
static void remembers_one_address_at_a_place(void **state)
{
	const char *const addresses[] = {"2001:db8::1", "2001:db8::2", "2001:db9::2",
	        "0:ffff:2001:db8::", "32.1.13.184", "32.1.13.185"};
	const uint32_t n = sizeof(addresses) / sizeof(addresses[0]);
	uint32_t asked = 0;

	set(*state, "2001:db8::", 32, 1, 1);
	set(*state, "2001:db8::2", 128, 2, 2);
	set(*state, "2001:db9::", 32, 3, 3);
	set(*state, "0:ffff:2001:db8::", 128, 4, 4);
	set(*state, "32.1.13.184", 32, 5, 5);
	set(*state, "32.1.13.0", 24, 6, 6);
	assert_int_equal(dp_fib_commit(*state), 0);
	/* each after each other, and after itself */
	for (uint32_t i = 0; i < 2 * n * n; i++) {
		struct lb_ip a = ip(addresses[i % 2 ? i / 2 % n : i / 2 / n]);

		assert_ptr_equal(look_up_often(*state, &memo, 7, &a, &asked), look_up(*state, &a));
	}
	assert_int_equal(asked, 2 * n * n - 2 * n);
}

/* The epoch comes first: what is looked up under an old one is not good under the next. */
static void forgets_with_the_epoch(void **state)
{
	const uint64_t before = dp_fib_epoch(*state), words[2] = {1, 2};
	struct lb_ip a = ip("2001:db8::1");

	dp_fib_remember(&memo, 7, words, true, before, look_up(*state, &a));
	assert_non_null(dp_fib_recall(&memo, 7, words, true, before));
	set(*state, "2001:db8::", 32, 1, 1);
	assert_int_equal(dp_fib_commit(*state), 0);
	assert_true(dp_fib_epoch(*state) > before);
	assert_null(dp_fib_recall(&memo, 7, words, true, dp_fib_epoch(*state)));
}

static void replaces_an_adjacency_without_touching_the_old_one(void **state)
{
	const struct dp_adj *old;

	dp_fib_online(*state, 0);
	set(*state, "10.0.0.1", 32, 1, 1);
	assert_int_equal(dp_fib_commit(*state), -ETIMEDOUT); /* reader 0 has not passed */
	old = find(*state, "10.0.0.1");
	assert_int_equal(old->dst.addr_bytes[5], 1);
	dp_fib_quiescent(*state, 0);
	set(*state, "10.0.0.1", 32, 1, 2);
	assert_int_equal(dp_fib_commit(*state), -ETIMEDOUT);
	assert_int_equal(old->dst.addr_bytes[5], 1); /* what the reader may still hold */
	assert_int_equal(find(*state, "10.0.0.1")->dst.addr_bytes[5], 2);
	dp_fib_offline(*state, 0);
}

static void holds_changes_back_while_a_reader_stands_still(void **state)
{
	dp_fib_online(*state, 0);
	dp_fib_online(*state, 1);
	set(*state, "10.0.0.0", 8, 1, 1);
	assert_int_equal(dp_fib_commit(*state), -ETIMEDOUT);
	dp_fib_quiescent(*state, 0); /* one of two is not enough */
	set(*state, "10.0.0.0", 8, 2, 2);
	assert_int_equal(dp_fib_commit(*state), -ETIMEDOUT);
	assert_int_equal(port_of(*state, "10.0.0.1"), 1);
	dp_fib_offline(*state, 0);
	dp_fib_offline(*state, 1);
	assert_int_equal(dp_fib_commit(*state), 0);
	assert_int_equal(port_of(*state, "10.0.0.1"), 2);
}

static void waits_for_no_reader_that_is_offline(void **state)
{
	dp_fib_online(*state, 1);
	dp_fib_offline(*state, 1);
	set(*state, "10.0.0.0", 8, 1, 1);
	assert_int_equal(dp_fib_commit(*state), 0);
}

static void reuses_adjacencies_that_nothing_refers_to(void **state)
{
	for (int i = 0; i < 20 * ROUTES; i++) {
		set(*state, "10.0.0.1", 32, (uint16_t)(1 + i), (uint8_t)i);
		set(*state, "2001:db8::1", 128, (uint16_t)(1 + i), (uint8_t)(i + 1));
		assert_int_equal(dp_fib_commit(*state), 0);
		assert_int_equal(port_of(*state, "10.0.0.1"), 1 + i);
		assert_int_equal(port_of(*state, "2001:db8::1"), 1 + i);
	}
}

static void says_when_there_is_no_room_and_keeps_the_rest(void **state)
{
	int failed = 0;

	for (uint32_t i = 0; i < 2 * ROUTES; i++) {
		struct lb_ip p = lb_ip_from_v4(htonl(0x0a000000 + (i << 8)));
		struct dp_adj adj = hop(1, 1);

		assert_int_equal(dp_fib_set(*state, &p, 24, &adj), 0);
		failed += dp_fib_commit(*state) == -ENOSPC;
	}
	assert_int_equal(failed, ROUTES);
	assert_int_equal(port_of(*state, "10.0.0.1"), 1);
	drop(*state, "10.0.0.0", 24);
	assert_int_equal(dp_fib_commit(*state), 0);
	set(*state, "10.1.255.0", 24, 2, 2);
	assert_int_equal(dp_fib_commit(*state), 0);
	assert_int_equal(port_of(*state, "10.1.255.1"), 2);
}

static void refuses_a_depth_that_the_family_does_not_have(void **state)
{
	struct lb_ip v4 = ip("10.0.0.0"), v6 = ip("2001:db8::");
	struct dp_adj adj = hop(1, 1);

	assert_int_equal(dp_fib_set(*state, &v4, 33, &adj), -EINVAL);
	assert_int_equal(dp_fib_set(*state, &v6, 129, &adj), -EINVAL);
	assert_int_equal(dp_fib_remove(*state, &v4, 128), -EINVAL);
}

static void removes_what_is_not_there_without_complaint(void **state)
{
	drop(*state, "10.0.0.0", 8);
	drop(*state, "2001:db8::", 32);
	assert_int_equal(dp_fib_commit(*state), 0);
}

/* The naive twin: a list of routes. */
struct route {
	struct lb_ip prefix;
	uint8_t depth;
	uint16_t port; /* 0: not there */
};

static bool covers(const struct route *r, const struct lb_ip *a)
{
	unsigned bits = r->depth + (lb_ip_is_v4(&r->prefix) ? 96 : 0);

	for (unsigned i = 0; i < bits; i++) {
		if ((r->prefix.bytes[i / 8] ^ a->bytes[i / 8]) >> (7 - i % 8) & 1)
			return false;
	}
	return lb_ip_is_v4(&r->prefix) == lb_ip_is_v4(a);
}

static int naive_port(const struct route *routes, int n, const struct lb_ip *a)
{
	const struct route *best = NULL;

	for (int i = 0; i < n; i++) {
		if (routes[i].port != 0 && covers(&routes[i], a) &&
		        (best == NULL || routes[i].depth > best->depth))
			best = &routes[i];
	}
	return best == NULL ? 0 : best->port;
}

/* Few distinct bits, so that prefixes nest and addresses hit them. */
static struct lb_ip random_ip(bool v6)
{
	struct lb_ip a = v6 ? ip("2001:db8::") : ip("10.0.0.0");

	for (unsigned i = v6 ? 4 : 13; i < 16; i++)
		a.bytes[i] = (uint8_t)(rand() % 3 == 0 ? 0x80 : rand() % 2);
	return a;
}

static struct lb_ip cut(struct lb_ip a, unsigned bits)
{
	for (unsigned i = bits; i < 128; i++)
		a.bytes[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	return a;
}

static void agrees_with_a_list_of_routes_over_random_changes(void **state)
{
	struct route routes[ROUTES / 2];
	const int n = ROUTES / 2;

	srand(7);
	for (int i = 0; i < n; i++) {
		bool v6 = i % 2;

		routes[i].depth = (uint8_t)(v6 ? 32 + rand() % 97 : 8 + rand() % 25);
		routes[i].prefix = cut(random_ip(v6), routes[i].depth + (v6 ? 0u : 96u));
		routes[i].port = 0;
		for (int j = 0; j < i; j++) { /* each prefix once */
			if (routes[j].depth == routes[i].depth &&
			        lb_ip_equal(&routes[j].prefix, &routes[i].prefix)) {
				i--;
				break;
			}
		}
	}
	for (int round = 0; round < 60; round++) {
		for (int k = 0; k < 20; k++) {
			struct route *r = &routes[rand() % n];
			struct dp_adj adj = hop((uint16_t)(1 + rand() % 1000), (uint8_t)rand());

			r->port = rand() % 3 == 0 ? 0 : adj.port;
			assert_int_equal(r->port != 0
			                         ? dp_fib_set(*state, &r->prefix, r->depth, &adj)
			                         : dp_fib_remove(*state, &r->prefix, r->depth),
			        0);
		}
		assert_int_equal(dp_fib_commit(*state), 0);
		for (int k = 0; k < 200; k++) {
			struct lb_ip a = random_ip(k % 2);

			assert_int_equal(lookup(*state, &a)->port, naive_port(routes, n, &a));
		}
	}
}

static void asks_once_for_an_address_that_many_packets_want(void **state)
{
	struct lb_ip a = ip("10.0.0.9"), got;
	uint32_t ifindex;

	for (int i = 0; i < 100; i++)
		dp_fib_want(*state, &a, 3);
	assert_true(dp_fib_wanted(*state, &got, &ifindex));
	assert_true(lb_ip_equal(&got, &a));
	assert_int_equal(ifindex, 3);
	assert_false(dp_fib_wanted(*state, &got, &ifindex));
	dp_fib_want(*state, &a, 3); /* within the second */
	assert_false(dp_fib_wanted(*state, &got, &ifindex));
}

static void hands_over_different_addresses_each_once(void **state)
{
	struct lb_ip got;
	uint32_t ifindex, n = 0;

	for (uint32_t i = 0; i < 1000; i++) {
		struct lb_ip a = lb_ip_from_v4(htonl(0x0a000000 + i));

		dp_fib_want(*state, &a, 1 + i);
	}
	while (dp_fib_wanted(*state, &got, &ifindex)) {
		assert_int_equal(ntohl(lb_ip_v4(&got)), 0x0a000000 + ifindex - 1);
		n++;
	}
	assert_in_range(n, 200, 256); /* slots; the others ask again with their next packet */
}

/* A reader on a thread of its own. Every adjacency says in two places which change made it. */
struct reader {
	struct dp_fib *fib;
	struct dp_fib_memo memo;
	uint32_t number;
	_Atomic bool stop;
	uint32_t asked;
	uint64_t lookups, torn;
};

static void *read_on(void *arg)
{
	struct reader *r = arg;
	struct lb_ip ips[2] = {ip("10.0.0.1"), ip("2001:db8::1")};
	const struct dp_adj *adjs[2];

	while (!r->stop) {
		dp_fib_online(r->fib, r->number);
		for (int burst = 0; burst < 100; burst++) {
			for (int i = 0; i < 2; i++)
				adjs[i] = look_up_often(
				        r->fib, &r->memo, (uint32_t)i, &ips[i], &r->asked);
			for (int i = 0; i < 2; i++)
				r->torn += adjs[i]->mtu != (uint16_t)(adjs[i]->port * 3);
			r->lookups++;
			dp_fib_quiescent(r->fib, r->number);
		}
		dp_fib_offline(r->fib, r->number);
		sched_yield();
	}
	return NULL;
}

static void readers_never_see_an_adjacency_change(void **state)
{
	struct reader readers[2] = {{.fib = *state, .number = 0}, {.fib = *state, .number = 1}};
	struct lb_ip v4 = ip("10.0.0.0"), v6 = ip("2001:db8::");
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_on, &readers[i]), 0);
	for (uint16_t change = 1; change <= 300; change++) {
		struct dp_adj adj = {
		        .kind = DP_ADJ_FORWARD, .port = change, .mtu = (uint16_t)(change * 3)};
		int ret;

		assert_int_equal(dp_fib_set(*state, &v4, 8, &adj), 0);
		assert_int_equal(dp_fib_set(*state, &v6, 32, &adj), 0);
		ret = dp_fib_commit(*state);
		assert_true(ret == 0 || ret == -ETIMEDOUT);
	}
	for (int i = 0; i < 2; i++) {
		readers[i].stop = true;
		pthread_join(threads[i], NULL);
		assert_true(readers[i].lookups > 0);
		assert_int_equal(readers[i].torn, 0);
		/* each of two addresses once an epoch */
		assert_in_range(readers[i].asked, 2, 2 * dp_fib_epoch(*state));
	}
	assert_int_equal(dp_fib_commit(*state), 0);
	assert_int_equal(port_of(*state, "10.0.0.1"), 300);
}

int main(int argc, char **argv)
{
	char *args[] = {argv[0], "--no-huge", "-m", "512", "--no-shconf", "--no-pci", "--lcores=0",
	        "--no-telemetry", "--log-level=4"};
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	        CASE(finds_nothing_in_an_empty_fib),
	        CASE(shows_changes_at_commit_and_not_before),
	        CASE(takes_the_longest_match_in_both_families),
	        CASE(answers_a_burst_in_its_order),
	        CASE(answers_a_burst_to_nearly_one_address),
	        CASE(remembers_one_address_at_a_place),
	        CASE(forgets_with_the_epoch),
	        CASE(replaces_an_adjacency_without_touching_the_old_one),
	        CASE(holds_changes_back_while_a_reader_stands_still),
	        CASE(waits_for_no_reader_that_is_offline),
	        CASE(reuses_adjacencies_that_nothing_refers_to),
	        CASE(says_when_there_is_no_room_and_keeps_the_rest),
	        CASE(refuses_a_depth_that_the_family_does_not_have),
	        CASE(removes_what_is_not_there_without_complaint),
	        CASE(agrees_with_a_list_of_routes_over_random_changes),
	        CASE(readers_never_see_an_adjacency_change),
	        CASE(asks_once_for_an_address_that_many_packets_want),
	        CASE(hands_over_different_addresses_each_once),
	};

	(void)argc;
	if (rte_eal_init(sizeof(args) / sizeof(args[0]), args) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
