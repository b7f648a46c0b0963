/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See pipeline_rig.h.
 */
#include "pipeline_rig.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_tcp.h>
#include <stdio.h>
#include <stdlib.h>

#include "select.h"

static const struct rte_ether_addr port_macs[2] = {{{2, 0, 0, 0, 0, 1}}, {{2, 0, 0, 0, 0, 2}}};
static const struct rte_ether_addr client_gateway = {{2, 0, 0, 0, 1, 0}};
static const struct rte_ether_addr target_gateway = {{2, 0, 0, 0, 2, 0}};

static void die(const char *what)
{
	fprintf(stderr, "pipeline_rig: %s failed: %s\n", what, rte_strerror(rte_errno));
	exit(2);
}

/* EAL takes --in-memory and --no-huge only one without the other. */
static int start_eal(bool huge, char *lcores)
{
	char *with[] = {"rig", "-l", lcores, "--no-pci", "--no-telemetry",
	        "--log-level=lib.*:error", "--in-memory"};
	char *without[] = {"rig", "-l", lcores, "--no-pci", "--no-telemetry",
	        "--log-level=lib.*:error", "--no-shconf", "--no-huge", "-m", "512"};

	return huge ? rte_eal_init((int)RTE_DIM(with), with)
	            : rte_eal_init((int)RTE_DIM(without), without);
}

static bool huge_pages_free(void)
{
	FILE *file = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "r");
	int nb = 0;

	if (file == NULL)
		return false;
	if (fscanf(file, "%d", &nb) != 1)
		nb = 0;
	fclose(file);
	return nb >= 512;
}

bool rig_eal_lcores(bool huge, const char *lcores)
{
	static bool started, in_huge;
	char list[64];

	if (!started) {
		snprintf(list, sizeof(list), "%s", lcores);
		in_huge = huge && huge_pages_free();
		if (start_eal(in_huge, list) < 0)
			die("rte_eal_init");
		started = true;
	}
	return in_huge;
}

bool rig_eal(bool huge)
{
	return rig_eal_lcores(huge, "0");
}

struct dp_adj rig_adj(uint16_t port)
{
	return (struct dp_adj){.kind = DP_ADJ_FORWARD,
	        .port = port,
	        .mtu = 1500,
	        .nb_tags = DP_ADJ_KEEP_TAGS,
	        .src = port_macs[port],
	        .dst = port == 0 ? client_gateway : target_gateway,
	        .ifindex = port + 1u};
}

void rig_route(struct rig *rig, const char *prefix, uint8_t depth, const struct dp_adj *adj)
{
	struct lb_ip ip = frame_ip(prefix);

	/* the only reader is this thread, and it reads nothing now */
	dp_fib_offline(rig->ctx.fib, 0);
	if (dp_fib_set(rig->ctx.fib, &ip, depth, adj) != 0 || dp_fib_commit(rig->ctx.fib) != 0)
		die("a change of routes");
	dp_fib_online(rig->ctx.fib, 0);
}

static void add_routes(struct rig *rig)
{
	struct dp_adj clients = rig_adj(0), targets = rig_adj(1);

	rig->ctx.fib = dp_fib_create(64, rig->config.nb_workers);
	if (rig->ctx.fib == NULL)
		die("dp_fib_create");
	rig_route(rig, "192.0.0.0", 8, &clients);
	rig_route(rig, "2001:db8::", 32, &clients);
	rig_route(rig, "10.1.0.0", 16, &targets);
	rig_route(rig, "fd00:1::", 64, &targets);
}

static struct tables_listener listener(
        const char *vip, uint16_t port, uint8_t protocol, uint32_t id, const uint32_t *maglev)
{
	return (struct tables_listener){.row = {.vip = frame_ip(vip),
	                                        .port = htons(port),
	                                        .protocol = protocol,
	                                        .idle_timeout_s = 350,
	                                        .id = id},
	        .maglev = maglev,
	        .maglev_size = RIG_MAGLEV};
}

