/* SPDX-License-Identifier: BSD-3-Clause
 *
 * tables.c and listener.c: generations and rings, in order and hostile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <rte_byteorder.h>
#include <rte_common.h>
#include <stdlib.h>

#include "frame.h"
#include "tables.h"
#include "tables_fixture.h"

#define SLOTS     5
#define CONSUMERS 2

struct fixture {
	struct tables_fixture fx;
	struct lb_rings *rings;
	struct dp_tables view;
	uint64_t refused;
};

static void build(struct tables_fixture *fx)
{
	static const uint32_t maglev[] = {0, 1, 2, 3, 4, 0, 1};
	static const uint32_t epochs[SLOTS] = {1, 1, 0, 7, 1};
	struct lb_vip vips[] = {{.ip = frame_ip("10.90.0.10")}, {.ip = frame_ip("fd00:90::10")},
	        {.ip = frame_ip("10.90.0.11")}};
	struct tables_listener listeners[] = {
	        {.row = {.vip = vips[0].ip, .port = RTE_BE16(80), .protocol = IPPROTO_TCP, .id = 1},
	                .maglev = maglev,
	                .maglev_size = RTE_DIM(maglev)},
	        {.row = {.vip = vips[0].ip,
	                 .port = RTE_BE16(80),
	                 .protocol = IPPROTO_UDP,
	                 .id = 2}},
	        {.row = {.vip = vips[1].ip,
	                 .port = RTE_BE16(443),
	                 .protocol = IPPROTO_TCP,
	                 .id = 3}},
	};
	struct lb_group group = {.mode = LB_MODE_NAT};
	struct lb_target targets[SLOTS] = {{.port = RTE_BE16(8080)}};
	struct tables_spec spec = {vips, listeners, &group, targets, epochs, RTE_DIM(vips),
	        RTE_DIM(listeners), 1, SLOTS};

	tables_fixture_build(fx, &spec, 42);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	build(&f->fx);
	f->rings = aligned_alloc(4096, LB_RINGS_SIZE(CONSUMERS));
	memset(f->rings, 0, LB_RINGS_SIZE(CONSUMERS));
	for (uint32_t i = 0; i < CONSUMERS; i++) {
		rte_ring_init(lb_command_ring(f->rings, i), "c", LB_RING_SLOTS,
		        RING_F_SP_ENQ | RING_F_SC_DEQ);
		rte_ring_init(lb_ack_ring(f->rings, i), "a", LB_RING_SLOTS,
		        RING_F_SP_ENQ | RING_F_SC_DEQ);
	}
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	tables_fixture_free(&f->fx);
	free(f->rings);
	free(f);
	return 0;
}

static enum lb_refusal open_it(struct fixture *f)
{
	return dp_tables_open(&f->view, f->fx.segment, f->fx.size, &f->fx.run);
}

static bool poll_it(struct fixture *f)
{
	return dp_tables_poll(&f->view, f->rings, 1, f->fx.segment, f->fx.size, &f->refused);
}

static void command(struct fixture *f, uint32_t seq)
{
	struct lb_msg msg = f->fx.run;

	msg.seq = seq;
	assert_int_equal(lb_ring_send(lb_command_ring(f->rings, 1), &msg), 0);
}

static struct lb_msg answer(struct fixture *f)
{
	struct lb_msg msg = {0};

	assert_int_equal(lb_ring_receive(lb_ack_ring(f->rings, 1), &msg), 0);
	return msg;
}

static void a_generation_is_found_by_its_keys(void **state)
{
	struct fixture *f = *state;
	struct lb_ip v4 = frame_ip("10.90.0.10"), v6 = frame_ip("fd00:90::10");
	struct lb_ip other = frame_ip("10.90.0.12");
	const struct dp_tables *t = &f->view;

	assert_int_equal(open_it(f), LB_REFUSAL_NONE);
	assert_int_equal(t->revision, 42);
	assert_int_equal(t->offset, f->fx.run.offset);
	assert_ptr_equal(dp_tables_vip(t, &v4), &t->vips[0]);
	assert_ptr_equal(dp_tables_vip(t, &v6), &t->vips[1]);
	assert_null(dp_tables_vip(t, &other));
	assert_int_equal(dp_tables_listener(t, &v4, IPPROTO_TCP, RTE_BE16(80))->id, 1);
	assert_int_equal(dp_tables_listener(t, &v4, IPPROTO_UDP, RTE_BE16(80))->id, 2);
	assert_int_equal(dp_tables_listener(t, &v6, IPPROTO_TCP, RTE_BE16(443))->id, 3);
	assert_null(dp_tables_listener(t, &v4, IPPROTO_TCP, RTE_BE16(443)));
	assert_null(dp_tables_listener(t, &v6, IPPROTO_UDP, RTE_BE16(443)));
	assert_null(dp_tables_listener(t, &other, IPPROTO_TCP, RTE_BE16(80)));
	assert_int_equal(dp_tables_epoch(t, 3), 7);
	assert_int_equal(dp_tables_epoch(t, SLOTS), 0);
	assert_int_equal(dp_tables_epoch(t, UINT32_MAX), 0);
}

/* A generation of 'n4' and 'n6' virtual addresses and nothing else. */
static void assert_few(uint32_t n4, uint32_t n6, bool few)
{
	struct lb_vip vips[2 * DP_TABLES_FEW + 1] = {0};
	struct tables_spec spec = {.vips = vips, .nb_vips = n4 + n6};
	struct dp_tables view = {0};
	struct tables_fixture fx;

	for (uint32_t i = 0; i < n4 + n6; i++) {
		vips[i].ip = frame_ip(i < n4 ? "10.90.0.0" : "fd00:90::");
		vips[i].ip.bytes[15] = (uint8_t)(1 + i);
	}
	tables_fixture_build(&fx, &spec, 1);
	assert_int_equal(dp_tables_open(&view, fx.segment, fx.size, &fx.run), LB_REFUSAL_NONE);
	assert_int_equal(view.has_few, few);
	for (uint32_t i = 0; few && i < n4; i++)
		assert_int_equal(view.few4[i], lb_ip_v4(&vips[i].ip));
	for (uint32_t i = 0; few && i < n6; i++)
		assert_memory_equal(view.few6[i], &vips[n4 + i].ip, sizeof(vips[0].ip));
	if (few) {
		assert_int_equal(view.nb_few[0], n4);
		assert_int_equal(view.nb_few[1], n6);
	}
	tables_fixture_free(&fx);
}

