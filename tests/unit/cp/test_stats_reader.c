/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Sums, rates and lives of slots, from a stats segment in ordinary memory; hostile headers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>

#include "stats_reader.h"

enum { WORKERS = 2, TARGETS = 4, LISTENERS = 2, SLOT = 3 };

struct segment {
	struct lb_stats *stats;
	uint64_t size;
};

static int make_segment(void **state)
{
	struct segment *seg = calloc(1, sizeof(*seg));

	seg->size = lb_stats_size(WORKERS, TARGETS, LISTENERS);
	seg->stats = aligned_alloc(4096, seg->size);
	memset(seg->stats, 0, seg->size);
	seg->stats->segment.session = 1;
	seg->stats->nb_workers = WORKERS;
	seg->stats->max_targets = TARGETS;
	seg->stats->max_listeners = LISTENERS;
	*state = seg;
	return 0;
}

static int free_segment(void **state)
{
	struct segment *seg = *state;

	free(seg->stats);
	free(seg);
	return 0;
}

static struct lb_target_stats *target_of(const struct segment *seg, uint32_t worker)
{
	return lb_target_stats(seg->stats, WORKERS, TARGETS, worker) + SLOT;
}

/* A model with one group of one target, as far as the sampler looks. */
struct small_model {
	struct cp_model model;
	struct cp_target_group group;
	struct cp_target target;
};

static void small_model_init(struct small_model *small, uint64_t identity)
{
	memset(small, 0, sizeof(*small));
	small->target.slot = SLOT;
	small->target.identity = identity;
	small->group.targets = &small->target;
	small->model.groups = &small->group;
}

static void test_sums_of_all_workers(void **state)
{
	struct segment *seg = *state;
	struct cp_stats_view view;
	struct lb_target_stats sum;
	uint64_t counters[LB_COUNTER_SLOTS], drops[LB_DROP_SLOTS];

	target_of(seg, 0)->packets_in = 5;
	target_of(seg, 1)->packets_in = 7;
	lb_worker_stats(seg->stats, 0)->counters[LB_COUNTER_RECEIVED] = 10;
	lb_worker_stats(seg->stats, 1)->counters[LB_COUNTER_RECEIVED] = 20;
	lb_worker_stats(seg->stats, 1)->drops[LB_DROP_NO_ROUTE] = 3;
	assert_int_equal(cp_stats_view_init(&view, seg->stats, seg->size), 0);
	cp_stats_target(&view, SLOT, &sum);
	assert_int_equal(sum.packets_in, 12);
	cp_stats_totals(&view, counters, drops);
	assert_int_equal(counters[LB_COUNTER_RECEIVED], 30);
	assert_int_equal(drops[LB_DROP_NO_ROUTE], 3);
}

static void test_flows_begin_on_one_worker_and_end_on_another(void **state)
{
	struct segment *seg = *state;
	struct cp_stats_view view;

	target_of(seg, 0)->flows_new = 10;
	target_of(seg, 1)->flows_ended = 4;
	assert_int_equal(cp_stats_view_init(&view, seg->stats, seg->size), 0);
	assert_int_equal(cp_stats_target_flows(&view, SLOT), 6);
	/* a restarted dataplane ends flows that it did not begin */
	target_of(seg, 1)->flows_ended = 11;
	assert_int_equal(cp_stats_target_flows(&view, SLOT), 0);
	view.stats = NULL;
	assert_int_equal(cp_stats_target_flows(&view, SLOT), -1);
}

static void test_slots_beyond_the_instance_are_empty(void **state)
{
	struct segment *seg = *state;
	struct cp_stats_view view;
	struct lb_target_stats sum;
	struct lb_listener_stats listener;

	assert_int_equal(cp_stats_view_init(&view, seg->stats, seg->size), 0);
	cp_stats_target(&view, TARGETS, &sum);
	assert_int_equal(sum.packets_in, 0);
	cp_stats_target(&view, LB_NO_SLOT, &sum);
	assert_int_equal(sum.packets_in, 0);
	cp_stats_listener(&view, UINT32_MAX, &listener);
	assert_int_equal(listener.packets_in, 0);
}

