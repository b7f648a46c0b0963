/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Random models, changed at random: every look-up in the generation built from one is compared with
 * a naive search of the model itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <stdio.h>

#include "build/generation.h"
#include "generation_reader.h"
#include "model_fixture.h"

#define NB_RUNS      60
#define NB_STEPS     25
#define NB_LBS       3
#define NB_GROUPS    4
#define NB_PORTS     5
#define SEGMENT_SIZE (4u << 20)
#define MAX_TARGETS  256

static uint64_t random_state;

static uint32_t below(uint32_t limit)
{
	random_state += UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(lb_mix(random_state) % limit);
}

struct bench {
	struct cp_model *model;
	uint8_t *segment;
	struct cp_heap heap;
	struct cp_scopes scopes;
	struct cp_generation *generation;
	struct reader reader;
	uint64_t revision;
};

static struct cp_target_group *any_group(struct bench *b)
{
	struct cp_target_group *group = b->model->groups;

	for (uint32_t i = below(HASH_COUNT(b->model->groups)); i > 0; i--)
		group = group->hh.next;
	return group;
}

static struct cp_target *any_target(struct bench *b)
{
	struct cp_target *target = any_group(b)->targets;

	if (!target)
		return NULL;
	for (uint32_t i = below(HASH_COUNT(target->group->targets)); i > 0; i--)
		target = target->hh.next;
	return target;
}

static struct cp_load_balancer *any_lb(struct bench *b)
{
	struct cp_load_balancer *lb = b->model->lbs;

	for (uint32_t i = below(HASH_COUNT(b->model->lbs)); i > 0; i--)
		lb = lb->hh.next;
	return lb;
}

static bool overlaps(const struct cp_listener *l, const struct cp_load_balancer *lb,
        const struct cp_target_group *group, enum cp_protocol protocol, uint16_t port)
{
	return l->lb == lb && l->port == port && (l->protocol & protocol) != 0 &&
	       l->group->is_v6 == group->is_v6;
}

static void add_listener(struct bench *b)
{
	static const enum cp_protocol protocols[] = {CP_TCP, CP_UDP, CP_TCP_UDP};
	struct cp_target_group *group = any_group(b);
	struct cp_load_balancer *lb = any_lb(b);
	enum cp_protocol protocol = protocols[below(3)];
	uint16_t port = (uint16_t)(1 + below(NB_PORTS));

	for (struct cp_listener *l = b->model->listeners; l; l = l->hh.next)
		if (overlaps(l, lb, group, protocol, port))
			return;
	fixture_listener(b->model, lb, group, protocol, port);
}

static void change(struct bench *b)
{
	static const char *const cross_zone[] = {"true", "false"};
	struct cp_target *target = any_target(b);
	uint32_t what = below(10);

	if (what < 3)
		fixture_target(b->model, any_group(b), (uint8_t)below(2), (uint8_t)below(20),
		        below(5) == 0 ? CP_ZONE_ALL : (uint16_t)below(2), (uint16_t)below(4));
	else if (what == 3)
		add_listener(b);
	else if (what == 4)
		fixture_attribute(&any_group(b)->attributes, "load_balancing.cross_zone.enabled",
		        cross_zone[below(2)]);
	else if (target && what < 7)
		fixture_healthy(target);
	else if (target && what == 7)
		fixture_unhealthy(target);
	else if (target && what == 8 && !target->draining)
		cp_target_drain(b->model, target, 1);
	else if (target && what == 9 && target->draining)
		cp_target_remove(b->model, target);
}

static void build(struct bench *b)
{
	struct cp_build_order order = {
	        .revision = ++b->revision, .max_targets = MAX_TARGETS, .max_listeners = 4096};
	struct cp_generation *before = b->generation;
	char why[160];

	assert_int_equal(
	        cp_generation_build(b->model, &b->scopes, &order, &b->generation, why, sizeof(why)),
	        0);
	if (before)
		cp_generation_free(&b->scopes, before);
	b->reader = reader_open(b->segment, b->generation->offset);
}

/* The listener that serves this place, and the zone of the address, by looking at all of them. */
static const struct cp_listener *naive_listener(const struct cp_model *model,
        const struct lb_ip *ip, uint8_t protocol, uint16_t port, uint16_t *zone)
{
	enum cp_protocol bit = protocol == IPPROTO_TCP ? CP_TCP : CP_UDP;

	for (const struct cp_listener *l = model->listeners; l; l = l->hh.next) {
		for (size_t i = 0; i < l->lb->nb_zones; i++) {
			const struct cp_lb_zone *z = &l->lb->zones[i];

			*zone = z->zone;
			if (l->port == port && (l->protocol & bit) &&
			        lb_ip_equal(ip, l->group->is_v6 ? &z->v6 : &z->v4))
				return l;
		}
	}
	return NULL;
}

static bool in_scope(const struct cp_target *t, const struct cp_listener *l, uint16_t zone)
{
	return !t->draining &&
	       (cp_listener_cross_zone(l) || t->zone == CP_ZONE_ALL || t->zone == zone);
}

