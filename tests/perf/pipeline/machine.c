/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the figures were measured on.
 */
#include <rte_cycles.h>
#include <rte_version.h>
#include <unistd.h>

#include "report.h"

#ifdef __clang__
#define COMPILER "clang"
#else
#define COMPILER "gcc"
#endif

void machine_describe(struct machine *m)
{
	FILE *file = fopen("/proc/cpuinfo", "r");
	char line[512];

	*m = (struct machine){.cpu = "unknown",
	        .cores = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN),
	        .tsc_hz = rte_get_tsc_hz(),
	        .compiler = COMPILER " " __VERSION__,
	        .cpu_option = BENCH_CPU,
	        .dpdk = rte_version()};
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "model name : %127[^\n]", m->cpu) == 1)
			break;
	if (file != NULL)
		fclose(file);
	file = fopen("/proc/meminfo", "r");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		(void)sscanf(line, "HugePages_Total: %lu", &m->huge_pages_total);
		(void)sscanf(line, "HugePages_Free: %lu", &m->huge_pages_free);
	}
	if (file != NULL)
		fclose(file);
}
