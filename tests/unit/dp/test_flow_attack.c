/* SPDX-License-Identifier: BSD-3-Clause
 *
 * An attacker who chooses client addresses and ports, knows the program, and has a table of his own
 * with another secret to try on. He wants one bucket full. Under a good keyed hash what he sends
 * spreads as if by chance; and the same test with the secret known shows that it would notice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <cmocka.h>

#include "flow_fixture.h"

#define FLOWS   5000 /* of each family: 2000 buckets, far fewer than inputs */
#define INPUTS  50000
#define SECRETS 4 /* tables that each attack is tried on */

/* What the attacker chooses. */
struct client {
	uint64_t address; /* IPv4: the lower half */
	uint16_t port;
};

static struct client inputs[INPUTS];

static struct dp_flow_key key_of(struct client c, bool is_v6)
{
	struct dp_flow_key key = {
	        .client_port = c.port, .protocol = IPPROTO_TCP, .is_v6 = is_v6, .other_port = 80};

	if (is_v6) {
		key.client.bytes[0] = 0x20;
		memcpy(key.client.bytes + 8, &c.address, sizeof(c.address));
		key.other.bytes[0] = 0xfd;
	} else {
		key.client = lb_ip_from_v4((uint32_t)c.address);
		key.other = lb_ip_from_v4(1);
	}
	return key;
}

static uint32_t bucket_of(const struct dp_flow_table *t, struct client c, bool is_v6)
{
	struct dp_flow_key key = key_of(c, is_v6);

	return flow_bucket(t, flow_hash(t, &key));
}

/* ---- attacks: each fills inputs[] with different clients ---- */

static void sequential_addresses(bool is_v6)
{
	for (uint32_t i = 0; i < INPUTS; i++)
		inputs[i] = (struct client){0x0a000000 + i, 4000};
}

static void sequential_on_the_wire(bool is_v6)
{
	for (uint32_t i = 0; i < INPUTS; i++)
		inputs[i] = (struct client){__builtin_bswap32(0x0a000000 + i), 4000};
}

static void one_address_all_ports(bool is_v6)
{
	for (uint32_t i = 0; i < INPUTS; i++)
		inputs[i] = (struct client){0x01020304, (uint16_t)(i + 1024)};
}

/* The words of the input, 48 bits of IPv4 or 80 of IPv6, by number. */
static void flip(struct client *c, uint32_t bit, bool is_v6)
{
	uint32_t of_address = is_v6 ? 64 : 32;

	if (bit < of_address)
		c->address ^= UINT64_C(1) << bit;
	else
		c->port ^= (uint16_t)(1u << (bit - of_address));
}

/* All that differ from one client in up to four bits, as far as there is room. */
static void few_bits_differ(bool is_v6)
{
	uint32_t n = 0, bits = is_v6 ? 80 : 48;

	for (uint32_t a = 0; a < bits; a++)
		for (uint32_t b = 0; b <= a; b++)
			for (uint32_t c = 0; c <= b; c++)
				for (uint32_t d = 0; d < c && n < INPUTS; d++) {
					struct client client = {0x5a5a5a5a5a5a5a5a, 0x1234};

					flip(&client, d, is_v6);
					flip(&client, c, is_v6);
					if (b != c)
						flip(&client, b, is_v6);
					if (a != b && b != c)
						flip(&client, a, is_v6);
					else if (a != b)
						continue;
					inputs[n++] = client;
				}
	assert_true(n > INPUTS / 10);
	for (; n < INPUTS; n++)
		inputs[n] = (struct client){0x5a5a5a5a5a5a5a5a + n * UINT64_C(0x100), 0x1234};
}

/* What fills a bucket where the hash multiplies: multiples of the number of buckets, of powers of
 * two, of a well-known multiplier and of its inverse. */
static void multiples(uint64_t step)
{
	for (uint32_t i = 0; i < INPUTS; i++) {
		uint64_t x = i * step;

		inputs[i] = (struct client){(uint32_t)x, (uint16_t)(x >> 32)};
	}
}

static void multiples_of_the_buckets(bool is_v6)
{
	multiples(2 * FLOWS / 5);
}

static void multiples_of_2_16(bool is_v6)
{
	multiples(UINT64_C(1) << 16);
}

