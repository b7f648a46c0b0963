/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Log lines: "2026-11-21T07:03:51.204Z warning text", or "<4>text" for the journal, which keeps
 * time and priority itself.
 */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_LEN 1200

static const char *const level_names[] = {[CP_LOG_ERROR] = "error",
        [CP_LOG_WARNING] = "warning",
        [CP_LOG_INFO] = "info",
        [CP_LOG_DEBUG] = "debug"};

static enum cp_log_level max_level = CP_LOG_INFO;

int cp_log_level_parse(const char *text, enum cp_log_level *level)
{
	for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++)
		if (level_names[i] && strcmp(level_names[i], text) == 0) {
			*level = (enum cp_log_level)i;
			return 0;
		}
	return -EINVAL;
}

void cp_log_set_level(enum cp_log_level level)
{
	max_level = level;
}

static size_t line_begin(char *line, size_t size, enum cp_log_level level)
{
	struct timespec now;
	struct tm utc;
	char date[32];

	if (getenv("JOURNAL_STREAM"))
		return (size_t)snprintf(line, size, "<%d>", (int)level);
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
	return (size_t)snprintf(
	        line, size, "%s.%03ldZ %s ", date, now.tv_nsec / 1000000, level_names[level]);
}

/* A message may quote what a client sent: a line stays one line, and no terminal is steered. */
static void line_sanitise(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

void cp_log(enum cp_log_level level, const char *format, ...)
{
	char line[LINE_LEN];
	size_t start, len;
	va_list args;

	if (level > max_level)
		return;
	start = line_begin(line, sizeof(line), level);
	va_start(args, format);
	vsnprintf(line + start, sizeof(line) - start - 1, format, args);
	va_end(args);
	line_sanitise(line + start);
	len = strlen(line);
	line[len++] = '\n';
	/* A log that cannot be written must not stop the daemon: there is nobody to tell. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}
