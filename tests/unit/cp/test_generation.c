/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a generation says for a given model, looked up as a worker looks it up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>

#include "build/generation.h"
#include "build/table_index.h"
#include "generation_reader.h"
#include "model_fixture.h"

#define SEGMENT_SIZE (8u << 20)

struct bench {
	struct cp_model *model;
	uint8_t *segment;
	struct cp_heap heap;
	struct cp_scopes scopes;
	struct cp_generation *generation; /* the last built */
	struct reader reader;
	uint64_t revision;
	char why[160];
};

static void bench_segment(struct bench *bench, uint64_t size)
{
	bench->segment = aligned_alloc(64, size);
	assert_non_null(bench->segment);
	memset(bench->segment, 0xa5, size);
	assert_int_equal(cp_heap_init(&bench->heap, bench->segment, size), 0);
	cp_scopes_init(&bench->scopes, &bench->heap);
}

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	bench->model = fixture_model(4096);
	bench_segment(bench, SEGMENT_SIZE);
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;

	if (bench->generation)
		cp_generation_free(&bench->scopes, bench->generation);
	if (bench->heap.used != 0)
		return -1; /* memory leaked in the segment */
	cp_scopes_fini(&bench->scopes);
	cp_heap_fini(&bench->heap);
	cp_model_free(bench->model);
	free(bench->segment);
	free(bench);
	return 0;
}

static int try_build(struct bench *bench)
{
	struct cp_build_order order = {
	        .revision = ++bench->revision, .max_targets = 4096, .max_listeners = 4096};
	struct cp_generation *before = bench->generation;
	int rc = cp_generation_build(bench->model, &bench->scopes, &order, &bench->generation,
	        bench->why, sizeof(bench->why));

	if (rc < 0)
		return rc;
	if (before)
		cp_generation_free(&bench->scopes, before);
	bench->reader = reader_open(bench->segment, bench->generation->offset);
	return 0;
}

static void build(struct bench *bench)
{
	assert_int_equal(try_build(bench), 0);
}

/* The row at a load balancer's IPv4 address in a zone. */
static const struct lb_listener *tcp_at(struct bench *bench, uint8_t zone, uint16_t port)
{
	struct lb_ip ip = fixture_ip(false, (uint8_t)(200 + zone), 1);

	return reader_listener(&bench->reader, &ip, IPPROTO_TCP, port);
}

static void assert_share(struct bench *bench, const struct lb_listener *row,
        const struct cp_target *target, double percent)
{
	double share = reader_share(&bench->reader, row, target->slot);

	if (fabs(share - percent) > 0.3)
		fail_msg("slot %u has %.2f %%, not %.2f %%", target->slot, share, percent);
}

static void test_an_empty_model_makes_an_empty_generation(void **state)
{
	struct bench *bench = *state;
	struct lb_ip ip = fixture_ip(false, 200, 1);

	build(bench);
	assert_int_equal(bench->reader.header->magic, LB_GENERATION_MAGIC);
	assert_int_equal(bench->reader.header->revision, 1);
	assert_int_equal(bench->reader.header->nb_slots, 0);
	assert_null(reader_vip(&bench->reader, &ip));
	assert_null(tcp_at(bench, 0, 80));
}

static void test_addresses_carry_interface_zone_and_prefix(void **state)
{
	struct bench *bench = *state;
	struct lb_ip v4 = fixture_ip(false, 201, 1), v6 = fixture_ip(true, 201, 1);
	const struct lb_vip *vip;

	fixture_lb(bench->model, 1, 2);
	build(bench);
	assert_int_equal(bench->reader.header->nb_vips, 4);
	vip = reader_vip(&bench->reader, &v4);
	assert_non_null(vip);
	assert_int_equal(vip->zone, 1);
	assert_int_equal(vip->prefix_len, 32);
	assert_string_equal(vip->interface, "lo");
	vip = reader_vip(&bench->reader, &v6);
	assert_non_null(vip);
	assert_int_equal(vip->prefix_len, 128);
}

