/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A change's way from request to reply. It is tried on 'working' at once, so that the next change
 * is validated against it before it is durable.
 */
#include "apply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#include "log.h"

/* Whoever may not change anything must not be able to fill the disk, nor to wash real rows out of
 * the audit trail: of refusals by right so many rows a minute are written, without long parameters.
 */
#define DENIALS_A_MINUTE  60
#define DENIED_PARAMS_MAX 1024

struct cp_apply {
	struct cp_store *store;
	struct cp_model *live;
	struct cp_model *working; /* owned; NULL: could not be made anew, tried again */
	uint64_t incarnation;     /* counts how often 'working' was made */
	struct cp_publisher *publisher;
	struct cp_apply_hooks hooks;
	bool live_changed; /* since 'on_live' was called */
	bool diverged;     /* 'live' is not what the file says: see change_commit() */
	struct change *waiting;
	struct cp_apply_status status;
	uint64_t denials_minute; /* Unix time in minutes */
	uint32_t nb_denials;     /* in that minute */
};

/* One change under way. Owned by the apply's list until it is answered. */
struct change {
	struct cp_apply *apply;
	char *method;
	cp_change_fn run; /* NULL: an audit row alone, already answered */
	json_t *params;
	json_t *result; /* of the run on 'live' */
	struct cp_change_context context;
	uint64_t incarnation; /* of the 'working' that it was validated on */
	cp_reply_fn reply;
	void *arg;
	struct change *prev, *next;
};

static uint64_t wall_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void change_free(struct change *change)
{
	struct cp_apply *apply = change->apply;

	DL_DELETE(apply->waiting, change);
	apply->status.waiting--;
	json_decref(change->params);
	json_decref(change->result);
	free(change->method);
	free(change);
}

static void change_answer(struct change *change, const json_t *result, const struct cp_error *error)
{
	change->reply(change->arg, result, error);
	change_free(change);
}

static struct change *change_create(struct cp_apply *apply, const char *method, cp_change_fn run,
        json_t *params, cp_reply_fn reply, void *arg)
{
	struct change *change = calloc(1, sizeof(*change));

	if (!change)
		return NULL;
	change->method = strdup(method);
	if (!change->method) {
		free(change);
		return NULL;
	}
	change->apply = apply;
	change->run = run;
	change->params = json_incref(params);
	change->context.now_ms = wall_clock_ms();
	change->incarnation = apply->incarnation;
	change->reply = reply;
	change->arg = arg;
	DL_APPEND(apply->waiting, change);
	apply->status.waiting++;
	return change;
}

static int working_make(struct cp_apply *apply, char *why, size_t why_len)
{
	struct cp_model *model = apply->hooks.empty_model(apply->hooks.arg);
	int rc;

	if (!model) {
		snprintf(why, why_len, "out of memory");
		return -ENOMEM;
	}
	rc = cp_store_load(apply->store, model, why, why_len);
	if (rc < 0) {
		cp_model_free(model);
		return rc;
	}
	if (apply->working)
		cp_model_free(apply->working);
	apply->working = model;
	cp_apply_follow_slots(apply);
	return 0;
}

static void group_follow_slots(struct cp_model *working, const struct cp_target_group *live)
{
	struct cp_target_group *group;
	struct cp_target *target;

	HASH_FIND_STR(working->groups, live->name, group);
	if (!group)
		return;
	for (const struct cp_target *at = live->targets; at; at = at->hh.next) {
		HASH_FIND_STR(group->targets, at->key, target);
		/* The slot is one that 'live' has: it is within the limits of both. */
		if (target && (target->slot != at->slot || target->epoch != at->epoch))
			(void)cp_target_adopt_slot(working, target, at->slot, at->epoch);
	}
}

void cp_apply_follow_slots(struct cp_apply *apply)
{
	if (!apply->working)
		return;
	for (const struct cp_target_group *group = apply->live->groups; group;
	        group = group->hh.next)
		group_follow_slots(apply->working, group);
}

/* What was not stored must not be seen by the validation of later changes. The file holds what
 * 'live' does: nothing is under way when this is called, or it has failed too. */
static void working_renew(struct cp_apply *apply)
{
	char why[256];

	apply->incarnation++;
	if (working_make(apply, why, sizeof(why)) == 0)
		return;
	cp_log(CP_LOG_ERROR, "cannot read the configuration back: %s", why);
	if (apply->working)
		cp_model_free(apply->working);
	apply->working = NULL;
}

static void on_published(void *arg, bool pending)
{
	struct change *change = arg;

	if (pending && json_is_object(change->result))
		json_object_set_new(change->result, "anabranch.Pending", json_true());
	change_answer(change, change->result, NULL);
}

/* Without a dataplane nobody can acknowledge: the reply need not wait for that. */
static bool workers_attached(const struct cp_apply *apply)
{
	struct cp_publisher_status status;

	if (!apply->publisher)
		return false;
	cp_publisher_status(apply->publisher, &status);
	return status.attached;
}

/* Runs a durable change on 'live'. It was validated on the same state; if it fails all the same,
 * then 'live' is not what the file says, and only a restart makes it so. */
static void change_commit(struct change *change)
{
	struct cp_apply *apply = change->apply;
	struct cp_error error = {0};

	if (change->run(apply->live, &change->context, change->params, &change->result, &error) <
	        0) {
		apply->diverged = true;
		snprintf(apply->status.problem, sizeof(apply->status.problem),
		        "%s is stored but could not be put to use: restart anabranchd (%.160s)",
		        change->method, error.message);
		cp_log(CP_LOG_ERROR, "%s", apply->status.problem);
		cp_fail(&error, "InternalFailure", "%s", apply->status.problem);
		change_answer(change, NULL, &error);
		return;
	}
	cp_journal_free(cp_model_take_journal(apply->live));
	apply->live_changed = true;
	apply->status.changes++;
	if (workers_attached(apply)) {
		cp_publish(apply->publisher, false, on_published, change);
		return;
	}
	if (apply->publisher)
		cp_publish(apply->publisher, false, NULL, NULL);
	on_published(change, true);
}

