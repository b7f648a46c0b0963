/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Next hops: what a look-up finds.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fib_fixture.h"

static void finds_nothing_in_an_empty_fib(void **state)
{
	assert_int_equal(fib_find(*state, "10.0.0.1")->kind, DP_ADJ_NONE);
	assert_int_equal(fib_find(*state, "2001:db8::1")->kind, DP_ADJ_NONE);
}

static void takes_the_longest_match_in_both_families(void **state)
{
	fib_set(*state, "0.0.0.0", 0, 1, 1);
	fib_set(*state, "10.1.0.0", 16, 2, 2);
	fib_set(*state, "10.1.2.0", 24, 3, 3);
	fib_set(*state, "10.1.2.3", 32, 4, 4);
	fib_set(*state, "::", 0, 5, 5);
	fib_set(*state, "2001:db8::", 32, 6, 6);
	fib_set(*state, "2001:db8:0:1::", 64, 7, 7);
	fib_set(*state, "2001:db8:0:1::9", 128, 8, 8);
	assert_int_equal(dp_fib_commit(*state), 0);
	assert_int_equal(fib_port_of(*state, "192.0.2.1"), 1);
	assert_int_equal(fib_port_of(*state, "10.1.255.255"), 2);
	assert_int_equal(fib_port_of(*state, "10.1.2.4"), 3);
	assert_int_equal(fib_port_of(*state, "10.1.2.3"), 4);
	assert_int_equal(fib_port_of(*state, "fd00::1"), 5);
	assert_int_equal(fib_port_of(*state, "2001:db8:1::1"), 6);
	assert_int_equal(fib_port_of(*state, "2001:db8:0:1::8"), 7);
	assert_int_equal(fib_port_of(*state, "2001:db8:0:1::9"), 8);
}

static void answers_a_burst_in_its_order(void **state)
{
	const struct dp_adj *adjs[DP_FIB_BURST];
	union dp_fib_ips v4, v6;

	fib_set(*state, "10.0.0.0", 8, 4, 1);
	fib_set(*state, "2001:db8::", 32, 6, 2);
	assert_int_equal(dp_fib_commit(*state), 0);
	for (int i = 0; i < DP_FIB_BURST; i++) {
		struct lb_ip a = fib_ip(i % 3 == 0 ? "10.2.3.4" : "192.0.2.1");

		v4.v4[i] = ntohl(lb_ip_v4(&a));
		v6.v6[i] = fib_ip(i % 3 == 1 ? "2001:db8::5" : "2001:db9::5");
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
	fib_set(*state, "10.0.0.0", 8, 1, 1);
	fib_set(*state, "10.0.0.2", 32, 2, 2);
	fib_set(*state, "2001:db8::", 32, 3, 3);
	fib_set(*state, "2001:db8::2", 128, 4, 4);
	fib_set(*state, "2001:db8:2::", 64, 5, 5);
	assert_int_equal(dp_fib_commit(*state), 0);
	for (uint32_t at = 0; at <= DP_FIB_BURST; at++)
		for (uint32_t n = DP_FIB_BURST - 1; n <= DP_FIB_BURST; n++)
			for (uint32_t way = 0; way < 3; way++) {
				const char *const others[] = {
				        "10.0.0.2", "2001:db8::2", "2001:db8:2::1"};
				const int ports[] = {2, 4, 5};
				const struct dp_adj *adjs[DP_FIB_BURST];
				const bool is_v6 = way > 0;
				struct lb_ip most = fib_ip(is_v6 ? "2001:db8::1" : "10.0.0.1");
				struct lb_ip other = fib_ip(others[way]);
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

	fib_set(*state, "2001:db8::", 32, 1, 1);
	fib_set(*state, "2001:db8::2", 128, 2, 2);
	fib_set(*state, "2001:db9::", 32, 3, 3);
	fib_set(*state, "0:ffff:2001:db8::", 128, 4, 4);
	fib_set(*state, "32.1.13.184", 32, 5, 5);
	fib_set(*state, "32.1.13.0", 24, 6, 6);
	assert_int_equal(dp_fib_commit(*state), 0);
	/* each after each other, and after itself */
	for (uint32_t i = 0; i < 2 * n * n; i++) {
		struct lb_ip a = fib_ip(addresses[i % 2 ? i / 2 % n : i / 2 / n]);

		assert_ptr_equal(fib_look_up_often(*state, &fib_memo, 7, &a, &asked),
		        fib_look_up(*state, &a));
	}
	assert_int_equal(asked, 2 * n * n - 2 * n);
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
	struct lb_ip a = v6 ? fib_ip("2001:db8::") : fib_ip("10.0.0.0");

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
	struct route routes[FIB_ROUTES / 2];
	const int n = FIB_ROUTES / 2;

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
			struct dp_adj adj = fib_hop((uint16_t)(1 + rand() % 1000), (uint8_t)rand());

			r->port = rand() % 3 == 0 ? 0 : adj.port;
			assert_int_equal(r->port != 0
			                         ? dp_fib_set(*state, &r->prefix, r->depth, &adj)
			                         : dp_fib_remove(*state, &r->prefix, r->depth),
			        0);
		}
		assert_int_equal(dp_fib_commit(*state), 0);
		for (int k = 0; k < 200; k++) {
			struct lb_ip a = random_ip(k % 2);

			assert_int_equal(
			        fib_look_up_twice(*state, &a)->port, naive_port(routes, n, &a));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        FIB_CASE(finds_nothing_in_an_empty_fib),
	        FIB_CASE(takes_the_longest_match_in_both_families),
	        FIB_CASE(answers_a_burst_in_its_order),
	        FIB_CASE(answers_a_burst_to_nearly_one_address),
	        FIB_CASE(remembers_one_address_at_a_place),
	        FIB_CASE(agrees_with_a_list_of_routes_over_random_changes),
	};

	return cmocka_run_group_tests_name("fib", tests, fib_start, NULL);
}
