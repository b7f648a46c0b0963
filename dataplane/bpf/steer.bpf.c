// SPDX-License-Identifier: BSD-3-Clause
/*
 * The steering program of an AF_XDP port: which frames go to the dataplane, and which to the
 * kernel.
 *
 *   TCP or UDP to a virtual address, whatever its port, fragments too      -> dataplane
 *   TCP or UDP from a target's (address, port, protocol), to no address
 *   of this host and to no group                                           -> dataplane
 *   all else: ARP, ND, ICMP, other protocols, other hosts, broken headers  -> kernel
 *
 * What belongs to the dataplane is dropped while no socket is bound, so that the kernel never
 * answers for a virtual address.
 *
 * The program's name, the map 'xsks_map' and the version below are what libxdp looks for in a
 * program that it may share: an AF_XDP socket opened on the interface adopts this one. Without a
 * reference count in the program, libxdp never tries to take it off again.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "steer.h"

#define MAX_QUEUES     128
#define MAX_VIPS       65536
#define MAX_LOCALS     65536
#define MAX_TARGETS    524288 /* up to two for each target */
#define MAX_TAGS       2
#define MAX_EXTENSIONS 8

#define IP_OFFSET_MASK 0x1fff

#ifndef IPPROTO_HOPOPTS
#define IPPROTO_HOPOPTS  0
#define IPPROTO_ROUTING  43
#define IPPROTO_FRAGMENT 44
#define IPPROTO_DSTOPTS  60
#endif

__uint(xsk_prog_version, 1) SEC("xdp_metadata");

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, MAX_QUEUES);
	__type(key, __u32);
	__type(value, __u32);
} xsks_map SEC(".maps");

#define ADDRESS_SET(name, key_type, entries)          \
	struct {                                      \
		__uint(type, BPF_MAP_TYPE_HASH);      \
		__uint(map_flags, BPF_F_NO_PREALLOC); \
		__uint(max_entries, entries);         \
		__type(key, key_type);                \
		__type(value, __u8);                  \
	} name SEC(".maps")

ADDRESS_SET(vips, struct dp_steer_ip, MAX_VIPS);
ADDRESS_SET(locals, struct dp_steer_ip, MAX_LOCALS);
ADDRESS_SET(targets, struct dp_steer_target, MAX_TARGETS);

struct vlan_tag {
	__be16 tci;
	__be16 type;
};

struct ipv6_extension {
	__u8 next;
	__u8 length; /* in units that depend on the type */
	__be16 fragment;
};

/* What the decision needs. */
struct packet {
	struct dp_steer_target from; /* port 0: not known, a later fragment */
	struct dp_steer_ip to;
	bool known; /* the protocol is known; if not, it may be anything */
};

/* Bytes are read through the helper (Linux 5.18), which checks each bound itself: offsets that
 * extension headers add up to make data pointers that a verifier follows only with much help. */
static __always_inline bool load(struct xdp_md *ctx, __u32 at, void *to, __u32 size)
{
	return bpf_xdp_load_bytes(ctx, at, to, size) == 0;
}

static __always_inline void map_v4(struct dp_steer_ip *ip, __be32 v4)
{
	__builtin_memset(ip->bytes, 0, 10);
	__builtin_memset(ip->bytes + 10, 0xff, 2);
	__builtin_memcpy(ip->bytes + 12, &v4, sizeof(v4));
}

static __always_inline bool is_tag(__be16 type)
{
	return type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD);
}

static __always_inline bool parse_v4(struct xdp_md *ctx, __u32 at, struct packet *p)
{
	struct iphdr ip;

	if (!load(ctx, at, &ip, sizeof(ip)) || ip.version != 4)
		return false;
	map_v4(&p->from.ip, ip.saddr);
	map_v4(&p->to, ip.daddr);
	p->from.protocol = ip.protocol;
	p->known = true;
	if (!(ip.frag_off & bpf_htons(IP_OFFSET_MASK)))
		load(ctx, at + ip.ihl * 4, &p->from.port, sizeof(p->from.port));
	return true;
}

