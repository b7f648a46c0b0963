/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Addresses as text and as numbers.
 */
#include "change.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int cp_ip_parse(const char *text, struct lb_ip *ip)
{
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) == 1) {
		*ip = lb_ip_from_v4(v4.s_addr);
		return 0;
	}
	/* A v4-mapped address written as IPv6 would come back as IPv4. */
	if (inet_pton(AF_INET6, text, ip->bytes) == 1 && !lb_ip_is_v4(ip))
		return 0;
	return -EINVAL;
}

void cp_ip_format(const struct lb_ip *ip, char *text, size_t len)
{
	if (lb_ip_is_v4(ip))
		inet_ntop(AF_INET, ip->bytes + 12, text, len);
	else
		inet_ntop(AF_INET6, ip->bytes, text, len);
}

static bool v4_is_host(const uint8_t *bytes)
{
	/* RFC 6890: "this network", loopback; multicast and reserved, the broadcast address. */
	return bytes[0] != 0 && bytes[0] != 127 && bytes[0] < 224;
}

bool cp_ip_is_host(const struct lb_ip *ip)
{
	static const uint8_t zero[15];
	const uint8_t *bytes = ip->bytes;

	if (lb_ip_is_v4(ip))
		return v4_is_host(bytes + 12);
	if (memcmp(bytes, zero, sizeof(zero)) == 0 && bytes[15] <= 1)
		return false; /* unspecified, loopback */
	/* Link-local ones mean nothing without an interface. */
	return bytes[0] != 0xff && !(bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80);
}

bool cp_ip_in_range(const struct lb_ip *ip, const struct cp_range *range)
{
	unsigned bits = range->prefix_len + (lb_ip_is_v4(&range->prefix) ? 96 : 0);
	unsigned bytes = bits / 8, rest = bits % 8;

	if (!range->present || lb_ip_is_v4(ip) != lb_ip_is_v4(&range->prefix))
		return false;
	if (memcmp(ip->bytes, range->prefix.bytes, bytes) != 0)
		return false;
	return rest == 0 || (ip->bytes[bytes] ^ range->prefix.bytes[bytes]) >> (8 - rest) == 0;
}

int cp_ip_compare(const struct lb_ip *a, const struct lb_ip *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

struct lb_ip cp_ip_next(const struct lb_ip *ip)
{
	struct lb_ip next = *ip;

	for (int i = 15; i >= 0 && ++next.bytes[i] == 0; i--)
		;
	return next;
}

/* Decimal, 1..65535, nothing else; 0 where it is not. */
static uint16_t port_parse(const char *text)
{
	size_t len = strlen(text);
	unsigned long port;

	if (len == 0 || len > 5 || strspn(text, "0123456789") != len || text[0] == '0')
		return 0;
	port = strtoul(text, NULL, 10);
	return port <= UINT16_MAX ? (uint16_t)port : 0;
}

/* Splits "HOST:PORT" and "[HOST]:PORT". */
static int host_split(const char *text, char *host, size_t host_len, const char **port)
{
	const char *colon = strchr(text, ':');
	const char *start = text, *end = text + strlen(text);

	*port = NULL;
	if (text[0] == '[') {
		start++;
		end = strchr(text, ']');
		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return -EINVAL;
		*port = end[1] == ':' ? end + 2 : NULL;
	} else if (colon != NULL && strchr(colon + 1, ':') == NULL) {
		end = colon;
		*port = colon + 1;
	}
	if ((size_t)(end - start) >= host_len)
		return -EINVAL;
	memcpy(host, start, (size_t)(end - start));
	host[end - start] = '\0';
	return 0;
}

int cp_target_parse(const char *text, struct lb_ip *ip, uint16_t *port)
{
	char host[INET6_ADDRSTRLEN];
	const char *port_text;

	if (host_split(text, host, sizeof(host), &port_text) != 0 || cp_ip_parse(host, ip) != 0)
		return -EINVAL;
	if (text[0] == '[' && lb_ip_is_v4(ip))
		return -EINVAL;
	*port = port_text != NULL ? port_parse(port_text) : 0;
	return port_text != NULL && *port == 0 ? -EINVAL : 0;
}

void cp_target_key(const struct lb_ip *ip, uint16_t port, char *key, size_t len)
{
	char text[INET6_ADDRSTRLEN];

	cp_ip_format(ip, text, sizeof(text));
	snprintf(key, len, lb_ip_is_v4(ip) ? "%s:%u" : "[%s]:%u", text, port);
}
