/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Steering for tests that link the host's parts and touch no interface: every interface is missing.
 */
#include <errno.h>
#include <stdio.h>

#include "port/steer.h"

int dp_steer_attach(const char *interface, const char *instance, const char *bpffs, char *error,
        size_t error_size)
{
	snprintf(error, error_size, "%s of %s is not to be steered here (%s)", interface, instance,
	        bpffs);
	return -ENODEV;
}
