/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See rpc_fixture.h.
 */
#include "rpc_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

struct rpc_row {
	char key[CP_ARN_LEN + 80]; /* kind and id */
	enum cp_kind kind;
	char *id;
	json_t *body;
	UT_hash_handle hh;
};

static const struct {
	const char *id, *zone;
	bool internal;
	const char *v4, *v6; /* prefixes; NULL: none */
	uint8_t v4_len;
	const char *v4_first, *v4_last, *v6_first, *v6_last; /* NULL: no free range */
} SUBNETS[] = {
        {"front-a", "a", false, "10.90.0.0", "fd90::", 24, "10.90.0.10", "10.90.0.12", "fd90::10",
                "fd90::12"},
        {"front-b", "b", false, "10.90.1.0", "fd91::", 24, "10.90.1.10", "10.90.1.12", "fd91::10",
                "fd91::12"},
        {"front-c", "c", false, "10.90.2.0", NULL, 24, "10.90.2.10", "10.90.2.12", NULL, NULL},
        {"inside", "a", true, "10.91.0.0", NULL, 24, "10.91.0.10", "10.91.0.12", NULL, NULL},
        {"back-a", "a", false, "10.1.0.0", "fd01::", 16, NULL, NULL, NULL, NULL},
        {"back-b", "b", false, "10.2.0.0", "fd02::", 16, NULL, NULL, NULL, NULL},
        {"back-ab", "b", false, "10.1.5.0", NULL, 24, NULL, NULL, NULL, NULL},
};

/* A fixture that can't be made is no test result. */
static void must(bool made, const char *why)
{
	if (made)
		return;
	fprintf(stderr, "rpc_fixture: %s\n", why);
	abort();
}

static struct cp_range range_of(
        const char *prefix, uint8_t prefix_len, const char *first, const char *last)
{
	struct cp_range range = {.present = prefix != NULL, .prefix_len = prefix_len};

	if (prefix != NULL)
		must(cp_ip_parse(prefix, &range.prefix) == 0, prefix);
	range.has_free = first != NULL;
	if (range.has_free) {
		must(cp_ip_parse(first, &range.first) == 0, first);
		must(cp_ip_parse(last, &range.last) == 0, last);
	}
	return range;
}

static void add_subnet(struct cp_model *model, size_t i)
{
	struct cp_static_address addresses[2] = {{"alloc-a4", {{0}}}, {"alloc-a6", {{0}}}};
	struct cp_subnet subnet = {.interface = "lo", .internal = SUBNETS[i].internal};
	char why[256] = "";

	snprintf(subnet.id, sizeof(subnet.id), "%s", SUBNETS[i].id);
	snprintf(subnet.zone_name, sizeof(subnet.zone_name), "%s", SUBNETS[i].zone);
	subnet.v4 =
	        range_of(SUBNETS[i].v4, SUBNETS[i].v4_len, SUBNETS[i].v4_first, SUBNETS[i].v4_last);
	subnet.v6 = range_of(SUBNETS[i].v6, 64, SUBNETS[i].v6_first, SUBNETS[i].v6_last);
	if (i == 0) {
		cp_ip_parse("10.90.0.200", &addresses[0].ip);
		cp_ip_parse("fd90::200", &addresses[1].ip);
		subnet.addresses = addresses;
		subnet.nb_addresses = 2;
	}
	must(cp_model_add_subnet(model, &subnet, why, sizeof(why)) == 0, why);
}

static struct cp_model *empty_model(uint32_t max_targets, uint32_t max_listeners)
{
	const struct cp_model_limits limits = {max_targets, max_listeners};
	struct cp_model *model = cp_model_create("test", &limits);
	static const char *const zones[] = {"a", "b", "c"};
	char why[256] = "";

	for (size_t i = 0; i < 3; i++)
		must(cp_model_add_zone(model, zones[i], why, sizeof(why)) == 0, why);
	for (size_t i = 0; i < sizeof(SUBNETS) / sizeof(SUBNETS[0]); i++)
		add_subnet(model, i);
	return model;
}

void rpc_rig_make(struct rpc_rig *rig, uint32_t max_targets, uint32_t max_listeners)
{
	memset(rig, 0, sizeof(*rig));
	rig->model = empty_model(max_targets, max_listeners);
	rig->now_ms = 1700000000000;
}

static void row_free(struct rpc_rig *rig, struct rpc_row *row)
{
	HASH_DEL(rig->rows, row);
	json_decref(row->body);
	free(row->id);
	free(row);
}

void rpc_rig_free(struct rpc_rig *rig)
{
	struct rpc_row *row, *next;

	HASH_ITER(hh, rig->rows, row, next)
	row_free(rig, row);
	cp_model_free(rig->model);
}

int rpc_setup(void **state)
{
	struct rpc_rig *rig = cp_alloc(sizeof(*rig));

	rpc_rig_make(rig, 64, 16);
	*state = rig;
	return 0;
}

int rpc_teardown(void **state)
{
	rpc_rig_free(*state);
	free(*state);
	return 0;
}

