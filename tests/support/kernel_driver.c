/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The dataplane's kernel side without a dataplane, for the tests in network namespaces.
 *
 *     kernel_driver [--steer] [--no-guard] INSTANCE BPFFS INTERFACE...
 *
 * Port i stands for the i-th interface. Commands come line by line on standard input; each is
 * answered with one line:
 *
 *     lookup ADDRESS            the adjacency: "forward port=0 dst=.. src=.. tags=.. mtu=.."
 *     want ADDRESS IFINDEX      what a worker asks
 *     run MS                    dp_kernel_run() for so long
 *     apply [vip=ADDRESS/LEN@INTERFACE] [tcp=ADDRESS:PORT] [udp=ADDRESS:PORT] ...
 *     errors                    kernel_errors and kernel_error
 *     withdraw
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>

#include "clock.h"
#include "kernel/kernel.h"
#include "port/steer.h"

#define MAX_ROWS 64

struct driver {
	struct dp_kernel *kernel;
	struct dp_fib *fib;
	struct lb_stats stats;
	struct dp_kernel_config config;
	struct dp_kernel_port ports[LB_MAX_PORTS];
	uint32_t nb_ports;
};

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "kernel_driver: %s: %s\n", what, why);
	exit(1);
}

static struct lb_ip parse_ip(const char *text)
{
	struct lb_ip ip;
	lb_be32 v4;

	if (inet_pton(AF_INET, text, &v4) == 1)
		return lb_ip_from_v4(v4);
	if (inet_pton(AF_INET6, text, &ip) != 1)
		fail(text, "not an address");
	return ip;
}

static void print_mac(const char *name, const struct rte_ether_addr *mac)
{
	const uint8_t *b = mac->addr_bytes;

	printf(" %s=%02x:%02x:%02x:%02x:%02x:%02x", name, b[0], b[1], b[2], b[3], b[4], b[5]);
}

static void lookup(struct driver *d, const char *address)
{
	static const char *const kinds[] = {"none", "unresolved", "foreign", "local", "forward"};
	struct lb_ip ip = parse_ip(address);
	bool is_v6 = !lb_ip_is_v4(&ip);
	const struct dp_adj *adj;
	union dp_fib_ips ips;

	if (is_v6)
		ips.v6[0] = ip;
	else
		ips.v4[0] = rte_be_to_cpu_32(lb_ip_v4(&ip));
	dp_fib_online(d->fib, 0);
	dp_fib_lookup(d->fib, &ips, is_v6, 1, &adj);
	printf("%s", kinds[adj->kind]);
	if (adj->kind == DP_ADJ_FORWARD || adj->kind == DP_ADJ_UNRESOLVED) {
		printf(" port=%u", adj->port);
		print_mac("dst", &adj->dst);
		print_mac("src", &adj->src);
		printf(" mtu=%u tags=", adj->mtu);
		for (int i = 0; adj->nb_tags != DP_ADJ_KEEP_TAGS && i < adj->nb_tags; i++)
			printf("%04x.%u ", ntohs(adj->tpid[i]), ntohs(adj->tci[i]));
	}
	printf("\n");
	dp_fib_offline(d->fib, 0);
}

static void run(struct driver *d, uint64_t ms)
{
	const struct timespec nap = {.tv_nsec = 1000000};
	uint64_t end = dp_clock_ms() + ms;

	while (dp_clock_ms() < end) {
		dp_kernel_run(d->kernel, dp_clock_ms());
		nanosleep(&nap, NULL);
	}
	printf("ok\n");
}

static struct lb_vip parse_vip(char *text)
{
	struct lb_vip vip = {0};
	char *interface = strchr(text, '@'), *len = strchr(text, '/');

	if (interface == NULL || len == NULL)
		fail(text, "not ADDRESS/LEN@INTERFACE");
	*interface++ = *len++ = '\0';
	vip.ip = parse_ip(text);
	vip.prefix_len = (uint8_t)atoi(len);
	snprintf(vip.interface, sizeof(vip.interface), "%s", interface);
	return vip;
}

static struct lb_target parse_target(char *text, uint32_t group)
{
	struct lb_target target = {.state = LB_TARGET_HEALTHY, .group = group};
	char *port = strrchr(text, ':');

	if (port == NULL)
		fail(text, "not ADDRESS:PORT");
	*port++ = '\0';
	target.ip = parse_ip(text);
	target.port = htons((uint16_t)atoi(port));
	return target;
}

