/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Next hops: when changes become visible, and when adjacencies may be reused.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "fib_fixture.h"

static void shows_changes_at_commit_and_not_before(void **state)
{
	fib_set(*state, "10.0.0.0", 8, 1, 1);
	assert_int_equal(fib_port_of(*state, "10.0.0.1"), 0);
	assert_int_equal(dp_fib_commit(*state), 0);
	assert_int_equal(fib_port_of(*state, "10.0.0.1"), 1);
	fib_drop(*state, "10.0.0.0", 8);
	assert_int_equal(fib_port_of(*state, "10.0.0.1"), 1);
	assert_int_equal(dp_fib_commit(*state), 0);
	assert_int_equal(fib_port_of(*state, "10.0.0.1"), 0);
}

/* The epoch comes first: what is looked up under an old one is not good under the next. */
static void forgets_with_the_epoch(void **state)
{
	const uint64_t before = dp_fib_epoch(*state), words[2] = {1, 2};
	struct lb_ip a = fib_ip("2001:db8::1");

	dp_fib_remember(&fib_memo, 7, words, true, before, fib_look_up(*state, &a));
	assert_non_null(dp_fib_recall(&fib_memo, 7, words, true, before));
	fib_set(*state, "2001:db8::", 32, 1, 1);
	assert_int_equal(dp_fib_commit(*state), 0);
	assert_true(dp_fib_epoch(*state) > before);
	assert_null(dp_fib_recall(&fib_memo, 7, words, true, dp_fib_epoch(*state)));
}

static void replaces_an_adjacency_without_touching_the_old_one(void **state)
{
	const struct dp_adj *old;

	dp_fib_online(*state, 0);
	fib_set(*state, "10.0.0.1", 32, 1, 1);
	assert_int_equal(dp_fib_commit(*state), -ETIMEDOUT); /* reader 0 has not passed */
	old = fib_find(*state, "10.0.0.1");
	assert_int_equal(old->dst.addr_bytes[5], 1);
	dp_fib_quiescent(*state, 0);
	fib_set(*state, "10.0.0.1", 32, 1, 2);
	assert_int_equal(dp_fib_commit(*state), -ETIMEDOUT);
	assert_int_equal(old->dst.addr_bytes[5], 1); /* what the reader may still hold */
	assert_int_equal(fib_find(*state, "10.0.0.1")->dst.addr_bytes[5], 2);
	dp_fib_offline(*state, 0);
}

static void holds_changes_back_while_a_reader_stands_still(void **state)
{
	dp_fib_online(*state, 0);
	dp_fib_online(*state, 1);
	fib_set(*state, "10.0.0.0", 8, 1, 1);
	assert_int_equal(dp_fib_commit(*state), -ETIMEDOUT);
	dp_fib_quiescent(*state, 0); /* one of two is not enough */
	fib_set(*state, "10.0.0.0", 8, 2, 2);
	assert_int_equal(dp_fib_commit(*state), -ETIMEDOUT);
	assert_int_equal(fib_port_of(*state, "10.0.0.1"), 1);
	dp_fib_offline(*state, 0);
	dp_fib_offline(*state, 1);
	assert_int_equal(dp_fib_commit(*state), 0);
	assert_int_equal(fib_port_of(*state, "10.0.0.1"), 2);
}

static void waits_for_no_reader_that_is_offline(void **state)
{
	dp_fib_online(*state, 1);
	dp_fib_offline(*state, 1);
	fib_set(*state, "10.0.0.0", 8, 1, 1);
	assert_int_equal(dp_fib_commit(*state), 0);
}

static void reuses_adjacencies_that_nothing_refers_to(void **state)
{
	for (int i = 0; i < 20 * FIB_ROUTES; i++) {
		fib_set(*state, "10.0.0.1", 32, (uint16_t)(1 + i), (uint8_t)i);
		fib_set(*state, "2001:db8::1", 128, (uint16_t)(1 + i), (uint8_t)(i + 1));
		assert_int_equal(dp_fib_commit(*state), 0);
		assert_int_equal(fib_port_of(*state, "10.0.0.1"), 1 + i);
		assert_int_equal(fib_port_of(*state, "2001:db8::1"), 1 + i);
	}
}

static void says_when_there_is_no_room_and_keeps_the_rest(void **state)
{
	int failed = 0;

	for (uint32_t i = 0; i < 2 * FIB_ROUTES; i++) {
		struct lb_ip p = lb_ip_from_v4(htonl(0x0a000000 + (i << 8)));
		struct dp_adj adj = fib_hop(1, 1);

		assert_int_equal(dp_fib_set(*state, &p, 24, &adj), 0);
		failed += dp_fib_commit(*state) == -ENOSPC;
	}
	assert_int_equal(failed, FIB_ROUTES);
	assert_int_equal(fib_port_of(*state, "10.0.0.1"), 1);
	fib_drop(*state, "10.0.0.0", 24);
	assert_int_equal(dp_fib_commit(*state), 0);
	fib_set(*state, "10.1.255.0", 24, 2, 2);
	assert_int_equal(dp_fib_commit(*state), 0);
	assert_int_equal(fib_port_of(*state, "10.1.255.1"), 2);
}

static void refuses_a_depth_that_the_family_does_not_have(void **state)
{
	struct lb_ip v4 = fib_ip("10.0.0.0"), v6 = fib_ip("2001:db8::");
	struct dp_adj adj = fib_hop(1, 1);

	assert_int_equal(dp_fib_set(*state, &v4, 33, &adj), -EINVAL);
	assert_int_equal(dp_fib_set(*state, &v6, 129, &adj), -EINVAL);
	assert_int_equal(dp_fib_remove(*state, &v4, 128), -EINVAL);
}

static void removes_what_is_not_there_without_complaint(void **state)
{
	fib_drop(*state, "10.0.0.0", 8);
	fib_drop(*state, "2001:db8::", 32);
	assert_int_equal(dp_fib_commit(*state), 0);
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
	struct lb_ip ips[2] = {fib_ip("10.0.0.1"), fib_ip("2001:db8::1")};
	const struct dp_adj *adjs[2];

	while (!r->stop) {
		dp_fib_online(r->fib, r->number);
		for (int burst = 0; burst < 100; burst++) {
			for (int i = 0; i < 2; i++)
				adjs[i] = fib_look_up_often(
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
	struct lb_ip v4 = fib_ip("10.0.0.0"), v6 = fib_ip("2001:db8::");
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
	assert_int_equal(fib_port_of(*state, "10.0.0.1"), 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        FIB_CASE(shows_changes_at_commit_and_not_before),
	        FIB_CASE(forgets_with_the_epoch),
	        FIB_CASE(replaces_an_adjacency_without_touching_the_old_one),
	        FIB_CASE(holds_changes_back_while_a_reader_stands_still),
	        FIB_CASE(waits_for_no_reader_that_is_offline),
	        FIB_CASE(reuses_adjacencies_that_nothing_refers_to),
	        FIB_CASE(says_when_there_is_no_room_and_keeps_the_rest),
	        FIB_CASE(refuses_a_depth_that_the_family_does_not_have),
	        FIB_CASE(removes_what_is_not_there_without_complaint),
	        FIB_CASE(readers_never_see_an_adjacency_change),
	};

	return cmocka_run_group_tests_name("fib_change", tests, fib_start, NULL);
}
