/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Small flow tables and numbered flows.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "flow_fixture.h"

#include "flow_entry.h"

#define CLIENT_NET 10
#define VIP_NET    20
#define TARGET_NET 30

struct dp_flow_config flow_small(uint32_t ipv4_flows, uint32_t ipv6_flows)
{
	return (struct dp_flow_config){
	        .ipv4_flows = ipv4_flows, .ipv6_flows = ipv6_flows, .nb_workers = 1};
}

struct dp_flow_table *flow_table_open(const struct dp_flow_config *config, bool *kept)
{
	struct dp_flow_table *t;
	int rc = dp_flow_open(config, &t, kept);

	if (rc != 0) {
		fprintf(stderr, "dp_flow_open: %s\n", strerror(-rc));
		abort();
	}
	return t;
}

struct dp_flow_table *flow_table(uint32_t ipv4_flows, uint32_t ipv6_flows)
{
	struct dp_flow_config config = flow_small(ipv4_flows, ipv6_flows);

	return flow_table_open(&config, NULL);
}

struct lb_ip flow_ip(uint32_t net, uint32_t number, bool is_v6)
{
	struct lb_ip ip = {.bytes = {0x20, 0x01, 0x0d, 0xb8}};
	uint32_t wire = htonl(number);

	if (!is_v6)
		return lb_ip_from_v4(htonl(net << 24 | (number & 0xffffff)));
	ip.bytes[7] = (uint8_t)net;
	memcpy(ip.bytes + 12, &wire, sizeof(wire));
	return ip;
}

static uint8_t protocol(const struct spec *s)
{
	return s->protocol != 0 ? s->protocol : IPPROTO_TCP;
}

struct dp_flow_key flow_key(const struct spec *s, enum dp_direction direction)
{
	bool in = direction == DP_TO_TARGET;

	return (struct dp_flow_key){
	        .client = flow_ip(CLIENT_NET, s->client, s->is_v6),
	        .other = in ? flow_ip(VIP_NET, s->vip, s->is_v6)
	                    : flow_ip(TARGET_NET, s->target, s->is_v6),
	        .client_port = htons(s->port),
	        .other_port = htons(in ? 80 : 8080),
	        .protocol = protocol(s),
	        .direction = (uint8_t)direction,
	        .is_v6 = s->is_v6,
	};
}

struct dp_flow_target flow_target(const struct spec *s)
{
	return (struct dp_flow_target){
	        .ip = flow_ip(TARGET_NET, s->target, s->is_v6),
	        .port = htons(8080),
	        .idle_timeout_s = (uint16_t)(350 + s->target % 100),
	        .slot = s->target,
	        .epoch = s->target + 1000u,
	        .listener = s->vip + 2000u,
	};
}

struct inserted flow_put_key(struct dp_flow_table *t, uint32_t worker,
        const struct dp_flow_key *key, const struct dp_flow_target *target, uint8_t flags,
        uint32_t now)
{
	const uint32_t at = DP_FLOW_BURST - 3;
	struct inserted in = {0};
	struct dp_flow_keys keys;
	struct dp_flow_new new = {.keys = &keys,
	        .at = at,
	        .now = now,
	        .is_v6 = key->is_v6,
	        .tcp_flags = flags,
	        .target = *target};

	memset(&keys, 0x5a, sizeof(keys));
	dp_flow_keys_set(&keys, at, key);
	keys.hash[at] = flow_hash(t, key);
	in.result = dp_flow_insert(t, worker, &new, &in.flow, in.ended, &in.nb_ended);
	return in;
}

struct inserted flow_put(
        struct dp_flow_table *t, uint32_t worker, const struct spec *s, uint8_t flags, uint32_t now)
{
	struct dp_flow_key key = flow_key(s, DP_TO_TARGET);
	struct dp_flow_target target = flow_target(s);

	return flow_put_key(t, worker, &key, &target, flags, now);
}

uint64_t flow_lookup(const struct dp_flow_table *t, const struct dp_flow_key *keys, uint32_t n,
        uint64_t *hashes, struct dp_flow *flows)
{
	uint64_t hits = 0;

	for (uint32_t first = 0; first < n; first += DP_FLOW_BURST) {
		for (uint32_t v6 = 0; v6 < 2; v6++) {
			const struct dp_flow_view view = {.nb_slots = 0};
			struct dp_flow_keys burst;
			uint64_t set = 0, settled;

			memset(&burst, 0x5a, sizeof(burst));
			for (uint32_t i = 0; i < DP_FLOW_BURST && first + i < n; i++) {
				if (keys[first + i].is_v6 != v6)
					continue;
				dp_flow_keys_set(&burst, i, &keys[first + i]);
				set |= UINT64_C(1) << i;
			}
			hits |= dp_flow_lookup(t, &burst, v6, set, &view, flows + first, &settled)
			        << first;
			for (uint32_t i = 0; i < DP_FLOW_BURST && set >> i != 0; i++)
				if (set >> i & 1)
					hashes[first + i] = burst.hash[i];
		}
	}
	return hits;
}

bool flow_get(const struct dp_flow_table *t, const struct spec *s, enum dp_direction direction,
        struct dp_flow *flow)
{
	struct dp_flow_key key = flow_key(s, direction);
	uint64_t hash;

	return flow_lookup(t, &key, 1, &hash, flow) == 1;
}

bool flow_see(struct dp_flow_table *t, const struct spec *s, enum dp_direction direction,
        uint8_t flags, uint32_t now)
{
	struct dp_flow flow;

	if (!flow_get(t, s, direction, &flow))
		return false;
	dp_flow_touch(t, &flow, direction, flags, now);
	return true;
}

bool flow_open(struct dp_flow_table *t, uint32_t worker, const struct spec *s, uint32_t now)
{
	return flow_put(t, worker, s, TCP_SYN, now).result == DP_FLOW_INSERTED &&
	       flow_see(t, s, DP_TO_CLIENT, TCP_SYN | TCP_ACK, now) &&
	       flow_see(t, s, DP_TO_TARGET, TCP_ACK, now);
}

uint64_t flow_used(const struct dp_flow_table *t)
{
	struct dp_flow_usage usage;

	dp_flow_usage(t, &usage);
	return usage.used[0] + usage.used[1];
}

uint32_t flow_idle_timeout(const struct dp_flow_table *t, const struct dp_flow *flow)
{
	return flow_rest_idle(flow_load(&flow_entry(t, flow->index)[FLOW_REST_AT]));
}

const char *flow_wrong(const struct dp_flow_table *t, const struct spec *s)
{
	struct lb_ip vip = flow_ip(VIP_NET, s->vip, s->is_v6);
	struct dp_flow_target target = flow_target(s);
	struct dp_flow in, out;
	struct lb_ip to;

	if (!flow_get(t, s, DP_TO_TARGET, &in))
		return "not found to target";
	if (!flow_get(t, s, DP_TO_CLIENT, &out))
		return "not found to client";
	if (in.index != out.index || in.life != out.life)
		return "two entries for two directions";
	to = flow_to_ip(&in, s->is_v6);
	if (!lb_ip_equal(&to, &target.ip) || flow_to_port(&in, s->is_v6) != target.port)
		return "wrong target";
	to = flow_to_ip(&out, s->is_v6);
	if (!lb_ip_equal(&to, &vip) || flow_to_port(&out, s->is_v6) != htons(80))
		return "wrong virtual address";
	if (in.slot != target.slot || in.epoch != target.epoch || in.listener != target.listener ||
	        flow_idle_timeout(t, &in) != target.idle_timeout_s)
		return "wrong values";
	return NULL;
}
