# SPDX-License-Identifier: BSD-3-Clause
"""Four workers behind ports of one queue each, spread in software: all work, and no flow notices."""
import hashlib
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest
from lab import inside

WORKERS, PORTS, SPREAD = 4, "af_xdp", True
VIP = {"ipv4": "10.90.0.10", "ipv6": "fd90::10"}
QUEUE_OWNERS = 3  # of the workers: one for each port


@pytest.fixture(scope="module", autouse=True)
def services(lab):
    for family in VIP:
        lab.web_and_echo(family)


def workers(lab, *names):
    return [[w[n] for n in names] for w in lab.rpc("Status")["dataplane"]["workers"]]


def gained_by_500_connections(lab, family, *names):
    """What each worker gained of these counters."""
    before = workers(lab, *names)
    assert lab.load("http", f"[{VIP[family]}]:80", count=500)["failed"] == 0
    return [[a - b for a, b in zip(after, was)] for after, was in zip(workers(lab, *names), before)]


def drops(lab):
    return {d["reason"]: d["packets"] for d in lab.counters()[1]}


@pytest.mark.parametrize("family", VIP)
def test_all_workers_forward_in_both_directions(lab, family):
    gained = gained_by_500_connections(lab, family, "to_target", "to_client")
    assert len(gained) == WORKERS
    total = [sum(g[i] for g in gained) for i in (0, 1)]
    for there, back in gained:  # 500 flows over four workers: none has less than half of its share
        assert there > total[0] / WORKERS / 2 and back > total[1] / WORKERS / 2, gained


def test_the_worker_without_a_queue_gets_all_it_has_from_the_others(lab):
    forwarded, handed_on = zip(*gained_by_500_connections(lab, "ipv4", "to_target", "spread"))
    assert len(forwarded) == WORKERS and all(forwarded), forwarded
    assert [n > 0 for n in handed_on].count(True) == QUEUE_OWNERS, handed_on


def test_status_says_which_ports_are_spread(lab):
    ports = {p["name"]: p for p in lab.rpc("Status")["dataplane"]["ports"]}
    assert {n for n, p in ports.items() if p["spread"]} == {"front", "zone-a", "zone-b"}
    assert all(p["rss"] == [] and p["reta_size"] == 0 for p in ports.values())


@pytest.mark.parametrize("family", VIP)
def test_packets_of_a_flow_stay_in_order(lab, family):
    """Sixteen flows side by side, in bursts: each flow's answers come in the order of its questions."""
    flows, rounds, burst = 16, 20, 8
    lost = drops(lab).get("spread_full", 0)
    with ExitStack() as stack:
        sockets = []
        for _ in range(flows):
            with inside(lab.env["namespaces"]["client"]):
                s = socket.socket(socket.AF_INET6 if family == "ipv6" else socket.AF_INET, socket.SOCK_DGRAM)
            stack.enter_context(s)
            s.settimeout(5)
            s.connect((VIP[family], 7))
            sockets.append(s)
        targets = [set() for _ in sockets]
        for r in range(rounds):
            for n in range(r * burst, (r + 1) * burst):
                for s in sockets:
                    s.send(b"%d" % n)
            for s, seen in zip(sockets, targets):
                answers = [s.recv(100).split() for _ in range(burst)]
                assert [int(a[2]) for a in answers] == list(range(r * burst, (r + 1) * burst))
                seen.update(a[0] for a in answers)
    assert all(len(t) == 1 for t in targets), "a flow changed its target"
    assert drops(lab).get("spread_full", 0) == lost


@pytest.mark.parametrize("family", VIP)
def test_a_100_mb_download_arrives_as_it_was_sent(lab, family):
    path, host = Path(lab.env["run_dir"]) / "download", f"[{VIP[family]}]" if family == "ipv6" else VIP[family]
    lab.on("client", "curl", "-sgf", "--max-time", "60", "-o", path, f"http://{host}/files/100M")
    want = hashlib.sha256(Path(lab.env["files"]["100M"]).read_bytes()).hexdigest()
    assert hashlib.sha256(path.read_bytes()).hexdigest() == want