static void few_addresses_are_listed(void **state)
{
	const uint32_t most = DP_TABLES_FEW;

	assert_few(0, 0, true);
	assert_few(2, 1, true);
	assert_few(most, most, true);
	assert_few(most + 1, 0, false);
	assert_few(0, most + 1, false);
	assert_few(most, most + 1, false);
}

static void no_generation_holds_nothing(void **state)
{
	struct lb_ip ip = frame_ip("10.90.0.10");
	struct dp_tables none = {0};

	assert_null(dp_tables_vip(&none, &ip));
	assert_null(dp_tables_listener(&none, &ip, IPPROTO_TCP, RTE_BE16(80)));
	assert_int_equal(dp_tables_epoch(&none, 0), 0);
}

static void a_hostile_offset_is_refused(void **state)
{
	struct fixture *f = *state;
	const uint64_t offsets[] = {0, 64, LB_TABLES_HEAP_OFFSET - 64, f->fx.run.offset + 1,
	        f->fx.size, f->fx.size - 64, UINT64_MAX, UINT64_MAX - 63, UINT64_C(1) << 63};

	for (uint32_t i = 0; i < RTE_DIM(offsets); i++) {
		f->fx.run.offset = offsets[i];
		assert_int_equal(open_it(f), LB_REFUSAL_BAD_OFFSET);
		assert_null(f->view.segment);
	}
}

static void a_command_that_is_none_is_refused(void **state)
{
	struct fixture *f = *state;
	const uint32_t types[] = {LB_MSG_NONE, LB_MSG_RUNNING, LB_MSG_REFUSED, 99, UINT32_MAX};

	for (uint32_t i = 0; i < RTE_DIM(types); i++) {
		f->fx.run.type = types[i];
		assert_int_equal(open_it(f), LB_REFUSAL_UNKNOWN_TYPE);
	}
}