static void test_numbers_that_do_not_fit_the_size_are_refused(void **state)
{
	struct segment *seg = *state;
	struct cp_stats_view view;

	seg->stats->nb_workers = LB_MAX_WORKERS;
	assert_int_equal(cp_stats_view_init(&view, seg->stats, seg->size), -EPROTO);
	assert_null(view.stats);
	seg->stats->nb_workers = UINT32_MAX;
	assert_int_equal(cp_stats_view_init(&view, seg->stats, seg->size), -EPROTO);
	seg->stats->nb_workers = WORKERS;
	seg->stats->max_targets = UINT32_MAX;
	assert_int_equal(cp_stats_view_init(&view, seg->stats, seg->size), -EPROTO);
	seg->stats->max_targets = TARGETS;
	seg->stats->nb_ports = LB_MAX_PORTS + 1;
	assert_int_equal(cp_stats_view_init(&view, seg->stats, seg->size), -EPROTO);
	seg->stats->nb_ports = LB_MAX_PORTS;
	assert_int_equal(cp_stats_view_init(&view, seg->stats, seg->size), 0);
	assert_int_equal(cp_stats_view_init(&view, seg->stats, sizeof(*seg->stats) - 1), -EPROTO);
	assert_int_equal(cp_stats_view_init(&view, NULL, 0), -EPROTO);
}

static void test_rates_are_per_second(void **state)
{
	struct segment *seg = *state;
	struct cp_sampler *sampler = cp_sampler_create();
	struct cp_target_sample sample;
	struct cp_stats_view view;
	struct small_model small;

	small_model_init(&small, 77);
	assert_int_equal(cp_stats_view_init(&view, seg->stats, seg->size), 0);
	cp_sampler_take(sampler, &view, &small.model, 1000);
	target_of(seg, 0)->packets_in = 100;
	target_of(seg, 1)->packets_out = 300;
	lb_worker_stats(seg->stats, 1)->counters[LB_COUNTER_RECEIVED] = 800;
	cp_sampler_take(sampler, &view, &small.model, 3000);
	cp_sampler_target(sampler, &small.target, &sample);
	assert_int_equal(sample.packets_per_s, 200);
	assert_int_equal(sample.total.packets_in, 100);
	assert_int_equal(cp_sampler_counter_rate(sampler, LB_COUNTER_RECEIVED), 400);
	assert_int_equal(cp_sampler_worker_rate(sampler, 1, LB_COUNTER_RECEIVED), 400);
	assert_int_equal(cp_sampler_worker_rate(sampler, 0, LB_COUNTER_RECEIVED), 0);
	cp_sampler_take(sampler, &view, &small.model, 4000);
	cp_sampler_target(sampler, &small.target, &sample);
	assert_int_equal(sample.packets_per_s, 0);
	cp_sampler_free(sampler);
}

static void test_drops_of_listeners_and_losses_of_ports_have_rates(void **state)
{
	struct segment *seg = *state;
	struct cp_sampler *sampler = cp_sampler_create();
	struct cp_listener listener = {.slot = 1, .id = 9};
	struct cp_model model = {.listeners = &listener};
	struct cp_listener_sample sample;
	struct cp_stats_view view;

	seg->stats->nb_ports = 2;
	assert_int_equal(cp_stats_view_init(&view, seg->stats, seg->size), 0);
	cp_sampler_take(sampler, &view, &model, 1000);
	lb_listener_stats(seg->stats, WORKERS, view.max_targets, view.max_listeners, 1)[1].drops =
	        600;
	seg->stats->ports[1].rx_missed = 90;
	cp_sampler_take(sampler, &view, &model, 4000);
	cp_sampler_listener(sampler, &listener, &sample);
	assert_int_equal(sample.drops_per_s, 200);
	assert_int_equal(sample.total.drops, 600);
	assert_int_equal(cp_sampler_missed_rate(sampler, 0), 0);
	assert_int_equal(cp_sampler_missed_rate(sampler, 1), 30);
	assert_int_equal(cp_sampler_missed_rate(sampler, LB_MAX_PORTS), 0);
	cp_sampler_free(sampler);
}

