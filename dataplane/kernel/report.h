/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the kernel refused: counted, put where the operator sees it, and logged once a text.
 */
#ifndef DP_KERNEL_REPORT_H
#define DP_KERNEL_REPORT_H

#include <stdarg.h>
#include <stdio.h>

#include "lb/counters.h"
#include "log.h"

static inline void dp_kernel_report(struct lb_stats *stats, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* What was wrong, where, and what would be right. A request that is refused again and again says
 * the same each time: it is counted, not logged again. */
static inline void dp_kernel_report(struct lb_stats *stats, const char *format, ...)
{
	char text[sizeof(stats->kernel_error)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	stats->kernel_errors++;
	if (strcmp(text, stats->kernel_error) == 0)
		return;
	memcpy(stats->kernel_error, text, sizeof(text));
	dp_log_error("%s", text);
}

#endif
