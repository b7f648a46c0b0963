# SPDX-License-Identifier: BSD-3-Clause
"""One anabranch-dataplane in a network namespace of its own: start, attach, counters, stop."""
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("ANABRANCH_BUILD", TREE / "build"))
PROGRAM = BUILD / "dataplane" / "anabranch-dataplane"
MAGIC = int.from_bytes(b"L0ARBANA", "little")
ABI_VERSION = int(re.search(r"#define LB_ABI_VERSION (\d+)u", (TREE / "include/lb/abi.h").read_text()).group(1))
REQUEST = struct.Struct("<QII32s")
REPLY = struct.Struct("<QIIiiQ16s80s")
OK, BAD_VERSION, HELD, BAD_REQUEST = range(4)
TABLES, STATS, RINGS = range(3)
FOUR_WORKERS = {"lcores": "(0-4)@(0-1)" if (os.cpu_count() or 1) > 1 else "(0-4)@0"}  # and the main lcore, on two CPUs


def names(macro):
    """The names of an X-macro of counters.h, in order."""
    text = (TREE / "include/lb/counters.h").read_text()
    body = re.search(r"#define " + macro + r"\(X\)(.*?)\n\n", text, re.S).group(1)
    return re.findall(r'X\(\w+,\s*"(\w+)"', body.replace("\\\n", ""))


COUNTERS, DROPS = names("LB_COUNTERS"), names("LB_DROP_REASONS")


class Namespace:
    """A network namespace with its loopback up; gone with everything in it at the end."""

    def __init__(self, name):
        self.name = name
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "add", name], check=True)
        self.ip("link", "set", "lo", "up")

    def ip(self, *arguments):
        subprocess.run(["ip", "-n", self.name, *map(str, arguments)], check=True)

    def command(self, *arguments):
        """The command line that runs 'arguments' here; /sys, and so bpffs, stays the host's."""
        return ["nsenter", f"--net=/run/netns/{self.name}", *map(str, arguments)]

    def veth(self, left, right):
        self.ip("link", "add", left, "type", "veth", "peer", "name", right)
        for interface in (left, right):
            self.ip("link", "set", interface, "up")

    def has_xdp(self, interface):
        """Whether an XDP program stands on it."""
        return "prog/xdp" in subprocess.run(["ip", "-n", self.name, "link", "show", interface], check=True, text=True,
                                            capture_output=True).stdout

    def delete(self):
        subprocess.run(["ip", "netns", "del", self.name], check=False)


class Stats:
    """What the stats segment says. The descriptor is the caller's."""
    HEADER = struct.Struct("<64s16s24sQiIIIIIIIQQQQQQ128sQQQ")
    FIELDS = ("segment instance version started_ms pid nb_workers nb_ports nb_counters nb_drops max_targets max_listeners "
              "hugepages flow_capacity tables_size main_running_offset main_running_revision main_alive_ms kernel_errors "
              "kernel_error workers_offset targets_offset listeners_offset").split()
    PORTS, PORT = 384, struct.Struct("<32s16s32s6sHHHHBBQQ")
    WORKER_SIZE, SLOTS = 64 + 2 * 512, 64

    def __init__(self, fd):
        self.fd = fd
        self.header = dict(zip(self.FIELDS, self.HEADER.unpack(os.pread(fd, self.HEADER.size, 0))))
        self.workers = [self._worker(i) for i in range(self.header["nb_workers"])]
        self.ports = [self._port(i) for i in range(self.header["nb_ports"])]

    def _worker(self, number):
        block = os.pread(self.fd, self.WORKER_SIZE, self.header["workers_offset"] + number * self.WORKER_SIZE)
        values = struct.unpack(f"<{2 * self.SLOTS}Q", block[64:])
        return {"alive_ms": struct.unpack_from("<Q", block, 16)[0],
                "counters": dict(zip(COUNTERS, values)), "drops": dict(zip(DROPS, values[self.SLOTS:]))}

    def _port(self, number):
        raw = os.pread(self.fd, self.PORT.size, self.PORTS + number * self.PORT.size)
        name, interface, driver, mac, queues, mtu, link_up, reta_size, rss, spread, missed, errors = self.PORT.unpack(raw)
        text = [b.rstrip(b"\0").decode() for b in (name, interface, driver)]
        return dict(zip(("name", "interface", "driver"), text)) | {
            "mac": mac.hex(":"), "queues": queues, "mtu": mtu, "link_up": bool(link_up), "reta_size": reta_size, "rss": rss,
            "spread": bool(spread), "rx_missed": missed,
            "tx_errors": errors}

    def total(self, counter):
        return sum(w["counters"][counter] for w in self.workers)

    def drops(self):
        """Drops by reason, those that happened."""
        return {r: n for r in DROPS if (n := sum(w["drops"][r] for w in self.workers))}

    def conserved(self):
        """received = forwarded + answered + kernel + dropped + held."""
        ends = sum(map(self.total, ("to_target", "to_client", "answered", "kernel", "held"))) + sum(self.drops().values())
        return self.total("received") == ends


