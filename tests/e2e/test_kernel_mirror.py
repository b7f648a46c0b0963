# SPDX-License-Identifier: BSD-3-Clause
"""The kernel's routes and neighbours, as the workers find them."""
import subprocess

import pytest

from kernel_side import Net


@pytest.fixture
def net():
    made = Net()
    try:
        yield made
    finally:
        made.down()


@pytest.mark.parametrize("address", ["10.9.0.2", "fd09::2"])
def test_neighbour_is_found_once_it_is_wanted_and_lost_when_the_kernel_forgets_it(net, address):
    driver = net.driver()
    assert driver.kind(address) == "unresolved"
    ifindex = net.ip("lb", "-o", "link", "show", "lb-left").split(":")[0]
    driver.ask(f"want {address} {ifindex}")
    assert driver.becomes(address, "forward")
    found = driver.lookup(address)
    assert f"dst={net.mac('left', 'eth')}" in found
    assert f"src={net.mac('lb', 'lb-left')}" in found
    assert "port=0" in found and "mtu=1500" in found
    net.ip("lb", "neigh", "del", address, "dev", "lb-left")
    assert driver.becomes(address, "unresolved")


@pytest.mark.parametrize("prefix,inside,gateway", [("10.20.0.0/16", "10.20.3.4", "10.8.0.2"),
                                                   ("fd20::/32", "fd20::3:4", "fd08::2")])
def test_route_by_a_gateway_follows_the_gateways_neighbour(net, prefix, inside, gateway):
    driver = net.driver()
    assert driver.kind(inside) == "none"
    net.ip("lb", "route", "add", prefix, "via", gateway)
    assert driver.becomes(inside, "forward"), "gateways are looked for without being wanted"
    assert f"port=1 dst={net.mac('right', 'eth')}" in driver.lookup(inside)
    net.ip("lb", "neigh", "replace", gateway, "lladdr", "02:00:00:00:00:77", "dev", "lb-right", "nud", "permanent")
    assert driver.until(lambda: "dst=02:00:00:00:00:77" in driver.lookup(inside))
    net.ip("lb", "route", "del", prefix)
    assert driver.becomes(inside, "none")


def test_gateway_that_does_not_answer_is_unresolved(net):
    net.ip("lb", "route", "add", "10.20.0.0/16", "via", "10.8.0.77")
    driver = net.driver()
    driver.run(200)
    assert driver.kind("10.20.0.1") == "unresolved"


def test_ipv4_route_by_an_ipv6_gateway(net):
    net.ip("lb", "route", "add", "10.20.0.0/16", "via", "inet6", "fe80::8:2", "dev", "lb-right")
    driver = net.driver()
    assert driver.becomes("10.20.0.1", "forward")
    assert f"port=1 dst={net.mac('right', 'eth')}" in driver.lookup("10.20.0.1")


def test_longer_and_cheaper_routes_win(net):
    net.ip("lb", "route", "add", "10.20.0.0/16", "via", "10.8.0.2", "metric", "20")
    net.ip("lb", "route", "add", "10.20.0.0/16", "via", "10.9.0.2", "metric", "10")
    net.ip("lb", "route", "add", "blackhole", "10.20.7.0/24")
    net.ip("lb", "route", "add", "unreachable", "10.20.8.1/32")
    driver = net.driver()
    assert driver.becomes("10.20.0.1", "forward")
    assert "port=0" in driver.lookup("10.20.0.1")
    assert driver.kind("10.20.7.1") == "none"
    assert driver.kind("10.20.8.1") == "none"
    net.ip("lb", "route", "del", "10.20.0.0/16", "via", "10.9.0.2")
    assert driver.until(lambda: "forward port=1" in driver.lookup("10.20.0.1"))


def test_multipath_takes_the_first_path_that_is_alive(net):
    net.ip("lb", "route", "add", "10.20.0.0/16", "nexthop", "via", "10.8.0.2", "dev", "lb-right",
           "nexthop", "via", "10.9.0.2", "dev", "lb-left")
    driver = net.driver()
    assert driver.until(lambda: "forward port=1" in driver.lookup("10.20.0.1"))
    net.ip("lb", "link", "set", "lb-right", "down")
    assert driver.until(lambda: "forward port=0" in driver.lookup("10.20.0.1"))


def test_own_addresses_are_local_and_other_interfaces_foreign(net):
    net.ip("lb", "link", "add", "other", "type", "veth", "peer", "name", "other-end")
    net.ip("lb", "link", "set", "other", "up")
    net.ip("lb", "link", "set", "other-end", "up")
    net.ip("lb", "addr", "add", "10.30.0.1/24", "dev", "other")
    driver = net.driver()
    for local in ("10.9.0.1", "10.9.0.255", "127.0.0.1", "fd09::1", "::1", "ff02::1", "10.30.0.1"):
        assert driver.kind(local) == "local", local
    assert driver.kind("10.30.0.9") == "foreign"


