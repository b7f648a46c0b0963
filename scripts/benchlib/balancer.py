# SPDX-License-Identifier: BSD-3-Clause
"""anabranch as it is run by an operator, on one virtual port in a network namespace of its own: dataplane and
control plane, configured by the command line. One worker, which polls.

The port's twin in the kernel holds the routes: clients behind a gateway, targets on the link, all of them
neighbours whose link addresses are known, so that nobody has to answer ARP. Nobody answers health checks either:
the target groups fail open, and all targets are used.
"""
import json
import os
import shutil
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

from support import BUILD, NAME, BenchError, bound, cpu_ns, wait, worker_thread

from daemon import Daemon
from dataplane import Dataplane, Namespace

TARGETS = 16
TARGET_PORT = 80
PEER_MAC = "02:00:00:00:00:01"
VIP = {False: "10.90.0.10", True: "fd90::10"}
PORT = "lan0"
ZONES = [{"name": "zone-a", "subnets": [
    {"id": "front", "prefix": "10.90.0.0/24", "ipv6_prefix": "fd90::/64", "interface": PORT, "first": "10.90.0.10",
     "last": "10.90.0.250", "ipv6_first": "fd90::10", "ipv6_last": "fd90::ffff"},
    {"id": "targets", "prefix": "10.1.0.0/16", "ipv6_prefix": "fd00:1::/64"}]}]
MAC = "02:70:63:61:70:00"  # which net_pcap gives its first port; other devices take it as an argument


def targets(v6):
    return [f"fd00:1::{10 + i:x}" if v6 else f"10.1.0.{10 + i}" for i in range(TARGETS)]


def flow_table(path, v6, flows):
    """One that so many flows of a family make 90 % full; the other family has the least that can be configured."""
    return {"path": str(path), "ipv4_flows": 64, "ipv6_flows": 64} | {"ipv6_flows" if v6 else "ipv4_flows": -(-flows * 10 // 9)}


class BoundNamespace(Namespace):
    """What runs there is killed when this process ends."""

    def command(self, *arguments):
        return bound(super().command(*arguments))


class Balancer:
    count = 0

    def __init__(self, cpus, flow_table, mbufs, idle="poll"):
        Balancer.count += 1
        with ExitStack() as made:
            name = f"{NAME}-{Balancer.count}"
            self.namespace = BoundNamespace(name)
            made.callback(self.namespace.delete)
            made.callback(shutil.rmtree, Path("/run/dpdk") / name, ignore_errors=True)  # EAL's own
            self.dataplane = Dataplane(self.namespace, {
                "instance": name.removeprefix("anabranch-"),  # which EAL and bpffs put before it
                "ports": [], "workers": {"cores": str(cpus[-1]), "idle": idle}, "memory": {"mbufs": mbufs},
                "flow_table": flow_table,
                "tables": {"megabytes": 16, "max_targets": 256, "max_listeners": 16}})
            made.callback(self.dataplane.close)
            self.daemon = Daemon(wrapper=self.namespace.command(), instance=self.dataplane.config["instance"],
                                 dataplane_socket=str(self.dataplane.socket), zones=ZONES)
            made.callback(self.daemon.remove)
            self.made = made.pop_all()
        self.thread = None

    # ---- processes ----

    def start(self, device):
        """(Re)starts the dataplane with its port on 'device', an EAL device argument; the flow table stays."""
        self.stop_dataplane()
        self.dataplane.config["ports"] = [{"name": PORT, "device": device, "queues": 1, "kernel": "twin"}]
        self.dataplane.file.write_text(json.dumps(self.dataplane.config))
        self.dataplane.start()
        self.thread = worker_thread(self.pid)
        if self.daemon.process is None:  # the first start: later ones find the network as it was
            self.set_up_network()
            self.daemon.start()
            self.configure()
        wait("the tables are in use", self.settled, 20)

    @property
    def pid(self):
        return self.dataplane.process.pid

    def stop_dataplane(self):
        if self.dataplane.process is not None and self.dataplane.process.poll() is None:
            self.dataplane.stop()

    def close(self):
        """Ends everything and leaves nothing behind, whichever part of it fails."""
        self.made.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- configuration ----

    def set_up_network(self):
        lines = []
        for address, gateway, clients in (("10.1.0.1/16", "10.1.255.254", "10.64.0.0/10"),
                                          ("fd00:1::1/64", "fd00:1::ffff", "fd00:64::/32")):
            lines.append(f"address replace {address} dev {PORT}" + (" nodad" if ":" in address else ""))
            lines += [f"neighbour replace {neighbour} lladdr {PEER_MAC} dev {PORT} nud permanent"
                      for neighbour in (gateway, *targets(":" in address))]
            lines.append(f"route replace {clients} via {gateway} dev {PORT}")
        subprocess.run(["ip", "-n", self.namespace.name, "-batch", "-"], input="\n".join(lines), text=True, check=True)

    def cli(self, *args):
        done = subprocess.run([BUILD / "controlplane" / "cli" / "anabranch", "--socket", self.daemon.socket, *args], text=True,
                              capture_output=True, check=False)
        if done.returncode:
            raise BenchError(f"anabranch {' '.join(args)}: {done.stderr.strip()}")
        return done.stdout

    def configure(self):
        self.cli("create-load-balancer", "--name", "bench", "--subnets", "front", "--ip-address-type", "dualstack")
        for protocol in ("TCP", "UDP"):
            for family in ("ipv4", "ipv6"):
                name = f"{protocol.lower()}-{family}"
                self.cli("create-target-group", "--name", name, "--protocol", protocol, "--port", str(TARGET_PORT),
                         "--ip-address-type", family)
                self.cli("register-targets", "--target-group", name, "--targets", *targets(family == "ipv6"))
                self.cli("create-listener", "--load-balancer", "bench", "--protocol", protocol, "--port", "80",
                         "--target-group", name)

    # ---- what it did ----

    def status(self):
        with self.daemon.client() as client:
            return client.call("Status")["dataplane"]

    def settled(self):
        status = self.status()
        return status["attached"] and status["publisher"]["acknowledged"] == status["publisher"]["revision"] > 0

    def counters(self):
        return self.status()["counters"]

    def drops(self):
        return {d["reason"]: d["packets"] for d in self.status()["drops"]}

    def wait_for_traffic(self):
        """Until a moment in which it found a way for all packets; what a full port took no more is no matter here."""
        def ready():
            before, drops = self.packets()[0], self.drops()
            time.sleep(0.1)
            return self.packets()[0] > before and self.drops() | {"tx_full": 0} == drops | {"tx_full": 0}

        wait("the load balancer forwards all packets", ready, 20)

    def packets(self):
        """How many were forwarded so far, and the worker's processor time until then."""
        counters = self.counters()
        return counters["to_target"] + counters["to_client"], cpu_ns(self.pid, self.thread)

