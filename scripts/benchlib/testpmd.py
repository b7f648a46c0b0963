# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-testpmd as a reference and as a packet generator: started, asked over its telemetry socket, ended."""
import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

from support import NAME, BenchError, bound, cpu_ns, wait, worker_thread

PROGRAM = "dpdk-testpmd"


def available():
    return shutil.which(PROGRAM) is not None


class Testpmd:
    """One forwarding worker on the last of 'cpus', the main thread on the first; 'devices' are its ports."""
    count = 0

    def __init__(self, mode, devices, cpus, mbufs, log, huge=True):
        Testpmd.count += 1
        self.prefix = f"{NAME}-testpmd{Testpmd.count}"
        memory = ["--in-memory"] if huge else ["--no-huge", "-m", str(192 + mbufs * 2560 // 2**20)]
        vdevs = [arg for device in devices for arg in ("--vdev", device)]
        self.command = ["stdbuf", "-oL", PROGRAM, "--lcores", f"0@{cpus[0]},1@{cpus[-1]}", "--file-prefix", self.prefix,
                        "--no-pci", *memory, *vdevs, "--", f"--forward-mode={mode}", "--nb-cores=1",
                        f"--total-num-mbufs={mbufs}", "--no-mlockall", "--auto-start",
                        *(["--port-topology=loop"] if len(devices) == 1 else [])]
        self.ports = len(devices)
        self.log = Path(log)
        self.process = self.thread = self.telemetry = None

    def start(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(bound(self.command), stdin=subprocess.PIPE, stdout=log, stderr=log)
        wait("testpmd is ready", self.ready, 30)
        self.thread = worker_thread(self.process.pid)
        return self

    def ready(self):
        if self.process.poll() is not None:
            raise BenchError(f"{' '.join(self.command)}\n       ended with {self.process.returncode}:\n{self.tail()}")
        return b"Press enter to exit" in self.log.read_bytes() and self.connect()

    def tail(self):
        return "\n".join("       " + line for line in self.log.read_text(errors="replace").splitlines()[-8:])

    def connect(self):
        path = Path(os.environ.get("RUNTIME_DIRECTORY", "/var/run")) / "dpdk" / self.prefix / "dpdk_telemetry.v2"
        self.telemetry = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.telemetry.settimeout(10)
        try:
            self.telemetry.connect(str(path))
        except OSError:
            self.telemetry.close()
            return False
        self.telemetry.recv(4096)
        return True

    def stats(self, port):
        self.telemetry.send(f"/ethdev/stats,{port}".encode())
        return json.loads(self.telemetry.recv(65536))["/ethdev/stats"]

    @property
    def pid(self):
        return self.process.pid

    def packets(self):
        """How many were sent so far, and the worker's processor time until then."""
        return sum(self.stats(port)["opackets"] for port in range(self.ports)), cpu_ns(self.pid, self.thread)

    def close(self):
        if self.telemetry is not None:
            self.telemetry.close()
        if self.process is None:
            return
        try:
            self.process.communicate(b"\n", timeout=10)
        except (subprocess.TimeoutExpired, OSError):
            self.process.kill()
            self.process.wait()
        shutil.rmtree(Path("/var/run/dpdk") / self.prefix, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_):
        self.close()
