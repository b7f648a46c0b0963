/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The daemon's file: where its sockets and its database are, who may ask it, and the zones and
 * subnets that load balancers stand in.
 *
 *   {
 *     "instance": "main",                        name of the dataplane's instance
 *     "cluster": "anabranch",                    part of ARNs: the same on all nodes of a service
 *     "control_socket": "/run/anabranch/control.sock",
 *     "dataplane_socket": "/run/anabranch/dataplane.sock",
 *     "database": "/var/lib/anabranch/anabranch.db",
 *     "groups": { "read": "anabranch", "admin": "anabranch-admin" },
 *     "log_level": "info",                       error, warning, info, debug
 *     "limits": { "targets": 65536, "listeners": 16384 },
 *     "zones": [ { "name": "zone-a", "subnets": [ {
 *         "id": "subnet-a",
 *         "prefix": "10.90.0.0/24",              of either family; "ipv6_prefix": a second one
 *         "first": "10.90.0.10", "last": "10.90.0.250",      free for load balancers;
 *         "ipv6_first": …, "ipv6_last": …        neither: addresses are always named
 *         "interface": "eth1",                   where the addresses are put
 *         "scheme": "internet-facing",           or internal
 *         "addresses": [ { "AllocationId": "eip-1", "ip": "10.90.0.5" } ] } ] } ]
 *   }
 *
 * Everything but an entry's name, id and prefix may be left out; the values above are the defaults
 * of the first eight.
 */
#ifndef CP_CONFIG_H
#define CP_CONFIG_H

#include "log.h"
#include "model/model.h"

#define CP_SOCKET_PATH_LEN 108 /* of struct sockaddr_un */

struct cp_config_zone {
	char name[CP_ZONE_LEN];
	struct cp_subnet *subnets;
	size_t nb_subnets;
};

struct cp_config {
	char file[256];
	char instance[LB_INSTANCE_LEN];
	char cluster[64];
	char control_socket[CP_SOCKET_PATH_LEN], dataplane_socket[CP_SOCKET_PATH_LEN];
	char database[256];
	char read_group[64], admin_group[64];
	enum cp_log_level log_level;
	struct cp_model_limits limits;
	struct cp_config_zone *zones;
	size_t nb_zones;
};

/* 0, or -EINVAL with 'why': file, key path and expected value. To be freed in both cases. */
int cp_config_load(struct cp_config *config, const char *file, char *why, size_t why_len);
void cp_config_free(struct cp_config *config);

/* A model that holds the file's zones and subnets. NULL with 'why' when they make no sense
 * together. */
struct cp_model *cp_config_model(const struct cp_config *config, char *why, size_t why_len);

#endif
