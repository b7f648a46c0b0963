/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The way of a burst's new flows, in stages, each of which fetches what the next one reads:
 *
 *   admit    source check, listener
 *   choose   place in its Maglev table, the target there
 *   insert   the flow; again with the next target where this one would collide with another flow
 */
#include "miss.h"

#include <netinet/in.h>
#include <rte_prefetch.h>
#include <rte_tcp.h>

#include "rewrite.h"
#include "select.h"
#include "stats.h"

static bool ip4_source_bad(const struct lb_ip *ip)
{
	uint8_t first = ip->bytes[12];

	return first == 0 || first == 127 || first >= 224; /* this network, loopback, D and E */
}

static bool ip6_source_bad(const struct lb_ip *ip)
{
	static const struct lb_ip unspecified, loopback = {.bytes = {[15] = 1}};

	return ip->bytes[0] == 0xff || lb_ip_equal(ip, &unspecified) ||
	       lb_ip_equal(ip, &loopback) || lb_ip_is_v4(ip);
}

/* Asked for new flows alone: no flow gets into the table with such a client. */
static bool source_bad(const struct dp_tables *tables, const struct lb_ip *client, bool is_v6)
{
	if (is_v6 ? ip6_source_bad(client) : ip4_source_bad(client))
		return true;
	return dp_tables_vip(tables, client) != NULL;
}

/* A reset of nothing, and the answer to a SYN that nobody sent (backscatter of a spoofed flood). */
static bool is_stray(uint8_t tcp_flags)
{
	return (tcp_flags & RTE_TCP_RST_FLAG) ||
	       (tcp_flags & (RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG)) ==
	               (RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG);
}

/* Copies a target out of shared memory. False if no packet of this family can go there. */
static bool target_read(
        const struct dp_tables *tables, uint32_t slot, bool is_v6, struct dp_flow_target *to)
{
	to->slot_epoch = slot | (uint64_t)dp_tables_epoch(tables, slot) << 32;
	to->ip = tables->targets[slot].ip;
	to->port = tables->targets[slot].port;
	return to->port != 0 && lb_ip_is_v4(&to->ip) == !is_v6;
}

void dp_count_ended(
        struct dp_worker_ctx *ctx, uint32_t slot, uint32_t listener, enum lb_counter reason)
{
	struct lb_target_stats *ts = dp_target_stats(ctx, slot);
	struct lb_listener_stats *ls = dp_listener_stats(ctx, listener);

	dp_count(ctx, LB_COUNTER_FLOWS_ENDED, 1);
	if (reason != LB_COUNTER_FLOWS_ENDED)
		dp_count(ctx, reason, 1);
	if (ts != NULL)
		dp_stats_add(&ts->flows_ended, 1);
	if (ls != NULL)
		dp_stats_add(&ls->flows_ended, 1);
}

static void count_new(
        struct dp_worker_ctx *ctx, const struct dp_flow_target *to, bool adopted, bool fail_open)
{
	struct lb_target_stats *ts = dp_target_stats(ctx, to->slot);
	struct lb_listener_stats *ls = dp_listener_stats(ctx, to->listener);

	dp_count(ctx, LB_COUNTER_FLOWS_NEW, 1);
	dp_count(ctx, LB_COUNTER_FLOWS_ADOPTED, adopted);
	if (ts != NULL)
		dp_stats_add(&ts->flows_new, 1);
	if (ls != NULL) {
		dp_stats_add(&ls->flows_new, 1);
		dp_stats_add(&ls->fail_open_flows, fail_open);
	}
}

/* Inserts, and counts what had to make room. */
static enum dp_flow_result insert(
        struct dp_worker_ctx *ctx, struct dp_burst *b, const struct dp_flow_new *new)
{
	struct dp_flow_ended ended[4];
	uint32_t nb_ended;
	enum dp_flow_result result =
	        dp_flow_insert(ctx->flows, ctx->worker, new, &b->flows[new->at], ended, &nb_ended);

	for (uint32_t k = 0; k < nb_ended; k++)
		dp_count_ended(ctx, ended[k].slot, ended[k].listener, ended[k].reason);
	return result;
}

/* A packet that may begin a flow. */
struct newcomer {
	const struct lb_listener *listener;
	const struct lb_group *group;
	struct dp_select select;
	bool has_place; /* in a Maglev table */
	uint32_t slot;  /* of the target to be tried first */
	uint8_t at;     /* the packet's place in the burst */
};

