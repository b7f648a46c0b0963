# SPDX-License-Identifier: BSD-3-Clause
"""Frames of floods, from sources that nobody has, and odd frames of every kind, each with what should become of it."""
import random
import socket
import struct

from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption, IPOption_LSRR, IPOption_NOP
from scapy.layers.inet6 import (ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
                                IPv6ExtHdrRouting)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw

SYN, ACK = 0x02, 0x10
# What becomes of an odd frame, beside the names of drop reasons. The last never reach the dataplane: steering leaves
# to the kernel what is no TCP or UDP to a virtual address.
TO_TARGET, TO_KERNEL, NEVER_OURS = "to_target", "kernel", None


def checksum(data):
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Flood:
    """Frames to a virtual address of either family, made fast: a flood wants many thousand. All that is random follows
    'seed'."""

    def __init__(self, client_mac, mac, vip4, vip6, seed=1):
        self.ether = mac + client_mac + b"\x08\x00"
        self.ether6 = mac + client_mac + b"\x86\xdd"
        self.vip, self.vip6 = socket.inet_aton(vip4), socket.inet_pton(socket.AF_INET6, vip6)
        self.rng = random.Random(seed)

    def source(self):
        """Of no host in the lab."""
        return bytes([self.rng.randrange(11, 120)]) + self.rng.randbytes(3)

    def port(self):
        return self.rng.randrange(1024, 65536)

    def ip(self, source, protocol, payload, fragment=0):
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), self.rng.getrandbits(16), fragment, 64, protocol, 0)
        head += source + self.vip
        return self.ether + head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload

    def segment(self, port, flags, addresses):
        """TCP without data; its checksum needs the two addresses."""
        segment = struct.pack("!HHIIBBHHH", self.port(), port, self.rng.getrandbits(32),
                              self.rng.getrandbits(32) if flags & ACK else 0, 0x50, flags, 1000, 0, 0)
        total = checksum(addresses + struct.pack("!II", len(segment), 6) + segment)
        return segment[:16] + struct.pack("!H", total) + segment[18:]

    def tcp(self, port, flags):
        source = self.source()
        return self.ip(source, 6, self.segment(port, flags, source + self.vip))

    def tcp6(self, port, flags):
        source = b"\x20\x01\x0d\xb8" + self.rng.randbytes(12)
        segment = self.segment(port, flags, source + self.vip6)
        return self.ether6 + struct.pack("!IHBB", 6 << 28, len(segment), 6, 64) + source + self.vip6 + segment

    def udp(self, port, data=b"x" * 18):
        return self.ip(self.source(), 17, struct.pack("!HHHH", self.port(), port, 8 + len(data), 0) + data)

    def fragment(self):
        """First, middle or last, tiny, or over another: none of them can be told from a whole datagram's beginning alone."""
        offset = self.rng.choice((0, 1, 3, 185, 185, 8000))
        more = 0x2000 if offset == 0 or self.rng.random() < 0.5 else 0
        return self.ip(self.source(), self.rng.choice((6, 17)), self.rng.randbytes(8 * self.rng.choice((1, 2, 3, 180))),
                       more | offset)

    def noise(self):
        """Random bytes behind a random, or a likely, beginning."""
        kind = self.rng.randrange(3)
        if kind == 0:
            return self.ether[:12] + self.rng.randbytes(self.rng.randrange(2, 200))
        if kind == 1:
            return self.ip(self.source(), self.rng.choice((6, 17)), self.rng.randbytes(self.rng.randrange(0, 60)))
        frame = bytearray(self.tcp(80, SYN))
        for _ in range(4):
            frame[self.rng.randrange(12, len(frame))] = self.rng.randrange(256)
        return bytes(frame[:self.rng.randrange(15, len(frame) + 1)])


