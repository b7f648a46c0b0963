/* SPDX-License-Identifier: BSD-3-Clause
 *
 * NUMA nodes, as sysfs tells them.
 */
#include "node.h"

#include <stdio.h>

int dp_port_node(const struct dp_port_config *port, const char *sysfs)
{
	const struct dp_port_kind *kind = dp_port_kind_of(port->device);
	char path[256], name[DP_PORT_PCI_NAME];
	int node = -1;
	FILE *file;

	if (kind == &dp_port_pci) {
		dp_port_pci_name(port->device, name, sizeof(name));
		snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/numa_node", sysfs, name);
	} else if (kind->on_interface) {
		snprintf(path, sizeof(path), "%s/class/net/%s/device/numa_node", sysfs,
		        port->interface);
	} else {
		return -1;
	}
	file = fopen(path, "re");
	if (file == NULL)
		return -1;
	if (fscanf(file, "%d", &node) != 1 || node < 0)
		node = -1;
	fclose(file);
	return node;
}

bool dp_node_is_far(int device, int worker)
{
	return device >= 0 && worker >= 0 && device != worker;
}
