/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See measure.h.
 */
#include "measure.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "die.h"
#include "pipeline.h"

void figures_add(struct figures *f, double value)
{
	if (f->n == MAX_RUNS)
		die("more than %u runs", MAX_RUNS);
	f->values[f->n++] = value;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double figures_at(const struct figures *f, uint32_t place)
{
	double sorted[MAX_RUNS];

	if (f->n == 0)
		return 0;
	memcpy(sorted, f->values, sizeof(sorted));
	qsort(sorted, f->n, sizeof(sorted[0]), compare_doubles);
	return sorted[place];
}

double figures_median(const struct figures *f)
{
	return figures_at(f, f->n / 2);
}

double figures_min(const struct figures *f)
{
	return figures_at(f, 0);
}

double figures_max(const struct figures *f)
{
	return figures_at(f, f->n - 1);
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

double percentile(uint32_t *values, uint32_t n, double share)
{
	if (n == 0)
		return 0;
	qsort(values, n, sizeof(*values), compare_numbers);
	return values[(uint32_t)((n - 1) * share)];
}

double trimmed_mean(uint32_t *values, uint32_t n)
{
	uint32_t kept = n - n / 100;
	double sum = 0;

	qsort(values, n, sizeof(*values), compare_numbers);
	for (uint32_t i = 0; i < kept; i++)
		sum += values[i];
	return kept > 0 ? sum / kept : 0;
}

uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t times_preempted(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return (uint64_t)usage.ru_nivcsw;
}

uint64_t batch_ns(burst_fn burst, void *arg)
{
	uint64_t start = cpu_ns();

	for (uint32_t at = 0; at < BATCH; at += DP_BURST)
		burst(arg, at);
	return cpu_ns() - start;
}