static void a_bad_header_is_refused(void **state)
{
	struct fixture *f = *state;
	struct lb_generation good = *f->fx.generation;
	uint64_t room = f->fx.size - f->fx.run.offset;
	const uint64_t sizes[] = {0, 64, good.size + 1, room + 64, UINT64_MAX, UINT64_MAX - 63};

	f->fx.generation->magic++;
	assert_int_equal(open_it(f), LB_REFUSAL_BAD_HEADER);
	*f->fx.generation = good;
	f->fx.generation->revision++;
	assert_int_equal(open_it(f), LB_REFUSAL_BAD_HEADER);
	*f->fx.generation = good;
	for (uint32_t i = 0; i < RTE_DIM(sizes); i++) {
		f->fx.generation->size = sizes[i];
		assert_int_equal(open_it(f), LB_REFUSAL_BAD_HEADER);
	}
	*f->fx.generation = good;
	assert_int_equal(open_it(f), LB_REFUSAL_NONE);
}

/* Each 32-bit field of the header that says where or how many, at values that can't be right. */
static void hostile_bounds_are_refused(void **state)
{
	struct fixture *f = *state;
	struct lb_generation good = *f->fx.generation;
	const uint32_t first = offsetof(struct lb_generation, nb_vips) / 4;
	const uint32_t last = offsetof(struct lb_generation, epochs_offset) / 4;
	const uint32_t values[] = {(uint32_t)good.size + 64, UINT32_MAX, UINT32_MAX - 63, 1u << 31};
	uint32_t *fields = (uint32_t *)f->fx.generation;

	for (uint32_t field = first; field <= last; field++) {
		for (uint32_t i = 0; i < RTE_DIM(values); i++) {
			fields[field] = values[i];
			assert_int_equal(open_it(f), LB_REFUSAL_BAD_BOUNDS);
			assert_null(f->view.segment);
		}
		*f->fx.generation = good;
	}
}

static void an_index_that_cant_be_masked_is_refused(void **state)
{
	struct fixture *f = *state;
	uint32_t *sizes[] = {
	        &f->fx.generation->vip_index_size, &f->fx.generation->listener_index_size};

	for (uint32_t i = 0; i < RTE_DIM(sizes); i++) {
		uint32_t good = *sizes[i];

		for (uint32_t size = 0; size <= good; size++) {
			bool power = size > 3 && (size & (size - 1)) == 0;

			*sizes[i] = size;
			assert_int_equal(
			        open_it(f), power ? LB_REFUSAL_NONE : LB_REFUSAL_BAD_BOUNDS);
		}
		*sizes[i] = good;
	}
}

/* An index in which every place is taken, by rows that are not there: the look-up ends. */
static void a_full_index_with_wild_rows_finds_nothing(void **state)
{
	struct fixture *f = *state;
	struct lb_ip ip = frame_ip("10.90.0.10");
	struct lb_generation *g = f->fx.generation;
	struct lb_index *vips = tables_fixture_at(&f->fx, g->vip_index_offset);
	struct lb_index *listeners = tables_fixture_at(&f->fx, g->listener_index_offset);

	for (uint32_t i = 0; i < g->vip_index_size; i++)
		vips[i] = (struct lb_index){.tag = lb_vip_hash(&ip), .row = UINT32_MAX - i};
	for (uint32_t i = 0; i < g->listener_index_size; i++)
		listeners[i] =
		        (struct lb_index){.tag = lb_listener_hash(&ip, IPPROTO_TCP, RTE_BE16(80)),
		                .row = g->nb_listeners + 1 + i};
	assert_int_equal(open_it(f), LB_REFUSAL_NONE);
	assert_null(dp_tables_vip(&f->view, &ip));
	assert_null(dp_tables_listener(&f->view, &ip, IPPROTO_TCP, RTE_BE16(80)));
}

static void a_command_is_run_and_acknowledged(void **state)
{
	struct fixture *f = *state;
	struct lb_msg ack;

	assert_false(poll_it(f));
	command(f, 5);
	assert_true(poll_it(f));
	ack = answer(f);
	assert_int_equal(ack.type, LB_MSG_RUNNING);
	assert_int_equal(ack.seq, 5);
	assert_int_equal(ack.revision, 42);
	assert_int_equal(ack.offset, f->fx.run.offset);
	assert_int_equal(ack.reason, LB_REFUSAL_NONE);
	assert_int_equal(f->view.revision, 42);
	assert_false(poll_it(f));
	assert_int_equal(f->refused, 0);
}

