/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Matcher.HttpCode: which HTTP status codes are a success. One or more items with commas between
 * them, each a code or a range of codes: "200", "200,202", "200-399", "200-299,401". Pure.
 */
#ifndef CP_MATCHER_H
#define CP_MATCHER_H

#include <stdbool.h>

/* ELBv2's range for network load balancers. */
#define CP_MATCHER_MIN 200
#define CP_MATCHER_MAX 599

/* Whether 'text' is a matcher: the syntax above, without spaces, every code in range, no range
 * upside down. */
bool cp_matcher_valid(const char *text);

/* Whether 'code' is a success. Nothing is one to a text that is no matcher. */
bool cp_matcher_match(const char *text, long code);

#endif
