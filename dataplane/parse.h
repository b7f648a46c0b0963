/* SPDX-License-Identifier: BSD-3-Clause
 *
 * From a frame to a flow key. The only place that reads raw headers: what it lets through has
 * headers that lie in the first buffer segment, lengths that agree with each other and with the
 * frame, and flags, ports and options that a sane sender could have meant.
 */
#ifndef DP_PARSE_H
#define DP_PARSE_H

#include "pkt.h"

/* IPv6 extension headers that are followed; more are nobody's honest traffic. */
#define DP_PARSE_MAX_EXTENSIONS 8

/* Decides what a frame is. DP_GO_ON: TCP or UDP, 'pkt' and 'key' are filled. DP_TO_KERNEL: not
 * ours. Otherwise the drop reason. What is not addressed to a virtual address is dropped only where
 * its IP header can't be trusted to say so; all other oddities in it are the kernel's to judge.
 *
 * The frame is changed in two cases, both of hardware that hands over less than the wire had: a
 * VLAN tag that was stripped is put back, and a TCP or UDP checksum that a virtual device left to
 * be computed (RTE_MBUF_F_RX_L4_CKSUM_NONE) is computed. */
dp_verdict dp_parse(const struct dp_tables *tables, const struct dp_port *port, struct rte_mbuf *m,
        struct dp_pkt *pkt, struct dp_flow_key *key);

/* Parses 'n' packets, at most DP_BURST, that bursts[]' port received. What is TCP or UDP is live in
 * the burst of its family, bursts[is_v6]; the others are settled. Counts all as received. */
void dp_parse_burst(
        struct dp_worker_ctx *ctx, struct rte_mbuf **pkts, uint32_t n, struct dp_burst bursts[2]);

#endif
