/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A generation: one complete, immutable configuration for the workers, in the tables segment.
 *
 *   struct lb_generation        a small top level, written anew for each change
 *     vips[]       addresses in service, and an open-addressing index over them
 *     listeners[]  (address, protocol, port), and an index; each refers to
 *         |            the Maglev table of its (target group, zone scope): a blob of its own,
 *         |            shared with every generation in which that scope did not change
 *     groups[]     what a worker needs to know of a target group
 *     targets[]    by slot: a stable number for a target's life, draining included
 *     epochs[]     by slot: which life of the slot this is (see below)
 *
 * Offsets inside a generation count from its start; a Maglev table's counts from the segment's.
 * control plane: writes all of it before it announces it, and nothing after. dataplane: ro.
 * Freed when every consumer has acknowledged a newer one.
 *
 * Epochs. A flow entry remembers its target's slot and the slot's epoch. The flow is good while
 * epochs[slot] still equals that number. The control plane gives a slot a new epoch, never 0, when
 * it passes to another target or when the flows of its target are to end. A slot that is nobody's
 * has epoch 0.
 */
#ifndef LB_TABLE_H
#define LB_TABLE_H

#include "shm.h"

#define LB_GENERATION_MAGIC UINT64_C(0x4e4f495441523147) /* "G1RATION" */

struct lb_generation {
	uint64_t magic;
	uint64_t size;            /* bytes of this top level, a multiple of LB_BLOB_ALIGN */
	uint64_t revision;        /* rises with each generation of a control plane's life and its
	                             successors' */
	uint64_t config_revision; /* the durable configuration that this was built from */
	uint32_t nb_vips, nb_listeners, nb_groups, nb_slots;
	uint32_t vip_index_size,
	        listener_index_size; /* entries; powers of two, at least 2 x rows */
	uint32_t vips_offset, vip_index_offset;
	uint32_t listeners_offset, listener_index_offset;
	uint32_t groups_offset, targets_offset, epochs_offset;
	uint32_t reserved[11];
};
LB_ASSERT_SIZE(struct lb_generation, 128);
LB_ASSERT_AT(struct lb_generation, nb_vips, 32);
LB_ASSERT_AT(struct lb_generation, epochs_offset, 80);

/* A virtual address. The dataplane's main lcore puts it on 'interface' with 'prefix_len'
 * and takes it off when it is in no generation any more. */
struct lb_vip {
	struct lb_ip ip;
	char interface[LB_IFNAME_LEN]; /* NUL-terminated; empty: the address is somebody else's care
	                                */
	uint16_t zone;                 /* the control plane's number of the zone */
	uint8_t prefix_len; /* of the address on the interface; 32 or 128 unless configured */
	uint8_t reserved[29];
};
LB_ASSERT_SIZE(struct lb_vip, 64);

enum lb_listener_flags {
	LB_LISTENER_SOURCE_IP =
	        1 << 0, /* stickiness source_ip: choose by the client's address alone */
};

struct lb_listener {
	struct lb_ip vip;
	lb_be16 port;
	uint8_t protocol;       /* IPPROTO_TCP or IPPROTO_UDP */
	uint8_t flags;          /* enum lb_listener_flags */
	uint32_t group;         /* row in groups[] */
	uint64_t maglev_offset; /* uint32_t[maglev_size] of target slots, in the tables segment */
	uint32_t maglev_size;   /* 0: no target is registered in this scope */
	uint32_t idle_timeout_s;
	uint32_t id; /* slot in the listener counters; the rows of one listener share it */
	uint16_t zone;
	uint16_t reserved;
	uint64_t reserved2[2];
};
LB_ASSERT_SIZE(struct lb_listener, 64);
LB_ASSERT_AT(struct lb_listener, maglev_offset, 24);

enum lb_mode { LB_MODE_NAT };

enum lb_group_flags {
	LB_GROUP_FAIL_OPEN = 1 << 0, /* every target is unhealthy: all of them are in the tables */
};

