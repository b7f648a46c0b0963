/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See latency.h.
 */
#include "publish/latency.h"

#include <stdlib.h>
#include <string.h>

void cp_latency_begin(struct cp_latency *latency, uint64_t now_ns)
{
	if (latency->begun_ns == 0)
		latency->begun_ns = now_ns;
}

void cp_latency_built(struct cp_latency *latency, uint64_t revision)
{
	uint32_t n = latency->nb_under_way;

	if (latency->begun_ns == 0)
		return;
	if (n < CP_LATENCY_UNDER_WAY) {
		latency->under_way[n].begun_ns = latency->begun_ns;
		latency->nb_under_way = ++n;
	}
	latency->under_way[n - 1].revision = revision;
	latency->begun_ns = 0;
}

static void add_sample(struct cp_latency *latency, uint64_t ns)
{
	uint64_t us = ns / 1000;

	latency->us[latency->nb_samples++ % CP_LATENCY_KEPT] =
	        us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

void cp_latency_acknowledged(struct cp_latency *latency, uint64_t acknowledged, uint64_t now_ns)
{
	uint32_t done = 0;

	while (done < latency->nb_under_way && latency->under_way[done].revision <= acknowledged)
		add_sample(latency, now_ns - latency->under_way[done++].begun_ns);
	if (done == 0)
		return;
	latency->nb_under_way -= done;
	memmove(latency->under_way, latency->under_way + done,
	        latency->nb_under_way * sizeof(latency->under_way[0]));
}

void cp_latency_lost(struct cp_latency *latency)
{
	latency->begun_ns = 0;
	latency->nb_under_way = 0;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void cp_latency_summarize(const struct cp_latency *latency, struct cp_latency_summary *summary)
{
	uint32_t sorted[CP_LATENCY_KEPT];
	uint32_t nb = latency->nb_samples < CP_LATENCY_KEPT ? (uint32_t)latency->nb_samples
	                                                    : CP_LATENCY_KEPT;

	*summary = (struct cp_latency_summary){.count = latency->nb_samples};
	if (nb == 0)
		return;
	memcpy(sorted, latency->us, nb * sizeof(sorted[0]));
	qsort(sorted, nb, sizeof(sorted[0]), compare);
	summary->median_us = sorted[(nb - 1) / 2];
	summary->p99_us = sorted[(nb - 1) * 99 / 100];
	summary->max_us = sorted[nb - 1];
}