static void test_a_slots_next_owner_starts_at_nothing(void **state)
{
	struct segment *seg = *state;
	struct cp_sampler *sampler = cp_sampler_create();
	struct cp_target_sample sample;
	struct cp_stats_view view;
	struct small_model small;

	small_model_init(&small, 77);
	target_of(seg, 0)->packets_in = 100;
	assert_int_equal(cp_stats_view_init(&view, seg->stats, seg->size), 0);
	cp_sampler_take(sampler, &view, &small.model, 1000);
	small_model_init(&small, 78);
	cp_sampler_target(sampler, &small.target, &sample);
	assert_int_equal(sample.total.packets_in, 0);
	cp_sampler_take(sampler, &view, &small.model, 2000);
	target_of(seg, 0)->packets_in = 130;
	cp_sampler_take(sampler, &view, &small.model, 3000);
	cp_sampler_target(sampler, &small.target, &sample);
	assert_int_equal(sample.total.packets_in, 30);
	cp_sampler_free(sampler);
}

static void test_a_restarted_dataplane_counts_anew(void **state)
{
	struct segment *seg = *state;
	struct cp_sampler *sampler = cp_sampler_create();
	struct cp_target_sample sample;
	struct cp_stats_view view;
	struct small_model small;

	small_model_init(&small, 77);
	target_of(seg, 0)->packets_in = 1000;
	assert_int_equal(cp_stats_view_init(&view, seg->stats, seg->size), 0);
	cp_sampler_take(sampler, &view, &small.model, 1000);
	seg->stats->segment.session = 2;
	target_of(seg, 0)->packets_in = 10;
	assert_int_equal(cp_stats_view_init(&view, seg->stats, seg->size), 0);
	cp_sampler_take(sampler, &view, &small.model, 2000);
	cp_sampler_target(sampler, &small.target, &sample);
	assert_int_equal(sample.total.packets_in, 10);
	assert_int_equal(sample.packets_per_s, 0);
	/* and without one there are no rates */
	memset(&view, 0, sizeof(view));
	cp_sampler_take(sampler, &view, &small.model, 3000);
	cp_sampler_target(sampler, &small.target, &sample);
	assert_int_equal(sample.total.packets_in, 0);
	cp_sampler_free(sampler);
}

static void test_counters_that_go_back_are_no_rate(void **state)
{
	struct segment *seg = *state;
	struct cp_sampler *sampler = cp_sampler_create();
	struct cp_target_sample sample;
	struct cp_stats_view view;
	struct small_model small;

	small_model_init(&small, 77);
	assert_int_equal(cp_stats_view_init(&view, seg->stats, seg->size), 0);
	target_of(seg, 0)->packets_in = 1000;
	cp_sampler_take(sampler, &view, &small.model, 1000);
	target_of(seg, 0)->packets_in = 1;
	cp_sampler_take(sampler, &view, &small.model, 2000);
	cp_sampler_target(sampler, &small.target, &sample);
	assert_int_equal(sample.packets_per_s, 0);
	cp_sampler_free(sampler);
}

#define WITH_SEGMENT(test) cmocka_unit_test_setup_teardown(test, make_segment, free_segment)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        WITH_SEGMENT(test_sums_of_all_workers),
	        WITH_SEGMENT(test_flows_begin_on_one_worker_and_end_on_another),
	        WITH_SEGMENT(test_slots_beyond_the_instance_are_empty),
	        WITH_SEGMENT(test_numbers_that_do_not_fit_the_size_are_refused),
	        WITH_SEGMENT(test_rates_are_per_second),
	        WITH_SEGMENT(test_drops_of_listeners_and_losses_of_ports_have_rates),
	        WITH_SEGMENT(test_a_slots_next_owner_starts_at_nothing),
	        WITH_SEGMENT(test_a_restarted_dataplane_counts_anew),
	        WITH_SEGMENT(test_counters_that_go_back_are_no_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