static void apply(struct driver *d, char *words)
{
	static const struct lb_listener listeners[] = {
	        {.protocol = IPPROTO_TCP, .group = 0}, {.protocol = IPPROTO_UDP, .group = 1}};
	struct lb_vip vips[MAX_ROWS];
	struct lb_target targets[MAX_ROWS];
	struct dp_tables tables = {.listeners = listeners,
	        .nb_listeners = 2,
	        .nb_groups = 2,
	        .vips = vips,
	        .targets = targets};
	char *word, *save = NULL;

	for (word = strtok_r(words, " \n", &save); word != NULL;
	        word = strtok_r(NULL, " \n", &save)) {
		if (tables.nb_vips == MAX_ROWS || tables.nb_slots == MAX_ROWS)
			fail(word, "too many rows");
		if (strncmp(word, "vip=", 4) == 0)
			vips[tables.nb_vips++] = parse_vip(word + 4);
		else
			targets[tables.nb_slots++] =
			        parse_target(word + 4, strncmp(word, "udp=", 4) == 0);
	}
	printf("%d\n", dp_kernel_apply(d->kernel, &tables));
}

static void command(struct driver *d, char *line)
{
	char address[64];
	unsigned number;

	if (sscanf(line, "lookup %63s", address) == 1) {
		lookup(d, address);
	} else if (sscanf(line, "want %63s %u", address, &number) == 2) {
		struct lb_ip ip = parse_ip(address);

		dp_fib_want(d->fib, &ip, number);
		printf("ok\n");
	} else if (sscanf(line, "run %u", &number) == 1) {
		run(d, number);
	} else if (strncmp(line, "apply", 5) == 0) {
		apply(d, line + 5);
	} else if (strncmp(line, "errors", 6) == 0) {
		printf("%lu %s\n", (unsigned long)d->stats.kernel_errors, d->stats.kernel_error);
	} else if (strncmp(line, "withdraw", 8) == 0) {
		printf("%d\n", dp_kernel_withdraw(d->config.instance, d->config.bpffs));
	} else {
		fail(line, "no such command");
	}
	fflush(stdout);
}

static void add_port(struct driver *d, const char *interface)
{
	struct dp_kernel_port *port = &d->ports[d->nb_ports];
	int any = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq request = {0};
	char error[512];

	port->port = (uint16_t)d->nb_ports++;
	port->mtu = 1500;
	snprintf(port->interface, sizeof(port->interface), "%s", interface);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	if (ioctl(any, SIOCGIFHWADDR, &request) == 0)
		memcpy(&port->mac, request.ifr_hwaddr.sa_data, sizeof(port->mac));
	close(any);
	if (port->steered && dp_steer_attach(interface, d->config.instance, d->config.bpffs, error,
	                             sizeof(error)) != 0)
		fail(interface, error);
}

static void init_eal(char *program)
{
	char *args[] = {program, "--no-huge", "-m512", "--no-shconf", "--no-pci", "--lcores=0",
	        "--no-telemetry", "--log-level=4"};

	if (rte_eal_init(sizeof(args) / sizeof(args[0]), args) < 0)
		fail("EAL", "does not start");
}

int main(int argc, char **argv)
{
	static struct driver d = {.config = {.max_routes = 1024, .guard = true, .addresses = true}};
	char line[4096];
	bool steered = false;
	int i = 1;

	for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		if (strcmp(argv[i], "--steer") == 0)
			steered = true;
		else
			d.config.guard = false;
	}
	if (argc - i < 2)
		fail("usage", "kernel_driver [--steer] [--no-guard] INSTANCE BPFFS INTERFACE...");
	d.config.instance = argv[i++];
	d.config.bpffs = argv[i++];
	for (; i < argc && d.nb_ports < LB_MAX_PORTS; i++) {
		d.ports[d.nb_ports].steered = steered;
		add_port(&d, argv[i]);
	}
	init_eal(argv[0]);
	d.fib = dp_fib_create(d.config.max_routes, 1);
	if (d.fib == NULL)
		fail("dp_fib_create", strerror(errno));
	d.kernel = dp_kernel_create(&d.config, d.ports, d.nb_ports, d.fib, &d.stats);
	if (d.kernel == NULL)
		fail("dp_kernel_create", strerror(errno));
	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) != NULL)
		command(&d, line);
	dp_kernel_destroy(d.kernel);
	dp_fib_free(d.fib);
	return 0;
}
