# SPDX-License-Identifier: BSD-3-Clause
"""Four workers over four queues of each port: any worker, any packet."""
import socket
import time

import pytest
from lab import inside

WORKERS, PORTS = 4, "af_packet"
VIP = {"ipv4": "10.90.0.10", "ipv6": "fd90::10"}


@pytest.fixture(scope="module", autouse=True)
def services(lab):
    for family in VIP:
        lab.web_and_echo(family)


def per_worker(lab):
    return [(w["to_target"], w["to_client"]) for w in lab.rpc("Status")["dataplane"]["workers"]]


@pytest.mark.parametrize("family", VIP)
def test_a_flow_whose_directions_arrive_on_different_workers_works(lab, family):
    apart = 0
    for _ in range(12):
        with inside(lab.env["namespaces"]["client"]):
            s = socket.socket(socket.AF_INET6 if family == "ipv6" else socket.AF_INET, socket.SOCK_DGRAM)
        with s:
            s.settimeout(3)
            s.connect((VIP[family], 7))
            before = per_worker(lab)
            for n in range(5):
                s.send(b"%d" % n)
                assert s.recv(100).split()[2] == b"%d" % n
            time.sleep(0.05)
            gained = [(a[0] - b[0], a[1] - b[1]) for a, b in zip(per_worker(lab), before)]
        assert sum(g[0] for g in gained) == 5 and sum(g[1] for g in gained) == 5, gained
        apart += all(not (there and back) for there, back in gained)
    assert apart > 0, "no flow of 12 had its two directions on different workers"


def test_all_workers_forward(lab):
    result = lab.load("http", VIP["ipv4"] + ":80", count=500)
    assert result["failed"] == 0
    workers = per_worker(lab)
    assert len(workers) == WORKERS and all(there + back > 0 for there, back in workers), workers


def test_a_large_download_over_four_workers(lab):
    out = lab.on("client", "curl", "-sf", "--max-time", "60", "-o", "/dev/null", "-w", "%{size_download}",
                 f"http://{VIP['ipv4']}/files/100M")
    assert out == str(100 << 20)
