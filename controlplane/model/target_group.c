/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Target groups: what targets have in common, and how they are checked.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "attributes.h"
#include "change.h"
#include "matcher.h"

static const char *const PROBES[] = {"TCP", "HTTP", "HTTPS"};

const char *cp_probe_text(enum cp_probe probe)
{
	return PROBES[probe];
}

bool cp_probe_parse(const char *text, enum cp_probe *probe)
{
	for (int i = CP_PROBE_TCP; i <= CP_PROBE_HTTPS; i++) {
		if (strcmp(PROBES[i], text) == 0) {
			*probe = (enum cp_probe)i;
			return true;
		}
	}
	return false;
}

bool cp_path_valid(const char *path)
{
	if (path[0] != '/' || strlen(path) >= CP_PATH_LEN)
		return false;
	for (; *path != '\0'; path++)
		if (*path <= ' ' || *path > '~')
			return false;
	return true;
}

struct cp_target_group *cp_group_find(const struct cp_model *model, const char *arn_or_name)
{
	struct cp_target_group *group;

	HASH_FIND_STR(model->groups, arn_or_name, group);
	if (group == NULL)
		HASH_FIND(hh_arn, model->groups_by_arn, arn_or_name, strlen(arn_or_name), group);
	return group;
}

static json_t *group_row(const struct cp_target_group *group)
{
	const struct cp_health_settings *check = &group->check;

	return json_pack(
	        "{s:s, s:s, s:s, s:i, s:b, s:I, s:s, s:i, s:s, s:i, s:i, s:i, s:i, s:s, s:o}",
	        "name", group->name, "vpc", group->vpc_id, "protocol",
	        cp_protocol_text(group->protocol), "port", group->port, "v6", group->is_v6,
	        "created_ms", (json_int_t)group->created_ms, "probe", PROBES[check->probe],
	        "check_port", check->port, "path", check->path, "interval_s", check->interval_s,
	        "timeout_s", check->timeout_s, "healthy", check->healthy_threshold, "unhealthy",
	        check->unhealthy_threshold, "matcher", check->matcher, "attributes",
	        cp_attributes_row(group->attributes));
}

/* What follows from settings and attributes together. */
static void settle(struct cp_target_group *group)
{
	struct cp_health_settings *check = &group->check;
	const char *interval;

	snprintf(group->interval_text, sizeof(group->interval_text), "%u",
	        check->interval_s * 1000u);
	interval = cp_group_attribute(group, "anabranch.health_check.interval_ms");
	check->interval_ms = (uint32_t)strtoul(interval, NULL, 10);
	check->timeout_ms = check->timeout_s * 1000u;
	if (check->timeout_ms > check->interval_ms)
		check->timeout_ms = check->interval_ms;
	check->enabled = true;
}

void cp_group_changed(struct cp_model *model, struct cp_target_group *group)
{
	settle(group);
	cp_journal_add(model, CP_KIND_TG, group->arn, group_row(group));
}

static void link_group(struct cp_model *model, struct cp_target_group *group)
{
	HASH_ADD_STR(model->groups, name, group);
	HASH_ADD(hh_arn, model->groups_by_arn, arn, strlen(group->arn), group);
}

struct cp_target_group *cp_group_add(struct cp_model *model, const struct cp_target_group *spec)
{
	struct cp_target_group *group = cp_alloc(sizeof(*group));

	*group = *spec;
	cp_arn_group(model, group);
	link_group(model, group);
	cp_group_changed(model, group);
	return group;
}

void cp_group_free(struct cp_model *model, struct cp_target_group *group)
{
	struct cp_target *target, *next;

	HASH_ITER(hh, group->targets, target, next)
	{
		HASH_DEL(group->targets, target);
		free(target);
	}
	HASH_DEL(model->groups, group);
	HASH_DELETE(hh_arn, model->groups_by_arn, group);
	cp_attributes_free(&group->attributes);
	free(group);
}

void cp_group_remove(struct cp_model *model, struct cp_target_group *group)
{
	struct cp_target *target, *next;

	HASH_ITER(hh, group->targets, target, next)
	cp_target_remove(model, target);
	cp_journal_add(model, CP_KIND_TG, group->arn, NULL);
	model->incarnation++;
	cp_group_free(model, group);
}

static bool in(json_int_t value, json_int_t min, json_int_t max)
{
	return value >= min && value <= max;
}

static int group_read(
        struct cp_target_group *group, const char *arn, const json_t *row, char *why, size_t len)
{
	const char *name, *vpc, *protocol, *probe, *path, *matcher;
	json_int_t port, created, check_port, interval, timeout, healthy, unhealthy;
	struct cp_health_settings *check = &group->check;
	json_t *attributes;
	int v6;
	char tail[80];

	if (json_unpack((json_t *)row,
	            "{s:s, s:s, s:s, s:I, s:b, s:I, s:s, s:I, s:s, s:I, s:I, s:I, s:I, s:s, s:o}",
	            "name", &name, "vpc", &vpc, "protocol", &protocol, "port", &port, "v6", &v6,
	            "created_ms", &created, "probe", &probe, "check_port", &check_port, "path",
	            &path, "interval_s", &interval, "timeout_s", &timeout, "healthy", &healthy,
	            "unhealthy", &unhealthy, "matcher", &matcher, "attributes", &attributes) != 0)
		return cp_refuse(why, len, "target group row '%.200s' is damaged", arn);
	snprintf(tail, sizeof(tail), "targetgroup/%.40s", name);
	if (!cp_name_valid(name) || !cp_arn_read(arn, tail, &group->id) ||
	        !cp_protocol_parse(protocol, &group->protocol) ||
	        !cp_probe_parse(probe, &check->probe) || !in(port, 1, 65535) ||
	        !in(check_port, 0, 65535) || !in(interval, 5, 300) || !in(timeout, 2, 120) ||
	        !in(healthy, 2, 10) || !in(unhealthy, 2, 10) || !cp_path_valid(path) ||
	        !cp_matcher_valid(matcher) || strlen(matcher) >= sizeof(check->matcher) ||
	        strlen(vpc) >= sizeof(group->vpc_id))
		return cp_refuse(
		        why, len, "target group row '%.200s' has values out of range", arn);
	snprintf(group->name, sizeof(group->name), "%s", name);
	snprintf(group->arn, sizeof(group->arn), "%s", arn);
	snprintf(group->vpc_id, sizeof(group->vpc_id), "%s", vpc);
	snprintf(check->path, sizeof(check->path), "%s", path);
	snprintf(check->matcher, sizeof(check->matcher), "%s", matcher);
	group->port = (uint16_t)port;
	group->is_v6 = v6;
	group->created_ms = (uint64_t)created;
	check->port = (uint16_t)check_port;
	check->interval_s = (uint16_t)interval;
	check->timeout_s = (uint16_t)timeout;
	check->healthy_threshold = (uint8_t)healthy;
	check->unhealthy_threshold = (uint8_t)unhealthy;
	return cp_attributes_load(&group->attributes, cp_group_rules, attributes, why, len);
}

int cp_group_load(struct cp_model *model, const char *arn, const json_t *row, char *why, size_t len)
{
	struct cp_target_group *group = cp_alloc(sizeof(*group));
	int rc = group_read(group, arn, row, why, len);

	if (rc == 0 && cp_group_find(model, group->name) != NULL)
		rc = cp_refuse(why, len, "target group '%s' is there twice", group->name);
	if (rc != 0) {
		cp_attributes_free(&group->attributes);
		free(group);
		return rc;
	}
	settle(group);
	link_group(model, group);
	return 0;
}
