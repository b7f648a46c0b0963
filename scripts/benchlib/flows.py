# SPDX-License-Identifier: BSD-3-Clause
"""Established flows through a running load balancer: TCP handshakes of so many clients with whatever targets it
chooses, over a TAP port, both sides played from one packet socket; then the packets of these flows as a pcap file."""
import random
import struct
import time
from ipaddress import ip_address

import packets
from balancer import MAC, PEER_MAC, TARGET_PORT, VIP, targets
from support import BenchError

from lab import Wire

WIRE = "wire0"
BATCH = 256  # fewer than a TAP's queue holds
PATIENCE_S = 0.2  # what has not come by then was lost on the way, and is sent again
TRIES = 50


def template(v6, address, port, flags, from_client):
    mac, peer = (bytes.fromhex(m.replace(":", "")) for m in (MAC, PEER_MAC))
    return packets.Template(mac, peer, v6, ip_address(address).packed, port, flags, from_client)


class Handshakes:
    """The flows 0 .. n-1 of one family. 'targets' says which target each one got."""

    def __init__(self, balancer, v6):
        self.v6 = v6
        self.wire = Wire(balancer.namespace.name, WIRE)
        self.wire.socket.setblocking(False)
        self.offset, self.size = (22, 16) if v6 else (26, 4)
        self.ports_at = self.offset + 2 * self.size
        self.targets = []
        self.answers = [template(v6, t, TARGET_PORT, packets.SYN_ACK, False) for t in targets(v6)]
        self.number = {ip_address(t).packed: k for k, t in enumerate(targets(v6))}

    def received(self):
        """Source and destination (address, port) of each TCP frame that came, until none is left."""
        kind, at = (b"\x86\xdd", 20) if self.v6 else (b"\x08\x00", 23)
        while True:
            try:
                frame = self.wire.socket.recv(2048)
            except BlockingIOError:
                return
            if len(frame) >= self.ports_at + 4 and frame[12:14] == kind and frame[at] == 6:
                source, destination = struct.unpack_from("!HH", frame, self.ports_at)
                yield ((frame[self.offset:self.offset + self.size], source),
                       (frame[self.offset + self.size:self.ports_at], destination))

    def exchange(self, frames, notice):
        """Sends frames, by key, until notice(source, destination) has returned each key."""
        frames = dict(frames)
        for _ in range(TRIES):
            for frame in frames.values():
                self.wire.send(frame)
            until = time.monotonic() + PATIENCE_S
            while frames and time.monotonic() < until:
                for source, destination in self.received():
                    frames.pop(notice(source, destination), None)
            if not frames:
                return
        raise BenchError(f"{len(frames)} of {BATCH} packets did not come through the load balancer, tried {TRIES} times")

    def run(self, n):
        syn = template(self.v6, VIP[self.v6], TARGET_PORT, packets.SYN, True)
        for begin in range(0, n, BATCH):
            flows = range(begin, min(n, begin + BATCH))
            clients = {(packets.client_address(i, self.v6), packets.client(i)[1]): i for i in flows}
            chosen = {}

            def forwarded(source, destination):
                i, target = clients.get(source), self.number.get(destination[0])
                if i is None or target is None:
                    return None
                chosen[i] = target
                return i

            self.exchange(((i, syn.frame(i)) for i in flows), forwarded)
            self.exchange(((i, self.answers[chosen[i]].frame(i)) for i in flows),
                          lambda source, destination: clients.get(destination) if source[0] not in self.number else None)
            self.targets += [chosen[i] for i in flows]

    def close(self):
        self.wire.close()


def establish(balancer, v6, n):
    """Makes n flows in the load balancer's table. Returns the number of each one's target."""
    balancer.start(f"net_tap,iface={WIRE},mac={MAC}")
    handshakes = Handshakes(balancer, v6)
    try:
        handshakes.run(n)
    finally:
        handshakes.close()
    return handshakes.targets


def write_packets(path, v6, flow_targets):
    """A pcap file with one packet each way of each flow, in random order. Returns how many packets."""
    forward = template(v6, VIP[v6], TARGET_PORT, packets.ACK, True)
    answers = [template(v6, t, TARGET_PORT, packets.ACK, False) for t in targets(v6)]
    frames = [forward.frame(i) for i in range(len(flow_targets))]
    frames += [answers[target].frame(i) for i, target in enumerate(flow_targets)]
    random.Random(1).shuffle(frames)
    return packets.write(path, frames)
