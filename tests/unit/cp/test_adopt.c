/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reading what a predecessor had running: honest, damaged, hostile; and what becomes of the model.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>

#include "build/generation.h"
#include "model_fixture.h"
#include "publish/adopt.h"

#define SEGMENT_SIZE (1u << 20)

struct bench {
	struct cp_model *model;
	struct cp_target_group *group;
	struct cp_target *targets[3];
	uint8_t *segment;
	struct cp_heap heap;
	struct cp_scopes scopes;
	struct cp_running running;
	char why[160];
};

static void make_model(struct bench *b)
{
	struct cp_load_balancer *lb;

	b->model = fixture_model(64);
	lb = fixture_lb(b->model, 1, 1);
	b->group = fixture_group(b->model, "web", CP_TCP, false);
	for (uint8_t i = 0; i < 3; i++)
		b->targets[i] = fixture_target(b->model, b->group, 1, i, 0, 1);
	fixture_listener(b->model, lb, b->group, CP_TCP, 80);
}

static struct cp_generation *build(struct bench *b, uint64_t revision)
{
	struct cp_build_order order = {
	        .revision = revision, .max_targets = 64, .max_listeners = 64};
	struct cp_generation *made;

	assert_int_equal(
	        cp_generation_build(b->model, &b->scopes, &order, &made, b->why, sizeof(b->why)),
	        0);
	return made;
}

static int set_up(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	b->segment = aligned_alloc(64, SEGMENT_SIZE);
	memset(b->segment, 0, SEGMENT_SIZE);
	if (cp_heap_init(&b->heap, b->segment, SEGMENT_SIZE) < 0)
		return -1;
	cp_scopes_init(&b->scopes, &b->heap);
	make_model(b);
	fixture_all_healthy(b->group);
	cp_running_init(&b->running, b->segment, SEGMENT_SIZE);
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;

	cp_running_fini(&b->running);
	cp_scopes_fini(&b->scopes);
	cp_heap_fini(&b->heap);
	cp_model_free(b->model);
	free(b->segment);
	free(b);
	return 0;
}

static struct lb_generation *header_at(struct bench *b, uint64_t offset)
{
	return (struct lb_generation *)(b->segment + offset);
}

static int read_at(struct bench *b, uint64_t offset, uint64_t revision)
{
	b->why[0] = '\0';
	return cp_running_read(&b->running, offset, revision, b->why, sizeof(b->why));
}

/* The predecessor's generation of the model as it is, and then the model as it is loaded again. */
static uint64_t restart_with(struct bench *b, uint64_t revision)
{
	struct cp_generation *made = build(b, revision);
	uint64_t offset = made->offset;

	free(made->scopes);
	free(made);
	cp_model_free(b->model);
	make_model(b);
	return offset;
}

static void test_all_bytes_of_a_generation_are_found_once(void **state)
{
	struct bench *b = *state;
	struct cp_generation *first = build(b, 1), *second;
	uint64_t found = 0;

	fixture_unhealthy(b->targets[0]);
	second = build(b, 2);
	assert_int_equal(read_at(b, first->offset, 1), 0);
	assert_int_equal(read_at(b, second->offset, 2), 0);
	assert_int_equal(read_at(b, second->offset, 2), 0);
	assert_int_equal(b->running.revision, 2);
	cp_running_join(&b->running);
	assert_int_equal(b->running.nb_extents, 4);
	for (uint32_t i = 0; i < b->running.nb_extents; i++)
		found += LB_ALIGN_UP(b->running.extents[i].len, LB_BLOB_ALIGN);
	assert_int_equal(found, b->heap.used);
	cp_generation_free(&b->scopes, first);
	cp_generation_free(&b->scopes, second);
}

static void test_overlapping_extents_are_joined(void **state)
{
	struct bench *b = *state;
	struct cp_extent extents[] = {
	        {8192, 100}, {4096, 64}, {8192, 100}, {8256, 1000}, {4160, 64}, {20480, 1}};

	b->running.extents = malloc(sizeof(extents));
	memcpy(b->running.extents, extents, sizeof(extents));
	b->running.nb_extents = 6;
	cp_running_join(&b->running);
	assert_int_equal(b->running.nb_extents, 4);
	assert_int_equal(b->running.extents[2].offset, 8192);
	assert_int_equal(b->running.extents[2].len, 1064);
}

