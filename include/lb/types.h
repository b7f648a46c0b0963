/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Addresses, numbers and hard limits that both processes share.
 */
#ifndef LB_TYPES_H
#define LB_TYPES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "abi.h"

/* Wire (big endian) order, never converted in place. Same type as DPDK's rte_be16_t. */
typedef uint16_t lb_be16;
typedef uint32_t lb_be32;

/* An IPv4 address is held v4-mapped, ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2), so that one
 * comparison of 16 bytes serves both families. */
struct lb_ip {
	uint8_t bytes[16];
};
LB_ASSERT_SIZE(struct lb_ip, 16);

static inline bool lb_ip_equal(const struct lb_ip *a, const struct lb_ip *b)
{
	uint64_t x[2], y[2];

	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

static inline bool lb_ip_is_v4(const struct lb_ip *ip)
{
	uint64_t half[2];

	memcpy(half, ip, sizeof(half));
	return half[0] == 0 && (uint32_t)half[1] == 0xffff0000u;
}

/* The last four bytes, in wire order: the IPv4 address where lb_ip_is_v4(). */
static inline lb_be32 lb_ip_v4(const struct lb_ip *ip)
{
	lb_be32 v4;

	memcpy(&v4, ip->bytes + 12, sizeof(v4));
	return v4;
}

/* Written as two words, little endian. */
static inline void lb_ip_set_v4(struct lb_ip *ip, lb_be32 v4)
{
	const uint64_t half[2] = {0, (uint64_t)v4 << 32 | 0xffff0000u};

	memcpy(ip, half, sizeof(*ip));
}

static inline struct lb_ip lb_ip_from_v4(lb_be32 v4)
{
	struct lb_ip ip;

	lb_ip_set_v4(&ip, v4);
	return ip;
}

/* Hard limits. Those of an instance (its workers, target slots, listener slots) are in the stats
 * segment's header, set by the dataplane's configuration and never above these. */
#define LB_MAX_WORKERS      128
#define LB_MAX_TARGET_SLOTS (1u << 20)
#define LB_MAX_LISTENERS    (1u << 18) /* rows: (address, protocol, port) */
#define LB_MAX_VIPS         (1u << 16)
#define LB_MAX_GROUPS       (1u << 16)
#define LB_MAX_PORTS        32
#define LB_INSTANCE_LEN     16 /* name of an instance, NUL included */
#define LB_IFNAME_LEN       16 /* IFNAMSIZ */

#define LB_NO_SLOT UINT32_MAX

#endif
