/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the steering programs of an instance steer: its three pinned maps, made equal to a list.
 * What each map holds is remembered, so that a change costs what it changes.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "bpf/steer.h"
#include "steer.h"
#include "steer_path.h"

enum { VIPS, LOCALS, TARGETS, MAPS };

/* The longest key; those of the other maps are its beginning, the rest being 0. */
typedef struct dp_steer_target steer_key;

_Static_assert(sizeof(struct dp_steer_ip) == sizeof(struct lb_ip), "keys are copied as bytes");
_Static_assert(offsetof(steer_key, ip) == 0, "an address is the beginning of a longer key");
_Static_assert(sizeof(steer_key) == 20, "keys have no padding");

struct keys {
	steer_key *list; /* sorted */
	uint32_t n, room;
};

struct map {
	int fd;
	bool known; /* 'holds' is what the kernel's map holds */
	struct keys holds;
};

struct dp_steer {
	struct map maps[MAPS];
};

static const char *const map_names[MAPS] = {DP_STEER_VIPS, DP_STEER_LOCALS, DP_STEER_TARGETS};

struct dp_steer *dp_steer_open(const char *instance, const char *bpffs)
{
	struct dp_steer *steer = calloc(1, sizeof(*steer));
	struct dp_steer_paths paths;
	int error = EINVAL;

	if (steer == NULL)
		return NULL;
	for (int i = 0; i < MAPS; i++)
		steer->maps[i].fd = -1;
	if (dp_steer_paths(&paths, instance, bpffs) != 0)
		goto fail;
	for (int i = 0; i < MAPS; i++) {
		char path[DP_STEER_PATH];

		dp_steer_map_path(&paths, map_names[i], path);
		steer->maps[i].fd = bpf_obj_get(path);
		error = errno;
		if (steer->maps[i].fd < 0)
			goto fail;
	}
	return steer;

fail:
	dp_steer_close(steer);
	errno = error;
	return NULL;
}

void dp_steer_close(struct dp_steer *steer)
{
	if (steer == NULL)
		return;
	for (int i = 0; i < MAPS; i++) {
		if (steer->maps[i].fd >= 0)
			close(steer->maps[i].fd);
		free(steer->maps[i].holds.list);
	}
	free(steer);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(steer_key));
}

static int append(struct keys *keys, const steer_key *key)
{
	if (keys->n == keys->room) {
		uint32_t room = keys->room > 0 ? keys->room * 2 : 64;
		steer_key *list = reallocarray(keys->list, room, sizeof(*list));

		if (list == NULL)
			return -ENOMEM;
		keys->list = list;
		keys->room = room;
	}
	keys->list[keys->n++] = *key;
	return 0;
}

static void sort_unique(struct keys *keys)
{
	uint32_t kept = 0;

	if (keys->n > 1)
		qsort(keys->list, keys->n, sizeof(*keys->list), compare);
	for (uint32_t i = 0; i < keys->n; i++) {
		if (kept == 0 || compare(&keys->list[kept - 1], &keys->list[i]) != 0)
			keys->list[kept++] = keys->list[i];
	}
	keys->n = kept;
}

/* Reads what an earlier start left, or what is there after a failure. */
static int read_map(struct map *map)
{
	steer_key key, next;
	int ret;

	memset(&key, 0, sizeof(key));
	memset(&next, 0, sizeof(next));
	map->holds.n = 0;
	ret = bpf_map_get_next_key(map->fd, NULL, &key);
	while (ret == 0) {
		if (append(&map->holds, &key) != 0)
			return -ENOMEM;
		ret = bpf_map_get_next_key(map->fd, &key, &next);
		key = next;
	}
	sort_unique(&map->holds);
	map->known = true;
	return 0;
}

/* Calls the kernel for each key of 'a' that 'b' lacks. 0 or the first -errno. */
static int each_missing(int fd, const struct keys *a, const struct keys *b, bool add)
{
	static const uint8_t present = 1;
	int first_error = 0;
	uint32_t j = 0;

	for (uint32_t i = 0; i < a->n; i++) {
		const steer_key *key = &a->list[i];
		int ret;

		while (j < b->n && compare(&b->list[j], key) < 0)
			j++;
		if (j < b->n && compare(&b->list[j], key) == 0)
			continue;
		ret = add ? bpf_map_update_elem(fd, key, &present, BPF_ANY)
		          : bpf_map_delete_elem(fd, key);
		if (ret != 0 && first_error == 0)
			first_error = -errno;
	}
	return first_error;
}

/* Takes keys->list. What is missing is added before what is surplus is removed. */
static int make_equal(struct map *map, struct keys *keys)
{
	int added, removed;

	if (!map->known && read_map(map) != 0) {
		free(keys->list);
		return -ENOMEM;
	}
	sort_unique(keys);
	added = each_missing(map->fd, keys, &map->holds, true);
	removed = each_missing(map->fd, &map->holds, keys, false);
	map->known = added == 0 && removed == 0;
	free(map->holds.list);
	map->holds = *keys;
	return added != 0 ? added : removed;
}

static int set_addresses(struct map *map, const struct lb_ip *ips, uint32_t n)
{
	struct keys keys = {0};

	for (uint32_t i = 0; i < n; i++) {
		steer_key key = {.port = 0};

		memcpy(key.ip.bytes, ips[i].bytes, sizeof(key.ip.bytes));
		if (append(&keys, &key) != 0) {
			free(keys.list);
			return -ENOMEM;
		}
	}
	return make_equal(map, &keys);
}

int dp_steer_set_vips(struct dp_steer *steer, const struct lb_ip *ips, uint32_t n)
{
	return set_addresses(&steer->maps[VIPS], ips, n);
}

int dp_steer_set_locals(struct dp_steer *steer, const struct lb_ip *ips, uint32_t n)
{
	return set_addresses(&steer->maps[LOCALS], ips, n);
}

int dp_steer_set_targets(
        struct dp_steer *steer, const struct dp_steer_endpoint *targets, uint32_t n)
{
	struct keys keys = {0};

	for (uint32_t i = 0; i < n; i++) {
		steer_key any_port = {.protocol = targets[i].protocol}, exact;

		memcpy(any_port.ip.bytes, targets[i].ip.bytes, sizeof(any_port.ip.bytes));
		exact = any_port;
		exact.port = targets[i].port;
		if (append(&keys, &any_port) != 0 || append(&keys, &exact) != 0) {
			free(keys.list);
			return -ENOMEM;
		}
	}
	return make_equal(&steer->maps[TARGETS], &keys);
}