static void test_a_verdict_of_this_process_counts_more_than_a_running_one(void **state)
{
	struct bench *b = *state;
	uint64_t offset;

	fixture_unhealthy(b->targets[1]);
	offset = restart_with(b, 1);
	fixture_healthy(b->targets[1]);
	fixture_unhealthy(b->targets[2]);
	assert_int_equal(read_at(b, offset, 1), 0);
	cp_running_adopt(&b->running, b->model);
	assert_int_equal(b->targets[0]->health.state, LB_TARGET_HEALTHY);
	assert_int_equal(b->targets[1]->health.state, LB_TARGET_HEALTHY);
	assert_int_equal(b->targets[2]->health.state, LB_TARGET_UNHEALTHY);
}

static void test_a_running_initial_never_replaces_a_verdict(void **state)
{
	struct bench *b = *state;
	uint64_t offset;

	b->targets[0]->health.state = LB_TARGET_INITIAL;
	offset = restart_with(b, 1);
	fixture_healthy(b->targets[0]);
	assert_int_equal(read_at(b, offset, 1), 0);
	cp_running_adopt(&b->running, b->model);
	assert_int_equal(b->targets[0]->health.state, LB_TARGET_HEALTHY);
}

static void test_a_draining_targets_deadline_is_adopted_where_none_is_known(void **state)
{
	struct bench *b = *state;
	uint64_t offset;

	cp_target_drain(b->model, b->targets[0], 1000);
	b->targets[0]->drain_deadline_ms = 123456;
	offset = restart_with(b, 1);
	cp_target_drain(b->model, b->targets[0], 2000);
	b->targets[0]->drain_deadline_ms = 0;
	assert_int_equal(read_at(b, offset, 1), 0);
	cp_running_adopt(&b->running, b->model);
	assert_int_equal(b->targets[0]->drain_deadline_ms, 123456);
}

static void test_of_two_generations_the_newer_gives_slots_and_both_bar_epochs(void **state)
{
	struct bench *b = *state;
	struct cp_generation *old = build(b, 1);
	uint32_t *old_epochs =
	        (uint32_t *)(b->segment + old->offset + header_at(b, old->offset)->epochs_offset);
	uint32_t slot = b->targets[0]->slot;
	uint64_t old_offset = old->offset, offset;

	old_epochs[slot] = 50;
	free(old->scopes);
	free(old);
	cp_target_remove(b->model, b->targets[0]);
	offset = restart_with(b, 2);
	assert_int_equal(b->targets[0]->slot, slot);
	assert_int_equal(read_at(b, offset, 2), 0);
	assert_int_equal(read_at(b, old_offset, 1), 0);
	cp_running_adopt(&b->running, b->model);
	assert_int_equal(b->targets[0]->slot, slot);
	assert_int_equal(b->targets[0]->epoch, 51);
	assert_int_equal(b->targets[0]->health.state, LB_TARGET_INITIAL);
}

static void test_no_two_targets_share_a_slot_whatever_runs(void **state)
{
	struct bench *b = *state;
	struct cp_generation *made = build(b, 1);
	struct lb_generation *g = header_at(b, made->offset);
	struct lb_target *rows =
	        (struct lb_target *)(b->segment + made->offset + g->targets_offset);
	uint32_t *epochs = (uint32_t *)(b->segment + made->offset + g->epochs_offset);

	/* one identity on all slots, another on none; epochs at their end */
	rows[0] = rows[1] = rows[2];
	epochs[0] = epochs[1] = epochs[2] = UINT32_MAX;
	assert_int_equal(read_at(b, made->offset, 1), 0);
	cp_running_adopt(&b->running, b->model);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_not_equal(b->targets[i]->epoch, 0);
		for (uint32_t j = 0; j < i; j++)
			assert_int_not_equal(b->targets[i]->slot, b->targets[j]->slot);
	}
	cp_generation_free(&b->scopes, made);
}

