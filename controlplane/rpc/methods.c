/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The one table of methods.
 */
#include "rpc.h"

#define ENTRY_CHANGE(method) {.name = #method, .change = cp_rpc_##method},
#define ENTRY_READ(method)   {.name = #method, .read = cp_rpc_##method},

static const struct cp_method METHODS[] = {
#define X(method, right) ENTRY_##right(method)
        LB_RPC_METHODS(X)
#undef X
};

const struct cp_method *cp_method_find(const char *name)
{
	for (size_t i = 0; i < sizeof(METHODS) / sizeof(METHODS[0]); i++)
		if (strcmp(METHODS[i].name, name) == 0)
			return &METHODS[i];
	return NULL;
}
