/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The dataplane's configuration, from one JSON file that is read at start. Each key is described
 * once, in config.c, which is also what --help prints.
 */
#ifndef DP_CONFIG_H
#define DP_CONFIG_H

#include <stdio.h>
#include <sys/types.h>

#include "idle.h"
#include "lb/types.h"
#include "port/kind.h"

#define DP_CONFIG_PATH_LEN 96 /* of a directory or file, NUL included; fits into sun_path */

enum dp_huge { DP_HUGE_AUTO, DP_HUGE_TRUE, DP_HUGE_FALSE };

struct dp_config {
	char instance[LB_INSTANCE_LEN];
	char run_dir[DP_CONFIG_PATH_LEN];
	char group[32]; /* empty: DP_GROUP_DEFAULT if there is one */
	struct dp_port_config ports[LB_MAX_PORTS];
	uint32_t nb_ports;
	struct {
		char cores[128];  /* a list of CPUs, one worker on each; or empty */
		char lcores[128]; /* EAL's --lcores: the lowest is the main lcore; or empty */
		enum dp_idle_mode idle;
	} workers;
	struct {
		enum dp_huge huge;
		uint32_t megabytes; /* 0: as much as is needed */
		uint32_t mbufs;     /* on each node with ports; 0: as many as the queues need */
	} memory;
	struct {
		char path[DP_CONFIG_PATH_LEN]; /* empty: "flows" in run_dir */
		uint32_t ipv4_flows, ipv6_flows;
		bool counters;
	} flow_table;
	struct {
		uint32_t megabytes, max_targets, max_listeners;
	} tables;
	struct {
		bool guard, addresses;
		char bpffs[DP_CONFIG_PATH_LEN];
		uint32_t max_routes;
	} kernel;
	struct {
		bool enabled;
		char interface[LB_IFNAME_LEN]; /* empty: made from the instance's name */
		uint32_t subnet;
	} probe;
};

#define DP_GROUP_DEFAULT  "anabranch"
#define DP_CONFIG_DEFAULT "/etc/anabranch/dataplane.json"

/* Reads and checks 'path'. What the configuration leaves open and no look at the machine is needed
 * for is filled in: interfaces, kernel modes, the flow table's path. 0, or -1 with the reason in
 * 'error'. */
int dp_config_load(const char *path, struct dp_config *config, char *error, size_t error_size);

/* Every key with its meaning, range and default. */
void dp_config_help(FILE *out);

/* A list of CPUs as in "1-3,5" into 'cpus', in the order given, at most 'max'. The number of CPUs,
 * or -EINVAL: no such list, a CPU twice, or too many. */
int dp_config_cpus(const char *list, uint16_t *cpus, uint32_t max);

/* How many lcores EAL would make of its --lcores, as in "(0-4)@(0-1)". -EINVAL: it would make none,
 * or more than there may be. */
int dp_config_lcores(const char *lcores);

#endif
