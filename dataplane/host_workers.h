/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The workers of a host: what each of them gets, their start and their end.
 */
#ifndef DP_HOST_WORKERS_H
#define DP_HOST_WORKERS_H

#include "host.h"

/* 0 or -errno, after having logged why. */
int dp_host_start_workers(struct dp_host *host);

/* Waits for them to end, and frees what they had. */
void dp_host_stop_workers(struct dp_host *host);

#endif
