/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One line of a bucket: its plain and its vector form say the same, and writing one slot leaves the
 * others alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "flow_bucket.h"
#include "flow_line.h"

/* All candidates that the line's plain form finds and that are some, the other one finds. */
static void candidates_are_the_twin_s(void **state)
{
	struct flow_line line;
	unsigned int seed = 1;

	for (uint32_t k = 0; k < 100000; k++) {
		uint16_t tag = (uint16_t)(1 + (uint32_t)rand_r(&seed) % 3);
		uint32_t plain = 0, other = 0;

		for (uint32_t slot = 0; slot < sizeof(line) / 4; slot++)
			((uint32_t *)&line)[slot] =
			        (uint32_t)rand_r(&seed) % 4 | ((uint32_t)rand_r(&seed) % 4) << 16;
		for (uint64_t bits = flow_candidates_plain(&line, tag); bits != 0;
		        bits &= bits - 1) {
			uint32_t slot = flow_slot_plain(bits);

			plain |= (uint32_t)(flow_tag_at(&line, slot) == tag) << slot;
		}
		for (uint64_t bits = flow_candidates(&line, tag); bits != 0; bits &= bits - 1) {
			uint32_t slot = flow_candidate_slot(bits);

			other |= (uint32_t)(flow_tag_at(&line, slot) == tag) << slot;
		}
		assert_int_equal(plain, other);
		for (uint32_t slot = 0; slot < FLOW_LINE_SLOTS; slot++)
			assert_int_equal(plain >> slot & 1, flow_tag_at(&line, slot) == tag);
	}
}

static void used_slots_are_counted(void **state)
{
	struct flow_line line;

	for (uint32_t used = 0; used <= FLOW_LINE_SLOTS; used++) {
		memset(&line, 0xff, sizeof(line));
		memset(line.refs, 0, sizeof(line.refs));
		for (uint32_t slot = 0; slot < used; slot++)
			flow_slot_set(&line, slot, slot % 2 == 0 ? 1 : UINT32_C(0x80000000), 0);
		assert_int_equal(flow_line_used_plain(&line), used);
		assert_int_equal(flow_line_used(&line), used);
	}
}

/* Also where version, chain and tags look like it. */
static void a_ref_s_slot_is_found(void **state)
{
	struct flow_line line;

	for (uint32_t slot = 0; slot <= FLOW_LINE_SLOTS; slot++) {
		memset(&line, 0x55, sizeof(line));
		for (uint32_t i = 0; i < FLOW_LINE_SLOTS; i++)
			line.refs[i] = i == slot ? UINT32_C(0x55555555) : i;
		assert_int_equal(flow_line_slot_plain(&line, UINT32_C(0x55555555)), slot);
		assert_int_equal(flow_line_slot(&line, UINT32_C(0x55555555)), slot);
	}
}

static void a_slot_is_set_apart_from_the_others(void **state)
{
	struct flow_line line;

	for (uint32_t slot = 0; slot < FLOW_LINE_SLOTS; slot++) {
		memset(&line, 0, sizeof(line));
		flow_slot_set(&line, slot, UINT32_MAX, UINT16_MAX);
		assert_int_equal(flow_tag_at(&line, slot), UINT16_MAX);
		assert_int_equal(
		        line.tags[0], slot / 4 == 0 ? UINT64_C(0xffff) << slot % 4 * 16 : 0);
		assert_int_equal(
		        line.tags[1], slot / 4 == 1 ? UINT64_C(0xffff) << slot % 4 * 16 : 0);
		assert_int_equal(line.tag8, slot == 8 ? 0xffff : 0);
		for (uint32_t other = 0; other < FLOW_LINE_SLOTS; other++)
			assert_int_equal(line.refs[other], other == slot ? UINT32_MAX : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(candidates_are_the_twin_s),
	        cmocka_unit_test(used_slots_are_counted),
	        cmocka_unit_test(a_ref_s_slot_is_found),
	        cmocka_unit_test(a_slot_is_set_apart_from_the_others),
	};

	return cmocka_run_group_tests_name("flow_line", tests, NULL, NULL);
}
