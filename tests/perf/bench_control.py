#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The control plane with 1,000 target groups and 10,000 targets, attached to a dataplane with two workers in the lab:

    load     everything through the control socket, one client, pipelined, until the last answer
    restart  anabranchd stopped and started again: until the running tables are adopted and acknowledged
    idle     processor time with default TCP health checks (every 30 s) of all targets
    verdict  from a health verdict until everybody runs the tables with it
    change   one client, one change after the other; then 200 a second

It needs root (network namespaces), a build (ANABRANCH_BUILD) and about two minutes.
"""
import argparse
import json
import os
import socket
import statistics
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from lab import Lab, inside  # noqa: E402

FLIPPED = 16  # targets whose servers come and go
TICKS = os.sysconf("SC_CLK_TCK")


class Client:
    """A connection to the control socket that is kept."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")

    def ask_all(self, calls):
        """Sends all and reads all answers. Returns how many of them came before everybody ran the change."""
        lines = b"".join(json.dumps({"jsonrpc": "2.0", "id": i, "method": method, "params": params}).encode() + b"\n"
                         for i, (method, params) in enumerate(calls))
        sender = threading.Thread(target=self.socket.sendall, args=(lines,))
        sender.start()
        pending = 0
        for method, _ in calls:
            answer = json.loads(self.file.readline())
            assert "result" in answer, f"{method}: {answer}"
            pending += bool(answer["result"].get("anabranch.Pending"))
        sender.join()
        return pending

    def ask(self, method, **params):
        assert self.ask_all([(method, params)]) == 0, f"{method} was pending"

    def close(self):
        self.file.close()
        self.socket.close()


