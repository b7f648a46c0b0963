/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The model as a whole: made, loaded row by row, freed.
 */
#include "change.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

void *cp_alloc(size_t size)
{
	void *memory = calloc(1, size);

	if (memory == NULL)
		abort();
	return memory;
}

int cp_refuse(char *why, size_t why_len, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, why_len, format, args);
	va_end(args);
	return -EINVAL;
}

struct cp_model *cp_model_create(const char *cluster, const struct cp_model_limits *limits)
{
	struct cp_model *model = cp_alloc(sizeof(*model));

	if (cluster == NULL || cluster[0] == '\0')
		cluster = CP_DEFAULT_CLUSTER;
	snprintf(model->cluster, sizeof(model->cluster), "%s", cluster);
	model->max_slots = limits->max_targets < LB_MAX_TARGET_SLOTS ? limits->max_targets
	                                                             : LB_MAX_TARGET_SLOTS;
	model->max_listener_slots =
	        limits->max_listeners < LB_MAX_LISTENERS ? limits->max_listeners : LB_MAX_LISTENERS;
	model->listener_slots =
	        cp_alloc((model->max_listener_slots / 32 + 1) * sizeof(*model->listener_slots));
	model->journal_tail = &model->journal;
	return model;
}

static void free_subnets(struct cp_model *model)
{
	struct cp_subnet *subnet, *next;

	HASH_ITER(hh, model->subnets, subnet, next)
	{
		HASH_DEL(model->subnets, subnet);
		free(subnet->addresses);
		free(subnet);
	}
}

static void free_vips(struct cp_model *model)
{
	struct cp_vip *vip, *next;

	HASH_ITER(hh, model->vips, vip, next)
	{
		HASH_DEL(model->vips, vip);
		free(vip);
	}
}

void cp_model_free(struct cp_model *model)
{
	struct cp_load_balancer *lb, *next_lb;
	struct cp_target_group *group, *next_group;

	if (model == NULL)
		return;
	HASH_ITER(hh, model->lbs, lb, next_lb)
	cp_lb_free(model, lb);
	HASH_ITER(hh, model->groups, group, next_group)
	cp_group_free(model, group);
	free_vips(model);
	free_subnets(model);
	cp_journal_free(cp_model_take_journal(model));
	free(model->slot_owner);
	free(model->slot_epoch);
	free(model->listener_slots);
	free(model);
}

int cp_model_load_row(struct cp_model *model, enum cp_kind kind, const char *id, const json_t *row,
        char *why, size_t why_len)
{
	if (!json_is_object(row))
		return cp_refuse(why, why_len, "row \"%.200s\" is no JSON object", id);
	switch (kind) {
	case CP_KIND_LB:
		return cp_lb_load(model, id, row, why, why_len);
	case CP_KIND_TG:
		return cp_group_load(model, id, row, why, why_len);
	case CP_KIND_TARGET:
		return cp_target_load(model, id, row, why, why_len);
	case CP_KIND_LISTENER:
		return cp_listener_load(model, id, row, why, why_len);
	case CP_KIND_META:
		return cp_meta_load(model, id, row, why, why_len);
	}
	return cp_refuse(why, why_len, "row \"%.200s\" is of unknown kind %d", id, (int)kind);
}