/* Tries targets until one takes the flow. DP_GO_ON or a drop reason. */
static dp_verdict place(struct dp_worker_ctx *ctx, struct dp_burst *b, struct newcomer *newcomer)
{
	static const dp_verdict verdicts[] = {
	        [DP_FLOW_INSERTED] = DP_GO_ON,
	        [DP_FLOW_EXISTS] = DP_GO_ON,
	        [DP_FLOW_COLLISION] = LB_DROP_FLOW_COLLISION,
	        [DP_FLOW_CLIENT_LIMIT] = LB_DROP_FLOW_CLIENT_LIMIT,
	        [DP_FLOW_VIP_LIMIT] = LB_DROP_FLOW_VIP_LIMIT,
	        [DP_FLOW_FULL] = LB_DROP_FLOW_TABLE_FULL,
	};
	const struct lb_listener *l = newcomer->listener;
	const uint32_t i = newcomer->at;
	dp_verdict verdict = LB_DROP_NO_TARGET;
	uint32_t slot = newcomer->slot;
	struct dp_flow_new new;

	new.keys = &b->keys;
	new.at = i;
	new.now = ctx->now;
	new.is_v6 = b->is_v6;
	new.tcp_flags = b->tcp_flags[i];
	new.target.listener = l->id;
	new.target.idle_timeout_s = (uint16_t)RTE_MIN(l->idle_timeout_s, UINT32_C(0xffff));
	for (; slot != LB_NO_SLOT; slot = dp_select_next(&newcomer->select)) {
		enum dp_flow_result result;

		if (!target_read(&ctx->tables, slot, b->is_v6, &new.target))
			continue;
		result = insert(ctx, b, &new);
		if (result == DP_FLOW_INSERTED) {
			dp_count(ctx, LB_COUNTER_FLOWS_RESELECTED,
			        verdict == LB_DROP_FLOW_COLLISION);
			count_new(ctx, &new.target,
			        b->protocol[i] == IPPROTO_TCP &&
			                !(b->tcp_flags[i] & RTE_TCP_SYN_FLAG),
			        newcomer->group->flags & LB_GROUP_FAIL_OPEN);
		}
		verdict = verdicts[result];
		if (result != DP_FLOW_COLLISION)
			break;
	}
	return verdict;
}

/* The listener of key 'i'; the last one again for a run of equal destinations. */
static const struct lb_listener *find_listener(const struct dp_tables *tables,
        const struct dp_burst *b, uint32_t i, const struct lb_listener *last)
{
	struct lb_ip vip = dp_flow_keys_ip(b->keys.other, i, b->is_v6);
	lb_be16 port = dp_flow_keys_port(b->keys.other, i, b->is_v6);
	uint8_t protocol = b->protocol[i];

	if (last != NULL && last->port == port && last->protocol == protocol &&
	        lb_ip_equal(&last->vip, &vip))
		return last;
	return dp_tables_listener(tables, &vip, protocol, port);
}

/* Whether a packet to listener 'l' may begin a flow, and where. */
static dp_verdict admit(const struct dp_worker_ctx *ctx, const struct dp_burst *b,
        const struct lb_listener *l, struct newcomer *new)
{
	uint32_t row = __atomic_load_n(&l->group, __ATOMIC_RELAXED);

	if (is_stray(b->tcp_flags[new->at]))
		return LB_DROP_TCP_NO_FLOW;
	if (b->ttl[new->at] <= 1)
		return LB_DROP_TTL_EXPIRED;
	if (row >= ctx->tables.nb_groups || !dp_rewrite_mode_known(ctx->tables.groups[row].mode))
		return LB_DROP_NO_TARGET;
	new->listener = l;
	new->group = &ctx->tables.groups[row];
	return DP_GO_ON;
}

/* The packets that may begin flows; the others get their verdicts. */
static uint32_t admit_all(struct dp_worker_ctx *ctx, const struct dp_burst *b, uint64_t missed,
        dp_verdict *verdicts, struct newcomer *all)
{
	const struct lb_listener *l = NULL;
	uint32_t n = 0;

	while (missed != 0) {
		uint32_t i = dp_first(&missed);
		struct lb_ip client = dp_flow_keys_ip(b->keys.client, i, b->is_v6);

		verdicts[i] = LB_DROP_IP_BAD_SOURCE;
		if (source_bad(&ctx->tables, &client, b->is_v6))
			continue;
		verdicts[i] = LB_DROP_NO_LISTENER;
		l = find_listener(&ctx->tables, b, i, l);
		if (l == NULL)
			continue;
		all[n].at = (uint8_t)i;
		verdicts[i] = admit(ctx, b, l, &all[n]);
		if (verdicts[i] == DP_GO_ON)
			n++;
		else
			dp_count_listener_drop(ctx, l->id);
	}
	return n;
}

/* Each one's place in its Maglev table, and the target there. */
static void choose_all(const struct dp_worker_ctx *ctx, const struct dp_burst *b, uint64_t missed,
        struct newcomer *all, uint32_t n)
{
	struct dp_select_hashes hashes;

	dp_select_hash(&b->keys, b->is_v6, missed, &hashes);
	for (uint32_t k = 0; k < n; k++) {
		struct newcomer *new = &all[k];
		const uint32_t *column =
		        new->listener->flags &LB_LISTENER_SOURCE_IP ? hashes.client : hashes.flow;

		new->has_place =
		        dp_select_start(&new->select, &ctx->tables, new->listener, column[new->at]);
		if (new->has_place)
			rte_prefetch0(&new->select.maglev[new->select.at]);
	}
	for (uint32_t k = 0; k < n; k++) {
		all[k].slot = all[k].has_place ? dp_select_next(&all[k].select) : LB_NO_SLOT;
		if (all[k].slot != LB_NO_SLOT)
			rte_prefetch0(&ctx->tables.targets[all[k].slot]);
	}
}

void dp_miss(struct dp_worker_ctx *ctx, struct dp_burst *b, uint64_t missed, dp_verdict *verdicts)
{
	struct newcomer all[DP_BURST];
	uint32_t n;

	dp_flow_expect(ctx->flows, ctx->worker, b->is_v6, (uint32_t)__builtin_popcountll(missed));
	n = admit_all(ctx, b, missed, verdicts, all);
	choose_all(ctx, b, missed, all, n);
	for (uint32_t k = 0; k < n; k++) {
		dp_verdict v = place(ctx, b, &all[k]);

		verdicts[all[k].at] = v;
		if (v != DP_GO_ON)
			dp_count_listener_drop(ctx, all[k].listener->id);
	}
}
