# SPDX-License-Identifier: BSD-3-Clause
"""What the parts of the benchmark share: progress, processes, processor time of one thread, medians."""
import math
import os
import statistics
import sys
import time
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.setdefault("ANABRANCH_BUILD", str(TREE / "build")))
NAME = f"anabranch-bench-{os.getpid()}"  # of all that this run makes, with a suffix: leftovers.py knows it by that
sys.path.insert(0, str(TREE / "tests" / "support"))


class BenchError(Exception):
    """What went wrong and what to do, for the user."""


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def bound(command):
    """The command as one that is killed when this process ends, however that ends."""
    return ["setpriv", "--pdeathsig", "KILL", *map(str, command)]


def wait(what, holds, seconds):
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            raise BenchError(f"not within {seconds} s: {what}")
        time.sleep(0.01)


def worker_thread(pid):
    """The thread of the first packet worker of a DPDK process."""
    for task in sorted(Path(f"/proc/{pid}/task").iterdir(), key=lambda t: int(t.name)):
        if "worker" in (task / "comm").read_text():
            return int(task.name)
    raise BenchError(f"process {pid} has no worker thread")


def cpu_ns(pid, thread):
    """Processor time of one thread: what else runs on the machine does not count."""
    return int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0])


def waited_ns(pid, thread):
    """How long one thread could have run and got no processor."""
    return int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[1])


def summary(values):
    """Median, minimum and maximum of the runs of a cell, by the names that they have in the JSON."""
    values = list(values)
    return {"ns_per_packet": round(statistics.median(values), 3), "min": round(min(values), 3),
            "max": round(max(values), 3), "runs": len(values), "mpps": round(1e3 / statistics.median(values), 3)}


def percentile(values, percent):
    """The smallest value that so many percent of all do not exceed."""
    values = sorted(values)
    return values[max(0, math.ceil(len(values) * percent / 100) - 1)]
