# SPDX-License-Identifier: BSD-3-Clause
"""Virtual addresses on interfaces, and the guard before them: the kernel never answers TCP or UDP for one."""
import errno
import socket

import pytest

from kernel_side import Net
from lab import inside

VIP, VIP6 = "10.9.0.100", "fd09::100"
VIPS = (f"vip={VIP}/32@lb-left", f"vip={VIP6}/128@lb-left")


@pytest.fixture
def net():
    made = Net()
    try:
        yield made
    finally:
        made.down()


def connect(net, address, port=80):
    """What a TCP client on 'left' sees: 'refused' (a RST came), 'silence', or 'connected'."""
    with inside(net.ns("left")):
        client = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    with client:
        client.settimeout(0.5)
        try:
            client.connect((address, port))
        except ConnectionRefusedError:
            return "refused"
        except socket.timeout:
            return "silence"
        return "connected"


def udp(net, address):
    """'unreachable' when an ICMP error came back."""
    with inside(net.ns("left")):
        client = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    with client:
        client.settimeout(0.5)
        client.connect((address, 53))
        try:
            client.send(b"x")
            client.recv(10)
        except socket.timeout:
            return "silence"
        except OSError as error:
            assert error.errno == errno.ECONNREFUSED
            return "unreachable"
        return "answer"


def on_lb(net, address):
    return f" {address}/" in net.ip("lb", "-o", "addr", "show", "dev", "lb-left")


def test_kernel_answers_for_its_own_addresses_and_never_for_virtual_ones(net):
    driver = net.driver()
    assert driver.apply(*VIPS) == 0
    assert connect(net, "10.9.0.1") == "refused"
    assert connect(net, VIP) == "silence"
    assert connect(net, VIP6) == "silence"
    assert udp(net, "10.9.0.1") == "unreachable"
    assert udp(net, VIP) == "silence"
    assert udp(net, VIP6) == "silence"


def test_kernel_answers_arp_nd_and_echo_for_virtual_addresses(net):
    driver = net.driver()
    assert driver.apply(*VIPS) == 0
    assert connect(net, VIP) == "silence" and connect(net, VIP6) == "silence"
    neighbours = net.ip("left", "neigh")
    for address in (VIP, VIP6):
        assert f"{address} dev eth lladdr {net.mac('lb', 'lb-left')}" in neighbours


def test_guard_outlives_the_dataplane_and_a_new_start_keeps_its_sets(net):
    driver = net.driver()
    assert driver.apply(*VIPS, "tcp=10.8.0.2:80") == 0
    driver.stop()
    assert connect(net, VIP) == "silence"
    net.driver()
    guard = net.guard()
    for held in (VIP, VIP6, "10.8.0.2 . tcp . 80"):
        assert held in guard, "before the first generation has arrived"
    assert on_lb(net, VIP) and on_lb(net, VIP6)
    assert connect(net, VIP) == "silence"


def test_addresses_of_an_earlier_run_stay_or_go_with_the_first_generation(net):
    first = net.driver()
    assert first.apply(*VIPS) == 0
    first.stop()
    second = net.driver()
    assert second.apply(VIPS[1]) == 0
    assert not on_lb(net, VIP)
    assert on_lb(net, VIP6)
    assert f"{VIP} " not in net.guard().replace(",", " ") and VIP6 in net.guard()


def test_address_that_somebody_else_put_on_is_never_taken_off(net):
    net.ip("lb", "addr", "add", f"{VIP}/32", "dev", "lb-left")
    driver = net.driver()
    assert driver.apply(*VIPS) == 0
    assert connect(net, VIP) == "silence"
    assert driver.apply() == 0
    assert on_lb(net, VIP)
    assert not on_lb(net, VIP6)
    assert connect(net, VIP) == "refused", "it is an ordinary address again"


def test_another_instances_addresses_are_left_alone(net):
    one = net.driver(instance="one")
    two = net.driver(instance="two")
    assert one.apply(VIPS[0]) == 0
    assert two.apply(VIPS[1]) == 0
    assert two.apply() == 0
    assert on_lb(net, VIP) and not on_lb(net, VIP6)
    assert two.ask("withdraw") == "0"
    assert on_lb(net, VIP)
    assert one.ask("withdraw") == "0"
    assert not on_lb(net, VIP)


def test_withdraw_takes_the_addresses_and_leaves_the_guard(net):
    driver = net.driver()
    assert driver.apply(*VIPS) == 0
    assert on_lb(net, VIP) and on_lb(net, VIP6)
    driver.stop()
    other = net.driver(instance="other")
    assert other.ask("withdraw") == "0"
    assert on_lb(net, VIP), "of another instance"
    again = net.driver()
    assert again.ask("withdraw") == "0"
    assert not on_lb(net, VIP) and not on_lb(net, VIP6)
    assert VIP in net.guard()


def test_without_a_guard_addresses_are_told_by_their_mark(net):
    first = net.driver("--no-guard")
    assert first.apply(*VIPS) == 0
    first.stop()
    net.ip("lb", "addr", "add", "10.9.0.101/32", "dev", "lb-left")
    second = net.driver("--no-guard")
    assert second.apply(VIPS[1]) == 0
    assert not on_lb(net, VIP)
    assert on_lb(net, VIP6) and on_lb(net, "10.9.0.101")


def test_address_comes_back_when_somebody_removes_it(net):
    driver = net.driver()
    assert driver.apply(*VIPS) == 0
    net.ip("lb", "addr", "del", f"{VIP}/32", "dev", "lb-left")
    assert driver.until(lambda: on_lb(net, VIP))


def test_missing_interface_is_reported_and_served_when_it_comes(net):
    net.ip("lb", "link", "del", "lb-left")
    driver = net.driver()
    assert driver.apply(*VIPS) == -errno.ENODEV
    count, text = driver.ask("errors").split(" ", 1)
    assert int(count) > 0
    assert "lb-left" in text and "no such interface" in text
    net.link("left", 9)
    assert driver.until(lambda: on_lb(net, VIP) and on_lb(net, VIP6))


def test_address_moves_to_another_interface(net):
    driver = net.driver()
    assert driver.apply(VIPS[0]) == 0
    assert driver.apply(f"vip={VIP}/32@lb-right") == 0
    assert not on_lb(net, VIP)
    assert f" {VIP}/" in net.ip("lb", "-o", "addr", "show", "dev", "lb-right")


def test_targets_untranslated_answers_are_not_forwarded(net):
    net.run("lb", "sysctl", "-qw", "net.ipv4.ip_forward=1")
    net.ip("left", "route", "add", "default", "via", "10.9.0.1")
    net.ip("right", "route", "add", "default", "via", "10.8.0.1")
    driver = net.driver()
    assert driver.apply(*VIPS, "udp=10.8.0.2:53") == 0
    with inside(net.ns("left")):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.bind(("10.9.0.2", 4000))
    client.settimeout(1)
    with inside(net.ns("right")):
        target = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        target.bind(("10.8.0.2", 53))
        other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        other.bind(("10.8.0.2", 54))
    with client, target, other:
        target.sendto(b"untranslated", ("10.9.0.2", 4000))
        other.sendto(b"another port", ("10.9.0.2", 4000))
        assert client.recv(100) == b"another port"
    with inside(net.ns("lb")):
        here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        here.bind(("10.8.0.1", 4001))
    here.settimeout(1)
    with inside(net.ns("right")):
        target = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        target.bind(("10.8.0.2", 53))
    with here, target:
        target.sendto(b"health", ("10.8.0.1", 4001))
        assert here.recv(100) == b"health", "a health check's answer belongs to this host"
