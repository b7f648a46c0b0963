/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the parse of plain packets knows of them on the way; private to parse_plain*.c.
 */
#ifndef DP_PARSE_PLAIN_H
#define DP_PARSE_PLAIN_H

#ifdef __SSE4_1__
#include <smmintrin.h>
#endif

#include "column_wide.h"
#include "pkt.h"
#include "tables.h"

/* Columns are read and written as vectors, sixteen packets' values at once. The compiler makes of
 * them what the processor has. */
#define LANES  DP_COLUMN_LANES
#define COLUMN __attribute__((aligned(64)))
typedef dp_column_lanes lanes;
typedef uint16_t shorts __attribute__((vector_size(32), may_alias));
typedef uint8_t octets __attribute__((vector_size(16), may_alias));
/* Eight at once, where values are words of 64 bits. */
typedef dp_column_wide wide;
static_assert(DP_BURST % LANES == 0, "a column is whole vectors");

/* Four words that stand together, in a frame or in an mbuf. */
enum row {
	ROW_IP4 = 0,    /* of IPv4: the first sixteen bytes of its header */
	ROW_AFTER4 = 1, /* ... and those that follow: destination, twelve bytes of TCP or UDP */
	ROW_SOURCE6 = 0,
	ROW_DESTINATION6 = 1,
	ROW_L46 = 2,  /* of IPv6: the first sixteen bytes of TCP or UDP */
	ROW_MBUF = 3, /* flags of the device (RTE_MBUF_F_RX_*), -, -, bytes of the frame */
	NB_ROWS
};

/* Words as they lie in memory, little endian, by packet. */
struct words {
	union {
		uint32_t rows[NB_ROWS][DP_BURST][4] COLUMN;
		uint64_t halves[NB_ROWS][DP_BURST][2]; /* IPv6 addresses */
	};
	/* One more. IPv4: bytes 12-15 of TCP: data offset, flags, window. IPv6: bytes 4-7 of its
	 * header: length, next header, hop limit. */
	uint32_t word[DP_BURST] COLUMN;
};

/* Word 'k' of each of sixteen packets in a row. */
#define EVERY_FOURTH(a, b, k)                                                                      \
	__builtin_shufflevector(a, b, k, (k) + 4, (k) + 8, (k) + 12, (k) + 16, (k) + 20, (k) + 24, \
	        (k) + 28, -1, -1, -1, -1, -1, -1, -1, -1)
#define WORD(row, k)                                                                             \
	__builtin_shufflevector(EVERY_FOURTH((row)[0], (row)[1], k),                             \
	        EVERY_FOURTH((row)[2], (row)[3], k), 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, \
	        21, 22, 23)

/* One half, 0 or 1, of eight addresses, which begin at 'addresses'. */
#define HALVES(addresses, half)                                                                 \
	__builtin_shufflevector(((const wide *)(addresses))[0], ((const wide *)(addresses))[1], \
	        half, (half) + 2, (half) + 4, (half) + 6, (half) + 8, (half) + 10, (half) + 12, \
	        (half) + 14)

/* Of sixteen values, the lower half of each. */
#define LOWER(a, b)              \
	__builtin_shufflevector( \
	        (lanes)(a), (lanes)(b), 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)

/* What the first sixteen bytes of a plain frame are, where 'mask' has ones. */
struct head {
	uint8_t bytes[16], mask[16];
} __attribute__((aligned(16)));

static inline bool head_is_twin(const struct head *head, const uint8_t *frame)
{
	uint8_t differ = 0;

	for (uint32_t i = 0; i < sizeof(head->bytes); i++)
		differ |= (frame[i] ^ head->bytes[i]) & head->mask[i];
	return differ == 0;
}

static inline bool head_is(const struct head *head, const uint8_t *frame)
{
#ifdef __SSE4_1__
	__m128i differ = _mm_xor_si128(
	        _mm_loadu_si128((const void *)frame), _mm_load_si128((const void *)head->bytes));

	return _mm_testz_si128(differ, _mm_load_si128((const void *)head->mask));
#else
	return head_is_twin(head, frame);
#endif
}

/* The packets of one family on their way through the loops. */
struct plain {
	struct dp_burst *b;
	struct head head;
	uint64_t set; /* those whose words were collected */
	uint32_t source[DP_BURST] COLUMN, destination[DP_BURST] COLUMN, ports[DP_BURST] COLUMN;
	struct words words;
};

/* Gives each packet its place: what is untagged IPv6 in the burst of that family, all else in that
 * of IPv4. Collects the words of those that may be plain. Returns the bytes of all. */
uint64_t plain_collect(
        struct plain s[2], const struct rte_ether_addr *mac, struct rte_mbuf **pkts, uint32_t n);

/* Decides the directions of the live packets, and makes their keys. */
void plain_keys(struct plain *s, const struct dp_tables *tables, bool is_v6);

#endif
