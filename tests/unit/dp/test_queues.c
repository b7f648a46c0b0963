/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Dealing queues out to workers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "port/queues.h"

#define MAX 64

/* Each receive queue of 'ports' has exactly one worker, and no worker has two more than another. */
static void check_rx(const struct dp_port_queues *ports, uint32_t nb_ports, uint32_t nb_workers)
{
	uint8_t owners[8][MAX] = {0};
	uint32_t least = MAX, most = 0;

	for (uint32_t w = 0; w < nb_workers; w++) {
		struct dp_rx_queue queues[MAX];
		uint32_t n = dp_queues_rx(ports, nb_ports, w, nb_workers, queues, MAX);

		assert_true(n <= MAX);
		for (uint32_t i = 0; i < n; i++) {
			assert_true(queues[i].port < nb_ports);
			assert_true(queues[i].queue < ports[queues[i].port].nb_rx);
			owners[queues[i].port][queues[i].queue]++;
		}
		least = n < least ? n : least;
		most = n > most ? n : most;
	}
	for (uint32_t p = 0; p < nb_ports; p++) {
		for (uint16_t q = 0; q < ports[p].nb_rx; q++)
			assert_int_equal(owners[p][q], 1);
	}
	assert_true(most - least <= 1);
}

static void test_each_receive_queue_has_one_worker_and_all_have_as_many(void **state)
{
	static const struct dp_port_queues ports[] = {{4, 4}, {1, 1}, {7, 2}, {16, 16}};

	for (uint32_t nb_ports = 1; nb_ports <= 4; nb_ports++) {
		for (uint32_t nb_workers = 1; nb_workers <= 40; nb_workers++)
			check_rx(ports, nb_ports, nb_workers);
	}
}

static void test_four_workers_have_one_of_four_queues_each(void **state)
{
	static const struct dp_port_queues port = {4, 4};

	for (uint32_t w = 0; w < 4; w++) {
		struct dp_rx_queue queue;

		assert_int_equal(dp_queues_rx(&port, 1, w, 4, &queue, 1), 1);
		assert_int_equal(queue.queue, w);
	}
}

static void test_a_worker_with_too_many_queues_says_how_many(void **state)
{
	static const struct dp_port_queues port = {16, 1};
	struct dp_rx_queue queues[4];

	assert_int_equal(dp_queues_rx(&port, 1, 0, 2, queues, 4), 8);
	assert_int_equal(queues[3].queue, 6);
}

static void test_transmit_queues_are_locked_exactly_where_shared(void **state)
{
	for (uint16_t nb_tx = 1; nb_tx <= 9; nb_tx++) {
		for (uint32_t nb_workers = 1; nb_workers <= 20; nb_workers++) {
			const struct dp_port_queues port = {1, nb_tx};
			uint32_t users[16] = {0};
			bool shared;

			for (uint32_t w = 0; w < nb_workers; w++)
				users[dp_queues_tx(&port, w, nb_workers, &shared)]++;
			for (uint32_t w = 0; w < nb_workers; w++) {
				uint16_t queue = dp_queues_tx(&port, w, nb_workers, &shared);

				assert_true(queue < nb_tx);
				assert_int_equal(shared, users[queue] > 1);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_each_receive_queue_has_one_worker_and_all_have_as_many),
	        cmocka_unit_test(test_four_workers_have_one_of_four_queues_each),
	        cmocka_unit_test(test_a_worker_with_too_many_queues_says_how_many),
	        cmocka_unit_test(test_transmit_queues_are_locked_exactly_where_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
