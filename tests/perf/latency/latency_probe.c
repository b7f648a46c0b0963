/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Sends one frame out of a DPDK port, spins until it comes back, and again: the round trip by the
 * TSC, without a system call or a sleeping process on this side. What is at the other end of the
 * port's wire is measured by what it adds.
 *
 *     latency_probe EAL-ARGUMENTS
 *
 * Each line on standard input is a measurement: PORT COUNT GAP_US FRAME, FRAME in hexadecimal. Its
 * last 8 bytes are overwritten with a number of the packet, by which it is known again. The answer
 * is a line of JSON: the nanoseconds of each, and how many were lost. One that was lost counts with
 * the time it was waited for: what is made of the figures must not be better for it.
 */
#include <inttypes.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DESCRIPTORS 256
#define MBUFS       8191
#define BURST       32
#define MAX_FRAME   256
#define LINK_MS     10000
#define LOST_MS     50 /* what has not come back by then never will */

struct request {
	uint16_t port;
	uint32_t count, gap_us;
	uint8_t frame[MAX_FRAME];
	uint32_t len;
};

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "latency_probe: %s\n", what);
	exit(1);
}

static void start_port(uint16_t port, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = {0};

	if (rte_eth_dev_configure(port, 1, 1, &conf) < 0 ||
	        rte_eth_rx_queue_setup(port, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL, pool) < 0 ||
	        rte_eth_tx_queue_setup(port, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL) < 0 ||
	        rte_eth_dev_start(port) < 0)
		die("a port can't be started");
}

static void wait_for_link(uint16_t port)
{
	struct rte_eth_link link = {0};

	for (int ms = 0; ms < LINK_MS; ms++) {
		if (rte_eth_link_get_nowait(port, &link) == 0 &&
		        link.link_status == RTE_ETH_LINK_UP)
			return;
		rte_delay_us_sleep(1000);
	}
	die("the port's peer did not connect within 10 s");
}

/* Whether the frame with 'number' is among those that wait; takes all of them. */
static bool came_back(uint16_t port, uint64_t number)
{
	struct rte_mbuf *pkts[BURST];
	uint16_t n = rte_eth_rx_burst(port, 0, pkts, BURST);
	bool found = false;

	for (uint16_t i = 0; i < n; i++) {
		uint16_t len = rte_pktmbuf_data_len(pkts[i]);

		if (len >= sizeof(number))
			found |= memcmp(rte_pktmbuf_mtod_offset(
			                        pkts[i], uint8_t *, len - sizeof(number)),
			                 &number, sizeof(number)) == 0;
		rte_pktmbuf_free(pkts[i]);
	}
	return found;
}

/* TSC cycles of one round trip from 'start' on; 'patience' when it was lost. */
static uint64_t round_trip(const struct request *r, struct rte_mempool *pool, uint64_t number,
        uint64_t start, uint64_t patience)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint64_t passed;

	if (m == NULL)
		die("no packet buffer is free");
	memcpy(rte_pktmbuf_append(m, (uint16_t)r->len), r->frame, r->len);
	memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, r->len - sizeof(number)), &number,
	        sizeof(number));
	while (rte_eth_tx_burst(r->port, 0, &m, 1) == 0) {
		if (rte_rdtsc() - start > patience) {
			rte_pktmbuf_free(m);
			return patience;
		}
	}
	do {
		bool found = came_back(r->port, number);

		passed = rte_rdtsc() - start;
		if (found)
			return RTE_MIN(passed, patience);
	} while (passed < patience);
	return patience;
}

static void measure(const struct request *r, struct rte_mempool *pool)
{
	static uint64_t number;
	double ns = 1e9 / (double)rte_get_tsc_hz();
	uint64_t gap = r->gap_us * rte_get_tsc_hz() / 1000000;
	uint64_t patience = LOST_MS * rte_get_tsc_hz() / 1000;
	uint32_t lost = 0;

	wait_for_link(r->port);
	printf("{\"ns\": [");
	for (uint32_t i = 0; i < r->count; i++) {
		uint64_t start = rte_rdtsc();
		uint64_t cycles = round_trip(r, pool, ++number, start, patience);

		lost += cycles == patience;
		printf("%s%.0f", i > 0 ? "," : "", (double)cycles * ns);
		while (rte_rdtsc() - start < gap)
			rte_pause();
	}
	printf("], \"lost\": %" PRIu32 "}\n", lost);
	fflush(stdout);
}

/* False: the line is no request. */
static bool read_request(const char *line, struct request *r)
{
	unsigned int port, byte;
	int at = 0;

	if (sscanf(line, "%u %" SCNu32 " %" SCNu32 " %n", &port, &r->count, &r->gap_us, &at) != 3 ||
	        at == 0 || !rte_eth_dev_is_valid_port((uint16_t)port))
		return false;
	r->port = (uint16_t)port;
	for (r->len = 0; r->len < MAX_FRAME && sscanf(line + at, "%2x", &byte) == 1; at += 2)
		r->frame[r->len++] = (uint8_t)byte;
	return r->len >= RTE_ETHER_HDR_LEN + sizeof(uint64_t);
}

int main(int argc, char **argv)
{
	char line[3 * MAX_FRAME];
	struct rte_mempool *pool;
	struct request request;
	uint16_t port;

	if (rte_eal_init(argc, argv) < 0)
		die("EAL can't start");
	pool = rte_pktmbuf_pool_create(
	        "probe", MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, (int)rte_socket_id());
	if (pool == NULL)
		die("packet buffers can't be had");
	RTE_ETH_FOREACH_DEV(port)
	start_port(port, pool);
	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (!read_request(line, &request))
			die("expected PORT COUNT GAP_US FRAME on standard input");
		measure(&request, pool);
	}
	RTE_ETH_FOREACH_DEV(port)
	{
		(void)rte_eth_dev_stop(port);
		(void)rte_eth_dev_close(port);
	}
	rte_eal_cleanup();
	return 0;
}
