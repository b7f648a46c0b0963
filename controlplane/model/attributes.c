/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The attribute keys that work, with their ranges and defaults (ELBv2's, or our own with the prefix
 * "anabranch.").
 */
#include "attributes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "change.h"

static const char *const BOOL[] = {"true", "false", NULL};
static const char *const ONLY_TRUE[] = {"true", NULL};
static const char *const ONLY_FALSE[] = {"false", NULL};
static const char *const SOURCE_IP[] = {"source_ip", NULL};
static const char *const CROSS_ZONE[] = {"true", "false", "use_load_balancer_configuration", NULL};

const struct cp_attribute_rule cp_lb_rules[] = {
        {"deletion_protection.enabled", "false", BOOL, 0, 0},
        {"load_balancing.cross_zone.enabled", "false", BOOL, 0, 0},
        {NULL, NULL, NULL, 0, 0},
};

const struct cp_attribute_rule cp_group_rules[] = {
        {"deregistration_delay.timeout_seconds", "300", NULL, 0, 3600},
        {"deregistration_delay.connection_termination.enabled", NULL, BOOL, 0, 0},
        {"preserve_client_ip.enabled", "true", ONLY_TRUE, 0, 0},
        {"proxy_protocol_v2.enabled", "false", ONLY_FALSE, 0, 0},
        {"stickiness.enabled", "false", BOOL, 0, 0},
        {"stickiness.type", "source_ip", SOURCE_IP, 0, 0},
        {"load_balancing.cross_zone.enabled", "use_load_balancer_configuration", CROSS_ZONE, 0, 0},
        {"target_health_state.unhealthy.connection_termination.enabled", "false", ONLY_FALSE, 0, 0},
        {"anabranch.health_check.interval_ms", NULL, NULL, 100, 300000},
        {NULL, NULL, NULL, 0, 0},
};

const struct cp_attribute_rule cp_listener_rules[] = {
        {"tcp.idle_timeout.seconds", "350", NULL, 60, 6000},
        {NULL, NULL, NULL, 0, 0},
};

const struct cp_attribute_rule *cp_attribute_rule(
        const struct cp_attribute_rule *rules, const char *key)
{
	for (; rules->key != NULL; rules++)
		if (strcmp(rules->key, key) == 0)
			return rules;
	return NULL;
}

static bool word_valid(
        const struct cp_attribute_rule *rule, const char *value, char *why, size_t why_len)
{
	size_t at;

	for (const char *const *word = rule->words; *word != NULL; word++)
		if (strcmp(*word, value) == 0)
			return true;
	at = (size_t)snprintf(
	        why, why_len, "attribute '%s' can't be '%.40s' here; right:", rule->key, value);
	for (const char *const *word = rule->words; *word != NULL && at < why_len; word++)
		at += (size_t)snprintf(why + at, why_len - at, " %s", *word);
	return false;
}

bool cp_attribute_valid(
        const struct cp_attribute_rule *rule, const char *value, char *why, size_t why_len)
{
	char again[24];
	long number;

	if (rule->words != NULL)
		return word_valid(rule, value, why, why_len);
	number = strtol(value, NULL, 10);
	snprintf(again, sizeof(again), "%ld", number);
	if (strcmp(again, value) == 0 && number >= rule->min && number <= rule->max)
		return true;
	snprintf(why, why_len, "attribute '%s' can't be '%.40s'; right: a number from %ld to %ld",
	        rule->key, value, rule->min, rule->max);
	return false;
}

const char *cp_attribute_held(const struct cp_attribute *attributes, const char *key)
{
	const struct cp_attribute *attribute;

	HASH_FIND_STR(attributes, key, attribute);
	return attribute ? attribute->value : NULL;
}

static char *copy(const char *text)
{
	char *memory = cp_alloc(strlen(text) + 1);

	return strcpy(memory, text);
}

static void forget(struct cp_attribute **attributes, struct cp_attribute *attribute)
{
	HASH_DEL(*attributes, attribute);
	free(attribute->key);
	free(attribute->value);
	free(attribute);
}

bool cp_attribute_set(
        struct cp_attribute **attributes, const char *key, const char *value, const char *fallback)
{
	struct cp_attribute *attribute;

	HASH_FIND_STR(*attributes, key, attribute);
	if (strcmp(value, attribute ? attribute->value : fallback) == 0)
		return false;
	if (attribute != NULL)
		forget(attributes, attribute);
	if (strcmp(value, fallback) == 0)
		return true;
	attribute = cp_alloc(sizeof(*attribute));
	attribute->key = copy(key);
	attribute->value = copy(value);
	HASH_ADD_KEYPTR(hh, *attributes, attribute->key, strlen(attribute->key), attribute);
	return true;
}

bool cp_attribute_forget(struct cp_attribute **attributes, const char *key)
{
	struct cp_attribute *attribute;

	HASH_FIND_STR(*attributes, key, attribute);
	if (attribute != NULL)
		forget(attributes, attribute);
	return attribute != NULL;
}

void cp_attributes_free(struct cp_attribute **attributes)
{
	struct cp_attribute *attribute, *next;

	HASH_ITER(hh, *attributes, attribute, next)
	forget(attributes, attribute);
}

json_t *cp_attributes_row(const struct cp_attribute *attributes)
{
	json_t *row = json_object();

	for (const struct cp_attribute *at = attributes; at != NULL; at = at->hh.next)
		json_object_set_new(row, at->key, json_string(at->value));
	return row;
}

int cp_attributes_load(struct cp_attribute **attributes, const struct cp_attribute_rule *rules,
        const json_t *row, char *why, size_t why_len)
{
	const char *key;
	json_t *value;

	if (!json_is_object(row))
		return cp_refuse(why, why_len, "'attributes' must be an object");
	json_object_foreach ((json_t *)row, key, value) {
		const struct cp_attribute_rule *rule = cp_attribute_rule(rules, key);

		if (rule == NULL || !json_is_string(value))
			return cp_refuse(why, why_len, "attribute '%.80s' is not known", key);
		if (!cp_attribute_valid(rule, json_string_value(value), why, why_len))
			return -EINVAL;
		cp_attribute_set(attributes, key, json_string_value(value), "");
	}
	return 0;
}

const char *cp_group_fallback(const struct cp_target_group *group, const char *key)
{
	if (strcmp(key, "deregistration_delay.connection_termination.enabled") == 0)
		return group->protocol == CP_TCP ? "false" : "true";
	if (strcmp(key, "anabranch.health_check.interval_ms") == 0)
		return group->interval_text;
	return cp_attribute_rule(cp_group_rules, key)->fallback;
}

const char *cp_lb_attribute(const struct cp_load_balancer *lb, const char *key)
{
	const char *held = cp_attribute_held(lb->attributes, key);

	return held ? held : cp_attribute_rule(cp_lb_rules, key)->fallback;
}

const char *cp_group_attribute(const struct cp_target_group *group, const char *key)
{
	const char *held = cp_attribute_held(group->attributes, key);

	return held ? held : cp_group_fallback(group, key);
}

const char *cp_listener_attribute(const struct cp_listener *listener, const char *key)
{
	const char *held = cp_attribute_held(listener->attributes, key);

	return held ? held : cp_attribute_rule(cp_listener_rules, key)->fallback;
}