static void test_a_listener_is_found_at_each_address_of_its_family_only(void **state)
{
	struct bench *bench = *state;
	struct cp_load_balancer *lb = fixture_lb(bench->model, 1, 2);
	struct cp_target_group *v4 = fixture_group(bench->model, "v4", CP_TCP, false);
	struct cp_target_group *v6 = fixture_group(bench->model, "v6", CP_TCP, true);
	struct cp_listener *l4 = fixture_listener(bench->model, lb, v4, CP_TCP, 80);
	struct cp_listener *l6 = fixture_listener(bench->model, lb, v6, CP_TCP, 443);

	build(bench);
	assert_int_equal(bench->reader.header->nb_listeners, 4);
	for (uint8_t zone = 0; zone < 2; zone++) {
		struct lb_ip ip4 = fixture_ip(false, (uint8_t)(200 + zone), 1);
		struct lb_ip ip6 = fixture_ip(true, (uint8_t)(200 + zone), 1);
		const struct lb_listener *row;

		row = reader_listener(&bench->reader, &ip4, IPPROTO_TCP, 80);
		assert_non_null(row);
		assert_int_equal(row->id, l4->slot);
		assert_int_equal(row->zone, zone);
		assert_int_equal(row->idle_timeout_s, 350);
		assert_int_equal(row->flags, 0);
		assert_int_equal(reader_group(&bench->reader, row->group)->identity, v4->id);
		row = reader_listener(&bench->reader, &ip6, IPPROTO_TCP, 443);
		assert_non_null(row);
		assert_int_equal(row->id, l6->slot);
		assert_null(reader_listener(&bench->reader, &ip4, IPPROTO_TCP, 443));
		assert_null(reader_listener(&bench->reader, &ip6, IPPROTO_TCP, 80));
		assert_null(reader_listener(&bench->reader, &ip4, IPPROTO_UDP, 80));
	}
}

static void test_tcp_udp_makes_two_rows_with_one_id(void **state)
{
	struct bench *bench = *state;
	struct cp_load_balancer *lb = fixture_lb(bench->model, 1, 1);
	struct cp_target_group *group = fixture_group(bench->model, "dns", CP_TCP_UDP, false);
	struct lb_ip ip = fixture_ip(false, 200, 1);
	const struct lb_listener *tcp, *udp;

	fixture_target(bench->model, group, 1, 1, 0, 1);
	fixture_listener(bench->model, lb, group, CP_TCP_UDP, 53);
	build(bench);
	tcp = reader_listener(&bench->reader, &ip, IPPROTO_TCP, 53);
	udp = reader_listener(&bench->reader, &ip, IPPROTO_UDP, 53);
	assert_non_null(tcp);
	assert_non_null(udp);
	assert_int_equal(tcp->id, udp->id);
	assert_int_equal(tcp->maglev_offset, udp->maglev_offset);
	assert_int_equal(tcp->idle_timeout_s, 350);
	assert_int_equal(udp->idle_timeout_s, 120);
}

static void test_stickiness_and_idle_timeout_reach_the_row(void **state)
{
	struct bench *bench = *state;
	struct cp_load_balancer *lb = fixture_lb(bench->model, 1, 1);
	struct cp_target_group *group = fixture_group(bench->model, "web", CP_TCP, false);
	struct cp_listener *listener = fixture_listener(bench->model, lb, group, CP_TCP, 80);

	fixture_attribute(&group->attributes, "stickiness.enabled", "true");
	fixture_attribute(&listener->attributes, "tcp.idle_timeout.seconds", "6000");
	build(bench);
	assert_int_equal(tcp_at(bench, 0, 80)->flags, LB_LISTENER_SOURCE_IP);
	assert_int_equal(tcp_at(bench, 0, 80)->idle_timeout_s, 6000);
}

