/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Flow tables from a thousand to a hundred million flows: how much memory a flow costs, how full
 * the table gets before the first flow has to go, how long opening takes. What the machine has no
 * memory for is left out, and that is said.
 */
#include <stdio.h>
#include <time.h>

#include "flow_fixture.h"
#include "flow_vip.h"
#include "log.h"
#include "shm_file.h"

#define HUNDRED_MILLION UINT32_C(100000000)
#define SAMPLE          UINT32_C(1000000)
#define OPEN_MAX_S      60.0

/* Of this process: what else runs on the machine does not count. */
static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t memory_available(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	unsigned long long kb = 0;
	char line[128];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "MemAvailable: %llu kB", &kb) == 1)
			break;
	if (file != NULL)
		fclose(file);
	return kb << 10;
}

/* Whether 'bytes' can be taken without hurting anybody; says so if not. */
static bool there_is_room(const char *what, double bytes)
{
	double available = (double)memory_available();

	if (bytes * 1.25 + 1e9 <= available)
		return true;
	printf("SKIPPED: %s: %.1f GB of memory are needed, and %.1f are available\n", what,
	        (bytes * 1.25 + 1e9) / 1e9, available / 1e9);
	return false;
}

/* The same of the file system that the table's file is made in. */
static bool there_is_shm_room(const char *what, double bytes)
{
	double room = (double)shm_file_room();

	if (bytes <= room)
		return true;
	printf("SKIPPED: %s: %.1f GB are needed in /dev/shm, and %.1f are free: remove files, or "
	       "mount -o remount,size=... /dev/shm\n",
	        what, bytes / 1e9, room / 1e9);
	return false;
}

/* The client of flow 'i': scattered, each once. */
static struct spec client(uint32_t i, bool is_v6)
{
	return (struct spec){i & 0xffffff, (uint16_t)(1024 + (i >> 24)), 1, 7, 0, is_v6};
}

/* Inserts until a flow has to go. How many went in before. */
static uint32_t fill(struct dp_flow_table *t, uint32_t flows, bool is_v6)
{
	for (uint32_t i = 0; i <= flows; i++) {
		struct spec s = client(i, is_v6);
		struct inserted in = flow_put(t, 0, &s, TCP_SYN, 1);

		if (in.result != DP_FLOW_INSERTED || in.nb_ended != 0)
			return i;
	}
	return flows;
}

static const char *fill_both(uint32_t ipv4_flows, uint32_t ipv6_flows, bool counters)
{
	struct dp_flow_config config = flow_small(ipv4_flows, ipv6_flows);
	struct dp_flow_usage usage;
	struct dp_flow_table *t;
	double least, full4, full6, allowed;

	config.counters = counters;
	t = flow_table_open(&config, NULL);
	dp_flow_usage(t, &usage);
	least = counters ? 128 : 64;
	allowed = (ipv4_flows + ipv6_flows) * (least + 16) + FLOW_VIPS_AT + 4096 +
	          flow_vips_size(ipv6_flows) * sizeof(struct flow_vip);
	full4 = 100.0 * fill(t, ipv4_flows, false) / ipv4_flows;
	full6 = ipv6_flows != 0 ? 100.0 * fill(t, ipv6_flows, true) / ipv6_flows : 100;
	printf("%8u IPv4, %8u IPv6%s: %6.2f bytes a flow, %.1f %% and %.1f %% full before the "
	       "first had to go\n",
	        ipv4_flows, ipv6_flows, counters ? ", counters" : "",
	        (double)usage.memory / (ipv4_flows + ipv6_flows), full4, full6);
	dp_flow_close(t);
	if ((double)usage.memory > allowed)
		return "a flow costs more memory than it may";
	return full4 < 90 || full6 < 90 ? "less than nine tenths fitted" : NULL;
}

