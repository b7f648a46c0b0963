/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Random changes, right and wrong ones, on two models: what must hold whatever comes. The second
 * model is made anew from the stored rows now and then, as a restart does, and must not be told
 * from the first by anything that comes later. The argument is the seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rpc_fixture.h"

#define NB_STEPS      1500
#define MAX_TARGETS   20 /* tiny, so that slots run out */
#define MAX_LISTENERS 6

static uint64_t random_state;

static uint32_t below(uint32_t n)
{
	uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)((z ^ z >> 31) % n);
}

#define PICK(list) ((list)[below(sizeof(list) / sizeof((list)[0]))])

static const char *const LBS[] = {"lb-0", "lb-1", "lb-2", "none"};
static const char *const GROUPS[] = {"g-0", "g-1", "g-2", "g-3", "none"};
static const char *const PROTOCOLS[] = {"TCP", "TCP", "UDP", "TCP_UDP", "TLS"};

static void set(json_t *params, const char *key, json_t *value)
{
	json_object_set_new(params, key, value);
}

static void set_text(json_t *params, const char *key, const char *value)
{
	set(params, key, json_string(value));
}

static json_t *any_target(bool v6)
{
	char text[48];

	snprintf(text, sizeof(text), v6 ? "[fd0%u::%u]:80" : "10.%u.0.%u", 1 + below(2),
	        1 + below(12));
	if (below(3) == 0 && !v6)
		return json_pack("{s:s, s:i, s:s}", "Id", text, "anabranch.Weight",
		        (int)below(1001), "AvailabilityZone", "all");
	return json_string(text);
}

static json_t *any_targets(void)
{
	json_t *list = json_array();
	bool v6 = below(4) == 0;

	for (uint32_t n = 1 + below(4); n > 0; n--)
		json_array_append_new(list, any_target(v6));
	return list;
}

static const char *any_listener(const struct cp_model *model)
{
	const struct cp_listener *listener = model->listeners;

	for (uint32_t n = below(HASH_COUNT(model->listeners) + 1); listener && n > 0; n--)
		listener = listener->hh.next;
	return listener ? listener->arn : "none";
}

static json_t *forward(const char *group)
{
	return json_pack("[{s:s, s:s}]", "Type", "forward", "TargetGroupArn", group);
}

static void make_lb(const struct cp_model *model, json_t *params)
{
	static const char *const fronts[] = {"front-a", "front-b", "front-c", "inside", "none"};

	(void)model;
	set_text(params, "Name", LBS[below(3)]);
	set(params, "Subnets", json_pack("[s]", PICK(fronts)));
	if (below(2))
		json_array_append_new(
		        json_object_get(params, "Subnets"), json_string(PICK(fronts)));
	if (below(2))
		set_text(params, "IpAddressType", "dualstack");
	if (below(8) == 0)
		set_text(params, "Scheme", "internal");
}

static void drop_lb(const struct cp_model *model, json_t *params)
{
	(void)model;
	set_text(params, "LoadBalancerArn", PICK(LBS));
}

static void set_lb(const struct cp_model *model, json_t *params)
{
	drop_lb(model, params);
	set(params, "Attributes",
	        json_pack("[{s:s, s:s}]", "Key", "load_balancing.cross_zone.enabled", "Value",
	                below(2) ? "true" : "false"));
}

static void make_group(const struct cp_model *model, json_t *params)
{
	(void)model;
	set_text(params, "Name", GROUPS[below(4)]);
	set_text(params, "Protocol", PICK(PROTOCOLS));
	set(params, "Port", json_integer(80 + below(2)));
	if (below(3) == 0)
		set_text(params, "IpAddressType", "ipv6");
}

static void drop_group(const struct cp_model *model, json_t *params)
{
	(void)model;
	set_text(params, "TargetGroupArn", PICK(GROUPS));
}

static void change_group(const struct cp_model *model, json_t *params)
{
	drop_group(model, params);
	set(params, "HealthCheckIntervalSeconds", json_integer(4 + below(30)));
	if (below(2))
		set_text(params, "HealthCheckProtocol", below(2) ? "HTTP" : "TCP");
}

