# SPDX-License-Identifier: BSD-3-Clause
"""The machine: what it is, the huge pages borrowed from it, and what has to be left out on it."""
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import testpmd
from support import TREE, say

POOL = Path("/sys/kernel/mm/hugepages/hugepages-2048kB")
PAGE_MB = 2
WANTED_MB = {False: 3584, True: 1024}  # by 'quick'


def cpus():
    return sorted(os.sched_getaffinity(0))


def available_mb():
    """Memory that can be had without swapping, in MB."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // 1024
    return 0


def cpu_model():
    names = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
             if line.startswith("model name")]
    return names[0] if names else os.uname().machine


def describe():
    commit = subprocess.run(["git", "-C", TREE, "describe", "--always", "--dirty"], text=True, capture_output=True, check=False)
    return {"cpu": cpu_model(), "cpus": len(cpus()), "memory_mb": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20,
            "kernel": os.uname().release, "commit": commit.stdout.strip() or "unknown"}


def pages(name):
    """A number of the pool's: nr_hugepages, free_hugepages."""
    try:
        return int((POOL / name).read_text())
    except OSError:
        return 0


def set_pages(number):
    try:
        (POOL / "nr_hugepages").write_text(str(number))
    except OSError as e:
        say(f"{POOL}/nr_hugepages can't be set to {number}: {e.strerror}")


@contextmanager
def huge_pages(megabytes):
    """So many MB in free huge pages, as far as the kernel gives them, for as long as this lasts. Yields whether there are
    enough. What was added is taken off again, whatever else changed the number meanwhile."""
    missing = -(-megabytes // PAGE_MB) - pages("free_hugepages")
    before, added = pages("nr_hugepages"), 0
    try:
        if missing > 0 and os.access(POOL / "nr_hugepages", os.W_OK):
            say(f"reserving {missing} more huge pages")
            try:
                set_pages(before + missing)
            finally:  # also when Ctrl-C ends a write that takes seconds
                added = pages("nr_hugepages") - before
        yield pages("free_hugepages") * PAGE_MB >= megabytes
    finally:
        if added > 0:
            set_pages(pages("nr_hugepages") - added)


@contextmanager
def scratch():
    """A directory in memory for packets, sockets and, where there are huge pages, flow tables."""
    path = Path(tempfile.mkdtemp(prefix=f"anabranch-bench.{os.getpid()}.", dir="/dev/shm"))
    huge = path / "huge"
    try:
        huge.mkdir()
        subprocess.run(["mount", "-t", "hugetlbfs", "-o", "pagesize=2M", "none", huge], capture_output=True, check=False)
        yield path
    finally:
        if os.path.ismount(huge):
            subprocess.run(["umount", huge], check=False)
        shutil.rmtree(path, ignore_errors=True)


@dataclass
class Setting:
    """What the parts need to know of the machine and of the run."""
    quick: bool
    cpus: list
    huge: bool
    scratch: Path
    left_out: list

    def leave_out(self, what):
        say(f"left out: {what}")
        self.left_out.append(what)

    def look(self):
        """Says once what the machine lacks."""
        if not self.huge:
            self.leave_out(f"packets and tables in huge pages: {WANTED_MB[self.quick]} MB in pages of 2 MiB are wanted and can't be "
                           "had; in ordinary pages everything costs more, the references too")
        if len(self.cpus) < 2:
            self.leave_out("memif and latency: with one processor, there is none for the generator beside the worker")
        if not testpmd.available():
            self.leave_out(f"pcap, memif and latency: {testpmd.PROGRAM} is not on PATH (Debian's package dpdk-dev)")
        if available_mb() < WANTED_MB[self.quick]:
            self.leave_out(f"enough memory: {available_mb()} MB of memory are available, {WANTED_MB[self.quick]} MB are wanted; parts may fail")
        busy = os.getloadavg()[0]
        if busy > len(self.cpus) / 2:
            self.leave_out(f"a quiet machine: {busy:.1f} threads ran on {len(self.cpus)} processors in the last minute; what else runs takes "
                           "caches, makes figures vary and latencies meaningless")

    @property
    def pair(self):
        """Whether a generator and what it is to measure can run side by side."""
        return len(self.cpus) >= 2 and testpmd.available()

    @property
    def flow_file(self):
        return self.scratch / ("huge" if os.path.ismount(self.scratch / "huge") and self.huge else ".") / "flows"
