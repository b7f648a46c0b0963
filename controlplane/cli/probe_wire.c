/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See probe_wire.h. What the frames hold, in order: Ethernet, IPv4 without options or IPv6 without
 * extension headers, TCP without options or UDP. An answer that has more of these is not looked at.
 */
#include "probe_wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TTL 64

static size_t ip_size(const struct cli_wire *wire)
{
	return wire->is_v6 ? sizeof(struct in6_addr) : sizeof(struct in_addr);
}

static size_t l3_size(const struct cli_wire *wire)
{
	return wire->is_v6 ? sizeof(struct ip6_hdr) : sizeof(struct iphdr);
}

static uint8_t protocol(const struct cli_wire *wire)
{
	return wire->is_tcp ? IPPROTO_TCP : IPPROTO_UDP;
}

/* The interface's address, and the client's, which is the one after it. */
static bool take_address(struct cli_wire *wire, const struct sockaddr *address)
{
	const void *from =
	        wire->is_v6 ? (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr
	                    : (const void *)&((const struct sockaddr_in *)address)->sin_addr;

	if (wire->is_v6 && IN6_IS_ADDR_LINKLOCAL((const struct in6_addr *)from))
		return false;
	memcpy(wire->own, from, ip_size(wire));
	wire->own[ip_size(wire) - 1]++;
	return true;
}

/* The port's link address, the client's, which is the one after it, and the client's IP address;
 * '*has_ip' says whether there is one of the family. The interface's index; 0: it is not there. */
static int find_interface(struct cli_wire *wire, const char *interface, bool *has_ip)
{
	const int family = wire->is_v6 ? AF_INET6 : AF_INET;
	struct ifaddrs *all = NULL;
	int ifindex = 0;

	*has_ip = false;
	if (getifaddrs(&all) < 0)
		return 0;
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
		if (strcmp(i->ifa_name, interface) != 0 || i->ifa_addr == NULL)
			continue;
		if (i->ifa_addr->sa_family == AF_PACKET) {
			const struct sockaddr_ll *link = (const void *)i->ifa_addr;

			ifindex = link->sll_ifindex;
			memcpy(wire->port_mac, link->sll_addr, sizeof(wire->port_mac));
			memcpy(wire->own_mac, link->sll_addr, sizeof(wire->own_mac));
			wire->own_mac[5]++;
		} else if (i->ifa_addr->sa_family == family) {
			*has_ip |= take_address(wire, i->ifa_addr);
		}
	}
	freeifaddrs(all);
	return ifindex;
}

int cli_wire_open(struct cli_wire *wire, const char *interface, const char *address, char *why,
        size_t why_len)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET};
	bool has_ip;

	wire->is_v6 = strchr(address, ':') != NULL;
	wire->fd = -1;
	at.sll_protocol = htons(wire->is_v6 ? ETH_P_IPV6 : ETH_P_IP);
	at.sll_ifindex = find_interface(wire, interface, &has_ip);
	if (at.sll_ifindex == 0 || !has_ip ||
	        inet_pton(wire->is_v6 ? AF_INET6 : AF_INET, address, wire->remote) != 1) {
		snprintf(why, why_len,
		        at.sll_ifindex == 0
		                ? "there is no interface %s here: run this on the data plane's "
		                  "host, and in its network namespace"
		                : "interface %s has no address of the family: is it the data "
		                  "plane's probe port, and IPv6 switched on?",
		        interface);
		return -1;
	}
	/* a protocol of 0 until it is bound: nothing from other interfaces gets in */
	wire->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (wire->fd >= 0 && bind(wire->fd, (const void *)&at, sizeof(at)) == 0)
		return 0;
	snprintf(why, why_len, "frames can't be sent: %s%s", strerror(errno),
	        errno == EPERM ? ": the right CAP_NET_RAW is needed: run it as root" : "");
	cli_wire_close(wire);
	return -1;
}

void cli_wire_close(struct cli_wire *wire)
{
	if (wire->fd >= 0)
		close(wire->fd);
	wire->fd = -1;
}

void cli_wire_own(const struct cli_wire *wire, char *text, size_t len)
{
	inet_ntop(wire->is_v6 ? AF_INET6 : AF_INET, wire->own, text, (socklen_t)len);
}

int64_t cli_wire_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* RFC 1071: adds up 'len' bytes as 16-bit words of wire order. */
static uint32_t sum(uint32_t total, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++)
		total += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
	return total;
}

static uint16_t checksum(uint32_t total)
{
	while (total >> 16 != 0)
		total = (total & 0xffff) + (total >> 16);
	return htons((uint16_t)~total);
}

static uint16_t l4_checksum(const struct cli_wire *wire, const void *l4, size_t len)
{
	uint32_t total = protocol(wire) + (uint32_t)len;

	total = sum(total, wire->own, ip_size(wire));
	total = sum(total, wire->remote, ip_size(wire));
	return checksum(sum(total, l4, len));
}

static void write_ip(struct cli_wire *wire, size_t l4_len)
{
	uint8_t *at = wire->frame + ETH_HLEN;
	struct ip6_hdr v6 = {.ip6_flow = htonl(6u << 28),
	        .ip6_plen = htons((uint16_t)l4_len),
	        .ip6_nxt = protocol(wire),
	        .ip6_hlim = TTL};
	struct iphdr v4 = {.version = 4,
	        .ihl = sizeof(v4) / 4,
	        .tot_len = htons((uint16_t)(sizeof(v4) + l4_len)),
	        .frag_off = htons(IP_DF),
	        .ttl = TTL,
	        .protocol = protocol(wire)};

	if (wire->is_v6) {
		memcpy(&v6.ip6_src, wire->own, sizeof(v6.ip6_src));
		memcpy(&v6.ip6_dst, wire->remote, sizeof(v6.ip6_dst));
		memcpy(at, &v6, sizeof(v6));
		return;
	}
	memcpy(&v4.saddr, wire->own, sizeof(v4.saddr));
	memcpy(&v4.daddr, wire->remote, sizeof(v4.daddr));
	v4.check = checksum(sum(0, &v4, sizeof(v4)));
	memcpy(at, &v4, sizeof(v4));
}

