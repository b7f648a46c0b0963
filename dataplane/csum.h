/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Internet checksums: all of the arithmetic is here.
 *
 * A packet is translated by changing words that its checksums cover. Each checksum is corrected by
 * the difference alone (RFC 1624, equation 3: HC' = ~(~HC + ~m + m')), never computed anew. So the
 * payload is not read, and a checksum that was wrong on arrival is as wrong when it leaves: the
 * receiver still sees that the packet was damaged. That is why a software check of the TCP or UDP
 * checksum would protect nobody here, and why transmit offload would be worse than this: it would
 * put a right checksum on damaged data, to save a few additions.
 *
 * Words are summed as they lie in memory; one's complement sums do not mind the byte order as long
 * as it is the same throughout (RFC 1071 section 2).
 */
#ifndef DP_CSUM_H
#define DP_CSUM_H

#include <rte_mbuf.h>
#include <rte_ip.h>

#include "lb/types.h"

/* Sums of ~m + m', not folded: 64 bits hold far more of them than a header has words. */
typedef uint64_t dp_csum_delta;

static inline dp_csum_delta dp_csum_delta16(lb_be16 from, lb_be16 to)
{
	return (dp_csum_delta)(uint16_t)~from + to;
}

static inline dp_csum_delta dp_csum_delta32(lb_be32 from, lb_be32 to)
{
	return (dp_csum_delta)(uint32_t)~from + to;
}

/* The one's complement sum of the 16-bit words of 'sum'. Each half is added to the other at once:
 * in the upper half of the result the carry out of the lower one has come round. */
static inline uint16_t dp_csum_fold(uint64_t sum)
{
	uint32_t half = (uint32_t)((sum + (sum >> 32 | sum << 32)) >> 32);

	return (uint16_t)((half + (half >> 16 | half << 16)) >> 16);
}

/* What the IPv4 header's checksum sees of a TTL that falls by one, above 0 before: it is the first
 * byte of its word. */
#define DP_CSUM_TTL_DELTA (dp_csum_delta16(RTE_BE16(0x0100), 0))

/* The checksum after a change: IPv4 header, TCP. 'delta' is folded: dp_csum_fold() of the sums.
 * What is added to the complement is taken from the checksum itself; the end-around carry is a
 * borrow. */
static inline lb_be16 dp_csum_update(lb_be16 csum, uint16_t delta)
{
	uint16_t less;
	uint8_t borrow = __builtin_sub_overflow(csum, delta, &less);

	return (lb_be16)(less - borrow);
}

/* The checksum after a change: UDP. 0 says "none" and stays (RFC 768); a computed 0 is sent as its
 * other form, 0xffff. */
static inline lb_be16 dp_csum_update_udp(lb_be16 csum, uint16_t delta)
{
	lb_be16 updated = dp_csum_update(csum, delta);

	if (csum == 0)
		return 0;
	return updated == 0 ? UINT16_MAX : updated;
}

/* Whether the checksum of an IPv4 header of 'len' bytes, a multiple of 4, is right. */
static inline bool dp_csum_ip4_right(const void *header, uint32_t len)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < len; i += 4) {
		uint32_t word;

		memcpy(&word, (const uint8_t *)header + i, sizeof(word));
		sum += word;
	}
	return dp_csum_fold(sum) == UINT16_MAX;
}

/* The TCP or UDP checksum of 'len' bytes at 'offset' of 'm', whose checksum field counts as it
 * stands there: set it to 0 first. All of the packet is read. */
static inline lb_be16 dp_csum_l4(const struct rte_mbuf *m, uint32_t offset, uint32_t len,
        const struct lb_ip *src, const struct lb_ip *dst, uint8_t protocol)
{
	uint16_t payload = 0;
	uint64_t sum;

	if (rte_raw_cksum_mbuf(m, offset, len, &payload) != 0)
		return 0;
	sum = payload + (uint64_t)rte_cpu_to_be_16(protocol) + rte_cpu_to_be_16(len >> 16) +
	      rte_cpu_to_be_16((uint16_t)len);
	/* ::ffff:0:0/96 in both addresses adds twice 0xffff, which is 0: one sum for both families
	 */
	sum += rte_raw_cksum(src, sizeof(*src)) + (uint64_t)rte_raw_cksum(dst, sizeof(*dst));
	return (lb_be16)~dp_csum_fold(sum);
}

#endif
