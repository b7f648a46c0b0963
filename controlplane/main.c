/* SPDX-License-Identifier: BSD-3-Clause
 *
 * anabranchd: the command line.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon.h"

#define DEFAULT_CONFIG "/etc/anabranch/anabranchd.json"

/* Of a wrong command line or a wrong file: as other daemons have it, and systemd knows it. */
#define EXIT_USAGE  2
#define EXIT_CONFIG 78

static void print_help(void)
{
	printf("anabranchd: the control plane of the anabranch load balancer\n"
	       "\n"
	       "Usage: anabranchd [--config FILE] [--check]\n"
	       "\n"
	       "  --config FILE  read FILE instead of " DEFAULT_CONFIG "\n"
	       "  --check        read the file, say what is wrong with it, and end\n"
	       "  --help         this text\n"
	       "  --version      the version\n"
	       "\n"
	       "The file is JSON. Keys and their defaults:\n"
	       "  instance (\"main\"), cluster (\"" CP_DEFAULT_CLUSTER "\"),\n"
	       "  control_socket (\"/run/anabranch/control.sock\"),\n"
	       "  dataplane_socket (\"/run/anabranch/dataplane.sock\"),\n"
	       "  database (\"/var/lib/anabranch/anabranch.db\"),\n"
	       "  groups {read (\"anabranch\"), admin (\"anabranch-admin\")},\n"
	       "  log_level (\"info\": error, warning, info, debug),\n"
	       "  limits {targets (65536), listeners (16384)},\n"
	       "  zones [{name, subnets [{id, prefix, ipv6_prefix, first, last, ipv6_first,\n"
	       "    ipv6_last, interface, scheme, addresses [{AllocationId, ip}]}]}]\n"
	       "\n"
	       "It runs in the foreground, logs to standard error, and stops on SIGTERM; packets\n"
	       "go on without it. It needs no privilege: only its database's directory, its\n"
	       "socket's directory, and access to the dataplane's socket.\n"
	       "\n"
	       "Exit codes: 0 stopped cleanly, 1 a step failed at start, 2 wrong usage, 78 wrong\n"
	       "configuration.\n");
}

static int check(struct cp_config *config)
{
	char why[512];
	struct cp_model *model = cp_config_model(config, why, sizeof(why));

	if (!model) {
		fprintf(stderr, "anabranchd: %s\n", why);
		return EXIT_CONFIG;
	}
	cp_model_free(model);
	printf("%s: fine\n", config->file);
	return 0;
}

static int run(const char *file, bool check_only)
{
	static struct cp_daemon daemon;
	struct cp_config *config = &daemon.config;
	char why[512];
	int rc;

	if (cp_config_load(config, file, why, sizeof(why)) < 0) {
		fprintf(stderr, "anabranchd: %s\n", why);
		cp_config_free(config);
		return EXIT_CONFIG;
	}
	snprintf(
	        daemon.rights.read.name, sizeof(daemon.rights.read.name), "%s", config->read_group);
	snprintf(daemon.rights.admin.name, sizeof(daemon.rights.admin.name), "%s",
	        config->admin_group);
	rc = check_only ? check(config) : cp_daemon_run(&daemon);
	cp_config_free(config);
	return rc;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
	        {"check", no_argument, NULL, 'k'}, {"help", no_argument, NULL, 'h'},
	        {"version", no_argument, NULL, 'v'}, {NULL, 0, NULL, 0}};
	const char *file = DEFAULT_CONFIG;
	bool check_only = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case 'c':
			file = optarg;
			break;
		case 'k':
			check_only = true;
			break;
		case 'h':
			print_help();
			return 0;
		case 'v':
			printf("anabranchd %s\n", LB_VERSION);
			return 0;
		default:
			fprintf(stderr, "Try \"anabranchd --help\".\n");
			return EXIT_USAGE;
		}
	if (optind < argc) {
		fprintf(stderr,
		        "anabranchd: unexpected argument \"%s\"; try \"anabranchd --help\"\n",
		        argv[optind]);
		return EXIT_USAGE;
	}
	return run(file, check_only);
}