static const char *fill_sizes(void)
{
	static const uint32_t sizes[][2] = {{1 << 10, 1 << 9}, {1 << 16, 1 << 15}, {1000003, 0},
	        {1 << 20, 1 << 18}, {10 << 20, 0}};
	const char *wrong = NULL;

	for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && wrong == NULL; i++)
		for (int counters = 0; counters < 2 && wrong == NULL; counters++) {
			char what[64];

			snprintf(what, sizeof(what), "%u flows%s", sizes[i][0],
			        counters ? " with counters" : "");
			if (there_is_room(
			            what, (sizes[i][0] + sizes[i][1]) * (counters ? 144.0 : 80.0)))
				wrong = fill_both(sizes[i][0], sizes[i][1], counters);
		}
	return wrong;
}

/* The load of each hundredth of the buckets. */
static bool spreads_evenly(const struct dp_flow_table *t)
{
	uint32_t loads[100] = {0};

	for (uint32_t i = 0; i < SAMPLE; i++) {
		struct spec s = client(i, false);
		struct dp_flow_key key = flow_key(&s, DP_TO_TARGET);

		loads[(uint64_t)flow_bucket(t, flow_hash(t, &key)) * 100 / t->nb_buckets]++;
	}
	/* a hundredth of a million, and its standard deviation of 100 seven times */
	for (uint32_t i = 0; i < 100; i++)
		if (loads[i] < SAMPLE / 100 - 700 || loads[i] > SAMPLE / 100 + 700)
			return false;
	return true;
}

static const char *check_sample(const struct dp_flow_table *t)
{
	for (uint32_t i = 0; i < SAMPLE; i++) {
		struct spec s = client(i, false);

		if (flow_wrong(t, &s) != NULL)
			return flow_wrong(t, &s);
	}
	return flow_used(t) == SAMPLE ? NULL : "another number of flows than the sample";
}

/* Half of the sample goes to the first entries, half to the last ones. */
static const char *put_sample(struct dp_flow_table *t)
{
	for (uint32_t i = 0; i < SAMPLE; i++) {
		struct spec s = client(i, false);
		struct inserted in;

		if (i == SAMPLE / 2)
			t->pools[0].fresh = t->pools[0].end - SAMPLE / 2;
		in = flow_put(t, 0, &s, TCP_SYN, 1);
		if (in.result != DP_FLOW_INSERTED || in.nb_ended != 0)
			return "a flow of the sample did not go in";
	}
	return NULL;
}

static const char *open_timed(
        const struct dp_flow_config *config, const char *what, bool kept, struct dp_flow_table **t)
{
	double begin = seconds(), took;
	bool was_kept;

	*t = flow_table_open(config, &was_kept);
	took = seconds() - begin;
	printf("%u flows, %s: %.1f s\n", config->ipv4_flows, what, took);
	if (was_kept != kept)
		return "the flows were not kept";
	return took > OPEN_MAX_S ? "opening takes too long" : NULL;
}

static const char *hundred_million(const char *path)
{
	struct dp_flow_config config = flow_small(HUNDRED_MILLION, 64);
	struct dp_flow_table *t;
	const char *wrong;

	config.path = path;
	wrong = open_timed(&config, "new", false, &t);
	if (wrong == NULL && !spreads_evenly(t))
		wrong = "buckets are chosen unevenly";
	if (wrong == NULL)
		wrong = put_sample(t);
	if (wrong == NULL)
		wrong = check_sample(t);
	dp_flow_close(t);
	if (wrong != NULL)
		return wrong;
	wrong = open_timed(&config, "found again", true, &t);
	if (wrong == NULL)
		wrong = check_sample(t);
	dp_flow_close(t);
	return wrong;
}

static int say(const char *wrong)
{
	printf("%s\n", wrong != NULL ? wrong : "right");
	return wrong != NULL;
}

static int hundred_million_in(const char *path)
{
	return say(hundred_million(path));
}

int main(void)
{
	const double bytes = HUNDRED_MILLION * 80.0;
	const char *what = "100000000 flows";
	int rc;

	dp_log_set_level(DP_LOG_ERROR);
	rc = say(fill_sizes());
	if (rc != 0 || !there_is_room(what, bytes) || !there_is_shm_room(what, bytes))
		return rc;
	return shm_file_run("flow-capacity", hundred_million_in);
}
