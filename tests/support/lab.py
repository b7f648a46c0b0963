# SPDX-License-Identifier: BSD-3-Clause
"""The lab (scripts/lab) for end-to-end tests: commands, raw frames on its links, and the sums that must hold."""
import ctypes
import json
import os
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent.parent
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


@contextmanager
def inside(namespace):
    """This thread in another network namespace: sockets opened here belong to it for good."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        if LIBC.setns(there, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
        yield
    finally:
        LIBC.setns(here, CLONE_NEWNET)
        os.close(here)
        os.close(there)


class Wire:
    """Raw frames on one interface of one host."""
    SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 8, 23

    def __init__(self, namespace, interface):
        with inside(namespace):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self.socket.setsockopt(self.SOL_PACKET, self.PACKET_AUXDATA, 1)
            self.socket.setsockopt(self.SOL_PACKET, self.PACKET_IGNORE_OUTGOING, 1)
            self.socket.bind((interface, 0))
        self.mac = self.socket.getsockname()[4]

    def send(self, frame):
        self.socket.send(bytes(frame))

    def receive(self, wanted, seconds=2.0):
        """The first frame for which wanted(bytes) holds, with its outer VLAN tag put back; None if none came."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                frame, ancillary, _, _ = self.socket.recvmsg(65536, 256)
            except socket.timeout:
                break
            frame = self._with_tag(frame, ancillary)
            if wanted(frame):
                return frame
        return None

    def _with_tag(self, frame, ancillary):
        for level, kind, data in ancillary:
            if (level, kind) == (self.SOL_PACKET, self.PACKET_AUXDATA):
                status = int.from_bytes(data[0:4], "little")
                tci, tpid = (int.from_bytes(data[i:i + 2], "little") for i in (16, 18))
                if status & 0x10:  # TP_STATUS_VLAN_VALID
                    tpid = tpid if status & 0x40 else 0x8100
                    return frame[:12] + tpid.to_bytes(2, "big") + tci.to_bytes(2, "big") + frame[12:]
        return frame

    def close(self):
        self.socket.close()