static void change_lost(struct change *change, const char *why)
{
	struct cp_apply *apply = change->apply;
	struct cp_error error = {0};

	apply->status.failed++;
	if (!apply->diverged)
		snprintf(apply->status.problem, sizeof(apply->status.problem), "not stored: %s",
		        why);
	cp_log(CP_LOG_ERROR, "%s was not stored: %s", change->method, why);
	if (change->incarnation == apply->incarnation)
		working_renew(apply);
	if (!change->run) {
		change_free(change);
		return;
	}
	cp_fail(&error, "InternalFailure", "%s was not stored, and nothing has changed: %s",
	        change->method, why);
	change_answer(change, NULL, &error);
}

static void on_stored(void *arg, int status, const char *why)
{
	struct change *change = arg;

	if (status < 0) {
		change_lost(change, why);
		return;
	}
	if (!change->apply->diverged)
		change->apply->status.problem[0] = '\0';
	if (change->run)
		change_commit(change);
	else
		change_free(change);
}

static void on_delivered(void *arg)
{
	struct cp_apply *apply = arg;

	if (!apply->live_changed)
		return;
	apply->live_changed = false;
	apply->hooks.on_live(apply->hooks.arg);
}

static char *params_text(const json_t *params)
{
	char *text = json_dumps(params, JSON_COMPACT | JSON_ENCODE_ANY);

	return text ? text : strdup("");
}

static void change_store(struct change *change, struct cp_journal_entry *journal,
        const struct cp_caller *caller, const char *result)
{
	struct cp_apply *apply = change->apply;
	struct cp_audit audit = {.time_ms = change->context.now_ms,
	        .uid = caller->uid,
	        .pid = caller->pid,
	        .method = strdup(change->method),
	        .params = params_text(change->params),
	        .result = strdup(result)};

	cp_store_write(apply->store, journal, apply->working ? apply->working->revision : 0, &audit,
	        on_stored, change);
}

/* Answers at once; the audit row follows on its own. */
static void change_refuse(
        struct change *change, const struct cp_caller *caller, const struct cp_error *error)
{
	change->apply->status.refused++;
	change->run = NULL;
	change_store(change, NULL, caller, *error->code ? error->code : "InvalidParams");
	change->reply(change->arg, NULL, error);
}

void cp_apply_change(struct cp_apply *apply, const char *method, cp_change_fn run, json_t *params,
        const struct cp_caller *caller, cp_reply_fn reply, void *arg)
{
	struct change *change;
	struct cp_error error = {0};
	json_t *result = NULL;
	char why[256];

	if (!apply->working && working_make(apply, why, sizeof(why)) < 0) {
		cp_fail(&error, "InternalFailure", "the configuration cannot be read back: %s",
		        why);
		reply(arg, NULL, &error);
		return;
	}
	change = change_create(apply, method, run, params, reply, arg);
	if (!change) {
		cp_fail(&error, "InternalFailure", "out of memory");
		reply(arg, NULL, &error);
		return;
	}
	if (run(apply->working, &change->context, params, &result, &error) < 0) {
		change_refuse(change, caller, &error);
		return;
	}
	/* 'live' makes its own, with the state that readers see. */
	json_decref(result);
	change_store(change, cp_model_take_journal(apply->working), caller, "ok");
}

static bool denial_is_audited(struct cp_apply *apply)
{
	uint64_t minute = wall_clock_ms() / 60000;

	if (minute != apply->denials_minute)
		apply->nb_denials = 0;
	apply->denials_minute = minute;
	return apply->nb_denials++ < DENIALS_A_MINUTE;
}

void cp_apply_denied(
        struct cp_apply *apply, const char *method, json_t *params, const struct cp_caller *caller)
{
	struct change *change;

	apply->status.refused++;
	if (!denial_is_audited(apply))
		return;
	if (json_dumpb(params, NULL, 0, JSON_COMPACT) > DENIED_PARAMS_MAX)
		params = NULL;
	change = change_create(apply, method, NULL, params, NULL, NULL);
	if (change)
		change_store(change, NULL, caller, "AccessDenied");
}

struct cp_apply *cp_apply_create(struct cp_store *store, struct cp_model *live,
        struct cp_publisher *publisher, const struct cp_apply_hooks *hooks, char *why,
        size_t why_len)
{
	struct cp_apply *apply = calloc(1, sizeof(*apply));

	if (!apply) {
		snprintf(why, why_len, "out of memory");
		return NULL;
	}
	apply->store = store;
	apply->live = live;
	apply->publisher = publisher;
	apply->hooks = *hooks;
	if (working_make(apply, why, why_len) < 0) {
		free(apply);
		return NULL;
	}
	cp_store_on_delivered(store, on_delivered, apply);
	return apply;
}

void cp_apply_free(struct cp_apply *apply)
{
	struct change *change, *next;

	/* All of them are durable and on 'live': the store was closed. */
	DL_FOREACH_SAFE(apply->waiting, change, next)
	on_published(change, true);
	if (apply->working)
		cp_model_free(apply->working);
	free(apply);
}

void cp_apply_status(const struct cp_apply *apply, struct cp_apply_status *status)
{
	*status = apply->status;
}
