/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the parse of plain packets knows of them on the way; private to parse_plain*.c.
 */
#ifndef DP_PARSE_PLAIN_H
#define DP_PARSE_PLAIN_H

#include "column_wide.h"
#include "pkt.h"
#include "tables.h"

/* Columns are read and written as vectors, sixteen packets' values at once. The compiler makes of
 * them what the processor has. */
#define LANES  16
#define COLUMN __attribute__((aligned(64)))
typedef uint32_t lanes __attribute__((vector_size(64), may_alias));
typedef uint16_t shorts __attribute__((vector_size(32), may_alias));
typedef uint8_t octets __attribute__((vector_size(16), may_alias));
/* Eight at once, where values are words of 64 bits. */
typedef dp_column_wide wide;
typedef uint32_t lanes8 __attribute__((vector_size(32), may_alias));
static_assert(DP_BURST % LANES == 0, "a column is whole vectors");

/* Words as they lie in the frames, little endian, by packet; what stands together in the frame,
 * stands together here. */
struct words {
	/* IPv4: the first sixteen bytes of the header. IPv6: bytes 4-7, length, next header, hop
	 * limit; and nothing. */
	uint32_t first[DP_BURST][4] COLUMN;
	/* IPv4: destination, the first twelve bytes of TCP or UDP. IPv6: the first sixteen. */
	uint32_t second[DP_BURST][4] COLUMN;
	uint32_t tcp[DP_BURST] COLUMN; /* IPv4: bytes 12-15 of TCP: data offset, flags, window */
	uint32_t in_frame[DP_BURST] COLUMN; /* bytes from the IP header on, padding included */
	/* IPv6: source and destination. */
	uint64_t source[DP_BURST][2] COLUMN, destination[DP_BURST][2] COLUMN;
};

/* One half, 0 or 1, of eight addresses, which begin at 'addresses'. */
#define HALVES(addresses, half)                                                                 \
	__builtin_shufflevector(((const wide *)(addresses))[0], ((const wide *)(addresses))[1], \
	        half, (half) + 2, (half) + 4, (half) + 6, (half) + 8, (half) + 10, (half) + 12, \
	        (half) + 14)

/* The packets of one family on their way through the loops. */
struct plain {
	struct dp_burst *b;
	uint64_t set;                   /* those whose words were collected */
	uint64_t unchecked;             /* IPv4 headers whose checksum the device did not look at */
	uint32_t odd[DP_BURST] COLUMN;  /* not 0: not plain after all */
	uint32_t news[DP_BURST] COLUMN; /* not 0: not quiet */
	uint32_t padded[DP_BURST] COLUMN;  /* not 0: padded */
	uint32_t tcp[DP_BURST] COLUMN;     /* not 0: TCP */
	uint32_t damaged[DP_BURST] COLUMN; /* not 0: the IPv4 header's checksum is wrong */
	uint32_t source[DP_BURST] COLUMN, destination[DP_BURST] COLUMN, ports[DP_BURST] COLUMN;
	struct words words;
};

/* Decides the directions of the live packets, and makes their keys. */
void plain_keys(struct plain *s, const struct dp_tables *tables, bool is_v6);

#endif
