/* SPDX-License-Identifier: BSD-3-Clause
 *
 * AF_XDP ports: any NIC that the kernel drives, veth included. The steering program decides what
 * comes here; the rest stays in the kernel, and what a worker must give back goes through a TAP,
 * because an AF_XDP socket can't hand a frame back.
 */
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kind.h"
#include "steer.h"

/* A frame that reaches a queue without a socket is lost, so all of the interface's. A device that
 * reports no combined channels (veth) is taken as having one queue. */
static uint32_t default_queues(const struct dp_port_config *config, uint32_t nb_workers)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ifreq request = {.ifr_data = (char *)&channels};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint32_t queues = 1;

	if (fd < 0)
		return 1;
	memcpy(request.ifr_name, config->interface, LB_IFNAME_LEN);
	if (ioctl(fd, SIOCETHTOOL, &request) == 0 && channels.combined_count > 1)
		queues = channels.combined_count;
	close(fd);
	return queues;
}

static int prepare(const struct dp_port_config *config, const char *instance, const char *bpffs,
        char *error, size_t error_size)
{
	return dp_steer_attach(config->interface, instance, bpffs, error, error_size);
}

const struct dp_port_kind dp_port_af_xdp = {
        .name = "af_xdp",
        .driver = "net_af_xdp",
        .kernel = DP_KERNEL_TAP,
        .kernel_modes = 1 << DP_KERNEL_TAP | 1 << DP_KERNEL_NONE,
        .on_interface = true,
        .slow_poll = true,
        .paired_queues = true,
        .extra_mbufs = 6144, /* fill and completion ring */
        .queue_argument = "queue_count",
        .default_queues = default_queues,
        .prepare = prepare,
};
