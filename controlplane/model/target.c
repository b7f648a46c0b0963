/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Targets: registered, draining, gone. Their states as the world sees them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "change.h"

static const struct {
	const char *code, *text;
} REASONS[] = {
        [CP_REASON_NONE] = {"", ""},
        [CP_REASON_REGISTRATION_IN_PROGRESS] = {"Elb.RegistrationInProgress",
                "Target registration is in progress"},
        [CP_REASON_INITIAL_HEALTH_CHECKING] = {"Elb.InitialHealthChecking",
                "Initial health checks in progress"},
        [CP_REASON_RESPONSE_CODE_MISMATCH] = {"Target.ResponseCodeMismatch",
                "Health checks failed"},
        [CP_REASON_TIMEOUT] = {"Target.Timeout", "Request timed out"},
        [CP_REASON_FAILED_HEALTH_CHECKS] = {"Target.FailedHealthChecks", "Health checks failed"},
        [CP_REASON_NOT_REGISTERED] = {"Target.NotRegistered",
                "Target is not registered to the target group"},
        [CP_REASON_NOT_IN_USE] = {"Target.NotInUse",
                "Target group is not configured to receive traffic from the load balancer"},
        [CP_REASON_DEREGISTRATION_IN_PROGRESS] = {"Target.DeregistrationInProgress",
                "Target deregistration is in progress"},
        [CP_REASON_INVALID_STATE] = {"Target.InvalidState", "Target is in an invalid state"},
        [CP_REASON_IP_UNUSABLE] = {"Target.IpUnusable", "Target's address can't be used"},
        [CP_REASON_INTERNAL_ERROR] = {"Elb.InternalError", "Internal error"},
};

const char *cp_reason_code(enum cp_reason reason)
{
	return REASONS[reason].code;
}

const char *cp_reason_text(enum cp_reason reason)
{
	return REASONS[reason].text;
}

const char *cp_target_state_text(enum lb_target_state state)
{
	static const char *const texts[] = {
	        [LB_TARGET_FREE] = "unused",
	        [LB_TARGET_INITIAL] = "initial",
	        [LB_TARGET_HEALTHY] = "healthy",
	        [LB_TARGET_UNHEALTHY] = "unhealthy",
	        [LB_TARGET_DRAINING] = "draining",
	        [LB_TARGET_UNUSED] = "unused",
	        [LB_TARGET_UNAVAILABLE] = "unavailable",
	};

	return texts[state];
}

/* Whether any address of the group's load balancer sends flows to the target. */
static bool in_use(const struct cp_target *target)
{
	const struct cp_load_balancer *lb = target->group->lb;

	if (lb == NULL)
		return false;
	if (target->zone == CP_ZONE_ALL || cp_group_cross_zone(target->group))
		return true;
	for (size_t i = 0; i < lb->nb_zones; i++)
		if (lb->zones[i].zone == target->zone)
			return true;
	return false;
}

void cp_target_shown_state(
        const struct cp_target *target, enum lb_target_state *state, enum cp_reason *reason)
{
	if (target->draining) {
		*state = LB_TARGET_DRAINING;
		*reason = CP_REASON_DEREGISTRATION_IN_PROGRESS;
	} else if (!in_use(target)) {
		*state = LB_TARGET_UNUSED;
		*reason = CP_REASON_NOT_IN_USE;
	} else {
		*state = target->health.state;
		*reason = target->health.reason;
	}
}

struct cp_target *cp_target_find(const struct cp_target_group *group, const char *key)
{
	struct cp_target *target;

	HASH_FIND_STR(group->targets, key, target);
	return target;
}

static void row_id(const struct cp_target *target, char *id, size_t len)
{
	snprintf(id, len, "%s %s", target->group->arn, target->key);
}

static json_t *target_row(const struct cp_target *target)
{
	return json_pack("{s:s, s:i, s:I, s:I, s:b, s:I, s:I}", "zone", target->zone_name, "weight",
	        target->weight, "slot", (json_int_t)target->slot, "epoch",
	        (json_int_t)target->epoch, "draining", target->draining, "drain_from_ms",
	        (json_int_t)target->drain_from_ms, "drain_deadline_ms",
	        (json_int_t)target->drain_deadline_ms);
}

static void target_changed(struct cp_model *model, struct cp_target *target)
{
	char id[CP_ARN_LEN + 72];

	row_id(target, id, sizeof(id));
	cp_journal_add(model, CP_KIND_TARGET, id, target_row(target));
}

static void begin_health(struct cp_target *target, uint64_t now_ms)
{
	memset(&target->health, 0, sizeof(target->health));
	target->health.state = LB_TARGET_INITIAL;
	target->health.reason = CP_REASON_REGISTRATION_IN_PROGRESS;
	target->health.changed_ms = now_ms;
}

static struct cp_target *target_new(struct cp_target_group *group, const struct cp_target *spec)
{
	struct cp_target *target = cp_alloc(sizeof(*target));

	*target = *spec;
	target->group = group;
	cp_target_key(&target->ip, target->port, target->key, sizeof(target->key));
	target->identity = cp_target_identity(target);
	return target;
}

static void link_target(struct cp_target *target)
{
	struct cp_target_group *group = target->group;

	HASH_ADD_STR(group->targets, key, target);
	group->nb_registered += !target->draining;
}