/* As the store does: a row that changes keeps its place. */
static void store_entry(struct rpc_rig *rig, const struct cp_journal_entry *entry)
{
	struct rpc_row *row;
	char key[sizeof(row->key)];

	snprintf(key, sizeof(key), "%d %s", (int)entry->kind, entry->id);
	HASH_FIND_STR(rig->rows, key, row);
	if (entry->row == NULL) {
		if (row != NULL)
			row_free(rig, row);
		return;
	}
	if (row == NULL) {
		row = cp_alloc(sizeof(*row));
		memcpy(row->key, key, sizeof(key));
		row->kind = entry->kind;
		row->id = strdup(entry->id);
		HASH_ADD_STR(rig->rows, key, row);
	}
	json_decref(row->body);
	row->body = json_deep_copy(entry->row);
}

struct cp_model *rpc_reload(const struct rpc_rig *rig)
{
	struct cp_model *model = empty_model(rig->model->max_slots, rig->model->max_listener_slots);
	char why[256] = "";

	for (int kind = CP_KIND_LB; kind <= CP_KIND_META; kind++) {
		for (struct rpc_row *row = rig->rows; row != NULL; row = row->hh.next) {
			if ((int)row->kind != kind)
				continue;
			if (cp_model_load_row(
			            model, row->kind, row->id, row->body, why, sizeof(why)) != 0)
				fail_msg("row '%s' is refused: %s", row->id, why);
		}
	}
	return model;
}

static json_t *read_now(
        const struct cp_model *model, const char *method, const char *key, const char *value)
{
	json_t *params = key ? json_pack("{s:s}", key, value) : json_object(), *result = NULL;
	struct cp_error error = {0};

	if (cp_method_find(method)->read(model, NULL, params, &result, &error) != 0)
		fail_msg("%s: %s", method, error.message);
	json_decref(params);
	return result;
}

static json_t *dump_targets(const struct cp_target_group *group)
{
	json_t *out = json_array();

	for (const struct cp_target *t = group->targets; t != NULL; t = t->hh.next)
		json_array_append_new(
		        out, json_pack("{s:s, s:s, s:i, s:i, s:i, s:I, s:I, s:b, s:I, s:I}", "key",
		                     t->key, "zone_name", t->zone_name, "zone", t->zone, "weight",
		                     t->weight, "slot", (int)t->slot, "epoch", (json_int_t)t->epoch,
		                     "identity", (json_int_t)t->identity, "draining", t->draining,
		                     "from", (json_int_t)t->drain_from_ms, "deadline",
		                     (json_int_t)t->drain_deadline_ms));
	return out;
}

static json_t *dump_group(const struct cp_model *model, const struct cp_target_group *group)
{
	return json_pack("{s:o, s:o, s:o, s:i, s:i, s:i, s:i, s:I}", "attributes",
	        read_now(model, "DescribeTargetGroupAttributes", "TargetGroupArn", group->arn),
	        "health", read_now(model, "DescribeTargetHealth", "TargetGroupArn", group->arn),
	        "targets", dump_targets(group), "registered", (int)group->nb_registered,
	        "listeners", (int)group->nb_listeners, "interval_ms", (int)group->check.interval_ms,
	        "timeout_ms", (int)group->check.timeout_ms, "created_ms",
	        (json_int_t)group->created_ms);
}

/* The epochs that the next owners of slots get, where not the first. */
static json_t *dump_epochs(const struct cp_model *model)
{
	json_t *out = json_object();
	char slot[16];

	for (uint32_t i = 0; i < model->nb_slots; i++) {
		snprintf(slot, sizeof(slot), "%u", i);
		if (model->slot_epoch[i] != 1)
			json_object_set_new(out, slot, json_integer(model->slot_epoch[i]));
	}
	return out;
}

json_t *rpc_dump(const struct cp_model *model)
{
	json_t *groups = json_array(), *lbs = json_array(), *listeners = json_array();

	for (struct cp_load_balancer *at = model->lbs; at != NULL; at = at->hh.next)
		json_array_append_new(lbs, read_now(model, "DescribeLoadBalancerAttributes",
		                                   "LoadBalancerArn", at->arn));
	for (struct cp_target_group *at = model->groups; at != NULL; at = at->hh.next)
		json_array_append_new(groups, dump_group(model, at));
	for (struct cp_listener *at = model->listeners; at != NULL; at = at->hh.next)
		json_array_append_new(
		        listeners, json_pack("{s:i, s:o}", "slot", (int)at->slot, "attributes",
		                           read_now(model, "DescribeListenerAttributes",
		                                   "ListenerArn", at->arn)));
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:i, s:i}", "LoadBalancers",
	        read_now(model, "DescribeLoadBalancers", NULL, NULL), "TargetGroups",
	        read_now(model, "DescribeTargetGroups", NULL, NULL), "Listeners",
	        read_now(model, "DescribeListeners", NULL, NULL), "lbs", lbs, "groups", groups,
	        "listeners", listeners, "epochs", dump_epochs(model), "revision",
	        (json_int_t)model->revision, "incarnation", (json_int_t)model->incarnation, "vips",
	        (int)HASH_COUNT(model->vips), "rows", (int)model->nb_rows);
}

