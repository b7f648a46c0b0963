# SPDX-License-Identifier: BSD-3-Clause
"""TCP frames of many flows as pcap files, written without a packet library: a hundred thousand take a second.

Flow number i is a client of its own address and port. Its frame differs from the template in that alone, so the
checksums are the template's sums with these words added (RFC 1624).
"""
import struct

CLIENT_PORTS = 1000
FIRST_PORT = 20000
SYN, SYN_ACK, ACK = 0x02, 0x12, 0x10
PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
MIN_FRAME = 60  # without the frame check sequence


def client(i):
    """The client of flow i: the last 24 bits of its address in 10.64.0.0/10 or fd00:64::/32, and its port."""
    return i & 0x3FFFFF, FIRST_PORT + i % CLIENT_PORTS


def client_address(i, v6):
    low, _ = client(i)
    if v6:
        return bytes.fromhex("fd000064" + "00" * 9) + low.to_bytes(3, "big")
    return (0x0A400000 | low).to_bytes(4, "big")


def word_sum(data):
    if len(data) % 2:
        data += b"\0"
    return sum(struct.unpack(f"!{len(data) // 2}H", data))


def checksum(total):
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Template:
    """Frames of one kind: all that flows have in common. 'address' and 'port' are the other side's, a virtual
    address or a target."""

    def __init__(self, mac, peer_mac, v6, address, port, flags, from_client):
        self.v6, self.address, self.port, self.from_client = v6, address, port, from_client
        self.ethernet = mac + peer_mac + (b"\x86\xdd" if v6 else b"\x08\x00")
        self.tail = struct.pack("!IIBBHHH", 1, 1 if flags & 0x10 else 0, 5 << 4, flags, 65535, 0, 0)
        pseudo = address + struct.pack("!HH", 6, 20)
        self.tcp_sum = word_sum(pseudo) + word_sum(self.tail) + port
        self.ip = struct.pack("!IHBB", 6 << 28, 20, 6, 64) if v6 else struct.pack("!BBHHHBB", 0x45, 0, 40, 0, 0x4000, 64, 6)
        self.ip_sum = word_sum(self.ip) + word_sum(address)

    def frame(self, i):
        client_ip, client_port = client_address(i, self.v6), client(i)[1]
        addresses = client_ip + self.address if self.from_client else self.address + client_ip
        ports = (client_port, self.port) if self.from_client else (self.port, client_port)
        client_sum = word_sum(client_ip)
        ip = self.ip + (b"" if self.v6 else checksum(self.ip_sum + client_sum).to_bytes(2, "big")) + addresses
        tcp = self.tail[:12] + checksum(self.tcp_sum + client_sum + client_port).to_bytes(2, "big") + self.tail[14:]
        return (self.ethernet + ip + struct.pack("!HH", *ports) + tcp).ljust(MIN_FRAME, b"\0")


def write(path, frames):
    """Writes a pcap file and returns how many frames it has."""
    count = 0
    with open(path, "wb") as f:
        f.write(PCAP_HEADER)
        for frame in frames:
            f.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)
            count += 1
    return count
