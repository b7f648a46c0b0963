/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The checks that a table of keys can't express: names, paths, and what several keys say together.
 */
#include "config_check.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "flow.h"

struct complaint {
	const char *file;
	char *error;
	size_t size;
};

static int complain(const struct complaint *c, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

static int complain(const struct complaint *c, const char *format, ...)
{
	int n = snprintf(c->error, c->size, "%s: ", c->file);
	va_list args;

	if (n < 0 || (size_t)n >= c->size)
		return -1;
	va_start(args, format);
	vsnprintf(c->error + n, c->size - (size_t)n, format, args);
	va_end(args);
	return -1;
}

static bool is_name(const char *text)
{
	for (; *text != '\0'; text++) {
		if (!isalnum((unsigned char)*text) && strchr("-_", *text) == NULL)
			return false;
	}
	return true;
}

/* As the kernel takes an interface's name. */
static bool is_interface(const char *text)
{
	if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
		return false;
	for (; *text != '\0'; text++) {
		if (*text == '/' || *text == ':' || !isgraph((unsigned char)*text))
			return false;
	}
	return true;
}

static int check_interface(const struct complaint *c, struct dp_port_config *port,
        const struct dp_port_kind *kind, uint32_t i)
{
	char iface[LB_IFNAME_LEN] = "";

	if (kind->on_interface && !dp_port_argument(port->device, "iface", iface, sizeof(iface)))
		return complain(c,
		        "ports[%u].device: expected an interface, as in \"%s,iface=eth1\"", i,
		        kind->driver);
	if (kind->on_interface && port->interface[0] != '\0' && strcmp(port->interface, iface) != 0)
		return complain(c,
		        "ports[%u].interface: expected \"%s\", the interface of its device, found "
		        "\"%s\"",
		        i, iface, port->interface);
	if (kind->on_interface)
		memcpy(port->interface, iface, sizeof(iface));
	if (port->kernel == DP_KERNEL_TWIN && port->interface[0] == '\0')
		memcpy(port->interface, port->name, sizeof(port->interface));
	if (!is_interface(port->interface))
		return complain(c,
		        "ports[%u].interface: expected the name of a kernel interface, found "
		        "\"%s\"",
		        i, port->interface);
	return 0;
}

static int check_kernel_mode(const struct complaint *c, struct dp_port_config *port,
        const struct dp_port_kind *kind, uint32_t i)
{
	char modes[64] = "";

	if (port->kernel == DP_KERNEL_AUTO)
		port->kernel = kind->kernel;
	if (kind->kernel_modes & 1u << port->kernel)
		return 0;
	for (int mode = DP_KERNEL_TWIN; mode <= DP_KERNEL_NONE; mode++) {
		if (kind->kernel_modes & 1u << mode) {
			strcat(modes, modes[0] == '\0' ? "\"" : " or \"");
			strcat(strcat(modes, dp_kernel_modes[mode]), "\"");
		}
	}
	return complain(c, "ports[%u].kernel: expected %s for a port of kind %s, found \"%s\"", i,
	        modes, kind->name, dp_kernel_modes[port->kernel]);
}

static int check_port(const struct complaint *c, struct dp_config *config, uint32_t i)
{
	struct dp_port_config *port = &config->ports[i];
	const struct dp_port_kind *kind = dp_port_kind_of(port->device);

	if (port->name[0] == '\0')
		snprintf(port->name, sizeof(port->name), "port%u", i);
	if (!is_name(port->name))
		return complain(c,
		        "ports[%u].name: expected letters, digits, '-' and '_', found \"%s\"", i,
		        port->name);
	if (kind == NULL)
		return complain(c,
		        "ports[%u].device: expected an EAL device argument such as "
		        "\"net_af_xdp,iface=eth1\" or a PCI address such as \"0000:03:00.0\", "
		        "found \"%s\"",
		        i, port->device);
	if (check_kernel_mode(c, port, kind, i) < 0 || check_interface(c, port, kind, i) < 0)
		return -1;
	for (uint32_t j = 0; j < i; j++) {
		const struct dp_port_config *other = &config->ports[j];

		if (strcmp(other->name, port->name) == 0)
			return complain(c, "ports[%u].name: \"%s\" is the name of ports[%u] too", i,
			        port->name, j);
		if (strcmp(other->device, port->device) == 0)
			return complain(
			        c, "ports[%u].device: it is the device of ports[%u] too", i, j);
		if (port->interface[0] != '\0' && strcmp(other->interface, port->interface) == 0)
			return complain(c,
			        "ports[%u].interface: ports[%u] stands for \"%s\" already", i, j,
			        port->interface);
	}
	return 0;
}

static int check_workers(const struct complaint *c, const struct dp_config *config)
{
	uint16_t cpus[LB_MAX_WORKERS];
	const char *lcores = config->workers.lcores;

	if (config->workers.cores[0] != '\0' && lcores[0] != '\0')
		return complain(c, "workers: expected either cores or lcores, found both");
	if (config->workers.cores[0] != '\0' &&
	        dp_config_cpus(config->workers.cores, cpus, LB_MAX_WORKERS) < 0)
		return complain(c,
		        "workers.cores: expected a list of up to %d different CPUs, as in "
		        "\"1-3,5\", found \"%s\"",
		        LB_MAX_WORKERS, config->workers.cores);
	if (lcores[strspn(lcores, "0123456789@(),-")] != '\0')
		return complain(c,
		        "workers.lcores: expected EAL's notation, as in \"(0-4)@(0-1)\", found "
		        "\"%s\"",
		        lcores);
	return 0;
}

static int check_probe(const struct complaint *c, struct dp_config *config)
{
	if (config->probe.interface[0] == '\0')
		snprintf(config->probe.interface, sizeof(config->probe.interface), "abp-%.11s",
		        config->instance);
	if (!is_interface(config->probe.interface))
		return complain(c,
		        "probe.interface: expected the name of a kernel interface, found \"%s\"",
		        config->probe.interface);
	for (uint32_t i = 0; i < config->nb_ports; i++) {
		if (strcmp(config->ports[i].interface, config->probe.interface) == 0)
			return complain(c, "probe.interface: ports[%u] stands for \"%s\" already",
			        i, config->probe.interface);
	}
	return 0;
}

static int check(const struct complaint *c, struct dp_config *config)
{
	if (!is_name(config->instance))
		return complain(c, "instance: expected letters, digits, '-' and '_', found \"%s\"",
		        config->instance);
	if (config->run_dir[0] != '/')
		return complain(
		        c, "run_dir: expected an absolute path, found \"%s\"", config->run_dir);
	if (strlen(config->run_dir) > DP_CONFIG_PATH_LEN - sizeof("/dataplane.sock"))
		return complain(c, "run_dir: expected at most %zu characters, found %zu",
		        DP_CONFIG_PATH_LEN - sizeof("/dataplane.sock"), strlen(config->run_dir));
	if (config->flow_table.path[0] == '\0')
		snprintf(config->flow_table.path, sizeof(config->flow_table.path), "%.80s/flows",
		        config->run_dir);
	if (config->flow_table.path[0] != '/')
		return complain(c, "flow_table.path: expected an absolute path, found \"%s\"",
		        config->flow_table.path);
	if ((uint64_t)config->flow_table.ipv4_flows + config->flow_table.ipv6_flows > DP_FLOW_MAX)
		return complain(c,
		        "flow_table: expected at most %u flows in ipv4_flows and ipv6_flows "
		        "together, found %u and %u",
		        DP_FLOW_MAX, config->flow_table.ipv4_flows, config->flow_table.ipv6_flows);
	if (config->kernel.bpffs[0] != '/')
		return complain(c, "kernel.bpffs: expected an absolute path, found \"%s\"",
		        config->kernel.bpffs);
	for (uint32_t i = 0; i < config->nb_ports; i++) {
		if (check_port(c, config, i) < 0)
			return -1;
	}
	if (check_probe(c, config) < 0)
		return -1;
	return check_workers(c, config);
}

int dp_config_check(const char *file, struct dp_config *config, char *error, size_t error_size)
{
	struct complaint c = {file, error, error_size};

	return check(&c, config);
}
