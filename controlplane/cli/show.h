/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Results as tables. A result that is not of the expected shape shows as dashes, never as a crash.
 */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include <jansson.h>

void cli_show_load_balancers(const json_t *result);
void cli_show_listeners(const json_t *result);
void cli_show_target_groups(const json_t *result);
void cli_show_attributes(const json_t *result);
void cli_show_target_health(const json_t *result);

/* The text of a field, a number's digits included; "" where there is none. 'path' may lead through
 * objects: "TargetHealth.State". Written to 'text' when it is a number. */
const char *cli_field(const json_t *object, const char *path, char *text, size_t len);

#define CLI_NUMBER_LEN 24

/* "950", "12.3 k", "4.0 M": four digits are enough at a glance. */
const char *cli_short_number(json_int_t value, char text[CLI_NUMBER_LEN]);

/* The name in an ARN of a load balancer, a listener (its load balancer's) or a target group. */
void cli_arn_name(const char *arn, char *name, size_t len);

/* "10.1.0.11:80", "[fd00::11]:80" of {"Id", "Port"}. */
void cli_target_text(const json_t *target, char *text, size_t len);

#endif
