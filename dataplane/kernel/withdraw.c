/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Taking an instance's addresses off when no dataplane came back: without anything that a running
 * one has.
 */
#include <errno.h>
#include <string.h>

#include "addresses.h"
#include "guard.h"
#include "kernel.h"
#include "log.h"

/* Whether an address that is marked as an instance's is this one's: without a guard there is no
 * record of whose. */
static bool is_recorded(const dp_ip_list *record, const struct lb_ip *ip)
{
	for (uint32_t i = 0; i < record->n; i++) {
		if (lb_ip_equal(&record->items[i], ip))
			return true;
	}
	return false;
}

static int withdraw(struct dp_netlink *nl, const dp_ip_list *record, bool is_complete)
{
	dp_address_list on = {0};
	int ret = dp_addresses_read(&on, nl), first_error = ret;

	for (uint32_t i = 0; i < on.n && ret == 0; i++) {
		const struct dp_address *a = &on.items[i];
		int removed;

		if (!a->marked || (is_complete && !is_recorded(record, &a->ip)))
			continue;
		removed = dp_address_remove(nl, a);
		if (removed != 0 && removed != -EADDRNOTAVAIL && first_error == 0)
			first_error = removed;
	}
	dp_list_free(&on);
	return first_error;
}

int dp_kernel_withdraw(const char *instance, const char *bpffs)
{
	struct dp_netlink nl;
	dp_ip_list record = {0};
	int ret = dp_netlink_open(&nl);

	(void)bpffs; /* steering stays: what it steers is dropped while no dataplane is there */
	if (ret == 0) {
		int known = dp_guard_read(instance, &record);

		ret = known == 0 || known == -ENOENT ? withdraw(&nl, &record, known == 0) : known;
		dp_netlink_close(&nl);
	}
	dp_list_free(&record);
	if (ret != 0)
		dp_log_error("can't take the addresses of instance %s off: %s", instance,
		        strerror(-ret));
	return ret;
}
