/* SPDX-License-Identifier: BSD-3-Clause
 *
 * TAPs and their rings.
 *
 * Known limit: an exception TAP is another interface than the one that the frame came by. Its
 * source check is set to "loose", so that packets for this host pass; VLAN interfaces on top of the
 * original one don't see tagged frames that come this way.
 */
#include "twin.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "interface.h"
#include "log.h"

#define TO_KERNEL_SLOTS   1024
#define FROM_KERNEL_SLOTS 512
#define BURST             64
#define MAX_SEGMENTS      16

static int open_tap(struct dp_twin *twin, const struct dp_twin_config *config)
{
	struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI};

	twin->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (twin->fd < 0)
		return -errno;
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s",
	        config->interface != NULL ? config->interface : "abx%d");
	if (ioctl(twin->fd, TUNSETIFF, &r) < 0)
		return -errno;
	snprintf(twin->interface, sizeof(twin->interface), "%s", r.ifr_name);
	if (config->interface != NULL && !config->probe && ioctl(twin->fd, TUNSETPERSIST, 1) < 0)
		return -errno;
	return 0;
}

/* The kernel receives by it and must do nothing else: no ARP answers, no addresses of its own. */
static void make_receive_only(const char *interface)
{
	static const char *const settings[][3] = {{"ipv4", "rp_filter", "2"},
	        {"ipv4", "arp_ignore", "8"}, {"ipv6", "addr_gen_mode", "1"},
	        {"ipv6", "accept_ra", "0"}};

	for (size_t i = 0; i < RTE_DIM(settings); i++) {
		int rc = dp_interface_sysctl(
		        interface, settings[i][0], settings[i][1], settings[i][2]);

		if (rc < 0 && rc != -ENOENT) /* a kernel without IPv6 has no such file */
			dp_log_warning("%s: net.%s.conf.%s can't be set to %s: %s", interface,
			        settings[i][0], settings[i][1], settings[i][2], strerror(-rc));
	}
}

static int set_up_interface(const struct dp_twin *twin, const struct dp_twin_config *config)
{
	int rc = dp_interface_set_mac(twin->interface, &config->mac);

	if (rc == 0)
		rc = dp_interface_set_mtu(twin->interface, config->mtu);
	if (rc == 0 && (!twin->both_ways || twin->probe))
		make_receive_only(twin->interface);
	return rc == 0 ? dp_interface_set_up(twin->interface) : rc;
}

static int make_rings(struct dp_twin *twin, const struct dp_twin_config *config)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "to_%.15s", twin->interface);
	twin->to_kernel = rte_ring_create(name, TO_KERNEL_SLOTS, SOCKET_ID_ANY, RING_F_SC_DEQ);
	if (twin->to_kernel == NULL)
		return -rte_errno;
	if (!twin->both_ways)
		return 0;
	snprintf(name, sizeof(name), "from_%.15s", twin->interface);
	twin->from_kernel = rte_ring_create(
	        name, FROM_KERNEL_SLOTS, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return twin->from_kernel == NULL ? -rte_errno : 0;
}

int dp_twin_open(struct dp_twin *twin, const struct dp_twin_config *config)
{
	int rc;

	*twin = (struct dp_twin){.fd = -1,
	        .both_ways = config->interface != NULL,
	        .probe = config->probe,
	        .mac = config->mac,
	        .pool = config->pool};
	rc = open_tap(twin, config);
	if (rc == 0)
		rc = set_up_interface(twin, config);
	if (rc == 0)
		rc = make_rings(twin, config);
	if (rc == 0)
		return 0;
	dp_log_error("port %s: its TAP interface %s can't be made: %s%s", config->port,
	        config->interface != NULL ? config->interface : "abx", strerror(-rc),
	        rc == -ENOENT                   ? ": load the kernel's module tun"
	        : rc == -EPERM                  ? ": CAP_NET_ADMIN is needed"
	        : rc == -EBUSY || rc == -EINVAL ? ": an interface of that name is somebody else's"
	                                        : "");
	dp_twin_close(twin);
	return rc;
}

static void drain(struct rte_ring *ring)
{
	void *m;

	while (ring != NULL && rte_ring_dequeue(ring, &m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(ring);
}

void dp_twin_close(struct dp_twin *twin)
{
	drain(twin->to_kernel);
	drain(twin->from_kernel);
	if (twin->fd >= 0)
		close(twin->fd);
	*twin = (struct dp_twin){.fd = -1};
}

static bool write_frame(int fd, const struct rte_mbuf *m)
{
	struct iovec iov[MAX_SEGMENTS];
	int n = 0;

	for (; m != NULL && n < MAX_SEGMENTS; m = m->next, n++) {
		iov[n].iov_base = rte_pktmbuf_mtod(m, void *);
		iov[n].iov_len = m->data_len;
	}
	if (m != NULL) {
		errno = EMSGSIZE;
		return false;
	}
	return writev(fd, iov, n) >= 0;
}

uint32_t dp_twin_give(struct dp_twin *twin)
{
	struct rte_mbuf *frames[BURST];
	uint32_t n = rte_ring_sc_dequeue_burst(twin->to_kernel, (void **)frames, BURST, NULL);

	for (uint32_t i = 0; i < n; i++) {
		bool taken = write_frame(twin->fd, frames[i]);

		if (!taken && !twin->refused)
			dp_log_warning("%s: the kernel takes no frame: %s: is the interface up?",
			        twin->interface, strerror(errno));
		twin->refused = !taken;
		rte_pktmbuf_free(frames[i]);
	}
	return n;
}

static bool is_wanted(const struct dp_twin *twin, struct rte_mbuf *m)
{
	return !twin->probe ||
	       (m->data_len >= sizeof(struct rte_ether_hdr) &&
	               rte_is_same_ether_addr(rte_pktmbuf_mtod(m, void *), &twin->mac));
}

uint32_t dp_twin_take(struct dp_twin *twin)
{
	uint32_t n = 0;

	if (!twin->both_ways) {
		char frame[64]; /* what the kernel sends by an exception TAP leads nowhere */

		while (n < BURST && read(twin->fd, frame, sizeof(frame)) > 0)
			n++;
		return n;
	}
	for (; n < BURST && !rte_ring_full(twin->from_kernel); n++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(twin->pool);
		ssize_t len;

		if (m == NULL)
			break;
		len = read(twin->fd, rte_pktmbuf_mtod(m, void *), rte_pktmbuf_tailroom(m));
		if (len <= 0) {
			rte_pktmbuf_free(m);
			break;
		}
		m->data_len = (uint16_t)len;
		m->pkt_len = (uint32_t)len;
		if (is_wanted(twin, m))
			rte_ring_sp_enqueue(twin->from_kernel, m);
		else
			rte_pktmbuf_free(m);
	}
	return n;
}
