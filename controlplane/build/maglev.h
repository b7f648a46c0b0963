/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Weighted Maglev tables (Eisenbud et al., NSDI 2016, section 3.4). Pure, and a function of the
 * members alone, whatever their order: every node with the same configuration and the same
 * verdicts makes the same table.
 *
 * Two steps. The base deals all places to the registered members and does not know health. The
 * table is the base with the places of ineligible members handed to eligible ones: so a verdict
 * moves no place of a member that it is not about, where plain Maglev, dealt anew, would move a few
 * (tests/unit/cp/test_maglev.c has the measure).
 */
#ifndef CP_MAGLEV_H
#define CP_MAGLEV_H

#include "lb/table.h"

/* Compared and hashed as bytes. */
struct cp_maglev_member {
	uint64_t identity; /* of the target; from the configuration, never from local order */
	uint32_t slot;
	uint16_t weight;  /* 0: gets nothing */
	uint8_t eligible; /* 1: may get new flows */
	uint8_t reserved; /* 0 */
};
LB_ASSERT_SIZE(struct cp_maglev_member, 16);

/* Places of the table of a scope with that many registered targets: the smallest of a few primes
 * that gives each of them 100, the largest prime if none does. 0 for no targets. */
uint32_t cp_maglev_size(uint32_t nb_registered);

/* Into the order that the functions below expect: by identity. */
void cp_maglev_sort(struct cp_maglev_member *members, uint32_t nb);

/* Fills base[size] with rows of members[]. At least one member has a weight. 0 or -ENOMEM. */
int cp_maglev_base(
        uint32_t *base, uint32_t size, const struct cp_maglev_member *members, uint32_t nb);

/* Fills table[size] with slots. 'base' was made from the same identities and weights. At least one
 * member is eligible and has a weight. 0 or -ENOMEM. */
int cp_maglev_table(uint32_t *table, const uint32_t *base, uint32_t size,
        const struct cp_maglev_member *members, uint32_t nb);

#endif
