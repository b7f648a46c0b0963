/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a worker does that finds nothing to do. After 32 polls that found nothing it waits between
 * polls, a microsecond longer each time:
 *
 *   poll     no longer than a PAUSE instruction: no packet waits, and the CPU is busy for ever
 *   pause    in the CPU, up to 10 us: by TPAUSE where it has that (WAITPKG), a light sleep that
 *            saves power and leaves the core to its other hardware thread; else by PAUSE over and
 *            over, which leaves it too but saves less. For the kernel the CPU is busy
 *   sleep    in the kernel, up to 100 us: the CPU is free
 *   auto     sleep, where workers share CPUs or a poll is a system call; else pause, and sleep once
 *            nothing came for 10 ms: only what comes after such a silence waits for the kernel
 *
 * UMWAIT on a receive descriptor (rte_power_monitor, rte_power_pmd_mgmt) is not used: it watches
 * one line, and a worker waits for several queues, rings of other workers and commands.
 */
#ifndef DP_IDLE_H
#define DP_IDLE_H

#include <stdbool.h>
#include <stdint.h>

/* As workers.idle in the configuration says it. */
enum dp_idle_mode { DP_IDLE_AUTO, DP_IDLE_POLL, DP_IDLE_PAUSE, DP_IDLE_SLEEP };

enum dp_idle_step { DP_IDLE_POLL_ON, DP_IDLE_WAIT_IN_CPU, DP_IDLE_WAIT_IN_KERNEL };

struct dp_idle {
	bool pauses, sleeps;
	bool tpause;          /* the CPU has WAITPKG */
	uint64_t sleep_after; /* of the TSC, since the first wait */
	uint64_t cycles_per_us;
	uint32_t polls;  /* that found nothing, in a row */
	uint32_t waits;  /* since then */
	uint64_t silent; /* of the TSC: the first wait */
};

/* What 'mode' means on this machine. */
void dp_idle_init(struct dp_idle *idle, enum dp_idle_mode mode, bool cpus_shared_or_poll_slow);

/* In words, after "workers". */
const char *dp_idle_name(const struct dp_idle *idle);

/* What is due after a poll that found so many packets, at 'tsc': '*wait_us' says for how long. */
enum dp_idle_step dp_idle_next(
        struct dp_idle *idle, uint32_t found, uint64_t tsc, uint32_t *wait_us);

/* Does it. To wait in the kernel is the one system call here. */
void dp_idle_rest(struct dp_idle *idle, uint32_t found);

#endif