static void test_targets_stand_in_their_slots(void **state)
{
	struct bench *bench = *state;
	struct cp_target_group *group = fixture_group(bench->model, "web", CP_TCP, false);
	struct cp_target *target = fixture_target(bench->model, group, 1, 7, 1, 5);
	const struct lb_target *row;

	fixture_unhealthy(target);
	build(bench);
	row = reader_target(&bench->reader, target->slot);
	assert_non_null(row);
	assert_true(lb_ip_equal(&row->ip, &target->ip));
	assert_int_equal(row->port, htons(80));
	assert_int_equal(row->state, LB_TARGET_UNHEALTHY);
	assert_int_equal(row->reason, CP_REASON_TIMEOUT);
	assert_int_equal(row->identity, target->identity);
	assert_int_equal(row->weight, 5);
	assert_int_equal(row->zone, 1);
	assert_int_equal(reader_group(&bench->reader, row->group)->identity, group->id);
	assert_int_equal(reader_epoch(&bench->reader, target->slot), target->epoch);
	assert_int_not_equal(target->epoch, 0);
}

/* Two targets in zone a, eight in zone b. */
static struct cp_target_group *two_and_eight(struct bench *bench, struct cp_target *targets[10])
{
	struct cp_load_balancer *lb = fixture_lb(bench->model, 1, 2);
	struct cp_target_group *group = fixture_group(bench->model, "web", CP_TCP, false);

	for (uint8_t i = 0; i < 10; i++)
		targets[i] = fixture_target(bench->model, group, 1, (uint8_t)(i + 1), i >= 2, 1);
	fixture_all_healthy(group);
	fixture_listener(bench->model, lb, group, CP_TCP, 80);
	return group;
}

static void test_cross_zone_off_gives_each_zone_half_to_its_own_targets(void **state)
{
	struct bench *bench = *state;
	struct cp_target *targets[10];

	two_and_eight(bench, targets);
	build(bench);
	/* of all traffic, half arrives in each zone: 25 % for each of two, 6.25 % for each of eight
	 */
	for (uint32_t i = 0; i < 10; i++) {
		assert_share(bench, tcp_at(bench, 0, 80), targets[i], i < 2 ? 50 : 0);
		assert_share(bench, tcp_at(bench, 1, 80), targets[i], i < 2 ? 0 : 12.5);
	}
}

static void test_cross_zone_on_gives_each_target_a_tenth_in_both_zones(void **state)
{
	struct bench *bench = *state;
	struct cp_target *targets[10];
	struct cp_target_group *group = two_and_eight(bench, targets);

	fixture_attribute(&group->attributes, "load_balancing.cross_zone.enabled", "true");
	build(bench);
	for (uint32_t i = 0; i < 10; i++) {
		assert_share(bench, tcp_at(bench, 0, 80), targets[i], 10);
		assert_share(bench, tcp_at(bench, 1, 80), targets[i], 10);
	}
	assert_int_equal(tcp_at(bench, 0, 80)->maglev_offset, tcp_at(bench, 1, 80)->maglev_offset);
}

static void test_a_target_of_all_zones_serves_each(void **state)
{
	struct bench *bench = *state;
	struct cp_target *targets[10], *everywhere;
	struct cp_target_group *group = two_and_eight(bench, targets);

	everywhere = fixture_target(bench->model, group, 2, 1, CP_ZONE_ALL, 1);
	fixture_healthy(everywhere);
	build(bench);
	assert_share(bench, tcp_at(bench, 0, 80), everywhere, 100.0 / 3);
	assert_share(bench, tcp_at(bench, 1, 80), everywhere, 100.0 / 9);
}

static void test_unhealthy_and_initial_targets_get_nothing_while_others_are_healthy(void **state)
{
	struct bench *bench = *state;
	struct cp_target *targets[10];

	two_and_eight(bench, targets);
	fixture_unhealthy(targets[2]);
	targets[3]->health.state = LB_TARGET_INITIAL;
	build(bench);
	assert_share(bench, tcp_at(bench, 1, 80), targets[2], 0);
	assert_share(bench, tcp_at(bench, 1, 80), targets[3], 0);
	assert_int_equal(reader_group(&bench->reader, 0)->flags, 0);
	assert_true(reader_share(&bench->reader, tcp_at(bench, 1, 80), targets[4]->slot) > 14);
}

