/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Software spreading: what it costs, and what a second worker on one queue gains. Packets in
 * memory stand for the queue; the pipeline, the flow table, the rings and the hash are the real
 * ones.
 *
 *   alone    one worker takes all packets
 *   first    the worker that polls: it spreads all packets, and runs its share
 *   second   the other worker: it takes its share from the ring, and runs it
 *   spread   hash, hand over and take, without the pipeline, on one CPU
 *
 * Each is CPU time of its thread over all packets of the batch, waiting left out: two workers with
 * a CPU each are as fast as the slower of them.
 */
#include <netinet/in.h>
#include <pthread.h>
#include <rte_pause.h>
#include <rte_tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <x86intrin.h>

#include "pipeline_rig.h"
#include "spread.h"

#define BATCH  16384u
#define HEADER 128u
#define PASSES 16u
#define RUNS   15u

struct worker {
	struct dp_worker_ctx ctx;
	struct lb_worker_stats stats;
	struct lb_target_stats target_stats[RIG_SLOTS];
	struct lb_listener_stats listener_stats[RIG_LISTENERS];
	struct dp_spread spread;
};

struct bench {
	struct rig *rig;
	struct rte_mbuf *batch[BATCH];
	uint8_t headers[BATCH][HEADER];
	struct worker workers[2];
	uint32_t done;    /* the second worker's, of this pass; the first waits for it */
	uint32_t pass;    /* begun */
	uint32_t share;   /* the second worker's packets of a batch */
	double second_ns; /* the second worker\'s time, of all passes */
	double clock_ns;  /* what a reading of the clock takes */
};

static struct bench b;

/* Of this thread alone: what else runs on the machine does not count. */
static double cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set) != 0) {
		fprintf(stderr, "bench_spread: needs CPUs 0 and 1\n");
		exit(1);
	}
}

/* As they were received: frames in memory, where a device wrote them, in no CPU's cache. */
static void restore(void)
{
	for (uint32_t k = 0; k < BATCH; k++) {
		char *frame = rte_pktmbuf_mtod(b.batch[k], char *);

		memcpy(frame, b.headers[k], HEADER);
		for (uint32_t at = 0; at < HEADER; at += RTE_CACHE_LINE_SIZE)
			_mm_clflush(frame + at);
	}
	_mm_mfence();
}

static void run(struct worker *w, struct rte_mbuf **pkts, uint32_t n)
{
	dp_pipeline_run(&w->ctx, pkts, (uint16_t)n, 0);
	w->ctx.out[0].n = 0;
	w->ctx.out[1].n = 0;
}

static void make_batch(void)
{
	for (uint32_t k = 0; k < BATCH; k++) {
		struct frame_spec s = rig_to_vip("10.90.0.10", 80, IPPROTO_TCP, k);
		struct frame f;

		s.src_port = (uint16_t)(10000 + k);
		s.payload = 0;
		s.tcp_flags = RTE_TCP_SYN_FLAG;
		frame_build(&f, &s);
		b.batch[k] = rig_mbuf(b.rig, f.bytes, f.len);
		rig_run(b.rig, &f, 0);
		rig_clear(b.rig);
		s.tcp_flags = RTE_TCP_ACK_FLAG;
		frame_build(&f, &s);
		memcpy(b.headers[k], f.bytes, f.len);
		b.batch[k]->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	}
}

static void make_worker(uint32_t number)
{
	struct worker *w = &b.workers[number];

	w->ctx = b.rig->ctx;
	w->ctx.worker = number; /* the rig's table has room for a worker and main */
	w->ctx.stats = &w->stats;
	w->ctx.target_stats = w->target_stats;
	w->ctx.listener_stats = w->listener_stats;
	w->spread.worker = number;
	w->spread.nb_workers = 2;
	for (uint32_t i = 0; i < DP_SPREAD_WORDS; i++)
		w->spread.key[i] = 0x9e3779b9u * (i + 1);
}

static double run_alone(void)
{
	double start;

	restore();
	start = cpu_ns();
	for (uint32_t k = 0; k < BATCH; k += DP_BURST)
		run(&b.workers[0], b.batch + k, DP_BURST);
	return cpu_ns() - start;
}