static void add_tables(struct rig *rig)
{
	uint32_t maglev[2][RIG_MAGLEV], epochs[RIG_SLOTS];
	struct lb_target targets[RIG_SLOTS] = {0};
	struct lb_group group = {.identity = 1, .mode = LB_MODE_NAT, .nb_targets = RIG_SLOTS};
	struct lb_vip vips[] = {{.ip = frame_ip("10.90.0.10")}, {.ip = frame_ip("10.90.0.11")},
	        {.ip = frame_ip("fd00:90::10")}};
	struct tables_listener listeners[] = {
	        listener("10.90.0.10", 80, IPPROTO_TCP, 0, maglev[0]),
	        listener("10.90.0.10", 53, IPPROTO_UDP, 1, maglev[0]),
	        listener("10.90.0.10", 81, IPPROTO_TCP, 2, maglev[0]),
	        listener("10.90.0.10", 82, IPPROTO_TCP, 3, maglev[0]),
	        listener("10.90.0.11", 80, IPPROTO_TCP, 4, maglev[0]),
	        listener("fd00:90::10", 80, IPPROTO_TCP, 5, maglev[1]),
	        listener("fd00:90::10", 53, IPPROTO_UDP, 6, maglev[1]),
	};
	struct tables_spec spec = {.vips = vips,
	        .listeners = listeners,
	        .groups = &group,
	        .targets = targets,
	        .epochs = epochs,
	        .nb_vips = RTE_DIM(vips),
	        .nb_listeners = RTE_DIM(listeners),
	        .nb_groups = 1,
	        .nb_slots = RIG_SLOTS};

	listeners[2].row.flags = LB_LISTENER_SOURCE_IP;
	listeners[3].maglev_size = 0;
	for (uint32_t i = 0; i < RIG_MAGLEV; i++) {
		maglev[0][i] = i % 4;
		maglev[1][i] = 4 + i % 4;
	}
	for (uint32_t slot = 0; slot < RIG_SLOTS; slot++) {
		targets[slot].ip = rig_target(slot);
		targets[slot].port = htons(RIG_TARGET_PORT);
		targets[slot].state = LB_TARGET_HEALTHY;
		epochs[slot] = 1;
	}
	tables_fixture_build(&rig->fx, &spec, 7);
	if (dp_tables_open(&rig->ctx.tables, rig->fx.segment, rig->fx.size, &rig->fx.run) !=
	        LB_REFUSAL_NONE)
		die("dp_tables_open");
}

static void open_flows(struct rig *rig)
{
	struct dp_flow_config flows = {.ipv4_flows = rig->config.flows,
	        .ipv6_flows = rig->config.flows,
	        .nb_workers = rig->config.nb_workers,
	        .client_limit = rig->config.client_limit,
	        .huge = rig->config.huge};

	if (dp_flow_open(&flows, &rig->ctx.flows, NULL) != 0)
		die("dp_flow_open");
}

void rig_forget(struct rig *rig)
{
	dp_flow_close(rig->ctx.flows);
	open_flows(rig);
	memset(&rig->stats, 0, sizeof(rig->stats));
	memset(rig->target_stats, 0, sizeof(rig->target_stats));
	memset(rig->listener_stats, 0, sizeof(rig->listener_stats));
}

struct rig *rig_create(const struct rig_config *config)
{
	struct rig *rig = aligned_alloc(LB_CACHE_LINE, sizeof(*rig));
	static uint32_t nb_pools;
	char name[32];

	if (rig == NULL)
		die("aligned_alloc");
	memset(rig, 0, sizeof(*rig));
	rig->config = *config;
	if (rig->config.nb_workers == 0)
		rig->config.nb_workers = 1;
	snprintf(name, sizeof(name), "rig%u", nb_pools++);
	rig->pool = rte_pktmbuf_pool_create(
	        name, config->packets, config->pool_cache, 0, 2048 + 128, 0);
	if (rig->pool == NULL)
		die("rte_pktmbuf_pool_create");
	for (uint16_t i = 0; i < 2; i++)
		rig->ports[i] = (struct dp_port){.mac = port_macs[i], .port = i, .present = true};
	rig->ctx.nb_workers = rig->config.nb_workers;
	rig->ctx.ports = rig->ports;
	rig->ctx.stats = &rig->stats;
	rig->ctx.target_stats = rig->target_stats;
	rig->ctx.listener_stats = rig->listener_stats;
	rig->ctx.max_targets = RIG_SLOTS;
	rig->ctx.max_listeners = RIG_LISTENERS;
	rig->ctx.now = 1000;
	open_flows(rig);
	add_tables(rig);
	add_routes(rig);
	return rig;
}

void rig_free(struct rig *rig)
{
	rig_clear(rig);
	dp_fib_offline(rig->ctx.fib, 0);
	dp_fib_free(rig->ctx.fib);
	dp_flow_close(rig->ctx.flows);
	tables_fixture_free(&rig->fx);
	rte_mempool_free(rig->pool);
	free(rig);
}

struct rig *rig_open(const struct rig_config *config)
{
	rig_eal(false);
	return rig_create(config);
}

uint32_t rig_close(struct rig *rig)
{
	uint32_t held = rte_mempool_in_use_count(rig->pool);

	rig_free(rig);
	return held;
}

struct frame_spec rig_to_vip(const char *vip, uint16_t port, uint8_t protocol, uint32_t client)
{
	struct frame_spec s = {.dst = frame_ip(vip),
	        .src_port = (uint16_t)(20000 + client / 200),
	        .dst_port = port,
	        .protocol = protocol,
	        .tcp_flags = protocol == IPPROTO_TCP ? RTE_TCP_SYN_FLAG : 0,
	        .ttl = 64,
	        .payload = 18};

	memcpy(s.dst_mac, &port_macs[0], sizeof(s.dst_mac));
	memcpy(s.src_mac, &client_gateway, sizeof(s.src_mac));
	s.src = frame_ip(lb_ip_is_v4(&s.dst) ? "192.0.2.1" : "2001:db8::1");
	s.src.bytes[15] += client % 200;
	return s;
}

struct frame_spec rig_answer(const struct frame_spec *forwarded)
{
	struct frame_spec s = *forwarded;