static void test_a_zone_without_healthy_targets_fails_open_to_its_own(void **state)
{
	struct bench *bench = *state;
	struct cp_target *targets[10];

	two_and_eight(bench, targets);
	fixture_unhealthy(targets[0]);
	targets[1]->health.state = LB_TARGET_INITIAL;
	build(bench);
	assert_share(bench, tcp_at(bench, 0, 80), targets[0], 50);
	assert_share(bench, tcp_at(bench, 0, 80), targets[1], 50);
	assert_share(bench, tcp_at(bench, 1, 80), targets[2], 12.5);
	assert_int_equal(reader_group(&bench->reader, 0)->flags, LB_GROUP_FAIL_OPEN);
}

static void test_with_cross_zone_one_healthy_target_anywhere_prevents_failing_open(void **state)
{
	struct bench *bench = *state;
	struct cp_target *targets[10];
	struct cp_target_group *group = two_and_eight(bench, targets);

	fixture_attribute(&group->attributes, "load_balancing.cross_zone.enabled", "true");
	for (uint32_t i = 0; i < 9; i++)
		fixture_unhealthy(targets[i]);
	build(bench);
	assert_share(bench, tcp_at(bench, 0, 80), targets[9], 100);
	assert_int_equal(reader_group(&bench->reader, 0)->flags, 0);
}

static void test_draining_keeps_slot_and_epoch_and_gets_nothing_even_when_failing_open(void **state)
{
	struct bench *bench = *state;
	struct cp_target *targets[10];
	uint32_t slot, epoch;

	two_and_eight(bench, targets);
	slot = targets[0]->slot;
	epoch = targets[0]->epoch;
	cp_target_drain(bench->model, targets[0], 1000);
	build(bench);
	assert_share(bench, tcp_at(bench, 0, 80), targets[0], 0);
	assert_share(bench, tcp_at(bench, 0, 80), targets[1], 100);
	assert_int_equal(reader_epoch(&bench->reader, slot), epoch);
	assert_int_equal(reader_target(&bench->reader, slot)->state, LB_TARGET_DRAINING);
	assert_int_equal(reader_target(&bench->reader, slot)->drain_deadline_ms,
	        targets[0]->drain_deadline_ms);
	assert_int_not_equal(targets[0]->drain_deadline_ms, 0);
	fixture_unhealthy(targets[1]);
	build(bench);
	assert_share(bench, tcp_at(bench, 0, 80), targets[1], 100);
}

static void test_weight_zero_gets_nothing_even_when_failing_open(void **state)
{
	struct bench *bench = *state;
	struct cp_load_balancer *lb = fixture_lb(bench->model, 1, 1);
	struct cp_target_group *group = fixture_group(bench->model, "web", CP_TCP, false);
	struct cp_target *zero = fixture_target(bench->model, group, 1, 1, 0, 0);
	struct cp_target *one = fixture_target(bench->model, group, 1, 2, 0, 1);
	struct cp_target *three = fixture_target(bench->model, group, 1, 3, 0, 3);

	fixture_listener(bench->model, lb, group, CP_TCP, 80);
	fixture_all_healthy(group);
	build(bench);
	assert_share(bench, tcp_at(bench, 0, 80), zero, 0);
	assert_share(bench, tcp_at(bench, 0, 80), one, 25);
	assert_share(bench, tcp_at(bench, 0, 80), three, 75);
	fixture_unhealthy(one);
	fixture_unhealthy(three);
	build(bench);
	assert_share(bench, tcp_at(bench, 0, 80), zero, 0);
	assert_share(bench, tcp_at(bench, 0, 80), one, 25);
	assert_int_equal(reader_group(&bench->reader, 0)->flags, LB_GROUP_FAIL_OPEN);
}

