/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The second half of reading a configuration.
 */
#ifndef DP_CONFIG_CHECK_H
#define DP_CONFIG_CHECK_H

#include "config.h"

/* Checks what was read from 'file' and fills in what it left open, as dp_config_load() says. 0, or
 * -1 with the reason in 'error'. */
int dp_config_check(const char *file, struct dp_config *config, char *error, size_t error_size);

#endif
