/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See stage.h.
 */
#include "stage.h"

#include <stdio.h>
#include <stdlib.h>

#include "report.h"

#define SPARE (UINT64_C(128) << 20) /* bytes that others may need meanwhile */

static uint64_t number_in(const char *path, const char *format)
{
	FILE *file = fopen(path, "r");
	unsigned long number = 0;
	char line[128];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, format, &number) == 1)
			break;
	if (file != NULL)
		fclose(file);
	return number;
}

bool memory_enough(const struct bench *b, uint64_t size)
{
	if (b->huge)
		return (number_in("/proc/meminfo", "HugePages_Free: %lu") << 21) >= size + SPARE;
	return (number_in("/proc/meminfo", "MemAvailable: %lu kB") << 10) >= size + 2 * SPARE;
}

static uint64_t flow_table_size(const struct stage *s, bool counters)
{
	return (uint64_t)s->capacity * (counters ? 144 : 80) + (UINT64_C(1) << 20);
}

bool stage_open(struct stage *s, struct bench *b, bool is_v6, uint32_t flows, uint32_t nb_workers,
        bool counters)
{
	struct dp_flow_config config = {
	        .nb_workers = nb_workers, .huge = b->huge, .counters = counters};
	int rc;

	*s = (struct stage){.is_v6 = is_v6,
	        .flows = flows,
	        .nb = RTE_ALIGN_CEIL(RTE_MAX(flows, FLOWS_MIN), (uint32_t)DP_BURST),
	        .next_new = PACKETS_NEW};
	s->capacity = (uint32_t)((uint64_t)s->nb * 10 / 9 + 1);
	*(is_v6 ? &config.ipv6_flows : &config.ipv4_flows) = s->capacity;
	if (!memory_enough(b, flow_table_size(s, counters))) {
		report_left_out(b->report, "%s, %u flows: the flow table needs %lu MiB of %s",
		        is_v6 ? "ipv6" : "ipv4", flows, flow_table_size(s, counters) >> 20,
		        b->huge ? "huge pages" : "memory");
		return false;
	}
	rc = dp_flow_open(&config, &s->table, NULL);
	if (rc != 0)
		die("dp_flow_open: %s", strerror(-rc));
	s->targets = calloc(s->nb, 1);
	if (s->targets == NULL)
		die("no memory for the targets of %u flows", s->nb);
	return true;
}

void stage_close(struct stage *s)
{
	if (s->table == NULL)
		return;
	dp_flow_close(s->table);
	ref_table_close(&s->ref_table);
	ref_hash_close(&s->ref_hash);
	free(s->targets);
	s->table = NULL;
}

/* One packet of each flow, in order of their numbers. */
static void one_packet_each(
        struct stage *s, struct worker *w, enum dp_direction direction, uint8_t flags, bool learn)
{
	struct packet_template t;

	packet_template_make(&t, s->is_v6, direction, 80, flags);
	w->ports[0] = w->ports[1] = direction == DP_TO_CLIENT;
	for (uint32_t first = 0; first < s->nb; first += BATCH) {
		uint32_t n = RTE_MIN(BATCH, s->nb - first);
		struct outcome all = {.flows_new = learn ? n : 0};

		*(direction == DP_TO_CLIENT ? &all.to_client : &all.to_target) = n;
		worker_begin(w);
		for (uint32_t k = 0; k < n; k++)
			packet_write(&t, w->batch[k], first + k, s->targets[first + k]);
		for (uint32_t at = 0; at < n; at += DP_BURST)
			worker_burst(w, at);
		worker_check(w, "making the flows", &all);
		for (uint32_t k = 0; learn && k < n; k++)
			s->targets[first + k] = packet_target(&t, w->batch[k]);
		w->nb_kept = BATCH; /* those that were not used are in their places */
	}
}

void stage_establish(struct stage *s, struct bench *b)
{
	struct worker *w = &b->workers[0];
	struct dp_flow_usage usage;

	worker_take_table(w, s->table);
	one_packet_each(s, w, DP_TO_TARGET, RTE_TCP_SYN_FLAG, true);
	one_packet_each(s, w, DP_TO_CLIENT, RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG, false);
	one_packet_each(s, w, DP_TO_TARGET, RTE_TCP_ACK_FLAG, false);
	dp_flow_usage(s->table, &usage);
	if (usage.used[s->is_v6] != s->nb)
		die("%lu of %u flows are in the table", usage.used[s->is_v6], s->nb);
}

static bool add_reference(struct stage *s, struct bench *b, const char *name, bool opened,
        bool (*add)(struct stage *, const uint64_t *))
{
	uint64_t key[PACKET_KEY_WORDS(true)];

	for (uint32_t i = 0; opened && i < s->nb; i++) {
		packet_key_words(s->is_v6, i, key);
		opened = add(s, key);
	}
	if (!opened)
		report_left_out(b->report, "%s, %s, %u flows: no memory for it", name,
		        s->is_v6 ? "ipv6" : "ipv4", s->flows);
	return opened;
}

static bool add_to_table(struct stage *s, const uint64_t *key)
{
	ref_table_add(&s->ref_table, key);
	return true;
}

static bool add_to_hash(struct stage *s, const uint64_t *key)
{
	return ref_hash_add(&s->ref_hash, key);
}

bool stage_add_table(struct stage *s, struct bench *b)
{
	bool opened = memory_enough(b, ref_table_size(s->capacity)) &&
	              ref_table_open(&s->ref_table, s->is_v6, s->capacity, b->huge);

	s->ref_table.keys = b->keys;
	return add_reference(s, b, "table", opened, add_to_table);
}

bool stage_add_hash(struct stage *s, struct bench *b)
{
	/* key, pointer, and the buckets of the next power of two */
	bool opened = memory_enough(b, (uint64_t)s->capacity * (s->is_v6 ? 80 : 64)) &&
	              ref_hash_open(&s->ref_hash, s->is_v6, s->capacity);

	s->ref_hash.keys = b->keys;
	return add_reference(s, b, "rte_hash", opened, add_to_hash);
}

void stage_write_keys(const struct stage *s, uint64_t *keys, uint32_t *random)
{
	for (uint32_t k = 0; k < BATCH; k++)
		packet_key_words(s->is_v6, s->flows == 1 ? 0 : random_below(random, s->flows),
		        keys + k * PACKET_KEY_WORDS(s->is_v6));
}
