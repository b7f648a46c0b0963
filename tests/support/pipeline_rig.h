/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A worker in memory: the real pipeline, flow table and next hops over a fixed small network,
 * without ports, kernel or control plane.
 *
 *   clients 192.0.2.0/24, 2001:db8::/64          targets 10.1.0.11-14, fd00:1::11-14, port 8080
 *        port 0  -----------  this worker  -----------  port 1
 *                virtual 10.90.0.10, 10.90.0.11, fd00:90::10
 *                TCP 80 (on .11 too), UDP 53, TCP 81 by client address, TCP 82 without a target
 */
#ifndef PIPELINE_RIG_H
#define PIPELINE_RIG_H

#include <rte_mempool.h>

#include "frame.h"
#include "pipeline.h"
#include "tables_fixture.h"

#define RIG_SLOTS     8 /* 0-3 IPv4 targets, 4-7 IPv6 targets */
#define RIG_LISTENERS 8
#define RIG_MAGLEV    1021

#define RIG_TARGET_PORT 8080

struct rig_config {
	uint32_t flows;      /* room for, per family */
	uint32_t packets;    /* mbufs */
	uint16_t pool_cache; /* mbufs that an lcore keeps for itself */
	uint16_t client_limit;
	uint16_t nb_workers; /* that the flow table and the next hops are made for; 0: 1. The rig
	                        itself is worker 0 */
	bool huge;
};

struct rig {
	struct rig_config config;
	struct rte_mempool *pool;
	struct tables_fixture fx;
	struct dp_port ports[DP_MAX_PORTS];
	struct dp_worker_ctx ctx;
	struct lb_worker_stats stats;
	struct lb_target_stats target_stats[RIG_SLOTS];
	struct lb_listener_stats listener_stats[RIG_LISTENERS];
};

/* Starts EAL, once a process: in huge pages when 'huge' and there are any. Says whether there are.
 */
bool rig_eal(bool huge);
/* The same on these lcores, a list as EAL's -l takes it, instead of CPU 0. */
bool rig_eal_lcores(bool huge, const char *lcores);

struct rig *rig_create(const struct rig_config *config);
void rig_free(struct rig *rig);

/* A test's set-up and tear-down: a rig, with EAL started without huge pages; its end, and how many
 * packets somebody had not given back by then, where a test wants 0. */
struct rig *rig_open(const struct rig_config *config);
uint32_t rig_close(struct rig *rig);

/* Forgets all flows and counters. */
void rig_forget(struct rig *rig);

/* A packet of client number 'client' to a virtual address, as port 0 receives it. */
struct frame_spec rig_to_vip(const char *vip, uint16_t port, uint8_t protocol, uint32_t client);

/* A target's answer to a packet as it was forwarded, as port 1 receives it. */
struct frame_spec rig_answer(const struct frame_spec *forwarded);

/* What a packet must be when it leaves by 'port': to a target by port 1, with the target as
 * 'other'; to a client by port 0, with the virtual address as 'other'. */
struct frame_spec rig_forwarded(const struct frame_spec *received, uint16_t port,
        const struct lb_ip *other, uint16_t other_port);

/* The place in its Maglev table that a packet's flow gets, the slot that the rig put there (place
 * modulo 4, and 4 more for IPv6), and a slot's address. */
uint32_t rig_place(const struct frame_spec *to_vip);
uint32_t rig_slot(const struct frame_spec *to_vip);
struct lb_ip rig_target(uint32_t slot);

/* The adjacency of a port's gateway, and a route. */
struct dp_adj rig_adj(uint16_t port);
void rig_route(struct rig *rig, const char *prefix, uint8_t depth, const struct dp_adj *adj);

/* A copy of a frame in an mbuf. */
struct rte_mbuf *rig_mbuf(struct rig *rig, const uint8_t *bytes, uint32_t len);

/* Runs one frame that 'port' received. */
void rig_run(struct rig *rig, const struct frame *frame, uint16_t port);

/* The only packet in all queues, taken out; '*port' says where it leaves, with 'kernel' the port
 * whose kernel it goes to. NULL if there is none. Ends the program if there are several. */
struct rte_mbuf *rig_take(struct rig *rig, uint16_t *port, bool *kernel);

/* Frees what is in the queues. */
void rig_clear(struct rig *rig);

/* received = forwarded + answered + kernel + dropped + held? */
bool rig_conserves(const struct rig *rig);

/* The drop reason with a count above 0, LB_DROP_COUNT if none has; counts are reset. */
enum lb_drop_reason rig_dropped(struct rig *rig);

#endif
