/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the process may do, less and less of it: a set of capabilities from the first line on, a
 * smaller one once everything is open, none in a worker. Capabilities are each thread's own.
 */
#ifndef DP_PRIVILEGES_H
#define DP_PRIVILEGES_H

#include <stdbool.h>

/* What starting needs, for all threads made after this, and no way back to more. 'pci': ports are
 * on the PCI bus. 0 or -errno. */
int dp_privileges_limit(bool pci);

/* What the main lcore needs to go on: netlink, nftables, steering maps. For the calling thread. */
int dp_privileges_keep_network(void);

/* Nothing at all, for the calling thread. Returns 0 or -errno; a thread without capabilities
 * succeeds. */
int dp_privileges_drop_all(void);

#endif
