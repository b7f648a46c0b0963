/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Neighbours that workers ask for.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fib_fixture.h"

static void asks_once_for_an_address_that_many_packets_want(void **state)
{
	struct lb_ip a = fib_ip("10.0.0.9"), got;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	        FIB_CASE(asks_once_for_an_address_that_many_packets_want),
	        FIB_CASE(hands_over_different_addresses_each_once),
	};

	return cmocka_run_group_tests_name("fib_want", tests, fib_start, NULL);
}