def odd_frames(client_mac, mac, vip4, vip6, listening, closed):
    """(name, frame, what becomes of it), one of every kind. A UDP and a TCP listener are at 'listening', none at
    'closed'."""
    ether = Ether(src=client_mac.hex(":"), dst=mac.hex(":"))
    v4, v6 = {"src": "11.1.2.3", "dst": vip4}, {"src": "2001:db8::7", "dst": vip6}
    udp, data = UDP(sport=1234, dport=listening["udp"]), Raw(b"x" * 30)
    later, options6 = Raw(b"y" * 64), IPv6ExtHdrDestOpt()

    def ip4(**fields):
        return ether / IP(**(v4 | fields))

    def ip6(**fields):
        return ether / IPv6(**(v6 | fields))

    def tcp(flags, **fields):
        return TCP(sport=1234, dport=listening["tcp"], flags=flags, **fields)

    def cut(packet, size):
        return bytes(packet)[:size]

    def chain(n):
        packet = ip6()
        for _ in range(n):
            packet = packet / IPv6ExtHdrDestOpt()
        return packet / udp / data

    frames = [
        ("fragment, first", ip4(flags="MF") / udp / Raw(b"x" * 32), "fragment"),
        ("fragment, first and tiny: ports and nothing more", ip4(flags="MF", proto=6) / Raw(b"\x04\xd2\x00\x50\0\0\0\1"),
         "fragment"),
        ("fragment, middle", ip4(flags="MF", frag=5, proto=17) / later, "fragment"),
        ("fragment, middle, over the one before", ip4(flags="MF", frag=1, proto=17) / later, "fragment"),
        ("fragment, last", ip4(frag=13, proto=17) / Raw(b"y" * 9), "fragment"),
        ("fragment, last, beyond 65,535", ip4(frag=8191, proto=17) / later, "fragment"),
        ("fragment that must not be", ip4(flags="MF+DF") / udp / Raw(b"x" * 32), "fragment"),
        ("IPv6 fragment, first", ip6() / IPv6ExtHdrFragment(m=1, nh=17) / udp / Raw(b"x" * 32), "fragment"),
        ("IPv6 fragment, middle", ip6() / IPv6ExtHdrFragment(m=1, offset=8, nh=17) / later, "fragment"),
        ("IPv6 fragment, last", ip6() / IPv6ExtHdrFragment(offset=16, nh=17) / Raw(b"y" * 9), "fragment"),
        ("IPv6 fragment, tiny", ip6() / IPv6ExtHdrFragment(m=1, nh=6) / Raw(b"\x04\xd2\x00\x50\0\0\0\1"), "fragment"),
        ("IPv6 fragment behind options", ip6() / options6 / IPv6ExtHdrFragment(m=1, offset=8, nh=17) / later, "fragment"),
        ("IPv6, a whole packet as its one fragment", ip6() / IPv6ExtHdrFragment(nh=17) / udp / data, TO_TARGET),

        ("IPv4 checksum wrong", ip4(chksum=1) / udp / data, "ip4_bad_checksum"),
        ("IPv4 longer than the frame", ip4(len=9000) / udp / data, "ip4_bad_length"),
        ("IPv4 shorter than its header", ip4(len=19) / udp / data, "ip4_bad_length"),
        ("IPv4 header length of 4 words", ip4(ihl=4) / udp / data, "ip4_bad_header"),
        ("IPv4 ends within its options", cut(ip4(ihl=15, proto=17) / data, 60), "ip4_truncated"),
        ("IPv4 option without a length", ip4(options=[IPOption(b"\x44\x00\x00\x00")]) / udp / data, "ip4_bad_option"),
        ("IPv4 source route", ip4(options=[IPOption_LSRR(routers=["10.0.0.9"])]) / udp / data, "ip4_bad_option"),
        ("IPv4 options that are sound", ip4(options=[IPOption_NOP()] * 4) / udp / data, TO_TARGET),
        ("IPv4 TTL 1", ip4(ttl=1) / udp / data, "ttl_expired"),
        ("IPv4 from a multicast address", ip4(src="224.0.0.1") / udp / data, "ip_bad_source"),
        ("IPv4 from loopback", ip4(src="127.0.0.1") / udp / data, "ip_bad_source"),
        ("IPv4 from nowhere", ip4(src="0.0.0.0") / udp / data, "ip_bad_source"),
        ("IPv4 from the virtual address itself", ip4(src=vip4) / udp / data, "ip_bad_source"),

        ("IPv6 longer than the frame", ip6(plen=2000) / udp / data, "ip6_bad_length"),
        ("IPv6 ends within an extension header", ip6(nh=60, plen=4) / Raw(b"\x11\x00\x01\x04"), "ip6_truncated"),
        ("IPv6 extension header beyond the packet", ip6(nh=60) / Raw(b"\x11\x20\x01\x04\0\0\0\0"), "ip6_truncated"),
        ("IPv6, 20 extension headers", chain(20), "ip6_bad_extension"),
        ("IPv6, 2 extension headers", chain(2), TO_TARGET),
        ("IPv6 hop-by-hop options in the second place", ip6() / options6 / IPv6ExtHdrHopByHop() / udp / data,
         "ip6_bad_extension"),
        ("IPv6 routing header with a way to go", ip6() / IPv6ExtHdrRouting(addresses=["fd00::9"], segleft=1) / udp / data,
         "ip6_bad_extension"),
        ("IPv6 from a multicast address", ip6(src="ff02::1") / udp / data, "ip_bad_source"),
        ("IPv6 from an IPv4-mapped address", ip6(src="::ffff:1.2.3.4") / udp / data, "ip_bad_source"),
        ("IPv6 UDP without a checksum", ip6() / UDP(sport=1234, dport=listening["udp"], chksum=0) / data,
         "udp_bad_checksum"),

        ("TCP cut short", ip4(proto=6) / Raw(b"x" * 12), "l4_truncated"),
        ("UDP cut short", ip4(proto=17) / Raw(b"x" * 5), "l4_truncated"),
        ("TCP data offset of 2 words", ip4() / tcp("S", dataofs=2) / data, "tcp_bad_header"),
        ("TCP data offset beyond the packet", ip4() / tcp("S", dataofs=15), "tcp_bad_header"),
        ("TCP without flags", ip4() / tcp(0) / data, "tcp_bad_flags"),
        ("TCP SYN with FIN", ip4() / tcp("SF") / data, "tcp_bad_flags"),
        ("TCP SYN with RST", ip4() / tcp("SR") / data, "tcp_bad_flags"),
        ("TCP, all flags at once", ip4() / tcp("FSRPAU") / data, "tcp_bad_flags"),
        ("TCP RST of no flow", ip4() / tcp("R"), "tcp_no_flow"),
        ("TCP SYN-ACK of no flow", ip4() / tcp("SA"), "tcp_no_flow"),
        ("TCP SYN to a closed port", ip4() / TCP(sport=1234, dport=closed, flags="S"), "no_listener"),
        ("TCP ACK to a closed port", ip4() / TCP(sport=1234, dport=closed, flags="A"), "no_listener"),
        ("UDP longer than the packet", ip4() / UDP(sport=1234, dport=listening["udp"], len=4000) / data, "udp_bad_length"),
        ("UDP from port 0", ip4() / UDP(sport=0, dport=listening["udp"]) / data, "port_zero"),
        ("UDP to port 0", ip4() / UDP(sport=1234, dport=0) / data, "port_zero"),
        ("UDP to a closed port", ip4() / UDP(sport=1234, dport=closed) / data, "no_listener"),
        # without a device that checks it, a checksum is the target's to judge: updated by the difference, it stays wrong
        ("UDP checksum wrong", ip4() / UDP(sport=1234, dport=listening["udp"], chksum=1) / data, TO_TARGET),

        ("to another link address", Ether(src=client_mac.hex(":"), dst="02:00:00:00:00:99") / IP(**v4) / udp / data,
         TO_KERNEL),
        ("IPv4 that says version 5", ip4(version=5) / udp / data, NEVER_OURS),
        ("IPv4 cut within its header", cut(ip4() / udp, 14 + 11), NEVER_OURS),
        ("IPv6 that says version 4", ip6(version=4) / udp / data, NEVER_OURS),
        ("three VLAN tags", ether / Dot1Q(vlan=1) / Dot1Q(vlan=2) / Dot1Q(vlan=3) / IP(**v4) / udp / data, NEVER_OURS),
        ("an ether type of nobody", Ether(src=client_mac.hex(":"), dst=mac.hex(":"), type=0x88b5) / data, NEVER_OURS),
        ("ARP of nonsense", ether / ARP(op=9, psrc="11.1.2.3", pdst=vip4), NEVER_OURS),
        ("ICMP", ip4() / ICMP() / data, NEVER_OURS),
        ("ICMPv6", ip6() / ICMPv6EchoRequest() / data, NEVER_OURS),
        ("SCTP", ip4(proto=132) / data, NEVER_OURS),
        ("IPv6 without a next header", ip6(nh=59) / data, NEVER_OURS),
    ]
    return [(name, bytes(frame), verdict) for name, frame, verdict in frames]
