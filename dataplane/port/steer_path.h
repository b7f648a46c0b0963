/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Where an instance's steering programs and maps are pinned.
 */
#ifndef DP_STEER_PATH_H
#define DP_STEER_PATH_H

#include <ctype.h>
#include <stdio.h>

#include "lb/types.h"

#define DP_STEER_BPFFS_MAX 128
#define DP_STEER_PATH      256

struct dp_steer_paths {
	char top[DP_STEER_PATH];
	char instance[DP_STEER_PATH];
	char ports[DP_STEER_PATH];
	char maps[DP_STEER_PATH];
};

/* 0, or -1 if a name can't be part of a path, or the path is too long. */
static inline int dp_steer_paths(
        struct dp_steer_paths *paths, const char *instance, const char *bpffs)
{
	size_t len = strnlen(instance, LB_INSTANCE_LEN);

	if (len == 0 || len == LB_INSTANCE_LEN || bpffs[0] != '/' ||
	        strlen(bpffs) > DP_STEER_BPFFS_MAX)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)instance[i]) && !strchr("_-", instance[i]))
			return -1;
	}
	snprintf(paths->top, DP_STEER_PATH, "%s/anabranch", bpffs);
	snprintf(paths->instance, DP_STEER_PATH, "%s/anabranch/%s", bpffs, instance);
	snprintf(paths->ports, DP_STEER_PATH, "%s/anabranch/%s/ports", bpffs, instance);
	snprintf(paths->maps, DP_STEER_PATH, "%s/anabranch/%s/maps", bpffs, instance);
	return 0;
}

static inline void dp_steer_map_path(
        const struct dp_steer_paths *paths, const char *name, char path[DP_STEER_PATH])
{
	snprintf(path, DP_STEER_PATH, "%.200s/%.40s", paths->maps, name);
}

static inline void dp_steer_port_path(
        const struct dp_steer_paths *paths, const char *interface, char path[DP_STEER_PATH])
{
	snprintf(path, DP_STEER_PATH, "%.200s/%.15s", paths->ports, interface);
	for (char *c = path + strlen(paths->ports); *c != '\0'; c++)
		*c = *c == '.' ? ',' : *c;
}

#endif
