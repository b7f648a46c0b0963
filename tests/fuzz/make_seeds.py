#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the seed inputs of fuzz_frames, fuzz_spread and fuzz_ring into corpus/, next to this file.

The inputs' formats are described in these targets. Run again after a change of one; found inputs beside the seeds are kept."""
import struct
from pathlib import Path

from scapy.all import (ICMP, IP, TCP, UDP, Dot1AD, Dot1Q, Ether, IPOption_LSRR, IPOption_NOP, IPv6,
                       IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, Raw)

CORPUS = Path(__file__).parent / "corpus"
V4, V6 = dict(src="192.0.2.1", dst="10.90.0.10"), dict(src="2001:db8::1", dst="fd00:90::10")
TO_PORT_1 = 1


def ether():
    return Ether(dst="02:00:00:00:00:01", src="02:00:00:00:01:00")


def frame(packet, options=0, cut=None):
    raw = bytes(packet)[:cut]
    return struct.pack(">BH", options, len(raw)) + raw


def answers(ip, l4):
    """What the four targets of a family might answer."""
    targets = ["10.1.0.%d" % n for n in range(11, 15)] if ip is IP else ["fd00:1::%d" % n for n in range(11, 15)]
    client = V4["src"] if ip is IP else V6["src"]
    return b"".join(frame(ether() / ip(src=t, dst=client) / l4, TO_PORT_1) for t in targets)


def frames():
    syn, data = TCP(sport=20000, dport=80, flags="S"), TCP(sport=20000, dport=80, flags="PA")
    back = TCP(sport=8080, dport=20000, flags="SA")
    yield "tcp4-both-ways", frame(ether() / IP(**V4) / syn) + answers(IP, back) + frame(ether() / IP(**V4) / data / b"get")
    yield "tcp6-both-ways", frame(ether() / IPv6(**V6) / syn) + answers(IPv6, back) + frame(ether() / IPv6(**V6) / data / b"get")
    yield "udp4-both-ways", (frame(ether() / IP(**V4) / UDP(sport=20000, dport=53) / b"q")
                             + answers(IP, UDP(sport=8080, dport=20000) / b"a"))
    yield "udp4-no-checksum", frame(ether() / IP(**V4) / UDP(sport=20000, dport=53, chksum=0) / b"q")
    yield "udp6", frame(ether() / IPv6(**V6) / UDP(sport=20000, dport=53) / b"q")
    yield "collision", frame(ether() / IP(**V4) / syn) + frame(ether() / IP(src=V4["src"], dst="10.90.0.11") / syn)
    yield "closed-and-again", b"".join(frame(ether() / IP(**V4) / TCP(sport=20000, dport=80, flags=f)) for f in ("S", "A", "R", "S"))
    yield "one-tag", frame(ether() / Dot1Q(vlan=5) / IP(**V4) / syn)
    yield "two-tags", frame(ether() / Dot1AD(vlan=5) / Dot1Q(vlan=6) / IPv6(**V6) / syn)
    yield "three-tags", frame(ether() / Dot1Q(vlan=5) / Dot1Q(vlan=6) / Dot1Q(vlan=7) / IP(**V4) / syn)
    yield "ip4-options", frame(ether() / IP(options=[IPOption_NOP()] * 4, **V4) / syn)
    yield "ip4-source-route", frame(ether() / IP(options=[IPOption_LSRR(routers=["10.1.0.11"])], **V4) / syn)
    yield "ip4-fragment", frame(ether() / IP(flags="MF", **V4) / syn)
    yield "ip6-extensions", frame(ether() / IPv6(**V6) / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / IPv6ExtHdrRouting(segleft=0) / syn)
    yield "ip6-segments-left", frame(ether() / IPv6(**V6) / IPv6ExtHdrRouting(addresses=["fd00::1"], segleft=1) / syn)
    yield "ip6-fragment", frame(ether() / IPv6(**V6) / IPv6ExtHdrFragment(m=1, nh=6) / Raw(bytes(syn)))
    yield "ip6-atomic-fragment", frame(ether() / IPv6(**V6) / IPv6ExtHdrFragment(nh=17) / UDP(sport=20000, dport=53))
    yield "icmp", frame(ether() / IP(**V4) / ICMP())
    yield "arp-like", frame(Ether(dst="ff:ff:ff:ff:ff:ff", type=0x0806) / (b"\0" * 28), 2)
    yield "segments", b"".join(frame(ether() / IP(**V4) / syn / (b"x" * 40), split << 2) for split in (1, 2, 3))
    yield "device-flags", b"".join(frame(ether() / IP(**V4) / UDP(sport=20000, dport=53) / b"q", flags << 4) for flags in range(16))
    yield "cut-short", b"".join(frame(ether() / IP(**V4) / syn, 0, cut) for cut in (0, 13, 20, 33, 34, 40, 53))
    yield "padded", frame(bytes(ether() / IP(**V4) / syn) + b"\xaa" * 6)


def spread():
    """The first frame of each of the others, bare."""
    for name, data in frames():
        (size,) = struct.unpack_from(">H", data, 1)
        yield name, data[3:3 + size]


def ring_message(kind, seq, revision, offset):
    return struct.pack("<IIQQII", kind, seq, revision, offset, 0, 0)


def generation(**changes):
    """An empty but valid generation of 1024 bytes, 4 slots."""
    g = dict(magic=0x4E4F495441523147, size=1024, revision=1, config_revision=1, nb_vips=1, nb_listeners=1, nb_groups=1, nb_slots=4,
             vip_index_size=4, listener_index_size=4, vips=128, vip_index=192, listeners=256, listener_index=320,
             groups=384, targets=448, epochs=704)
    g.update(changes)
    return struct.pack("<4Q13I", *g.values()).ljust(1024, b"\0")


def rings():
    run = ring_message(1, 1, 1, 4096)
    yield "run", bytes([1, 0, 0]) + run + generation()
    yield "older-and-newer", bytes([2, 0, 0]) + ring_message(1, 1, 0, 4160) + run + generation()
    yield "unknown-command", bytes([1, 0, 0]) + ring_message(9, 1, 1, 4096) + generation()
    yield "unaligned", bytes([1, 0, 0]) + ring_message(1, 1, 1, 4097) + generation()
    yield "outside", bytes([1, 0, 0]) + ring_message(1, 1, 1, 1 << 63) + generation()
    yield "another-revision", bytes([1, 0, 0]) + ring_message(1, 1, 2, 4096) + generation()
    yield "huge", bytes([1, 0, 0]) + run + generation(size=1 << 40)
    yield "epochs-outside", bytes([1, 0, 0]) + run + generation(epochs=1024)
    yield "many-slots", bytes([1, 0, 0]) + run + generation(nb_slots=0xFFFFFFFF)
    yield "odd-index", bytes([1, 0, 0]) + run + generation(vip_index_size=3)
    for word in (5, 6, 16, 17, 24, 25):
        yield "header-word-%d" % word, bytes([1, 1, word]) + run + b"\xff" * 8 + generation()


def main():
    for name, inputs in (("frames", frames()), ("spread", spread()), ("ring", rings())):
        (CORPUS / name).mkdir(parents=True, exist_ok=True)
        for seed, data in inputs:
            (CORPUS / name / seed).write_bytes(data)


if __name__ == "__main__":
    main()