static void only_the_newest_of_several_commands_is_run(void **state)
{
	struct fixture *f = *state;

	f->fx.run.revision = 41;
	command(f, 5);
	command(f, 6);
	f->fx.run.revision = 42;
	command(f, 7);
	assert_true(poll_it(f));
	assert_int_equal(answer(f).seq, 7);
	assert_int_equal(rte_ring_count(lb_ack_ring(f->rings, 1)), 0);
	assert_int_equal(f->refused, 0);
}

static void a_refused_command_leaves_what_ran(void **state)
{
	struct fixture *f = *state;
	struct lb_msg ack;

	command(f, 1);
	assert_true(poll_it(f));
	answer(f);
	f->fx.run.revision = 43;
	command(f, 2);
	assert_false(poll_it(f));
	ack = answer(f);
	assert_int_equal(ack.type, LB_MSG_REFUSED);
	assert_int_equal(ack.seq, 2);
	assert_int_equal(ack.reason, LB_REFUSAL_BAD_HEADER);
	assert_int_equal(f->refused, 1);
	assert_int_equal(f->view.revision, 42);
}

static void a_corrupt_ring_counts_and_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct rte_ring *rings[] = {lb_command_ring(f->rings, 1), lb_ack_ring(f->rings, 1)};

	command(f, 1);
	for (uint32_t i = 0; i < RTE_DIM(rings); i++) {
		uint32_t *fields[] = {&rings[i]->size, &rings[i]->mask, &rings[i]->capacity,
		        (uint32_t *)&rings[i]->prod.sync_type,
		        (uint32_t *)&rings[i]->cons.sync_type};

		for (uint32_t k = 0; k < RTE_DIM(fields); k++) {
			uint32_t good = *fields[k];

			*fields[k] = 0x7fffffff;
			f->refused = 0;
			assert_false(poll_it(f));
			assert_int_equal(f->refused, 1);
			assert_int_equal(*fields[k], 0x7fffffff);
			*fields[k] = good;
		}
	}
	assert_true(poll_it(f));
	assert_int_equal(answer(f).seq, 1);
}

/* Head and tail are the other side's to write; what they claim is only ever used masked. */
static void wild_ring_positions_do_no_harm(void **state)
{
	struct fixture *f = *state;
	struct rte_ring *commands = lb_command_ring(f->rings, 1);
	const uint32_t wild[] = {1, 255, 256, 1u << 31, UINT32_MAX};

	for (uint32_t i = 0; i < RTE_DIM(wild); i++) {
		commands->prod.tail = commands->cons.head + wild[i];
		f->refused = 0;
		assert_false(poll_it(f));
		assert_int_equal(f->refused, 1);
		assert_int_equal(answer(f).reason, LB_REFUSAL_UNKNOWN_TYPE);
		lb_ring_recover(commands, LB_RING_CONSUMER);
	}
}

static void a_command_waits_until_its_answer_has_room(void **state)
{
	struct fixture *f = *state;
	struct lb_msg filler = {.type = LB_MSG_RUNNING};

	while (lb_ring_send(lb_ack_ring(f->rings, 1), &filler) == 0)
		;
	command(f, 9);
	assert_false(poll_it(f));
	assert_int_equal(rte_ring_count(lb_command_ring(f->rings, 1)), 1);
	assert_int_equal(f->refused, 0);
	answer(f);
	assert_true(poll_it(f));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        CASE(a_generation_is_found_by_its_keys),
	        cmocka_unit_test(few_addresses_are_listed),
	        cmocka_unit_test(no_generation_holds_nothing),
	        CASE(a_hostile_offset_is_refused),
	        CASE(a_command_that_is_none_is_refused),
	        CASE(a_bad_header_is_refused),
	        CASE(hostile_bounds_are_refused),
	        CASE(an_index_that_cant_be_masked_is_refused),
	        CASE(a_full_index_with_wild_rows_finds_nothing),
	        CASE(a_command_is_run_and_acknowledged),
	        CASE(only_the_newest_of_several_commands_is_run),
	        CASE(a_refused_command_leaves_what_ran),
	        CASE(a_corrupt_ring_counts_and_is_left_alone),
	        CASE(wild_ring_positions_do_no_harm),
	        CASE(a_command_waits_until_its_answer_has_room),
	};

	return cmocka_run_group_tests_name("tables", tests, NULL, NULL);
}