class Lab:
    def __init__(self, name, workers=2, ports="af_xdp", spread=False):
        self.name = name
        os.environ["ANABRANCH_LAB"] = name
        self.run("up", "--workers", str(workers), "--ports", ports, *(["--spread"] if spread else []))
        self.env = json.loads(self.run("env"))

    def run(self, *args, check=True, timeout=120):
        done = subprocess.run([TREE / "scripts" / "lab", *map(str, args)], text=True, capture_output=True, timeout=timeout,
                              check=False, env=os.environ | {"ANABRANCH_LAB": self.name})
        assert not check or done.returncode == 0, f"lab {args}: {done.stderr}\n{done.stdout}"
        return done.stdout

    def down(self):
        self.run("down", check=False)

    def on(self, host, *command, check=True, timeout=120):
        return self.run("exec", host, *command, check=check, timeout=timeout)

    def background(self, host, *command, stdin=None):
        return subprocess.Popen([TREE / "scripts" / "lab", "exec", host, *map(str, command)], text=True, stdin=stdin,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"ANABRANCH_LAB": self.name})

    def load(self, kind, address, **options):
        return json.loads(self.on("client", TREE / "scripts" / "lab-load", kind, address,
                                  *(f"--{k}={v}" for k, v in options.items())))

    def load_in_background(self, kind, address, **options):
        return self.background("client", TREE / "scripts" / "lab-load", kind, address,
                               *(f"--{k}={v}" for k, v in options.items()))

    @staticmethod
    def finish(background):
        background.send_signal(signal.SIGTERM)
        return json.loads(background.communicate(timeout=60)[0])

    def wire(self, host, interface="eth0"):
        return Wire(self.env["namespaces"][host], interface)

    # ---- the control socket ----

    def rpc(self, method, **params):
        answer = self.rpc_raw(method, params)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def rpc_raw(self, method, params):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(self.env["control_socket"])
            s.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n")
            with s.makefile("rb") as f:
                return json.loads(f.readline())

    def service(self, name, protocol, port, targets, family="ipv4", cross_zone=False, health=None, attributes=None):
        """A load balancer (made once), a target group and a listener; targets are addresses or ADDRESS:PORT."""
        if not any(lb["LoadBalancerName"] == "lab" for lb in self.rpc("DescribeLoadBalancers")["LoadBalancers"]):
            self.rpc("CreateLoadBalancer", Name="lab", Subnets=[z["subnet"] for z in self.env["zones"].values()],
                     IpAddressType="dualstack")
        health = health or {"HealthCheckProtocol": "HTTP", "HealthCheckPort": "80", "HealthCheckPath": "/health"}
        self.rpc("CreateTargetGroup", Name=name, Protocol=protocol, Port=port, IpAddressType=family, **health)
        attributes = {"anabranch.health_check.interval_ms": "200"} | (attributes or {})
        if cross_zone:
            attributes["load_balancing.cross_zone.enabled"] = "true"
        self.rpc("ModifyTargetGroupAttributes", TargetGroupArn=name,
                 Attributes=[{"Key": k, "Value": v} for k, v in attributes.items()])
        self.rpc("RegisterTargets", TargetGroupArn=name, Targets=targets)
        return self.rpc("CreateListener", LoadBalancerArn="lab", Protocol=protocol, Port=port,
                        DefaultActions=[{"Type": "forward", "TargetGroupArn": name}])["Listeners"][0]["ListenerArn"]

    def web_and_echo(self, family="ipv4"):
        """HTTP at port 80 and UDP echo at port 7, each on all targets: groups "web" and "echo", of IPv6 "web6" and "echo6".
        Healthy, and used once: the kernel learns the client's link address from its first packet, and an answer that is
        faster is lost."""
        six = "6" if family == "ipv6" else ""
        for name, protocol, port in (("web", "TCP", 80), ("echo", "UDP", 7)):
            self.service(name + six, protocol, port, self.targets(family), family, cross_zone=True)
        for name in ("web", "echo"):
            self.wait_healthy(name + six)
        self.load("http", f"[{self.env['zones']['zone-a']['vip6' if six else 'vip4']}]:80", count=1)

    def states(self, group):
        return {d["Target"]["Id"]: d["TargetHealth"]["State"]
                for d in self.rpc("DescribeTargetHealth", TargetGroupArn=group)["TargetHealthDescriptions"]}

    def wait_healthy(self, group, seconds=10):
        self.wait(lambda: set(self.states(group).values()) == {"healthy"}, seconds, f"{group} healthy")

    @staticmethod
    def wait(holds, seconds, what):
        """What holds() returned when it was true first. 'what' is a text, or makes one of what is known at the end."""
        until = time.monotonic() + seconds
        while not (held := holds()):
            assert time.monotonic() < until, f"not within {seconds} s: {what() if callable(what) else what}"
            time.sleep(0.02)
        return held

    def targets(self, family="ipv4"):
        return [self.env["addresses"][t][family == "ipv6"] for t in ("t1", "t2", "t3", "t4")]

    # ---- what must hold ----

    def counters(self):
        """Sums over all workers, and the drops by reason."""
        dataplane = self.rpc("Status")["dataplane"]
        return dataplane["counters"], dataplane["drops"]


class Capture:
    """What the client receives that would end a connection: RST from a virtual address, ICMP unreachable."""
    def __init__(self, lab):
        self.path = Path(lab.env["run_dir"]) / "capture.pcap"
        self.process = lab.background("client", "tcpdump", "-Z", "root", "-U", "-n", "-i", "eth0", "-w", self.path,
                                      "(src net 10.90.0.0/16 and tcp[tcpflags] & tcp-rst != 0) or "
                                      "(icmp and icmp[icmptype] == icmp-unreach)")
        until = time.monotonic() + 5
        while not self.path.exists() or self.path.stat().st_size < 24:
            assert time.monotonic() < until, "tcpdump did not start"
            time.sleep(0.02)

    def packets(self):
        time.sleep(0.3)
        self.process.terminate()
        self.process.wait(10)
        return subprocess.run(["tcpdump", "-nr", self.path], capture_output=True, text=True, check=True).stdout