def test_interface_that_goes_and_comes_back(net):
    driver = net.driver()
    net.ip("lb", "link", "del", "lb-left")
    assert driver.becomes("10.9.0.2", "none")
    net.link("left", 9)
    assert driver.becomes("10.9.0.2", "unresolved")
    assert driver.apply("tcp=10.9.0.2:80") == 0
    assert driver.becomes("10.9.0.2", "forward")
    assert f"dst={net.mac('left', 'eth')}" in driver.lookup("10.9.0.2")


def test_targets_are_kept_resolved_without_traffic(net):
    driver = net.driver()
    assert driver.apply("tcp=10.8.0.2:80", "udp=fd08::2:53") == 0
    assert driver.becomes("10.8.0.2", "forward")
    assert driver.becomes("fd08::2", "forward")
    net.ip("lb", "neigh", "flush", "all")
    assert driver.becomes("10.8.0.2", "forward"), "forgotten by the kernel, looked for again"


def test_thousands_of_lost_notifications_lose_nothing(net):
    driver = net.driver()
    batch = "".join(f"route add 10.{100 + i // 250}.{i % 250}.0/24 via 10.9.0.2\n" for i in range(900))
    for verb in ("add", "del", "add"):
        subprocess.run(["ip", "-n", net.ns("lb"), "-batch", "-"], input=batch.replace("add", verb), text=True,
                       check=True, timeout=30)
    assert driver.becomes("10.103.149.1", "forward")
    assert driver.kind("10.100.0.1") == "forward"
    subprocess.run(["ip", "-n", net.ns("lb"), "-batch", "-"], input=batch.replace("add", "del"), text=True,
                   check=True, timeout=30)
    assert driver.becomes("10.103.149.1", "none")
    assert driver.kind("10.100.0.1") == "none"


def test_more_routes_than_fit_are_reported_and_the_others_work(net):
    driver = net.driver()
    batch = "".join(f"route add 10.{100 + i // 250}.{i % 250}.0/24 via 10.9.0.2\n" for i in range(1500))
    subprocess.run(["ip", "-n", net.ns("lb"), "-batch", "-"], input=batch, text=True, check=True, timeout=30)
    assert driver.until(lambda: "raise max_routes" in driver.ask("errors"))
    assert driver.becomes("10.100.0.1", "forward")
    subprocess.run(["ip", "-n", net.ns("lb"), "-batch", "-"], input=batch.replace("add", "del"), text=True,
                   check=True, timeout=30)
    net.ip("lb", "route", "add", "10.200.0.0/24", "via", "10.9.0.2")
    assert driver.becomes("10.200.0.1", "forward"), "room again"


def test_vlan_interface_on_a_port_puts_its_tag_on(net):
    if "vlan" not in sh_type(net):
        pytest.skip("this kernel has no VLAN interfaces")
    net.ip("lb", "addr", "add", "10.77.0.1/24", "dev", "lb-left.7")
    driver = net.driver()
    assert driver.becomes("10.77.0.9", "unresolved")
    net.ip("lb", "neigh", "add", "10.77.0.9", "lladdr", "02:00:00:00:00:09", "dev", "lb-left.7", "nud", "permanent")
    assert driver.until(lambda: "forward port=0" in driver.lookup("10.77.0.9"))
    assert "tags=8100.7" in driver.lookup("10.77.0.9")


def sh_type(net):
    net.ip("lb", "link", "add", "link", "lb-left", "name", "lb-left.7", "type", "vlan", "id", "7", check=False)
    net.ip("lb", "link", "set", "lb-left.7", "up", check=False)
    return net.ip("lb", "-d", "link", "show", "lb-left.7", check=False)


def test_neighbour_set_by_hand_stays_while_packets_ask_for_it(net):
    """Asking the kernel to look for a neighbour takes its permanence away. With many routes the mirror is behind for a while."""
    net.batch("lb", (f"route add 10.20.{i // 250}.{i % 250}/32 via 10.9.0.2 dev lb-left" for i in range(400)))
    driver = net.driver()
    driver.run(500)
    ifindex = net.ip("lb", "-o", "link", "show", "lb-left").split(":")[0]
    by_hand = [f"10.9.0.{last}" for last in range(100, 110)]
    for address in by_hand:
        net.ip("lb", "route", "replace", "10.21.0.0/16", "via", address.replace("10.9.0.1", "10.9.0.2"), "dev", "lb-left")
        driver.run(1)  # reads it all, and will not read again at once
        net.ip("lb", "neigh", "replace", address, "lladdr", "02:00:00:00:00:77", "dev", "lb-left", "nud", "permanent")
        driver.ask(f"want {address} {ifindex}")
        driver.run(20)
    assert all(driver.becomes(address, "forward") for address in by_hand)
    states = {line.split()[0]: line.split()[-1] for line in net.ip("lb", "-4", "neigh", "show", "dev", "lb-left").splitlines()}
    assert {a: states[a] for a in by_hand} == dict.fromkeys(by_hand, "PERMANENT")
