/* SPDX-License-Identifier: BSD-3-Clause
 *
 * EAL's arguments. No file of its own is left anywhere, and no device is touched that the
 * configuration does not name.
 */
#include "eal.h"

#include <dirent.h>
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

#define MAX_ARGS 96

/* Memory beside the packets: EAL's own, the fixed parts of the forwarding tables, and what a route
 * takes in all of them. */
#define BASE_MEGABYTES 448
#define ROUTE_BYTES    1024
/* Packets: more than a port of a few queues holds, and more for one of many. */
#define MBUF_BYTES  2560
#define PORT_MBUFS  32768u
#define QUEUE_MBUFS 8192u
/* What the rings between some thirty workers hold, where a port is spread over them. */
#define SPREAD_MBUFS 32768u

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

/* Free huge pages of all sizes, in megabytes. */
static uint64_t free_huge_megabytes(void)
{
	static const char top[] = "/sys/kernel/mm/hugepages";
	uint64_t total = 0;
	struct dirent *entry;
	DIR *dir = opendir(top);

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		unsigned long kilobytes, pages;
		char path[320];
		FILE *file;

		if (sscanf(entry->d_name, "hugepages-%lukB", &kilobytes) != 1)
			continue;
		snprintf(path, sizeof(path), "%s/%s/free_hugepages", top, entry->d_name);
		file = fopen(path, "re");
		if (file != NULL && fscanf(file, "%lu", &pages) == 1)
			total += pages * kilobytes / 1024;
		if (file != NULL)
			fclose(file);
	}
	if (dir != NULL)
		closedir(dir);
	return total;
}

static uint32_t wanted_megabytes(const struct dp_config *config)
{
	uint64_t mbufs = 0, bytes;

	if (config->memory.megabytes != 0)
		return config->memory.megabytes;
	for (uint32_t i = 0; i < config->nb_ports; i++)
		mbufs += RTE_MAX(PORT_MBUFS, config->ports[i].queues * QUEUE_MBUFS) +
		         (config->ports[i].spread ? SPREAD_MBUFS : 0);
	if (config->memory.mbufs != 0)
		mbufs = config->memory.mbufs;
	bytes = mbufs * MBUF_BYTES + (uint64_t)config->kernel.max_routes * ROUTE_BYTES;
	return BASE_MEGABYTES + (uint32_t)(bytes >> 20);
}

/* Whether memory is to be in huge pages. -ENOMEM: it must and can't. */
static int choose_huge(const struct dp_config *config)
{
	uint64_t have = free_huge_megabytes(), want = wanted_megabytes(config);

	if (config->memory.huge == DP_HUGE_FALSE ||
	        (config->memory.huge == DP_HUGE_AUTO && have < want)) {
		dp_log_info("memory: %llu MB in ordinary pages%s", (unsigned long long)want,
		        config->memory.huge == DP_HUGE_AUTO ? ", because fewer huge pages are free"
		                                            : "");
		return 0;
	}
	if (have < want) {
		dp_log_error("memory: %llu MB in huge pages are wanted, %llu MB are free: write "
		             "%llu to /proc/sys/vm/nr_hugepages, or set memory.huge to \"auto\"",
		        (unsigned long long)want, (unsigned long long)have,
		        (unsigned long long)(want + 1) / 2);
		return -ENOMEM;
	}
	dp_log_info("memory: in huge pages, %llu MB of them free", (unsigned long long)have);
	return 1;
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

static int build_arguments(struct arguments *args, const struct dp_config *config, bool huge)
{
	int rc;

	add(args, "anabranch-dataplane");
	add(args, "--file-prefix=anabranch-%s", config->instance);
	add(args, "--no-telemetry");
	add(args, "--log-level=lib.*:warning");
	add(args, "--log-level=pmd.*:warning");
	if (huge) {
		add(args, "--in-memory");
	} else {
		add(args, "--no-huge"); /* which EAL takes for another kind of --in-memory */
		add(args, "--no-shconf");
	}
	if (!huge || config->memory.megabytes != 0) {
		add(args, "-m");
		add(args, "%u", wanted_megabytes(config));
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
	int rc, huge = choose_huge(config);

	if (huge < 0)
		return huge;
	eal->huge = huge;
	rte_openlog_stream(stderr);
	rc = build_arguments(&args, config, eal->huge);
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
