/* SPDX-License-Identifier: BSD-3-Clause
 *
 * From polls that found nothing to waiting.
 */
#define ALLOW_EXPERIMENTAL_API /* rte_power_pause() is marked so since 2021 */
#include "idle.h"

#include <rte_common.h>
#include <rte_cpuflags.h>
#include <rte_cycles.h>
#include <rte_pause.h>
#include <rte_power_intrinsics.h>
#include <time.h>

#define POLLS          32 /* that find nothing, before the first wait */
#define PAUSE_MAX_US   10
#define SLEEP_MAX_US   100
#define SLEEP_AFTER_US 10000

void dp_idle_init(struct dp_idle *idle, enum dp_idle_mode mode, bool cpus_shared_or_poll_slow)
{
	struct rte_cpu_intrinsics have = {0};
	bool automatic = mode == DP_IDLE_AUTO;

	rte_cpu_get_intrinsics_support(&have);
	if (automatic && cpus_shared_or_poll_slow)
		mode = DP_IDLE_SLEEP;
	automatic = mode == DP_IDLE_AUTO;
	*idle = (struct dp_idle){.pauses = mode == DP_IDLE_PAUSE || automatic,
	        .sleeps = mode == DP_IDLE_SLEEP || automatic,
	        .tpause = have.power_pause,
	        .cycles_per_us = RTE_MAX(rte_get_tsc_hz() / 1000000, UINT64_C(1))};
	if (automatic)
		idle->sleep_after = SLEEP_AFTER_US * idle->cycles_per_us;
}

const char *dp_idle_name(const struct dp_idle *idle)
{
	if (!idle->pauses)
		return idle->sleeps ? "sleep when idle" : "poll on when idle";
	if (idle->sleeps)
		return idle->tpause ? "pause (TPAUSE) and then sleep when idle"
		                    : "pause and then sleep when idle";
	return idle->tpause ? "pause (TPAUSE) when idle" : "pause when idle";
}

enum dp_idle_step dp_idle_next(
        struct dp_idle *idle, uint32_t found, uint64_t tsc, uint32_t *wait_us)
{
	if (found > 0 || idle->polls < POLLS) {
		idle->polls = found > 0 ? 0 : idle->polls + 1;
		idle->waits = 0;
		return DP_IDLE_POLL_ON;
	}
	if (idle->waits == 0)
		idle->silent = tsc;
	idle->waits += idle->waits < SLEEP_MAX_US;
	if (idle->sleeps && tsc - idle->silent >= idle->sleep_after) {
		*wait_us = idle->waits;
		return DP_IDLE_WAIT_IN_KERNEL;
	}
	*wait_us = RTE_MIN(idle->waits, (uint32_t)PAUSE_MAX_US);
	return idle->pauses ? DP_IDLE_WAIT_IN_CPU : DP_IDLE_POLL_ON;
}

static void pause_until(const struct dp_idle *idle, uint64_t tsc)
{
	if (idle->tpause && rte_power_pause(tsc) == 0)
		return;
	while (rte_rdtsc() < tsc)
		rte_pause();
}

void dp_idle_rest(struct dp_idle *idle, uint32_t found)
{
	struct timespec t = {0};
	uint64_t tsc = found > 0 ? 0 : rte_rdtsc(); /* who is busy does not ask */
	uint32_t us = 0;

	switch (dp_idle_next(idle, found, tsc, &us)) {
	case DP_IDLE_POLL_ON:
		if (found == 0)
			rte_pause();
		break;
	case DP_IDLE_WAIT_IN_CPU:
		pause_until(idle, tsc + us * idle->cycles_per_us);
		break;
	case DP_IDLE_WAIT_IN_KERNEL:
		t.tv_nsec = us * 1000;
		clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
		break;
	}
}
