# SPDX-License-Identifier: BSD-3-Clause
"""The steering program of AF_XDP ports: what goes to the dataplane, and that the kernel never gets it, whoever dies."""
import shutil
import signal
import subprocess
import time

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_Router_Alert
from scapy.layers.inet6 import (ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
                                IPv6ExtHdrRouting)
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether, GRE
from scapy.packet import Raw

from kernel_side import Net
from lab import Wire

VIP, VIP6, CLIENT, CLIENT6 = "10.9.0.100", "fd09::100", "10.9.0.2", "fd09::2"
TARGET, TARGET6 = "10.8.0.2", "fd08::2"
ROWS = (f"vip={VIP}/32@lb-left", f"vip={VIP6}/128@lb-left", f"tcp={TARGET}:80", f"udp={TARGET}:53", f"tcp={TARGET6}:80")
TAIL = Raw(b"steer" * 4)

in4, in6 = IP(src=CLIENT, dst=VIP), IPv6(src=CLIENT6, dst=VIP6)
out4, out6 = IP(src=TARGET, dst="192.0.2.9"), IPv6(src=TARGET6, dst="2001:db8::9")
syn, datagram, answer = TCP(sport=4000, dport=80), UDP(sport=4000, dport=53), TCP(sport=80, dport=4000, flags="SA")
MANY = Raw(bytes([60, 0, 1, 4, 0, 0, 0, 0]) * 9)  # nine destination options headers and no end

# To the dataplane.
STEERED = {
    "TCP to a virtual address": in4 / syn,
    "UDP to a virtual address, any port": in4 / UDP(sport=1, dport=9999),
    "TCP over IPv6": in6 / syn,
    "UDP over IPv6": in6 / datagram,
    "802.1Q": Dot1Q(vlan=5) / in4 / syn,
    "802.1ad and 802.1Q": Dot1AD(vlan=5) / Dot1Q(vlan=6) / in6 / syn,
    "IPv4 options": IP(src=CLIENT, dst=VIP, options=[IPOption_Router_Alert()]) / syn,
    "first fragment": IP(src=CLIENT, dst=VIP, flags="MF") / datagram,
    "later fragment": IP(src=CLIENT, dst=VIP, frag=100, proto=17),
    "IPv6 first fragment": in6 / IPv6ExtHdrFragment(m=1) / datagram,
    "IPv6 later fragment": in6 / IPv6ExtHdrFragment(offset=100, nh=6),
    "IPv6 later fragment that hides its protocol": in6 / IPv6ExtHdrFragment(offset=100, nh=60),
    "IPv6 extension headers": in6 / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / IPv6ExtHdrRouting() / syn,
    "more extension headers than anybody sends": IPv6(src=CLIENT6, dst=VIP6, nh=60) / MANY,
    "TCP header cut off": IP(src=CLIENT, dst=VIP, proto=6, len=20),
    "header length below 5": IP(src=CLIENT, dst=VIP, ihl=3) / syn,
    "answer of a target": out4 / answer,
    "answer of a target over UDP": out4 / UDP(sport=53, dport=4000),
    "answer of a target over IPv6": out6 / answer,
    "answer of a target behind options": IP(src=TARGET, dst="192.0.2.9", options=[IPOption_Router_Alert()]) / answer,
    "later fragment of a target's answer": IP(src=TARGET, dst="192.0.2.9", frag=100, proto=17),
    "target to a virtual address": IP(src=TARGET, dst=VIP) / syn,
}
# To the kernel.
PASSED = {
    "ARP": ARP(psrc=CLIENT, pdst=VIP),
    "ICMP echo to a virtual address": in4 / ICMP(),
    "ICMPv6 echo to a virtual address": in6 / ICMPv6EchoRequest(),
    "another protocol to a virtual address": in4 / GRE(),
    "TCP to this host": IP(src=CLIENT, dst="10.9.0.1") / syn,
    "TCP to this host over IPv6": IPv6(src=CLIENT6, dst="fd09::1") / syn,
    "TCP to somebody else": IP(src=CLIENT, dst="192.0.2.9") / syn,
    "target's answer to this host": IP(src=TARGET, dst="10.8.0.1") / answer,
    "target's answer to this host over IPv6": IPv6(src=TARGET6, dst="fd08::1") / answer,
    "target's other port": out4 / TCP(sport=81, dport=4000),
    "target's port of another protocol": out6 / UDP(sport=80, dport=4000),
    "target's ICMP": out4 / ICMP(),
    "target to a group": IP(src=TARGET, dst="239.1.2.3") / UDP(sport=53, dport=4000),
    "target to everybody": IP(src=TARGET, dst="255.255.255.255") / UDP(sport=53, dport=4000),
    "target to a link-local address": IPv6(src=TARGET6, dst="fe80::1234") / answer,
    "three tags": Dot1Q() / Dot1Q() / Dot1Q() / in4 / syn,
    "IPv4 header cut off": Ether(type=0x0800) / Raw(bytes(in4 / syn)[:16]),
    "version 5": IP(version=5, src=CLIENT, dst=VIP) / syn,
    "not IP at all": Ether(type=0x88b5) / Raw(bytes(in4)),
}


@pytest.fixture(scope="module")
def net():
    made = Net()
    try:
        yield made
    finally:
        made.down()


@pytest.fixture(scope="module")
def steered(net):
    """A driver whose steering stays attached, with no socket bound; the wire to it, and what its kernel sees."""
    driver = net.driver("--steer")
    assert driver.apply(*ROWS) == 0
    driver.run(50)
    return Wire(net.ns("left"), "eth"), Wire(net.ns("lb"), "lb-left")


