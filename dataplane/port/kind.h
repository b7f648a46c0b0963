/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Kinds of ports: what differs between an AF_XDP socket, a TAP and a NIC on the PCI bus, one file
 * each. Chosen by the port's EAL device argument.
 */
#ifndef DP_PORT_KIND_H
#define DP_PORT_KIND_H

#include <stdbool.h>
#include <stddef.h>

#include "lb/types.h"

/* Where frames go that belong to the kernel. */
enum dp_kernel_mode {
	DP_KERNEL_AUTO, /* as the kind of port says */
	DP_KERNEL_TWIN, /* a TAP that is the port's interface in the kernel, both ways */
	DP_KERNEL_TAP,  /* a TAP through which the kernel only receives: it sends by an interface of
	                   its own */
	DP_KERNEL_COPY, /* nowhere: the kernel has a copy of each frame */
	DP_KERNEL_NONE, /* nowhere */
};

/* As the configuration says it; ends with NULL. */
extern const char *const dp_kernel_modes[];

#define DP_PORT_NAME   16
#define DP_PORT_DEVICE 256

/* One of ports[] in the configuration. Numbers that are 0 are chosen by us. */
struct dp_port_config {
	char name[DP_PORT_NAME];
	char device[DP_PORT_DEVICE];   /* EAL's device argument */
	char interface[LB_IFNAME_LEN]; /* the kernel's that it stands for; empty: none */
	uint32_t queues;
	uint32_t rx_descriptors, tx_descriptors;
	uint32_t mtu;
	enum dp_kernel_mode kernel;
	bool spread; /* its packets over all workers, in software */
};

struct dp_port_kind {
	const char *name;
	const char *driver;         /* how the device argument begins; NULL: a PCI address */
	enum dp_kernel_mode kernel; /* what DP_KERNEL_AUTO means */
	uint32_t kernel_modes;      /* the others that make sense: bits 1 << enum dp_kernel_mode */
	bool on_interface;    /* iface= names a kernel interface, and the port stands for it */
	bool slow_poll;       /* a poll is a system call: workers sleep when idle */
	bool paired_queues;   /* as many transmit as receive queues */
	bool soft_offloads;   /* what it offers as offloads, its driver does in software */
	uint32_t extra_mbufs; /* that a queue holds beside its descriptors */
	const char *queue_argument; /* of the device, that sets the number of queues; or NULL */
	/* How many queues are wanted, where neither the configuration nor the device argument says;
	 * the device may have fewer. */
	uint32_t (*default_queues)(const struct dp_port_config *config, uint32_t nb_workers);
	/* Before the device is made. 0 or -errno with the reason in 'error'. NULL: nothing to do.
	 */
	int (*prepare)(const struct dp_port_config *config, const char *instance, const char *bpffs,
	        char *error, size_t error_size);
};

extern const struct dp_port_kind dp_port_af_xdp;
extern const struct dp_port_kind dp_port_af_packet;
extern const struct dp_port_kind dp_port_tap;
extern const struct dp_port_kind dp_port_virtual; /* net_pcap, net_null, net_ring, net_memif, ... */
extern const struct dp_port_kind dp_port_pci;

/* The kind that a device argument asks for, or NULL if it is none. */
const struct dp_port_kind *dp_port_kind_of(const char *device);

#define DP_PORT_PCI_NAME 16

/* The PCI address that a device argument begins with, with its domain, into 'name' of
 * DP_PORT_PCI_NAME bytes. */
void dp_port_pci_name(const char *device, char *name, size_t size);

/* The value of "key=" in a device argument, into 'value'. False if it is not there, or longer than
 * 'size' allows. */
bool dp_port_argument(const char *device, const char *key, char *value, size_t size);

#endif
