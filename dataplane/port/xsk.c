/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See xsk.h.
 */
#include "xsk.h"

#include <dirent.h>
#include <linux/if_xdp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

static bool is_xsk(int fd)
{
	int domain = 0;
	socklen_t size = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_XDP;
}

void dp_xsk_list(struct dp_xsk_set *set)
{
	DIR *directory = opendir("/proc/self/fd");
	const struct dirent *entry;

	set->n = 0;
	if (directory == NULL)
		return;
	while ((entry = readdir(directory)) != NULL && set->n < DP_XSK_MAX) {
		char *end;
		long fd = strtol(entry->d_name, &end, 10);

		if (end != entry->d_name && *end == '\0' && is_xsk((int)fd))
			set->fds[set->n++] = (int)fd;
	}
	closedir(directory);
}

static bool has(const struct dp_xsk_set *set, int fd)
{
	for (uint32_t i = 0; i < set->n; i++)
		if (set->fds[i] == fd)
			return true;
	return false;
}

void dp_xsk_keep_new(struct dp_xsk_set *set, const struct dp_xsk_set *before)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < set->n; i++)
		if (!has(before, set->fds[i]))
			set->fds[kept++] = set->fds[i];
	set->n = kept;
}

uint64_t dp_xsk_ring_full(const struct dp_xsk_set *set)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < set->n; i++) {
		struct xdp_statistics stats = {0};
		socklen_t size = sizeof(stats);

		if (getsockopt(set->fds[i], SOL_XDP, XDP_STATISTICS, &stats, &size) == 0)
			sum += stats.rx_ring_full;
	}
	return sum;
}
