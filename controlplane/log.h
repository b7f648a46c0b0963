/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The daemon's log: one line a message to standard error, where systemd or a file takes it.
 * To be called on the loop's thread and the store's; a line is one write.
 */
#ifndef CP_LOG_H
#define CP_LOG_H

/* Numbered as syslog's priorities, which the journal reads from a line's "<3>". */
enum cp_log_level { CP_LOG_ERROR = 3, CP_LOG_WARNING = 4, CP_LOG_INFO = 6, CP_LOG_DEBUG = 7 };

/* "error", "warning", "info", "debug"; 0 or -EINVAL. */
int cp_log_level_parse(const char *text, enum cp_log_level *level);

/* Until this is called, everything up to info is written. */
void cp_log_set_level(enum cp_log_level level);

void cp_log(enum cp_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