static void set_group(const struct cp_model *model, json_t *params)
{
	static const char *const keys[] = {"deregistration_delay.timeout_seconds",
	        "anabranch.health_check.interval_ms", "stickiness.enabled"};
	static const char *const values[] = {"0", "30", "200", "30000", "true", "false"};

	drop_group(model, params);
	set(params, "Attributes",
	        json_pack("[{s:s, s:s}]", "Key", PICK(keys), "Value", PICK(values)));
}

static void list_targets(const struct cp_model *model, json_t *params)
{
	drop_group(model, params);
	set(params, "Targets", any_targets());
}

/* One that drains, if there is any. */
static void let_go(const struct cp_model *model, json_t *params)
{
	drop_group(model, params);
	set_text(params, "Target", "10.1.0.1:80");
	set(params, "Epoch", json_integer(1));
	for (const struct cp_target_group *g = model->groups; g; g = g->hh.next)
		for (const struct cp_target *t = g->targets; t; t = t->hh.next)
			if (t->draining && below(3)) {
				set_text(params, "TargetGroupArn", g->arn);
				set_text(params, "Target", t->key);
				return;
			}
}

static void make_listener(const struct cp_model *model, json_t *params)
{
	(void)model;
	set_text(params, "LoadBalancerArn", PICK(LBS));
	set_text(params, "Protocol", PICK(PROTOCOLS));
	set(params, "Port", json_integer(80 + below(3)));
	set(params, "DefaultActions", forward(PICK(GROUPS)));
}

static void change_listener(const struct cp_model *model, json_t *params)
{
	set_text(params, "ListenerArn", any_listener(model));
	if (below(2))
		set_text(params, "Protocol", PICK(PROTOCOLS));
	if (below(2))
		set(params, "Port", json_integer(80 + below(3)));
	if (below(2))
		set(params, "DefaultActions", forward(PICK(GROUPS)));
}

static void drop_listener(const struct cp_model *model, json_t *params)
{
	set_text(params, "ListenerArn", any_listener(model));
}

static void set_listener(const struct cp_model *model, json_t *params)
{
	drop_listener(model, params);
	set(params, "Attributes",
	        json_pack("[{s:s, s:s}]", "Key", "tcp.idle_timeout.seconds", "Value",
	                below(2) ? "350" : "600"));
}

static const struct {
	const char *method;
	void (*fill)(const struct cp_model *model, json_t *params);
	uint32_t weight;
} CHANGES[] = {
        {"CreateLoadBalancer", make_lb, 4},
        {"DeleteLoadBalancer", drop_lb, 1},
        {"ModifyLoadBalancerAttributes", set_lb, 1},
        {"CreateTargetGroup", make_group, 6},
        {"ModifyTargetGroup", change_group, 3},
        {"ModifyTargetGroupAttributes", set_group, 4},
        {"DeleteTargetGroup", drop_group, 2},
        {"RegisterTargets", list_targets, 16},
        {"DeregisterTargets", list_targets, 9},
        {"TargetDrained", let_go, 9},
        {"CreateListener", make_listener, 10},
        {"ModifyListener", change_listener, 6},
        {"DeleteListener", drop_listener, 3},
        {"ModifyListenerAttributes", set_listener, 2},
};

