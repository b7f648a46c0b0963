# SPDX-License-Identifier: BSD-3-Clause
"""anabranch and anabranchd together, with real targets, in a network namespace and without a data plane."""
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

BUILD = Path(os.environ["ANABRANCH_BUILD"])
NAMESPACE = f"anabranch-cli-{os.getpid()}"
SERVER = """
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/up" else 404)
        self.end_headers()
    def log_message(self, *args): pass
http.server.HTTPServer.address_family = 10 if ":" in sys.argv[1] else 2
server = http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Answer)
print("ready", flush=True)
server.serve_forever()
"""

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root, for a network namespace")


@pytest.fixture(scope="module")
def host():
    """A network namespace whose own addresses are the targets'."""
    def ip(*args):
        subprocess.run(["ip", *args], check=True)

    ip("netns", "add", NAMESPACE)
    try:
        ip("-n", NAMESPACE, "link", "set", "lo", "up")
        for address in ("10.1.0.11/24", "10.1.0.12/24", "10.2.0.13/24"):
            ip("-n", NAMESPACE, "address", "add", address, "dev", "lo")
        ip("-n", NAMESPACE, "address", "add", "fd00:1::11/64", "dev", "lo", "nodad")
        yield lambda *args, **more: subprocess.Popen(["ip", "netns", "exec", NAMESPACE, *map(str, args)], **more)
    finally:
        ip("netns", "delete", NAMESPACE)


@pytest.fixture(scope="module")
def start_target(host):
    running = {}

    def start(address, port=80):
        process = host(sys.executable, "-c", SERVER, address, port, stdout=subprocess.PIPE)
        running[address, port] = process
        assert process.stdout.readline() == b"ready\n"
        return process

    yield start
    for process in running.values():
        process.kill()
        process.wait()


