# SPDX-License-Identifier: BSD-3-Clause
"""Another number of workers, by configuration and a restart of the dataplane: connections under way go on where they were."""
import hashlib
import http.client
import json
import os
import re
import socket
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest
from lab import Capture, inside

WORKERS, PORTS, SPREAD = 1, "af_xdp", True
VIP = "10.90.0.10"
# the number, and how the dataplane before it ends
CHANGES = ((4, "stop"), (2, "kill"), (1, "stop"))
DOWNLOAD = 100 << 20
PROGRESS = 1 << 20  # bytes: more than was on its way when a dataplane ended


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

        self.questions = 0

    def targets(self):
        return [self._ask(s) for s in self.sockets]

    def _ask(self, s):
        for _ in range(10):  # what arrives while the dataplane starts is lost, as on any network
            self.questions += 1
            s.send(b"%d" % self.questions)
            try:
                while True:  # an answer to an earlier question may come late
                    target, _, number = s.recv(100).split()
                    if int(number) == self.questions:
                        return target
            except (socket.timeout, ConnectionRefusedError):
                continue
        raise AssertionError("no answer within 10 s")


class Download(threading.Thread):
    """A file of 100 MiB over one connection, so slowly that it takes minutes, until somebody has it hurry."""
    RATE, BUFFER = 512 << 10, 256 << 10

    def __init__(self, lab, stack):
        super().__init__(daemon=True)
        with inside(lab.env["namespaces"]["client"]):
            self.socket = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.BUFFER)
        self.socket.settimeout(60)
        self.socket.connect((VIP, 80))
        self.hurry, self.hash, self.received, self.problem = threading.Event(), hashlib.sha256(), 0, None
        self.start()

    def run(self):
        connection = http.client.HTTPConnection(VIP)
        connection.sock = self.socket
        try:
            connection.request("GET", "/files/100M")
            answer = connection.getresponse()
            while data := answer.read(64 << 10):
                self.hash.update(data)
                self.received += len(data)
                self.hurry.wait(len(data) / self.RATE)
        except (OSError, http.client.HTTPException) as problem:
            self.problem = problem

    def end(self):
        """What was received, as a hash."""
        self.hurry.set()
        self.join(60)
        assert not self.is_alive() and self.problem is None, self.problem or f"stands at {self.received} bytes"
        return self.hash.hexdigest()


class Upload:
    """A stream to a target, for as long as it is left to."""

    def __init__(self, lab, stack):
        self.lab = lab
        self.process = lab.background("client", "iperf3", "-c", VIP, "-t", 3600, "-b", "20M", "--json")
        stack.callback(self.process.kill)

    def acknowledged(self):
        """Bytes that have arrived."""
        said = self.lab.on("client", "ss", "-tinHO", "dst", f"{VIP}:5201")
        return sum(map(int, re.findall(r"bytes_acked:(\d+)", said)))

    def end(self):
        """What it has to complain of."""
        return self.lab.finish(self.process).get("error", "")


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


def goes_on(lab, downloads, upload):
    """All of them move on, by more than buffers held."""
    gained = {d: d.received + PROGRESS for d in downloads}
    acknowledged = upload.acknowledged() + PROGRESS
    lab.wait(lambda: all(d.received >= n for d, n in gained.items()) and upload.acknowledged() >= acknowledged, 40,
             lambda: f"progress: {[d.received - n + PROGRESS for d, n in gained.items()]} bytes of the downloads, "
             f"{upload.acknowledged() - acknowledged + PROGRESS} of the upload")


def test_connections_go_on_over_1_4_2_and_1_workers(lab):
    with ExitStack() as stack:
        flows = UdpFlows(lab, stack, 16)
        targets = flows.targets()
        capture = Capture(lab)
        stack.callback(capture.process.kill)
        downloads, upload = [Download(lab, stack) for _ in range(6)], Upload(lab, stack)
        load = lab.load_in_background("http", f"{VIP}:80", rate=50, timeout=20)
        stack.callback(load.kill)
        goes_on(lab, downloads, upload)
        for number, how in CHANGES:
            restart_with(lab, number, how)
            assert flows.targets() == targets, f"a UDP flow has another target with {number} workers"
            assert lab.counters()[0]["flows_kept"] > len(targets)
            goes_on(lab, downloads, upload)
            received = [w["received"] for w in lab.rpc("Status")["dataplane"]["workers"]]
            assert all(n > 0 for n in received), f"idle under load: {received}"
        assert all(d.received < DOWNLOAD for d in downloads), "a download ended before the last change: its rate is too high"
        result = lab.finish(load)
        assert result["requests"] > 100 and result["failed"] == 0, result
        wanted = hashlib.sha256(Path(lab.env["files"]["100M"]).read_bytes()).hexdigest()
        assert [d.end() for d in downloads] == [wanted] * len(downloads)
        assert upload.end() == "interrupt - the client has terminated"
        # iperf3 itself may reset its connections at the end
        assert [line for line in capture.packets().splitlines() if ".5201 >" not in line] == []
