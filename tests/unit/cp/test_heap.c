/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The heap of the tables segment, against a bitmap that knows which 64 bytes are whose.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>

#include "build/heap.h"
#include "lb/table.h"

#define HEAP_BYTES (64 * 64) /* 64 places */
#define SIZE       (LB_TABLES_HEAP_OFFSET + HEAP_BYTES)

static uint8_t segment[SIZE];

static void test_blobs_are_aligned_apart_and_inside(void **state)
{
	struct cp_heap heap;
	uint64_t a, b;

	(void)state;
	assert_int_equal(cp_heap_init(&heap, segment, SIZE), 0);
	a = cp_heap_alloc(&heap, 1);
	b = cp_heap_alloc(&heap, 65);
	assert_int_equal(a, LB_TABLES_HEAP_OFFSET);
	assert_int_equal(b, a + 64);
	assert_int_equal(heap.used, 64 + 128);
	cp_heap_fini(&heap);
}

static void test_a_full_heap_says_so_and_recovers(void **state)
{
	struct cp_heap heap;
	uint64_t a, b;

	(void)state;
	assert_int_equal(cp_heap_init(&heap, segment, SIZE), 0);
	assert_int_equal(cp_heap_alloc(&heap, HEAP_BYTES + 1), 0);
	assert_int_equal(cp_heap_alloc(&heap, UINT64_MAX), 0);
	a = cp_heap_alloc(&heap, HEAP_BYTES / 2);
	b = cp_heap_alloc(&heap, HEAP_BYTES / 2);
	assert_int_not_equal(b, 0);
	assert_int_equal(cp_heap_alloc(&heap, 1), 0);
	cp_heap_free(&heap, a, HEAP_BYTES / 2);
	assert_int_equal(cp_heap_alloc(&heap, HEAP_BYTES / 2), a);
	cp_heap_fini(&heap);
}

static void test_neighbours_join_again_in_any_order_of_freeing(void **state)
{
	static const int orders[][3] = {
	        {0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	struct cp_heap heap;
	uint64_t at[3];

	(void)state;
	for (size_t o = 0; o < sizeof(orders) / sizeof(orders[0]); o++) {
		assert_int_equal(cp_heap_init(&heap, segment, SIZE), 0);
		for (int i = 0; i < 3; i++)
			at[i] = cp_heap_alloc(&heap, 640);
		for (int i = 0; i < 3; i++)
			cp_heap_free(&heap, at[orders[o][i]], 640);
		assert_int_equal(heap.nb_free, 1);
		assert_int_equal(heap.used, 0);
		assert_int_equal(cp_heap_alloc(&heap, HEAP_BYTES), LB_TABLES_HEAP_OFFSET);
		cp_heap_fini(&heap);
	}
}

static void test_reserving_refuses_what_is_not_free_or_not_in_the_heap(void **state)
{
	const uint64_t start = LB_TABLES_HEAP_OFFSET;
	struct cp_heap heap;

	(void)state;
	assert_int_equal(cp_heap_init(&heap, segment, SIZE), 0);
	assert_int_equal(cp_heap_reserve(&heap, start + 640, 100), 0);
	assert_int_equal(cp_heap_reserve(&heap, start + 640, 100), -EINVAL);
	assert_int_equal(cp_heap_reserve(&heap, start + 704, 1), -EINVAL);
	assert_int_equal(cp_heap_reserve(&heap, start + 576, 65), -EINVAL);
	assert_int_equal(cp_heap_reserve(&heap, start + 576, 64), 0);
	assert_int_equal(cp_heap_reserve(&heap, 0, 64), -EINVAL);
	assert_int_equal(cp_heap_reserve(&heap, start + 1, 64), -EINVAL);
	assert_int_equal(cp_heap_reserve(&heap, start, 0), -EINVAL);
	assert_int_equal(cp_heap_reserve(&heap, SIZE, 64), -EINVAL);
	assert_int_equal(cp_heap_reserve(&heap, SIZE - 64, 65), -EINVAL);
	assert_int_equal(cp_heap_reserve(&heap, start, UINT64_MAX), -EINVAL);
	assert_int_equal(cp_heap_reserve(&heap, UINT64_MAX - 63, 64), -EINVAL);
	assert_int_equal(heap.used, 192);
	cp_heap_fini(&heap);
}

struct held {
	uint64_t offset, len;
};

static void mark(uint8_t *places, const struct held *held, uint8_t from, uint8_t to)
{
	uint64_t first = (held->offset - LB_TABLES_HEAP_OFFSET) / 64;
	uint64_t nb = (held->len + 63) / 64;

	for (uint64_t i = first; i < first + nb; i++) {
		assert_in_range(i, 0, HEAP_BYTES / 64 - 1);
		assert_int_equal(places[i], from);
		places[i] = to;
	}
}

/* The lowest run of free places, as first fit takes it. */
static uint64_t naive_fit(const uint8_t *places, uint64_t len)
{
	uint64_t wanted = (len + 63) / 64, run = 0;

	for (uint64_t i = 0; i < HEAP_BYTES / 64; i++) {
		run = places[i] ? 0 : run + 1;
		if (run == wanted)
			return LB_TABLES_HEAP_OFFSET + (i + 1 - wanted) * 64;
	}
	return 0;
}

static void test_random_work_agrees_with_a_bitmap(void **state)
{
	uint8_t places[HEAP_BYTES / 64] = {0};
	struct held held[64];
	uint32_t nb = 0;
	uint64_t random = 1;
	struct cp_heap heap;

	(void)state;
	assert_int_equal(cp_heap_init(&heap, segment, SIZE), 0);
	for (int step = 0; step < 200000; step++) {
		random = lb_mix(random + UINT64_C(0x9e3779b97f4a7c15));
		if (random % 5 < 3) {
			struct held h = {.len = 1 + random / 8 % 700};

			h.offset = cp_heap_alloc(&heap, h.len);
			assert_int_equal(h.offset, naive_fit(places, h.len));
			if (h.offset == 0)
				continue;
			mark(places, &h, 0, 1);
			held[nb++] = h;
		} else if (nb > 0) {
			uint32_t i = random / 8 % nb;

			cp_heap_free(&heap, held[i].offset, held[i].len);
			mark(places, &held[i], 1, 0);
			held[i] = held[--nb];
		}
	}
	while (nb-- > 0)
		cp_heap_free(&heap, held[nb].offset, held[nb].len);
	assert_int_equal(heap.used, 0);
	assert_int_equal(heap.nb_free, 1);
	cp_heap_fini(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_blobs_are_aligned_apart_and_inside),
	        cmocka_unit_test(test_a_full_heap_says_so_and_recovers),
	        cmocka_unit_test(test_neighbours_join_again_in_any_order_of_freeing),
	        cmocka_unit_test(test_reserving_refuses_what_is_not_free_or_not_in_the_heap),
	        cmocka_unit_test(test_random_work_agrees_with_a_bitmap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