static void *second_worker(void *unused)
{
	struct worker *w = &b.workers[1];
	struct rte_mbuf *pkts[DP_BURST];

	stay_on(1);
	for (uint32_t pass = 1; pass <= RUNS * PASSES; pass++) {
		uint32_t got = 0;

		while (__atomic_load_n(&b.pass, __ATOMIC_ACQUIRE) < pass)
			rte_pause();
		while (got < b.share) {
			double start;
			uint16_t n;

			/* as a worker that is busy finds it */
			if (rte_ring_count(w->spread.from[0]) <
			        RTE_MIN((uint32_t)DP_BURST, b.share - got)) {
				rte_pause();
				continue;
			}
			start = cpu_ns();
			n = dp_spread_take(&w->spread, 0, pkts);
			run(w, pkts, n);
			b.second_ns += cpu_ns() - start - b.clock_ns;
			got += n;
		}
		__atomic_store_n(&b.done, pass, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* The first worker's time; the second one's is added up apart. */
static double run_two(uint32_t pass)
{
	struct worker *w = &b.workers[0];
	struct rte_mbuf *pkts[DP_SPREAD_BURST];
	double total = 0, start;

	restore();
	__atomic_store_n(&b.pass, pass, __ATOMIC_RELEASE);
	for (uint32_t k = 0; k < BATCH; k += DP_SPREAD_BURST) {
		uint16_t own;

		/* what a device would drop waits, so that every packet counts */
		while (rte_ring_free_count(w->spread.to[1].ring) < DP_SPREAD_BURST)
			rte_pause();
		memcpy(pkts, b.batch + k, sizeof(pkts));
		start = cpu_ns();
		own = dp_spread_run(&w->ctx, &w->spread, pkts, DP_SPREAD_BURST, 0, false);
		for (uint16_t at = 0; at < own; at += DP_BURST)
			run(w, pkts + at, RTE_MIN((uint32_t)(own - at), (uint32_t)DP_BURST));
		total += cpu_ns() - start - b.clock_ns;
	}
	while (__atomic_load_n(&b.done, __ATOMIC_ACQUIRE) < pass)
		rte_pause();
	return total;
}

static double run_spread(void)
{
	struct worker *w = &b.workers[0];
	struct rte_mbuf *pkts[DP_SPREAD_BURST];
	double start;

	restore();
	start = cpu_ns();
	for (uint32_t k = 0; k < BATCH; k += DP_SPREAD_BURST) {
		memcpy(pkts, b.batch + k, sizeof(pkts));
		dp_spread_run(&w->ctx, &w->spread, pkts, DP_SPREAD_BURST, 0, false);
		while (dp_spread_take(&b.workers[1].spread, 0, pkts) > 0)
			;
	}
	return cpu_ns() - start;
}

static double clock_cost(void)
{
	double start = cpu_ns();

	for (uint32_t i = 0; i < 9999; i++)
		cpu_ns();
	return (cpu_ns() - start) / 10000;
}

static int compare(const void *a, const void *c)
{
	double x = *(const double *)a, y = *(const double *)c;

	return (x > y) - (x < y);
}

static double print(const char *name, double *ns)
{
	qsort(ns, RUNS, sizeof(*ns), compare);
	printf("%-8s %8.2f (%.2f-%.2f)\n", name, ns[RUNS / 2], ns[0], ns[RUNS - 1]);
	return ns[RUNS / 2];
}

int main(void)
{
	static const struct rig_config config = {
	        .flows = 4 * BATCH, .packets = 2 * BATCH, .huge = true};
	double alone[RUNS] = {0}, first[RUNS] = {0}, second[RUNS] = {0}, spread[RUNS] = {0}, a, f,
	       o;
	uint32_t pass = 0;
	pthread_t thread;

	rig_eal(true);
	b.rig = rig_create(&config);
	make_batch();
	make_worker(0);
	make_worker(1);
	if (dp_spread_connect(&b.workers[0].spread, &b.workers[1].spread, SOCKET_ID_ANY) < 0)
		return 1;
	restore();
	for (uint32_t k = 0; k < BATCH; k++)
		b.share += dp_spread_worker(&b.workers[0].spread, b.batch[k], false);
	stay_on(0);
	b.clock_ns = clock_cost();
	pthread_create(&thread, NULL, second_worker, NULL);
	for (uint32_t i = 0; i < RUNS; i++) {
		b.second_ns = 0;
		for (uint32_t p = 0; p < PASSES; p++) {
			alone[i] += run_alone() / BATCH / PASSES;
			first[i] += run_two(++pass) / BATCH / PASSES;
			spread[i] += run_spread() / BATCH / PASSES;
		}
		second[i] = b.second_ns / BATCH / PASSES;
	}
	pthread_join(thread, NULL);
	printf("%u flows, %u of %u packets for the second worker, %u runs\n", BATCH, b.share, BATCH,
	        RUNS);
	printf("ns/packet  median (min-max)\n");
	a = print("alone", alone);
	f = print("first", first);
	o = print("second", second);
	printf("two workers on one queue: %.2f x one; spreading: %.2f of the pipeline's cost\n",
	        a / RTE_MAX(f, o), print("spread", spread) / a);
	return 0;
}
