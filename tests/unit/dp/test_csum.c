/* SPDX-License-Identifier: BSD-3-Clause
 *
 * csum.h against checksums that are computed from scratch, over all 65,536 values.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "csum.h"
#include "frame.h"

static lb_be16 update(lb_be16 csum, dp_csum_delta delta)
{
	return dp_csum_update(csum, dp_csum_fold(delta));
}

static lb_be16 update_udp(lb_be16 csum, dp_csum_delta delta)
{
	return dp_csum_update_udp(csum, dp_csum_fold(delta));
}

static const uint16_t words[] = {0x0000, 0x0001, 0x00ff, 0x0100, 0x7fff, 0x8000, 0xfffe, 0xffff};
#define NB_WORDS (sizeof(words) / sizeof(words[0]))

/* Wire order, of bytes that are not all zero: those have no canonical form. */
static lb_be16 from_scratch(const void *bytes, uint32_t len)
{
	return htons(frame_checksum(bytes, len, 0));
}

static void a_changed_word_gives_the_checksum_from_scratch(void **state)
{
	for (uint32_t x = 0; x <= UINT16_MAX; x++) {
		for (uint32_t k = 0; k < NB_WORDS; k++) {
			uint16_t data[3] = {(uint16_t)x, words[k], 0x1234};
			lb_be16 before = from_scratch(data, sizeof(data)), after;

			after = update(before, dp_csum_delta16(data[1], words[NB_WORDS - 1 - k]));
			data[1] = words[NB_WORDS - 1 - k];
			assert_int_equal(after, from_scratch(data, sizeof(data)));
			after = update(after, dp_csum_delta16(data[0], (uint16_t)~x));
			data[0] = (uint16_t)~x;
			assert_int_equal(after, from_scratch(data, sizeof(data)));
		}
	}
}

static void changed_addresses_give_the_checksum_from_scratch(void **state)
{
	for (uint32_t x = 0; x <= UINT16_MAX; x++) {
		struct lb_ip ip = frame_ip("fe80::1:2:3"), to = frame_ip("fd00:1::ffff");
		uint32_t v4 = x << 16 | 0x00ff, to_v4 = ~x;
		struct {
			struct lb_ip ip;
			uint32_t v4;
		} data = {ip, v4};
		dp_csum_delta delta = dp_csum_delta32(v4, to_v4);
		uint32_t from_words[4], to_words[4];
		lb_be16 csum;

		memcpy(to.bytes + 8, &x, 2);
		memcpy(from_words, &ip, sizeof(from_words));
		memcpy(to_words, &to, sizeof(to_words));
		for (uint32_t i = 0; i < 4; i++)
			delta += dp_csum_delta32(from_words[i], to_words[i]);
		csum = update(from_scratch(&data, sizeof(data)), delta);
		data.ip = to;
		data.v4 = to_v4;
		assert_int_equal(csum, from_scratch(&data, sizeof(data)));
	}
}

/* One's complement numbers are equal when their difference is 0 in either form. */
static bool equal_modulo(uint32_t a, uint32_t b)
{
	return a % 0xffff == b % 0xffff;
}

static void a_wrong_checksum_stays_as_wrong_as_it_was(void **state)
{
	uint16_t data[2] = {0x1234, 0x5678};
	lb_be16 right_before = from_scratch(data, sizeof(data)), right_after;
	dp_csum_delta delta = dp_csum_delta16(data[1], 0x9abc);

	data[1] = 0x9abc;
	right_after = from_scratch(data, sizeof(data));
	for (uint32_t csum = 0; csum <= UINT16_MAX; csum++) {
		uint32_t error_before = csum + 0xffff - right_before;
		uint32_t error_after = update((lb_be16)csum, delta) + 0xffffu - right_after;

		assert_true(equal_modulo(error_before, error_after));
	}
}

static void udp_without_a_checksum_stays_without(void **state)
{
	for (uint32_t x = 0; x <= UINT16_MAX; x++)
		assert_int_equal(update_udp(0, dp_csum_delta16((lb_be16)x, (lb_be16)~x)), 0);
}

static void udp_with_a_checksum_never_gets_zero(void **state)
{
	uint32_t met_the_rule = 0;

	for (uint32_t csum = 1; csum <= UINT16_MAX; csum++) {
		for (uint32_t k = 0; k < NB_WORDS; k++) {
			dp_csum_delta delta = dp_csum_delta16(words[k], 0x3e51);
			lb_be16 plain = update((lb_be16)csum, delta);
			lb_be16 udp = update_udp((lb_be16)csum, delta);

			assert_int_equal(udp, plain == 0 ? 0xffff : plain);
			met_the_rule += plain == 0;
		}
	}
	assert_true(met_the_rule >= NB_WORDS);
}

static void each_wrong_bit_of_an_ip4_header_is_seen(void **state)
{
	struct frame_spec spec = {.src = frame_ip("192.0.2.1"),
	        .dst = frame_ip("10.90.0.10"),
	        .protocol = IPPROTO_UDP,
	        .ttl = 64,
	        .nb_between = 8,
	        .between = {1, 1, 1, 1, 1, 1, 1, 0}};
	struct frame f;

	frame_build(&f, &spec);
	assert_true(dp_csum_ip4_right(f.bytes + f.l3, 28));
	for (uint32_t bit = 0; bit < 28 * 8; bit++) {
		f.bytes[f.l3 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(dp_csum_ip4_right(f.bytes + f.l3, 28));
		f.bytes[f.l3 + bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_changed_word_gives_the_checksum_from_scratch),
	        cmocka_unit_test(changed_addresses_give_the_checksum_from_scratch),
	        cmocka_unit_test(a_wrong_checksum_stays_as_wrong_as_it_was),
	        cmocka_unit_test(udp_without_a_checksum_stays_without),
	        cmocka_unit_test(udp_with_a_checksum_never_gets_zero),
	        cmocka_unit_test(each_wrong_bit_of_an_ip4_header_is_seen),
	};

	return cmocka_run_group_tests_name("csum", tests, NULL, NULL);
}
