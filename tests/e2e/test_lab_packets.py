# SPDX-License-Identifier: BSD-3-Clause
"""Frames through the running binary, whole frames compared with an independent model.

The model builds what should come out with scapy, from the fields alone, and lets scapy compute every
checksum anew; the two must be equal byte for byte.
"""
import itertools
import json
import random

import pytest
from scapy.layers.inet import IP, TCP, UDP, IPOption_NOP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.packet import Raw

VIP = {4: "10.90.0.10", 6: "fd90::10"}
CLIENT = {4: "10.0.0.77", 6: "fd00::77"}    # nobody: a permanent neighbour leads to the client's port
TARGET = {4: "10.1.0.77", 6: "fd00:1::77"}  # nobody: a permanent neighbour leads to t1's port
PORT, TARGET_PORT = 7777, 8888
L4 = {"tcp": TCP, "udp": UDP}
TAGS = {0: [], 1: [(0x8100, 100)], 2: [(0x88a8, 200), (0x8100, 100)]}


@pytest.fixture(scope="module")
def wires(lab):
    client, target = lab.wire("client"), lab.wire("t1")
    macs = {i: lab.on("lb", "ip", "-br", "link", "show", i).split()[2] for i in ("front", "zone-a")}
    for v, (address, interface, wire) in itertools.product((4, 6), [
            (CLIENT, "front", client), (TARGET, "zone-a", target)]):
        lab.on("lb", "ip", f"-{v}", "neigh", "replace", address[v], "lladdr", wire.mac.hex(":"), "nud", "permanent",
               "dev", interface)
    for v, protocol in itertools.product((4, 6), L4):
        # no check can pass: the group fails open to its one target
        lab.service(f"m{v}{protocol}", protocol.upper(), PORT, [f"[{TARGET[6]}]:{TARGET_PORT}" if v == 6 else
                                                               f"{TARGET[4]}:{TARGET_PORT}"],
                    family=f"ipv{v}", health={"HealthCheckProtocol": "TCP", "HealthCheckPort": "9"})
    yield {"client": client, "target": target, "macs": macs}
    client.close()
    target.close()


def headers(v, source, destination, ttl, identification, options):
    if v == 4:
        return IP(src=source, dst=destination, ttl=ttl, id=identification, tos=0x28, flags="DF",
                  options=[IPOption_NOP()] * 4 if options else [])
    base = IPv6(src=source, dst=destination, hlim=ttl, tc=0x28, fl=identification)
    return base / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() if options else base


def frame(v, protocol, tags, macs, source, destination, sport, dport, ttl, payload, identification, options, tcp_flags):
    packet = Ether(src=macs[0], dst=macs[1])
    for tpid, vid in tags:
        packet = packet / (Dot1AD if tpid == 0x88a8 else Dot1Q)(vlan=vid, prio=3)
    l4 = TCP(sport=sport, dport=dport, seq=1000, ack=2000, flags=tcp_flags, window=1234,
             options=[("MSS", 1460), ("NOP", None)]) if protocol == "tcp" else UDP(sport=sport, dport=dport)
    return bytes(packet / headers(v, source, destination, ttl, identification, options) / l4 / Raw(payload))


def of_flow(sport, dport):
    ports = sport.to_bytes(2, "big") + dport.to_bytes(2, "big")
    return lambda f: ports in f[:120] and len(f) > 60


@pytest.mark.parametrize("options", [False, True], ids=["plain", "options"])
@pytest.mark.parametrize("nb_tags", [0, 1, 2], ids=["untagged", "vlan", "qinq"])
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize("v", [4, 6], ids=["v4", "v6"])
def test_to_target_and_back(wires, v, protocol, nb_tags, options):
    rng = random.Random(f"{v}{protocol}{nb_tags}{options}")
    client_mac, target_mac = wires["client"].mac.hex(":"), wires["target"].mac.hex(":")
    front, zone = wires["macs"]["front"], wires["macs"]["zone-a"]
    sport = rng.randrange(20000, 60000)
    for size in (0, 1, 2, 47, 1000, 1300):
        payload = rng.randbytes(size + 20)
        common = {"v": v, "protocol": protocol, "tags": TAGS[nb_tags], "payload": payload, "options": options,
                  "identification": rng.randrange(1, 65535)}
        # to the target: destination rewritten, source kept, one hop used
        sent = frame(macs=(client_mac, front), source=CLIENT[v], destination=VIP[v], sport=sport, dport=PORT, ttl=64,
                     tcp_flags="S", **common)
        want = frame(macs=(zone, target_mac), source=CLIENT[v], destination=TARGET[v], sport=sport, dport=TARGET_PORT,
                     ttl=63, tcp_flags="S", **common)
        wires["client"].send(sent)
        got = wires["target"].receive(of_flow(sport, TARGET_PORT))
        assert got is not None, "nothing reached the target"
        assert got.hex() == want.hex(), f"to the target:\n{Ether(got).show2(dump=True)}"
        # and back: source rewritten, destination kept
        sent = frame(macs=(target_mac, zone), source=TARGET[v], destination=CLIENT[v], sport=TARGET_PORT, dport=sport,
                     ttl=255, tcp_flags="SA", **common)
        want = frame(macs=(front, client_mac), source=VIP[v], destination=CLIENT[v], sport=PORT, dport=sport, ttl=254,
                     tcp_flags="SA", **common)
        wires["target"].send(sent)
        got = wires["client"].receive(of_flow(PORT, sport))
        assert got is not None, "nothing reached the client"
        assert got.hex() == want.hex(), f"to the client:\n{Ether(got).show2(dump=True)}"


