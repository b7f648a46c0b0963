/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The process's log: one line a message, to standard error. Under systemd each line carries its
 * priority, as sd-daemon(3) has it. For the main lcore and for start and stop; never on the
 * packet's way.
 */
#ifndef DP_LOG_H
#define DP_LOG_H

enum dp_log_level { DP_LOG_ERROR, DP_LOG_WARNING, DP_LOG_NOTICE, DP_LOG_INFO, DP_LOG_DEBUG };

/* Messages less important than 'level' are left out; the default is DP_LOG_INFO. */
void dp_log_set_level(enum dp_log_level level);

/* Without a newline at the end. Says what was wrong, where, and what would be right. */
void dp_log(enum dp_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define dp_log_error(...)   dp_log(DP_LOG_ERROR, __VA_ARGS__)
#define dp_log_warning(...) dp_log(DP_LOG_WARNING, __VA_ARGS__)
#define dp_log_notice(...)  dp_log(DP_LOG_NOTICE, __VA_ARGS__)
#define dp_log_info(...)    dp_log(DP_LOG_INFO, __VA_ARGS__)
#define dp_log_debug(...)   dp_log(DP_LOG_DEBUG, __VA_ARGS__)

#endif