static void foreign_magic(struct lb_generation *g)
{
	g->magic ^= 1;
}

static void other_revision(struct lb_generation *g)
{
	g->revision = 2;
}

static void tiny_size(struct lb_generation *g)
{
	g->size = 64;
}

static void odd_size(struct lb_generation *g)
{
	g->size++;
}

static void huge_size(struct lb_generation *g)
{
	g->size = UINT64_MAX - 63;
}

static void many_slots(struct lb_generation *g)
{
	g->nb_slots = UINT32_MAX;
}

static void slots_beyond_the_end(struct lb_generation *g)
{
	g->nb_slots = LB_MAX_TARGET_SLOTS;
}

static void many_listeners(struct lb_generation *g)
{
	g->nb_listeners = UINT32_MAX;
}

static void listeners_outside(struct lb_generation *g)
{
	g->listeners_offset = UINT32_MAX;
}

static void targets_outside(struct lb_generation *g)
{
	g->targets_offset = (uint32_t)g->size - 1;
}

static void epochs_outside(struct lb_generation *g)
{
	g->epochs_offset = (uint32_t)g->size;
}

static void test_damaged_generations_are_refused_and_change_nothing(void **state)
{
	static void (*const spoilers[])(struct lb_generation * g) = {foreign_magic, other_revision,
	        tiny_size, odd_size, huge_size, many_slots, slots_beyond_the_end, many_listeners,
	        listeners_outside, targets_outside, epochs_outside};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(spoilers) / sizeof(spoilers[0]); i++) {
		struct cp_generation *made = build(b, 1);

		spoilers[i](header_at(b, made->offset));
		assert_int_equal(read_at(b, made->offset, 1), -EINVAL);
		assert_non_null(strstr(b->why, "not adopted"));
		assert_int_equal(b->running.nb_generations, 0);
		assert_int_equal(b->running.nb_extents, 0);
		cp_generation_free(&b->scopes, made);
	}
}

static void test_offsets_outside_of_the_heap_are_refused(void **state)
{
	static const uint64_t offsets[] = {
	        64, 4095, 4097, SEGMENT_SIZE, SEGMENT_SIZE - 64, UINT64_MAX, UINT64_MAX - 63};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
		assert_int_equal(read_at(b, offsets[i], 1), -EINVAL);
}

static void test_an_impossible_revision_is_refused(void **state)
{
	struct bench *b = *state;
	struct cp_generation *made = build(b, 1);

	header_at(b, made->offset)->revision = UINT64_MAX;
	assert_int_equal(read_at(b, made->offset, UINT64_MAX), -EINVAL);
	cp_generation_free(&b->scopes, made);
}

static void test_tables_outside_of_the_segment_are_passed_over(void **state)
{
	struct bench *b = *state;
	struct cp_generation *made = build(b, 1);
	struct lb_generation *g = header_at(b, made->offset);
	struct lb_listener *row =
	        (struct lb_listener *)(b->segment + made->offset + g->listeners_offset);

	row->maglev_offset = SEGMENT_SIZE - 64;
	row->maglev_size = UINT32_MAX;
	assert_int_equal(read_at(b, made->offset, 1), 0);
	assert_int_equal(b->running.nb_extents, 1);
	cp_generation_free(&b->scopes, made);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(test_all_bytes_of_a_generation_are_found_once),
	        TEST(test_overlapping_extents_are_joined),
	        TEST(test_a_verdict_of_this_process_counts_more_than_a_running_one),
	        TEST(test_a_running_initial_never_replaces_a_verdict),
	        TEST(test_a_draining_targets_deadline_is_adopted_where_none_is_known),
	        TEST(test_of_two_generations_the_newer_gives_slots_and_both_bar_epochs),
	        TEST(test_no_two_targets_share_a_slot_whatever_runs),
	        TEST(test_damaged_generations_are_refused_and_change_nothing),
	        TEST(test_offsets_outside_of_the_heap_are_refused),
	        TEST(test_an_impossible_revision_is_refused),
	        TEST(test_tables_outside_of_the_segment_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