static void test_a_zone_without_registered_targets_has_an_empty_scope(void **state)
{
	struct bench *bench = *state;
	struct cp_load_balancer *lb = fixture_lb(bench->model, 1, 2);
	struct cp_target_group *group = fixture_group(bench->model, "web", CP_TCP, false);

	fixture_target(bench->model, group, 1, 1, 0, 1);
	fixture_all_healthy(group);
	fixture_listener(bench->model, lb, group, CP_TCP, 80);
	build(bench);
	assert_int_equal(tcp_at(bench, 0, 80)->maglev_size, 1021);
	assert_int_equal(tcp_at(bench, 1, 80)->maglev_size, 0);
	fixture_attribute(&lb->attributes, "load_balancing.cross_zone.enabled", "true");
	build(bench);
	assert_int_equal(tcp_at(bench, 1, 80)->maglev_size, 1021);
}

static void test_verdicts_do_not_resize_a_table(void **state)
{
	struct bench *bench = *state;
	struct cp_load_balancer *lb = fixture_lb(bench->model, 1, 1);
	struct cp_target_group *group = fixture_group(bench->model, "web", CP_TCP, false);

	for (uint8_t i = 0; i < 11; i++)
		fixture_target(bench->model, group, 1, i, 0, 1);
	fixture_listener(bench->model, lb, group, CP_TCP, 80);
	fixture_healthy(group->targets);
	build(bench);
	assert_int_equal(tcp_at(bench, 0, 80)->maglev_size, 4093);
}

static void test_unchanged_scopes_share_their_tables(void **state)
{
	struct bench *bench = *state;
	struct cp_load_balancer *lb = fixture_lb(bench->model, 1, 1);
	struct cp_target_group *a = fixture_group(bench->model, "a", CP_TCP, false);
	struct cp_target_group *b = fixture_group(bench->model, "b", CP_TCP, false);
	struct cp_target *changing = fixture_target(bench->model, a, 1, 1, 0, 1);
	uint64_t offset_a, offset_b, used;

	fixture_target(bench->model, a, 1, 2, 0, 1);
	fixture_target(bench->model, b, 1, 3, 0, 1);
	fixture_all_healthy(a);
	fixture_all_healthy(b);
	fixture_listener(bench->model, lb, a, CP_TCP, 80);
	fixture_listener(bench->model, lb, b, CP_TCP, 81);
	build(bench);
	offset_a = tcp_at(bench, 0, 80)->maglev_offset;
	offset_b = tcp_at(bench, 0, 81)->maglev_offset;
	used = bench->heap.used;
	fixture_unhealthy(changing);
	build(bench);
	assert_int_not_equal(tcp_at(bench, 0, 80)->maglev_offset, offset_a);
	assert_int_equal(tcp_at(bench, 0, 81)->maglev_offset, offset_b);
	assert_int_equal(bench->scopes.built, 3);
	assert_int_equal(bench->heap.used, used);
}

static void test_a_full_segment_is_refused_and_the_generation_before_stays_whole(void **state)
{
	struct bench *bench = *state;
	struct cp_load_balancer *lb;
	struct cp_target_group *group;
	uint64_t used;

	cp_heap_fini(&bench->heap);
	assert_int_equal(cp_heap_init(&bench->heap, bench->segment, 4096 + 12288), 0);
	lb = fixture_lb(bench->model, 1, 1);
	group = fixture_group(bench->model, "web", CP_TCP, false);
	fixture_listener(bench->model, lb, group, CP_TCP, 80);
	fixture_target(bench->model, group, 1, 1, 0, 1);
	build(bench);
	used = bench->heap.used;
	for (uint8_t i = 2; i < 13; i++)
		fixture_target(bench->model, group, 1, i, 0, 1);
	assert_int_equal(try_build(bench), -ENOSPC);
	assert_non_null(strstr(bench->why, "tables segment"));
	assert_int_equal(bench->heap.used, used);
	assert_non_null(tcp_at(bench, 0, 80));
	assert_share(bench, tcp_at(bench, 0, 80), group->targets, 100);
}

