/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The way of a new flow: source check -> listener -> select -> insert, the last two again with the
 * next target where the first would collide with another flow.
 */
#include "miss.h"

#include <netinet/in.h>
#include <rte_branch_prediction.h>
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
static bool source_bad(const struct dp_worker_ctx *ctx, const struct dp_flow_key *key)
{
	if (key->is_v6 ? ip6_source_bad(&key->client) : ip4_source_bad(&key->client))
		return true;
	return dp_tables_vip(&ctx->tables, &key->client) != NULL;
}

/* A reset of nothing, and the answer to a SYN that nobody sent (backscatter of a spoofed flood). */
static bool is_stray(uint8_t tcp_flags)
{
	return (tcp_flags & RTE_TCP_RST_FLAG) ||
	       (tcp_flags & (RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG)) ==
	               (RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG);
}

/* Copies a target out of shared memory. False if no packet of this key can go there. */
static bool target_read(const struct dp_tables *tables, uint32_t slot,
        const struct dp_flow_key *key, struct dp_flow_target *to)
{
	to->slot = slot;
	to->epoch = dp_tables_epoch(tables, slot);
	to->ip = tables->targets[slot].ip;
	to->port = tables->targets[slot].port;
	return to->port != 0 && lb_ip_is_v4(&to->ip) == !key->is_v6;
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
static enum dp_flow_result insert(struct dp_worker_ctx *ctx, struct dp_burst *b, uint32_t i,
        const struct dp_flow_key *key, const struct dp_flow_target *to)
{
	struct dp_flow_ended ended[4];
	uint32_t nb_ended = 0;
	enum dp_flow_result result = dp_flow_insert(ctx->flows, ctx->worker, key, b->keys.hash[i],
	        to, b->tcp_flags[i], ctx->now, &b->flows[i], ended, &nb_ended);

	for (uint32_t k = 0; k < nb_ended; k++)
		dp_count_ended(ctx, ended[k].slot, ended[k].listener, ended[k].reason);
	return result;
}

/* Tries targets until one takes the flow. '*result' is the last answer of the table. False when
 * no target was there to be tried. */
static bool place(struct dp_worker_ctx *ctx, struct dp_burst *b, uint32_t i,
        const struct dp_flow_key *key, struct dp_select *s, struct dp_flow_target *to,
        enum dp_flow_result *result)
{
	bool tried = false;
	uint32_t slot;

	while ((slot = dp_select_next(s)) != LB_NO_SLOT) {
		if (!target_read(&ctx->tables, slot, key, to))
			continue;
		*result = insert(ctx, b, i, key, to);
		if (*result != DP_FLOW_COLLISION) {
			dp_count(ctx, LB_COUNTER_FLOWS_RESELECTED,
			        tried && *result == DP_FLOW_INSERTED);
			return true;
		}
		tried = true;
	}
	return tried;
}

static dp_verdict make_flow(struct dp_worker_ctx *ctx, struct dp_burst *b, uint32_t i,
        const struct dp_flow_key *key, const struct lb_listener *l)
{
	static const dp_verdict verdicts[] = {
	        [DP_FLOW_INSERTED] = DP_GO_ON,
	        [DP_FLOW_EXISTS] = DP_GO_ON,
	        [DP_FLOW_COLLISION] = LB_DROP_FLOW_COLLISION,
	        [DP_FLOW_CLIENT_LIMIT] = LB_DROP_FLOW_CLIENT_LIMIT,
	        [DP_FLOW_FULL] = LB_DROP_FLOW_TABLE_FULL,
	};
	uint32_t row = __atomic_load_n(&l->group, __ATOMIC_RELAXED);
	struct dp_flow_target to = {.listener = l->id,
	        .idle_timeout_s = (uint16_t)RTE_MIN(l->idle_timeout_s, UINT32_C(0xffff))};
	enum dp_flow_result result;
	struct dp_select s;

	if (row >= ctx->tables.nb_groups || !dp_rewrite_mode_known(ctx->tables.groups[row].mode))
		return LB_DROP_NO_TARGET;
	if (!dp_select_start(
	            &s, &ctx->tables, l, dp_select_hash(key, l->flags & LB_LISTENER_SOURCE_IP)) ||
	        !place(ctx, b, i, key, &s, &to, &result))
		return LB_DROP_NO_TARGET;
	if (result == DP_FLOW_INSERTED)
		count_new(ctx, &to,
		        b->protocol[i] == IPPROTO_TCP && !(b->tcp_flags[i] & RTE_TCP_SYN_FLAG),
		        ctx->tables.groups[row].flags & LB_GROUP_FAIL_OPEN);
	return verdicts[result];
}

dp_verdict dp_miss(struct dp_worker_ctx *ctx, struct dp_burst *b, uint32_t i)
{
	struct dp_flow_key key = dp_flow_keys_get(&b->keys, i, b->is_v6);
	const struct lb_listener *listener;
	dp_verdict v;

	if (source_bad(ctx, &key))
		return LB_DROP_IP_BAD_SOURCE;
	listener = dp_tables_listener(&ctx->tables, &key.other, key.protocol, key.other_port);
	if (listener == NULL)
		return LB_DROP_NO_LISTENER;
	if (is_stray(b->tcp_flags[i]))
		v = LB_DROP_TCP_NO_FLOW;
	else if (b->ttl[i] <= 1)
		v = LB_DROP_TTL_EXPIRED;
	else
		v = make_flow(ctx, b, i, &key, listener);
	if (v != DP_GO_ON)
		dp_count_listener_drop(ctx, listener->id);
	return v;
}
