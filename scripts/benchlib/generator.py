# SPDX-License-Identifier: BSD-3-Clause
"""What sends packets into memif: pktgen when it is on PATH and takes memif, otherwise dpdk-testpmd."""
import os
import pty
import shutil
import subprocess
import time

from balancer import MAC, VIP
from support import NAME, TREE, BenchError, bound, say, wait, worker_thread
from testpmd import Testpmd

SCRIPTS = TREE / "scripts" / "pktgen"
FOREVER_S = 600


class Pktgen:
    """The script throughput.lua: UDP flows to the virtual address. pktgen wants a terminal, and gets one that nobody
    looks at."""
    name = "pktgen"
    direction = "forward"

    def __init__(self, setting, socket, nb_flows):
        self.result = setting.scratch / "pktgen.result"
        self.log = setting.scratch / "pktgen.log"
        memory = ["--in-memory"] if setting.huge else ["--no-huge", "-m", "512"]
        cpu = setting.cpus[0]
        self.prefix = f"{NAME}-pktgen"
        self.command = ["pktgen", "--lcores", f"0@{cpu},1@{cpu}", "--no-pci", "--file-prefix", self.prefix,
                        *memory, "--vdev", server(socket), "--", "-P", "-m", "1.0", "-f", str(SCRIPTS / "throughput.lua")]
        self.environment = os.environ | {
            "LUA_PATH": f"{SCRIPTS}/?.lua", "TERM": "xterm", "PKTGEN_MAC": MAC, "PKTGEN_VIP": VIP[False], "PKTGEN_VIP_PORT": "80",
            "PKTGEN_FLOWS": str(nb_flows), "PKTGEN_SECONDS": str(FOREVER_S), "PKTGEN_RESULT": str(self.result)}
        self.process = None
        self.terminal = ()

    def __enter__(self):
        self.result.unlink(missing_ok=True)
        self.terminal = pty.openpty()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(bound(self.command), stdin=self.terminal[1], stdout=log, stderr=log, cwd="/",
                                            env=self.environment)
        try:
            wait("pktgen is ready", lambda: self.result.exists() or self.process.poll() is not None, 20)
            if self.process.poll() is not None:
                raise BenchError("pktgen ended at its start")
        except BaseException:
            self.__exit__()
            raise
        return self

    @property
    def pid(self):
        return self.process.pid

    @property
    def thread(self):
        return worker_thread(self.pid)

    @staticmethod
    def offered():
        """Not known of pktgen, which waits until there is room."""
        return 0, 0

    def wait(self):
        """Until it sends what it is to send: it tries its link first."""
        wait("pktgen sends", lambda: '"sending"' in self.result.read_text(), 30)
        time.sleep(0.5)

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        for end in self.terminal:
            os.close(end)
        shutil.rmtree(f"/run/dpdk/{self.prefix}", ignore_errors=True)


class TestpmdSource(Testpmd):
    """Packets of the file 'load', over and over; what comes back ends there."""
    name = "dpdk-testpmd"
    direction = "both"

    def __init__(self, setting, load, socket, mbufs):
        super().__init__("io", [f"net_pcap0,rx_pcap={load},infinite_rx=1", server(socket)], list(reversed(setting.cpus)), mbufs,
                         setting.scratch / "generator.log", setting.huge)

    def wait(self):
        """It sends as soon as somebody is there."""

    def offered(self):
        """How many packets it had so far, and how many of them memif had room for."""
        return self.stats(0)["ipackets"], self.stats(1)["opackets"]


def server(socket):
    return f"net_memif0,role=server,socket={socket},socket-abstract=no"


def choose(setting, load, socket, nb_flows, mbufs):
    """A function that makes the generator; each can be used once."""
    def testpmd():
        socket.unlink(missing_ok=True)  # a server that was killed leaves it
        return TestpmdSource(setting, load, socket, mbufs)

    def pktgen():
        socket.unlink(missing_ok=True)
        return Pktgen(setting, socket, nb_flows)

    if shutil.which("pktgen") is None:
        say("pktgen is not on PATH: dpdk-testpmd generates the packets for memif")
        return testpmd
    try:
        with pktgen():
            time.sleep(0.1)
        return pktgen
    except BenchError as e:
        setting.leave_out(f"pktgen as a generator: {e}, with memif and scripts/pktgen/throughput.lua; dpdk-testpmd takes its place")
        return testpmd