class Attachment:
    """A connection to the attach socket, and what came of it."""

    def __init__(self, path, version=ABI_VERSION):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(5)
        self.socket.connect(str(path))
        self.socket.send(REQUEST.pack(MAGIC, version, 0, b"test"))
        reply, self.fds, _, _ = socket.recv_fds(self.socket, REPLY.size, 8)
        (_, self.abi_version, self.status, self.holder, self.dataplane, self.session, instance,
         text) = REPLY.unpack(reply)
        self.instance, self.text = (b.split(b"\0")[0].decode() for b in (instance, text))

    def stats(self):
        return Stats(self.fds[STATS])

    def close(self):
        for fd in self.fds:
            os.close(fd)
        self.socket.close()


class Dataplane:
    """The program with a configuration. 'config' lacks only run_dir, and small numbers where it says nothing."""

    def __init__(self, namespace, config):
        self.namespace = namespace
        self.dir = Path(tempfile.mkdtemp(prefix="anabranch-test."))
        self.config = {
            "instance": namespace.name[:15], "run_dir": str(self.dir / "run"),
            "memory": {"mbufs": 16384}, "tables": {"megabytes": 4, "max_targets": 64, "max_listeners": 16},
            "flow_table": {"ipv4_flows": 1024, "ipv6_flows": 1024}, "kernel": {"max_routes": 256}} | config
        self.file = self.dir / "dataplane.json"
        self.file.write_text(json.dumps(self.config))
        self.log_file = self.dir / "log"
        self.process = None

    @property
    def socket(self):
        return Path(self.config["run_dir"]) / "dataplane.sock"

    def run(self, *options, timeout=60):
        """Runs it to its end."""
        return subprocess.run(self.namespace.command(PROGRAM, "--config", self.file, *options), text=True,
                              capture_output=True, timeout=timeout, check=False)

    def start(self, seconds=60):
        """Starts it and returns when it says that it is ready."""
        path = self.dir / "notify"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, open(self.log_file, "ab") as log:
            notify.bind(str(path))
            notify.settimeout(0.1)
            self.process = subprocess.Popen(self.namespace.command(PROGRAM, "--config", self.file), stdout=log, stderr=log,
                                            env=os.environ | {"NOTIFY_SOCKET": str(path)})
            for _ in range(seconds * 10):
                try:
                    assert notify.recv(64) == b"READY=1"
                    return self
                except socket.timeout:
                    assert self.process.poll() is None, f"exit code {self.process.returncode}: {self.log()}"
        raise AssertionError(f"not ready within {seconds} s: {self.log()}")

    def attach(self, **options):
        return Attachment(self.socket, **options)

    def log(self):
        return self.log_file.read_text(errors="replace")

    def stop(self, number=signal.SIGTERM, seconds=20):
        """The exit code."""
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def threads(self):
        """Name, CPUs and effective capabilities of each thread."""
        tasks = []
        for status in Path(f"/proc/{self.process.pid}/task").glob("*/status"):
            text = status.read_text()
            field = {k: re.search(rf"^{k}:\s*(.*)$", text, re.M).group(1) for k in ("Name", "Cpus_allowed_list", "CapEff")}
            tasks.append((field["Name"], field["Cpus_allowed_list"], int(field["CapEff"], 16)))
        return tasks

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(Path(self.config.get("kernel", {}).get("bpffs", "/sys/fs/bpf")) / "anabranch" / self.config["instance"],
                      ignore_errors=True)
        shutil.rmtree(self.dir, ignore_errors=True)
