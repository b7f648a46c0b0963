/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Lists of CPUs and of lcores, as text.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

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

/* One set of EAL's notation: a CPU, a range, or a list in parentheses. '*at' moves behind it. The
 * number of its members, or -EINVAL. */
static int read_set(const char **at)
{
	uint16_t members[1000]; /* of all numbers with three digits */
	char list[sizeof(((struct dp_config *)0)->workers.lcores)];
	bool closed = **at == '(';
	size_t len;

	*at += closed;
	len = strcspn(*at, closed ? ")" : "@,");
	if (len >= sizeof(list) || (closed && (*at)[len] == '\0'))
		return -EINVAL;
	memcpy(list, *at, len);
	list[len] = '\0';
	*at += len + closed;
	return dp_config_cpus(list, members, 1000);
}

int dp_config_lcores(const char *lcores)
{
	int total = 0;

	for (const char *at = lcores;; at++) {
		int n = read_set(&at);

		if (n > 0 && *at == '@') {
			at++;
			n = read_set(&at) > 0 ? n : -EINVAL;
		}
		if (n < 0)
			return n;
		total += n;
		if (total > LB_MAX_WORKERS + 1)
			return -EINVAL;
		if (*at == '\0')
			return total;
		if (*at != ',')
			return -EINVAL;
	}
}