static void multiples_of_the_golden_ratio(bool is_v6)
{
	multiples(UINT64_C(0x9e3779b97f4a7c15));
}

static void multiples_of_its_inverse(bool is_v6)
{
	multiples(UINT64_C(0xf1de83e19937733d));
}

/* Clients that all meet in one bucket of 't'. */
static void aim(const struct dp_flow_table *t, bool is_v6)
{
	uint64_t address = 1;

	for (uint32_t n = 0; n < INPUTS / 20; address++) {
		struct client c = {address, 4000};

		if (bucket_of(t, c, is_v6) == 7)
			inputs[n++] = c;
	}
}

/* The rest: the aimed addresses again, with other ports. */
static void spread_over_ports(void)
{
	for (uint32_t i = INPUTS / 20; i < INPUTS; i++)
		inputs[i] = (struct client){
		        inputs[i % (INPUTS / 20)].address, (uint16_t)(4000 + i / (INPUTS / 20))};
}

/* Aimed at a table of his own. */
static void aimed_with_another_secret(bool is_v6)
{
	struct dp_flow_table *own = flow_table(FLOWS, FLOWS);

	aim(own, is_v6);
	spread_over_ports();
	dp_flow_close(own);
}

/* Aimed with the secret that a careless program would have. */
static void aimed_with_no_secret(bool is_v6)
{
	struct dp_flow_table *own = flow_table(FLOWS, FLOWS);

	own->secret[0] = own->secret[1] = 0;
	aim(own, is_v6);
	spread_over_ports();
	dp_flow_close(own);
}

/* He fills a table of his own, sees by its timing (here: by its usage) whose insertion made a
 * bucket overflow, and keeps these. */
static void overflowed_another_table(bool is_v6)
{
	struct dp_flow_table *own = flow_table(FLOWS, FLOWS);
	struct dp_flow_usage usage;
	uint64_t before = 0;
	uint32_t n = 0, given = 0;

	for (uint64_t address = 1; n < INPUTS / 20; address++) {
		struct client c = {address, 4000};
		struct dp_flow_key key = key_of(c, is_v6);
		struct dp_flow_target to = {.ip = key.other, .port = 1};

		if (++given == 2 * FLOWS * 9 / 10) {
			dp_flow_close(own);
			own = flow_table(FLOWS, FLOWS);
			given = 0;
			before = 0;
		}
		flow_put_key(own, 0, &key, &to, TCP_SYN, 1);
		dp_flow_usage(own, &usage);
		if (usage.overflow_lines_used > before)
			inputs[n++] = c;
		before = usage.overflow_lines_used;
	}
	spread_over_ports();
	dp_flow_close(own);
}

/* ---- is it chance? ---- */

/* log of the probability that a Poisson variable of mean 'mean' is 'k' or more; a bound. */
static double log_tail(double mean, uint32_t k)
{
	return k > mean ? k - mean - k * log(k / mean) : 0;
}

/* Whether the loads of the buckets look like chance: the fullest one, and chi-square. What chance
 * does less often than once in about 10^9 times is an attack. */
static const char *not_by_chance(const struct dp_flow_table *t, bool is_v6)
{
	static uint32_t loads[2 * FLOWS / 5];
	double mean = (double)INPUTS / t->nb_buckets, chi = 0, degrees = t->nb_buckets - 1;
	uint32_t most = 0;

	assert_int_equal(t->nb_buckets, sizeof(loads) / sizeof(loads[0]));
	memset(loads, 0, sizeof(loads));
	for (uint32_t i = 0; i < INPUTS; i++)
		loads[bucket_of(t, inputs[i], is_v6)]++;
	for (uint32_t b = 0; b < t->nb_buckets; b++) {
		double off = loads[b] - mean;

		chi += off * off / mean;
		most = loads[b] > most ? loads[b] : most;
	}
	if (log(t->nb_buckets) + log_tail(mean, most) < -20)
		return "a bucket is too full";
	if (fabs(chi - degrees) > 6.5 * sqrt(2 * degrees))
		return chi > degrees ? "too unequal" : "too equal";
	return NULL;
}