class Daemon:
    def __init__(self, host, directory):
        self.host, self.directory, self.socket = host, directory, directory / "control.sock"
        (directory / "anabranchd.json").write_text(json.dumps({
            "control_socket": str(self.socket), "dataplane_socket": str(directory / "dataplane.sock"),
            "database": str(directory / "anabranch.db"),
            "zones": [{"name": "zone-a", "subnets": [
                {"id": "subnet-a", "prefix": "10.90.0.0/24", "first": "10.90.0.10", "last": "10.90.0.250",
                 "ipv6_prefix": "fd00:90::/64"}, {"id": "targets-a", "prefix": "10.1.0.0/24"}]}]}))
        self.start()

    def start(self):
        log = open(self.directory / "log", "a")
        self.process = self.host(BUILD / "controlplane/anabranchd", "--config", self.directory / "anabranchd.json",
                                 stdout=log, stderr=log)
        wait(lambda: self("status").returncode == 0, "the daemon to answer")

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(10)

    def __call__(self, *args):
        return subprocess.run([BUILD / "controlplane/cli/anabranch", "--socket", self.socket, *map(str, args)],
                              capture_output=True, text=True, timeout=30)

    def json(self, *args):
        done = self(*args, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def health(self, group):
        found = self.json("describe-target-health", "--target-group", group)["TargetHealthDescriptions"]
        return {d["Target"]["Id"]: d["TargetHealth"] for d in found}

    def state(self, group, target):
        return self.health(group).get(target, {"State": None})["State"]


def wait(condition, what, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.02)


@pytest.fixture
def daemon(host, tmp_path):
    made = Daemon(host, tmp_path)
    yield made
    if made.process.poll() is None:
        made.stop()
    assert made.process.returncode == 0, (tmp_path / "log").read_text()


SERVE = ["serve", "tcp", "10.90.0.20:80", "10.1.0.11:80", "10.1.0.12:80"]
GROUP = "vip-10-90-0-20-tcp-80"


def test_a_served_target_is_healthy_in_seconds_and_unhealthy_when_it_dies(daemon, start_target):
    alive = start_target("10.1.0.11")
    assert daemon(*SERVE).returncode == 0
    daemon.json("modify-target-group-attributes", "--target-group", GROUP, "--attributes",
                "anabranch.health_check.interval_ms=100")
    wait(lambda: daemon.state(GROUP, "10.1.0.11") == "healthy", "the living target to be healthy", 3)
    wait(lambda: daemon.state(GROUP, "10.1.0.12") == "unhealthy", "the dead target to be unhealthy", 3)
    assert daemon.health(GROUP)["10.1.0.12"] == {
        "State": "unhealthy", "Reason": "Target.FailedHealthChecks", "Description": "Health checks failed"}
    assert "10.1.0.12:80" in daemon("status").stdout
    alive.kill()
    alive.wait()
    wait(lambda: daemon.state(GROUP, "10.1.0.11") == "unhealthy", "the killed target to be unhealthy", 3)
    assert f"! target group {GROUP}: no target is healthy" in daemon("status").stdout
    start_target("10.1.0.11")
    wait(lambda: daemon.state(GROUP, "10.1.0.11") == "healthy", "the target to be healthy again", 3)


def test_an_http_check_tells_the_code(daemon, start_target):
    start_target("10.1.0.12", 8080)
    assert daemon("serve", "tcp", "10.90.0.21:80", "10.1.0.12:8080", "--name", "web").returncode == 0
    daemon.json("modify-target-group", "--target-group", "web-tcp-80", "--health-check-protocol", "HTTP",
                "--health-check-path", "/nowhere")
    daemon.json("modify-target-group-attributes", "--target-group", "web-tcp-80", "--attributes",
                "anabranch.health_check.interval_ms=100")
    wait(lambda: daemon.state("web-tcp-80", "10.1.0.12") == "unhealthy", "the wrong code to be noticed")
    assert daemon.health("web-tcp-80")["10.1.0.12"] == {
        "State": "unhealthy", "Reason": "Target.ResponseCodeMismatch",
        "Description": "Health checks failed with these codes: [404]"}
    daemon.json("modify-target-group", "--target-group", "web-tcp-80", "--matcher", "404")
    wait(lambda: daemon.state("web-tcp-80", "10.1.0.12") == "healthy", "the new matcher to be used")


def test_ipv6_targets_are_checked(daemon, start_target):
    start_target("fd00:1::11")
    assert daemon("serve", "tcp", "[fd00:90::20]:80", "[fd00:1::11]:80", "--name", "six").returncode == 0
    daemon.json("modify-target-group", "--target-group", "six-tcp-80", "--health-check-protocol", "HTTP",
                "--health-check-path", "/up")
    wait(lambda: daemon.state("six-tcp-80", "fd00:1::11") == "healthy", "the IPv6 target to be healthy")


def test_a_target_outside_every_subnet_is_served_too(daemon, start_target):
    start_target("10.2.0.13")
    assert daemon("serve", "udp", "10.90.0.22:53", "10.2.0.13:80", "--name", "far").returncode == 0
    wait(lambda: daemon.state("far-udp-53", "10.2.0.13") == "healthy", "the target to be healthy")


def test_serve_twice_changes_nothing(daemon):
    assert daemon(*SERVE).returncode == 0
    before = daemon.json("status")["daemon"]["revision"]
    done = daemon(*SERVE)
    assert done.returncode == 0
    assert done.stdout.count("was there") == 3
    assert daemon.json("status")["daemon"]["revision"] == before


def test_a_refused_serve_leaves_nothing(daemon):
    done = daemon("serve", "tcp", "10.90.0.20:80", "127.0.0.1:80")
    assert (done.returncode, "InvalidTarget" in done.stderr) == (1, True)
    assert daemon.json("describe-load-balancers") == {"LoadBalancers": []}
    assert daemon.json("describe-target-groups") == {"TargetGroups": []}


def test_an_unused_group_is_not_checked(daemon):
    daemon.json("create-target-group", "--name", "idle", "--protocol", "TCP", "--port", 80)
    daemon.json("register-targets", "--target-group", "idle", "--targets", "10.1.0.11:80")
    time.sleep(0.3)
    assert daemon.state("idle", "10.1.0.11") == "unused"
    assert daemon.json("status")["health"]["probes"] == 0


def test_a_deregistered_target_drains_and_is_gone(daemon):
    daemon(*SERVE)
    daemon.json("modify-target-group-attributes", "--target-group", GROUP, "--attributes",
                "deregistration_delay.timeout_seconds=1", "deregistration_delay.connection_termination.enabled=true")
    daemon.json("deregister-targets", "--target-group", GROUP, "--targets", "10.1.0.12:80")
    assert daemon.health(GROUP)["10.1.0.12"]["State"] == "draining"
    wait(lambda: "10.1.0.12" not in daemon.health(GROUP), "the drained target to go")


def test_names_stand_for_arns_everywhere(daemon):
    daemon(*SERVE)
    for line in ("describe-listeners --load-balancer vip-10-90-0-20", f"describe-target-groups --names {GROUP}",
                 "describe-load-balancers --names vip-10-90-0-20", "describe-listener-attributes --listener "
                 "vip-10-90-0-20:80", "describe-load-balancer-attributes --load-balancer vip-10-90-0-20",
                 f"describe-target-group-attributes --target-group {GROUP}",
                 "modify-listener --listener vip-10-90-0-20:80/tcp --port 81", "delete-listener --listener "
                 "vip-10-90-0-20:81", f"delete-target-group --target-group {GROUP}",
                 "delete-load-balancer --load-balancer vip-10-90-0-20"):
        done = daemon(*line.split())
        assert done.returncode == 0, (line, done.stderr)
    assert daemon.json("status")["load_balancers"] == []


def test_a_killed_daemon_comes_back_with_its_configuration(daemon):
    daemon(*SERVE)
    before = daemon.json("describe-target-groups")
    daemon.stop(signal.SIGKILL)
    done = daemon("status")
    assert (done.returncode, "nobody listens at" in done.stderr) == (3, True)
    daemon.start()
    assert daemon.json("describe-target-groups") == before
    assert set(daemon.health(GROUP)) == {"10.1.0.11", "10.1.0.12"}
