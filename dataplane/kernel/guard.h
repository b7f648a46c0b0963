/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The nftables guard: table inet anabranch_<instance>, which stands before a virtual address is put
 * on an interface and outlives the dataplane.
 *
 *     prerouting, before connection tracking, and input: TCP and UDP to @vips: drop
 *     forward: from @targets (address, protocol, port): drop; it is an answer not translated
 *
 * ICMP, ARP and ND are not touched.
 */
#ifndef DP_KERNEL_GUARD_H
#define DP_KERNEL_GUARD_H

#include "lb/types.h"
#include "list.h"
#include "port/steer.h"

struct dp_guard;

typedef DP_LIST(struct lb_ip) dp_ip_list;
typedef DP_LIST(struct dp_steer_endpoint) dp_endpoint_list;

/* Makes the table, or takes over the one that is there: its sets keep what they hold. NULL with
 * errno set. */
struct dp_guard *dp_guard_open(const char *instance);
void dp_guard_close(struct dp_guard *guard);

/* By address, protocol and port. */
int dp_endpoint_compare(const void *a, const void *b);

/* Makes the sets hold exactly this, in one transaction that says only what is different. Both lists
 * are sorted, without duplicates. 0 or -errno; dp_guard_error() says more. */
int dp_guard_set(struct dp_guard *guard, const dp_ip_list *vips, const dp_endpoint_list *targets);
const char *dp_guard_error(const struct dp_guard *guard);

/* The virtual addresses that the table of an instance has now, made by whatever process: the record
 * of what may be on the interfaces. 0; -ENOENT without a table; or another -errno. */
int dp_guard_read(const char *instance, dp_ip_list *vips);

#endif