struct lb_group {
	uint64_t identity; /* of the target group: the hexadecimal id in its ARN */
	uint8_t mode;      /* enum lb_mode */
	uint8_t flags;     /* enum lb_group_flags */
	uint16_t reserved;
	uint32_t nb_targets;
	uint64_t reserved2[2];
};
LB_ASSERT_SIZE(struct lb_group, 32);

/* ELBv2's target states; texts in the control plane. */
enum lb_target_state {
	LB_TARGET_FREE, /* the slot is nobody's */
	LB_TARGET_INITIAL,
	LB_TARGET_HEALTHY,
	LB_TARGET_UNHEALTHY,
	LB_TARGET_DRAINING,
	LB_TARGET_UNUSED,
	LB_TARGET_UNAVAILABLE,
};

struct lb_target {
	struct lb_ip ip;
	lb_be16 port;
	uint8_t state;  /* enum lb_target_state: the last verdict; a new control plane adopts it */
	uint8_t reason; /* the control plane's number of the reason code */
	uint32_t group; /* row in groups[] */
	uint64_t identity; /* hash of (group identity, address, port): the same on every node */
	uint64_t drain_deadline_ms; /* Unix time; 0 unless draining */
	uint32_t weight;
	uint16_t zone;
	uint16_t reserved;
	uint64_t reserved2[2];
};
LB_ASSERT_SIZE(struct lb_target, 64);
LB_ASSERT_AT(struct lb_target, identity, 24);

/* One place of an open-addressing index with linear probing. 'tag' is the whole 32-bit hash of the
 * row's key, 'row' its number plus one, 0 where the place is empty: a probe ends there. */
struct lb_index {
	uint32_t tag;
	uint32_t row;
};
LB_ASSERT_SIZE(struct lb_index, 8);

/* The longest run of places that a look-up follows; the builder enlarges the index until every
 * row is found within it, so that hostile destinations can't make a look-up long. */
#define LB_INDEX_MAX_PROBES 16

/* Of a word, or of a vector of words. */
#define LB_MIX_STEP(x) (((x) ^ (x) >> 32) * UINT64_C(0xd6e8feb86659fd93))

static inline uint64_t lb_mix(uint64_t x)
{
	x = LB_MIX_STEP(x);
	x = LB_MIX_STEP(x);
	return x ^ (x >> 32);
}

/* The two hashes below spread configured keys over the index; they need no secret. */

/* Every packet's destination goes through this one: two multiplications, one for IPv4, whose first
 * half is 0. The halves of the second word change places so that the bytes in which IPv4 addresses
 * differ reach all bits of the result; between the multiplications, which carry upwards alone, the
 * upper half reaches down. 'first' and 'second' may be vectors. */
#define LB_VIP_MIX(first, second) ((first)*UINT64_C(0x9e3779b97f4a7c15) ^ (second))
#define LB_VIP_HASH(mixed)        ((((mixed) ^ (mixed) >> 32) * UINT64_C(0xd6e8feb86659fd93)) >> 32)

static inline uint32_t lb_vip_hash(const struct lb_ip *ip)
{
	uint64_t half[2], mixed;

	memcpy(half, ip, sizeof(half));
	mixed = LB_VIP_MIX(half[0], half[1] >> 32 | half[1] << 32);
	return (uint32_t)LB_VIP_HASH(mixed);
}

static inline uint32_t lb_listener_hash(const struct lb_ip *ip, uint8_t protocol, lb_be16 port)
{
	uint64_t key = (uint64_t)lb_vip_hash(ip) << 32 | (uint32_t)protocol << 16 | port;

	return (uint32_t)lb_mix(key);
}

/* The entry of a Maglev table of 'size' entries for a 32-bit hash, without a division. */
static inline uint32_t lb_maglev_entry(uint32_t hash, uint32_t size)
{
	return (uint32_t)((uint64_t)hash * size >> 32);
}

#endif
