/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The classic interface ioctls: each opens and closes a socket of its own, at start alone.
 */
#include "interface.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int request(unsigned long what, const char *interface, struct ifreq *r)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return -errno;
	snprintf(r->ifr_name, sizeof(r->ifr_name), "%s", interface);
	rc = ioctl(fd, what, r) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

int dp_interface_mtu(const char *interface)
{
	struct ifreq r = {0};
	int rc = request(SIOCGIFMTU, interface, &r);

	return rc < 0 ? rc : r.ifr_mtu;
}

int dp_interface_set_mtu(const char *interface, uint16_t mtu)
{
	struct ifreq r = {.ifr_mtu = mtu};

	return request(SIOCSIFMTU, interface, &r);
}

int dp_interface_set_mac(const char *interface, const struct rte_ether_addr *mac)
{
	struct ifreq r = {0};
	int rc = request(SIOCGIFHWADDR, interface, &r);

	/* the kernel forgets all neighbours on an interface whose address is set, to the same too
	 */
	if (rc < 0 || memcmp(r.ifr_hwaddr.sa_data, mac->addr_bytes, sizeof(mac->addr_bytes)) == 0)
		return rc;
	r.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(r.ifr_hwaddr.sa_data, mac->addr_bytes, sizeof(mac->addr_bytes));
	return request(SIOCSIFHWADDR, interface, &r);
}

int dp_interface_set_up(const char *interface)
{
	struct ifreq r = {0};
	int rc = request(SIOCGIFFLAGS, interface, &r);

	if (rc < 0 || r.ifr_flags & IFF_UP)
		return rc;
	r.ifr_flags |= IFF_UP;
	return request(SIOCSIFFLAGS, interface, &r);
}

int dp_interface_sysctl(
        const char *interface, const char *family, const char *key, const char *value)
{
	char path[128];
	int fd, rc;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, interface, key);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = write(fd, value, strlen(value)) < 0 ? -errno : 0;
	close(fd);
	return rc;
}
