/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Attributes: key and value texts with rules, a table for each kind of object. What is not in a
 * table is refused; only values that differ from the default are held.
 */
#ifndef CP_ATTRIBUTES_H
#define CP_ATTRIBUTES_H

#include "model.h"

struct cp_attribute_rule {
	const char *key;
	const char *fallback; /* the default; NULL: depends on the object */
	const char *const
	        *words; /* the values that are right, NULL-terminated; or NULL: a number */
	long min, max;  /* of a number */
};

/* Tables end with a NULL key. */
extern const struct cp_attribute_rule cp_lb_rules[], cp_group_rules[], cp_listener_rules[];

const struct cp_attribute_rule *cp_attribute_rule(
        const struct cp_attribute_rule *rules, const char *key);
/* Whether a value is right; otherwise what would be, in 'why'. */
bool cp_attribute_valid(
        const struct cp_attribute_rule *rule, const char *value, char *why, size_t why_len);

/* NULL: not set. */
const char *cp_attribute_held(const struct cp_attribute *attributes, const char *key);
/* Sets it, or forgets it where 'value' equals 'fallback'. True if anything changed. */
bool cp_attribute_set(
        struct cp_attribute **attributes, const char *key, const char *value, const char *fallback);
/* Back to the default, whatever that is then. True if anything was set. */
bool cp_attribute_forget(struct cp_attribute **attributes, const char *key);
void cp_attributes_free(struct cp_attribute **attributes);

/* {"key": "value"} of those held; and back, with every key and value checked again. */
json_t *cp_attributes_row(const struct cp_attribute *attributes);
int cp_attributes_load(struct cp_attribute **attributes, const struct cp_attribute_rule *rules,
        const json_t *row, char *why, size_t why_len);

/* The default of a target group's attribute, which may depend on its protocol and its checks. */
const char *cp_group_fallback(const struct cp_target_group *group, const char *key);

#endif