/* The targets that may get new flows of a listener at an address in 'zone', by slot. */
static bool naive_eligible(const struct cp_listener *l, uint16_t zone, bool eligible[MAX_TARGETS])
{
	bool any = false;

	memset(eligible, 0, MAX_TARGETS * sizeof(*eligible));
	for (int fail_open = 0; fail_open < 2 && !any; fail_open++)
		for (const struct cp_target *t = l->group->targets; t; t = t->hh.next)
			if (in_scope(t, l, zone) && t->weight > 0 &&
			        (fail_open || t->health.state == LB_TARGET_HEALTHY))
				any = eligible[t->slot] = true;
	return any;
}

static void compare_scope(struct bench *b, const struct lb_listener *row,
        const struct cp_listener *listener, uint16_t zone)
{
	const uint32_t *maglev = reader_maglev(&b->reader, row);
	bool eligible[MAX_TARGETS], seen[MAX_TARGETS] = {false};

	if (!naive_eligible(listener, zone, eligible)) {
		assert_int_equal(row->maglev_size, 0);
		return;
	}
	assert_non_null(maglev);
	for (uint32_t e = 0; e < row->maglev_size; e++) {
		assert_in_range(maglev[e], 0, MAX_TARGETS - 1);
		seen[maglev[e]] = true;
	}
	assert_memory_equal(seen, eligible, sizeof(seen));
}

static void compare_place(struct bench *b, const struct lb_ip *ip, uint8_t protocol, uint16_t port)
{
	const struct lb_listener *row = reader_listener(&b->reader, ip, protocol, port);
	const struct cp_listener *listener;
	uint16_t zone;

	listener = naive_listener(b->model, ip, protocol, port, &zone);
	if (!listener) {
		assert_null(row);
		return;
	}
	assert_non_null(row);
	assert_int_equal(row->id, listener->slot);
	assert_int_equal(row->zone, zone);
	assert_int_equal(reader_group(&b->reader, row->group)->identity, listener->group->id);
	compare_scope(b, row, listener, zone);
}

static void compare_targets(struct bench *b)
{
	uint32_t nb_used = 0, nb_rows = 0;

	for (const struct cp_target_group *g = b->model->groups; g; g = g->hh.next) {
		for (const struct cp_target *t = g->targets; t; t = t->hh.next) {
			const struct lb_target *row = reader_target(&b->reader, t->slot);

			assert_non_null(row);
			assert_int_equal(row->identity, t->identity);
			assert_int_equal(reader_group(&b->reader, row->group)->identity, g->id);
			assert_int_equal(reader_epoch(&b->reader, t->slot), t->epoch);
			nb_used++;
		}
	}
	for (uint32_t slot = 0; slot < MAX_TARGETS; slot++)
		nb_rows += reader_epoch(&b->reader, slot) != 0;
	assert_int_equal(nb_rows, nb_used);
}

static void compare(struct bench *b)
{
	for (uint8_t number = 0; number <= NB_LBS; number++)
		for (uint8_t zone = 0; zone < 2; zone++)
			for (int v6 = 0; v6 < 2; v6++) {
				struct lb_ip ip = fixture_ip(v6, (uint8_t)(200 + zone), number);

				for (uint16_t port = 0; port <= NB_PORTS; port++) {
					compare_place(b, &ip, IPPROTO_TCP, port);
					compare_place(b, &ip, IPPROTO_UDP, port);
				}
			}
	compare_targets(b);
}

static void start(struct bench *b)
{
	*b = (struct bench){.model = fixture_model(MAX_TARGETS)};
	b->segment = aligned_alloc(64, SEGMENT_SIZE);
	assert_non_null(b->segment);
	assert_int_equal(cp_heap_init(&b->heap, b->segment, SEGMENT_SIZE), 0);
	cp_scopes_init(&b->scopes, &b->heap);
	for (uint8_t i = 1; i < NB_LBS; i++)
		fixture_lb(b->model, i, 1 + below(2));
	for (uint32_t i = 0; i < NB_GROUPS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "group-%u", i);
		fixture_group(b->model, name, CP_TCP_UDP, i % 2);
	}
}

static void end(struct bench *b)
{
	cp_generation_free(&b->scopes, b->generation);
	assert_int_equal(b->heap.used, 0);
	cp_scopes_fini(&b->scopes);
	cp_heap_fini(&b->heap);
	cp_model_free(b->model);
	free(b->segment);
}

static void test_each_look_up_agrees_with_a_search_of_the_model(void **state)
{
	(void)state;
	for (uint32_t run = 0; run < NB_RUNS; run++) {
		struct bench b;

		random_state = run;
		start(&b);
		for (uint32_t step = 0; step < NB_STEPS; step++) {
			for (uint32_t i = 0; i < 8; i++)
				change(&b);
			build(&b);
			compare(&b);
		}
		end(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_each_look_up_agrees_with_a_search_of_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
