#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The steps of scripts/demo, which sets up and builds first."""
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent
os.environ.setdefault("ANABRANCH_LAB", "anb-demo")
COLOUR = sys.stdout.isatty()
LOAD = str(TREE / "scripts" / "lab-load")


class Failed(Exception):
    """A step did not hold."""


def lab(*args, check=True):
    done = subprocess.run([TREE / "scripts" / "lab", *args], text=True, capture_output=True, check=False)
    if check and done.returncode:
        raise Failed((done.stderr or done.stdout).strip())
    return done.stdout


class Demo:
    def __init__(self):
        self.env = {}
        self.held = []
        self.begin = time.monotonic()

    # ---- telling ----
    def title(self, text):
        bold, off = ("\033[1m", "\033[0m") if COLOUR else ("", "")
        print(f"\n{bold}{len(self.held) + 1}. {text}{off}", flush=True)

    def say(self, text):
        print("   " + text.rstrip("\n").replace("\n", "\n   "), flush=True)

    def expect(self, what, holds, saw):
        mark = ("\033[32mok\033[0m" if COLOUR else "ok") if holds else ("\033[31mNOT SO\033[0m" if COLOUR else "NOT SO")
        self.say(f"[{mark}] {what}: {saw}")
        if not holds:
            raise Failed(f"{what}: {saw}")

    @staticmethod
    def shares(by_target):
        return ", ".join(f"{target} {n}" for target, n in by_target.items())

    # ---- doing ----
    def cli(self, *args, show=True):
        if show:
            self.say("$ anabranch " + " ".join(args))
        done = subprocess.run([self.env["cli"], "--socket", self.env["control_socket"], *args], text=True,
                              capture_output=True, check=False)
        if done.returncode:
            raise Failed(f"anabranch {' '.join(args)}: {done.stderr.strip()}")
        return done.stdout

    def cli_json(self, *args):
        return json.loads(self.cli("--json", *args, show=False))

    def load(self, kind, address, **options):
        flags = [f"--{k}={v}" for k, v in options.items()]
        return json.loads(lab("exec", "client", LOAD, kind, address, *flags))

    def load_in_background(self, kind, address, **options):
        flags = [f"--{k}={v}" for k, v in options.items()]
        return subprocess.Popen([TREE / "scripts" / "lab", "exec", "client", LOAD, kind, address, *flags], text=True,
                                stdout=subprocess.PIPE)

    def finish(self, background):
        background.send_signal(signal.SIGTERM)
        return json.loads(background.communicate(timeout=30)[0])

    def states(self, group):
        health = self.cli_json("describe-target-health", "--target-group", group)
        return {d["Target"]["Id"]: d["TargetHealth"]["State"] for d in health["TargetHealthDescriptions"]}

    def wait(self, what, holds, seconds):
        begin = time.monotonic()
        while not holds():
            if time.monotonic() - begin > seconds:
                raise Failed(f"{what}: not within {seconds} s")
            time.sleep(0.02)
        return time.monotonic() - begin

    # ---- the steps ----
    def make_the_lab(self):
        self.title("A network: a client, a load-balancer host, four servers in two zones")
        lab("up")
        self.env = json.loads(lab("env"))
        self.say("client 10.0.0.2 --- load balancer --+-- zone-a: t1 10.1.0.11, t2 10.1.0.12\n"
                 "                                    +-- zone-b: t3 10.2.0.11, t4 10.2.0.12")
        self.expect("dataplane and control plane run", all(self.env["running"].values()),
                    ", ".join(f"{k} is pid {self.env['running'][k]}" for k in ("dataplane", "controlplane")))

    def configure(self):
        self.title("A load balancer, configured through the control socket")
        self.cli("create-load-balancer", "--name", "shop", "--subnets", "subnet-zone-a", "subnet-zone-b",
                 "--ip-address-type", "dualstack")
        for name, family, protocol, port in (("web", "ipv4", "TCP", "80"), ("web6", "ipv6", "TCP", "80"),
                                             ("echo", "ipv4", "UDP", "7"), ("echo6", "ipv6", "UDP", "7")):
            check = ["--health-check-protocol", "HTTP", "--health-check-port", "80", "--health-check-path", "/health"]
            self.cli("create-target-group", "--name", name, "--protocol", protocol, "--port", port,
                     "--ip-address-type", family, *check)
            self.cli("modify-target-group-attributes", "--target-group", name, "--attributes",
                     "anabranch.health_check.interval_ms=100", show=name == "web")
            targets = [self.env["addresses"][t][family == "ipv6"] for t in ("t1", "t2", "t3", "t4")]
            self.cli("register-targets", "--target-group", name, "--targets", *targets)
            self.cli("create-listener", "--load-balancer", "shop", "--protocol", protocol, "--port", port,
                     "--target-group", name)
        took = self.wait("all targets healthy", lambda: all(
            s == "healthy" for g in ("web", "web6", "echo", "echo6") for s in self.states(g).values()), 10)
        self.expect("every target is healthy", True, f"after {took:.1f} s")
        self.say(self.cli("describe-target-health", "--target-group", "web"))

    def spread(self):
        self.title("Requests are spread over the targets, and the targets see the client's own address")
        for kind, v4, v6 in (("http", "10.90.0.10:80", "[fd90::10]:80"), ("udp", "10.90.0.10:7", "[fd90::10]:7")):
            for address, client in ((v4, "10.0.0.2"), (v6, "fd00::2")):
                r = self.load(kind, address, count=400)
                self.expect(f"{kind} to {address}, 400 flows", r["failed"] == 0 and r["clients"] == {client: 400},
                            f"{self.shares(r['by_target'])}; client seen as {', '.join(r['clients'])}")
        log = Path(self.env["logs"]["t1"]).read_text().splitlines()
        self.say(f"nginx's own log on t1: {log[-1]}")
        self.expect("each line of it has the client's address",
                    all(line.split()[0] in ("10.0.0.2", "fd00::2") for line in log), f"{len(log)} lines")

    def cross_zone(self):
        self.title("Cross-zone load balancing, off and on")
        r = self.load("http", "10.90.0.10:80", count=400)
        self.expect("off: zone-a's address uses zone-a's targets", set(r["by_target"]) == {"t1", "t2"},
                    self.shares(r["by_target"]))
        self.cli("modify-load-balancer-attributes", "--load-balancer", "shop", "--attributes",
                 "load_balancing.cross_zone.enabled=true")
        r = self.load("http", "10.90.0.10:80", count=800)
        shares = {t: round(100 * n / r["requests"]) for t, n in r["by_target"].items()}
        self.expect("on: all four, about 25 % each", len(shares) == 4 and all(15 <= s <= 35 for s in shares.values()) and
                    r["failed"] == 0, " ".join(f"{t} {s} %" for t, s in shares.items()))

    def target_dies(self):
        self.title("A target dies and comes back")
        lab("kill", "t1")
        address = self.env["addresses"]["t1"][0]
        took = self.wait("t1 unhealthy", lambda: self.states("web")[address] == "unhealthy", 10)
        self.expect("t1 is seen unhealthy", True, f"{took:.2f} s after its servers were killed")
        r = self.load("http", "10.90.0.10:80", count=400)
        self.expect("no request is lost after that", r["failed"] == 0 and "t1" not in r["by_target"],
                    self.shares(r["by_target"]))
        lab("start", "t1")
        took = self.wait("t1 healthy", lambda: self.states("web")[address] == "healthy", 10)
        self.expect("back in service in under a second", took < 1, f"{took:.2f} s after its servers were started")
        r = self.load("http", "10.90.0.10:80", count=400)
        self.expect("it gets requests again", r["failed"] == 0 and r["by_target"].get("t1", 0) > 0,
                    self.shares(r["by_target"]))

    def control_plane_dies(self):
        self.title("The control plane is killed with -9 and restarted, under traffic")
        background = self.load_in_background("http", "10.90.0.10:80", rate=300)
        time.sleep(1)
        lab("kill", "controlplane")
        self.say("control plane killed; traffic goes on ...")
        time.sleep(2)
        lab("start", "controlplane")
        took = self.wait("states adopted", lambda: set(self.states("web").values()) == {"healthy"}, 10)
        time.sleep(1)
        r = self.finish(background)
        self.expect("no request failed", r["failed"] == 0 and r["requests"] > 500, f"{r['requests']} requests, {r['failed']} failed")
        self.expect("the same configuration serves, all targets healthy at once", took < 2, f"{took:.2f} s")

    def data_plane_dies(self):
        self.title("The dataplane is killed with -9 and restarted, under traffic")
        background = self.load_in_background("http", "10.90.0.10:80", rate=100, timeout=15)
        time.sleep(1)
        lab("kill", "dataplane")
        lab("start", "dataplane")
        time.sleep(4)
        r = self.finish(background)
        self.expect("no connection was refused or reset, each request was answered",
                    r["failed"] == 0, f"{r['requests']} requests, {r['failed']} failed {r['errors'] or ''}, slowest {r['slowest_ms'] / 1000:.1f} s")

    def status(self):
        self.title("What the operator sees")
        self.say(self.cli("status"))

    def run(self):
        steps = (self.make_the_lab, self.configure, self.spread, self.cross_zone, self.target_dies,
                 self.control_plane_dies, self.data_plane_dies, self.status)
        status = 0
        try:
            for step in steps:
                step()
                self.held.append(step.__name__.replace("_", " "))
        except (Failed, subprocess.SubprocessError, KeyboardInterrupt) as e:
            print(f"\ndemo: did not hold: {e}", flush=True)
            for name in ("dataplane", "controlplane"):
                path = Path(self.env.get("logs", {}).get(name, "/nonexistent"))
                if path.exists():
                    print(f"\nlast lines of {name}'s log:\n" + "\n".join("    " + x for x in path.read_text().splitlines()[-15:]))
            status = 1
        finally:
            lab("down", check=False)
        print(f"\n{len(self.held)} of {len(steps)} steps held, in {time.monotonic() - self.begin:.0f} s: {', '.join(self.held)}")
        return status


if __name__ == "__main__":
    sys.exit(Demo().run())
