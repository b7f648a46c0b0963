/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Next hops with routes that say of themselves which they are, for the tests of the FIB. Where a
 * call can fail, it fails the test.
 */
#ifndef FIB_FIXTURE_H
#define FIB_FIXTURE_H

#include "fib.h"

#define FIB_ROUTES 256 /* and neighbours, of each family, that a test's FIB has room for */

/* What the test's thread remembers of the FIB; empty at a test's begin. */
extern struct dp_fib_memo fib_memo;

/* An address from text. */
struct lb_ip fib_ip(const char *text);

/* dp_fib_lookup() of one address. */
const struct dp_adj *fib_look_up(struct dp_fib *fib, const struct lb_ip *a);

/* The same by a memo. '*asked' counts those that it did not know. */
const struct dp_adj *fib_look_up_often(struct dp_fib *fib, struct dp_fib_memo *m, uint32_t place,
        const struct lb_ip *a, uint32_t *asked);

/* Both ways; by fib_memo twice: it is remembered by then. */
const struct dp_adj *fib_look_up_twice(struct dp_fib *fib, const struct lb_ip *a);

/* The next hop of an address, looked up in both ways; and its port, 0: no route. */
const struct dp_adj *fib_find(struct dp_fib *fib, const char *address);
int fib_port_of(struct dp_fib *fib, const char *address);

/* A next hop by 'port' whose link address ends in 'last'; a route to one, and its removal, both
 * visible after dp_fib_commit(). */
struct dp_adj fib_hop(uint16_t port, uint8_t last);
void fib_set(struct dp_fib *fib, const char *prefix, uint8_t depth, uint16_t port, uint8_t last);
void fib_drop(struct dp_fib *fib, const char *prefix, uint8_t depth);

/* A group of tests begins with EAL. A test's state is an empty FIB of two readers, both offline. */
int fib_start(void **state);
int fib_setup(void **state);
int fib_teardown(void **state);
#define FIB_CASE(f) cmocka_unit_test_setup_teardown(f, fib_setup, fib_teardown)

#endif
