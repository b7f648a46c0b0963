/* SPDX-License-Identifier: BSD-3-Clause
 *
 * NUMA nodes of devices that are not there.
 */
#ifndef FAKE_SYSFS_H
#define FAKE_SYSFS_H

#include <string.h>
#include <sys/stat.h>

#include "temp_dir.h"

/* Writes 'node' where the kernel has the node of "bus/pci/devices/ADDRESS" or of
 * "class/net/INTERFACE/device". */
static inline int fake_sysfs_node(
        const struct temp_dir *sysfs, const char *device, const char *node)
{
	char path[256];
	size_t top = strlen(sysfs->path);
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s/numa_node", sysfs->path, device);
	for (char *at = strchr(path + top + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
		*at = '\0';
		(void)mkdir(path, 0755);
		*at = '/';
	}
	file = fopen(path, "w");
	if (file == NULL)
		return -1;
	fprintf(file, "%s\n", node);
	return fclose(file);
}

#endif
