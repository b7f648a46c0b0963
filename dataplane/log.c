/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Messages to standard error, one write() a line so that lines of two threads never mix.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "log.h"

static enum dp_log_level threshold = DP_LOG_INFO;

void dp_log_set_level(enum dp_log_level level)
{
	threshold = level;
}

/* What stands before a message: syslog's priority for the journal, a word for people. */
static const char *prefix(enum dp_log_level level)
{
	static const char *const journal[] = {"<3>", "<4>", "<5>", "<6>", "<7>"};
	static const char *const people[] = {"error: ", "warning: ", "", "", "debug: "};

	return getenv("JOURNAL_STREAM") != NULL ? journal[level] : people[level];
}

void dp_log(enum dp_log_level level, const char *format, ...)
{
	char line[1024];
	va_list args;
	int n, more;

	if (level > threshold)
		return;
	n = snprintf(line, sizeof(line), "%s", prefix(level));
	va_start(args, format);
	more = vsnprintf(line + n, sizeof(line) - (size_t)n - 1, format, args);
	va_end(args);
	if (more < 0)
		return;
	n += more;
	if (n > (int)sizeof(line) - 2)
		n = (int)sizeof(line) - 2;
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* nobody is left to be told */
}