def kernel_sees(steered, packet):
    """Sends it, and a marker behind it that always passes: whether the kernel gets it."""
    left, lb = steered
    frame = bytes(packet) if packet.haslayer(Ether) else bytes(Ether(dst=lb.mac, src=left.mac) / packet / TAIL)
    marker = bytes(Ether(dst=lb.mac, src=left.mac, type=0x88b6)) + time.monotonic_ns().to_bytes(8, "big") + bytes(40)
    left.send(frame)
    left.send(marker)
    seen = lb.receive(lambda got: got in (frame, marker))
    assert seen is not None, "not even the marker arrived"
    if seen == frame:
        assert lb.receive(lambda got: got == marker) is not None
    return seen == frame


@pytest.mark.parametrize("what", STEERED)
def test_steered(steered, what):
    assert not kernel_sees(steered, STEERED[what])


@pytest.mark.parametrize("what", PASSED)
def test_passed(steered, what):
    assert kernel_sees(steered, PASSED[what])


def test_addresses_out_of_service_are_the_kernels_again(net, steered):
    driver = net.drivers[0]
    assert driver.apply(ROWS[1]) == 0
    assert kernel_sees(steered, STEERED["TCP to a virtual address"])
    assert kernel_sees(steered, STEERED["answer of a target"])
    assert not kernel_sees(steered, STEERED["TCP over IPv6"])
    assert driver.apply(*ROWS) == 0
    assert not kernel_sees(steered, STEERED["TCP to a virtual address"])


def test_program_outlives_the_process_and_is_replaced_in_place(net, steered):
    program = net.ip("lb", "-d", "link", "show", "lb-left").split("prog/xdp id ")[1].split()[0]
    net.drivers[0].stop()
    assert not kernel_sees(steered, STEERED["TCP to a virtual address"])
    driver = net.driver("--steer")
    assert not kernel_sees(steered, STEERED["TCP to a virtual address"]), "before its first generation"
    assert net.ip("lb", "-d", "link", "show", "lb-left").split("prog/xdp id ")[1].split()[0] != program
    assert driver.apply(*ROWS) == 0
    assert not kernel_sees(steered, STEERED["TCP to a virtual address"])


def attach_error(net, *arguments):
    with pytest.raises(AssertionError) as refused:
        net.driver("--steer", **dict(arguments))
    return str(refused.value)


def test_refusals_say_what_would_be_right(net):
    assert "no such interface" in attach_error(net, ("ports", ["absent"]))
    assert "letters, digits" in attach_error(net, ("instance", "a/b"), ("ports", ["lb-right"]))
    assert "no other XDP program" in attach_error(net, ("instance", "second"), ("ports", ["lb-left"]))


def test_interface_that_came_back_gets_the_program_again():
    made = Net()
    try:
        made.driver("--steer").stop()
        made.ip("lb", "link", "del", "lb-left")
        made.link("left", 9)
        assert "xdp" not in made.ip("lb", "link", "show", "lb-left")
        made.driver("--steer")
        assert "xdp" in made.ip("lb", "link", "show", "lb-left")
    finally:
        made.down()


def start_pmd(net, log):
    """DPDK's own test program on the port, as the dataplane opens it."""
    process = subprocess.Popen(
        ["nsenter", f"--net=/run/netns/{net.ns('lb')}", "dpdk-testpmd", "--no-huge", "-m", "256", "--no-shconf",
         "--no-pci", "--no-telemetry", "--lcores", "0@0,1@1", "--vdev=net_af_xdp0,iface=lb-left", "--", "--nb-cores=1",
         "--total-num-mbufs=8192", "--forward-mode=rxonly", "--no-mlockall", "--stats-period=1"],
        stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    return process


def received(path):
    lines = [line for line in path.read_text().splitlines() if "RX-packets:" in line and "RX-missed" in line]
    return int(lines[-1].split("RX-packets:")[1].split()[0]) if lines else -1


@pytest.mark.skipif(not shutil.which("dpdk-testpmd"), reason="dpdk-testpmd (package dpdk-dev) is missing")
def test_no_reset_while_the_port_is_killed_stopped_and_started_again(tmp_path):
    made = Net()
    process = None
    try:
        driver = made.driver("--steer", "--no-guard")  # steering alone must do
        assert driver.apply(*ROWS) == 0
        driver.run(50)
        left = Wire(made.ns("left"), "eth")
        lb = made.mac("lb", "lb-left")
        frame = bytes(Ether(dst=lb, src=left.mac) / in4 / syn)

        def is_reset(got):
            packet = Ether(got)
            return IP in packet and packet[IP].src == VIP and TCP in packet

        for end in (signal.SIGKILL, signal.SIGINT, signal.SIGKILL):
            log = tmp_path / f"pmd{end}"
            with open(log, "w") as out:
                process = start_pmd(made, out)
            until = time.monotonic() + 20
            while received(log) <= 0:
                assert process.poll() is None and time.monotonic() < until, log.read_text()[-2000:]
                left.send(frame)
                time.sleep(0.02)
            process.send_signal(end)
            for _ in range(50):
                left.send(frame)
                time.sleep(0.005)
            process.wait(20)
            for _ in range(10):
                left.send(frame)
            assert left.receive(is_reset, 0.5) is None, f"the kernel answered around {end!r}"
        own = IP(src=CLIENT, dst="10.9.0.1") / syn
        left.send(bytes(Ether(dst=lb, src=left.mac) / own))
        assert left.receive(lambda got: TCP in Ether(got) and Ether(got)[IP].src == "10.9.0.1") is not None, \
            "the capture would have shown a reset"
    finally:
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()
        made.down()
