# SPDX-License-Identifier: BSD-3-Clause
"""What the program adds to a packet's way: round trips of single packets over memif, there and back, beside
dpdk-testpmd's macswap on the same path. The worker polls; once more with a worker that sleeps when idle.

All of them are there at once, each on a port of the prober; those that are not measured are stopped.
"""
import json
import statistics
import subprocess
from contextlib import ExitStack

from balancer import MAC, PEER_MAC, VIP, Balancer, flow_table
from support import BUILD, BenchError, bound, percentile, say
from testpmd import Testpmd
from whole import memif_client, running_alone

RUNS = 5
GAP_US = 200
MBUFS = 8192
FLOWS = 4096
PROBE = BUILD / "tests" / "perf" / "latency" / "latency_probe"
PERCENTILES = (50, 90, 99, 99.9)
MACSWAP = "testpmd macswap"


class Probe:
    """The prober, a process on the first processor: port i is the server of socket i."""

    def __init__(self, setting, sockets):
        memory = ["--in-memory"] if setting.huge else ["--no-huge", "-m", "128"]
        vdevs = [a for i, s in enumerate(sockets)
                 for a in ("--vdev", f"net_memif{i},role=server,id={i},socket={s},socket-abstract=no")]
        self.log = setting.scratch / "probe.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(bound([PROBE, "--lcores", f"0@{setting.cpus[0]}", "--no-pci", "--no-telemetry",
                                                   "--no-shconf", *memory, *vdevs]),
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        while (line := self.process.stdout.readline()) != "ready\n":
            if not line:
                self.fail()

    def fail(self):
        self.process.wait(20)
        raise BenchError(f"{PROBE.name} ended: " + " / ".join(self.log.read_text(errors="replace").splitlines()[-3:]))

    def round_trips(self, port, count, frame):
        """Nanoseconds of each packet. One that was lost counts with the time it was waited for, so that the percentiles
        show it; more than one in a hundred are an error, as hardly anything may be lost at this rate."""
        try:
            self.process.stdin.write(f"{port} {count} {GAP_US} {frame.hex()}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            self.fail()
        line = self.process.stdout.readline()
        if not line:
            self.fail()
        answer = json.loads(line)
        if answer["lost"] > count // 100:
            raise BenchError(f"{answer['lost']} of {count} single packets did not come back")
        return answer["ns"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def datagram():
    """To the UDP listener; long enough that nothing is padded. Its checksum is off, as its end changes."""
    # not above: scripts/setup installs it after this module was loaded
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether

    return bytes(Ether(src=PEER_MAC, dst=MAC) / IP(src="10.64.0.1", dst=VIP[False]) / UDP(sport=20000, dport=80, chksum=0) /
                 bytes(18))


def row(name, runs, reference):
    """One line of the result: percentiles of each run, of these the medians, and what they are more than the
    reference's."""
    of_runs = {f"p{p}": [percentile(ns, p) / 1000 for ns in runs] for p in PERCENTILES}
    us = {p: round(statistics.median(values), 2) for p, values in of_runs.items()}
    added = {p: round(us[p] - reference[p], 2) for p in us} if reference else None
    return {"name": name, "path": "memif", "runs": len(runs), "packets": sum(map(len, runs)), "us": us,
            "min_us": {p: round(min(values), 2) for p, values in of_runs.items()},
            "max_us": {p: round(max(values), 2) for p, values in of_runs.items()}, "added_us": added}


def measure(setting, result):
    if not setting.pair:
        return
    count = 400 if setting.quick else 4000
    names = [MACSWAP, "anabranch, polling", "anabranch, sleeping when idle"]
    sockets = [setting.scratch / f"latency{i}.sock" for i in range(len(names))]
    trips = {name: [] for name in names}
    frame = datagram()
    with ExitStack() as stack:
        probe = stack.enter_context(Probe(setting, sockets))
        under_test = [stack.enter_context(Testpmd("macswap", [memif_client(sockets[0], 0)], setting.cpus, MBUFS,
                                                  setting.scratch / "macswap.log", setting.huge))]
        for i, idle in enumerate(("poll", "sleep"), 1):
            balancer = stack.enter_context(Balancer(setting.cpus, flow_table(f"{setting.flow_file}-{idle}", False, FLOWS), MBUFS, idle))
            balancer.start(memif_client(sockets[i], i))
            under_test.append(balancer)
        for run in range(-1, RUNS):
            for i, name in enumerate(names):
                others = [p for p in under_test if p is not under_test[i]]
                with running_alone(under_test[i], others):
                    ns = probe.round_trips(i, count if run >= 0 else 50, frame)
                if run >= 0:  # the first one makes the flow and warms up
                    trips[name].append(ns)
    reference = None
    for name in names:
        result["latency"].append(row(name, trips[name], reference))
        reference = reference or result["latency"][-1]["us"]
    added = result["latency"][1]["added_us"]
    say("latency added by polling, there and back: " + ", ".join(f"{p} {us:+.2f} us" for p, us in added.items()))