static void check_equal(json_t *a, json_t *b, const char *file, int line)
{
	char *one, *other;

	if (!json_equal(a, b)) {
		one = json_dumps(a, JSON_SORT_KEYS);
		other = json_dumps(b, JSON_SORT_KEYS);
		print_error("expected: %s\nfound:    %s\n", one, other);
		free(one);
		free(other);
		_fail(file, line);
	}
	json_decref(a);
	json_decref(b);
}

void rpc_equal_(const struct cp_model *a, const struct cp_model *b, const char *file, int line)
{
	check_equal(rpc_dump(a), rpc_dump(b), file, line);
}

static void store_journal(struct rpc_rig *rig, uint64_t revision_before, bool done)
{
	struct cp_journal_entry *journal = cp_model_take_journal(rig->model);
	const struct cp_journal_entry *last = journal;

	for (const struct cp_journal_entry *at = journal; at != NULL; at = at->next) {
		store_entry(rig, at);
		last = at;
	}
	if (journal != NULL) {
		assert_true(done);
		assert_int_equal(rig->model->revision, revision_before + 1);
		assert_int_equal(last->kind, CP_KIND_META);
		assert_string_equal(last->id, "counts");
	} else {
		assert_int_equal(rig->model->revision, revision_before);
	}
	cp_journal_free(journal);
}

int rpc_call(struct rpc_rig *rig, const char *method, const json_t *params, json_t **result)
{
	const struct cp_change_context context = {.now_ms = rig->now_ms};
	const struct cp_method *found = cp_method_find(method);
	uint64_t revision = rig->model->revision;
	cp_change_fn change;
	int rc;

	memset(&rig->error, 0, sizeof(rig->error));
	*result = NULL;
	if (found != NULL && found->read != NULL) {
		rc = found->read(rig->model, NULL, params, result, &rig->error);
	} else {
		change = found ? found->change : cp_change_target_drained;
		rc = change(rig->model, &context, params, result, &rig->error);
	}
	if (rc == 0)
		assert_non_null(*result);
	else
		assert_null(*result);
	store_journal(rig, revision, rc == 0);
	return rc;
}

static json_t *params_of(const char *file, int line, const char *format, va_list args)
{
	json_error_t error;
	char *text;
	json_t *params;
	int len = vasprintf(&text, format, args);

	must(len >= 0, "out of memory");
	for (int i = 0; i < len; i++)
		if (text[i] == '\'')
			text[i] = '"';
	params = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	if (params == NULL) {
		print_error("%s: %s\n", error.text, text);
		_fail(file, line);
	}
	free(text);
	return params;
}

json_t *rpc_result_(struct rpc_rig *rig, const char *file, int line, const char *method,
        const char *format, ...)
{
	json_t *params, *result;
	va_list args;

	va_start(args, format);
	params = params_of(file, line, format, args);
	va_end(args);
	if (rpc_call(rig, method, params, &result) != 0) {
		print_error("%s: %s: %s\n", method, rig->error.code, rig->error.message);
		_fail(file, line);
	}
	json_decref(params);
	return result;
}

void rpc_refused_(struct rpc_rig *rig, const char *file, int line, const char *code,
        const char *method, const char *format, ...)
{
	json_t *before = rpc_dump(rig->model), *params, *result;
	va_list args;
	int rc;

	va_start(args, format);
	params = params_of(file, line, format, args);
	va_end(args);
	rc = rpc_call(rig, method, params, &result);
	json_decref(params);
	if (rc == 0 || strcmp(rig->error.code, code) != 0 || rig->error.message[0] == '\0' ||
	        rig->error.rpc != LB_RPC_ELB) {
		print_error("%s: expected %s, found %s '%s'\n", method, code,
		        rc ? rig->error.code : "success", rig->error.message);
		_fail(file, line);
	}
	check_equal(before, rpc_dump(rig->model), file, line);
}

void rpc_same_(struct rpc_rig *rig, const char *file, int line, const char *method,
        const char *format, ...)
{
	json_t *before = rpc_dump(rig->model), *params, *result;
	va_list args;

	va_start(args, format);
	params = params_of(file, line, format, args);
	va_end(args);
	if (rpc_call(rig, method, params, &result) != 0) {
		print_error("%s: %s: %s\n", method, rig->error.code, rig->error.message);
		_fail(file, line);
	}
	json_decref(params);
	json_decref(result);
	check_equal(before, rpc_dump(rig->model), file, line);
}

const char *rpc_attribute(const json_t *result, const char *key)
{
	json_t *item;
	size_t i;

	json_array_foreach (json_object_get(result, "Attributes"), i, item) {
		if (strcmp(json_string_value(json_object_get(item, "Key")), key) == 0)
			return json_string_value(json_object_get(item, "Value"));
	}
	return NULL;
}