/* Returns the length of header and data. */
static size_t write_l4(struct cli_wire *wire, const struct cli_segment *s)
{
	uint8_t *at = wire->frame + ETH_HLEN + l3_size(wire);
	struct tcphdr tcp = {.th_sport = htons(wire->own_port),
	        .th_dport = htons(wire->remote_port),
	        .th_seq = htonl(s->seq),
	        .th_ack = htonl(s->ack),
	        .th_off = sizeof(tcp) / 4,
	        .th_flags = s->flags,
	        .th_win = htons(65535)};
	struct udphdr udp = {.uh_sport = tcp.th_sport, .uh_dport = tcp.th_dport};
	const size_t header = wire->is_tcp ? sizeof(tcp) : sizeof(udp);

	udp.uh_ulen = htons((uint16_t)(header + s->len));
	memcpy(at, wire->is_tcp ? (const void *)&tcp : (const void *)&udp, header);
	if (s->len > 0)
		memcpy(at + header, s->data, s->len);
	tcp.th_sum = l4_checksum(wire, at, header + s->len);
	udp.uh_sum = tcp.th_sum != 0 ? tcp.th_sum : 0xffff; /* RFC 768: 0 says that there is none */
	memcpy(at, wire->is_tcp ? (const void *)&tcp : (const void *)&udp, header);
	return header + s->len;
}

int cli_wire_send(struct cli_wire *wire, const struct cli_segment *segment)
{
	struct ethhdr eth = {.h_proto = htons(wire->is_v6 ? ETH_P_IPV6 : ETH_P_IP)};
	size_t l4_len;

	if (segment->len > CLI_WIRE_PAYLOAD)
		return -EMSGSIZE;
	memcpy(eth.h_dest, wire->port_mac, sizeof(eth.h_dest));
	memcpy(eth.h_source, wire->own_mac, sizeof(eth.h_source));
	memcpy(wire->frame, &eth, sizeof(eth));
	l4_len = write_l4(wire, segment);
	write_ip(wire, l4_len);
	return send(wire->fd, wire->frame, ETH_HLEN + l3_size(wire) + l4_len, 0) < 0 ? -errno : 0;
}

/* Whether the IP header is of a packet from the remote address to ours; its length then. */
static bool read_ip(const struct cli_wire *wire, size_t *len)
{
	const uint8_t *at = wire->frame + ETH_HLEN;
	const size_t size = ip_size(wire), addresses = l3_size(wire) - 2 * size;
	uint16_t length;
	size_t said;

	if (*len < ETH_HLEN + l3_size(wire))
		return false;
	memcpy(&length, at + (wire->is_v6 ? 4 : 2), sizeof(length));
	said = ntohs(length) + (wire->is_v6 ? sizeof(struct ip6_hdr) : 0);
	if (at[0] >> 4 != (wire->is_v6 ? 6 : 4) || (!wire->is_v6 && (at[0] & 15) != 5) ||
	        at[wire->is_v6 ? 6 : 9] != protocol(wire) || said > *len - ETH_HLEN ||
	        said < l3_size(wire))
		return false;
	*len = said - l3_size(wire);
	return memcmp(at + addresses, wire->remote, size) == 0 &&
	       memcmp(at + addresses + size, wire->own, size) == 0;
}

/* 'len' bytes are in the frame. */
static bool read_segment(const struct cli_wire *wire, size_t len, struct cli_segment *segment)
{
	const uint8_t *at = wire->frame + ETH_HLEN + l3_size(wire);
	size_t header = sizeof(struct udphdr);
	struct tcphdr tcp = {0};

	if (!read_ip(wire, &len) || len < (wire->is_tcp ? sizeof(tcp) : header))
		return false;
	memcpy(&tcp, at, wire->is_tcp ? sizeof(tcp) : header); /* both begin with the two ports */
	if (wire->is_tcp)
		header = tcp.th_off * 4u;
	if (header > len || (wire->is_tcp && header < sizeof(tcp)) ||
	        tcp.th_sport != htons(wire->remote_port) || tcp.th_dport != htons(wire->own_port))
		return false;
	*segment = (struct cli_segment){.flags = wire->is_tcp ? tcp.th_flags : 0,
	        .seq = ntohl(tcp.th_seq),
	        .ack = ntohl(tcp.th_ack),
	        .data = at + header,
	        .len = len - header};
	return true;
}

bool cli_wire_receive(struct cli_wire *wire, int64_t deadline_us, struct cli_segment *segment)
{
	struct pollfd waits = {.fd = wire->fd, .events = POLLIN};
	int64_t left;

	while ((left = deadline_us - cli_wire_now()) > 0) {
		ssize_t len;

		if (poll(&waits, 1, (int)((left + 999) / 1000)) <= 0)
			continue;
		len = recv(wire->fd, wire->frame, sizeof(wire->frame), MSG_DONTWAIT);
		if (len > 0 && read_segment(wire, (size_t)len, segment))
			return true;
	}
	return false;
}
