/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Small flow tables and numbered flows, for the tests of the flow table.
 */
#ifndef FLOW_FIXTURE_H
#define FLOW_FIXTURE_H

#include "flow_layout.h"
#include "lb/counters.h"

#define TCP_SYN RTE_TCP_SYN_FLAG
#define TCP_ACK RTE_TCP_ACK_FLAG
#define TCP_FIN RTE_TCP_FIN_FLAG
#define TCP_RST RTE_TCP_RST_FLAG

/* A flow as a test thinks of it. Numbers stand for addresses. */
struct spec {
	uint32_t client;
	uint16_t port; /* of the client */
	uint16_t vip, target;
	uint8_t protocol; /* 0: TCP */
	bool is_v6;
};

/* What one insertion did. */
struct inserted {
	enum dp_flow_result result;
	struct dp_flow flow;
	struct dp_flow_ended ended[4];
	uint32_t nb_ended;
};

struct dp_flow_config flow_small(uint32_t ipv4_flows, uint32_t ipv6_flows);
struct dp_flow_table *flow_table(uint32_t ipv4_flows, uint32_t ipv6_flows);
struct dp_flow_table *flow_table_open(const struct dp_flow_config *config, bool *kept);

struct lb_ip flow_ip(uint32_t net, uint32_t number, bool is_v6);
struct dp_flow_key flow_key(const struct spec *s, enum dp_direction direction);
/* All of it follows from the key, the idle timeout (350 s and more) too. */
struct dp_flow_target flow_target(const struct spec *s);

/* dp_flow_insert() of a key that was not looked up. */
struct inserted flow_put_key(struct dp_flow_table *t, uint32_t worker,
        const struct dp_flow_key *key, const struct dp_flow_target *target, uint8_t flags,
        uint32_t now);
struct inserted flow_put(struct dp_flow_table *t, uint32_t worker, const struct spec *s,
        uint8_t flags, uint32_t now);
/* Where a flow's packets go. */
static inline struct lb_ip flow_to_ip(const struct dp_flow *flow, bool is_v6)
{
	struct lb_ip ip;

	if (!is_v6)
		return lb_ip_from_v4((lb_be32)flow->to[0]);
	memcpy(&ip, flow->to, sizeof(ip));
	return ip;
}

static inline lb_be16 flow_to_port(const struct dp_flow *flow, bool is_v6)
{
	return (lb_be16)(is_v6 ? flow->to[2] : flow->to[0] >> 32);
}

/* dp_flow_lookup() of 'n' keys (at most 64) of both families. */
uint64_t flow_lookup(const struct dp_flow_table *t, const struct dp_flow_key *keys, uint32_t n,
        uint64_t *hashes, struct dp_flow *flows);
bool flow_get(const struct dp_flow_table *t, const struct spec *s, enum dp_direction direction,
        struct dp_flow *flow);
/* Looks the flow up and touches it; false if it is not there. */
bool flow_see(struct dp_flow_table *t, const struct spec *s, enum dp_direction direction,
        uint8_t flags, uint32_t now);
/* Puts a TCP flow in and opens it, both ends having spoken. */
bool flow_open(struct dp_flow_table *t, uint32_t worker, const struct spec *s, uint32_t now);
uint64_t flow_used(const struct dp_flow_table *t);
/* Of a flow that was looked up and that nobody removes. */
uint32_t flow_idle_timeout(const struct dp_flow_table *t, const struct dp_flow *flow);

/* Whether both directions find the flow with everything that was put in; says what is wrong. */
const char *flow_wrong(const struct dp_flow_table *t, const struct spec *s);

#endif
