# SPDX-License-Identifier: BSD-3-Clause
"""The packet path over packets in memory: a program of its own, whose JSON is taken as it is."""
import json
import subprocess

from report import TOUCH
from support import BUILD, BenchError, bound

PROGRAM = BUILD / "tests" / "perf" / "bench_pipeline"
SECONDS = 3600  # on the busiest machine it takes less: it hangs


def measure(setting, result):
    command = bound([PROGRAM, "--json", "--progress", *(["--quick"] if setting.quick else [])])
    try:
        # its progress is on standard error, and goes to the user's
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as e:
        raise BenchError(f"{PROGRAM.name} did not end within {SECONDS} s") from e
    if done.returncode:
        raise BenchError(f"{PROGRAM.name} ended with exit code {done.returncode}: its message stands above")
    merge(result, json.loads(done.stdout))


def merge(result, measured):
    """Adds what the program measured to the result of the run. The reference 'touch', which it measures in each cell,
    becomes one for each family and number of flows."""
    result["machine"] |= measured["machine"]
    result["references"] += [
        {"name": TOUCH, "family": c["family"], "flows": c["flows"], "ns_per_packet": c["touch_ns"], "min": c["touch_min"],
         "max": c["touch_max"], "runs": c["runs"]}
        for c in measured["cells"] if (c["name"], c.get("direction")) == ("hit", "forward") and "touch_ns" in c]
    for key in ("references", "cells", "goals", "left_out"):
        result[key] += measured.get(key, [])
