/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Workers flooded at once: half of the table is open flows, and every thread puts new ones in, each
 * of which needs another's place. SYNs and UDP by turns, some answered by their target, while open
 * flows go on. No open flow may go, there must nearly always be room, and the table stays as full
 * as it was.
 *
 * Usage: stress_flow_flood [insertions of a thread]
 */
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "flow_fixture.h"

#define THREADS  3
#define CAPACITY 8192
#define OPEN     (CAPACITY / 2)

static struct dp_flow_table *table;
static uint32_t insertions = 100000;

struct flooder {
	pthread_t thread;
	uint32_t worker;
	uint64_t inserted, full, evicted;
	const char *wrong;
};

static struct spec open_flow(uint32_t i)
{
	return (struct spec){i, 4000, 1, 7, i % 4 == 3 ? IPPROTO_UDP : 0, false};
}

/* Both ends of an open flow say something. */
static bool goes_on(uint32_t i)
{
	struct spec s = open_flow(i);
	uint8_t flags = s.protocol == IPPROTO_UDP ? 0 : TCP_ACK;

	return flow_see(table, &s, DP_TO_TARGET, flags, 1) &&
	       flow_see(table, &s, DP_TO_CLIENT, flags, 1);
}

static void flood(struct flooder *f, uint32_t i)
{
	bool udp = i / 512 % 2;
	struct spec s = {
	        (f->worker + 1) << 20 | i, (uint16_t)i, 1, 9, udp ? IPPROTO_UDP : 0, false};
	struct inserted in = flow_put(table, f->worker, &s, udp ? 0 : TCP_SYN, 1);

	f->inserted += in.result == DP_FLOW_INSERTED;
	f->full += in.result == DP_FLOW_FULL;
	for (uint32_t k = 0; k < in.nb_ended; k++) {
		f->evicted += in.ended[k].reason == LB_COUNTER_FLOWS_EVICTED;
		if (in.ended[k].slot != 9)
			f->wrong = "an open flow was taken out";
	}
	/* it may be gone again by now */
	if (i % 8 < 5)
		(void)flow_see(table, &s, DP_TO_CLIENT, udp ? 0 : TCP_SYN | TCP_ACK, 1);
}

static void *run(void *arg)
{
	struct flooder *f = arg;

	for (uint32_t i = 0; i < insertions && f->wrong == NULL; i++) {
		flood(f, i);
		if (i % 16 == 0 && !goes_on((i / 16 + f->worker) % OPEN))
			f->wrong = "an open flow was not found";
	}
	return NULL;
}

static bool all_open_are_there(void)
{
	for (uint32_t i = 0; i < OPEN; i++) {
		struct spec s = open_flow(i);

		if (flow_wrong(table, &s) != NULL)
			return false;
	}
	return true;
}

static const char *judge(const struct flooder *sum)
{
	if (sum->wrong != NULL)
		return sum->wrong;
	if (sum->inserted + sum->full != (uint64_t)THREADS * insertions)
		return "an insertion was neither done nor refused for want of room";
	/* Two that find the same victim may both lose it, once in a while. */
	if (sum->full * 100 > sum->inserted)
		return "one of a hundred was refused, though half of the table could be spared";
	if (OPEN + sum->inserted - sum->evicted != flow_used(table))
		return "the table holds another number than went in and did not come out";
	if (!all_open_are_there())
		return "an open flow is not there";
	return NULL;
}

int main(int argc, char **argv)
{
	struct dp_flow_config config = flow_small(CAPACITY, 0);
	struct flooder flooders[THREADS] = {0}, sum = {0};
	const char *wrong;

	if (argc > 1)
		insertions = (uint32_t)strtoul(argv[1], NULL, 0);
	config.nb_workers = THREADS;
	table = flow_table_open(&config, NULL);
	for (uint32_t i = 0; i < OPEN; i++) {
		struct spec s = open_flow(i);
		bool udp = s.protocol == IPPROTO_UDP;

		if (flow_put(table, 0, &s, udp ? 0 : TCP_SYN, 1).result != DP_FLOW_INSERTED ||
		        !flow_see(table, &s, DP_TO_CLIENT, udp ? 0 : TCP_SYN | TCP_ACK, 1) ||
		        !goes_on(i))
			abort();
	}
	for (uint32_t i = 0; i < THREADS; i++) {
		flooders[i].worker = i;
		if (pthread_create(&flooders[i].thread, NULL, run, &flooders[i]) != 0)
			abort();
	}
	for (uint32_t i = 0; i < THREADS; i++) {
		pthread_join(flooders[i].thread, NULL);
		sum.inserted += flooders[i].inserted;
		sum.full += flooders[i].full;
		sum.evicted += flooders[i].evicted;
		sum.wrong = flooders[i].wrong != NULL ? flooders[i].wrong : sum.wrong;
	}
	wrong = judge(&sum);
	printf("%llu inserted, %llu evicted, %llu refused: %s\n", (unsigned long long)sum.inserted,
	        (unsigned long long)sum.evicted, (unsigned long long)sum.full,
	        wrong != NULL ? wrong : "no open flow lost");
	dp_flow_close(table);
	return wrong != NULL;
}