	s.src = forwarded->dst;
	s.dst = forwarded->src;
	s.src_port = forwarded->dst_port;
	s.dst_port = forwarded->src_port;
	s.ttl = 64;
	if (s.protocol == IPPROTO_TCP)
		s.tcp_flags = RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG;
	memcpy(s.dst_mac, &port_macs[1], sizeof(s.dst_mac));
	memcpy(s.src_mac, &target_gateway, sizeof(s.src_mac));
	return s;
}

struct frame_spec rig_forwarded(const struct frame_spec *received, uint16_t port,
        const struct lb_ip *other, uint16_t other_port)
{
	struct frame_spec s = *received;
	struct dp_adj adj = rig_adj(port);

	memcpy(s.dst_mac, &adj.dst, sizeof(s.dst_mac));
	memcpy(s.src_mac, &adj.src, sizeof(s.src_mac));
	s.ttl--;
	s.padding = 0;
	if (port == 1) {
		s.dst = *other;
		s.dst_port = other_port;
	} else {
		s.src = *other;
		s.src_port = other_port;
	}
	return s;
}

uint32_t rig_place(const struct frame_spec *s)
{
	struct dp_flow_key key = {.client = s->src,
	        .other = s->dst,
	        .client_port = htons(s->src_port),
	        .other_port = htons(s->dst_port),
	        .protocol = s->protocol,
	        .is_v6 = !lb_ip_is_v4(&s->dst)};
	struct dp_select_hashes hashes;
	struct dp_flow_keys keys;

	dp_flow_keys_set(&keys, 0, &key);
	dp_select_hash(&keys, key.is_v6, 1, &hashes);
	return lb_maglev_entry(s->dst_port == 81 ? hashes.client[0] : hashes.flow[0], RIG_MAGLEV);
}

uint32_t rig_slot(const struct frame_spec *s)
{
	return rig_place(s) % 4 + (lb_ip_is_v4(&s->dst) ? 0 : 4);
}

struct lb_ip rig_target(uint32_t slot)
{
	struct lb_ip ip = frame_ip(slot < 4 ? "10.1.0.11" : "fd00:1::11");

	ip.bytes[15] += slot % 4;
	return ip;
}

struct rte_mbuf *rig_mbuf(struct rig *rig, const uint8_t *bytes, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig->pool);
	char *at = m == NULL ? NULL : rte_pktmbuf_append(m, (uint16_t)len);

	if (at == NULL)
		die("rte_pktmbuf_append");
	memcpy(at, bytes, len);
	return m;
}

void rig_run(struct rig *rig, const struct frame *frame, uint16_t port)
{
	struct rte_mbuf *m = rig_mbuf(rig, frame->bytes, frame->len);

	dp_pipeline_run(&rig->ctx, &m, 1, port);
}

struct rte_mbuf *rig_take(struct rig *rig, uint16_t *port, bool *kernel)
{
	struct rte_mbuf *m = NULL;

	for (uint16_t i = 0; i < 2 * DP_MAX_PORTS; i++) {
		bool is_kernel = i >= DP_MAX_PORTS;
		struct dp_out *out =
		        is_kernel ? &rig->ctx.kernel[i - DP_MAX_PORTS] : &rig->ctx.out[i];

		if (out->n == 0)
			continue;
		if (m != NULL || out->n > 1)
			die("one packet in all queues");
		m = out->pkts[0];
		out->n = 0;
		*port = i % DP_MAX_PORTS;
		*kernel = is_kernel;
	}
	return m;
}

void rig_clear(struct rig *rig)
{
	for (uint16_t i = 0; i < DP_MAX_PORTS; i++) {
		rte_pktmbuf_free_bulk(rig->ctx.out[i].pkts, rig->ctx.out[i].n);
		rte_pktmbuf_free_bulk(rig->ctx.kernel[i].pkts, rig->ctx.kernel[i].n);
		rig->ctx.out[i].n = 0;
		rig->ctx.kernel[i].n = 0;
	}
}

bool rig_conserves(const struct rig *rig)
{
	const uint64_t *c = rig->stats.counters;
	uint64_t sum = c[LB_COUNTER_TO_TARGET] + c[LB_COUNTER_TO_CLIENT] + c[LB_COUNTER_ANSWERED] +
	               c[LB_COUNTER_KERNEL] + c[LB_COUNTER_HELD];

	for (uint32_t i = 0; i < LB_DROP_COUNT; i++)
		sum += rig->stats.drops[i];
	return sum == c[LB_COUNTER_RECEIVED];
}

enum lb_drop_reason rig_dropped(struct rig *rig)
{
	enum lb_drop_reason reason = LB_DROP_COUNT;

	for (uint32_t i = 0; i < LB_DROP_COUNT; i++) {
		if (rig->stats.drops[i] == 0)
			continue;
		if (reason != LB_DROP_COUNT || rig->stats.drops[i] != 1)
			die("one drop, for one reason");
		reason = (enum lb_drop_reason)i;
	}
	memset(&rig->stats, 0, sizeof(rig->stats));
	return reason;
}
