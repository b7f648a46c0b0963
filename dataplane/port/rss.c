/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Hash functions, key and table of a port.
 */
#include "rss.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "lb/counters.h"

#define RETA_MAX    4096
#define KEY_DEFAULT 40 /* bytes; what a driver takes that does not say */

static const struct function {
	uint8_t bit;
	const char *name;
	uint64_t types;
} functions[] = {
        {LB_RSS_IPV4, "ipv4",
                RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_OTHER},
        {LB_RSS_IPV6, "ipv6",
                RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_FRAG_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_OTHER |
                        RTE_ETH_RSS_IPV6_EX},
        {LB_RSS_TCP, "tcp", RTE_ETH_RSS_TCP},
        {LB_RSS_UDP, "udp", RTE_ETH_RSS_UDP},
};

static uint8_t functions_of(uint64_t types)
{
	uint8_t bits = 0;

	for (size_t i = 0; i < RTE_DIM(functions); i++) {
		if (types & functions[i].types)
			bits |= functions[i].bit;
	}
	return bits;
}

static void set_functions(struct dp_rss *rss, uint64_t types)
{
	const uint64_t ports = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP |
	                       RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP;

	rss->functions = functions_of(types);
	rss->by_ports = (types & ports) == ports;
}

static uint64_t all_types(void)
{
	uint64_t types = 0;

	for (size_t i = 0; i < RTE_DIM(functions); i++)
		types |= functions[i].types;
	return types;
}

static uint8_t key_size(const struct rte_eth_dev_info *info)
{
	return info->hash_key_size != 0 ? info->hash_key_size : KEY_DEFAULT;
}

void dp_rss_ask(struct dp_rss *rss, const struct rte_eth_dev_info *info, uint16_t nb_queues,
        bool hash, struct rte_eth_conf *conf)
{
	uint64_t types = info->flow_type_rss_offloads & all_types();
	struct rte_eth_rss_conf *asked = &conf->rx_adv_conf.rss_conf;

	*rss = (struct dp_rss){0};
	hash = hash && (info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_RSS_HASH) != 0;
	if (types == 0 || (nb_queues == 1 && !hash))
		return;
	rss->on = true;
	set_functions(rss, types);
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	rss->hash = hash;
	if (hash)
		conf->rxmode.offloads |= RTE_ETH_RX_OFFLOAD_RSS_HASH;
	asked->rss_hf = types;
	if (key_size(info) > DP_RSS_KEY_MAX ||
	        getrandom(rss->bytes, key_size(info), 0) != key_size(info))
		return;
	rss->has_key = true;
	asked->rss_key = rss->bytes;
	asked->rss_key_len = key_size(info);
}

void dp_rss_leave_key(struct dp_rss *rss, struct rte_eth_conf *conf)
{
	rss->has_key = false;
	conf->rx_adv_conf.rss_conf.rss_key = NULL;
	conf->rx_adv_conf.rss_conf.rss_key_len = 0;
}

/* Writes the queues in turn, and reads them back. */
static bool deal_table(uint16_t port, uint16_t size, uint16_t nb_queues)
{
	struct rte_eth_rss_reta_entry64 table[RETA_MAX / RTE_ETH_RETA_GROUP_SIZE] = {0};
	uint16_t nb_groups =
	        (uint16_t)RTE_ALIGN_CEIL(size, RTE_ETH_RETA_GROUP_SIZE) / RTE_ETH_RETA_GROUP_SIZE;

	for (uint16_t i = 0; i < size; i++) {
		struct rte_eth_rss_reta_entry64 *group = &table[i / RTE_ETH_RETA_GROUP_SIZE];

		group->mask |= UINT64_C(1) << i % RTE_ETH_RETA_GROUP_SIZE;
		group->reta[i % RTE_ETH_RETA_GROUP_SIZE] = i % nb_queues;
	}
	if (rte_eth_dev_rss_reta_update(port, table, size) != 0)
		return false;
	for (uint16_t g = 0; g < nb_groups; g++)
		memset(table[g].reta, 0xff, sizeof(table[g].reta));
	if (rte_eth_dev_rss_reta_query(port, table, size) != 0)
		return false;
	for (uint16_t i = 0; i < size; i++) {
		if (table[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] !=
		        i % nb_queues)
			return false;
	}
	return true;
}