def test_udp_without_a_checksum_stays_without_over_ipv4(wires):
    client_mac, front = wires["client"].mac.hex(":"), wires["macs"]["front"]
    wires["client"].send(bytes(Ether(src=client_mac, dst=front) / IP(src=CLIENT[4], dst=VIP[4]) /
                               UDP(sport=33333, dport=PORT, chksum=0) / Raw(b"x" * 40)))
    got = wires["target"].receive(of_flow(33333, TARGET_PORT))
    assert got is not None and Ether(got)[UDP].chksum == 0


DROPS = {
    "ttl_expired": lambda e: e / IP(src=CLIENT[4], dst=VIP[4], ttl=1) / UDP(sport=1234, dport=PORT) / Raw(b"x" * 30),
    "no_listener": lambda e: e / IP(src=CLIENT[4], dst=VIP[4]) / UDP(sport=1234, dport=9) / Raw(b"x" * 30),
    "ip4_bad_checksum": lambda e: e / IP(src=CLIENT[4], dst=VIP[4], chksum=1) / UDP(sport=1234, dport=PORT) / Raw(b"x" * 30),
    "ip4_bad_length": lambda e: e / IP(src=CLIENT[4], dst=VIP[4], len=9000) / UDP(sport=1234, dport=PORT) / Raw(b"x" * 30),
    "udp_bad_length": lambda e: e / IP(src=CLIENT[4], dst=VIP[4]) / UDP(sport=1234, dport=PORT, len=4000) / Raw(b"x" * 30),
    "tcp_bad_header": lambda e: e / IP(src=CLIENT[4], dst=VIP[4]) / TCP(sport=1234, dport=PORT, dataofs=2) / Raw(b"x" * 30),
    "tcp_bad_flags": lambda e: e / IP(src=CLIENT[4], dst=VIP[4]) / TCP(sport=1234, dport=PORT, flags="SF") / Raw(b"x" * 30),
    "port_zero": lambda e: e / IP(src=CLIENT[4], dst=VIP[4]) / UDP(sport=0, dport=PORT) / Raw(b"x" * 30),
    "fragment": lambda e: e / IP(src=CLIENT[4], dst=VIP[4], flags="MF") / UDP(sport=1234, dport=PORT) / Raw(b"x" * 32),
    "ip_bad_source": lambda e: e / IP(src="224.0.0.1", dst=VIP[4]) / UDP(sport=1234, dport=PORT) / Raw(b"x" * 30),
    "l4_truncated": lambda e: e / IP(src=CLIENT[4], dst=VIP[4], proto=6) / Raw(b"x" * 12),
}


@pytest.mark.parametrize("reason", DROPS)
def test_bad_frames_are_dropped_with_a_name(lab, wires, reason):
    def count():
        return {d["reason"]: d["packets"] for d in lab.counters()[1]}.get(reason, 0)
    before = count()
    ether = Ether(src=wires["client"].mac.hex(":"), dst=wires["macs"]["front"])
    for _ in range(5):
        wires["client"].send(bytes(DROPS[reason](ether)))
    lab.wait(lambda: count() >= before + 5, 5, f"five packets dropped as {reason}: {lab.counters()[1]}")
    assert count() == before + 5


def test_random_frames_crash_nothing(lab, wires):
    rng, pid = random.Random(1), json.loads(lab.run("env"))["running"]["dataplane"]
    base = [bytes(Ether(src=wires["client"].mac.hex(":"), dst=wires["macs"]["front"]) / headers(v, CLIENT[v], VIP[v], 64, 1, True) /
                  L4[p](sport=40000, dport=PORT) / Raw(b"y" * 40)) for v in (4, 6) for p in L4]
    for _ in range(4000):
        f = bytearray(rng.choice(base))
        for _ in range(rng.randrange(1, 6)):
            f[rng.randrange(12, len(f))] = rng.randrange(256)
        wires["client"].send(bytes(f[:rng.randrange(20, len(f) + 1)]))
    assert lab.rpc("Status")["dataplane"]["attached"]
    assert json.loads(lab.run("env"))["running"]["dataplane"] == pid, "the dataplane ended"
