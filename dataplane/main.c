/* SPDX-License-Identifier: BSD-3-Clause
 *
 * anabranch-dataplane: the command line.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "config.h"
#include "host.h"
#include "log.h"
#include "notify.h"
#include "run_dir.h"

enum exit_code { EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_CONFIG = 3, EXIT_RUNS = 4 };

enum action { RUN, CHECK, WITHDRAW };

struct options {
	const char *config;
	enum action action;
};

static void help(void)
{
	printf("Usage: anabranch-dataplane [--config FILE] [--check | --withdraw] [--verbose]\n"
	       "The packet side of the anabranch load balancer.\n"
	       "\n"
	       "  --config FILE   configuration (default: %s)\n"
	       "  --check         only check the configuration\n"
	       "  --withdraw      take the instance's virtual addresses off the interfaces, "
	       "unless\n"
	       "                  a dataplane of this run_dir runs\n"
	       "  --verbose       log debug messages too\n"
	       "  --version       print the version\n"
	       "  --help          print this\n"
	       "\n"
	       "Exit codes: 0 stopped cleanly, 1 a step failed at start, 2 wrong usage, 3 wrong\n"
	       "configuration, 4 another dataplane has the run_dir. SIGTERM and SIGINT stop it;\n"
	       "virtual addresses, guard and steering programs stay for the next start.\n"
	       "\n"
	       "Keys of the configuration, a JSON object:\n",
	        DP_CONFIG_DEFAULT);
	dp_config_help(stdout);
}

static struct options read_options(int argc, char **argv)
{
	static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
	        {"check", no_argument, NULL, 'k'}, {"withdraw", no_argument, NULL, 'w'},
	        {"verbose", no_argument, NULL, 'v'}, {"version", no_argument, NULL, 'V'},
	        {"help", no_argument, NULL, 'h'}, {0}};
	struct options options = {.config = DP_CONFIG_DEFAULT};
	int option;

	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (option) {
		case 'c':
			options.config = optarg;
			break;
		case 'k':
			options.action = CHECK;
			break;
		case 'w':
			options.action = WITHDRAW;
			break;
		case 'v':
			dp_log_set_level(DP_LOG_DEBUG);
			break;
		case 'V':
			printf("anabranch-dataplane %s, ABI version %u\n", LB_VERSION,
			        LB_ABI_VERSION);
			exit(EXIT_SUCCESS);
		case 'h':
			help();
			exit(EXIT_SUCCESS);
		default:
			fprintf(stderr, "Try anabranch-dataplane --help.\n");
			exit(EXIT_USAGE);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "%s: expected no argument without an option: try --help\n",
		        argv[optind]);
		exit(EXIT_USAGE);
	}
	return options;
}

static int withdraw(const struct dp_config *config)
{
	pid_t owner = dp_run_dir_owner(config->run_dir);

	if (owner > 0) {
		dp_log_info("process %d runs instance %s: nothing is withdrawn", owner,
		        config->instance);
		return EXIT_SUCCESS;
	}
	return dp_kernel_withdraw(config->instance, config->kernel.bpffs) < 0 ? EXIT_FAILED
	                                                                      : EXIT_SUCCESS;
}

/* SIGTERM and SIGINT by descriptor, in the main lcore; threads made later inherit the mask. */
static int block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static int run(const struct dp_config *config)
{
	static struct dp_host host;
	int signals = block_signals(), rc;

	if (signals < 0) {
		dp_log_error("signals: %s", strerror(errno));
		return EXIT_FAILED;
	}
	rc = dp_host_start(&host, config);
	if (rc == 0) {
		dp_notify("READY=1");
		rc = dp_host_loop(&host, signals);
		dp_notify("STOPPING=1");
	}
	dp_host_stop(&host);
	close(signals);
	if (rc == -EBUSY && host.run_dir < 0)
		return EXIT_RUNS;
	return rc < 0 ? EXIT_FAILED : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static struct dp_config config;
	struct options options = read_options(argc, argv);
	char error[512];

	if (dp_config_load(options.config, &config, error, sizeof(error)) < 0) {
		dp_log_error("%s", error);
		return EXIT_CONFIG;
	}
	switch (options.action) {
	case CHECK:
		printf("%s: fine, instance %s with %u ports\n", options.config, config.instance,
		        config.nb_ports);
		return EXIT_SUCCESS;
	case WITHDRAW:
		return withdraw(&config);
	case RUN:
		return run(&config);
	}
	return EXIT_USAGE;
}
