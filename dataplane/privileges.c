/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Capabilities, by the system call itself: the C library has none, and one set is all that is
 * needed.
 */
#include "privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(capability) (UINT64_C(1) << (capability))

/* Interfaces, routes, nftables, packet sockets, BPF maps. */
#define NETWORK (BIT(CAP_NET_ADMIN) | BIT(CAP_NET_RAW) | BIT(CAP_BPF))
/* Loading BPF programs, finding those of an interface by id, locked and huge memory, a run
 * directory that is another user's, the socket's group. */
#define START                                                                       \
	(NETWORK | BIT(CAP_PERFMON) | BIT(CAP_SYS_ADMIN) | BIT(CAP_IPC_LOCK) |      \
	        BIT(CAP_SYS_RESOURCE) | BIT(CAP_SYS_NICE) | BIT(CAP_DAC_OVERRIDE) | \
	        BIT(CAP_CHOWN) | BIT(CAP_FOWNER))

/* Leaves of the thread's capabilities those in 'keep'. */
static int limit_to(uint64_t keep)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		uint32_t half = (uint32_t)(keep >> 32 * i);

		data[i].permitted &= half;
		data[i].effective &= half;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int dp_privileges_limit(bool pci)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) < 0)
		return -errno;
	return limit_to(START | (pci ? BIT(CAP_SYS_RAWIO) : 0));
}

int dp_privileges_keep_network(void)
{
	return limit_to(NETWORK);
}

int dp_privileges_drop_all(void)
{
	return limit_to(0);
}