/* What the driver says of functions and key. */
static void read_back(struct dp_rss *rss, uint16_t port, uint8_t key_len)
{
	uint8_t key[DP_RSS_KEY_MAX] = {0};
	static const uint8_t none[DP_RSS_KEY_MAX];
	struct rte_eth_rss_conf got = {.rss_key = key, .rss_key_len = key_len};

	if (rte_eth_dev_rss_hash_conf_get(port, &got) != 0)
		return;
	rss->confirmed = true;
	set_functions(rss, got.rss_hf);
	if (memcmp(key, none, key_len) != 0)
		rss->key = memcmp(key, rss->bytes, key_len) == 0 ? DP_RSS_KEY_DRAWN
		                                                 : DP_RSS_KEY_OF_DRIVER;
}

void dp_rss_settle(
        struct dp_rss *rss, uint16_t port, const struct rte_eth_dev_info *info, uint16_t nb_queues)
{
	uint8_t key_len = RTE_MIN(key_size(info), (uint8_t)DP_RSS_KEY_MAX);
	struct rte_eth_rss_conf again = {.rss_key = rss->has_key ? rss->bytes : NULL,
	        .rss_key_len = rss->has_key ? key_len : 0,
	        .rss_hf = info->flow_type_rss_offloads & all_types()};

	if (!rss->on)
		return;
	read_back(rss, port, key_len);
	/* some drivers take at start what others want by itself */
	if (rss->has_key && rss->confirmed && rss->key != DP_RSS_KEY_DRAWN &&
	        rte_eth_dev_rss_hash_update(port, &again) == 0)
		read_back(rss, port, key_len);
	if (info->reta_size > 0 && info->reta_size <= RETA_MAX) {
		rss->reta_size = info->reta_size;
		rss->reta_dealt = deal_table(port, info->reta_size, nb_queues);
	}
}

bool dp_rss_spreads(const struct dp_rss *rss)
{
	return rss->on && rss->hash && rss->confirmed && rss->key == DP_RSS_KEY_DRAWN &&
	       rss->by_ports;
}

static size_t list(const struct dp_rss *rss, bool have, const char *before, char *text, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < RTE_DIM(functions) && n < size; i++) {
		if (((rss->functions & functions[i].bit) != 0) != have)
			continue;
		n += (size_t)snprintf(
		        text + n, size - n, "%s%s", n == 0 ? before : " ", functions[i].name);
	}
	return RTE_MIN(n, size);
}

void dp_rss_describe(const struct dp_rss *rss, char *text, size_t size)
{
	static const char *const keys[] = {[DP_RSS_KEY_UNKNOWN] = "key unknown",
	        [DP_RSS_KEY_DRAWN] = "key drawn at start",
	        [DP_RSS_KEY_OF_DRIVER] = "the driver's own key"};
	size_t n;

	if (!rss->on) {
		snprintf(text, size, "no RSS");
		return;
	}
	n = list(rss, true, "RSS by ", text, size);
	n += list(rss, false, n > 0 ? ", not by " : "RSS, not by ", text + n, size - n);
	n += (size_t)snprintf(text + n, size - n, "%s, %s",
	        rss->confirmed ? "" : " asked for, which the driver tells nothing of",
	        keys[rss->key]);
	if (n >= size)
		return;
	if (rss->reta_size == 0)
		snprintf(text + n, size - n, ", no RETA");
	else
		snprintf(text + n, size - n, ", RETA of %u %s", rss->reta_size,
		        rss->reta_dealt ? "over all queues in turn" : "left to the driver");
}
