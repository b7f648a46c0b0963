/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Names, and what stands for objects everywhere outside the model: ids and ARNs. An id is a hash of
 * (cluster, kind, name, incarnation), so that nodes with the same configuration name the same
 * things alike.
 */
#include "change.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

bool cp_name_valid(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len >= CP_NAME_LEN || name[0] == '-' || name[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isascii(name[i]) || (!isalnum((unsigned char)name[i]) && name[i] != '-'))
			return false;
	return true;
}

/* FNV-1a, 64 bits. */
static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
	return hash_bytes(hash, text, strlen(text) + 1);
}

static uint64_t hash_number(uint64_t hash, uint64_t number)
{
	uint8_t bytes[8]; /* least significant first, on every machine */

	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(number >> 8 * i);
	return hash_bytes(hash, bytes, sizeof(bytes));
}

/* 'salt' tells apart what has the same name at the same time: a listener that was moved to another
 * port, and the one that took its place. */
static uint64_t object_id(
        const struct cp_model *model, const char *kind, const char *name, uint64_t salt)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	hash = hash_text(hash, model->cluster);
	hash = hash_text(hash, kind);
	hash = hash_text(hash, name);
	hash = hash_number(hash, model->incarnation);
	return lb_mix(hash_number(hash, salt));
}

static void arn_write(const struct cp_model *model, const char *path, uint64_t id, char *arn)
{
	/* The longest path is a listener's, 62 characters. */
	snprintf(arn, CP_ARN_LEN, "arn:anabranch:elasticloadbalancing:%.63s::%.62s/%016" PRIx64,
	        model->cluster, path, id);
}

void cp_arn_load_balancer(const struct cp_model *model, struct cp_load_balancer *lb)
{
	char path[80];

	snprintf(path, sizeof(path), "loadbalancer/net/%s", lb->name);
	lb->id = object_id(model, "loadbalancer", lb->name, 0);
	arn_write(model, path, lb->id, lb->arn);
}

void cp_arn_group(const struct cp_model *model, struct cp_target_group *group)
{
	char path[80];

	snprintf(path, sizeof(path), "targetgroup/%s", group->name);
	group->id = object_id(model, "targetgroup", group->name, 0);
	arn_write(model, path, group->id, group->arn);
}

void cp_arn_listener(const struct cp_model *model, struct cp_listener *listener)
{
	const struct cp_load_balancer *lb = listener->lb;
	char name[80], path[96];
	uint64_t salt = 0;

	snprintf(name, sizeof(name), "%s/%016" PRIx64 "/%s/%u/%d", lb->name, lb->id,
	        cp_protocol_text(listener->protocol), listener->port, listener->group->is_v6);
	snprintf(path, sizeof(path), "listener/net/%s/%016" PRIx64, lb->name, lb->id);
	do {
		listener->id = object_id(model, "listener", name, salt++);
		arn_write(model, path, listener->id, listener->arn);
	} while (cp_listener_find(model, listener->arn) != NULL);
}

static bool hex_read(const char *text, uint64_t *value)
{
	char again[17];

	if (strlen(text) != 16 || sscanf(text, "%16" SCNx64, value) != 1)
		return false;
	snprintf(again, sizeof(again), "%016" PRIx64, *value);
	return strcmp(text, again) == 0;
}

bool cp_arn_read(const char *arn, const char *tail, uint64_t *id)
{
	const char *slash = strrchr(arn, '/');
	size_t len = strlen(tail);

	if (strncmp(arn, "arn:", 4) != 0 || strlen(arn) >= CP_ARN_LEN || slash == NULL)
		return false;
	if ((size_t)(slash - arn) <= len || slash[-(ptrdiff_t)len - 1] != ':')
		return false;
	return memcmp(slash - len, tail, len) == 0 && hex_read(slash + 1, id);
}

uint64_t cp_target_identity(const struct cp_target *target)
{
	uint64_t hash = hash_number(UINT64_C(0xcbf29ce484222325), target->group->id);

	hash = hash_bytes(hash, target->ip.bytes, sizeof(target->ip.bytes));
	return lb_mix(hash_number(hash, target->port));
}