def cpu_seconds(pid, thread=None):
    """Of a process with all its threads, or of one thread."""
    where = f"/proc/{pid}/task/{thread}/stat" if thread else f"/proc/{pid}/stat"
    fields = Path(where).read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def percentile(values, percent):
    return sorted(values)[(len(values) - 1) * percent // 100]


class Bench:
    def __init__(self, lab, args):
        self.lab, self.args = lab, args
        self.results = []

    def result(self, name, value, unit, goal=None):
        """'goal': at most so much."""
        self.results.append({"name": name, "value": round(value, 3), "unit": unit} |
                            ({} if goal is None else {"goal": goal, "met": value <= goal}))
        note = "" if goal is None else f"   goal: at most {goal} {unit}, {'met' if value <= goal else 'MISSED'}"
        print(f"  {name:<58} {value:>10.2f} {unit:<12}{note}", flush=True)

    def pid(self, what):
        return int((Path(self.lab.env["run_dir"]) / f"{what}.pid").read_text().split()[0])

    def publisher(self):
        return self.lab.rpc("Status")["dataplane"]["publisher"]

    def probes(self):
        return self.lab.rpc("Status")["health"]["probes"]

    def settled(self):
        dataplane = self.lab.rpc("Status")["dataplane"]
        return dataplane["attached"] and dataplane["publisher"]["acknowledged"] == dataplane["publisher"]["revision"]

    def all_healthy(self):
        answer = self.lab.rpc("DescribeTargetHealth", TargetGroupArn=f"g{self.args.groups - 1}")
        states = [d["TargetHealth"]["State"] for d in answer["TargetHealthDescriptions"]]
        return set(states) == {"healthy"}

    # ---- load ----

    def group(self, n):
        """Targets share the lab's four hosts; all are checked at their web servers."""
        addresses = self.lab.targets()
        each = self.args.targets // self.args.groups
        targets = [f"{addresses[i % 4]}:{2000 + (n * each + i) // 4}" for i in range(each)]
        return [("CreateTargetGroup", {"Name": f"g{n}", "Protocol": "TCP", "Port": 80, "HealthCheckPort": "80"}),
                ("RegisterTargets", {"TargetGroupArn": f"g{n}", "Targets": targets}),
                ("CreateListener", {"LoadBalancerArn": "lab", "Protocol": "TCP", "Port": 1000 + n,
                                    "DefaultActions": [{"Type": "forward", "TargetGroupArn": f"g{n}"}]})]

    def load(self):
        calls = [("CreateLoadBalancer", {"Name": "lab", "Subnets": [z["subnet"] for z in self.lab.env["zones"].values()]})]
        for n in range(self.args.groups):
            calls += self.group(n)
        self.lab.wait(self.settled, 10, "the dataplane to be attached")
        daemon, client = self.pid("controlplane"), Client(self.lab.env["control_socket"])
        cpu, begin = cpu_seconds(daemon), time.monotonic()
        pending = client.ask_all(calls)
        took = time.monotonic() - begin
        client.close()
        self.result(f"load: {self.args.groups} groups, listeners; {self.args.targets} targets", took, "s", 2)
        self.result("load: processor time of anabranchd", cpu_seconds(daemon) - cpu, "s")
        self.result("load: answers that said anabranch.Pending", pending, f"of {len(calls)}")
        self.lab.wait(self.all_healthy, 60, "the last group to be healthy")
        self.result("load: until all first health checks were done", time.monotonic() - begin, "s")
        self.latency("verdict latency in that storm", self.publisher()["latency_ms"]["verdicts"])
        begin = time.monotonic()
        self.lab.rpc("Status")
        self.result("Status, with all objects", (time.monotonic() - begin) * 1000, "ms")

    def restart(self):
        self.lab.run("stop", "controlplane")
        begin = time.monotonic()
        self.lab.run("start", "controlplane")
        self.lab.wait(self.settled, 30, "the tables to be adopted")
        self.result("restart: until adopted and acknowledged", time.monotonic() - begin, "s")
        time.sleep(max(0.0, begin + 2 - time.monotonic()))
        self.result("restart: health checks in the first 2 s", self.probes(), "")

    # ---- idle ----

    def idle(self):
        time.sleep(17)  # a first check is followed by none for half an interval
        pids = {"anabranchd": self.pid("controlplane"), "anabranch-dataplane": self.pid("dataplane")}
        dataplane = pids["anabranch-dataplane"]
        before = {name: cpu_seconds(pid) for name, pid in pids.items()}
        before_main, probes = cpu_seconds(dataplane, dataplane), self.probes()
        begin = time.monotonic()
        time.sleep(self.args.idle)
        took = time.monotonic() - begin
        used = {name: (cpu_seconds(pid) - before[name]) / took * 100 for name, pid in pids.items()}
        self.result("idle: health checks", (self.probes() - probes) / took, "/s")
        self.result("idle: anabranchd", used["anabranchd"], "% of a core", 2)
        self.result("idle: anabranch-dataplane, main thread",
                    (cpu_seconds(dataplane, dataplane) - before_main) / took * 100, "% of a core")
        self.result("idle: anabranch-dataplane, all threads (sleeping workers)", used["anabranch-dataplane"], "% of a core")

    # ---- verdicts ----

    def latency(self, name, summary, goal=None):
        self.result(f"{name}: median", summary["median"], "ms", goal)
        self.result(f"{name}: 99th percentile", summary["p99"], "ms")
        self.result(f"{name}: worst", summary["max"], "ms")
        self.result(f"{name}: generations", summary["count"], "")

    def servers(self, targets):
        """Sockets that accept connections of health checks, on the targets' hosts."""
        made = []
        for target, port in targets:
            with inside(self.lab.env["namespaces"][target]):
                made.append(socket.create_server((self.lab.env["addresses"][target][0], port), backlog=256))
        return made

    def flip(self, state, seconds=20):
        self.lab.wait(lambda: set(self.lab.states("flips").values()) == {state}, seconds, f"all flips {state}")

    def verdicts(self):
        targets = [(f"t{1 + i % 4}", 9000 + i // 4) for i in range(FLIPPED)]
        self.lab.service("flips", "TCP", 900, [f"{self.lab.env['addresses'][t][0]}:{port}" for t, port in targets],
                         health={"HealthCheckProtocol": "TCP"})
        self.flip("unhealthy")
        before = self.publisher()["latency_ms"]["verdicts"]["count"]
        for _ in range(self.args.flips):
            servers = self.servers(targets)
            self.flip("healthy")
            for server in servers:
                server.close()
            self.flip("unhealthy")
        after = self.publisher()["latency_ms"]["verdicts"]
        # Verdicts of one turn share a generation; in each round there is one at least.
        assert after["count"] - before >= self.args.flips, f"{after['count'] - before} generations of verdicts"
        self.latency("verdict until everybody runs it", after, 10)

    # ---- changes ----

    def change(self, client, n):
        client.ask("DeregisterTargets" if n % 2 else "RegisterTargets", TargetGroupArn=f"g{n // 2 % self.args.groups}",
                   Targets=["10.2.0.99:80"])

    def changes(self):
        client, daemon = Client(self.lab.env["control_socket"]), self.pid("controlplane")
        times, cpu, begin = [], cpu_seconds(daemon), time.monotonic()
        for n in range(self.args.changes):
            sent = time.monotonic()
            self.change(client, n)
            times.append((time.monotonic() - sent) * 1000)
        took = time.monotonic() - begin
        self.result("changes, one after the other", self.args.changes / took, "/s")
        self.result("change: median", statistics.median(times), "ms")
        self.result("change: 99th percentile", percentile(times, 99), "ms")
        self.result("change: worst", max(times), "ms")
        self.result("change: processor time of anabranchd", (cpu_seconds(daemon) - cpu) / self.args.changes * 1000, "ms each")
        cpu, begin, rounds = cpu_seconds(daemon), time.monotonic(), 200 * self.args.paced
        for n in range(rounds):
            self.change(client, self.args.changes // 2 * 2 + n)
            time.sleep(max(0.0, begin + (n + 1) / 200 - time.monotonic()))
        took = time.monotonic() - begin
        self.result("paced at 200 changes/s: reached", rounds / took, "/s")
        self.result("paced at 200 changes/s: anabranchd", (cpu_seconds(daemon) - cpu) / took * 100, "% of a core")
        client.close()

    def run(self):
        for step in (self.load, self.restart, self.idle, self.verdicts, self.changes):
            step()
        publisher = self.publisher()
        assert publisher["problem"] == "" and publisher["silent_consumers"] == [], publisher


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--groups", type=int, default=1000)
    p.add_argument("--targets", type=int, default=10000, help="in all")
    p.add_argument("--idle", type=int, default=15, metavar="SECONDS")
    p.add_argument("--flips", type=int, default=10, help=f"how often {FLIPPED} servers come and go")
    p.add_argument("--changes", type=int, default=2000)
    p.add_argument("--paced", type=int, default=10, metavar="SECONDS", help="of 200 changes a second")
    p.add_argument("--json", metavar="FILE", help="the results for programs")
    args = p.parse_args()
    lab = Lab("bench-" + str(os.getpid() % 1000), workers=2)
    try:
        bench = Bench(lab, args)
        print(f"{os.cpu_count()} processors, load average {os.getloadavg()[0]:.2f}")
        bench.run()
        print(f"load average at the end {os.getloadavg()[0]:.2f}")
    finally:
        lab.down()
    if args.json:
        Path(args.json).write_text(json.dumps({"load_average": os.getloadavg()[0], "results": bench.results}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
