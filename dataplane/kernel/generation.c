/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A generation's virtual addresses, and the endpoints that its targets answer from.
 */
#include <netinet/in.h>

#include "generation.h"

enum { WITH_TCP = 1, WITH_UDP = 2 };

static int by_address(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct lb_ip)); /* which is what the struct begins with */
}

static struct dp_wanted_address wanted_address(const struct lb_vip *vip)
{
	struct lb_vip row = *vip; /* once: the other side may write */
	struct dp_wanted_address wanted;
	uint8_t longest = lb_ip_is_v4(&row.ip) ? 32 : 128;

	memset(&wanted, 0, sizeof(wanted));
	wanted.ip = row.ip;
	wanted.prefix_len = row.prefix_len < longest ? row.prefix_len : longest;
	memcpy(wanted.interface, row.interface, sizeof(wanted.interface) - 1);
	return wanted;
}

static int read_vips(struct dp_service_wants *wants, const struct dp_tables *tables)
{
	uint32_t kept = 0;
	int ret = 0;

	for (uint32_t i = 0; i < tables->nb_vips && ret == 0; i++)
		ret = dp_list_add(&wants->vips, wanted_address(&tables->vips[i]));
	dp_list_sort(&wants->vips, by_address);
	for (uint32_t i = 0; i < wants->vips.n; i++) {
		if (kept == 0 ||
		        by_address(&wants->vips.items[kept - 1], &wants->vips.items[i]) != 0)
			wants->vips.items[kept++] = wants->vips.items[i];
	}
	wants->vips.n = kept;
	return ret;
}

/* Which protocols a group's targets serve is what its listeners say. */
static uint8_t *group_protocols(const struct dp_tables *tables)
{
	uint8_t *protocols = calloc(tables->nb_groups + 1, 1);

	for (uint32_t i = 0; i < tables->nb_listeners && protocols != NULL; i++) {
		uint32_t group = tables->listeners[i].group;

		if (group < tables->nb_groups)
			protocols[group] |=
			        tables->listeners[i].protocol == IPPROTO_TCP ? WITH_TCP : WITH_UDP;
	}
	return protocols;
}

static void drop_duplicates(dp_endpoint_list *targets)
{
	uint32_t kept = 0;

	dp_list_sort(targets, dp_endpoint_compare);
	for (uint32_t i = 0; i < targets->n; i++) {
		if (kept == 0 ||
		        dp_endpoint_compare(&targets->items[kept - 1], &targets->items[i]) != 0)
			targets->items[kept++] = targets->items[i];
	}
	targets->n = kept;
}

static int read_targets(struct dp_service_wants *wants, const struct dp_tables *tables)
{
	uint8_t *protocols = group_protocols(tables);
	int ret = protocols != NULL ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < tables->nb_slots && ret == 0; i++) {
		struct lb_target row = tables->targets[i];
		struct dp_steer_endpoint target = {.ip = row.ip, .port = row.port};
		uint8_t with = row.group < tables->nb_groups ? protocols[row.group] : 0;

		if (row.state == LB_TARGET_FREE)
			continue;
		target.protocol = IPPROTO_TCP;
		if (with & WITH_TCP)
			ret = dp_list_add(&wants->targets, target);
		target.protocol = IPPROTO_UDP;
		if (ret == 0 && with & WITH_UDP)
			ret = dp_list_add(&wants->targets, target);
	}
	free(protocols);
	drop_duplicates(&wants->targets);
	return ret;
}

int dp_service_wants_read(struct dp_service_wants *wants, const struct dp_tables *tables)
{
	int ret = read_vips(wants, tables);

	if (ret == 0)
		ret = read_targets(wants, tables);
	if (ret != 0)
		dp_service_wants_free(wants);
	return ret;
}

bool dp_service_wants_equal(const struct dp_service_wants *a, const struct dp_service_wants *b)
{
	if (a->vips.n != b->vips.n || a->targets.n != b->targets.n)
		return false;
	for (uint32_t i = 0; i < a->vips.n; i++) {
		if (memcmp(&a->vips.items[i], &b->vips.items[i], sizeof(a->vips.items[i])) != 0)
			return false;
	}
	for (uint32_t i = 0; i < a->targets.n; i++) {
		if (dp_endpoint_compare(&a->targets.items[i], &b->targets.items[i]) != 0)
			return false;
	}
	return true;
}

void dp_service_wants_free(struct dp_service_wants *wants)
{
	dp_list_free(&wants->vips);
	dp_list_free(&wants->targets);
}

const struct dp_wanted_address *dp_service_wants_find(
        const struct dp_service_wants *wants, const struct lb_ip *ip)
{
	if (wants->vips.n == 0)
		return NULL;
	return bsearch(
	        ip, wants->vips.items, wants->vips.n, sizeof(wants->vips.items[0]), by_address);
}
