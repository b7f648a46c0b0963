/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Lists of CPUs, as text.
 */
#include <ctype.h>
#include <errno.h>

#include "config.h"

/* One number of a CPU list; '*at' moves behind it. -EINVAL if there is none. */
static int read_cpu(const char **at)
{
	int cpu = 0, digits = 0;

	for (; isdigit((unsigned char)**at) && digits < 4; (*at)++, digits++)
		cpu = cpu * 10 + (**at - '0');
	return digits > 0 && digits < 4 ? cpu : -EINVAL;
}

static bool has_cpu(const uint16_t *cpus, uint32_t n, int cpu)
{
	for (uint32_t i = 0; i < n; i++) {
		if (cpus[i] == cpu)
			return true;
	}
	return false;
}

int dp_config_cpus(const char *list, uint16_t *cpus, uint32_t max)
{
	uint32_t n = 0;

	for (const char *at = list;; at++) {
		int first = read_cpu(&at), last = first;

		if (first >= 0 && *at == '-') {
			at++;
			last = read_cpu(&at);
		}
		if (first < 0 || last < first)
			return -EINVAL;
		for (int cpu = first; cpu <= last; cpu++) {
			if (n == max || has_cpu(cpus, n, cpu))
				return -EINVAL;
			cpus[n++] = (uint16_t)cpu;
		}
		if (*at == '\0')
			return (int)n;
		if (*at != ',')
			return -EINVAL;
	}
}
