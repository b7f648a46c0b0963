# SPDX-License-Identifier: BSD-3-Clause
"""Another number of workers, by configuration and a restart of the dataplane: connections under way go on where they were."""
import json
import os
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from lab import Capture, inside

WORKERS, PORTS, SPREAD = 1, "af_xdp", True
VIP = "10.90.0.10"
# the number, and how the dataplane before it ends
CHANGES = ((4, "stop"), (2, "kill"), (1, "stop"))
DOWNLOAD, RATE = 100 << 20, 4 << 20


@pytest.fixture(scope="module", autouse=True)
def services(lab):
    lab.web_and_echo()
    lab.service("perf", "TCP", 5201, lab.targets()[:1], cross_zone=True)
    lab.wait_healthy("perf")


class UdpFlows:
    """Flows that ask who their target is."""

    def __init__(self, lab, stack, number):
        self.sockets = []
        for _ in range(number):
            with inside(lab.env["namespaces"]["client"]):
                s = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            s.settimeout(1)
            s.connect((VIP, 7))
            self.sockets.append(s)

    def targets(self):
        return [self._ask(s) for s in self.sockets]

    @staticmethod
    def _ask(s):
        for _ in range(10):  # what arrives while the dataplane starts is lost, as on any network
            s.send(b"who")
            try:
                return s.recv(100).split()[0]
            except (socket.timeout, ConnectionRefusedError):
                continue
        raise AssertionError("no answer within 10 s")


def restart_with(lab, number, how):
    file = Path(lab.env["configs"]["dataplane"])
    config = json.loads(file.read_text())
    config["workers"]["lcores"] = f"(0-{number})@(0-{os.cpu_count() - 1})"
    file.write_text(json.dumps(config))
    lab.run(how, "dataplane")
    lab.run("start", "dataplane")

    def runs_with_all():
        dataplane = lab.rpc("Status")["dataplane"]
        return (dataplane["attached"] and len(dataplane["workers"]) == number and
                {w["revision"] for w in dataplane["workers"]} == {dataplane["publisher"]["revision"]})
    lab.wait(runs_with_all, 10, f"{number} workers that run the newest tables")


def test_connections_go_on_over_1_4_2_and_1_workers(lab):
    with ExitStack() as stack:
        flows = UdpFlows(lab, stack, 16)
        targets = flows.targets()
        capture = Capture(lab)
        downloads = [lab.background("client", "curl", "-sf", "--limit-rate", RATE, "--max-time", 120, "-o", "/dev/null", "-w",
                                    "%{size_download}", f"http://{VIP}/files/100M") for _ in range(6)]
        stream = lab.background("client", "iperf3", "-c", VIP, "-t", 20, "-b", "20M", "--json")
        load = lab.load_in_background("http", f"{VIP}:80", rate=50, timeout=20)
        time.sleep(1)
        for number, how in CHANGES:
            restart_with(lab, number, how)
            assert flows.targets() == targets, f"a UDP flow has another target with {number} workers"
            assert lab.counters()[0]["flows_kept"] > len(targets)
            time.sleep(2)
            gained = [w["received"] for w in lab.rpc("Status")["dataplane"]["workers"]]
            assert all(n > 0 for n in gained), f"idle under load: {gained}"
        assert all(d.poll() is None for d in downloads), "a download ended before the last change: its rate is too high"
        result = lab.finish(load)
        assert result["requests"] > 100 and result["failed"] == 0, result
        assert [d.communicate(timeout=120)[0] for d in downloads] == [str(DOWNLOAD)] * len(downloads)
        sent = json.loads(stream.communicate(timeout=60)[0])
        assert "error" not in sent, sent.get("error")
        # iperf3 itself may reset its connections at the end
        assert [line for line in capture.packets().splitlines() if ".5201 >" not in line] == []
