# SPDX-License-Identifier: BSD-3-Clause
"""What a port is asked for, what its driver makes of it, and that both are said at start: queues, RSS, spreading."""
import pytest
from dataplane import FOUR_WORKERS

IPV4, IPV6, TCP, UDP = 1, 2, 4, 8
ALL = IPV4 | IPV6 | TCP | UDP


def start(make, port, **workers):
    """The log and what the stats segment says of the port."""
    dataplane = make([port], workers=workers or FOUR_WORKERS).start()
    attached = dataplane.attach()
    info = attached.stats().ports[0]
    attached.close()
    assert dataplane.stop() == 0, dataplane.log()
    return dataplane.log(), info


# one that takes all, one that can't be asked back, two that have queues without RSS
DRIVERS = {
    "net_null0,no-rx=1": (ALL, 128, "RSS by ipv4 ipv6 tcp udp, key drawn at start, RETA of 128 over all queues in turn"),
    "net_tap0,iface=tap0": (ALL, 0, "RSS by ipv4 ipv6 tcp udp asked for, which the driver tells nothing of, key unknown, no RETA"),
    "net_af_packet0,iface=lb0,qpairs=4": (0, 0, "no RSS"),
    "net_ring0": (0, 0, "no RSS"),
}


@pytest.mark.parametrize("device", DRIVERS)
def test_what_a_driver_makes_of_rss_is_said(make, namespace, device):
    functions, reta_size, said = DRIVERS[device]
    namespace.veth("lb0", "client0")
    queues = {} if "ring" in device else {"queues": 4}
    log, info = start(make, {"name": "p", "device": device} | queues)
    assert f"port p: {said}\n" in log, log
    assert (info["rss"], info["reta_size"], info["spread"]) == (functions, reta_size, False)


def test_which_worker_polls_which_queue_is_said(make):
    log, _ = start(make, {"name": "p", "device": "net_null0,no-rx=1", "queues": 6})
    assert "port p: its queues are polled by workers 0 1 2 3 0 1\n" in log, log


def test_a_spread_port_leaves_no_worker_idle(make):
    log, info = start(make, {"name": "p", "device": "net_null0,no-rx=1", "queues": 1, "spread": True})
    assert "port p: its queues are polled by worker 0 and spread over all workers in software\n" in log, log
    assert "has no receive queue" not in log and info["spread"]


def test_without_spreading_idle_workers_are_warned_about(make):
    log, info = start(make, {"name": "p", "device": "net_null0,no-rx=1", "queues": 1})
    assert log.count("has no receive queue: give the ports more queues, or \"spread\": true") == 3, log
    assert not info["spread"]


def test_one_worker_has_nobody_to_spread_to(make):
    log, info = start(make, {"name": "p", "device": "net_null0,no-rx=1", "spread": True}, cores="0")
    assert "in software" not in log and not info["spread"], log
