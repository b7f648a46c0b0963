/* SPDX-License-Identifier: BSD-3-Clause
 *
 * TCP states, and UDP's: whole connections step by step, and what must hold of the table as a
 * whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tcp_state.h"

#define SYN RTE_TCP_SYN_FLAG
#define ACK RTE_TCP_ACK_FLAG
#define FIN RTE_TCP_FIN_FLAG
#define RST RTE_TCP_RST_FLAG
#define PSH RTE_TCP_PSH_FLAG

#define IN  DP_TO_TARGET
#define OUT DP_TO_CLIENT

struct step {
	enum dp_direction direction;
	uint8_t flags;
	uint8_t state; /* afterwards */
};

static void walk(uint8_t state, const struct step *steps, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		state = dp_tcp_step(state, steps[i].direction, steps[i].flags);
		assert_int_equal(state, steps[i].state);
	}
}

#define WALK(first, ...)                                                \
	do {                                                            \
		const struct step s[] = {__VA_ARGS__};                  \
		walk(dp_tcp_first(first), s, sizeof(s) / sizeof(s[0])); \
	} while (0)

static void client_closes_first(void **state)
{
	WALK(SYN, {OUT, SYN | ACK, DP_TCP_SYN_RECEIVED}, {IN, ACK, DP_TCP_ESTABLISHED},
	        {IN, ACK | PSH, DP_TCP_ESTABLISHED}, {OUT, ACK | PSH, DP_TCP_ESTABLISHED},
	        {IN, FIN | ACK, DP_TCP_CLIENT_FIN}, {OUT, ACK | PSH, DP_TCP_CLIENT_FIN},
	        {IN, FIN | ACK, DP_TCP_CLIENT_FIN}, {OUT, FIN | ACK, DP_TCP_CLIENT_CLOSED},
	        {IN, ACK, DP_TCP_CLIENT_CLOSED});
}

static void target_closes_first(void **state)
{
	WALK(SYN, {OUT, SYN | ACK, DP_TCP_SYN_RECEIVED}, {IN, ACK, DP_TCP_ESTABLISHED},
	        {OUT, FIN | ACK, DP_TCP_TARGET_FIN}, {IN, ACK, DP_TCP_TARGET_FIN},
	        {IN, FIN | ACK, DP_TCP_TARGET_CLOSED}, {OUT, ACK, DP_TCP_TARGET_CLOSED});
}

static void refused_by_the_target(void **state)
{
	WALK(SYN, {IN, SYN, DP_TCP_SYN_SENT}, {OUT, RST | ACK, DP_TCP_TARGET_RESET});
}

static void adopted_until_the_target_answers(void **state)
{
	WALK(ACK, {IN, ACK | PSH, DP_TCP_ADOPTED}, {IN, FIN | ACK, DP_TCP_ADOPTED},
	        {OUT, ACK, DP_TCP_ESTABLISHED});
	WALK(ACK, {OUT, RST, DP_TCP_TARGET_RESET});
}

static void old_ack_does_not_open(void **state)
{
	WALK(SYN, {OUT, ACK, DP_TCP_SYN_SENT}, {IN, RST, DP_TCP_CLIENT_RESET});
}

static void forged_reset_is_undone_by_the_ends(void **state)
{
	WALK(ACK, {OUT, ACK, DP_TCP_ESTABLISHED}, {IN, RST, DP_TCP_CLIENT_RESET},
	        {IN, ACK, DP_TCP_ADOPTED}, {OUT, ACK, DP_TCP_ESTABLISHED},
	        {OUT, RST, DP_TCP_TARGET_RESET}, {IN, ACK, DP_TCP_TARGET_RESET},
	        {OUT, ACK, DP_TCP_ESTABLISHED});
}

static void reset_wins_over_all_flags(void **state)
{
	for (unsigned int flags = 0; flags < 256; flags++)
		if (flags & RST)
			assert_int_equal(dp_tcp_step(DP_TCP_ESTABLISHED, OUT, (uint8_t)flags),
			        DP_TCP_TARGET_RESET);
}

/* Whatever a client sends alone: never a class that a full table keeps. */
static void client_alone_never_opens(void **state)
{
	uint8_t reached[DP_TCP_STATES] = {0};

	for (unsigned int flags = 0; flags < 256; flags++)
		reached[dp_tcp_first((uint8_t)flags)] = 1;
	for (unsigned int round = 0; round < DP_TCP_STATES; round++)
		for (uint8_t s = 0; s < DP_TCP_STATES; s++)
			for (unsigned int flags = 0; reached[s] && flags < 256; flags++)
				reached[dp_tcp_step(s, IN, (uint8_t)flags)] = 1;
	for (uint8_t s = 0; s < DP_TCP_STATES; s++)
		if (reached[s])
			assert_int_not_equal(dp_tcp_class(s), DP_TCP_CLASS_OPEN);
	assert_true(reached[DP_TCP_SYN_SENT] && reached[DP_TCP_ADOPTED]);
}

static void every_byte_leads_to_a_state(void **state)
{
	for (unsigned int s = 0; s < 256; s++)
		for (unsigned int flags = 0; flags < 256; flags++) {
			assert_in_range(
			        dp_tcp_step((uint8_t)s, IN, (uint8_t)flags), 0, DP_TCP_STATES - 1);
			assert_in_range(
			        dp_tcp_step((uint8_t)s, OUT, (uint8_t)flags), 0, DP_TCP_STATES - 1);
		}
}

static void udp_opens_when_the_client_goes_on_after_an_answer(void **state)
{
	const struct step steps[] = {{IN, 0, DP_TCP_NONE}, {OUT, 0, DP_UDP_ANSWERED},
	        {OUT, 0, DP_UDP_ANSWERED}, {IN, 0, DP_UDP_OPEN}, {OUT, 0, DP_UDP_OPEN},
	        {IN, 0, DP_UDP_OPEN}};

	walk(DP_TCP_NONE, steps, sizeof(steps) / sizeof(steps[0]));
	for (uint32_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		assert_int_equal(dp_tcp_class(steps[i].state), DP_TCP_CLASS_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(client_closes_first),
	        cmocka_unit_test(target_closes_first),
	        cmocka_unit_test(refused_by_the_target),
	        cmocka_unit_test(adopted_until_the_target_answers),
	        cmocka_unit_test(old_ack_does_not_open),
	        cmocka_unit_test(forged_reset_is_undone_by_the_ends),
	        cmocka_unit_test(reset_wins_over_all_flags),
	        cmocka_unit_test(client_alone_never_opens),
	        cmocka_unit_test(every_byte_leads_to_a_state),
	        cmocka_unit_test(udp_opens_when_the_client_goes_on_after_an_answer),
	};

	return cmocka_run_group_tests_name("tcp_state", tests, NULL, NULL);
}
