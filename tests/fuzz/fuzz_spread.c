/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Fuzz target: the choice of a worker for a frame, which reads headers before parse judged them.
 * The input is the frame, and no byte past it may be read.
 */
#include <stdlib.h>

#include "spread.h"

#define WORKERS 7

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct dp_spread s = {.worker = 3, .nb_workers = WORKERS, .key = {1, 2, 3}};
	struct rte_mbuf m = {.buf_addr = (void *)(uintptr_t)data,
	        .data_len = (uint16_t)RTE_MIN(size, (size_t)UINT16_MAX),
	        .nb_segs = 1};
	uint32_t worker = dp_spread_worker(&s, &m, false);

	if (worker >= WORKERS || worker != dp_spread_worker(&s, &m, false))
		abort();
	return 0;
}