static bool same_place(const struct cp_target *target, const struct cp_target *spec)
{
	return target->weight == spec->weight && target->zone == spec->zone &&
	       strcmp(target->zone_name, spec->zone_name) == 0;
}

bool cp_target_register(struct cp_model *model, struct cp_target_group *group,
        const struct cp_target *spec, uint64_t now_ms)
{
	char key[sizeof(spec->key)];
	struct cp_target *target;

	cp_target_key(&spec->ip, spec->port, key, sizeof(key));
	target = cp_target_find(group, key);
	if (target != NULL && !target->draining && same_place(target, spec))
		return false;
	if (target == NULL) {
		target = target_new(group, spec);
		cp_slot_take(model, target);
		begin_health(target, now_ms);
		link_target(target);
	} else if (target->draining) {
		target->draining = false;
		target->drain_from_ms = target->drain_deadline_ms = 0;
		group->nb_registered++;
		begin_health(target, now_ms);
	}
	target->weight = spec->weight;
	target->zone = spec->zone;
	snprintf(target->zone_name, sizeof(target->zone_name), "%s", spec->zone_name);
	target_changed(model, target);
	return true;
}

void cp_target_drain(struct cp_model *model, struct cp_target *target, uint64_t now_ms)
{
	const char *delay =
	        cp_group_attribute(target->group, "deregistration_delay.timeout_seconds");

	target->draining = true;
	target->drain_from_ms = now_ms;
	target->drain_deadline_ms = now_ms + strtoull(delay, NULL, 10) * 1000;
	target->group->nb_registered--;
	target_changed(model, target);
}

void cp_target_remove(struct cp_model *model, struct cp_target *target)
{
	char id[CP_ARN_LEN + 72];

	row_id(target, id, sizeof(id));
	cp_journal_add(model, CP_KIND_TARGET, id, NULL);
	cp_slot_release(model, target);
	target->group->nb_registered -= !target->draining;
	HASH_DEL(target->group->targets, target);
	free(target);
}

static int read_id(
        const struct cp_model *model, const char *id, struct cp_target *spec, char *why, size_t len)
{
	const char *space = strchr(id, ' ');
	char arn[CP_ARN_LEN];

	if (space == NULL || (size_t)(space - id) >= sizeof(arn))
		return cp_refuse(why, len, "target row '%.200s' has no target group", id);
	memcpy(arn, id, (size_t)(space - id));
	arn[space - id] = '\0';
	spec->group = cp_group_find(model, arn);
	if (spec->group == NULL || cp_target_parse(space + 1, &spec->ip, &spec->port) != 0)
		return cp_refuse(why, len, "target row '%.250s' fits to no target group", id);
	cp_target_key(&spec->ip, spec->port, spec->key, sizeof(spec->key));
	if (strcmp(spec->key, space + 1) != 0 || !cp_ip_is_host(&spec->ip) ||
	        lb_ip_is_v4(&spec->ip) == spec->group->is_v6 ||
	        cp_target_find(spec->group, spec->key) != NULL)
		return cp_refuse(why, len, "target row '%.250s' fits to no target group", id);
	return 0;
}

/* A zone that the configuration file no longer has leaves the target to all zones. */
static void read_zone(const struct cp_model *model, const char *name, struct cp_target *spec)
{
	int zone = cp_zone_find(model, name);

	snprintf(spec->zone_name, sizeof(spec->zone_name), "%s", name);
	spec->zone = zone >= 0 ? (uint16_t)zone : CP_ZONE_ALL;
}

int cp_target_load(struct cp_model *model, const char *id, const json_t *row, char *why, size_t len)
{
	json_int_t weight, slot, epoch, from, deadline;
	struct cp_target spec = {0}, *target;
	const char *zone;
	int draining, rc = read_id(model, id, &spec, why, len);

	if (rc != 0)
		return rc;
	if (json_unpack((json_t *)row, "{s:s, s:I, s:I, s:I, s:b, s:I, s:I}", "zone", &zone,
	            "weight", &weight, "slot", &slot, "epoch", &epoch, "draining", &draining,
	            "drain_from_ms", &from, "drain_deadline_ms", &deadline) != 0 ||
	        strlen(zone) >= sizeof(spec.zone_name) || weight < 0 || weight > 999 || slot < 0 ||
	        slot > UINT32_MAX || epoch < 1 || epoch > UINT32_MAX || from < 0 || deadline < 0)
		return cp_refuse(why, len, "target row '%.250s' has values out of range", id);
	read_zone(model, zone, &spec);
	spec.weight = (uint16_t)weight;
	spec.slot = (uint32_t)slot;
	spec.epoch = (uint32_t)epoch;
	spec.draining = draining;
	spec.drain_from_ms = (uint64_t)from;
	spec.drain_deadline_ms = (uint64_t)deadline;
	target = target_new(spec.group, &spec);
	begin_health(target, 0);
	if (!cp_slot_restore(model, target)) {
		free(target);
		return cp_refuse(why, len,
		        "target row '%.250s': slot %u is another target's, or beyond the %u that "
		        "the "
		        "instance has",
		        id, spec.slot, model->max_slots);
	}
	link_target(target);
	return 0;
}
