/* SPDX-License-Identifier: BSD-3-Clause
 *
 * EAL's arguments. No file of its own is left anywhere, and no device is touched that the
 * configuration does not name.
 */
#include "eal.h"

#include <errno.h>
#include <fcntl.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "memory.h"

#define MAX_ARGS 96

struct arguments {
	int n;
	char *values[MAX_ARGS + 1];
};

static void add(struct arguments *args, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

static void add(struct arguments *args, const char *format, ...)
{
	va_list values;

	if (args->n == MAX_ARGS)
		return;
	va_start(values, format);
	if (vasprintf(&args->values[args->n], format, values) >= 0)
		args->n++;
	va_end(values);
}

/* The main lcore gets a CPU without a worker, if there is one: main_cpus of those in 'allowed'. */
static void add_cores(
        struct arguments *args, const cpu_set_t *allowed, const uint16_t *cpus, uint32_t n)
{
	char text[LB_MAX_WORKERS * 10 + 4096], *at = text;
	const char *end = text + sizeof(text);
	cpu_set_t others = *allowed;

	for (uint32_t i = 0; i < n; i++)
		CPU_CLR(cpus[i], &others);
	if (CPU_COUNT(&others) == 0)
		others = *allowed;
	at += snprintf(at, (size_t)(end - at), "0@(");
	for (int cpu = 0, first = 1; cpu < CPU_SETSIZE && cpu < 1000; cpu++) {
		if (!CPU_ISSET(cpu, &others))
			continue;
		at += snprintf(at, (size_t)(end - at), "%s%d", first ? "" : ",", cpu);
		first = 0;
	}
	at += snprintf(at, (size_t)(end - at), ")");
	for (uint32_t i = 0; i < n; i++)
		at += snprintf(at, (size_t)(end - at), ",%u@%u", i + 1, cpus[i]);
	add(args, "--lcores");
	add(args, "%s", text);
}

/* All CPUs but the first, or the only one. */
static uint32_t default_cpus(const cpu_set_t *allowed, uint16_t *cpus)
{
	uint32_t n = 0;

	for (int cpu = 0; cpu < CPU_SETSIZE && n < LB_MAX_WORKERS; cpu++) {
		if (CPU_ISSET(cpu, allowed))
			cpus[n++] = (uint16_t)cpu;
	}
	if (n > 1)
		memmove(cpus, cpus + 1, --n * sizeof(*cpus));
	return n;
}

/* Workers that the lcores will be. What is no list at all is refused later. */
static uint32_t expected_workers(const struct dp_config *config)
{
	uint16_t cpus[LB_MAX_WORKERS];
	cpu_set_t allowed;
	int n;

	if (config->workers.lcores[0] != '\0')
		n = dp_config_lcores(config->workers.lcores) - 1;
	else if (config->workers.cores[0] != '\0')
		n = dp_config_cpus(config->workers.cores, cpus, LB_MAX_WORKERS);
	else
		n = sched_getaffinity(0, sizeof(allowed), &allowed) == 0
		            ? (int)default_cpus(&allowed, cpus)
		            : 1;
	return n > 0 ? (uint32_t)n : 1;
}

static int add_lcores(struct arguments *args, const struct dp_config *config)
{
	uint16_t cpus[LB_MAX_WORKERS];
	cpu_set_t allowed;
	uint32_t n;

	if (config->workers.lcores[0] != '\0') {
		add(args, "--lcores");
		add(args, "%s", config->workers.lcores);
		return 0;
	}
	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return -errno;
	if (config->workers.cores[0] == '\0') {
		n = default_cpus(&allowed, cpus);
		add_cores(args, &allowed, cpus, n);
		return 0;
	}
	/* the configuration was checked: it is a list */
	n = (uint32_t)dp_config_cpus(config->workers.cores, cpus, LB_MAX_WORKERS);
	for (uint32_t i = 0; i < n; i++) {
		if (CPU_ISSET(cpus[i], &allowed))
			continue;
		dp_log_error("workers.cores: the process may not run on CPU %u, or there is none: "
		             "see taskset -p and the unit's CPUAffinity",
		        cpus[i]);
		return -EINVAL;
	}
	add_cores(args, &allowed, cpus, n);
	return 0;
}

static void add_devices(struct arguments *args, const struct dp_config *config)
{
	uint32_t nb_pci = 0;

	for (uint32_t i = 0; i < config->nb_ports; i++) {
		if (dp_port_kind_of(config->ports[i].device) != &dp_port_pci)
			continue;
		add(args, "-a");
		add(args, "%s", config->ports[i].device);
		nb_pci++;
	}
	if (nb_pci == 0)
		add(args, "--no-pci");
}

static int build_arguments(
        struct arguments *args, const struct dp_config *config, const struct dp_memory *memory)
{
	int rc;

	add(args, "anabranch-dataplane");
	add(args, "--file-prefix=anabranch-%s", config->instance);
	add(args, "--no-telemetry");
	add(args, "--log-level=lib.*:warning");
	add(args, "--log-level=pmd.*:warning");
	if (memory->huge) {
		add(args, "--in-memory");
	} else {
		add(args, "--no-huge"); /* which EAL takes for another kind of --in-memory */
		add(args, "--no-shconf");
	}
	if (!memory->huge || config->memory.megabytes != 0) {
		add(args, "-m");
		add(args, "%u", memory->megabytes);
	}
	rc = add_lcores(args, config);
	add_devices(args, config);
	return rc;
}

static bool cpus_are_shared(void)
{
	unsigned int a, b;

	RTE_LCORE_FOREACH(a)
	{
		rte_cpuset_t of_a = rte_lcore_cpuset(a);

		RTE_LCORE_FOREACH(b)
		{
			rte_cpuset_t both, of_b = rte_lcore_cpuset(b);

			CPU_AND(&both, &of_a, &of_b);
			if (a < b && CPU_COUNT(&both) > 0)
				return true;
		}
	}
	return false;
}

static int check_lcores(struct dp_eal *eal)
{
	eal->nb_workers = rte_lcore_count() - 1;
	eal->shared_cpus = cpus_are_shared();
	if (eal->nb_workers >= 1 && eal->nb_workers <= LB_MAX_WORKERS)
		return 0;
	dp_log_error("workers.lcores: expected the main lcore and 1 to %d workers, found %u lcores",
	        LB_MAX_WORKERS, rte_lcore_count());
	return -EINVAL;
}

/* rte_eal_init(), without the list of all EAL options on standard output that it answers a wrong
 * one with: the operator never wrote one. */
static int init(int argc, char **argv)
{
	int out = dup(STDOUT_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC), rc;

	fflush(stdout);
	if (out >= 0 && null >= 0)
		dup2(null, STDOUT_FILENO);
	rc = rte_eal_init(argc, argv);
	fflush(stdout);
	if (out >= 0 && null >= 0)
		dup2(out, STDOUT_FILENO);
	if (out >= 0)
		close(out);
	if (null >= 0)
		close(null);
	return rc;
}

int dp_eal_start(const struct dp_config *config, struct dp_eal *eal)
{
	struct arguments args = {0};
	char *keep[MAX_ARGS + 1];
	struct dp_memory memory;
	int rc = dp_memory_choose(config, expected_workers(config), &memory);

	if (rc < 0)
		return rc;
	eal->huge = memory.huge;
	rte_openlog_stream(stderr);
	rc = build_arguments(&args, config, &memory);
	memcpy(keep, args.values, sizeof(keep)); /* EAL reorders its arguments */
	if (rc == 0 && init(args.n, args.values) < 0) {
		rc = rte_errno != 0 ? -rte_errno : -EINVAL;
		dp_log_error("EAL can't start: %s: its own message stands before this one; %s",
		        rte_strerror(-rc),
		        config->workers.lcores[0] != '\0'
		                ? "are workers.lcores and memory right?"
		                : "is there as much memory as \"memory\" asks for?");
	}
	for (int i = 0; i < args.n; i++)
		free(keep[i]);
	return rc == 0 ? check_lcores(eal) : rc;
}

void dp_eal_stop(void)
{
	rte_eal_cleanup();
}