/* Something else than what belongs there. */
static void spoil(json_t *params)
{
	json_t *const values[] = {json_null(), json_integer(-1), json_integer(INT64_MAX),
	        json_real(1.5), json_stringn("a\0b", 3), json_array(), json_object(), json_true(),
	        json_pack("[[[[{s:[]}]]]]", "x"), json_string("")};
	uint32_t at = below(sizeof(values) / sizeof(values[0]));
	uint32_t which = below((uint32_t)json_object_size(params));
	const char *key;
	json_t *value;

	json_object_foreach (params, key, value) {
		if (which-- == 0) {
			json_object_set(params, key, values[at]);
			break;
		}
	}
	for (uint32_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		json_decref(values[i]);
}

/* The epoch that each slot's latest owner had, and who that was. */
struct history {
	uint32_t epoch[MAX_TARGETS];
	uint64_t identity[MAX_TARGETS];
};

static void check_target(
        const struct cp_model *model, const struct cp_target *target, struct history *history)
{
	uint32_t slot = target->slot;

	assert_true(slot < MAX_TARGETS);
	assert_ptr_equal(model->slot_owner[slot], target);
	assert_int_not_equal(target->epoch, 0);
	assert_true(target->epoch < model->slot_epoch[slot]);
	assert_true(target->epoch >= history->epoch[slot]);
	if (history->identity[slot] != target->identity)
		assert_true(target->epoch > history->epoch[slot]);
	history->epoch[slot] = target->epoch;
	history->identity[slot] = target->identity;
	assert_int_equal(target->draining, target->drain_deadline_ms != 0);
	assert_int_equal(lb_ip_is_v4(&target->ip), !target->group->is_v6);
}

static void check_groups(const struct cp_model *model, struct history *history)
{
	uint32_t nb_slots = 0;

	for (const struct cp_target_group *g = model->groups; g; g = g->hh.next) {
		uint32_t nb_registered = 0, nb_listeners = 0;

		for (const struct cp_target *t = g->targets; t; t = t->hh.next) {
			check_target(model, t, history);
			nb_registered += !t->draining;
			nb_slots++;
		}
		for (const struct cp_listener *l = model->listeners; l; l = l->hh.next) {
			nb_listeners += l->group == g;
			if (l->group == g)
				assert_ptr_equal(g->lb, l->lb);
		}
		assert_int_equal(g->nb_registered, nb_registered);
		assert_int_equal(g->nb_listeners, nb_listeners);
		assert_int_equal(g->lb != NULL, nb_listeners > 0);
		assert_true(g->check.timeout_ms <= g->check.interval_ms);
	}
	assert_int_equal(model->nb_used_slots, nb_slots);
}

static void check_listeners(const struct cp_model *model)
{
	uint32_t taken = 0, rows = 0;

	for (const struct cp_listener *l = model->listeners; l; l = l->hh.next) {
		assert_true(l->slot < MAX_LISTENERS);
		assert_false(taken >> l->slot & 1);
		taken |= 1u << l->slot;
		assert_true(cp_listener_slot_taken(model, l->slot));
		assert_true(cp_protocol_compatible(l->protocol, l->group->protocol));
		assert_true(l->lb->dualstack || !l->group->is_v6);
		assert_ptr_equal(
		        cp_listener_at(l->lb, l->protocol, l->port, l->group->is_v6, NULL), l);
		assert_null(cp_listener_at(l->lb, l->protocol, l->port, l->group->is_v6, l));
		rows += cp_listener_rows(l->lb, l->protocol, l->group->is_v6);
	}
	assert_int_equal(model->nb_rows, rows);
	for (uint32_t slot = 0; slot < MAX_LISTENERS; slot++)
		assert_int_equal(cp_listener_slot_taken(model, slot), taken >> slot & 1);
}

static void check_vip(const struct cp_model *model, const struct cp_load_balancer *lb,
        const struct lb_ip *ip, uint32_t *nb)
{
	const struct cp_vip *vip = cp_vip_find(model, ip);

	assert_non_null(vip);
	assert_ptr_equal(vip->lb, lb);
	++*nb;
}

/* As many as there are places, each found with its own load balancer: none is there twice. */
static void check_vips(const struct cp_model *model)
{
	uint32_t nb = 0;

	for (const struct cp_load_balancer *lb = model->lbs; lb; lb = lb->hh.next) {
		for (size_t i = 0; i < lb->nb_zones; i++) {
			if (lb->zones[i].has_v4)
				check_vip(model, lb, &lb->zones[i].v4, &nb);
			if (lb->zones[i].has_v6)
				check_vip(model, lb, &lb->zones[i].v6, &nb);
			assert_int_equal(lb->zones[i].has_v6, lb->dualstack);
		}
	}
	assert_int_equal(HASH_COUNT(model->vips), nb);
}

/* The same change on both; returns whether it was made. */
static bool step(struct rpc_rig *one, struct rpc_rig *other, const char *method, json_t *params)
{
	json_t *before = rpc_dump(one->model), *after, *result, *again;
	int rc = rpc_call(one, method, params, &result);

	assert_int_equal(rpc_call(other, method, params, &again), rc);
	assert_string_equal(one->error.code, other->error.code);
	assert_string_equal(one->error.message, other->error.message);
	assert_int_equal(json_equal(result, again), rc == 0);
	json_decref(result);
	json_decref(again);
	after = rpc_dump(one->model);
	if (rc != 0)
		assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
	return rc == 0;
}

static uint32_t any_change(void)
{
	uint32_t total = 0, at, i;

	for (i = 0; i < sizeof(CHANGES) / sizeof(CHANGES[0]); i++)
		total += CHANGES[i].weight;
	at = below(total);
	for (i = 0; at >= CHANGES[i].weight; i++)
		at -= CHANGES[i].weight;
	return i;
}

static void restart(struct rpc_rig *rig)
{
	struct cp_model *model = rpc_reload(rig);

	rpc_equal(rig->model, model);
	cp_model_free(rig->model);
	rig->model = model;
}

static void test_random_changes_keep_what_must_hold(void **state)
{
	uint32_t nb_made[sizeof(CHANGES) / sizeof(CHANGES[0])] = {0};
	struct rpc_rig one, other;
	struct history history = {0};

	(void)state;
	rpc_rig_make(&one, MAX_TARGETS, MAX_LISTENERS);
	rpc_rig_make(&other, MAX_TARGETS, MAX_LISTENERS);
	for (int i = 0; i < NB_STEPS; i++) {
		uint32_t change = any_change();
		json_t *params = json_object();

		CHANGES[change].fill(one.model, params);
		if (below(10) == 0)
			spoil(params);
		one.now_ms += below(40000);
		other.now_ms = one.now_ms;
		nb_made[change] += step(&one, &other, CHANGES[change].method, params);
		json_decref(params);
		check_groups(one.model, &history);
		check_listeners(one.model);
		check_vips(one.model);
		if (below(25) == 0)
			restart(&other);
		if (i % 10 == 0)
			rpc_equal(one.model, other.model);
	}
	restart(&one);
	for (size_t i = 0; i < sizeof(CHANGES) / sizeof(CHANGES[0]); i++)
		if (nb_made[i] == 0)
			fail_msg("%s never succeeded: nothing was tested", CHANGES[i].method);
	rpc_rig_free(&one);
	rpc_rig_free(&other);
}

/* 1,000 groups of 10 targets, as a large site has; through the handlers and back from its rows. */
static void test_a_thousand_groups_of_ten(void **state)
{
	struct rpc_rig rig;
	struct cp_model *again;
	char list[512];

	(void)state;
	rpc_rig_make(&rig, 10000, 1000);
	for (int g = 0; g < 1000; g++) {
		size_t at = 0;

		for (int t = 0; t < 10; t++)
			at += (size_t)snprintf(list + at, sizeof(list) - at, "%s'10.1.%d.%d:%d'",
			        t ? "," : "", 100 + g / 100, g % 100 + 1, 8000 + t);
		rpc_ok(&rig, "CreateTargetGroup", "{'Name': 'g-%d', 'Protocol': 'TCP', 'Port': 80}",
		        g);
		rpc_ok(&rig, "RegisterTargets", "{'TargetGroupArn': 'g-%d', 'Targets': [%s]}", g,
		        list);
	}
	assert_int_equal(cp_slots_free(rig.model), 0);
	assert_int_equal(HASH_COUNT(rig.model->groups), 1000);
	for (const struct cp_target_group *g = rig.model->groups; g; g = g->hh.next)
		assert_int_equal(g->nb_registered, 10);
	for (uint32_t slot = 0; slot < 10000; slot++)
		assert_int_equal(rig.model->slot_owner[slot]->slot, slot);
	again = rpc_reload(&rig);
	rpc_equal(rig.model, again);
	cp_model_free(again);
	rpc_rig_free(&rig);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_random_changes_keep_what_must_hold),
	        cmocka_unit_test(test_a_thousand_groups_of_ten),
	};

	random_state = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
