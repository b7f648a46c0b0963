/* SPDX-License-Identifier: BSD-3-Clause
 *
 * By the policy of the opening thread, not of the mapping: a file's memory is reserved by
 * fallocate() before anything is mapped, and pages that a file has already stay where they are.
 */
#include <errno.h>
#include <linux/mempolicy.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "flow_numa.h"
#include "log.h"

/* Bits of the masks. The kernel takes one less than it is told. */
#define WANTED_BITS (64 + 1)
#define KEPT_BITS   (16 * 64)

void flow_numa_begin(struct flow_numa *was, uint64_t nodes)
{
	*was = (struct flow_numa){0};
	if (nodes == 0)
		return;
	if (syscall(SYS_get_mempolicy, &was->mode, was->nodes, KEPT_BITS, NULL, 0) != 0 ||
	        syscall(SYS_set_mempolicy, MPOL_INTERLEAVE, &nodes, WANTED_BITS) != 0) {
		dp_log_notice("flow table: NUMA nodes 0x%llx: %s; its memory lies where the kernel "
		              "puts it",
		        (unsigned long long)nodes, strerror(errno));
		return;
	}
	was->changed = true;
	if (nodes & (nodes - 1))
		dp_log_info("flow table: new memory alternates between the NUMA nodes 0x%llx",
		        (unsigned long long)nodes);
}

void flow_numa_end(const struct flow_numa *was)
{
	bool is_default = (was->mode & ~MPOL_MODE_FLAGS) == MPOL_DEFAULT;

	if (was->changed && syscall(SYS_set_mempolicy, was->mode, is_default ? NULL : was->nodes,
	                            is_default ? 0 : KEPT_BITS) != 0)
		dp_log_warning(
		        "flow table: the memory policy can't be restored: %s", strerror(errno));
}
