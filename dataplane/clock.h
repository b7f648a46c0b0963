/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Clocks in milliseconds. Read by the loops alone and passed down from there.
 */
#ifndef DP_CLOCK_H
#define DP_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t dp_clock_read_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Timers and heartbeats. */
static inline uint64_t dp_clock_ms(void)
{
	return dp_clock_read_ms(CLOCK_MONOTONIC);
}

/* The flow table's: it runs on while the host is suspended. */
static inline uint64_t dp_clock_boot_ms(void)
{
	return dp_clock_read_ms(CLOCK_BOOTTIME);
}

static inline uint64_t dp_clock_unix_ms(void)
{
	return dp_clock_read_ms(CLOCK_REALTIME);
}

#endif
