# SPDX-License-Identifier: BSD-3-Clause
"""anabranchd by itself, in a directory of its own: started, asked, stopped, killed; without a dataplane."""
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent.parent
PROGRAM = Path(os.environ.get("ANABRANCH_BUILD", TREE / "build")) / "controlplane" / "anabranchd"

CONFIG = {
    "instance": "test",
    "cluster": "test",
    "zones": [
        {"name": "zone-a", "subnets": [
            {"id": "subnet-a", "prefix": "10.90.0.0/24", "ipv6_prefix": "fd90::/64", "interface": "lo", "first": "10.90.0.10",
             "last": "10.90.0.250", "ipv6_first": "fd90::10", "ipv6_last": "fd90::ffff"},
            {"id": "targets-a", "prefix": "10.0.0.0/12"}]},
        {"name": "zone-b", "subnets": [
            {"id": "subnet-b", "prefix": "10.90.1.0/24", "first": "10.90.1.10", "last": "10.90.1.250"}]},
    ],
}


class Client:
    """A connection to the control socket."""

    def __init__(self, path, timeout=20):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("rb")
        self.next_id = 0

    def send(self, data):
        self.socket.sendall(data)

    def send_request(self, method, params=None, **more):
        self.next_id += 1
        request = {"jsonrpc": "2.0", "id": self.next_id, "method": method} | more
        if params is not None:
            request["params"] = params
        self.send(json.dumps(request).encode() + b"\n")
        return self.next_id

    def receive(self):
        """The next reply; None at the end of the connection."""
        line = self.file.readline()
        return json.loads(line) if line else None

    def ask(self, method, **params):
        """The reply to one request."""
        sent = self.send_request(method, params)
        reply = self.receive()
        assert reply is not None and reply["id"] == sent, reply
        return reply

    def call(self, method, **params):
        """The result of one request."""
        reply = self.ask(method, **params)
        assert "error" not in reply, f"{method}: {reply['error']}"
        return reply["result"]

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Daemon:
    def __init__(self, wrapper=(), **config):
        self.dir = Path(tempfile.mkdtemp(prefix="anabranchd-test-"))
        self.dir.chmod(0o711)
        self.socket = self.dir / "control.sock"
        self.database = self.dir / "state" / "anabranch.db"
        self.database.parent.mkdir()
        self.wrapper = list(wrapper)
        self.config = CONFIG | {"control_socket": str(self.socket), "dataplane_socket": str(self.dir / "dataplane.sock"),
                                "database": str(self.database)} | config
        self.log = self.dir / "log"
        self.process = None

    def write_config(self):
        file = self.dir / "anabranchd.json"
        file.write_text(json.dumps(self.config))
        return file

    def command(self):
        return [*self.wrapper, str(PROGRAM), "--config", str(self.write_config())]

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + 20
        while not self.answers():
            assert self.process.poll() is None, f"anabranchd ended at its start:\n{self.log.read_text()}"
            assert time.monotonic() < until, f"anabranchd does not answer:\n{self.log.read_text()}"
            time.sleep(0.01)
        return self

    def answers(self):
        try:
            with self.client(timeout=5) as c:
                return c.ask("DescribeLoadBalancers") is not None
        except (OSError, AssertionError):
            return False

    def end(self, sig=signal.SIGTERM):
        """The exit status after a signal."""
        self.process.send_signal(sig)
        return self.process.wait(20)

    def restart(self, sig=signal.SIGTERM):
        self.end(sig)
        return self.start()

    def client(self, **options):
        return Client(self.socket, **options)

    def sql(self, query):
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=5) as db:
            return db.execute(query).fetchall()

    def stop(self):
        """A clean end, without a word from a sanitizer."""
        if self.process.poll() is None:
            assert self.end() == 0, self.log.read_text()
        log = self.log.read_text()
        assert "Sanitizer" not in log and "runtime error" not in log, log

    def remove(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(20)
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.stop()
        finally:
            self.remove()
