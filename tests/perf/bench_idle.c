/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the idle modes cost and save: a thread that polls a ring as a worker polls a queue, while
 * another puts time stamps into it, few of them. Printed are the share of a CPU that the first
 * takes, and how long the stamps waited; both compare modes of one run, best on an idle machine.
 */
#include <pthread.h>
#include <rte_cycles.h>
#include <rte_ring.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include "idle.h"
#include "pipeline_rig.h"

#define ROOM 64
#define MAX  4096

struct bench {
	struct rte_ring *ring;
	struct dp_idle idle;
	bool stop;
	uint32_t n;
	uint64_t waited[MAX]; /* TSC cycles */
	double busy_s;
};

static double seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void *work(void *bench)
{
	struct bench *b = bench;

	prctl(PR_SET_TIMERSLACK, 1UL); /* as a worker */
	while (!__atomic_load_n(&b->stop, __ATOMIC_RELAXED)) {
		void *stamps[ROOM];
		uint32_t n = rte_ring_sc_dequeue_burst(b->ring, stamps, ROOM, NULL);

		for (uint32_t i = 0; i < n && b->n < MAX; i++)
			b->waited[b->n++] = rte_rdtsc() - (uint64_t)(uintptr_t)stamps[i];
		dp_idle_rest(&b->idle, n);
	}
	b->busy_s = seconds(CLOCK_THREAD_CPUTIME_ID);
	return NULL;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static double us(const struct bench *b, uint32_t percent)
{
	return (double)b->waited[b->n * percent / 100] * 1e6 / (double)rte_get_tsc_hz();
}

/* 'nb' stamps, one each 'gap_us'. */
static void run(struct rte_ring *ring, const char *name, enum dp_idle_mode mode, uint32_t gap_us,
        uint32_t nb)
{
	struct timespec gap = {gap_us / 1000000, (long)(gap_us % 1000000) * 1000};
	static struct bench b;
	pthread_t thread;
	double begin;

	b = (struct bench){.ring = ring};
	dp_idle_init(&b.idle, mode, false);
	begin = seconds(CLOCK_MONOTONIC);
	pthread_create(&thread, NULL, work, &b);
	for (uint32_t i = 0; i < nb; i++) {
		clock_nanosleep(CLOCK_MONOTONIC, 0, &gap, NULL);
		rte_ring_sp_enqueue(ring, (void *)(uintptr_t)rte_rdtsc());
	}
	clock_nanosleep(CLOCK_MONOTONIC, 0, &gap, NULL);
	__atomic_store_n(&b.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	qsort(b.waited, b.n, sizeof(b.waited[0]), compare);
	printf("%-6s %9.0f %8.0f %%  %8.1f %8.1f %8.1f\n", name, 1e6 / gap_us,
	        100 * b.busy_s / (seconds(CLOCK_MONOTONIC) - begin), us(&b, 50), us(&b, 90),
	        us(&b, 99));
}

int main(void)
{
	static const struct {
		const char *name;
		enum dp_idle_mode mode;
	} modes[] = {{"poll", DP_IDLE_POLL}, {"pause", DP_IDLE_PAUSE}, {"sleep", DP_IDLE_SLEEP},
	        {"auto", DP_IDLE_AUTO}};
	struct rte_ring *ring = aligned_alloc(RTE_CACHE_LINE_SIZE,
	        RTE_ALIGN_CEIL((size_t)rte_ring_get_memsize(ROOM), RTE_CACHE_LINE_SIZE));

	if (ring == NULL || rte_ring_init(ring, "idle", ROOM, RING_F_SP_ENQ | RING_F_SC_DEQ) != 0)
		return 1;
	rig_eal(false); /* knows the TSC's rate */
	printf("%-6s %9s %10s  %s\n", "mode", "packets/s", "of a CPU", "waited, us: 50, 90, 99 %");
	for (size_t m = 0; m < RTE_DIM(modes); m++) {
		run(ring, modes[m].name, modes[m].mode, 1000, 1000);
		run(ring, modes[m].name, modes[m].mode, 25000, 40);
		run(ring, modes[m].name, modes[m].mode, 1000000, 1);
	}
	free(ring);
	return 0;
}
