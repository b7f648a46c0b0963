# SPDX-License-Identifier: BSD-3-Clause
"""Two or three network namespaces around the dataplane's kernel side (kernel_driver), for its tests."""
import os
import select
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

BUILD = Path(os.environ.get("ANABRANCH_BUILD", Path(__file__).resolve().parent.parent.parent / "build"))
DRIVER = BUILD / "tests/e2e/kernel_driver"


def sh(*args, check=True):
    return subprocess.run([str(a) for a in args], check=check, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=30).stdout


class Net:
    """A load-balancer host 'lb' between 'left' and 'right': 10.9.0.0/24 and 10.8.0.0/24, and fd09::/64, fd08::/64."""

    made = 0

    def __init__(self):
        Net.made += 1
        self.prefix = f"kern-{os.getpid()}-{Net.made}"
        self.drivers = []
        self.bpffs = tempfile.mkdtemp(prefix="kern-bpf-", dir="/run")
        try:
            self.up()
        except BaseException:
            self.down()
            raise

    def up(self):
        sh("mount", "-t", "bpf", "bpf", self.bpffs)
        for host in ("lb", "left", "right"):
            sh("ip", "netns", "add", self.ns(host))
            self.ip(host, "link", "set", "lo", "up")
        self.link("left", 9)
        self.link("right", 8)

    def ns(self, host):
        return f"{self.prefix}-{host}"

    def link(self, host, number):
        """(Re-)creates the link between lb and a host."""
        sh("ip", "link", "add", f"lb-{host}", "netns", self.ns("lb"), "type", "veth",
           "peer", "name", "eth", "netns", self.ns(host))
        for end, name, last in (("lb", f"lb-{host}", 1), (host, "eth", 2)):
            self.run(end, "sysctl", "-qw", f"net.ipv6.conf.{name}.accept_dad=0", check=False)
            self.ip(end, "link", "set", name, "addrgenmode", "none", "up")
            self.ip(end, "addr", "add", f"10.{number}.0.{last}/24", "dev", name)
            self.ip(end, "-6", "addr", "add", f"fd0{number}::{last}/64", "dev", name, "nodad")
            self.ip(end, "-6", "addr", "add", f"fe80::{number}:{last}/64", "dev", name, "nodad")
            for feature in ("tx", "tso", "gso"):
                self.run(end, "ethtool", "-K", name, feature, "off", check=False)

    def run(self, host, *args, check=True):
        return sh("nsenter", f"--net=/run/netns/{self.ns(host)}", *args, check=check)

    def ip(self, host, *args, check=True):
        return sh("ip", "-n", self.ns(host), *args, check=check)

    def batch(self, host, lines):
        """Many ip commands at once."""
        subprocess.run(["ip", "-n", self.ns(host), "-batch", "-"], input="\n".join(lines), text=True, check=True, timeout=30)

    def mac(self, host, interface):
        return self.ip(host, "-o", "link", "show", interface).split("link/ether ")[1].split()[0]

    def driver(self, *options, ports=("lb-left", "lb-right"), instance="kern"):
        driver = Driver(self, options, instance, ports)
        self.drivers.append(driver)
        return driver

    def guard(self):
        return self.run("lb", "nft", "list", "table", "inet", "anabranch_kern", check=False)

    def down(self):
        """Removes everything, and then fails if a driver did not end well: a sanitizer may have spoken."""
        with ExitStack() as stack:  # the last first, each whatever became of the others
            stack.callback(os.rmdir, self.bpffs)
            stack.callback(sh, "umount", self.bpffs, check=False)
            for host in ("lb", "left", "right"):
                stack.callback(sh, "ip", "netns", "del", self.ns(host), check=False)
            for driver in self.drivers:
                stack.callback(driver.stop)
        assert all(driver.process.returncode == 0 for driver in self.drivers), [d.errors() for d in self.drivers]


class Driver:
    """tests/support/kernel_driver.c has the commands."""

    def __init__(self, net, options, instance, ports):
        self.process = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{net.ns('lb')}", str(DRIVER), *options, instance, net.bpffs, *ports],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.words = None
        try:
            assert self._line() == "ready"
        except AssertionError as problem:
            self.stop()
            raise AssertionError(self.errors()) from problem

    def errors(self):
        """What it said on standard error, once it has ended."""
        if self.words is None:
            self.words = self.process.stderr.read()
        return self.words

    def _line(self):
        ready, _, _ = select.select([self.process.stdout], [], [], 20)
        assert ready, "the driver does not answer"
        return self.process.stdout.readline().strip()

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self._line()

    def lookup(self, address):
        return self.ask(f"lookup {address}")

    def kind(self, address):
        return self.lookup(address).split()[0]

    def run(self, ms=50):
        self.ask(f"run {ms}")

    def until(self, holds, seconds=5):
        """Runs until holds() is true; its last value."""
        end = time.monotonic() + seconds
        value = holds()
        while not value and time.monotonic() < end:
            self.run(20)
            value = holds()
        return value

    def becomes(self, address, kind, seconds=5):
        return self.until(lambda: self.kind(address) == kind, seconds)

    def apply(self, *rows):
        return int(self.ask("apply " + " ".join(rows)))

    def stop(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
