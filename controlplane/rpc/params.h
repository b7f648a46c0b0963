/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Strict reading of parameters: a table for each method says what it takes, and everything else is
 * refused with the name of the parameter and what would be right.
 */
#ifndef CP_RPC_PARAMS_H
#define CP_RPC_PARAMS_H

#include "model/attributes.h"
#include "rpc.h"

#define CP_MAX_LISTED     400 /* names or ARNs in one request */
#define CP_MAX_ATTRIBUTES 20  /* in one request */

enum cp_param_type {
	CP_PARAM_TEXT,        /* 'min' to 'max' bytes of printable text */
	CP_PARAM_NUMBER,      /* an integer from 'min' to 'max' */
	CP_PARAM_BOOLEAN,     /* true or false */
	CP_PARAM_LIST,        /* 'min' to 'max' elements of any kind */
	CP_PARAM_TEXTS,       /* the same, and each element is a string */
	CP_PARAM_OBJECT,      /* the caller looks into it */
	CP_PARAM_UNSUPPORTED, /* ELBv2 has it, this program does not */
};

struct cp_param {
	const char *name; /* NULL: the table's end */
	enum cp_param_type type;
	bool required;
	json_int_t min, max;
};

/* Checks 'params' (NULL: none) against 'table'. 'where' begins every message: the method, or
 * "Targets[2]". 0 or what cp_fail() returns. */
int cp_params_check(const json_t *params, const char *where, const struct cp_param *table,
        struct cp_error *error);

/* Values of checked parameters, borrowed; 'fallback' where absent. */
const char *cp_param_text(const json_t *params, const char *name, const char *fallback);
json_int_t cp_param_number(const json_t *params, const char *name, json_int_t fallback);

/* The one of two lists that is there, NULL for none; both at once are refused. */
int cp_param_one_list(const json_t *params, const char *one, const char *other, const json_t **list,
        struct cp_error *error);

/* Whether a list of names and ARNs has one of an object's; true where there is no list. 'name'
 * NULL: it has none. */
bool cp_param_listed(const json_t *list, const char *arn, const char *name);

/* The objects that an ARN or a name means, or NULL with the error filled in. */
struct cp_load_balancer *cp_param_lb(
        const struct cp_model *model, const char *arn_or_name, struct cp_error *error);
struct cp_target_group *cp_param_group(
        const struct cp_model *model, const char *arn_or_name, struct cp_error *error);
struct cp_listener *cp_param_listener(
        const struct cp_model *model, const char *arn, struct cp_error *error);

/* Letters, digits and hyphens, 32 at most, none at the ends. */
int cp_param_name(const char *name, struct cp_error *error);
int cp_param_protocol(const char *text, enum cp_protocol *protocol, struct cp_error *error);

/* Attributes: [{"Key", "Value"}], each in 'rules' and right, none twice. */
int cp_attributes_check(
        const json_t *list, const struct cp_attribute_rule *rules, struct cp_error *error);
json_t *cp_attribute_describe(const char *key, const char *value);

/* "2026-11-21T07:03:56.123000+00:00", as a new reference */
json_t *cp_time_json(uint64_t time_ms);

#endif