static __always_inline bool is_extension(__u8 protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
	       protocol == IPPROTO_FRAGMENT || protocol == IPPROTO_DSTOPTS ||
	       protocol == IPPROTO_AH;
}

static __always_inline __u32 extension_size(__u8 protocol, __u8 length)
{
	if (protocol == IPPROTO_FRAGMENT)
		return 8;
	if (protocol == IPPROTO_AH)
		return (length + 2) * 4;
	return (length + 1) * 8;
}

/* RFC 8200 section 4. A later fragment whose first header is not the upper layer's, and a chain
 * that is longer than MAX_EXTENSIONS or cut off, leave the protocol unknown. */
static __always_inline bool parse_v6(struct xdp_md *ctx, __u32 at, struct packet *p)
{
	struct ipv6hdr ip;
	__u8 protocol;

	if (!load(ctx, at, &ip, sizeof(ip)) || ip.version != 6)
		return false;
	__builtin_memcpy(p->from.ip.bytes, &ip.saddr, 16);
	__builtin_memcpy(p->to.bytes, &ip.daddr, 16);
	protocol = ip.nexthdr;
	at += sizeof(ip);
	for (int i = 0; i < MAX_EXTENSIONS && is_extension(protocol); i++) {
		struct ipv6_extension ext;

		if (!load(ctx, at, &ext, sizeof(ext)))
			return true;
		if (protocol == IPPROTO_FRAGMENT && (ext.fragment & bpf_htons(0xfff8))) {
			p->from.protocol = ext.next;
			p->known = !is_extension(ext.next);
			return true;
		}
		at += extension_size(protocol, ext.length);
		protocol = ext.next;
	}
	p->from.protocol = protocol;
	p->known = !is_extension(protocol);
	if (p->known)
		load(ctx, at, &p->from.port, sizeof(p->from.port));
	return true;
}

/* Multicast, broadcast and link-local destinations are never forwarded. */
static __always_inline bool stays_on_link(const struct dp_steer_ip *to)
{
	const __u8 *b = to->bytes;

	if (b[0] == 0xff || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80))
		return true;
	return b[0] == 0 && b[10] == 0xff && (b[12] >= 224 || (b[12] == 169 && b[13] == 254));
}

static __always_inline bool is_ours(const struct packet *p)
{
	bool l4 = p->from.protocol == IPPROTO_TCP || p->from.protocol == IPPROTO_UDP;

	if (p->known && !l4)
		return false;
	if (bpf_map_lookup_elem(&vips, &p->to))
		return true;
	return l4 && bpf_map_lookup_elem(&targets, &p->from) && !stays_on_link(&p->to) &&
	       !bpf_map_lookup_elem(&locals, &p->to);
}

SEC("xdp")
int xsk_def_prog(struct xdp_md *ctx)
{
	struct packet p = {};
	struct vlan_tag tag;
	__be16 type;
	__u32 at = ETH_HLEN;

	if (!load(ctx, offsetof(struct ethhdr, h_proto), &type, sizeof(type)))
		return XDP_PASS;
	for (int i = 0; i < MAX_TAGS && is_tag(type); i++) {
		if (!load(ctx, at, &tag, sizeof(tag)))
			return XDP_PASS;
		type = tag.type;
		at += sizeof(tag);
	}
	if (type == bpf_htons(ETH_P_IP) ? !parse_v4(ctx, at, &p)
	                                : type != bpf_htons(ETH_P_IPV6) || !parse_v6(ctx, at, &p))
		return XDP_PASS;
	if (!is_ours(&p))
		return XDP_PASS;
	return bpf_redirect_map(&xsks_map, ctx->rx_queue_index, XDP_DROP);
}

char _license[] SEC("license") = "Dual BSD/GPL";
