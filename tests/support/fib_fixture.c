/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Next hops with routes that say of themselves which they are.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <rte_eal.h>

#include "fib_fixture.h"

struct dp_fib_memo fib_memo;

struct lb_ip fib_ip(const char *text)
{
	struct lb_ip parsed;
	lb_be32 v4;

	if (inet_pton(AF_INET, text, &v4) == 1)
		return lb_ip_from_v4(v4);
	assert_int_equal(inet_pton(AF_INET6, text, &parsed), 1);
	return parsed;
}

const struct dp_adj *fib_look_up(struct dp_fib *fib, const struct lb_ip *a)
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

const struct dp_adj *fib_look_up_often(struct dp_fib *fib, struct dp_fib_memo *m, uint32_t place,
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
	adj = fib_look_up(fib, a);
	dp_fib_remember(m, place, words, is_v6, epoch, adj);
	return adj;
}

const struct dp_adj *fib_look_up_twice(struct dp_fib *fib, const struct lb_ip *a)
{
	const struct dp_adj *adj = fib_look_up(fib, a);
	uint32_t asked = 0;

	assert_ptr_equal(fib_look_up_often(fib, &fib_memo, 7, a, &asked), adj);
	asked = 0;
	assert_ptr_equal(fib_look_up_often(fib, &fib_memo, 7, a, &asked), adj);
	assert_int_equal(asked, 0);
	return adj;
}

struct dp_adj fib_hop(uint16_t port, uint8_t last)
{
	struct dp_adj adj = {.port = port, .kind = DP_ADJ_FORWARD, .mtu = 1500};

	adj.dst.addr_bytes[0] = 2;
	adj.dst.addr_bytes[5] = last;
	return adj;
}

void fib_set(struct dp_fib *fib, const char *prefix, uint8_t depth, uint16_t port, uint8_t last)
{
	struct lb_ip p = fib_ip(prefix);
	struct dp_adj adj = fib_hop(port, last);

	assert_int_equal(dp_fib_set(fib, &p, depth, &adj), 0);
}

void fib_drop(struct dp_fib *fib, const char *prefix, uint8_t depth)
{
	struct lb_ip p = fib_ip(prefix);

	assert_int_equal(dp_fib_remove(fib, &p, depth), 0);
}

const struct dp_adj *fib_find(struct dp_fib *fib, const char *address)
{
	struct lb_ip a = fib_ip(address);
	const struct dp_adj *adj = fib_look_up_twice(fib, &a);

	assert_non_null(adj);
	return adj;
}

int fib_port_of(struct dp_fib *fib, const char *address)
{
	const struct dp_adj *adj = fib_find(fib, address);

	return adj->kind == DP_ADJ_NONE ? 0 : adj->port;
}

int fib_setup(void **state)
{
	memset(&fib_memo, 0, sizeof(fib_memo));
	*state = dp_fib_create(FIB_ROUTES, 2);
	return *state == NULL;
}

int fib_teardown(void **state)
{
	dp_fib_free(*state);
	return 0;
}

int fib_start(void **state)
{
	char program[] = "fib";
	char *args[] = {program, "--no-huge", "-m", "512", "--no-shconf", "--no-pci", "--lcores=0",
	        "--no-telemetry", "--log-level=4"};

	return rte_eal_init(sizeof(args) / sizeof(args[0]), args) < 0;
}