static void chosen_clients_spread_as_if_by_chance(void **state)
{
	static const struct {
		const char *name;
		void (*choose)(bool is_v6);
	} attacks[] = {
	        {"sequential addresses", sequential_addresses},
	        {"sequential on the wire", sequential_on_the_wire},
	        {"one address, all ports", one_address_all_ports},
	        {"few bits differ", few_bits_differ},
	        {"multiples of the buckets", multiples_of_the_buckets},
	        {"multiples of 2^16", multiples_of_2_16},
	        {"multiples of the golden ratio", multiples_of_the_golden_ratio},
	        {"multiples of its inverse", multiples_of_its_inverse},
	        {"aimed with another secret", aimed_with_another_secret},
	        {"aimed with no secret", aimed_with_no_secret},
	        {"overflowed another table", overflowed_another_table},
	};

	for (uint32_t i = 0; i < 2 * sizeof(attacks) / sizeof(attacks[0]); i++) {
		bool is_v6 = i % 2;

		attacks[i / 2].choose(is_v6);
		for (uint32_t k = 0; k < SECRETS; k++) {
			struct dp_flow_table *t = flow_table(FLOWS, FLOWS);
			const char *wrong = not_by_chance(t, is_v6);

			if (wrong != NULL)
				fail_msg("%s, IPv%c: %s", attacks[i / 2].name, is_v6 ? '6' : '4',
				        wrong);
			dp_flow_close(t);
		}
	}
}

/* The control: whoever knows the secret fills a bucket with as many flows, and the test sees it. */
static void with_the_secret_the_attack_works(void **state)
{
	for (int is_v6 = 0; is_v6 < 2; is_v6++) {
		struct dp_flow_table *t = flow_table(FLOWS, FLOWS);
		struct dp_flow_usage usage;

		aim(t, is_v6);
		for (uint32_t i = INPUTS / 20; i < INPUTS; i++)
			inputs[i] = (struct client){i * UINT64_C(65537), (uint16_t)i};
		assert_non_null(not_by_chance(t, is_v6));
		for (uint32_t i = 0; i < INPUTS / 20; i++) {
			struct dp_flow_key key = key_of(inputs[i], is_v6);
			struct dp_flow_target to = {.ip = key.other, .port = 1};

			assert_int_equal(
			        flow_put_key(t, 0, &key, &to, TCP_SYN, 1).result, DP_FLOW_INSERTED);
		}
		/* even then a bucket has its bound, and gives up its own flows */
		dp_flow_usage(t, &usage);
		assert_int_equal(usage.overflow_lines_used, FLOW_MAX_LINES - 1);
		assert_int_equal(usage.used[is_v6], FLOW_MAX_LINES * FLOW_LINE_SLOTS);
		dp_flow_close(t);
	}
}

/* One client address and port through many virtual addresses is one bucket without any secret: it
 * is capped, and whoever else is in that bucket is not concerned. */
static void one_client_port_is_capped(void **state)
{
	struct dp_flow_table *t = flow_table(FLOWS, FLOWS);
	struct spec neighbour = {1, 4000, 1, 1, 0, false}, s = {1, 5000, 0, 0, 0, false};
	struct dp_flow_key key = flow_key(&s, DP_TO_TARGET);
	uint32_t bucket = flow_bucket(t, flow_hash(t, &key)), inserted = 0, refused = 0;

	for (uint32_t i = 0; i < 2000; i++) {
		enum dp_flow_result result;

		s.vip = s.target = (uint16_t)i;
		result = flow_put(t, 0, &s, TCP_SYN, 1).result;
		inserted += result == DP_FLOW_INSERTED;
		refused += result == DP_FLOW_CLIENT_LIMIT;
	}
	assert_int_equal(inserted, 64);
	assert_int_equal(refused, 2000 - 64);
	do {
		neighbour.client++;
		key = flow_key(&neighbour, DP_TO_TARGET);
	} while (flow_bucket(t, flow_hash(t, &key)) != bucket);
	assert_true(flow_open(t, 0, &neighbour, 1));
	assert_null(flow_wrong(t, &neighbour));
	dp_flow_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(chosen_clients_spread_as_if_by_chance),
	        cmocka_unit_test(with_the_secret_the_attack_works),
	        cmocka_unit_test(one_client_port_is_capped),
	};

	return cmocka_run_group_tests_name("flow_attack", tests, NULL, NULL);
}
