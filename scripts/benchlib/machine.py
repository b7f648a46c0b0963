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
from support import NAME, TREE, say

POOL = Path("/sys/kernel/mm/hugepages/hugepages-2048kB")
PAGE_MB = 2
ADDED = "huge-pages-added"  # in the scratch directory: a number
HUGE = "huge"  # there too: a hugetlbfs of its own
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


def reserve(megabytes, scratch_path):
    """So many MB in free huge pages, as far as the kernel gives them, until the scratch directory is removed, in which stands
    how many were added. Returns whether there are enough."""
    missing, before = -(-megabytes // PAGE_MB) - pages("free_hugepages"), pages("nr_hugepages")
    if missing > 0 and os.access(POOL / "nr_hugepages", os.W_OK):
        say(f"reserving {missing} more huge pages")
        try:
            set_pages(before + missing)
        finally:  # also when Ctrl-C ends a write that takes seconds
            (scratch_path / ADDED).write_text(str(pages("nr_hugepages") - before))
    return pages("free_hugepages") * PAGE_MB >= megabytes


def give_back(scratch_path):
    """Takes off the huge pages that were added, whatever else changed their number meanwhile."""
    try:
        added = int((scratch_path / ADDED).read_text())
    except (OSError, ValueError):  # none were
        return
    if added > 0:
        set_pages(pages("nr_hugepages") - added)


def remove_scratch(path):
    """Of this run, or of one that was killed."""
    if os.path.ismount(path / HUGE):
        subprocess.run(["umount", path / HUGE], check=False)
    give_back(path)
    shutil.rmtree(path, ignore_errors=True)


@contextmanager
def scratch():
    """A directory in memory for packets, sockets, what the programs write and, where there are huge pages, flow tables."""
    path = Path(tempfile.mkdtemp(prefix=f"{NAME}-", dir="/dev/shm"))
    tempfile.tempdir = str(path)  # of the classes that start the programs
    try:
        (path / HUGE).mkdir()
        subprocess.run(["mount", "-t", "hugetlbfs", "-o", "pagesize=2M", "none", path / HUGE], capture_output=True, check=False)
        yield path
    finally:
        tempfile.tempdir = None
        remove_scratch(path)


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
        return self.scratch / (HUGE if os.path.ismount(self.scratch / HUGE) and self.huge else ".") / "flows"