static void test_more_slots_than_the_instance_has_are_refused(void **state)
{
	struct bench *bench = *state;
	struct cp_target_group *group = fixture_group(bench->model, "web", CP_TCP, false);
	struct cp_build_order order = {.revision = 1, .max_targets = 1, .max_listeners = 1};
	struct cp_generation *made;

	fixture_target(bench->model, group, 1, 1, 0, 1);
	fixture_target(bench->model, group, 1, 2, 0, 1);
	assert_int_equal(cp_generation_build(bench->model, &bench->scopes, &order, &made,
	                         bench->why, sizeof(bench->why)),
	        -ERANGE);
	assert_non_null(strstr(bench->why, "target slots"));
}

/* Virtual addresses that differ in two bytes alone, whichever: plans give each network one. The
 * index stays small. */
static void test_networks_of_any_plan_have_an_index(void **state)
{
	for (uint32_t byte = 0; byte < 15; byte++) {
		struct lb_ip ip = {.bytes = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
		uint32_t tags[1000], size = 0;

		for (uint32_t i = 0; i < 1000; i++) {
			ip.bytes[byte] = (uint8_t)(0x20 + i);
			ip.bytes[byte + 1] = (uint8_t)(i >> 8);
			tags[i] = lb_vip_hash(&ip);
		}
		free(cp_table_index(tags, 1000, &size));
		assert_in_range(size, 2048, 8192);
	}
}

static void test_an_index_finds_every_row_within_the_probe_limit(void **state)
{
	uint32_t tags[1000], size;
	struct lb_index *index;

	(void)state;
	/* all of one chain until the index is large enough to see their higher bits */
	for (uint32_t i = 0; i < 1000; i++)
		tags[i] = i << 8;
	index = cp_table_index(tags, 1000, &size);
	assert_non_null(index);
	for (uint32_t row = 0; row < 1000; row++) {
		uint32_t probe = 0;

		while (index[(tags[row] + probe) & (size - 1)].row != row + 1)
			assert_in_range(++probe, 0, LB_INDEX_MAX_PROBES - 1);
	}
	free(index);
	for (uint32_t i = 0; i < 17; i++)
		tags[i] = 5;
	assert_null(cp_table_index(tags, 17, &size));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(test_an_empty_model_makes_an_empty_generation),
	        TEST(test_addresses_carry_interface_zone_and_prefix),
	        TEST(test_a_listener_is_found_at_each_address_of_its_family_only),
	        TEST(test_tcp_udp_makes_two_rows_with_one_id),
	        TEST(test_stickiness_and_idle_timeout_reach_the_row),
	        TEST(test_targets_stand_in_their_slots),
	        TEST(test_cross_zone_off_gives_each_zone_half_to_its_own_targets),
	        TEST(test_cross_zone_on_gives_each_target_a_tenth_in_both_zones),
	        TEST(test_a_target_of_all_zones_serves_each),
	        TEST(test_unhealthy_and_initial_targets_get_nothing_while_others_are_healthy),
	        TEST(test_a_zone_without_healthy_targets_fails_open_to_its_own),
	        TEST(test_with_cross_zone_one_healthy_target_anywhere_prevents_failing_open),
	        TEST(test_draining_keeps_slot_and_epoch_and_gets_nothing_even_when_failing_open),
	        TEST(test_weight_zero_gets_nothing_even_when_failing_open),
	        TEST(test_a_zone_without_registered_targets_has_an_empty_scope),
	        TEST(test_verdicts_do_not_resize_a_table),
	        TEST(test_unchanged_scopes_share_their_tables),
	        TEST(test_a_full_segment_is_refused_and_the_generation_before_stays_whole),
	        TEST(test_more_slots_than_the_instance_has_are_refused),
	        cmocka_unit_test(test_networks_of_any_plan_have_an_index),
	        cmocka_unit_test(test_an_index_finds_every_row_within_the_probe_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
